package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"crenel/ec2"
)

// face is NetworkInterface.N with its parameters: "DeviceIndex=0 SubnetId=…".
func face(n int, parameters string) (form string) {
	for _, p := range strings.Fields(parameters) {
		form += fmt.Sprintf("&NetworkInterface.%d.%s", n, p)
	}
	return form
}

func TestALaunchWithSeveralInterfaces(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	second := *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "AvailabilityZone=us-east-1a&CidrBlock=10.0.2.0/24&VpcId="+vpcID).Subnet.SubnetId
	web := *do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", "GroupName=web&GroupDescription=d&VpcId="+vpcID).GroupId
	w.withIPv6(second, "2600:1f18:1:2::/64", false)
	do[ec2.ModifySubnetAttributeOutput](w, "ModifySubnetAttribute", "MapPublicIpOnLaunch.Value=true&SubnetId="+subnet)
	made := *w.newFace("SubnetId=" + second + "&Description=made").NetworkInterfaceId

	out := do[ec2.RunInstancesOutput](w, "RunInstances", "InstanceType=t3.xlarge&ImageId="+testImage+"&MinCount=1&MaxCount=1"+
		face(1, "DeviceIndex=2 NetworkInterfaceId="+made)+
		face(2, "DeviceIndex=0 SubnetId="+subnet+" SecondaryPrivateIpAddressCount=1 ConnectionTrackingSpecification.TcpEstablishedTimeout=600 SecurityGroupId.1="+web)+
		face(3, "DeviceIndex=1 DeleteOnTermination=false SubnetId="+second+" PrivateIpAddress=10.0.2.9 Ipv6AddressCount=1 PrimaryIpv6=true Ipv4PrefixCount=1")+
		"&TagSpecification.1.ResourceType=network-interface&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=new")
	i := out.Instances[0]
	var got []string
	for _, n := range i.NetworkInterfaces {
		whole := w.face(*n.NetworkInterfaceId)
		got = append(got, fmt.Sprint(*n.Attachment.DeviceIndex, " ", shape(whole), " ", *n.Attachment.DeleteOnTermination, " ", *n.Groups[0].GroupName, " ", len(whole.TagSet), " ", *n.Description))
	}
	want := text("0 10.0.1.4 10.0.1.5 / 0 /  true web 1 ", "1 10.0.2.9 / 1 primary / 10.0.2.16/28 false default 1 ", "2 10.0.2.4 / 0 /  false default 0 made")
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	n := i.NetworkInterfaces
	if got, want := text(*i.PrivateIpAddress, i.PublicIpAddress == nil, *i.SubnetId, *n[0].ConnectionTrackingConfiguration.TcpEstablishedTimeout,
		*n[1].Ipv6Addresses[0].IsPrimaryIpv6, *n[1].Ipv4Prefixes[0].Ipv4Prefix, *n[0].PrivateIpAddresses[1].Primary, *i.SecurityGroups[0].GroupId, *n[2].Groups[0].GroupId),
		text("10.0.1.4", true, subnet, 600, true, "10.0.2.16/28", false, web, group); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for name, val := range map[string]string{"ipv6-address": *n[1].Ipv6Addresses[0].Ipv6Address, "network-interface.ipv6-addresses.ipv6-address": *n[1].Ipv6Addresses[0].Ipv6Address,
		"network-interface.addresses.private-dns-name": "ip-10-0-1-5.ec2.internal", "network-interface.attachment.device-index": "2", "private-ip-address": "10.0.1.4"} {
		if got := w.found("Filter.1.Name=" + name + "&Filter.1.Value.1=" + url.QueryEscape(val)); len(got) != 1 {
			t.Errorf("%s=%s finds %v", name, val, got)
		}
	}

	w.report(*i.InstanceId, HostRunning, 1, "")
	w.ask("TerminateInstances", *i.InstanceId)
	w.report(*i.InstanceId, HostStopped, 1, "")
	left := do[ec2.DescribeNetworkInterfacesOutput](w, "DescribeNetworkInterfaces", "").NetworkInterfaces
	if len(left) != 2 || left[0].Status != "available" || left[1].Status != "available" {
		t.Errorf("left are %+v", left)
	}
}

func TestALaunchWithAnInterfaceThatExists(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	subnet := w.defaultSubnet("us-east-1b")
	plain, public, elastic := *w.newFace("SubnetId=" + subnet).NetworkInterfaceId, *w.newFace("SubnetId=" + subnet).NetworkInterfaceId, *w.newFace("SubnetId=" + subnet).NetworkInterfaceId
	for _, id := range []string{public, elastic} {
		do[ec2.ModifyNetworkInterfaceAttributeOutput](w, "ModifyNetworkInterfaceAttribute", "AssociatePublicIpAddress=true&NetworkInterfaceId="+id)
	}
	allocation, address := w.allocate()
	w.associate("AllocationId=" + allocation + "&NetworkInterfaceId=" + elastic)
	for _, c := range []struct{ id, want string }{{plain, ""}, {public, "198.18.0.3"}, {elastic, address}} {
		i := w.launch(face(1, "DeviceIndex=0 NetworkInterfaceId="+c.id))
		n := i.NetworkInterfaces[0]
		if got, want := text(*n.NetworkInterfaceId, *n.Attachment.DeleteOnTermination, *i.Placement.AvailabilityZone, *i.SubnetId, value(i.PublicIpAddress)),
			text(c.id, false, "us-east-1b", subnet, c.want); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if stored := w.state.Interfaces.Get(c.id); stored.PublicIP.IsValid() != (c.id == public) {
			t.Errorf("%s keeps %v", c.id, stored.PublicIP)
		}
	}
}

func TestALaunchWithIPv6Addresses(t *testing.T) {
	w := newWorld(t)
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	w.withIPv6(subnet, "2600:1f18:1:2::/64", false)
	for _, c := range []struct{ form, want string }{
		{"", "0"},
		{"Ipv6AddressCount=2", "2"},
		{"Ipv6Address.1.Ipv6Address=2600:1f18:1:2::9", "1 2600:1f18:1:2::9"},
		{"EnablePrimaryIpv6=true&Ipv6AddressCount=1", "1 primary"},
	} {
		i := w.launch("SubnetId=" + subnet + "&InstanceType=t3.small&" + c.form)
		six := i.NetworkInterfaces[0].Ipv6Addresses
		got := fmt.Sprint(len(six))
		if len(six) == 1 && *six[0].Ipv6Address == "2600:1f18:1:2::9" {
			got += " " + *six[0].Ipv6Address
		}
		if len(six) > 0 && *six[0].IsPrimaryIpv6 {
			got += " primary"
		}
		if got != c.want || len(six) > 0 && *i.Ipv6Address != *six[0].Ipv6Address {
			t.Errorf("%s: got %s and %v, want %s", c.form, got, value(i.Ipv6Address), c.want)
		}
	}
	w.withIPv6(subnet, "2600:1f18:1:2::/64", true)
	if i := w.launch("SubnetId=" + subnet); len(i.NetworkInterfaces[0].Ipv6Addresses) != 1 {
		t.Error("the subnet assigns IPv6 addresses, and the instance has none")
	}
}

func TestALaunchWithInterfacesIsRefused(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	away := *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "AvailabilityZone=us-east-1b&CidrBlock=10.0.3.0/24&VpcId="+vpcID).Subnet.SubnetId
	w.withIPv6(subnet, "2600:1f18:1:2::/64", false)
	made := *w.newFace("SubnetId=" + subnet).NetworkInterfaceId
	rich := *w.newFace("SubnetId=" + subnet + "&SecondaryPrivateIpAddressCount=4").NetworkInterfaceId
	used := *w.run("").NetworkInterfaces[0].NetworkInterfaceId
	first := face(1, "DeviceIndex=0 SubnetId="+subnet)
	before := w.state.Instances.Len()
	for _, c := range []struct{ form, want string }{
		{face(1, "DeviceIndex=1"), "InvalidParameterCombination: An interface attachment with device index '0' must be specified."},
		{face(1, "DeviceIndex=-1"), "InvalidParameterValue: Value (-1) for parameter deviceIndex is invalid. The value must be from 0 to 15."},
		{first + face(2, "SubnetId="+subnet), "InvalidParameterValue: Each network interface requires a device index."},
		{first + face(2, "DeviceIndex=0"), "InvalidParameterCombination: Each network interface requires a unique device index."},
		{first + face(2, "DeviceIndex=1") + face(3, "DeviceIndex=2"), "AttachmentLimitExceeded: Interface count 3 exceeds the limit for m1.small"},
		{first + face(2, "DeviceIndex=1 AssociatePublicIpAddress=false"), "InvalidParameterCombination: The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces"},
		{first + face(2, "DeviceIndex=1 SubnetId="+away), "InvalidParameterCombination: You may not attach a network interface to an instance if they are not in the same availability zone"},
		{first + "&Ipv6AddressCount=1", "InvalidParameterCombination: Network interfaces and an instance-level IPv6 address count may not be specified on the same request"},
		{first + "&Ipv6Address.1.Ipv6Address=::1", "InvalidParameterCombination: Network interfaces and an instance-level IPv6 address may not be specified on the same request"},
		{first + "&EnablePrimaryIpv6=true", "InvalidParameterCombination: Network interfaces and an instance-level primary IPv6 address may not be specified on the same request"},
		{first + "&SecurityGroup.1=default", "InvalidParameterCombination: Network interfaces and an instance-level security groups may not be specified on the same request"},
		{face(1, "DeviceIndex=0 SubnetId=subnet-0123456789abcdef0"), "InvalidSubnetID.NotFound: The subnet ID 'subnet-0123456789abcdef0' does not exist"},
		{face(1, "DeviceIndex=0 SecurityGroupId.1="+group), "InvalidParameter: Security group " + group + " and subnet " + w.defaultSubnet("us-east-1a") + " belong to different networks."},
		{face(1, "DeviceIndex=0 InterfaceType=efa"), "UnsupportedOperation: The interface type efa is not supported."},
		{face(1, "DeviceIndex=0 NetworkCardIndex=1"), "UnsupportedOperation: The parameter NetworkInterface.1.NetworkCardIndex is not supported."},
		{face(1, "DeviceIndex=0 AssociateCarrierIpAddress=true"), "UnsupportedOperation: The parameter NetworkInterface.1.AssociateCarrierIpAddress is not supported."},
		{first + face(2, "DeviceIndex=1 EnaQueueCount=2"), "UnsupportedOperation: The parameter NetworkInterface.2.EnaQueueCount is not supported."},
		{face(1, "DeviceIndex=0 NetworkInterfaceId=eni-0123456789abcdef0"), "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+used), "InvalidNetworkInterface.InUse: Interface: [" + used + "] in use."},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made) + face(2, "DeviceIndex=1 NetworkInterfaceId="+made), "InvalidNetworkInterface.InUse: Interface: [" + made + "] in use."},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+rich), "PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit."},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" SubnetId="+subnet), "InvalidParameterCombination: A network interface may not specify a network interface ID and a subnet ID"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" SecurityGroupId.1="+group), "InvalidParameterCombination: A network interface may not specify a network interface ID and security groups"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" Description=x"), "InvalidParameterCombination: A network interface may not specify a network interface ID and a description"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" PrivateIpAddress=10.0.1.99"), "InvalidParameterCombination: A network interface may not specify a network interface ID and a private IP address"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" SecondaryPrivateIpAddressCount=1"), "InvalidParameterCombination: A network interface may not specify a network interface ID and a secondary private IP address count"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" Ipv6AddressCount=1"), "InvalidParameterCombination: A network interface may not specify a network interface ID and IPv6 addresses"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" Ipv4PrefixCount=1"), "InvalidParameterCombination: A network interface may not specify a network interface ID and prefixes"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" AssociatePublicIpAddress=true"), "InvalidParameterCombination: A network interface may not specify a network interface ID and associatePublicIPAddress"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" ConnectionTrackingSpecification.UdpTimeout=30"), "InvalidParameterCombination: A network interface may not specify a network interface ID and a connection tracking specification"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made+" DeleteOnTermination=true"), "InvalidParameterCombination: A network interface may not specify a network interface ID and delete on termination as true"},
		{"&MaxCount=2" + face(1, "DeviceIndex=0 NetworkInterfaceId="+made), "InvalidParameterCombination: A network interface ID may not be specified when launching more than one instance"},
		{"&MaxCount=2" + face(1, "DeviceIndex=0 SubnetId="+subnet+" PrivateIpAddresses.1.PrivateIpAddress=10.0.1.99"), "InvalidParameterCombination: A private IP address may not be specified when launching more than one instance"},
		{"&Placement.AvailabilityZone=us-east-1b" + first, "InvalidParameterValue: Value (us-east-1b) for parameter availabilityZone is invalid. Subnet '" + subnet + "' is in the availability zone us-east-1a"},
		{face(1, "DeviceIndex=0 NetworkInterfaceId="+made) + "&TagSpecification.1.ResourceType=network-interface&TagSpecification.1.Tag.1.Key=a", "InvalidParameterValue: You cannot specify tags for network interfaces if there are no network interfaces being created by the request."},
		{face(1, "DeviceIndex=0 SubnetId="+subnet+" PrivateIpAddress=10.0.1.99") + face(2, "DeviceIndex=1 SubnetId="+subnet+" PrivateIpAddress=10.0.1.99"), "InvalidIPAddress.InUse: Address 10.0.1.99 is in use."},
		{face(1, "DeviceIndex=0 SubnetId="+subnet+" Ipv4Prefix.1.Ipv4Prefix=10.0.1.32/28") + face(2, "DeviceIndex=1 SubnetId="+subnet+" Ipv4Prefix.1.Ipv4Prefix=10.0.1.32/28"), "InvalidIPAddress.InUse: Prefix 10.0.1.32/28 is in use."},
		{face(1, "DeviceIndex=0 SubnetId="+subnet+" SecondaryPrivateIpAddressCount=4"), "PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit."},
		{face(1, "DeviceIndex=0 SubnetId="+subnet+" Ipv6AddressCount=5"), "PrivateIpAddressLimitExceeded: Number of IPv6 addresses will exceed limit."},
		{face(1, "DeviceIndex=0 Description="+strings.Repeat("x", 256)), "InvalidParameterValue: Value (" + strings.Repeat("x", 256) + ") for parameter description is invalid. Description must be no more than 255 characters."},
		{face(1, "DeviceIndex=0 ConnectionTrackingSpecification.UdpStreamTimeout=181"), "InvalidParameterValue: Value (181) for parameter UdpStreamTimeout is invalid. It must be between 60 and 180 seconds."},
		{"&MinCount=84&MaxCount=84" + face(1, "DeviceIndex=0 SecondaryPrivateIpAddressCount=2 SubnetId="+subnet), "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request."},
		{"&MaintenanceOptions.AutoRecovery=never", "InvalidParameterValue: Invalid value 'never' for AutoRecovery."},
		{"&NetworkPerformanceOptions.BandwidthWeighting=all", "InvalidParameterValue: Invalid value 'all' for BandwidthWeighting."},
		{"&CapacityReservationSpecification.CapacityReservationPreference=some", "InvalidParameterValue: Invalid value 'some' for CapacityReservationPreference."},
		{"&CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId=cr-1", "UnsupportedOperation: The parameter CapacityReservationSpecification.CapacityReservationTarget is not supported."},
		{"&Placement.GroupName=g", "UnsupportedOperation: The parameter Placement.GroupName is not supported."},
		{"&CpuOptions.CoreCount=1", "UnsupportedOperation: The parameter CpuOptions is not supported."},
		{"&PrivateDnsNameOptions.HostnameType=name", "InvalidParameterValue: Invalid value 'name' for HostnameType."},
	} {
		form := "ImageId=" + testImage
		for _, name := range []string{"MinCount", "MaxCount"} {
			if !strings.Contains(c.form, name) {
				form += "&" + name + "=1"
			}
		}
		w.refuse("RunInstances", form+c.form, c.want)
	}
	if after := w.state.Instances.Len(); after != before {
		t.Errorf("there were %d instances and are %d", before, after)
	}
}

func TestOptionsOfALaunchAreShown(t *testing.T) {
	w := newWorld(t)
	show := func(i ec2.Instance) string {
		return i.MaintenanceOptions.AutoRecovery + " " + i.NetworkPerformanceOptions.BandwidthWeighting + " " + i.CapacityReservationSpecification.CapacityReservationPreference
	}
	if got := show(w.launch("")); got != "default default open" {
		t.Errorf("by default %s", got)
	}
	got := show(w.launch("MaintenanceOptions.AutoRecovery=disabled&NetworkPerformanceOptions.BandwidthWeighting=vpc-1&CapacityReservationSpecification.CapacityReservationPreference=none"))
	if got != "disabled vpc-1 none" {
		t.Errorf("got %s", got)
	}
}

func TestAThousandInstancesHaveAThousandAddresses(t *testing.T) {
	w := newWorld(t)
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.0.0/16")
	w.newFace("SubnetId=" + subnet + "&PrivateIpAddress=10.0.2.0")
	do[ec2.RunInstancesOutput](w, "RunInstances", "ImageId="+testImage+"&MinCount=1000&MaxCount=1000&SubnetId="+subnet)
	n := w.state.Subnets.Get(subnet)
	if next, _ := w.state.FreeAddress(n); next.String() != "10.0.3.237" || w.state.FreeAddresses(n) != 65536-5-1001 {
		t.Errorf("next is %v, and %d are free", next, w.state.FreeAddresses(n))
	}
}

func TestAttributesOfAnInterface(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	w.withIPv6(subnet, "2600:1f18:1:2::/64", false)
	i := w.run("SubnetId=" + subnet + "&Ipv6AddressCount=1")
	id, instance := *i.NetworkInterfaces[0].NetworkInterfaceId, *i.InstanceId
	for _, step := range []struct{ action, form, want string }{ // public, primary IPv6, timeouts, check
		{"ModifyNetworkInterfaceAttribute", "AssociatePublicIpAddress=true", "198.18.0.2 false [] true true"},
		{"ModifyNetworkInterfaceAttribute", "EnablePrimaryIpv6=true", "198.18.0.2 true [] true true"},
		{"ModifyNetworkInterfaceAttribute", "ConnectionTrackingSpecification.UdpTimeout=60", "198.18.0.2 true [0 0 60] true true"},
		{"ModifyNetworkInterfaceAttribute", "ConnectionTrackingSpecification.TcpEstablishedTimeout=60&ConnectionTrackingSpecification.UdpStreamTimeout=180", "198.18.0.2 true [60 180 60] true true"},
		{"ModifyNetworkInterfaceAttribute", "SourceDestCheck.Value=false", "198.18.0.2 true [60 180 60] false true"},
		{"ResetNetworkInterfaceAttribute", "SourceDestCheck=", "198.18.0.2 true [60 180 60] true true"},
		{"ModifyNetworkInterfaceAttribute", "AssociatePublicIpAddress=false", " true [60 180 60] true false"},
	} {
		if _, err := w.try(step.action, "NetworkInterfaceId="+id+"&"+step.form); err != nil {
			t.Fatalf("%s: %v", step.form, err)
		}
		n := w.face(id)
		timeouts := []int32{}
		if c := n.ConnectionTrackingConfiguration; c != nil {
			timeouts = []int32{value(c.TcpEstablishedTimeout), value(c.UdpStreamTimeout), value(c.UdpTimeout)}
		}
		public := do[ec2.DescribeNetworkInterfaceAttributeOutput](w, "DescribeNetworkInterfaceAttribute", "Attribute=associatePublicIpAddress&NetworkInterfaceId="+id)
		got := fmt.Sprint(value(w.instance(instance).PublicIpAddress), " ", *n.Ipv6Addresses[0].IsPrimaryIpv6, " ", timeouts, " ", *n.SourceDestCheck, " ", *public.AssociatePublicIpAddress)
		if got != step.want {
			t.Errorf("after %s: %s, want %s", step.form, got, step.want)
		}
	}
	for _, c := range []struct{ action, form, want string }{
		{"ModifyNetworkInterfaceAttribute", "EnablePrimaryIpv6=false", "InvalidParameterValue: Value (false) for parameter enablePrimaryIpv6 is invalid. A primary IPv6 address cannot be disabled."},
		{"ResetNetworkInterfaceAttribute", "", "MissingParameter: The request must contain the parameter sourceDestCheck"},
		{"DescribeNetworkInterfaceAttribute", "", "MissingParameter: The request must contain the parameter attribute"},
	} {
		w.refuse(c.action, "NetworkInterfaceId="+id+"&"+c.form, c.want)
	}
}
