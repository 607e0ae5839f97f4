package api

import (
	"net/netip"

	"crenel/ec2"
	"crenel/vpc"
)

var vpcOperations = []Operation{
	write(createVpc),
	write(deleteVpc),
	read(describeVpcs),
	read(describeVpcAttribute),
	write(modifyVpcAttribute),
	write(createSubnet),
	write(deleteSubnet),
	read(describeSubnets),
	write(modifySubnetAttribute),
	read(describeNetworkAcls),
	read(describeDhcpOptions),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
func createVpc(e *vpc.Edit, in *ec2.CreateVpcInput) (*ec2.CreateVpcOutput, error) {
	if err := refuse(given{"amazonProvidedIpv6CidrBlock", value(in.AmazonProvidedIpv6CidrBlock)},
		given{"ipv6CidrBlock", value(in.Ipv6CidrBlock) != ""}, given{"ipv6Pool", value(in.Ipv6Pool) != ""},
		given{"ipv6CidrBlockNetworkBorderGroup", value(in.Ipv6CidrBlockNetworkBorderGroup) != ""},
		given{"ipv6IpamPoolId", value(in.Ipv6IpamPoolId) != ""}, given{"ipv6NetmaskLength", in.Ipv6NetmaskLength != nil},
		given{"ipv4IpamPoolId", value(in.Ipv4IpamPoolId) != ""}, given{"ipv4NetmaskLength", in.Ipv4NetmaskLength != nil},
		given{"vpcEncryptionControl", in.VpcEncryptionControl != nil}); err != nil {
		return nil, err
	}
	if value(in.CidrBlock) == "" {
		return nil, vpc.Errorf("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
	}
	cidr, err := readBlock(*in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 || unusable(cidr) {
		return nil, vpc.Errorf("InvalidVpc.Range", "The CIDR '%s' is invalid.", *in.CidrBlock)
	}
	switch in.InstanceTenancy {
	case "", "default":
	case "dedicated", "host":
		return nil, vpc.Errorf("UnsupportedOperation", "The tenancy %s is not supported.", in.InstanceTenancy)
	default:
		return nil, invalid("instanceTenancy", in.InstanceTenancy, "The tenancy must be one of: default, dedicated.")
	}
	tags, err := createTagsFor(in.TagSpecifications, "vpc")
	if err != nil {
		return nil, err
	}
	if count(e.VPCs.By("scope", e.Key())) >= e.Limit(vpc.VPCsPerRegion) {
		return nil, vpc.Errorf("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	v := *e.NewVPC(cidr, "default", false)
	v.Tags = tags["vpc"]
	e.VPCs.Put(&v)
	shown := showVPC(&v)
	shown.State = "pending"
	return &ec2.CreateVpcOutput{Vpc: &shown}, nil
}

// readBlock reads the IPv4 range of a VPC or a subnet. Its host bits are cleared.
func readBlock(cidr string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !p.Addr().Is4() {
		return p, invalid("cidrBlock", cidr, "This is not a valid CIDR block.")
	}
	return p.Masked(), nil
}

// unusable tells whether a VPC cannot have the range: this host, loopback, link-local, multicast and
// what lies beyond it.
func unusable(p netip.Prefix) bool {
	for _, reserved := range []string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"} {
		if netip.MustParsePrefix(reserved).Overlaps(p) {
			return true
		}
	}
	return false
}

// vpcOrDefault finds the VPC with the id, or the default VPC where none is given.
func vpcOrDefault(s *vpc.State, id *string) (*vpc.VPC, error) {
	if value(id) != "" {
		return vpcIDs.find(s, *id)
	}
	if v := s.DefaultVPC(); v != nil {
		return v, nil
	}
	return nil, vpc.Errorf("VPCIdNotSpecified", "No default VPC for this user")
}

// deleteVpc deletes a VPC with all that came with it. Whatever else is in it stops that.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
func deleteVpc(e *vpc.Edit, in *ec2.DeleteVpcInput) (*ec2.DeleteVpcOutput, error) {
	v, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if vpcInUse(e.State, v.ID) {
		return nil, vpc.Errorf("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted.", v.ID)
	}
	endPeerings(e, v.ID)
	e.SecurityGroups.Delete(e.DefaultGroup(v.ID).ID)
	e.RouteTables.Delete(e.MainRouteTable(v.ID).ID)
	e.NetworkACLs.Delete(e.NetworkACLs.First("vpc", v.ID).ID)
	e.VPCs.Delete(v.ID)
	return &ec2.DeleteVpcOutput{}, nil
}

// vpcInUse tells whether the VPC has more in it than its default group, main route table and default ACL.
func vpcInUse(s *vpc.State, id string) bool {
	return s.Subnets.First("vpc", id) != nil || s.Interfaces.First("vpc", id) != nil || s.InternetGateways.First("vpc", id) != nil ||
		s.VPCEndpoints.First("vpc", id) != nil || s.GroupAssociations.First("vpc", id) != nil || s.EgressOnlyGateways.First("vpc", id) != nil ||
		count(s.SecurityGroups.By("vpc", id)) > 1 || count(s.RouteTables.By("vpc", id)) > 1 || count(s.NetworkACLs.By("vpc", id)) > 1
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html
func describeVpcs(s *vpc.State, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	found, err := vpcIDs.all(s, in.VpcIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.Vpc
	for _, v := range found {
		items = append(items, showVPC(v))
	}
	vpcs, next, err := vpcListing.page(s, in, len(in.VpcIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeVpcsOutput{Vpcs: vpcs, NextToken: next}, nil
}

// showVPC is the VPC as DescribeVpcs shows it.
func showVPC(v *vpc.VPC) ec2.Vpc {
	return ec2.Vpc{
		VpcId: new(v.ID), OwnerId: new(v.Account), State: "available", CidrBlock: new(v.CIDR.String()), DhcpOptionsId: new(v.DHCPOptions),
		InstanceTenancy: v.Tenancy, IsDefault: new(v.Default), Tags: tagSet(v.Tags),
		CidrBlockAssociationSet: []ec2.VpcCidrBlockAssociation{{AssociationId: new(v.AssociationID), CidrBlock: new(v.CIDR.String()),
			CidrBlockState: &ec2.VpcCidrBlockState{State: "associated"}}},
		Ipv6CidrBlockAssociationSet: []ec2.VpcIpv6CidrBlockAssociation{},
		BlockPublicAccessStates:     &ec2.BlockPublicAccessStates{InternetGatewayBlockMode: "off"},
	}
}

var vpcListing = listing[ec2.Vpc]{vpcFilters, paging{5, 1000, "VpcIds", false}, func(v *ec2.Vpc) string { return *v.VpcId }}

// AWS takes the names in camel case too.
var vpcFilters = filters[ec2.Vpc]{
	"cidr":            func(v *ec2.Vpc) []string { return of(v.CidrBlock) },
	"dhcp-options-id": func(v *ec2.Vpc) []string { return of(v.DhcpOptionsId) },
	"dhcpOptionsId":   func(v *ec2.Vpc) []string { return of(v.DhcpOptionsId) },
	"is-default":      func(v *ec2.Vpc) []string { return of(v.IsDefault) },
	"isDefault":       func(v *ec2.Vpc) []string { return of(v.IsDefault) },
	"owner-id":        func(v *ec2.Vpc) []string { return of(v.OwnerId) },
	"state":           func(v *ec2.Vpc) []string { return of(v.State) },
	"vpc-id":          func(v *ec2.Vpc) []string { return of(v.VpcId) },
	"cidr-block-association.association-id": func(v *ec2.Vpc) []string {
		return each(v.CidrBlockAssociationSet, func(a *ec2.VpcCidrBlockAssociation) *string { return a.AssociationId })
	},
	"cidr-block-association.cidr-block": func(v *ec2.Vpc) []string {
		return each(v.CidrBlockAssociationSet, func(a *ec2.VpcCidrBlockAssociation) *string { return a.CidrBlock })
	},
	"cidr-block-association.state": func(v *ec2.Vpc) []string {
		return each(v.CidrBlockAssociationSet, func(a *ec2.VpcCidrBlockAssociation) string { return a.CidrBlockState.State })
	},
}.never("ipv6-cidr-block-association.association-id", "ipv6-cidr-block-association.ipv6-cidr-block", "ipv6-cidr-block-association.ipv6-pool",
	"ipv6-cidr-block-association.state").tagged(func(v *ec2.Vpc) []ec2.Tag { return v.Tags })

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html
func describeVpcAttribute(s *vpc.State, in *ec2.DescribeVpcAttributeInput) (*ec2.DescribeVpcAttributeOutput, error) {
	v, err := vpcIDs.find(s, *in.VpcId)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeVpcAttributeOutput{VpcId: new(v.ID)}
	switch in.Attribute {
	case "enableDnsSupport":
		out.EnableDnsSupport = &ec2.AttributeBooleanValue{Value: new(v.DNSSupport)}
	case "enableDnsHostnames":
		out.EnableDnsHostnames = &ec2.AttributeBooleanValue{Value: new(v.DNSHostnames)}
	case "enableNetworkAddressUsageMetrics":
		out.EnableNetworkAddressUsageMetrics = &ec2.AttributeBooleanValue{Value: new(v.AddressUsage)}
	default:
		return nil, invalid("attribute", in.Attribute, "Unknown attribute.")
	}
	return out, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html
func modifyVpcAttribute(e *vpc.Edit, in *ec2.ModifyVpcAttributeInput) (*ec2.ModifyVpcAttributeOutput, error) {
	old, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if err := oneOf(given{"enableDnsHostnames", in.EnableDnsHostnames != nil}, given{"enableDnsSupport", in.EnableDnsSupport != nil},
		given{"enableNetworkAddressUsageMetrics", in.EnableNetworkAddressUsageMetrics != nil}); err != nil {
		return nil, err
	}
	v := *old
	switch {
	case in.EnableDnsHostnames != nil:
		v.DNSHostnames, err = flag("enableDnsHostnames", in.EnableDnsHostnames)
	case in.EnableDnsSupport != nil:
		v.DNSSupport, err = flag("enableDnsSupport", in.EnableDnsSupport)
	default:
		v.AddressUsage, err = flag("enableNetworkAddressUsageMetrics", in.EnableNetworkAddressUsageMetrics)
	}
	if err != nil {
		return nil, err
	}
	if in.EnableDnsHostnames != nil && v.DNSHostnames && !v.DNSSupport {
		return nil, vpc.Errorf("InvalidParameterCombination", "DNS hostnames can only be enabled for a VPC whose DNS support is enabled.")
	}
	e.VPCs.Put(&v)
	return &ec2.ModifyVpcAttributeOutput{}, nil
}
