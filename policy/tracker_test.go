package policy_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// A step is a packet at a second of a story, and what becomes of it.
type step struct {
	at   uint32
	want string
	shot shot
}

func story(t *testing.T, v *policy.View, steps ...step) {
	t.Helper()
	tell(t, new(policy.Tracker), v, steps...)
}

func tell(t *testing.T, tracker *policy.Tracker, v *policy.View, steps ...step) {
	t.Helper()
	for n, s := range steps {
		if got := outcome(tracker.Judge(v, s.at, s.shot.sender.num, s.shot.packet)); got != s.want {
			t.Errorf("step %d, second %d: from %s %s\n got %s\nwant %s", n, s.at, s.shot.sender.name, s.shot.packet, got, s.want)
		}
	}
}

// A connection of web1 to db1, from both ends. Nothing but its beginning is allowed by a rule, so
// what the table does not know is dropped.
const oneWay = `
	web egress tcp 5432 to db
	web egress udp 53 to db
	web egress icmp 8 to db
	web egress 47 to db
	db ingress all from web
`

var (
	syn     = from(web1).to(db1).tcp(5432)
	query   = from(web1).to(db1).udp(53)
	request = from(web1).to(db1).ping(7)
	gre     = from(web1).to(db1).protocol(47)
)

func theirs(flags uint8) shot { return syn.back(db1).flags(flags) }
func ours(flags uint8) shot   { return syn.flags(flags) }

const (
	synack = flow.SYN | flow.ACK
	ack    = flow.ACK
	finack = flow.FIN | flow.ACK
	rst    = flow.RST
)

func TestRepliesFlowWhateverTheRulesSay(t *testing.T) {
	for _, s := range []struct{ first, next shot }{{syn, ours(ack)}, {query, query}, {request, request}, {gre, gre}} {
		story(t, world(oneWay),
			step{0, "no-egress-rule at db1", s.first.back(db1)},
			step{0, "allowed at db1", s.first},
			step{0, "established at web1", s.first.back(db1)},
			step{0, "established at db1", s.next},
		)
	}
}

func TestOnlyTheConnectionsOwnRepliesFlow(t *testing.T) {
	other := theirs(ack)
	other.packet.DstPort++
	story(t, world(oneWay),
		step{0, "allowed at db1", syn},
		step{0, "no-egress-rule at db1", other},
		step{0, "no-egress-rule at db1", from(db1).to(web1).tcp(40000)},
		step{0, "no-egress-rule at db1", query.back(db1)},
		step{0, "no-egress-rule at db1", from(db1).to(web2).on(flow.TCP, 40000).flags(ack)},
		step{0, "no-egress-rule at twindb", theirs(ack).in(twindb)},
	)
}

// in is the shot as the end with the same address in another VPC sends it.
func (s shot) in(e end) shot { s.sender, s.packet.SrcMAC = e, e.mac(); return s }

func TestATrackedConnectionOutlivesItsRule(t *testing.T) {
	var tracker policy.Tracker
	tell(t, &tracker, world(oneWay),
		step{0, "allowed at db1", syn},
		step{0, "established at web1", theirs(synack)},
		step{0, "allowed at db1", query},
	)
	tell(t, &tracker, world(""),
		step{1, "established at db1", ours(ack)},
		step{2, "established at web1", theirs(ack)},
		step{3, "established at db1", query},
		step{3, "no-egress-rule at web1", from(web1).to(db1).tcp(5433)},
		step{34, "no-egress-rule at web1", query},
		step{1 + 432000, "established at db1", ours(ack)},
	)
}

func TestRepliesFlowThroughTheInternetGateway(t *testing.T) {
	v := world(`
		web ingress tcp 80 from 0.0.0.0/0
		web egress tcp 443 to 0.0.0.0/0
		twin ingress tcp 443 from 198.18.0.10/32
	`)
	in := from(host).toPublic(web1).tcp(80)
	answer := from(web1).to(host).on(flow.TCP, 40000).flags(synack)
	answer.packet.Dst, answer.packet.SrcPort = host.addr, 80
	across := from(web1).toPublic(twinweb).tcp(443)
	back := from(twinweb).toPublic(web1).on(flow.TCP, 40000).flags(synack)
	back.packet.SrcPort = 443
	story(t, v,
		step{0, "no-egress-rule at web1", answer},
		step{0, "allowed at web1", in},
		step{0, "established at web1", answer},
		step{0, "established at web1", in.flags(ack)},
		step{0, "no-egress-rule at twinweb", back},
		step{0, "allowed at twinweb", across},
		step{0, "established at web1", back},
		step{0, "established at twinweb", across.flags(ack)},
	)
}

func TestWhatIsNoSYNMakesNoEntry(t *testing.T) {
	for _, flags := range []uint8{0, ack, synack, finack, rst, flow.FIN, flow.SYN | flow.FIN, flow.SYN | rst, flow.PSH | ack} {
		story(t, world(oneWay),
			step{0, "allowed at db1", ours(flags)},
			step{0, "allowed at db1", ours(flags)},
			step{0, "no-egress-rule at db1", theirs(ack)},
		)
	}
	const ece, cwr = 64, 128
	story(t, world(oneWay),
		step{0, "allowed at db1", ours(flow.SYN | ece | cwr)},
		step{0, "established at web1", theirs(synack)},
	)
}

func TestAnEchoReplyMakesNoEntry(t *testing.T) {
	v := world("web egress icmp 0 to db\ndb ingress icmp 0 from web")
	reply := from(web1).to(db1).icmp(flow.EchoReply, 0)
	reply.packet.DstPort = 7
	story(t, v,
		step{0, "allowed at db1", reply},
		step{0, "allowed at db1", reply},
		step{0, "no-egress-rule at db1", reply.back(db1)},
	)
}

func TestEchoRepliesPairByIdentifier(t *testing.T) {
	other := from(web1).to(db1).ping(8).back(db1)
	for _, id := range []uint16{0, 7, 65535} {
		request := from(web1).to(db1).ping(id)
		story(t, world(oneWay),
			step{0, "allowed at db1", request},
			step{1, "established at web1", request.back(db1)},
			step{1, "no-egress-rule at db1", other},
			// an unsolicited request is no reply, whatever its identifier
			step{1, "no-egress-rule at db1", from(db1).to(web1).ping(id)},
			step{1, "no-egress-rule at db1", from(db1).to(web1).ping(0)},
			step{31, "established at db1", request},
			step{61, "established at web1", request.back(db1)},
			step{92, "no-egress-rule at db1", request.back(db1)},
		)
	}
}

func TestBothEndsPingWithTheSameIdentifier(t *testing.T) {
	v := world("web egress icmp 8 to db\ndb ingress icmp 8 from web\ndb egress icmp 8 to web\nweb ingress icmp 8 from db")
	for _, id := range []uint16{0, 7} {
		ours, theirs := from(web1).to(db1).ping(id), from(db1).to(web1).ping(id)
		story(t, v,
			step{0, "allowed at db1", ours},
			step{0, "allowed at web1", theirs},
			step{30, "established at web1", ours.back(db1)},
			step{30, "established at db1", theirs.back(web1)},
			step{60, "established at db1", ours},
			step{61, "allowed at web1", theirs},
		)
	}
}

func TestOtherICMPIsNeverTracked(t *testing.T) {
	v := world("web egress icmp -1 to db\ndb ingress icmp -1 from web\ndb egress icmp 3 to web")
	story(t, v,
		step{0, "allowed at db1", from(web1).to(db1).ping(0)},
		step{0, "no-ingress-rule at web1", from(db1).to(web1).icmp(3, 4)},
		step{0, "allowed at db1", from(web1).to(db1).icmp(3, 4)},
		step{0, "allowed at db1", from(web1).to(db1).icmp(3, 4)},
		step{0, "no-ingress-rule at web1", from(db1).to(web1).icmp(3, 4)},
		step{0, "no-egress-rule at db1", from(db1).to(web1).icmp(13, 0)},
	)
}

func TestOtherProtocolsPairByAddressAndNumber(t *testing.T) {
	story(t, world(oneWay),
		step{0, "allowed at db1", gre},
		step{600, "established at web1", gre.back(db1)},
		step{600, "no-egress-rule at db1", from(db1).to(web1).protocol(50)},
		step{1201, "no-egress-rule at db1", gre.back(db1)},
	)
}

// Every state lives as long as its timeout says, and not a second longer.
func TestExpiryToTheSecond(t *testing.T) {
	opening := []step{{0, "allowed at db1", syn}}
	established := append(opening, step{0, "established at web1", theirs(synack)})
	closing := append(established, step{0, "established at db1", ours(finack)}, step{0, "established at web1", theirs(finack)})
	reset := append(established, step{0, "established at web1", theirs(rst | ack)})
	once := []step{{0, "allowed at db1", query}, {0, "established at web1", query.back(db1)}}
	stream := append(once, step{0, "established at db1", query}, step{0, "established at web1", query.back(db1)})
	for _, c := range []struct {
		state  policy.ConnState
		before []step
		next   shot
	}{
		{policy.TCPOpening, opening, theirs(synack)},
		{policy.TCPEstablished, established, theirs(ack)},
		{policy.TCPClosing, closing, theirs(ack)},
		{policy.TCPReset, reset, theirs(rst)},
		{policy.UDPExchange, once[:1], query.back(db1)},
		{policy.UDPExchange, once, query.back(db1)},
		{policy.UDPStream, stream, query.back(db1)},
		{policy.ICMPEcho, []step{{0, "allowed at db1", request}}, request.back(db1)},
		{policy.OtherProtocol, []step{{0, "allowed at db1", gre}}, gre.back(db1)},
	} {
		lives := append(c.before[:len(c.before):len(c.before)], step{c.state.Timeout(), "established at web1", c.next})
		story(t, world(oneWay), lives...)
		dead := append(c.before[:len(c.before):len(c.before)], step{c.state.Timeout() + 1, "no-egress-rule at db1", c.next})
		story(t, world(oneWay), dead...)
		if t.Failed() {
			t.Fatalf("in state %s, after %d steps", c.state, len(c.before))
		}
	}
}

func TestTimeouts(t *testing.T) {
	want := map[policy.ConnState]uint32{policy.TCPOpening: 120, policy.TCPEstablished: 432000, policy.TCPClosing: 120, policy.TCPReset: 10,
		policy.UDPExchange: 30, policy.UDPStream: 180, policy.ICMPEcho: 30, policy.OtherProtocol: 600}
	if len(want) != int(policy.ConnStates)-1 {
		t.Errorf("%d states, want %d", policy.ConnStates-1, len(want))
	}
	for state, timeout := range want {
		if state.Timeout() != timeout || state.String() == "" {
			t.Errorf("%s: %d s, want %d", state, state.Timeout(), timeout)
		}
	}
}

func TestEveryPacketKeepsAConnectionAlive(t *testing.T) {
	story(t, world(oneWay),
		step{0, "allowed at db1", syn},
		step{120, "allowed at db1", syn},
		step{240, "established at web1", theirs(flow.PSH)}, // no ACK: still opening
		step{360, "established at web1", theirs(synack)},
		step{360 + 432000, "established at db1", ours(ack)},
	)
}

func TestTimeMayWrap(t *testing.T) {
	story(t, world(oneWay),
		step{0xfffffff0, "allowed at db1", query},
		step{14, "established at web1", query.back(db1)},
		step{44, "established at web1", query.back(db1)},
		step{75, "no-egress-rule at db1", query.back(db1)},
	)
}

func TestOnlyTheOtherEndsACKEstablishes(t *testing.T) {
	story(t, world(oneWay),
		step{0, "allowed at db1", syn},
		step{0, "established at db1", ours(ack)},
		step{121, "no-egress-rule at db1", theirs(ack)},
	)
	story(t, world(oneWay),
		step{0, "allowed at db1", syn},
		step{0, "established at web1", theirs(flow.PSH)}, // no ACK
		step{121, "no-egress-rule at db1", theirs(ack)},
	)
}

func TestAConnectionClosesWhenBothEndsSentFIN(t *testing.T) {
	open := []step{{0, "allowed at db1", syn}, {0, "established at web1", theirs(synack)}}
	story(t, world(oneWay), append(open,
		step{0, "established at db1", ours(finack)},
		step{0, "established at db1", ours(finack)}, // twice from one end is once
		step{1000, "established at web1", theirs(ack)},
		step{1000, "established at web1", theirs(finack)},
		step{1120, "established at db1", ours(ack)},
		step{1241, "no-egress-rule at db1", theirs(ack)},
	)...)
}

func TestASYNOnAClosedConnectionIsANewOne(t *testing.T) {
	closed := []step{
		{0, "allowed at db1", syn}, {0, "established at web1", theirs(synack)},
		{0, "established at db1", ours(finack)}, {0, "established at web1", theirs(finack)},
	}
	reset := []step{{0, "allowed at db1", syn}, {0, "established at web1", theirs(rst | ack)}}
	for _, before := range [][]step{closed, reset} {
		story(t, world(oneWay), append(before[:len(before):len(before)],
			step{1, "allowed at db1", syn},
			step{100, "established at web1", theirs(synack)},
			step{100 + 432000, "established at web1", theirs(ack)},
		)...)
		var tracker policy.Tracker
		tell(t, &tracker, world(oneWay), before...)
		tell(t, &tracker, world(""),
			step{1, "no-egress-rule at web1", syn},
			step{1, "established at db1", ours(ack)},
		)
	}
}

// Ports are used again, by chance or on purpose: the entry of an old connection lets no new one in.
func TestASYNAsksTheRulesWhateverConnectionHasItsPorts(t *testing.T) {
	opening := []step{{0, "allowed at db1", syn}}
	open := []step{{0, "allowed at db1", syn}, {0, "established at web1", theirs(synack)}}
	for _, before := range [][]step{opening, open} {
		var tracker policy.Tracker
		tell(t, &tracker, world(oneWay), before...)
		tell(t, &tracker, world(oneWay),
			step{1, "allowed at db1", syn},
			step{1, "no-egress-rule at db1", theirs(flow.SYN)},
			step{1, "established at web1", theirs(synack)},
		)
		tell(t, &tracker, world(""),
			step{2, "no-egress-rule at web1", syn},
			step{2, "established at db1", ours(ack)},
		)
	}
}

func TestAResetConnectionRevives(t *testing.T) {
	open := []step{{0, "allowed at db1", syn}, {0, "established at web1", theirs(synack)}}
	// a forged RST cuts nothing, because what follows it shows that the connection lives
	story(t, world(oneWay), append(open,
		step{5, "established at web1", theirs(rst)},
		step{15, "established at db1", ours(ack)},
		step{15 + 432000, "established at web1", theirs(ack)},
	)...)
	// ten seconds later it is too late
	story(t, world(oneWay), append(open[:2:2],
		step{5, "established at web1", theirs(rst)},
		step{16, "no-egress-rule at db1", theirs(ack)},
	)...)
	// neither another RST nor a SYN-ACK revives it, and both keep it for ten seconds
	story(t, world(oneWay), append(open[:2:2],
		step{5, "established at web1", theirs(rst)},
		step{15, "established at web1", theirs(rst)},
		step{25, "established at web1", theirs(synack)},
		step{36, "no-egress-rule at db1", theirs(ack)},
	)...)
	// also where it was only opening
	story(t, world(oneWay),
		step{0, "allowed at db1", syn},
		step{0, "established at web1", theirs(rst | ack)},
		step{11, "no-egress-rule at db1", theirs(ack)},
	)
}

func TestAUDPStreamBeginsAtTheSecondExchange(t *testing.T) {
	story(t, world(oneWay),
		step{0, "allowed at db1", query},
		step{0, "established at db1", query},
		step{0, "established at web1", query.back(db1)},
		step{0, "established at web1", query.back(db1)}, // many replies to one request are one exchange
		step{0, "established at db1", query},
		step{30, "established at db1", query},
		step{60, "established at web1", query.back(db1)}, // the second
		step{240, "established at web1", query.back(db1)},
		step{421, "no-egress-rule at db1", query.back(db1)},
	)
	story(t, world(oneWay),
		step{0, "allowed at db1", query},
		step{0, "established at web1", query.back(db1)},
		step{0, "established at db1", query}, // no second reply
		step{31, "no-egress-rule at db1", query.back(db1)},
	)
}

func TestAGateRemembersAlsoWhatALaterStepDrops(t *testing.T) {
	v := world("web egress udp 53 to 0.0.0.0/0\nweb ingress all from web")
	lost := from(web1).to(web2).udp(53)
	story(t, v,
		step{0, "allowed at web2", lost},
		step{0, "established at web1", lost.back(web2)},
	)
	v = world("web egress udp 53 to 0.0.0.0/0\ndb egress all to 0.0.0.0/0")
	lost = from(web1).to(db1).udp(53)
	story(t, v,
		step{0, "no-ingress-rule at db1", lost},
		step{0, "established at web1", lost.back(db1)}, // db1's gate allows it out, web1's waits for it
		step{0, "no-route at web1", from(web1).toPublic(nobody).udp(53)},
	)
}

func TestAPublicConnectionToOneselfIsJudgedAtBothGates(t *testing.T) {
	self := from(web1).toPublic(web1).tcp(80)
	story(t, world("web egress all to 0.0.0.0/0\nweb ingress tcp 80 from 198.18.0.10/32"),
		step{0, "allowed at web1", self},
		step{1, "established at web1", self.flags(ack)},
	)
	story(t, world("web egress all to 0.0.0.0/0"),
		step{0, "no-ingress-rule at web1", self},
		step{1, "no-ingress-rule at web1", self},
	)
}

func TestAFullTableDropsWhatItCannotRemember(t *testing.T) {
	tracker := policy.Tracker{Max: 2}
	tell(t, &tracker, world(oneWay),
		step{0, "allowed at db1", query},                // an entry at each end
		step{0, "table-full at web1", syn},              // no room for another
		step{0, "allowed at db1", ours(ack)},            // needs none
		step{0, "established at web1", query.back(db1)}, // has one
		step{31, "allowed at db1", query},               // takes the place of what it was
		step{62, "table-full at web1", syn},             // expired, and still there
	)
	tracker.Sweep(world(""), 62)
	tell(t, &tracker, world(oneWay), step{62, "allowed at db1", syn})
	tracker.Max = 3
	tell(t, &tracker, world(oneWay), step{62, "table-full at db1", query})
}

func TestSweepForgetsOnlyWhatExpired(t *testing.T) {
	var tracker policy.Tracker
	tell(t, &tracker, world(oneWay), step{0, "allowed at db1", query}, step{1, "allowed at db1", syn})
	tracker.Sweep(world(""), 30)
	tell(t, &tracker, world(""), step{30, "established at web1", query.back(db1)})
	tracker.Sweep(world(""), 61)
	tell(t, &tracker, world(""), step{61, "no-egress-rule at db1", query.back(db1)}, step{61, "established at web1", theirs(synack)})
}

// Sweeping at any time changes no verdict.
func TestSweepingChangesNoVerdict(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		view, traffic, now := policytest.RandomView(r), policytest.Traffic{}, uint32(0)
		var swept, kept policy.Tracker
		for range 200 {
			now += policytest.RandomPause(r)
			from, p := traffic.Next(r, view)
			swept.Sweep(view, now)
			a, b := swept.Judge(view, now, from, p), kept.Judge(view, now, from, p)
			if a != b {
				t.Fatalf("seed %d: from %d %s\nswept %s\n kept %s", seed, from, p, a, b)
			}
			traffic.Saw(view, from, p, a)
		}
	}
}

// What everybody may do, and everything comes back of, is judged packet by packet.
func TestAnUntrackedFlowEndsWithEitherRule(t *testing.T) {
	const in, out = "db ingress tcp 5432 from 0.0.0.0/0\n db ingress udp 53 from 0.0.0.0/0\n", "db egress all to 0.0.0.0/0\n"
	const web = "web egress tcp 5432 to db\n web egress udp 53 to db\n"
	for _, cut := range []struct{ rules, there, back string }{
		{web + out, "no-ingress-rule at db1", "established at web1"}, // what is no SYN begins no connection
		{web + in, "allowed at db1", "no-egress-rule at db1"},
	} {
		var tracker policy.Tracker
		tell(t, &tracker, world(web+in+out),
			step{0, "allowed at db1", syn},
			step{0, "established at web1", theirs(synack)},
			step{0, "allowed at db1", ours(ack)},
			step{0, "allowed at db1", query},
			step{0, "established at web1", query.back(db1)},
			step{0, "allowed at db1", query},
		)
		tell(t, &tracker, world(cut.rules),
			step{1, cut.there, ours(ack)},
			step{1, cut.back, theirs(ack)},
			step{1, cut.there, ours(ack)},
			step{1, cut.there, query},
		)
	}
}

func TestWhatIsTrackedAllTheSame(t *testing.T) {
	const web = "web egress all to db\n"
	for name, c := range map[string]struct {
		rules string
		shot  shot
	}{
		"from some":              {"db ingress tcp 5432 from 10.0.0.0/8\n db egress all to 0.0.0.0/0", syn},
		"from a group":           {"db ingress tcp 5432 from web\n db egress all to 0.0.0.0/0", syn},
		"from both halves":       {"db ingress tcp 5432 from 0.0.0.0/1\n db ingress tcp 5432 from 128.0.0.0/1\n db egress all to 0.0.0.0/0", syn},
		"some ports back":        {"db ingress tcp 5432 from 0.0.0.0/0\n db egress tcp 1-65535 to 0.0.0.0/0", syn},
		"all ports in two rules": {"db ingress tcp 5432 from 0.0.0.0/0\n db egress tcp 0-1023 to 0.0.0.0/0\n db egress tcp 1024-65535 to 0.0.0.0/0", syn},
		"to some":                {"db ingress tcp 5432 from 0.0.0.0/0\n db egress all to 10.0.0.0/8", syn},
		"another protocol back":  {"db ingress tcp 5432 from 0.0.0.0/0\n db egress udp 0-65535 to 0.0.0.0/0", syn},
		"ICMP":                   {"db ingress all from 0.0.0.0/0\n db egress all to 0.0.0.0/0", request},
		"GRE":                    {"db ingress all from 0.0.0.0/0\n db egress all to 0.0.0.0/0", gre},
	} {
		t.Run(name, func(t *testing.T) {
			var tracker policy.Tracker
			tell(t, &tracker, world(web+c.rules), step{0, "allowed at db1", c.shot})
			tell(t, &tracker, world(web), step{1, "established at web1", c.shot.back(db1)})
		})
	}
}

func TestAnAnywhereRuleAmongOthersMakesUntracked(t *testing.T) {
	const web = "web egress all to db\n"
	for _, rules := range []string{
		"db ingress tcp 5432 from web\n db ingress tcp 5000-6000 from 0.0.0.0/0\n db egress tcp 0-65535 to 0.0.0.0/0",
		"db ingress all from 0.0.0.0/0\n db egress tcp 443 to 10.0.0.0/8\n db egress all to 0.0.0.0/0",
	} {
		var tracker policy.Tracker
		tell(t, &tracker, world(web+rules), step{0, "allowed at db1", syn})
		tell(t, &tracker, world(web), step{1, "no-egress-rule at db1", theirs(ack)})
	}
}

// A connection stays as it began, tracked or not.
func TestATrackedConnectionStaysSo(t *testing.T) {
	var tracker policy.Tracker
	const web = "web egress all to db\n"
	tell(t, &tracker, world(web+"db ingress tcp 5432 from web"), step{0, "allowed at db1", syn}, step{0, "established at web1", theirs(synack)})
	tell(t, &tracker, world(web+"db ingress all from 0.0.0.0/0\n db egress all to 0.0.0.0/0"), step{1, "established at db1", ours(ack)})
	tell(t, &tracker, world(web), step{2, "established at db1", ours(ack)})
}

// A prefix list that holds every address is no rule for everywhere.
func TestAPrefixListOfEverywhereIsTracked(t *testing.T) {
	var tracker policy.Tracker
	v := world("web egress all to db\n db ingress tcp 5432 from 0.0.0.0/0\n db egress all to 0.0.0.0/0")
	for g := range v.Groups {
		for r := range v.Groups[g].Ingress {
			v.Groups[g].Ingress[r].Listed = true
		}
	}
	tell(t, &tracker, v, step{0, "allowed at db1", syn})
	tell(t, &tracker, world("web egress all to db"), step{1, "established at db1", ours(ack)})
}

// errorFrom is the ICMP error by which the end answers the shot.
func errorFrom(e end, about shot) shot {
	return shot{e, flow.Packet{SrcMAC: e.mac(), DstMAC: policy.GatewayMAC, Src: e.addr, Dst: about.packet.Src, Protocol: flow.ICMP, ICMPType: flow.Unreachable,
		ICMPCode: 3, Payload: 28, Quote: about.packet.Quoted()}}
}

func TestAnErrorAboutAConnectionPasses(t *testing.T) {
	for _, s := range []shot{syn, query, request, gre} {
		other := errorFrom(db1, s)
		other.packet.Quote.Src = web2.addr
		elsewhere := errorFrom(db1, s) // about a connection of its own, to somebody else: no way out past the rules
		elsewhere.packet.Dst = web2.addr
		story(t, world(oneWay),
			step{0, "no-egress-rule at db1", errorFrom(db1, s)},
			step{0, "allowed at db1", s},
			step{0, "related at web1", errorFrom(db1, s)},
			step{0, "related at db1", errorFrom(web1, s.back(db1))},
			step{0, "no-egress-rule at web2", errorFrom(web2, s)}, // it is about nothing of its own
			step{0, "no-egress-rule at db1", other},
			step{0, "no-egress-rule at db1", elsewhere},
		)
	}
}

// An error keeps no connection alive, and is about none that is over.
func TestAnErrorIsNoTraffic(t *testing.T) {
	story(t, world(oneWay),
		step{0, "allowed at db1", query},
		step{30, "related at web1", errorFrom(db1, query)},
		step{31, "no-egress-rule at db1", errorFrom(db1, query)},
	)
}

func TestAnErrorAboutWhatIsUntrackedNeedsARule(t *testing.T) {
	const open = "web egress tcp 5432 to db\n db ingress all from 0.0.0.0/0\n"
	story(t, world(open+"db egress tcp 0-65535 to 0.0.0.0/0"),
		step{0, "allowed at db1", syn},
		step{0, "no-egress-rule at db1", errorFrom(db1, syn)},
	)
	story(t, world(open+"db egress all to 0.0.0.0/0"),
		step{0, "allowed at db1", syn},
		step{0, "related at web1", errorFrom(db1, syn)}, // out of db1 by the rule
	)
}

// Through the internet gateway what is quoted is translated with the rest: each end sees the packet as it sent it.
func TestErrorsThroughTheInternetGateway(t *testing.T) {
	v := world("web ingress tcp 80 from 198.18.0.1/32\n web egress tcp 443 to 198.18.0.1/32")
	var tracker policy.Tracker
	in := from(host).toPublic(web1).tcp(80)
	delivered := tracker.Judge(v, 0, 0, in.packet)
	got := tracker.Judge(v, 0, web1.num, errorFrom(web1, shot{web1, delivered.Packet}).packet)
	if got.Reason != policy.Related || got.To != 0 || got.Packet.Src != web1.public || got.Packet.Quote != in.packet.Quoted() {
		t.Errorf("out: %s", got)
	}
	out := from(web1).to(host).tcp(443)
	delivered = tracker.Judge(v, 0, web1.num, out.packet)
	back := errorFrom(host, shot{web1, delivered.Packet})
	got = tracker.Judge(v, 0, 0, back.packet)
	if got.Reason != policy.Related || got.To != web1.num || got.Packet.Dst != web1.addr || got.Packet.Quote != out.packet.Quoted() {
		t.Errorf("in: %s", got)
	}
}

// What one interface opens beyond its share takes nothing of another's.
func TestAFloodCostsOthersNothing(t *testing.T) {
	v := world("web egress udp 1-1000 to 0.0.0.0/0")
	tracker := policy.Tracker{Guaranteed: 2, Shared: 3}
	send := func(e end, port uint16) policy.Reason {
		s := from(e).toAddr("203.0.113.9").udp(port)
		return tracker.Judge(v, 0, e.num, s.packet).Reason
	}
	for port := range uint16(8) {
		want := policy.NotForwarded // out of web1 it gets
		if port >= 5 {
			want = policy.Allowance
		}
		if got := send(web1, 1+port); got != want {
			t.Errorf("connection %d of web1: %s, want %s", port, got, want)
		}
	}
	for port, want := range []policy.Reason{policy.NotForwarded, policy.NotForwarded, policy.Allowance} {
		if got := send(web2, uint16(1+port)); got != want {
			t.Errorf("connection %d of web2: %s, want %s", port, got, want)
		}
	}
	if got := send(web1, 1); got != policy.NotForwarded {
		t.Errorf("one that is known: %s", got)
	}
	tracker.Sweep(v, 31)
	if got := tracker.Judge(v, 31, web1.num, from(web1).toAddr("203.0.113.9").udp(9).packet).Reason; got != policy.NotForwarded {
		t.Errorf("after they expired and were swept: %s", got)
	}
}

// An interface may say how long its connections may be silent, to the second; the others' stay as they are.
func TestTimeoutsOfAnInterface(t *testing.T) {
	v := world(oneWay)
	for i := range v.Interfaces {
		if v.Interfaces[i].Num == web1.num {
			v.Interfaces[i].Timeouts = policy.Timeouts{TCPEstablished: 60, UDP: 45, UDPStream: 61}
		}
	}
	open := []step{{0, "allowed at db1", syn}, {0, "established at web1", theirs(synack)}}
	story(t, v, append(open, step{60, "established at web1", theirs(ack)})...)
	story(t, v, append(open, step{61, "no-ingress-rule at web1", theirs(ack)})...)
	story(t, v, append(open, step{61, "allowed at db1", syn}, step{61, "established at web1", theirs(synack)})...)
	reply := query.back(db1)
	story(t, v, step{0, "allowed at db1", query}, step{30, "established at web1", reply}, step{75, "no-egress-rule at db1", reply})
	stream := []step{{0, "allowed at db1", query}, {0, "established at web1", reply}, {0, "established at db1", query}, {0, "established at web1", reply}}
	story(t, v, append(stream, step{61, "established at web1", reply})...)
	story(t, v, append(stream, step{62, "no-ingress-rule at web1", reply})...)
}

// Whatever one end alone sends, a connection that nobody answered does not live for days.
func TestOneEndAloneMakesNoConnection(t *testing.T) {
	story(t, world(oneWay),
		step{0, "allowed at db1", syn},
		step{0, "established at db1", ours(rst)},
		step{0, "established at db1", ours(ack)},
		step{120, "established at db1", ours(ack)},
		step{241, "no-egress-rule at db1", theirs(ack)},
		step{241, "allowed at db1", ours(ack)},
	)
}

// An address passes from one interface to another: the connections do not.
func TestAConnectionIsWithOneInterface(t *testing.T) {
	heir := end{"heir", 7, db1.addr, db1.public}
	inherited := func(rules string) *policy.View {
		v := world(rules)
		v.Interfaces = append(slices.DeleteFunc(v.Interfaces, func(i policy.Interface) bool { return i.Num == db1.num }), heir.in(100, "subnet-closed", "db"))
		return v
	}
	const heirMaySend = "db egress all to web"
	for _, first := range []shot{query, gre, request} {
		for _, s := range []struct {
			name, rules string
			before      []step
			want        string // of what the heir sends
		}{
			{"the old one answered", oneWay, []step{{0, "allowed at db1", first}, {0, "established at web1", first.back(db1)}}, "no-ingress-rule at web1"},
			{"it was reached", oneWay, []step{{0, "allowed at db1", first}, {0, "established at db1", first}}, "no-ingress-rule at web1"},
			{"nobody was reached yet", "web egress all to db", []step{{0, "no-ingress-rule at db1", first}}, "established at web1"},
		} {
			var tracker policy.Tracker
			tell(t, &tracker, world(s.rules), s.before...)
			tell(t, &tracker, inherited(heirMaySend), step{1, s.want, first.back(heir)})
			// web1 itself goes on with who has the address now: that one may answer.
			verdict := tracker.Judge(inherited(oneWay), 1, web1.num, first.packet)
			if !verdict.Allow || verdict.To != heir.num {
				t.Errorf("%s: %s: what web1 sends on is %s", first.packet, s.name, verdict)
			}
			tell(t, &tracker, inherited(""), step{1, "established at web1", first.back(heir)})
		}
	}
}

// So it is where the old one began it.
func TestTheHeirOfAnAddressBeginsAnew(t *testing.T) {
	heir := end{"heir", 7, web1.addr, web1.public}
	var tracker policy.Tracker
	tell(t, &tracker, world(oneWay), step{0, "allowed at db1", query})
	v := world("web egress all to db")
	v.Interfaces = append(v.Interfaces[1:], heir.in(100, "subnet-open", "web"))
	tell(t, &tracker, v, step{1, "no-ingress-rule at db1", shot{heir, flow.Packet{SrcMAC: heir.mac(), DstMAC: policy.GatewayMAC, Src: heir.addr}}.to(db1).udp(53)})
}

// What an interface without the source/destination check forwards comes from whoever has the address.
func TestWhatIsForwardedIsOfTheConnection(t *testing.T) {
	var tracker policy.Tracker
	forwarded := query.back(db1)
	forwarded.sender, forwarded.packet.SrcMAC = router, router.mac()
	v := world(oneWay + "\n router egress all to 0.0.0.0/0")
	tell(t, &tracker, v,
		step{0, "allowed at db1", query},
		step{0, "established at web1", query.back(db1)},
		step{0, "established at web1", forwarded},
		step{0, "established at web1", query.back(db1)},
	)
}

func TestConnectionsUnderWayAreTakenForBegun(t *testing.T) {
	rules := "web egress tcp 5432 to db\n db ingress tcp 5432 from web"
	for _, s := range []struct {
		flags uint8
		taken bool
	}{{ack, true}, {ack | flow.PSH, true}, {synack, true}, {finack, false}, {rst | ack, false}, {0, false}} {
		for _, late := range []bool{false, true} {
			tracker := policy.Tracker{Adopt: map[uint32]uint32{web1.num: 60, db1.num: 60}}
			at, want := uint32(59), "no-egress-rule at db1"
			if late {
				at = 60
			} else if s.taken {
				want = "established at web1"
			}
			tell(t, &tracker, world(rules),
				step{0, "no-egress-rule at db1", theirs(ack)},
				step{at, "allowed at db1", ours(s.flags)},
				step{at, want, theirs(ack)},
			)
			if s.taken && !late {
				tell(t, &tracker, world(""), step{at + 432000, "established at db1", ours(ack)})
			}
		}
	}
}
