package api

import (
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// filters are the filters of one Describe operation: what an item holds under each name. They look
// at the item as the response shows it.
//
//	var vpcFilters = filters[ec2.Vpc]{
//		"state": func(v *ec2.Vpc) []string { return of(v.State) },
//		…
//	}.tagged(func(v *ec2.Vpc) []ec2.Tag { return v.Tags })
//	m, err := vpcFilters.matcher(in.Filters)
//	if m.meets(&item) { … }
type filters[T any] map[string]func(*T) []string

// byTag is under which filters hold what "tag:KEY" asks for: every "KEY\x00VALUE".
const byTag = "tag:"

// tagged adds the filters tag:KEY and tag-key.
func (f filters[T]) tagged(tags func(*T) []ec2.Tag) filters[T] {
	f["tag-key"] = func(item *T) (keys []string) {
		for _, t := range tags(item) {
			keys = append(keys, value(t.Key))
		}
		return keys
	}
	f[byTag] = func(item *T) []string { return tagPairs(tags(item)) }
	return f
}

func tagPairs(tags []ec2.Tag) (pairs []string) {
	for _, t := range tags {
		pairs = append(pairs, value(t.Key)+"\x00"+value(t.Value))
	}
	return pairs
}

// AWS's limits on filters. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
const (
	maxFilters      = 50
	maxFilterValues = 200 // of a call
	maxFilterValue  = 255 // characters
)

// maxFilterSteps bounds what one request's wildcards may cost: a second at most, where some hundreds of
// millions of characters would have to be compared.
const maxFilterSteps = 200_000_000

// A matching is a request's filters, asked of one item after another.
type matching[T any] struct {
	tests []func(*T) bool
	left  int // steps that wildcards may still take
}

// matcher reads a request's filters.
func (f filters[T]) matcher(wanted []ec2.Filter) (*matching[T], error) {
	m := &matching[T]{left: maxFilterSteps}
	count := 0
	if len(wanted) > maxFilters {
		return nil, vpc.Errorf("FilterLimitExceeded", "The maximum number of filters specified on a single call is %d", maxFilters)
	}
	for _, w := range wanted {
		held, prefix, err := f.under(value(w.Name))
		if err != nil {
			return nil, err
		}
		if count += len(w.Values); count > maxFilterValues {
			return nil, vpc.Errorf("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d", maxFilterValues)
		}
		exact, wild := map[string]bool{}, []pattern{}
		for _, v := range w.Values {
			if len([]rune(v)) > maxFilterValue {
				return nil, vpc.Errorf("FilterLimitExceeded", "The maximum length for a filter value is %d characters", maxFilterValue)
			}
			if strings.ContainsAny(v, `*?\`) {
				wild = append(wild, parsePattern(v))
			} else {
				exact[v] = true
			}
		}
		m.tests = append(m.tests, func(item *T) bool {
			for _, h := range held(item) {
				if h, ok := strings.CutPrefix(h, prefix); ok && (exact[h] || m.wild(wild, h)) {
					return true
				}
			}
			return false
		})
	}
	return m, nil
}

// meets tells whether the item meets every filter: one of the values of each.
func (m *matching[T]) meets(item *T) bool {
	for _, test := range m.tests {
		if !test(item) {
			return false
		}
	}
	return true
}

// err is why the answers of meets are of no use: they would take too long.
func (m *matching[T]) err() error {
	if m.left < 0 {
		return vpc.Errorf("FilterLimitExceeded", "The filters' wildcards are too many for so many resources")
	}
	return nil
}

func (m *matching[T]) wild(patterns []pattern, s string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool { return p.match(s, &m.left) })
}

// under finds what the name filters by, and the prefix of what is held that belongs to the name.
func (f filters[T]) under(name string) (held func(*T) []string, prefix string, err error) {
	if key, ok := strings.CutPrefix(name, byTag); ok && f[byTag] != nil {
		return f[byTag], key + "\x00", nil
	}
	if name == "" {
		return nil, "", vpc.Errorf("InvalidParameterValue", "The filter 'null' is invalid")
	}
	if held := f[name]; held != nil && name != byTag {
		return held, "", nil
	}
	return nil, "", vpc.Errorf("InvalidParameterValue", "The filter '%s' is invalid", name)
}

// A pattern is a filter's value: * is any run of characters, ? is one, and a backslash takes the
// meaning from what follows it. Two runs beside each other are one.
type pattern []rune

const anyRun, anyOne = -1, -2

func parsePattern(s string) (p pattern) {
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			p, escaped = append(p, r), false
		case r == '\\':
			escaped = true
		case r == '*':
			if len(p) == 0 || p[len(p)-1] != anyRun {
				p = append(p, anyRun)
			}
		case r == '?':
			p = append(p, anyOne)
		default:
			p = append(p, r)
		}
	}
	if escaped {
		p = append(p, '\\')
	}
	return p
}

// match walks both in step. Where they differ it goes back to the last run and lets that take one
// character more, so the time is at most the product of the lengths. It takes its steps from left, and
// matches nothing when there are none.
func (p pattern) match(s string, left *int) bool {
	text := []rune(s)
	at, run, from := 0, -1, 0
	for i := 0; i < len(text); {
		if *left--; *left < 0 {
			return false
		}
		switch {
		case at < len(p) && p[at] == anyRun:
			run, from = at, i
			at++
		case at < len(p) && (p[at] == anyOne || p[at] == text[i]):
			at++
			i++
		case run >= 0:
			from++
			at, i = run+1, from
		default:
			return false
		}
	}
	for at < len(p) && p[at] == anyRun {
		at++
	}
	return at == len(p)
}

// of is what an item holds in a member: its value, as a filter writes it, or nothing where it has none.
func of[T string | *string | bool | *bool | int32 | *int32](v T) []string {
	switch v := any(v).(type) {
	case string:
		if v != "" {
			return []string{v}
		}
	case *string:
		if v != nil {
			return []string{*v}
		}
	case bool:
		return []string{strconv.FormatBool(v)}
	case *bool:
		if v != nil {
			return []string{strconv.FormatBool(*v)}
		}
	case int32:
		return []string{strconv.Itoa(int(v))}
	case *int32:
		if v != nil {
			return []string{strconv.Itoa(int(*v))}
		}
	}
	return nil
}

// each is what an item holds in a member of the members of its list.
func each[E any, T string | *string | bool | *bool | int32 | *int32](list []E, member func(*E) T) (held []string) {
	for i := range list {
		held = append(held, of(member(&list[i]))...)
	}
	return held
}
