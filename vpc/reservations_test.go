package vpc

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The addresses that can be handed out are those that are neither AWS's, nor an interface's, nor reserved.
func TestReservedAddressesAreNotHandedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, n := subnetted("10.0.1.0/26")
		held := map[netip.Addr]bool{}
		hold := func(p netip.Prefix) {
			for i := range uint32(size(p)) {
				held[At(p, i)] = true
			}
		}
		for i := range uint32(64) {
			if ReservedIn(n.CIDR, At(n.CIDR, i)) {
				held[At(n.CIDR, i)] = true
			}
		}
		var ranges []netip.Prefix
		draw := func(bits int) netip.Prefix {
			return netip.PrefixFrom(At(n.CIDR, rapid.Uint32Range(0, 63).Draw(t, "at")), bits).Masked()
		}
		for range rapid.IntRange(0, 4).Draw(t, "reservations") {
			p := draw(rapid.IntRange(26, 32).Draw(t, "bits"))
			if !slices.ContainsFunc(ranges, p.Overlaps) {
				ranges = append(ranges, p)
				e.CIDRReservations.Put(&CIDRReservation{ID: e.NewID("scr"), Subnet: n.ID, CIDR: p})
				hold(p)
			}
		}
		var taken []netip.Prefix
		for range rapid.IntRange(0, 4).Draw(t, "interfaces") {
			i := &Interface{ID: e.NewID("eni"), VPC: n.VPC, Subnet: n.ID}
			for _, bits := range []int{32, 28} {
				p := draw(bits)
				if slices.ContainsFunc(taken, p.Overlaps) || bits == 28 && (p.Contains(n.CIDR.Addr()) || p.Contains(At(n.CIDR, 63))) || bits == 32 && ReservedIn(n.CIDR, p.Addr()) {
					continue
				}
				if bits == 32 {
					i.PrivateIP = p.Addr()
				} else if i.PrivateIP.IsValid() {
					i.Prefixes = []netip.Prefix{p}
				} else {
					continue
				}
				taken = append(taken, p)
				hold(p)
			}
			if i.PrivateIP.IsValid() {
				e.Interfaces.Put(i)
			}
		}
		free := 64 - len(held)
		if got := e.FreeAddresses(n); got != free {
			t.Fatalf("%d are free, want %d: reserved %v, taken %v", got, free, ranges, taken)
		}
		if a, ok := e.FreeAddress(n); ok && (slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) }) || !n.CIDR.Contains(a)) || free > 0 && !ok {
			t.Fatalf("got %s, %v: reserved %v, taken %v", a, ok, ranges, taken)
		}
	})
}
