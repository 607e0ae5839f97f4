package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDocument is how many characters a document may have, white space aside, as AWS's managed policies.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxDocument = 6144

// Parse reads a policy document. It refuses whatever Decide would not heed, and says what that is.
func Parse(document []byte) (Policy, error) {
	if !utf8.Valid(document) {
		return Policy{}, errors.New("the policy is not valid UTF-8")
	}
	if n := length(document); n > maxDocument {
		return Policy{}, fmt.Errorf("the policy has %d characters, white space not counted; %d are the most", n, maxDocument)
	}
	var whole json.RawMessage
	if err := json.Unmarshal(document, &whole); err != nil {
		return Policy{}, fmt.Errorf("the policy is no JSON: %w", err)
	}
	parts, err := object("the policy", whole, "Version", "Id", "Statement")
	if err != nil {
		return Policy{}, err
	}
	if version, err := word("Version", parts["Version"]); err != nil || !slices.Contains([]string{"", "2012-10-17", "2008-10-17"}, version) {
		return Policy{}, errors.New("the policy's Version is not 2012-10-17")
	}
	if _, err := word("Id", parts["Id"]); err != nil {
		return Policy{}, err
	}
	return parseStatements(parts["Statement"])
}

func parseStatements(raw json.RawMessage) (p Policy, err error) {
	list := []json.RawMessage{raw}
	if bytes.HasPrefix(raw, []byte("[")) {
		if err := json.Unmarshal(raw, &list); err != nil {
			return p, err
		}
	}
	if raw == nil || len(list) == 0 {
		return p, errors.New("the policy has no Statement")
	}
	for i, raw := range list {
		where := fmt.Sprintf("statement %d", i+1)
		s, err := parseStatement(where, raw)
		if err != nil {
			return p, fmt.Errorf("%s: %w", where, err)
		}
		if slices.ContainsFunc(p.statements, func(o statement) bool { return o.name == s.name }) {
			return p, fmt.Errorf("%s: the Sid %s is another statement's", where, s.name)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

func parseStatement(where string, raw json.RawMessage) (s statement, err error) {
	parts, err := object("the statement", raw, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
	if err != nil {
		return s, err
	}
	if s.name, err = word("Sid", parts["Sid"]); err != nil {
		return s, err
	} else if strings.ContainsFunc(s.name, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return s, fmt.Errorf("the Sid %s has other characters than letters and digits", shown(s.name))
	} else if s.name == "" {
		s.name = where
	}
	effect, err := word("Effect", parts["Effect"])
	if s.deny = effect == "Deny"; err != nil || !s.deny && effect != "Allow" {
		return s, errors.New("Effect is neither Allow nor Deny")
	}
	if s.actions, err = parseClause(parts, "Action", checkAction); err != nil {
		return s, err
	}
	for i, a := range s.actions.patterns {
		s.actions.patterns[i] = strings.ToLower(a)
	}
	if s.resources, err = parseClause(parts, "Resource", checkResource); err != nil {
		return s, err
	}
	s.conditions, err = parseConditions(parts["Condition"])
	return s, err
}

// parseClause reads the element or its opposite: one of them must be there.
func parseClause(parts map[string]json.RawMessage, name string, check func(string) error) (c clause, err error) {
	raw, given := parts[name]
	opposite, not := parts["Not"+name]
	if given == not {
		return c, fmt.Errorf("one of %s and Not%s is needed, and not both", name, name)
	}
	if c.not = not; not {
		name, raw = "Not"+name, opposite
	}
	if c.patterns, err = words(name, raw); err != nil {
		return c, err
	}
	for _, p := range c.patterns {
		if err := check(p); err != nil {
			return c, fmt.Errorf("%s %s: %w", name, shown(p), err)
		}
	}
	return c, nil
}

func checkAction(pattern string) error {
	service, name, ok := strings.Cut(pattern, ":")
	if pattern != "*" && (!ok || service == "" || name == "" || strings.ContainsAny(service, "*?")) {
		return errors.New(`it is neither "*" nor of the form SERVICE:NAME, as ec2:Describe*`)
	}
	return checkVariables(pattern)
}

func checkResource(pattern string) error {
	if pattern != "*" && (!strings.HasPrefix(pattern, "arn:") || strings.Count(pattern, ":") < arnParts-1) {
		return errors.New(`it is neither "*" nor an ARN of six parts, as arn:aws:ec2:*:*:vpc/*`)
	}
	return checkVariables(pattern)
}

// checkVariables refuses policy variables: nothing would replace them.
func checkVariables(s string) error {
	if strings.Contains(s, "${") {
		return errors.New("policy variables (${…}) are not evaluated here")
	}
	return nil
}

func parseConditions(raw json.RawMessage) (all []condition, err error) {
	if raw == nil {
		return nil, nil
	}
	byOperator, err := members("Condition", raw)
	if err != nil {
		return nil, err
	}
	for _, op := range byOperator {
		byKey, err := members("Condition "+shown(op.name), op.value)
		if err != nil {
			return nil, err
		}
		for _, k := range byKey {
			values, err := words("the condition key "+shown(k.name), k.value)
			if err != nil {
				return nil, err
			}
			for _, v := range values {
				if err := checkVariables(v); err != nil {
					return nil, fmt.Errorf("the condition key %s: %w", shown(k.name), err)
				}
			}
			c, err := parseCondition(op.name, k.name, values)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// A member is one of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// members reads a JSON object in its order. Go's own reading would let the last of two members of a name
// win, and pass over the first.
func members(what string, raw json.RawMessage) (list []member, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%s is no JSON object", what)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: t.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(o member) bool { return o.name == m.name }) {
			return nil, fmt.Errorf("%s has %s twice", what, shown(m.name))
		}
		list = append(list, m)
	}
	return list, nil
}

// object reads a JSON object that may have the known members and no other one.
func object(what string, raw json.RawMessage, known ...string) (map[string]json.RawMessage, error) {
	list, err := members(what, raw)
	if err != nil {
		return nil, err
	}
	byName := map[string]json.RawMessage{}
	for _, m := range list {
		if !slices.Contains(known, m.name) {
			return nil, fmt.Errorf("%s has %s, which is not evaluated here; these are: %s", what, shown(m.name), strings.Join(known, ", "))
		}
		byName[m.name] = m.value
	}
	return byName, nil
}

// word reads a string, "" where there is none.
func word(name string, raw json.RawMessage) (s string, err error) {
	if raw == nil {
		return "", nil
	}
	if !bytes.HasPrefix(raw, []byte(`"`)) || json.Unmarshal(raw, &s) != nil {
		return "", fmt.Errorf("%s is no string", name)
	}
	return s, nil
}

// words reads a string, or true or false, or a list of them.
func words(name string, raw json.RawMessage) ([]string, error) {
	list := []json.RawMessage{raw}
	if bytes.HasPrefix(raw, []byte("[")) {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is an empty list", name)
	}
	all := make([]string, len(list))
	for i, raw := range list {
		if s := string(raw); s == "true" || s == "false" {
			all[i] = s
			continue
		}
		var err error
		if all[i], err = word(name, raw); err != nil {
			return nil, fmt.Errorf("%s is neither a string nor a list of strings", name)
		}
	}
	return all, nil
}

// shown makes what a document says short enough to be repeated.
func shown(s string) string {
	if s = fmt.Sprintf("%q", s); len(s) > 100 {
		s = strings.ToValidUTF8(s[:97], "") + `…"`
	}
	return s
}

// length is the number of the document's characters that are no white space.
func length(document []byte) (n int) {
	for _, r := range string(document) {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
