package policy

import (
	"net/netip"

	"crenel/flow"
)

// A hop is where the route leads a packet, or why it leads nowhere.
type hop struct {
	dropped  Reason      // where it Drops: the rest is not valid, but by
	by       uint32      // the Num of the interface that is to blame
	packet   flow.Packet // with the IP addresses that it arrives with
	receiver *Interface  // nil: the host
	public   bool        // it travels by public addresses, through the internet gateway
	// forwarded: the receiver does not have the address that the packet goes to.
	forwarded bool
	known     bool // it may come only if the receiver knows its connection
}

// vpc is the one in which interfaces have the addresses that the sender's route leads to; 0: it leads to none by address.
func (r Route) vpc(sender *Interface) uint32 {
	switch r.Target {
	case Local:
		return sender.VPC
	case Peering:
		return r.Num
	}
	return 0
}

// follow finds where the packet goes by the route; sender is nil where it comes from the internet.
func follow(v *View, sender *Interface, r Route, p flow.Packet) hop {
	if sender == nil {
		return enter(v, 0, p)
	}
	var receiver *Interface
	switch r.Target {
	case Local, Peering:
		receiver = find(v, func(i *Interface) bool { return i.VPC == r.vpc(sender) && i.Has(p.Dst) })
	case NetworkInterface, NATGateway:
		receiver = find(v, func(i *Interface) bool { return i.Num == r.Num && i.VPC == sender.VPC })
	case Internet, EgressOnly:
		return leave(v, sender, p)
	default:
		return hop{dropped: NoRoute, by: sender.Num}
	}
	switch {
	case receiver == nil || receiver == sender:
		return hop{dropped: NoDestination, by: sender.Num}
	case !receiver.Has(p.Dst) && receiver.SourceDestCheck:
		return hop{dropped: NoForwarding, by: receiver.Num}
	}
	return hop{packet: p, receiver: receiver, forwarded: !receiver.Has(p.Dst)}
}

// leave takes a packet out through the internet gateway: from here on its source is public. There
// are the host and the other interfaces with public addresses, and nothing beyond.
func leave(v *View, sender *Interface, p flow.Packet) hop {
	public := sender.OnInternet(p.Src)
	if !public.IsValid() {
		return hop{dropped: NoPublicAddress, by: sender.Num}
	}
	p.Src = public
	if p.Quote.Dst == sender.Addr { // an error says of which packet as its receiver knows that
		p.Quote.Dst = sender.Public
	}
	switch {
	case p.Dst == v.Host(p.Dst):
		return hop{packet: p, public: true}
	case !v.pool(p.Dst).Contains(p.Dst):
		return hop{dropped: NotForwarded, by: sender.Num}
	}
	return enter(v, sender.Num, p)
}

// enter takes a packet in through the internet gateway of the interface that has the public
// destination: from here on its destination is private. The interface's subnet must have a way back.
func enter(v *View, from uint32, p flow.Packet) hop {
	receiver := find(v, func(i *Interface) bool {
		return i.Public.IsValid() && i.Public == p.Dst || p.Dst.Is6() && i.Has(p.Dst)
	})
	if receiver == nil {
		return hop{dropped: NoDestination, by: from}
	}
	back := route(v, receiver, p.Src).Target
	if back != Internet && back != EgressOnly {
		return hop{dropped: NoRoute, by: receiver.Num}
	}
	if p.Dst.Is4() {
		if p.Quote.Src == receiver.Public {
			p.Quote.Src = receiver.Addr
		}
		p.Dst = receiver.Addr
	}
	return hop{packet: p, receiver: receiver, public: true, known: back == EgressOnly}
}

// Unroutable is what no route leads to, whatever the tables say: this network, loopback, link-local addresses of IPv6,
// multicast, reserved addresses and broadcast. https://www.iana.org/assignments/iana-ipv4-special-registry,
// https://www.iana.org/assignments/iana-ipv6-special-registry
var Unroutable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
}

// route is what of the route table of the interface's subnet leads the address.
func route(v *View, i *Interface, a netip.Addr) Route {
	if s := subnet(v, i); s != nil {
		return Toward(s.Routes, a)
	}
	return Route{}
}

// Toward is the route that leads the address, the one with the longest prefix; zero, which leads nowhere: there is none.
func Toward(routes []Route, a netip.Addr) (best Route) {
	for _, p := range Unroutable {
		if p.Contains(a) {
			return Route{}
		}
	}
	length := -1
	for _, r := range routes {
		if r.Destination.Contains(a) && r.Destination.Bits() > length {
			best, length = r, r.Destination.Bits()
		}
	}
	return best
}

// subnet is the interface's, or nil: then it has no routes and no neighbours.
func subnet(v *View, i *Interface) *Subnet {
	for n := range v.Subnets {
		if v.Subnets[n].ID == i.Subnet {
			return &v.Subnets[n]
		}
	}
	return nil
}

func find(v *View, is func(*Interface) bool) *Interface {
	for i := range v.Interfaces {
		if is(&v.Interfaces[i]) {
			return &v.Interfaces[i]
		}
	}
	return nil
}
