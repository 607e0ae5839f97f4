package datapath

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// now is the clock that the programs read, in seconds.
func (d *Datapath) now() (uint32, error) {
	seconds, err := d.prog.Clock.Run(&ebpf.RunOptions{Data: make([]byte, 14)})
	if err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	return seconds, nil
}

// ticks is how many ticks the kernel's clock has in a second: CONFIG_HZ, of which the resolution of
// the coarse clocks tells.
func ticks() (uint32, error) {
	var tick unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &tick); err != nil {
		return 0, fmt.Errorf("read the clock's resolution: %w", err)
	}
	if tick.Nano() <= 0 {
		return 0, errors.New("the clock has no resolution")
	}
	return uint32((1e9 + tick.Nano()/2) / tick.Nano()), nil
}

// late is how long a connection stays in the table after it expired.
const late = 60

// Sweep deletes connections that expired a minute ago, and those of interfaces that are gone after a minute's silence: to the
// programs they were none since then. Should an interface be given longer timeouts during the sweep, some that they would
// have kept alive may go.
//
// A program may hold an element while it is deleted, and the kernel may give it to another connection
// at once. No harm comes of it: programs never write to an expired element, see continues in conns.h,
// and a minute is longer than a packet takes. And a connection may begin anew under its old key between
// this function's look at it and its deletion, which is a microsecond: then its next packet is judged
// by the rules again. No packet passes for it that the rules would not let by.
func (d *Datapath) Sweep() (deleted int, err error) {
	stale, err := d.staleness()
	if err != nil {
		return 0, err
	}
	before, count := d.charged(), map[uint32]uint64{} // by interface
	err = d.connections(func(k kernelConnectionKey, c kernelConnection) error {
		if !stale(k, c) {
			count[k.Interface]++
			return nil
		}
		// The look at the batch is older: look again.
		err := d.maps.Conns.Lookup(&k, &c)
		if err == nil && stale(k, c) {
			err = again(func() error { return d.maps.Conns.Delete(&k) })
			deleted++
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return deleted, fmt.Errorf("sweep connections: %w", err)
	}
	d.recharge(before, count)
	return deleted, nil
}

// staleness tells of connections whether they may be deleted, as of now.
func (d *Datapath) staleness() (func(kernelConnectionKey, kernelConnection) bool, error) {
	now, err := d.now()
	if err != nil {
		return nil, err
	}
	timeouts := d.timeouts()
	return func(k kernelConnectionKey, c kernelConnection) bool {
		states := timeouts[k.Interface] // 0 of an interface that is gone: nobody is at that end any more
		return int32(now-c.Seen) > int32(states[c.State&0xf])+late
	}, nil
}

// charged is what the interfaces are charged, by number; of 0 what all share.
func (d *Datapath) charged() map[uint32]uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	charged := map[uint32]uint64{0: atomic.LoadUint64(&d.charge[0])}
	for slot := range d.usedSlots() {
		charged[d.slots[slot].Num] = atomic.LoadUint64(&d.charge[slot])
	}
	return charged
}

// recharge charges the interfaces for what they were counted to have, instead of what they were charged before the
// count. What began meanwhile is charged on top, and may be counted too, until the next time. Connections of interfaces that
// are gone take from what all share.
func (d *Datapath) recharge(before, count map[uint32]uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	shared := uint64(0)
	for slot := range d.usedSlots() {
		num := d.slots[slot].Num
		has := count[num]
		delete(count, num)
		if was, ok := before[num]; ok {
			atomic.AddUint64(&d.charge[slot], has-was)
		}
		if has > uint64(d.config.Guaranteed) {
			shared += has - uint64(d.config.Guaranteed)
		}
	}
	for _, n := range count {
		shared += n
	}
	atomic.AddUint64(&d.charge[0], shared-before[0])
}

// timeouts are those of the interfaces in force, by their numbers.
func (d *Datapath) timeouts() map[uint32][16]uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[uint32][16]uint32{}
	for slot := range d.usedSlots() {
		all[d.slots[slot].Num] = d.slots[slot].Timeout
	}
	return all
}

// Connections is how many entries the table has, those included that expired and were not swept yet.
// A connection of two interfaces of this host has two.
func (d *Datapath) Connections() (n int, err error) {
	err = d.connections(func(kernelConnectionKey, kernelConnection) error { n++; return nil })
	return n, err
}

// connections calls do with every connection. Those that come and go meanwhile may be left out.
func (d *Datapath) connections(do func(kernelConnectionKey, kernelConnection) error) error {
	var cursor ebpf.MapBatchCursor
	keys, values := make([]kernelConnectionKey, 4096), make([]kernelConnection, 4096)
	for {
		n, err := d.maps.Conns.BatchLookup(&cursor, keys, values, nil)
		for i := range n {
			if err := do(keys[i], values[i]); err != nil {
				return err
			}
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil // that was the last batch
		}
		if err != nil {
			return err
		}
	}
}
