package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// createSubnetCidrReservation keeps a range of a subnet from being handed out. Who has an address there
// keeps it.
// maxReservations is how many a subnet may have: every search for a free address looks at them all.
const maxReservations = 100

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnetCidrReservation.html
func createSubnetCidrReservation(e *vpc.Edit, in *ec2.CreateSubnetCidrReservationInput) (*ec2.CreateSubnetCidrReservationOutput, error) {
	if in.ReservationType != "prefix" && in.ReservationType != "explicit" {
		return nil, invalid("reservationType", in.ReservationType, "The type must be one of: prefix, explicit.")
	}
	cidr, err := readBlock("cidr", *in.Cidr, netip.Addr.IsValid)
	if err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "subnet-cidr-reservation")
	if err != nil {
		return nil, err
	}
	subnet, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(subnet.CIDRs(), func(p netip.Prefix) bool { return inside(cidr, p) }) {
		return nil, vpc.Errorf("InvalidParameterValue", "Reservation CIDR %s is not within the CIDR block of the subnet", cidr)
	}
	if e.CIDRReservations.CountBy("subnet", subnet.ID) >= maxReservations {
		return nil, vpc.Errorf("ResourceLimitExceeded", "You have reached the limit of %d CIDR reservations for the subnet %s.", maxReservations, subnet.ID)
	}
	for other := range e.CIDRReservations.By("subnet", subnet.ID) {
		if other.CIDR.Overlaps(cidr) {
			return nil, vpc.Errorf("InvalidParameterValue", "Reservation CIDR %s has overlap with existing reserved CIDR block", cidr)
		}
	}
	r := &vpc.CIDRReservation{ID: e.NewID("scr"), Scope: e.Scope, Subnet: subnet.ID, CIDR: cidr, Explicit: in.ReservationType == "explicit",
		Description: value(in.Description), Tags: tags["subnet-cidr-reservation"]}
	e.CIDRReservations.Put(r)
	return &ec2.CreateSubnetCidrReservationOutput{SubnetCidrReservation: new(showCIDRReservation(r))}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnetCidrReservation.html
func deleteSubnetCidrReservation(e *vpc.Edit, in *ec2.DeleteSubnetCidrReservationInput) (*ec2.DeleteSubnetCidrReservationOutput, error) {
	r, err := cidrReservationIDs.find(e.State, *in.SubnetCidrReservationId)
	if err != nil {
		return nil, err
	}
	e.CIDRReservations.Delete(r.ID)
	return &ec2.DeleteSubnetCidrReservationOutput{DeletedSubnetCidrReservation: new(showCIDRReservation(r))}, nil
}

// getSubnetCidrReservations lists what is reserved in a subnet, each family by itself.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSubnetCidrReservations.html
func getSubnetCidrReservations(s *vpc.State, in *ec2.GetSubnetCidrReservationsInput) (*ec2.GetSubnetCidrReservationsOutput, error) {
	subnet, err := subnetIDs.find(s, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	var items []ec2.SubnetCidrReservation
	for r := range s.CIDRReservations.By("subnet", subnet.ID) {
		items = append(items, showCIDRReservation(r))
	}
	page, next, err := cidrReservationListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	out := &ec2.GetSubnetCidrReservationsOutput{NextToken: next,
		SubnetIpv4CidrReservations: []ec2.SubnetCidrReservation{}, SubnetIpv6CidrReservations: []ec2.SubnetCidrReservation{}}
	for _, r := range page {
		if s.CIDRReservations.Get(*r.SubnetCidrReservationId).CIDR.Addr().Is4() {
			out.SubnetIpv4CidrReservations = append(out.SubnetIpv4CidrReservations, r)
		} else {
			out.SubnetIpv6CidrReservations = append(out.SubnetIpv6CidrReservations, r)
		}
	}
	return out, nil
}

func showCIDRReservation(r *vpc.CIDRReservation) ec2.SubnetCidrReservation {
	shown := ec2.SubnetCidrReservation{SubnetCidrReservationId: new(r.ID), SubnetId: new(r.Subnet), OwnerId: new(r.Account), Cidr: new(r.CIDR.String()),
		ReservationType: "prefix", Description: optional(r.Description), Tags: tagSet(r.Tags)}
	if r.Explicit {
		shown.ReservationType = "explicit"
	}
	return shown
}

var cidrReservationListing = listing[ec2.SubnetCidrReservation]{
	filters[ec2.SubnetCidrReservation]{
		"reservationType": func(r *ec2.SubnetCidrReservation) []string { return of(r.ReservationType) },
		"subnet-id":       func(r *ec2.SubnetCidrReservation) []string { return of(r.SubnetId) },
	}.tagged(func(r *ec2.SubnetCidrReservation) []ec2.Tag { return r.Tags }),
	paging{5, 1000, "", false},
	func(r *ec2.SubnetCidrReservation) string { return *r.SubnetCidrReservationId },
}
