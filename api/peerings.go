package api

import (
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// peeringOperations keep peering connections, which both sides see.
var peeringOperations = []Operation{
	write(createVpcPeeringConnection),
	write(acceptVpcPeeringConnection),
	write(rejectVpcPeeringConnection),
	write(deleteVpcPeeringConnection),
	write(modifyVpcPeeringConnectionOptions),
	read(describeVpcPeeringConnections),
}

// What a connection can be, in AWS's words.
const (
	peeringPending  = "pending-acceptance"
	peeringActive   = "active"
	peeringFailed   = "failed"
	peeringRejected = "rejected"
	peeringExpired  = "expired"
	peeringDeleted  = "deleted"
)

const failedText = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"

// createVpcPeeringConnection asks the owner of another VPC to connect it. What is wrong with that VPC
// makes a connection that failed: nobody is told what others have.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcPeeringConnection.html
func createVpcPeeringConnection(e *vpc.Edit, in *ec2.CreateVpcPeeringConnectionInput) (*ec2.CreateVpcPeeringConnectionOutput, error) {
	tags, err := createTagsFor(in.TagSpecifications, "vpc-peering-connection")
	if err != nil {
		return nil, err
	}
	mine, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	p := &vpc.Peering{Scope: e.Scope, Requester: vpc.PeeringSide{Scope: e.Scope, VPC: mine.ID}, Status: peeringPending, Created: e.Now,
		Tags: tags["vpc-peering-connection"]}
	if p.Accepter, err = readPeer(e, in); err != nil {
		return nil, err
	}
	p.Message = "Pending Acceptance by " + p.Accepter.Account
	if err := checkNewPeering(e, p); err != nil {
		return nil, err
	}
	if peerable(e.As(p.Accepter.Scope), p) {
		e.Visit(p.Accepter.Scope) // it may be the default VPC of a Region that nobody wrote to
	} else {
		p.Status, p.Message, p.Ended = peeringFailed, failedText, e.Now
	}
	p.ID = e.NewID("pcx")
	e.Peerings.Put(p)
	shown := showPeering(e.State, p)
	shown.Status = &ec2.VpcPeeringConnectionStateReason{Code: "initiating-request", Message: new("Initiating Request to " + p.Accepter.Account)}
	shown.ExpirationTime = new(p.Created.Add(expiresAfter))
	return &ec2.CreateVpcPeeringConnectionOutput{VpcPeeringConnection: &shown}, nil
}

// readPeer reads which VPC a request means to connect. One that is in another account or Region need not exist.
func readPeer(e *vpc.Edit, in *ec2.CreateVpcPeeringConnectionInput) (side vpc.PeeringSide, err error) {
	if side.VPC, err = need("peerVpcId", in.PeerVpcId); err != nil {
		return side, err
	}
	if err := vpcIDs.check(side.VPC); err != nil {
		return side, err
	}
	side.Scope = e.Scope
	if owner := value(in.PeerOwnerId); owner != "" {
		if !vpc.IsAccount(owner) {
			return side, invalid("peerOwnerId", owner, "It must be the 12 digits of an account ID.")
		}
		side.Account = owner
	}
	if region := value(in.PeerRegion); region != "" {
		if !vpc.IsRegion(region) {
			return side, invalid("peerRegion", region, "There is no such Region.")
		}
		side.Region = region
	}
	if side.Scope == e.Scope {
		_, err = vpcIDs.find(e.State, side.VPC)
		return side, err
	}
	return side, nil
}

// checkNewPeering refuses a connection that the requester cannot have.
func checkNewPeering(e *vpc.Edit, p *vpc.Peering) error {
	if p.Accepter.VPC == p.Requester.VPC {
		return invalid("peerVpcId", p.Accepter.VPC, "A VPC cannot be peered with itself.")
	}
	for other := range e.Peerings.By("vpc", p.Requester.VPC) {
		between := []string{other.Requester.VPC, other.Accepter.VPC}
		if status := statusAt(other, e.Now).Status; (status == peeringActive || status == peeringPending) && slices.Contains(between, p.Accepter.VPC) {
			return vpc.Errorf("VpcPeeringConnectionAlreadyExists", "A VPC peering connection between the VPCs %s and %s already exists: %s",
				p.Requester.VPC, p.Accepter.VPC, other.ID)
		}
	}
	outstanding := 0 // and those that failed, as long as they are shown
	for other := range e.Peerings.By("scope", e.Key()) {
		status := statusAt(other, e.Now).Status
		if other.Scope == e.Scope && (status == peeringPending || status == peeringFailed && e.Now.Sub(other.Ended) <= failedSeen) {
			outstanding++
		}
	}
	if outstanding >= e.Limit(vpc.OutstandingPeerings) {
		return vpc.Errorf("OutstandingVpcPeeringConnectionLimitExceeded", "The maximum number of outstanding VPC peering connection requests has been reached.")
	}
	return checkActivePeerings(e.State, p.Requester)
}

// checkActivePeerings refuses one more active connection of a VPC than it may have.
func checkActivePeerings(s *vpc.State, side vpc.PeeringSide) error {
	active := 0
	for p := range s.Peerings.By("vpc", side.VPC) {
		if p.Status == peeringActive {
			active++
		}
	}
	if active >= s.As(side.Scope).Limit(vpc.PeeringsPerVPC) {
		return vpc.Errorf("ActiveVpcPeeringConnectionPerVpcLimitExceeded", "The maximum number of active VPC peering connections has been reached for VPC %s.", side.VPC)
	}
	return nil
}

// peerable tells whether both VPCs are there, which the accepter's account is too, and have no address in common.
func peerable(s *vpc.State, p *vpc.Peering) bool {
	a, b := s.VPCs.Get(p.Requester.VPC), s.VPCs.Get(p.Accepter.VPC)
	if a == nil || b == nil || !b.In(p.Accepter.Scope) || s.Accounts.Get(p.Accepter.Account) == nil {
		return false
	}
	for _, one := range a.CIDRs() {
		if slices.ContainsFunc(b.CIDRs(), one.Overlaps) {
			return false
		}
	}
	return true
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcPeeringConnections.html
func describeVpcPeeringConnections(s *vpc.State, in *ec2.DescribeVpcPeeringConnectionsInput) (*ec2.DescribeVpcPeeringConnectionsOutput, error) {
	peerings, next, err := describe(s, in, peeringIDs, in.VpcPeeringConnectionIds, peeringListing, func(p *vpc.Peering) ec2.VpcPeeringConnection { return showPeering(s, p) })
	return &ec2.DescribeVpcPeeringConnectionsOutput{VpcPeeringConnections: peerings, NextToken: next}, err
}

// showPeering is the connection as the asking side sees it. Of the accepter's VPC nothing shows before it
// accepted.
func showPeering(s *vpc.State, p *vpc.Peering) ec2.VpcPeeringConnection {
	shown := ec2.VpcPeeringConnection{VpcPeeringConnectionId: new(p.ID), Tags: tagSet(*p.TagsOf(s.Scope)),
		Status:           &ec2.VpcPeeringConnectionStateReason{Code: p.Status, Message: new(p.Message)},
		RequesterVpcInfo: showPeeringSide(s, p.Requester, true), AccepterVpcInfo: showPeeringSide(s, p.Accepter, p.Status == peeringActive)}
	if p.Status == peeringPending || p.Status == peeringExpired {
		shown.ExpirationTime = new(p.Created.Add(expiresAfter))
	}
	return shown
}

func showPeeringSide(s *vpc.State, side vpc.PeeringSide, whole bool) *ec2.VpcPeeringConnectionVpcInfo {
	shown := &ec2.VpcPeeringConnectionVpcInfo{OwnerId: new(side.Account), VpcId: new(side.VPC), Region: new(side.Region)}
	if v := s.VPCs.Get(side.VPC); whole && v != nil {
		shown.CidrBlock = new(v.CIDR.String())
		for _, cidr := range v.CIDRs() {
			if cidr.Addr().Is4() {
				shown.CidrBlockSet = append(shown.CidrBlockSet, ec2.CidrBlock{CidrBlock: new(cidr.String())})
			} else {
				shown.Ipv6CidrBlockSet = append(shown.Ipv6CidrBlockSet, ec2.Ipv6CidrBlock{Ipv6CidrBlock: new(cidr.String())})
			}
		}
	}
	if whole {
		shown.PeeringOptions = &ec2.VpcPeeringConnectionOptionsDescription{AllowDnsResolutionFromRemoteVpc: new(side.AllowsDNS),
			AllowEgressFromLocalClassicLinkToRemoteVpc: new(false), AllowEgressFromLocalVpcToRemoteClassicLink: new(false)}
	}
	return shown
}

var peeringListing = listing[ec2.VpcPeeringConnection]{
	filters[ec2.VpcPeeringConnection]{
		"accepter-vpc-info.cidr-block":  accepter(cidrsOfSide),
		"accepter-vpc-info.owner-id":    accepter(func(i *ec2.VpcPeeringConnectionVpcInfo) []string { return of(i.OwnerId) }),
		"accepter-vpc-info.vpc-id":      accepter(func(i *ec2.VpcPeeringConnectionVpcInfo) []string { return of(i.VpcId) }),
		"requester-vpc-info.cidr-block": requester(cidrsOfSide),
		"requester-vpc-info.owner-id":   requester(func(i *ec2.VpcPeeringConnectionVpcInfo) []string { return of(i.OwnerId) }),
		"requester-vpc-info.vpc-id":     requester(func(i *ec2.VpcPeeringConnectionVpcInfo) []string { return of(i.VpcId) }),
		"expiration-time":               func(p *ec2.VpcPeeringConnection) []string { return moment(p.ExpirationTime) },
		"status-code":                   func(p *ec2.VpcPeeringConnection) []string { return of(p.Status.Code) },
		"status-message":                func(p *ec2.VpcPeeringConnection) []string { return of(p.Status.Message) },
		"vpc-peering-connection-id":     func(p *ec2.VpcPeeringConnection) []string { return of(p.VpcPeeringConnectionId) },
	}.tagged(func(p *ec2.VpcPeeringConnection) []ec2.Tag { return p.Tags }),
	paging{5, 1000, "VpcPeeringConnectionIds", false},
	func(p *ec2.VpcPeeringConnection) string { return *p.VpcPeeringConnectionId },
}

func accepter(held func(*ec2.VpcPeeringConnectionVpcInfo) []string) func(*ec2.VpcPeeringConnection) []string {
	return func(p *ec2.VpcPeeringConnection) []string { return held(p.AccepterVpcInfo) }
}

func requester(held func(*ec2.VpcPeeringConnectionVpcInfo) []string) func(*ec2.VpcPeeringConnection) []string {
	return func(p *ec2.VpcPeeringConnection) []string { return held(p.RequesterVpcInfo) }
}

func cidrsOfSide(i *ec2.VpcPeeringConnectionVpcInfo) []string {
	return each(i.CidrBlockSet, func(b *ec2.CidrBlock) *string { return b.CidrBlock })
}
