package api

import (
	"crenel/ec2"
	"crenel/vpc"
)

// aclOperations keep network ACLs.
var aclOperations = []Operation{
	write(createNetworkAcl),
	write(deleteNetworkAcl),
	read(describeNetworkAcls),
	write(createNetworkAclEntry),
	write(replaceNetworkAclEntry),
	write(deleteNetworkAclEntry),
	write(replaceNetworkAclAssociation),
}

// createNetworkAcl makes an ACL that denies everything.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAcl.html
func createNetworkAcl(e *vpc.Edit, in *ec2.CreateNetworkAclInput) (*ec2.CreateNetworkAclOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "network-acl")
	if err != nil {
		return nil, err
	}
	v, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	a, err := madeBefore(e.State, e.NetworkACLs, token, func(a *vpc.NetworkACL) vpc.Token { return a.Token })
	if err != nil {
		return nil, err
	}
	if a == nil {
		if e.NetworkACLs.CountBy("vpc", v.ID) >= e.Limit(vpc.ACLsPerVPC) {
			return nil, vpc.Errorf("NetworkAclLimitExceeded", "The maximum number of network acls has been reached.")
		}
		a = e.NewNetworkACL(v, false)
		a.Token, a.Tags = token, tags["network-acl"]
		e.NetworkACLs.Put(a)
	}
	return &ec2.CreateNetworkAclOutput{NetworkAcl: new(showACL(e.State, a)), ClientToken: optional(token.Value)}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAcl.html
func deleteNetworkAcl(e *vpc.Edit, in *ec2.DeleteNetworkAclInput) (*ec2.DeleteNetworkAclOutput, error) {
	a, err := aclIDs.find(e.State, *in.NetworkAclId)
	switch {
	case err != nil:
		return nil, err
	case a.Default:
		return nil, vpc.Errorf("InvalidParameterValue", "cannot delete default network ACL %s", a.ID)
	case e.Subnets.First("acl", a.ID) != nil:
		return nil, hasDependencies("networkAcl", a.ID)
	}
	e.NetworkACLs.Delete(a.ID)
	return &ec2.DeleteNetworkAclOutput{}, nil
}

// replaceNetworkAclAssociation gives a subnet another ACL. The association is a new one each time.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclAssociation.html
func replaceNetworkAclAssociation(e *vpc.Edit, in *ec2.ReplaceNetworkAclAssociationInput) (*ec2.ReplaceNetworkAclAssociationOutput, error) {
	if err := checkID("aclassoc", "InvalidAssociationID.Malformed", *in.AssociationId); err != nil {
		return nil, err
	}
	old := e.Subnets.First("acl-association", *in.AssociationId)
	if old == nil || old.Scope != e.Scope {
		return nil, vpc.Errorf("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", *in.AssociationId)
	}
	a, err := aclIDs.find(e.State, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	if a.VPC != old.VPC {
		return nil, vpc.Errorf("InvalidParameterValue", "network ACL %s and subnet %s belong to different networks", a.ID, old.ID)
	}
	subnet := *old
	subnet.ACL, subnet.ACLAssoc = a.ID, e.NewID("aclassoc")
	e.Subnets.Put(&subnet)
	return &ec2.ReplaceNetworkAclAssociationOutput{NewAssociationId: new(subnet.ACLAssoc)}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html
func describeNetworkAcls(s *vpc.State, in *ec2.DescribeNetworkAclsInput) (*ec2.DescribeNetworkAclsOutput, error) {
	acls, next, err := describe(s, in, aclIDs, in.NetworkAclIds, aclListing, func(a *vpc.NetworkACL) ec2.NetworkAcl { return showACL(s, a) })
	return &ec2.DescribeNetworkAclsOutput{NetworkAcls: acls, NextToken: next}, err
}

// showACL is the network ACL as DescribeNetworkAcls shows it, with the subnets that have it.
func showACL(s *vpc.State, a *vpc.NetworkACL) ec2.NetworkAcl {
	shown := ec2.NetworkAcl{NetworkAclId: new(a.ID), VpcId: new(a.VPC), OwnerId: new(a.Account), IsDefault: new(a.Default), Tags: tagSet(a.Tags),
		Associations: []ec2.NetworkAclAssociation{}, Entries: []ec2.NetworkAclEntry{}}
	for _, e := range a.Entries {
		shown.Entries = append(shown.Entries, showACLEntry(e))
	}
	for subnet := range s.Subnets.By("acl", a.ID) {
		shown.Associations = append(shown.Associations, ec2.NetworkAclAssociation{
			NetworkAclAssociationId: new(subnet.ACLAssoc), NetworkAclId: new(a.ID), SubnetId: new(subnet.ID)})
	}
	return shown
}

var aclListing = listing[ec2.NetworkAcl]{aclFilters, paging{5, 1000, "NetworkAclIds", false}, func(a *ec2.NetworkAcl) string { return *a.NetworkAclId }}

var aclFilters = filters[ec2.NetworkAcl]{
	"default":        func(a *ec2.NetworkAcl) []string { return of(a.IsDefault) },
	"network-acl-id": func(a *ec2.NetworkAcl) []string { return of(a.NetworkAclId) },
	"owner-id":       func(a *ec2.NetworkAcl) []string { return of(a.OwnerId) },
	"vpc-id":         func(a *ec2.NetworkAcl) []string { return of(a.VpcId) },
	"association.association-id": func(a *ec2.NetworkAcl) []string {
		return each(a.Associations, func(s *ec2.NetworkAclAssociation) *string { return s.NetworkAclAssociationId })
	},
	"association.network-acl-id": func(a *ec2.NetworkAcl) []string {
		return each(a.Associations, func(s *ec2.NetworkAclAssociation) *string { return s.NetworkAclId })
	},
	"association.subnet-id": func(a *ec2.NetworkAcl) []string {
		return each(a.Associations, func(s *ec2.NetworkAclAssociation) *string { return s.SubnetId })
	},
	"entry.cidr":            entries(func(e *ec2.NetworkAclEntry) []string { return of(e.CidrBlock) }),
	"entry.ipv6-cidr":       entries(func(e *ec2.NetworkAclEntry) []string { return of(e.Ipv6CidrBlock) }),
	"entry.egress":          entries(func(e *ec2.NetworkAclEntry) []string { return of(e.Egress) }),
	"entry.protocol":        entries(protocolNumberAndName),
	"entry.rule-action":     entries(func(e *ec2.NetworkAclEntry) []string { return of(e.RuleAction) }),
	"entry.rule-number":     entries(func(e *ec2.NetworkAclEntry) []string { return of(e.RuleNumber) }),
	"entry.icmp.code":       entries(func(e *ec2.NetworkAclEntry) []string { return of(value(e.IcmpTypeCode).Code) }),
	"entry.icmp.type":       entries(func(e *ec2.NetworkAclEntry) []string { return of(value(e.IcmpTypeCode).Type) }),
	"entry.port-range.from": entries(func(e *ec2.NetworkAclEntry) []string { return of(value(e.PortRange).From) }),
	"entry.port-range.to":   entries(func(e *ec2.NetworkAclEntry) []string { return of(value(e.PortRange).To) }),
}.tagged(func(a *ec2.NetworkAcl) []ec2.Tag { return a.Tags })

// entries holds what its entries hold: different filters may be met by different ones.
func entries(of func(*ec2.NetworkAclEntry) []string) func(*ec2.NetworkAcl) []string {
	return func(a *ec2.NetworkAcl) (held []string) {
		for i := range a.Entries {
			held = append(held, of(&a.Entries[i])...)
		}
		return held
	}
}

// protocolNumberAndName is both: unlike the calls that make entries, the filter knows tcp, udp and icmp by name.
func protocolNumberAndName(e *ec2.NetworkAclEntry) []string {
	names := map[string]string{"1": "icmp", "6": "tcp", "17": "udp"}
	if name := names[*e.Protocol]; name != "" {
		return []string{*e.Protocol, name}
	}
	return []string{*e.Protocol}
}
