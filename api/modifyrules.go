package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html
func modifySecurityGroupRules(e *vpc.Edit, in *ec2.ModifySecurityGroupRulesInput) (*ec2.ModifySecurityGroupRulesOutput, error) {
	old, err := groupIDs.find(e.State, *in.GroupId)
	if err != nil {
		return nil, err
	}
	g := *old
	g.Rules = slices.Clone(old.Rules)
	seen := map[string]bool{}
	for _, update := range in.SecurityGroupRules {
		id, err := need("securityGroupRuleId", update.SecurityGroupRuleId)
		if err != nil {
			return nil, err
		}
		if seen[id] {
			return nil, vpc.Errorf("InvalidParameterValue", "Duplicated security group rule ID '%s'. The same security group rule ID must not appear multiple times.", id)
		}
		seen[id] = true
		if err := modifyRule(e.State, &g, id, update.SecurityGroupRule); err != nil {
			return nil, err
		}
	}
	lists := false
	for i, r := range g.Rules {
		lists = lists || seen[r.ID] && r.Peer.PrefixList != ""
		if seen[r.ID] && indexOf(append(g.Rules[:i:i], g.Rules[i+1:]...), r) >= 0 {
			return nil, duplicate(r)
		}
	}
	if lists { // another one may weigh more
		if err := checkQuotas(e.State, &g); err != nil {
			return nil, err
		}
	}
	e.SecurityGroups.Put(&g)
	return &ec2.ModifySecurityGroupRulesOutput{Return: new(true)}, nil
}

// modifyRule puts a rule of the group in the place of the one with the id. Its id, direction and tags
// stay, and so must the kind of its peer.
func modifyRule(s *vpc.State, g *vpc.SecurityGroup, id string, wanted *ec2.SecurityGroupRuleRequest) error {
	if err := checkRuleID(id); err != nil {
		return err
	}
	i := slices.IndexFunc(g.Rules, func(r vpc.Rule) bool { return r.ID == id })
	if i < 0 {
		return noRule(id)
	}
	if wanted == nil {
		return vpc.Errorf("InvalidParameterValue", "No value specified for securityGroupRule.")
	}
	if value(wanted.IpProtocol) == "-1" && (wanted.FromPort != nil && *wanted.FromPort != -1 || wanted.ToPort != nil && *wanted.ToPort != -1) {
		return vpc.Errorf("InvalidParameterValue", "You may not specify all protocols and specific ports. Please specify each protocol and port range combination individually, or all protocols and no port range.")
	}
	what, err := readWhat(value(wanted.IpProtocol), wanted.FromPort, wanted.ToPort)
	if err != nil {
		return err
	}
	peer, err := readOnePeer(s, g, wanted)
	if err != nil {
		return err
	}
	if is, was := peerKind(peer), peerKind(g.Rules[i].Peer); is != was {
		return vpc.Errorf("InvalidParameterValue", "You may not specify %s %s for an existing %s rule.", is.article, is.name, was.name)
	}
	description := value(wanted.Description)
	if err := checkRuleDescription(description); err != nil {
		return err
	}
	r := &g.Rules[i]
	r.What, r.Peer, r.Description = what, peer, description
	return nil
}

func readOnePeer(s *vpc.State, g *vpc.SecurityGroup, r *ec2.SecurityGroupRuleRequest) (vpc.Peer, error) {
	given := 0
	for _, p := range []*string{r.CidrIpv4, r.CidrIpv6, r.PrefixListId, r.ReferencedGroupId} {
		if value(p) != "" {
			given++
		}
	}
	switch {
	case given == 0:
		return vpc.Peer{}, vpc.Errorf("MissingParameter", "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId")
	case given > 1:
		return vpc.Peer{}, vpc.Errorf("InvalidParameterCombination", "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
	case value(r.CidrIpv4) != "":
		return readRange(*r.CidrIpv4, netip.Addr.Is4)
	case value(r.CidrIpv6) != "":
		return readRange(*r.CidrIpv6, netip.Addr.Is6)
	case value(r.PrefixListId) != "":
		return readPrefixList(s, *r.PrefixListId)
	}
	pair := ec2.UserIdGroupPair{GroupId: r.ReferencedGroupId}
	if other := s.SecurityGroups.Get(*r.ReferencedGroupId); other != nil {
		pair.UserId = new(other.Account) // there is no parameter for it
	}
	return reading{State: s, group: g}.groupPeer(pair)
}

// A kind is which of the four a peer is, as AWS speaks of it.
type kind struct{ article, name string }

func peerKind(p vpc.Peer) kind {
	switch {
	case p.Group != "":
		return kind{"a", "referenced group id"}
	case p.PrefixList != "":
		return kind{"a", "prefix list"}
	case p.CIDR.Addr().Is4():
		return kind{"an", "IPv4 CIDR"}
	}
	return kind{"an", "IPv6 CIDR"}
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsIngress.html
func updateSecurityGroupRuleDescriptionsIngress(e *vpc.Edit, in *ec2.UpdateSecurityGroupRuleDescriptionsIngressInput) (*ec2.UpdateSecurityGroupRuleDescriptionsIngressOutput, error) {
	r := ruleRequest{group: in.GroupId, groupName: in.GroupName, permissions: in.IpPermissions}
	if err := updateDescriptions(e, in.SecurityGroupRuleDescriptions, r); err != nil {
		return nil, err
	}
	return &ec2.UpdateSecurityGroupRuleDescriptionsIngressOutput{Return: new(true)}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsEgress.html
func updateSecurityGroupRuleDescriptionsEgress(e *vpc.Edit, in *ec2.UpdateSecurityGroupRuleDescriptionsEgressInput) (*ec2.UpdateSecurityGroupRuleDescriptionsEgressOutput, error) {
	r := ruleRequest{group: in.GroupId, groupName: in.GroupName, permissions: in.IpPermissions, egress: true}
	if err := updateDescriptions(e, in.SecurityGroupRuleDescriptions, r); err != nil {
		return nil, err
	}
	return &ec2.UpdateSecurityGroupRuleDescriptionsEgressOutput{Return: new(true)}, nil
}

// updateDescriptions gives existing rules, named by id or by what they are, a new description or none.
func updateDescriptions(e *vpc.Edit, byID []ec2.SecurityGroupRuleDescription, r ruleRequest) error {
	old, err := namedGroup(e.State, r.group, r.groupName)
	if err != nil {
		return err
	}
	switch {
	case len(byID) > 0 && len(r.permissions) > 0:
		return vpc.Errorf("InvalidParameterCombination", "The parameter 'securityGroupRuleDescriptions' may not be used in combination with 'ipPermissions'.")
	case len(byID) == 0 && len(r.permissions) == 0:
		return vpc.Errorf("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.")
	}
	g := *old
	g.Rules = slices.Clone(old.Rules)
	for _, d := range byID {
		i, err := ruleByID(&g, r.egress, value(d.SecurityGroupRuleId))
		if err != nil {
			return err
		}
		g.Rules[i].Description = value(d.Description)
		if err := checkRuleDescription(g.Rules[i].Description); err != nil {
			return err
		}
	}
	wanted, err := reading{State: e.State, group: &g, egress: r.egress, made: true}.permissions(r.permissions)
	if err != nil {
		return err
	}
	for _, rule := range wanted {
		i := indexOf(g.Rules, rule)
		if i < 0 {
			return vpc.Errorf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		g.Rules[i].Description = rule.Description
	}
	e.SecurityGroups.Put(&g)
	return nil
}
