package datapath

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// decision reads a compiled network ACL as the program does: see acl.h.
func (r reading) decision(direction, class int, what uint16, remote netip.Addr) uint16 {
	head := r[tableAt(familyOf(remote), direction, class)]
	if lowHalf(head) == 0 {
		return uint16(highHalf(head))
	}
	g := lowHalf(head)
	n := uint32(0)
	for i := range lowHalf(r[g]) {
		if uint16(r[g+aclHead+i/4]>>(i%4*16)) <= what {
			n = i
		}
	}
	row := g + r.with(g+lowHalf(r[g+1]), highHalf(r[g]), remote)
	return uint16(r[row+n/4] >> (n % 4 * 16))
}

// decided is the same by the entries themselves, one after the other.
func decided(entries []policy.Entry, class int, what uint16, remote netip.Addr) uint16 {
	for _, e := range entries {
		if e.CIDR.Contains(remote) && matches(e.What, familyOf(remote), class, what) {
			return decision(e)
		}
	}
	return 0
}

// checkACL compares the compiled ACL with its entries at every point that can make a difference.
func checkACL(t *testing.T, a policy.ACL) {
	t.Helper()
	cells, err := acl(a)
	if err != nil {
		t.Fatal(err)
	}
	if lowHalf(cells[0]) != uint32(len(cells)) || highHalf(cells[0]) != extentACL {
		t.Fatalf("head %x of %d cells", cells[0], len(cells))
	}
	var rules []policy.Rule
	for _, e := range slices.Concat(a.Egress, a.Ingress) {
		rules = append(rules, policy.Rule{What: e.What, CIDR: e.CIDR})
	}
	whats, addrs, _ := edges([]policy.Group{{Ingress: rules}})
	for direction, entries := range [][]policy.Entry{a.Egress, a.Ingress} {
		for class := range tableClasses {
			for _, what := range whats[class] {
				for _, addr := range addrs {
					if got, want := reading(cells).decision(direction, class, what, addr), decided(entries, class, what, addr); got != want {
						t.Fatalf("direction %d class %d what %d %s: entry %x, want %x\n%+v", direction, class, what, addr, got, want, a)
					}
				}
			}
		}
	}
}

func TestARandomACLDecidesAsItsFirstMatchingEntry(t *testing.T) {
	first := rand.Uint64()
	t.Log("seed", first)
	for n := range uint64(60) {
		r := rand.New(rand.NewPCG(first, n))
		v := policytest.RandomView(r)
		w := policytest.Reroll(r, v)
		for i, s := range v.Subnets {
			checkACL(t, s.ACL)
			checkACL(t, policy.Meet(v, w).Subnets[i].ACL)
		}
	}
}

func TestACLsAtTheirEdges(t *testing.T) {
	entry := func(number int, allow bool, protocol, from, to int, cidr string) policy.Entry {
		return policy.Entry{Number: number, Allow: allow, What: policy.What{Protocol: protocol, From: from, To: to}, CIDR: netip.MustParsePrefix(cidr)}
	}
	for _, entries := range [][]policy.Entry{
		nil,
		policytest.AllowAll.Ingress,
		policytest.AllowAll6.Ingress,
		{entry(1, false, flow.ICMPv6, 2, -1, "::/0"), entry(2, true, flow.TCP, 22, 22, "2001:db8::/64"), entry(3, false, -1, -1, -1, "2001:db8::/32"), entry(100, true, -1, -1, -1, "::/0")},
		{entry(1, false, flow.TCP, 22, 22, "0.0.0.0/0"), entry(100, true, -1, -1, -1, "0.0.0.0/0")},
		{entry(1, true, flow.TCP, 0, 65535, "255.255.255.255/32"), entry(2, false, -1, -1, -1, "128.0.0.0/1"), entry(3, true, flow.UDP, 65535, 65535, "0.0.0.0/0")},
		{entry(1, true, flow.ICMP, 3, 4, "10.0.0.0/8"), entry(2, false, flow.ICMP, -1, -1, "10.0.0.0/9"), entry(32766, true, flow.ICMP, 8, -1, "0.0.0.0/0")},
		{entry(1, true, 47, -1, -1, "10.0.0.0/8"), entry(2, true, 58, -1, -1, "0.0.0.0/0"), entry(3, false, 47, -1, -1, "0.0.0.0/0")},
	} {
		checkACL(t, policy.ACL{Ingress: entries})
		checkACL(t, policy.ACL{Egress: entries, Ingress: policytest.AllowAll.Ingress})
	}
}
