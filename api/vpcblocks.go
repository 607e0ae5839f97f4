package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// associateVpcCidrBlock gives a VPC another range: of IPv4 the one that is asked for, of IPv6 one of Amazon's.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateVpcCidrBlock.html
func associateVpcCidrBlock(e *vpc.Edit, in *ec2.AssociateVpcCidrBlockInput) (*ec2.AssociateVpcCidrBlockOutput, error) {
	if err := refuse(given{"ipv4IpamPoolId", value(in.Ipv4IpamPoolId) != ""}, given{"ipv4NetmaskLength", in.Ipv4NetmaskLength != nil}); err != nil {
		return nil, err
	}
	ipv6, err := ipv6Wish{amazon: in.AmazonProvidedIpv6CidrBlock, block: in.Ipv6CidrBlock, pool: in.Ipv6Pool, ipamPool: in.Ipv6IpamPoolId,
		netmask: in.Ipv6NetmaskLength, group: in.Ipv6CidrBlockNetworkBorderGroup}.granted(e.Region)
	switch asked := value(in.CidrBlock); {
	case err != nil:
		return nil, err
	case ipv6 && asked != "":
		return nil, notTogether("cidrBlock", "amazonProvidedIpv6CidrBlock")
	case !ipv6 && asked == "":
		return nil, missing("cidrBlock or amazonProvidedIpv6CidrBlock")
	}
	v, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if ipv6 {
		if len(v.IPv6) >= e.Limit(vpc.IPv6BlocksPerVPC) {
			return nil, tooManyBlocks(v.ID, e.Limit(vpc.IPv6BlocksPerVPC))
		}
		if err := hasIPv6Pool(e.State); err != nil {
			return nil, err
		}
		v, block := e.AddIPv6(v)
		return &ec2.AssociateVpcCidrBlockOutput{VpcId: new(v.ID), Ipv6CidrBlockAssociation: new(showIPv6Block(v, block, "associating"))}, nil
	}
	cidr, err := vpcBlock(*in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if err := secondaryAllowed(e, v, cidr); err != nil {
		return nil, err
	}
	if 1+len(v.Secondary) >= e.Limit(vpc.IPv4BlocksPerVPC) {
		return nil, tooManyBlocks(v.ID, e.Limit(vpc.IPv4BlocksPerVPC))
	}
	failPeerings(e, v, cidr)
	block := vpc.Block{AssociationID: e.NewID("vpc-cidr-assoc"), CIDR: cidr}
	changed := *v
	changed.Secondary = append(slices.Clone(v.Secondary), block)
	e.VPCs.Put(&changed)
	return &ec2.AssociateVpcCidrBlockOutput{VpcId: new(v.ID), CidrBlockAssociation: new(showBlock(block, "associating"))}, nil
}

// hasIPv6Pool refuses a range of Amazon's while no host has said which pool it is cut from: of another one, it would reach nobody.
func hasIPv6Pool(s *vpc.State) error {
	if s.Cell().Public.IsValid() {
		return nil
	}
	return vpc.Errorf("InsufficientAddressCapacity", "Not enough available addresses to satisfy your request: ranges of IPv6 are cut from a pool that goes with the host, and no host has connected to this server yet.")
}

func tooManyBlocks(id string, limit int) error {
	return vpc.Errorf("CidrLimitExceeded", "This network '%s' has met its maximum number of allowed CIDRs: %d", id, limit)
}

// An ipv6Wish is what a request says about the IPv6 range of a VPC.
type ipv6Wish struct {
	amazon                       *bool
	block, pool, ipamPool, group *string
	netmask                      *int32
}

// granted tells whether the VPC gets a range of Amazon's. Nobody brings address space of their own here.
func (w ipv6Wish) granted(region string) (bool, error) {
	if err := refuse(given{"ipv6Pool", value(w.pool) != ""}, given{"ipv6IpamPoolId", value(w.ipamPool) != ""},
		given{"ipv6NetmaskLength", w.netmask != nil}); err != nil {
		return false, err
	}
	switch group := value(w.group); {
	case value(w.block) != "":
		return false, missing("ipv6Pool")
	case group != "" && !value(w.amazon):
		return false, missing("amazonProvidedIpv6CidrBlock")
	case group != "" && group != region:
		return false, invalid("ipv6CidrBlockNetworkBorderGroup", group, "The network border group must be: "+region+".")
	}
	return value(w.amazon), nil
}

// neighbours say which ranges a VPC cannot have once it has one in another range.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions
var neighbours = []struct {
	within string
	never  []string
}{
	{"10.0.0.0/8", []string{"172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16"}},
	{"10.0.0.0/15", []string{"10.0.0.0/16"}},
	{"172.16.0.0/12", []string{"10.0.0.0/8", "192.168.0.0/16", "172.31.0.0/16", "198.19.0.0/16"}},
	{"192.168.0.0/16", []string{"10.0.0.0/8", "172.16.0.0/12", "198.19.0.0/16"}},
	{"198.19.0.0/16", private},
}

// private are the ranges of RFC 1918.
var private = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}

// restricted tells whether the VPC cannot have the range for what it has already. A VPC that lies in
// public space alone, where 100.64.0.0/10 counts too, cannot go private.
func restricted(v *vpc.VPC, cidr netip.Prefix) bool {
	overlaps := func(p netip.Prefix) func(string) bool {
		return func(s string) bool { return netip.MustParsePrefix(s).Overlaps(p) }
	}
	public := true
	for _, have := range v.CIDRs() {
		for _, n := range neighbours {
			if overlaps(have)(n.within) {
				public = false
				if slices.ContainsFunc(n.never, overlaps(cidr)) {
					return true
				}
			}
		}
	}
	return public && slices.ContainsFunc(append([]string{"198.19.0.0/16"}, private...), overlaps(cidr))
}

// secondaryAllowed refuses a range that the VPC cannot have: for what it has already, for where its routes
// lead, or for whom it is peered with.
func secondaryAllowed(e *vpc.Edit, v *vpc.VPC, cidr netip.Prefix) error {
	for _, have := range v.CIDRs() {
		if have.Overlaps(cidr) {
			return vpc.Errorf("CidrConflict", "The CIDR '%s' conflicts with another CIDR block of the VPC: %s", cidr, have)
		}
	}
	if restricted(v, cidr) {
		return vpc.Errorf("InvalidVpc.Range", "The CIDR '%s' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html", cidr)
	}
	for t := range e.RouteTables.By("vpc", v.ID) {
		for _, r := range t.Routes {
			if r.PrefixList == "" && inside(r.Destination, cidr) {
				return vpc.Errorf("CidrConflict", "The CIDR '%s' conflicts with the route to %s in route table %s", cidr, r.Destination, t.ID)
			}
		}
	}
	for p := range e.Peerings.By("vpc", v.ID) {
		if outstanding(e, p) && p.Requester.VPC == v.ID {
			return vpc.Errorf("OperationNotPermitted", "The VPC '%s' has the outstanding VPC peering connection request %s. No CIDR block can be added.", v.ID, p.ID)
		}
		if peer := e.VPCs.Get(peerOf(p, v.ID)); p.Status == "active" && overlapsAny(peer, cidr) {
			return vpc.Errorf("CidrConflict", "The CIDR '%s' conflicts with a CIDR block of the peer VPC %s", cidr, peer.ID)
		}
	}
	return nil
}

// failPeerings ends the requests for a peering that the VPC's new range makes impossible.
func failPeerings(e *vpc.Edit, v *vpc.VPC, cidr netip.Prefix) {
	for _, old := range slices.Collect(e.Peerings.By("vpc", v.ID)) {
		if outstanding(e, old) && overlapsAny(e.VPCs.Get(old.Requester.VPC), cidr) {
			p := *old
			p.Status, p.Message, p.Ended = peeringFailed, failedText, e.Now
			e.Peerings.Put(&p)
		}
	}
}

// outstanding tells whether the request for a peering still waits to be accepted.
func outstanding(e *vpc.Edit, p *vpc.Peering) bool {
	return statusAt(p, e.Now).Status == peeringPending
}

// peerOf is the id of the other VPC.
func peerOf(p *vpc.Peering, id string) string {
	if p.Requester.VPC == id {
		return p.Accepter.VPC
	}
	return p.Requester.VPC
}

func overlapsAny(v *vpc.VPC, cidr netip.Prefix) bool {
	return v != nil && slices.ContainsFunc(v.CIDRs(), cidr.Overlaps)
}

// disassociateVpcCidrBlock takes a range from a VPC, if no subnet is in it. The primary one stays.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateVpcCidrBlock.html
func disassociateVpcCidrBlock(e *vpc.Edit, in *ec2.DisassociateVpcCidrBlockInput) (*ec2.DisassociateVpcCidrBlockOutput, error) {
	id := *in.AssociationId
	if err := checkID("vpc-cidr-assoc", "InvalidVpcCidrBlockAssociationId.Malformed", id); err != nil {
		return nil, err
	}
	v := e.VPCs.First("association", id)
	switch {
	case v == nil || v.Scope != e.Scope:
		return nil, vpc.Errorf("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", id)
	case id == v.AssociationID:
		return nil, vpc.Errorf("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", id)
	}
	is := func(b vpc.Block) bool { return b.AssociationID == id }
	blocks := slices.Concat(v.Secondary, v.IPv6)
	block := blocks[slices.IndexFunc(blocks, is)]
	for subnet := range e.Subnets.By("vpc", v.ID) {
		if slices.ContainsFunc(subnet.CIDRs(), block.CIDR.Overlaps) {
			return nil, vpc.Errorf("InvalidCidrBlock.InUse", "The vpc %s currently has a subnet within CIDR block %s", v.ID, block.CIDR)
		}
	}
	if slices.ContainsFunc(v.IPv6, is) {
		e.RemoveIPv6(v, block)
		return &ec2.DisassociateVpcCidrBlockOutput{VpcId: new(v.ID), Ipv6CidrBlockAssociation: new(showIPv6Block(v, block, "disassociating"))}, nil
	}
	changed := *v
	changed.Secondary = slices.DeleteFunc(slices.Clone(v.Secondary), is)
	e.VPCs.Put(&changed)
	return &ec2.DisassociateVpcCidrBlockOutput{VpcId: new(v.ID), CidrBlockAssociation: new(showBlock(block, "disassociating"))}, nil
}

func showBlock(b vpc.Block, state string) ec2.VpcCidrBlockAssociation {
	return ec2.VpcCidrBlockAssociation{AssociationId: new(b.AssociationID), CidrBlock: new(b.CIDR.String()), CidrBlockState: &ec2.VpcCidrBlockState{State: state}}
}

// showIPv6Block is the VPC's IPv6 range. While it is being associated AWS does not tell yet which it is.
func showIPv6Block(v *vpc.VPC, b vpc.Block, state string) ec2.VpcIpv6CidrBlockAssociation {
	shown := ec2.VpcIpv6CidrBlockAssociation{AssociationId: new(b.AssociationID), Ipv6CidrBlock: new(b.CIDR.String()),
		Ipv6CidrBlockState: &ec2.VpcCidrBlockState{State: state}, Ipv6Pool: new("Amazon"), NetworkBorderGroup: new(v.Region),
		IpSource: "amazon", Ipv6AddressAttribute: "public"}
	if state == "associating" {
		shown.Ipv6CidrBlock = new("")
	}
	return shown
}
