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
	passed bool // or it is the answer to what did
}

// remembered is how many packets a Traffic goes back to.
const remembered = 24

// Next makes the next packet and who sends it.
func (t *Traffic) Next(r *rand.Rand, v *policy.View) (from uint32, p flow.Packet) {
	if len(t.known) == 0 || r.IntN(3) == 0 {
		return RandomPacket(r, v)
	}
	s := one(r, t.known...)
	if r.IntN(8) == 0 {
		return s.sender(v), errorAbout(r, s.packet.Reverse())
	}
	if s.packet.Protocol == flow.TCP {
		s.packet.TCPFlags = RandomFlags(r)
	}
	if r.IntN(12) == 0 {
		t.piece(r, &s.packet)
	}
	return s.sender(v), s.packet
}

// sender is who would send the packet now: the interface that has its MAC, if it is not the one that had it.
func (s sent) sender(v *policy.View) uint32 {
	for _, i := range v.Interfaces {
		if i.MAC == s.packet.SrcMAC {
			return i.Num
		}
	}
	return s.from
}

// piece makes the packet a fragment: mostly of one whose first piece may have been sent not long ago.
func (t *Traffic) piece(r *rand.Rand, p *flow.Packet) {
	p.Fragment = flow.Fragment{ID: one(r, uint32(7), 7, 7, 7+64, 8), More: true}
	if p.Src.Is6() {
		p.Fragment.ID = one(r, p.Fragment.ID, 7+1<<16, 7+1<<31)
	}
	if r.IntN(2) == 0 {
		return
	}
	p.Fragment.Offset, p.Fragment.More = one(r, 24, 32, 1480, 65528), r.IntN(2) == 0
	p.SrcPort, p.DstPort, p.TCPFlags, p.ICMPType, p.ICMPCode, p.Quote = 0, 0, 0, 0, 0, flow.Quote{}
}

// errorAbout is an ICMP error by which the receiver of the packet, or somebody on its way, answers it.
func errorAbout(r *rand.Rand, about flow.Packet) flow.Packet {
	p := flow.Packet{SrcMAC: about.DstMAC, DstMAC: about.SrcMAC, Src: about.Dst, Dst: about.Src, Protocol: flow.ICMP, ICMPType: one(r, uint8(flow.Unreachable), flow.Unreachable, flow.TimeExceeded, flow.ParameterProblem, 5),
		ICMPCode: one(r, uint8(0), 1, 3, 4), Payload: one(r, 28, 28, 29, 100, 548)}
	if p.Src.Is6() {
		p.Protocol, p.ICMPType, p.Payload = flow.ICMPv6, one(r, uint8(flow.UnreachableV6), flow.TooBigV6, flow.TooBigV6, flow.TimeExceededV6, flow.ParameterProblemV6, 5), p.Payload+20
	}
	p.Quote = about.Quoted()
	switch r.IntN(12) { // not quite what was sent
	case 0:
		p.Quote.SrcPort++
	case 1:
		p.Quote.Src, p.Quote.Dst = p.Quote.Dst, p.Quote.Src
	case 3: // to somebody else than who sent it
		p.Dst = about.Dst.Next()
	case 2:
		p.Quote.Protocol = one(r, uint8(flow.TCP), flow.UDP, flow.ICMP, flow.ICMPv6, 47)
	}
	if p.Quote.Protocol != flow.TCP && p.Quote.Protocol != flow.UDP { // such as Parse would read
		q := p.Quote
		p.Quote.SrcPort, p.Quote.DstPort = 0, 0
		if q.Packet().Asks() {
			p.Quote.SrcPort = q.SrcPort
		} else if q.Packet().Answers() {
			p.Quote.DstPort = q.DstPort
		}
	}
	if !p.Quote.Packet().IsICMP() {
		p.Quote.ICMPType = 0
	}
	if !p.Error() {
		p.Quote = flow.Quote{}
	}
	return p
}

// Saw tells what became of a packet. The same may be sent again from now on, and the answer to it:
// by its receiver, or, where it was dropped on the way, by whoever has the address.
func (t *Traffic) Saw(v *policy.View, from uint32, p flow.Packet, verdict policy.Verdict) {
	if verdict.Allow {
		t.remember(sent{from, p, true})
		t.remember(sent{verdict.To, verdict.Packet.Reverse(), true})
		return
	}
	if verdict.Reason != policy.NoIngressRule && len(t.known) > remembered/2 {
		return // most such packets leave nothing behind that an answer could meet
	}
	t.remember(sent{from, p, false})
	var sender policy.Interface
	for _, i := range v.Interfaces {
		if i.Num == from {
			sender = i
		}
	}
	back := p.Reverse()
	for _, i := range v.Interfaces {
		switch {
		case i.VPC == sender.VPC && i.Has(p.Dst):
			back.SrcMAC = i.MAC
			t.remember(sent{i.Num, back, false})
		case i.Public.IsValid() && i.Public == p.Dst:
			back.SrcMAC, back.Src = i.MAC, i.Addr
			if sender.Public.IsValid() {
				back.Dst = sender.Public
			}
			t.remember(sent{i.Num, back, false})
		case p.Dst.Is6() && i.Has(p.Dst):
			back.SrcMAC = i.MAC
			t.remember(sent{i.Num, back, false})
		}
	}
	if public := sender.OnInternet(p.Src); from != 0 && public.IsValid() && p.Dst == v.Host(p.Dst) {
		back.Dst = public
		t.remember(sent{0, back, false})
	}
}

func (t *Traffic) remember(s sent) {
	if t.known = append(t.known, s); len(t.known) > remembered {
		t.known = t.known[1:]
	}
}
