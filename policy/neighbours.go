package policy

import (
	"errors"
	"net/netip"

	"crenel/flow"
)

// GatewayIPv6 is the address of the gateway of every subnet on its own link. RFC 4291 §2.5.6
var GatewayIPv6 = netip.MustParseAddr("fe80::ff:fe00:1")

// answerARP answers in the place of the one who was asked for: the subnet's gateway, or a neighbour.
// Nothing that an interface says of itself or of others is passed on.
func answerARP(v *View, sender *Interface, frame []byte) Verdict {
	a, err := flow.ParseARP(frame)
	if err != nil {
		return drop(Malformed, sender.Num)
	}
	if a.SrcMAC != sender.MAC || a.SenderMAC != sender.MAC || a.Sender != sender.Addr && !a.Sender.IsUnspecified() {
		return drop(Spoofed, sender.Num)
	}
	mac, ok := neighbour(v, sender, a.Target)
	if a.Op != flow.ARPRequest || !ok {
		return drop(NoDestination, sender.Num)
	}
	return Verdict{Allow: true, Reason: Answered, Interface: sender.Num, To: sender.Num, Answer: flow.ARPPacket{
		SrcMAC: mac, DstMAC: sender.MAC, Op: flow.ARPReply,
		SenderMAC: mac, Sender: a.Target, TargetMAC: sender.MAC, Target: a.Sender,
	}}
}

// answerND does the same for IPv6. What else is said to the whole link (that a router is sought, what multicast is listened
// to) reaches nobody, and is nobody's to answer.
func answerND(v *View, sender *Interface, frame []byte) Verdict {
	n, err := flow.ParseND(frame)
	if errors.Is(err, flow.Malformed) {
		return drop(Malformed, sender.Num)
	}
	if err != nil {
		if flow.MAC(frame[6:12]) != sender.MAC {
			return drop(Spoofed, sender.Num)
		}
		return drop(NoDestination, sender.Num)
	}
	own := sender.Has(n.Src) || n.Src.IsLinkLocalUnicast() || n.Src.IsUnspecified()
	if n.SrcMAC != sender.MAC || !own || n.Link != sender.MAC && n.Link != (flow.MAC{}) {
		return drop(Spoofed, sender.Num)
	}
	mac, ok := neighbour(v, sender, n.Target)
	if n.Type != flow.NeighbourSolicitation || !ok {
		return drop(NoDestination, sender.Num)
	}
	answer := flow.NDPacket{SrcMAC: mac, DstMAC: sender.MAC, Src: n.Target, Dst: n.Src, Type: flow.NeighbourAdvertisement,
		Flags: flow.NDOverride | flow.NDSolicited, Target: n.Target, Link: mac}
	if mac == GatewayMAC {
		answer.Flags |= flow.NDRouter
	}
	if n.Src.IsUnspecified() { // it asks whether an address is taken. RFC 4862 §5.4
		answer.Dst, answer.Flags = flow.AllNodes, answer.Flags&^flow.NDSolicited
	}
	return Verdict{Allow: true, Reason: Answered, Interface: sender.Num, To: sender.Num, Neighbour: answer}
}

// neighbour is the MAC of the address in the interface's subnet, if somebody else has it there.
func neighbour(v *View, i *Interface, a netip.Addr) (flow.MAC, bool) {
	s := subnet(v, i)
	if s == nil {
		return flow.MAC{}, false
	}
	if a == s.CIDR.Masked().Addr().Next() || a == GatewayIPv6 {
		return GatewayMAC, true
	}
	n := find(v, func(n *Interface) bool { return n.Subnet == i.Subnet && n.Has(a) })
	if n == nil || n == i {
		return flow.MAC{}, false
	}
	return n.MAC, true
}
