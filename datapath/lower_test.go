package datapath

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"crenel/policy"
	"crenel/policy/policytest"
)

func TestEqualViewsHaveEqualImages(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	for n := range uint64(50) {
		v, w := policytest.RandomView(rand.New(rand.NewPCG(seed, n))), policytest.RandomView(rand.New(rand.NewPCG(seed, n)))
		// The order of rules says nothing.
		for i := range w.Groups {
			rules := w.Groups[i].Ingress
			rand.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		}
		a, err := Lower(v)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Lower(w)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%d: two Images of one View", n)
		}
	}
}

func TestEqualGroupsAreOneRuleset(t *testing.T) {
	v := benchView(20)
	for n := range 50 {
		i := v.Interfaces[0]
		i.Num, i.Addr, i.Public = uint32(n)+10, addr4(10<<24|uint32(n)+10), netip.Addr{}
		v.Interfaces = append(v.Interfaces, i)
	}
	before, err := Lower(benchView(20))
	if err != nil {
		t.Fatal(err)
	}
	after, err := Lower(v)
	if err != nil {
		t.Fatal(err)
	}
	if before.Cells() != after.Cells() || before.Cells() == 0 {
		t.Errorf("%d cells for 2 interfaces, %d for 52", before.Cells(), after.Cells())
	}
}

func TestAViewThatCannotBeIsRefused(t *testing.T) {
	addr := netip.MustParseAddr
	for _, c := range []struct {
		why    string
		change func(v *policy.View)
	}{
		{"number 0", func(v *policy.View) { v.Interfaces[0].Num = 0 }},
		{"two interfaces have the number 1", func(v *policy.View) { v.Interfaces[1].Num = 1 }},
		{"both have 10.0.0.4", func(v *policy.View) { v.Interfaces[1].Addr = addr("10.0.0.4") }},
		{"both have 198.18.0.4", func(v *policy.View) { v.Interfaces[1].Public = addr("198.18.0.4") }},
		{"eni-1: private address", func(v *policy.View) { v.Interfaces[0].Addr = addr("fd00::1") }},
		{"eni-1: private address", func(v *policy.View) { v.Interfaces[0].Addr = netip.Addr{} }},
		{"eni-1: public address", func(v *policy.View) { v.Interfaces[0].Public = addr("fd00::1") }},
		{"eni-1: address ::ffff:10.0.0.4 is none of IPv6", func(v *policy.View) { v.Interfaces[0].IPv6 = []netip.Addr{addr("::ffff:10.0.0.4")} }},
		{"VPC 0 both have 3fff::4", func(v *policy.View) {
			v.Interfaces = append(v.Interfaces, policy.Interface{Num: 3, VPC: 2, Addr: addr("10.0.0.4"), IPv6: []netip.Addr{addr("3fff::4")}})
			v.Interfaces[0].IPv6 = []netip.Addr{addr("3fff::4")}
		}},
		{"VPC 0 is the internet", func(v *policy.View) { v.Interfaces[0].VPC = 0 }},
		{"another VPC", func(v *policy.View) { v.Interfaces[0].VPC = 2 }},
		{"no IPv4 block", func(v *policy.View) { v.Subnets[0].CIDR = netip.MustParsePrefix("fd00::/64") }},
		{"both begin at 10.0.0.0", func(v *policy.View) {
			s := v.Subnets[0]
			s.ID, s.CIDR = "subnet-2", netip.MustParsePrefix("10.0.0.0/25")
			v.Subnets = append(v.Subnets, s)
		}},
		{"carries 17 groups", func(v *policy.View) {
			for g := range uint32(17) {
				v.Members[0].Groups = append(v.Members[0].Groups, g+1)
			}
		}},
		{"routes with", func(v *policy.View) {
			for n := range uint32(4096) {
				v.Subnets[0].Routes = append(v.Subnets[0].Routes, policy.Route{Destination: netip.PrefixFrom(addr4(n<<16), 24), Target: policy.Target(n % 3)})
			}
		}},
	} {
		v := benchView(2)
		c.change(v)
		if _, err := Lower(v); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("got %v, want %q", err, c.why)
		}
	}
}

func TestAViewWithLittleInItIsLowered(t *testing.T) {
	for _, v := range []*policy.View{
		{},
		{Interfaces: []policy.Interface{{Num: 1, VPC: 1, Addr: netip.MustParseAddr("10.0.0.4"), Subnet: "subnet-gone", Groups: []uint32{9}}}},
		{Members: []policy.Member{{VPC: 1, Addr: netip.MustParseAddr("fd00::1")}, {VPC: 1, Addr: netip.MustParseAddr("10.0.0.4")}}},
		{Public: netip.MustParsePrefix("fd00::/64")},
		{Public: netip.MustParsePrefix("255.255.255.255/32")},
		{Groups: []policy.Group{{Num: 1, Ingress: []policy.Rule{{What: policy.What{Protocol: -1}, CIDR: netip.MustParsePrefix("::/0")}, {}}}},
			Interfaces: []policy.Interface{{Num: 1, VPC: 1, Addr: netip.MustParseAddr("10.0.0.4"), IPv6: []netip.Addr{netip.MustParseAddr("fd00::4")}, Groups: []uint32{1}}}},
	} {
		if i, err := Lower(v); err != nil {
			t.Errorf("%+v: %v", v, err)
		} else if len(i.members) > 0 {
			t.Errorf("%+v: members %v", v, i.members)
		}
	}
	one, err := Lower(&policy.View{Members: []policy.Member{{VPC: 1, Addr: addr4(1), Groups: []uint32{2, 1}}, {VPC: 1, Addr: addr4(1), Groups: []uint32{3, 1}}}})
	if got := fmt.Sprint(one.extents[0].cells[1:]); err != nil || got != "[1 2 3]" {
		t.Errorf("a member that is named twice carries %s, %v", got, err)
	}
}
