package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"crenel/ec2"
)

// call makes an operation's request with what fill puts into its input.
func call(c *sdk.Client, op string, fill func(reflect.Value)) (in, out reflect.Value, err error) {
	method := reflect.ValueOf(c).MethodByName(op)
	in = reflect.New(method.Type().In(1).Elem())
	fill(in.Elem())
	results := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
	err, _ = results[1].Interface().(error)
	return in, results[0], err
}

// An echo decodes each request and answers with an output that fill filled. It
// keeps the last of both; requests come one at a time.
type echo struct {
	fill    func(reflect.Value)
	in, out any
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := e.serve(w, r); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		ec2.EncodeError(w, "request-1", ec2.Errorf("NotUnderstood", "%v", err))
	}
}

func (e *echo) serve(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	form, err := ec2.ParseForm(string(body))
	if err != nil {
		return err
	}
	op, ok := ec2.Operations[form.Get("Action")]
	if !ok {
		return errors.New("no operation " + form.Get("Action"))
	}
	e.in, e.out = op.In(), op.Out()
	e.fill(reflect.ValueOf(e.out).Elem())
	if err := ec2.Decode(form, e.in); err != nil {
		return err
	}
	return ec2.Encode(w, form.Get("Action"), "request-1", e.out)
}

// roundTrip sends what fill makes of every operation's input, and reports what
// either side understood differently from what the other sent.
func roundTrip(t *testing.T, fillIn func(op string) func(reflect.Value), fillOut func(reflect.Value)) {
	e := &echo{fill: fillOut}
	c := client(t, e)
	requests, answers := 0, 0
	for op := range ec2.Operations {
		in, out, err := call(c, op, fillIn(op))
		if err != nil {
			t.Errorf("%s: %v", op, err)
			continue
		}
		if sent, got := plain(in), plain(reflect.ValueOf(e.in)); sent != got {
			t.Errorf("%s request: %s", op, difference(sent, got))
		} else {
			requests++
		}
		if sent, got := plain(reflect.ValueOf(e.out)), plain(out); sent != got {
			t.Errorf("%s answer: %s", op, difference(sent, got))
		} else {
			answers++
		}
	}
	t.Logf("%d requests and %d answers of %d operations", requests, answers, len(ec2.Operations))
}

func TestEveryMemberOfEveryOperationIsUnderstood(t *testing.T) {
	full := func(v reflect.Value) { new(filler).fill(v) }
	roundTrip(t, func(string) func(reflect.Value) { return full }, full)
}

func TestTheLeastOfEveryOperationIsUnderstood(t *testing.T) {
	roundTrip(t, func(op string) func(reflect.Value) {
		return func(v reflect.Value) {
			f := new(filler)
			for _, name := range requiredBy(op) {
				f.fill(v.FieldByName(name))
			}
		}
	}, func(reflect.Value) {})
}

// requiredBy names the fields of an operation's input that are required.
func requiredBy(op string) (names []string) {
	in := reflect.TypeOf(ec2.Operations[op].In()).Elem()
	for i := range in.NumField() {
		if in.Field(i).Tag.Get("required") != "" {
			names = append(names, in.Field(i).Name)
		}
	}
	return names
}

// The SDK refuses an input that lacks a required member before it sends it; only
// a ClientToken it makes itself.
func TestRequiredMembersAreTheSDKs(t *testing.T) {
	c := client(t, &echo{fill: func(reflect.Value) {}})
	for op := range ec2.Operations {
		_, _, err := call(c, op, func(reflect.Value) {})
		var invalid smithy.InvalidParamsError
		missing := 0
		if errors.As(err, &invalid) {
			missing = invalid.Len()
		} else if err != nil {
			t.Errorf("%s: %v", op, err)
		}
		want := slices.DeleteFunc(requiredBy(op), func(name string) bool { return name == "ClientToken" })
		if missing != len(want) {
			t.Errorf("%s: the SDK misses %d members, the types require %v: %v", op, missing, want, err)
		}
	}
}
