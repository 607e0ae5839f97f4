package vpc

import (
	"net/netip"
	"slices"
)

// A CIDRReservation keeps a range of a subnet from being handed out.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-cidr-reservation.html
type CIDRReservation struct {
	ID string
	Scope
	Subnet      string
	CIDR        netip.Prefix
	Explicit    bool // for addresses that are asked for by name; else for prefixes that AWS delegates
	Description string
	Tags        Tags
}

func newCIDRReservations() *Table[CIDRReservation] {
	return newTable("subnet-cidr-reservation", func(r *CIDRReservation) string { return r.ID }, map[string]func(*CIDRReservation) []string{
		"subnet": func(r *CIDRReservation) []string { return keys{r.Subnet} },
	})
}

// reserved are the ranges of IPv4 that are reserved in the subnet. They do not overlap.
func (s *State) reserved(subnet *Subnet) (ranges []netip.Prefix) {
	for r := range s.CIDRReservations.By("subnet", subnet.ID) {
		if r.CIDR.Addr().Is4() {
			ranges = append(ranges, r.CIDR)
		}
	}
	return ranges
}

// lastReserved is the last address of the reserved range that the address is in.
func lastReserved(ranges []netip.Prefix, a netip.Addr) (netip.Addr, bool) {
	for _, r := range ranges {
		if r.Contains(a) {
			return At(r, uint32(size(r)-1)), true
		}
	}
	return netip.Addr{}, false
}

// heldBack is how many addresses of the subnet are free but for being reserved: they are neither AWS's nor
// an interface's.
func (s *State) heldBack(subnet *Subnet) (n int) {
	reserved := s.reserved(subnet)
	if len(reserved) == 0 {
		return 0
	}
	others := []netip.Prefix{alone(At(subnet.CIDR, uint32(size(subnet.CIDR)-1)))}
	for i := range uint32(4) {
		others = append(others, alone(At(subnet.CIDR, i)))
	}
	for i := range s.Interfaces.By("subnet", subnet.ID) {
		for _, a := range slices.Concat([]netip.Addr{i.PrivateIP}, i.Secondary) {
			others = append(others, alone(a))
		}
		others = append(others, i.Prefixes...)
	}
	for _, r := range reserved {
		n += size(r)
		for _, p := range others {
			if r.Overlaps(p) {
				n -= min(size(r), size(p)) // of two ranges that overlap, one is in the other
			}
		}
	}
	return n
}

// alone is the range that holds the address alone.
func alone(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// size is how many addresses a range of IPv4 has.
func size(p netip.Prefix) int { return 1 << (32 - p.Bits()) }
