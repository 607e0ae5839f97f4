package sigv4

import (
	"slices"
	"strings"
)

// What an Authorization header may hold; real ones have some 300 bytes and a
// dozen names.
const (
	maxAuthorization = 4096
	maxHeaders       = 64
	maxScopePart     = 128
)

// An authorization is an Authorization header, taken apart.
type authorization struct {
	Credential
	date      string // of the scope
	headers   headerNames
	signature string
}

// headerNames are the names of the headers that a signature covers, in lower case.
type headerNames []string

// IsSigned implements v4.SignedHeaderRules.
func (h headerNames) IsSigned(name string) bool { return slices.Contains(h, name) }

const algorithm = "AWS4-HMAC-SHA256"

// parseAuthorization takes a header apart of the form
//
//	AWS4-HMAC-SHA256 Credential=KEY/20260102/us-east-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=…
func parseAuthorization(header string) (authorization, error) {
	var none, a authorization
	if len(header) > maxAuthorization {
		return none, malformed("the Authorization header is too long")
	}
	fields, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return none, malformed("the Authorization header does not begin with " + algorithm)
	}
	var credential, headers string
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.Trim(field, " "), "=")
		var into *string
		switch name {
		case "Credential":
			into = &credential
		case "SignedHeaders":
			into = &headers
		case "Signature":
			into = &a.signature
		}
		if into == nil || *into != "" {
			return none, malformed("the Authorization header needs Credential, SignedHeaders and Signature, each once")
		}
		*into = value
	}
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || !all(scope, isScopePart) {
		return none, malformed("Credential is not of the form KEY/DATE/REGION/SERVICE/aws4_request")
	}
	a.Credential = Credential{KeyID: scope[0], Region: scope[2], Service: scope[3]}
	a.date = scope[1]
	a.headers = strings.Split(headers, ";")
	if len(a.headers) > maxHeaders || !all(a.headers, isHeaderName) || !a.headers.IsSigned("host") {
		return none, malformed("SignedHeaders is not a list of headers in lower case with host among them")
	}
	if len(a.signature) != 64 || strings.Trim(a.signature, "0123456789abcdef") != "" {
		return none, malformed("Signature is not of 64 hexadecimal digits")
	}
	return a, nil
}

func all(parts []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(parts, func(s string) bool { return !ok(s) })
}

func isScopePart(s string) bool {
	return 0 < len(s) && len(s) <= maxScopePart && consistsOf(s, func(c byte) bool {
		return isLowerOrDigit(c) || 'A' <= c && c <= 'Z' || c == '-' || c == '_'
	})
}

func isHeaderName(s string) bool {
	return s != "" && consistsOf(s, func(c byte) bool { return isLowerOrDigit(c) || c == '-' || c == '_' })
}

func isLowerOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func consistsOf(s string, of func(byte) bool) bool {
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}
