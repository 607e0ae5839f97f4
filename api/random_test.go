package api

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"crenel/vpc"
)

// Random calls never panic, are refused only in AWS's words, leave the State as it was when they are
// refused (try sees to that), and never break what holds of every State.
func TestRandomCallsKeepTheStateSound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 40).Draw(r, "calls") {
			action, form := drawCall(r, w.state.As(w.scope))
			if rapid.IntRange(0, 9).Draw(r, "noise") == 0 {
				form += "&" + rapid.SampledFrom([]string{"DryRun=true", "DryRun=x", "GroupId=", "X=1", "VpcId.1=x", "IpPermissions.1=x", "Tag.1.Key=aws:x"}).Draw(r, "what")
			}
			if _, err := w.try(action, form); err != nil {
				if _, ok := err.(*vpc.Error); !ok || vpc.Code(err) == "" {
					r.Fatalf("%s %s: %T %v", action, form, err, err)
				}
				continue
			}
			if wrong := unsound(w.state); wrong != "" {
				r.Fatalf("after %s %s: %s", action, form, wrong)
			}
		}
	})
}

// drawCall makes a call that often succeeds: on objects that are there, with values that collide.
func drawCall(r *rapid.T, s *vpc.State) (action, form string) {
	one := func(list ...string) string { return rapid.SampledFrom(list).Draw(r, "one") }
	vpcs, subnets, groups, rules := []string{"vpc-00000000"}, []string{"subnet-x"}, []string{"sg-00000000"}, []string{"sgr-1"}
	for v := range s.VPCs.All() {
		vpcs = append(vpcs, v.ID)
	}
	for n := range s.Subnets.All() {
		subnets = append(subnets, n.ID)
	}
	for g := range s.SecurityGroups.All() {
		groups = append(groups, g.ID)
	}
	group := one(groups...)
	if g := s.SecurityGroups.Get(group); g != nil {
		for _, rule := range g.Rules {
			rules = append(rules, rule.ID)
		}
	}
	peer := func() string {
		return one("0.0.0.0/0", "10.1.2.3/8", "::/0", "2001:db8::1/32", "x", group, one(groups...))
	}
	permission := func() string {
		return one("tcp 80 80", "tcp 0 65535", "6 443 80", "udp 53 53", "icmp 8 -1", "1 -1 -1", "-1 - -", "-1 0 0", "50 80 80", "58 - -", "tcp 22 -") + " " + peer()
	}
	many := permission()
	for range rapid.IntRange(0, 2).Draw(r, "more") {
		many += ";" + permission()
	}
	tags := "&Tag.1.Key=" + one("a", "b", "") + "&Tag.1.Value=" + one("", "1")
	direction := one("Ingress", "Egress")
	switch rapid.IntRange(0, 15).Draw(r, "action") {
	case 0, 1:
		return "CreateSecurityGroup", "GroupName=" + one("web", "WEB", "db", "default", "sg-x") + "&GroupDescription=d&VpcId=" + one("", one(vpcs...))
	case 2:
		return "DeleteSecurityGroup", "GroupId=" + group
	case 3, 4, 5:
		return "AuthorizeSecurityGroup" + direction, "GroupId=" + group + "&" + permissions(many)
	case 6:
		return "RevokeSecurityGroup" + direction, "GroupId=" + group + "&" + permissions(many)
	case 7:
		return "RevokeSecurityGroup" + direction, "GroupId=" + group + "&SecurityGroupRuleId.1=" + one(rules...)
	case 8:
		rule := "&SecurityGroupRule.1.SecurityGroupRule."
		return "ModifySecurityGroupRules", "GroupId=" + group + "&SecurityGroupRule.1.SecurityGroupRuleId=" + one(rules...) + rule + one("IpProtocol=-1", "IpProtocol=tcp"+rule+"FromPort=80"+rule+"ToPort=80") +
			rule + one("CidrIpv4=10.0.0.0/8", "CidrIpv4=0.0.0.0/0", "CidrIpv6=::/0", "ReferencedGroupId="+one(groups...))
	case 9:
		return "UpdateSecurityGroupRuleDescriptions" + direction, "GroupId=" + group + "&SecurityGroupRuleDescription.1.SecurityGroupRuleId=" + one(rules...) + "&SecurityGroupRuleDescription.1.Description=" + one("d", "%C3%A9")
	case 10:
		if one("create", "delete") == "delete" {
			return "DeleteVpc", "VpcId=" + one(vpcs...)
		}
		return "CreateVpc", "CidrBlock=" + one("10.0.0.0/16", "172.31.0.0/16", "10.0.0.0/8")
	case 11, 12:
		return "CreateSubnet", "VpcId=" + one(vpcs...) + "&CidrBlock=" + one("10.0.0.0/16", "10.0.1.0/24", "10.0.0.0/20", "172.31.96.0/20", "172.31.128.0/17", "10.0.1.16/28")
	case 13:
		if one("modify", "delete") == "delete" {
			return "DeleteSubnet", "SubnetId=" + one(subnets...)
		}
		return "ModifySubnetAttribute", "SubnetId=" + one(subnets...) + "&MapPublicIpOnLaunch.Value=" + one("true", "false")
	case 14:
		return "ModifyVpcAttribute", "VpcId=" + one(vpcs...) + "&" + one("EnableDnsSupport", "EnableDnsHostnames") + ".Value=" + one("true", "false")
	}
	return one("CreateTags", "DeleteTags"), "ResourceId.1=" + one(slices.Concat(vpcs, subnets, groups, rules)...) + tags
}

// unsound says what is wrong with the State, or "".
func unsound(s *vpc.State) string {
	if wrong := s.Unsound(); wrong != "" {
		return wrong
	}
	for v := range s.VPCs.All() {
		names, mains, defaults := map[string]bool{}, 0, 0
		for g := range s.SecurityGroups.By("vpc", v.ID) {
			if key := vpc.GroupNameKey(v.ID, g.Name); names[key] {
				return "two groups are named " + key
			} else {
				names[key] = true
			}
			if wrong := unsoundRules(s, g); wrong != "" {
				return g.ID + ": " + wrong
			}
		}
		for t := range s.RouteTables.By("vpc", v.ID) {
			for _, a := range t.Associations {
				if a.Main {
					mains++
				} else if g := s.InternetGateways.Get(a.Gateway); s.Subnets.Get(a.Subnet) == nil && (g == nil || g.VPC != v.ID) {
					return t.ID + " is associated with neither a subnet nor the VPC's gateway"
				}
			}
		}
		for a := range s.NetworkACLs.By("vpc", v.ID) {
			if a.Default {
				defaults++
			}
		}
		if !names[vpc.GroupNameKey(v.ID, "default")] || mains != 1 || defaults != 1 {
			return fmt.Sprintf("%s has the groups %v, %d main route tables and %d default ACLs", v.ID, names, mains, defaults)
		}
		var subnets []*vpc.Subnet
		for n := range s.Subnets.By("vpc", v.ID) {
			for _, other := range subnets {
				if other.CIDR.Overlaps(n.CIDR) {
					return n.ID + " overlaps " + other.ID
				}
			}
			if !slices.ContainsFunc(v.CIDRs(), func(p netip.Prefix) bool { return inside(n.CIDR, p) }) || s.NetworkACLs.Get(n.ACL) == nil {
				return n.ID + " is not of its VPC"
			}
			subnets = append(subnets, n)
		}
	}
	for g := range s.SecurityGroups.All() {
		if s.VPCs.Get(g.VPC) == nil {
			return g.ID + " is of no VPC"
		}
	}
	for a := range s.GroupAssociations.All() {
		if g := s.SecurityGroups.Get(a.Group); g == nil || g.VPC == a.VPC || s.VPCs.Get(a.VPC) == nil {
			return fmt.Sprintf("an association is of nothing: %+v", *a)
		}
	}
	return ""
}

func unsoundRules(s *vpc.State, g *vpc.SecurityGroup) string {
	seen := map[identity]bool{}
	for _, r := range g.Rules {
		if seen[identify(r)] {
			return "a rule twice: " + r.String()
		}
		seen[identify(r)] = true
		if read, err := vpc.ParseRule(r.String()); err != nil || read.What != r.What || read.Egress != r.Egress || read.Peer.CIDR != r.Peer.CIDR {
			return fmt.Sprintf("the rule %+v is not in its canonical form: %v", r, err)
		}
		peer := s.SecurityGroups.Get(r.Peer.Group)
		if r.Peer.Group != "" && r.Peer.VPC == "" && (peer == nil || peer.VPC != g.VPC || peer.Account != r.Peer.Account) {
			return "a rule names no group of the VPC: " + r.String()
		}
	}
	in, out := split(g.Rules)
	shown := 0
	for _, p := range slices.Concat(showPermissions(s, g, in), showPermissions(s, g, out)) {
		shown += len(p.IpRanges) + len(p.Ipv6Ranges) + len(p.UserIdGroupPairs) + len(p.PrefixListIds)
	}
	if shown != len(g.Rules) {
		return fmt.Sprintf("%d rules are shown of %d", shown, len(g.Rules))
	}
	return ""
}
