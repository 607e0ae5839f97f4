package datapath

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"unsafe"

	"crenel/flow"
	"crenel/policy"
)

// What an extent of the heap is. Its first cell says so, and how long it is.
const (
	extentRuleset = iota + 1
	extentRoutes
	extentGroups
	extentACL
)

// Bounds that the program's searches have: see ruleset.h.
const (
	tableHead    = 3
	aclHead      = 2
	maxIntervals = 1 << 24
	maxRoutes    = 1 << 12 // intervals
	maxGroups    = 16      // of one member
)

// Classes of packets: each has tables of its own.
const (
	classTCP = iota
	classUDP
	classICMP
	classOther // judged by their number
	tableClasses
)

// A family is an IP version: each has tables of its own.
type family struct {
	protocols   [tableClasses]int // of the classes
	first, last netip.Addr
	step        int // how many cells an interval of addresses takes
}

var families = [...]*family{
	{[tableClasses]int{classTCP: flow.TCP, classUDP: flow.UDP, classICMP: flow.ICMP}, netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{255, 255, 255, 255}), 1},
	{[tableClasses]int{classTCP: flow.TCP, classUDP: flow.UDP, classICMP: flow.ICMPv6}, netip.IPv6Unspecified(),
		netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 3},
}

// has tells whether the prefix is of the IP version.
func (f *family) has(p netip.Prefix) bool { return p.IsValid() && p.Addr().Is4() == f.first.Is4() }

// tables is how many tables a ruleset has, and a network ACL: by IP version, direction and class.
const tables = len(families) * 2 * tableClasses

// tableAt is where the table stands among them, from 1.
func tableAt(family, direction, class int) int { return 1 + (family*2+direction)*tableClasses + class }

// A span is an interval of what: of ports, of ICMP types and codes, or of protocols. Both ends belong to it.
type span struct{ first, last uint16 }

// spans are the points of the class that What has.
func (f *family) spans(w policy.What, class int) []span {
	everything := []span{{0, 0xffff}}
	protocol := f.protocols[class]
	switch {
	case w.Protocol == -1:
		return everything
	case class == classOther:
		if w.Protocol < 0 || w.Protocol > 255 || slices.Contains([]int{flow.TCP, flow.UDP, flow.ICMP, flow.ICMPv6}, w.Protocol) {
			return nil
		}
		return []span{{uint16(w.Protocol), uint16(w.Protocol)}}
	case w.Protocol != protocol:
		return nil
	case class == classICMP:
		return icmpSpans(w.From, w.To)
	}
	first, last := max(w.From, 0), min(w.To, 0xffff)
	if first > last {
		return nil
	}
	return []span{{uint16(first), uint16(last)}}
}

// icmpSpans are the points of ICMP type and code, -1 of which is all.
func icmpSpans(kind, code int) (out []span) {
	byteOr := func(n int) (first, last int) {
		if n == -1 {
			return 0, 255
		}
		return n, n
	}
	if kind == -1 && code == -1 {
		return []span{{0, 0xffff}}
	}
	firstCode, lastCode := byteOr(code)
	if firstCode < 0 || lastCode > 255 {
		return nil
	}
	firstKind, lastKind := byteOr(kind)
	if firstKind < 0 || lastKind > 255 {
		return nil
	}
	for k := firstKind; k <= lastKind; k++ {
		out = append(out, span{uint16(k<<8 | firstCode), uint16(k<<8 | lastCode)})
	}
	return out
}

// A row has a bit for each interval of what.
type row []uint64

func (r row) or(o row) row {
	out := slices.Clone(r)
	for i := range o {
		out[i] |= o[i]
	}
	return out
}

// A table is what the rules of one direction allow of one class of packets.
type table struct {
	*family
	what   []uint16             // where its intervals begin
	any    row                  // of everybody
	open   row                  // of what everybody may do and everything comes back of: no state is kept of it
	cidrs  map[netip.Prefix]row // but that of everybody
	groups map[uint32]row
}

// newTable cuts the class's points at the bounds of every rule, and sets each rule's bits. back are the rules of the
// other direction.
func newTable(rules, back []policy.Rule, f *family, class int) *table {
	bounds := []int{0}
	rules = slices.DeleteFunc(slices.Clone(rules), func(r policy.Rule) bool { return r.Group == 0 && !f.has(r.CIDR) }) // which cut nothing here
	for _, r := range rules {
		for _, s := range f.spans(r.What, class) {
			bounds = append(bounds, int(s.first), int(s.last)+1)
		}
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	t := &table{family: f, cidrs: map[netip.Prefix]row{}, groups: map[uint32]row{}}
	for _, b := range bounds {
		if b <= 0xffff {
			t.what = append(t.what, uint16(b))
		}
	}
	t.any, t.open = t.row(), t.row()
	opens := f.allComesBack(back, class)
	for _, r := range rules {
		for _, s := range f.spans(r.What, class) {
			if to := t.rowOf(r); to != nil {
				t.set(to, s)
			}
			if opens && r.Everywhere(f.first) {
				t.set(t.open, s)
			}
		}
	}
	return t
}

// allComesBack tells whether a rule allows every packet of the class from, or to, everywhere. Of ICMP and other
// protocols there is always state.
func (f *family) allComesBack(rules []policy.Rule, class int) bool {
	if class != classTCP && class != classUDP {
		return false
	}
	return slices.ContainsFunc(rules, func(r policy.Rule) bool { return r.Everywhere(f.first) && r.What.AllPorts(uint8(f.protocols[class])) })
}

func (t *table) row() row { return make(row, (len(t.what)+63)/64) }

// set marks the points in the row.
func (t *table) set(to row, s span) {
	first, _ := slices.BinarySearch(t.what, s.first)
	for i := first; i < len(t.what) && t.what[i] <= s.last; i++ {
		to[i/64] |= 1 << (i % 64)
	}
}

// rowOf is the row of those whom the rule names; nil: of nobody that has an address of the IP version.
func (t *table) rowOf(r policy.Rule) row {
	switch {
	case r.Group != 0:
		if t.groups[r.Group] == nil {
			t.groups[r.Group] = t.row()
		}
		return t.groups[r.Group]
	case !t.has(r.CIDR):
		return nil
	case r.CIDR.Bits() == 0:
		return t.any
	}
	p := r.CIDR.Masked()
	if t.cidrs[p] == nil {
		t.cidrs[p] = t.row()
	}
	return t.cidrs[p]
}

func (t *table) empty() bool {
	return len(t.cidrs) == 0 && len(t.groups) == 0 && !slices.ContainsFunc(t.any, func(w uint64) bool { return w != 0 })
}

// A step is where an interval of addresses begins, and its row.
type step struct {
	first netip.Addr
	row   row
}

// who are the intervals of addresses, each with all that the CIDRs around it allow. CIDRs never cross:
// one is inside another or they are apart, so those around an address are a stack.
func (t *table) who() (steps []step) {
	type open struct {
		last netip.Addr
		row  row
	}
	stack := []open{{t.last, t.row()}}
	add := func(first netip.Addr, r row) {
		if n := len(steps); n > 0 && steps[n-1].first == first {
			steps = steps[:n-1] // of an interval without addresses
		}
		if n := len(steps); n == 0 || !slices.Equal(steps[n-1].row, r) {
			steps = append(steps, step{first, r})
		}
	}
	closeUntil := func(last netip.Addr) {
		for len(stack) > 1 && stack[len(stack)-1].last.Less(last) {
			end := stack[len(stack)-1].last
			stack = stack[:len(stack)-1]
			add(end.Next(), stack[len(stack)-1].row)
		}
	}
	add(t.first, stack[0].row)
	prefixes := slices.SortedFunc(maps.Keys(t.cidrs), netip.Prefix.Compare) // outer before inner
	for _, p := range prefixes {
		first, last := bounds(p)
		closeUntil(first)
		r := stack[len(stack)-1].row.or(t.cidrs[p])
		stack = append(stack, open{last, r})
		add(first, r)
	}
	closeUntil(t.last)
	return steps
}

// bounds are the first and the last address of the prefix.
func bounds(p netip.Prefix) (first, last netip.Addr) {
	first = p.Masked().Addr()
	b := first.AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ = netip.AddrFromSlice(b)
	return first, last
}

// interval is the cells of an interval of addresses: its value, and where it begins.
func interval(value int, first netip.Addr) []uint64 {
	if first.Is4() {
		b := first.As4()
		return []uint64{pair(value, int(binary.BigEndian.Uint32(b[:])))}
	}
	b := first.As16()
	return []uint64{pair(value, 0), binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// bytesOf is what the cells are, to compare them by, while they do not change.
func bytesOf(cells []uint64) string {
	return unsafe.String((*byte)(unsafe.Pointer(unsafe.SliceData(cells))), 8*len(cells))
}

// pair is a cell of two halves.
func pair(low, high int) uint64 { return uint64(uint32(low)) | uint64(uint32(high))<<32 }

// cells writes the table down as ruleset.h reads it.
func (t *table) cells() ([]uint64, error) {
	var steps []step
	if len(t.cidrs) > 0 {
		steps = t.who()
	}
	if len(steps) > maxIntervals {
		return nil, fmt.Errorf("rules with %d intervals of addresses: at most %d can be searched", len(steps), maxIntervals)
	}
	runs := runs(slices.Sorted(maps.Keys(t.groups)))
	words := len(t.any)
	whoAt := tableHead + 2*words + (len(t.what)+3)/4
	groupsAt := whoAt + t.step*len(steps)
	rowsAt := groupsAt + len(runs)

	out := []uint64{pair(len(t.what), words), pair(len(steps), whoAt), pair(len(runs), groupsAt)}
	out = append(out, t.any...)
	out = append(out, t.open...)
	out = append(out, packed(t.what)...)

	var rows []uint64
	known := map[string]int{} // rows are shared
	at := func(r row) int {
		key := bytesOf(r)
		if _, ok := known[key]; !ok {
			known[key] = rowsAt + len(rows)
			rows = append(rows, r...)
		}
		return known[key]
	}
	for _, s := range steps {
		out = append(out, interval(at(s.row), s.first)...)
	}
	for _, r := range runs {
		row := 0
		if r.named {
			row = at(t.groups[r.first])
		}
		out = append(out, pair(row, int(r.first)))
	}
	return append(out, rows...), nil
}

// A run is an interval of group numbers: of one that rules name, or of those that none names.
type run struct {
	first uint32
	named bool
}

func runs(groups []uint32) (out []run) {
	if len(groups) == 0 {
		return nil
	}
	out = append(out, run{0, false}) // 0 is nobody's number
	for _, g := range groups {
		if last := &out[len(out)-1]; last.first == g {
			last.named = true
		} else {
			out = append(out, run{g, true})
		}
		if g != 0xffffffff {
			out = append(out, run{g + 1, false})
		}
	}
	return out
}

// packed are the numbers, four to a cell.
func packed(ns []uint16) []uint64 {
	out := make([]uint64, (len(ns)+3)/4)
	for i, n := range ns {
		out[i/4] |= uint64(n) << (i % 4 * 16)
	}
	return out
}

// ruleset compiles the groups, in any order.
func ruleset(groups []policy.Group) ([]uint64, error) {
	out := make([]uint64, 1+tables)
	known := map[string]int{}  // tables are shared: often one serves all classes
	var rules [2][]policy.Rule // by direction
	for _, g := range groups {
		rules[0], rules[1] = append(rules[0], g.Egress...), append(rules[1], g.Ingress...)
	}
	for n := range tables {
		family, direction, class := n/(2*tableClasses), n/tableClasses%2, n%tableClasses
		t := newTable(rules[direction], rules[1-direction], families[family], class)
		if t.empty() {
			continue
		}
		cells, err := t.cells()
		if err != nil {
			return nil, err
		}
		begins := once(&out, known, cells)
		out[tableAt(family, direction, class)] = uint64(begins)
	}
	return extent(extentRuleset, out), nil
}

// once is where the cells begin in out, to which they are added if they are not there yet. known are those that are.
func once(out *[]uint64, known map[string]int, cells []uint64) int {
	key := bytesOf(cells)
	if known[key] == 0 {
		known[key] = len(*out)
		*out = append(*out, cells...)
	}
	return known[key]
}

// A way is where a route leads, as routes are compiled: which of the targets, what of it, and whether what begins there is
// tracked whatever the rules say.
type way struct {
	target  policy.Target // none of those that always track
	what    uint32
	tracked bool
}

// routes compiles a subnet's routes to intervals of addresses. wayOf says where each leads.
func routes(rs []policy.Route, wayOf func(policy.Route) way) ([]uint64, error) {
	out := make([]uint64, 2)
	var count [len(families)]int
	var ways []way
	for n, f := range families {
		before := -1
		for _, b := range f.cuts(rs) {
			w := wayOf(policy.Toward(rs, b))
			at := slices.Index(ways, w)
			if at < 0 {
				at = len(ways)
				ways = append(ways, w)
			}
			if at != before {
				out = append(out, interval(at, b)...)
				before = at
				count[n]++
			}
		}
		if count[n] > maxRoutes {
			return nil, fmt.Errorf("routes with %d intervals of addresses: at most %d can be searched", count[n], maxRoutes)
		}
	}
	out[1] = pair(count[0], count[1])
	for _, w := range ways {
		to := int(w.target)
		if w.tracked {
			to |= 1 << 8
		}
		out = append(out, pair(to, int(w.what)))
	}
	return extent(extentRoutes, out), nil
}

// cuts are the addresses at which a route begins, or is over.
func (f *family) cuts(rs []policy.Route) []netip.Addr {
	at := []netip.Addr{f.first}
	prefixes := slices.Clone(policy.Unroutable)
	for _, r := range rs {
		prefixes = append(prefixes, r.Destination)
	}
	for _, p := range prefixes {
		if f.has(p) {
			first, last := bounds(p)
			at = append(at, first)
			if last != f.last {
				at = append(at, last.Next())
			}
		}
	}
	slices.SortFunc(at, netip.Addr.Compare)
	return slices.Compact(at)
}

// groupSet writes down which groups a member carries.
func groupSet(groups []uint32) []uint64 {
	out := make([]uint64, 1, 1+len(groups))
	for _, g := range groups {
		out = append(out, uint64(g))
	}
	return extent(extentGroups, out)
}

// extent gives the cells their head: their first one is free for it.
func extent(kind int, cells []uint64) []uint64 {
	cells[0] = pair(len(cells), kind)
	return cells
}
