package vpc

import (
	"encoding/binary"
	"io"
	"net/netip"
)

// ReservedIn tells whether AWS keeps the address of the subnet's range for itself: the first four and the last.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func ReservedIn(subnet netip.Prefix, a netip.Addr) bool {
	first := subnet.Masked().Addr()
	for range 4 {
		if a == first {
			return true
		}
		first = first.Next()
	}
	return a == Last(subnet)
}

// Last is the highest address of the prefix.
func Last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b) // it has the length of an address
	return last
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
	return s.FreeAfter(subnet, netip.Addr{})
}

// FreeAfter is the lowest such address above another one: who takes many need not begin anew each time.
func (s *State) FreeAfter(subnet *Subnet, after netip.Addr) (netip.Addr, bool) {
	n := uint32(4)
	if after.IsValid() {
		n = offset(subnet.CIDR, after) + 1
	}
	reserved := s.reserved(subnet)
	for ; n < 1<<(32-subnet.CIDR.Bits())-1; n++ {
		a := At(subnet.CIDR, n)
		if last, ok := lastReserved(reserved, a); ok {
			n = offset(subnet.CIDR, last)
			continue
		}
		if !s.InUse(subnet.VPC, a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// InUse tells whether an interface of the VPC has the address, as its own or within a delegated prefix.
func (s *State) InUse(vpc string, a netip.Addr) bool {
	return s.Interfaces.First("address", AddressKey(vpc, a.String())) != nil ||
		s.Interfaces.First("prefix", AddressKey(vpc, Delegation(a).String())) != nil
}

// FreeIPv6 is an address of the subnet's IPv6 range that no interface has. AWS picks them at random.
func (e *Edit) FreeIPv6(subnet *Subnet) (netip.Addr, bool) {
	if len(subnet.IPv6) == 0 {
		return netip.Addr{}, false
	}
	block := subnet.IPv6[0].CIDR
	for range 100 { // of 2^64 addresses nearly all are free
		b := block.Addr().As16()
		if _, err := io.ReadFull(e.ids, b[8:]); err != nil {
			panic("vpc: no random bytes: " + err.Error()) // crypto/rand never fails
		}
		if a := netip.AddrFrom16(b); !ReservedIn(block, a) && !e.InUse(subnet.VPC, a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Delegation is the prefix that an interface is given with the address where prefixes are delegated.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html
func Delegation(a netip.Addr) netip.Prefix {
	if a.Is4() {
		return netip.PrefixFrom(a, 28).Masked()
	}
	return netip.PrefixFrom(a, 80).Masked()
}

// FreePrefix is the lowest prefix of the range, which is one of the subnet's, that could be delegated
// to an interface: nobody has an address in it, not even the interface that asks, and none is reserved.
func (s *State) FreePrefix(subnet *Subnet, block netip.Prefix, asking *Interface) (netip.Prefix, bool) {
	taken := s.takenPrefixes(subnet, asking)
	for p := Delegation(block.Addr()); p.IsValid() && block.Overlaps(p); p = Delegation(Last(p).Next()) {
		if !taken[p] && delegable(block, p) {
			return p, true
		}
		if Last(p) == Last(block) {
			break
		}
	}
	return netip.Prefix{}, false
}

// IsFreePrefix tells whether the prefix is one that FreePrefix could return.
func (s *State) IsFreePrefix(subnet *Subnet, block, p netip.Prefix, asking *Interface) bool {
	return !s.takenPrefixes(subnet, asking)[p] && delegable(block, p)
}

// delegable tells whether no address of the prefix is reserved in the range. Reserved ones are at its ends.
func delegable(block, p netip.Prefix) bool {
	return p.Bits() > block.Bits() && !p.Contains(block.Masked().Addr()) && !p.Contains(Last(block))
}

// takenPrefixes are the prefixes of which interfaces of the subnet have an address, or all.
func (s *State) takenPrefixes(subnet *Subnet, asking *Interface) map[netip.Prefix]bool {
	taken := map[netip.Prefix]bool{}
	take := func(i *Interface) {
		for _, a := range i.Addresses() {
			if a.IsValid() {
				taken[Delegation(a)] = true
			}
		}
		for _, p := range i.Prefixes {
			taken[p] = true
		}
	}
	take(asking)
	for i := range s.Interfaces.By("subnet", subnet.ID) {
		take(i)
	}
	return taken
}

// FreePublic is the lowest address of the public pool that nobody has. The pool's network address,
// its first address (the host's) and its last are never handed out.
func (s *State) FreePublic() (netip.Addr, bool) { return s.FreePublicAfter(netip.Addr{}) }

// FreePublicAfter is the lowest such address above another one.
func (s *State) FreePublicAfter(after netip.Addr) (netip.Addr, bool) {
	pool := s.Cell().Public
	if !pool.IsValid() {
		return netip.Addr{}, false
	}
	n := uint32(2)
	if after.IsValid() {
		n = offset(pool, after) + 1
	}
	for ; n < 1<<(32-pool.Bits())-1; n++ {
		a := At(pool, n)
		if s.Interfaces.First("public", a.String()) == nil && s.ElasticIPs.First("public", a.String()) == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// MayHavePool tells whether the pool of public addresses may be, or become, this one: nobody has an address of another one, nor
// a range of another pool of IPv6.
func (s *State) MayHavePool(public netip.Prefix) bool {
	have, would := s.Cell(), Cell{Public: public}
	if have.Public == public {
		return true
	}
	for i := range s.Interfaces.All() {
		if i.PublicIP.IsValid() {
			return false
		}
	}
	for v := range s.VPCs.All() {
		if len(v.IPv6) > 0 && have.IPv6Pool() != would.IPv6Pool() {
			return false
		}
	}
	return s.ElasticIPs.Len() == 0
}
