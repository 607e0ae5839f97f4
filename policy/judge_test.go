package policy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

const usual = `
	web egress all to 0.0.0.0/0
	db egress all to 0.0.0.0/0
	twin egress all to 0.0.0.0/0
	router egress all to 0.0.0.0/0
`

func TestRulesAllowWhoTimesWhat(t *testing.T) {
	judge(t, world(usual+`
		db ingress tcp 5432 from web
		db ingress tcp 8000-8010 from 10.0.1.11/32
		db ingress udp 53 from 10.0.1.0/24
		db ingress icmp 8 from web
		db ingress 47 from web
		web ingress all from db
	`), []row{
		// tcp 5432 from web
		{"5432 from web", "allowed at db1", from(web1).to(db1).tcp(5432)},
		{"5432 from the other web", "allowed at db1", from(web2).to(db1).tcp(5432)},
		{"5432 from the router, which is no web", "no-ingress-rule at db1", from(router).to(db1).tcp(5432)},
		{"one port below", "no-ingress-rule at db1", from(web1).to(db1).tcp(5431)},
		{"one port above", "no-ingress-rule at db1", from(web1).to(db1).tcp(5433)},
		{"5432 by UDP", "no-ingress-rule at db1", from(web1).to(db1).udp(5432)},
		// tcp 8000-8010 from one address
		{"the first of the range", "allowed at db1", from(web2).to(db1).tcp(8000)},
		{"the last of the range", "allowed at db1", from(web2).to(db1).tcp(8010)},
		{"below the range", "no-ingress-rule at db1", from(web2).to(db1).tcp(7999)},
		{"above the range", "no-ingress-rule at db1", from(web2).to(db1).tcp(8011)},
		{"from the address beside", "no-ingress-rule at db1", from(web1).to(db1).tcp(8000)},
		// udp 53 from the subnet
		{"udp 53 from web", "allowed at db1", from(web1).to(db1).udp(53)},
		{"tcp 53 from web", "no-ingress-rule at db1", from(web1).to(db1).tcp(53)},
		// icmp 8, any code
		{"ping", "allowed at db1", from(web1).to(db1).ping(1)},
		{"an odd code", "allowed at db1", from(web1).to(db1).icmp(8, 9)},
		{"another type", "no-ingress-rule at db1", from(web1).to(db1).icmp(3, 0)},
		{"an echo reply to nothing", "no-ingress-rule at db1", from(web1).to(db1).icmp(0, 0)},
		// 47
		{"GRE", "allowed at db1", from(web1).to(db1).protocol(47)},
		{"ESP", "no-ingress-rule at db1", from(web1).to(db1).protocol(50)},
		// all from db
		{"TCP by a rule for everything", "allowed at web1", from(db1).to(web1).tcp(1)},
		{"ICMP by a rule for everything", "allowed at web1", from(db1).to(web1).icmp(3, 4)},
		{"protocol 255 by a rule for everything", "allowed at web1", from(db1).to(web1).protocol(255)},
		// a group is no licence to talk to itself
		{"web to web", "no-ingress-rule at web2", from(web1).to(web2).tcp(5432)},
	})
}

func TestBothEndsAreAsked(t *testing.T) {
	judge(t, world(`
		web egress tcp 5432 to db
		web egress icmp 8/0 to 10.0.2.0/24
		db ingress tcp 5432 from web
		db ingress tcp 22 from web
		db egress all to 10.0.1.11/32
		web ingress tcp 80 from 10.0.0.0/16
	`), []row{
		{"allowed by both", "allowed at db1", from(web1).to(db1).tcp(5432)},
		{"the sender has no rule", "no-egress-rule at web1", from(web1).to(db1).tcp(22)},
		{"the receiver has no rule", "no-ingress-rule at db1", from(web1).to(db1).ping(1)},
		{"another code", "no-egress-rule at web1", from(web1).to(db1).icmp(8, 1)},
		{"to the one address", "allowed at web2", from(db1).to(web2).tcp(80)},
		{"to another", "no-egress-rule at db1", from(db1).to(web1).tcp(80)},
		{"a group that has no rules", "no-egress-rule at router", from(router).to(db1).tcp(5432)},
	})
}

func TestSourcePortsNeverMatter(t *testing.T) {
	v := world(usual + "db ingress tcp 5432 from web")
	for _, port := range []uint16{0, 1, 22, 5432, 65535} {
		s := from(web1).to(db1).tcp(5432)
		s.packet.SrcPort = port
		judge(t, v, []row{{fmt.Sprintf("from port %d", port), "allowed at db1", s}})
	}
}

func TestTheRuleIsNamed(t *testing.T) {
	v := world(usual + `
		db ingress tcp 1-1024 from web
		db ingress tcp 22 from 0.0.0.0/0
	`)
	if got := policy.Evaluate(v, web1.num, from(web1).to(db1).tcp(22).packet); got.Rule != "db ingress tcp 1-1024 from web" {
		t.Errorf("got %s, want the first that allows it", got)
	}
	if got := policy.Evaluate(v, router.num, from(router).to(db1).tcp(22).packet); got.Rule != "db ingress tcp 22 from 0.0.0.0/0" {
		t.Errorf("got %s, want the one that allows it", got)
	}
	if got := policy.Evaluate(v, web1.num, from(web1).toPublic(host).tcp(22).packet); got.Rule != "web egress all to 0.0.0.0/0" {
		t.Errorf("got %s, want the rule of the last gate", got)
	}
}

func TestMembershipIsLive(t *testing.T) {
	v := world(usual + "db ingress tcp 5432 from web")
	shot := from(router).to(db1).tcp(5432)
	judge(t, v, []row{{"before it joins", "no-ingress-rule at db1", shot}})
	v.Members[5].Groups = []uint32{groups["web"].num, groups["router"].num}
	judge(t, v, []row{{"after it joined", "allowed at db1", shot}})
	v.Members[5].Groups = nil
	judge(t, v, []row{{"after it left", "no-ingress-rule at db1", shot}})
}

func TestEqualVPCsDoNotMeet(t *testing.T) {
	v := world(usual + `
		db ingress all from 0.0.0.0/0
		twin ingress tcp 80 from twin
	`)
	judge(t, v, []row{
		{"each db1 is its own VPC's", "allowed at db1", from(web1).to(db1).tcp(80)},
		{"and the twin's is the twin", "allowed at twindb", from(twinweb).to(twindb).tcp(80)},
		{"an address that only the other VPC has", "no-destination at twinweb", from(twinweb).to(web2).tcp(80)},
	})
	v.Members = []policy.Member{{VPC: 100, Addr: twinweb.addr, Groups: []uint32{groups["twin"].num}}}
	judge(t, v, []row{{"a member's address in another VPC is no member", "no-ingress-rule at twindb", from(twinweb).to(twindb).tcp(80)}})
}

func TestSpoofing(t *testing.T) {
	v := world(usual + "db ingress all from 0.0.0.0/0\nweb ingress all from 0.0.0.0/0")
	judge(t, v, []row{
		{"its own addresses", "allowed at db1", from(web1).to(db1).tcp(1)},
		{"another's IP address", "spoofed at web1", from(web1).as("10.0.1.11").to(db1).tcp(1)},
		{"its public address", "spoofed at web1", from(web1).as("198.18.0.10").to(db1).tcp(1)},
		{"another's MAC", "spoofed at web1", from(web1).withMAC(web2.mac()).to(db1).tcp(1)},
		{"any IP address without the check", "allowed at db1", from(router).as("192.0.2.1").to(db1).tcp(1)},
		{"another's MAC without the check", "spoofed at router", from(router).withMAC(web2.mac()).to(db1).tcp(1)},
		{"from the host, the host", "allowed at web1", from(host).toPublic(web1).tcp(1)},
		{"from the host, somewhere else", "allowed at web1", from(host).as("203.0.113.1").toPublic(web1).tcp(1)},
		{"from the host, an instance", "spoofed at host", from(host).as("198.18.0.11").toPublic(web1).tcp(1)},
		{"from the host, nobody of the pool", "spoofed at host", from(host).as("198.18.0.77").toPublic(web1).tcp(1)},
		{"from the host, the pool's own number", "spoofed at host", from(host).as("198.18.0.0").toPublic(web1).tcp(1)},
		{"no interface on the link", "no-interface at host", from(nobody).to(db1).tcp(1)},
	})
}

// Rules see the addresses that are in the packet, also where its source may be anything.
func TestWithoutTheCheckTheRulesStillHold(t *testing.T) {
	judge(t, world(usual+"db ingress tcp 1 from 192.0.2.0/24\ndb ingress tcp 2 from router"), []row{
		{"from where the rule says", "allowed at db1", from(router).as("192.0.2.1").to(db1).tcp(1)},
		{"from elsewhere", "no-ingress-rule at db1", from(router).as("192.0.3.1").to(db1).tcp(1)},
		{"as a member", "allowed at db1", from(router).to(db1).tcp(2)},
		{"as somebody who is no member", "no-ingress-rule at db1", from(router).as("192.0.2.1").to(db1).tcp(2)},
	})
}

func TestRoutes(t *testing.T) {
	judge(t, world(usual+"db ingress all from 0.0.0.0/0\nweb ingress all from 0.0.0.0/0"), []row{
		{"nobody has the address", "no-destination at web1", from(web1).toAddr("10.0.1.99").tcp(1)},
		{"itself", "no-destination at web1", from(web1).to(web1).tcp(1)},
		{"no route", "no-route at db1", from(db1).toPublic(host).tcp(1)},
		{"a longer prefix leads nowhere", "no-route at web1", from(web1).toPublic(nobody).tcp(1)},
		{"beyond the host", "not-forwarded at web1", from(web1).toAddr("203.0.113.1").tcp(1)},
		{"beyond the host, by the one route that there is", "not-forwarded at db1", from(db1).toAddr("192.0.2.1").tcp(1)},
		{"without a public address", "no-public-address at router", from(router).toAddr("203.0.113.1").tcp(1)},
		{"0.0.0.0/8", "no-route at web1", from(web1).toAddr("0.0.0.1").tcp(1)},
		{"loopback", "no-route at web1", from(web1).toAddr("127.0.0.1").tcp(1)},
		{"multicast", "no-route at web1", from(web1).toAddr("224.0.0.251").udp(5353)},
		{"reserved", "no-route at web1", from(web1).toAddr("240.0.0.1").udp(1)},
		{"broadcast", "no-route at web1", from(web1).toAddr("255.255.255.255").udp(67)},
		{"just below multicast", "not-forwarded at web1", from(web1).toAddr("223.255.255.255").udp(1)},
	})
}

func TestPublicAddressesAreOneToOne(t *testing.T) {
	v := world(usual + `
		web ingress tcp 80 from 0.0.0.0/0
		web ingress tcp 443 from 198.18.0.11/32
		web ingress tcp 22 from web
		twin ingress tcp 80 from 198.18.0.10/32
		db ingress all from 0.0.0.0/0
	`)
	judge(t, v, []row{
		{"from the host", "allowed at web1", from(host).toPublic(web1).tcp(80)},
		{"a port without a rule", "no-ingress-rule at web1", from(host).toPublic(web1).tcp(81)},
		{"to the private address", "no-destination at host", from(host).to(web1).tcp(80)},
		{"to an address that nobody has", "no-destination at host", from(host).toPublic(nobody).tcp(80)},
		{"to the host itself", "no-destination at host", from(host).toPublic(host).tcp(80)},
		{"to one whose subnet has no way back", "no-route at db1", from(host).toPublic(db1).tcp(80)},
		{"to one whose subnet has a way back to that source", "allowed at db1", from(host).as("192.0.2.7").toPublic(db1).tcp(80)},
		{"from a source that no route leads to", "no-route at web1", from(host).as("127.0.0.1").toPublic(web1).tcp(80)},
		{"to the host", "allowed at web1", from(web1).toPublic(host).tcp(80)},
		{"to an address of the pool that nobody has", "no-destination at web1", from(web1).toAddr("198.18.0.200").tcp(80)},
		{"to another by its public address", "allowed at web2", from(web1).toPublic(web2).tcp(80)},
		{"seen as public", "allowed at web1", from(web2).toPublic(web1).tcp(443)},
		{"not seen as private", "no-ingress-rule at web2", from(web1).toPublic(web2).tcp(443)},
		{"a group's members have private addresses", "no-ingress-rule at web2", from(web1).toPublic(web2).tcp(22)},
		{"into another VPC", "allowed at twinweb", from(web1).toPublic(twinweb).tcp(80)},
		{"into another VPC, not by this address", "no-ingress-rule at twinweb", from(web2).toPublic(twinweb).tcp(80)},
		{"to its own public address", "allowed at web1", from(web1).toPublic(web1).tcp(80)},
		{"to one without a way back", "no-route at db1", from(web1).toPublic(db1).tcp(80)},
	})
}

func TestAMemberWhoComesByThePublicWayIsNone(t *testing.T) {
	v := world(usual + "web ingress tcp 22 from web")
	v.Members = append(v.Members, policy.Member{VPC: 100, Addr: web2.public, Groups: []uint32{groups["web"].num}})
	judge(t, v, []row{{"even if the table had its address", "no-ingress-rule at web1", from(web2).toPublic(web1).tcp(22)}})
}

func TestWhatIsDelivered(t *testing.T) {
	v := world(usual + "db ingress all from 0.0.0.0/0\nweb ingress all from 0.0.0.0/0\ntwin ingress all from 0.0.0.0/0")
	for _, c := range []struct {
		name           string
		shot           shot
		to             end
		src, dst       string
		srcMAC, dstMAC flow.MAC
	}{
		{"to a neighbour", from(web1).to(web2).tcp(80), web2, "10.0.1.10", "10.0.1.11", web1.mac(), web2.mac()},
		{"to another subnet", from(web1).to(db1).tcp(80), db1, "10.0.1.10", "10.0.2.10", policy.GatewayMAC, db1.mac()},
		{"from the host", from(host).toPublic(web1).tcp(80), web1, "198.18.0.1", "10.0.1.10", policy.GatewayMAC, web1.mac()},
		{"between public addresses", from(web1).toPublic(twinweb).tcp(80), twinweb, "198.18.0.10", "10.0.1.10", policy.GatewayMAC, twinweb.mac()},
		{"to a neighbour's public address", from(web1).toPublic(web2).tcp(80), web2, "198.18.0.10", "10.0.1.11", policy.GatewayMAC, web2.mac()},
	} {
		got := policy.Evaluate(v, c.shot.sender.num, c.shot.packet)
		want := c.shot.packet
		want.Src, want.Dst, want.SrcMAC, want.DstMAC = addr(c.src), addr(c.dst), c.srcMAC, c.dstMAC
		if !got.Allow || got.To != c.to.num || got.Packet != want {
			t.Errorf("%s\n got to %s %+v\nwant to %s %+v", c.name, named(got.To), got.Packet, c.to.name, want)
		}
	}
	got := policy.Evaluate(v, web1.num, from(web1).toPublic(host).tcp(80).packet)
	if got.To != 0 || got.Packet.Src != web1.public || got.Packet.Dst != host.addr {
		t.Errorf("to the host: got %s", got)
	}
}

func TestFramesThatAreNoPackets(t *testing.T) {
	v := world(usual)
	whole := flow.Build(from(web1).to(db1).tcp(1).packet)
	with := func(at int, values ...byte) []byte {
		frame := append([]byte(nil), whole...)
		copy(frame[at:], values)
		return frame
	}
	for _, c := range []struct {
		name  string
		from  uint32
		frame []byte
		want  string
	}{
		{"a whole packet", web1.num, whole, "no-ingress-rule at db1"},
		{"nothing", web1.num, nil, "malformed at web1"},
		{"a broken header", web1.num, with(14, 0x41), "malformed at web1"},
		{"IPv4 that says it is IPv6", web1.num, with(12, 0x86, 0xdd), "malformed at web1"},
		{"a VLAN tag", web1.num, with(12, 0x81, 0x00), "unsupported at web1"},
		{"a later fragment", web1.num, with(20, 0, 16), "fragment at web1"},
		{"nothing, from the host", 0, nil, "malformed at host"},
		{"ARP, from the host", 0, flow.BuildARP(flow.ARPPacket{Sender: host.addr, Target: web1.public}), "unsupported at host"},
		{"a broken header on a link without an interface", 99, with(14, 0x41), "no-interface at host"},
	} {
		if got := outcome(new(policy.Tracker).JudgeFrame(v, 0, c.from, c.frame)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAnEmptyViewDropsEverything(t *testing.T) {
	judge(t, &policy.View{}, []row{
		{"from an interface", "no-interface at host", from(web1).to(db1).tcp(1)},
		{"from the host", "no-destination at host", from(host).toPublic(web1).tcp(1)},
	})
}

func TestAnInterfaceWithoutItsSubnetHasNoRoutes(t *testing.T) {
	v := world(usual)
	v.Subnets = nil
	judge(t, v, []row{{"to a neighbour", "no-route at web1", from(web1).to(web2).tcp(1)}})
}

// What is judged is judged the same whatever the order of rules, groups and members: they only allow.
func TestOrderDoesNotMatter(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		v := policytest.RandomView(r)
		mixed := policytest.RandomView(rand.New(rand.NewPCG(1, 1)))
		*mixed = *v
		mixed.Groups = append([]policy.Group(nil), v.Groups...)
		shuffle(r, mixed.Groups)
		for n := range mixed.Groups {
			g := &mixed.Groups[n]
			g.Ingress, g.Egress = append([]policy.Rule(nil), g.Ingress...), append([]policy.Rule(nil), g.Egress...)
			shuffle(r, g.Ingress)
			shuffle(r, g.Egress)
		}
		mixed.Members = append([]policy.Member(nil), v.Members...)
		shuffle(r, mixed.Members)
		for range 100 {
			from, p := policytest.RandomPacket(r, v)
			a, b := policy.Evaluate(v, from, p), policy.Evaluate(mixed, from, p)
			if a.Rule, b.Rule = "", ""; a != b {
				t.Fatalf("seed %d: from %d %s\n got %s\nthen %s", seed, from, p, a, b)
			}
		}
	}
}

func shuffle[T any](r *rand.Rand, s []T) {
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

func TestAFrameIsJudgedAsItsPacket(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		v := policytest.RandomView(r)
		for range 100 {
			from, p := policytest.RandomPacket(r, v)
			a, b := policy.Evaluate(v, from, p), new(policy.Tracker).JudgeFrame(v, 0, from, flow.Build(p))
			if a != b {
				t.Fatalf("seed %d: from %d %s\n got %s\nas a frame %s", seed, from, p, a, b)
			}
		}
	}
}

func TestVerdictsPrintOnOneLine(t *testing.T) {
	v := world(usual + "db ingress tcp 5432 from web")
	for _, c := range []struct {
		shot shot
		want string
	}{
		{from(web1).to(db1).tcp(5432), "allowed at 3 by db ingress tcp 5432 from web to 3: tcp 10.0.1.10:40000 > 10.0.2.10:5432 SYN"},
		{from(web1).to(db1).tcp(22), "no-ingress-rule at 3"},
	} {
		if got := policy.Evaluate(v, c.shot.sender.num, c.shot.packet).String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range policy.Reasons {
		if s := r.String(); s == "" || s == "unknown" || seen[s] {
			t.Errorf("reason %d is %q", r, s)
		} else {
			seen[s] = true
		}
	}
	if policy.Reasons.String() != "unknown" || policy.Answered.Drops() || !policy.Malformed.Drops() {
		t.Error("what is beyond the last reason has no name, and drops begin with Malformed")
	}
}

func BenchmarkEvaluate1000Rules(b *testing.B) {
	v := world("web egress all to 0.0.0.0/0")
	for n := range 1000 {
		allow(v, fmt.Sprintf("db ingress tcp %d from 10.0.1.0/24", n))
	}
	p := from(web1).to(db1).tcp(2000).packet
	for b.Loop() {
		policy.Evaluate(v, web1.num, p)
	}
}
