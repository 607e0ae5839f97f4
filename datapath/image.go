package datapath

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"crenel/flow"
	"crenel/policy"
)

// An Image is a View as the maps hold it, but for where in them: what is compiled, and who points to
// it. Equal Views have equal Images.
type Image struct {
	pools      [len(families)]pool
	extents    []extentOf // distinct; Interfaces and members say which by its place here, from 1
	interfaces []imageInterface
	members    []imageMember
}

// A pool is what public addresses of an IP version are of, and which of them is the host's; zero: there are none.
type pool struct {
	of   netip.Prefix
	host netip.Addr
}

// An extentOf is what goes into one extent of the heap.
type extentOf struct {
	sum   [sha256.Size]byte // of the cells: extents are found again by it
	cells []uint64
}

type imageInterface struct {
	num, vpc        uint32
	addr, public    netip.Addr // public: zero: none
	ipv6            []netip.Addr
	mac             flow.MAC
	sourceDestCheck bool
	open            bool
	timeouts        [policy.ConnStates]uint32
	subnet, gateway netip.Addr // the subnet's first addresses; zero: the View has no such subnet
	ruleset, routes int        // 0: none, which allows nothing and leads nowhere
	acl             int        // 0: none, which denies everything
}

type imageMember struct {
	place
	groups int
}

// Cells is how much of the heap the Image takes.
func (i Image) Cells() int {
	n := 0
	for _, e := range i.extents {
		n += roundUp(len(e.cells))
	}
	return n
}

// Lower compiles the View. The error is of a View that cannot be, such as two interfaces with one address.
func Lower(v *policy.View) (Image, error) {
	l := lowering{view: v, bySum: map[[sha256.Size]byte]int{}, rulesets: map[string]int{}}
	for n, p := range []netip.Prefix{v.Public, v.IPv6} {
		if families[n].has(p) {
			l.image.pools[n] = pool{p.Masked(), v.Host(p.Addr())}
		}
	}
	if err := l.subnets(); err != nil {
		return Image{}, err
	}
	for i := range v.Interfaces {
		if err := l.add(&v.Interfaces[i]); err != nil {
			return Image{}, fmt.Errorf("interface %s: %w", v.Interfaces[i].ID, err)
		}
	}
	if err := l.distinct(); err != nil {
		return Image{}, err
	}
	return l.image, l.members()
}

type lowering struct {
	view     *policy.View
	image    Image
	bySum    map[[sha256.Size]byte]int
	rulesets map[string]int // by the numbers of their groups
	routes   map[string]int // by the id of their subnet
	acls     map[string]int
	subnet   map[string]*policy.Subnet
}

// extent is the place of the cells among the Image's extents.
func (l *lowering) extent(cells []uint64) int {
	sum := sha256.Sum256([]byte(bytesOf(cells)))
	if l.bySum[sum] == 0 {
		l.image.extents = append(l.image.extents, extentOf{sum, cells})
		l.bySum[sum] = len(l.image.extents)
	}
	return l.bySum[sum]
}

// subnets compiles the routes and the network ACL of each. Neighbours are told by their subnet's first address: so no two
// of a VPC may have the same.
func (l *lowering) subnets() error {
	taken := map[place]string{}
	l.routes, l.acls, l.subnet = map[string]int{}, map[string]int{}, map[string]*policy.Subnet{}
	for i := range l.view.Subnets {
		s := &l.view.Subnets[i]
		if _, ok := l.subnet[s.ID]; ok {
			continue
		}
		if !s.CIDR.IsValid() || !s.CIDR.Addr().Is4() {
			return fmt.Errorf("subnet %s: %s is no IPv4 block", s.ID, s.CIDR)
		}
		at := place{s.VPC, s.CIDR.Masked().Addr()}
		if other, ok := taken[at]; ok {
			return fmt.Errorf("subnets %s and %s both begin at %s", other, s.ID, at.addr)
		}
		taken[at] = s.ID
		l.subnet[s.ID] = s
		cells, err := routes(s.Routes, func(r policy.Route) way { return l.way(s, r) })
		if err != nil {
			return fmt.Errorf("subnet %s: %w", s.ID, err)
		}
		l.routes[s.ID] = l.extent(cells)
		if cells, err = acl(s.ACL); err != nil {
			return fmt.Errorf("subnet %s: %w", s.ID, err)
		}
		l.acls[s.ID] = l.extent(cells)
	}
	return nil
}

// way is where the route leads interfaces of the subnet: to another interface by its address in their VPC, if that is there.
func (l *lowering) way(s *policy.Subnet, r policy.Route) way {
	w := way{target: r.Target, what: r.Num}
	switch r.Target {
	case policy.EgressOnly:
		w = way{target: policy.Internet, tracked: true}
	case policy.NetworkInterface, policy.NATGateway:
		w = way{target: policy.NetworkInterface, tracked: r.Target == policy.NATGateway}
		for _, i := range l.view.Interfaces {
			if i.Num == r.Num && i.VPC == s.VPC {
				w.what = be(i.Addr)
			}
		}
	}
	return w
}

func (l *lowering) add(i *policy.Interface) error {
	out := imageInterface{num: i.Num, vpc: i.VPC, addr: i.Addr, public: i.Public, ipv6: i.IPv6, mac: i.MAC, sourceDestCheck: i.SourceDestCheck, open: i.Open}
	for s := range policy.ConnStates {
		out.timeouts[s] = i.Timeout(s)
	}
	switch {
	case i.Num == 0:
		return fmt.Errorf("number 0 is the internet's")
	case i.VPC == 0:
		return fmt.Errorf("VPC 0 is the internet")
	case !i.Addr.Is4() || i.Addr.IsUnspecified():
		return fmt.Errorf("private address %s is none of IPv4", i.Addr)
	case i.Public.IsValid() && (!i.Public.Is4() || i.Public.IsUnspecified()):
		return fmt.Errorf("public address %s is none of IPv4", i.Public)
	}
	for _, a := range i.IPv6 {
		if !a.Is6() || a.Is4In6() || a.IsUnspecified() || a.Zone() != "" {
			return fmt.Errorf("address %s is none of IPv6", a)
		}
	}
	if s := l.subnet[i.Subnet]; s != nil {
		if s.VPC != i.VPC {
			return fmt.Errorf("subnet %s is of another VPC", s.ID)
		}
		out.subnet = s.CIDR.Masked().Addr()
		out.gateway = out.subnet.Next()
		out.routes, out.acl = l.routes[s.ID], l.acls[s.ID]
	}
	var err error
	out.ruleset, err = l.ruleset(i.Groups)
	l.image.interfaces = append(l.image.interfaces, out)
	return err
}

// ruleset is what all groups with the numbers allow together.
func (l *lowering) ruleset(nums []uint32) (int, error) {
	nums = slices.Compact(slices.Sorted(slices.Values(nums)))
	key := fmt.Sprint(nums)
	if at, ok := l.rulesets[key]; ok {
		return at, nil
	}
	var groups []policy.Group
	for _, g := range l.view.Groups {
		if _, ok := slices.BinarySearch(nums, g.Num); ok {
			groups = append(groups, g)
		}
	}
	cells, err := ruleset(groups)
	if err != nil {
		return 0, err
	}
	l.rulesets[key] = l.extent(cells)
	return l.rulesets[key], nil
}

// distinct puts the interfaces in order, and refuses two with one number or address.
func (l *lowering) distinct() error {
	is := l.image.interfaces
	slices.SortFunc(is, func(a, b imageInterface) int { return cmp.Compare(a.num, b.num) })
	taken := map[place]uint32{}
	for n, i := range is {
		if n > 0 && is[n-1].num == i.num {
			return fmt.Errorf("two interfaces have the number %d", i.num)
		}
		for _, at := range i.places() {
			if other, ok := taken[at]; ok {
				return fmt.Errorf("interfaces %d and %d of VPC %d both have %s", other, i.num, at.vpc, at.addr)
			}
			taken[at] = i.num
		}
	}
	return nil
}

// A place is an address in a VPC, or, in VPC 0, on the internet.
type place struct {
	vpc  uint32
	addr netip.Addr
}

// places are where the interface is.
func (i imageInterface) places() []place {
	all := []place{{i.vpc, i.addr}}
	if i.public.IsValid() {
		all = append(all, place{0, i.public})
	}
	for _, a := range i.ipv6 {
		all = append(all, place{i.vpc, a}, place{0, a})
	}
	return all
}

// members are those that carry a group, by VPC and address.
func (l *lowering) members() error {
	groups := map[place][]uint32{}
	for _, m := range l.view.Members {
		if len(m.Groups) > 0 {
			at := place{m.VPC, m.Addr}
			groups[at] = append(groups[at], m.Groups...)
		}
	}
	order := slices.SortedFunc(maps.Keys(groups), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.vpc, b.vpc), a.addr.Compare(b.addr))
	})
	sets := map[string]int{} // few, of many members
	for _, at := range order {
		nums := slices.Compact(slices.Sorted(slices.Values(groups[at])))
		if len(nums) > maxGroups {
			return fmt.Errorf("%s of VPC %d carries %d groups: at most %d can be told", at.addr, at.vpc, len(nums), maxGroups)
		}
		key := fmt.Sprint(nums)
		if sets[key] == 0 {
			sets[key] = l.extent(groupSet(nums))
		}
		l.image.members = append(l.image.members, imageMember{at, sets[key]})
	}
	return nil
}
