package policytest

import (
	"math/rand/v2"
	"slices"
)

var ofARP = []oddity{
	{"of another hardware", func(r *rand.Rand, f []byte) []byte { return put(f, 14, one(r, uint16(0), 2, 6, 0x100, 0xffff)) }},
	{"of another protocol", func(r *rand.Rand, f []byte) []byte { return put(f, 16, one(r, uint16(0), 0x0806, 0x86dd, 8)) }},
	{"lengths of addresses", func(r *rand.Rand, f []byte) []byte {
		f[18+r.IntN(2)] = one(r, byte(0), 1, 3, 4, 5, 6, 7, 8, 16, 255)
		return f
	}},
	{"another operation", func(r *rand.Rand, f []byte) []byte {
		return put(f, 20, one(r, uint16(0), 2, 3, 4, 8, 9, 10, 0x100, 0xffff))
	}},
	{"gratuitous", func(r *rand.Rand, f []byte) []byte { copy(f[38:42], f[28:32]); return put(f, 20, one(r, uint16(1), 2)) }},
	{"to one", func(r *rand.Rand, f []byte) []byte { copy(f, []byte{2, 0, 0, 0, 0, 1}); return f }},
	{"cut", func(r *rand.Rand, f []byte) []byte { return f[:ethernet+r.IntN(len(f)-ethernet)] }},
	{"padded", longer},
	{"tagged", tagged},
}

// The places in neighbour discovery: its options begin at the last.
const (
	ndHops    = ethernet + 7
	ndDst     = ethernet + 24
	ndType    = ipv6
	ndTarget  = ipv6 + 8
	ndOptions = ipv6 + 24
)

var ofND = []oddity{
	{"more options after", func(r *rand.Rand, f []byte) []byte { return ofLength(append(f, ndOption(r)...)) }},
	{"more options before", func(r *rand.Rand, f []byte) []byte { return ofLength(slices.Insert(f, ndOptions, ndOption(r)...)) }},
	{"an option of length 0", func(r *rand.Rand, f []byte) []byte {
		if f = withOption(f); r.IntN(2) == 0 {
			f = slices.Insert(f, one(r, ndOptions, len(f)), 14, 0, 0, 0, 0, 0, 0, 0)
			return ofLength(f)
		}
		f[ndOptions+1] = 0
		f[ndOptions+7] ^= byte(r.IntN(2)) // another's MAC, if it were read
		return f
	}},
	{"an option that overruns", func(r *rand.Rand, f []byte) []byte {
		f = withOption(f)
		f[ndOptions+1] = one(r, byte(2), 3, 32, 255)
		f[ndOptions+7] ^= byte(r.IntN(2))
		return f
	}},
	{"cut", func(r *rand.Rand, f []byte) []byte { return ofLength(f[:ipv6+r.IntN(len(f)-ipv6)]) }},
	{"longer than it says", func(r *rand.Rand, f []byte) []byte { return longer(r, f) }},
	{"shorter than its frame", func(r *rand.Rand, f []byte) []byte { return put(f, ethernet+4, uint16(r.IntN(len(f)-ipv6))) }},
	{"no option", func(r *rand.Rand, f []byte) []byte { return ofLength(f[:ndOptions]) }},
	{"another option", func(r *rand.Rand, f []byte) []byte {
		f = withOption(f)
		f[ndOptions] = one(r, byte(0), 1, 2, 3, 5, 14)
		return f
	}},
	{"to one", func(r *rand.Rand, f []byte) []byte {
		copy(f, []byte{2, 0, 0, 0, 0, 1})
		copy(f[ndDst:], f[ndTarget:ndTarget+16])
		return f
	}},
	{"to the target's group", func(r *rand.Rand, f []byte) []byte {
		copy(f[ndDst:], []byte{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff})
		copy(f[ndDst+13:], f[ndTarget+13:ndTarget+16])
		return f
	}},
	{"about a group", func(r *rand.Rand, f []byte) []byte {
		copy(f[ndTarget:], f[ndDst:ndDst+16])
		f[ndTarget] = 0xff
		return f
	}},
	{"over a router", func(r *rand.Rand, f []byte) []byte { f[ndHops] = one(r, byte(0), 1, 64, 254); return f }},
	{"a code", func(r *rand.Rand, f []byte) []byte { f[ndType+1] = 1; return f }},
	{"flags", func(r *rand.Rand, f []byte) []byte { f[ndType+4] = byte(r.IntN(256)); return f }},
	{"another message", func(r *rand.Rand, f []byte) []byte {
		f[ndType] = one(r, byte(130), 131, 133, 134, 136, 137, 138, 143)
		return f
	}},
	{"behind extension headers", extend}, // RFC 6980
	{"a piece", func(r *rand.Rand, f []byte) []byte { return piece6(r, f) }},
	{"tagged", tagged},
}

var ofIPv4 = []oddity{
	{"odd options", optionsIPv4},
	{"shorter than its frame", func(r *rand.Rand, f []byte) []byte { return put(f, ethernet+2, uint16(r.IntN(len(f)-ethernet))) }},
	{"a little shorter", func(r *rand.Rand, f []byte) []byte { return put(f, ethernet+2, uint16(len(f)-ethernet-1-r.IntN(9))) }},
	{"longer than its frame", func(r *rand.Rand, f []byte) []byte {
		return put(f, ethernet+2, one(r, uint16(len(f)-ethernet+1), 0xffff, 0x8000))
	}},
	{"in a longer frame", longer},
	{"a piece", func(r *rand.Rand, f []byte) []byte { // flags: none, do not, more, and the one that is for nobody
		put(f, ethernet+4, one(r, uint16(7), 7, 7+64))
		return put(f, ethernet+6, one(r, uint16(0), 0, 0x2000, 0x2000, 0x4000, 0x6000, 0x8000)|one(r, uint16(0), 0, 1, 2, 3, 4, 185, 8189, 8191))
	}},
	{"header length", func(r *rand.Rand, f []byte) []byte { f[ethernet] = 0x40 | byte(r.IntN(16)); return f }},
	{"another protocol", func(r *rand.Rand, f []byte) []byte {
		f[23] = one(r, byte(0), 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132, 255)
		return f
	}},
	{"cut", func(r *rand.Rand, f []byte) []byte {
		f = f[:ipv4+r.IntN(min(41, len(f)-ipv4+1))]
		relength(f, true)
		return f
	}},
	{"tagged", tagged},
}

var ofIPv6 = []oddity{
	{"extended", extend},
	{"jumbo", func(r *rand.Rand, f []byte) []byte { // RFC 2675
		f = slices.Insert(f, ipv6, f[20], 0, 194, 4, 0, 1, 0, 0)
		f[20] = 0
		return put(f, ethernet+4, 0)
	}},
	{"no payload", func(r *rand.Rand, f []byte) []byte { return ofLength(f[:ipv6]) }},
	{"length of 0", func(r *rand.Rand, f []byte) []byte { return put(f, ethernet+4, 0) }},
	{"no next header", func(r *rand.Rand, f []byte) []byte { f[20] = 59; return f }},
	{"another next header", func(r *rand.Rand, f []byte) []byte {
		f[20] = one(r, byte(1), 4, 6, 17, 41, 50, 51, 58, 132, 135, 139, 140, 253, 254, 255)
		return f
	}},
	{"a piece", piece6},
	{"a piece extended", func(r *rand.Rand, f []byte) []byte { return extend(r, piece6(r, f)) }},
	{"shorter than its frame", func(r *rand.Rand, f []byte) []byte { return put(f, ethernet+4, uint16(r.IntN(len(f)-ipv6+1))) }},
	{"longer than its frame", func(r *rand.Rand, f []byte) []byte {
		return put(f, ethernet+4, one(r, uint16(len(f)-ipv6+1), 0xffff, 0x8000))
	}},
	{"in a longer frame", longer},
	{"cut", func(r *rand.Rand, f []byte) []byte { return ofLength(f[:ipv6+r.IntN(min(41, len(f)-ipv6+1))]) }},
	{"tagged", tagged},
}

// Of what an error quotes, in the place of a frame.
var ofQuote = []oddity{
	{"cut", func(r *rand.Rand, f []byte) []byte { return f[:ethernet+r.IntN(min(len(f)-ethernet, 80)+1)] }},
	{"cut behind extension headers", func(r *rand.Rand, f []byte) []byte {
		if f[ethernet]>>4 == 6 {
			f = extend(r, f)
		}
		return f[:ethernet+r.IntN(min(len(f)-ethernet, 140)+1)]
	}},
	{"of another version", func(r *rand.Rand, f []byte) []byte {
		f[ethernet] = one(r, byte(0x45), 0x60, 0x46, 0x50, 0x05) ^ byte(r.IntN(2))
		return f
	}},
	{"of the other version", func(r *rand.Rand, f []byte) []byte {
		if f[ethernet]>>4 == 4 {
			return append(append(f[:ethernet:ethernet], 0x60, 0, 0, 0, 0, 40, 17, 64), f[ethernet:]...)
		}
		return append(append(f[:ethernet:ethernet], 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0), f[ethernet:]...)
	}},
	{"of a mapped address", func(r *rand.Rand, f []byte) []byte {
		if f[ethernet]>>4 == 6 {
			copy(f[ethernet+one(r, 8, 24):], []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})
		}
		return f
	}},
}

func put(f []byte, at int, value uint16) []byte {
	big.PutUint16(f[at:], value)
	return f
}

// ofLength is the frame of IPv6 with its packet's length right.
func ofLength(f []byte) []byte {
	relength(f, false)
	return f
}

// withOption has neighbour discovery have an option.
func withOption(f []byte) []byte {
	if len(f) > ndOptions {
		return f
	}
	return ofLength(append(f, 1, 1, f[6], f[7], f[8], f[9], f[10], f[11]))
}

// ndOption is one or another of neighbour discovery: MACs, a prefix, an MTU, a nonce. RFC 4861 §4.6, RFC 3971 §5.3.2
func ndOption(r *rand.Rand) []byte {
	o := make([]byte, 8*one(r, 1, 1, 2, 4))
	o[0], o[1] = one(r, byte(1), 2, 3, 5, 14, 31), byte(len(o)/8)
	return o
}

// optionsIPv4 writes options of all kinds over those that are there, or makes room for them.
func optionsIPv4(r *rand.Rand, f []byte) []byte {
	if f[ethernet] == 0x45 {
		f = slices.Insert(f, ipv4, make([]byte, 4*(1+r.IntN(10)))...)
		f[ethernet] = 0x40 | byte(5+(len(f)-int(big.Uint16(f[ethernet+2:]))-ethernet)/4)
		relength(f, true)
	}
	for at := ipv4; at < ethernet+int(f[ethernet]&0xf)*4; at += 1 + r.IntN(6) {
		// The end, nothing, a route to record, times, routes to take, security, an alert, one that is unknown; and lengths.
		f[at] = one(r, byte(0), 1, 7, 68, 131, 137, 130, 148, 222, 2, 3, 4, 11, 39, 255)
	}
	return f
}

// extend puts extension headers of all kinds, up to more than are read, before what follows the IPv6 header.
func extend(r *rand.Rand, f []byte) []byte {
	var chain []byte
	for left := one(r, 1, 1, 2, 3, 8, 9); left > 0; left-- {
		kind, size := one(r, 60, 60, 60, 60, 60, 43, 44, 51, 50), r.IntN(3)
		if left == 1 && r.IntN(2) == 0 { // the first one of all
			kind = 0
		}
		h := make([]byte, 8*(size+1))
		h[1] = byte(size)
		switch kind {
		case 43:
			h[3] = byte(r.IntN(8) / 7) // segments left
		case 44:
			h = fragment6(r)
		}
		h[0], f[20] = f[20], byte(kind)
		chain = append(h, chain...)
	}
	return ofLength(slices.Insert(f, ipv6, chain...))
}

// piece6 puts a fragment header before what follows the IPv6 header.
func piece6(r *rand.Rand, f []byte) []byte {
	h := fragment6(r)
	h[0], f[20] = f[20], 44
	return ofLength(slices.Insert(f, ipv6, h...))
}

// fragment6 is a fragment header: of a whole packet, a first piece, later ones at both ends, with bits that are for nobody.
func fragment6(r *rand.Rand) []byte {
	h := make([]byte, 8)
	h[1] = byte(r.IntN(8) / 7 * 255)
	put(h, 2, one(r, uint16(0), 0, 1, 1, 1, 6, 7, 8, 9, 16, 24, 1480, 65528, 65529, 65535))
	big.PutUint32(h[4:], one(r, uint32(7), 7, 7|1<<16, 7+64, 8))
	return h
}
