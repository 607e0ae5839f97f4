package api

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"crenel/ec2"
	"crenel/vpc"
)

// A lab is a world with groups that can name one another in every way: in the default VPC, in two VPCs
// that are peers, by association, and prefix lists of both families.
type lab struct {
	*world
	r      *rapid.T
	quota  int    // rules per group: few in some, so that random calls come to it
	near   string // a VPC; it and far are peers
	far    string
	shared string // a group of near, associated with far
}

func newLab(t *testing.T, r *rapid.T) lab {
	l := lab{world: newWorld(t), r: r, quota: rapid.SampledFrom([]int{4, 8, 60}).Draw(r, "quota")}
	l.near, l.far = l.vpc("10.0.0.0/16"), l.vpc("10.1.0.0/16")
	l.peering("pcx-00000001", "active", l.near, l.far)
	l.prefixList("pl-00000004", 2, "192.0.2.0/24")
	l.prefixList("pl-00000044", 4, "192.0.2.0/24")
	l.prefixList("pl-00000006", 2, "2001:db8::/32")
	for _, g := range [][2]string{{"web", ""}, {"db", ""}, {"app", l.near}, {"cache", l.far}} {
		l.group(g[0], g[1])
	}
	l.shared = l.group("shared", l.near)
	l.associate("Associate")
	l.edit(func(e *vpc.Edit) {
		e.Quotas.Put(&vpc.Quota{Scope: testScope, Name: vpc.RulesPerGroup.Name, Value: l.quota})
	})
	return l
}

func (l lab) associate(verb string) {
	l.call(verb+"SecurityGroupVpc", "GroupId="+l.shared+"&VpcId="+l.far)
}

func (l lab) one(list ...string) string { return rapid.SampledFrom(list).Draw(l.r, "one") }

// groups are all, in the order in which they were made: that of their ids is another one in every run.
func (l lab) groups() []*vpc.SecurityGroup {
	return slices.SortedFunc(l.state.SecurityGroups.All(), func(a, b *vpc.SecurityGroup) int { return cmp.Compare(a.Num, b.Num) })
}

func (l lab) oneGroup() string {
	all := l.groups()
	return all[rapid.IntRange(0, len(all)-1).Draw(l.r, "group")].ID
}

// call makes a call that may be refused, in AWS's words.
func (l lab) call(action, form string) error {
	_, err := l.try(action, form)
	if _, ok := err.(*vpc.Error); err != nil && !ok {
		l.r.Fatalf("%s %s: %T %v", action, form, err, err)
	}
	return err
}

// permissions draws permissions with peers of every kind, in forms that are normalised to the same.
func (l lab) permissions() string {
	var list []string
	for range rapid.IntRange(1, 3).Draw(l.r, "permissions") {
		what := l.one("tcp 80 80", "6 80 80", "TCP 22 23", "udp 0 65535", "icmp 8 -1", "1 -1 -1", "58 - -", "-1 - -", "-1 0 0", "50 1 2")
		var peers []string
		for range rapid.IntRange(1, 3).Draw(l.r, "peers") {
			peers = append(peers, l.one("0.0.0.0/0", "10.0.0.0/8", "10.9.9.9/8", "::/0", "2001:DB8::1/64", "2001:db8::/64", "2001:db8:1::/64", "pl-00000004", "pl-00000006", l.oneGroup()))
		}
		list = append(list, what+" "+strings.Join(peers, ","))
	}
	return permissions(strings.Join(list, ";"))
}

// step makes one random call, or lets something happen that rules depend on.
func (l lab) step() {
	group, direction := l.oneGroup(), l.one("Ingress", "Egress")
	rule := l.one(append(each(l.state.SecurityGroups.Get(group).Rules, func(r *vpc.Rule) string { return r.ID }), "sgr-1")...)
	switch rapid.IntRange(0, 11).Draw(l.r, "step") {
	case 0, 1, 2, 3:
		l.call("AuthorizeSecurityGroup"+direction, "GroupId="+group+"&"+l.permissions())
	case 4:
		l.call("RevokeSecurityGroup"+direction, "GroupId="+group+"&"+l.permissions())
	case 5:
		l.call("RevokeSecurityGroup"+direction, "GroupId="+group+"&SecurityGroupRuleId.1="+rule)
	case 6, 7:
		const at = "&SecurityGroupRule.1.SecurityGroupRule."
		l.call("ModifySecurityGroupRules", "GroupId="+group+"&SecurityGroupRule.1.SecurityGroupRuleId="+rule+at+"IpProtocol="+l.one("-1", "50")+
			at+l.one("CidrIpv4=10.0.0.0/8", "CidrIpv6=::/0", "PrefixListId=pl-00000044", "ReferencedGroupId="+l.oneGroup())+at+"Description="+l.one("", "new"))
	case 8:
		l.call("UpdateSecurityGroupRuleDescriptions"+direction, "GroupId="+group+"&"+l.permissions())
	case 9:
		l.peering("pcx-00000001", l.one("active", "deleted"), l.near, l.far)
	case 10:
		l.associate(l.one("Associate", "Disassociate"))
	case 11:
		l.call(l.one("DeleteSecurityGroup", "DescribeSecurityGroupReferences"), l.one("GroupId=", "GroupId.1=")+group)
	}
}

// byRule are the group's rules as the view of rules shows them: direction, traffic, peer and description.
func (l lab) byRule(group string) (set []string) {
	for _, r := range do[ec2.DescribeSecurityGroupRulesOutput](l.world, "DescribeSecurityGroupRules", filter("group-id", group)[1:]).SecurityGroupRules {
		peer := value(r.CidrIpv4) + value(r.CidrIpv6) + value(r.PrefixListId)
		if g := r.ReferencedGroupInfo; g != nil {
			peer = fmt.Sprint(value(g.UserId), "/", *g.GroupId, " ", value(g.VpcId), value(g.VpcPeeringConnectionId), value(g.PeeringStatus))
		}
		set = append(set, ruleLine(*r.IsEgress, *r.IpProtocol, *r.FromPort, *r.ToPort, peer, r.Description))
	}
	slices.Sort(set)
	return set
}

// byPermission are the group's rules as the view of permissions shows them.
func (l lab) byPermission(g ec2.SecurityGroup) (set []string) {
	for egress, list := range map[bool][]ec2.IpPermission{false: g.IpPermissions, true: g.IpPermissionsEgress} {
		for _, p := range list {
			from, to := int32(-1), int32(-1)
			if p.FromPort != nil {
				from, to = *p.FromPort, *p.ToPort
			}
			add := func(peer string, description *string) {
				set = append(set, ruleLine(egress, *p.IpProtocol, from, to, peer, description))
			}
			for _, v4 := range p.IpRanges {
				add(*v4.CidrIp, v4.Description)
			}
			for _, v6 := range p.Ipv6Ranges {
				add(*v6.CidrIpv6, v6.Description)
			}
			for _, list := range p.PrefixListIds {
				add(*list.PrefixListId, list.Description)
			}
			for _, g := range p.UserIdGroupPairs {
				add(fmt.Sprint(value(g.UserId), "/", *g.GroupId, " ", value(g.VpcId), value(g.VpcPeeringConnectionId), value(g.PeeringStatus)), g.Description)
			}
		}
	}
	slices.Sort(set)
	return set
}

func ruleLine(egress bool, protocol string, from, to int32, peer string, description *string) string {
	return fmt.Sprint(egress, " ", protocol, " ", from, " ", to, " ", peer, " ", value(description))
}

// countLines is as how many rules of IPv4 and of IPv6 the lines count in each direction.
func countLines(lines []string) map[string]int {
	sums := map[string]int{}
	for _, line := range lines {
		words := strings.Fields(line)
		direction, peer := words[0], words[4]
		v4, v6 := 1, 1
		switch {
		case peer == "pl-00000004":
			v4, v6 = 2, 0
		case peer == "pl-00000044":
			v4, v6 = 4, 0
		case peer == "pl-00000006":
			v4, v6 = 0, 2
		case strings.Contains(peer, "sg-"):
		case strings.Contains(peer, ":"):
			v4 = 0
		default:
			v6 = 0
		}
		sums[direction+" 4"] += v4
		sums[direction+" 6"] += v6
	}
	return sums
}

func TestRandomRulesKeepBothViewsAndTheQuotas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := newLab(t, r)
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			l.step()
			for _, g := range do[ec2.DescribeSecurityGroupsOutput](l.world, "DescribeSecurityGroups", "").SecurityGroups {
				lines := l.byRule(*g.GroupId)
				if permissions := l.byPermission(g); !slices.Equal(lines, permissions) {
					r.Fatalf("%s has the rules\n%q\nand the permissions\n%q", *g.GroupName, lines, permissions)
				}
				if twice := slices.Compact(slices.Clone(lines)); len(twice) != len(lines) {
					r.Fatalf("%s has a rule twice: %q", *g.GroupName, lines)
				}
				for of, n := range countLines(lines) {
					if n > l.quota {
						r.Fatalf("%s has %d rules (egress %s): %q", *g.GroupName, n, of, lines)
					}
				}
			}
			if wrong := unsound(l.state); wrong != "" {
				r.Fatal(wrong)
			}
		}
	})
}

func TestAuthorizeThenRevokeIsTheIdentity(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := newLab(t, r)
		for range rapid.IntRange(0, 6).Draw(r, "steps") {
			l.step()
		}
		rules := func(group string) []vpc.Rule { return l.state.SecurityGroups.Get(group).Rules }
		for range 10 {
			group, direction := l.oneGroup(), l.one("Ingress", "Egress")
			form, before := "GroupId="+group+"&"+l.permissions(), rules(group)
			if l.call("AuthorizeSecurityGroup"+direction, form) != nil {
				continue
			}
			if len(rules(group)) <= len(before) {
				r.Fatalf("%s added nothing", form)
			}
			if err := l.call("RevokeSecurityGroup"+direction, form); err != nil {
				r.Fatalf("%s is authorized, and then not revoked: %v", form, err)
			}
			if after := rules(group); fmt.Sprint(before) != fmt.Sprint(after) {
				r.Fatalf("%s: before\n%v\nafterwards\n%v", form, before, after)
			}
		}
	})
}

// heldByGroup is what AWS's reference says that each filter of DescribeSecurityGroups looks at.
func heldByGroup(l lab, g ec2.SecurityGroup) map[string][]string {
	held := map[string][]string{"description": {*g.Description}, "group-id": {*g.GroupId}, "group-name": {*g.GroupName}, "owner-id": {*g.OwnerId}, "vpc-id": {*g.VpcId}}
	for _, t := range g.Tags {
		held["tag:"+*t.Key], held["tag-key"] = []string{*t.Value}, append(held["tag-key"], *t.Key)
	}
	for prefix, list := range map[string][]ec2.IpPermission{"": g.IpPermissions, "egress.": g.IpPermissionsEgress} {
		for _, p := range list {
			add := func(name, value string) {
				name = prefix + "ip-permission." + name
				held[name] = append(held[name], value)
			}
			add("protocol", *p.IpProtocol)
			if p.FromPort != nil {
				add("from-port", fmt.Sprint(*p.FromPort))
				add("to-port", fmt.Sprint(*p.ToPort))
			}
			for _, v4 := range p.IpRanges {
				add("cidr", *v4.CidrIp)
			}
			for _, v6 := range p.Ipv6Ranges {
				add("ipv6-cidr", *v6.CidrIpv6)
			}
			for _, list := range p.PrefixListIds {
				add("prefix-list-id", *list.PrefixListId)
			}
			for _, pair := range p.UserIdGroupPairs {
				add("group-id", *pair.GroupId)
				if other := l.state.SecurityGroups.Get(*pair.GroupId); other != nil {
					add("group-name", other.Name)
					add("user-id", other.Account)
				}
			}
		}
	}
	return held
}

// drawFilters draws filters, most of which one of the items meets, and says which items meet all of them.
func drawFilters(l lab, items []map[string][]string) (form string, meets func(map[string][]string) bool) {
	item := func() map[string][]string { return items[rapid.IntRange(0, len(items)-1).Draw(l.r, "item")] }
	target, wanted := item(), map[string][]string{}
	for range rapid.IntRange(1, 3).Draw(l.r, "filters") {
		name := l.one(slices.Sorted(maps.Keys(target))...)
		wanted[name] = append(wanted[name], l.one(target[name]...))
		if other := item()[name]; len(other) > 0 && rapid.Bool().Draw(l.r, "more") {
			wanted[name] = append(wanted[name], l.one(append(other[:len(other):len(other)], "vpc-00000000")...))
		}
		if p := &wanted[name][0]; len(*p) > 1 && rapid.Bool().Draw(l.r, "cut") {
			n := len(*p)
			*p = l.one((*p)[:n-1]+"?", "*"+(*p)[n/2:], (*p)[:n/2]+"*", (*p)[:n-1])
			if name == "vpc-id" && !strings.ContainsAny(*p, "?*") {
				*p = "vpc-00000000" // what can be no id is refused
			}
		}
	}
	var nameValues []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		nameValues = append(nameValues, name, strings.Join(wanted[name], ","))
	}
	return filter(nameValues...)[1:], func(held map[string][]string) bool {
		for name, patterns := range wanted {
			if !slices.ContainsFunc(held[name], func(v string) bool {
				return slices.ContainsFunc(patterns, func(p string) bool {
					p = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(p))
					return regexp.MustCompile("^" + p + "$").MatchString(v)
				})
			}) {
				return false
			}
		}
		return true
	}
}

// check compares what the operation shows under random filters with what meets them of the whole list.
func (l lab) check(action string, items []map[string][]string, id string, shown func(form string) []string) {
	for range 8 {
		form, meets := drawFilters(l, items)
		want, got := []string{}, shown(form)
		for _, held := range items {
			if meets(held) {
				want = append(want, held[id][0])
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			l.r.Fatalf("%s %s: got %q, want %q", action, form, got, want)
		}
	}
}

func TestFiltersChooseFromTheWholeList(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := newLab(t, r)
		l.call("CreateTags", "ResourceId.1="+l.oneGroup()+"&ResourceId.2="+l.oneGroup()+"&Tag.1.Key=team&Tag.1.Value=blue")
		for range rapid.IntRange(0, 12).Draw(r, "steps") {
			l.step()
		}
		var groups, rules []map[string][]string
		for _, g := range l.groups() {
			groups = append(groups, heldByGroup(l, do[ec2.DescribeSecurityGroupsOutput](l.world, "DescribeSecurityGroups", "GroupId.1="+g.ID).SecurityGroups[0]))
			for _, r := range g.Rules {
				rules = append(rules, map[string][]string{"group-id": {g.ID}, "security-group-rule-id": {r.ID}})
			}
		}
		l.check("DescribeSecurityGroups", groups, "group-id", func(form string) []string {
			return each(do[ec2.DescribeSecurityGroupsOutput](l.world, "DescribeSecurityGroups", form).SecurityGroups, func(g *ec2.SecurityGroup) *string { return g.GroupId })
		})
		l.check("DescribeSecurityGroupRules", rules, "security-group-rule-id", func(form string) []string {
			return each(do[ec2.DescribeSecurityGroupRulesOutput](l.world, "DescribeSecurityGroupRules", form).SecurityGroupRules, func(r *ec2.SecurityGroupRule) *string { return r.SecurityGroupRuleId })
		})
	})
}
