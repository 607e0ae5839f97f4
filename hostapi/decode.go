package hostapi

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"crenel/flow"
	"crenel/hostapi/hostpb"
	"crenel/policy"
)

// A decoder checks a message and remembers the first thing wrong with it.
type decoder struct{ err error }

func (d *decoder) want(ok bool, format string, args ...any) {
	if !ok && d.err == nil {
		d.err = fmt.Errorf("malformed message: "+format, args...)
	}
}

// Check refuses what a host would not understand.
func (d Desired) Check() error {
	message := d.encode()
	if size := proto.Size(message); size > maxMessage {
		return fmt.Errorf("it is a message of %d bytes, and %d are the most", size, maxMessage)
	}
	_, err := decodeDesired(message)
	return err
}

func decodeDesired(p *hostpb.Desired) (Desired, error) {
	var d decoder
	d.want(p.GetView() != nil, "no view")
	out := Desired{View: d.view(p.GetView()), Instances: each(p.GetInstances(), d.instance),
		NATGateways: each(p.GetNatGateways(), d.natGateway)}
	for k := 1; k < len(out.Instances); k++ {
		d.want(out.Instances[k-1].ID < out.Instances[k].ID, "instances are not in order")
	}
	for k := 1; k < len(out.NATGateways); k++ {
		d.want(out.NATGateways[k-1].ID < out.NATGateways[k].ID, "NAT gateways are not in order")
	}
	return out, d.err
}

func (d *decoder) natGateway(p *hostpb.NATGateway) NATGateway {
	d.want(p.GetInterface() != nil, "%s has no interface", p.GetId())
	return NATGateway{d.id(p.GetId()), d.nic(p.GetInterface())}
}

func decodeReport(p *hostpb.Report) (Report, error) {
	var d decoder
	r := Report{Host: p.GetHost(), Public: d.prefix(p.GetPublicPool()), Applied: p.GetApplied(), Trouble: p.GetTrouble(),
		Capacity: policy.Cost{Interfaces: int(p.GetCapacity().GetInterfaces()), Members: int(p.GetCapacity().GetMembers()), Cells: int(p.GetCapacity().GetCells()),
			Addresses: int(p.GetCapacity().GetAddresses())},
		Instances: each(p.GetInstances(), d.instanceReport), Consoles: each(p.GetConsoles(), d.console), Counters: counters(p.GetCounters())}
	d.want(r.Host == "" || name(r.Host), "the host's name is %q", r.Host)
	d.want(!r.Public.IsValid() || r.Public.Addr().Is4() && r.Public.Bits() <= 30, "the public pool is %v", r.Public)
	d.want(min(r.Capacity.Interfaces, r.Capacity.Addresses, r.Capacity.Members, r.Capacity.Cells) >= 0, "the capacity is %+v", r.Capacity)
	d.want(r.Applied >= 0, "applied is %d", r.Applied)
	d.want(len(r.Trouble) <= 4096, "trouble of %d bytes", len(r.Trouble))
	return r, d.err
}

func (d *decoder) instanceReport(p *hostpb.InstanceReport) InstanceReport {
	i := InstanceReport{ID: d.id(p.GetId()), State: InstanceState(p.GetState()), Boots: int(p.GetBoots()), Detail: p.GetDetail()}
	d.want(i.State >= Running && i.State <= Failed, "%s is in state %d", i.ID, i.State)
	d.want(i.Boots >= 0, "%s has %d boots", i.ID, i.Boots)
	d.want(len(i.Detail) <= 4096, "%s has a detail of %d bytes", i.ID, len(i.Detail))
	return i
}

func (d *decoder) console(p *hostpb.Console) Console {
	d.want(len(p.GetTail()) <= MaxTail, "a console of %d bytes", len(p.GetTail()))
	return Console{d.id(p.GetInstance()), p.GetTail(), time.UnixMilli(p.GetAtUnixMs()).UTC()}
}

// counters leaves out those of reasons that this version does not know: a newer host may.
func counters(ps []*hostpb.Counter) (out []policy.Counter) {
	for _, p := range ps {
		if p.GetReason() < uint32(policy.Reasons) {
			out = append(out, policy.Counter{Interface: p.GetInterface(), Reason: policy.Reason(p.GetReason()), Packets: p.GetPackets(), Bytes: p.GetBytes()})
		}
	}
	return out
}

func (d *decoder) instance(p *hostpb.Instance) Instance {
	i := Instance{ID: d.id(p.GetId()), Image: d.id(p.GetImage()), ImageName: p.GetImageName(), Hostname: p.GetHostname(), Domain: p.GetDomain(), UserData: p.GetUserData(),
		Boots: int(p.GetBoots()), Run: p.GetRun(), Remove: p.GetRemove(), DNS: d.maybe(p.GetDnsServer()), Interfaces: each(p.GetInterfaces(), d.nic)}
	d.want(name(i.Hostname) && (i.Domain == "" || name(i.Domain)), "%s is called %q in %q", i.ID, i.Hostname, i.Domain)
	d.want(len(i.ImageName) <= 255, "%s has an image name of %d bytes", i.ID, len(i.ImageName))
	d.want(len(i.UserData) <= maxUserData, "%s has %d bytes of user data", i.ID, len(i.UserData))
	d.want(i.Boots >= 0, "%s has %d boots", i.ID, i.Boots)
	d.want(!i.Run || !i.Remove, "%s is to run and to be removed", i.ID)
	return i
}

func (d *decoder) nic(p *hostpb.Nic) Interface {
	i := Interface{ID: d.id(p.GetId()), Num: d.num(p.GetNum()), DeviceIndex: int(p.GetDeviceIndex()), MAC: d.mac(p.GetMac()), Gateway: d.addr(p.GetGateway()),
		IPv6: each(p.GetIpv6(), d.addr6), IPv6Gateway: d.maybe(p.GetIpv6Gateway())}
	addr, bits := d.addr(p.GetAddress()), p.GetPrefixLen()
	d.want(bits <= uint32(addr.BitLen()), "%s has a prefix of %d bits", i.ID, bits)
	d.want(i.DeviceIndex >= 0 && i.DeviceIndex < 16, "%s has device index %d", i.ID, i.DeviceIndex)
	i.Addr = netip.PrefixFrom(addr, int(bits))
	return i
}

func (d *decoder) view(p *hostpb.View) *policy.View {
	v := &policy.View{Revision: p.GetRevision(), Public: d.prefix(p.GetPublic()), IPv6: d.prefix(p.GetIpv6()), Interfaces: each(p.GetInterfaces(), d.iface),
		Groups: each(p.GetGroups(), d.group), Subnets: each(p.GetSubnets(), d.subnet), Members: each(p.GetMembers(), d.member)}
	d.want(v.Revision >= 0, "revision %d", v.Revision)
	for k := 1; k < len(v.Interfaces); k++ {
		d.want(v.Interfaces[k-1].Num < v.Interfaces[k].Num, "interfaces are not in order")
	}
	for k := 1; k < len(v.Groups); k++ {
		d.want(v.Groups[k-1].Num < v.Groups[k].Num, "groups are not in order")
	}
	for k := 1; k < len(v.Subnets); k++ {
		d.want(v.Subnets[k-1].ID < v.Subnets[k].ID, "subnets are not in order")
	}
	for k := 1; k < len(v.Members); k++ {
		a, b := v.Members[k-1], v.Members[k]
		d.want(a.VPC < b.VPC || a.VPC == b.VPC && a.Addr.Less(b.Addr), "members are not in order")
	}
	return v
}

func (d *decoder) iface(p *hostpb.Interface) policy.Interface {
	return policy.Interface{Num: d.num(p.GetNum()), ID: d.id(p.GetId()), VPC: d.vpc(p.GetVpc()), Subnet: d.id(p.GetSubnet()), MAC: d.mac(p.GetMac()),
		Addr: d.addr(p.GetAddr()), Public: d.maybe(p.GetPublic()), IPv6: each(p.GetIpv6(), d.addr6), Groups: d.nums(p.GetGroups()), SourceDestCheck: p.GetSourceDestCheck(), Open: p.GetOpen(),
		Timeouts: policy.Timeouts{TCPEstablished: d.seconds(p.GetTcpEstablishedTimeout()), UDPStream: d.seconds(p.GetUdpStreamTimeout()), UDP: d.seconds(p.GetUdpTimeout())}}
}

// seconds is a timeout: at most the longest that AWS has.
func (d *decoder) seconds(n uint32) uint32 {
	d.want(n <= policy.TCPEstablished.Timeout(), "a timeout of %d s", n)
	return n
}

func (d *decoder) group(p *hostpb.Group) policy.Group {
	return policy.Group{Num: d.num(p.GetNum()), ID: d.id(p.GetId()), Ingress: each(p.GetIngress(), d.rule), Egress: each(p.GetEgress(), d.rule)}
}

func (d *decoder) rule(p *hostpb.Rule) policy.Rule {
	r := policy.Rule{ID: d.id(p.GetId()), What: d.what(p), Listed: p.GetListed()}
	switch who := p.GetWho().(type) {
	case *hostpb.Rule_Cidr:
		r.CIDR = d.prefix(who.Cidr)
		d.want(r.CIDR.IsValid(), "%s has no CIDR", r.ID)
	case *hostpb.Rule_Group:
		r.Group = d.num(who.Group)
	default:
		d.want(false, "%s allows nobody", r.ID)
	}
	return r
}

// what is said alike by rules and by entries of network ACLs.
func (d *decoder) what(p interface {
	GetProtocol() int32
	GetFrom() int32
	GetTo() int32
}) policy.What {
	w := policy.What{Protocol: int(p.GetProtocol()), From: int(p.GetFrom()), To: int(p.GetTo())}
	d.want(w.Protocol >= -1 && w.Protocol <= 255, "protocol %d", w.Protocol)
	for _, n := range []int{w.From, w.To} {
		d.want(n >= -1 && n <= 65535, "port %d", n)
	}
	return w
}

func (d *decoder) entry(p *hostpb.Entry) policy.Entry {
	e := policy.Entry{Number: int(p.GetNumber()), Allow: p.GetAllow(), What: d.what(p), CIDR: d.prefix(p.GetCidr())}
	d.want(e.Number > 0 && e.Number < policy.LastEntry, "an entry of a network ACL has number %d", e.Number)
	d.want(e.CIDR.IsValid(), "entry %d of a network ACL has no CIDR", e.Number)
	return e
}

func (d *decoder) subnet(p *hostpb.Subnet) policy.Subnet {
	s := policy.Subnet{ID: d.id(p.GetId()), VPC: d.vpc(p.GetVpc()), CIDR: d.prefix(p.GetCidr()), Routes: each(p.GetRoutes(), d.route),
		ACL: policy.ACL{Ingress: each(p.GetIngress(), d.entry), Egress: each(p.GetEgress(), d.entry)}}
	d.want(s.CIDR.IsValid(), "%s has no CIDR", s.ID)
	return s
}

func (d *decoder) route(p *hostpb.Route) policy.Route {
	r := policy.Route{Destination: d.prefix(p.GetDestination())}
	d.want(r.Destination.IsValid(), "a route has no destination")
	t := p.GetTarget() - 1 // the message keeps 0 for "not said"
	d.want(t >= 0 && t <= hostpb.Route_Target(policy.EgressOnly), "a route leads to %v", p.GetTarget())
	switch r.Target = policy.Target(t); r.Target {
	case policy.Peering:
		r.Num = d.vpc(p.GetNum())
	case policy.NetworkInterface, policy.NATGateway:
		r.Num = d.num(p.GetNum())
	default:
		d.want(p.GetNum() == 0, "a route that leads to %v has number %d", p.GetTarget(), p.GetNum())
	}
	return r
}

func (d *decoder) member(p *hostpb.Member) policy.Member {
	return policy.Member{VPC: d.vpc(p.GetVpc()), Addr: d.addr(p.GetAddr()), Groups: d.nums(p.GetGroups())}
}

func (d *decoder) num(n uint32) uint32 {
	d.want(n != 0, "the number 0")
	return n
}

func (d *decoder) vpc(n uint32) uint32 {
	d.want(n < 1<<24, "VPC number %d", n)
	return d.num(n)
}

func (d *decoder) nums(ns []uint32) []uint32 {
	for k, n := range ns {
		d.want(n != 0 && (k == 0 || ns[k-1] < n), "group numbers %v", ns)
	}
	return ns
}

// id checks an AWS id: lower-case letters, digits and dashes. Nothing else may become a file name.
func (d *decoder) id(s string) string {
	d.want(len(s) > 0 && len(s) <= 64 && s[0] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "", "the id %q", s)
	return s
}

// name tells whether s is a DNS name: it goes into files that others parse.
func name(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' ||
			strings.Trim(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(s) <= 253
}

func (d *decoder) mac(b []byte) (m flow.MAC) {
	d.want(len(b) == len(m), "a MAC address of %d bytes", len(b))
	copy(m[:], b)
	return m
}

func (d *decoder) addr(b []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(b)
	d.want(ok && !a.Is4In6(), "the address %x", b)
	return a
}

// addr6 is an address of IPv6.
func (d *decoder) addr6(b []byte) netip.Addr {
	a := d.addr(b)
	d.want(a.Is6(), "the IPv6 address %s", a)
	return a
}

// maybe is an address that may be missing.
func (d *decoder) maybe(b []byte) netip.Addr {
	if len(b) == 0 {
		return netip.Addr{}
	}
	return d.addr(b)
}

// prefix is one that may be missing; its address has no bits beyond it.
func (d *decoder) prefix(p *hostpb.Prefix) netip.Prefix {
	if p == nil {
		return netip.Prefix{}
	}
	a := d.addr(p.GetAddr())
	d.want(p.GetBits() <= uint32(a.BitLen()), "a prefix of %d bits", p.GetBits())
	out := netip.PrefixFrom(a, int(min(p.GetBits(), 128)))
	d.want(out == out.Masked(), "the prefix %v", out)
	return out
}
