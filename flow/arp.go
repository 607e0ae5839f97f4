package flow

import (
	"fmt"
	"net/netip"
)

// What an ARPPacket does. RFC 826.
const (
	ARPRequest = 1
	ARPReply   = 2
)

// An ARPPacket is a frame with ARP for IPv4 over Ethernet in it.
type ARPPacket struct {
	SrcMAC, DstMAC MAC // of the frame
	Op             uint16
	SenderMAC      MAC
	Sender         netip.Addr // 0.0.0.0 in a probe. RFC 5227
	TargetMAC      MAC        // what a request asks for: says nothing there
	Target         netip.Addr
}

const arpBody = 28

// arpEthernetIPv4 is how every ARP for IPv4 over Ethernet begins: hardware, protocol, and their lengths.
var arpEthernetIPv4 = [6]byte{0, 1, 8, 0, 6, 4}

// ParseARP reads a frame that Parse said is ARP. Other hardware or protocols are Malformed.
func ParseARP(frame []byte) (ARPPacket, error) {
	if len(frame) < ethernetHeader || big.Uint16(frame[12:]) != etherARP {
		return ARPPacket{}, Malformed
	}
	b := frame[ethernetHeader:]
	if len(b) < arpBody || [6]byte(b) != arpEthernetIPv4 {
		return ARPPacket{}, Malformed
	}
	return ARPPacket{
		DstMAC: MAC(frame[0:6]), SrcMAC: MAC(frame[6:12]), Op: big.Uint16(b[6:]),
		SenderMAC: MAC(b[8:14]), Sender: netip.AddrFrom4([4]byte(b[14:18])),
		TargetMAC: MAC(b[18:24]), Target: netip.AddrFrom4([4]byte(b[24:28])),
	}, nil
}

// BuildARP makes the frame that ParseARP reads as a. Its addresses are IPv4.
func BuildARP(a ARPPacket) []byte {
	body := make([]byte, arpBody)
	copy(body, arpEthernetIPv4[:])
	big.PutUint16(body[6:], a.Op)
	copy(body[8:], a.SenderMAC[:])
	copy(body[14:], a.Sender.AsSlice())
	copy(body[18:], a.TargetMAC[:])
	copy(body[24:], a.Target.AsSlice())
	return append(ethernet(a.DstMAC, a.SrcMAC, etherARP), body...)
}

func (a ARPPacket) String() string {
	switch a.Op {
	case ARPRequest:
		return fmt.Sprintf("arp who-has %s tell %s (%s)", a.Target, a.Sender, a.SenderMAC)
	case ARPReply:
		return fmt.Sprintf("arp %s is-at %s", a.Sender, a.SenderMAC)
	}
	return fmt.Sprintf("arp op %d %s %s", a.Op, a.Sender, a.Target)
}
