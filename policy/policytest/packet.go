package policytest

import (
	"math/rand/v2"
	"net/netip"
	"slices"

	"crenel/flow"
	"crenel/policy"
)

// RandomPacket makes a packet and who sends it, 0: the internet. Most packets are from the sender's
// own address to one that exists and on a port that rules are about.
func RandomPacket(r *rand.Rand, v *policy.View) (from uint32, p flow.Packet) {
	p = flow.Packet{DstMAC: policy.GatewayMAC, Payload: one(r, 0, 0, 1, 2, 100, 1400, 2900), Options: one(r, 0, 0, 0, 0, 4, 40)}
	is4 := r.IntN(5) > 1
	if !is4 {
		p.Options = one(r, 0, 0, 0, 8, 16, 40, 256)
	}
	defer func() { what(r, &p) }()
	if len(v.Interfaces) == 0 || r.IntN(4) == 0 {
		fromInternet(r, v, &p, is4)
		return 0, p
	}
	sender := one(r, v.Interfaces...)
	p.Src, p.SrcMAC = own(r, v, sender, is4), sender.MAC
	if r.IntN(20) == 0 {
		p.Src = addr(r, v, is4)
	}
	if r.IntN(40) == 0 {
		p.SrcMAC[r.IntN(6)] ^= 1 << r.IntN(8)
	}
	if !sender.SourceDestCheck && r.IntN(2) == 0 { // it forwards
		p.Src = own(r, v, one(r, v.Interfaces...), is4)
	}
	if p.Dst = addr(r, v, is4); r.IntN(4) > 0 {
		abroad := r.IntN(4) == 0
		neighbours := slices.DeleteFunc(slices.Clone(v.Interfaces), func(i policy.Interface) bool { return (i.VPC != sender.VPC) != abroad || i.Num == sender.Num })
		if len(neighbours) > 0 {
			p.Dst = own(r, v, one(r, neighbours...), is4)
		}
	}
	if r.IntN(100) == 0 {
		return sender.Num + 1, p // nobody, mostly
	}
	return sender.Num, p
}

// own is an address of the interface, or where it has none of that IP version any other.
func own(r *rand.Rand, v *policy.View, i policy.Interface, is4 bool) netip.Addr {
	switch {
	case is4:
		return i.Addr
	case len(i.IPv6) > 0:
		return one(r, i.IPv6...)
	}
	return addr(r, v, is4)
}

func fromInternet(r *rand.Rand, v *policy.View, p *flow.Packet, is4 bool) {
	p.SrcMAC = flow.MAC{2, 0, 0, 0, 0, 2}
	p.Dst = addr(r, v, is4)
	if p.Src = v.Host(p.Dst); r.IntN(4) == 0 {
		p.Src = addr(r, v, is4)
	}
	if len(v.Interfaces) > 0 && r.IntN(4) > 0 {
		i := one(r, v.Interfaces...)
		if a := i.OnInternet(own(r, v, i, is4)); a.IsValid() {
			p.Dst = a
		}
	}
}

// what makes the protocol and what belongs to it, of a packet that has its addresses.
func what(r *rand.Rand, p *flow.Packet) {
	switch n := r.IntN(10); {
	case n < 4:
		p.Protocol, p.SrcPort, p.DstPort, p.TCPFlags = flow.TCP, port(r), port(r), RandomFlags(r)
	case n < 7:
		p.Protocol, p.SrcPort, p.DstPort = flow.UDP, port(r), port(r)
	case n < 9:
		p.Protocol, p.ICMPType, p.ICMPCode = flow.ICMP, one(r, uint8(flow.EchoRequest), flow.EchoRequest, flow.EchoReply, 3, 11, 255, 9), one(r, uint8(0), 0, 0, 1, 4, 255)
		if p.Src.Is6() {
			p.Protocol, p.ICMPType = flow.ICMPv6, one(r, uint8(flow.EchoRequestV6), flow.EchoRequestV6, flow.EchoReplyV6, flow.TooBigV6, 3, 8, 255, 0)
		}
		if p.Asks() {
			p.SrcPort = one(r, uint16(0), 1, 7)
		} else if p.Answers() {
			p.DstPort = one(r, uint16(0), 1, 7)
		}
	case p.Src.Is6():
		p.Protocol = one(r, uint8(flow.ICMP), 2, 41, 47, 50, 51, 59, 132, 255)
	default:
		p.Protocol = one(r, uint8(0), 2, 41, 47, 50, 58, 132, 255)
	}
}

// RandomFlags are a TCP packet's: mostly those of a connection in its life.
func RandomFlags(r *rand.Rand) uint8 {
	const urg, ece, cwr = 32, 64, 128
	return one(r, uint8(flow.SYN), flow.SYN, flow.SYN, flow.SYN|flow.ACK, flow.ACK, flow.ACK, flow.ACK|flow.PSH, flow.FIN|flow.ACK, flow.FIN|flow.ACK,
		flow.FIN, flow.RST, flow.RST|flow.ACK, flow.SYN|ece|cwr, flow.SYN|flow.PSH|urg, flow.SYN|flow.FIN, flow.SYN|flow.RST, 0, uint8(r.IntN(256)))
}

// RandomPause is how many seconds pass before the next packet: mostly none, else often as many as a
// timeout has, one less or one more.
func RandomPause(r *rand.Rand) uint32 {
	if r.IntN(3) > 0 {
		return 0
	}
	state := policy.ConnState(1 + r.IntN(int(policy.ConnStates)-1))
	return one(r, 1, 5, 20, 59, 60, 61, state.Timeout()-1, state.Timeout(), state.Timeout()+1)
}

// RandomARP makes ARP that an interface sends, or that is sent in its name.
func RandomARP(r *rand.Rand, v *policy.View) (from uint32, a flow.ARPPacket) {
	a = flow.ARPPacket{DstMAC: flow.MAC{255, 255, 255, 255, 255, 255}, Op: one(r, uint16(flow.ARPRequest), flow.ARPRequest, flow.ARPRequest, flow.ARPReply, 3),
		Sender: addr(r, v, true), Target: addr(r, v, true)}
	if len(v.Interfaces) == 0 {
		return 0, a
	}
	i := one(r, v.Interfaces...)
	a.SrcMAC, a.SenderMAC = i.MAC, i.MAC
	if a.Sender = i.Addr; r.IntN(8) == 0 {
		a.Sender = one(r, netip.IPv4Unspecified(), addr(r, v, true))
	}
	switch r.IntN(24) {
	case 0:
		a.SrcMAC[5] ^= 1
	case 1:
		a.SenderMAC[5] ^= 1
	}
	switch r.IntN(4) {
	case 0:
		a.Target = nth(one(r, v.Subnets...).CIDR, 1)
	case 1:
		a.Target = one(r, v.Interfaces...).Addr
	case 2:
		n := slices.IndexFunc(v.Subnets, func(s policy.Subnet) bool { return s.ID == i.Subnet })
		a.Target = nth(v.Subnets[n].CIDR, 1)
	}
	return i.Num, a
}

// RandomND makes what an interface asks about its neighbours, or what is asked or said in its name.
func RandomND(r *rand.Rand, v *policy.View) (from uint32, n flow.NDPacket) {
	n = flow.NDPacket{DstMAC: flow.MAC{0x33, 0x33, 255, 0, 0, 1}, Src: addr(r, v, false), Dst: addr(r, v, false), Target: addr(r, v, false),
		Type: one(r, uint8(flow.NeighbourSolicitation), flow.NeighbourSolicitation, flow.NeighbourSolicitation, flow.NeighbourAdvertisement)}
	if len(v.Interfaces) == 0 {
		return 0, n
	}
	i := one(r, v.Interfaces...)
	n.SrcMAC, n.Link = i.MAC, i.MAC
	switch r.IntN(6) {
	case 0:
		n.Src = netip.IPv6Unspecified()
	case 1:
		n.Src = netip.MustParseAddr("fe80::1234")
	case 2:
	default:
		n.Src = own(r, v, i, false)
	}
	switch r.IntN(20) {
	case 0:
		n.SrcMAC[5] ^= 1
	case 1:
		n.Link[5] ^= 1
	case 2, 3, 4:
		n.Link = flow.MAC{}
	}
	switch r.IntN(4) {
	case 0:
		n.Target = policy.GatewayIPv6
	case 1, 2:
		n.Target = own(r, v, one(r, v.Interfaces...), false)
		if r.IntN(4) == 0 { // an address of IPv4, which nobody has in IPv6
			n.Target = netip.AddrFrom16(one(r, v.Interfaces...).Addr.As16())
		}
	}
	return i.Num, n
}
