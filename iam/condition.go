package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A condition asks about one key of the request.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
type condition struct {
	operator
	quantifier string // forAll, forAny, or "" for keys with one value
	ifExists   bool
	key        string
	values     []string
}

// The quantifiers of keys with many values.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
const (
	forAll = "ForAllValues:"
	forAny = "ForAnyValue:"
)

// An operator compares a value of the request with one of the policy.
type operator struct {
	match   func(want, got string) bool // nil: it asks whether the key is absent
	negated bool
}

var operators = map[string]operator{
	"StringEquals":              {match: equal},
	"StringNotEquals":           {match: equal, negated: true},
	"StringEqualsIgnoreCase":    {match: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {match: strings.EqualFold, negated: true},
	"StringLike":                {match: glob},
	"StringNotLike":             {match: glob, negated: true},
	"ArnEquals":                 {match: matchARN},
	"ArnLike":                   {match: matchARN},
	"ArnNotEquals":              {match: matchARN, negated: true},
	"ArnNotLike":                {match: matchARN, negated: true},
	"Null":                      {},
}

func equal(want, got string) bool { return want == got }

// The keys that requests have; those that end in / are followed by the key of a tag.
var conditionKeys = []string{"aws:RequestTag/", "aws:ResourceTag/", "ec2:ResourceTag/", "aws:TagKeys", "aws:RequestedRegion", "ec2:Region",
	"ec2:Vpc", "ec2:CreateAction"}

// parseCondition reads one operator with one of its keys.
func parseCondition(name, key string, values []string) (c condition, err error) {
	bare := name
	for _, q := range []string{forAll, forAny} {
		if rest, ok := strings.CutPrefix(bare, q); ok {
			bare, c.quantifier = rest, q
		}
	}
	bare, c.ifExists = strings.CutSuffix(bare, "IfExists")
	var ok bool
	if c.operator, ok = operators[bare]; !ok || c.match == nil && bare != name {
		return c, fmt.Errorf("the condition operator %s is not evaluated here; these are: %s, with ForAllValues:, ForAnyValue: and IfExists",
			shown(name), strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
	}
	if !slices.ContainsFunc(conditionKeys, func(known string) bool { return isKey(known, key) }) {
		return c, fmt.Errorf("the condition key %s is not evaluated here; these are: %s", shown(key), strings.Join(conditionKeys, ", "))
	}
	if c.match == nil && (len(values) != 1 || values[0] != "true" && values[0] != "false") {
		return c, fmt.Errorf("Null of %s is neither true nor false", shown(key))
	}
	c.key, c.values = key, values
	return c, nil
}

func isKey(known, key string) bool {
	if !strings.HasSuffix(known, "/") {
		return strings.EqualFold(known, key)
	}
	return len(key) > len(known) && strings.EqualFold(known, key[:len(known)])
}

func (c condition) holds(keys Keys) bool {
	got := keys.get(c.key)
	switch {
	case c.match == nil:
		return (len(got) == 0) == (c.values[0] == "true")
	case len(got) == 0:
		return c.ifExists || c.quantifier == forAll || c.quantifier == "" && c.negated
	case c.quantifier == forAll:
		return !anyOf(got, func(v string) bool { return c.fits(v) == c.negated })
	case c.quantifier == forAny:
		return anyOf(got, func(v string) bool { return c.fits(v) != c.negated })
	}
	return anyOf(got, c.fits) != c.negated
}

// fits tells whether the value of the request is one of the policy's.
func (c condition) fits(got string) bool {
	return anyOf(c.values, func(want string) bool { return c.match(want, got) })
}
