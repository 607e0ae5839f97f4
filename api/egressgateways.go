package api

import (
	"crenel/ec2"
	"crenel/vpc"
)

// createEgressOnlyInternetGateway gives a VPC its one way out for IPv6.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateEgressOnlyInternetGateway.html
func createEgressOnlyInternetGateway(e *vpc.Edit, in *ec2.CreateEgressOnlyInternetGatewayInput) (*ec2.CreateEgressOnlyInternetGatewayOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	made, err := madeBefore(e.State, e.EgressOnlyGateways, token, func(g *vpc.EgressOnlyGateway) vpc.Token { return g.Token })
	if err != nil {
		return nil, err
	}
	if made == nil {
		tags, err := createTagsFor(in.TagSpecifications, "egress-only-internet-gateway")
		if err != nil {
			return nil, err
		}
		v, err := vpcIDs.find(e.State, *in.VpcId)
		if err != nil {
			return nil, err
		}
		if e.EgressOnlyGateways.First("vpc", v.ID) != nil {
			return nil, vpc.Errorf("InvalidParameterValue", "Network %s already has an egress-only internet gateway attached", v.ID)
		}
		if e.EgressOnlyGateways.CountBy("scope", e.Key()) >= e.Limit(vpc.EgressOnlyPerRegion) {
			return nil, vpc.Errorf("EgressOnlyInternetGatewayLimitExceeded", "The maximum number of egress-only internet gateways has been reached.")
		}
		made = &vpc.EgressOnlyGateway{ID: e.NewID("eigw"), Scope: e.Scope, VPC: v.ID, Token: token, Tags: tags["egress-only-internet-gateway"]}
		e.EgressOnlyGateways.Put(made)
	}
	return &ec2.CreateEgressOnlyInternetGatewayOutput{EgressOnlyInternetGateway: new(showEgressOnly(made)), ClientToken: optional(token.Value)}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteEgressOnlyInternetGateway.html
func deleteEgressOnlyInternetGateway(e *vpc.Edit, in *ec2.DeleteEgressOnlyInternetGatewayInput) (*ec2.DeleteEgressOnlyInternetGatewayOutput, error) {
	g, err := egressOnlyIDs.find(e.State, *in.EgressOnlyInternetGatewayId)
	if err != nil {
		return nil, err
	}
	e.EgressOnlyGateways.Delete(g.ID)
	return &ec2.DeleteEgressOnlyInternetGatewayOutput{ReturnCode: new(true)}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeEgressOnlyInternetGateways.html
func describeEgressOnlyInternetGateways(s *vpc.State, in *ec2.DescribeEgressOnlyInternetGatewaysInput) (*ec2.DescribeEgressOnlyInternetGatewaysOutput, error) {
	gateways, next, err := describe(s, in, egressOnlyIDs, in.EgressOnlyInternetGatewayIds, egressOnlyListing, showEgressOnly)
	return &ec2.DescribeEgressOnlyInternetGatewaysOutput{EgressOnlyInternetGateways: gateways, NextToken: next}, err
}

func showEgressOnly(g *vpc.EgressOnlyGateway) ec2.EgressOnlyInternetGateway {
	return ec2.EgressOnlyInternetGateway{EgressOnlyInternetGatewayId: new(g.ID), Tags: tagSet(g.Tags),
		Attachments: []ec2.InternetGatewayAttachment{{VpcId: new(g.VPC), State: "attached"}}}
}

var egressOnlyListing = listing[ec2.EgressOnlyInternetGateway]{
	filters[ec2.EgressOnlyInternetGateway]{}.tagged(func(g *ec2.EgressOnlyInternetGateway) []ec2.Tag { return g.Tags }),
	paging{5, 255, "EgressOnlyInternetGatewayIds", false},
	func(g *ec2.EgressOnlyInternetGateway) string { return *g.EgressOnlyInternetGatewayId },
}
