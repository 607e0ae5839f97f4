package policytest

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"

	"crenel/flow"
	"crenel/policy"
)

// RandomPacket makes a packet and who sends it, 0: the internet. Most packets are from the sender's
// own address to one that exists and on a port that rules are about.
func RandomPacket(r *rand.Rand, v *policy.View) (from uint32, p flow.Packet) {
	p = flow.Packet{DstMAC: policy.GatewayMAC, Payload: one(r, 0, 0, 1, 2, 100, 1400), Options: one(r, 0, 0, 0, 0, 4, 40)}
	what(r, &p)
	if len(v.Interfaces) == 0 || r.IntN(4) == 0 {
		fromInternet(r, v, &p)
		return 0, p
	}
	sender := one(r, v.Interfaces...)
	p.Src, p.SrcMAC = sender.Addr, sender.MAC
	if r.IntN(20) == 0 {
		p.Src = addr(r, v)
	}
	if r.IntN(40) == 0 {
		p.SrcMAC[r.IntN(6)] ^= 1 << r.IntN(8)
	}
	if p.Dst = addr(r, v); r.IntN(4) > 0 {
		neighbours := slices.DeleteFunc(slices.Clone(v.Interfaces), func(i policy.Interface) bool { return i.VPC != sender.VPC || i.Num == sender.Num })
		if len(neighbours) > 0 {
			p.Dst = one(r, neighbours...).Addr
		}
	}
	if r.IntN(100) == 0 {
		return sender.Num + 1, p // nobody, mostly
	}
	return sender.Num, p
}

func fromInternet(r *rand.Rand, v *policy.View, p *flow.Packet) {
	p.SrcMAC = flow.MAC{2, 0, 0, 0, 0, 2}
	if p.Src = v.Host(); r.IntN(4) == 0 {
		p.Src = addr(r, v)
	}
	if p.Dst = addr(r, v); len(v.Interfaces) > 0 && r.IntN(4) > 0 {
		if i := one(r, v.Interfaces...); i.Public.IsValid() {
			p.Dst = i.Public
		}
	}
}

// what makes the protocol and what belongs to it.
func what(r *rand.Rand, p *flow.Packet) {
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		p.Protocol, p.SrcPort, p.DstPort, p.TCPFlags = flow.TCP, port(r), port(r), RandomFlags(r)
	case 4, 5, 6:
		p.Protocol, p.SrcPort, p.DstPort = flow.UDP, port(r), port(r)
	case 7, 8:
		p.Protocol, p.ICMPType, p.ICMPCode = flow.ICMP, one(r, uint8(flow.EchoRequest), flow.EchoRequest, flow.EchoReply, 3, 11, 255, 9), one(r, uint8(0), 0, 0, 1, 4, 255)
		switch p.ICMPType {
		case flow.EchoRequest:
			p.SrcPort = one(r, uint16(0), 1, 7)
		case flow.EchoReply:
			p.DstPort = one(r, uint16(0), 1, 7)
		}
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

// RandomFrame makes a frame: a random packet's, ARP, or either of them damaged.
func RandomFrame(r *rand.Rand, v *policy.View) (from uint32, frame []byte) {
	from, p := RandomPacket(r, v)
	if frame = flow.Build(p); r.IntN(4) == 0 {
		from, a := RandomARP(r, v)
		return from, damage(r, flow.BuildARP(a))
	}
	return from, damage(r, frame)
}

// damage leaves some frames whole. The places that it prefers are where lengths and kinds stand.
func damage(r *rand.Rand, frame []byte) []byte {
	switch r.IntN(8) {
	case 0: // shorter
		frame = frame[:min(len(frame), 14+r.IntN(50))]
	case 1: // longer
		frame = append(frame, make([]byte, 1+r.IntN(20))...)
	case 2: // of another kind
		binary.BigEndian.PutUint16(frame[12:], one(r, uint16(0x86dd), 0x8100, 0x0806, 0x0800, 60, 0x88cc))
	case 3, 4: // a byte of the headers
		frame[r.IntN(min(len(frame), 60))] = byte(r.IntN(256))
	case 5: // version, header length, total length, fragments, the length of TCP's header
		at := one(r, 14, 14, 16, 17, 20, 21, 46)
		if at < len(frame) {
			frame[at] = one(r, 0, 1, 0x40, 0x44, 0x45, 0x46, 0x4f, 0x50, 0x60, frame[at]-1, frame[at]+1)
		}
	}
	return frame
}

// RandomARP makes ARP that an interface sends, or that is sent in its name.
func RandomARP(r *rand.Rand, v *policy.View) (from uint32, a flow.ARPPacket) {
	a = flow.ARPPacket{DstMAC: flow.MAC{255, 255, 255, 255, 255, 255}, Op: one(r, uint16(flow.ARPRequest), flow.ARPRequest, flow.ARPRequest, flow.ARPReply, 3),
		Sender: addr(r, v), Target: addr(r, v)}
	if len(v.Interfaces) == 0 {
		return 0, a
	}
	i := one(r, v.Interfaces...)
	a.SrcMAC, a.SenderMAC = i.MAC, i.MAC
	if a.Sender = i.Addr; r.IntN(8) == 0 {
		a.Sender = one(r, netip.IPv4Unspecified(), addr(r, v))
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
