package datapath

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// A reading is a compiled ruleset, read as the program does: see ruleset.h.
type reading []uint64

func lowHalf(c uint64) uint32  { return uint32(c) }
func highHalf(c uint64) uint32 { return uint32(c >> 32) }

// interval is the value of the interval that the key is in.
func (r reading) interval(at, n, key uint32) uint32 {
	for n > 1 {
		if half := n / 2; highHalf(r[at+half]) <= key {
			at, n = at+half, n-half
		} else {
			n -= half
		}
	}
	return lowHalf(r[at])
}

// with is the value of the interval that the address is in.
func (r reading) with(at, n uint32, a netip.Addr) uint32 {
	b := a.As16()
	if a.Is4() {
		return r.interval(at, n, binary.BigEndian.Uint32(b[12:]))
	}
	first, second := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	value := uint32(0)
	for i := range n {
		if x := r[at+3*i:]; x[1] < first || x[1] == first && x[2] <= second {
			value = lowHalf(x[0])
		}
	}
	return value
}

// familyOf is the place of the address's IP version among families.
func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

func (r reading) bit(row, n uint32) bool { return r[row+n/64]>>(n%64)&1 == 1 }

// atom is the interval of what that it is in, and how long a row of the table is.
func (r reading) atom(t uint32, what uint16) (n, words uint32) {
	words = highHalf(r[t])
	for i := range lowHalf(r[t]) {
		if uint16(r[t+tableHead+2*words+i/4]>>(i%4*16)) <= what {
			n = i
		}
	}
	return n, words
}

// allows asks the table of the direction and class, for the remote's IP version.
func (r reading) allows(direction, class int, what uint16, remote netip.Addr, groups []uint32) bool {
	t := uint32(r[tableAt(familyOf(remote), direction, class)])
	if t == 0 {
		return false
	}
	n, _ := r.atom(t, what)
	if r.bit(t+tableHead, n) {
		return true
	}
	if whos := lowHalf(r[t+1]); whos > 0 && r.bit(t+r.with(t+highHalf(r[t+1]), whos, remote), n) {
		return true
	}
	for _, g := range groups {
		if lowHalf(r[t+2]) == 0 {
			return false
		}
		if row := r.interval(t+highHalf(r[t+2]), lowHalf(r[t+2]), g); row != 0 && r.bit(t+row, n) {
			return true
		}
	}
	return false
}

// untracked asks the table of the direction and class whether no state is kept of what it allows.
func (r reading) untracked(family, direction, class int, what uint16) bool {
	t := uint32(r[tableAt(family, direction, class)])
	if t == 0 {
		return false
	}
	n, words := r.atom(t, what)
	return r.bit(t+tableHead+words, n)
}

// unrestricted is the same by the rules themselves.
func unrestricted(groups []policy.Group, family, direction, class int, what uint16) (there bool) {
	if class > 1 {
		return false
	}
	back := false
	everywhere := netip.MustParsePrefix([]string{"0.0.0.0/0", "::/0"}[family])
	for _, g := range groups {
		rules := [...][]policy.Rule{g.Egress, g.Ingress}
		for _, r := range rules[direction] {
			there = there || !r.Listed && r.CIDR == everywhere && matches(r.What, family, class, what)
		}
		for _, r := range rules[1-direction] {
			back = back || !r.Listed && r.CIDR == everywhere && matches(r.What, family, class, 0) && matches(r.What, family, class, 65535)
		}
	}
	return there && back
}

// allowed is the same by the rules themselves, one after the other.
func allowed(groups []policy.Group, direction, class int, what uint16, remote netip.Addr, carries []uint32) bool {
	for _, g := range groups {
		for _, r := range [...][]policy.Rule{g.Egress, g.Ingress}[direction] {
			if matches(r.What, familyOf(remote), class, what) && (r.Group == 0 && r.CIDR.Contains(remote) || r.Group != 0 && slices.Contains(carries, r.Group)) {
				return true
			}
		}
	}
	return false
}

func matches(w policy.What, family, class int, what uint16) bool {
	if w.Protocol == -1 {
		return true
	}
	n := int(what)
	switch class {
	case 0:
		return w.Protocol == flow.TCP && w.From <= n && n <= w.To
	case 1:
		return w.Protocol == flow.UDP && w.From <= n && n <= w.To
	case 2:
		return w.Protocol == []int{flow.ICMP, flow.ICMPv6}[family] && (w.From == -1 || w.From == n>>8) && (w.To == -1 || w.To == n&255)
	}
	return w.Protocol == n && n != flow.ICMP && n != flow.ICMPv6
}

// edges are all the points where an answer may change, and those beside them: of what, of addresses
// and of groups. Between two of them nothing does.
func edges(groups []policy.Group) (whats [tableClasses][]uint16, addrs []netip.Addr, nums []uint32) {
	for class := range tableClasses {
		whats[class] = []uint16{0, 0xffff}
	}
	whats[3] = []uint16{0, 1, 2, 41, 47, 50, 58, 132, 255}
	addrs = append(addrs, families[0].first, families[0].last, families[1].first, families[1].last)
	for _, g := range groups {
		for _, r := range slices.Concat(g.Ingress, g.Egress) {
			for class := range tableClasses {
				for _, s := range slices.Concat(families[0].spans(r.What, class), families[1].spans(r.What, class)) {
					if class == 3 {
						continue
					}
					whats[class] = append(whats[class], s.first-1, s.first, s.last, s.last+1)
				}
			}
			if r.Group != 0 {
				nums = append(nums, r.Group-1, r.Group, r.Group+1)
				continue
			}
			addrs = append(addrs, around(r.CIDR)...)
		}
	}
	for class := range whats {
		whats[class] = slices.Compact(slices.Sorted(slices.Values(whats[class])))
	}
	return whats, slices.Compact(slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare)), slices.Compact(slices.Sorted(slices.Values(nums)))
}

// around are the ends of the prefix and the addresses beside them.
func around(p netip.Prefix) []netip.Addr {
	first, last := bounds(p)
	return slices.DeleteFunc([]netip.Addr{first.Prev(), first, last, last.Next()}, func(a netip.Addr) bool { return !a.IsValid() })
}

func addr4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// checkRuleset compares the compiled groups with the rules at every point that can make a difference.
func checkRuleset(t *testing.T, groups []policy.Group) {
	t.Helper()
	cells, err := ruleset(groups)
	if err != nil {
		t.Fatal(err)
	}
	if lowHalf(cells[0]) != uint32(len(cells)) || highHalf(cells[0]) != extentRuleset {
		t.Fatalf("head %x of %d cells", cells[0], len(cells))
	}
	r := reading(cells)
	whats, addrs, nums := edges(groups)
	for direction := range 2 {
		for class := range tableClasses {
			for _, what := range whats[class] {
				for family := range families {
					if got, want := r.untracked(family, direction, class, what), unrestricted(groups, family, direction, class, what); got != want {
						t.Fatalf("family %d direction %d class %d what %d untracked: %v\n%+v", family, direction, class, what, got, groups)
					}
				}
				for _, a := range addrs {
					if got, want := r.allows(direction, class, what, a, nil), allowed(groups, direction, class, what, a, nil); got != want {
						t.Fatalf("direction %d class %d what %d %s: %v\n%+v", direction, class, what, a, got, groups)
					}
				}
				for _, g := range nums {
					a, carries := []netip.Addr{addr4(0xc0000201), netip.MustParseAddr("2001:db8::77")}[g%2], []uint32{0xfffffff0, g} // no rule is about it, nearly always
					if got, want := r.allows(direction, class, what, a, carries), allowed(groups, direction, class, what, a, carries); got != want {
						t.Fatalf("direction %d class %d what %d group %d: %v\n%+v", direction, class, what, g, got, groups)
					}
				}
			}
		}
	}
}

func TestARulesetAllowsWhatItsRulesAllow(t *testing.T) {
	everything := policy.What{Protocol: -1, From: -1, To: -1}
	everybody := netip.MustParsePrefix("0.0.0.0/0")
	rule := func(w policy.What, cidr string) policy.Rule {
		return policy.Rule{What: w, CIDR: netip.MustParsePrefix(cidr)}
	}
	port := func(from, to int) policy.What { return policy.What{Protocol: flow.TCP, From: from, To: to} }
	for _, rules := range [][]policy.Rule{
		nil,
		{{What: everything, CIDR: everybody}},
		{{What: everything, Group: 1}, {What: port(80, 80), Group: 0xffffffff}, {What: port(81, 81), Group: 2}},
		{rule(port(0, 65535), "10.0.0.0/8"), rule(port(22, 22), "0.0.0.0/0"), rule(port(65535, 65535), "255.255.255.255/32")},
		{rule(port(1, 5), "10.0.0.0/8"), rule(port(3, 9), "10.0.0.0/9"), rule(port(7, 7), "10.128.0.0/9"), rule(port(2, 2), "10.127.255.255/32"), rule(port(4, 4), "11.0.0.0/8")},
		{rule(port(1, 5), "128.0.0.0/1"), rule(port(1, 5), "0.0.0.0/1"), rule(port(9, 9), "0.0.0.0/32")},
		{rule(policy.What{Protocol: flow.ICMP, From: -1, To: 4}, "10.0.0.0/8"), rule(policy.What{Protocol: flow.ICMP, From: 3, To: -1}, "0.0.0.0/0")},
		{rule(policy.What{Protocol: 47, From: -1, To: -1}, "10.0.0.0/8"), rule(policy.What{Protocol: 58}, "0.0.0.0/0"), rule(policy.What{Protocol: 300}, "0.0.0.0/0")},
		{rule(port(1, 5), "2001:db8::/32"), rule(port(3, 9), "2001:db8::/64"), rule(port(7, 7), "2001:db8:ffff::/48"), rule(port(2, 2), "2001:db8:0:0:ffff::/128"), rule(port(4, 4), "2001:db9::/32")},
		{rule(port(1, 5), "8000::/1"), rule(port(1, 5), "::/1"), rule(port(9, 9), "::/128"), rule(port(8, 8), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"), rule(port(80, 80), "::/0")},
		{rule(policy.What{Protocol: flow.ICMPv6, From: -1, To: 4}, "2001:db8::/32"), rule(policy.What{Protocol: flow.ICMPv6, From: 2, To: -1}, "::/0"), rule(policy.What{Protocol: flow.ICMP, From: 2, To: -1}, "::/0")},
		{rule(everything, "::/0"), rule(everything, "0.0.0.0/0"), rule(port(22, 22), "::/0")},
		{rule(port(5, 4), "0.0.0.0/0"), rule(port(-1, -1), "0.0.0.0/0"), rule(port(-1, 70000), "10.0.0.0/8")},
	} {
		checkRuleset(t, []policy.Group{{Num: 1, Ingress: rules}, {Num: 2, Egress: rules, Ingress: rules[:len(rules)/2]}})
	}
}

func TestARandomRulesetAllowsWhatItsRulesAllow(t *testing.T) {
	first := rand.Uint64()
	t.Log("seed", first)
	for n := range uint64(60) {
		v := policytest.RandomView(rand.New(rand.NewPCG(first, n)))
		checkRuleset(t, v.Groups[:min(2, len(v.Groups))])
	}
}

// FuzzRuleset makes rules of bytes: few ports and addresses, so that they overlap.
func FuzzRuleset(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g := policy.Group{Num: 1}
		for ; len(b) >= 8 && len(g.Ingress)+len(g.Egress) < 24; b = b[8:] {
			r := policy.Rule{What: policy.What{Protocol: []int{-1, 1, 6, 17, 47, 58, 6, 17}[b[0]%8], From: int(b[1])<<(b[2]%9) - 1, To: int(b[2])<<(b[1]%9) - 1}}
			if b[3]%4 == 0 {
				r.Group = 1 + uint32(b[4]%5)
			} else {
				r.CIDR = netip.PrefixFrom(netip.AddrFrom4([4]byte{b[4] & 0x81, b[5], b[6] & 3, b[6]}), int(b[7])%33)
			}
			if b[3]%4 == 1 {
				r.CIDR = netip.PrefixFrom(netip.AddrFrom16([16]byte{b[4] & 0x81, 7: b[5], 8: b[6] & 3, 15: b[6]}), int(b[7])%129)
			}
			if b[0]&0x80 == 0 {
				g.Ingress = append(g.Ingress, r)
			} else {
				g.Egress = append(g.Egress, r)
			}
		}
		checkRuleset(t, []policy.Group{g})
	})
}

// FuzzRoutes: a subnet's routes lead where the longest prefix does, at each of their edges.
func FuzzRoutes(f *testing.F) {
	f.Add([]byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := &policy.View{Subnets: []policy.Subnet{{ID: "subnet-1"}}}
		known := map[netip.Prefix]bool{}
		addrs := []netip.Addr{families[0].first, families[0].last, families[1].first, families[1].last}
		for _, p := range policy.Unroutable {
			addrs = append(addrs, around(p)...)
		}
		for ; len(b) >= 4; b = b[4:] {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{b[0], b[1] & 0xc0, 0, b[1]}), int(b[2])%33).Masked()
			if b[3]&0x80 != 0 {
				p = netip.PrefixFrom(netip.AddrFrom16([16]byte{b[0], b[1] & 0xc0, 7: b[1], 15: b[0]}), int(b[2])%129).Masked()
			}
			if !known[p] {
				known[p] = true
				v.Subnets[0].Routes = append(v.Subnets[0].Routes, policy.Route{Destination: p, Target: policy.Target(b[3] % 5), Num: uint32(b[3] % 7)})
				addrs = append(addrs, around(p)...)
			}
		}
		cells, err := routes(v.Subnets[0].Routes, func(r policy.Route) way { return way{target: r.Target, what: r.Num, tracked: r.Num == 3} })
		if err != nil {
			t.Fatal(err)
		}
		r := reading(cells)
		for _, a := range addrs {
			at, n := uint32(2), lowHalf(r[1])
			if a.Is6() {
				at, n = at+n, highHalf(r[1])
			}
			to := r[2+lowHalf(r[1])+3*highHalf(r[1])+r.with(at, n, a)]
			got := way{policy.Target(uint8(to)), highHalf(to), lowHalf(to)>>8 == 1}
			if want := leads(v.Subnets[0].Routes, a); got != want {
				t.Fatalf("%s: %v, want %v\n%v", a, got, want, v.Subnets[0].Routes)
			}
		}
	})
}

// leads is where the longest prefix leads, tried from the longest on.
func leads(routes []policy.Route, a netip.Addr) way {
	b := a.AsSlice()
	switch {
	case a.Is4() && (b[0] == 0 || b[0] == 127 || b[0] >= 224):
		return way{}
	case a.Is6() && (b[0] == 0xff || b[0] == 0xfe && b[1]&0xc0 == 0x80 || [12]byte(b) == [12]byte{}):
		return way{}
	}
	for bits := a.BitLen(); bits >= 0; bits-- {
		for _, r := range routes {
			if r.Destination == netip.PrefixFrom(a, bits).Masked() {
				return way{r.Target, r.Num, r.Num == 3}
			}
		}
	}
	return way{}
}

func TestRulesThatShareRowsShareCells(t *testing.T) {
	g := policy.Group{Num: 1}
	for n := range 1000 {
		g.Ingress = append(g.Ingress, policy.Rule{What: policy.What{Protocol: flow.TCP, From: 443, To: 443},
			CIDR: netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", n/100, n%100*2))})
	}
	cells, err := ruleset([]policy.Group{g})
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) > 2100 { // two boundaries for each, and little else
		t.Errorf("1000 CIDRs for one port take %d cells", len(cells))
	}
}

func TestThousandRulesAreCompiledWhateverTheirShape(t *testing.T) {
	// The worst: each CIDR inside the last, each port range too, so that no two rows are alike.
	g := policy.Group{Num: 1}
	for n := range 1000 {
		g.Ingress = append(g.Ingress, policy.Rule{What: policy.What{Protocol: flow.TCP, From: n * 20, To: 65000 - n*20},
			CIDR: netip.PrefixFrom(addr4(uint32(n)<<12), 20+n%13)})
	}
	cells, err := ruleset([]policy.Group{g})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d KiB", len(cells)*8/1024)
	r := reading(cells)
	for n := range 1000 {
		a := addr4(uint32(n) << 12)
		for _, what := range []int{n*20 - 1, n * 20, 65000 - n*20, 65001 - n*20} {
			if what < 0 {
				continue
			}
			if got, want := r.allows(1, 0, uint16(what), a, nil), allowed([]policy.Group{g}, 1, 0, uint16(what), a, nil); got != want {
				t.Fatalf("%s:%d: %v", a, what, got)
			}
		}
	}
}
