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
	ICMP   = 1 // of IPv4 alone
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58 // of IPv6 alone
)

// TCP flags. RFC 9293 §3.1.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// ICMP types that have an identifier which pairs a reply with its request. RFC 792, RFC 4443.
const (
	EchoReply     = 0
	EchoRequest   = 8
	EchoRequestV6 = 128
	EchoReplyV6   = 129
)

// ICMP types of errors. RFC 792, RFC 4443.
const (
	Unreachable        = 3
	TimeExceeded       = 11
	ParameterProblem   = 12
	UnreachableV6      = 1
	TooBigV6           = 2
	TimeExceededV6     = 3
	ParameterProblemV6 = 4
)

// MAC is an Ethernet address.
type MAC [6]byte

// A Packet is one frame with an IPv4 or IPv6 packet in it.
type Packet struct {
	SrcMAC, DstMAC MAC
	Src, Dst       netip.Addr
	Protocol       uint8 // of IPv6, what follows the extension headers; of a later piece, what the fragment header says
	// SrcPort and DstPort are the ports of TCP and UDP. An ICMP echo request has its identifier as
	// SrcPort and 0 as DstPort, an echo reply 0 as SrcPort and the identifier as DstPort: so a reply
	// is its request turned round. Where the identifier is 0 only the type tells them apart.
	// Everything else has 0 and 0.
	SrcPort, DstPort   uint16
	ICMPType, ICMPCode uint8 // valid iff IsICMP
	TCPFlags           uint8 // valid iff Protocol is TCP
	Quote              Quote // of an ICMP error: the packet that it is about
	Fragment           Fragment
	Options            int // bytes of IP options, a multiple of 4 up to 40; of extension headers but the fragment's, a multiple of 8
	Payload            int // bytes after the transport header, what is quoted included
}

// A Fragment says which piece of a packet this is; its zero value: it is whole. Only a first one has what stands in the
// transport header. RFC 791 §3.2, RFC 8200 §4.5.
type Fragment struct {
	ID     uint32 // all pieces of one packet have it; 16 bits of IPv4
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

// IsICMP tells whether the packet is of the ICMP of its IP version.
func (p Packet) IsICMP() bool {
	if p.Src.Is4() {
		return p.Protocol == ICMP
	}
	return p.Protocol == ICMPv6
}

// Error tells whether the packet is an ICMP error, which quotes another packet: one that could not be delivered, was too
// big, whose time was over, or whose header was wrong. A redirect is none here: nobody in a VPC has a say in others'
// routes. RFC 792, RFC 4443.
func (p Packet) Error() bool {
	switch {
	case !p.IsICMP():
		return false
	case p.Src.Is4():
		return p.ICMPType == Unreachable || p.ICMPType == TimeExceeded || p.ICMPType == ParameterProblem
	}
	return UnreachableV6 <= p.ICMPType && p.ICMPType <= ParameterProblemV6
}

// Asks tells whether the packet is an ICMP echo request.
func (p Packet) Asks() bool {
	request, _ := p.echoTypes()
	return p.IsICMP() && p.ICMPType == request
}

// Answers tells whether the packet is an ICMP echo reply.
func (p Packet) Answers() bool {
	_, reply := p.echoTypes()
	return p.IsICMP() && p.ICMPType == reply
}

// Echo tells whether the packet is an ICMP echo request or reply.
func (p Packet) Echo() bool { return p.Asks() || p.Answers() }

func (p Packet) echoTypes() (request, reply uint8) {
	if p.Src.Is4() {
		return EchoRequest, EchoReply
	}
	return EchoRequestV6, EchoReplyV6
}

// Reverse is the packet turned round: what its receiver sends back. A TCP packet keeps its flags.
func (p Packet) Reverse() Packet {
	echo := p.Echo()
	p.SrcMAC, p.DstMAC = p.DstMAC, p.SrcMAC
	p.Src, p.Dst = p.Dst, p.Src
	p.SrcPort, p.DstPort = p.DstPort, p.SrcPort
	if echo {
		request, reply := p.echoTypes()
		p.ICMPType = request + reply - p.ICMPType
	}
	return p
}

// A Kind is what a frame is that is no Packet. Each is an error that Parse returns.
type Kind uint8

const (
	Malformed   Kind = iota + 1 // too short, or lengths that contradict one another
	Unsupported                 // neither IP nor ARP, as VLAN tags; extension headers without end, or with a way of their own
	ARP                         // see ParseARP
	ND                          // what IPv6 says on one link alone, see ParseND: neighbour discovery, and who listens to which multicast
)

func (k Kind) Error() string {
	return [...]string{Malformed: "malformed packet", Unsupported: "unsupported packet", ARP: "ARP", ND: "neighbour discovery"}[k]
}
