// Package sigv4 checks AWS Signature Version 4 on incoming requests.
//
//	cred, err := sigv4.Verify(r, body, time.Now(), keys.Secret)
//	if errors.Is(err, sigv4.ErrExpired) { … }
//
// It signs the request again, with the secret and the headers that the client
// claims, and compares. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"
)

// Why a request is refused. Verify's errors wrap one of these, or are what its
// secret returned.
var (
	ErrMissing    = errors.New("the request is not signed")
	ErrMalformed  = errors.New("the signature is malformed")
	ErrExpired    = errors.New("the signature is expired or not yet current")
	ErrUnknownKey = errors.New("the access key does not exist") // for secret to return
	ErrMismatch   = errors.New("the signature does not match")
)

const (
	maxSkew    = 15 * time.Minute
	dateFormat = "20060102"
	timeFormat = "20060102T150405Z"
)

// noSecret stands in for the secret of a key that does not exist, so that such a
// request takes the time of any other. What is signed with it is refused.
const noSecret = "0000000000000000000000000000000000000000"

// A Credential is who signed a request, and what for.
type Credential struct{ KeyID, Region, Service string }

// Verify reports the credential that signed r, whose body is body. It asks secret
// for the secret of a claimed key; an error of secret is returned as it is. The
// Credential is what the request claims, as far as it was read, whatever the error.
//
// Temporary credentials are keys that do not exist: ErrUnknownKey. A signature in
// the URL (a presigned one) is malformed.
func Verify(r *http.Request, body []byte, now time.Time, secret func(keyID string) (string, error)) (Credential, error) {
	hash := sha256.Sum256(body)
	credential, err := verify(r, hash[:], now, secret)
	if claimed := r.Header.Get(hashHeader); err == nil && claimed != "" && !equal(claimed, hex.EncodeToString(hash[:])) {
		err = ErrMismatch
	}
	return credential, err
}

// hashHeader is where a request may say the hash of its body.
const hashHeader = "X-Amz-Content-Sha256"

// VerifyHead is Verify for a request whose body has not been read yet: it must say the body's hash, and sign that.
// Whether the body has this hash is for Verify to find out.
func VerifyHead(r *http.Request, now time.Time, secret func(keyID string) (string, error)) (Credential, error) {
	auth, err := authorizationOf(r)
	if err != nil {
		return Credential{}, err
	}
	hash, err := hex.DecodeString(r.Header.Get(hashHeader))
	if err != nil || len(hash) != sha256.Size || !auth.headers.IsSigned(strings.ToLower(hashHeader)) {
		return auth.Credential, malformed("it does not sign the hash of its body in " + hashHeader)
	}
	return verify(r, hash, now, secret)
}

// verify is Verify of a request whose body has the hash.
func verify(r *http.Request, hash []byte, now time.Time, secret func(keyID string) (string, error)) (Credential, error) {
	auth, err := authorizationOf(r)
	if err != nil {
		return Credential{}, err
	}
	at, err := signedAt(r.Header)
	if err != nil {
		return auth.Credential, err
	}
	if auth.date != at.Format(dateFormat) {
		return auth.Credential, malformed("its scope is of another day")
	}
	if skew := now.Sub(at); skew > maxSkew || skew < -maxSkew {
		return auth.Credential, ErrExpired
	}
	key, keyErr := secret(auth.KeyID)
	if keyErr == nil && r.Header.Get("X-Amz-Security-Token") != "" {
		keyErr = ErrUnknownKey
	}
	if keyErr != nil {
		key = noSecret
	}
	signature, err := sign(r, auth, at, hash, key)
	if err != nil {
		return auth.Credential, err
	}
	switch {
	case keyErr != nil:
		return auth.Credential, keyErr
	case !equal(signature, auth.signature):
		return auth.Credential, ErrMismatch
	}
	return auth.Credential, nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

// authorizationOf finds and reads the signature of a request.
func authorizationOf(r *http.Request) (authorization, error) {
	switch headers := r.Header["Authorization"]; len(headers) {
	case 0:
		if isPresigned(r.URL) {
			return authorization{}, malformed("signatures in the URL are not supported, only in the Authorization header")
		}
		return authorization{}, ErrMissing
	case 1:
		return parseAuthorization(headers[0])
	default:
		return authorization{}, malformed("there is more than one Authorization header")
	}
}

func isPresigned(u *url.URL) bool {
	query := u.Query()
	return query.Has("X-Amz-Signature") || query.Has("X-Amz-Algorithm") || query.Has("Signature")
}

// signedAt is the time that a request says it was signed at.
func signedAt(h http.Header) (time.Time, error) {
	if s := h.Get("X-Amz-Date"); s != "" {
		if at, err := time.Parse(timeFormat, s); err == nil {
			return at, nil
		}
		return time.Time{}, malformed("X-Amz-Date is not of the form " + timeFormat)
	}
	s := h.Get("Date")
	if at, err := http.ParseTime(s); err == nil {
		return at.UTC(), nil
	}
	if at, err := time.Parse(timeFormat, s); err == nil {
		return at, nil
	}
	return time.Time{}, malformed("it needs a valid X-Amz-Date or Date header")
}

// sign is the signature that a holder of the key gives to what auth says was signed.
func sign(r *http.Request, auth authorization, at time.Time, hash []byte, key string) (string, error) {
	again := &http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: http.Header{}}
	for _, name := range auth.headers {
		name = textproto.CanonicalMIMEHeaderKey(name)
		for _, value := range r.Header[name] {
			again.Header[name] = append(again.Header[name], singleSpaces(value))
		}
	}
	err := sigv4.New().SignRequest(&sigv4.SignRequestInput{
		Request:     again,
		PayloadHash: hash,
		Credentials: credentials.Credentials{AccessKeyID: auth.KeyID, SecretAccessKey: key},
		Service:     auth.Service,
		Region:      auth.Region,
		Time:        at,
	}, func(o *v4.SignerOptions) { o.HeaderRules = auth.headers })
	if err != nil {
		return "", malformed(err.Error())
	}
	_, signature, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
	return signature, nil
}

// singleSpaces makes one space of every run of them, as the canonical form of a
// header wants it; the signer trims the ends.
func singleSpaces(s string) string {
	if !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] != ' ' || i == 0 || s[i-1] != ' ' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
