package policy

import (
	"encoding/binary"
	"net/netip"

	"crenel/flow"
)

const (
	// fragmentSlots is how many packets in pieces are remembered of each sender at once. A new one takes the place of the
	// one whose identification ends alike: no interface can take another's.
	fragmentSlots = 64

	// outsiders is among how many senders the addresses of the internet's side are divided. Those that share one can
	// take each other's places; by chance few do, and whoever has many addresses can do it to everybody.
	outsiders = 256

	// fragmentTimeout is for how many seconds; Linux puts pieces together for as long.
	fragmentTimeout = 30
)

// fragments are the first pieces that passed, by their sender and where they are remembered.
type fragments map[fragmentSlot]fragment

type fragmentSlot struct {
	from     uint32
	outsider uint32
	slot     uint32
}

type fragment struct {
	packet flow.Packet
	seen   uint32
}

func slotOf(from uint32, p flow.Packet) fragmentSlot {
	s := fragmentSlot{from: from, slot: p.Fragment.ID % fragmentSlots}
	if from == 0 {
		s.outsider = outsider(p.Src)
	}
	return s
}

// outsider is which of the internet's senders has the address: the highest bits of a product, which all of its bits have a
// part in. An address of IPv4 is as in IPv6.
func outsider(a netip.Addr) (n uint32) {
	b := a.As16()
	for at := 0; at < len(b); at += 4 {
		n ^= binary.BigEndian.Uint32(b[at:])
	}
	return n * 0x9e3779b1 / (1 << 32 / outsiders)
}

// remember keeps what the first piece of a packet says of it.
func (f *fragments) remember(now, from uint32, p flow.Packet) {
	if *f == nil {
		*f = fragments{}
	}
	(*f)[slotOf(from, p)] = fragment{p, now}
}

// recall is the later piece with the ports, or the type, of the first; false: that did not pass, or is forgotten. Whatever
// it is, it begins no connection of TCP.
func (f fragments) recall(now, from uint32, p flow.Packet) (flow.Packet, bool) {
	first, ok := f[slotOf(from, p)]
	q := first.packet
	if !ok || now-first.seen > fragmentTimeout || q.Fragment.ID != p.Fragment.ID || q.Src != p.Src || q.Dst != p.Dst || p.Src.Is4() && q.Protocol != p.Protocol {
		return p, false
	}
	p.Protocol = q.Protocol // a later piece of IPv6 says what its first header is
	p.SrcPort, p.DstPort, p.ICMPType, p.ICMPCode = q.SrcPort, q.DstPort, q.ICMPType, q.ICMPCode
	return p, true
}
