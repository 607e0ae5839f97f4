package datapath

import (
	"fmt"
	"sync/atomic"
)

// linkTries is in how many places the program looks: LINK_TRIES in maps.h.
const linkTries = 4

// A linkTable is the slot of each link's interface, by ifindex, in memory that the programs read: see
// links in maps.h.
type linkTable struct {
	places []uint64
	slots  []kernelInterface
	held   map[uint32]uint32
}

func newLinkTable(places []uint64, slots []kernelInterface) linkTable {
	t := linkTable{places, slots, map[uint32]uint32{}}
	for _, slot := range places {
		if slot != 0 && slot < uint64(len(slots)) {
			t.held[slots[slot].Ifindex] = uint32(slot)
		}
	}
	return t
}

// find is the link's place, or else a free one for it; nil: there is none.
func (t linkTable) find(ifindex uint32) *uint64 {
	var free *uint64
	for try := range uint32(linkTries) {
		p := &t.places[(ifindex+try)%uint32(len(t.places))]
		switch {
		case *p == 0 && free == nil:
			free = p
		case *p != 0 && t.slots[*p].Ifindex == ifindex:
			return p
		}
	}
	return free
}

func (t linkTable) set(ifindex, slot uint32) error {
	p := t.find(ifindex)
	if p == nil {
		return fmt.Errorf("no place for link %d: the table has too many whose numbers end alike", ifindex)
	}
	atomic.StoreUint64(p, uint64(slot))
	t.held[ifindex] = slot
	return nil
}

func (t linkTable) remove(ifindex uint32) error {
	if p := t.find(ifindex); p != nil {
		atomic.StoreUint64(p, 0)
	}
	delete(t.held, ifindex)
	return nil
}
