package datapath

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// Apply brings what is in force to the Image, with as few writes as that takes. links has the ifindex
// of the host's side of each interface's link by its number; an interface without one is left out, as
// if the View had none.
//
// There is no moment at which the maps allow what both the Image before and this one refuse, if one
// of the two allows everything that the other does. A change that both gives and takes goes through
// policy.Meet of the two: apply that first. For what is left, order matters where one thing leads to
// another, and it is always the same:
//
//  1. Extents and interfaces are written where nothing leads to them yet.
//  2. What is taken away goes: members, public and private addresses, links.
//  3. The interfaces that stay get their new rulesets, routes, network ACLs and public addresses, one store each.
//  4. What is given comes: links, private and public addresses, members.
//  5. What nothing leads to any more rests until no packet can be on its way there, and is used again.
//
// If it fails for want of room nothing has changed; otherwise it stopped on the way. Both times it
// may be called again, with the same Image or another.
func (d *Datapath) Apply(i Image, links map[uint32]int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	used := d.usedSlots()
	defer d.rest(used)
	p, err := d.plan(i, links, used)
	if err != nil {
		return err
	}
	return p.carryOut()
}

// A plan is what the maps are to hold.
type plan struct {
	d       *Datapath
	image   Image
	used    map[uint32]bool // slots, before
	slots   map[uint32]kernelInterface
	links   map[uint32]uint32
	places  map[kernelPlace]uint32
	members map[kernelPlace]uint32
}

// plan finds a place for everything, and writes what nothing leads to yet.
func (d *Datapath) plan(i Image, links map[uint32]int, used map[uint32]bool) (*plan, error) {
	p := &plan{d: d, image: i, used: used, slots: map[uint32]kernelInterface{}, links: map[uint32]uint32{},
		places: map[kernelPlace]uint32{}, members: make(map[kernelPlace]uint32, len(i.members))}
	if len(i.members) > int(d.maps.Members.MaxEntries()) {
		return nil, fmt.Errorf("apply: %d members of groups: there is room for %d", len(i.members), d.maps.Members.MaxEntries())
	}
	at, err := d.placeExtents(i)
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	for _, m := range i.members {
		p.members[kernelPlaceOf(m.place)] = at[m.groups]
	}
	return p, p.placeInterfaces(at, links)
}

// placeExtents is where each extent of the Image is in the heap; the first is none.
func (d *Datapath) placeExtents(i Image) ([]uint32, error) {
	at := make([]uint32, 1, 1+len(i.extents))
	for _, e := range i.extents {
		a, err := d.heap.put(e)
		if err != nil {
			return nil, err
		}
		at = append(at, a)
	}
	return at, nil
}

func (p *plan) placeInterfaces(at []uint32, links map[uint32]int) error {
	d := p.d
	slotOf := map[uint32]uint32{}
	for slot := range p.used {
		slotOf[d.slots[slot].Num] = slot
	}
	for _, i := range p.image.interfaces {
		ifindex, ok := links[i.num]
		if !ok {
			continue
		}
		k := kernelInterfaceOf(i, at, uint32(ifindex))
		slot, ok := slotOf[i.num]
		if !ok || identity(d.slots[slot]) != identity(k) {
			var err error
			if slot, err = p.freeSlot(); err != nil {
				return fmt.Errorf("apply: interface %d: %w", i.num, err)
			}
		}
		k.Slot, k.Adopt = slot, d.adopting[k.Ifindex]
		if other, ok := p.links[k.Ifindex]; ok {
			return fmt.Errorf("apply: interfaces %d and %d have one link", p.slots[other].Num, k.Num)
		}
		p.slots[slot] = k
		p.links[k.Ifindex] = slot
		for _, at := range i.places() {
			p.places[kernelPlaceOf(at)] = slot
		}
	}
	if n, room := len(p.places), int(d.maps.Places.MaxEntries()); n > room {
		return fmt.Errorf("apply: %d addresses of interfaces: there is room for %d", n, room)
	}
	return p.fillSlots()
}

// kernelInterfaceOf is the interface as the programs see it.
func kernelInterfaceOf(i imageInterface, at []uint32, ifindex uint32) kernelInterface {
	k := kernelInterface{Num: i.num, Vpc: i.vpc, Ifindex: ifindex, Addr: be(i.addr), Public: be(i.public), Mac: i.mac,
		Ruleset: at[i.ruleset], Routes: at[i.routes], Acl: at[i.acl], Subnet: be(i.subnet), Gateway: be(i.gateway)}
	k.Flags = kernelInterfaceFlagPRESENT
	if !i.sourceDestCheck {
		k.Flags |= kernelInterfaceFlagANY_SOURCE
	}
	if i.open {
		k.Flags |= kernelInterfaceFlagOPEN
	}
	copy(k.Timeout[:], i.timeouts[:])
	return k
}

// identity is what of an interface never changes in its slot.
func identity(k kernelInterface) kernelInterface {
	k.Slot, k.Public, k.Ruleset, k.Routes, k.Acl, k.Flags = 0, 0, 0, 0, 0, 0
	k.Adopt = 0
	clear(k.Timeout[:])
	return k
}

func kernelPlaceOf(p place) kernelPlace { return kernelPlace{Vpc: p.vpc, Addr: wide(p.addr)} }

// wide is the address, of either IP version, as programs know it.
func wide(a netip.Addr) (k kernelAddress) {
	b := a.As16()
	for n := range k.W {
		k.W[n] = binary.NativeEndian.Uint32(b[4*n:])
	}
	return k
}

// be is the IPv4 address as it lies in a packet; 0: none.
func be(a netip.Addr) uint32 {
	if !a.Is4() {
		return 0
	}
	b := a.As4()
	return binary.NativeEndian.Uint32(b[:])
}

// freeSlot is the first slot that nothing leads to, now or lately. Slot 0 is nobody's.
func (p *plan) freeSlot() (uint32, error) {
	d := p.d
	var oldest uint32
	for slot := uint32(1); slot < uint32(len(d.slots)); slot++ {
		if _, taken := p.slots[slot]; taken || p.used[slot] {
			continue
		}
		since, rests := d.resting[slot]
		if !rests || time.Since(since) >= grace {
			return slot, nil
		}
		if oldest == 0 || since.Before(d.resting[oldest]) {
			oldest = slot
		}
	}
	if oldest == 0 {
		return 0, fmt.Errorf("there is room for %d interfaces", len(d.slots)-1)
	}
	time.Sleep(time.Until(d.resting[oldest].Add(grace)))
	return oldest, nil
}

// fillSlots writes the interfaces that are new to their slot, and their counters to 0.
func (p *plan) fillSlots() error {
	d := p.d
	for slot, k := range p.slots {
		if p.used[slot] {
			continue
		}
		delete(d.resting, slot)
		if err := d.zeroCounters(slot); err != nil {
			return err
		}
		atomic.StoreUint64(&d.charge[slot], 0)
		k.Flags = 0 // until it is published
		d.slots[slot] = k
	}
	return nil
}

func (p *plan) carryOut() error {
	if err := p.take(); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	p.publish()
	if err := p.give(); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return nil
}

// take removes what leads to nothing any more. Members that lose a group lose it here.
func (p *plan) take() error {
	d := p.d
	for a, was := range d.members.held {
		is, ok := p.members[a]
		switch {
		case !ok:
			if err := d.members.remove(a); err != nil {
				return err
			}
		case is != was && !d.carriesAll(is, was):
			if err := d.members.set(a, is); err != nil {
				return err
			}
		}
	}
	if err := removeOthers(d.places, p.places); err != nil {
		return err
	}
	for ifindex := range d.links.held {
		if _, ok := p.links[ifindex]; !ok {
			if err := d.links.remove(ifindex); err != nil {
				return err
			}
		}
	}
	for slot := range p.used {
		if _, ok := p.slots[slot]; !ok {
			store((*uint32)(&d.slots[slot].Flags), 0) // connections remember slots
		}
	}
	return nil
}

// removeOthers leaves of what is held what is wanted, if with other values.
func removeOthers[K comparable](m mirror[K], wanted map[K]uint32) error {
	for k := range m.held {
		if _, ok := wanted[k]; !ok {
			if err := m.remove(k); err != nil {
				return err
			}
		}
	}
	return nil
}

// carriesAll tells whether the group set at one place has all groups of the other.
func (d *Datapath) carriesAll(set, of uint32) bool {
	has := map[uint64]bool{}
	for _, g := range d.heap.extent(set)[1:] {
		has[g] = true
	}
	for _, g := range d.heap.extent(of)[1:] {
		if !has[g] {
			return false
		}
	}
	return true
}

// publish lets the interfaces that stay have what changed of them, and the new ones be found.
func (p *plan) publish() {
	p.configure()
	for slot, k := range p.slots {
		s := &p.d.slots[slot]
		store(&s.Public, k.Public)
		store((*uint32)(&s.Flags), uint32(k.Flags))
		if k.Adopt != 0 { // else it stays: another agent may have said it
			store(&s.Adopt, k.Adopt)
		}
		for state, seconds := range k.Timeout {
			store(&s.Timeout[state], seconds)
		}
		store(&s.Routes, k.Routes)
		store(&s.Acl, k.Acl)
		store(&s.Ruleset, k.Ruleset)
	}
}

// configure writes the pools and the host's addresses. Without a pool no address is in it.
func (p *plan) configure() {
	c := p.d.config
	host, pool, mask := p.image.pools[0].words()
	store(&c.Host, host.W[3])
	store(&c.Pool, pool.W[3])
	store(&c.PoolMask, mask.W[3])
	host, pool, mask = p.image.pools[1].words()
	for n := range 4 {
		store(&c.Host6.W[n], host.W[n])
		store(&c.Pool6.W[n], pool.W[n])
		store(&c.Pool6Mask.W[n], mask.W[n])
	}
	table := p.d.maps.Conns.MaxEntries()
	store(&c.Guaranteed, guaranteed(table, len(p.image.interfaces)))
	store(&c.Shared, table/2)
}

// words are what programs read: an address is in the pool iff address & mask == pool, which none is where there is no pool.
func (p pool) words() (host, pool, mask kernelAddress) {
	if !p.of.IsValid() {
		return host, kernelAddress{W: [4]uint32{1, 1, 1, 1}}, mask
	}
	m, _ := netip.AddrFromSlice(net.CIDRMask(p.of.Bits(), p.of.Addr().BitLen()))
	return wide(p.host), wide(p.of.Addr()), wide(m)
}

// shares is into how many parts, at least, the half of the table is cut that is not shared: so interfaces that come later
// find theirs free.
const shares = 64

// guaranteed is each interface's part of that half: at least one connection.
func guaranteed(table uint32, interfaces int) uint32 {
	return max(1, table/2/uint32(max(shares, interfaces)))
}

// store publishes the number: a program that reads it reads what was written before, too.
func store(at *uint32, n uint32) {
	if atomic.LoadUint32(at) != n {
		atomic.StoreUint32(at, n)
	}
}

// give adds what is new, and leads to interfaces' new slots.
func (p *plan) give() error {
	d := p.d
	for ifindex, slot := range p.links {
		if err := d.links.set(ifindex, slot); err != nil {
			return err
		}
	}
	if err := setAll(d.places, p.places); err != nil {
		return err
	}
	return setAll(d.members, p.members)
}

func setAll[K comparable](m mirror[K], wanted map[K]uint32) error {
	for k, v := range wanted {
		if err := m.set(k, v); err != nil {
			return err
		}
	}
	return nil
}

// usedSlots are those that something leads to.
func (d *Datapath) usedSlots() map[uint32]bool {
	used := map[uint32]bool{}
	for _, slot := range d.links.held {
		used[slot] = true
	}
	for _, slot := range d.places.held {
		used[slot] = true
	}
	return used
}

// usedExtents are those that something leads to.
func (d *Datapath) usedExtents() map[uint32]bool {
	used := map[uint32]bool{}
	for _, at := range d.members.held {
		used[at] = true
	}
	for slot := range d.usedSlots() {
		used[d.slots[slot].Ruleset] = true
		used[d.slots[slot].Routes] = true
		used[d.slots[slot].Acl] = true
	}
	delete(used, 0)
	return used
}

// rest lays to rest what was in use before and is not now.
func (d *Datapath) rest(before map[uint32]bool) {
	now := d.usedSlots()
	for slot := range before {
		if !now[slot] {
			d.resting[slot] = time.Now()
		}
	}
	for slot := range now {
		delete(d.resting, slot)
	}
	d.heap.keep(d.usedExtents())
}
