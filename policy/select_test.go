package policy_test

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
	"crenel/vpc"
)

// A cell is a State in the making: one account's, with its default VPC.
type cell struct{ *vpc.Edit }

func newCell() cell {
	e := vpc.New().Edit(vpc.Scope{Account: "123456789012", Region: "us-east-1"}, time.Unix(1e9, 0), rand.Reader)
	c := e.Cell()
	c.Public = prefix("198.18.0.0/24")
	e.Cells.Put(&c)
	return cell{e}
}

// subnet is the n-th of the VPC's, by address.
func (c cell) subnet(vpcID string, n int) *vpc.Subnet {
	all := slices.Collect(c.Subnets.By("vpc", vpcID))
	slices.SortFunc(all, func(a, b *vpc.Subnet) int { return a.CIDR.Compare(b.CIDR) })
	return all[n]
}

func (c cell) group(vpcID, name string, rules ...vpc.Rule) *vpc.SecurityGroup {
	g := c.NewSecurityGroup(vpcID, name, name)
	g.Rules = append(g.Rules, rules...)
	c.SecurityGroups.Put(g)
	return g
}

// launch makes an instance with one interface.
func (c cell) launch(s *vpc.Subnet, state vpc.InstanceState, groups ...*vpc.SecurityGroup) *vpc.Interface {
	i := &vpc.Instance{ID: c.NewID("i"), Scope: c.Scope, Subnet: s.ID, VPC: s.VPC, State: state}
	c.Instances.Put(i)
	e := *c.iface(s, groups...)
	e.Attachment = &vpc.Attachment{ID: c.NewID("eni-attach"), Instance: i.ID}
	c.Interfaces.Put(&e)
	return &e
}

func (c cell) iface(s *vpc.Subnet, groups ...*vpc.SecurityGroup) *vpc.Interface {
	a, _ := c.FreeAddress(s)
	n := c.NewNum()
	e := &vpc.Interface{ID: c.NewID("eni"), Scope: c.Scope, VPC: s.VPC, Subnet: s.ID, Num: n, PrivateIP: a,
		MAC: flow.MAC{0x0a, 0, 0, 0, byte(n >> 8), byte(n)}.String(), SourceDestCheck: true}
	e.PublicIP, _ = c.FreePublic()
	for _, g := range groups {
		e.Groups = append(e.Groups, g.ID)
	}
	c.Interfaces.Put(e)
	return e
}

func rule(what vpc.What, peer vpc.Peer) vpc.Rule {
	return vpc.Rule{ID: "sgr-1", What: what, Peer: peer}
}

func anywhere(s string) vpc.Peer            { return vpc.Peer{CIDR: prefix(s)} }
func members(g *vpc.SecurityGroup) vpc.Peer { return vpc.Peer{Group: g.ID} }
func ports(protocol, from, to int) vpc.What { return vpc.What{Protocol: protocol, From: from, To: to} }
func everything() vpc.What                  { return vpc.What{Protocol: vpc.AnyProtocol, From: -1, To: -1} }
func same(t *testing.T, name string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestForTheDefaultVPC(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	g := c.DefaultGroup(v.ID)
	s := c.subnet(v.ID, 0)
	one, two := c.launch(s, vpc.Running, g), c.launch(s, vpc.Running, g)
	got := policy.For(c.State, "")
	want := &policy.View{
		Public: prefix("198.18.0.0/24"), IPv6: prefix("3fff:120::/32"),
		Interfaces: []policy.Interface{
			{Num: one.Num, ID: one.ID, VPC: v.Num, Subnet: s.ID, MAC: mac(t, one), Addr: one.PrivateIP, Public: addr("198.18.0.2"), Groups: []uint32{g.Num}, SourceDestCheck: true},
			{Num: two.Num, ID: two.ID, VPC: v.Num, Subnet: s.ID, MAC: mac(t, two), Addr: two.PrivateIP, Public: addr("198.18.0.3"), Groups: []uint32{g.Num}, SourceDestCheck: true},
		},
		Groups: []policy.Group{{Num: g.Num, ID: g.ID,
			Ingress: []policy.Rule{{ID: g.Rules[1].ID, What: policy.What{Protocol: -1, From: -1, To: -1}, Group: g.Num}},
			Egress:  []policy.Rule{{ID: g.Rules[0].ID, What: policy.What{Protocol: -1, From: -1, To: -1}, CIDR: prefix("0.0.0.0/0")}}}},
		Subnets: []policy.Subnet{{ID: s.ID, VPC: v.Num, CIDR: s.CIDR, Routes: []policy.Route{
			{Destination: prefix("0.0.0.0/0"), Target: policy.Internet}, {Destination: prefix("172.31.0.0/16"), Target: policy.Local}},
			ACL: policytest.AllowAll}},
		Members: []policy.Member{
			{VPC: v.Num, Addr: one.PrivateIP, Groups: []uint32{g.Num}}, {VPC: v.Num, Addr: two.PrivateIP, Groups: []uint32{g.Num}},
		},
	}
	same(t, "the View", got, want)
	p := flow.Packet{SrcMAC: mac(t, one), Src: one.PrivateIP, Dst: two.PrivateIP, Protocol: flow.TCP, DstPort: 22, TCPFlags: flow.SYN}
	if got := policy.Evaluate(got, one.Num, p); !got.Allow || got.To != two.Num {
		t.Errorf("members of the default group do not reach one another: %s", got)
	}
}

func mac(t *testing.T, i *vpc.Interface) flow.MAC {
	t.Helper()
	m, err := flow.ParseMAC(i.MAC)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestForSelectsInterfacesOfInstancesThatRun(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	s, g := c.subnet(v.ID, 0), c.DefaultGroup(v.ID)
	want := map[string]bool{}
	for state, selected := range map[vpc.InstanceState]bool{vpc.Pending: true, vpc.Running: true, vpc.Stopping: true,
		vpc.ShuttingDown: true, vpc.Stopped: false, vpc.Terminated: false} {
		if i := c.launch(s, state, g); selected {
			want[i.ID] = true
		}
	}
	c.iface(s, g) // not attached
	orphan := *c.iface(s, g)
	orphan.Attachment = &vpc.Attachment{Instance: "i-gone"}
	c.Interfaces.Put(&orphan)
	got := map[string]bool{}
	view := policy.For(c.State, "")
	for _, i := range view.Interfaces {
		got[i.ID] = true
	}
	same(t, "interfaces", got, want)
	if len(view.Members) != 8 {
		t.Errorf("%d members, want 8: an interface is one whether it is attached or not", len(view.Members))
	}
	if other := policy.For(c.State, "another-host"); len(other.Interfaces)+len(other.Groups)+len(other.Members) != 0 {
		t.Errorf("a host that has no instance: %+v", other)
	}
}

func TestForLeavesOutWhatItCannotEnforce(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	elsewhere := c.NewVPC(prefix("172.31.0.0/16"), "default", false)
	foreign := c.group(elsewhere.ID, "foreign")
	named := c.group(v.ID, "named")
	g := c.group(v.ID, "g",
		rule(ports(6, 22, 22), anywhere("10.0.0.0/8")),
		rule(ports(6, 22, 22), anywhere("::/0")),
		rule(everything(), anywhere("::/0")),
		rule(everything(), anywhere("::ffff:0:0/96")),
		rule(ports(58, -1, -1), anywhere("0.0.0.0/0")),
		rule(ports(58, 128, 0), members(named)),
		rule(everything(), vpc.Peer{PrefixList: "pl-1"}),
		rule(everything(), vpc.Peer{Group: "sg-gone"}),
		rule(everything(), members(foreign)),
		rule(everything(), vpc.Peer{}),
		rule(ports(1, 8, -1), members(named)),
		rule(ports(47, -1, -1), anywhere("192.0.2.1/24")),
	)
	c.launch(c.subnet(v.ID, 0), vpc.Running, g)
	out := c.NewSubnet(elsewhere.ID, prefix("172.31.0.0/20"), "us-east-1a", false)
	c.launch(out, vpc.Stopped, foreign)
	view := policy.For(c.State, "")
	same(t, "rules", view.Groups[0].Ingress, []policy.Rule{
		{ID: "sgr-1", What: policy.What{Protocol: 6, From: 22, To: 22}, CIDR: prefix("10.0.0.0/8")},
		{ID: "sgr-1", What: policy.What{Protocol: 6, From: 22, To: 22}, CIDR: prefix("::/0")},
		{ID: "sgr-1", What: policy.What(everything()), CIDR: prefix("::/0")},
		{ID: "sgr-1", What: policy.What{Protocol: 58, From: -1, To: -1}, CIDR: prefix("0.0.0.0/0")}, // which no packet is
		{ID: "sgr-1", What: policy.What{Protocol: 58, From: 128, To: 0}, Group: named.Num},
		{ID: "sgr-1", What: policy.What{Protocol: 1, From: 8, To: -1}, Group: named.Num},
		{ID: "sgr-1", What: policy.What{Protocol: 47, From: -1, To: -1}, CIDR: prefix("192.0.2.0/24")},
	})
	if len(view.Members) != 0 {
		t.Errorf("members %v, want none: of the groups that are named, none has any", view.Members)
	}
}

func TestForFindsMembersOfNamedGroups(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	named := c.group(v.ID, "named")
	also := c.group(v.ID, "also")
	unnamed := c.group(v.ID, "unnamed", rule(everything(), members(also))) // not on this host: it names nothing
	g := c.group(v.ID, "g", rule(ports(6, 22, 22), members(named)), rule(ports(6, 23, 23), members(also)))
	s := c.subnet(v.ID, 0)
	c.launch(s, vpc.Running, g)
	both := c.launch(s, vpc.Stopped, unnamed, also, named)
	c.launch(s, vpc.Stopped, unnamed)
	alone := c.iface(c.subnet(v.ID, 1), named)
	view := policy.For(c.State, "")
	same(t, "members", view.Members, []policy.Member{
		{VPC: v.Num, Addr: both.PrivateIP, Groups: sorted(named.Num, also.Num)},
		{VPC: v.Num, Addr: alone.PrivateIP, Groups: []uint32{named.Num}},
	})
	if len(view.Groups) != 1 || view.Groups[0].ID != g.ID {
		t.Errorf("groups %v, want only %s: no other is on an interface", view.Groups, g.ID)
	}
}

func sorted(nums ...uint32) []uint32 { slices.Sort(nums); return nums }

func TestForFollowsRouteTables(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	g := c.DefaultGroup(v.ID)
	gateway := c.InternetGateways.First("vpc", v.ID)
	detached := &vpc.InternetGateway{ID: c.NewID("igw"), Scope: c.Scope}
	foreign := &vpc.InternetGateway{ID: c.NewID("igw"), Scope: c.Scope, VPC: c.NewVPC(prefix("10.0.0.0/16"), "default", false).ID}
	c.InternetGateways.Put(detached)
	c.InternetGateways.Put(foreign)
	s := c.subnet(v.ID, 3)
	near := foreign.VPC
	peering := func(status, a, b string) string {
		p := &vpc.Peering{ID: c.NewID("pcx"), Scope: c.Scope, Status: status, Requester: vpc.PeeringSide{Scope: c.Scope, VPC: a}, Accepter: vpc.PeeringSide{Scope: c.Scope, VPC: b}}
		c.Peerings.Put(p)
		return p.ID
	}
	runs, stopped := c.launch(s, vpc.Running, g), c.launch(s, vpc.Stopped, g)
	c.RouteTables.Put(&vpc.RouteTable{ID: c.NewID("rtb"), Scope: c.Scope, VPC: v.ID,
		Associations: []vpc.RouteAssociation{{ID: c.NewID("rtbassoc"), Subnet: s.ID}},
		Routes: []vpc.Route{
			{Destination: prefix("192.0.2.0/24"), Target: gateway.ID},
			{Destination: prefix("::/0"), Target: gateway.ID},
			{Destination: prefix("::ffff:0:0/96"), Target: gateway.ID},
			{Destination: prefix("198.51.100.0/24"), Target: detached.ID},
			{Destination: prefix("203.0.113.0/24"), Target: foreign.ID},
			{Destination: prefix("8.0.0.0/8"), Target: "nat-1"},
			{Destination: prefix("9.0.0.0/8"), Target: ""},
			{Destination: prefix("172.31.0.0/16"), Target: gateway.ID},
			{Destination: prefix("10.0.0.0/16"), Target: peering("active", v.ID, near)},
			{Destination: prefix("10.1.0.0/16"), Target: peering("active", near, v.ID)},
			{Destination: prefix("10.2.0.0/16"), Target: peering("deleted", near, v.ID)},
			{Destination: prefix("10.3.0.0/16"), Target: peering("active", near, c.NewVPC(prefix("10.9.0.0/16"), "default", false).ID)},
			{Destination: prefix("10.4.0.0/16"), Target: runs.ID},
			{Destination: prefix("10.5.0.0/16"), Target: stopped.ID},
			{Destination: prefix("10.6.0.0/16"), Target: "eni-0"},
		}})
	c.launch(s, vpc.Running, g)
	same(t, "routes", policy.For(c.State, "").Subnets[0].Routes, []policy.Route{
		{Destination: prefix("8.0.0.0/8"), Target: policy.Nowhere},
		{Destination: prefix("9.0.0.0/8"), Target: policy.Nowhere},
		{Destination: prefix("10.0.0.0/16"), Target: policy.Peering, Num: c.VPCs.Get(near).Num},
		{Destination: prefix("10.1.0.0/16"), Target: policy.Peering, Num: c.VPCs.Get(near).Num},
		{Destination: prefix("10.2.0.0/16"), Target: policy.Nowhere},
		{Destination: prefix("10.3.0.0/16"), Target: policy.Nowhere},
		{Destination: prefix("10.4.0.0/16"), Target: policy.NetworkInterface, Num: runs.Num},
		{Destination: prefix("10.5.0.0/16"), Target: policy.Nowhere},
		{Destination: prefix("10.6.0.0/16"), Target: policy.Nowhere},
		{Destination: prefix("172.31.0.0/16"), Target: policy.Local},
		{Destination: prefix("192.0.2.0/24"), Target: policy.Internet},
		{Destination: prefix("198.51.100.0/24"), Target: policy.Nowhere},
		{Destination: prefix("203.0.113.0/24"), Target: policy.Nowhere},
		{Destination: prefix("::/0"), Target: policy.Internet},
	})
}

func TestForExpandsPrefixListsInRoutes(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	v.Secondary = []vpc.Block{{CIDR: prefix("100.64.0.0/16")}}
	c.VPCs.Put(v)
	gateway := c.InternetGateways.First("vpc", v.ID).ID
	list := func(cidrs ...string) string {
		l := &vpc.PrefixList{ID: c.NewID("pl"), Scope: c.Scope, Versions: []vpc.PrefixListVersion{{Number: 1, Entries: []vpc.PrefixEntry{{CIDR: prefix("10.0.0.0/8")}}}, {Number: 2}}}
		for _, cidr := range cidrs {
			l.Versions[1].Entries = append(l.Versions[1].Entries, vpc.PrefixEntry{CIDR: prefix(cidr)})
		}
		c.PrefixLists.Put(l)
		return l.ID
	}
	s := c.subnet(v.ID, 0)
	c.RouteTables.Put(&vpc.RouteTable{ID: c.NewID("rtb"), Scope: c.Scope, VPC: v.ID,
		Associations: []vpc.RouteAssociation{{ID: c.NewID("rtbassoc"), Subnet: s.ID}},
		Routes: []vpc.Route{
			{PrefixList: list("198.51.100.0/24", "198.51.100.7/32", "203.0.113.0/24", "172.31.0.0/16", "100.64.0.0/16", "2001:db8::/32"), Target: gateway},
			{PrefixList: list("203.0.113.0/24", "192.0.2.0/24"), Target: "pcx-1"},
			{Destination: prefix("198.51.100.0/24"), Target: "nat-1"},
			{PrefixList: "pl-gone", Target: gateway},
			{PrefixList: list(), Target: gateway},
		}})
	c.launch(s, vpc.Running, c.DefaultGroup(v.ID))
	same(t, "routes", policy.For(c.State, "").Subnets[0].Routes, []policy.Route{
		{Destination: prefix("100.64.0.0/16"), Target: policy.Local},
		{Destination: prefix("172.31.0.0/16"), Target: policy.Local},
		{Destination: prefix("192.0.2.0/24"), Target: policy.Nowhere},
		{Destination: prefix("198.51.100.0/24"), Target: policy.Nowhere},
		{Destination: prefix("198.51.100.7/32"), Target: policy.Internet},
		{Destination: prefix("203.0.113.0/24"), Target: policy.Internet},
		{Destination: prefix("2001:db8::/32"), Target: policy.Internet},
	})
}

// Every range of a VPC is local to it, whatever a route table says.
func TestForAVPCWithSeveralRanges(t *testing.T) {
	c := newCell()
	v := *c.DefaultVPC()
	v.Secondary = []vpc.Block{{AssociationID: "vpc-cidr-assoc-1", CIDR: prefix("100.64.0.0/16")}}
	c.VPCs.Put(&v)
	withIPv6, six := c.AddIPv6(&v)
	v = *withIPv6
	main := *c.MainRouteTable(v.ID)
	main.Routes = append(slices.Clone(main.Routes), vpc.Route{Destination: prefix("100.64.0.0/16"), Target: main.Routes[0].Target})
	c.RouteTables.Put(&main)
	g := c.DefaultGroup(v.ID)
	first, second := c.subnet(v.ID, 0), c.NewSubnet(v.ID, prefix("100.64.1.0/24"), "us-east-1a", false)
	a, b := c.launch(first, vpc.Running, g), c.launch(second, vpc.Running, g)
	view := policy.For(c.State, "")
	for _, s := range view.Subnets {
		same(t, "routes of "+s.ID, s.Routes, []policy.Route{
			{Destination: prefix("0.0.0.0/0"), Target: policy.Internet},
			{Destination: prefix("100.64.0.0/16"), Target: policy.Local},
			{Destination: prefix("172.31.0.0/16"), Target: policy.Local},
			{Destination: six.CIDR, Target: policy.Local},
		})
	}
	for _, way := range [][2]*vpc.Interface{{a, b}, {b, a}} {
		p := flow.Packet{SrcMAC: mac(t, way[0]), Src: way[0].PrivateIP, Dst: way[1].PrivateIP, Protocol: flow.UDP, DstPort: 53}
		if got := policy.Evaluate(view, way[0].Num, p); !got.Allow || got.To != way[1].Num {
			t.Errorf("from %s to %s: %s", p.Src, p.Dst, got)
		}
	}
}

func TestForTwoVPCsWithEqualAddresses(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	w := c.NewVPC(v.CIDR, "default", false)
	ours, theirs := c.subnet(v.ID, 0), c.NewSubnet(w.ID, prefix("172.31.0.0/20"), "us-east-1a", false)
	a, b := c.launch(ours, vpc.Running, c.DefaultGroup(v.ID)), c.launch(theirs, vpc.Running, c.DefaultGroup(w.ID))
	a2, b2 := c.launch(ours, vpc.Running, c.DefaultGroup(v.ID)), c.launch(theirs, vpc.Running, c.DefaultGroup(w.ID))
	if a.PrivateIP != b.PrivateIP || a2.PrivateIP != b2.PrivateIP {
		t.Fatalf("%s and %s, %s and %s: want equal addresses", a.PrivateIP, b.PrivateIP, a2.PrivateIP, b2.PrivateIP)
	}
	view := policy.For(c.State, "")
	for _, from := range []*vpc.Interface{a, b} {
		to := map[*vpc.Interface]*vpc.Interface{a: a2, b: b2}[from]
		p := flow.Packet{SrcMAC: mac(t, from), Src: from.PrivateIP, Dst: to.PrivateIP, Protocol: flow.UDP, DstPort: 53}
		if got := policy.Evaluate(view, from.Num, p); got.To != to.Num || !got.Allow {
			t.Errorf("from %d: %s, want to %d", from.Num, got, to.Num)
		}
	}
}

// A group that is associated with a second VPC is enforced there, and what its rules name are the
// members in the VPC where the rule is asked.
func TestForEnforcesAssociatedGroups(t *testing.T) {
	c := newCell()
	home, away := c.NewVPC(prefix("10.0.0.0/16"), "default", false), c.NewVPC(prefix("10.0.0.0/16"), "default", false)
	near, far := c.NewSubnet(home.ID, prefix("10.0.0.0/24"), "us-east-1a", false), c.NewSubnet(away.ID, prefix("10.0.0.0/24"), "us-east-1a", false)
	local := c.group(away.ID, "local")
	shared := c.group(home.ID, "shared")
	shared.Rules = append(shared.Rules, rule(ports(6, 22, 22), members(shared)), rule(ports(6, 80, 80), members(local)))
	nobody := c.group(away.ID, "nobody")
	reaches := func(from, to *vpc.Interface, port uint16) bool {
		p := flow.Packet{SrcMAC: mac(t, from), Src: from.PrivateIP, Dst: to.PrivateIP, Protocol: flow.TCP, DstPort: port, TCPFlags: flow.SYN}
		return policy.Evaluate(policy.For(c.State, ""), from.Num, p).Allow
	}
	a, b := c.launch(near, vpc.Running, shared), c.launch(near, vpc.Running, shared)
	// The subnets' addresses are the same, in turn: x has the one that a has.
	x, y, z := c.launch(far, vpc.Running, shared), c.launch(far, vpc.Running, shared), c.launch(far, vpc.Running, local)
	other := c.launch(far, vpc.Running, nobody)
	check := func(when string, associated bool) {
		t.Helper()
		for _, row := range []struct {
			name     string
			from, to *vpc.Interface
			port     uint16
			want     bool
		}{
			{"members at home", a, b, 22, true},
			{"members in the other VPC", x, y, 22, associated},
			{"a member of a group of the other VPC", z, y, 80, associated},
			{"the same to another port", z, y, 22, false},
			{"one that no rule names", other, y, 80, false},
			{"at home nobody is a member of the other VPC's group", a, b, 80, false},
		} {
			if got := reaches(row.from, row.to, row.port); got != row.want {
				t.Errorf("%s: %s: %v", when, row.name, got)
			}
		}
	}
	check("before", false)
	key := vpc.GroupAssociationKey(shared.ID, away.ID)
	c.GroupAssociations.Put(&vpc.GroupAssociation{Scope: c.Scope, Group: shared.ID, VPC: away.ID})
	check("associated", true)
	c.GroupAssociations.Delete(key)
	check("afterwards", false)
}

// A group of a peer may be named, but its members have no address in this VPC.
func TestForMatchesNoMembersOfAPeer(t *testing.T) {
	c := newCell()
	home, away := c.NewVPC(prefix("10.0.0.0/16"), "default", false), c.NewVPC(prefix("10.1.0.0/16"), "default", false)
	side := func(v *vpc.VPC) vpc.PeeringSide { return vpc.PeeringSide{Scope: c.Scope, VPC: v.ID} }
	c.Peerings.Put(&vpc.Peering{ID: "pcx-1", Scope: c.Scope, Requester: side(home), Accepter: side(away), Status: "active"})
	far := c.group(away.ID, "far")
	near := c.group(home.ID, "near", rule(everything(), members(far)))
	s := c.NewSubnet(home.ID, prefix("10.0.0.0/24"), "us-east-1a", false)
	c.launch(c.NewSubnet(away.ID, prefix("10.1.0.0/24"), "us-east-1a", false), vpc.Running, far)
	from, to := c.launch(s, vpc.Running, c.DefaultGroup(home.ID)), c.launch(s, vpc.Running, near)
	for _, src := range []netip.Addr{from.PrivateIP, addr("10.1.0.4")} {
		p := flow.Packet{SrcMAC: mac(t, from), Src: src, Dst: to.PrivateIP, Protocol: flow.UDP, DstPort: 53}
		if got := policy.Evaluate(policy.For(c.State, ""), from.Num, p); got.Allow {
			t.Errorf("from %s: %s", src, got)
		}
	}
}

func TestForIsTheSameEveryTime(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	for n := range 4 {
		g := c.group(v.ID, "g"+string(rune('0'+n)), rule(everything(), members(c.DefaultGroup(v.ID))))
		for m := range 3 {
			c.launch(c.subnet(v.ID, m), vpc.Running, g, c.DefaultGroup(v.ID))
		}
	}
	want := policy.For(c.State, "")
	for range 20 {
		same(t, "again", policy.For(c.State, ""), want)
	}
}

func TestForAnEmptyState(t *testing.T) {
	same(t, "an empty State", policy.For(vpc.New(), ""), &policy.View{IPv6: prefix("3fff:fff::/32")})
}

// The entries of the subnet's own network ACL, each way in their order, without the one that is left when none decided.
func TestForTakesTheSubnetsACL(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	s := c.subnet(v.ID, 0)
	acl := *c.NewNetworkACL(v, false)
	web := vpc.ACLEntry{Number: 200, Allow: true, What: ports(flow.TCP, 80, 80), CIDR: prefix("10.0.0.0/8")}
	deny := vpc.ACLEntry{Number: 90, What: ports(flow.ICMP, 8, -1), CIDR: prefix("0.0.0.0/0")}
	six := vpc.ACLEntry{Number: 95, Allow: true, What: everything(), CIDR: prefix("::/0")}
	mapped := vpc.ACLEntry{Number: 96, Allow: true, What: everything(), CIDR: prefix("::ffff:10.0.0.0/104")}
	out := vpc.ACLEntry{Number: 1, Egress: true, Allow: true, What: everything(), CIDR: prefix("0.0.0.0/0")}
	acl.Entries = append(acl.Entries, web, deny, six, mapped, out)
	vpc.SortEntries(acl.Entries)
	c.NetworkACLs.Put(&acl)
	own := *s
	own.ACL = acl.ID
	c.Subnets.Put(&own)
	c.launch(&own, vpc.Running, c.DefaultGroup(v.ID))
	c.launch(c.subnet(v.ID, 1), vpc.Running, c.DefaultGroup(v.ID))
	for _, got := range policy.For(c.State, "").Subnets {
		want := policytest.AllowAll
		if got.ID == own.ID {
			want = policy.ACL{
				Ingress: []policy.Entry{{Number: 90, What: policy.What(deny.What), CIDR: deny.CIDR}, {Number: 95, Allow: true, What: policy.What(six.What), CIDR: six.CIDR}, {Number: 200, Allow: true, What: policy.What(web.What), CIDR: web.CIDR}},
				Egress:  []policy.Entry{{Number: 1, Allow: true, What: policy.What(out.What), CIDR: out.CIDR}},
			}
		}
		same(t, "the ACL of "+got.ID, got.ACL, want)
	}
}

// What a rule's prefix list holds is no rule for everywhere, and an interface's timeouts are its own.
func TestForSaysWhatTrackingAsksFor(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	list := &vpc.PrefixList{ID: c.NewID("pl"), Scope: c.Scope, Versions: []vpc.PrefixListVersion{{Entries: []vpc.PrefixEntry{{CIDR: prefix("0.0.0.0/0")}}}}}
	c.PrefixLists.Put(list)
	g := c.group(v.ID, "g", rule(ports(flow.TCP, 80, 80), vpc.Peer{PrefixList: list.ID}), rule(ports(flow.TCP, 81, 81), anywhere("0.0.0.0/0")))
	i := *c.launch(c.subnet(v.ID, 0), vpc.Running, g)
	i.Tracking = vpc.TrackingTimeouts{TCPEstablished: 350, UDP: 45}
	c.Interfaces.Put(&i)
	got := policy.For(c.State, "")
	for _, r := range got.Groups[0].Ingress {
		if want := r.What.From == 80; r.Listed != want || r.Everywhere(r.CIDR.Addr()) == want {
			t.Errorf("port %d: listed %t, everywhere %t", r.What.From, r.Listed, r.Everywhere(r.CIDR.Addr()))
		}
	}
	same(t, "its timeouts", got.Interfaces[0].Timeouts, policy.Timeouts{TCPEstablished: 350, UDP: 45})
}
