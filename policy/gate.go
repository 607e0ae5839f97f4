package policy

import (
	"iter"
	"net/netip"
	"slices"

	"crenel/flow"
)

// A direction is seen from an interface.
type direction uint8

const (
	out direction = iota
	in
)

func (d direction) other() direction { return 1 - d }

// A crossing is one packet at one interface's gate.
type crossing struct {
	at        *Interface
	direction direction
	packet    flow.Packet
	vpc       uint32 // that the interface at the other end is in; 0: there is none, or another one forwards the packet
	always    bool   // out: what begins is tracked, whatever the rules: it goes on through a gateway that AWS tracks
	known     bool   // in: only what belongs to a connection may come that way
	sender    uint32 // in: the Num of the interface that sent it from an address of its own; 0: none did
}

// remote is the other end's address.
func (c crossing) remote() netip.Addr {
	if c.direction == out {
		return c.packet.Dst
	}
	return c.packet.Src
}

// reversed is the answer to the packet, at the same gate.
func (c crossing) reversed() crossing {
	c.packet, c.direction = c.packet.Reverse(), c.direction.other()
	return c
}

// gate asks the connections of the interface, and for a packet that belongs to none, nor is an error about one, the
// rules of its groups. What the rules allow may begin a connection.
func (t *Tracker) gate(v *View, now uint32, c crossing) Verdict {
	if c.at.Open {
		return Verdict{Allow: true, Reason: Allowed, Interface: c.at.Num}
	}
	if t.hit(now, c) {
		return Verdict{Allow: true, Reason: Established, Interface: c.at.Num}
	}
	if t.related(now, c) {
		return Verdict{Allow: true, Reason: Related, Interface: c.at.Num}
	}
	if c.known {
		return drop(NoRoute, c.at.Num)
	}
	rule := allowing(v, c)
	if rule == nil {
		return drop([...]Reason{out: NoEgressRule, in: NoIngressRule}[c.direction], c.at.Num)
	}
	if c.always || !untracked(v, c) {
		if why := t.open(now, c); why.Drops() {
			return drop(why, c.at.Num)
		}
	}
	return Verdict{Allow: true, Reason: Allowed, Interface: c.at.Num, Rule: rule.ID}
}

// allowing is the first rule that allows the packet, or nil. Rules only allow, so their order decides
// nothing but which one is named.
func allowing(v *View, c crossing) *Rule {
	for r := range rulesAt(v, c.at, c.direction) {
		if r.What.matches(c.packet) && who(v, c, r) {
			return r
		}
	}
	return nil
}

// rulesAt are the rules of all groups of the interface, in the direction.
func rulesAt(v *View, at *Interface, d direction) iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		for g := range v.Groups {
			group := &v.Groups[g]
			if !slices.Contains(at.Groups, group.Num) {
				continue
			}
			rules := [...][]Rule{out: group.Egress, in: group.Ingress}[d]
			for r := range rules {
				if !yield(&rules[r]) {
					return
				}
			}
		}
	}
}

// untracked tells whether no state is kept of the packet's flow: TCP or UDP that a rule allows from, or to, everywhere, while
// a rule of the other direction allows all of it back. Each of its packets is judged by the rules, and it ends with either
// of them. Nothing says which packet of UDP was the first, so the answer to such a flow is of it too.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#untracked-connections
func untracked(v *View, c crossing) bool {
	return unrestricted(v, c) || c.packet.Protocol == flow.UDP && unrestricted(v, c.reversed())
}

// unrestricted tells whether the rules let everybody do what the packet begins, and everything come back.
func unrestricted(v *View, c crossing) bool {
	protocol := c.packet.Protocol
	if protocol != flow.TCP && protocol != flow.UDP {
		return false
	}
	there, back := false, false
	for r := range rulesAt(v, c.at, c.direction) {
		there = there || r.Everywhere(c.remote()) && r.What.matches(c.packet)
	}
	for r := range rulesAt(v, c.at, c.direction.other()) {
		back = back || r.Everywhere(c.remote()) && r.What.AllPorts(protocol)
	}
	return there && back
}

// Everywhere tells whether the rule itself names every address of that IP version; a prefix list that has them all does
// not count.
func (r Rule) Everywhere(like netip.Addr) bool {
	return r.Group == 0 && !r.Listed && r.CIDR.Bits() == 0 && r.CIDR.Addr().Is4() == like.Is4()
}

// AllPorts tells whether every packet of the protocol, TCP or UDP, is meant.
func (w What) AllPorts(protocol uint8) bool {
	return w.Protocol == -1 || w.Protocol == int(protocol) && w.From <= 0 && w.To >= 65535
}

// who tells whether the other end is one that the rule names. By a group it is named where it is an interface that sends or
// gets the packet itself, by private addresses. https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
func who(v *View, c crossing, r *Rule) bool {
	if r.Group == 0 {
		return r.CIDR.Contains(c.remote())
	}
	return c.vpc != 0 && member(v, c.vpc, c.remote(), r.Group)
}

// member tells whether the address belongs to an interface of the VPC that carries the group.
func member(v *View, vpc uint32, a netip.Addr, group uint32) bool {
	for _, m := range v.Members {
		if m.VPC == vpc && m.Addr == a && slices.Contains(m.Groups, group) {
			return true
		}
	}
	return false
}

func (w What) matches(p flow.Packet) bool {
	if w.Protocol == -1 {
		return true
	}
	if w.Protocol != int(p.Protocol) {
		return false
	}
	switch p.Protocol {
	case flow.TCP, flow.UDP:
		return w.From <= int(p.DstPort) && int(p.DstPort) <= w.To
	case flow.ICMP, flow.ICMPv6:
		return p.IsICMP() && (w.From == -1 || w.From == int(p.ICMPType)) && (w.To == -1 || w.To == int(p.ICMPCode))
	}
	return true
}
