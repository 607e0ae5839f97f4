package api

import (
	"net/netip"

	"crenel/ec2"
	"crenel/vpc"
)

var vpcOperations = []Operation{
	write(createVpc),
	write(createDefaultVpc),
	write(deleteVpc),
	read(describeVpcs),
	write(associateVpcCidrBlock),
	write(disassociateVpcCidrBlock),
	read(describeVpcAttribute),
	write(modifyVpcAttribute),
	write(modifyVpcTenancy),
	read(describeVpcClassicLink),
	read(describeVpcClassicLinkDnsSupport),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
func createVpc(e *vpc.Edit, in *ec2.CreateVpcInput) (*ec2.CreateVpcOutput, error) {
	if err := refuse(given{"ipv4IpamPoolId", value(in.Ipv4IpamPoolId) != ""}, given{"ipv4NetmaskLength", in.Ipv4NetmaskLength != nil},
		given{"vpcEncryptionControl", in.VpcEncryptionControl != nil}); err != nil {
		return nil, err
	}
	withIPv6, err := ipv6Wish{amazon: in.AmazonProvidedIpv6CidrBlock, block: in.Ipv6CidrBlock, pool: in.Ipv6Pool, ipamPool: in.Ipv6IpamPoolId,
		netmask: in.Ipv6NetmaskLength, group: in.Ipv6CidrBlockNetworkBorderGroup}.granted(e.Region)
	if err != nil {
		return nil, err
	}
	if value(in.CidrBlock) == "" {
		return nil, vpc.Errorf("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
	}
	cidr, err := vpcBlock(*in.CidrBlock)
	if err != nil {
		return nil, err
	}
	tenancy, err := vpcTenancy(in.InstanceTenancy)
	if err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "vpc")
	if err != nil {
		return nil, err
	}
	if err := vpcsHaveRoom(e.State); err != nil {
		return nil, err
	}
	if withIPv6 {
		if err := hasIPv6Pool(e.State); err != nil {
			return nil, err
		}
	}
	v := *e.NewVPC(cidr, tenancy, false)
	v.Tags = tags["vpc"]
	e.VPCs.Put(&v)
	shown := showVPC(&v)
	if withIPv6 {
		_, block := e.AddIPv6(&v)
		shown.Ipv6CidrBlockAssociationSet = append(shown.Ipv6CidrBlockAssociationSet, showIPv6Block(&v, block, "associating"))
	}
	shown.State = "pending"
	return &ec2.CreateVpcOutput{Vpc: &shown}, nil
}

func vpcsHaveRoom(s *vpc.State) error {
	if s.VPCs.CountBy("scope", s.Key()) >= s.Limit(vpc.VPCsPerRegion) {
		return vpc.Errorf("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	return nil
}

// vpcTenancy reads on whose machines a VPC wants its instances. It is kept and shown; what machines there
// are, they run everything.
func vpcTenancy(asked string) (string, error) {
	switch asked {
	case "":
		return "default", nil
	case "default", "dedicated":
		return asked, nil
	case "host":
		return "", vpc.Errorf("UnsupportedTenancy", "The tenancy value %s is not supported.", asked)
	}
	return "", invalid("instanceTenancy", asked, "The tenancy must be one of: default, dedicated.")
}

// vpcBlock reads an IPv4 range for a VPC.
func vpcBlock(block string) (netip.Prefix, error) {
	cidr, err := readBlock("cidrBlock", block, netip.Addr.Is4)
	if err == nil && (cidr.Bits() < 16 || cidr.Bits() > 28 || unusable(cidr)) {
		err = vpc.Errorf("InvalidVpc.Range", "The CIDR '%s' is invalid.", block)
	}
	return cidr, err
}

// readBlock reads a range of one family. Its host bits are cleared.
func readBlock(parameter, cidr string, family func(netip.Addr) bool) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !family(p.Addr()) || p.Addr().Is4In6() {
		return p, invalid(parameter, cidr, "This is not a valid CIDR block.")
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

// createDefaultVpc makes the default VPC again once it was deleted.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDefaultVpc.html
func createDefaultVpc(e *vpc.Edit, _ *ec2.CreateDefaultVpcInput) (*ec2.CreateDefaultVpcOutput, error) {
	if e.DefaultVPC() != nil {
		return nil, vpc.Errorf("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
	}
	if err := vpcsHaveRoom(e.State); err != nil {
		return nil, err
	}
	if e.InternetGateways.CountBy("scope", e.Key()) >= e.Limit(vpc.GatewaysPerRegion) {
		return nil, vpc.Errorf("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
	}
	shown := showVPC(e.NewDefaultVPC())
	shown.State = "pending"
	return &ec2.CreateDefaultVpcOutput{Vpc: &shown}, nil
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

// deleteVpc deletes a VPC with all that came with it, and its peering connections. Whatever else is in it
// stops that.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
func deleteVpc(e *vpc.Edit, in *ec2.DeleteVpcInput) (*ec2.DeleteVpcOutput, error) {
	v, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if vpcInUse(e.State, v.ID) {
		return nil, hasDependencies("vpc", v.ID)
	}
	endPeerings(e, v.ID)
	e.SecurityGroups.Delete(e.DefaultGroup(v.ID).ID)
	e.RouteTables.Delete(e.MainRouteTable(v.ID).ID)
	e.NetworkACLs.Delete(e.DefaultACL(v.ID).ID)
	e.VPCs.Delete(v.ID)
	return &ec2.DeleteVpcOutput{}, nil
}

// vpcInUse tells whether the VPC has more in it than its default group, main route table and default ACL.
// What is left of a NAT gateway that was deleted is only shown.
func vpcInUse(s *vpc.State, id string) bool {
	for g := range s.NATGateways.By("vpc", id) {
		if g.State == "available" {
			return true
		}
	}
	return s.Subnets.First("vpc", id) != nil || s.Interfaces.First("vpc", id) != nil ||
		s.InternetGateways.First("vpc", id) != nil || s.EgressOnlyGateways.First("vpc", id) != nil ||
		s.VPCEndpoints.First("vpc", id) != nil || s.GroupAssociations.First("vpc", id) != nil ||
		s.SecurityGroups.CountBy("vpc", id) > 1 || s.RouteTables.CountBy("vpc", id) > 1 || s.NetworkACLs.CountBy("vpc", id) > 1
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html
func describeVpcs(s *vpc.State, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	vpcs, next, err := describe(s, in, vpcIDs, in.VpcIds, vpcListing, showVPC)
	return &ec2.DescribeVpcsOutput{Vpcs: vpcs, NextToken: next}, err
}

// showVPC is the VPC as DescribeVpcs shows it.
func showVPC(v *vpc.VPC) ec2.Vpc {
	shown := ec2.Vpc{
		VpcId: new(v.ID), OwnerId: new(v.Account), State: "available", CidrBlock: new(v.CIDR.String()), DhcpOptionsId: new(v.DHCPOptions),
		InstanceTenancy: v.Tenancy, IsDefault: new(v.Default), Tags: tagSet(v.Tags),
		CidrBlockAssociationSet:     []ec2.VpcCidrBlockAssociation{showBlock(vpc.Block{AssociationID: v.AssociationID, CIDR: v.CIDR}, "associated")},
		Ipv6CidrBlockAssociationSet: []ec2.VpcIpv6CidrBlockAssociation{},
		BlockPublicAccessStates:     &ec2.BlockPublicAccessStates{InternetGatewayBlockMode: "off"},
	}
	for _, b := range v.Secondary {
		shown.CidrBlockAssociationSet = append(shown.CidrBlockAssociationSet, showBlock(b, "associated"))
	}
	for _, b := range v.IPv6 {
		shown.Ipv6CidrBlockAssociationSet = append(shown.Ipv6CidrBlockAssociationSet, showIPv6Block(v, b, "associated"))
	}
	return shown
}

var vpcListing = listing[ec2.Vpc]{vpcFilters, paging{5, 1000, "VpcIds", false}, func(v *ec2.Vpc) string { return *v.VpcId }}

// AWS takes the names in camel case too, and the block's as that of a subnet.
var vpcFilters = filters[ec2.Vpc]{
	"cidr":            func(v *ec2.Vpc) []string { return of(v.CidrBlock) },
	"cidr-block":      func(v *ec2.Vpc) []string { return of(v.CidrBlock) },
	"cidrBlock":       func(v *ec2.Vpc) []string { return of(v.CidrBlock) },
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
	"ipv6-cidr-block-association.association-id": func(v *ec2.Vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a *ec2.VpcIpv6CidrBlockAssociation) *string { return a.AssociationId })
	},
	"ipv6-cidr-block-association.ipv6-cidr-block": func(v *ec2.Vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a *ec2.VpcIpv6CidrBlockAssociation) *string { return a.Ipv6CidrBlock })
	},
	"ipv6-cidr-block-association.ipv6-pool": func(v *ec2.Vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a *ec2.VpcIpv6CidrBlockAssociation) *string { return a.Ipv6Pool })
	},
	"ipv6-cidr-block-association.state": func(v *ec2.Vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a *ec2.VpcIpv6CidrBlockAssociation) string { return a.Ipv6CidrBlockState.State })
	},
}.tagged(func(v *ec2.Vpc) []ec2.Tag { return v.Tags })
