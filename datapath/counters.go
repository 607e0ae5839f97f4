package datapath

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"

	"crenel/policy"
)

// Counters are those that are not 0, by interface and reason. An interface's begin when an Image
// first has it, and end with it.
func (d *Datapath) Counters() ([]policy.Counter, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slots := d.usedSlots()
	slots[0] = true
	var out []policy.Counter
	for slot := range slots {
		var cpus []kernelCounters
		if err := d.maps.Counters.Lookup(&slot, &cpus); err != nil {
			return nil, fmt.Errorf("read counters: %w", err)
		}
		for r := range policy.Reasons {
			c := policy.Counter{Interface: d.slots[slot].Num, Reason: r}
			for _, cpu := range cpus {
				c.Packets += cpu.By[r].Packets
				c.Bytes += cpu.By[r].Bytes
			}
			if c.Packets > 0 {
				out = append(out, c)
			}
		}
	}
	slices.SortFunc(out, func(a, b policy.Counter) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Reason, b.Reason))
	})
	return out, nil
}

func (d *Datapath) zeroCounters(slot uint32) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return err
	}
	if err := d.maps.Counters.Put(&slot, make([]kernelCounters, cpus)); err != nil {
		return fmt.Errorf("counters of slot %d: %w", slot, err)
	}
	return nil
}
