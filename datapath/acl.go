package datapath

import (
	"fmt"
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
	who  []uint32
	what []uint16
	rows [][]uint16
}

// newGrid cuts who and what at the bounds of every entry, and paints the entries over one another, the last one first:
// what is seen at the end is the first entry that matches.
func newGrid(entries []policy.Entry, class int) *grid {
	who, what := []int{0}, []int{0}
	for _, e := range entries {
		if !e.CIDR.Addr().Is4() {
			continue
		}
		for _, s := range spans(e.What, class) {
			first, last := bounds(e.CIDR)
			who = append(who, int(first), int(last)+1)
			what = append(what, int(s.first), int(s.last)+1)
		}
	}
	g := &grid{}
	for _, b := range slices.Compact(slices.Sorted(slices.Values(who))) {
		if b <= 0xffffffff {
			g.who = append(g.who, uint32(b))
		}
	}
	for _, b := range slices.Compact(slices.Sorted(slices.Values(what))) {
		if b <= 0xffff {
			g.what = append(g.what, uint16(b))
		}
	}
	for range g.who {
		g.rows = append(g.rows, make([]uint16, len(g.what)))
	}
	for _, e := range slices.Backward(entries) {
		if e.CIDR.Addr().Is4() {
			for _, s := range spans(e.What, class) {
				g.paint(e, s)
			}
		}
	}
	return g
}

func (g *grid) paint(e policy.Entry, s span) {
	first, last := bounds(e.CIDR)
	from, _ := slices.BinarySearch(g.who, first)
	begin, _ := slices.BinarySearch(g.what, s.first)
	for i := from; i < len(g.who) && g.who[i] <= last; i++ {
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
	type interval struct {
		first uint32
		row   int // among rows
	}
	var who []interval
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
			who = append(who, interval{g.who[i], at})
		}
	}
	if len(who) > maxIntervals {
		return nil, fmt.Errorf("a network ACL with %d intervals of addresses: at most %d can be searched", len(who), maxIntervals)
	}
	whoAt := aclHead + (len(g.what)+3)/4
	rowsAt := whoAt + len(who)
	out := []uint64{pair(len(g.what), len(who)), pair(whoAt, 0)}
	out = append(out, packed(g.what)...)
	for _, w := range who {
		out = append(out, pair(rowsAt+w.row, int(w.first)))
	}
	return append(out, rows...), nil
}

// acl compiles a network ACL.
func acl(a policy.ACL) ([]uint64, error) {
	out := make([]uint64, 1+2*tableClasses)
	known := map[string]int{}
	for direction, entries := range [][]policy.Entry{a.Egress, a.Ingress} {
		for class := range tableClasses {
			at := 1 + direction*tableClasses + class
			g := newGrid(entries, class)
			if d, ok := g.only(); ok {
				out[at] = pair(0, int(d))
				continue
			}
			cells, err := g.cells()
			if err != nil {
				return nil, err
			}
			key := bytesOf(cells)
			if known[key] == 0 {
				known[key] = len(out)
				out = append(out, cells...)
			}
			out[at] = pair(known[key], 0)
		}
	}
	return extent(extentACL, out), nil
}
