package vpc

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// IPv6Pool is what "Amazon-provided" ranges are cut from: addresses for documentation, which no network
// has and which look public, as Amazon's do. https://www.rfc-editor.org/rfc/rfc9637
var IPv6Pool = netip.MustParsePrefix("3fff::/20")

// newIPv6 is a /56 of IPv6Pool that no VPC ever had: it follows from a number that is used once, and the
// 36 bits between /20 and /56 have room for all of them.
func (e *Edit) newIPv6() netip.Prefix {
	a := IPv6Pool.Addr().As16()
	binary.BigEndian.PutUint32(a[3:], e.NewNum())
	return netip.PrefixFrom(netip.AddrFrom16(a), 56)
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
