package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A filler sets fields to values of which no two are alike, so that none can
// stand for another.
type filler struct {
	n      int
	inside []reflect.Type // the structs being filled: a recursive one is filled once
	yes    bool           // every boolean is true
}

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Struct:
		f.fillStruct(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(fmt.Appendf(nil, "\x00\xff%d", f.n))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.String:
		v.SetString(fmt.Sprintf("<%d é&+ =>", f.n))
	case reflect.Bool:
		v.SetBool(f.yes || f.n%2 == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(-f.n))
	case reflect.Float64, reflect.Float32:
		v.SetFloat(float64(f.n) + 0.5)
	default:
		panic(fmt.Sprintf("a member of type %v", v.Type()))
	}
}

func (f *filler) fillStruct(v reflect.Value) {
	if t, ok := v.Addr().Interface().(*time.Time); ok {
		*t = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(f.n) * time.Second)
		return
	}
	if slices.Contains(f.inside, v.Type()) {
		return
	}
	f.inside = append(f.inside, v.Type())
	defer func() { f.inside = f.inside[:len(f.inside)-1] }()
	for i := range v.NumField() {
		if isMember(v.Type().Field(i)) {
			f.fill(v.Field(i))
		}
	}
}

func isMember(f reflect.StructField) bool { return f.IsExported() && f.Name != "ResultMetadata" }

// plain prints a value by its members' names, without what is empty: the SDK's
// types and ours print alike.
func plain(v reflect.Value) string {
	text, err := json.Marshal(tree(v))
	if err != nil {
		panic(err)
	}
	return string(text)
}

func tree(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return tree(v.Elem())
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return t.UTC()
		}
		members := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); isMember(f) {
				if member := tree(v.Field(i)); member != nil {
					members[f.Name] = member
				}
			}
		}
		return members
	case reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes()
		}
		var elements []any
		for i := range v.Len() {
			elements = append(elements, tree(v.Index(i)))
		}
		return elements
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
	}
	return v.Interface()
}

// difference shows where two texts begin to differ.
func difference(sent, got string) string {
	i := 0
	for i < len(sent) && i < len(got) && sent[i] == got[i] {
		i++
	}
	from := max(0, i-80)
	return strings.Join([]string{"", "sent …" + sent[from:min(len(sent), i+120)], " got …" + got[from:min(len(got), i+120)]}, "\n")
}
