package policy

import (
	"cmp"
	"net/netip"

	"crenel/flow"
)

// A Tracker remembers the connections of interfaces, and which packets came in pieces. Its zero value remembers none yet. It is for
// one goroutine at a time, and for any number of Views: a connection outlives the rule that allowed it.
type Tracker struct {
	// Max is how many connections can be remembered, those included that expired since the last Sweep; 0: any number.
	Max int
	// Of them each interface may have as many as are Guaranteed to it, and all together as many more as are Shared. Where
	// Guaranteed is 0, each may have any number.
	Guaranteed, Shared int
	// Adopt is until when connections that are under way are taken for begun, by the interface's Num: of those whose packets
	// nobody judged before.
	Adopt map[uint32]uint32

	entries   map[key]*entry
	used      map[uint32]int // by interface
	shared    int
	fragments fragments
}

// A key is a connection as its interface sees it: the packets of both directions have the same one.
type key struct {
	num                   uint32 // the interface's
	local, remote         netip.Addr
	localPort, remotePort uint16
	protocol              uint8
	// asked is who sent the ICMP echo request. The identifier alone would say so, were it never 0:
	// and a request from the other end is no reply.
	asked direction
}

// An entry is what is known of a connection.
type entry struct {
	state    ConnState
	opened   direction // of the packet that made it
	other    uint32    // the Num of the interface that has the other end's address, and sent or got a packet; 0: none, or not known
	seen     uint32    // when the last packet passed
	fin      [2]bool   // TCP: FIN was seen in the direction
	wasOpen  bool      // TCP: it was established once
	answered bool      // UDP: a reply was seen
	again    bool      // UDP: and a request after it
}

// A ConnState is how far a connection is; how long it may be silent follows from it.
type ConnState uint8

const (
	TCPOpening ConnState = iota + 1
	TCPEstablished
	TCPClosing // both ends sent FIN
	TCPReset
	UDPExchange // traffic in one direction, or one exchange
	UDPStream
	ICMPEcho
	OtherProtocol

	ConnStates // one more than the last
)

var connStates = [ConnStates]struct {
	name    string
	timeout uint32
}{
	TCPOpening:     {"tcp-opening", 120},
	TCPEstablished: {"tcp-established", 432000},
	TCPClosing:     {"tcp-closing", 120},
	TCPReset:       {"tcp-reset", 10},
	UDPExchange:    {"udp", 30},
	UDPStream:      {"udp-stream", 180},
	ICMPEcho:       {"icmp-echo", 30},
	OtherProtocol:  {"other", 600},
}

func (s ConnState) String() string {
	if s < ConnStates {
		return connStates[s].name
	}
	return "unknown"
}

// Timeout is how many seconds a connection in the state may be silent, unless its interface says otherwise.
// AWS's where AWS says, else Linux's. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
func (s ConnState) Timeout() uint32 {
	if s < ConnStates {
		return connStates[s].timeout
	}
	return 0
}

// hit tells whether the packet belongs to a live connection, and notes that it passed. A connection is with one interface:
// another one that has the address by now is a stranger.
func (t *Tracker) hit(now uint32, c crossing) bool {
	k, ok := c.key()
	if !ok || c.packet.Protocol == flow.TCP && c.begins() {
		return false // a SYN asks the rules, even on the ports of a connection that is not over
	}
	e := t.entries[k]
	if e == nil || e.expired(now, c.at) || c.sender != 0 && e.other != 0 && e.other != c.sender {
		return false
	}
	e.other = cmp.Or(e.other, c.sender)
	e.pass(c)
	e.seen = now
	return true
}

// reached notes which interface got the packet of a known connection: that one may answer.
func (t *Tracker) reached(c crossing, receiver *Interface) {
	if k, ok := c.key(); ok {
		t.entries[k].other = receiver.Num
	}
}

// related tells whether the packet is an ICMP error about one that a live connection sent or got. It does not count as
// traffic of the connection. What is untracked has no connection: errors about that need a rule.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
func (t *Tracker) related(now uint32, c crossing) bool {
	if q := c.packet.Quote; !q.IsValid() || q.Src != c.packet.Dst {
		return false // an error goes to who sent what it is about, and to nobody else
	}
	c.packet, c.direction = c.packet.Quote.Packet(), c.direction.other() // it went the other way
	k, ok := c.key()
	if !ok {
		return false
	}
	e := t.entries[k]
	return e != nil && !e.expired(now, c.at)
}

// open remembers the connection that the packet begins, if it begins one, or says why there is no room.
func (t *Tracker) open(now uint32, c crossing) Reason {
	k, ok := c.key()
	adopted := c.underWay() && int32(t.Adopt[c.at.Num]-now) > 0 && t.Adopt[c.at.Num] != 0
	if !ok || !c.begins() && !adopted {
		return Allowed
	}
	if t.entries == nil {
		t.entries, t.used = map[key]*entry{}, map[uint32]int{}
	}
	if _, known := t.entries[k]; !known { // else it takes the place of one that is over
		switch beyond := t.Guaranteed > 0 && t.used[k.num] >= t.Guaranteed; {
		case beyond && t.shared >= t.Shared:
			return Allowance
		case t.Max > 0 && len(t.entries) >= t.Max:
			return TableFull
		case beyond:
			t.shared++
		}
		t.used[k.num]++
	}
	e := &entry{state: first(c.packet), opened: c.direction, other: c.sender, seen: now}
	if adopted {
		e.state, e.wasOpen = TCPEstablished, true
	}
	t.entries[k] = e
	return Allowed
}

// Sweep forgets the connections of the View's interfaces that expired, and those of others after the usual time. No verdict
// depends on it but TableFull and Allowance.
func (t *Tracker) Sweep(v *View, now uint32) {
	at := map[uint32]*Interface{}
	for i := range v.Interfaces {
		at[v.Interfaces[i].Num] = &v.Interfaces[i]
	}
	for k, e := range t.entries {
		if e.expired(now, cmp.Or(at[k.num], &Interface{})) {
			delete(t.entries, k)
			t.used[k.num]--
		}
	}
	t.shared = 0
	for _, n := range t.used {
		t.shared += max(0, n-t.Guaranteed)
	}
}

// expired tells whether the connection, which the interface has, was silent for too long.
func (e *entry) expired(now uint32, at *Interface) bool { return now-e.seen > at.Timeout(e.state) }

// key is what the connection of the packet is remembered by; false: such packets have none.
func (c crossing) key() (key, bool) {
	p := c.packet
	if p.IsICMP() && !p.Echo() {
		return key{}, false
	}
	k := key{num: c.at.Num, local: p.Src, remote: p.Dst, localPort: p.SrcPort, remotePort: p.DstPort, protocol: p.Protocol}
	if c.direction == in {
		k.local, k.remote, k.localPort, k.remotePort = k.remote, k.local, k.remotePort, k.localPort
	}
	if p.Echo() {
		k.asked = c.direction
		if p.Answers() {
			k.asked = c.direction.other()
		}
	}
	return k, true
}

// begins tells whether the packet can be the first of a connection. What is no SYN, or a reply, may
// pass by a rule and still begins none.
func (c crossing) begins() bool {
	switch {
	case c.packet.Protocol == flow.TCP:
		return c.packet.TCPFlags&(flow.SYN|flow.ACK|flow.RST|flow.FIN) == flow.SYN
	case c.packet.IsICMP():
		return c.packet.Asks()
	}
	return true
}

// underWay tells whether the packet, of TCP, is of a connection that was begun before and is not over.
func (c crossing) underWay() bool {
	return c.packet.Protocol == flow.TCP && c.packet.TCPFlags&(flow.ACK|flow.RST|flow.FIN) == flow.ACK
}

// first is the state of a connection that the packet begins.
func first(p flow.Packet) ConnState {
	switch {
	case p.Protocol == flow.TCP:
		return TCPOpening
	case p.Protocol == flow.UDP:
		return UDPExchange
	case p.IsICMP():
		return ICMPEcho
	}
	return OtherProtocol
}

// pass takes the connection on by a packet of it.
func (e *entry) pass(c crossing) {
	reply := c.direction != e.opened
	switch c.packet.Protocol {
	case flow.TCP:
		e.passTCP(c, reply)
	case flow.UDP:
		e.passUDP(reply)
	}
}

// passTCP: each packet has the first effect that applies to it. Sequence numbers are not looked at, so
// a RST may be forged: what goes on afterwards shows it.
func (e *entry) passTCP(c crossing, reply bool) {
	has := func(flag uint8) bool { return c.packet.TCPFlags&flag != 0 }
	switch {
	case has(flow.RST):
		e.state = TCPReset
	case e.state == TCPReset && !has(flow.SYN) && e.wasOpen:
		e.state = TCPEstablished
	case e.state == TCPReset && !has(flow.SYN):
		e.state = TCPOpening // one end alone makes no connection, whatever it sends
	case has(flow.FIN):
		e.fin[c.direction] = true
		if e.fin[in] && e.fin[out] {
			e.state = TCPClosing
		}
	case e.state == TCPOpening && reply && has(flow.ACK):
		e.state, e.wasOpen = TCPEstablished, true
	}
}

// passUDP: request, reply, request, reply make a stream.
func (e *entry) passUDP(reply bool) {
	switch {
	case reply && e.again:
		e.state = UDPStream
	case reply:
		e.answered = true
	case e.answered:
		e.again = true
	}
}
