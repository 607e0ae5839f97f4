package policy

import (
	"net/netip"
	"slices"

	"crenel/flow"
)

// LastEntry stands for the number of the entry with which every network ACL ends, and which denies: AWS shows it as *.
const LastEntry = 32767

// boundary asks the network ACLs of the subnets that the packet leaves and enters, each for itself: what passes one way
// says nothing of the way back, and whether a connection is known does not matter. Within a subnet there is none.
// What decides is the number of the entry, or 0 where both allow.
// https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
func boundary(v *View, sender *Interface, p flow.Packet, h hop) (why Reason, by uint32, entry int) {
	if sender != nil && h.receiver != nil && !h.public && sender.Subnet == h.receiver.Subnet {
		return Allowed, 0, 0
	}
	if sender != nil {
		if e := deciding(v, sender, crossing{direction: out, packet: p}); !e.Allow {
			return ACLEgress, sender.Num, e.Number
		}
	}
	if h.receiver != nil {
		if e := deciding(v, h.receiver, crossing{direction: in, packet: h.packet}); !e.Allow {
			return ACLIngress, h.receiver.Num, e.Number
		}
	}
	return Allowed, 0, 0
}

// deciding is the first entry of the ACL of the interface's subnet that the packet matches. It sees the addresses that
// the subnet's interfaces have: private ones there, whatever they are beyond the internet gateway.
func deciding(v *View, i *Interface, c crossing) Entry {
	if s := subnet(v, i); s != nil {
		for _, e := range [...][]Entry{out: s.ACL.Egress, in: s.ACL.Ingress}[c.direction] {
			if e.CIDR.Contains(c.remote()) && e.What.matches(c.packet) {
				return e
			}
		}
	}
	return Entry{Number: LastEntry}
}

// meetACLs is an ACL that allows what both allow: an entry for each two of theirs that have packets in common, in the
// order of a's and then of b's. The first that a packet matches is the one of those that it matches first in a and in b.
func meetACLs(a, b ACL) ACL {
	return ACL{Ingress: meetEntries(a.Ingress, b.Ingress), Egress: meetEntries(a.Egress, b.Egress)}
}

func meetEntries(a, b []Entry) (both []Entry) {
	if slices.Equal(a, b) {
		return a
	}
	for _, e := range a {
		for _, f := range b {
			cidr, overlap := commonCIDR(e.CIDR, f.CIDR)
			what, some := commonWhat(e.What, f.What)
			if !overlap || !some {
				continue
			}
			m := Entry{Number: e.Number, Allow: e.Allow && f.Allow, CIDR: cidr, What: what}
			if e.Allow {
				m.Number = f.Number
			}
			if !slices.ContainsFunc(both, func(o Entry) bool { return o.covers(m) }) { // so Meet(Meet(a, b), b) is no longer
				both = append(both, m)
			}
		}
	}
	return both
}

// covers tells whether no packet that o matches gets past e.
func (e Entry) covers(o Entry) bool {
	what, some := commonWhat(e.What, o.What)
	return some && what == o.What && e.CIDR.Bits() <= o.CIDR.Bits() && e.CIDR.Contains(o.CIDR.Addr())
}

// commonCIDR is the smaller one, if it is in the other.
func commonCIDR(a, b netip.Prefix) (netip.Prefix, bool) {
	if a.Bits() < b.Bits() {
		a, b = b, a
	}
	return a, b.Contains(a.Addr())
}

// commonWhat is what both mean, if there is anything.
func commonWhat(a, b What) (What, bool) {
	switch {
	case a.Protocol == -1:
		return b, true
	case b.Protocol == -1:
		return a, true
	case a.Protocol != b.Protocol:
		return a, false
	case a.Protocol == flow.ICMP, a.Protocol == flow.ICMPv6:
		from, both := commonOrAll(a.From, b.From)
		to, also := commonOrAll(a.To, b.To)
		return What{Protocol: a.Protocol, From: from, To: to}, both && also
	case a.Protocol == flow.TCP || a.Protocol == flow.UDP:
		a.From, a.To = max(a.From, b.From), min(a.To, b.To)
		return a, a.From <= a.To
	}
	return a, true
}

// commonOrAll is for an ICMP type or code; -1 is all of them.
func commonOrAll(a, b int) (int, bool) {
	switch {
	case a == -1:
		return b, true
	case b == -1, a == b:
		return a, true
	}
	return 0, false
}
