// Package ec2 is the wire of the EC2 Query protocol: form-encoded requests in,
// XML answers and errors out.
//
//	form, err := ec2.ParseForm(string(body))
//	op, ok := ec2.Operations[form.Get("Action")]
//	in := op.In()                       // *DescribeVpcsInput, say
//	err = ec2.Decode(form, in)          // an *Error names the parameter that is wrong
//	…
//	err = ec2.Encode(w, "DescribeVpcs", requestID, out)
//	err = ec2.EncodeError(w, requestID, ec2.Errorf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id))
//
// Types and field names are those of the AWS SDK for Go v2, except that
// enumerations are strings; types_gen.go is generated from its source.
package ec2

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

//go:generate go run -C gen .

// An Operation makes the input and the output of one operation, empty:
// pointers to its structs.
type Operation struct{ In, Out func() any }

// A shape is what the tags of a struct say.
type shape struct {
	params   map[string]int // field by name in a request
	required []string       // names of the params that must be given, in order
	elements []element      // of an answer, in order
}

// An element is how a field stands in an answer.
type element struct {
	field int
	name  string
	item  string // of the elements of a list; "" for anything else
	omit  bool   // the list when it is empty
}

// shapes holds every struct that Operations reach. It is built once, at the
// first request.
var shapes = sync.OnceValue(func() map[reflect.Type]*shape {
	all := map[reflect.Type]*shape{}
	for _, op := range Operations {
		addShape(all, reflect.TypeOf(op.In()).Elem())
		addShape(all, reflect.TypeOf(op.Out()).Elem())
	}
	return all
})

func addShape(all map[reflect.Type]*shape, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == timeType || all[t] != nil {
		return
	}
	s := &shape{params: map[string]int{}}
	all[t] = s
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("query"); name != "" {
			s.params[name] = i
			if f.Tag.Get("required") != "" {
				s.required = append(s.required, name)
			}
		}
		if name := f.Tag.Get("xml"); name != "-" {
			name, omit := strings.CutSuffix(name, ",omitempty")
			name, item, _ := strings.Cut(name, ">")
			s.elements = append(s.elements, element{i, name, item, omit})
		}
		addShape(all, f.Type)
	}
}

// structOf is the struct of an operation that v points to, and its shape.
// An error is a mistake of the caller, not of a client.
func structOf(v any) (reflect.Value, *shape, error) {
	p := reflect.ValueOf(v)
	if p.Kind() == reflect.Pointer {
		if s := shapes()[p.Type().Elem()]; s != nil {
			return p.Elem(), s, nil
		}
	}
	return reflect.Value{}, nil, fmt.Errorf("ec2: %T is neither input nor output of an operation", v)
}
