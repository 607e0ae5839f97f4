package policy

import (
	"net/netip"

	"crenel/flow"
)

// answer answers ARP in the place of the one who was asked for: the subnet's gateway, or a neighbour.
// Nothing that an interface says of itself or of others by ARP is passed on.
func answer(v *View, sender *Interface, frame []byte) Verdict {
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

// neighbour is the MAC of the address in the interface's subnet, if somebody else has it there.
func neighbour(v *View, i *Interface, a netip.Addr) (flow.MAC, bool) {
	s := subnet(v, i)
	if s == nil {
		return flow.MAC{}, false
	}
	if a == s.CIDR.Masked().Addr().Next() {
		return GatewayMAC, true
	}
	n := find(v, func(n *Interface) bool { return n.Subnet == i.Subnet && n.Addr == a })
	if n == nil || n == i {
		return flow.MAC{}, false
	}
	return n.MAC, true
}
