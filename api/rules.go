package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// AWS shows rules in two ways: as permissions of a group (DescribeSecurityGroups), where rules for the
// same traffic share an item, and one by one (DescribeSecurityGroupRules).

// split divides a group's rules by direction.
func split(rules []vpc.Rule) (ingress, egress []vpc.Rule) {
	for _, r := range rules {
		if r.Egress {
			egress = append(egress, r)
		} else {
			ingress = append(ingress, r)
		}
	}
	return ingress, egress
}

// showPermissions shows rules of the group in one direction, those for the same traffic in one item.
func showPermissions(s *vpc.State, g *vpc.SecurityGroup, rules []vpc.Rule) []ec2.IpPermission {
	list, at := []ec2.IpPermission{}, map[vpc.What]int{}
	for _, r := range rules {
		i, ok := at[r.What]
		if !ok {
			i, at[r.What] = len(list), len(list)
			list = append(list, showWhat(r.What))
		}
		p, description := &list[i], optional(r.Description)
		switch {
		case r.Peer.Group != "":
			ref := showReference(s, g, r.Peer)
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, ec2.UserIdGroupPair{UserId: ref.user, GroupId: new(r.Peer.Group), Description: description,
				VpcId: ref.vpc, VpcPeeringConnectionId: ref.peering, PeeringStatus: ref.status})
		case r.Peer.PrefixList != "":
			p.PrefixListIds = append(p.PrefixListIds, ec2.PrefixListId{PrefixListId: new(r.Peer.PrefixList), Description: description})
		case r.Peer.CIDR.Addr().Is4():
			p.IpRanges = append(p.IpRanges, ec2.IpRange{CidrIp: new(r.Peer.CIDR.String()), Description: description})
		default:
			p.Ipv6Ranges = append(p.Ipv6Ranges, ec2.Ipv6Range{CidrIpv6: new(r.Peer.CIDR.String()), Description: description})
		}
	}
	return list
}

// showWhat is an item without peers. Only what has ports, or types and codes, shows them.
func showWhat(w vpc.What) ec2.IpPermission {
	p := ec2.IpPermission{IpProtocol: new(protocolName(w.Protocol)), UserIdGroupPairs: []ec2.UserIdGroupPair{},
		IpRanges: []ec2.IpRange{}, Ipv6Ranges: []ec2.Ipv6Range{}, PrefixListIds: []ec2.PrefixListId{}}
	if _, ok := protocolNames[w.Protocol]; ok {
		p.FromPort, p.ToPort = new(int32(w.From)), new(int32(w.To))
	}
	return p
}

// showRule is one rule of the group.
func showRule(s *vpc.State, g *vpc.SecurityGroup, r vpc.Rule) ec2.SecurityGroupRule {
	rule := ec2.SecurityGroupRule{
		SecurityGroupRuleId: new(r.ID), GroupId: new(g.ID), GroupOwnerId: new(g.Account), IsEgress: new(r.Egress),
		IpProtocol: new(protocolName(r.What.Protocol)), FromPort: new(int32(r.What.From)), ToPort: new(int32(r.What.To)),
		Description: optional(r.Description), Tags: tagSet(r.Tags), SecurityGroupRuleArn: new(arn(g.Scope, "security-group-rule", r.ID)),
	}
	rule.CidrIpv4, rule.CidrIpv6, rule.PrefixListId = showPeer(r.Peer)
	if r.Peer.Group != "" {
		ref := showReference(s, g, r.Peer)
		rule.ReferencedGroupInfo = &ec2.ReferencedSecurityGroup{GroupId: new(r.Peer.Group), UserId: ref.user,
			VpcId: ref.vpc, VpcPeeringConnectionId: ref.peering, PeeringStatus: ref.status}
	}
	return rule
}

// showRevoked is one rule that the group no longer has.
func showRevoked(g *vpc.SecurityGroup, r vpc.Rule) ec2.RevokedSecurityGroupRule {
	rule := ec2.RevokedSecurityGroupRule{
		SecurityGroupRuleId: new(r.ID), GroupId: new(g.ID), IsEgress: new(r.Egress), IpProtocol: new(protocolName(r.What.Protocol)),
		FromPort: new(int32(r.What.From)), ToPort: new(int32(r.What.To)), Description: optional(r.Description),
		ReferencedGroupId: optional(r.Peer.Group),
	}
	rule.CidrIpv4, rule.CidrIpv6, rule.PrefixListId = showPeer(r.Peer)
	return rule
}

// showPeer is a peer that is no group.
func showPeer(p vpc.Peer) (v4, v6, prefixList *string) {
	switch {
	case p.CIDR.IsValid() && p.CIDR.Addr().Is4():
		return new(p.CIDR.String()), nil, nil
	case p.CIDR.IsValid():
		return nil, new(p.CIDR.String()), nil
	}
	return nil, nil, optional(p.PrefixList)
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html
func describeSecurityGroupRules(s *vpc.State, in *ec2.DescribeSecurityGroupRulesInput) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	for _, id := range in.SecurityGroupRuleIds {
		if err := checkRuleID(id); err != nil {
			return nil, err
		}
	}
	var groups []*vpc.SecurityGroup
	for _, id := range in.SecurityGroupRuleIds {
		g := groupOfRule(s, id)
		if g == nil {
			return nil, noRule(id)
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(in.SecurityGroupRuleIds) == 0 {
		groups = ruleLookups.asked(s, groupIDs, in.Filters)
	}
	var items []ec2.SecurityGroupRule
	for _, g := range groups {
		for _, r := range g.Rules {
			if len(in.SecurityGroupRuleIds) == 0 || slices.Contains(in.SecurityGroupRuleIds, r.ID) {
				items = append(items, showRule(s, g, r))
			}
		}
	}
	rules, next, err := ruleListing.page(s, in, len(in.SecurityGroupRuleIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: rules, NextToken: next}, nil
}

var ruleListing = listing[ec2.SecurityGroupRule]{
	filters[ec2.SecurityGroupRule]{
		"group-id":               func(r *ec2.SecurityGroupRule) []string { return of(r.GroupId) },
		"security-group-rule-id": func(r *ec2.SecurityGroupRule) []string { return of(r.SecurityGroupRuleId) },
		byTag:                    func(r *ec2.SecurityGroupRule) []string { return tagPairs(r.Tags) },
	},
	paging{5, 1000, "securityGroupRuleIds", true},
	func(r *ec2.SecurityGroupRule) string { return *r.GroupId + "/" + *r.SecurityGroupRuleId },
}

// checkRuleID refuses what AWS calls malformed, which for rules is little: whatever follows the
// prefix is at most too long.
func checkRuleID(id string) error {
	if rest, ok := strings.CutPrefix(id, "sgr-"); !ok || len(rest) > 17 {
		return vpc.Errorf("InvalidSecurityGroupRuleId.Malformed", "Invalid id: %q", id)
	}
	return nil
}

func noRule(id string) error {
	return vpc.Errorf("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
}

// groupOfRule is the scope's group that has the rule, or nil.
func groupOfRule(s *vpc.State, id string) *vpc.SecurityGroup {
	if g := s.SecurityGroups.First("rule", id); g != nil && g.Scope == s.Scope {
		return g
	}
	return nil
}

// ruleByID finds a rule of the group in the direction.
func ruleByID(g *vpc.SecurityGroup, egress bool, id string) (int, error) {
	if err := checkRuleID(id); err != nil {
		return 0, err
	}
	i := slices.IndexFunc(g.Rules, func(r vpc.Rule) bool { return r.ID == id && r.Egress == egress })
	if i < 0 {
		return 0, noRule(id)
	}
	return i, nil
}
