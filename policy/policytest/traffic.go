package policytest

import (
	"math/rand/v2"

	"crenel/flow"
	"crenel/policy"
)

// Traffic is packets that belong together: it remembers what was sent and what arrived, and sends
// more of the same, and answers. The zero value remembers nothing.
type Traffic struct{ known []sent }

type sent struct {
	from   uint32
	packet flow.Packet
}

// remembered is how many packets a Traffic goes back to.
const remembered = 24

// Next makes the next packet and who sends it.
func (t *Traffic) Next(r *rand.Rand, v *policy.View) (from uint32, p flow.Packet) {
	if len(t.known) == 0 || r.IntN(3) == 0 {
		return RandomPacket(r, v)
	}
	s := one(r, t.known...)
	if s.packet.Protocol == flow.TCP {
		s.packet.TCPFlags = RandomFlags(r)
	}
	return s.from, s.packet
}

// Saw tells what became of a packet. The same may be sent again from now on, and the answer to it:
// by its receiver, or, where it was dropped on the way, by whoever has the address.
func (t *Traffic) Saw(v *policy.View, from uint32, p flow.Packet, verdict policy.Verdict) {
	if verdict.Allow {
		t.remember(sent{from, p})
		t.remember(sent{verdict.To, verdict.Packet.Reverse()})
		return
	}
	if verdict.Reason != policy.NoIngressRule && len(t.known) > remembered/2 {
		return // most such packets leave nothing behind that an answer could meet
	}
	t.remember(sent{from, p})
	var sender policy.Interface
	for _, i := range v.Interfaces {
		if i.Num == from {
			sender = i
		}
	}
	back := p.Reverse()
	for _, i := range v.Interfaces {
		switch {
		case i.VPC == sender.VPC && i.Addr == p.Dst:
			back.SrcMAC = i.MAC
			t.remember(sent{i.Num, back})
		case i.Public.IsValid() && i.Public == p.Dst:
			back.SrcMAC, back.Src = i.MAC, i.Addr
			if sender.Public.IsValid() {
				back.Dst = sender.Public
			}
			t.remember(sent{i.Num, back})
		}
	}
	if from != 0 && sender.Public.IsValid() && p.Dst == v.Host() {
		back.Dst = sender.Public
		t.remember(sent{0, back})
	}
}

func (t *Traffic) remember(s sent) {
	if t.known = append(t.known, s); len(t.known) > remembered {
		t.known = t.known[1:]
	}
}
