package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"crenel/vpc"
)

const maxToken = 64 // characters of a ClientToken

// readToken reads the request's ClientToken, with a digest of all the rest of the request. The SDKs
// send one with every request of these operations, so that its repetition makes nothing twice.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
func readToken(in any) (t vpc.Token, err error) {
	given, _ := field(in, "ClientToken").(*string)
	if t.Value = value(given); t.Value == "" {
		return t, nil
	}
	if len(t.Value) > maxToken || strings.Trim(t.Value, printable) != "" {
		return t, invalid("clientToken", t.Value, fmt.Sprintf("It must be up to %d ASCII characters.", maxToken))
	}
	t.Digest = hex.EncodeToString(digest(in, "ClientToken", "DryRun"))
	return t, nil
}

// madeBefore finds in a table with the index "token" what an earlier request with the token made; nil:
// nothing. A token of another request is refused.
func madeBefore[T any](s *vpc.State, table *vpc.Table[T], t vpc.Token, of func(*T) vpc.Token) (*T, error) {
	if t.Value == "" {
		return nil, nil
	}
	o := table.First("token", vpc.TokenKey(s.Scope, t))
	if o != nil && of(o).Digest != t.Digest {
		return nil, otherRequest()
	}
	return o, nil
}

func otherRequest() error {
	return vpc.Errorf("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
}

// digest is one of the input without the fields that are left out.
func digest(in any, without ...string) []byte {
	whole := reflect.New(reflect.TypeOf(in).Elem()).Elem()
	whole.Set(reflect.ValueOf(in).Elem())
	for _, name := range without {
		if f := whole.FieldByName(name); f.IsValid() {
			f.SetZero()
		}
	}
	text, err := json.Marshal(whole.Interface())
	if err != nil {
		panic(fmt.Sprintf("api: %T: %v", in, err)) // generated structs always marshal
	}
	sum := sha256.Sum256(append([]byte(whole.Type().Name()+"\x00"), text...))
	return sum[:]
}
