package auth

import (
	"strings"
	"time"

	"crenel/iam"
	"crenel/vpc"
)

// NewUserKey makes a key of the account for the user, "" being its root user.
func NewUserKey(account, user, policy string) (vpc.AccessKey, error) {
	key := NewKey()
	key.Account, key.User, key.Policy = account, user, policy
	return key, Check(key)
}

// Check refuses what no key may be, in the words of whoever asks for one.
func Check(k vpc.AccessKey) error {
	switch {
	case !vpc.IsAccount(k.Account):
		return vpc.Errorf("InvalidParameterValue", "%q is not an account id: those have 12 digits", k.Account)
	case k.User == "" && k.Policy == "":
		return nil
	case k.User == "":
		return vpc.Errorf("InvalidParameterValue", "a policy limits a user, and no user is named: the account's root user may do everything")
	case k.Policy == "":
		return vpc.Errorf("InvalidParameterValue", "the user %s has no policy: a key without one could do nothing", k.User)
	case len(k.User) > 64 || strings.Trim(k.User, userCharacters) != "":
		return vpc.Errorf("InvalidParameterValue", "%q is not a user name: those have up to 64 letters, digits and +=,.@_-", k.User)
	}
	if _, err := iam.Parse([]byte(k.Policy)); err != nil {
		return vpc.Errorf("MalformedPolicyDocument", "%s", err)
	}
	return nil
}

// Same tells whether both are one key that may do the same.
func Same(a, b vpc.AccessKey) bool {
	a.Created, b.Created = time.Time{}, time.Time{}
	return a == b
}

const userCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-"
