// Package admin is what whoever runs a server may ask of it: access keys, quotas, how it is, and all that it
// holds.
//
//	op, ok := admin.Lookup("CreateKey")
//	in, err := op.Decode(body)
//	out, err := op.Run(server, edit, in)
//
// The inputs and outputs are JSON, and the same types at both ends: the command line sends a CreateKeyInput
// to /crenel/v1/CreateKey and reads a CreateKeyOutput. Everything here is a pure function of State and input.
package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"

	"crenel/policy"
	"crenel/vpc"
)

// operations are all that there are, by name.
var operations = table(
	operation(true, createKey),
	operation(false, listKeys),
	operation(true, setKey),
	operation(true, deleteKey),
	operation(false, listQuotas),
	operation(true, setQuota),
	operation(false, status),
	operation(false, export),
)

// A Server is what a server knows of itself, beside its State.
type Server struct {
	Root       vpc.AccessKey // of its data directory
	Hostless   bool          // no host can be there
	Host       string        // the name of the host that was there last; "": none was
	Connected  bool          // a host is there
	Applied    int64         // the revision that the host enforces
	Trouble    string        // why it does not enforce a newer one; "" where it has none
	Unenforced int64         // writes that no host confirmed in time
	Counters   []policy.Counter
}

// An Operation is one thing that may be asked.
type Operation struct {
	Name  string
	Write bool
	input func() any
	run   func(Server, *vpc.Edit, any) (any, error)
}

// Lookup finds the operation.
func Lookup(name string) (Operation, bool) {
	o, ok := operations[name]
	return o, ok
}

// Decode reads the operation's input. What it does not know is refused.
func (o Operation) Decode(body []byte) (any, error) {
	in := o.input()
	if err := decode(body, in); err != nil {
		return nil, err
	}
	return in, nil
}

func decode(body []byte, in any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(in)
	if _, more := d.Token(); err == nil && (more != io.EOF || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))) {
		err = errors.New("it is not one JSON object")
	}
	if err != nil {
		return vpc.Errorf("SerializationException", "the request is not understood: %s", err)
	}
	return nil
}

// Run carries the operation out. One that is no Write leaves the Edit as it is.
func (o Operation) Run(v Server, e *vpc.Edit, in any) (any, error) { return o.run(v, e, in) }

// operation names the Operation after its input's type.
func operation[In, Out any](write bool, f func(Server, *vpc.Edit, *In) (*Out, error)) Operation {
	return Operation{Name: NameOf[In](), Write: write, input: func() any { return new(In) },
		run: func(v Server, e *vpc.Edit, in any) (any, error) { return f(v, e, in.(*In)) }}
}

// NameOf is the name of the operation that has the input.
func NameOf[In any]() string { return strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Input") }

func table(list ...Operation) map[string]Operation {
	byName := map[string]Operation{}
	for _, o := range list {
		byName[o.Name] = o
	}
	return byName
}

func invalid(format string, args ...any) error {
	return vpc.Errorf("InvalidParameterValue", format, args...)
}
