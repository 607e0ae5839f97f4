package policy_test

import (
	"net/netip"
	"slices"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

var (
	web1Six   = addr("3fff:120:0:101::10")
	web2Six   = addr("3fff:120:0:101::11")
	db1Six    = addr("3fff:120:0:102::10")
	routerSix = addr("3fff:120:0:101::20")
	twinSix   = addr("3fff:120:0:201::10")
	hostSix   = addr("3fff:120::1")
)

// worldOfSix is the world with IPv6 in it: in subnet-open with a way to the internet.
func worldOfSix(rules string) *policy.View {
	v := world(rules)
	v.IPv6 = prefix("3fff:120::/32")
	for n, a := range map[int]netip.Addr{0: web1Six, 1: web2Six, 2: db1Six, 3: twinSix, 5: routerSix} {
		i := &v.Interfaces[n]
		i.IPv6 = []netip.Addr{a}
		v.Members = append(v.Members, policy.Member{VPC: i.VPC, Addr: a, Groups: i.Groups})
	}
	for n := range v.Subnets {
		s := &v.Subnets[n]
		s.ACL = policytest.AllowAll6
		s.Routes = append(slices.Clone(s.Routes), policy.Route{Destination: prefix(map[uint32]string{100: "3fff:120:0:100::/56", 200: "3fff:120:0:200::/56"}[s.VPC]), Target: policy.Local})
		if s.ID == "subnet-open" {
			s.Routes = append(s.Routes, policy.Route{Destination: prefix("::/0"), Target: policy.Internet})
		}
	}
	return v
}

// six is a SYN to port 80.
func six(from end, src, dst netip.Addr) shot {
	return shot{from, flow.Packet{SrcMAC: from.mac(), DstMAC: policy.GatewayMAC, Src: src, Dst: dst, Protocol: flow.TCP, SrcPort: 40000, DstPort: 80, TCPFlags: flow.SYN}}
}

func (s shot) echo6(kind uint8) shot {
	s.packet.Protocol, s.packet.ICMPType, s.packet.SrcPort, s.packet.DstPort, s.packet.TCPFlags = flow.ICMPv6, kind, 0, 0, 0
	return s
}

func TestIPv6IsJudgedByItsOwnRules(t *testing.T) {
	judge(t, worldOfSix(`
		web egress all to ::/0
		web egress all to 0.0.0.0/0
		web ingress all from 0.0.0.0/0
		db ingress tcp 80 from web
		db ingress 58 128-0 from ::/0
		db ingress icmp from web
		router egress all to ::/0`), []row{
		{"a rule for IPv4 opens nothing", "no-ingress-rule at web2", six(web1, web1Six, web2Six)},
		{"the same of IPv4", "allowed at web2", from(web1).to(web2).tcp(80)},
		{"a group is its members' addresses of IPv6, too", "allowed at db1", six(web1, web1Six, db1Six)},
		{"an echo request by ICMPv6", "allowed at db1", six(web1, web1Six, db1Six).echo6(flow.EchoRequestV6)},
		{"another type", "no-ingress-rule at db1", six(web1, web1Six, db1Six).echo6(flow.EchoReplyV6)},
		{"ICMP of IPv4 is nothing in IPv6", "no-ingress-rule at db1", six(web1, web1Six, db1Six).protocol(flow.ICMP)},
		{"no way out without a rule for IPv6", "no-egress-rule at db1", six(db1, db1Six, web1Six)},
		{"an address of another interface", "spoofed at web1", six(web1, web2Six, db1Six)},
		{"an address of its link", "spoofed at web1", six(web1, addr("fe80::1"), db1Six)},
		{"any address without the source check", "no-ingress-rule at web2", six(router, addr("2001:db8::1"), web2Six)},
		{"nobody has it", "no-destination at web1", six(web1, web1Six, addr("3fff:120:0:102::99"))},
		{"itself", "no-destination at web1", six(web1, web1Six, web1Six)},
		{"a link-local address leads nowhere", "no-route at web1", six(web1, web1Six, addr("fe80::1"))},
		{"multicast leads nowhere", "no-route at web1", six(web1, web1Six, addr("ff02::1"))},
	})
}

func TestIPv6IsTheSameOnTheInternet(t *testing.T) {
	v := worldOfSix(`
		web egress all to ::/0
		router egress all to ::/0
		web ingress tcp 80 from ::/0
		web ingress tcp 81 from web
		db ingress all from ::/0`)
	judge(t, v, []row{
		{"from the host", "allowed at web1", six(host, hostSix, web1Six)},
		{"to the host", "allowed at web1", six(web1, web1Six, hostSix)},
		{"to who has no route back", "no-route at db1", six(host, hostSix, db1Six)},
		{"beyond the host", "not-forwarded at web1", six(web1, web1Six, addr("2001:db8::1"))},
		{"to another VPC that has no route back", "no-route at twinweb", six(web1, web1Six, twinSix)},
		{"what is forwarded has no address there", "no-public-address at router", six(router, addr("2001:db8::1"), hostSix)},
		{"the host as an instance", "spoofed at host", six(host, web2Six, web1Six)},
		{"the internet", "allowed at web1", six(host, addr("2001:db8::1"), web1Six)},
	})
	got := policy.Evaluate(v, 0, six(host, hostSix, web1Six).packet)
	if p := got.Packet; p.Src != hostSix || p.Dst != web1Six || p.SrcMAC != policy.GatewayMAC {
		t.Errorf("translated: %s", got)
	}
}

func TestPiecesOfIPv6(t *testing.T) {
	v := worldOfSix("web egress all to ::/0\n db ingress udp 80 from web")
	var tracker policy.Tracker
	udp := six(web1, web1Six, db1Six).protocol(flow.UDP).packet
	udp.DstPort = 80
	first, later := udp, udp
	first.Fragment = flow.Fragment{ID: 1 << 20, More: true}
	later.Fragment, later.DstPort, later.Protocol = flow.Fragment{ID: 1 << 20, Offset: 1480}, 0, 60 // the first header of it was an extension
	other := later
	other.Fragment.ID += 64
	for _, c := range []struct {
		name   string
		packet flow.Packet
		want   string
	}{
		{"before the first", later, "fragment at web1"},
		{"the first", first, "allowed at db1"},
		{"a later one", later, "established at db1"},
		{"one of another packet", other, "fragment at web1"},
	} {
		if got := outcome(tracker.Judge(v, 0, web1.num, c.packet)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A packet that was too big is told of, whatever the rules say.
func TestErrorsOfIPv6AreRelated(t *testing.T) {
	v := worldOfSix("web egress all to ::/0\n db ingress tcp 80 from web\n db egress all to 0.0.0.0/0")
	var tracker policy.Tracker
	syn := six(web1, web1Six, db1Six).packet
	tooBig := flow.Packet{SrcMAC: db1.mac(), Src: db1Six, Dst: web1Six, Protocol: flow.ICMPv6, ICMPType: flow.TooBigV6, Payload: 48, Quote: syn.Quoted()}
	if got := outcome(tracker.Judge(v, 0, db1.num, tooBig)); got != "no-egress-rule at db1" {
		t.Errorf("about nothing that was sent: %s", got)
	}
	tracker.Judge(v, 0, web1.num, syn)
	if got := outcome(tracker.Judge(v, 0, db1.num, tooBig)); got != "related at web1" {
		t.Errorf("got %s", got)
	}
	other := tooBig
	other.Dst = web2Six
	if got := outcome(tracker.Judge(v, 0, db1.num, other)); got != "no-egress-rule at db1" {
		t.Errorf("to somebody else: %s", got)
	}
}

// Whether a flow is tracked is up to the rules of its own IP version.
func TestEachIPVersionIsTrackedByItsOwnRules(t *testing.T) {
	rules := "web egress all to ::/0\n web egress all to 0.0.0.0/0\n db ingress tcp 80 from ::/0\n db ingress tcp 80 from 0.0.0.0/0\n db egress all to ::/0"
	var tracker policy.Tracker
	tracker.Judge(worldOfSix(rules), 0, web1.num, six(web1, web1Six, db1Six).packet)
	tracker.Judge(worldOfSix(rules), 0, web1.num, from(web1).to(db1).tcp(80).packet)
	closed := worldOfSix("web egress all to ::/0\n web egress all to 0.0.0.0/0")
	ack := six(web1, web1Six, db1Six).packet
	ack.TCPFlags = flow.ACK
	if got := outcome(tracker.Judge(closed, 0, web1.num, ack)); got != "no-ingress-rule at db1" {
		t.Errorf("untracked IPv6 goes on: %s", got)
	}
	ack = from(web1).to(db1).tcp(80).packet
	ack.TCPFlags = flow.ACK
	if got := outcome(tracker.Judge(closed, 0, web1.num, ack)); got != "established at db1" {
		t.Errorf("tracked IPv4 ended: %s", got)
	}
}

func TestNeighbourDiscoveryIsAnsweredInTheOthersPlace(t *testing.T) {
	v := worldOfSix("")
	for _, c := range []struct {
		name, target, src string
		want              flow.MAC
		dst               string
		flags             uint8
	}{
		{"the gateway", "fe80::ff:fe00:1", web1Six.String(), policy.GatewayMAC, web1Six.String(), flow.NDRouter | flow.NDSolicited | flow.NDOverride},
		{"the gateway, asked from a link-local address", "fe80::ff:fe00:1", "fe80::800:ff:fe00:1", policy.GatewayMAC, "fe80::800:ff:fe00:1", flow.NDRouter | flow.NDSolicited | flow.NDOverride},
		{"a neighbour that no rule lets it reach", web2Six.String(), web1Six.String(), web2.mac(), web1Six.String(), flow.NDSolicited | flow.NDOverride},
		{"whether an address is taken", web2Six.String(), "::", web2.mac(), "ff02::1", flow.NDOverride},
	} {
		got := nd(v, web1, flow.NDPacket{SrcMAC: web1.mac(), Src: addr(c.src), Dst: addr("ff02::1:ff00:1"), Type: flow.NeighbourSolicitation, Target: addr(c.target), Link: web1.mac()})
		want := policy.Verdict{Allow: true, Reason: policy.Answered, Interface: web1.num, To: web1.num, Neighbour: flow.NDPacket{
			SrcMAC: c.want, DstMAC: web1.mac(), Src: addr(c.target), Dst: addr(c.dst), Type: flow.NeighbourAdvertisement, Flags: c.flags, Target: addr(c.target), Link: c.want}}
		if got != want {
			t.Errorf("%s\n got %+v\nwant %+v", c.name, got, want)
		}
	}
}

func TestNeighbourDiscoveryThatGetsNoAnswer(t *testing.T) {
	v := worldOfSix("")
	asks := flow.NDPacket{SrcMAC: web1.mac(), Src: web1Six, Dst: addr("ff02::1:ff00:1"), Type: flow.NeighbourSolicitation, Target: web2Six, Link: web1.mac()}
	with := func(change func(*flow.NDPacket)) flow.NDPacket {
		n := asks
		change(&n)
		return n
	}
	for _, c := range []struct {
		name, want string
		nd         flow.NDPacket
	}{
		{"its own address", "no-destination at web1", with(func(n *flow.NDPacket) { n.Target = web1Six })},
		{"an address of another subnet", "no-destination at web1", with(func(n *flow.NDPacket) { n.Target = db1Six })},
		{"an address that only the other VPC has", "no-destination at web1", with(func(n *flow.NDPacket) { n.Target = twinSix })},
		{"an answer that nobody asked for", "no-destination at web1", with(func(n *flow.NDPacket) { n.Type, n.Target = flow.NeighbourAdvertisement, web1Six })},
		{"another's MAC in the frame", "spoofed at web1", with(func(n *flow.NDPacket) { n.SrcMAC = web2.mac() })},
		{"another's MAC in the packet", "spoofed at web1", with(func(n *flow.NDPacket) { n.Link = web2.mac() })},
		{"another's address", "spoofed at web1", with(func(n *flow.NDPacket) { n.Src = web2Six })},
	} {
		if got := outcome(nd(v, web1, c.nd)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	for kind, name := range map[byte]string{flow.RouterSolicitation: "a router is sought", flow.RouterAdvertisement: "an instance says that it is a router", 137: "a redirect", 143: "who listens to which multicast"} {
		frame := flow.BuildND(asks)
		if frame[54] = kind; kind == flow.RouterSolicitation {
			frame[19], frame = 8, frame[:62]
		}
		if got := outcome(new(policy.Tracker).JudgeFrame(v, 0, web1.num, frame)); got != "no-destination at web1" {
			t.Errorf("%s: %s", name, got)
		}
		frame[6] ^= 2
		if got := outcome(new(policy.Tracker).JudgeFrame(v, 0, web1.num, frame)); got != "spoofed at web1" {
			t.Errorf("%s, by another's MAC: %s", name, got)
		}
	}
	if got := outcome(nd(v, host, asks)); got != "unsupported at host" {
		t.Errorf("from the host: %s", got)
	}
}

func nd(v *policy.View, e end, n flow.NDPacket) policy.Verdict {
	return new(policy.Tracker).JudgeFrame(v, 0, e.num, flow.BuildND(n))
}
