// Package policy says what rules mean.
//
// A View is all that one host must enforce, selected from a State by For. A Tracker remembers the
// connections of a View's interfaces, and Judge says what becomes of a packet, and why:
//
//	v := tracker.Judge(view, now, from, packet)
//	if !v.Allow { log.Info("dropped", "packet", packet, "reason", v.Reason) }
//
// The program in the kernel is held to this package by test: the same verdict and the same reason.
package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"crenel/flow"
)

// A View is what one host enforces: its interfaces, the groups on them, where packets go, and the
// members of every group that a rule of those groups names.
type View struct {
	Revision   int64        // of the State that the View was selected from
	Public     netip.Prefix // the pool of public IPv4 addresses; its first address is the host's own
	IPv6       netip.Prefix // what all VPCs' IPv6 addresses are of; the first one is the host's own
	Interfaces []Interface  // on this host, by Num
	Groups     []Group      // on those interfaces, by Num
	Subnets    []Subnet     // of those interfaces, by ID
	Members    []Member     // by VPC and address
}

// An Interface is one end of the network: an instance's interface, or a NAT gateway's.
type Interface struct {
	Num             uint32 // never used twice; never 0, which is the internet
	ID              string // "eni-…"
	VPC             uint32 // the number of its VPC
	Subnet          string
	MAC             flow.MAC
	Addr            netip.Addr   // its private IPv4 address
	Public          netip.Addr   // that of the internet for it; zero: none
	IPv6            []netip.Addr // ascending; they are the same on the internet
	Groups          []uint32     // ascending
	SourceDestCheck bool
	Open            bool // it has no groups, and everything passes its gate: a NAT gateway's
	Timeouts        Timeouts
}

// Has tells whether the address is the interface's own in its VPC.
func (i *Interface) Has(a netip.Addr) bool {
	return a.IsValid() && (i.Addr == a || slices.Contains(i.IPv6, a))
}

// OnInternet is the address that the interface's own one is on the internet; zero: none.
func (i *Interface) OnInternet(a netip.Addr) netip.Addr {
	switch {
	case !i.Has(a):
		return netip.Addr{}
	case a.Is4():
		return i.Public
	}
	return a
}

// Timeouts are how many seconds an interface's connections may be silent; 0: as long as by default.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#connection-tracking-timeouts
type Timeouts struct {
	TCPEstablished, UDPStream, UDP uint32
}

// Timeout is how many seconds a connection of the interface may be silent in the state: at that age it still lives.
func (i *Interface) Timeout(s ConnState) uint32 {
	switch s {
	case TCPEstablished:
		return cmp.Or(i.Timeouts.TCPEstablished, s.Timeout())
	case UDPStream:
		return cmp.Or(i.Timeouts.UDPStream, s.Timeout())
	case UDPExchange:
		return cmp.Or(i.Timeouts.UDP, s.Timeout())
	}
	return s.Timeout()
}

// A Group is a security group: what its rules allow, each way.
type Group struct {
	Num             uint32
	ID              string // "sg-…"
	Ingress, Egress []Rule
}

// A Rule allows who × what: the packets of What whose other end is in CIDR, or, where Group is not 0,
// is an address of an interface of the same VPC that carries the group. A CIDR is of packets of its own IP version alone.
type Rule struct {
	ID     string // "sgr-…"
	What   What
	CIDR   netip.Prefix
	Listed bool // CIDR is one of a prefix list's
	Group  uint32
}

// What says which packets: by destination port, or by ICMP type and code. Source ports never matter.
type What struct {
	Protocol int // IANA's number; -1: every protocol
	// From and To: for TCP and UDP the destination ports, inclusive; for ICMP, which is of IPv4 alone, and for ICMPv6, which
	// is of IPv6 alone, the type and the code, -1: all of them; for every other protocol they say nothing.
	From, To int
}

// A Subnet says where the packets of its interfaces go, and what may pass its boundary.
type Subnet struct {
	ID     string
	VPC    uint32
	CIDR   netip.Prefix
	Routes []Route // the longest prefix decides; by prefix
	ACL    ACL
}

// An ACL is a subnet's network ACL: for each direction the entries in the order in which they are asked. What none of
// them matches is denied.
type ACL struct {
	Ingress, Egress []Entry
}

// An Entry allows or denies the packets of What whose other end is in CIDR.
type Entry struct {
	Number int
	Allow  bool
	What   What
	CIDR   netip.Prefix
}

// A Route leads a destination to a target.
type Route struct {
	Destination netip.Prefix
	Target      Target
	Num         uint32 // Peering: the number of the peer's VPC; NetworkInterface, NATGateway: the interface's; else 0
}

// A Target is where a route leads.
type Target uint8

const (
	Nowhere  Target = iota // drop: a blackhole
	Local                  // to the interface of the VPC that has the address
	Internet               // through the internet gateway, for interfaces with a public address
	Peering                // to the interface of the other VPC that has the address
	// To an interface that need not have the address: it forwards for others.
	// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html#appliances
	NetworkInterface
	// To a NAT gateway's interface, as to any. What is begun through it is always tracked.
	NATGateway
	// Through the egress-only internet gateway, by addresses of IPv6: connections go out, always tracked, and only what belongs to
	// them comes in. https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
	EgressOnly
)

// A Member is an address in a VPC and the groups of its interface, of those that a rule of the View names.
type Member struct {
	VPC    uint32
	Addr   netip.Addr
	Groups []uint32 // ascending
}
