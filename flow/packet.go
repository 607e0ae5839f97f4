// Package flow is a packet as a filter sees it: addresses, protocol, ports, and no more.
//
// Parse reads a frame; Build makes one, for tests:
//
//	p, err := flow.Parse(frame)
//	frame = flow.Build(p)
package flow

import "net/netip"

// Protocol numbers that have ports, types or codes. https://www.iana.org/assignments/protocol-numbers
const (
	ICMP = 1
	TCP  = 6
	UDP  = 17
)

// TCP flags. RFC 9293 §3.1.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// ICMP types that have an identifier which pairs a reply with its request. RFC 792.
const (
	EchoReply   = 0
	EchoRequest = 8
)

// ICMP types of errors. RFC 792.
const (
	Unreachable      = 3
	TimeExceeded     = 11
	ParameterProblem = 12
)

// MAC is an Ethernet address.
type MAC [6]byte

// A Packet is one frame with an IPv4 packet in it.
type Packet struct {
	SrcMAC, DstMAC MAC
	Src, Dst       netip.Addr
	Protocol       uint8
	// SrcPort and DstPort are the ports of TCP and UDP. An ICMP echo request has its identifier as
	// SrcPort and 0 as DstPort, an echo reply 0 as SrcPort and the identifier as DstPort: so a reply
	// is its request turned round. Where the identifier is 0 only the type tells them apart.
	// Everything else has 0 and 0.
	SrcPort, DstPort   uint16
	ICMPType, ICMPCode uint8 // valid iff Protocol is ICMP
	TCPFlags           uint8 // valid iff Protocol is TCP
	Quote              Quote // of an ICMP error: the packet that it is about
	Fragment           Fragment
	Options            int // bytes of IP options, a multiple of 4 up to 40
	Payload            int // bytes after the transport header, what is quoted included
}

// A Fragment says which piece of a packet this is; its zero value: it is whole. Only a first one has what stands in the
// transport header. RFC 791 §3.2.
type Fragment struct {
	ID     uint16 // all pieces of one packet have it
	Offset int    // bytes before this piece, a multiple of 8
	More   bool   // another one follows
}

// First tells whether others follow, which belong to it.
func (f Fragment) First() bool { return f.Offset == 0 && f.More }

// Later tells whether the transport header is in another one.
func (f Fragment) Later() bool { return f.Offset > 0 }

// A Quote is what an ICMP error says of the packet that it is about: as much as tells which connection that is of. Its
// zero value is that of a packet that quotes nothing, or not enough. RFC 1812 §4.3.2.3.
type Quote struct {
	Src, Dst         netip.Addr
	Protocol         uint8
	SrcPort, DstPort uint16 // as a Packet's
	ICMPType         uint8
}

// Quoted is the packet as far as it is quoted.
func (p Packet) Quoted() Quote {
	return Quote{Src: p.Src, Dst: p.Dst, Protocol: p.Protocol, SrcPort: p.SrcPort, DstPort: p.DstPort, ICMPType: p.ICMPType}
}

// Packet is what is known of the packet that is quoted.
func (q Quote) Packet() Packet {
	return Packet{Src: q.Src, Dst: q.Dst, Protocol: q.Protocol, SrcPort: q.SrcPort, DstPort: q.DstPort, ICMPType: q.ICMPType}
}

// IsValid tells whether anything is quoted.
func (q Quote) IsValid() bool { return q.Src.IsValid() }

// Error tells whether the packet is an ICMP error, which quotes another packet: one that could not be delivered, whose
// time was over, or whose header was wrong. A redirect is none here: nobody in a VPC has a say in others' routes. RFC 792.
func (p Packet) Error() bool {
	return p.Protocol == ICMP && (p.ICMPType == Unreachable || p.ICMPType == TimeExceeded || p.ICMPType == ParameterProblem)
}

// Echo tells whether the packet is an ICMP echo request or reply.
func (p Packet) Echo() bool {
	return p.Protocol == ICMP && (p.ICMPType == EchoRequest || p.ICMPType == EchoReply)
}

// Reverse is the packet turned round: what its receiver sends back. A TCP packet keeps its flags.
func (p Packet) Reverse() Packet {
	p.SrcMAC, p.DstMAC = p.DstMAC, p.SrcMAC
	p.Src, p.Dst = p.Dst, p.Src
	p.SrcPort, p.DstPort = p.DstPort, p.SrcPort
	if p.Echo() {
		p.ICMPType = EchoRequest + EchoReply - p.ICMPType
	}
	return p
}

// A Kind is what a frame is that is no Packet. Each is an error that Parse returns.
type Kind uint8

const (
	Malformed   Kind = iota + 1 // too short, or lengths that contradict one another
	Unsupported                 // neither IPv4 nor ARP: IPv6, VLAN tags and everything else
	ARP                         // see ParseARP
)

func (k Kind) Error() string {
	return [...]string{Malformed: "malformed packet", Unsupported: "unsupported ethertype", ARP: "ARP"}[k]
}
