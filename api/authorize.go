package api

import (
	"cmp"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// A request to authorize or revoke rules: the same in both directions.
type ruleRequest struct {
	group, groupName      *string
	egress                bool
	permissions           []ec2.IpPermission
	protocol, cidr        *string // the old way, of one rule
	from, to              *int32
	source, sourceAccount *string // the old way, of everything from a group
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
func authorizeSecurityGroupIngress(e *vpc.Edit, in *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	rules, err := authorize(e, in.TagSpecifications, ruleRequest{group: in.GroupId, groupName: in.GroupName, permissions: in.IpPermissions,
		protocol: in.IpProtocol, cidr: in.CidrIp, from: in.FromPort, to: in.ToPort,
		source: in.SourceSecurityGroupName, sourceAccount: in.SourceSecurityGroupOwnerId})
	if err != nil {
		return nil, err
	}
	return &ec2.AuthorizeSecurityGroupIngressOutput{Return: new(true), SecurityGroupRules: rules}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html
func authorizeSecurityGroupEgress(e *vpc.Edit, in *ec2.AuthorizeSecurityGroupEgressInput) (*ec2.AuthorizeSecurityGroupEgressOutput, error) {
	rules, err := authorize(e, in.TagSpecifications, ruleRequest{group: in.GroupId, egress: true, permissions: in.IpPermissions,
		protocol: in.IpProtocol, cidr: in.CidrIp, from: in.FromPort, to: in.ToPort,
		source: in.SourceSecurityGroupName, sourceAccount: in.SourceSecurityGroupOwnerId})
	if err != nil {
		return nil, err
	}
	return &ec2.AuthorizeSecurityGroupEgressOutput{Return: new(true), SecurityGroupRules: rules}, nil
}

func authorize(e *vpc.Edit, specs []ec2.TagSpecification, r ruleRequest) ([]ec2.SecurityGroupRule, error) {
	tags, err := createTagsFor(specs, "security-group-rule")
	if err != nil {
		return nil, err
	}
	old, err := namedGroup(e.State, r.group, r.groupName)
	if err != nil {
		return nil, err
	}
	permissions, err := r.list()
	if err != nil {
		return nil, err
	}
	if len(permissions) == 0 {
		return nil, missing("ipPermissions")
	}
	added, err := reading{State: e.State, group: old, egress: r.egress}.permissions(permissions)
	if err != nil {
		return nil, err
	}
	g := *old
	g.Rules = slices.Clone(old.Rules)
	shown := []ec2.SecurityGroupRule{}
	for _, rule := range added {
		if indexOf(old.Rules, rule) >= 0 {
			return nil, duplicate(rule)
		}
		rule.ID, rule.Tags = e.NewID("sgr"), tags["security-group-rule"]
		g.Rules = append(g.Rules, rule)
		shown = append(shown, showRule(e.State, &g, rule))
	}
	if err := checkQuota(e.State, g.Rules, r.egress); err != nil {
		return nil, err
	}
	e.SecurityGroups.Put(&g)
	return shown, nil
}

// list is the request's permissions, whichever way they came.
func (r ruleRequest) list() ([]ec2.IpPermission, error) {
	rule := first(given{"cidrIp", r.cidr != nil}, given{"ipProtocol", r.protocol != nil}, given{"fromPort", r.from != nil}, given{"toPort", r.to != nil})
	source := first(given{"sourceSecurityGroupName", r.source != nil}, given{"sourceSecurityGroupOwnerId", r.sourceAccount != nil})
	switch {
	case rule == "" && source == "":
		return r.permissions, nil
	case r.egress:
		return nil, unsupported(cmp.Or(source, rule))
	case len(r.permissions) > 0:
		return nil, notTogether(cmp.Or(source, rule), "ipPermissions")
	case source == "" && r.cidr == nil:
		return nil, missing("cidrIp")
	case source == "":
		return []ec2.IpPermission{{IpProtocol: r.protocol, FromPort: r.from, ToPort: r.to, IpRanges: []ec2.IpRange{{CidrIp: r.cidr}}}}, nil
	case rule != "":
		return nil, notTogether(source, rule)
	}
	return everythingFrom(ec2.UserIdGroupPair{GroupName: r.source, UserId: r.sourceAccount}), nil
}

// first is the first parameter that is given, or "".
func first(all ...given) string {
	for _, g := range all {
		if g.is {
			return g.parameter
		}
	}
	return ""
}

// everythingFrom permits all TCP, UDP and ICMP, as the old parameters that name a group do.
func everythingFrom(pair ec2.UserIdGroupPair) []ec2.IpPermission {
	pairs := []ec2.UserIdGroupPair{pair}
	return []ec2.IpPermission{
		{IpProtocol: new("tcp"), FromPort: new(int32(0)), ToPort: new(int32(65535)), UserIdGroupPairs: pairs},
		{IpProtocol: new("udp"), FromPort: new(int32(0)), ToPort: new(int32(65535)), UserIdGroupPairs: pairs},
		{IpProtocol: new("icmp"), FromPort: new(int32(-1)), ToPort: new(int32(-1)), UserIdGroupPairs: pairs},
	}
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
func revokeSecurityGroupIngress(e *vpc.Edit, in *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	revoked, unknown, err := revoke(e, in.SecurityGroupRuleIds, ruleRequest{group: in.GroupId, groupName: in.GroupName, permissions: in.IpPermissions,
		protocol: in.IpProtocol, cidr: in.CidrIp, from: in.FromPort, to: in.ToPort,
		source: in.SourceSecurityGroupName, sourceAccount: in.SourceSecurityGroupOwnerId})
	if err != nil {
		return nil, err
	}
	return &ec2.RevokeSecurityGroupIngressOutput{Return: new(true), RevokedSecurityGroupRules: revoked, UnknownIpPermissions: unknown}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupEgress.html
func revokeSecurityGroupEgress(e *vpc.Edit, in *ec2.RevokeSecurityGroupEgressInput) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	revoked, unknown, err := revoke(e, in.SecurityGroupRuleIds, ruleRequest{group: in.GroupId, egress: true, permissions: in.IpPermissions,
		protocol: in.IpProtocol, cidr: in.CidrIp, from: in.FromPort, to: in.ToPort,
		source: in.SourceSecurityGroupName, sourceAccount: in.SourceSecurityGroupOwnerId})
	if err != nil {
		return nil, err
	}
	return &ec2.RevokeSecurityGroupEgressOutput{Return: new(true), RevokedSecurityGroupRules: revoked, UnknownIpPermissions: unknown}, nil
}

func revoke(e *vpc.Edit, ids []string, r ruleRequest) ([]ec2.RevokedSecurityGroupRule, []ec2.IpPermission, error) {
	old, err := namedGroup(e.State, r.group, r.groupName)
	if err != nil {
		return nil, nil, err
	}
	gone, unknown, err := r.rulesToRevoke(e.State, old, ids)
	if err != nil {
		return nil, nil, err
	}
	g := *old
	g.Rules = nil
	revoked := []ec2.RevokedSecurityGroupRule{}
	for i, rule := range old.Rules {
		if slices.Contains(gone, i) {
			revoked = append(revoked, showRevoked(old, rule))
		} else {
			g.Rules = append(g.Rules, rule)
		}
	}
	if len(revoked) > 0 {
		e.SecurityGroups.Put(&g)
	}
	return revoked, showPermissions(e.State, old, unknown), nil
}

// rulesToRevoke finds the rules that the request names, by where they stand in the group, and in the
// default VPC also those that it does not have. Elsewhere these are an error.
func (r ruleRequest) rulesToRevoke(s *vpc.State, g *vpc.SecurityGroup, ids []string) (gone []int, unknown []vpc.Rule, err error) {
	permissions, err := r.list()
	switch {
	case err != nil:
		return nil, nil, err
	case len(ids) > 0 && len(permissions) > 0:
		return nil, nil, vpc.Errorf("InvalidParameterCombination", "The parameter 'securityGroupRuleIds' may not be used in combination with 'ipPermissions'.")
	case len(ids) == 0 && len(permissions) == 0:
		return nil, nil, vpc.Errorf("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
	}
	for _, id := range ids {
		i, err := ruleByID(g, r.egress, id)
		if err != nil {
			return nil, nil, err
		}
		gone = append(gone, i)
	}
	wanted, err := reading{State: s, group: g, egress: r.egress, made: true}.permissions(permissions)
	if err != nil {
		return nil, nil, err
	}
	for _, rule := range wanted {
		switch i := indexOf(g.Rules, rule); {
		case i >= 0:
			gone = append(gone, i)
		case inDefaultVPC(s, g):
			unknown = append(unknown, rule)
		default:
			return nil, nil, vpc.Errorf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
	}
	return gone, unknown, nil
}
