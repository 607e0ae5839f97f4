package api

import (
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
