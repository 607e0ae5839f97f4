package flow

import (
	"fmt"
	"net/netip"
)

// What an NDPacket does. RFC 4861 §4.
const (
	RouterSolicitation     = 133
	RouterAdvertisement    = 134
	NeighbourSolicitation  = 135
	NeighbourAdvertisement = 136
)

// Flags of an advertisement. RFC 4861 §4.4.
const (
	NDRouter    = 0x80
	NDSolicited = 0x40
	NDOverride  = 0x20
)

// AllNodes are all on a link. RFC 4291 §2.7.1.
var AllNodes = netip.MustParseAddr("ff02::1")

// An NDPacket is a frame with a neighbour solicitation or advertisement in it.
type NDPacket struct {
	SrcMAC, DstMAC MAC // of the frame
	Src, Dst       netip.Addr
	Type           uint8
	Flags          uint8 // of an advertisement
	Target         netip.Addr
	Link           MAC // what its first option says that the sender's MAC is, or the target's; zero: it says nothing
}

const (
	ndBody     = 24 // with the header of ICMP, without options
	linkOption = 8
)

// ParseND reads a frame that Parse said is ND. What is neither solicitation nor advertisement of a neighbour is
// Unsupported; what has crossed a router, or extension headers, is Malformed. RFC 4861 §7.1.
func ParseND(frame []byte) (NDPacket, error) {
	if len(frame) < ethernetHeader+ipv6Header+icmpHeader || big.Uint16(frame[12:]) != etherIPv6 {
		return NDPacket{}, Malformed
	}
	ip := frame[ethernetHeader:]
	b := ip[ipv6Header:]
	length := int(big.Uint16(ip[4:]))
	if ip[0]>>4 != 6 || length > len(b) {
		return NDPacket{}, Malformed
	}
	if ip[6] != ICMPv6 || b[0] != NeighbourSolicitation && b[0] != NeighbourAdvertisement {
		return NDPacket{}, Unsupported
	}
	if length < ndBody || ip[7] != 255 || b[1] != 0 {
		return NDPacket{}, Malformed
	}
	n := NDPacket{DstMAC: MAC(frame[0:6]), SrcMAC: MAC(frame[6:12]), Src: netip.AddrFrom16([16]byte(ip[8:24])), Dst: netip.AddrFrom16([16]byte(ip[24:40])),
		Type: b[0], Target: netip.AddrFrom16([16]byte(b[8:24]))}
	if n.Type == NeighbourAdvertisement {
		n.Flags = b[4]
	}
	if option := b[ndBody:length]; len(option) >= linkOption && option[0] == n.linkType() && option[1] == 1 {
		n.Link = MAC(option[2:8])
	}
	return n, nil
}

// linkType is of the option with the MAC of the sender, of a solicitation, or the target. RFC 4861 §4.6.1.
func (n NDPacket) linkType() byte { return n.Type - NeighbourSolicitation + 1 }

// BuildND makes the frame that ParseND reads as n.
func BuildND(n NDPacket) []byte {
	body := make([]byte, ndBody)
	body[0], body[4] = n.Type, n.Flags
	copy(body[8:], n.Target.AsSlice())
	if n.Link != (MAC{}) {
		body = append(body, n.linkType(), 1)
		body = append(body, n.Link[:]...)
	}
	ip := make([]byte, ipv6Header)
	ip[0], ip[6], ip[7] = 6<<4, ICMPv6, 255
	big.PutUint16(ip[4:], uint16(len(body)))
	copy(ip[8:], n.Src.AsSlice())
	copy(ip[24:], n.Dst.AsSlice())
	start := pseudo(Packet{Src: n.Src, Dst: n.Dst, Protocol: ICMPv6, Payload: len(body)}, 0)
	big.PutUint16(body[2:], ^sum(start, body))
	return append(append(ethernet(n.DstMAC, n.SrcMAC, etherIPv6), ip...), body...)
}

func (n NDPacket) String() string {
	switch n.Type {
	case NeighbourSolicitation:
		return fmt.Sprintf("nd who-has %s tell %s (%s)", n.Target, n.Src, n.Link)
	case NeighbourAdvertisement:
		return fmt.Sprintf("nd %s is-at %s to %s", n.Target, n.Link, n.Dst)
	}
	return fmt.Sprintf("nd type %d", n.Type)
}

// NDChecksum says that the checksum of a frame that ParseND reads is wrong.
func NDChecksum(frame []byte) error {
	n, err := ParseND(frame)
	if err != nil {
		return err
	}
	ip := frame[ethernetHeader:]
	s := ip[ipv6Header : ipv6Header+int(big.Uint16(ip[4:]))]
	if sum(pseudo(Packet{Src: n.Src, Dst: n.Dst, Protocol: ICMPv6, Payload: len(s)}, 0), s) != 0xffff {
		return fmt.Errorf("%s: its checksum is wrong", n)
	}
	return nil
}
