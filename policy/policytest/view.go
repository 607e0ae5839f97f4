// Package policytest makes random Views and packets, for tests that hold something to package policy.
//
//	r := rand.New(rand.NewPCG(seed, 0))
//	view, traffic := policytest.RandomView(r), policytest.Traffic{}
//	for range 1000 {
//		now += policytest.RandomPause(r)
//		from, p := traffic.Next(r, view)
//		traffic.Saw(view, from, p, tracker.Judge(view, now, from, p))
//	}
//
// The worlds are small and their edges near: two VPCs with the same addresses, ports one beside a
// rule's, addresses one beside a prefix, replies to what was sent before.
package policytest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"crenel/flow"
	"crenel/policy"
)

// RandomView makes what For could have selected from some State: up to 8 interfaces in 2 or 3 VPCs,
// of which two have the same addresses; up to 16 groups; up to 60 rules each way in a group.
func RandomView(r *rand.Rand) *policy.View {
	w := world{Rand: r, nums: uint32(r.IntN(5)), v: &policy.View{
		Revision: r.Int64N(1e6) + 1,
		Public:   one(r, prefix("198.18.64.0/24"), prefix("198.19.255.240/28")),
		IPv6:     prefix("3fff::/20"),
	}}
	w.vpcs()
	w.groups()
	w.interfaces()
	w.routes()
	w.rules()
	w.members()
	return w.v
}

// Reroll changes the View as requests do: rules, groups of interfaces, members, public addresses,
// routes, interfaces that come and go. What it keeps keeps its number.
func Reroll(r *rand.Rand, old *policy.View) *policy.View {
	v := copyView(old)
	v.Revision++
	w := world{Rand: r, v: v, groupVPC: map[uint32]uint32{}}
	for _, i := range v.Interfaces {
		w.nums = max(w.nums, i.Num)
		for _, g := range i.Groups {
			w.groupVPC[g] = i.VPC
		}
	}
	for _, g := range v.Groups {
		w.nums = max(w.nums, g.Num)
	}
	// No number is used again, not even one that nothing in the View has any more: a Reroll takes far fewer than these.
	w.nums = max(w.nums, uint32(v.Revision)*512)
	for range 1 + r.IntN(4) {
		w.change()
	}
	w.prune()
	w.members()
	return v
}

// A world is a View in the making.
type world struct {
	*rand.Rand
	v        *policy.View
	nums     uint32            // the last that was handed out
	groupVPC map[uint32]uint32 // of each group
}

func (w *world) num() uint32 {
	w.nums += 1 + uint32(w.IntN(7))
	return w.nums
}

// vpcs makes subnets: two VPCs alike, and perhaps one with addresses of its own.
func (w *world) vpcs() {
	n := 2 + w.IntN(2)
	for i := range n {
		vpc, subnets := w.num(), []netip.Prefix{prefix("10.0.1.0/24"), prefix("10.0.2.0/28")}
		local := prefix("10.0.0.0/16")
		if i == 2 {
			local, subnets = prefix("172.31.0.0/16"), []netip.Prefix{prefix("172.31.0.0/20"), prefix("172.31.16.0/20")}
		}
		wide := prefix(fmt.Sprintf("3fff:0:0:%x00::/56", i+1)) // no two VPCs have the same
		for s, cidr := range subnets {
			w.v.Subnets = append(w.v.Subnets, policy.Subnet{ID: fmt.Sprintf("subnet-%d%d", vpc, s), VPC: vpc, CIDR: cidr,
				Routes: []policy.Route{{Destination: local, Target: policy.Local}, {Destination: wide, Target: policy.Local}}})
		}
	}
	slices.SortFunc(w.v.Subnets, func(a, b policy.Subnet) int { return cmp.Compare(a.ID, b.ID) })
}

func (w *world) routes() {
	for i := range w.v.Subnets {
		w.v.Subnets[i].Routes = w.newRoutes(w.v.Subnets[i])
		w.v.Subnets[i].ACL = w.acl()
	}
}

// newRoutes are the local ones and what people add to them: mostly the way to the internet, and to peers.
func (w *world) newRoutes(of policy.Subnet) []policy.Route {
	byPrefix := map[netip.Prefix]policy.Route{}
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		if w.IntN(8) > 0 {
			byPrefix[prefix(all)] = policy.Route{Target: one(w.Rand, policy.Internet, policy.Internet, policy.Internet, policy.Internet, policy.EgressOnly)}
		}
	}
	for w.IntN(3) == 0 {
		byPrefix[w.prefix()] = policy.Route{Target: one(w.Rand, policy.Internet, policy.Nowhere, policy.EgressOnly)}
	}
	for w.IntN(2) == 0 {
		peer := w.subnet()
		for _, r := range peer.Routes {
			if r.Target == policy.Local {
				byPrefix[r.Destination] = policy.Route{Target: policy.Peering, Num: peer.VPC}
			}
		}
	}
	if len(w.v.Interfaces) > 0 && w.IntN(2) == 0 {
		byPrefix[w.prefix()] = policy.Route{Target: one(w.Rand, policy.NetworkInterface, policy.NATGateway), Num: one(w.Rand, w.v.Interfaces...).Num}
	}
	for _, r := range of.Routes {
		if r.Target != policy.Local {
			continue
		}
		for p := range byPrefix {
			if r.Destination.Overlaps(p) && p.Bits() >= r.Destination.Bits() {
				delete(byPrefix, p) // AWS has no route inside the local one but a subnet's to an interface
			}
		}
		byPrefix[r.Destination] = policy.Route{Target: policy.Local}
	}
	for range one(w.Rand, 0, 0, 1, 2) {
		i := slices.IndexFunc(w.v.Interfaces, func(i policy.Interface) bool { return i.VPC == of.VPC && w.IntN(2) == 0 })
		if other := w.subnet(); i >= 0 && other.VPC == of.VPC {
			byPrefix[other.CIDR] = policy.Route{Target: policy.NetworkInterface, Num: w.v.Interfaces[i].Num}
		}
	}
	var routes []policy.Route
	for p, r := range byPrefix {
		r.Destination = p
		routes = append(routes, r)
	}
	slices.SortFunc(routes, func(a, b policy.Route) int { return a.Destination.Compare(b.Destination) })
	return routes
}

func (w *world) groups() {
	w.groupVPC = map[uint32]uint32{}
	for range 1 + w.IntN(16) {
		w.groupVPC[w.num()] = w.subnet().VPC
	}
}

func (w *world) interfaces() {
	for range 2 + w.IntN(7) {
		w.addInterface()
	}
}

// addInterface adds one, often where another VPC has the same address already.
func (w *world) addInterface() {
	s := w.subnet()
	addr := nth(s.CIDR, 4+w.IntN(3))
	if slices.ContainsFunc(w.v.Interfaces, func(i policy.Interface) bool { return i.VPC == s.VPC && i.Addr == addr }) {
		return
	}
	n := w.num()
	i := policy.Interface{Num: n, ID: fmt.Sprintf("eni-%d", n), VPC: s.VPC, Subnet: s.ID, Addr: addr, Public: w.public(), IPv6: w.ipv6(s),
		MAC: flow.MAC{0x0a, byte(w.IntN(256)), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, Groups: w.some(s.VPC), SourceDestCheck: w.IntN(8) > 0, Open: w.IntN(16) == 0, Timeouts: w.timeouts()}
	w.v.Interfaces = append(w.v.Interfaces, i)
	w.need(i.Groups)
}

// ipv6 are free addresses of the subnet, mostly one.
func (w *world) ipv6(s policy.Subnet) (free []netip.Addr) {
	for range one(w.Rand, 0, 1, 1, 1, 2, 3) {
		a := nth(wide(s), 4+w.IntN(6))
		if !slices.Contains(free, a) && !slices.ContainsFunc(w.v.Interfaces, func(i policy.Interface) bool { return i.Has(a) }) {
			free = append(free, a)
		}
	}
	slices.SortFunc(free, netip.Addr.Compare)
	return free
}

// wide is the subnet's range of IPv6, which the View does not say: in it are its own part of the VPC's addresses.
func wide(s policy.Subnet) netip.Prefix {
	for _, r := range s.Routes {
		if r.Target == policy.Local && r.Destination.Addr().Is6() {
			a := r.Destination.Addr().As16()
			a[7] = s.ID[len(s.ID)-1]
			return netip.PrefixFrom(netip.AddrFrom16(a), 64)
		}
	}
	panic("policytest: subnet " + s.ID + " has no route for IPv6")
}

// need puts the groups into the View, still without rules.
func (w *world) need(groups []uint32) {
	for _, g := range groups {
		if !slices.ContainsFunc(w.v.Groups, func(h policy.Group) bool { return h.Num == g }) {
			w.v.Groups = append(w.v.Groups, policy.Group{Num: g, ID: fmt.Sprintf("sg-%d", g)})
		}
	}
	slices.SortFunc(w.v.Groups, func(a, b policy.Group) int { return cmp.Compare(a.Num, b.Num) })
}

// public is a free address of the pool, or none.
func (w *world) public() netip.Addr {
	a := nth(w.v.Public, 2+w.IntN(9))
	if w.IntN(4) == 0 || slices.ContainsFunc(w.v.Interfaces, func(i policy.Interface) bool { return i.Public == a }) {
		return netip.Addr{}
	}
	return a
}

func (w *world) rules() {
	for g := range w.v.Groups {
		w.v.Groups[g].Ingress, w.v.Groups[g].Egress = w.newRules(w.v.Groups[g].Num)
	}
}

// newRules makes few rules mostly, as people do, and sometimes as many as AWS allows. Most groups
// keep the rule that every group is made with: everything may go out.
func (w *world) newRules(group uint32) (ingress, egress []policy.Rule) {
	if w.IntN(3) > 0 {
		egress = append(egress, policy.Rule{ID: w.ruleID(), What: policy.What{Protocol: -1, From: -1, To: -1}, CIDR: prefix("0.0.0.0/0")})
	}
	if w.IntN(3) > 0 {
		egress = append(egress, policy.Rule{ID: w.ruleID(), What: policy.What{Protocol: -1, From: -1, To: -1}, CIDR: prefix("::/0")})
	}
	for range one(w.Rand, 0, 1, 1, 2, 3, 5, 10, 58) {
		egress = append(egress, w.rule(group))
	}
	for range one(w.Rand, 0, 1, 2, 3, 5, 5, 10, 60) {
		ingress = append(ingress, w.rule(group))
	}
	return ingress, egress
}

func (w *world) ruleID() string { return fmt.Sprintf("sgr-%016x", w.Uint64()) }

func (w *world) rule(group uint32) policy.Rule {
	r := policy.Rule{ID: w.ruleID(), What: w.what()}
	if w.IntN(2) == 0 {
		r.Group = one(w.Rand, w.groupsOf(w.groupVPC[group])...)
	} else {
		r.CIDR, r.Listed = w.prefix(), w.IntN(8) == 0
	}
	return r
}

// timeouts are mostly the usual ones.
func (w *world) timeouts() policy.Timeouts {
	return policy.Timeouts{TCPEstablished: one(w.Rand, uint32(0), 0, 60, 350), UDPStream: one(w.Rand, uint32(0), 0, 60), UDP: one(w.Rand, uint32(0), 0, 60)}
}

// AllowAll is the network ACL that a VPC has by default.
var AllowAll = policy.ACL{Ingress: allowAll(100), Egress: allowAll(100)}

// AllowAll6 is that of a VPC with IPv6.
var AllowAll6 = policy.ACL{Ingress: append(allowAll(100), allow(101, "::/0")), Egress: append(allowAll(100), allow(101, "::/0"))}

func allowAll(number int) []policy.Entry { return []policy.Entry{allow(number, "0.0.0.0/0")} }

func allow(number int, from string) policy.Entry {
	return policy.Entry{Number: number, Allow: true, What: policy.What{Protocol: -1, From: -1, To: -1}, CIDR: prefix(from)}
}

// acl is mostly the one that a VPC has by default, or that with a few entries before.
func (w *world) acl() policy.ACL {
	if w.IntN(3) == 0 {
		return AllowAll6
	}
	return policy.ACL{Ingress: w.entries(), Egress: w.entries()}
}

func (w *world) entries() (entries []policy.Entry) {
	for n := range one(w.Rand, 0, 1, 2, 3, 5, 19, 40) {
		entries = append(entries, w.entry(2*n+1))
	}
	if w.IntN(4) > 0 {
		entries = append(entries, allow(32765, "::/0"))
	}
	if w.IntN(4) > 0 {
		entries = append(entries, allow(32766, "0.0.0.0/0"))
	}
	return entries
}

func (w *world) entry(number int) policy.Entry {
	return policy.Entry{Number: number, Allow: w.IntN(2) == 0, What: w.what(), CIDR: w.prefix()}
}

func (w *world) what() policy.What {
	switch w.IntN(10) {
	case 0:
		return policy.What{Protocol: -1, From: -1, To: -1}
	case 1:
		return policy.What{Protocol: one(w.Rand, 2, 47, 50, 132), From: -1, To: -1}
	case 2, 3:
		return one(w.Rand,
			policy.What{Protocol: flow.ICMP, From: -1, To: -1},
			policy.What{Protocol: flow.ICMP, From: flow.EchoRequest, To: -1},
			policy.What{Protocol: flow.ICMP, From: flow.EchoRequest, To: 0},
			policy.What{Protocol: flow.ICMP, From: flow.EchoReply, To: 0},
			policy.What{Protocol: flow.ICMP, From: 3, To: 4},
			policy.What{Protocol: flow.ICMP, From: 255, To: 255},
			policy.What{Protocol: flow.ICMPv6, From: -1, To: -1},
			policy.What{Protocol: flow.ICMPv6, From: flow.EchoRequestV6, To: 0},
			policy.What{Protocol: flow.ICMPv6, From: flow.TooBigV6, To: -1})
	}
	from, to := int(w.port()), int(w.port())
	switch w.IntN(8) {
	case 0, 1, 2, 3:
		to = from
	case 4:
		from, to = 0, 65535
	}
	return policy.What{Protocol: one(w.Rand, flow.TCP, flow.UDP), From: min(from, to), To: max(from, to)}
}

// members follow from the groups that rules name: those of the View's interfaces, and of some that
// are elsewhere.
func (w *world) members() {
	named := map[uint32]bool{}
	for _, g := range w.v.Groups {
		for _, r := range slices.Concat(g.Ingress, g.Egress) {
			named[r.Group] = r.Group != 0
		}
	}
	elsewhere := w.v.Members // kept from an older View: whatever is not this host's
	w.v.Members = nil
	for _, i := range w.v.Interfaces {
		for _, a := range slices.Concat([]netip.Addr{i.Addr}, i.IPv6) {
			w.addMember(i.VPC, a, i.Groups, named)
		}
	}
	for _, m := range elsewhere {
		w.addMember(m.VPC, m.Addr, m.Groups, named)
	}
	for range w.IntN(4) {
		s := w.subnet()
		w.addMember(s.VPC, nth(one(w.Rand, s.CIDR, wide(s)), 4+w.IntN(8)), w.some(s.VPC), named)
	}
	slices.SortFunc(w.v.Members, func(a, b policy.Member) int { return cmp.Or(cmp.Compare(a.VPC, b.VPC), a.Addr.Compare(b.Addr)) })
}

func (w *world) addMember(vpc uint32, addr netip.Addr, groups []uint32, named map[uint32]bool) {
	groups = slices.DeleteFunc(slices.Clone(groups), func(g uint32) bool { return !named[g] })
	here := slices.ContainsFunc(w.v.Interfaces, func(i policy.Interface) bool {
		return i.VPC == vpc && i.Has(addr) && !slices.Equal(groups, slices.DeleteFunc(slices.Clone(i.Groups), func(g uint32) bool { return !named[g] }))
	})
	known := slices.ContainsFunc(w.v.Members, func(m policy.Member) bool { return m.VPC == vpc && m.Addr == addr })
	if len(groups) > 0 && !here && !known {
		w.v.Members = append(w.v.Members, policy.Member{VPC: vpc, Addr: addr, Groups: groups})
	}
}

func (w *world) subnet() policy.Subnet { return one(w.Rand, w.v.Subnets...) }

// groupsOf are the groups of the VPC, ascending.
func (w *world) groupsOf(vpc uint32) (groups []uint32) {
	for g, of := range w.groupVPC {
		if of == vpc {
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	return groups
}

// some are 1 to 5 groups of the VPC, ascending.
func (w *world) some(vpc uint32) []uint32 {
	groups := w.groupsOf(vpc)
	if len(groups) == 0 {
		n := w.num()
		groups, w.groupVPC[n] = []uint32{n}, vpc
	}
	w.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	groups = groups[:min(len(groups), 1+w.IntN(5))]
	slices.Sort(groups)
	return groups
}

// prefix is of a rule or a route: often one whose edge is near an address that exists.
func (w *world) prefix() netip.Prefix {
	a := addr(w.Rand, w.v, w.IntN(5) > 1)
	bits := one(w.Rand, 0, 1, 8, 16, 20, 24, 28, 30, 31, 32, 32, 32)
	if a.Is6() {
		bits = one(w.Rand, 0, 1, 20, 32, 55, 56, 63, 64, 65, 96, 126, 127, 128, 128, 128)
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return prefix("0.0.0.0/0")
	}
	return p
}

func (w *world) port() uint16 { return port(w.Rand) }

// addr is an address, of IPv4 or of IPv6, that means something in the View, or is one beside such.
func addr(r *rand.Rand, v *policy.View, is4 bool) netip.Addr {
	a := netip.AddrFrom4([4]byte{203, 0, 113, byte(r.IntN(4))})
	i := policy.Interface{}
	if len(v.Interfaces) > 0 {
		i = one(r, v.Interfaces...)
	}
	if !is4 {
		return addr6(r, v, i)
	}
	switch r.IntN(9) {
	case 0:
		return v.Host(a)
	case 1:
		a = nth(v.Public, r.IntN(12))
	case 2, 3:
		if i.Public.IsValid() {
			a = i.Public
		}
	case 4, 5:
		if i.Addr.IsValid() {
			a = i.Addr
		}
	case 6:
		a = nth(one(r, v.Subnets...).CIDR, r.IntN(12))
	case 7:
		a = one(r, prefix("0.0.0.0/8"), prefix("127.0.0.0/8"), prefix("224.0.0.0/3"), prefix("10.0.0.0/16"), prefix("172.31.0.0/16")).Addr()
	}
	return near(r, a)
}

func addr6(r *rand.Rand, v *policy.View, i policy.Interface) netip.Addr {
	a := nth(prefix("2001:db8::/64"), r.IntN(4))
	switch r.IntN(9) {
	case 0:
		return v.Host(a)
	case 1:
		a = v.IPv6.Addr()
	case 2, 3, 4, 5:
		if len(i.IPv6) > 0 {
			a = one(r, i.IPv6...)
		}
	case 6:
		a = nth(wide(one(r, v.Subnets...)), r.IntN(12))
	case 7:
		a = netip.MustParseAddr(one(r, "::", "::1", "fe80::1", "ff02::1", "3fff:0:0:100::", "3fff:0:0:1ff:ffff:ffff:ffff:ffff", "64:ff9b::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
	}
	return near(r, a)
}

// near is the address, or one beside it.
func near(r *rand.Rand, a netip.Addr) netip.Addr {
	b := a
	switch r.IntN(8) {
	case 0:
		b = a.Next()
	case 1:
		b = a.Prev()
	}
	if !b.IsValid() || b.Is4In6() {
		return a
	}
	return b
}

// port is one of few, so that rules and packets meet, or one beside.
func port(r *rand.Rand) uint16 {
	return one(r, uint16(0), 1, 22, 80, 443, 5432, 32768, 65535) + one(r, uint16(0), 0, 0, 0, 1, 65535)
}

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// nth is the n-th address of the prefix.
func nth(p netip.Prefix, n int) netip.Addr {
	a := p.Masked().Addr()
	for range n {
		a = a.Next()
	}
	return a
}
