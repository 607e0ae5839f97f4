package hostapi

import (
	"net/netip"

	"crenel/flow"
	"crenel/hostapi/hostpb"
	"crenel/policy"
)

// each is in, converted one by one; nil for none.
func each[A, B any](in []A, convert func(A) B) []B {
	var out []B
	for _, a := range in {
		out = append(out, convert(a))
	}
	return out
}

func (d Desired) encode() *hostpb.Desired {
	return &hostpb.Desired{View: encodeView(d.View), Instances: each(d.Instances, encodeInstance),
		NatGateways: each(d.NATGateways, func(g NATGateway) *hostpb.NATGateway {
			return &hostpb.NATGateway{Id: g.ID, Interface: encodeNic(g.Interface)}
		})}
}

func encodeInstance(i Instance) *hostpb.Instance {
	return &hostpb.Instance{Id: i.ID, Image: i.Image, ImageName: i.ImageName, Hostname: i.Hostname, Domain: i.Domain, UserData: i.UserData, Boots: int32(i.Boots),
		Run: i.Run, Remove: i.Remove, DnsServer: i.DNS.AsSlice(), Interfaces: each(i.Interfaces, encodeNic)}
}

func encodeNic(n Interface) *hostpb.Nic {
	return &hostpb.Nic{Id: n.ID, Num: n.Num, DeviceIndex: int32(n.DeviceIndex), Mac: encodeMAC(n.MAC), Address: n.Addr.Addr().AsSlice(),
		PrefixLen: uint32(n.Addr.Bits()), Gateway: n.Gateway.AsSlice(), Ipv6: each(n.IPv6, netip.Addr.AsSlice), Ipv6Gateway: n.IPv6Gateway.AsSlice()}
}

func (r Report) encode() *hostpb.Report {
	return &hostpb.Report{Host: r.Host, PublicPool: encodePrefix(r.Public), Applied: r.Applied, Trouble: r.Trouble,
		Capacity: &hostpb.Capacity{Interfaces: int32(r.Capacity.Interfaces), Members: int32(r.Capacity.Members), Cells: int32(r.Capacity.Cells),
			Addresses: int32(r.Capacity.Addresses)},
		Instances: each(r.Instances, func(i InstanceReport) *hostpb.InstanceReport {
			return &hostpb.InstanceReport{Id: i.ID, State: hostpb.InstanceReport_State(i.State), Boots: int32(i.Boots), Detail: i.Detail}
		}),
		Consoles: each(r.Consoles, func(c Console) *hostpb.Console {
			return &hostpb.Console{Instance: c.Instance, Tail: c.Tail, AtUnixMs: c.At.UnixMilli()}
		}),
		Counters: each(r.Counters, func(c policy.Counter) *hostpb.Counter {
			return &hostpb.Counter{Interface: c.Interface, Reason: uint32(c.Reason), Packets: c.Packets, Bytes: c.Bytes}
		})}
}

func encodeView(v *policy.View) *hostpb.View {
	return &hostpb.View{Revision: v.Revision, Public: encodePrefix(v.Public), Ipv6: encodePrefix(v.IPv6),
		Interfaces: each(v.Interfaces, func(i policy.Interface) *hostpb.Interface {
			return &hostpb.Interface{Num: i.Num, Id: i.ID, Vpc: i.VPC, Subnet: i.Subnet, Mac: encodeMAC(i.MAC), Addr: i.Addr.AsSlice(),
				Public: i.Public.AsSlice(), Ipv6: each(i.IPv6, netip.Addr.AsSlice), Groups: i.Groups, SourceDestCheck: i.SourceDestCheck, Open: i.Open,
				TcpEstablishedTimeout: i.Timeouts.TCPEstablished, UdpStreamTimeout: i.Timeouts.UDPStream, UdpTimeout: i.Timeouts.UDP}
		}),
		Groups: each(v.Groups, func(g policy.Group) *hostpb.Group {
			return &hostpb.Group{Num: g.Num, Id: g.ID, Ingress: each(g.Ingress, encodeRule), Egress: each(g.Egress, encodeRule)}
		}),
		Subnets: each(v.Subnets, func(s policy.Subnet) *hostpb.Subnet {
			return &hostpb.Subnet{Id: s.ID, Vpc: s.VPC, Cidr: encodePrefix(s.CIDR), Routes: each(s.Routes, func(r policy.Route) *hostpb.Route {
				return &hostpb.Route{Destination: encodePrefix(r.Destination), Target: hostpb.Route_Target(r.Target) + 1, Num: r.Num}
			}), Ingress: each(s.ACL.Ingress, encodeEntry), Egress: each(s.ACL.Egress, encodeEntry)}
		}),
		Members: each(v.Members, func(m policy.Member) *hostpb.Member {
			return &hostpb.Member{Vpc: m.VPC, Addr: m.Addr.AsSlice(), Groups: m.Groups}
		})}
}

func encodeRule(r policy.Rule) *hostpb.Rule {
	p := &hostpb.Rule{Id: r.ID, Protocol: int32(r.What.Protocol), From: int32(r.What.From), To: int32(r.What.To), Listed: r.Listed}
	if r.Group != 0 {
		p.Who = &hostpb.Rule_Group{Group: r.Group}
	} else {
		p.Who = &hostpb.Rule_Cidr{Cidr: encodePrefix(r.CIDR)}
	}
	return p
}

func encodeEntry(e policy.Entry) *hostpb.Entry {
	return &hostpb.Entry{Number: int32(e.Number), Allow: e.Allow, Protocol: int32(e.What.Protocol), From: int32(e.What.From), To: int32(e.What.To),
		Cidr: encodePrefix(e.CIDR)}
}

func encodePrefix(p netip.Prefix) *hostpb.Prefix {
	if !p.IsValid() {
		return nil
	}
	return &hostpb.Prefix{Addr: p.Addr().AsSlice(), Bits: uint32(p.Bits())}
}

func encodeMAC(m flow.MAC) []byte { return m[:] }
