package datapath

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// The heap's extents begin and end at whole cache lines: this many cells.
const line = 8

func roundUp(cells int) int { return (cells + line - 1) / line * line }

// grace is how long an extent or a slot rests before it is used again: a packet that found it at the
// last moment is long through then.
const grace = time.Second

// A heap is the memory that holds extents, and which parts of it are in use. It begins with a line
// that no extent has: 0 is no extent.
type heap struct {
	cells []uint64
	known map[uint32]extentAt          // by where it begins
	bySum map[[sha256.Size]byte]uint32 // where it begins
	free  []area                       // sorted, apart
}

// An extentAt is one that was written.
type extentAt struct {
	sum     [sha256.Size]byte
	cells   int
	resting bool      // nobody points to it
	since   time.Time // when it began to rest
}

type area struct{ at, cells int }

// newHeap finds out what is free, where the extents at these places are in use.
func newHeap(cells []uint64, used []uint32) (*heap, error) {
	h := &heap{cells: cells, known: map[uint32]extentAt{}, bySum: map[[sha256.Size]byte]uint32{}}
	at := line
	for _, u := range slices.Compact(slices.Sorted(slices.Values(used))) {
		n := 0
		if int(u) < len(cells) {
			n = int(uint32(cells[u]))
		}
		if int(u) < at || n == 0 || int(u)+n > len(cells) {
			return nil, fmt.Errorf("extent %d of the heap is damaged", u)
		}
		sum := sha256.Sum256([]byte(bytesOf(cells[u : int(u)+n])))
		h.known[u] = extentAt{sum: sum, cells: n}
		h.bySum[sum] = u
		h.release(at, int(u)-at)
		at = int(u) + roundUp(n)
	}
	h.release(at, len(cells)-at)
	return h, nil
}

// put is where the extent is in the heap: where it was already, or where it is written now.
func (h *heap) put(e extentOf) (uint32, error) {
	if at, ok := h.bySum[e.sum]; ok {
		x := h.known[at]
		x.resting = false
		h.known[at] = x
		return at, nil
	}
	at, ok := h.take(roundUp(len(e.cells)))
	for !ok && h.waitForOne() {
		at, ok = h.take(roundUp(len(e.cells)))
	}
	if !ok {
		return 0, fmt.Errorf("the heap is full: no %d of its %d cells in one piece", len(e.cells), len(h.cells))
	}
	copy(h.cells[at:], e.cells)
	h.known[at] = extentAt{sum: e.sum, cells: len(e.cells)}
	h.bySum[e.sum] = at
	return at, nil
}

// extent is what is written at the place.
func (h *heap) extent(at uint32) []uint64 { return h.cells[at:][:h.known[at].cells] }

// keep lays to rest every extent that is not in use, and frees those that rested long enough.
func (h *heap) keep(used map[uint32]bool) {
	now := time.Now()
	for at, x := range h.known {
		switch {
		case used[at]:
			x.resting = false
		case !x.resting:
			x.resting, x.since = true, now
		case now.Sub(x.since) >= grace:
			h.forget(at)
			continue
		}
		h.known[at] = x
	}
}

// waitForOne frees the extent that has rested longest, when it may; false: none rests.
func (h *heap) waitForOne() bool {
	oldest, found := uint32(0), false
	for at, x := range h.known {
		if x.resting && (!found || x.since.Before(h.known[oldest].since)) {
			oldest, found = at, true
		}
	}
	if found {
		time.Sleep(time.Until(h.known[oldest].since.Add(grace)))
		h.forget(oldest)
	}
	return found
}

func (h *heap) forget(at uint32) {
	x := h.known[at]
	delete(h.known, at)
	if h.bySum[x.sum] == at {
		delete(h.bySum, x.sum)
	}
	h.release(int(at), roundUp(x.cells))
}

// take is the first free area that is large enough.
func (h *heap) take(cells int) (uint32, bool) {
	for i := range h.free {
		a := &h.free[i]
		if a.cells < cells {
			continue
		}
		at := a.at
		a.at, a.cells = a.at+cells, a.cells-cells
		if a.cells == 0 {
			h.free = slices.Delete(h.free, i, i+1)
		}
		return uint32(at), true
	}
	return 0, false
}

// release makes the area free, one with its neighbours.
func (h *heap) release(at, cells int) {
	if cells <= 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(h.free, at, func(a area, at int) int { return a.at - at })
	h.free = slices.Insert(h.free, i, area{at, cells})
	if i+1 < len(h.free) && at+cells == h.free[i+1].at {
		h.free[i].cells += h.free[i+1].cells
		h.free = slices.Delete(h.free, i+1, i+2)
	}
	if i > 0 && h.free[i-1].at+h.free[i-1].cells == at {
		h.free[i-1].cells += h.free[i].cells
		h.free = slices.Delete(h.free, i, i+1)
	}
}
