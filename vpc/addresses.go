package vpc

import (
	"encoding/binary"
	"net/netip"
)

// ReservedIn tells whether AWS keeps the address of the subnet for itself: the first four and the last.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func ReservedIn(subnet netip.Prefix, a netip.Addr) bool {
	n, size := offset(subnet, a), uint32(1)<<(32-subnet.Bits())
	return n < 4 || n == size-1
}

func offset(p netip.Prefix, a netip.Addr) uint32 { return number(a) - number(p.Masked().Addr()) }

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// At is the n-th address of the prefix, counted from 0.
func At(p netip.Prefix, n uint32) netip.Addr { return address(number(p.Masked().Addr()) + n) }

// FreeAddresses is how many addresses of the subnet an interface could still be given.
func (s *State) FreeAddresses(subnet *Subnet) int {
	used := 0
	for i := range s.Interfaces.By("subnet", subnet.ID) {
		used += 1 + len(i.Secondary)
		for _, p := range i.Prefixes {
			if p.Addr().Is4() {
				used += 1 << (32 - p.Bits())
			}
		}
	}
	return 1<<(32-subnet.CIDR.Bits()) - 5 - used - s.heldBack(subnet)
}

// FreeAddress is the lowest private address of the subnet that no interface has and no reservation holds back.
func (s *State) FreeAddress(subnet *Subnet) (netip.Addr, bool) {
	reserved := s.reserved(subnet)
	for n := uint32(4); n < 1<<(32-subnet.CIDR.Bits())-1; n++ {
		a := At(subnet.CIDR, n)
		if last, ok := lastReserved(reserved, a); ok {
			n = offset(subnet.CIDR, last)
			continue
		}
		if s.Interfaces.First("address", AddressKey(subnet.VPC, a.String())) == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// FreePublic is the lowest address of the public pool that nobody has. The pool's network address,
// its first address (the host's) and its last are never handed out.
func (s *State) FreePublic() (netip.Addr, bool) {
	pool := s.Cell().Public
	if !pool.IsValid() {
		return netip.Addr{}, false
	}
	for n := uint32(2); n < 1<<(32-pool.Bits())-1; n++ {
		a := At(pool, n)
		if s.Interfaces.First("public", a.String()) == nil && s.ElasticIPs.First("public", a.String()) == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}
