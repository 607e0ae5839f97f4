package vpc

import (
	"crypto/rand"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReservedAddresses(t *testing.T) {
	for _, row := range []struct {
		subnet, address string
		want            bool
	}{
		{"172.31.16.0/20", "172.31.16.0", true},
		{"172.31.16.0/20", "172.31.16.1", true},
		{"172.31.16.0/20", "172.31.16.3", true},
		{"172.31.16.0/20", "172.31.16.4", false},
		{"172.31.16.0/20", "172.31.16.255", false},
		{"172.31.16.0/20", "172.31.17.0", false},
		{"172.31.16.0/20", "172.31.31.254", false},
		{"172.31.16.0/20", "172.31.31.255", true},
		{"10.0.0.240/28", "10.0.0.243", true},
		{"10.0.0.240/28", "10.0.0.244", false},
		{"10.0.0.240/28", "10.0.0.254", false},
		{"10.0.0.240/28", "10.0.0.255", true},
		{"255.255.0.0/16", "255.255.255.255", true},
		{"10.0.0.0/16", "10.0.255.255", true},
		{"2600:1f18:1:2::/64", "2600:1f18:1:2::3", true},
		{"2600:1f18:1:2::/64", "2600:1f18:1:2::4", false},
		{"2600:1f18:1:2::/64", "2600:1f18:1:2:ffff:ffff:ffff:ffff", true},
	} {
		if got := ReservedIn(netip.MustParsePrefix(row.subnet), netip.MustParseAddr(row.address)); got != row.want {
			t.Errorf("%s in %s: %v", row.address, row.subnet, got)
		}
	}
}

func TestAddressesOfAPrefix(t *testing.T) {
	for _, row := range []struct {
		prefix string
		n      uint32
		want   string
	}{
		{"10.0.0.0/16", 0, "10.0.0.0"},
		{"10.0.0.9/16", 1, "10.0.0.1"},
		{"10.0.0.0/16", 65535, "10.0.255.255"},
		{"255.255.255.240/28", 15, "255.255.255.255"},
	} {
		if got := At(netip.MustParsePrefix(row.prefix), row.n).String(); got != row.want {
			t.Errorf("%d of %s is %s, want %s", row.n, row.prefix, got, row.want)
		}
	}
}

// subnet is a State with one subnet, being edited.
func subnetted(cidr string) (*Edit, *Subnet) {
	e := New().Edit(here, noon, rand.Reader)
	v := e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false)
	return e, e.NewSubnet(v.ID, netip.MustParsePrefix(cidr), "us-east-1a", false)
}

func (e *Edit) take(n *Subnet, a netip.Addr) string {
	i := &Interface{ID: e.NewID("eni"), VPC: n.VPC, Subnet: n.ID, PrivateIP: a}
	e.Interfaces.Put(i)
	return i.ID
}

func TestFreeAddressesRunOut(t *testing.T) {
	e, n := subnetted("10.0.0.240/28")
	for last := 244; last <= 254; last++ {
		if got, want := e.FreeAddresses(n), 255-last; got != want {
			t.Errorf("%d are free, want %d", got, want)
		}
		a, ok := e.FreeAddress(n)
		if want := "10.0.0." + strconv.Itoa(last); !ok || a.String() != want {
			t.Errorf("got %v, %v; want %s", a, ok, want)
		}
		e.take(n, a)
	}
	if a, ok := e.FreeAddress(n); ok || a.IsValid() || e.FreeAddresses(n) != 0 {
		t.Errorf("a full subnet has %v", a)
	}
}

func TestFreeAddressIsTheLowestThatNoInterfaceHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, n := subnetted("10.0.1.0/27")
		other := e.NewSubnet(e.DefaultVPC().ID, n.CIDR, "us-east-1a", false) // the same addresses in another VPC
		taken := map[uint32]string{}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				at := rapid.Uint32Range(4, 30).Draw(t, "at")
				if taken[at] == "" {
					taken[at] = e.take(n, At(n.CIDR, at))
				}
			},
			"take in the other VPC": func(t *rapid.T) { e.take(other, At(n.CIDR, rapid.Uint32Range(4, 30).Draw(t, "at"))) },
			"leave": func(t *rapid.T) {
				at := rapid.Uint32Range(4, 30).Draw(t, "at")
				e.Interfaces.Delete(taken[at])
				delete(taken, at)
			},
			"": func(t *rapid.T) {
				var want netip.Addr
				for at := uint32(30); at >= 4; at-- {
					if taken[at] == "" {
						want = At(n.CIDR, at)
					}
				}
				if got, ok := e.FreeAddress(n); got != want || ok != want.IsValid() {
					t.Fatalf("got %v, %v; want %v", got, ok, want)
				}
				if got := e.FreeAddresses(n); got != 27-len(taken) {
					t.Fatalf("%d are free, want %d", got, 27-len(taken))
				}
			},
		})
	})
}

func TestPublicAddresses(t *testing.T) {
	for _, row := range []struct {
		pool string
		want []string // in turn
	}{
		{"", nil},
		{"198.18.0.0/32", nil},
		{"198.18.0.0/31", nil},
		{"198.18.0.0/30", []string{"198.18.0.2"}},
		{"198.18.5.8/29", []string{"198.18.5.10", "198.18.5.11", "198.18.5.12", "198.18.5.13", "198.18.5.14"}},
	} {
		e, n := subnetted("10.0.0.0/24")
		c := e.Cell()
		if row.pool != "" {
			c.Public = netip.MustParsePrefix(row.pool)
		}
		e.Cells.Put(&c)
		for _, want := range append(row.want, "invalid IP") {
			got, ok := e.FreePublic()
			if got.String() != want || ok != got.IsValid() {
				t.Errorf("pool %q: got %v, %v; want %s", row.pool, got, ok, want)
			}
			private, _ := e.FreeAddress(n)
			e.Interfaces.Put(&Interface{ID: e.NewID("eni"), VPC: n.VPC, Subnet: n.ID, PrivateIP: private, PublicIP: got})
		}
	}
}

func TestADelegatedPrefixHoldsNobodyElsesAddress(t *testing.T) {
	for _, row := range []struct {
		block   string
		taken   []string // by interfaces: addresses and prefixes
		want    string   // the first that is free
		refused string   // one that is not
	}{
		{"10.0.1.0/24", nil, "10.0.1.16/28", "10.0.1.0/28"},
		{"10.0.1.0/24", []string{"10.0.1.17", "10.0.1.32/28"}, "10.0.1.48/28", "10.0.1.32/28"},
		{"10.0.1.0/27", nil, "", "10.0.1.16/28"},
		{"10.0.1.0/28", nil, "", "10.0.1.0/28"},
		{"255.255.255.0/24", []string{"255.255.255.16/28"}, "255.255.255.32/28", "255.255.255.240/28"},
		{"2600:1f18:1:2::/64", []string{"2600:1f18:1:2:1::9"}, "2600:1f18:1:2:2::/80", "2600:1f18:1:2:1::/80"},
	} {
		e, n := subnetted("10.0.1.0/24")
		for _, text := range row.taken {
			i := &Interface{ID: e.NewID("eni"), VPC: n.VPC, Subnet: n.ID, PrivateIP: netip.MustParseAddr("10.0.1.4")}
			if p, err := netip.ParsePrefix(text); err == nil {
				i.Prefixes = []netip.Prefix{p}
			} else {
				i.Secondary = []netip.Addr{netip.MustParseAddr(text)}
			}
			e.Interfaces.Put(i)
		}
		block := netip.MustParsePrefix(row.block)
		got, ok := e.FreePrefix(n, block, &Interface{})
		if want := row.want; ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s without %v: %v, %v; want %s", row.block, row.taken, got, ok, want)
		}
		if ok && !e.IsFreePrefix(n, block, got, &Interface{}) {
			t.Errorf("%s: %v is free and not free", row.block, got)
		}
		if e.IsFreePrefix(n, block, netip.MustParsePrefix(row.refused), &Interface{}) {
			t.Errorf("%s without %v: %s is free", row.block, row.taken, row.refused)
		}
		if ok {
			e.Interfaces.Put(&Interface{ID: e.NewID("eni"), VPC: n.VPC, Subnet: n.ID, PrivateIP: netip.MustParseAddr("10.0.1.5"), Prefixes: []netip.Prefix{got}})
			if !e.InUse(n.VPC, Last(got)) || e.InUse(n.VPC, Last(got).Next()) {
				t.Errorf("%s: %v is delegated and its addresses, or others, are not in use", row.block, got)
			}
		}
	}
}

func TestIPv6AddressesAreOfTheSubnet(t *testing.T) {
	e, n := subnetted("10.0.1.0/24")
	if a, ok := e.FreeIPv6(n); ok {
		t.Errorf("without a range it got %v", a)
	}
	block := netip.MustParsePrefix("2600:1f18:1:2::/64")
	six := *n
	six.IPv6 = []Block{{CIDR: block}}
	seen := map[netip.Addr]bool{}
	for range 20 {
		a, ok := e.FreeIPv6(&six)
		if !ok || !block.Contains(a) || ReservedIn(block, a) || seen[a] {
			t.Errorf("got %v, %v", a, ok)
		}
		seen[a] = true
	}
}

func TestWhoTakesManyAddressesGoesOnWhereItWas(t *testing.T) {
	e, n := subnetted("10.0.1.0/28")
	c := e.Cell()
	c.Public = netip.MustParsePrefix("198.18.0.0/29")
	e.Cells.Put(&c)
	e.take(n, netip.MustParseAddr("10.0.1.6"))
	e.ElasticIPs.Put(&ElasticIP{ID: "eipalloc-1", Addr: netip.MustParseAddr("198.18.0.4")})
	var got []string
	for a, ok := e.FreeAfter(n, netip.Addr{}); ok; a, ok = e.FreeAfter(n, a) {
		got = append(got, a.String())
	}
	for a, ok := e.FreePublicAfter(netip.Addr{}); ok; a, ok = e.FreePublicAfter(a) {
		got = append(got, a.String())
	}
	want := "10.0.1.4 10.0.1.5 10.0.1.7 10.0.1.8 10.0.1.9 10.0.1.10 10.0.1.11 10.0.1.12 10.0.1.13 10.0.1.14 198.18.0.2 198.18.0.3 198.18.0.5 198.18.0.6"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
