package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"crenel/ec2"
	"crenel/vpc"
)

// Random calls on VPCs, subnets, network ACLs and DHCP options, valid and not, keep what holds of every
// State; a refused one changes nothing (try sees to that); and what a filter finds is what one finds by
// looking at everything.
func TestRandomNetworksStaySound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		w.pool("198.18.0.0/20") // of which ranges of IPv6 follow
		w.quota(vpc.VPCsPerRegion, 4)
		w.quota(vpc.SubnetsPerVPC, 8)
		w.quota(vpc.ACLsPerVPC, 3)
		w.quota(vpc.EntriesPerACL, 2)
		w.quota(vpc.IPv4BlocksPerVPC, 3)
		w.quota(vpc.IPv6BlocksPerVPC, 2)
		for range rapid.IntRange(1, 40).Draw(r, "calls") {
			action, form := drawNetworkCall(r, w.state.As(w.scope))
			if _, err := w.try(action, form); err != nil {
				if _, ok := err.(*vpc.Error); !ok || vpc.Code(err) == "" {
					r.Fatalf("%s %s: %T %v", action, form, err, err)
				}
				continue
			}
			wrong := unsound(w.state)
			if wrong == "" {
				wrong = unsoundNetwork(w.state.As(w.scope))
			}
			if wrong != "" {
				r.Fatalf("after %s %s: %s", action, form, wrong)
			}
		}
		for _, d := range filtered {
			if wrong := d.differs(r, w); wrong != "" {
				r.Fatal(wrong)
			}
		}
	})
}

// drawNetworkCall makes a call that often succeeds: on objects that are there, with values that collide.
func drawNetworkCall(r *rapid.T, s *vpc.State) (action, form string) {
	one := func(list ...string) string { return rapid.SampledFrom(list).Draw(r, "one") }
	chance := func(n int) bool { return rapid.IntRange(0, n-1).Draw(r, "chance") == 0 }
	vpcs, associations, ipv6 := []string{"vpc-00000000"}, []string{"vpc-cidr-assoc-00000000"}, []string{"2001:db8::/64"}
	for v := range s.VPCs.All() {
		vpcs = append(vpcs, v.ID)
		for _, b := range slices.Concat(v.Secondary, v.IPv6, []vpc.Block{{AssociationID: v.AssociationID}}) {
			associations = append(associations, b.AssociationID)
			if b.CIDR.Addr().Is6() {
				ipv6 = append(ipv6, cut(b.CIDR, 64, 0), cut(b.CIDR, 60, 16), cut(b.CIDR, 64, 17))
			}
		}
	}
	subnets, aclAssociations, ipv6Associations := []string{"subnet-00000000"}, []string{"aclassoc-00000000"}, []string{"subnet-cidr-assoc-00000000"}
	for n := range s.Subnets.All() {
		if n.DefaultZone && !chance(6) {
			continue
		}
		subnets, aclAssociations = append(subnets, n.ID), append(aclAssociations, n.ACLAssoc)
		for _, b := range n.IPv6 {
			ipv6Associations = append(ipv6Associations, b.AssociationID)
		}
	}
	acls, options, reservations := []string{"acl-00000000"}, []string{"dopt-00000000", "default"}, []string{"scr-00000000"}
	for a := range s.NetworkACLs.All() {
		acls = append(acls, a.ID)
	}
	for o := range s.DHCPOptions.All() {
		options = append(options, o.ID)
	}
	for x := range s.CIDRReservations.All() {
		reservations = append(reservations, x.ID)
	}
	cidr := func() string {
		return one("10.0.0.0/16", "10.1.0.0/16", "10.0.1.0/24", "10.1.1.0/24", "10.1.0.0/28", "100.64.0.0/24", "100.64.0.0/28", "172.31.96.0/20", "10.0.0.0/8", "192.168.0.0/16")
	}
	aclEntry := func() string {
		return entry(one(acls...), one("in", "out")+" "+one("1", "100", "101", "300", "32766", "32767")+" "+one("-1", "6", "1", "58", "47", "tcp")+" "+one("allow", "deny")+" "+one("0.0.0.0/0", "10.1.2.3/8", "::/0", "2001:db8::1/32"),
			one("", "PortRange.From=0&PortRange.To=0", "PortRange.From=80&PortRange.To=443"), one("", "Icmp.Type=8&Icmp.Code=-1", "Icmp.Type=-1&Icmp.Code=0"))
	}
	switch rapid.IntRange(0, 22).Draw(r, "action") {
	case 0:
		return "CreateVpc", "CidrBlock=" + cidr() + "&AmazonProvidedIpv6CidrBlock=" + one("true", "false")
	case 1:
		return "DeleteVpc", "VpcId=" + one(vpcs...)
	case 2:
		return "AssociateVpcCidrBlock", "VpcId=" + one(vpcs...) + "&" + one("AmazonProvidedIpv6CidrBlock=true", "CidrBlock="+cidr())
	case 3:
		return "DisassociateVpcCidrBlock", "AssociationId=" + one(associations...)
	case 4:
		return "CreateDefaultVpc", ""
	case 5, 6:
		return "CreateSubnet", "VpcId=" + one(vpcs...) + "&CidrBlock=" + cidr() + "&Ipv6CidrBlock=" + one("", one(ipv6...))
	case 7:
		return "DeleteSubnet", "SubnetId=" + one(subnets...)
	case 8:
		return "CreateDefaultSubnet", "AvailabilityZone=us-east-1" + one("a", "b", "x")
	case 9:
		return "AssociateSubnetCidrBlock", "SubnetId=" + one(subnets...) + "&Ipv6CidrBlock=" + one(ipv6...)
	case 10:
		return "DisassociateSubnetCidrBlock", "AssociationId=" + one(ipv6Associations...)
	case 11:
		return "ModifySubnetAttribute", "SubnetId=" + one(subnets...) + "&" + one("AssignIpv6AddressOnCreation", "EnableDns64", "MapPublicIpOnLaunch", "EnableResourceNameDnsAAAARecordOnLaunch") + ".Value=" + one("true", "false")
	case 12:
		id, inside := one(subnets...), "10.9.0.0/28"
		if n := s.Subnets.Get(id); n != nil {
			inside = netip.PrefixFrom(rapid.SampledFrom(n.CIDRs()).Draw(r, "range").Addr(), rapid.IntRange(28, 30).Draw(r, "bits")).String()
		}
		return "CreateSubnetCidrReservation", "SubnetId=" + id + "&ReservationType=" + one("prefix", "explicit") + "&Cidr=" + one(inside, inside, cidr())
	case 13:
		return "DeleteSubnetCidrReservation", "SubnetCidrReservationId=" + one(reservations...)
	case 14:
		return "CreateNetworkAcl", "VpcId=" + one(vpcs...) + "&ClientToken=" + one("", "a")
	case 15:
		return "DeleteNetworkAcl", "NetworkAclId=" + one(acls...)
	case 16, 17:
		return "CreateNetworkAclEntry", aclEntry()
	case 18:
		return "ReplaceNetworkAclEntry", aclEntry()
	case 19:
		return "DeleteNetworkAclEntry", "NetworkAclId=" + one(acls...) + "&RuleNumber=" + one("1", "100", "101", "32767") + "&Egress=" + one("true", "false")
	case 20:
		return "ReplaceNetworkAclAssociation", "AssociationId=" + one(aclAssociations...) + "&NetworkAclId=" + one(acls...)
	case 21:
		if chance(2) {
			return "DeleteDhcpOptions", "DhcpOptionsId=" + one(options...)
		}
		return "CreateDhcpOptions", dhcp(one("domain-name=a.example", "ntp-servers=10.0.0.1", "netbios-node-type=7"))
	}
	return "AssociateDhcpOptions", "VpcId=" + one(vpcs...) + "&DhcpOptionsId=" + one(options...)
}

// unsoundNetwork says what is wrong with the scope's networks, or "".
func unsoundNetwork(s *vpc.State) string {
	if n := s.VPCs.Len(); n > s.Limit(vpc.VPCsPerRegion) {
		return fmt.Sprintf("there are %d VPCs", n)
	}
	for v := range s.VPCs.All() {
		subnets := slices.Collect(s.Subnets.By("vpc", v.ID))
		acls := slices.Collect(s.NetworkACLs.By("vpc", v.ID))
		if len(subnets) > s.Limit(vpc.SubnetsPerVPC) || len(acls) > s.Limit(vpc.ACLsPerVPC) || 1+len(v.Secondary) > s.Limit(vpc.IPv4BlocksPerVPC) || len(v.IPv6) > s.Limit(vpc.IPv6BlocksPerVPC) {
			return fmt.Sprintf("%s has %d subnets, %d ACLs and the ranges %v", v.ID, len(subnets), len(acls), v.CIDRs())
		}
		if overlap(v.CIDRs()) {
			return fmt.Sprintf("the ranges of %s overlap: %v", v.ID, v.CIDRs())
		}
		if s.DHCPOptions.Get(v.DHCPOptions) == nil && v.DHCPOptions != vpc.NoDHCPOptions {
			return v.ID + " has DHCP options that are gone"
		}
		var ranges []netip.Prefix
		for _, n := range subnets {
			for _, p := range n.CIDRs() {
				if !slices.ContainsFunc(v.CIDRs(), func(q netip.Prefix) bool { return q.Contains(p.Addr()) && q.Bits() <= p.Bits() }) {
					return fmt.Sprintf("%s of %s is in none of %v", p, n.ID, v.CIDRs())
				}
				ranges = append(ranges, p)
			}
			if wrong := unsoundSubnet(s, n); wrong != "" {
				return n.ID + ": " + wrong
			}
		}
		if overlap(ranges) {
			return fmt.Sprintf("subnets of %s overlap: %v", v.ID, ranges)
		}
		for _, a := range acls {
			if wrong := unsoundACL(s, v, a); wrong != "" {
				return a.ID + ": " + wrong
			}
		}
	}
	for n := range s.Subnets.All() {
		if s.VPCs.Get(n.VPC) == nil {
			return n.ID + " is of no VPC"
		}
	}
	for a := range s.NetworkACLs.All() {
		if s.VPCs.Get(a.VPC) == nil {
			return a.ID + " is of no VPC"
		}
	}
	for r := range s.CIDRReservations.All() {
		n := s.Subnets.Get(r.Subnet)
		if n == nil || !slices.ContainsFunc(n.CIDRs(), func(p netip.Prefix) bool { return inside(r.CIDR, p) }) {
			return r.ID + " reserves nothing of a subnet"
		}
	}
	return ""
}

func overlap(ranges []netip.Prefix) bool {
	for i, p := range ranges {
		if slices.ContainsFunc(ranges[:i], p.Overlaps) {
			return true
		}
	}
	return false
}

func unsoundSubnet(s *vpc.State, n *vpc.Subnet) string {
	if a := s.NetworkACLs.Get(n.ACL); a == nil || a.VPC != n.VPC || count(s.Subnets.By("acl-association", n.ACLAssoc)) != 1 {
		return "it has the ACL " + n.ACL
	}
	if t := s.RouteTableOf(n); t == nil || t.VPC != n.VPC || count(s.RouteTables.By("subnet", n.ID)) > 1 {
		return "it has not one route table"
	}
	if len(n.IPv6) == 0 && (n.AssignIPv6 || n.DNS64 || n.Names.AAAA) || len(n.IPv6) > 1 {
		return fmt.Sprintf("it has IPv6 %v: %+v", n.IPv6, n)
	}
	var reserved []netip.Prefix
	for r := range s.CIDRReservations.By("subnet", n.ID) {
		reserved = append(reserved, r.CIDR)
	}
	if free := s.FreeAddresses(n); overlap(reserved) || free < 0 {
		return fmt.Sprintf("reserved are %v, free %d", reserved, free)
	}
	return ""
}

func unsoundACL(s *vpc.State, v *vpc.VPC, a *vpc.NetworkACL) string {
	type key struct{ egress, is4 bool }
	counts, last := map[key]int{}, map[int]int{}
	for i, e := range a.Entries {
		counts[key{e.Egress, e.Is4()}]++
		if e.Number >= vpc.LastACLEntry {
			last[e.Number]++
			if e.Allow || e.What.Protocol != vpc.AnyProtocol {
				return fmt.Sprintf("the last entry is %+v", e)
			}
		}
		if e.CIDR != e.CIDR.Masked() || i > 0 && a.Entries[i-1].Egress == e.Egress && a.Entries[i-1].Number >= e.Number {
			return fmt.Sprintf("entries %+v", a.Entries)
		}
	}
	last6 := 0
	if len(v.IPv6) > 0 {
		last6 = 2
	}
	if last[vpc.LastACLEntry] != 2 || last[vpc.LastACLEntry6] != last6 {
		return fmt.Sprintf("last entries %v", last)
	}
	for k, n := range counts {
		if limit := s.Limit(vpc.EntriesPerACL); n > limit && k.is4 || n > limit+2 { // IPv6 brings up to two, whatever the limit
			return fmt.Sprintf("%d entries of %+v", n, k)
		}
	}
	return ""
}

// A describing is a call with filters, and where in what it shows they look.
type describing struct {
	action, list string
	paths        map[string]string // by filter
}

var filtered = []describing{
	{"DescribeVpcs", "Vpcs", map[string]string{"cidr": "CidrBlock", "vpc-id": "VpcId", "is-default": "IsDefault", "dhcp-options-id": "DhcpOptionsId",
		"cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock", "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
		"ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock", "ipv6-cidr-block-association.state": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"}},
	{"DescribeSubnets", "Subnets", map[string]string{"cidr-block": "CidrBlock", "cidr": "CidrBlock", "subnet-id": "SubnetId", "vpc-id": "VpcId", "availability-zone": "AvailabilityZone",
		"available-ip-address-count": "AvailableIpAddressCount", "default-for-az": "DefaultForAz", "enable-dns64": "EnableDns64", "map-public-ip-on-launch": "MapPublicIpOnLaunch",
		"ipv6-cidr-block-association.association-id": "Ipv6CidrBlockAssociationSet.AssociationId", "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord"}},
	{"DescribeNetworkAcls", "NetworkAcls", map[string]string{"default": "IsDefault", "vpc-id": "VpcId", "association.subnet-id": "Associations.SubnetId", "association.association-id": "Associations.NetworkAclAssociationId",
		"entry.cidr": "Entries.CidrBlock", "entry.ipv6-cidr": "Entries.Ipv6CidrBlock", "entry.egress": "Entries.Egress", "entry.rule-number": "Entries.RuleNumber", "entry.rule-action": "Entries.RuleAction",
		"entry.protocol": "Entries.Protocol", "entry.port-range.from": "Entries.PortRange.From", "entry.icmp.code": "Entries.IcmpTypeCode.Code"}},
	{"DescribeDhcpOptions", "DhcpOptions", map[string]string{"dhcp-options-id": "DhcpOptionsId", "key": "DhcpConfigurations.Key", "value": "DhcpConfigurations.Values.Value"}},
}

// differs says how what two filters find differs from those of all items that have the values, or "".
func (d describing) differs(r *rapid.T, w *world) string {
	all := d.items(w, "")
	var names []string
	for name := range d.paths {
		names = append(names, name)
	}
	slices.Sort(names)
	var form string
	want := all
	for i := range 2 {
		name := rapid.SampledFrom(names).Draw(r, "filter")
		held := []string{"nothing"}
		for _, item := range all {
			held = append(held, at(item, strings.Split(d.paths[name], "."))...)
		}
		wanted := []string{rapid.SampledFrom(held).Draw(r, "value"), rapid.SampledFrom(held).Draw(r, "value")}
		form += fmt.Sprintf("&Filter.%d.Name=%s&Filter.%[1]d.Value.1=%[3]s&Filter.%[1]d.Value.2=%[4]s", i+1, name, url.QueryEscape(wanted[0]), url.QueryEscape(wanted[1]))
		want = slices.DeleteFunc(slices.Clone(want), func(item reflect.Value) bool {
			return !slices.ContainsFunc(at(item, strings.Split(d.paths[name], ".")), func(v string) bool { return slices.Contains(wanted, v) })
		})
	}
	got := d.items(w, form)
	if len(got) != len(want) || !slices.EqualFunc(got, want, func(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }) {
		return fmt.Sprintf("%s %s finds %d of %d, want %d", d.action, form, len(got), len(all), len(want))
	}
	return ""
}

func (d describing) items(w *world, form string) (items []reflect.Value) {
	out, err := w.try(d.action, strings.TrimPrefix(form, "&"))
	if err != nil {
		w.Fatalf("%s %s: %v", d.action, form, err)
	}
	list := reflect.ValueOf(out).Elem().FieldByName(d.list)
	for i := range list.Len() {
		items = append(items, list.Index(i))
	}
	return items
}

// at is what stands in a value at the path, through lists and pointers.
func at(v reflect.Value, path []string) (held []string) {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		return at(v.Elem(), path)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			held = append(held, at(v.Index(i), path)...)
		}
		return held
	case len(path) > 0:
		return at(v.FieldByName(path[0]), path[1:])
	}
	return []string{fmt.Sprint(v.Interface())}
}

// A sanity check of the oracle itself: it finds what is plainly there.
func TestAtFindsWhatIsThere(t *testing.T) {
	a := ec2.NetworkAcl{Entries: []ec2.NetworkAclEntry{{RuleNumber: new(int32(7)), PortRange: &ec2.PortRange{From: new(int32(80))}}, {RuleNumber: new(int32(8))}}}
	for path, want := range map[string]string{"Entries.RuleNumber": "[7 8]", "Entries.PortRange.From": "[80]", "Entries.CidrBlock": "[]"} {
		if got := fmt.Sprint(at(reflect.ValueOf(a), strings.Split(path, "."))); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
