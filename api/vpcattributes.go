package api

import (
	"crenel/ec2"
	"crenel/vpc"
)

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

// modifyVpcTenancy lets a VPC's later instances run anywhere. There is no way back.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcTenancy.html
func modifyVpcTenancy(e *vpc.Edit, in *ec2.ModifyVpcTenancyInput) (*ec2.ModifyVpcTenancyOutput, error) {
	if in.InstanceTenancy != "default" {
		return nil, vpc.Errorf("UnsupportedTenancy", "The tenancy value %s is not supported.", in.InstanceTenancy)
	}
	old, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	v := *old
	v.Tenancy = in.InstanceTenancy
	e.VPCs.Put(&v)
	return &ec2.ModifyVpcTenancyOutput{ReturnValue: new(true)}, nil
}

// describeVpcClassicLink says of every VPC that it has no ClassicLink: EC2-Classic is no more.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcClassicLink.html
func describeVpcClassicLink(s *vpc.State, in *ec2.DescribeVpcClassicLinkInput) (*ec2.DescribeVpcClassicLinkOutput, error) {
	found, err := vpcIDs.all(s, in.VpcIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.VpcClassicLink
	for _, v := range found {
		items = append(items, ec2.VpcClassicLink{VpcId: new(v.ID), ClassicLinkEnabled: new(false), Tags: tagSet(v.Tags)})
	}
	vpcs, _, err := classicLinkListing.page(s, in, len(in.VpcIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeVpcClassicLinkOutput{Vpcs: vpcs}, nil
}

var classicLinkListing = listing[ec2.VpcClassicLink]{
	filters: filters[ec2.VpcClassicLink]{
		"is-classic-link-enabled": func(v *ec2.VpcClassicLink) []string { return of(v.ClassicLinkEnabled) },
	}.tagged(func(v *ec2.VpcClassicLink) []ec2.Tag { return v.Tags }),
	key: func(v *ec2.VpcClassicLink) string { return *v.VpcId },
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcClassicLinkDnsSupport.html
func describeVpcClassicLinkDnsSupport(s *vpc.State, in *ec2.DescribeVpcClassicLinkDnsSupportInput) (*ec2.DescribeVpcClassicLinkDnsSupportOutput, error) {
	vpcs, next, err := describe(s, in, vpcIDs, in.VpcIds, classicLinkDNSListing, func(v *vpc.VPC) ec2.ClassicLinkDnsSupport {
		return ec2.ClassicLinkDnsSupport{VpcId: new(v.ID), ClassicLinkDnsSupported: new(false)}
	})
	return &ec2.DescribeVpcClassicLinkDnsSupportOutput{Vpcs: vpcs, NextToken: next}, err
}

var classicLinkDNSListing = listing[ec2.ClassicLinkDnsSupport]{
	paging: paging{5, 255, "", true},
	key:    func(v *ec2.ClassicLinkDnsSupport) string { return *v.VpcId },
}
