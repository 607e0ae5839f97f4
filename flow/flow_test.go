package flow

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
)

var (
	web = netip.MustParseAddr("10.0.1.10")
	db  = netip.MustParseAddr("10.0.2.10")
	a   = MAC{0x0a, 0, 0, 0, 0, 1}
	b   = MAC{0x0a, 0, 0, 0, 0, 2}
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
	if r.IntN(4) == 0 {
		p.Fragment = Fragment{ID: uint16(r.Uint32()), Offset: 8 * r.IntN(8192), More: r.IntN(2) == 0}
		if p.Fragment.Later() {
			p.Fragment.Offset = max(p.Fragment.Offset, 24)
			return p
		}
		if !p.Fragment.More {
			p.Fragment = Fragment{}
		}
	}
	switch p.Protocol {
	case TCP:
		p.SrcPort, p.DstPort, p.TCPFlags = uint16(r.Uint32()), uint16(r.Uint32()), uint8(r.Uint32())
	case UDP:
		p.SrcPort, p.DstPort = uint16(r.Uint32()), uint16(r.Uint32())
	case ICMP:
		p.ICMPType, p.ICMPCode = uint8(r.IntN(12)), uint8(r.Uint32())
		switch p.ICMPType {
		case EchoRequest:
			p.SrcPort = uint16(r.Uint32())
		case EchoReply:
			p.DstPort = uint16(r.Uint32())
		}
		if p.Error() && r.IntN(2) == 0 {
			q := random(r)
			p.Quote, p.Payload = q.Quoted(), p.Payload+28
		}
	}
	return p
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
		{"an Ethernet header of IPv6 alone", Unsupported, with(udp(0), 12, 0x86, 0xdd)[:14]},
		{"IPv6", Unsupported, with(udp(20), 12, 0x86, 0xdd)},
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
	for _, p := range []Packet{tcp(SYN), udp(3), ping(1), options(4, unreachable()), about(tcp(SYN))} {
		for at := ethernetHeader; at < len(Build(p)); at++ {
			frame := Build(p)
			frame[at] ^= 4
			got, err := Parse(frame)
			if err == nil && got.Protocol == p.Protocol && Checksums(frame) == nil {
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
		if p.Payload < 0 || p.Payload > len(frame) || p.Options < 0 || p.Options > 40 {
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
