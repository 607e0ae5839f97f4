package vpc

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// Anywhere4 is every IPv4 address, Anywhere6 every IPv6 one.
var (
	Anywhere4 = netip.MustParsePrefix("0.0.0.0/0")
	Anywhere6 = netip.MustParsePrefix("::/0")
)

// NewVPC adds a VPC and all that AWS brings with one: its default security group, its default
// network ACL and its main route table. The caller has checked the CIDR.
// https://docs.aws.amazon.com/vpc/latest/userguide/create-vpc.html
func (e *Edit) NewVPC(cidr netip.Prefix, tenancy string, isDefault bool) *VPC {
	v := &VPC{ID: e.NewID("vpc"), Scope: e.Scope, Num: e.newVPCNum(), CIDR: cidr.Masked(), AssociationID: e.NewID("vpc-cidr-assoc"),
		Default: isDefault, Tenancy: tenancy, DHCPOptions: e.defaultDHCPOptions().ID, DNSSupport: true, DNSHostnames: isDefault}
	e.VPCs.Put(v)
	group := e.NewSecurityGroup(v.ID, "default", "default VPC security group")
	group.Rules = append(group.Rules, Rule{ID: e.NewID("sgr"), What: What{AnyProtocol, -1, -1},
		Peer: Peer{Group: group.ID, Account: e.Account}})
	e.SecurityGroups.Put(group)
	e.NetworkACLs.Put(e.NewNetworkACL(v, true))
	e.RouteTables.Put(&RouteTable{ID: e.NewID("rtb"), Scope: e.Scope, VPC: v.ID,
		Associations: []RouteAssociation{{ID: e.NewID("rtbassoc"), Main: true}}})
	return v
}

// NewSecurityGroup makes a group with what every new one has: all traffic out to anywhere, nothing in.
// IPv6 goes out where the VPC has it. The caller has checked the name, and Puts the group.
// https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
func (e *Edit) NewSecurityGroup(vpc, name, description string) *SecurityGroup {
	g := &SecurityGroup{ID: e.NewID("sg"), Scope: e.Scope, VPC: vpc, Num: e.NewNum(), Name: name, Description: description}
	anywhere := []netip.Prefix{Anywhere4}
	if v := e.VPCs.Get(vpc); v != nil && len(v.IPv6) > 0 {
		anywhere = append(anywhere, Anywhere6)
	}
	for _, p := range anywhere {
		g.Rules = append(g.Rules, Rule{ID: e.NewID("sgr"), Egress: true, What: What{AnyProtocol, -1, -1}, Peer: Peer{CIDR: p}})
	}
	return g
}

// NewSubnet adds a subnet with the VPC's default network ACL. The caller has checked the CIDR.
func (e *Edit) NewSubnet(vpc string, cidr netip.Prefix, zone string, isDefault bool) *Subnet {
	s := &Subnet{ID: e.NewID("subnet"), Scope: e.Scope, VPC: vpc, CIDR: cidr.Masked(), Zone: zone,
		DefaultZone: isDefault, MapPublicIP: isDefault, ACLAssoc: e.NewID("aclassoc")}
	if a := e.DefaultACL(vpc); a != nil {
		s.ACL = a.ID
	}
	e.Subnets.Put(s)
	return s
}

// NewDefaultVPC adds the default VPC as AWS makes it: 172.31.0.0/16, a public /20 in every zone, an
// internet gateway and the route to it.
// https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html
func (e *Edit) NewDefaultVPC() *VPC {
	v := e.NewVPC(netip.MustParsePrefix("172.31.0.0/16"), "default", true)
	for i, zone := range Zones(e.Region) {
		e.NewSubnet(v.ID, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 31, byte(i * 16), 0}), 20), zone.Name, true)
	}
	gateway := &InternetGateway{ID: e.NewID("igw"), Scope: e.Scope, VPC: v.ID}
	e.InternetGateways.Put(gateway)
	main := *e.MainRouteTable(v.ID)
	main.Routes = []Route{{Destination: Anywhere4, Target: gateway.ID}}
	e.RouteTables.Put(&main)
	return v
}

// synthesise adds what an account finds in a Region at its first visit. Ids follow from the scope and the
// cell's secret, so that they are the same until something is written, and nobody else can
// compute them; but for those of the default DHCP options and of AWS's prefix lists, which name nobody's things.
func (e *Edit) synthesise() {
	ids, now := e.ids, e.Now
	e.ids, e.Now = &digests{seed: e.Cell().Seed + e.Scope.Key()}, time.Unix(0, 0).UTC()
	e.Regions.Put(&Region{Scope: e.Scope, Created: e.Now})
	if IsRegion(e.Region) {
		e.NewDefaultVPC()
		e.putServiceLists()
	}
	e.ids, e.Now = ids, now
}

// Visit stores what the other scope finds at its first visit, so that the scope of this Edit can refer
// to it.
func (e *Edit) Visit(other Scope) {
	if e.Regions.Get(other.Key()) != nil {
		return
	}
	mine := e.Scope
	e.Scope = other
	e.synthesise()
	e.Scope = mine
}

// digests yields bytes that follow from the seed alone.
type digests struct {
	seed string
	n    uint64
}

func (d *digests) Read(p []byte) (int, error) {
	for at := 0; at < len(p); d.n++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(d.seed), d.n))
		at += copy(p[at:], sum[:])
	}
	return len(p), nil
}

// MainRouteTable is the VPC's main route table.
func (s *State) MainRouteTable(vpc string) *RouteTable {
	for t := range s.RouteTables.By("vpc", vpc) {
		for _, a := range t.Associations {
			if a.Main {
				return t
			}
		}
	}
	return nil
}

// RouteTableOf is the route table that the subnet's packets follow.
func (s *State) RouteTableOf(subnet *Subnet) *RouteTable {
	if t := s.RouteTables.First("subnet", subnet.ID); t != nil {
		return t
	}
	return s.MainRouteTable(subnet.VPC)
}

// DefaultVPC is the scope's default VPC, or nil.
func (s *State) DefaultVPC() *VPC {
	for v := range s.VPCs.By("scope", s.Scope.Key()) {
		if v.Default {
			return v
		}
	}
	return nil
}

// DefaultGroup is the VPC's default security group.
func (s *State) DefaultGroup(vpc string) *SecurityGroup {
	return s.SecurityGroups.First("name", GroupNameKey(vpc, "default"))
}
