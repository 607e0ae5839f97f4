package policy

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"crenel/flow"
	"crenel/vpc"
)

// For selects what the host enforces of the State; "" is the one host that has everything. No State
// says yet which host an instance is on: a host with a name has nothing.
//
// It only leaves out, never widens: what no longer leads anywhere (a group that is gone) allows nothing.
func For(s *vpc.State, host string) *View {
	v := &View{Revision: s.Revision, Public: s.Cell().Public, IPv6: s.Cell().IPv6Pool()}
	if host != "" {
		return v
	}
	subnets, groups := map[string]bool{}, map[string]bool{}
	for i := range s.Interfaces.All() {
		if !enforced(s, i) {
			continue
		}
		mac, err := flow.ParseMAC(i.MAC)
		if err != nil {
			continue // it can send nothing: no frame has its address
		}
		out := Interface{Num: i.Num, ID: i.ID, VPC: vpcNum(s, i.VPC), Subnet: i.Subnet, MAC: mac,
			Addr: i.PrivateIP, IPv6: slices.SortedFunc(slices.Values(i.IPv6), netip.Addr.Compare), Public: s.PublicOf(i, i.PrivateIP), SourceDestCheck: i.SourceDestCheck, Open: natGateway(s, i) != nil,
			Timeouts: Timeouts{TCPEstablished: uint32(i.Tracking.TCPEstablished), UDPStream: uint32(i.Tracking.UDPStream), UDP: uint32(i.Tracking.UDP)}}
		for _, id := range i.Groups {
			if n := groupNum(s, i.VPC, id); n != 0 {
				out.Groups = append(out.Groups, n)
				groups[id] = true
			}
		}
		slices.Sort(out.Groups)
		v.Interfaces = append(v.Interfaces, out)
		subnets[i.Subnet] = true
	}
	slices.SortFunc(v.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Num, b.Num) })
	for _, id := range slices.Sorted(maps.Keys(subnets)) {
		if sub := s.Subnets.Get(id); sub != nil {
			v.Subnets = append(v.Subnets, Subnet{ID: sub.ID, VPC: vpcNum(s, sub.VPC), CIDR: sub.CIDR, Routes: routes(s, sub), ACL: acl(s.NetworkACLs.Get(sub.ACL))})
		}
	}
	for id := range groups {
		v.Groups = append(v.Groups, group(s, s.SecurityGroups.Get(id)))
	}
	slices.SortFunc(v.Groups, func(a, b Group) int { return cmp.Compare(a.Num, b.Num) })
	v.Members = members(s, groups)
	return v
}

// IPv6Of is View.IPv6 where View.Public is the pool.
func IPv6Of(public netip.Prefix) netip.Prefix { return vpc.Cell{Public: public}.IPv6Pool() }

// natGateway is the one that the interface is of, if packets may take it.
func natGateway(s *vpc.State, i *vpc.Interface) *vpc.NATGateway {
	if g := s.NATGateways.Get(i.Owner); g != nil && g.State == "available" && g.Interface == i.ID {
		return g
	}
	return nil
}

// enforced tells whether the interface belongs to an instance that may send or get packets, or to a gateway.
func enforced(s *vpc.State, i *vpc.Interface) bool {
	if natGateway(s, i) != nil {
		return true
	}
	if i.Attachment == nil {
		return false
	}
	instance := s.Instances.Get(i.Attachment.Instance)
	return instance != nil && instance.State != vpc.Stopped && instance.State != vpc.Terminated
}

func vpcNum(s *vpc.State, id string) uint32 {
	if v := s.VPCs.Get(id); v != nil {
		return v.Num
	}
	return 0
}

// groupNum is the number of the group, or 0 where interfaces of the VPC cannot carry it.
func groupNum(s *vpc.State, vpc, id string) uint32 {
	if g := s.SecurityGroups.Get(id); g != nil && s.GroupUsable(g, vpc) {
		return g.Num
	}
	return 0
}

// referenced is the number of the group that a rule of g names, or 0 where it no longer can. Interfaces
// of either VPC may carry g: the rule means, in each, the members that are there. Those in another
// VPC, a peer, match no address of this one.
func referenced(s *vpc.State, g *vpc.SecurityGroup, p vpc.Peer) uint32 {
	if other := s.SecurityGroups.Get(p.Group); other != nil && s.MayReference(g, other) {
		return other.Num
	}
	return 0
}

// routes are the subnet's, the local ones among them: those cannot be overruled. A prefix list stands for
// its ranges; where one of them is also the destination of a route of its own, that route counts, and
// of two lists with the same range the one that the table names first.
// https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
func routes(s *vpc.State, subnet *vpc.Subnet) (out []Route) {
	byPrefix := map[netip.Prefix]Route{}
	add := func(prefix netip.Prefix, r Route) {
		if _, ok := byPrefix[prefix]; !ok && meant(prefix) {
			r.Destination = prefix
			byPrefix[prefix] = r
		}
	}
	if v := s.VPCs.Get(subnet.VPC); v != nil {
		for _, cidr := range v.CIDRs() {
			add(cidr, Route{Target: Local})
		}
		for _, b := range v.IPv6 {
			add(b.CIDR, Route{Target: Local})
		}
	}
	if t := s.RouteTableOf(subnet); t != nil {
		for _, r := range t.Routes {
			add(r.Destination.Masked(), toward(s, subnet.VPC, r.Target))
		}
		for _, r := range t.Routes {
			for _, prefix := range listed(s, r.PrefixList) {
				add(prefix, toward(s, subnet.VPC, r.Target))
			}
		}
	}
	for _, r := range byPrefix {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Route) int { return a.Destination.Compare(b.Destination) })
	return out
}

// toward is where the id leads from the VPC: what is gone, detached or of another VPC is a blackhole, and so is every kind of
// target that packets cannot take yet.
func toward(s *vpc.State, vpc, id string) Route {
	if g := s.InternetGateways.Get(id); g != nil && g.VPC == vpc {
		return Route{Target: Internet}
	}
	if p := s.Peerings.Get(id); p != nil && p.Status == "active" {
		switch vpc {
		case p.Requester.VPC:
			return Route{Target: Peering, Num: vpcNum(s, p.Accepter.VPC)}
		case p.Accepter.VPC:
			return Route{Target: Peering, Num: vpcNum(s, p.Requester.VPC)}
		}
	}
	if g := s.NATGateways.Get(id); g != nil && g.VPC == vpc {
		if i := s.Interfaces.Get(g.Interface); i != nil && natGateway(s, i) == g {
			return Route{Target: NATGateway, Num: i.Num}
		}
	}
	if g := s.EgressOnlyGateways.Get(id); g != nil && g.VPC == vpc {
		return Route{Target: EgressOnly}
	}
	if i := s.Interfaces.Get(id); i != nil && i.VPC == vpc && enforced(s, i) {
		return Route{Target: NetworkInterface, Num: i.Num}
	}
	return Route{}
}

// acl has the entries without the last ones, of either IP version: those are what is left.
func acl(a *vpc.NetworkACL) (out ACL) {
	if a == nil {
		return out
	}
	for _, e := range a.Entries {
		switch entry := (Entry{Number: e.Number, Allow: e.Allow, What: What(e.What), CIDR: e.CIDR.Masked()}); {
		case e.Number >= LastEntry || !meant(e.CIDR):
		case e.Egress:
			out.Egress = append(out.Egress, entry)
		default:
			out.Ingress = append(out.Ingress, entry)
		}
	}
	return out
}

func group(s *vpc.State, g *vpc.SecurityGroup) Group {
	out := Group{Num: g.Num, ID: g.ID}
	for _, r := range g.Rules {
		if r.Egress {
			out.Egress = append(out.Egress, rules(s, g, r)...)
		} else {
			out.Ingress = append(out.Ingress, rules(s, g, r)...)
		}
	}
	return out
}

// rules are the rule as it is enforced: one for each range of its peer.
func rules(s *vpc.State, g *vpc.SecurityGroup, r vpc.Rule) (out []Rule) {
	if r.Peer.Group != "" {
		if n := referenced(s, g, r.Peer); n != 0 {
			out = append(out, Rule{ID: r.ID, What: What(r.What), Group: n})
		}
		return out
	}
	for _, p := range ranges(s, r.Peer) {
		if meant(p) {
			out = append(out, Rule{ID: r.ID, What: What(r.What), CIDR: p.Masked(), Listed: r.Peer.PrefixList != ""})
		}
	}
	return out
}

// meant tells whether packets can have addresses of the range: none has an IPv4 address in IPv6. RFC 4291 §2.5.5.2
func meant(p netip.Prefix) bool { return p.IsValid() && !p.Masked().Addr().Is4In6() }

// ranges are those of the peer's prefix list, or its own one.
func ranges(s *vpc.State, p vpc.Peer) []netip.Prefix {
	if p.PrefixList == "" {
		return []netip.Prefix{p.CIDR}
	}
	return listed(s, p.PrefixList)
}

// listed are the ranges of the prefix list; none where there is no such list.
func listed(s *vpc.State, id string) (out []netip.Prefix) {
	if l := s.PrefixLists.Get(id); l != nil {
		for _, e := range l.Current().Entries {
			out = append(out, e.CIDR)
		}
	}
	return out
}

// members are the addresses, private ones and those of IPv6, of all the interfaces, attached or not and wherever, that carry
// a group which a rule of the groups with these ids names.
func members(s *vpc.State, groups map[string]bool) (out []Member) {
	named := named(s, groups)
	done := map[string]bool{}
	for id := range named {
		for i := range s.Interfaces.By("group", id) {
			if done[i.ID] {
				continue
			}
			done[i.ID] = true
			m := Member{VPC: vpcNum(s, i.VPC)}
			for _, g := range i.Groups {
				if n := groupNum(s, i.VPC, g); n != 0 && named[g] {
					m.Groups = append(m.Groups, n)
				}
			}
			slices.Sort(m.Groups)
			for _, m.Addr = range slices.Concat([]netip.Addr{i.PrivateIP}, i.IPv6) {
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Or(cmp.Compare(a.VPC, b.VPC), a.Addr.Compare(b.Addr)) })
	return out
}

// named are the ids of the groups that the rules of these groups name.
func named(s *vpc.State, groups map[string]bool) map[string]bool {
	ids := map[string]bool{}
	for id := range groups {
		g := s.SecurityGroups.Get(id)
		for _, r := range g.Rules {
			if r.Peer.Group != "" && referenced(s, g, r.Peer) != 0 {
				ids[r.Peer.Group] = true
			}
		}
	}
	return ids
}
