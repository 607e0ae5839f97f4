package policy

import (
	"fmt"
	"net/netip"
	"slices"

	"crenel/flow"
)

// A Cost is what a View takes of a host, or, as its capacity, what a host can give.
type Cost struct {
	Interfaces int
	Addresses  int // of interfaces: in their VPCs and on the internet
	Members    int
	Cells      int // of the memory that compiled rules and routes are in, 8 bytes each
}

// CostOf is what the View takes at most. The rules are cut into intervals, of who and of what, as they
// are when they are compiled; what compiled rules share is not seen here and counted twice.
func CostOf(v *View) Cost { return costs(v, func(uint32) string { return "" })[""] }

// costs is CostOf for each owner of VPCs, by their numbers: what the View has of them, as if the rest were not there.
func costs(v *View, owner func(vpc uint32) string) map[string]Cost {
	sum, counted := map[string]Cost{}, map[string]bool{}
	add := func(vpc uint32, c Cost) {
		id := owner(vpc)
		sum[id] = sum[id].plus(c)
	}
	once := func(vpc uint32, kind string, what any, cells func() int) {
		if key := fmt.Sprint(owner(vpc), kind, what); !counted[key] {
			counted[key] = true
			add(vpc, Cost{Cells: wholeLines(cells())})
		}
	}
	groups := map[uint32]*Group{}
	for i := range v.Groups {
		groups[v.Groups[i].Num] = &v.Groups[i]
	}
	for _, i := range v.Interfaces {
		c := Cost{Interfaces: 1, Addresses: 1 + 2*len(i.IPv6)}
		if i.Public.IsValid() {
			c.Addresses++
		}
		add(i.VPC, c)
		once(i.VPC, "rules", i.Groups, func() int {
			cells := 1 + 2*len(classes)
			for _, direction := range []func(*Group) []Rule{func(g *Group) []Rule { return g.Egress }, func(g *Group) []Rule { return g.Ingress }} {
				var rules []Rule
				for _, n := range i.Groups {
					if g := groups[n]; g != nil {
						rules = append(rules, direction(g)...)
					}
				}
				for _, class := range classes {
					cells += tableCells(rules, class)
				}
			}
			return cells
		})
	}
	for _, s := range v.Subnets {
		add(s.VPC, Cost{Cells: wholeLines(4 + wideStep*2*(len(s.Routes)+len(Unroutable)))})
		once(s.VPC, "entries", s.ACL, func() int {
			cells := 1 + 2*len(classes)
			for _, class := range classes {
				cells += gridCells(s.ACL.Ingress, class) + gridCells(s.ACL.Egress, class)
			}
			return cells
		})
	}
	for _, m := range v.Members {
		add(m.VPC, Cost{Members: 1})
		once(m.VPC, "members", m.Groups, func() int { return 1 + len(m.Groups) })
	}
	return sum
}

// A class is of packets that rules are compiled apart for: of a protocol, or of all the others, of one IP version.
type class struct {
	protocol int
	is4      bool
}

const other = -1

var classes = []class{{flow.TCP, true}, {flow.UDP, true}, {flow.ICMP, true}, {other, true}, {flow.TCP, false}, {flow.UDP, false}, {flow.ICMPv6, false}, {other, false}}

// wideStep is how many cells an interval of IPv6 addresses takes; one of IPv4 takes one.
const wideStep = 3

// tableCells is how much the rules of one direction take for one class of packets: the bounds of who
// and what, and a row of bits for each interval of who.
func tableCells(rules []Rule, class class) int {
	var meant []What
	who, groups := map[netip.Prefix]bool{}, map[uint32]bool{}
	for _, r := range rules {
		switch {
		case !class.has(r.What) || r.Group == 0 && r.CIDR.Addr().Is4() != class.is4:
			continue
		case r.Group != 0:
			groups[r.Group] = true
		case r.CIDR.Bits() > 0:
			who[r.CIDR] = true
		}
		meant = append(meant, r.What)
	}
	const head = 3
	whats := intervals(meant, class.protocol)
	words, steps, runs := (whats+63)/64, 1+2*len(who), 1+2*len(groups)
	return head + 2*words + (whats+3)/4 + class.cells(steps) + runs + (steps+len(groups))*words
}

// gridCells is the same of a network ACL's entries, of which each interval of who and of what has one decision.
func gridCells(entries []Entry, class class) int {
	var meant []What
	who := map[netip.Prefix]bool{}
	for _, e := range entries {
		if class.has(e.What) && e.CIDR.Addr().Is4() == class.is4 {
			meant = append(meant, e.What)
			who[e.CIDR] = true
		}
	}
	const head = 2
	row, steps := (intervals(meant, class.protocol)+3)/4, 1+2*len(who)
	return head + row + class.cells(steps) + steps*row
}

// has tells whether packets of the class can be meant.
func (c class) has(w What) bool {
	named := slices.Contains([]int{flow.TCP, flow.UDP, flow.ICMP, flow.ICMPv6}, w.Protocol)
	return w.Protocol == -1 || w.Protocol == c.protocol || c.protocol == other && !named
}

// cells are those of so many intervals of addresses.
func (c class) cells(steps int) int {
	if c.is4 {
		return steps
	}
	return wideStep * steps
}

// intervals is into how many, at most, what is meant cuts the class's packets.
func intervals(meant []What, protocol int) int {
	bounds, extra := map[int]bool{0: true}, 0
	for _, w := range meant {
		switch {
		case w.Protocol == -1:
		case protocol == other:
			bounds[w.Protocol], bounds[w.Protocol+1] = true, true
		case protocol == flow.TCP, protocol == flow.UDP:
			bounds[w.From], bounds[w.To+1] = true, true
		case w.From == -1 && w.To != -1: // a code of every type
			extra += 512
		default:
			bounds[w.From<<8|max(w.To, 0)], bounds[w.From<<8|max(w.To, 0)+1], bounds[(w.From+1)<<8] = true, true, true
		}
	}
	return len(bounds) + extra
}

// wholeLines rounds up to cache lines, on which all that is compiled begins.
func wholeLines(cells int) int {
	const line = 8
	return (cells + line - 1) / line * line
}

// parts are what a Cost is of.
var parts = []struct {
	what string
	of   func(*Cost) *int
}{
	{"network interfaces", func(c *Cost) *int { return &c.Interfaces }},
	{"addresses of network interfaces", func(c *Cost) *int { return &c.Addresses }},
	{"private addresses of referenced security groups", func(c *Cost) *int { return &c.Members }},
	{"cells of compiled rules and routes", func(c *Cost) *int { return &c.Cells }},
}

func (c Cost) plus(d Cost) Cost {
	for _, p := range parts {
		*p.of(&c) += *p.of(&d)
	}
	return c
}
