package api

import (
	"strconv"

	"crenel/ec2"
	"crenel/vpc"
)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html
func describeNetworkAcls(s *vpc.State, in *ec2.DescribeNetworkAclsInput) (*ec2.DescribeNetworkAclsOutput, error) {
	found, err := aclIDs.all(s, in.NetworkAclIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.NetworkAcl
	for _, a := range found {
		items = append(items, showACL(s, a))
	}
	acls, next, err := aclListing.page(s, in, len(in.NetworkAclIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeNetworkAclsOutput{NetworkAcls: acls, NextToken: next}, nil
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

func showACLEntry(e vpc.ACLEntry) ec2.NetworkAclEntry {
	shown := ec2.NetworkAclEntry{RuleNumber: new(int32(e.Number)), Egress: new(e.Egress), Protocol: new(strconv.Itoa(e.What.Protocol)), RuleAction: "deny"}
	if e.Allow {
		shown.RuleAction = "allow"
	}
	if e.CIDR.Addr().Is4() {
		shown.CidrBlock = new(e.CIDR.String())
	} else {
		shown.Ipv6CidrBlock = new(e.CIDR.String())
	}
	switch from, to := int32(e.What.From), int32(e.What.To); e.What.Protocol {
	case tcp, udp:
		shown.PortRange = &ec2.PortRange{From: &from, To: &to}
	case icmp, icmpv6:
		shown.IcmpTypeCode = &ec2.IcmpTypeCode{Type: &from, Code: &to}
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
	"entry.protocol":        entries(func(e *ec2.NetworkAclEntry) []string { return of(e.Protocol) }),
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
