package vpc

// A GroupAssociation lets interfaces of another VPC carry a security group. Its Scope is that of the
// group and of both VPCs.
// https://docs.aws.amazon.com/vpc/latest/userguide/security-group-assoc.html
type GroupAssociation struct {
	Scope
	Group, VPC string
}

func newGroupAssociations() *Table[GroupAssociation] {
	return newTable("group-association", func(a *GroupAssociation) string { return GroupAssociationKey(a.Group, a.VPC) }, map[string]func(*GroupAssociation) []string{
		"group": func(a *GroupAssociation) []string { return keys{a.Group} },
		"vpc":   func(a *GroupAssociation) []string { return keys{a.VPC} },
	})
}

// GroupAssociationKey is the key of a GroupAssociation.
func GroupAssociationKey(group, vpc string) string { return group + "/" + vpc }

// GroupUsable tells whether interfaces of the VPC may carry the group: it is the VPC's own one, or
// associated with it.
func (s *State) GroupUsable(g *SecurityGroup, vpc string) bool {
	return g.VPC == vpc || s.GroupAssociations.Get(GroupAssociationKey(g.ID, vpc)) != nil
}

// MayReference tells whether a rule of the group may name the other one, and means it: there is a VPC
// where both are usable, or their VPCs are peers.
func (s *State) MayReference(g, other *SecurityGroup) bool {
	if s.GroupUsable(other, g.VPC) || s.ActivePeering(g.VPC, other.VPC) != nil {
		return true
	}
	for a := range s.GroupAssociations.By("group", g.ID) {
		if s.GroupUsable(other, a.VPC) {
			return true
		}
	}
	return false
}

// ActivePeering is the connection that makes the two VPCs, of one Region, peers; nil: none does.
func (s *State) ActivePeering(a, b string) *Peering {
	for p := range s.Peerings.By("vpc", a) {
		ends := a == p.Requester.VPC && b == p.Accepter.VPC || a == p.Accepter.VPC && b == p.Requester.VPC
		if ends && p.Status == "active" && p.Requester.Region == p.Accepter.Region {
			return p
		}
	}
	return nil
}
