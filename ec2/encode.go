package ec2

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"io"
	"reflect"
	"strconv"
	"time"
)

const (
	namespace  = "http://ec2.amazonaws.com/doc/2016-11-15/"
	timeFormat = "2006-01-02T15:04:05.000Z"
)

var timeType = reflect.TypeFor[time.Time]()

// Encode writes out as the answer to action.
//
// Nil pointers and empty strings are left out. A list is written even when it
// is nil or empty, as <tagSet/> is: scripts index it without asking. The few
// lists that AWS leaves out say omitempty in their tag. An output without
// members, nil or not, is answered <return>true</return>. A character that XML
// cannot hold becomes U+FFFD.
func Encode(w io.Writer, action, requestID string, out any) error {
	v, s, err := structOf(out)
	if err != nil {
		return err
	}
	x := newEncoder()
	x.openRoot(action+"Response", namespace)
	x.text("requestId", requestID)
	switch {
	case len(s.elements) == 0:
		x.text("return", "true")
	case v.IsValid():
		x.members(v, s)
	}
	x.close(action + "Response")
	return x.writeTo(w)
}

// An encoder holds an XML document as it grows: writing to it cannot fail.
type encoder struct{ buf bytes.Buffer }

func newEncoder() *encoder {
	x := new(encoder)
	x.buf.WriteString(xml.Header)
	return x
}

func (x *encoder) writeTo(w io.Writer) error {
	_, err := x.buf.WriteTo(w)
	return err
}

func (x *encoder) members(v reflect.Value, s *shape) {
	for _, e := range s.elements {
		if e.item == "" {
			x.value(e.name, v.Field(e.field))
		} else {
			x.list(e, v.Field(e.field))
		}
	}
}

func (x *encoder) list(e element, v reflect.Value) {
	if v.Len() == 0 {
		if !e.omit {
			x.buf.WriteString("<" + e.name + "/>")
		}
		return
	}
	x.open(e.name)
	for i := range v.Len() {
		// An empty string is a value here: to leave it out would move the others.
		if item := v.Index(i); item.Kind() == reflect.String {
			x.text(e.item, item.String())
		} else {
			x.value(e.item, item)
		}
	}
	x.close(e.name)
}

func (x *encoder) value(name string, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
		if v.Kind() == reflect.String {
			x.text(name, v.String())
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == timeType {
			x.text(name, v.Interface().(time.Time).UTC().Format(timeFormat))
			return
		}
		x.open(name)
		x.members(v, shapes()[v.Type()])
		x.close(name)
	case reflect.String:
		if v.Len() != 0 {
			x.text(name, v.String())
		}
	case reflect.Slice: // of bytes
		if v.Len() != 0 {
			x.text(name, base64.StdEncoding.EncodeToString(v.Bytes()))
		}
	case reflect.Bool:
		x.text(name, strconv.FormatBool(v.Bool()))
	case reflect.Int32, reflect.Int64:
		x.text(name, strconv.FormatInt(v.Int(), 10))
	case reflect.Float32, reflect.Float64:
		x.text(name, strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits()))
	}
}

func (x *encoder) openRoot(name, namespace string) {
	x.buf.WriteString("<" + name + ` xmlns="` + namespace + `">`)
}

func (x *encoder) open(name string) {
	x.buf.WriteByte('<')
	x.buf.WriteString(name)
	x.buf.WriteByte('>')
}

func (x *encoder) close(name string) {
	x.buf.WriteString("</")
	x.buf.WriteString(name)
	x.buf.WriteByte('>')
}

func (x *encoder) text(name, s string) {
	x.open(name)
	if plain(s) {
		x.buf.WriteString(s)
	} else {
		xml.EscapeText(&x.buf, []byte(s)) // a Buffer does not fail
	}
	x.close(name)
}

// plain reports whether s may stand in XML as it is.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '<', c == '>', c == '&', c == '"', c == '\'':
			return false
		}
	}
	return true
}
