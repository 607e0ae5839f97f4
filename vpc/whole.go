package vpc

import (
	"fmt"
	"iter"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// Schema is the version of the data that this code writes. It grows when older code would misread
// newer data; that code then refuses to run.
const Schema = 1

// Objects yields everything that the State holds, each object as the Change that puts it: by kind, and in
// the order of keys.
func (s *State) Objects() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for _, t := range s.tables() {
			if !t.each(yield) {
				return
			}
		}
	}
}

// Counts are how many objects of each kind the State holds.
func (s *State) Counts() map[string]int {
	counts := map[string]int{}
	for _, t := range s.tables() {
		counts[t.name()] = t.Len()
	}
	return counts
}

// Put puts or deletes objects as they are in the Changes, which some other State may have yielded.
func (e *Edit) Put(changes []Change) error {
	byName := e.byName()
	for _, c := range changes {
		t := byName[c.Kind]
		if t == nil {
			return fmt.Errorf("unknown kind %q", c.Kind)
		}
		if err := t.put(c); err != nil {
			return err
		}
	}
	return nil
}

// byName are the State's tables by their kinds.
func (s *State) byName() map[string]table {
	byName := map[string]table{}
	for _, t := range s.tables() {
		byName[t.name()] = t
	}
	return byName
}

// kinds are the kinds of the objects whose ids begin with a prefix.
var kinds = map[string]string{"vpc": "vpc", "dopt": "dhcp-options", "subnet": "subnet", "scr": "subnet-cidr-reservation", "sg": "security-group", "pl": "prefix-list", "acl": "network-acl", "rtb": "route-table",
	"igw": "internet-gateway", "eigw": "egress-only-internet-gateway", "nat": "nat-gateway", "pcx": "peering", "eni": "network-interface", "eni-perm": "network-interface-permission",
	"eipalloc": "elastic-ip", "i": "instance", "key": "key-pair", "lt": "launch-template", "vol": "volume", "vpce": "vpc-endpoint",
	"iip-assoc": "instance-profile-association", "fl": "flow-log", "nip": "network-insights-path", "nia": "network-insights-analysis",
	"nis": "network-insights-access-scope", "nisa": "network-insights-access-scope-analysis"}

// Find returns the object with the id, whoever owns it, or nil.
func (s *State) Find(id string) any {
	kind := kinds[IDPrefix(id)]
	for _, t := range s.tables() {
		if t.name() == kind {
			return t.find(id)
		}
	}
	return nil
}

// IDPrefix is what an id begins with: "vpc" of "vpc-0123456789abcdef0". It is "" where id has not the form
// of one.
func IDPrefix(id string) string {
	at := strings.LastIndexByte(id, '-')
	if at < 1 {
		return ""
	}
	prefix, digits := id[:at], id[at+1:]
	if len(digits) != 8 && len(digits) != 17 || strings.Trim(digits, "0123456789abcdef") != "" || strings.Trim(prefix, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	return prefix
}

// mayDangle are the references that outlive what they refer to, by kind and field.
var mayDangle = map[string][]string{
	"security-group": {"Group"},                                    // AWS's stale rules, of a peered VPC's group
	"route-table":    {"Target"},                                   // a black hole
	"peering":        {"VPC"},                                      // shown after it ended
	"nat-gateway":    {"VPC", "Subnet", "Interface", "Allocation"}, // shown after it is deleted
	"instance":       {"VPC", "Subnet"},                            // shown after it is terminated
	"vpc-endpoint":   {"Groups"},                                   // none of its interfaces may carry them any more
	// A question about what is gone stays a question.
	"network-insights-path": {"Source", "Destination"},
}

// freeText are fields in which people write what they like, ids among it.
var freeText = []string{"ID", "Name", "KeyName", "Description", "Tags", "Token", "Policy", "User", "UserData"}

// Unsound says of an object what is wrong with it: what it refers to and the State does not have, or what no operation
// would have made so. It is "" where there is no such object. References that AWS lets dangle are sound.
func (s *State) Unsound() string {
	byName, check := s.byName(), checker{s, map[string]string{}, map[netip.Prefix]string{}}
	for _, t := range s.tables() {
		wrong := ""
		t.each(func(c Change) bool {
			o := t.find(c.Key)
			if wrong = s.unsound(byName, t.name(), reflect.ValueOf(o).Elem(), ""); wrong != "" {
				wrong = fmt.Sprintf("the %s %s refers to %s, which is not there", t.name(), c.Key, wrong)
			} else if wrong = check.object(t.name(), c.Key, o); wrong != "" {
				wrong = fmt.Sprintf("the %s %.80q %s", t.name(), c.Key, wrong)
			}
			return wrong == ""
		})
		if wrong != "" {
			return wrong
		}
	}
	return ""
}

// unsound looks for a reference that leads nowhere, in v, which is the field of an object of the kind.
func (s *State) unsound(byName map[string]table, kind string, v reflect.Value, field string) string {
	if scope, ok := v.Interface().(Scope); ok {
		return s.noScope(kind, scope)
	}
	switch v.Kind() {
	case reflect.String:
		id := v.String()
		if t := byName[kinds[IDPrefix(id)]]; t != nil && t.find(id) == nil && !slices.Contains(mayDangle[kind], field) {
			return id
		}
		if field == "Account" && id != "" && s.Accounts.Get(id) == nil && kind != "security-group" {
			return "the account " + id
		}
	case reflect.Uint32:
		if n := uint32(v.Uint()); field == "Num" && n >= s.Cell().NextNum {
			return fmt.Sprintf("the number %d, which the cell gives out yet", n)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return s.unsound(byName, kind, v.Elem(), field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if wrong := s.unsound(byName, kind, v.Index(i), field); wrong != "" {
				return wrong
			}
		}
	case reflect.Struct:
		t := v.Type()
		for i := range t.NumField() {
			if name := t.Field(i).Name; t.Field(i).IsExported() && !slices.Contains(freeText, name) {
				if wrong := s.unsound(byName, kind, v.Field(i), name); wrong != "" {
					return wrong
				}
			}
		}
	}
	return ""
}

// noScope says what of a scope is not there. Quotas are set before anything is in their Region, and a
// peering connection may be asked for with an account that nobody has.
func (s *State) noScope(kind string, scope Scope) string {
	switch {
	case kind == "peering":
	case !IsRegion(scope.Region):
		return "the Region " + scope.Region + " of AWS"
	case scope == AWS(scope.Region):
	case s.Accounts.Get(scope.Account) == nil:
		return "the account " + scope.Account
	case kind != "quota" && kind != "region" && s.Regions.Get(scope.Key()) == nil:
		return "the Region " + scope.Region + " of the account " + scope.Account
	}
	return ""
}
