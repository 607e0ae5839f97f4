// Package iam is the part of AWS's policy language that Crenel evaluates.
//
//	p, err := iam.Parse(document)   // the error names what is not known here
//	d := p.Decide(iam.Request{Action: "ec2:DeleteVpc", Resource: "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0123…", Keys: keys})
//	if !d.Allowed { … }
//
// It has Version, Id, Statement with Sid, Effect, Action, NotAction, Resource, NotResource, and Condition with
// the operators and keys below. Whatever else a document says is refused by Parse, never passed over: a
// condition that nobody evaluates would protect nothing.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
package iam

import "strings"

// A Policy says who may do what. The zero Policy allows nothing.
type Policy struct{ statements []statement }

// A statement allows or denies where its action, its resource and all its conditions fit.
type statement struct {
	name       string // its Sid, or its place in the document
	deny       bool
	actions    clause // in lower case
	resources  clause
	conditions []condition
}

// A clause is a list of patterns, or of what is left out: NotAction, NotResource.
type clause struct {
	not      bool
	patterns []string
}

func (c clause) fits(value string, match func(pattern, value string) bool) bool {
	return anyOf(c.patterns, func(p string) bool { return match(p, value) }) != c.not
}

// A Request is one question: may this be done to this resource? A call of the API asks one for every
// resource that it touches.
type Request struct {
	Action   string // "ec2:CreateVpc"
	Resource string // an ARN; "*" for calls that have no resource, as Describe calls
	Keys     Keys
}

// Keys are what conditions may ask about the request: the values of each condition key.
type Keys map[string][]string

// Add adds values of the key.
func (k Keys) Add(name string, values ...string) { k[name] = append(k[name], values...) }

// get is the values of the key. Names of keys have no case, those of tags among them.
func (k Keys) get(name string) (values []string) {
	for n, v := range k {
		if strings.EqualFold(n, name) {
			values = append(values, v...)
		}
	}
	return values
}

// A Decision is the answer to a Request.
type Decision struct {
	Allowed   bool
	Denied    bool   // by a statement that says Deny; else, if not Allowed, because none allows it
	Statement string // the Sid of the statement that decided, or its place: "statement 2"; "" where none did
}

// Decide judges the request: a Deny that applies wins, then an Allow that applies, and what neither names is
// not allowed. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func (p Policy) Decide(r Request) (d Decision) {
	for _, s := range p.statements {
		switch {
		case !s.applies(r):
		case s.deny:
			return Decision{Denied: true, Statement: s.name}
		case !d.Allowed:
			d = Decision{Allowed: true, Statement: s.name}
		}
	}
	return d
}

func (s statement) applies(r Request) bool {
	return s.actions.fits(strings.ToLower(r.Action), glob) && s.resources.fits(r.Resource, matchARN) &&
		!anyOf(s.conditions, func(c condition) bool { return !c.holds(r.Keys) })
}

func anyOf[T any](list []T, is func(T) bool) bool {
	for _, v := range list {
		if is(v) {
			return true
		}
	}
	return false
}

// matchARN matches part by part: a wildcard reaches no further than the colon that ends its part. The last
// part, the resource, may hold colons itself.
func matchARN(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	parts, of := strings.SplitN(pattern, ":", arnParts), strings.SplitN(arn, ":", arnParts)
	if len(parts) != len(of) {
		return false
	}
	for i := range parts {
		if !glob(parts[i], of[i]) {
			return false
		}
	}
	return true
}

// arnParts are arn, partition, service, Region, account, resource.
const arnParts = 6

// glob matches with * for any run of characters and ? for any one. It takes time in proportion to the
// product of the lengths at worst.
func glob(pattern, s string) bool {
	p, text := []rune(pattern), []rune(s)
	star, retry := -1, 0 // the last * seen, and where the text after it began
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(p) && p[i] == '*':
			star, retry = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == text[j]):
			i, j = i+1, j+1
		case star >= 0:
			retry++
			i, j = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}
