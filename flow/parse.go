package flow

import (
	"encoding/binary"
	"net/netip"
)

// The parts of a frame, in bytes.
const (
	ethernetHeader = 14
	ipv4Header     = 20 // without options
	tcpHeader      = 20 // without options
	udpHeader      = 8
	icmpHeader     = 8
)

// https://www.iana.org/assignments/ieee-802-numbers
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
)

var big = binary.BigEndian

// Parse reads an Ethernet frame. Where it holds no whole IPv4 packet the error is a Kind.
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
		p.Fragment = Fragment{ID: big.Uint16(b[4:]), Offset: int(f&0x1fff) * 8, More: f&0x2000 != 0}
	}
	p.Options = header - ipv4Header
	p.Protocol = b[9]
	p.Src, p.Dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	if !p.Fragment.Later() {
		return parseTransport(p, b[header:total])
	}
	if p.Protocol == TCP && p.Fragment.Offset < tcpHeader {
		return Packet{}, Malformed // it would lie over the header of the first one. RFC 3128
	}
	p.Payload = total - header
	return p, nil
}

func parseTransport(p Packet, b []byte) (Packet, error) {
	header := 0
	switch p.Protocol {
	case TCP: // RFC 9293 §3.1
		if len(b) < tcpHeader {
			return Packet{}, Malformed
		}
		header = int(b[12]>>4) * 4
		if header < tcpHeader || header > len(b) {
			return Packet{}, Malformed
		}
		p.SrcPort, p.DstPort, p.TCPFlags = big.Uint16(b), big.Uint16(b[2:]), b[13]
	case UDP: // RFC 768
		if header = udpHeader; len(b) < header {
			return Packet{}, Malformed
		}
		p.SrcPort, p.DstPort = big.Uint16(b), big.Uint16(b[2:])
	case ICMP: // RFC 792
		if header = icmpHeader; len(b) < header {
			return Packet{}, Malformed
		}
		p.ICMPType, p.ICMPCode = b[0], b[1]
		switch p.ICMPType {
		case EchoRequest:
			p.SrcPort = big.Uint16(b[4:])
		case EchoReply:
			p.DstPort = big.Uint16(b[4:])
		}
		if p.Error() {
			p.Quote = parseQuote(b[header:])
		}
	}
	p.Payload = len(b) - header
	return p, nil
}

// quoteLeast is what an error has at least of the packet that it is about: 8 bytes more than its IP header. RFC 792.
const quoteLeast = 8

// parseQuote reads an IP header and what it quotes after it. Nothing says how long the packet was, and of fragments the
// first alone has ports.
func parseQuote(b []byte) (q Quote) {
	if len(b) < ipv4Header || b[0]>>4 != 4 {
		return q
	}
	header := int(b[0]&0xf) * 4
	if header < ipv4Header || len(b) < header+quoteLeast || big.Uint16(b[6:])&0x1fff != 0 {
		return q
	}
	q = Quote{Src: netip.AddrFrom4([4]byte(b[12:16])), Dst: netip.AddrFrom4([4]byte(b[16:20])), Protocol: b[9]}
	switch t := b[header:]; q.Protocol {
	case TCP, UDP:
		q.SrcPort, q.DstPort = big.Uint16(t), big.Uint16(t[2:])
	case ICMP:
		switch q.ICMPType = t[0]; q.ICMPType {
		case EchoRequest:
			q.SrcPort = big.Uint16(t[4:])
		case EchoReply:
			q.DstPort = big.Uint16(t[4:])
		}
	}
	return q
}
