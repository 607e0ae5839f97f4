package api

import (
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// Rules that name other groups. A group is named by id: one of the same VPC, of a VPC that is a peer,
// perhaps another account's, or one that is usable in the same VPC by association. What connected the
// two may end, and a group of another VPC may be deleted: the rule stays, is stale, and matches nothing.
var referenceOperations = []Operation{
	read(describeSecurityGroupReferences),
	read(describeStaleSecurityGroups),
}

// groupPeer finds the group that a pair names. What VpcId, VpcPeeringConnectionId and PeeringStatus
// say follows from the group; clients send them back as they were shown.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UserIdGroupPair.html
func (r reading) groupPeer(pair ec2.UserIdGroupPair) (vpc.Peer, error) {
	if r.made {
		if i := slices.IndexFunc(r.group.Rules, func(have vpc.Rule) bool { return names(have.Peer, pair) }); i >= 0 {
			return r.group.Rules[i].Peer, nil
		}
	}
	other, err := r.referenced(pair)
	if err != nil {
		return vpc.Peer{}, err
	}
	if !r.MayReference(r.group, other) || value(pair.VpcId) != "" && *pair.VpcId != other.VPC {
		return vpc.Peer{}, differentNetworks()
	}
	peer := vpc.Peer{Group: other.ID, Account: other.Account}
	if other.VPC == r.group.VPC {
		return peer, r.checkPeering(pair, "")
	}
	peer.VPC = other.VPC
	if p := r.ActivePeering(r.group.VPC, other.VPC); p != nil {
		peer.Peering = p.ID
	}
	return peer, r.checkPeering(pair, peer.Peering)
}

// names tells whether the pair means the group of a rule.
func names(p vpc.Peer, pair ec2.UserIdGroupPair) bool {
	account := value(pair.UserId)
	return p.Group != "" && p.Group == value(pair.GroupId) && (account == "" || account == p.Account)
}

// referenced is the group that the pair names: by id, or by name in the default VPC.
func (r reading) referenced(pair ec2.UserIdGroupPair) (*vpc.SecurityGroup, error) {
	id, name, account := value(pair.GroupId), value(pair.GroupName), value(pair.UserId)
	switch {
	case id == "" && name == "":
		return nil, vpc.Errorf("MissingParameter", "Source group ID missing.")
	case id == "" && !inDefaultVPC(r.State, r.group):
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for groupName. You may not reference Amazon VPC security groups by name. Please use the corresponding id for this operation.", name)
	case account == "" || account == r.Account:
		if id == "" {
			return groupByName(r.State, name)
		}
		return groupIDs.find(r.State, id)
	}
	if id != "" {
		if err := groupIDs.check(id); err != nil {
			return nil, err
		}
	}
	other := r.SecurityGroups.Get(id)
	if other == nil || other.Scope != (vpc.Scope{Account: account, Region: r.Region}) || !r.MayReference(r.group, other) { // which of them is for nobody else to know
		return nil, vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id+name)
	}
	return other, nil
}

// checkPeering refuses a peering connection that is not the one between the two VPCs.
func (r reading) checkPeering(pair ec2.UserIdGroupPair, between string) error {
	id := value(pair.VpcPeeringConnectionId)
	if id == "" || id == between {
		return nil
	}
	if _, err := peeringIDs.find(r.State, id); err != nil {
		return err
	}
	return differentNetworks()
}

func differentNetworks() error {
	return vpc.Errorf("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
}

func inDefaultVPC(s *vpc.State, g *vpc.SecurityGroup) bool {
	v := s.DefaultVPC()
	return v != nil && v.ID == g.VPC
}

// A reference is what a rule shows of the group that it names.
type reference struct{ user, vpc, peering, status *string }

// showReference shows the rule's group: its account while it exists, and what is between it and g. Whether a
// group of another account exists is seen only by peers.
func showReference(s *vpc.State, g *vpc.SecurityGroup, p vpc.Peer) (shown reference) {
	if s.SecurityGroups.Get(p.Group) != nil || p.Account != g.Account && s.ActivePeering(g.VPC, p.VPC) == nil {
		shown.user = new(p.Account)
	}
	if p.VPC == "" {
		return shown
	}
	shown.vpc = new(p.VPC)
	if active := s.ActivePeering(g.VPC, p.VPC); active != nil {
		shown.peering, shown.status = new(active.ID), new(active.Status)
	} else if p.Peering != "" {
		shown.peering, shown.status = new(p.Peering), new("deleted")
		if was := s.Peerings.Get(p.Peering); was != nil {
			shown.status = new(was.Status)
		}
	}
	return shown
}

// stale tells whether the group's rule names a group that it no longer can.
func stale(s *vpc.State, g *vpc.SecurityGroup, r vpc.Rule) bool {
	if r.Peer.Group == "" {
		return false
	}
	other := s.SecurityGroups.Get(r.Peer.Group)
	return other == nil || !s.MayReference(g, other)
}

// describeSecurityGroupReferences lists the VPCs at the far ends of peering connections whose groups
// have rules that name one of the groups.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupReferences.html
func describeSecurityGroupReferences(s *vpc.State, in *ec2.DescribeSecurityGroupReferencesInput) (*ec2.DescribeSecurityGroupReferencesOutput, error) {
	groups, err := groupIDs.all(s, in.GroupId)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSecurityGroupReferencesOutput{SecurityGroupReferenceSet: []ec2.SecurityGroupReference{}}
	for _, g := range groups {
		seen := map[string]bool{g.VPC: true}
		for referrer := range s.SecurityGroups.By("refers", g.ID) {
			p := s.ActivePeering(g.VPC, referrer.VPC)
			if p == nil || seen[referrer.VPC] {
				continue
			}
			seen[referrer.VPC] = true
			out.SecurityGroupReferenceSet = append(out.SecurityGroupReferenceSet,
				ec2.SecurityGroupReference{GroupId: new(g.ID), ReferencingVpcId: new(referrer.VPC), VpcPeeringConnectionId: new(p.ID)})
		}
	}
	return out, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeStaleSecurityGroups.html
func describeStaleSecurityGroups(s *vpc.State, in *ec2.DescribeStaleSecurityGroupsInput) (*ec2.DescribeStaleSecurityGroupsOutput, error) {
	v, err := vpcIDs.find(s, *in.VpcId)
	if err != nil {
		return nil, err
	}
	var items []ec2.StaleSecurityGroup
	for g := range s.SecurityGroups.By("vpc", v.ID) {
		in, out := split(slices.DeleteFunc(slices.Clone(g.Rules), func(r vpc.Rule) bool { return !stale(s, g, r) }))
		if len(in)+len(out) > 0 {
			items = append(items, ec2.StaleSecurityGroup{GroupId: new(g.ID), GroupName: new(g.Name), Description: new(g.Description), VpcId: new(g.VPC),
				StaleIpPermissions: showStale(s, g, in), StaleIpPermissionsEgress: showStale(s, g, out)})
		}
	}
	groups, next, err := staleListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeStaleSecurityGroupsOutput{StaleSecurityGroupSet: groups, NextToken: next}, nil
}

var staleListing = listing[ec2.StaleSecurityGroup]{paging: paging{low: 5, high: 255},
	key: func(g *ec2.StaleSecurityGroup) string { return *g.GroupId }}

// showStale shows stale rules of one direction. Their peers are groups, whence the empty lists.
func showStale(s *vpc.State, g *vpc.SecurityGroup, rules []vpc.Rule) []ec2.StaleIpPermission {
	list := []ec2.StaleIpPermission{}
	for _, p := range showPermissions(s, g, rules) {
		list = append(list, ec2.StaleIpPermission{IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort,
			IpRanges: []string{}, PrefixListIds: []string{}, UserIdGroupPairs: p.UserIdGroupPairs})
	}
	return list
}
