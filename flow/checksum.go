package flow

import (
	"fmt"
	"net/netip"
)

// Checksums says which of the frame's checksums is wrong: the IPv4 header's, or that of TCP, UDP or ICMP.
func Checksums(frame []byte) error {
	p, err := Parse(frame)
	if err != nil {
		return err
	}
	ip := frame[ethernetHeader:]
	if p.Src.Is4() && sum(0, ip[:ipv4Header+p.Options]) != 0xffff {
		return fmt.Errorf("%s: IP header checksum %#04x is wrong", p, big.Uint16(ip[10:]))
	}
	if p.Fragment.Later() {
		return nil
	}
	s := segment(p, ip)
	start := pseudo(p, len(s)-p.Payload)
	switch {
	case p.Protocol == UDP && p.Src.Is4() && big.Uint16(s[6:]) == 0:
		return nil // the sender made none
	case p.Protocol == TCP, p.Protocol == UDP:
	case p.IsICMP():
		if p.Src.Is4() {
			start = 0
		}
		if quote := s[icmpHeader:]; p.Src.Is4() && p.Quote.IsValid() && sum(0, quote[:int(quote[0]&0xf)*4]) != 0xffff {
			return fmt.Errorf("%s: IP header checksum of what it quotes is wrong", p)
		}
	default:
		return nil
	}
	if sum(start, s) != 0xffff {
		return fmt.Errorf("%s: transport checksum is wrong", p)
	}
	return nil
}

// Seal makes the checksums right of a frame that Parse reads, for tests that write packets of their own.
func Seal(frame []byte) {
	p, err := Parse(frame)
	if err != nil {
		return
	}
	ip := frame[ethernetHeader:]
	if p.Src.Is4() {
		sealIPv4(ip[:ipv4Header+p.Options])
	}
	if p.Fragment.Later() {
		return
	}
	s, at, start := segment(p, ip), 0, uint32(0)
	switch {
	case p.Protocol == TCP:
		at = 16
	case p.Protocol == UDP:
		at = 6
	case p.IsICMP():
		if at = 2; p.Quote.IsValid() && p.Src.Is4() {
			sealIPv4(s[icmpHeader : icmpHeader+int(s[icmpHeader]&0xf)*4])
		}
	default:
		return
	}
	if p.Src.Is6() || p.Protocol != ICMP {
		start = pseudo(p, len(s)-p.Payload)
	}
	big.PutUint16(s[at:], 0)
	big.PutUint16(s[at:], checksum(p.Protocol, start, s))
}

func sealIPv4(header []byte) {
	big.PutUint16(header[10:], 0)
	big.PutUint16(header[10:], ^sum(0, header))
}

// checksum is what the transport header has of a segment.
func checksum(protocol uint8, start uint32, segment []byte) uint16 {
	c := ^sum(start, segment)
	if c == 0 && protocol == UDP {
		return 0xffff // 0 would say that there is none
	}
	return c
}

// segment is what follows the IP headers of the packet, which no later piece is.
func segment(p Packet, ip []byte) []byte {
	if p.Src.Is4() {
		return ip[ipv4Header+p.Options : big.Uint16(ip[2:])]
	}
	at := ipv6Header + p.Options
	if p.Fragment != (Fragment{}) {
		at += fragmentHeader
	}
	return ip[at : ipv6Header+int(big.Uint16(ip[4:]))]
}

// sum is the ones' complement sum of b, begun with start. RFC 1071.
func sum(start uint32, b []byte) uint16 {
	total := start
	for ; len(b) > 1; b = b[2:] {
		total += uint32(big.Uint16(b))
	}
	if len(b) == 1 {
		total += uint32(b[0]) << 8
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// pseudo is the sum of the pseudo header that TCP, UDP and ICMPv6 add to their own: header is its length.
func pseudo(p Packet, header int) uint32 {
	return addrSum(p.Src) + addrSum(p.Dst) + uint32(p.Protocol) + uint32(header+p.Payload)
}

func addrSum(a netip.Addr) (total uint32) {
	for b := a.AsSlice(); len(b) > 0; b = b[2:] {
		total += uint32(big.Uint16(b))
	}
	return total
}
