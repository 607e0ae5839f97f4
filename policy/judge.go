package policy

import (
	"errors"
	"fmt"
	"net/netip"

	"crenel/flow"
)

// A Verdict says what becomes of a packet, and why.
type Verdict struct {
	Allow  bool
	Reason Reason
	// Interface is the Num of the interface whose gate or check decided, of a packet that passed the
	// last gate that it crossed; 0: the internet's side decided.
	Interface uint32
	To        uint32         // the Num of the interface that gets it, 0: the host; valid iff Allow
	Packet    flow.Packet    // as it is delivered; valid iff Allow and not Answered
	Answer    flow.ARPPacket // as it is delivered; valid iff Answered, of ARP
	Neighbour flow.NDPacket  // the same of neighbour discovery
	Entry     int            // the number of the network ACL's entry that dropped it; 0: none did
	Rule      string         // the id of the rule that the last gate allowed it by; "" where it asked none
}

// GatewayMAC is the address of the gateway of every subnet.
var GatewayMAC = flow.MAC{2, 0, 0, 0, 0, 1}

// Evaluate judges a packet that belongs to no connection: see Tracker.Judge.
func Evaluate(v *View, from uint32, p flow.Packet) Verdict {
	return new(Tracker).Judge(v, 0, from, p)
}

// JudgeFrame judges what the interface with the Num from sends; 0: what the internet, which is the
// host, sends. Time is in seconds, from whenever.
func (t *Tracker) JudgeFrame(v *View, now, from uint32, frame []byte) Verdict {
	sender, ok := hook(v, from)
	if !ok {
		return drop(NoInterface, 0)
	}
	p, err := flow.Parse(frame)
	var kind flow.Kind
	if !errors.As(err, &kind) {
		return t.Judge(v, now, from, p)
	}
	switch {
	case kind == flow.ARP && sender != nil:
		return answerARP(v, sender, frame)
	case kind == flow.ND && sender != nil:
		return answerND(v, sender, frame)
	case kind == flow.Malformed:
		return drop(Malformed, from)
	}
	return drop(Unsupported, from) // what the host says to its link too: nothing between them needs it
}

// Judge judges a packet that JudgeFrame could parse. The steps and their names are those of the
// program in the kernel and of docs/packet.md.
func (t *Tracker) Judge(v *View, now, from uint32, p flow.Packet) Verdict {
	sender, ok := hook(v, from)
	if !ok {
		return drop(NoInterface, 0)
	}
	if !source(v, sender, p) {
		return drop(Spoofed, from)
	}
	sent := p
	if p.Fragment.Later() {
		if p, ok = t.fragments.recall(now, from, p); !ok {
			return drop(Fragment, from)
		}
	}
	var last Verdict
	leaving := crossing{at: sender, direction: out, packet: p}
	var by Route
	if sender != nil {
		by = route(v, sender, p.Dst)
		leaving.vpc, leaving.always = by.vpc(sender), by.Target == NATGateway || by.Target == EgressOnly
		last = t.gate(v, now, leaving)
		if !last.Allow {
			return last
		}
	}
	known := last.Reason == Established
	h := follow(v, sender, by, p)
	if h.dropped.Drops() {
		return drop(h.dropped, h.by)
	}
	if why, at, entry := boundary(v, sender, p, h); why.Drops() {
		return Verdict{Reason: why, Interface: at, Entry: entry}
	}
	if h.receiver != nil {
		entering := crossing{at: h.receiver, direction: in, packet: h.packet, sender: author(sender, p), known: h.known}
		if entering.sender != 0 && !h.public {
			entering.vpc = sender.VPC
		}
		last = t.gate(v, now, entering)
		if !last.Allow {
			return last
		}
	}
	if known && h.receiver != nil && !h.forwarded {
		t.reached(leaving, h.receiver)
	}
	if sent.Fragment.First() {
		t.fragments.remember(now, from, sent)
	}
	return deliver(last, sender, h)
}

func drop(why Reason, at uint32) Verdict { return Verdict{Reason: why, Interface: at} }

// hook finds the interface whose link the packet came from: nil, true for the internet's.
func hook(v *View, from uint32) (*Interface, bool) {
	if from == 0 {
		return nil, true
	}
	for i := range v.Interfaces {
		if v.Interfaces[i].Num == from {
			return &v.Interfaces[i], true
		}
	}
	return nil, false
}

// source tells whether the packet's source may be true. An interface sends from its own addresses;
// without the source/destination check from any IP address, but never from another MAC. The internet
// does not send from the pool, where only the host's own address is outside the VPCs.
func source(v *View, sender *Interface, p flow.Packet) bool {
	if sender == nil {
		return p.Src == v.Host(p.Src) || !v.pool(p.Src).Contains(p.Src)
	}
	return p.SrcMAC == sender.MAC && (sender.Has(p.Src) || !sender.SourceDestCheck)
}

// author is the Num of the interface that sends from an address of its own; 0: it is the internet, or forwards for others.
func author(sender *Interface, p flow.Packet) uint32 {
	if sender == nil || !sender.Has(p.Src) {
		return 0
	}
	return sender.Num
}

// deliver hands the packet over: addressed to the receiver, from the neighbour or from the gateway.
// What goes to the host keeps the MACs that it had.
func deliver(last Verdict, sender *Interface, h hop) Verdict {
	last.Packet = h.packet
	if h.receiver == nil {
		return last
	}
	last.To = h.receiver.Num
	last.Packet.DstMAC = h.receiver.MAC
	last.Packet.SrcMAC = GatewayMAC
	if !h.public && sender.Subnet == h.receiver.Subnet {
		last.Packet.SrcMAC = sender.MAC
	}
	return last
}

// pool is what public addresses of the address's IP version are of.
func (v *View) pool(a netip.Addr) netip.Prefix {
	if a.Is4() {
		return v.Public
	}
	return v.IPv6
}

// Host is the host's own address, of the same IP version: the first of the pool. Without a pool it is no address.
func (v *View) Host(like netip.Addr) netip.Addr {
	p := v.pool(like)
	if !p.IsValid() {
		return netip.Addr{}
	}
	return p.Masked().Addr().Next()
}

// String is the verdict on one line: "no-ingress-rule at 7", "allowed at 7 by sgr-… to 7: tcp …".
func (v Verdict) String() string {
	s := fmt.Sprintf("%s at %d", v.Reason, v.Interface)
	if v.Rule != "" {
		s += " by " + v.Rule
	}
	if v.Entry != 0 {
		s += fmt.Sprintf(" by entry %d", v.Entry)
	}
	switch {
	case v.Reason == Answered:
		if v.Neighbour != (flow.NDPacket{}) {
			return fmt.Sprintf("%s to %d: %s", s, v.To, v.Neighbour)
		}
		return fmt.Sprintf("%s to %d: %s", s, v.To, v.Answer)
	case v.Allow:
		return fmt.Sprintf("%s to %d: %s", s, v.To, v.Packet)
	}
	return s
}
