package datapath

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"crenel/policy"
)

// imageOf is the View's Image as text, with everything in the place of the number that says where it is.
func imageOf(v *policy.View) (string, error) {
	i, err := Lower(v)
	if err != nil {
		return "", err
	}
	cells := func(at int) []uint64 {
		if at == 0 {
			return nil
		}
		return i.extents[at-1].cells
	}
	var lines []string
	for _, x := range i.interfaces {
		lines = append(lines, describe(x.num, x.vpc, be(x.addr), be(x.public), x.mac, flagsOf(x.sourceDestCheck, x.open), be(x.subnet), be(x.gateway), cells(x.ruleset), cells(x.routes), cells(x.acl), x.timeouts[:]))
		for _, at := range x.places() {
			lines = append(lines, fmt.Sprintf("at %d %s is %d", at.vpc, at.addr, x.num))
		}
	}
	for _, m := range i.members {
		lines = append(lines, fmt.Sprintf("member %d %s %x", m.vpc, m.addr, cells(m.groups)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}

// image is what the maps hold, in imageOf's words. It is read from the kernel.
func (d *Datapath) image() string {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	links := newLinkTable(d.links.places, d.slots)
	places, err := newMirror[kernelPlace](d.maps.Places)
	must(err)
	members, err := newMirror[kernelPlace](d.maps.Members)
	must(err)

	cells := func(at uint32) []uint64 {
		if at == 0 {
			return nil
		}
		return d.heap.cells[at:][:uint32(d.heap.cells[at])]
	}
	var lines []string
	for ifindex, slot := range links.held {
		k := d.slots[slot]
		if k.Ifindex != ifindex || k.Slot != slot || k.Flags&kernelInterfaceFlagPRESENT == 0 {
			lines = append(lines, fmt.Sprintf("slot %d is of link %d and says %d, %d", slot, ifindex, k.Slot, k.Ifindex))
		}
		lines = append(lines, describe(k.Num, k.Vpc, k.Addr, k.Public, k.Mac, flagsOf(k.Flags&kernelInterfaceFlagANY_SOURCE == 0, k.Flags&kernelInterfaceFlagOPEN != 0), k.Subnet, k.Gateway, cells(k.Ruleset), cells(k.Routes), cells(k.Acl), k.Timeout[:policy.ConnStates]))
	}
	for a, slot := range places.held {
		lines = append(lines, fmt.Sprintf("at %d %s is %d", a.Vpc, narrow(a.Addr), d.slots[slot].Num))
	}
	for a, at := range members.held {
		lines = append(lines, fmt.Sprintf("member %d %s %x", a.Vpc, narrow(a.Addr), cells(at)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func describe(num, vpc, addr, public uint32, mac [6]byte, flags string, subnet, gateway uint32, ruleset, routes, acl []uint64, timeouts []uint32) string {
	return fmt.Sprintf("interface %d vpc %d %s %s %x %s subnet %s %s\n ruleset %x\n routes %x\n acl %x timeouts %d", num, vpc, addrOf(addr), addrOf(public), mac, flags,
		addrOf(subnet), addrOf(gateway), ruleset, routes, acl, timeouts)
}

func flagsOf(check, open bool) string { return fmt.Sprintf("check %v open %v", check, open) }

// narrow is the address that programs know as k.
func narrow(k kernelAddress) netip.Addr {
	var b [16]byte
	for n, w := range k.W {
		binary.NativeEndian.PutUint32(b[4*n:], w)
	}
	return netip.AddrFrom16(b).Unmap()
}

func addrOf(n uint32) netip.Addr {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// check finds areas that are lost, or in two uses.
func (h *heap) check() error {
	areas := slices.Clone(h.free)
	for at, x := range h.known {
		areas = append(areas, area{int(at), roundUp(x.cells)})
		if uint32(h.cells[at]) != uint32(x.cells) {
			return fmt.Errorf("heap: extent %d has %d cells and says %d", at, x.cells, uint32(h.cells[at]))
		}
	}
	slices.SortFunc(areas, func(a, b area) int { return a.at - b.at })
	next := line
	for _, a := range areas {
		if a.at != next {
			return fmt.Errorf("heap: an area ends at %d and the next begins at %d", next, a.at)
		}
		next = a.at + a.cells
	}
	if next != len(h.cells) {
		return fmt.Errorf("heap: the last area ends at %d of %d", next, len(h.cells))
	}
	return nil
}
