package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// subnetBlock reads the IPv4 range of a new subnet of the VPC.
func subnetBlock(s *vpc.State, v *vpc.VPC, block string) (netip.Prefix, error) {
	cidr, err := readBlock("cidrBlock", block, netip.Addr.Is4)
	if err != nil {
		return cidr, err
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 {
		return cidr, vpc.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid.", block)
	}
	return cidr, placeBlock(s, v, "CIDR", cidr)
}

// subnetIPv6Block reads the IPv6 range of a subnet of the VPC: from /44 to /64, in steps of 4.
func subnetIPv6Block(s *vpc.State, v *vpc.VPC, block string) (netip.Prefix, error) {
	cidr, err := netip.ParsePrefix(block)
	if err != nil || !cidr.Addr().Is6() || cidr.Bits() < 44 || cidr.Bits() > 64 || cidr.Bits()%4 != 0 {
		return cidr, vpc.Errorf("InvalidParameterValue", "invalid value for parameter ipv6-cidr-block: %s", block)
	}
	cidr = cidr.Masked()
	return cidr, placeBlock(s, v, "IPv6 CIDR", cidr)
}

// placeBlock refuses a range that is not inside one of the VPC's, or is another subnet's too.
func placeBlock(s *vpc.State, v *vpc.VPC, noun string, cidr netip.Prefix) error {
	if !slices.ContainsFunc(v.CIDRs(), func(p netip.Prefix) bool { return inside(cidr, p) }) {
		return vpc.Errorf("InvalidSubnet.Range", "The %s '%s' is invalid.", noun, cidr)
	}
	for other := range s.Subnets.By("vpc", v.ID) {
		if slices.ContainsFunc(other.CIDRs(), cidr.Overlaps) {
			return vpc.Errorf("InvalidSubnet.Conflict", "The %s '%s' conflicts with another subnet", noun, cidr)
		}
	}
	return nil
}

// inside tells whether all of a range is in another one.
func inside(inner, outer netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Overlaps(inner)
}

// associateSubnetCidrBlock gives a subnet an IPv6 range. It can have one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateSubnetCidrBlock.html
func associateSubnetCidrBlock(e *vpc.Edit, in *ec2.AssociateSubnetCidrBlockInput) (*ec2.AssociateSubnetCidrBlockOutput, error) {
	if err := refuse(given{"ipv6IpamPoolId", value(in.Ipv6IpamPoolId) != ""}, given{"ipv6NetmaskLength", in.Ipv6NetmaskLength != nil}); err != nil {
		return nil, err
	}
	asked, err := need("ipv6CidrBlock", in.Ipv6CidrBlock)
	if err != nil {
		return nil, err
	}
	old, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	cidr, err := subnetIPv6Block(e.State, e.VPCs.Get(old.VPC), asked)
	if err != nil {
		return nil, err
	}
	if len(old.IPv6) > 0 {
		return nil, tooManyBlocks(old.ID, 1)
	}
	subnet, block := *old, vpc.Block{AssociationID: e.NewID("subnet-cidr-assoc"), CIDR: cidr}
	subnet.IPv6 = []vpc.Block{block}
	e.Subnets.Put(&subnet)
	return &ec2.AssociateSubnetCidrBlockOutput{SubnetId: new(subnet.ID), Ipv6CidrBlockAssociation: new(showSubnetBlock(block, "associating"))}, nil
}

// disassociateSubnetCidrBlock takes its IPv6 range from a subnet, unless something there needs it.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateSubnetCidrBlock.html
func disassociateSubnetCidrBlock(e *vpc.Edit, in *ec2.DisassociateSubnetCidrBlockInput) (*ec2.DisassociateSubnetCidrBlockOutput, error) {
	id := *in.AssociationId
	if checkID("subnet-cidr-assoc", "", id) != nil {
		return nil, vpc.Errorf("InvalidSubnetCidrBlockAssociationId.Malformed", "The subnet CIDR block with association ID %s is malformed", id)
	}
	old := e.Subnets.First("association", id)
	if old == nil || old.Scope != e.Scope {
		return nil, vpc.Errorf("InvalidSubnetCidrBlockAssociationID.NotFound", "The subnet CIDR block with association ID %s does not exist", id)
	}
	if why := needsIPv6(e.State, old); why != "" {
		return nil, vpc.Errorf("InvalidCidrBlock.InUse", "The subnet IPv6 CIDR block with association ID %s may not be disassociated, because its subnet has %s.", id, why)
	}
	subnet, block := *old, old.IPv6[0]
	subnet.IPv6 = nil
	e.Subnets.Put(&subnet)
	return &ec2.DisassociateSubnetCidrBlockOutput{SubnetId: new(subnet.ID), Ipv6CidrBlockAssociation: new(showSubnetBlock(block, "disassociating"))}, nil
}

// needsIPv6 is what the subnet has that needs its IPv6 range, or "".
func needsIPv6(s *vpc.State, subnet *vpc.Subnet) string {
	for _, a := range subnetFlags {
		if a.ipv6 != "" && *a.field(subnet) {
			return a.ipv6 + " set to true"
		}
	}
	for r := range s.CIDRReservations.By("subnet", subnet.ID) {
		if r.CIDR.Addr().Is6() {
			return "the CIDR reservation " + r.ID
		}
	}
	for i := range s.Interfaces.By("subnet", subnet.ID) {
		if len(i.IPv6) > 0 || slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
			return "IPv6 addresses in use by the network interface " + i.ID
		}
	}
	return ""
}

func showSubnetBlock(b vpc.Block, state string) ec2.SubnetIpv6CidrBlockAssociation {
	return ec2.SubnetIpv6CidrBlockAssociation{AssociationId: new(b.AssociationID), Ipv6CidrBlock: new(b.CIDR.String()),
		Ipv6CidrBlockState: &ec2.SubnetCidrBlockState{State: state}, IpSource: "amazon", Ipv6AddressAttribute: "public"}
}
