package api

import (
	"slices"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// How long things last. https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
const (
	expiresAfter = 7 * 24 * time.Hour // a request that nobody answers
	failedSeen   = 2 * time.Hour      // a connection that failed
	endedSeen    = 2 * 24 * time.Hour // one that ended otherwise
)

// statusAt is the connection at a moment: a request that was not answered in time has expired.
func statusAt(p *vpc.Peering, now time.Time) *vpc.Peering {
	end := p.Created.Add(expiresAfter)
	if p.Status != peeringPending || now.Before(end) {
		return p
	}
	c := *p
	c.Status, c.Message, c.Ended = peeringExpired, "Expired", end
	return &c
}

// transition finds the connection of a request that means to change its status from one of these.
func transition(e *vpc.Edit, id, to string, from ...string) (vpc.Peering, error) {
	p, err := peeringIDs.find(e.State, id)
	if err != nil {
		return vpc.Peering{}, err
	}
	p = statusAt(p, e.Now)
	if !slices.Contains(from, p.Status) {
		return vpc.Peering{}, vpc.Errorf("InvalidStateTransition", "Invalid state transition for %s, attempted to transition from %s to %s", id, p.Status, to)
	}
	return *p, nil
}

// acceptVpcPeeringConnection makes the connection active, unless the VPCs got addresses in common meanwhile.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AcceptVpcPeeringConnection.html
func acceptVpcPeeringConnection(e *vpc.Edit, in *ec2.AcceptVpcPeeringConnectionInput) (*ec2.AcceptVpcPeeringConnectionOutput, error) {
	p, err := transition(e, *in.VpcPeeringConnectionId, "provisioning", peeringPending)
	if err != nil {
		return nil, err
	}
	if err := onlyAccepter(e, &p, "accept", "accepted"); err != nil {
		return nil, err
	}
	for _, side := range []vpc.PeeringSide{p.Requester, p.Accepter} {
		if err := checkActivePeerings(e.State, side); err != nil {
			return nil, err
		}
	}
	if !peerable(e.State, &p) {
		p.Status, p.Message, p.Ended = peeringFailed, failedText, e.Now
		e.Peerings.Put(&p)
		return &ec2.AcceptVpcPeeringConnectionOutput{VpcPeeringConnection: new(showPeering(e.State, &p))}, nil
	}
	p.Status, p.Message = peeringActive, "Active"
	e.Peerings.Put(&p)
	shown := showPeering(e.State, &p)
	shown.Status = &ec2.VpcPeeringConnectionStateReason{Code: "provisioning", Message: new("Provisioning")}
	return &ec2.AcceptVpcPeeringConnectionOutput{VpcPeeringConnection: &shown}, nil
}

// onlyAccepter refuses what only the owner of the accepter's VPC may do, in its Region.
func onlyAccepter(e *vpc.Edit, p *vpc.Peering, do, done string) error {
	switch {
	case p.Accepter.Account != e.Account:
		return vpc.Errorf("OperationNotPermitted", "User (%s) cannot %s peering %s", e.Account, do, p.ID)
	case p.Accepter.Region != e.Region:
		return vpc.Errorf("OperationNotPermitted", "Incorrect region (%s) specified for this request. VPC peering connection %s must be %s in region %s",
			e.Region, p.ID, done, p.Accepter.Region)
	}
	return nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RejectVpcPeeringConnection.html
func rejectVpcPeeringConnection(e *vpc.Edit, in *ec2.RejectVpcPeeringConnectionInput) (*ec2.RejectVpcPeeringConnectionOutput, error) {
	p, err := transition(e, *in.VpcPeeringConnectionId, peeringRejected, peeringPending)
	if err != nil {
		return nil, err
	}
	if err := onlyAccepter(e, &p, "reject", "accepted or rejected"); err != nil {
		return nil, err
	}
	p.Status, p.Message, p.Ended = peeringRejected, "Rejected by "+e.Account, e.Now
	e.Peerings.Put(&p)
	return &ec2.RejectVpcPeeringConnectionOutput{Return: new(true)}, nil
}

// deleteVpcPeeringConnection ends an active connection, for either side, or takes a request back, for the
// one that made it. Routes to it become blackholes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcPeeringConnection.html
func deleteVpcPeeringConnection(e *vpc.Edit, in *ec2.DeleteVpcPeeringConnectionInput) (*ec2.DeleteVpcPeeringConnectionOutput, error) {
	p, err := transition(e, *in.VpcPeeringConnectionId, "deleting", peeringPending, peeringActive)
	if err != nil {
		return nil, err
	}
	if p.Status == peeringPending && p.Requester.Account != e.Account {
		return nil, vpc.Errorf("OperationNotPermitted", "User (%s) cannot delete peering %s", e.Account, p.ID)
	}
	endPeering(e, p)
	return &ec2.DeleteVpcPeeringConnectionOutput{Return: new(true)}, nil
}

func endPeering(e *vpc.Edit, p vpc.Peering) {
	p.Status, p.Message, p.Ended = peeringDeleted, "Deleted by "+e.Account, e.Now
	e.Peerings.Put(&p)
}

// endPeerings deletes the connections of a VPC that is deleted.
func endPeerings(e *vpc.Edit, vpcID string) {
	for _, p := range slices.Collect(e.Peerings.By("vpc", vpcID)) {
		if p.Status == peeringPending || p.Status == peeringActive {
			endPeering(e, *p)
		}
	}
}

// modifyVpcPeeringConnectionOptions says which names a VPC lets the other one resolve. They are stored
// and shown.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcPeeringConnectionOptions.html
func modifyVpcPeeringConnectionOptions(e *vpc.Edit, in *ec2.ModifyVpcPeeringConnectionOptionsInput) (*ec2.ModifyVpcPeeringConnectionOptionsOutput, error) {
	old, err := peeringIDs.find(e.State, *in.VpcPeeringConnectionId)
	if err != nil {
		return nil, err
	}
	if in.AccepterPeeringConnectionOptions == nil && in.RequesterPeeringConnectionOptions == nil {
		return nil, missing("AccepterPeeringConnectionOptions or RequesterPeeringConnectionOptions")
	}
	if old.Status != peeringActive {
		return nil, vpc.Errorf("OperationNotPermitted", "Peering %s is not active. Peering options can be added only to active peerings.", old.ID)
	}
	p := *old
	out := &ec2.ModifyVpcPeeringConnectionOptionsOutput{}
	if out.AccepterPeeringConnectionOptions, err = changeSide(e, &p.Accepter, "accepter", in.AccepterPeeringConnectionOptions); err != nil {
		return nil, err
	}
	if out.RequesterPeeringConnectionOptions, err = changeSide(e, &p.Requester, "requester", in.RequesterPeeringConnectionOptions); err != nil {
		return nil, err
	}
	e.Peerings.Put(&p)
	return out, nil
}

// changeSide changes the options of one side, if the request has any for it.
func changeSide(e *vpc.Edit, side *vpc.PeeringSide, name string, in *ec2.PeeringConnectionOptionsRequest) (*ec2.PeeringConnectionOptions, error) {
	if in == nil {
		return nil, nil
	}
	if side.Account != e.Account {
		return nil, vpc.Errorf("OperationNotPermitted", "User %s does not have permission to modify the %s side peering options", e.Account, name)
	}
	if side.Region != e.Region {
		return nil, vpc.Errorf("OperationNotPermitted", "The %s side peering options cannot be modified in region %s. They must be modified in region %s", name, e.Region, side.Region)
	}
	if err := refuse(given{"AllowEgressFromLocalClassicLinkToRemoteVpc", value(in.AllowEgressFromLocalClassicLinkToRemoteVpc)},
		given{"AllowEgressFromLocalVpcToRemoteClassicLink", value(in.AllowEgressFromLocalVpcToRemoteClassicLink)}); err != nil {
		return nil, err
	}
	if in.AllowDnsResolutionFromRemoteVpc != nil {
		side.AllowsDNS = *in.AllowDnsResolutionFromRemoteVpc
	}
	return &ec2.PeeringConnectionOptions{AllowDnsResolutionFromRemoteVpc: new(side.AllowsDNS),
		AllowEgressFromLocalClassicLinkToRemoteVpc: new(false), AllowEgressFromLocalVpcToRemoteClassicLink: new(false)}, nil
}

// forgetPeerings writes down which requests expired, and removes the connections that ended long ago.
func forgetPeerings(e *vpc.Edit) {
	for _, old := range slices.Collect(e.Peerings.All()) {
		p := statusAt(old, e.Now)
		seen := endedSeen
		if p.Status == peeringFailed {
			seen = failedSeen
		}
		switch {
		case !p.Ended.IsZero() && e.Now.Sub(p.Ended) > seen:
			e.Peerings.Delete(p.ID)
		case p != old:
			e.Peerings.Put(p)
		}
	}
}
