package vpc

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/objects.json anew")

// What is stored stays readable: the file holds one object of every kind with every field set, as the
// store keeps it. A change of it needs a thought for the data that exists, and perhaps a new Schema.
func TestStoredObjectsKeepTheirForm(t *testing.T) {
	const file = "testdata/objects.json"
	s := New()
	e := s.Edit(Scope{}, noon, nil)
	for _, t := range e.tables() {
		put := reflect.ValueOf(t).MethodByName("Put")
		o := reflect.New(put.Type().In(0).Elem())
		fill(o.Elem(), o.Elem().Type().Name())
		put.Call([]reflect.Value{o})
	}
	var got bytes.Buffer
	changes := e.Changes()
	for i, c := range changes {
		fmt.Fprintf(&got, "%s %s %s\n", c.Kind, c.Key, c.Value)
		changes[i].object = nil
	}
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("objects are now stored as\n%swhere %s says\n%s(go test ./vpc -update writes it anew, if old data can still be read)", got.String(), file, want)
	}
	after, err := s.With(1, changes)
	if err != nil {
		t.Fatal(err)
	}
	for n, kind := range e.tables() {
		if stored, read := only(kind), only(after.tables()[n]); !reflect.DeepEqual(stored, read) {
			t.Errorf("stored %+v, read %+v", stored, read)
		}
	}
}

// only is the one object of the table.
func only(t table) (o any) {
	all := reflect.ValueOf(t).MethodByName("All").Call(nil)[0]
	for v := range all.Seq() {
		o = v.Interface()
	}
	return o
}

// filled is an object with something in every field.
func filled[T any]() *T {
	o := new(T)
	fill(reflect.ValueOf(o).Elem(), reflect.TypeFor[T]().Name())
	return o
}

func fill(v reflect.Value, name string) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(noon))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("192.0.2.0/24")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(name + "<é>")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(16)
	case reflect.Uint32:
		v.SetUint(1<<32 - 1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), v.Type().Field(i).Name)
		}
	default:
		panic("no value for " + v.Type().String())
	}
}

func TestTheJSONOfAnObjectIsAlwaysTheSame(t *testing.T) {
	g := filled[SecurityGroup]()
	for i := range 50 {
		g.Tags[fmt.Sprint(i)] = "x"
	}
	first, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, _ := json.Marshal(g); !bytes.Equal(first, again) {
			t.Fatalf("%s, then %s", first, again)
		}
	}
}
