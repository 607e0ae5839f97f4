package api

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// dualVPC creates a VPC with an IPv6 range, and returns its id and that range.
func (w *world) dualVPC(cidr string) (id string, ipv6 netip.Prefix) {
	w.Helper()
	w.pool("198.18.0.0/20")
	id = *do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock="+cidr+"&AmazonProvidedIpv6CidrBlock=true").Vpc.VpcId
	return id, w.state.VPCs.Get(id).IPv6[0].CIDR
}

// cut is the n-th range of these bits in an IPv6 range.
func cut(p netip.Prefix, bits int, n byte) string {
	b := p.Addr().As16()
	b[7] = n
	return netip.PrefixFrom(netip.AddrFrom16(b), bits).String()
}

func (w *world) describeSubnet(id string) ec2.Subnet {
	w.Helper()
	return do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "SubnetId.1="+id).Subnets[0]
}

func TestIPv6OfASubnet(t *testing.T) {
	w := newWorld(t)
	lab, pool := w.dualVPC("10.0.0.0/16")
	one, two := cut(pool, 64, 1), cut(pool, 64, 2)
	made := do[ec2.CreateSubnetOutput](w, "CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.1.0/24&Ipv6CidrBlock="+one).Subnet
	a := made.Ipv6CidrBlockAssociationSet[0]
	if got, want := text(*a.Ipv6CidrBlock, a.Ipv6CidrBlockState.State, a.IpSource, a.Ipv6AddressAttribute, *made.AssignIpv6AddressOnCreation, *made.Ipv6Native), text(one, "associating", "amazon", "public", false, false); got != want {
		t.Errorf("created\n%s\nwant\n%s", got, want)
	}
	for _, filter := range []string{"association-id=" + *a.AssociationId, "ipv6-cidr-block=" + one, "state=associated"} {
		name, val, _ := strings.Cut(filter, "=")
		got := do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "Filter.1.Name=ipv6-cidr-block-association."+name+"&Filter.1.Value.1="+val).Subnets
		if len(got) != 1 || *got[0].SubnetId != *made.SubnetId {
			t.Errorf("%s finds %+v", filter, got)
		}
	}
	plain := w.subnet(lab, "10.0.2.0/24")
	out := do[ec2.AssociateSubnetCidrBlockOutput](w, "AssociateSubnetCidrBlock", "SubnetId="+plain+"&Ipv6CidrBlock="+two)
	id := *out.Ipv6CidrBlockAssociation.AssociationId
	if got, want := text(*out.SubnetId, *out.Ipv6CidrBlockAssociation.Ipv6CidrBlock, out.Ipv6CidrBlockAssociation.Ipv6CidrBlockState.State, strings.HasPrefix(id, "subnet-cidr-assoc-")), text(plain, two, "associating", true); got != want {
		t.Errorf("associated\n%s\nwant\n%s", got, want)
	}
	bare := w.subnet(lab, "10.0.3.0/24")
	for _, c := range []struct{ sentence, form, want string }{
		{"no subnet", "Ipv6CidrBlock=" + one, "MissingParameter: The request must contain the parameter SubnetId"},
		{"no range", "SubnetId=" + bare, "MissingParameter: The request must contain the parameter ipv6CidrBlock"},
		{"a subnet that does not exist", "SubnetId=subnet-00000000&Ipv6CidrBlock=" + one, "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist"},
		{"what is no range", "SubnetId=" + bare + "&Ipv6CidrBlock=lan", "InvalidParameterValue: invalid value for parameter ipv6-cidr-block: lan"},
		{"an IPv4 range", "SubnetId=" + bare + "&Ipv6CidrBlock=10.0.0.0/24", "InvalidParameterValue: invalid value for parameter ipv6-cidr-block: 10.0.0.0/24"},
		{"a size between two", "SubnetId=" + bare + "&Ipv6CidrBlock=" + cut(pool, 62, 4), "InvalidParameterValue: invalid value for parameter ipv6-cidr-block: " + cut(pool, 62, 4)},
		{"too small a range", "SubnetId=" + bare + "&Ipv6CidrBlock=" + cut(pool, 68, 4), "InvalidParameterValue: invalid value for parameter ipv6-cidr-block: " + cut(pool, 68, 4)},
		{"a range of nobody", "SubnetId=" + bare + "&Ipv6CidrBlock=2001:db8::/64", "InvalidSubnet.Range: The IPv6 CIDR '2001:db8::/64' is invalid."},
		{"a range larger than the VPC's", "SubnetId=" + bare + "&Ipv6CidrBlock=" + netip.PrefixFrom(pool.Addr(), 52).Masked().String(), "InvalidSubnet.Range: The IPv6 CIDR '" + netip.PrefixFrom(pool.Addr(), 52).Masked().String() + "' is invalid."},
		{"another subnet's range", "SubnetId=" + bare + "&Ipv6CidrBlock=" + two, "InvalidSubnet.Conflict: The IPv6 CIDR '" + two + "' conflicts with another subnet"},
		{"a range around another subnet's", "SubnetId=" + bare + "&Ipv6CidrBlock=" + cut(pool, 60, 0), "InvalidSubnet.Conflict: The IPv6 CIDR '" + cut(pool, 60, 0) + "' conflicts with another subnet"},
		{"a second range", "SubnetId=" + plain + "&Ipv6CidrBlock=" + cut(pool, 64, 32), "CidrLimitExceeded: This network '" + plain + "' has met its maximum number of allowed CIDRs: 1"},
		{"a pool", "SubnetId=" + bare + "&Ipv6IpamPoolId=ipam-pool-1", "UnsupportedOperation: The parameter ipv6IpamPoolId is not supported."},
	} {
		t.Run("refuses "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("AssociateSubnetCidrBlock", c.form, c.want) })
	}
	w.T = t
	w.refuse("CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.9.0/24&Ipv6CidrBlock="+two, "InvalidSubnet.Conflict: The IPv6 CIDR '"+two+"' conflicts with another subnet")
	w.refuse("DisassociateVpcCidrBlock", "AssociationId="+w.state.VPCs.Get(lab).IPv6[0].AssociationID, "InvalidCidrBlock.InUse: The vpc "+lab+" currently has a subnet within CIDR block "+pool.String())

	gone := do[ec2.DisassociateSubnetCidrBlockOutput](w, "DisassociateSubnetCidrBlock", "AssociationId="+id)
	if *gone.SubnetId != plain || gone.Ipv6CidrBlockAssociation.Ipv6CidrBlockState.State != "disassociating" || *gone.Ipv6CidrBlockAssociation.Ipv6CidrBlock != two {
		t.Errorf("disassociated %+v", gone)
	}
	if got := w.describeSubnet(plain).Ipv6CidrBlockAssociationSet; got == nil || len(got) != 0 {
		t.Errorf("it still has %+v", got)
	}
	for _, c := range []struct{ sentence, form, want string }{
		{"what is gone", "AssociationId=" + id, "InvalidSubnetCidrBlockAssociationID.NotFound: The subnet CIDR block with association ID " + id + " does not exist"},
		{"what is no association", "AssociationId=x", "InvalidSubnetCidrBlockAssociationId.Malformed: The subnet CIDR block with association ID x is malformed"},
		{"nothing", "", "MissingParameter: The request must contain the parameter AssociationId"},
	} {
		t.Run("does not disassociate "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("DisassociateSubnetCidrBlock", c.form, c.want) })
	}
}

func TestASubnetKeepsTheIPv6ThatItNeeds(t *testing.T) {
	for _, c := range []struct {
		why       string
		use, free func(w *world, subnet string, ipv6 netip.Prefix)
	}{
		{"assign-ipv6-address-on-creation set to true", attribute("AssignIpv6AddressOnCreation.Value=true"), attribute("AssignIpv6AddressOnCreation.Value=false")},
		{"enable-dns64 set to true", attribute("EnableDns64.Value=true"), attribute("EnableDns64.Value=false")},
		{"enable-resource-name-dns-aaaa-record-on-launch set to true", attribute("EnableResourceNameDnsAAAARecordOnLaunch.Value=true"), attribute("EnableResourceNameDnsAAAARecordOnLaunch.Value=false")},
		{"IPv6 addresses in use by the network interface eni-00000001", func(w *world, subnet string, ipv6 netip.Prefix) {
			w.edit(func(e *vpc.Edit) {
				e.Interfaces.Put(&vpc.Interface{ID: "eni-00000001", Scope: testScope, VPC: e.Subnets.Get(subnet).VPC, Subnet: subnet, PrivateIP: netip.MustParseAddr("10.0.1.4"), IPv6: []netip.Addr{ipv6.Addr().Next()}})
			})
		}, func(w *world, _ string, _ netip.Prefix) {
			w.edit(func(e *vpc.Edit) { e.Interfaces.Delete("eni-00000001") })
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			lab, pool := w.dualVPC("10.0.0.0/16")
			s := do[ec2.CreateSubnetOutput](w, "CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.1.0/24&Ipv6CidrBlock="+cut(pool, 64, 1)).Subnet
			id := *s.Ipv6CidrBlockAssociationSet[0].AssociationId
			c.use(w, *s.SubnetId, netip.MustParsePrefix(cut(pool, 64, 1)))
			w.refuse("DisassociateSubnetCidrBlock", "AssociationId="+id, "InvalidCidrBlock.InUse: The subnet IPv6 CIDR block with association ID "+id+" may not be disassociated, because its subnet has "+c.why+".")
			c.free(w, *s.SubnetId, netip.Prefix{})
			do[ec2.DisassociateSubnetCidrBlockOutput](w, "DisassociateSubnetCidrBlock", "AssociationId="+id)
		})
	}
}

func attribute(form string) func(*world, string, netip.Prefix) {
	return func(w *world, subnet string, _ netip.Prefix) {
		w.Helper()
		do[ec2.ModifySubnetAttributeOutput](w, "ModifySubnetAttribute", "SubnetId="+subnet+"&"+form)
	}
}

func TestModifySubnetAttribute(t *testing.T) {
	w := newWorld(t)
	lab, pool := w.dualVPC("10.0.0.0/16")
	front := *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.1.0/24&Ipv6CidrBlock="+cut(pool, 64, 1)).Subnet.SubnetId
	attributes := func() string {
		s := w.describeSubnet(front)
		o := s.PrivateDnsNameOptionsOnLaunch
		return fmt.Sprint("public ", *s.MapPublicIpOnLaunch, " ipv6 ", *s.AssignIpv6AddressOnCreation, " dns64 ", *s.EnableDns64, " ", o.HostnameType, " a ", *o.EnableResourceNameDnsARecord, " aaaa ", *o.EnableResourceNameDnsAAAARecord)
	}
	for _, c := range []struct{ form, want string }{
		{"MapPublicIpOnLaunch.Value=true", "public true ipv6 false dns64 false ip-name a false aaaa false"},
		{"AssignIpv6AddressOnCreation.Value=true", "public true ipv6 true dns64 false ip-name a false aaaa false"},
		{"EnableDns64.Value=true", "public true ipv6 true dns64 true ip-name a false aaaa false"},
		{"PrivateDnsHostnameTypeOnLaunch=resource-name", "public true ipv6 true dns64 true resource-name a false aaaa false"},
		{"EnableResourceNameDnsARecordOnLaunch.Value=true", "public true ipv6 true dns64 true resource-name a true aaaa false"},
		{"EnableResourceNameDnsAAAARecordOnLaunch.Value=true", "public true ipv6 true dns64 true resource-name a true aaaa true"},
		{"MapPublicIpOnLaunch.Value=false", "public false ipv6 true dns64 true resource-name a true aaaa true"},
		{"PrivateDnsHostnameTypeOnLaunch=ip-name", "public false ipv6 true dns64 true ip-name a true aaaa true"},
		{"MapCustomerOwnedIpOnLaunch.Value=false", "public false ipv6 true dns64 true ip-name a true aaaa true"},
	} {
		do[ec2.ModifySubnetAttributeOutput](w, "ModifySubnetAttribute", "SubnetId="+front+"&"+c.form)
		if got := attributes(); got != c.want {
			t.Errorf("after %s:\n got %s\nwant %s", c.form, got, c.want)
		}
	}
	for filter, want := range map[string]int{"enable-dns64=true": 1, "private-dns-name-options-on-launch.hostname-type=ip-name": 7,
		"private-dns-name-options-on-launch.enable-resource-name-dns-a-record=true": 1, "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record=true": 1} {
		name, val, _ := strings.Cut(filter, "=")
		if got := len(do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).Subnets); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	plain := w.subnet(lab, "10.0.2.0/24")
	noIPv6 := func(name string) string {
		return "InvalidParameterValue: Invalid value 'true' for " + name + ". Cannot set " + name + " to true unless the subnet (" + plain + ") has an IPv6 CIDR block associated with it."
	}
	for _, c := range []struct{ form, want string }{
		{"AssignIpv6AddressOnCreation.Value=true&MapPublicIpOnLaunch.Value=true", "InvalidParameterCombination: Only one subnet attribute can be modified at a time. Provided attributes: [assignIpv6AddressOnCreation, mapPublicIpOnLaunch]"},
		{"PrivateDnsHostnameTypeOnLaunch=ip-name&EnableDns64.Value=true", "InvalidParameterCombination: Only one subnet attribute can be modified at a time. Provided attributes: [enableDns64, privateDnsHostnameTypeOnLaunch]"},
		{"", "InvalidParameterCombination: No attributes specified."},
		{"AssignIpv6AddressOnCreation.Value=true", noIPv6("assign-ipv6-address-on-creation")},
		{"EnableDns64.Value=true", noIPv6("enable-dns64")},
		{"EnableResourceNameDnsAAAARecordOnLaunch.Value=true", noIPv6("enable-resource-name-dns-aaaa-record-on-launch")},
		{"PrivateDnsHostnameTypeOnLaunch=mine", "InvalidParameterValue: Value (mine) for parameter privateDnsHostnameTypeOnLaunch is invalid. The type must be one of: ip-name, resource-name."},
		{"MapCustomerOwnedIpOnLaunch.Value=true&CustomerOwnedIpv4Pool=p", "UnsupportedOperation: The parameter mapCustomerOwnedIpOnLaunch is not supported."},
		{"EnableLniAtDeviceIndex=1", "UnsupportedOperation: The parameter enableLniAtDeviceIndex is not supported."},
	} {
		w.refuse("ModifySubnetAttribute", "SubnetId="+plain+"&"+c.form, c.want)
	}
	do[ec2.ModifySubnetAttributeOutput](w, "ModifySubnetAttribute", "SubnetId="+plain+"&AssignIpv6AddressOnCreation.Value=false")
	w.refuse("ModifySubnetAttribute", "SubnetId=subnet-00000000&MapPublicIpOnLaunch.Value=true", "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist")
	w.refuse("ModifySubnetAttribute", "SubnetId="+plain+"&MapPublicIpOnLaunch.Value=true&DryRun=true", "UnknownParameter: The parameter DryRun is not recognized")
}
