package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

var groupOperations = []Operation{
	write(createSecurityGroup),
	write(deleteSecurityGroup),
	read(describeSecurityGroups),
	read(describeSecurityGroupRules),
	write(authorizeSecurityGroupIngress),
	write(authorizeSecurityGroupEgress),
	write(revokeSecurityGroupIngress),
	write(revokeSecurityGroupEgress),
	write(modifySecurityGroupRules),
	write(updateSecurityGroupRuleDescriptionsIngress),
	write(updateSecurityGroupRuleDescriptionsEgress),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
func createSecurityGroup(e *vpc.Edit, in *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error) {
	name, err := groupName(*in.GroupName)
	if err != nil {
		return nil, err
	}
	description, err := groupDescription(*in.Description)
	if err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "security-group")
	if err != nil {
		return nil, err
	}
	v, err := vpcOrDefault(e.State, in.VpcId)
	if err != nil {
		return nil, err
	}
	if e.SecurityGroups.First("name", vpc.GroupNameKey(v.ID, name)) != nil {
		return nil, vpc.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, v.ID)
	}
	if e.SecurityGroups.CountBy("scope", e.Key()) >= e.Limit(vpc.GroupsPerRegion) {
		return nil, vpc.Errorf("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
	}
	g := e.NewSecurityGroup(v.ID, name, description)
	g.Tags = tags["security-group"]
	e.SecurityGroups.Put(g)
	return &ec2.CreateSecurityGroupOutput{GroupId: new(g.ID), Tags: tagSet(g.Tags),
		SecurityGroupArn: new(arn(g.Scope, "security-group", g.ID))}, nil
}

// What names and descriptions of groups and rules are made of.
const groupLetters = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"

func groupName(name string) (string, error) {
	name = strings.TrimRight(name, " ")
	switch {
	case name == "":
		return "", invalid("GroupName", "", "The value cannot be empty")
	case strings.HasPrefix(name, "sg-"):
		return "", invalid("GroupName", name, "Group names may not be in the format sg-*.")
	case !ascii(name):
		return "", invalid("GroupName", name, "Character sets beyond ASCII are not supported.")
	case !groupText(name):
		return "", vpc.Errorf("InvalidParameterValue", "Invalid security group name. Valid names are strings less than 256 characters from the following set:  %s", groupLetters)
	case name == "default":
		return "", vpc.Errorf("InvalidParameterValue", "Cannot use reserved security group name: default")
	}
	return name, nil
}

func groupDescription(description string) (string, error) {
	switch {
	case !ascii(description):
		return "", invalid("GroupDescription", description, "Character sets beyond ASCII are not supported.")
	case !groupText(description):
		return "", vpc.Errorf("InvalidParameterValue", "Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  %s", groupLetters)
	}
	return description, nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

func groupText(s string) bool {
	return len(s) < 256 && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune(". _-:/()#,@[]+=&;{}!$*", r)
	})
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
func deleteSecurityGroup(e *vpc.Edit, in *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error) {
	g, err := namedGroup(e.State, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	if g.Name == "default" {
		return nil, vpc.Errorf("CannotDelete", "the specified group: %q name: %q cannot be deleted by a user", g.ID, g.Name)
	}
	if groupInUse(e.State, g) {
		return nil, vpc.Errorf("DependencyViolation", "resource %s has a dependent object", g.ID)
	}
	e.SecurityGroups.Delete(g.ID)
	return &ec2.DeleteSecurityGroupOutput{Return: new(true), GroupId: new(g.ID)}, nil
}

// groupInUse tells whether something needs the group. Its own rules do not, nor do those of other VPCs:
// they become stale.
func groupInUse(s *vpc.State, g *vpc.SecurityGroup) bool {
	for referrer := range s.SecurityGroups.By("refers", g.ID) {
		if referrer.ID != g.ID && referrer.VPC == g.VPC {
			return true
		}
	}
	return s.Interfaces.First("group", g.ID) != nil || s.GroupAssociations.First("group", g.ID) != nil
}

// namedGroup finds the group that a request means by its id or, in the default VPC, by its name.
func namedGroup(s *vpc.State, id, name *string) (*vpc.SecurityGroup, error) {
	switch {
	case id != nil && *id == "":
		return nil, invalid("groupId", "", "The value cannot be empty")
	case value(id) != "" && value(name) != "":
		return nil, notTogether("groupName", "groupId")
	case id != nil:
		return groupIDs.find(s, *id)
	case value(name) != "":
		return groupByName(s, *name)
	}
	return nil, missing("groupName or groupId")
}

// groupByName finds a group of the default VPC.
func groupByName(s *vpc.State, name string) (*vpc.SecurityGroup, error) {
	v := s.DefaultVPC()
	if v == nil {
		return nil, vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC 'none'", name)
	}
	g := s.SecurityGroups.First("name", vpc.GroupNameKey(v.ID, name))
	if g == nil || g.Name != name {
		return nil, vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, v.ID)
	}
	return g, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
func describeSecurityGroups(s *vpc.State, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	if err := checkVPCFilter(in.Filters); err != nil {
		return nil, err
	}
	found, err := groupsAsked(s, in)
	if err != nil {
		return nil, err
	}
	items := make([]ec2.SecurityGroup, 0, len(found))
	for _, g := range found {
		items = append(items, showGroup(s, g))
	}
	groups, next, err := groupListing(s).page(s, in, len(in.GroupIds)+len(in.GroupNames) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: groups, NextToken: next}, nil
}

// groupsAsked finds the groups that a request names, each once, or those that may meet its filters.
func groupsAsked(s *vpc.State, in *ec2.DescribeSecurityGroupsInput) (found []*vpc.SecurityGroup, err error) {
	if len(in.GroupIds)+len(in.GroupNames) == 0 {
		return groupLookups.asked(s, groupIDs, in.Filters), nil
	}
	if len(in.GroupIds) > 0 {
		if found, err = groupIDs.all(s, in.GroupIds); err != nil {
			return nil, err
		}
	}
	for _, name := range in.GroupNames {
		g, err := groupByNameOrID(s, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(found, g) {
			found = append(found, g)
		}
	}
	return found, nil
}

// checkVPCFilter refuses what cannot be the id of a VPC, in AWS's few words; a pattern may be part of one.
func checkVPCFilter(filters []ec2.Filter) error {
	for _, f := range filters {
		for _, v := range f.Values {
			if value(f.Name) == "vpc-id" && !strings.ContainsAny(v, `*?\`) && vpcIDs.check(v) != nil {
				return vpc.Errorf("InvalidParameterValue", "vpc-id")
			}
		}
	}
	return nil
}

// groupByNameOrID finds a group by what clients put into GroupName.
func groupByNameOrID(s *vpc.State, name string) (*vpc.SecurityGroup, error) {
	if strings.HasPrefix(name, "sg-") {
		return groupIDs.find(s, name)
	}
	return groupByName(s, name)
}

// groupListing is how groups are listed. It needs the State to know the names of referenced groups.
func groupListing(s *vpc.State) listing[ec2.SecurityGroup] {
	f := filters[ec2.SecurityGroup]{
		"description": func(g *ec2.SecurityGroup) []string { return of(g.Description) },
		"group-id":    func(g *ec2.SecurityGroup) []string { return of(g.GroupId) },
		"group-name":  func(g *ec2.SecurityGroup) []string { return of(g.GroupName) },
		"owner-id":    func(g *ec2.SecurityGroup) []string { return of(g.OwnerId) },
		"vpc-id":      func(g *ec2.SecurityGroup) []string { return of(g.VpcId) },
	}.tagged(func(g *ec2.SecurityGroup) []ec2.Tag { return g.Tags })
	for name, held := range permissionFilters(s) {
		f["ip-permission."+name] = func(g *ec2.SecurityGroup) []string { return held(g.IpPermissions) }
		f["egress.ip-permission."+name] = func(g *ec2.SecurityGroup) []string { return held(g.IpPermissionsEgress) }
	}
	return listing[ec2.SecurityGroup]{f, paging{5, 1000, "securityGroupIdSet", true},
		func(g *ec2.SecurityGroup) string { return *g.GroupId }}
}

// permissionFilters are the filters that look at a group's rules. Different ones may be met by
// different rules.
func permissionFilters(s *vpc.State) map[string]func([]ec2.IpPermission) []string {
	pairs := func(member func(*ec2.UserIdGroupPair) *string) func([]ec2.IpPermission) []string {
		return func(list []ec2.IpPermission) (held []string) {
			for _, p := range list {
				held = append(held, each(p.UserIdGroupPairs, member)...)
			}
			return held
		}
	}
	return map[string]func([]ec2.IpPermission) []string{
		"cidr": func(list []ec2.IpPermission) (held []string) {
			for _, p := range list {
				held = append(held, each(p.IpRanges, func(r *ec2.IpRange) *string { return r.CidrIp })...)
			}
			return held
		},
		"ipv6-cidr": func(list []ec2.IpPermission) (held []string) {
			for _, p := range list {
				held = append(held, each(p.Ipv6Ranges, func(r *ec2.Ipv6Range) *string { return r.CidrIpv6 })...)
			}
			return held
		},
		"prefix-list-id": func(list []ec2.IpPermission) (held []string) {
			for _, p := range list {
				held = append(held, each(p.PrefixListIds, func(r *ec2.PrefixListId) *string { return r.PrefixListId })...)
			}
			return held
		},
		"from-port": func(list []ec2.IpPermission) []string {
			return each(list, func(p *ec2.IpPermission) *int32 { return p.FromPort })
		},
		"to-port": func(list []ec2.IpPermission) []string {
			return each(list, func(p *ec2.IpPermission) *int32 { return p.ToPort })
		},
		"protocol": func(list []ec2.IpPermission) []string {
			return each(list, func(p *ec2.IpPermission) *string { return p.IpProtocol })
		},
		"group-id": pairs(func(p *ec2.UserIdGroupPair) *string { return p.GroupId }),
		"user-id":  pairs(func(p *ec2.UserIdGroupPair) *string { return p.UserId }),
		"group-name": pairs(func(p *ec2.UserIdGroupPair) *string {
			if g := groupIDs.get(s, value(p.GroupId)); g != nil { // others' names are not for the caller to know
				return &g.Name
			}
			return nil
		}),
	}
}

// showGroup is the group as DescribeSecurityGroups shows it.
func showGroup(s *vpc.State, g *vpc.SecurityGroup) ec2.SecurityGroup {
	in, out := split(g.Rules)
	return ec2.SecurityGroup{
		OwnerId: new(g.Account), GroupId: new(g.ID), GroupName: new(g.Name), Description: new(g.Description), VpcId: new(g.VPC),
		SecurityGroupArn: new(arn(g.Scope, "security-group", g.ID)),
		IpPermissions:    showPermissions(s, g, in), IpPermissionsEgress: showPermissions(s, g, out), Tags: tagSet(g.Tags),
	}
}
