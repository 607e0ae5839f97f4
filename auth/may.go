package auth

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"

	"crenel/iam"
	"crenel/vpc"
)

// A Denied is a request that the policy of a key does not allow.
type Denied struct {
	Key      vpc.AccessKey
	Request  iam.Request
	Decision iam.Decision
}

// Error is AWS's sentence. A call that has no resource names none.
func (d *Denied) Error() string {
	on := ""
	if d.Request.Resource != "*" {
		on = " on resource: " + d.Request.Resource
	}
	why := "because no identity-based policy allows the " + d.Request.Action + " action"
	if d.Decision.Denied {
		why = "with an explicit deny in an identity-based policy"
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", d.Key.ARN(), d.Request.Action, on, why)
}

// May tells whether the key allows all of the requests: a *Denied says which one it does not.
func May(key vpc.AccessKey, requests ...iam.Request) error {
	if Limitless(key) {
		return nil
	}
	// A policy that was stored and cannot be read any more allows nothing.
	policy, err := iam.Parse([]byte(key.Policy))
	if err != nil {
		policy = iam.Policy{}
	}
	for _, r := range requests {
		if d := policy.Decide(r); !d.Allowed {
			return &Denied{key, r, d}
		}
	}
	return nil
}

// Limitless tells whether the key is a root user's, who may do everything.
func Limitless(key vpc.AccessKey) bool { return key.User == "" && key.Policy == "" }

// UserID is the user's unique id: the account's, for its root user.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func UserID(key vpc.AccessKey) string {
	if key.User == "" {
		return key.Account
	}
	sum := sha256.Sum256([]byte(key.ARN()))
	return "AIDA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
