package flow

import (
	"fmt"
	"net/netip"
)

// Checksums says which of the frame's checksums is wrong: the IP header's, or that of TCP, UDP or ICMP.
func Checksums(frame []byte) error {
	p, err := Parse(frame)
	if err != nil {
		return err
	}
	ip := frame[ethernetHeader:]
	header, total := ipv4Header+p.Options, int(big.Uint16(ip[2:]))
	if sum(0, ip[:header]) != 0xffff {
		return fmt.Errorf("%s: IP header checksum %#04x is wrong", p, big.Uint16(ip[10:]))
	}
	if p.Fragment.Later() {
		return nil
	}
	segment := ip[header:total]
	start := uint32(0)
	switch p.Protocol {
	case TCP, UDP:
		if p.Protocol == UDP && big.Uint16(segment[6:]) == 0 {
			return nil // the sender made none
		}
		start = pseudo(p, len(segment)-p.Payload)
	case ICMP:
		if quote := segment[icmpHeader:]; p.Quote.IsValid() && sum(0, quote[:int(quote[0]&0xf)*4]) != 0xffff {
			return fmt.Errorf("%s: IP header checksum of what it quotes is wrong", p)
		}
	default:
		return nil
	}
	if sum(start, segment) != 0xffff {
		return fmt.Errorf("%s: transport checksum is wrong", p)
	}
	return nil
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

// pseudo is the sum of the pseudo header that TCP and UDP add to their own: header is its length.
func pseudo(p Packet, header int) uint32 {
	return addrSum(p.Src) + addrSum(p.Dst) + uint32(p.Protocol) + uint32(header+p.Payload)
}

func addrSum(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(big.Uint16(b[:])) + uint32(big.Uint16(b[2:]))
}
