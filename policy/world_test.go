package policy_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// The world of these tests: two VPCs with equal addresses. In the first, web1, web2 and the router are
// in a subnet with a way to the internet, db1 is in one without; the second has their twins.
var (
	web1    = end{"web1", 1, addr("10.0.1.10"), addr("198.18.0.10")}
	web2    = end{"web2", 2, addr("10.0.1.11"), addr("198.18.0.11")}
	db1     = end{"db1", 3, addr("10.0.2.10"), addr("198.18.0.12")}
	twinweb = end{"twinweb", 4, addr("10.0.1.10"), addr("198.18.0.20")}
	twindb  = end{"twindb", 5, addr("10.0.2.10"), netip.Addr{}}
	router  = end{"router", 6, addr("10.0.1.20"), netip.Addr{}}
	host    = end{"host", 0, addr("198.18.0.1"), addr("198.18.0.1")}
	nobody  = end{"nobody", 99, addr("10.0.1.99"), addr("198.18.0.99")}
)

var groups = map[string]struct{ num, vpc uint32 }{
	"web": {11, 100}, "db": {12, 100}, "router": {13, 100}, "twin": {21, 200},
}

func world(rules string) *policy.View {
	open := []policy.Route{{Destination: prefix("0.0.0.0/0"), Target: policy.Internet}, {Destination: prefix("10.0.0.0/16"), Target: policy.Local},
		{Destination: prefix("198.18.0.99/32"), Target: policy.Nowhere}}
	closed := []policy.Route{{Destination: prefix("10.0.0.0/16"), Target: policy.Local}, {Destination: prefix("192.0.2.0/24"), Target: policy.Internet}}
	v := &policy.View{
		Revision: 1,
		Public:   prefix("198.18.0.0/24"),
		Interfaces: []policy.Interface{
			web1.in(100, "subnet-open", "web"), web2.in(100, "subnet-open", "web"), db1.in(100, "subnet-closed", "db"),
			twinweb.in(200, "subnet-twinopen", "twin"), twindb.in(200, "subnet-twinclosed", "twin"), router.in(100, "subnet-open", "router"),
		},
		Subnets: []policy.Subnet{
			{ID: "subnet-closed", VPC: 100, CIDR: prefix("10.0.2.0/24"), Routes: closed, ACL: policytest.AllowAll},
			{ID: "subnet-open", VPC: 100, CIDR: prefix("10.0.1.0/24"), Routes: open, ACL: policytest.AllowAll},
			{ID: "subnet-twinclosed", VPC: 200, CIDR: prefix("10.0.2.0/24"), Routes: closed, ACL: policytest.AllowAll},
			{ID: "subnet-twinopen", VPC: 200, CIDR: prefix("10.0.1.0/24"), Routes: open, ACL: policytest.AllowAll},
		},
	}
	v.Interfaces[5].SourceDestCheck = false
	for name, g := range groups {
		v.Groups = append(v.Groups, policy.Group{Num: g.num, ID: "sg-" + name})
	}
	slices.SortFunc(v.Groups, func(a, b policy.Group) int { return cmp.Compare(a.Num, b.Num) })
	for line := range strings.Lines(rules) {
		if strings.TrimSpace(line) != "" {
			allow(v, strings.TrimSpace(line))
		}
	}
	for _, i := range v.Interfaces { // more members than the rules name hurt nobody
		v.Members = append(v.Members, policy.Member{VPC: i.VPC, Addr: i.Addr, Groups: i.Groups})
	}
	return v
}

// allow adds a rule: "db ingress tcp 5432 from web", "web egress icmp 8/0 to 10.0.0.0/8", "db egress all to db".
// Its id is the text.
func allow(v *policy.View, text string) {
	words := strings.Fields(text)
	r := policy.Rule{ID: strings.Join(words, " "), What: policy.What{Protocol: -1, From: -1, To: -1}}
	if n := len(words) - 1; groups[words[n]].num != 0 {
		r.Group = groups[words[n]].num
	} else {
		r.CIDR = prefix(words[n])
	}
	switch words[2] {
	case "tcp", "udp":
		r.What = policy.What{Protocol: map[string]int{"tcp": flow.TCP, "udp": flow.UDP}[words[2]], From: 0, To: 65535}
	case "icmp":
		r.What.Protocol = flow.ICMP
	case "all":
	default:
		r.What.Protocol = number(words[2])
	}
	if len(words) == 6 {
		from, to, ranged := strings.Cut(words[3], map[bool]string{true: "/", false: "-"}[words[2] == "icmp"])
		r.What.From, r.What.To = number(from), number(from)
		switch {
		case ranged:
			r.What.To = number(to)
		case words[2] == "icmp":
			r.What.To = -1
		}
	}
	for n := range v.Groups {
		if g := &v.Groups[n]; g.Num == groups[words[0]].num {
			if words[1] == "egress" {
				g.Egress = append(g.Egress, r)
			} else {
				g.Ingress = append(g.Ingress, r)
			}
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// An end sends or gets packets.
type end struct {
	name         string
	num          uint32
	addr, public netip.Addr
}

func (e end) mac() flow.MAC { return flow.MAC{0x0a, 0, 0, 0, 0, byte(e.num)} }

func (e end) in(vpc uint32, subnet, group string) policy.Interface {
	return policy.Interface{Num: e.num, ID: "eni-" + e.name, VPC: vpc, Subnet: subnet, MAC: e.mac(), Addr: e.addr, Public: e.public,
		Groups: []uint32{groups[group].num}, SourceDestCheck: true}
}

// A shot is a packet on its way from an end.
type shot struct {
	sender end
	packet flow.Packet
}

func from(e end) shot {
	return shot{e, flow.Packet{SrcMAC: e.mac(), DstMAC: policy.GatewayMAC, Src: e.addr}}
}

func (s shot) to(e end) shot           { s.packet.Dst = e.addr; return s }
func (s shot) toPublic(e end) shot     { s.packet.Dst = e.public; return s }
func (s shot) toAddr(a string) shot    { s.packet.Dst = addr(a); return s }
func (s shot) as(a string) shot        { s.packet.Src = addr(a); return s }
func (s shot) withMAC(m flow.MAC) shot { s.packet.SrcMAC = m; return s }
func (s shot) tcp(port uint16) shot    { return s.on(flow.TCP, port).flags(flow.SYN) }
func (s shot) udp(port uint16) shot    { return s.on(flow.UDP, port) }
func (s shot) flags(f uint8) shot      { s.packet.TCPFlags = f; return s }
func (s shot) protocol(n uint8) shot   { s.packet.Protocol = n; return s }

func (s shot) on(protocol uint8, port uint16) shot {
	s.packet.Protocol, s.packet.SrcPort, s.packet.DstPort = protocol, 40000, port
	return s
}

func (s shot) icmp(kind, code uint8) shot {
	s.packet.Protocol, s.packet.ICMPType, s.packet.ICMPCode = flow.ICMP, kind, code
	return s
}

func (s shot) ping(id uint16) shot {
	s.packet.SrcPort = id
	return s.icmp(flow.EchoRequest, 0)
}

// back is what the end that gets the shot by private addresses sends back.
func (s shot) back(receiver end) shot {
	s.packet = s.packet.Reverse()
	s.sender, s.packet.SrcMAC = receiver, receiver.mac()
	if s.packet.Protocol == flow.TCP {
		s.packet.TCPFlags = flow.ACK
	}
	return s
}

// outcome is the verdict in words: "allowed at db1", "no-egress-rule at web1".
func outcome(v policy.Verdict) string {
	return v.Reason.String() + " at " + named(v.Interface)
}

func named(num uint32) string {
	for _, e := range []end{web1, web2, db1, twinweb, twindb, router, host} {
		if e.num == num {
			return e.name
		}
	}
	return fmt.Sprintf("%d", num)
}

// A row is one packet that belongs to no connection, and what becomes of it.
type row struct {
	name string
	want string
	shot shot
}

func judge(t *testing.T, v *policy.View, rows []row) {
	t.Helper()
	for _, r := range rows {
		verdict := policy.Evaluate(v, r.shot.sender.num, r.shot.packet)
		if got := outcome(verdict); got != r.want {
			t.Errorf("%s: from %s %s\n got %s\nwant %s", r.name, r.shot.sender.name, r.shot.packet, got, r.want)
		}
		if verdict.Allow == verdict.Reason.Drops() {
			t.Errorf("%s: Allow is %v, and the reason %s", r.name, verdict.Allow, verdict.Reason)
		}
	}
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
