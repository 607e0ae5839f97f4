package api

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// lookups are the filters of one noun that an index of State answers: each finds the objects that may
// hold the value. Clients ask again and again for the groups of one VPC or the rules of one group, and
// must not wait for all the others to be looked at.
type lookups[T any] map[string]func(s *vpc.State, value string) iter.Seq[*T]

// asked finds the scope's objects that may meet the filters: by the first filter that an index answers,
// or else all of them.
func (l lookups[T]) asked(s *vpc.State, k ids[T], wanted []ec2.Filter) []*T {
	for _, f := range wanted {
		find := l[value(f.Name)]
		if find == nil || slices.ContainsFunc(f.Values, func(v string) bool { return strings.ContainsAny(v, `*?\`) }) {
			continue
		}
		found := map[*T]bool{}
		for _, v := range slices.Compact(slices.Sorted(slices.Values(f.Values))) {
			for o := range find(s, v) {
				found[o] = any(o).(interface{ Key() string }).Key() == s.Key()
			}
		}
		maps.DeleteFunc(found, func(_ *T, ours bool) bool { return !ours })
		return slices.Collect(maps.Keys(found))
	}
	return slices.Collect(k.table(s).By("scope", s.Key()))
}

var groupLookups = lookups[vpc.SecurityGroup]{
	"group-id":                            groupsWithID,
	"vpc-id":                              groupsBy("vpc"),
	"group-name":                          groupsNamed,
	"ip-permission.group-id":              groupsBy("refers"),
	"egress.ip-permission.group-id":       groupsBy("refers"),
	"ip-permission.prefix-list-id":        groupsBy("prefix-list"),
	"egress.ip-permission.prefix-list-id": groupsBy("prefix-list"),
}

// ruleLookups find the groups that have the rules.
var ruleLookups = lookups[vpc.SecurityGroup]{"group-id": groupsWithID, "security-group-rule-id": groupsBy("rule")}

func groupsBy(index string) func(*vpc.State, string) iter.Seq[*vpc.SecurityGroup] {
	return func(s *vpc.State, value string) iter.Seq[*vpc.SecurityGroup] {
		return s.SecurityGroups.By(index, value)
	}
}

func groupsWithID(s *vpc.State, id string) iter.Seq[*vpc.SecurityGroup] {
	return func(yield func(*vpc.SecurityGroup) bool) {
		if g := s.SecurityGroups.Get(id); g != nil {
			yield(g)
		}
	}
}

// groupsNamed yields the group with the name of each VPC: the index is by VPC and by name in any case.
func groupsNamed(s *vpc.State, name string) iter.Seq[*vpc.SecurityGroup] {
	return func(yield func(*vpc.SecurityGroup) bool) {
		for v := range s.VPCs.By("scope", s.Key()) {
			if g := s.SecurityGroups.First("name", vpc.GroupNameKey(v.ID, name)); g != nil && !yield(g) {
				return
			}
		}
	}
}
