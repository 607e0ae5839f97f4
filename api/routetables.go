package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// routeTableOperations keep route tables, their routes and what follows them.
var routeTableOperations = []Operation{
	write(createRouteTable),
	write(deleteRouteTable),
	read(describeRouteTables),
	write(associateRouteTable),
	write(disassociateRouteTable),
	write(replaceRouteTableAssociation),
	write(createRoute),
	write(replaceRoute),
	write(deleteRoute),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html
func createRouteTable(e *vpc.Edit, in *ec2.CreateRouteTableInput) (*ec2.CreateRouteTableOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	made, err := madeBefore(e.State, e.RouteTables, token, func(t *vpc.RouteTable) vpc.Token { return t.Token })
	if err != nil {
		return nil, err
	}
	if made == nil {
		tags, err := createTagsFor(in.TagSpecifications, "route-table")
		if err != nil {
			return nil, err
		}
		v, err := vpcIDs.find(e.State, *in.VpcId)
		if err != nil {
			return nil, err
		}
		if e.RouteTables.CountBy("vpc", v.ID) >= e.Limit(vpc.RouteTablesPerVPC) {
			return nil, vpc.Errorf("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
		}
		made = &vpc.RouteTable{ID: e.NewID("rtb"), Scope: e.Scope, VPC: v.ID, Token: token, Tags: tags["route-table"]}
		e.RouteTables.Put(made)
	}
	return &ec2.CreateRouteTableOutput{RouteTable: new(showRouteTable(e.State, made)), ClientToken: optional(token.Value)}, nil
}

// deleteRouteTable deletes a table that nothing follows.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html
func deleteRouteTable(e *vpc.Edit, in *ec2.DeleteRouteTableInput) (*ec2.DeleteRouteTableOutput, error) {
	t, err := routeTableIDs.find(e.State, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	if len(t.Associations) > 0 {
		return nil, vpc.Errorf("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", t.ID)
	}
	e.RouteTables.Delete(t.ID)
	return &ec2.DeleteRouteTableOutput{}, nil
}

// changeRouteTable puts a changed copy of the table in its place.
func changeRouteTable(e *vpc.Edit, id string, change func(*vpc.RouteTable)) {
	t := *e.RouteTables.Get(id)
	t.Routes, t.Associations = slices.Clone(t.Routes), slices.Clone(t.Associations)
	change(&t)
	e.RouteTables.Put(&t)
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html
func describeRouteTables(s *vpc.State, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	tables, next, err := describe(s, in, routeTableIDs, in.RouteTableIds, routeTableListing, func(t *vpc.RouteTable) ec2.RouteTable { return showRouteTable(s, t) })
	return &ec2.DescribeRouteTablesOutput{RouteTables: tables, NextToken: next}, err
}

// showRouteTable is the table as DescribeRouteTables shows it, with the routes inside the VPC first.
func showRouteTable(s *vpc.State, t *vpc.RouteTable) ec2.RouteTable {
	shown := ec2.RouteTable{
		RouteTableId: new(t.ID), VpcId: new(t.VPC), OwnerId: new(t.Account), Tags: tagSet(t.Tags),
		Associations: []ec2.RouteTableAssociation{}, PropagatingVgws: []ec2.PropagatingVgw{}, Routes: []ec2.Route{},
	}
	if v := s.VPCs.Get(t.VPC); v != nil {
		for _, cidr := range v.CIDRs() {
			local := ec2.Route{GatewayId: new("local"), Origin: "CreateRouteTable", State: "active"}
			showDestination(&local, vpc.Route{Destination: cidr})
			shown.Routes = append(shown.Routes, local)
		}
	}
	for _, r := range t.Routes {
		shown.Routes = append(shown.Routes, showRoute(s, t, r))
	}
	for _, a := range t.Associations {
		shown.Associations = append(shown.Associations, ec2.RouteTableAssociation{
			RouteTableAssociationId: new(a.ID), RouteTableId: new(t.ID), Main: new(a.Main), SubnetId: optional(a.Subnet),
			GatewayId: optional(a.Gateway), AssociationState: associated()})
	}
	return shown
}

func associated() *ec2.RouteTableAssociationState {
	return &ec2.RouteTableAssociationState{State: "associated"}
}

func showRoute(s *vpc.State, t *vpc.RouteTable, r vpc.Route) ec2.Route {
	shown := ec2.Route{Origin: "CreateRoute", State: "blackhole"}
	if leads(s, t, r.Target) {
		shown.State = "active"
	}
	showDestination(&shown, r)
	target := new(r.Target)
	switch kindOf(r.Target) {
	case "nat":
		shown.NatGatewayId = target
	case "eigw":
		shown.EgressOnlyInternetGatewayId = target
	case "pcx":
		shown.VpcPeeringConnectionId = target
	case "eni":
		shown.NetworkInterfaceId = target
		if i := s.Interfaces.Get(r.Target); i != nil && i.Attachment != nil {
			shown.InstanceId, shown.InstanceOwnerId = new(i.Attachment.Instance), new(i.Account)
		}
	default:
		shown.GatewayId = target
	}
	return shown
}

func showDestination(shown *ec2.Route, r vpc.Route) {
	switch {
	case r.PrefixList != "":
		shown.DestinationPrefixListId = new(r.PrefixList)
	case r.Destination.Addr().Is4():
		shown.DestinationCidrBlock = new(r.Destination.String())
	default:
		shown.DestinationIpv6CidrBlock = new(r.Destination.String())
	}
}

// kindOf is the prefix of an id: "igw".
func kindOf(id string) string {
	kind, _, _ := strings.Cut(id, "-")
	return kind
}

// leads tells whether a route of the table leads somewhere; else AWS calls it a blackhole. The routes to
// an endpoint go with it.
func leads(s *vpc.State, t *vpc.RouteTable, target string) bool {
	switch kindOf(target) {
	case "igw":
		g := s.InternetGateways.Get(target)
		return g != nil && g.VPC == t.VPC
	case "eigw":
		g := s.EgressOnlyGateways.Get(target)
		return g != nil && g.VPC == t.VPC
	case "nat":
		g := s.NATGateways.Get(target)
		return g != nil && g.State == "available"
	case "pcx":
		p := s.Peerings.Get(target)
		return p != nil && p.Status == "active"
	case "eni":
		i := s.Interfaces.Get(target)
		return i != nil && i.Attachment != nil && runs(s, i.Attachment.Instance)
	}
	return kindOf(target) == "vpce"
}

func runs(s *vpc.State, instance string) bool {
	i := s.Instances.Get(instance)
	return i != nil && i.State != vpc.Stopped && i.State != vpc.Terminated
}

var routeTableListing = listing[ec2.RouteTable]{routeTableFilters, paging{5, 100, "RouteTableIds", false},
	func(t *ec2.RouteTable) string { return *t.RouteTableId }}

var routeTableFilters = filters[ec2.RouteTable]{
	"owner-id":       func(t *ec2.RouteTable) []string { return of(t.OwnerId) },
	"route-table-id": func(t *ec2.RouteTable) []string { return of(t.RouteTableId) },
	"vpc-id":         func(t *ec2.RouteTable) []string { return of(t.VpcId) },
	"association.gateway-id": func(t *ec2.RouteTable) []string {
		return each(t.Associations, func(a *ec2.RouteTableAssociation) *string { return a.GatewayId })
	},
	"association.route-table-association-id": func(t *ec2.RouteTable) []string {
		return each(t.Associations, func(a *ec2.RouteTableAssociation) *string { return a.RouteTableAssociationId })
	},
	"association.route-table-id": func(t *ec2.RouteTable) []string {
		return each(t.Associations, func(a *ec2.RouteTableAssociation) *string { return a.RouteTableId })
	},
	"association.subnet-id": func(t *ec2.RouteTable) []string {
		return each(t.Associations, func(a *ec2.RouteTableAssociation) *string { return a.SubnetId })
	},
	"association.main": func(t *ec2.RouteTable) []string {
		return each(t.Associations, func(a *ec2.RouteTableAssociation) *bool { return a.Main })
	},
	"route.destination-cidr-block":          routes(func(r *ec2.Route) *string { return r.DestinationCidrBlock }),
	"route.destination-ipv6-cidr-block":     routes(func(r *ec2.Route) *string { return r.DestinationIpv6CidrBlock }),
	"route.destination-prefix-list-id":      routes(func(r *ec2.Route) *string { return r.DestinationPrefixListId }),
	"route.egress-only-internet-gateway-id": routes(func(r *ec2.Route) *string { return r.EgressOnlyInternetGatewayId }),
	"route.gateway-id":                      routes(func(r *ec2.Route) *string { return r.GatewayId }),
	"route.instance-id":                     routes(func(r *ec2.Route) *string { return r.InstanceId }),
	"route.nat-gateway-id":                  routes(func(r *ec2.Route) *string { return r.NatGatewayId }),
	"route.transit-gateway-id":              routes(func(r *ec2.Route) *string { return r.TransitGatewayId }),
	"route.vpc-peering-connection-id":       routes(func(r *ec2.Route) *string { return r.VpcPeeringConnectionId }),
	"route.origin":                          routes(func(r *ec2.Route) *string { return &r.Origin }),
	"route.state":                           routes(func(r *ec2.Route) *string { return &r.State }),
}.tagged(func(t *ec2.RouteTable) []ec2.Tag { return t.Tags })

func routes(member func(*ec2.Route) *string) func(*ec2.RouteTable) []string {
	return func(t *ec2.RouteTable) []string { return each(t.Routes, member) }
}
