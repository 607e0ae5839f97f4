package api

import (
	"crenel/ec2"
	"crenel/vpc"
)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html
func describeRouteTables(s *vpc.State, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	found, err := routeTableIDs.all(s, in.RouteTableIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.RouteTable
	for _, t := range found {
		items = append(items, showRouteTable(s, t))
	}
	tables, next, err := routeTableListing.page(s, in, len(in.RouteTableIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeRouteTablesOutput{RouteTables: tables, NextToken: next}, nil
}

// showRouteTable is the table as DescribeRouteTables shows it, with the route inside the VPC first.
func showRouteTable(s *vpc.State, t *vpc.RouteTable) ec2.RouteTable {
	shown := ec2.RouteTable{
		RouteTableId: new(t.ID), VpcId: new(t.VPC), OwnerId: new(t.Account), Tags: tagSet(t.Tags),
		Associations: []ec2.RouteTableAssociation{}, PropagatingVgws: []ec2.PropagatingVgw{},
		Routes: []ec2.Route{{DestinationCidrBlock: new(s.VPCs.Get(t.VPC).CIDR.String()), GatewayId: new("local"),
			Origin: "CreateRouteTable", State: "active"}},
	}
	for _, r := range t.Routes {
		shown.Routes = append(shown.Routes, ec2.Route{DestinationCidrBlock: new(r.Destination.String()), GatewayId: new(r.Target),
			Origin: "CreateRoute", State: routeState(s, t, r)})
	}
	for _, a := range t.Associations {
		shown.Associations = append(shown.Associations, ec2.RouteTableAssociation{
			RouteTableAssociationId: new(a.ID), RouteTableId: new(t.ID), Main: new(a.Main), SubnetId: optional(a.Subnet),
			AssociationState: &ec2.RouteTableAssociationState{State: "associated"}})
	}
	return shown
}

// routeState is "blackhole" where the target is gone or detached.
func routeState(s *vpc.State, t *vpc.RouteTable, r vpc.Route) string {
	if g := s.InternetGateways.Get(r.Target); g != nil && g.VPC == t.VPC {
		return "active"
	}
	return "blackhole"
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
