package conformance

import (
	"reflect"
	"time"
)

// heard is what the answers held: by operation and path, as in "Vpcs.Tags.Key", how much of a value was there.
type (
	heard  map[string]byPath
	byPath map[string]held
)

// held is how much of a value an answer held.
type held int

const (
	nothing held = iota
	zero         // false, 0 or "" in so many words
	something
)

// of notes what is set in an operation's output.
func (h heard) of(op string, out reflect.Value) {
	if h[op] == nil {
		h[op] = byPath{}
	}
	h[op].note("", out, nothing)
}

func (paths byPath) note(path string, v reflect.Value, ofZero held) {
	is := something
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil(), v.Kind() == reflect.Slice && v.Len() == 0:
		return
	case v.Kind() == reflect.Pointer:
		paths.note(path, v.Elem(), zero)
		return
	case v.Kind() != reflect.Struct && v.IsZero():
		is = ofZero
	}
	paths[path] = max(paths[path], is)
	switch {
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		for i := range v.Len() {
			paths.note(path, v.Index(i), nothing)
		}
	case v.Kind() == reflect.Struct && v.Type() != moment:
		for i := range v.NumField() {
			if f := v.Type().Field(i); isMember(f) {
				paths.note(join(path, f.Name), v.Field(i), nothing)
			}
		}
	}
}

var moment = reflect.TypeFor[time.Time]()

// A lack is a field of an operation's answers that never was more than zero. Where a structure or a list never
// was there, what it would hold is not listed.
type lack struct {
	op, path string
	zero     bool // it was there all the same
}

func (h heard) lacks(op string, out reflect.Type) (all []lack) {
	var walk func(path string, t reflect.Type)
	walk = func(path string, t reflect.Type) {
		if is := h[op][path]; is != something {
			all = append(all, lack{op, path, is == zero})
			return
		}
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == moment {
			return
		}
		for i := range t.NumField() {
			if f := t.Field(i); isMember(f) {
				walk(join(path, f.Name), f.Type)
			}
		}
	}
	walk("", out)
	return all
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
