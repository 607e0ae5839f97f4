package policytest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"crenel/flow"
	"crenel/policy"
)

// A Frame is what an interface sends, or 0: the internet.
type Frame struct {
	From  uint32
	Bytes []byte
	Shape string // what it is and what is odd about it: "arp: gratuitous"
}

// RandomFrame makes a frame of a random packet, of ARP or of neighbour discovery, or an error: as it should be or odd in one
// way, and sometimes damaged on top of that.
func RandomFrame(r *rand.Rand, v *policy.View) Frame { return new(Traffic).Frame(r, v) }

// Frame makes a RandomFrame whose packets, and what errors quote, may be of what was sent before.
func (t *Traffic) Frame(r *rand.Rand, v *policy.View) (f Frame) {
	switch n := r.IntN(10); {
	case n < 2:
		from, a := RandomARP(r, v)
		f = odd(r, Frame{from, flow.BuildARP(a), "arp"}, ofARP)
	case n < 4:
		from, n := RandomND(r, v)
		f = odd(r, Frame{from, flow.BuildND(n), "nd"}, ofND)
	case n < 7:
		f = t.quoting(r, v)
	default:
		from, p := t.Next(r, v)
		f = oddPacket(r, Frame{from, flow.Build(p), "packet"}, p.Src.Is4())
	}
	if r.IntN(4) == 0 {
		f.Bytes = damage(r, f.Bytes)
	}
	return f
}

// quoting is an error about what was sent, and mostly passed, which is quoted as it was or oddly.
func (t *Traffic) quoting(r *rand.Rand, v *policy.View) Frame {
	from, p := RandomPacket(r, v)
	for _, n := range r.Perm(len(t.known)) {
		if s := t.known[n]; s.passed && s.packet.Quote == (flow.Quote{}) || r.IntN(16) == 0 {
			from, p = s.from, s.packet
			break
		}
	}
	about := p.Reverse()
	about.Payload = min(about.Payload, 1400)
	outer := errorAbout(r, about)
	outer.Quote, outer.Payload = flow.Quote{}, 0
	is4 := about.Src.Is4()

	var q Frame
	switch r.IntN(4) {
	case 0:
		q = odd(r, Frame{from, flow.Build(about), "error"}, ofQuote)
	case 1:
		q = Frame{from, flow.Build(errorAbout(r, about)), "error: about an error"}
	default:
		q = oddPacket(r, Frame{from, flow.Build(about), "error"}, is4)
	}
	q.Bytes = append(flow.Build(outer), q.Bytes[min(len(q.Bytes), ethernet):]...)
	relength(q.Bytes, is4)
	flow.Seal(q.Bytes)
	return q
}

// An oddity does to a frame what its shape says.
type oddity struct {
	shape string
	do    func(r *rand.Rand, f []byte) []byte
}

// odd does one of them to every other frame.
func odd(r *rand.Rand, f Frame, oddities []oddity) Frame {
	if r.IntN(2) == 0 {
		return f
	}
	o := one(r, oddities...)
	return Frame{f.From, o.do(r, f.Bytes), f.Shape + ": " + o.shape}
}

// oddPacket does the same to a packet of IP, whose checksums are right afterwards.
func oddPacket(r *rand.Rand, f Frame, is4 bool) Frame {
	if f.Shape += " of ipv6"; is4 {
		f.Shape = f.Shape[:len(f.Shape)-1] + "4"
	}
	f = odd(r, f, map[bool][]oddity{true: ofIPv4, false: ofIPv6}[is4])
	flow.Seal(f.Bytes)
	return f
}

// Where the parts of a frame begin.
const (
	ethernet = 14
	ipv4     = ethernet + 20 // what follows the header
	ipv6     = ethernet + 40
)

var big = binary.BigEndian

// relength has the IP header say that the packet is as long as the frame.
func relength(f []byte, is4 bool) {
	if is4 {
		big.PutUint16(f[ethernet+2:], uint16(len(f)-ethernet))
		return
	}
	big.PutUint16(f[ethernet+4:], uint16(len(f)-ipv6))
}

// tagged puts a VLAN tag behind the MACs.
func tagged(r *rand.Rand, f []byte) []byte {
	return slices.Insert(f, 12, 0x81, 0, 0, byte(r.IntN(3)))
}

// longer has the frame go on behind its packet.
func longer(r *rand.Rand, f []byte) []byte {
	for range 1 + r.IntN(40) {
		f = append(f, byte(r.IntN(3)*85))
	}
	return f
}

// damage changes a frame without a plan, or leaves it whole. The places that it prefers are where lengths and kinds stand.
func damage(r *rand.Rand, f []byte) []byte {
	switch r.IntN(6) {
	case 0: // shorter
		f = f[:min(len(f), ethernet+r.IntN(50))]
	case 1: // of another kind
		big.PutUint16(f[12:], one(r, uint16(0x86dd), 0x8100, 0x0806, 0x0800, 60, 0x88cc))
	case 2, 3: // a byte of the headers
		f[r.IntN(min(len(f), 100))] = byte(r.IntN(256))
	case 4: // what of IPv6 says how it goes on
		if at := one(r, 14, 18, 19, 20, 21, 54, 55, 56, 57, 62, 78); at < len(f) {
			f[at] = one(r, 0, 1, 6, 17, 43, 44, 58, 59, 60, 0x60, 133, 134, 135, 136, 143, 255, f[at]-1, f[at]+1)
		}
	case 5: // version, header length, total length, fragments, the length of TCP's header
		if at := one(r, 14, 14, 16, 17, 20, 21, 46); at < len(f) {
			f[at] = one(r, 0, 1, 0x40, 0x44, 0x45, 0x46, 0x4f, 0x50, 0x60, f[at]-1, f[at]+1)
		}
	}
	return f
}
