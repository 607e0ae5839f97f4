package ec2

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// What a request may hold. The greatest that AWS itself takes, a thousand rules
// in one call, has some 6,000 parameters; who sends a filter of 10,000 values is
// told of the limit on filters.
const (
	maxParameters = 16_000
	maxDepth      = 16  // parts of a dotted name; operations use 7
	maxShown      = 256 // bytes of what a client sent that an error repeats
)

// ParseForm reads a request's parameters from its body, or from the query of its
// URL. It refuses too many of them before it looks at any. (url.ParseQuery would
// take 10,000 and call more of them a syntax error.)
func ParseForm(query string) (url.Values, error) {
	if strings.Count(query, "&") >= maxParameters {
		return nil, tooMany()
	}
	form := url.Values{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, badName := url.QueryUnescape(name)
		value, badValue := url.QueryUnescape(value)
		switch {
		case badName != nil || badValue != nil || strings.Contains(pair, ";"):
			return nil, Errorf("MalformedQueryString", "The query string contains a syntax error.")
		case pair != "":
			form[name] = append(form[name], value)
		}
	}
	return form, nil
}

func tooMany() error {
	return Errorf("MalformedQueryString", "The request has more than %d parameters.", maxParameters)
}

// Signed requests carry some of these, and every request the first two; they
// are no operation's.
var commonParams = map[string]bool{
	"Action":  true,
	"Version": true,

	"AWSAccessKeyId":       true,
	"Expires":              true,
	"SecurityToken":        true,
	"Signature":            true,
	"SignatureMethod":      true,
	"SignatureVersion":     true,
	"Timestamp":            true,
	"X-Amz-Algorithm":      true,
	"X-Amz-Content-Sha256": true,
	"X-Amz-Credential":     true,
	"X-Amz-Date":           true,
	"X-Amz-Expires":        true,
	"X-Amz-Security-Token": true,
	"X-Amz-Signature":      true,
	"X-Amz-SignedHeaders":  true,
}

// A parameter is one of a form: "Filter.1.Value.2" has a path of four parts.
type parameter struct {
	name   string
	path   []string
	values []string
}

// parameters are those of the form in the order of their paths, in which indexes
// are numbers. What follows part maxDepth of a path is left together there, where
// it names nothing.
func parameters(form url.Values) ([]parameter, error) {
	if len(form) > maxParameters {
		return nil, tooMany()
	}
	params := make([]parameter, 0, len(form))
	for name, values := range form {
		params = append(params, parameter{name, strings.SplitN(name, ".", maxDepth), values})
	}
	slices.SortFunc(params, func(a, b parameter) int {
		return slices.CompareFunc(a.path, b.path, comparePart)
	})
	return params, nil
}

func comparePart(a, b string) int {
	if isIndex(a) && isIndex(b) {
		return cmp.Or(len(a)-len(b), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}

// isIndex reports whether a part of a name is an index: a number in its one
// spelling, so that no two names mean the same element.
func isIndex(part string) bool {
	if part == "" || len(part) > 9 || part[0] == '0' && part != "0" {
		return false
	}
	return strings.Trim(part, "0123456789") == ""
}

// value is what the form gives for the parameter.
func (p parameter) value() (string, error) {
	if len(p.values) != 1 {
		return "", Errorf("MalformedQueryString", "The parameter %s is given %d times.", p.name, len(p.values))
	}
	if !utf8.ValidString(p.values[0]) {
		return "", Errorf("InvalidCharacter", "The parameter %s is not valid UTF-8.", p.name)
	}
	return p.values[0], nil
}

func (p parameter) notRecognized() error {
	return Errorf("UnknownParameter", "The parameter %s is not recognized", shorten(p.name))
}

func (p parameter) invalid(reason string) error {
	return Errorf("InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s", shorten(p.values[0]), p.name, reason)
}

// shorten makes what a client sent fit for a message.
func shorten(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
