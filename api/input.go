package api

import (
	"iter"

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
