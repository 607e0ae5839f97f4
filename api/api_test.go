package api

import (
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"crenel/ec2"
	"crenel/vpc"
)

// who and when every test asks.
var (
	testScope = vpc.Scope{Account: "111122223333", Region: "us-east-1"}
	testNow   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// A world is a State that tests call operations on.
type world struct {
	*testing.T
	state *vpc.State
	scope vpc.Scope
	hosts Hosts
	ids   io.Reader // what new objects' identifiers are drawn from: the same in every run
}

// newWorld is a cell in which nobody ever wrote anything, with the accounts that tests ask as.
func newWorld(t *testing.T) *world {
	e := vpc.New().Edit(vpc.Scope{}, testNow, nil)
	for _, account := range []string{testScope.Account, "444455556666", "999988887777", "999999999999"} {
		e.Accounts.Put(&vpc.Account{ID: account})
	}
	state, err := vpc.New().With(0, e.Changes())
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, state: state, scope: testScope, ids: mrand.NewChaCha8([32]byte{})}
}

// as is the same cell, asked by somebody else or elsewhere.
func (w *world) as(scope vpc.Scope) *world {
	other := *w
	other.scope = scope
	return &other
}

// try calls the operation with the parameters as a client sends them: "GroupId=sg-1&FromPort=22". A
// refused call must leave the State as it was.
func (w *world) try(action, form string) (any, error) {
	w.Helper()
	values, err := ec2.ParseForm(form)
	if err != nil {
		w.Fatalf("%s %s: %v", action, form, err)
	}
	o, ok := Lookup(action)
	if !ok {
		w.Fatalf("there is no operation %s", action)
	}
	in, err := o.Decode(values)
	if err != nil {
		return nil, err
	}
	if !o.Write {
		return o.Read(w.state.As(w.scope), in, w.hosts)
	}
	before := contents(w.T, w.state)
	e := w.state.Edit(w.scope, testNow, w.ids)
	out, err := o.Apply(e, in)
	if diff := cmp.Diff(before, contents(w.T, w.state)); diff != "" {
		w.Fatalf("%s %s changed a snapshot:\n%s", action, form, diff)
	}
	if err != nil {
		return nil, err
	}
	w.checkAsked(o, in, form, e)
	done := contents(w.T, e.State)
	if _, err := o.Apply(w.state.Edit(w.scope, testNow, w.ids), in); err != nil {
		w.Fatalf("%s %s succeeds once on the same State, and then: %v", action, form, err)
	}
	if diff := cmp.Diff(done, contents(w.T, e.State)); diff != "" {
		w.Fatalf("%s %s on the same State reaches into another Edit:\n%s", action, form, diff)
	}
	next, err := w.state.With(w.state.Revision+1, e.Changes())
	if err != nil {
		w.Fatalf("%s %s: %v", action, form, err)
	}
	w.state = next
	return out, nil
}

// contents are all objects of the State as they are stored.
func contents(t *testing.T, s *vpc.State) []string {
	t.Helper()
	var all []string
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		scan := v.Field(i).MethodByName("All")
		if !scan.IsValid() {
			continue
		}
		for o := range scan.Call(nil)[0].Seq() {
			stored, err := json.Marshal(o.Interface())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, v.Type().Field(i).Name+" "+string(stored))
		}
	}
	return all
}

// do is try where the call must succeed.
func do[Out any](w *world, action, form string) *Out {
	w.Helper()
	out, err := w.try(action, form)
	if err != nil {
		w.Fatalf("%s %s: %v", action, form, err)
	}
	return out.(*Out)
}

// refuse is try where the call must fail with exactly the error "Code: message".
func (w *world) refuse(action, form, want string) {
	w.Helper()
	out, err := w.try(action, form)
	if err == nil {
		w.Errorf("%s %s: got %+v, want the error %s", action, form, out, want)
		return
	}
	if _, ok := err.(*vpc.Error); !ok {
		w.Errorf("%s %s: the error is a %T", action, form, err)
	}
	if got := err.Error(); got != want {
		w.Errorf("%s %s:\n got %s\nwant %s", action, form, got, want)
	}
}

// text renders the parts of an output that a test compares, one line each.
func text(parts ...any) string {
	var lines []string
	for _, p := range parts {
		lines = append(lines, fmt.Sprint(p))
	}
	return strings.Join(lines, "\n")
}

func typeName(v any) string { return reflect.TypeOf(v).Elem().Name() }

// parseForm reads the parameters of a request.
func parseForm(form string) url.Values {
	values, err := url.ParseQuery(form)
	if err != nil {
		panic(err)
	}
	return values
}
