package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// natGateway is the gateway as DescribeNatGateways shows it.
func (w *world) natGateway(id string) ec2.NatGateway {
	w.Helper()
	return do[ec2.DescribeNatGatewaysOutput](w, "DescribeNatGateways", "NatGatewayId.1="+id).NatGateways[0]
}

// natTexts are the gateway's state and addresses, one a line.
func natTexts(g ec2.NatGateway) string {
	lines := []string{g.State + " " + g.ConnectivityType}
	for _, a := range g.NatGatewayAddresses {
		lines = append(lines, strings.TrimSpace(fmt.Sprint(value(a.PrivateIp), " ", value(a.PublicIp), " ", *a.IsPrimary, " ", a.Status)))
	}
	return strings.Join(lines, "\n")
}

func TestAPublicNATGateway(t *testing.T) {
	n := newNetwork(t)
	n.pool("198.18.0.0/24")
	first, second := n.elasticIP(""), n.elasticIP("")
	form := "ClientToken=t&SubnetId=" + n.subnet + "&AllocationId=" + first + "&SecondaryAllocationId.1=" + second +
		"&TagSpecification.1.ResourceType=natgateway&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"
	out := do[ec2.CreateNatGatewayOutput](n.world, "CreateNatGateway", form)
	id := *out.NatGateway.NatGatewayId
	if again := do[ec2.CreateNatGatewayOutput](n.world, "CreateNatGateway", form); *again.NatGateway.NatGatewayId != id || out.NatGateway.State != "pending" || *out.ClientToken != "t" {
		t.Errorf("answered %+v, then %+v", out, again)
	}
	g := n.natGateway(id)
	if got, want := natTexts(g), "available public\n10.0.1.5 198.18.0.2 true succeeded\n10.0.1.6 198.18.0.3 false succeeded"; got != want {
		t.Errorf("shows\n%s\nwant\n%s", got, want)
	}
	if *g.VpcId != n.vpc || *g.SubnetId != n.subnet || *g.Tags[0].Value != "x" || !g.CreateTime.Equal(testNow) || g.DeleteTime != nil || g.FailureCode != nil {
		t.Errorf("shows %+v", g)
	}
	address := g.NatGatewayAddresses[0]
	face := n.state.Interfaces.Get(*address.NetworkInterfaceId)
	got := text(face.Type, face.Owner, face.Description, face.SourceDestCheck, face.Attachment, len(face.Groups), len(face.Addresses()), face.MAC[:3])
	if want := text("nat_gateway", id, "Interface for NAT Gateway "+id, false, (*vpc.Attachment)(nil), 0, 2, "0a:"); got != want {
		t.Errorf("its interface is\n%s\nwant\n%s", got, want)
	}
	elastic := n.state.ElasticIPs.Get(first)
	if elastic.Association != *address.AssociationId || elastic.Interface != face.ID || elastic.Private != face.PrivateIP || *address.AllocationId != first {
		t.Errorf("its address is %+v", elastic)
	}
	n.refuse("DetachInternetGateway", "InternetGatewayId="+n.gateway+"&VpcId="+n.vpc,
		"DependencyViolation: Network "+n.vpc+" has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
	n.refuse("DeleteSubnet", "SubnetId="+n.subnet, "DependencyViolation: The subnet '"+n.subnet+"' has dependencies and cannot be deleted.")

	if out := do[ec2.DeleteNatGatewayOutput](n.world, "DeleteNatGateway", "NatGatewayId="+id); *out.NatGatewayId != id {
		t.Errorf("answered %+v", out)
	}
	do[ec2.DeleteNatGatewayOutput](n.world, "DeleteNatGateway", "NatGatewayId="+id) // once more: nothing changes
	if g := n.natGateway(id); g.State != "deleted" || !g.DeleteTime.Equal(testNow) || *g.NatGatewayAddresses[0].PublicIp != "198.18.0.2" {
		t.Errorf("deleted, it shows %+v", g)
	}
	for _, a := range []string{first, second} {
		if e := n.state.ElasticIPs.Get(a); e.Association != "" || e.Interface != "" || e.Private.IsValid() {
			t.Errorf("the address is not free: %+v", e)
		}
	}
	if n.state.Interfaces.Get(face.ID) != nil {
		t.Error("the interface is left")
	}
	n.forget(59 * time.Minute)
	n.natGateway(id)
	n.forget(61 * time.Minute)
	n.refuse("DescribeNatGateways", "NatGatewayId.1="+id, "NatGatewayNotFound: The Nat Gateway "+id+" was not found")
}

func TestAPrivateNATGatewayHasTheAddressesThatItIsGiven(t *testing.T) {
	n := newNetwork(t) // its instance has 10.0.1.4
	for _, c := range []struct{ form, want string }{
		{"", "10.0.1.5 true"},
		{"&PrivateIpAddress=10.0.1.7&SecondaryPrivateIpAddressCount=2", "10.0.1.7 true 10.0.1.6 false 10.0.1.8 false"},
		{"&SecondaryPrivateIpAddress.1=10.0.1.9&SecondaryPrivateIpAddress.2=10.0.1.11", "10.0.1.10 true 10.0.1.9 false 10.0.1.11 false"},
	} {
		g := do[ec2.CreateNatGatewayOutput](n.world, "CreateNatGateway", "ConnectivityType=private&SubnetId="+n.subnet+c.form).NatGateway
		var got []string
		for _, a := range n.natGateway(*g.NatGatewayId).NatGatewayAddresses {
			got = append(got, fmt.Sprint(*a.PrivateIp, " ", *a.IsPrimary))
			if a.PublicIp != nil || a.AllocationId != nil {
				t.Errorf("a private gateway has %+v", a)
			}
		}
		if strings.Join(got, " ") != c.want || g.ConnectivityType != "private" {
			t.Errorf("%s: got %v, want %s", c.form, got, c.want)
		}
	}
}

func TestANATGatewayThatOnlyFailsWhenItIsMade(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	lab, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	free := w.elasticIP("")
	taken := w.elasticIP(*w.run("SubnetId=" + subnet).NetworkInterfaces[0].NetworkInterfaceId)
	home := w.defaultSubnet("us-east-1a")
	for _, c := range []struct{ form, code, text string }{
		{"SubnetId=" + subnet + "&AllocationId=" + free, "Gateway.NotAttached", "Network " + lab + " has no Internet gateway attached"},
		{"SubnetId=" + home + "&AllocationId=" + taken, "Resource.AlreadyAssociated", "Elastic IP address " + taken + " is already associated"},
		{"SubnetId=" + home + "&AllocationId=" + free + "&SecondaryAllocationId.1=" + free, "Resource.AlreadyAssociated", "Elastic IP address " + free + " is already associated"},
	} {
		out := do[ec2.CreateNatGatewayOutput](w, "CreateNatGateway", c.form).NatGateway
		g := w.natGateway(*out.NatGatewayId)
		if out.State != "pending" || out.FailureCode != nil || g.State != "failed" || *g.FailureCode != c.code || *g.FailureMessage != c.text ||
			g.DeleteTime == nil || g.NatGatewayAddresses[0].NetworkInterfaceId != nil {
			t.Errorf("%s: answered %+v, shows %+v", c.form, out, g)
		}
		do[ec2.DeleteNatGatewayOutput](w, "DeleteNatGateway", "NatGatewayId="+*out.NatGatewayId)
	}
	if a := w.state.ElasticIPs.Get(taken); a.Association == "" {
		t.Error("a gateway that failed took an address away")
	}
}

func TestCreateNatGatewayRefuses(t *testing.T) {
	n := newNetwork(t)
	n.pool("198.18.0.0/24")
	free := n.elasticIP("")
	tiny := n.world.subnet(n.vpc, "10.0.2.0/28")
	n.limit(vpc.NATGatewaysPerZone, 1)
	public, private := "AllocationId="+free+"&SubnetId="+n.subnet, "ConnectivityType=private&SubnetId="+n.subnet
	for _, c := range []struct{ sentence, form, want string }{
		{"no subnet", "AllocationId=" + free, "MissingParameter: The request must contain the parameter subnetId"},
		{"no address", "SubnetId=" + n.subnet, "MissingParameter: The request must include the AllocationId parameter. Add the required parameter and retry the request."},
		{"an unknown subnet", "SubnetId=subnet-00000000&AllocationId=" + free, "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist"},
		{"an unknown address", "SubnetId=" + n.subnet + "&AllocationId=eipalloc-00000000", "InvalidAllocationID.NotFound: The allocation ID 'eipalloc-00000000' does not exist"},
		{"an address that is its number", "SubnetId=" + n.subnet + "&AllocationId=198.18.0.2", `InvalidAllocationID.Malformed: Invalid id: "198.18.0.2" (expecting "eipalloc-...")`},
		{"a public address for a private one", private + "&AllocationId=" + free, "InvalidParameterCombination: The parameter AllocationId cannot be used with a private NAT gateway."},
		{"an unknown type", "ConnectivityType=half&SubnetId=" + n.subnet, "InvalidParameterValue: Invalid value 'half' for ConnectivityType."},
		{"a regional one", public + "&AvailabilityMode=regional", "UnsupportedOperation: The parameter AvailabilityMode is not supported."},
		{"one of a VPC", public + "&VpcId=" + n.vpc, "UnsupportedOperation: The parameter VpcId is not supported."},
		{"addresses by zone", public + "&AvailabilityZoneAddress.1.AvailabilityZone=us-east-1a", "UnsupportedOperation: The parameter AvailabilityZoneAddress is not supported."},
		{"secondary addresses and their number", private + "&SecondaryPrivateIpAddressCount=1&SecondaryPrivateIpAddress.1=10.0.1.9", "InvalidParameterCombination: The parameter SecondaryPrivateIpAddresses cannot be used with the parameter SecondaryPrivateIpAddressCount"},
		{"a number of addresses for a public one", public + "&SecondaryPrivateIpAddressCount=1", "InvalidParameterCombination: The parameter SecondaryPrivateIpAddressCount cannot be used with a public NAT gateway."},
		{"more private than public ones", public + "&SecondaryPrivateIpAddress.1=10.0.1.9", "InvalidParameterCombination: The number of SecondaryPrivateIpAddresses must be that of SecondaryAllocationIds."},
		{"too many addresses", private + "&SecondaryPrivateIpAddressCount=8", "InvalidParameterValue: A NAT gateway can have up to 8 private IP addresses."},
		{"fewer than none", private + "&SecondaryPrivateIpAddressCount=-1", "InvalidParameterValue: A NAT gateway can have up to 8 private IP addresses."},
		{"an address that is taken", private + "&PrivateIpAddress=10.0.1.4", "InvalidIPAddress.InUse: Address 10.0.1.4 is in use."},
		{"an address of another subnet", private + "&PrivateIpAddress=10.0.2.4", "InvalidParameterValue: Address 10.0.2.4 does not fall within the subnet's address range"},
		{"an address that AWS keeps", private + "&PrivateIpAddress=10.0.1.1", "InvalidParameterValue: Address 10.0.1.1 is in subnet's reserved address range"},
		{"what is no address", private + "&PrivateIpAddress=any", "InvalidParameterValue: invalid value for parameter address: any"},
		{"an address twice", private + "&PrivateIpAddress=10.0.1.9&SecondaryPrivateIpAddress.1=10.0.1.9", "InvalidParameterValue: Address 10.0.1.9 is given more than once."},
		{"a tag for something else", private + "&TagSpecification.1.ResourceType=nat", "InvalidParameterValue: 'nat' is not a valid taggable resource type for this operation."},
		{"what would have succeeded", public + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run(c.sentence, func(t *testing.T) { n.T = t; n.refuse("CreateNatGateway", c.form, c.want) })
	}
	n.T = t
	do[ec2.CreateNatGatewayOutput](n.world, "CreateNatGateway", public)
	n.refuse("CreateNatGateway", private, "NatGatewayLimitExceeded: The maximum number of NAT Gateways has been reached.")
	n.limit(vpc.NATGatewaysPerZone, 9)
	full := "ConnectivityType=private&SubnetId=" + tiny // 11 addresses
	do[ec2.CreateNatGatewayOutput](n.world, "CreateNatGateway", full+"&SecondaryPrivateIpAddressCount=7")
	n.refuse("CreateNatGateway", full+"&SecondaryPrivateIpAddressCount=3", "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request.")
	do[ec2.CreateNatGatewayOutput](n.world, "CreateNatGateway", full+"&SecondaryPrivateIpAddressCount=2")
}

func TestDescribeNatGateways(t *testing.T) {
	n := newNetwork(t)
	a := n.privateNAT(n.subnet)
	b := n.privateNAT(n.defaultSubnet("us-east-1b"))
	do[ec2.DeleteNatGatewayOutput](n.world, "DeleteNatGateway", "NatGatewayId="+b)
	do[ec2.CreateTagsOutput](n.world, "CreateTags", "ResourceId.1="+a+"&Tag.1.Key=team&Tag.1.Value=blue")
	for _, c := range []struct{ form, want string }{
		{"", a + " " + b},
		{"NatGatewayId.1=" + b, b},
		{"Filter.1.Name=state&Filter.1.Value.1=available&Filter.1.Value.2=pending", a},
		{"Filter.1.Name=subnet-id&Filter.1.Value.1=" + n.subnet, a},
		{"Filter.1.Name=vpc-id&Filter.1.Value.1=" + n.defaultVPC(), b},
		{"Filter.1.Name=nat-gateway-id&Filter.1.Value.1=" + a, a},
		{"Filter.1.Name=tag:team&Filter.1.Value.1=b*", a},
		{"NatGatewayId.1=" + b + "&Filter.1.Name=tag-key&Filter.1.Value.1=team", ""},
	} {
		var got []string
		for _, g := range do[ec2.DescribeNatGatewaysOutput](n.world, "DescribeNatGateways", c.form).NatGateways {
			got = append(got, *g.NatGatewayId)
		}
		if !sameWords(strings.Join(got, " "), c.want) {
			t.Errorf("%q finds %v, want %s", c.form, got, c.want)
		}
	}
	n.refuse("DescribeNatGateways", "NatGatewayId.1=nat-00000000&NatGatewayId.2="+a+"&NatGatewayId.3=nat-00000001", "NatGatewayNotFound: The Nat Gateways nat-00000000, nat-00000001 were not found")
	n.refuse("DescribeNatGateways", "NatGatewayId.1=x", `NatGatewayMalformed: Invalid id: "x" (expecting "nat-...")`)
	n.refuse("DescribeNatGateways", "Filter.1.Name=name&Filter.1.Value.1=x", "InvalidParameterValue: The filter 'name' is invalid")
}
