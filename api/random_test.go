package api

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"crenel/ec2"
	"crenel/vpc"
)

// Random calls, most of them nonsense, never panic, are refused only in AWS's words, leave the State as it was
// when they are refused (try sees to that), and never break what holds of every State.
func TestRandomCallsKeepTheStateSound(t *testing.T) {
	var actions []string
	for _, o := range slices.Concat(groupOperations, vpcOperations, tagOperations) {
		actions = append(actions, o.Name)
	}
	slices.Sort(actions)
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 40).Draw(r, "calls") {
			action := rapid.SampledFrom(actions).Draw(r, "action")
			form := drawForm(r, w.state.As(w.scope), action)
			if _, err := w.try(action, form.Encode()); err != nil {
				if _, ok := err.(*vpc.Error); !ok || vpc.Code(err) == "" {
					r.Fatalf("%s %s: %T %v", action, form.Encode(), err, err)
				}
				continue
			}
			if wrong := unsound(w.state); wrong != "" {
				r.Fatalf("after %s %s: %s", action, form.Encode(), wrong)
			}
		}
	})
}

// drawForm makes parameters for the action: those it has, with values that often mean something.
func drawForm(r *rapid.T, s *vpc.State, action string) url.Values {
	ids := []string{"", "x", "vpc-00000000", "sg-0123456789abcdef0"}
	for v := range s.VPCs.All() {
		ids = append(ids, v.ID)
	}
	for n := range s.Subnets.All() {
		ids = append(ids, n.ID)
	}
	for g := range s.SecurityGroups.All() {
		ids = append(ids, g.ID, g.ID)
		for _, rule := range g.Rules {
			ids = append(ids, rule.ID)
		}
	}
	values := map[string][]string{
		"GroupId": ids, "VpcId": ids, "SubnetId": ids, "ResourceId.1": ids, "ResourceId.2": ids, "SecurityGroupRuleId.1": ids,
		"GroupName": {"web", "db", "default", "sg-x", "é"}, "GroupDescription": {"d"}, "CidrBlock": {"10.0.0.0/16", "10.0.1.0/24", "10.0.0.0/8", "172.31.128.0/20", "x"},
		"IpPermissions.1.IpProtocol": {"tcp", "udp", "icmp", "-1", "50", "58", "x"}, "IpPermissions.1.FromPort": {"-1", "0", "80", "8", "65536"}, "IpPermissions.1.ToPort": {"-1", "0", "80", "443"},
		"IpPermissions.1.IpRanges.1.CidrIp": {"0.0.0.0/0", "10.1.2.3/8", "::/0"}, "IpPermissions.1.Ipv6Ranges.1.CidrIpv6": {"::/0", "10.0.0.0/8"},
		"IpPermissions.1.Groups.1.GroupId": ids, "IpPermissions.1.Groups.1.GroupName": {"web", "default"}, "IpPermissions.2.IpProtocol": {"-1"}, "IpPermissions.2.IpRanges.1.CidrIp": {"0.0.0.0/0"},
		"IpPermissions.1.IpRanges.1.Description": {"d", "é"}, "SourceSecurityGroupName": {"web", "default"}, "Tag.1.Key": {"a", "b", "aws:x"}, "Tag.1.Value": {"", "1"},
		"SecurityGroupRule.1.SecurityGroupRuleId": ids, "SecurityGroupRule.1.SecurityGroupRule.IpProtocol": {"tcp", "-1"}, "SecurityGroupRule.1.SecurityGroupRule.FromPort": {"80", "-1"},
		"SecurityGroupRule.1.SecurityGroupRule.ToPort": {"80", "-1"}, "SecurityGroupRule.1.SecurityGroupRule.CidrIpv4": {"10.0.0.0/8", "0.0.0.0/0"}, "SecurityGroupRule.1.SecurityGroupRule.ReferencedGroupId": ids,
		"SecurityGroupRuleDescription.1.SecurityGroupRuleId": ids, "SecurityGroupRuleDescription.1.Description": {"x"}, "Filter.1.Name": {"vpc-id", "tag:a", "key"}, "Filter.1.Value.1": {"*", "a"},
		"MapPublicIpOnLaunch.Value": {"true", "false"}, "EnableDnsSupport.Value": {"true", "false"}, "Attribute": {"enableDnsSupport"}, "MaxResults": {"5", "1"}, "NextToken": {"x"}, "DryRun": {"true"},
	}
	form := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		probe := url.Values{name: {values[name][0]}}
		if o, _ := Lookup(action); ec2.Decode(probe, o.input()) != nil && vpc.Code(refusal(ec2.Decode(probe, o.input()))) == "UnknownParameter" {
			continue
		}
		if rapid.IntRange(0, 2).Draw(r, "give "+name) > 0 {
			form.Set(name, rapid.SampledFrom(values[name]).Draw(r, name))
		}
	}
	return form
}

// unsound says what is wrong with the State, or "".
func unsound(s *vpc.State) string {
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
				} else if s.Subnets.Get(a.Subnet) == nil {
					return t.ID + " is associated with no subnet"
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
			if !v.CIDR.Overlaps(n.CIDR) || n.CIDR.Bits() < v.CIDR.Bits() || s.NetworkACLs.Get(n.ACL) == nil {
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
		if peer := s.SecurityGroups.Get(r.Peer.Group); r.Peer.Group != "" && (peer == nil || peer.VPC != g.VPC || peer.Account != r.Peer.Account) {
			return "a rule names no group of the VPC: " + r.String()
		}
	}
	in, out := split(g.Rules)
	shown := 0
	for _, p := range slices.Concat(showPermissions(in), showPermissions(out)) {
		shown += len(p.IpRanges) + len(p.Ipv6Ranges) + len(p.UserIdGroupPairs) + len(p.PrefixListIds)
	}
	if shown != len(g.Rules) {
		return fmt.Sprintf("%d rules are shown of %d", shown, len(g.Rules))
	}
	return ""
}
