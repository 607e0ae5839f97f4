package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// associateRouteTable has a subnet's packets, or those that come in by a gateway, follow the table.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html
func associateRouteTable(e *vpc.Edit, in *ec2.AssociateRouteTableInput) (*ec2.AssociateRouteTableOutput, error) {
	if err := refuse(given{"publicIpv4Pool", value(in.PublicIpv4Pool) != ""}); err != nil {
		return nil, err
	}
	a := vpc.RouteAssociation{Subnet: value(in.SubnetId), Gateway: value(in.GatewayId)}
	const either = "The request must contain exactly one of subnetId or gatewayId"
	switch {
	case a.Subnet == "" && a.Gateway == "":
		return nil, vpc.Errorf("MissingParameter", either)
	case a.Subnet != "" && a.Gateway != "":
		return nil, vpc.Errorf("InvalidParameterCombination", either)
	}
	t, err := routeTableIDs.find(e.State, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	if err := checkAssociation(e.State, t, a); err != nil {
		return nil, err
	}
	for other := range e.RouteTables.By("vpc", t.VPC) {
		if slices.ContainsFunc(other.Associations, func(o vpc.RouteAssociation) bool {
			return !o.Main && o.Subnet == a.Subnet && o.Gateway == a.Gateway
		}) {
			return nil, vpc.Errorf("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", t.ID)
		}
	}
	a.ID = e.NewID("rtbassoc")
	changeRouteTable(e, t.ID, func(t *vpc.RouteTable) { t.Associations = append(t.Associations, a) })
	return &ec2.AssociateRouteTableOutput{AssociationId: new(a.ID), AssociationState: associated()}, nil
}

// checkAssociation refuses what cannot follow the table: what is not there, is of another VPC, or is a
// gateway where the table leads to more than the VPC's own interfaces.
func checkAssociation(s *vpc.State, t *vpc.RouteTable, a vpc.RouteAssociation) error {
	switch {
	case a.Subnet != "":
		n, err := subnetIDs.find(s, a.Subnet)
		if err != nil {
			return err
		}
		if n.VPC != t.VPC {
			return otherNetwork(t, "subnet", n.ID)
		}
	case a.Gateway != "":
		if _, err := gatewayTarget(s, t, a.Gateway); err != nil {
			return err
		}
		for _, r := range t.Routes {
			if err := checkEdgeRoute(s, t, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkEdgeRoute refuses a route that a table associated with a gateway cannot have: it leads a range of
// the VPC to an interface in it.
// https://docs.aws.amazon.com/vpc/latest/userguide/gateway-route-tables.html
func checkEdgeRoute(s *vpc.State, t *vpc.RouteTable, r vpc.Route) error {
	if kind := kindOf(r.Target); kind != "eni" && kind != "vpce" || !insideVPC(s, t, r.Destination) {
		return vpc.Errorf("InvalidParameterValue", "The route %s in route table %s cannot be used with a gateway association. "+
			"Its destination must be in the VPC's CIDR blocks and its target a network interface.", destinationOf(r), t.ID)
	}
	return nil
}

func insideVPC(s *vpc.State, t *vpc.RouteTable, p netip.Prefix) bool {
	v := s.VPCs.Get(t.VPC)
	return v != nil && slices.ContainsFunc(v.CIDRs(), func(cidr netip.Prefix) bool { return covers(cidr, p) })
}

// covers tells whether all of the smaller range is in the larger one.
func covers(larger, smaller netip.Prefix) bool {
	return larger.Bits() <= smaller.Bits() && larger.Contains(smaller.Addr())
}

func otherNetwork(t *vpc.RouteTable, noun, id string) error {
	return vpc.Errorf("InvalidParameterValue", "route table %s and %s %s belong to different networks", t.ID, noun, id)
}

// findAssociation finds the association and its table.
func findAssociation(s *vpc.State, id string) (*vpc.RouteTable, vpc.RouteAssociation, error) {
	if t := s.RouteTables.First("association", id); t != nil && t.In(s.Scope) {
		return t, t.Associations[slices.IndexFunc(t.Associations, func(a vpc.RouteAssociation) bool { return a.ID == id })], nil
	}
	return nil, vpc.RouteAssociation{}, vpc.Errorf("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
}

// endAssociation takes the association away from its table.
func endAssociation(e *vpc.Edit, t *vpc.RouteTable, id string) {
	changeRouteTable(e, t.ID, func(t *vpc.RouteTable) {
		t.Associations = slices.DeleteFunc(t.Associations, func(a vpc.RouteAssociation) bool { return a.ID == id })
	})
}

// disassociateRouteTable has the subnet follow the VPC's main table again.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateRouteTable.html
func disassociateRouteTable(e *vpc.Edit, in *ec2.DisassociateRouteTableInput) (*ec2.DisassociateRouteTableOutput, error) {
	t, a, err := findAssociation(e.State, *in.AssociationId)
	if err != nil {
		return nil, err
	}
	if a.Main {
		return nil, vpc.Errorf("InvalidParameterValue", "cannot disassociate the main route table association %s", a.ID)
	}
	endAssociation(e, t, a.ID)
	return &ec2.DisassociateRouteTableOutput{}, nil
}

// replaceRouteTableAssociation has what follows one table follow another one; it may make another table
// the main one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRouteTableAssociation.html
func replaceRouteTableAssociation(e *vpc.Edit, in *ec2.ReplaceRouteTableAssociationInput) (*ec2.ReplaceRouteTableAssociationOutput, error) {
	old, a, err := findAssociation(e.State, *in.AssociationId)
	if err != nil {
		return nil, err
	}
	t, err := routeTableIDs.find(e.State, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	if a.Main && t.VPC != old.VPC {
		return nil, otherNetwork(t, "network", old.VPC)
	}
	if err := checkAssociation(e.State, t, a); err != nil {
		return nil, err
	}
	endAssociation(e, old, a.ID)
	a.ID = e.NewID("rtbassoc")
	changeRouteTable(e, t.ID, func(t *vpc.RouteTable) { t.Associations = append(t.Associations, a) })
	return &ec2.ReplaceRouteTableAssociationOutput{NewAssociationId: new(a.ID), AssociationState: associated()}, nil
}
