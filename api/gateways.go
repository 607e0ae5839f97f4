package api

import (
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html
func describeInternetGateways(s *vpc.State, in *ec2.DescribeInternetGatewaysInput) (*ec2.DescribeInternetGatewaysOutput, error) {
	found, err := internetGatewayIDs.all(s, in.InternetGatewayIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.InternetGateway
	for _, g := range found {
		items = append(items, showInternetGateway(g))
	}
	gateways, next, err := internetGatewayListing.page(s, in, len(in.InternetGatewayIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeInternetGatewaysOutput{InternetGateways: gateways, NextToken: next}, nil
}

func showInternetGateway(g *vpc.InternetGateway) ec2.InternetGateway {
	shown := ec2.InternetGateway{InternetGatewayId: new(g.ID), OwnerId: new(g.Account), Tags: tagSet(g.Tags), Attachments: []ec2.InternetGatewayAttachment{}}
	if g.VPC != "" {
		shown.Attachments = append(shown.Attachments, ec2.InternetGatewayAttachment{VpcId: new(g.VPC), State: "available"})
	}
	return shown
}

var internetGatewayListing = listing[ec2.InternetGateway]{
	filters[ec2.InternetGateway]{
		"internet-gateway-id": func(g *ec2.InternetGateway) []string { return of(g.InternetGatewayId) },
		"owner-id":            func(g *ec2.InternetGateway) []string { return of(g.OwnerId) },
		"attachment.state": func(g *ec2.InternetGateway) []string {
			return each(g.Attachments, func(a *ec2.InternetGatewayAttachment) string { return a.State })
		},
		"attachment.vpc-id": func(g *ec2.InternetGateway) []string {
			return each(g.Attachments, func(a *ec2.InternetGatewayAttachment) *string { return a.VpcId })
		},
	}.tagged(func(g *ec2.InternetGateway) []ec2.Tag { return g.Tags }),
	paging{5, 1000, "InternetGatewayIds", false},
	func(g *ec2.InternetGateway) string { return *g.InternetGatewayId },
}

// describeDhcpOptions shows the set that every account has from the start, the only one yet.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeDhcpOptions.html
func describeDhcpOptions(s *vpc.State, in *ec2.DescribeDhcpOptionsInput) (*ec2.DescribeDhcpOptionsOutput, error) {
	only := vpc.DefaultDHCPOptions(s.Scope)
	for _, id := range in.DhcpOptionsIds {
		if err := dhcpOptionsIDs.check(id); err != nil {
			return nil, err
		}
		if id != only {
			return nil, vpc.Errorf(dhcpOptionsIDs.notFound, "The %s '%s' does not exist", dhcpOptionsIDs.noun, id)
		}
	}
	items := []ec2.DhcpOptions{{DhcpOptionsId: new(only), OwnerId: new(s.Account), Tags: []ec2.Tag{}, DhcpConfigurations: []ec2.DhcpConfiguration{
		{Key: new("domain-name"), Values: []ec2.AttributeValue{{Value: new(domain(s.Region))}}},
		{Key: new("domain-name-servers"), Values: []ec2.AttributeValue{{Value: new("AmazonProvidedDNS")}}},
	}}}
	options, next, err := dhcpOptionsListing.page(s, in, len(in.DhcpOptionsIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeDhcpOptionsOutput{DhcpOptions: options, NextToken: next}, nil
}

// domain is what the private names of a Region's instances end in.
func domain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

var dhcpOptionsListing = listing[ec2.DhcpOptions]{
	filters[ec2.DhcpOptions]{
		"dhcp-options-id": func(o *ec2.DhcpOptions) []string { return of(o.DhcpOptionsId) },
		"owner-id":        func(o *ec2.DhcpOptions) []string { return of(o.OwnerId) },
		"key": func(o *ec2.DhcpOptions) []string {
			return each(o.DhcpConfigurations, func(c *ec2.DhcpConfiguration) *string { return c.Key })
		},
		"value": func(o *ec2.DhcpOptions) (held []string) {
			for _, c := range o.DhcpConfigurations {
				held = slices.Concat(held, each(c.Values, func(v *ec2.AttributeValue) *string { return v.Value }))
			}
			return held
		},
	}.tagged(func(o *ec2.DhcpOptions) []ec2.Tag { return o.Tags }),
	paging{5, 1000, "DhcpOptionsIds", false},
	func(o *ec2.DhcpOptions) string { return *o.DhcpOptionsId },
}
