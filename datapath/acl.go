package datapath

import (
	"fmt"
	"net/netip"
	"slices"

	"crenel/policy"
)

// decisionAllow is the bit of a decision that says what the entry does; the others are its number, 0 for none.
const decisionAllow = 1 << 15

func decision(e policy.Entry) uint16 {
	d := uint16(e.Number)
	if e.Allow {
		d |= decisionAllow
	}
	return d
}

// A grid has the decision for each interval of who, and in it for each interval of what.
type grid struct {
	who  []netip.Addr
	what []uint16
	rows [][]uint16
}

// newGrid cuts who and what at the bounds of every entry, and paints the entries over one another, the last one first:
// what is seen at the end is the first entry that matches.
func newGrid(entries []policy.Entry, f *family, class int) *grid {
	g := &grid{who: []netip.Addr{f.first}}
	what := []int{0}
	for _, e := range entries {
		if !f.has(e.CIDR) {
			continue
		}
		for _, s := range f.spans(e.What, class) {
			first, last := bounds(e.CIDR)
			g.who = append(g.who, first)
			if last != f.last {
				g.who = append(g.who, last.Next())
			}
			what = append(what, int(s.first), int(s.last)+1)
		}
	}
	slices.SortFunc(g.who, netip.Addr.Compare)
	g.who = slices.Compact(g.who)
	for _, b := range slices.Compact(slices.Sorted(slices.Values(what))) {
		if b <= 0xffff {
			g.what = append(g.what, uint16(b))
		}
	}
	for range g.who {
		g.rows = append(g.rows, make([]uint16, len(g.what)))
	}
	for _, e := range slices.Backward(entries) {
		if f.has(e.CIDR) {
			for _, s := range f.spans(e.What, class) {
				g.paint(e, s)
			}
		}
	}
	return g
}

func (g *grid) paint(e policy.Entry, s span) {
	first, last := bounds(e.CIDR)
	from, _ := slices.BinarySearchFunc(g.who, first, netip.Addr.Compare)
	begin, _ := slices.BinarySearch(g.what, s.first)
	for i := from; i < len(g.who) && !last.Less(g.who[i]); i++ {
		for j := begin; j < len(g.what) && g.what[j] <= s.last; j++ {
			g.rows[i][j] = decision(e)
		}
	}
}

// only is the decision that the whole grid has, if there is but one.
func (g *grid) only() (uint16, bool) {
	d := g.rows[0][0]
	for _, r := range g.rows {
		if slices.ContainsFunc(r, func(n uint16) bool { return n != d }) {
			return 0, false
		}
	}
	return d, true
}

// cells writes the grid down as acl.h reads it. Rows are shared, and neighbours that have the same one are one interval.
func (g *grid) cells() ([]uint64, error) {
	type part struct {
		first netip.Addr
		row   int // among rows
	}
	var who []part
	var rows []uint64
	known := map[string]int{}
	for i, r := range g.rows {
		cells := packed(r)
		at, ok := known[bytesOf(cells)]
		if !ok {
			at = len(rows)
			known[bytesOf(cells)] = at
			rows = append(rows, cells...)
		}
		if n := len(who); n == 0 || who[n-1].row != at {
			who = append(who, part{g.who[i], at})
		}
	}
	if len(who) > maxIntervals {
		return nil, fmt.Errorf("a network ACL with %d intervals of addresses: at most %d can be searched", len(who), maxIntervals)
	}
	whoAt := aclHead + (len(g.what)+3)/4
	rowsAt := whoAt + len(who)*len(interval(0, g.who[0]))
	out := []uint64{pair(len(g.what), len(who)), pair(whoAt, 0)}
	out = append(out, packed(g.what)...)
	for _, w := range who {
		out = append(out, interval(rowsAt+w.row, w.first)...)
	}
	return append(out, rows...), nil
}

// acl compiles a network ACL.
func acl(a policy.ACL) ([]uint64, error) {
	out := make([]uint64, 1+tables)
	known := map[string]int{}
	for n := range tables {
		family, direction, class := n/(2*tableClasses), n/tableClasses%2, n%tableClasses
		at := tableAt(family, direction, class)
		g := newGrid([...][]policy.Entry{a.Egress, a.Ingress}[direction], families[family], class)
		if d, ok := g.only(); ok {
			out[at] = pair(0, int(d))
			continue
		}
		cells, err := g.cells()
		if err != nil {
			return nil, err
		}
		begins := once(&out, known, cells)
		out[at] = pair(begins, 0)
	}
	return extent(extentACL, out), nil
}
