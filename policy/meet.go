package policy

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
)

// Meet is a View that allows only what both a and b allow. A host that changes from one View to
// another passes through it where the change both gives and takes, so that at no moment a packet
// passes that neither lets pass. Connections are not touched.
//
// Rules meet by value: where a and b allow a packet by different rules, Meet may drop it. The result
// is of a's Revision.
func Meet(a, b *View) *View {
	m := &View{Revision: a.Revision}
	if a.Public == b.Public {
		m.Public = a.Public
	}
	if a.IPv6 == b.IPv6 {
		m.IPv6 = a.IPv6
	}
	for _, g := range a.Groups {
		if n := groupAt(b, g.Num); n >= 0 {
			m.Groups = append(m.Groups, meetGroups(g, b.Groups[n]))
		}
	}
	spare := uint32(math.MaxUint32)
	for _, i := range a.Interfaces {
		n := slices.IndexFunc(b.Interfaces, func(j Interface) bool { return j.Num == i.Num })
		if n < 0 || !sameEnd(i, b.Interfaces[n]) {
			continue
		}
		j := b.Interfaces[n]
		both := meetInterfaces(i, j)
		if a.Public != b.Public {
			both.Public = netip.Addr{}
		}
		if !slices.Equal(i.Groups, j.Groups) { // what it is allowed by a group that it loses and by one that it gets
			g := meetGroups(carried(a, i), carried(b, j))
			for groupAt(a, spare) >= 0 || groupAt(b, spare) >= 0 {
				spare--
			}
			g.Num = spare
			spare--
			m.Groups = append(m.Groups, g)
			both.Groups = append(both.Groups, g.Num)
			slices.Sort(both.Groups)
		}
		m.Interfaces = append(m.Interfaces, both)
	}
	slices.SortFunc(m.Groups, func(g, h Group) int { return cmp.Compare(g.Num, h.Num) })
	for _, s := range a.Subnets {
		n := slices.IndexFunc(b.Subnets, func(t Subnet) bool { return t.ID == s.ID && t.VPC == s.VPC && t.CIDR == s.CIDR })
		if n >= 0 {
			s.Routes = meetRoutes(s.Routes, b.Subnets[n].Routes)
			s.ACL = meetACLs(s.ACL, b.Subnets[n].ACL)
			m.Subnets = append(m.Subnets, s)
		}
	}
	m.Members = meetMembers(a.Members, b.Members)
	return m
}

func groupAt(v *View, num uint32) int {
	return slices.IndexFunc(v.Groups, func(g Group) bool { return g.Num == num })
}

// carried is all that the interface's groups allow, as one group.
func carried(v *View, i Interface) (all Group) {
	for _, g := range v.Groups {
		if slices.Contains(i.Groups, g.Num) {
			all.Ingress, all.Egress = append(all.Ingress, g.Ingress...), append(all.Egress, g.Egress...)
		}
	}
	return all
}

// sameEnd tells whether i and j are the same end of the network.
func sameEnd(i, j Interface) bool {
	return i.ID == j.ID && i.VPC == j.VPC && i.Subnet == j.Subnet && i.MAC == j.MAC && i.Addr == j.Addr
}

// meetInterfaces is what i and j, which are the same end, have in common.
func meetInterfaces(i, j Interface) Interface {
	if i.Public != j.Public {
		i.Public = netip.Addr{}
	}
	i.Groups, i.IPv6 = common(i.Groups, j.Groups), common(i.IPv6, j.IPv6)
	i.SourceDestCheck, i.Open = i.SourceDestCheck || j.SourceDestCheck, i.Open && j.Open
	i.Timeouts = Timeouts{
		TCPEstablished: min(i.Timeout(TCPEstablished), j.Timeout(TCPEstablished)),
		UDPStream:      min(i.Timeout(UDPStream), j.Timeout(UDPStream)),
		UDP:            min(i.Timeout(UDPExchange), j.Timeout(UDPExchange)),
	}
	return i
}

func meetGroups(g, h Group) Group {
	g.Ingress, g.Egress = meetRules(g.Ingress, h.Ingress), meetRules(g.Egress, h.Egress)
	return g
}

// meetRules are the rules of a that b has too, by whatever id.
func meetRules(a, b []Rule) (both []Rule) {
	for _, r := range a {
		if slices.ContainsFunc(b, func(q Rule) bool { q.ID = r.ID; return q == r }) {
			both = append(both, r)
		}
	}
	return both
}

// meetRoutes lead where a and b both lead, and nowhere where they differ: leaving such a route out
// would hand its packets to a shorter prefix.
func meetRoutes(a, b []Route) (both []Route) {
	for _, r := range slices.Concat(a, b) {
		if slices.ContainsFunc(both, func(q Route) bool { return q.Destination == r.Destination }) {
			continue
		}
		inA, inB := along(a, r), along(b, r)
		if r.Target, r.Num = inA.Target, inA.Num; r.Target != inB.Target || r.Num != inB.Num {
			r.Target, r.Num = Nowhere, 0
		}
		both = append(both, r)
	}
	slices.SortFunc(both, func(p, q Route) int { return p.Destination.Compare(q.Destination) })
	return both
}

// along is where the routes lead all of r's destinations that have no longer prefix among them.
func along(routes []Route, r Route) (best Route) {
	length := -1
	for _, q := range routes {
		if q.Destination.Contains(r.Destination.Addr()) && q.Destination.Bits() <= r.Destination.Bits() && q.Destination.Bits() > length {
			best, length = q, q.Destination.Bits()
		}
	}
	return best
}

// meetMembers are the members in both, with the groups that they have in both.
func meetMembers(a, b []Member) (both []Member) {
	type place struct {
		vpc  uint32
		addr netip.Addr
	}
	other := map[place][]uint32{}
	for _, m := range b {
		other[place{m.VPC, m.Addr}] = m.Groups
	}
	for _, m := range a {
		if m.Groups = common(m.Groups, other[place{m.VPC, m.Addr}]); m.Groups != nil {
			both = append(both, m)
		}
	}
	return both
}

// common is what is in both.
func common[T comparable](a, b []T) (both []T) {
	for _, n := range a {
		if slices.Contains(b, n) {
			both = append(both, n)
		}
	}
	return both
}
