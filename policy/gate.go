package policy

import (
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
	public    bool // it comes by public addresses: no rule that names a group lets it in
}

// remote is the other end's address.
func (c crossing) remote() netip.Addr {
	if c.direction == out {
		return c.packet.Dst
	}
	return c.packet.Src
}

// gate asks the connections of the interface, and for a packet that belongs to none the rules of its
// groups. What the rules allow may begin a connection.
func (t *Tracker) gate(v *View, now uint32, c crossing) Verdict {
	if t.hit(now, c) {
		return Verdict{Allow: true, Reason: Established, Interface: c.at.Num}
	}
	rule := allowing(v, c)
	if rule == nil {
		return drop([...]Reason{out: NoEgressRule, in: NoIngressRule}[c.direction], c.at.Num)
	}
	if !t.open(now, c) {
		return drop(TableFull, c.at.Num)
	}
	return Verdict{Allow: true, Reason: Allowed, Interface: c.at.Num, Rule: rule.ID}
}

// allowing is the first rule that allows the packet, or nil. Rules only allow, so their order decides
// nothing but which one is named.
func allowing(v *View, c crossing) *Rule {
	for g := range v.Groups {
		group := &v.Groups[g]
		if !slices.Contains(c.at.Groups, group.Num) {
			continue
		}
		rules := [...][]Rule{out: group.Egress, in: group.Ingress}[c.direction]
		for r := range rules {
			if rules[r].What.matches(c.packet) && who(v, c, &rules[r]) {
				return &rules[r]
			}
		}
	}
	return nil
}

// who tells whether the other end is one that the rule names. https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
func who(v *View, c crossing, r *Rule) bool {
	if r.Group == 0 {
		return r.CIDR.Contains(c.remote())
	}
	return !c.public && member(v, c.at.VPC, c.remote(), r.Group)
}

// member tells whether the private address belongs to an interface of the VPC that carries the group.
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
	case flow.ICMP:
		return (w.From == -1 || w.From == int(p.ICMPType)) && (w.To == -1 || w.To == int(p.ICMPCode))
	}
	return true
}
