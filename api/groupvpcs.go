package api

import (
	"crenel/ec2"
	"crenel/vpc"
)

// Security groups and the further VPCs where they are usable. An association is in force at once.
var groupVPCOperations = []Operation{
	write(associateSecurityGroupVpc),
	write(disassociateSecurityGroupVpc),
	read(describeSecurityGroupVpcAssociations),
	read(getSecurityGroupsForVpc),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateSecurityGroupVpc.html
func associateSecurityGroupVpc(e *vpc.Edit, in *ec2.AssociateSecurityGroupVpcInput) (*ec2.AssociateSecurityGroupVpcOutput, error) {
	g, v, err := groupAndVPC(e.State, *in.GroupId, *in.VpcId)
	if err != nil {
		return nil, err
	}
	home := e.VPCs.Get(g.VPC)
	switch {
	case g.Name == "default":
		return nil, invalid("groupId", g.ID, "A default security group cannot be associated with another VPC.")
	case home.Default:
		return nil, invalid("groupId", g.ID, "A security group of the default VPC cannot be associated with another VPC.")
	case v.Default:
		return nil, invalid("vpcId", v.ID, "A security group cannot be associated with the default VPC.")
	case e.GroupUsable(g, v.ID):
		return nil, vpc.Errorf("Resource.AlreadyAssociated", "resource %s is already associated with network %s", g.ID, v.ID)
	}
	e.GroupAssociations.Put(&vpc.GroupAssociation{Scope: e.Scope, Group: g.ID, VPC: v.ID})
	return &ec2.AssociateSecurityGroupVpcOutput{State: "associating"}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateSecurityGroupVpc.html
func disassociateSecurityGroupVpc(e *vpc.Edit, in *ec2.DisassociateSecurityGroupVpcInput) (*ec2.DisassociateSecurityGroupVpcOutput, error) {
	g, v, err := groupAndVPC(e.State, *in.GroupId, *in.VpcId)
	if err != nil {
		return nil, err
	}
	key := vpc.GroupAssociationKey(g.ID, v.ID)
	if e.GroupAssociations.Get(key) == nil {
		return nil, vpc.Errorf("InvalidSecurityGroupVpcAssociation.NotFound", "The security group '%s' is not associated with the VPC '%s'", g.ID, v.ID)
	}
	for i := range e.Interfaces.By("group", g.ID) {
		if i.VPC == v.ID {
			return nil, vpc.Errorf("DependencyViolation", "resource %s has a dependent object", g.ID)
		}
	}
	e.GroupAssociations.Delete(key)
	return &ec2.DisassociateSecurityGroupVpcOutput{State: "disassociating"}, nil
}

func groupAndVPC(s *vpc.State, groupID, vpcID string) (*vpc.SecurityGroup, *vpc.VPC, error) {
	g, err := groupIDs.find(s, groupID)
	if err != nil {
		return nil, nil, err
	}
	v, err := vpcIDs.find(s, vpcID)
	return g, v, err
}

// describeSecurityGroupVpcAssociations lists associations: all are in force.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupVpcAssociations.html
func describeSecurityGroupVpcAssociations(s *vpc.State, in *ec2.DescribeSecurityGroupVpcAssociationsInput) (*ec2.DescribeSecurityGroupVpcAssociationsOutput, error) {
	var items []ec2.SecurityGroupVpcAssociation
	for a := range s.GroupAssociations.By("scope", s.Key()) {
		items = append(items, ec2.SecurityGroupVpcAssociation{GroupId: new(a.Group), GroupOwnerId: new(a.Account),
			VpcId: new(a.VPC), VpcOwnerId: new(a.Account), State: "associated"})
	}
	page, next, err := groupAssociationListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeSecurityGroupVpcAssociationsOutput{SecurityGroupVpcAssociations: page, NextToken: next}, nil
}

var groupAssociationListing = listing[ec2.SecurityGroupVpcAssociation]{
	filters[ec2.SecurityGroupVpcAssociation]{
		"group-id":       func(a *ec2.SecurityGroupVpcAssociation) []string { return of(a.GroupId) },
		"group-owner-id": func(a *ec2.SecurityGroupVpcAssociation) []string { return of(a.GroupOwnerId) },
		"state":          func(a *ec2.SecurityGroupVpcAssociation) []string { return of(a.State) },
		"vpc-id":         func(a *ec2.SecurityGroupVpcAssociation) []string { return of(a.VpcId) },
		"vpc-owner-id":   func(a *ec2.SecurityGroupVpcAssociation) []string { return of(a.VpcOwnerId) },
	},
	paging{low: 5, high: 1000},
	func(a *ec2.SecurityGroupVpcAssociation) string { return *a.GroupId + "/" + *a.VpcId },
}

// getSecurityGroupsForVpc lists the groups that interfaces of the VPC may carry.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSecurityGroupsForVpc.html
func getSecurityGroupsForVpc(s *vpc.State, in *ec2.GetSecurityGroupsForVpcInput) (*ec2.GetSecurityGroupsForVpcOutput, error) {
	v, err := vpcIDs.find(s, *in.VpcId)
	if err != nil {
		return nil, err
	}
	var items []ec2.SecurityGroupForVpc
	for g := range s.SecurityGroups.By("vpc", v.ID) {
		items = append(items, showGroupForVPC(g))
	}
	for a := range s.GroupAssociations.By("vpc", v.ID) {
		items = append(items, showGroupForVPC(s.SecurityGroups.Get(a.Group)))
	}
	page, next, err := groupForVPCListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	return &ec2.GetSecurityGroupsForVpcOutput{SecurityGroupForVpcs: page, NextToken: next}, nil
}

func showGroupForVPC(g *vpc.SecurityGroup) ec2.SecurityGroupForVpc {
	return ec2.SecurityGroupForVpc{GroupId: new(g.ID), GroupName: new(g.Name), Description: new(g.Description), OwnerId: new(g.Account),
		PrimaryVpcId: new(g.VPC), Tags: tagSet(g.Tags)}
}

var groupForVPCListing = listing[ec2.SecurityGroupForVpc]{
	filters[ec2.SecurityGroupForVpc]{
		"description":    func(g *ec2.SecurityGroupForVpc) []string { return of(g.Description) },
		"group-id":       func(g *ec2.SecurityGroupForVpc) []string { return of(g.GroupId) },
		"group-name":     func(g *ec2.SecurityGroupForVpc) []string { return of(g.GroupName) },
		"owner-id":       func(g *ec2.SecurityGroupForVpc) []string { return of(g.OwnerId) },
		"primary-vpc-id": func(g *ec2.SecurityGroupForVpc) []string { return of(g.PrimaryVpcId) },
	},
	paging{low: 5, high: 1000},
	func(g *ec2.SecurityGroupForVpc) string { return *g.GroupId },
}
