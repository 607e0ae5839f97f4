package auth

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// Message is the details of the denial, which the one who was denied should not read: sealed for whoever
// has the secret. Account goes into the seal: the message of one account does not open for another one.
func (d *Denied) Message(secret string) string {
	detail := detail{ExplicitDeny: d.Decision.Denied, Context: circumstances{Action: d.Request.Action, Resource: d.Request.Resource,
		Principal: principal{ID: UserID(d.Key), Name: d.Key.User, ARN: d.Key.ARN()}}}
	detail.MatchedStatements.Items = []item{}
	detail.Failures.Items = []item{}
	if d.Decision.Statement != "" {
		effect := "ALLOW"
		if d.Decision.Denied {
			effect = "DENY"
		}
		detail.MatchedStatements.Items = append(detail.MatchedStatements.Items, item{"statementId": d.Decision.Statement, "effect": effect})
	}
	for _, key := range slices.Sorted(maps.Keys(d.Request.Keys)) {
		var values list
		for _, v := range d.Request.Keys[key] {
			values.Items = append(values.Items, item{"value": v})
		}
		detail.Context.Conditions.Items = append(detail.Context.Conditions.Items, item{"key": key, "values": values})
	}
	text, err := json.Marshal(detail)
	if err != nil {
		panic("auth: " + err.Error()) // texts and lists of them always marshal
	}
	var small bytes.Buffer
	w, _ := flate.NewWriter(&small, flate.BestCompression)
	_, _ = w.Write(text) // a Buffer takes everything
	_ = w.Close()
	return base64.RawURLEncoding.EncodeToString(sealer(secret).Seal(nil, nil, small.Bytes(), []byte(d.Key.Account)))
}

// OpenMessage is the detail that Message sealed with the secret, as JSON, for somebody of the account.
func OpenMessage(secret, account, message string) (string, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(message, "="))
	if err != nil {
		return "", err
	}
	small, err := sealer(secret).Open(nil, nil, sealed, []byte(account))
	if err != nil {
		return "", errors.New("the message was not made here, for this account")
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(small)))
	return string(text), err
}

// sealer seals with a nonce of its own at every message.
func sealer(secret string) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "crenel authorization message", 32)
	if err != nil {
		panic("auth: " + err.Error()) // 32 bytes are not too many
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("auth: " + err.Error()) // 32 bytes are a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("auth: " + err.Error()) // AES has the block size that GCM needs
	}
	return aead
}

// A detail is what AWS's decoded messages hold.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
type detail struct {
	Allowed           bool          `json:"allowed"`
	ExplicitDeny      bool          `json:"explicitDeny"`
	MatchedStatements list          `json:"matchedStatements"`
	Failures          list          `json:"failures"`
	Context           circumstances `json:"context"`
}

type circumstances struct {
	Principal  principal `json:"principal"`
	Action     string    `json:"action"`
	Resource   string    `json:"resource"`
	Conditions list      `json:"conditions"`
}

type principal struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	ARN  string `json:"arn"`
}

type list struct {
	Items []item `json:"items"`
}

type item map[string]any
