package api

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// emptyDefaultVPC deletes what stops the default VPC from being deleted.
func (w *world) emptyDefaultVPC() {
	w.Helper()
	for _, s := range do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "Filter.1.Name=default-for-az&Filter.1.Value.1=true").Subnets {
		do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+*s.SubnetId)
	}
	w.edit(func(e *vpc.Edit) {
		for _, g := range do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "").InternetGateways {
			e.InternetGateways.Delete(*g.InternetGatewayId)
		}
	})
}

// subnet creates a subnet and returns its id.
func (w *world) subnet(vpcID, cidr string) string {
	w.Helper()
	return *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "VpcId="+vpcID+"&CidrBlock="+cidr).Subnet.SubnetId
}

func TestTheDefaultVPCIsAsAWSMakesIt(t *testing.T) {
	w := newWorld(t)
	v := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "").Vpcs[0]
	got := text(*v.CidrBlock, *v.IsDefault, v.State, v.InstanceTenancy, *v.OwnerId, *v.DhcpOptionsId == vpc.DefaultDHCPOptions(testScope), len(v.Tags),
		*v.CidrBlockAssociationSet[0].CidrBlock, v.CidrBlockAssociationSet[0].CidrBlockState.State, v.BlockPublicAccessStates.InternetGatewayBlockMode)
	if want := text("172.31.0.0/16", true, "available", "default", "111122223333", true, 0, "172.31.0.0/16", "associated", "off"); got != want {
		t.Errorf("the VPC:\n%s\nwant\n%s", got, want)
	}
	if !strings.HasPrefix(*v.CidrBlockAssociationSet[0].AssociationId, "vpc-cidr-assoc-") {
		t.Errorf("the association is %s", *v.CidrBlockAssociationSet[0].AssociationId)
	}
	var lines []string
	for _, s := range do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1c").Subnets {
		lines = append(lines, fmt.Sprint(*s.CidrBlock, " ", *s.AvailabilityZone, " ", *s.AvailabilityZoneId, " ", *s.DefaultForAz, *s.MapPublicIpOnLaunch, " ", *s.AvailableIpAddressCount, " ", s.State))
	}
	if got, want := strings.Join(lines, "\n"), "172.31.32.0/20 us-east-1c use1-az3 true true 4091 available"; got != want {
		t.Errorf("its subnet in a zone:\n%s\nwant\n%s", got, want)
	}
	if n := len(do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "").Subnets); n != 6 {
		t.Errorf("there are %d subnets", n)
	}
	if got, want := w.attributes(*v.VpcId), "support true hostnames true usage false"; got != want {
		t.Errorf("attributes: %s, want %s", got, want)
	}
	gateway := do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "Filter.1.Name=attachment.vpc-id&Filter.1.Value.1="+*v.VpcId).InternetGateways[0]
	if a := gateway.Attachments; len(a) != 1 || a[0].State != "available" || *a[0].VpcId != *v.VpcId {
		t.Errorf("the gateway is attached: %+v", a)
	}
	table := do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "Filter.1.Name=association.main&Filter.1.Value.1=true").RouteTables[0]
	if got, want := routeTexts(table), "172.31.0.0/16 local CreateRouteTable active\n0.0.0.0/0 "+*gateway.InternetGatewayId+" CreateRoute active"; got != want {
		t.Errorf("routes:\n%s\nwant\n%s", got, want)
	}
	if a := table.Associations; len(a) != 1 || !*a[0].Main || a[0].SubnetId != nil || a[0].AssociationState.State != "associated" || *a[0].RouteTableId != *table.RouteTableId {
		t.Errorf("associations: %+v", a)
	}
}

func routeTexts(t ec2.RouteTable) string {
	var lines []string
	for _, r := range t.Routes {
		lines = append(lines, *r.DestinationCidrBlock+" "+*r.GatewayId+" "+r.Origin+" "+r.State)
	}
	return strings.Join(lines, "\n")
}

// attributes are the VPC's, each as DescribeVpcAttribute tells it.
func (w *world) attributes(id string) string {
	w.Helper()
	ask := func(name string) *ec2.DescribeVpcAttributeOutput {
		return do[ec2.DescribeVpcAttributeOutput](w, "DescribeVpcAttribute", "VpcId="+id+"&Attribute="+name)
	}
	return fmt.Sprintf("support %v hostnames %v usage %v", *ask("enableDnsSupport").EnableDnsSupport.Value,
		*ask("enableDnsHostnames").EnableDnsHostnames.Value, *ask("enableNetworkAddressUsageMetrics").EnableNetworkAddressUsageMetrics.Value)
}

func TestANewVPCHasWhatAWSBringsWithOne(t *testing.T) {
	w := newWorld(t)
	v := do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock=10.1.2.3/16&InstanceTenancy=default&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=lab").Vpc
	if v.State != "pending" || *v.CidrBlock != "10.1.0.0/16" || *v.IsDefault || *v.Tags[0].Value != "lab" {
		t.Errorf("answered %+v", v)
	}
	in := "Filter.1.Name=vpc-id&Filter.1.Value.1=" + *v.VpcId
	if got := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", in).Vpcs; len(got) != 1 || got[0].State != "available" || *got[0].Tags[0].Key != "Name" {
		t.Errorf("shows %+v", got)
	}
	if got, want := w.attributes(*v.VpcId), "support true hostnames false usage false"; got != want {
		t.Errorf("attributes: %s, want %s", got, want)
	}
	g := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", in).SecurityGroups
	if len(g) != 1 || *g[0].GroupName != "default" || *g[0].Description != "default VPC security group" ||
		permissionTexts(g[0].IpPermissions) != "-1 - - 111122223333/"+*g[0].GroupId || permissionTexts(g[0].IpPermissionsEgress) != "-1 - - 0.0.0.0/0" {
		t.Errorf("groups: %+v", g)
	}
	table := do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", in).RouteTables
	if len(table) != 1 || routeTexts(table[0]) != "10.1.0.0/16 local CreateRouteTable active" || !*table[0].Associations[0].Main {
		t.Errorf("route tables: %+v", table)
	}
	acl := do[ec2.DescribeNetworkAclsOutput](w, "DescribeNetworkAcls", in).NetworkAcls
	if len(acl) != 1 || !*acl[0].IsDefault || entryTexts(acl[0]) != "out 100 -1 0.0.0.0/0 allow\nout 32767 -1 0.0.0.0/0 deny\nin 100 -1 0.0.0.0/0 allow\nin 32767 -1 0.0.0.0/0 deny" {
		t.Errorf("network ACLs: %s", entryTexts(acl[0]))
	}
	if got := do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "Filter.1.Name=attachment.vpc-id&Filter.1.Value.1="+*v.VpcId).InternetGateways; len(got) != 0 {
		t.Errorf("gateways: %+v", got)
	}
}

func TestCreateVpcRefuses(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ sentence, form, want string }{
		{"no range", "", "MissingParameter: Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."},
		{"what is no range", "CidrBlock=lan", "InvalidParameterValue: Value (lan) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"an IPv6 range", "CidrBlock=2001:db8::/56", "InvalidParameterValue: Value (2001:db8::/56) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"too large a range", "CidrBlock=10.0.0.0/15", "InvalidVpc.Range: The CIDR '10.0.0.0/15' is invalid."},
		{"too small a range", "CidrBlock=10.0.0.0/29", "InvalidVpc.Range: The CIDR '10.0.0.0/29' is invalid."},
		{"link-local addresses", "CidrBlock=169.254.0.0/24", "InvalidVpc.Range: The CIDR '169.254.0.0/24' is invalid."},
		{"loopback addresses", "CidrBlock=127.1.0.0/16", "InvalidVpc.Range: The CIDR '127.1.0.0/16' is invalid."},
		{"multicast addresses", "CidrBlock=239.0.0.0/16", "InvalidVpc.Range: The CIDR '239.0.0.0/16' is invalid."},
		{"an IPv6 range of one's own", "CidrBlock=10.0.0.0/16&Ipv6CidrBlock=2001:db8::/56&Ipv6Pool=ipv6pool-ec2-1", "UnsupportedOperation: The parameter ipv6Pool is not supported."},
		{"an IPv6 range without its pool", "CidrBlock=10.0.0.0/16&Ipv6CidrBlock=2001:db8::/56", "MissingParameter: The request must contain the parameter ipv6Pool"},
		{"a border group without IPv6", "CidrBlock=10.0.0.0/16&Ipv6CidrBlockNetworkBorderGroup=us-east-1", "MissingParameter: The request must contain the parameter amazonProvidedIpv6CidrBlock"},
		{"a border group elsewhere", "CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true&Ipv6CidrBlockNetworkBorderGroup=us-west-2",
			"InvalidParameterValue: Value (us-west-2) for parameter ipv6CidrBlockNetworkBorderGroup is invalid. The network border group must be: us-east-1."},
		{"encryption", "CidrBlock=10.0.0.0/16&VpcEncryptionControl.Mode=monitor", "UnsupportedOperation: The parameter vpcEncryptionControl is not supported."},
		{"address pools", "Ipv4IpamPoolId=ipam-pool-1&Ipv4NetmaskLength=16", "UnsupportedOperation: The parameter ipv4IpamPoolId is not supported."},
		{"a host of one's own", "CidrBlock=10.0.0.0/16&InstanceTenancy=host", "UnsupportedTenancy: The tenancy value host is not supported."},
		{"an unknown tenancy", "CidrBlock=10.0.0.0/16&InstanceTenancy=own", "InvalidParameterValue: Value (own) for parameter instanceTenancy is invalid. The tenancy must be one of: default, dedicated."},
		{"a tag for something else", "CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=subnet", "InvalidParameterValue: 'subnet' is not a valid taggable resource type for this operation."},
		{"what would have succeeded", "CidrBlock=10.0.0.0/16&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run(c.sentence, func(t *testing.T) { w.T = t; w.refuse("CreateVpc", c.form, c.want) })
	}
	w.T = t
	for range 4 { // equal ranges do not matter, and one is inside the public pool
		w.vpc("198.18.0.0/16")
	}
	w.refuse("CreateVpc", "CidrBlock=10.0.0.0/16", "VpcLimitExceeded: The maximum number of VPCs has been reached.")
	w.as(vpc.Scope{Account: testScope.Account, Region: "eu-west-1"}).vpc("10.0.0.0/16")
	do[ec2.CreateVpcOutput](w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}), "CreateVpc", "CidrBlock=10.0.0.0/28&AmazonProvidedIpv6CidrBlock=false")
}

func TestDeleteVpc(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	inUse := "DependencyViolation: The vpc '" + lab + "' has dependencies and cannot be deleted."
	subnet := w.subnet(lab, "10.0.0.0/24")
	w.refuse("DeleteVpc", "VpcId="+lab, inUse)
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+subnet)
	web := w.group("web", lab)
	w.refuse("DeleteVpc", "VpcId="+lab, inUse)
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+web)
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+lab)
	w.refuse("DeleteVpc", "VpcId="+lab, "InvalidVpcID.NotFound: The vpc ID '"+lab+"' does not exist")
	in := "Filter.1.Name=vpc-id&Filter.1.Value.1=" + lab
	if n := len(do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", in).SecurityGroups) + len(do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", in).RouteTables) +
		len(do[ec2.DescribeNetworkAclsOutput](w, "DescribeNetworkAcls", in).NetworkAcls); n != 0 {
		t.Errorf("%d things are left of the VPC", n)
	}
}

func TestDescribeVpcs(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	v := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "VpcId.1="+lab).Vpcs[0]
	for _, filter := range []string{"vpc-id=" + lab, "cidr=10.0.0.0/16", "cidr-block=10.0.0.0/16", "cidrBlock=10.0.0.0/16", "is-default=false", "isDefault=false", "cidr-block-association.cidr-block=10.*",
		"cidr-block-association.association-id=" + *v.CidrBlockAssociationSet[0].AssociationId} {
		name, val, _ := strings.Cut(filter, "=")
		got := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).Vpcs
		if len(got) != 1 || *got[0].VpcId != lab {
			t.Errorf("%s finds %d", filter, len(got))
		}
	}
	for filter, want := range map[string]int{"state=available": 2, "owner-id=111122223333": 2, "cidr-block-association.state=associated": 2,
		"dhcp-options-id=" + *v.DhcpOptionsId: 2, "ipv6-cidr-block-association.ipv6-pool=Amazon": 0, "tag:Name=x": 0} {
		name, val, _ := strings.Cut(filter, "=")
		if got := len(do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).Vpcs); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	w.refuse("DescribeVpcs", "VpcId.1="+lab+"&VpcId.2=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist")
	w.refuse("DescribeVpcs", "VpcId.1=vpc-lab", `InvalidVpcID.Malformed: Invalid id: "vpc-lab"`)
	w.refuse("DescribeVpcs", "Filter.1.Name=colour&Filter.1.Value.1=x", "InvalidParameterValue: The filter 'colour' is invalid")
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("DescribeVpcs", "VpcId.1="+lab, "InvalidVpcID.NotFound: The vpc ID '"+lab+"' does not exist")
}

func TestVpcAttributes(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	set := func(form string) {
		do[ec2.ModifyVpcAttributeOutput](w, "ModifyVpcAttribute", "VpcId="+lab+"&"+form)
	}
	set("EnableDnsHostnames.Value=true")
	set("EnableNetworkAddressUsageMetrics.Value=true")
	if got, want := w.attributes(lab), "support true hostnames true usage true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	set("EnableDnsHostnames.Value=false")
	set("EnableDnsSupport.Value=false")
	if got, want := w.attributes(lab), "support false hostnames false usage true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.refuse("ModifyVpcAttribute", "VpcId="+lab+"&EnableDnsHostnames.Value=true", "InvalidParameterCombination: DNS hostnames can only be enabled for a VPC whose DNS support is enabled.")
	w.refuse("ModifyVpcAttribute", "VpcId="+lab+"&EnableDnsHostnames.Value=true&EnableDnsSupport.Value=true",
		"InvalidParameterCombination: Fields for multiple attribute types specified: enableDnsHostnames, enableDnsSupport")
	w.refuse("ModifyVpcAttribute", "VpcId="+lab, "InvalidParameterCombination: No attributes specified.")
	w.refuse("ModifyVpcAttribute", "EnableDnsSupport.Value=true", "MissingParameter: The request must contain the parameter VpcId")
	w.refuse("ModifyVpcAttribute", "VpcId=vpc-00000000&EnableDnsSupport.Value=true", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist")
	w.refuse("ModifyVpcAttribute", "VpcId="+lab+"&EnableDnsSupport.Value=true&DryRun=true", "UnknownParameter: The parameter DryRun is not recognized")
	w.refuse("DescribeVpcAttribute", "VpcId="+lab+"&Attribute=colour", "InvalidParameterValue: Value (colour) for parameter attribute is invalid. Unknown attribute.")
	w.refuse("DescribeVpcAttribute", "VpcId="+lab, "MissingParameter: The request must contain the parameter Attribute")
}

func TestCreateSubnet(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	s := do[ec2.CreateSubnetOutput](w, "CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.1.77/24&AvailabilityZone=us-east-1b&TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=front").Subnet
	got := text(*s.CidrBlock, *s.VpcId, *s.AvailabilityZone, *s.AvailabilityZoneId, *s.AvailableIpAddressCount, s.State, *s.DefaultForAz, *s.MapPublicIpOnLaunch, *s.SubnetArn, *s.Tags[0].Value, s.PrivateDnsNameOptionsOnLaunch.HostnameType)
	want := text("10.0.1.0/24", lab, "us-east-1b", "use1-az2", 251, "available", false, false, "arn:aws:ec2:us-east-1:111122223333:subnet/"+*s.SubnetId, "front", "ip-name")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	acl := do[ec2.DescribeNetworkAclsOutput](w, "DescribeNetworkAcls", "Filter.1.Name=association.subnet-id&Filter.1.Value.1="+*s.SubnetId).NetworkAcls
	if len(acl) != 1 || !*acl[0].IsDefault || *acl[0].VpcId != lab || !strings.HasPrefix(*acl[0].Associations[0].NetworkAclAssociationId, "aclassoc-") {
		t.Errorf("its network ACL: %+v", acl)
	}
	byID := do[ec2.CreateSubnetOutput](w, "CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.2.0/28&AvailabilityZoneId=use1-az4").Subnet
	if *byID.AvailabilityZone != "us-east-1d" || *byID.AvailableIpAddressCount != 11 {
		t.Errorf("by the zone's id: %+v", byID)
	}
	small := w.vpc("10.0.0.0/24")
	w.subnet(w.vpc("10.0.0.0/16"), "10.0.0.0/16")
	for _, c := range []struct{ sentence, form, want string }{
		{"no VPC", "CidrBlock=10.0.3.0/24", "MissingParameter: The request must contain the parameter VpcId"},
		{"no range", "VpcId=" + lab, "MissingParameter: The request must contain the parameter CidrBlock"},
		{"a VPC that does not exist", "VpcId=vpc-00000000&CidrBlock=10.0.3.0/24", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"what is no range", "VpcId=" + lab + "&CidrBlock=10.0.3.0", "InvalidParameterValue: Value (10.0.3.0) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"a range outside the VPC", "VpcId=" + lab + "&CidrBlock=10.1.0.0/24", "InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid."},
		{"a range larger than the VPC", "VpcId=" + lab + "&CidrBlock=10.0.0.0/8", "InvalidSubnet.Range: The CIDR '10.0.0.0/8' is invalid."},
		{"a range that begins where the VPC does and is larger", "VpcId=" + small + "&CidrBlock=10.0.0.0/20", "InvalidSubnet.Range: The CIDR '10.0.0.0/20' is invalid."},
		{"too small a range", "VpcId=" + lab + "&CidrBlock=10.0.3.0/29", "InvalidSubnet.Range: The CIDR '10.0.3.0/29' is invalid."},
		{"a range inside another subnet's", "VpcId=" + lab + "&CidrBlock=10.0.1.128/25", "InvalidSubnet.Conflict: The CIDR '10.0.1.128/25' conflicts with another subnet"},
		{"a range around another subnet's", "VpcId=" + lab + "&CidrBlock=10.0.0.0/20", "InvalidSubnet.Conflict: The CIDR '10.0.0.0/20' conflicts with another subnet"},
		{"an unknown zone", "VpcId=" + lab + "&CidrBlock=10.0.3.0/24&AvailabilityZone=eu-west-1a", "InvalidParameterValue: Value (eu-west-1a) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f."},
		{"an unknown zone id", "VpcId=" + lab + "&CidrBlock=10.0.3.0/24&AvailabilityZoneId=use1-az9", "InvalidParameterValue: Value (use1-az9) for parameter availabilityZoneId is invalid. Subnets can currently only be created in the following availability zones: use1-az1, use1-az2, use1-az3, use1-az4, use1-az5, use1-az6."},
		{"IPv6 alone", "VpcId=" + lab + "&Ipv6Native=true&Ipv6CidrBlock=2001:db8::/64", "UnsupportedOperation: The parameter ipv6Native is not supported."},
		{"IPv6 that the VPC does not have", "VpcId=" + lab + "&CidrBlock=10.0.3.0/24&Ipv6CidrBlock=2001:db8::/64", "InvalidSubnet.Range: The IPv6 CIDR '2001:db8::/64' is invalid."},
		{"address pools", "VpcId=" + lab + "&Ipv4IpamPoolId=ipam-pool-1", "UnsupportedOperation: The parameter ipv4IpamPoolId is not supported."},
		{"an Outpost", "VpcId=" + lab + "&CidrBlock=10.0.3.0/24&OutpostArn=arn:aws:outposts", "UnsupportedOperation: The parameter outpostArn is not supported."},
		{"what would have succeeded", "VpcId=" + lab + "&CidrBlock=10.0.3.0/24&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run("refuses "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("CreateSubnet", c.form, c.want) })
	}
}

func TestAVPCHas200Subnets(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	w.edit(func(e *vpc.Edit) {
		for i := range vpc.SubnetsPerVPC.Default {
			e.Subnets.Put(&vpc.Subnet{ID: fmt.Sprintf("subnet-%017x", i), Scope: testScope, VPC: lab})
		}
	})
	w.refuse("CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.1.0/24", "SubnetLimitExceeded: The maximum number of subnets has been reached.")
}

func TestDeleteSubnet(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	subnet := w.subnet(lab, "10.0.1.0/24")
	w.edit(func(e *vpc.Edit) {
		e.Interfaces.Put(&vpc.Interface{ID: "eni-00000000", Scope: testScope, VPC: lab, Subnet: subnet})
		e.RouteTables.Put(&vpc.RouteTable{ID: "rtb-00000000", Scope: testScope, VPC: lab, Associations: []vpc.RouteAssociation{{ID: "rtbassoc-00000000", Subnet: subnet}}})
	})
	if got := do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "Filter.1.Name=association.subnet-id&Filter.1.Value.1="+subnet).RouteTables; len(got) != 1 || *got[0].Associations[0].SubnetId != subnet {
		t.Errorf("its route table: %+v", got)
	}
	w.refuse("DeleteSubnet", "SubnetId="+subnet, "DependencyViolation: The subnet '"+subnet+"' has dependencies and cannot be deleted.")
	w.edit(func(e *vpc.Edit) { e.Interfaces.Delete("eni-00000000") })
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+subnet)
	w.refuse("DeleteSubnet", "SubnetId="+subnet, "InvalidSubnetID.NotFound: The subnet ID '"+subnet+"' does not exist")
	if got := do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "RouteTableId.1=rtb-00000000").RouteTables[0].Associations; len(got) != 0 {
		t.Errorf("the route table still has %+v", got)
	}
}

func TestDescribeSubnets(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	front, back := w.subnet(lab, "10.0.1.0/24"), w.subnet(lab, "10.0.2.0/25")
	w.edit(func(e *vpc.Edit) {
		e.Interfaces.Put(&vpc.Interface{ID: "eni-00000000", Scope: testScope, VPC: lab, Subnet: front, PrivateIP: netip.MustParseAddr("10.0.1.4")})
	})
	for filter, want := range map[string]string{"subnet-id=" + front: front, "cidr-block=10.0.2.0/25": back, "cidr=10.0.2.0/25": back, "cidrBlock=10.0.1.*": front,
		"available-ip-address-count=250": front, "subnet-arn=*" + back: back} {
		name, val, _ := strings.Cut(filter, "=")
		got := do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).Subnets
		if len(got) != 1 || *got[0].SubnetId != want {
			t.Errorf("%s finds %+v", filter, got)
		}
	}
	for filter, want := range map[string]int{"vpc-id=" + lab: 2, "default-for-az=true": 6, "defaultForAz=false": 2, "map-public-ip-on-launch=true": 6, "availability-zone-id=use1-az1": 3,
		"availabilityZone=us-east-1a": 3, "state=available": 8, "owner-id=111122223333": 8, "ipv6-native=false": 8, "outpost-arn=x": 0, "private-dns-name-options-on-launch.hostname-type=ip-name": 8} {
		name, val, _ := strings.Cut(filter, "=")
		if got := len(do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).Subnets); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	w.refuse("DescribeSubnets", "SubnetId.1=subnet-00000000", "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist")
	w.refuse("DescribeSubnets", "SubnetId.1="+lab, fmt.Sprintf(`InvalidSubnetID.Malformed: Invalid id: "%s" (expecting "subnet-...")`, lab))
}

func TestDescribeTheRestOfAVPC(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	w.edit(func(e *vpc.Edit) {
		e.InternetGateways.Put(&vpc.InternetGateway{ID: "igw-00000001", Scope: testScope})
		e.RouteTables.Put(&vpc.RouteTable{ID: "rtb-00000001", Scope: testScope, VPC: lab, Routes: []vpc.Route{{Destination: vpc.Anywhere4, Target: "igw-00000001"}}})
		e.NetworkACLs.Put(&vpc.NetworkACL{ID: "acl-00000001", Scope: testScope, VPC: lab, Entries: []vpc.ACLEntry{
			{Number: 10, Allow: true, What: vpc.What{Protocol: 6, From: 80, To: 443}, CIDR: vpc.Anywhere4},
			{Number: 20, Egress: true, What: vpc.What{Protocol: 1, From: 8, To: -1}, CIDR: vpc.Anywhere4}}})
	})
	table := do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "Filter.1.Name=route.state&Filter.1.Value.1=blackhole").RouteTables
	if len(table) != 1 || *table[0].RouteTableId != "rtb-00000001" || routeTexts(table[0]) != "10.0.0.0/16 local CreateRouteTable active\n0.0.0.0/0 igw-00000001 CreateRoute blackhole" {
		t.Errorf("the route to a detached gateway: %+v", table)
	}
	gateway := do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "InternetGatewayId.1=igw-00000001").InternetGateways[0]
	if len(gateway.Attachments) != 0 || gateway.Attachments == nil {
		t.Errorf("the detached gateway: %+v", gateway)
	}
	acl := do[ec2.DescribeNetworkAclsOutput](w, "DescribeNetworkAcls", "Filter.1.Name=entry.port-range.from&Filter.1.Value.1=80&Filter.2.Name=entry.icmp.type&Filter.2.Value.1=8").NetworkAcls
	if len(acl) != 1 || *acl[0].Entries[0].PortRange.To != 443 || *acl[0].Entries[1].IcmpTypeCode.Code != -1 || acl[0].Entries[1].PortRange != nil {
		t.Errorf("the network ACL: %+v", acl)
	}
	options := do[ec2.DescribeDhcpOptionsOutput](w, "DescribeDhcpOptions", "Filter.1.Name=key&Filter.1.Value.1=domain-name").DhcpOptions
	if len(options) != 1 || *options[0].DhcpOptionsId != vpc.DefaultDHCPOptions(testScope) || *options[0].DhcpConfigurations[0].Values[0].Value != "ec2.internal" ||
		*options[0].DhcpConfigurations[1].Values[0].Value != "AmazonProvidedDNS" {
		t.Errorf("the DHCP options: %+v", options)
	}
	europe := w.as(vpc.Scope{Account: testScope.Account, Region: "eu-west-1"})
	if got := do[ec2.DescribeDhcpOptionsOutput](europe, "DescribeDhcpOptions", "").DhcpOptions[0]; *got.DhcpConfigurations[0].Values[0].Value != "eu-west-1.compute.internal" {
		t.Errorf("in another Region: %+v", got)
	}
	for _, c := range []struct{ action, parameter, unknown, want string }{
		{"DescribeRouteTables", "RouteTableId.1", "rtb-00000000", "InvalidRouteTableID.NotFound: The routeTable ID 'rtb-00000000' does not exist"},
		{"DescribeRouteTables", "RouteTableId.1", "rtb-x", `InvalidRouteTableId.Malformed: Invalid id: "rtb-x"`},
		{"DescribeInternetGateways", "InternetGatewayId.1", "igw-00000000", "InvalidInternetGatewayID.NotFound: The internetGateway ID 'igw-00000000' does not exist"},
		{"DescribeInternetGateways", "InternetGatewayId.1", "gw", `InvalidInternetGatewayId.Malformed: Invalid id: "gw" (expecting "igw-...")`},
		{"DescribeNetworkAcls", "NetworkAclId.1", "acl-00000000", "InvalidNetworkAclID.NotFound: The networkAcl ID 'acl-00000000' does not exist"},
		{"DescribeNetworkAcls", "NetworkAclId.1", "x", `InvalidNetworkAclId.Malformed: Invalid id: "x" (expecting "acl-...")`},
		{"DescribeDhcpOptions", "DhcpOptionsId.1", "dopt-00000000", "InvalidDhcpOptionID.NotFound: The dhcpOptions ID 'dopt-00000000' does not exist"},
	} {
		w.refuse(c.action, c.parameter+"="+c.unknown, c.want)
	}
}
