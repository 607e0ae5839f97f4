package api

import (
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// gatewayOperations keep internet gateways.
var gatewayOperations = []Operation{
	write(createInternetGateway),
	write(attachInternetGateway),
	write(detachInternetGateway),
	write(deleteInternetGateway),
	read(describeInternetGateways),
	write(createEgressOnlyInternetGateway),
	write(deleteEgressOnlyInternetGateway),
	read(describeEgressOnlyInternetGateways),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html
func createInternetGateway(e *vpc.Edit, in *ec2.CreateInternetGatewayInput) (*ec2.CreateInternetGatewayOutput, error) {
	tags, err := createTagsFor(in.TagSpecifications, "internet-gateway")
	if err != nil {
		return nil, err
	}
	if e.InternetGateways.CountBy("scope", e.Key()) >= e.Limit(vpc.GatewaysPerRegion) {
		return nil, vpc.Errorf("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
	}
	g := &vpc.InternetGateway{ID: e.NewID("igw"), Scope: e.Scope, Tags: tags["internet-gateway"]}
	e.InternetGateways.Put(g)
	return &ec2.CreateInternetGatewayOutput{InternetGateway: new(showInternetGateway(g))}, nil
}

// attachInternetGateway ties a gateway to a VPC, one to one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html
func attachInternetGateway(e *vpc.Edit, in *ec2.AttachInternetGatewayInput) (*ec2.AttachInternetGatewayOutput, error) {
	old, v, err := gatewayAndVPC(e.State, *in.InternetGatewayId, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if old.VPC != "" {
		return nil, vpc.Errorf("Resource.AlreadyAssociated", "resource %s is already attached to network %s", old.ID, old.VPC)
	}
	if e.InternetGateways.First("vpc", v.ID) != nil {
		return nil, vpc.Errorf("InvalidParameterValue", "Network %s already has an internet gateway attached", v.ID)
	}
	g := *old
	g.VPC = v.ID
	e.InternetGateways.Put(&g)
	return &ec2.AttachInternetGatewayOutput{}, nil
}

func gatewayAndVPC(s *vpc.State, gateway, network string) (*vpc.InternetGateway, *vpc.VPC, error) {
	g, err := internetGatewayIDs.find(s, gateway)
	if err != nil {
		return nil, nil, err
	}
	v, err := vpcIDs.find(s, network)
	return g, v, err
}

// detachInternetGateway takes a gateway from its VPC, once nothing there has a public address any more.
// Routes to it become blackholes; no table is for what comes in by it any longer.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html
func detachInternetGateway(e *vpc.Edit, in *ec2.DetachInternetGatewayInput) (*ec2.DetachInternetGatewayOutput, error) {
	old, v, err := gatewayAndVPC(e.State, *in.InternetGatewayId, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if old.VPC != v.ID {
		return nil, vpc.Errorf("Gateway.NotAttached", "resource %s is not attached to network %s", old.ID, v.ID)
	}
	for i := range e.Interfaces.By("vpc", v.ID) {
		if i.PublicIP.IsValid() || e.ElasticIPs.First("interface", i.ID) != nil {
			return nil, vpc.Errorf("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", v.ID)
		}
	}
	for _, t := range slices.Collect(e.RouteTables.By("vpc", v.ID)) {
		for _, a := range t.Associations {
			if a.Gateway == old.ID {
				endAssociation(e, t, a.ID)
			}
		}
	}
	g := *old
	g.VPC = ""
	e.InternetGateways.Put(&g)
	return &ec2.DetachInternetGatewayOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInternetGateway.html
func deleteInternetGateway(e *vpc.Edit, in *ec2.DeleteInternetGatewayInput) (*ec2.DeleteInternetGatewayOutput, error) {
	g, err := internetGatewayIDs.find(e.State, *in.InternetGatewayId)
	if err != nil {
		return nil, err
	}
	if g.VPC != "" {
		return nil, vpc.Errorf("DependencyViolation", "The internetGateway '%s' has dependencies and cannot be deleted.", g.ID)
	}
	e.InternetGateways.Delete(g.ID)
	return &ec2.DeleteInternetGatewayOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html
func describeInternetGateways(s *vpc.State, in *ec2.DescribeInternetGatewaysInput) (*ec2.DescribeInternetGatewaysOutput, error) {
	gateways, next, err := describe(s, in, internetGatewayIDs, in.InternetGatewayIds, internetGatewayListing, showInternetGateway)
	return &ec2.DescribeInternetGatewaysOutput{InternetGateways: gateways, NextToken: next}, err
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
