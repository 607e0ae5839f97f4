package flow

import (
	"encoding/binary"
	"net/netip"
)

// The parts of a frame, in bytes.
const (
	ethernetHeader = 14
	ipv4Header     = 20 // without options
	ipv6Header     = 40
	fragmentHeader = 8  // of IPv6
	tcpHeader      = 20 // without options
	udpHeader      = 8
	icmpHeader     = 8
)

// https://www.iana.org/assignments/ieee-802-numbers
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

var big = binary.BigEndian

// Parse reads an Ethernet frame. Where it holds no whole IP packet the error is a Kind.
//
// Lengths are checked, checksums are not: a network does not look at them either. What follows the
// packet in the frame (Ethernet's padding) is ignored. Parse keeps nothing of the frame and does not allocate.
func Parse(frame []byte) (Packet, error) {
	if len(frame) < ethernetHeader {
		return Packet{}, Malformed
	}
	p := Packet{DstMAC: MAC(frame[0:6]), SrcMAC: MAC(frame[6:12])}
	switch big.Uint16(frame[12:]) {
	case etherIPv4:
		return parseIPv4(p, frame[ethernetHeader:])
	case etherIPv6:
		return parseIPv6(p, frame[ethernetHeader:])
	case etherARP:
		return Packet{}, ARP
	}
	return Packet{}, Unsupported
}

// parseIPv4 reads the packet that begins with an IPv4 header. RFC 791 §3.1.
func parseIPv4(p Packet, b []byte) (Packet, error) {
	if len(b) < ipv4Header || b[0]>>4 != 4 {
		return Packet{}, Malformed
	}
	header, total := int(b[0]&0xf)*4, int(big.Uint16(b[2:]))
	if header < ipv4Header || total < header || total > len(b) {
		return Packet{}, Malformed
	}
	if f := big.Uint16(b[6:]); f&0x3fff != 0 {
		p.Fragment = Fragment{ID: uint32(big.Uint16(b[4:])), Offset: int(f&0x1fff) * 8, More: f&0x2000 != 0}
	}
	p.Options = header - ipv4Header
	p.Protocol = b[9]
	p.Src, p.Dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	if !p.Fragment.Later() {
		return parseTransport(p, b[header:total])
	}
	p.Payload = total - header
	return later(p)
}

// Extension headers that are passed by. https://www.iana.org/assignments/ipv6-parameters
const (
	hopByHop           = 0
	routing            = 43
	fragmented         = 44
	destinationOptions = 60
)

// maxExtensions is how many extension headers are read. RFC 8200 has each once, and one of them twice.
const maxExtensions = 8

// parseIPv6 reads the packet that begins with an IPv6 header. RFC 8200 §3.
func parseIPv6(p Packet, b []byte) (Packet, error) {
	if len(b) < ipv6Header || b[0]>>4 != 6 {
		return Packet{}, Malformed
	}
	end := ipv6Header + int(big.Uint16(b[4:]))
	if end > len(b) {
		return Packet{}, Malformed
	}
	p.Src, p.Dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	if p.Src.Is4In6() || p.Dst.Is4In6() {
		return Packet{}, Malformed // never on a wire. RFC 4291 §2.5.5.2
	}
	b = b[:end]
	at, err := p.passExtensions(b)
	if err != nil {
		return Packet{}, err
	}
	if p.Fragment.Later() {
		p.Payload = len(b) - at
		return later(p)
	}
	return parseTransport(p, b[at:])
}

// passExtensions passes by the extension headers of b, which begins with an IPv6 header, and says where what follows them
// begins.
func (p *Packet) passExtensions(b []byte) (at int, err error) {
	p.Protocol, at = b[6], ipv6Header
	for range maxExtensions + 1 {
		header := 0
		switch p.Protocol {
		case hopByHop, routing, destinationOptions:
			if at+8 > len(b) || p.Protocol == hopByHop && at > ipv6Header {
				return 0, Malformed
			}
			if p.Protocol == routing && b[at+3] > 0 {
				return 0, Unsupported // it is on its way elsewhere
			}
			header = (int(b[at+1]) + 1) * 8
			p.Options += header
		case fragmented:
			if header = fragmentHeader; at+header > len(b) || p.Fragment != (Fragment{}) {
				return 0, Malformed
			}
			if f := big.Uint16(b[at+2:]); f&^6 != 0 { // else it is whole, whatever the header says. RFC 6946
				p.Fragment = Fragment{ID: big.Uint32(b[at+4:]), Offset: int(f &^ 7), More: f&1 != 0}
			} else {
				p.Options += header
			}
		default:
			return at, nil
		}
		p.Protocol, at = b[at], at+header
		if at > len(b) {
			return 0, Malformed
		}
		if p.Fragment.Later() {
			return at, nil
		}
	}
	return 0, Unsupported
}

// later is a piece of a packet that is not the first one, unless it would lie over the TCP header of that. RFC 3128
func later(p Packet) (Packet, error) {
	if p.Protocol == TCP && p.Fragment.Offset < tcpHeader {
		return Packet{}, Malformed
	}
	return p, nil
}

func parseTransport(p Packet, b []byte) (Packet, error) {
	header := 0
	switch {
	case p.Protocol == TCP: // RFC 9293 §3.1
		if len(b) < tcpHeader {
			return Packet{}, Malformed
		}
		header = int(b[12]>>4) * 4
		if header < tcpHeader || header > len(b) {
			return Packet{}, Malformed
		}
		p.SrcPort, p.DstPort, p.TCPFlags = big.Uint16(b), big.Uint16(b[2:]), b[13]
	case p.Protocol == UDP: // RFC 768
		if header = udpHeader; len(b) < header {
			return Packet{}, Malformed
		}
		p.SrcPort, p.DstPort = big.Uint16(b), big.Uint16(b[2:])
	case p.IsICMP(): // RFC 792, RFC 4443
		if header = icmpHeader; len(b) < header {
			return Packet{}, Malformed
		}
		p.ICMPType, p.ICMPCode = b[0], b[1]
		if p.ofLink() {
			return Packet{}, ND
		}
		if p.Asks() {
			p.SrcPort = big.Uint16(b[4:])
		} else if p.Answers() {
			p.DstPort = big.Uint16(b[4:])
		}
		if p.Error() {
			p.Quote = parseQuote(b[header:], p.Src.Is4())
		}
	}
	p.Payload = len(b) - header
	return p, nil
}

// ofLink tells whether the message is never routed: of neighbour discovery, or about who listens to which multicast.
// RFC 4861, RFC 3810.
func (p Packet) ofLink() bool {
	return p.Src.Is6() && (130 <= p.ICMPType && p.ICMPType <= 137 || p.ICMPType == 143)
}

// quoteLeast is what an error has at least of the packet that it is about: 8 bytes more than its IP header. RFC 792.
const quoteLeast = 8

// parseQuote reads an IP header and what it quotes after it, past as many extension headers as are read of a packet.
// Nothing says how long the packet was; of fragments the first alone has ports.
func parseQuote(b []byte, is4 bool) Quote {
	var p Packet
	header := 0
	switch {
	case is4 && len(b) >= ipv4Header && b[0]>>4 == 4:
		header = int(b[0]&0xf) * 4
		if header < ipv4Header || big.Uint16(b[6:])&0x1fff != 0 {
			return Quote{}
		}
		p.Src, p.Dst, p.Protocol = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9]
	case !is4 && len(b) >= ipv6Header && b[0]>>4 == 6:
		p.Src, p.Dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		if p.Src.Is4In6() || p.Dst.Is4In6() {
			return Quote{}
		}
		var err error
		if header, err = p.passExtensions(b); err != nil || p.Fragment.Later() {
			return Quote{}
		}
	default:
		return Quote{}
	}
	if len(b) < header+quoteLeast {
		return Quote{}
	}
	t := b[header:]
	switch {
	case p.Protocol == TCP, p.Protocol == UDP:
		p.SrcPort, p.DstPort = big.Uint16(t), big.Uint16(t[2:])
	case p.IsICMP():
		p.ICMPType = t[0]
		if p.Asks() {
			p.SrcPort = big.Uint16(t[4:])
		} else if p.Answers() {
			p.DstPort = big.Uint16(t[4:])
		}
	}
	return p.Quoted()
}
