package vpc

import (
	"crypto/rand"
	"net/netip"
	"strconv"
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
