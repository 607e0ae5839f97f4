package flow

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
)

var (
	web  = netip.MustParseAddr("10.0.1.10")
	db   = netip.MustParseAddr("10.0.2.10")
	web6 = netip.MustParseAddr("3fff:0:0:1::a")
	db6  = netip.MustParseAddr("3fff:0:0:2::a")
	a    = MAC{0x0a, 0, 0, 0, 0, 1}
	b    = MAC{0x0a, 0, 0, 0, 0, 2}
)

func tcp(flags uint8) Packet {
	return Packet{SrcMAC: a, DstMAC: b, Src: web, Dst: db, Protocol: TCP, SrcPort: 40000, DstPort: 5432, TCPFlags: flags}
}

func udp(payload int) Packet {
	return Packet{SrcMAC: a, DstMAC: b, Src: web, Dst: db, Protocol: UDP, SrcPort: 40000, DstPort: 53, Payload: payload}
}

func ping(id uint16) Packet {
	return Packet{SrcMAC: a, DstMAC: b, Src: web, Dst: db, Protocol: ICMP, ICMPType: EchoRequest, SrcPort: id}
}

func other(protocol uint8) Packet {
	return Packet{SrcMAC: a, DstMAC: b, Src: web, Dst: db, Protocol: protocol, Payload: 5}
}

func unreachable() Packet {
	return Packet{SrcMAC: a, DstMAC: b, Src: web, Dst: db, Protocol: ICMP, ICMPType: 3, ICMPCode: 4, Payload: 28}
}

// about is an error about the packet.
func about(q Packet) Packet {
	p := unreachable()
	p.Quote = q.Quoted()
	return p
}

// piece is a fragment of the packet.
func piece(offset int, more bool, p Packet) Packet {
	p.Fragment = Fragment{ID: 77, Offset: offset, More: more}
	if offset > 0 {
		p.SrcPort, p.DstPort, p.TCPFlags, p.ICMPType, p.ICMPCode = 0, 0, 0, 0, 0
	}
	return p
}

// six is the packet in IPv6.
func six(p Packet) Packet {
	types := map[uint8]uint8{EchoRequest: EchoRequestV6, EchoReply: EchoReplyV6, Unreachable: TooBigV6}
	turn := func(src, dst *netip.Addr, protocol, kind *uint8) {
		to := map[netip.Addr]netip.Addr{web: web6, db: db6}
		*src, *dst = to[*src], to[*dst]
		if *protocol == ICMP {
			*protocol, *kind = ICMPv6, types[*kind]
		}
	}
	turn(&p.Src, &p.Dst, &p.Protocol, &p.ICMPType)
	if p.Quote.IsValid() {
		turn(&p.Quote.Src, &p.Quote.Dst, &p.Quote.Protocol, &p.Quote.ICMPType)
		p.Payload += 20
	}
	return p
}

// routed is a packet of UDP with a routing header that has so many ways to go.
func routed(left byte) []byte {
	frame := Build(six(options(8, udp(0))))
	frame[20], frame[57] = routing, left
	return frame
}

// chain is a packet of UDP with so many extension headers.
func chain(n int) []byte {
	frame := Build(six(options(8*n, udp(0))))
	for i := range n {
		at := ethernetHeader + ipv6Header + 8*i
		copy(frame[at:], []byte{destinationOptions, 0, 1, 4, 0, 0, 0, 0})
		if i == n-1 {
			frame[at] = UDP
		}
	}
	return frame
}

func options(n int, p Packet) Packet { p.Options = n; return p }

func TestParseReadsWhatBuildMade(t *testing.T) {
	for _, p := range []Packet{
		tcp(SYN), tcp(SYN | ACK), tcp(255), tcp(0), options(40, tcp(RST)),
		udp(0), udp(1), udp(1472), options(4, udp(3)), udp(65535 - 28),
		ping(1), ping(0), ping(65535), ping(7).Reverse(), unreachable(), options(8, unreachable()),
		about(tcp(SYN)), about(udp(9)), about(ping(7)), about(ping(7).Reverse()), about(other(47)), options(40, about(about(udp(1)))),
		piece(0, true, udp(16)), piece(24, true, udp(16)), piece(40, false, udp(3)), piece(65528, false, udp(1)), piece(8, false, udp(1)),
		piece(0, true, tcp(SYN)), piece(24, false, tcp(0)), piece(0, true, ping(7)), piece(1480, false, ping(0)), piece(0, true, other(47)), piece(8, true, other(47)),
		other(0), other(2), other(47), other(58), other(255),
		six(tcp(SYN)), six(tcp(255)), six(options(8, tcp(RST))), six(options(4096, tcp(0))), six(udp(0)), six(udp(1)), six(options(2048, udp(7))), six(udp(65535 - 8)),
		six(ping(1)), six(ping(0)), six(ping(7)).Reverse(), six(unreachable()), six(options(40, unreachable())),
		six(about(tcp(SYN))), six(about(udp(9))), six(about(ping(7))), six(about(ping(7).Reverse())), six(about(other(47))),
		six(piece(0, true, udp(16))), six(piece(24, true, udp(16))), six(piece(65528, false, udp(1))), six(options(8, piece(8, false, udp(1)))), six(options(8, piece(0, true, tcp(SYN)))),
		six(piece(24, false, tcp(0))), six(piece(0, true, ping(7))), six(other(2)), six(other(47)), six(other(59)), six(other(255)), {Src: web6, Dst: db6, Protocol: ICMP, Payload: 4},
	} {
		holds(t, p)
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		holds(t, random(r))
	}
	if t.Failed() {
		t.Logf("seed %d", seed)
	}
}

func holds(t *testing.T, p Packet) {
	t.Helper()
	frame := Build(p)
	if got, err := Parse(frame); got != p || err != nil {
		t.Errorf("%v\n got %+v, %v\nwant %+v", p, got, err, p)
	}
	if err := Checksums(frame); err != nil {
		t.Error(err)
	}
	if back := p.Reverse().Reverse(); back != p {
		t.Errorf("turned round twice\n got %+v\nwant %+v", back, p)
	}
}

func random(r *rand.Rand) Packet {
	p := Packet{Src: netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), 0, 255}), Dst: netip.AddrFrom4([4]byte{255, 255, byte(r.Uint32())}),
		Protocol: []uint8{TCP, UDP, ICMP, byte(r.Uint32())}[r.IntN(4)], Options: 4 * r.IntN(11), Payload: r.IntN(100)}
	if r.IntN(2) == 0 {
		p = randomIPv6(r)
	}
	if r.IntN(4) == 0 {
		p.Fragment = Fragment{ID: uint32(uint16(r.Uint32())), Offset: 8 * r.IntN(8192), More: r.IntN(2) == 0}
		if p.Src.Is6() {
			p.Fragment.ID = r.Uint32()
		}
		if p.Fragment.Later() {
			p.Fragment.Offset = max(p.Fragment.Offset, 24)
			return p
		}
		if !p.Fragment.More {
			p.Fragment = Fragment{}
		}
	}
	p.ICMPType, p.ICMPCode = uint8(r.IntN(12)), uint8(r.Uint32())
	if p.Src.Is6() {
		p.ICMPType = []uint8{0, 1, 2, 3, 4, 8, EchoRequestV6, EchoReplyV6, 255}[r.IntN(9)]
	}
	switch {
	case p.Protocol == TCP:
		p.SrcPort, p.DstPort, p.TCPFlags = uint16(r.Uint32()), uint16(r.Uint32()), uint8(r.Uint32())
	case p.Protocol == UDP, p.Asks():
		p.SrcPort = uint16(r.Uint32())
	}
	if p.Protocol == UDP || p.Answers() {
		p.DstPort = uint16(r.Uint32())
	}
	if p.Error() && r.IntN(2) == 0 {
		q := random(r)
		for q.Src.Is4() != p.Src.Is4() || q.Src.Is6() && extension(q.Protocol) {
			q = random(r)
		}
		p.Quote = q.Quoted()
		p.Payload += len(quoted(p.Quote))
	}
	if !p.IsICMP() {
		p.ICMPType, p.ICMPCode = 0, 0
	}
	return p
}

func randomIPv6(r *rand.Rand) Packet {
	p := Packet{Src: web6, Dst: db6, Protocol: []uint8{TCP, UDP, ICMPv6, byte(r.Uint32())}[r.IntN(4)], Options: 8 * r.IntN(300) * r.IntN(2), Payload: r.IntN(100)}
	for extension(p.Protocol) {
		p.Protocol++
	}
	return p
}

func extension(protocol uint8) bool {
	return protocol == hopByHop || protocol == routing || protocol == fragmented || protocol == destinationOptions
}

// A frame whose IP header is known from elsewhere: the usual example of RFC 1071's checksum.
func TestParseReadsARealFrame(t *testing.T) {
	frame := []byte{
		0x02, 0, 0, 0, 0, 1, 0x0a, 0, 0, 0, 0, 9, 0x08, 0x00, // ethernet
		0x45, 0, 0, 0x3c, 0x1c, 0x46, 0x40, 0, 0x40, 6, 0xb1, 0xe6, 0xac, 0x10, 0x0a, 0x63, 0xac, 0x10, 0x0a, 0x0c,
		0x9c, 0x40, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0, // a SYN with 20 bytes of options
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
	}
	want := Packet{SrcMAC: MAC{0x0a, 0, 0, 0, 0, 9}, DstMAC: MAC{2, 0, 0, 0, 0, 1}, Src: netip.MustParseAddr("172.16.10.99"),
		Dst: netip.MustParseAddr("172.16.10.12"), Protocol: TCP, SrcPort: 40000, DstPort: 80, TCPFlags: SYN}
	if got, err := Parse(frame); got != want || err != nil {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	padded := append(bytes.Clone(frame), make([]byte, 18)...)
	if got, err := Parse(padded); got != want || err != nil {
		t.Errorf("padded: got %+v, %v\nwant %+v", got, err, want)
	}
	if sum(0, frame[14:34]) != 0xffff {
		t.Errorf("sum(its IP header) = %#04x: a published right checksum is taken for wrong", sum(0, frame[14:34]))
	}
}

func TestWhatIsNoPacketSaysWhy(t *testing.T) {
	with := func(p Packet, at int, values ...byte) []byte {
		frame := Build(p)
		copy(frame[at:], values)
		return frame
	}
	short := func(p Packet, n int) []byte { return Build(p)[:n] }
	for _, c := range []struct {
		name  string
		want  error
		frame []byte
	}{
		{"nothing", Malformed, nil},
		{"13 bytes", Malformed, short(udp(0), 13)},
		{"an Ethernet header alone", Malformed, short(udp(0), 14)},
		{"an Ethernet header of IPv6 alone", Malformed, with(udp(0), 12, 0x86, 0xdd)[:14]},
		{"IPv4 that says it is IPv6", Malformed, with(udp(20), 12, 0x86, 0xdd)},
		{"39 bytes of IPv6", Malformed, short(six(udp(0)), 53)},
		{"IPv6 of version 4", Malformed, with(six(udp(0)), 14, 0x45)},
		{"IPv6 longer than the frame", Malformed, with(six(udp(0)), 18, 0, 9)},
		{"from an IPv4 address in IPv6", Malformed, with(six(udp(0)), 22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1)},
		{"to an IPv4 address in IPv6", Malformed, with(six(udp(0)), 38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1)},
		{"7 bytes of UDP in IPv6", Malformed, with(six(udp(0)), 18, 0, 7)},
		{"an extension header longer than the packet", Malformed, with(six(options(8, udp(0))), 55, 2)},
		{"an extension header alone, cut", Malformed, with(six(options(8, udp(0))), 18, 0, 7)},
		{"hop by hop that is not first", Malformed, with(six(options(2056, udp(0))), 54, 0)},
		{"a routing header with a way to go", Unsupported, routed(1)},
		{"nine extension headers", Unsupported, chain(9)},
		{"two fragment headers", Malformed, with(six(piece(0, true, udp(16))), 54, fragmented)},
		{"a later fragment of IPv6 over the first one's TCP header", Malformed, with(six(piece(24, true, tcp(0))), 56, 0, 17)},
		{"a router advertisement", ND, with(six(ping(1)), 54, RouterAdvertisement)},
		{"a listener report", ND, with(six(options(8, ping(1))), 62, 143)},
		{"a VLAN tag", Unsupported, with(udp(0), 12, 0x81, 0x00)},
		{"IEEE 802.3 with a length", Unsupported, with(udp(0), 12, 0, 60)},
		{"ARP", ARP, with(udp(0), 12, 0x08, 0x06)},
		{"19 bytes of IP", Malformed, short(other(47), 33)},
		{"version 6", Malformed, with(udp(0), 14, 0x65)},
		{"a header of 16 bytes", Malformed, with(udp(0), 14, 0x44)},
		{"a header longer than the packet", Malformed, with(udp(0), 14, 0x4f)},
		{"a packet shorter than its header", Malformed, with(other(47), 16, 0, 19)},
		{"a packet of no bytes", Malformed, with(udp(0), 16, 0, 0)},
		{"a packet longer than the frame", Malformed, with(udp(0), 16, 0, 29)},
		{"a first fragment without all of its transport header", Malformed, with(tcp(SYN), 16, 0, 36, 0, 1, 0x20, 0)},
		{"a later fragment over the first one's TCP header", Malformed, with(tcp(SYN), 20, 0x20, 1)},
		{"another over its end", Malformed, with(tcp(SYN), 20, 0, 2)},
		{"19 bytes of TCP", Malformed, with(tcp(SYN), 16, 0, 39)},
		{"a TCP header of 16 bytes", Malformed, with(tcp(SYN), 46, 0x40)},
		{"a TCP header longer than the packet", Malformed, with(tcp(SYN), 46, 0x60)},
		{"7 bytes of UDP", Malformed, with(udp(0), 16, 0, 27)},
		{"7 bytes of ICMP", Malformed, with(ping(1), 16, 0, 27)},
	} {
		if got, err := Parse(c.frame); !errors.Is(err, c.want) || got != (Packet{}) {
			t.Errorf("%s: got %+v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// What is too short to tell what it is about, or about a later fragment, quotes nothing.
func TestWhatIsNoQuote(t *testing.T) {
	const quote = ethernetHeader + ipv4Header + icmpHeader
	for name, damage := range map[string]func([]byte){
		"of another version": func(f []byte) { f[quote] = 0x65 },
		"a short header":     func(f []byte) { f[quote] = 0x44 },
		"a long header":      func(f []byte) { f[quote] = 0x46 },
		"a later fragment":   func(f []byte) { f[quote+7] = 1 },
		"an echo":            func(f []byte) { f[quote-icmpHeader] = EchoRequest },
		"a redirect":         func(f []byte) { f[quote-icmpHeader] = 5 },
	} {
		frame := Build(about(tcp(SYN)))
		damage(frame)
		if p, err := Parse(frame); err != nil || p.Quote.IsValid() {
			t.Errorf("%s: quotes %+v (%v)", name, p.Quote, err)
		}
	}
	first := Build(about(tcp(SYN)))
	first[quote+6] = 0x20 // more fragments follow
	if p, err := Parse(first); err != nil || p.Quote != tcp(SYN).Quoted() {
		t.Errorf("of a first fragment: %+v (%v)", p.Quote, err)
	}
	for length := range 28 {
		p := unreachable()
		p.Payload = length
		frame := Build(p)
		copy(frame[quote:], Build(about(tcp(SYN)))[quote:])
		if got, err := Parse(frame); err != nil || got.Quote.IsValid() {
			t.Errorf("%d bytes quote %+v (%v)", length, got.Quote, err)
		}
	}
}

// What an error of IPv6 quotes is read as a packet is: past as many extension headers, and of fragments the first.
func TestWhatIsQuotedPastExtensionHeaders(t *testing.T) {
	quoting := func(quoted []byte) []byte {
		e := six(unreachable())
		e.Payload = len(quoted) - ethernetHeader
		return append(Build(e)[:ethernetHeader+ipv6Header+icmpHeader], quoted[ethernetHeader:]...)
	}
	about := func(p Packet) []byte { return quoting(Build(p)) }
	atomic := about(six(piece(0, true, udp(16))))
	atomic[ethernetHeader+ipv6Header+icmpHeader+ipv6Header+3] = 0
	for name, c := range map[string]struct {
		frame []byte
		want  Packet
	}{
		"options":                      {about(six(options(16, tcp(SYN)))), six(tcp(SYN))},
		"options of an echo":           {about(six(options(8, ping(7)))), six(ping(7))},
		"options, 8 bytes after them":  {about(six(options(8, udp(0)))), six(udp(0))},
		"eight headers":                {quoting(chain(8)), six(udp(0))},
		"a first piece":                {about(six(piece(0, true, udp(16)))), six(udp(0))},
		"a whole one that says piece":  {atomic, six(udp(0))},
		"a first piece behind options": {about(six(options(8, piece(0, true, tcp(SYN))))), six(tcp(SYN))},
		"a routing header at its end":  {quoting(routed(0)), six(udp(0))},
	} {
		if got, err := Parse(c.frame); err != nil || got.Quote != c.want.Quoted() {
			t.Errorf("%s: quotes %+v (%v)", name, got.Quote, err)
		}
	}
	for name, frame := range map[string][]byte{
		"a later piece":                      about(six(piece(24, true, udp(16)))),
		"nine headers":                       quoting(chain(9)),
		"a routing header with a way to go":  quoting(routed(1)),
		"hop by hop that is not first":       about(six(options(16+2048, udp(0)))),
		"7 bytes after an extension header":  about(six(options(8, other(47)))),
		"an extension header that goes past": about(six(options(8, udp(0)))),
	} {
		const first = ethernetHeader + ipv6Header + icmpHeader + ipv6Header
		switch name {
		case "hop by hop that is not first":
			frame[first] = hopByHop
		case "an extension header that goes past":
			frame[first+1] = 2
		}
		if got, err := Parse(frame); err != nil || got.Quote.IsValid() {
			t.Errorf("%s: quotes %+v (%v)", name, got.Quote, err)
		}
	}
}

func TestExtensionHeadersArePassedBy(t *testing.T) {
	for name, frame := range map[string][]byte{"eight": chain(8), "a routing header at its end": routed(0)} {
		if p, err := Parse(frame); err != nil || p.DstPort != udp(0).DstPort {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	whole := Build(six(piece(0, true, udp(16))))
	whole[ethernetHeader+ipv6Header+3] = 0
	if p, err := Parse(whole); err != nil || p.Fragment != (Fragment{}) || p.Options != fragmentHeader {
		t.Errorf("one piece of a packet that has no other: %+v, %v", p, err)
	}
}

func TestND(t *testing.T) {
	asks := NDPacket{SrcMAC: a, DstMAC: MAC{0x33, 0x33, 0xff, 0, 0, 10}, Src: web6, Dst: netip.MustParseAddr("ff02::1:ff00:a"), Type: NeighbourSolicitation, Target: db6, Link: a}
	probes := NDPacket{SrcMAC: a, DstMAC: MAC{0x33, 0x33, 0xff, 0, 0, 10}, Src: netip.IPv6Unspecified(), Dst: netip.MustParseAddr("ff02::1:ff00:a"), Type: NeighbourSolicitation, Target: web6}
	answers := NDPacket{SrcMAC: b, DstMAC: a, Src: db6, Dst: web6, Type: NeighbourAdvertisement, Flags: NDSolicited | NDOverride, Target: db6, Link: b}
	for _, want := range []NDPacket{asks, probes, answers} {
		frame := BuildND(want)
		if got, err := ParseND(frame); got != want || err != nil {
			t.Errorf("%v\n got %+v, %v\nwant %+v", want, got, err, want)
		}
		if _, err := Parse(frame); !errors.Is(err, ND) {
			t.Errorf("%v: Parse says %v", want, err)
		}
		if err := NDChecksum(frame); err != nil {
			t.Error(err)
		}
		if frame[77] ^= 1; NDChecksum(frame) == nil {
			t.Errorf("%v: a damaged frame's checksum is right", want)
		}
	}
	for name, c := range map[string]struct {
		want   error
		damage func([]byte) []byte
	}{
		"too short":             {Malformed, func(f []byte) []byte { f[19] = 23; return f[:77] }},
		"cut":                   {Malformed, func(f []byte) []byte { return f[:77] }},
		"a router is sought":    {Unsupported, func(f []byte) []byte { f[19], f[54] = 8, RouterSolicitation; return f[:62] }},
		"no header":             {Malformed, func(f []byte) []byte { return f[:13] }},
		"a router's":            {Unsupported, func(f []byte) []byte { f[54] = RouterSolicitation; return f }},
		"through a router":      {Malformed, func(f []byte) []byte { f[21] = 254; return f }},
		"another code":          {Malformed, func(f []byte) []byte { f[55] = 1; return f }},
		"an extension header":   {Unsupported, func(f []byte) []byte { f[20] = hopByHop; return f }},
		"longer than the frame": {Malformed, func(f []byte) []byte { f[19]++; return f }},
	} {
		if _, err := ParseND(c.damage(BuildND(asks))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestReservedFragmentBitIsIgnored(t *testing.T) {
	frame := Build(udp(0))
	frame[20] = 0x80
	if got, err := Parse(frame); got != udp(0) || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	broken := Build(tcp(SYN))
	broken[14] = 0
	arp := BuildARP(ARPPacket{Sender: web, Target: db})
	for name, frame := range map[string][]byte{"tcp": Build(tcp(SYN)), "ping": Build(ping(1)), "malformed": broken, "arp": arp} {
		if n := testing.AllocsPerRun(100, func() { _, _ = Parse(frame); _, _ = ParseARP(frame) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAReplyIsItsRequestTurnedRound(t *testing.T) {
	want := Packet{SrcMAC: b, DstMAC: a, Src: db, Dst: web, Protocol: ICMP, ICMPType: EchoReply, DstPort: 7}
	if got := ping(7).Reverse(); got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestChecksumsFindsWhatIsWrong(t *testing.T) {
	for _, p := range []Packet{tcp(SYN), udp(3), ping(1), options(4, unreachable()), about(tcp(SYN)), six(tcp(SYN)), six(udp(3)), six(ping(1)), six(about(udp(1)))} {
		for at := ethernetHeader; at < len(Build(p)); at++ {
			frame := Build(p)
			frame[at] ^= 4
			got, err := Parse(frame)
			unsummed := p.Src.Is6() && (at < 18 || at == 21) // IPv6 has no checksum of its flow label and its hop limit
			if err == nil && got.Protocol == p.Protocol && !unsummed && Checksums(frame) == nil {
				t.Errorf("%v: byte %d is damaged and no checksum says so", p, at)
			}
		}
	}
	none := Build(udp(3))
	none[40], none[41] = 0, 0
	if err := Checksums(none); err != nil {
		t.Errorf("UDP without a checksum: %v", err)
	}
}

func TestARP(t *testing.T) {
	request := ARPPacket{SrcMAC: a, DstMAC: MAC{255, 255, 255, 255, 255, 255}, Op: ARPRequest, SenderMAC: a, Sender: web, Target: db}
	reply := ARPPacket{SrcMAC: b, DstMAC: a, Op: ARPReply, SenderMAC: b, Sender: db, TargetMAC: a, Target: web}
	for _, want := range []ARPPacket{request, reply} {
		frame := BuildARP(want)
		if got, err := ParseARP(frame); got != want || err != nil || len(frame) != 42 {
			t.Errorf("%v (%d bytes)\n got %+v, %v\nwant %+v", want, len(frame), got, err, want)
		}
		if _, err := ParseARP(append(frame, make([]byte, 18)...)); err != nil {
			t.Errorf("%v, padded: %v", want, err)
		}
	}
	for name, damage := range map[string]func([]byte) []byte{
		"too short":        func(f []byte) []byte { return f[:41] },
		"no header":        func(f []byte) []byte { return f[:13] },
		"not ARP":          func(f []byte) []byte { f[13] = 0; return f },
		"other hardware":   func(f []byte) []byte { f[15] = 6; return f },
		"other protocol":   func(f []byte) []byte { f[16] = 0x86; return f },
		"other MAC length": func(f []byte) []byte { f[18] = 8; return f },
		"other IP length":  func(f []byte) []byte { f[19] = 16; return f },
	} {
		if _, err := ParseARP(damage(BuildARP(request))); !errors.Is(err, Malformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPacketsPrintOnOneLine(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{tcp(SYN | ACK).String(), "tcp 10.0.1.10:40000 > 10.0.2.10:5432 SYN|ACK"},
		{tcp(0).String(), "tcp 10.0.1.10:40000 > 10.0.2.10:5432 no-flags"},
		{udp(1).String(), "udp 10.0.1.10:40000 > 10.0.2.10:53"},
		{ping(7).String(), "icmp 8/0 10.0.1.10 > 10.0.2.10 id 7"},
		{ping(7).Reverse().String(), "icmp 0/0 10.0.2.10 > 10.0.1.10 id 7"},
		{unreachable().String(), "icmp 3/4 10.0.1.10 > 10.0.2.10"},
		{other(47).String(), "protocol 47 10.0.1.10 > 10.0.2.10"},
		{six(tcp(SYN)).String(), "tcp [3fff:0:0:1::a]:40000 > [3fff:0:0:2::a]:5432 SYN"},
		{six(ping(7)).String(), "icmpv6 128/0 3fff:0:0:1::a > 3fff:0:0:2::a id 7"},
		{NDPacket{Type: NeighbourSolicitation, Src: web6, Target: db6, Link: a}.String(), "nd who-has 3fff:0:0:2::a tell 3fff:0:0:1::a (0a:00:00:00:00:01)"},
		{ARPPacket{Op: ARPRequest, SenderMAC: a, Sender: web, Target: db}.String(), "arp who-has 10.0.2.10 tell 10.0.1.10 (0a:00:00:00:00:01)"},
		{ARPPacket{Op: ARPReply, SenderMAC: a, Sender: web}.String(), "arp 10.0.1.10 is-at 0a:00:00:00:00:01"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestMACsParse(t *testing.T) {
	want := MAC{0x0a, 0xff, 0, 1, 0x2b, 0xcd}
	for _, s := range []string{"0a:ff:00:01:2b:cd", "0A:FF:00:01:2B:CD"} {
		if got, err := ParseMAC(s); got != want || err != nil {
			t.Errorf("%s: got %v, %v", s, got, err)
		}
	}
	if got, err := ParseMAC(want.String()); got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{"", "0a", "0a:ff:00:01:2b:cg", "0a-ff-00-01-2b-cd", "0a:ff:00:01:2b:cd:", "0aff:00:01:2b:cd0", "ⓐ:ff:00:01:2b:cd"} {
		if got, err := ParseMAC(s); err == nil {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

// FuzzParse: any bytes are read without a panic; and what they are read as can be built, and is read
// the same then.
func FuzzParse(f *testing.F) {
	for _, p := range []Packet{tcp(SYN), udp(3), ping(7), ping(7).Reverse(), unreachable(), about(tcp(SYN)), about(ping(7)), options(40, other(47))} {
		f.Add(Build(p))
	}
	for _, p := range []Packet{tcp(SYN), udp(3), ping(7), about(tcp(SYN)), options(8, other(47)), piece(0, true, udp(16)), piece(24, false, tcp(0))} {
		f.Add(Build(six(p)))
	}
	f.Add(chain(8))
	f.Add(BuildND(NDPacket{Type: NeighbourSolicitation, Src: web6, Dst: db6, Target: db6, Link: a}))
	f.Add(Build(piece(0, true, udp(16))))
	f.Add(Build(piece(24, false, tcp(0))))
	f.Add(BuildARP(ARPPacket{Op: ARPRequest, Sender: web, Target: db}))
	f.Fuzz(func(t *testing.T, frame []byte) {
		p, err := Parse(frame)
		var kind Kind
		if errors.As(err, &kind) {
			fuzzARP(t, frame, kind)
			return
		}
		if p.Payload < 0 || p.Payload > len(frame) || p.Options < 0 || p.Src.Is4() && p.Options > 40 {
			t.Fatalf("%d bytes are %d of payload and %d of options", len(frame), p.Payload, p.Options)
		}
		rebuilt := Build(p)
		if again, err := Parse(rebuilt); again != p || err != nil {
			t.Fatalf("got %+v, %v\nwant %+v", again, err, p)
		}
		if err := Checksums(rebuilt); err != nil {
			t.Fatal(err)
		}
		_ = Checksums(frame)
		_ = p.String()
	})
}

func fuzzARP(t *testing.T, frame []byte, kind Kind) {
	arp, err := ParseARP(frame)
	if err != nil {
		return
	}
	if kind != ARP {
		t.Fatalf("%v, and yet %v", kind, arp)
	}
	if again, err := ParseARP(BuildARP(arp)); again != arp || err != nil {
		t.Fatalf("got %+v, %v\nwant %+v", again, err, arp)
	}
}

// Whatever stands in the places of a frame's checksums, Seal writes the right ones.
func TestSealMakesChecksumsRight(t *testing.T) {
	quoting := options(40, about(tcp(SYN)))
	for _, p := range []Packet{tcp(SYN), udp(1), udp(0), ping(7), other(47), quoting, options(8, udp(3)), piece(0, true, udp(16)), piece(24, true, udp(16)),
		six(tcp(SYN)), six(udp(1)), six(ping(7)), six(about(udp(9))), six(options(8, piece(0, true, tcp(SYN))))} {
		frame := Build(p)
		want := bytes.Clone(frame)
		if p.Src.Is4() {
			frame[ethernetHeader+10] ^= 0xff
		}
		if at, ok := map[uint8]int{TCP: 16, UDP: 6, ICMP: 2, ICMPv6: 2}[p.Protocol]; ok && !p.Fragment.Later() {
			segment(p, frame[ethernetHeader:])[at] ^= 0xff
		}
		if p == quoting {
			segment(p, frame[ethernetHeader:])[icmpHeader+10] ^= 0xff
		}
		Seal(frame)
		if !bytes.Equal(frame, want) {
			t.Errorf("%s:\n got %x\nwant %x", p, frame, want)
		}
	}
}
