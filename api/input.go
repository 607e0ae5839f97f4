package api

import (
	"iter"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// value is what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// need refuses a request without the parameter.
func need(parameter string, p *string) (string, error) {
	if value(p) == "" {
		return "", missing(parameter)
	}
	return *p, nil
}

// missing says that a request lacks a parameter.
func missing(parameter string) error {
	return vpc.Errorf("MissingParameter", "The request must contain the parameter %s", parameter)
}

// invalid says what is wrong with a parameter's value.
func invalid(parameter, got, reason string) error {
	return vpc.Errorf("InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s", got, parameter, reason)
}

// unsupported refuses a parameter that AWS knows and nothing here would enforce yet.
func unsupported(parameter string) error {
	return vpc.Errorf("UnsupportedOperation", "The parameter %s is not supported.", parameter)
}

// arn is the Amazon Resource Name of an EC2 resource.
func arn(s vpc.Scope, kind, id string) string {
	return "arn:aws:ec2:" + s.Region + ":" + s.Account + ":" + kind + "/" + id
}

// notTogether refuses two parameters that exclude one another.
func notTogether(a, b string) error {
	return vpc.Errorf("InvalidParameterCombination", "The parameter %s cannot be used with the parameter %s", a, b)
}

// hasDependencies refuses to delete what something else needs.
func hasDependencies(noun, id string) error {
	return vpc.Errorf("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted.", noun, id)
}

// optional is nil for what is not there.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// count is the number of what seq yields.
func count[T any](seq iter.Seq[T]) (n int) {
	for range seq {
		n++
	}
	return n
}

// given says whether a request has a parameter.
type given struct {
	parameter string
	is        bool
}

// refuse says no to the first parameter that is given and that nothing here would heed.
func refuse(all ...given) error {
	for _, g := range all {
		if g.is {
			return unsupported(g.parameter)
		}
	}
	return nil
}

// oneOf lets a call change exactly one attribute, as AWS's do.
func oneOf(all ...given) error {
	var names []string
	for _, g := range all {
		if g.is {
			names = append(names, g.parameter)
		}
	}
	switch len(names) {
	case 0:
		return vpc.Errorf("InvalidParameterCombination", "No attributes specified.")
	case 1:
		return nil
	}
	return vpc.Errorf("InvalidParameterCombination", "Fields for multiple attribute types specified: %s", strings.Join(names, ", "))
}

// flag is the value of an attribute that is true or false.
func flag(name string, v *ec2.AttributeBooleanValue) (bool, error) {
	if v.Value == nil {
		return false, missing(name)
	}
	return *v.Value, nil
}

// atMostOne refuses the first two of parameters that exclude one another.
func atMostOne(all ...given) error {
	first := ""
	for _, g := range all {
		switch {
		case !g.is:
		case first != "":
			return notTogether(first, g.parameter)
		default:
			first = g.parameter
		}
	}
	return nil
}
