package auth

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"crenel/iam"
	"crenel/vpc"
)

const readOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"},{"Sid":"NoVPC","Effect":"Deny","Action":"ec2:*","Resource":"arn:aws:ec2:*:*:vpc/*"}]}`

var (
	rootKey  = vpc.AccessKey{ID: "AKIA1", Secret: "s", Account: "123456789012"}
	userKey  = vpc.AccessKey{ID: "AKIA2", Secret: "s", Account: "123456789012", User: "ann", Policy: readOnly}
	describe = iam.Request{Action: "ec2:DescribeVpcs", Resource: "*"}
	remove   = iam.Request{Action: "ec2:DeleteVpc", Resource: "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1", Keys: iam.Keys{"ec2:Region": {"us-east-1"}}}
	create   = iam.Request{Action: "ec2:CreateSubnet", Resource: "arn:aws:ec2:us-east-1:123456789012:subnet/*"}
)

func TestMay(t *testing.T) {
	broken, bare, odd := userKey, userKey, rootKey
	broken.Policy, bare.Policy, odd.Policy = "{", "", readOnly
	for _, tt := range []struct {
		name     string
		key      vpc.AccessKey
		requests []iam.Request
		want     string
	}{
		{"a root key", rootKey, []iam.Request{remove}, ""},
		{"what is allowed", userKey, []iam.Request{describe}, ""},
		{"what is denied", userKey, []iam.Request{describe, remove}, "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ec2:DeleteVpc on resource: arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1 with an explicit deny in an identity-based policy"},
		{"what is not allowed", userKey, []iam.Request{create}, "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ec2:CreateSubnet on resource: arn:aws:ec2:us-east-1:123456789012:subnet/* because no identity-based policy allows the ec2:CreateSubnet action"},
		{"a user with a broken policy", broken, []iam.Request{describe}, "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action"},
		{"a user without a policy", bare, []iam.Request{describe}, "because no identity-based policy allows"},
		{"a root key with a policy", odd, []iam.Request{create}, "User: arn:aws:iam::123456789012:root is not authorized"},
	} {
		err := May(tt.key, tt.requests...)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var denied *Denied
		if !errors.As(err, &denied) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestAMessageOpensForItsAccountOnly(t *testing.T) {
	err := May(userKey, remove)
	var denied *Denied
	if !errors.As(err, &denied) {
		t.Fatal(err)
	}
	message := denied.Message("secret")
	if strings.Contains(message, "ann") || !regexp.MustCompile(`^[A-Za-z0-9_-]{80,1000}$`).MatchString(message) || denied.Message("secret") == message {
		t.Errorf("the message is %s", message)
	}
	opened, err := OpenMessage("secret", "123456789012", message)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"allowed":false,"explicitDeny":true,"matchedStatements":{"items":[{"effect":"DENY","statementId":"NoVPC"}]},"failures":{"items":[]},` +
		`"context":{"principal":{"id":"` + UserID(userKey) + `","name":"ann","arn":"arn:aws:iam::123456789012:user/ann"},"action":"ec2:DeleteVpc",` +
		`"resource":"arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1","conditions":{"items":[{"key":"ec2:Region","values":{"items":[{"value":"us-east-1"}]}}]}}}`
	if opened != want || !json.Valid([]byte(opened)) {
		t.Errorf("opened is %s", opened)
	}
	for name, open := range map[string]func() (string, error){
		"another account":  func() (string, error) { return OpenMessage("secret", "210987654321", message) },
		"another secret":   func() (string, error) { return OpenMessage("other", "123456789012", message) },
		"a changed one":    func() (string, error) { return OpenMessage("secret", "123456789012", "AAAA"+message[4:]) },
		"a short one":      func() (string, error) { return OpenMessage("secret", "123456789012", "AAAA") },
		"no message":       func() (string, error) { return OpenMessage("secret", "123456789012", "x y") },
		"an empty message": func() (string, error) { return OpenMessage("secret", "123456789012", "") },
	} {
		if text, err := open(); err == nil || text != "" {
			t.Errorf("%s opens: %s", name, text)
		}
	}
}

func TestUserIDs(t *testing.T) {
	other := userKey
	other.ID, other.Secret = "AKIA3", "t"
	if id := UserID(userKey); !regexp.MustCompile(`^AIDA[A-Z2-7]{17}$`).MatchString(id) || UserID(other) != id || UserID(rootKey) != "123456789012" {
		t.Errorf("ids %s, %s and %s", id, UserID(other), UserID(rootKey))
	}
	other.User = "bob"
	if UserID(other) == UserID(userKey) {
		t.Error("two users have one id")
	}
}

// Nobody signs with a key that is disabled, or of which the secret is not known.
func TestKeysThatMayNotSign(t *testing.T) {
	s := vpc.New()
	for _, key := range []vpc.AccessKey{{ID: "A", Secret: "s", Disabled: true}, {ID: "B"}} {
		e := s.Edit(vpc.Scope{}, time.Time{}, nil)
		e.AccessKeys.Put(&key)
		if _, ok := Key(e.State, key.ID); ok {
			t.Errorf("%+v may sign", key)
		}
	}
}
