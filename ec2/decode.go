package ec2

import (
	"encoding/base64"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"time"
)

// Decode fills the input that in points to from the form's parameters.
//
// It refuses, naming it, the first parameter by name that the operation does not
// have, that does not parse, that is given twice or is not UTF-8; then the first
// required one that is missing. The indexes of a list order it and may have gaps.
// "Name=" is an empty string, but no list, structure, number, boolean or time:
// there it means what its absence means, since Terraform sends it so.
func Decode(form url.Values, in any) error {
	v, _, err := structOf(in)
	if err != nil {
		return err
	}
	params, err := parameters(form)
	if err != nil {
		return err
	}
	var last []string // the path of the parameter set before
	for _, p := range params {
		if commonParams[p.name] {
			continue
		}
		t, ok := typeAt(v.Type(), p.path)
		if !ok {
			return p.notRecognized()
		}
		value, err := p.value()
		if err != nil {
			return err
		}
		if value == "" && t.Kind() != reflect.String {
			continue
		}
		if reason := set(valueAt(v, p.path, shared(p.path, last)), value); reason != "" {
			return p.invalid(reason)
		}
		last = p.path
	}
	if name := Missing(in); name != "" {
		return Errorf("MissingParameter", "The request must contain the parameter %s", name)
	}
	return nil
}

// Missing names the first required parameter that in lacks, if any: of the
// operation itself, not of structures in it.
func Missing(in any) string {
	v, s, err := structOf(in)
	if err != nil {
		return ""
	}
	for _, name := range s.required {
		f := v.Field(s.params[name])
		if f.Kind() == reflect.Pointer && !f.IsNil() {
			if f = f.Elem(); f.Kind() != reflect.String {
				continue
			}
		}
		if f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
			return name
		}
	}
	return ""
}

// typeAt is the type that a path leads to from t, or false where it leads nowhere.
func typeAt(t reflect.Type, path []string) (reflect.Type, bool) {
	for _, part := range path {
		t = direct(t)
		if isList(t) {
			if !isIndex(part) {
				return nil, false
			}
			t = t.Elem()
			continue
		}
		s := shapes()[t]
		if s == nil {
			return nil, false
		}
		field, ok := s.params[part]
		if !ok {
			return nil, false
		}
		t = t.Field(field).Type
	}
	return direct(t), true
}

// valueAt makes what is on the path, which leads somewhere, and returns its end.
// Parameters come in the order of their paths, so an element of a list is the last
// one when the path to it is shared with the parameter before, and else a new one.
func valueAt(v reflect.Value, path []string, shared int) reflect.Value {
	for i, part := range path {
		v = made(v)
		if v.Kind() == reflect.Struct {
			v = v.Field(shapes()[v.Type()].params[part])
			continue
		}
		if i >= shared {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		}
		v = v.Index(v.Len() - 1)
	}
	return made(v)
}

func direct(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func made(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
}

// shared counts the parts with which both paths begin.
func shared(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// set parses s into v; the reason why it cannot is for the client.
func set(v reflect.Value, s string) (reason string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
		return ""
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return "Expected true or false."
		}
		v.SetBool(b)
		return ""
	case reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return "Expected an integer of " + strconv.Itoa(v.Type().Bits()) + " bits."
		}
		v.SetInt(i)
		return ""
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return "Expected a number."
		}
		v.SetFloat(f)
		return ""
	}
	if v.Type() == timeType {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return "Expected a time such as 2006-01-02T15:04:05Z."
		}
		v.Set(reflect.ValueOf(t))
		return ""
	}
	if v.Kind() == reflect.Slice && !isList(v.Type()) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return "Expected base64."
		}
		v.SetBytes(b)
		return ""
	}
	return "It has members or elements: give those."
}
