package vpc

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// documentation is what cells' pools of IPv6 are cut from: addresses which no network has and which look public, as
// Amazon's do. https://www.rfc-editor.org/rfc/rfc9637
var documentation = netip.MustParsePrefix("3fff::/20")

// IPv6Pool is what "Amazon-provided" ranges of the cell are cut from; the first address is the host's. It follows from the
// pool of public IPv4 addresses: cells on one machine have pools of their own.
func (c Cell) IPv6Pool() netip.Prefix {
	const none = 0xfff // of no block of 198.18.0.0/15
	block := uint32(none)
	if c.Public.IsValid() {
		b := c.Public.Masked().Addr().As4()
		block = binary.BigEndian.Uint32(b[:]) >> 12 & 0xfff
	}
	a := documentation.Addr().As16()
	binary.BigEndian.PutUint16(a[2:], uint16(block))
	return netip.PrefixFrom(netip.AddrFrom16(a), 32)
}

// newIPv6 is a /56 of the cell's pool, of which there are 16 million, that no VPC has: the number that it follows from is
// used once as far as there are numbers. The first /56 is the host's.
func (e *Edit) newIPv6() netip.Prefix {
	for {
		n := e.NewNum()
		a := e.Cell().IPv6Pool().Addr().As16()
		a[4], a[5], a[6] = byte(n>>16), byte(n>>8), byte(n)
		p := netip.PrefixFrom(netip.AddrFrom16(a), 56)
		if n&maxVPCNum != 0 && !e.hasIPv6(p) {
			return p
		}
	}
}

// hasIPv6 tells whether a VPC has the range.
func (s *State) hasIPv6(p netip.Prefix) bool {
	for v := range s.VPCs.All() {
		if slices.ContainsFunc(v.IPv6, func(b Block) bool { return b.CIDR == p }) {
			return true
		}
	}
	return false
}

// AddIPv6 gives the VPC a range of IPv6. The first one also brings what IPv6 adds to the VPC's ACLs and to
// its default group, unless that group's outbound rules were changed.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-migrate-ipv6.html
func (e *Edit) AddIPv6(old *VPC) (*VPC, Block) {
	v, b := *old, Block{AssociationID: e.NewID("vpc-cidr-assoc"), CIDR: e.newIPv6()}
	v.IPv6 = append(slices.Clone(v.IPv6), b)
	e.VPCs.Put(&v)
	if len(old.IPv6) == 0 {
		e.changeACLs(v.ID, (*NetworkACL).withIPv6)
		if g := *e.DefaultGroup(v.ID); sameAllowance(g.Rules, Anywhere4) {
			g.Rules = append(slices.Clone(g.Rules), Rule{ID: e.NewID("sgr"), Egress: true, What: What{AnyProtocol, -1, -1}, Peer: Peer{CIDR: Anywhere6}})
			e.SecurityGroups.Put(&g)
		}
	}
	return &v, b
}

// RemoveIPv6 takes the range from the VPC; the last one takes along what the first one brought.
func (e *Edit) RemoveIPv6(old *VPC, b Block) {
	v := *old
	v.IPv6 = slices.DeleteFunc(slices.Clone(v.IPv6), func(have Block) bool { return have == b })
	e.VPCs.Put(&v)
	if len(v.IPv6) == 0 {
		e.changeACLs(v.ID, (*NetworkACL).withoutIPv6)
		if g := *e.DefaultGroup(v.ID); sameAllowance(g.Rules, Anywhere4, Anywhere6) {
			g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), func(r Rule) bool { return r.Peer.CIDR == Anywhere6 && r.Egress })
			e.SecurityGroups.Put(&g)
		}
	}
}

func (e *Edit) changeACLs(vpc string, entries func(*NetworkACL) []ACLEntry) {
	for _, a := range slices.Collect(e.NetworkACLs.By("vpc", vpc)) {
		changed := *a
		changed.Entries = entries(a)
		e.NetworkACLs.Put(&changed)
	}
}

// sameAllowance tells whether the outbound rules are those that allow everything to these ranges.
func sameAllowance(rules []Rule, ranges ...netip.Prefix) bool {
	count := 0
	for _, r := range rules {
		if !r.Egress {
			continue
		}
		if count++; r.What != (What{AnyProtocol, -1, -1}) || !slices.Contains(ranges, r.Peer.CIDR) {
			return false
		}
	}
	return count == len(ranges)
}
