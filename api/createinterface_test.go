package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// newFace makes an interface and returns it as the answer shows it.
func (w *world) newFace(form string) ec2.NetworkInterface {
	w.Helper()
	return *do[ec2.CreateNetworkInterfaceOutput](w, "CreateNetworkInterface", form).NetworkInterface
}

func (w *world) attach(face, instance string, index int) (attachment string) {
	w.Helper()
	return *do[ec2.AttachNetworkInterfaceOutput](w, "AttachNetworkInterface", fmt.Sprintf("NetworkInterfaceId=%s&InstanceId=%s&DeviceIndex=%d", face, instance, index)).AttachmentId
}

// withIPv6 gives the subnet an IPv6 range.
func (w *world) withIPv6(subnet, block string, assign bool) {
	w.Helper()
	w.edit(func(e *vpc.Edit) {
		n := *e.Subnets.Get(subnet)
		n.IPv6, n.AssignIPv6 = []vpc.Block{{AssociationID: "subnet-cidr-assoc-1", CIDR: netip.MustParsePrefix(block)}}, assign
		e.Subnets.Put(&n)
	})
}

// shape is what an interface has of addresses: "primary + secondary / IPv6 / prefixes". Of IPv6
// addresses, which are random, it has the number.
func shape(n ec2.NetworkInterface) string {
	var private, prefixes []string
	for k, a := range n.PrivateIpAddresses {
		if *a.Primary != (k == 0) {
			return "the primary address is not the first"
		}
		private = append(private, *a.PrivateIpAddress)
	}
	for _, p := range n.Ipv4Prefixes {
		prefixes = append(prefixes, *p.Ipv4Prefix)
	}
	for _, p := range n.Ipv6Prefixes {
		prefixes = append(prefixes, *p.Ipv6Prefix)
	}
	six := fmt.Sprint(len(n.Ipv6Addresses))
	if len(n.Ipv6Addresses) > 0 && *n.Ipv6Addresses[0].IsPrimaryIpv6 {
		six += " primary"
	}
	return strings.Join(private, " ") + " / " + six + " / " + strings.Join(prefixes, " ")
}

func TestANewInterfaceHasWhatIsAskedFor(t *testing.T) {
	for _, c := range []struct{ form, want string }{
		{"", "10.0.1.4 / 0 / "},
		{"Ipv6AddressCount=0", "10.0.1.4 / 0 / "},
		{"PrivateIpAddress=10.0.1.77", "10.0.1.77 / 0 / "},
		{"PrivateIpAddresses.1.PrivateIpAddress=10.0.1.78&PrivateIpAddresses.1.Primary=true", "10.0.1.78 / 0 / "},
		{"PrivateIpAddress=10.0.1.77&PrivateIpAddresses.1.PrivateIpAddress=10.0.1.80", "10.0.1.77 10.0.1.80 / 0 / "},
		{"PrivateIpAddresses.1.PrivateIpAddress=10.0.1.4&PrivateIpAddresses.2.PrivateIpAddress=10.0.1.5", "10.0.1.6 10.0.1.4 10.0.1.5 / 0 / "},
		{"SecondaryPrivateIpAddressCount=2", "10.0.1.4 10.0.1.5 10.0.1.6 / 0 / "},
		{"PrivateIpAddress=10.0.1.5&SecondaryPrivateIpAddressCount=2", "10.0.1.5 10.0.1.4 10.0.1.6 / 0 / "},
		{"Ipv4PrefixCount=2", "10.0.1.4 / 0 / 10.0.1.16/28 10.0.1.32/28"},
		{"Ipv4Prefix.1.Ipv4Prefix=10.0.1.64/28", "10.0.1.4 / 0 / 10.0.1.64/28"},
		{"Ipv6AddressCount=2", "10.0.1.4 / 2 / "},
		{"Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::99", "10.0.1.4 / 1 / "},
		{"Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::99&Ipv6Addresses.1.IsPrimaryIpv6=true", "10.0.1.4 / 1 primary / "},
		{"EnablePrimaryIpv6=true", "10.0.1.4 / 1 primary / "},
		{"Ipv6PrefixCount=1", "10.0.1.4 / 0 / 2600:1f18:1:2:1::/80"},
		{"Ipv6Prefix.1.Ipv6Prefix=2600:1f18:1:2:7::/80&Ipv4PrefixCount=1", "10.0.1.4 / 0 / 10.0.1.16/28 2600:1f18:1:2:7::/80"},
	} {
		w := newWorld(t)
		_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
		w.withIPv6(subnet, "2600:1f18:1:2::/64", false)
		made := w.newFace("SubnetId=" + subnet + "&" + c.form)
		if got := shape(made); got != c.want {
			t.Errorf("%s: got %s, want %s", c.form, got, c.want)
		}
		if got := shape(w.face(*made.NetworkInterfaceId)); got != c.want {
			t.Errorf("%s: then %s, want %s", c.form, got, c.want)
		}
	}
	w := newWorld(t)
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	w.withIPv6(subnet, "2600:1f18:1:2::/64", true)
	for form, want := range map[string]int{"": 1, "Ipv6AddressCount=0": 0, "Ipv6AddressCount=3": 3} {
		if got := len(w.newFace("SubnetId=" + subnet + "&" + form).Ipv6Addresses); got != want {
			t.Errorf("where the subnet assigns IPv6 addresses, %q gets %d, want %d", form, got, want)
		}
	}
}

func TestANewInterfaceIsShown(t *testing.T) {
	w := newWorld(t)
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	form := "SubnetId=" + subnet + "&Description=front&ClientToken=t1&InterfaceType=interface&ConnectionTrackingSpecification.UdpTimeout=45" +
		"&TagSpecification.1.ResourceType=network-interface&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a"
	out := do[ec2.CreateNetworkInterfaceOutput](w, "CreateNetworkInterface", form)
	n := w.face(*out.NetworkInterface.NetworkInterfaceId)
	got := text(out.NetworkInterface.Status, *out.ClientToken, n.Status, *n.VpcId, *n.SubnetId, *n.AvailabilityZone, *n.Description, n.InterfaceType, *n.RequesterManaged,
		*n.SourceDestCheck, *n.Groups[0].GroupId, *n.TagSet[0].Value, *n.PrivateDnsName, *n.ConnectionTrackingConfiguration.UdpTimeout,
		n.ConnectionTrackingConfiguration.TcpEstablishedTimeout == nil, n.Attachment == nil, n.Association == nil, n.RequesterId == nil)
	want := text("pending", "t1", "available", vpcID, subnet, "us-east-1a", "front", "interface", false,
		true, group, "a", "ip-10-0-1-4.ec2.internal", 45, true, true, true, true)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again := w.newFace(form); *again.NetworkInterfaceId != *n.NetworkInterfaceId {
		t.Error("the same token made another interface")
	}
	w.refuse("CreateNetworkInterface", form+"&Ipv6AddressCount=0", "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
}

func TestANewInterfaceIsRefused(t *testing.T) {
	w := newWorld(t)
	vpcID, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/27")
	other := *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "AvailabilityZone=us-east-1a&CidrBlock=10.0.2.0/24&VpcId="+vpcID).Subnet.SubnetId
	w.withIPv6(subnet, "2600:1f18:1:2::/64", false)
	w.newFace("SubnetId=" + subnet + "&PrivateIpAddress=10.0.1.7&Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::77")
	def := w.state.As(testScope).DefaultVPC()
	foreign := w.state.As(testScope).DefaultGroup(def.ID).ID
	var many []string
	for n := range 6 {
		g := do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", fmt.Sprintf("GroupName=g%d&GroupDescription=d&VpcId=%s", n, vpcID))
		many = append(many, fmt.Sprintf("SecurityGroupId.%d=%s", n+1, *g.GroupId))
	}
	in := "SubnetId=" + subnet + "&"
	long := strings.Repeat("x", 256)
	for _, c := range []struct{ form, want string }{
		{"", "MissingParameter: The request must contain the parameter SubnetId"},
		{"SubnetId=subnet-0123456789abcdef0", "InvalidSubnetID.NotFound: The subnet ID 'subnet-0123456789abcdef0' does not exist"},
		{in + "SecurityGroupId.1=sg-0123456789abcdef0", "InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist"},
		{in + "SecurityGroupId.1=web", `InvalidGroupId.Malformed: Invalid id: "web" (expecting "sg-...")`},
		{in + "SecurityGroupId.1=" + foreign, "InvalidGroup.NotFound: You have specified two resources that belong to different networks."},
		{in + strings.Join(many, "&"), "SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached."},
		{in + "Description=" + long, "InvalidParameterValue: Value (" + long + ") for parameter description is invalid. Description must be no more than 255 characters."},
		{in + "InterfaceType=efa", "UnsupportedOperation: The interface type efa is not supported."},
		{in + "InterfaceType=lambda", "InvalidParameterValue: Invalid value 'lambda' for InterfaceType."},
		{in + "Operator.Principal=x", "UnsupportedOperation: The parameter Operator is not supported."},
		{in + "PrivateIpAddress=ten", "InvalidParameterValue: invalid value for parameter address: ten"},
		{in + "PrivateIpAddress=2600:1f18:1:2::5", "InvalidParameterValue: invalid value for parameter address: 2600:1f18:1:2::5"},
		{in + "PrivateIpAddress=10.0.2.9", "InvalidParameterValue: Address 10.0.2.9 does not fall within the subnet's address range"},
		{in + "PrivateIpAddress=10.0.1.3", "InvalidParameterValue: Address 10.0.1.3 is in subnet's reserved address range"},
		{in + "PrivateIpAddress=10.0.1.31", "InvalidParameterValue: Address 10.0.1.31 is in subnet's reserved address range"},
		{in + "PrivateIpAddress=10.0.1.7", "InvalidIPAddress.InUse: Address 10.0.1.7 is in use."},
		{in + "PrivateIpAddresses.1.PrivateIpAddress=10.0.1.7", "InvalidIPAddress.InUse: Address 10.0.1.7 is in use."},
		{in + "PrivateIpAddress=10.0.1.8&PrivateIpAddresses.1.PrivateIpAddress=10.0.1.8", "InvalidParameterValue: Value (10.0.1.8) for parameter privateIpAddress is invalid. The address is given more than once."},
		{in + "PrivateIpAddress=10.0.1.8&PrivateIpAddresses.1.PrivateIpAddress=10.0.1.9&PrivateIpAddresses.1.Primary=true", "InvalidParameterCombination: Only one primary private IP address can be specified."},
		{in + "PrivateIpAddresses.1.Primary=true", "MissingParameter: The request must contain the parameter PrivateIpAddresses.PrivateIpAddress"},
		{in + "PrivateIpAddresses.1.PrivateIpAddress=10.0.1.8&SecondaryPrivateIpAddressCount=1", "InvalidParameterCombination: The parameter privateIpAddresses cannot be used with the parameter secondaryPrivateIpAddressCount"},
		{in + "SecondaryPrivateIpAddressCount=1&Ipv4PrefixCount=1", "InvalidParameterCombination: The parameter secondaryPrivateIpAddressCount cannot be used with the parameter ipv4PrefixCount"},
		{in + "SecondaryPrivateIpAddressCount=-1", "InvalidParameterValue: Value (-1) for parameter secondaryPrivateIpAddressCount is invalid. The value must not be negative."},
		{in + "SecondaryPrivateIpAddressCount=50", "PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit."},
		{in + "SecondaryPrivateIpAddressCount=30", "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request."},
		{in + "Ipv4PrefixCount=1", "InsufficientCidrBlocks: The specified subnet does not have enough free cidr blocks to satisfy the request."},
		{in + "Ipv4Prefix.1.Ipv4Prefix=10.0.1.0/28", "InvalidIPAddress.InUse: Prefix 10.0.1.0/28 is in use."},
		{in + "Ipv4Prefix.1.Ipv4Prefix=10.0.2.16/28", "InvalidParameterValue: Prefix 10.0.2.16/28 does not fall within the subnet's address range"},
		{in + "Ipv4Prefix.1.Ipv4Prefix=10.0.1.17/28", "InvalidParameterValue: invalid value for parameter prefix: 10.0.1.17/28"},
		{"SubnetId=" + other + "&Ipv4Prefix.1.Ipv4Prefix=10.0.2.16/28&Ipv4Prefix.2.Ipv4Prefix=10.0.2.16/28", "InvalidParameterValue: Value (10.0.2.16/28) for parameter prefix is invalid. The prefix is given more than once."},
		{"SubnetId=" + other + "&PrivateIpAddress=10.0.2.17&Ipv4Prefix.1.Ipv4Prefix=10.0.2.16/28", "InvalidIPAddress.InUse: Prefix 10.0.2.16/28 is in use."},
		{"SubnetId=" + other + "&Ipv6AddressCount=1", "InvalidParameterValue: The subnet '" + other + "' does not have an IPv6 CIDR block associated with it."},
		{"SubnetId=" + other + "&EnablePrimaryIpv6=true", "InvalidParameterValue: The subnet '" + other + "' does not have an IPv6 CIDR block associated with it."},
		{in + "Ipv6Addresses.1.Ipv6Address=10.0.1.9", "InvalidParameterValue: invalid value for parameter address: 10.0.1.9"},
		{in + "Ipv6Addresses.1.Ipv6Address=2600:1f18:1:3::9", "InvalidParameterValue: Address 2600:1f18:1:3::9 does not fall within the subnet's address range"},
		{in + "Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::1", "InvalidParameterValue: Address 2600:1f18:1:2::1 is in subnet's reserved address range"},
		{in + "Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::77", "InvalidIPAddress.InUse: Address 2600:1f18:1:2::77 is in use."},
		{in + "Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::9&Ipv6Addresses.2.Ipv6Address=2600:1f18:1:2::9", "InvalidParameterValue: Value (2600:1f18:1:2::9) for parameter ipv6Address is invalid. The address is given more than once."},
		{in + "Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::9&Ipv6AddressCount=1", "InvalidParameterCombination: The parameter ipv6Addresses cannot be used with the parameter ipv6AddressCount"},
		{in + "Ipv6AddressCount=51", "PrivateIpAddressLimitExceeded: Number of IPv6 addresses will exceed limit."},
		{in + "Ipv6Prefix.1.Ipv6Prefix=2600:1f18:1:2::/80", "InvalidIPAddress.InUse: Prefix 2600:1f18:1:2::/80 is in use."},
		{in + "ConnectionTrackingSpecification.UdpTimeout=29", "InvalidParameterValue: Value (29) for parameter UdpTimeout is invalid. It must be between 30 and 60 seconds."},
		{in + "TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=a", "InvalidParameterValue: 'subnet' is not a valid taggable resource type for this operation."},
		{in + "ClientToken=" + strings.Repeat("t", 65), "InvalidParameterValue: Value (" + strings.Repeat("t", 65) + ") for parameter clientToken is invalid. It must be up to 64 ASCII characters."},
		{in + "DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		w.refuse("CreateNetworkInterface", c.form, c.want)
	}
	w.edit(func(e *vpc.Edit) {
		e.Quotas.Put(&vpc.Quota{Scope: testScope, Name: vpc.InterfacesPerRegion.Name, Value: 1})
	})
	w.refuse("CreateNetworkInterface", in, "NetworkInterfaceLimitExceeded: You have reached the limit of 1 network interfaces.")
	w.refuse("RunInstances", "ImageId="+testImage+"&MinCount=1&MaxCount=1&SubnetId="+subnet, "NetworkInterfaceLimitExceeded: You have reached the limit of 1 network interfaces.")
}

func TestInterfacesAreDeletedUnlessTheyAreUsed(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	i := w.run("")
	primary := *i.NetworkInterfaces[0].NetworkInterfaceId
	spare := *w.newFace("SubnetId=" + *i.SubnetId).NetworkInterfaceId
	id, _ := w.allocate()
	w.associate("AllocationId=" + id + "&NetworkInterfaceId=" + spare)
	do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", "Permission=INSTANCE-ATTACH&AwsAccountId=444455556666&NetworkInterfaceId="+spare)
	w.refuse("DeleteNetworkInterface", "NetworkInterfaceId="+primary, "InvalidParameterValue: Network interface '"+primary+"' is currently in use.")
	w.refuse("DeleteNetworkInterface", "DryRun=true&NetworkInterfaceId="+spare, "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	do[ec2.DeleteNetworkInterfaceOutput](w, "DeleteNetworkInterface", "NetworkInterfaceId="+spare)
	w.refuse("DeleteNetworkInterface", "NetworkInterfaceId="+spare, "InvalidNetworkInterfaceID.NotFound: The networkInterface ID '"+spare+"' does not exist")
	if a := w.address(id); a.AssociationId != nil || w.state.Permissions.Len() != 0 {
		t.Errorf("it left %+v and %d permissions", a, w.state.Permissions.Len())
	}
}

func TestAnInterfaceOfAGatewayIsAWSs(t *testing.T) {
	w := newWorld(t)
	id := *w.newFace("SubnetId=" + w.defaultSubnet("us-east-1a")).NetworkInterfaceId
	w.edit(func(e *vpc.Edit) {
		face := *e.Interfaces.Get(id)
		face.Owner, face.Type = "nat-1", "nat_gateway"
		e.Interfaces.Put(&face)
	})
	n := w.face(id)
	attachment := *n.Attachment.AttachmentId
	if got, want := text(*n.RequesterManaged, *n.RequesterId, n.Status, n.InterfaceType, *n.Attachment.InstanceOwnerId, n.Attachment.Status, strings.HasPrefix(attachment, "ela-attach-")),
		text(true, testScope.Account, "in-use", "nat_gateway", "amazon-aws", "attached", true); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	const no = "AuthFailure: You do not have permission to access the specified resource."
	instance := *w.run("").InstanceId
	for _, c := range []struct{ action, form, want string }{
		{"DeleteNetworkInterface", "NetworkInterfaceId=" + id, "InvalidParameterValue: Network interface '" + id + "' is currently in use."},
		{"DetachNetworkInterface", "AttachmentId=" + attachment, "OperationNotPermitted: You are not allowed to manage 'ela-attach' attachments."},
		{"AttachNetworkInterface", "DeviceIndex=1&NetworkInterfaceId=" + id + "&InstanceId=" + instance, "InvalidNetworkInterface.InUse: Interface: [" + id + "] in use."},
		{"ModifyNetworkInterfaceAttribute", "Description.Value=x&NetworkInterfaceId=" + id, no},
		{"ResetNetworkInterfaceAttribute", "SourceDestCheck=&NetworkInterfaceId=" + id, no},
		{"AssignPrivateIpAddresses", "SecondaryPrivateIpAddressCount=1&NetworkInterfaceId=" + id, no},
		{"UnassignPrivateIpAddresses", "PrivateIpAddress.1=172.31.0.5&NetworkInterfaceId=" + id, no},
		{"CreateNetworkInterfacePermission", "Permission=INSTANCE-ATTACH&AwsAccountId=444455556666&NetworkInterfaceId=" + id, no},
		{"RunInstances", "MinCount=1&MaxCount=1&ImageId=" + testImage + "&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.NetworkInterfaceId=" + id, no},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	out := do[ec2.DescribeNetworkInterfacesOutput](w, "DescribeNetworkInterfaces", "Filter.1.Name=requester-managed&Filter.1.Value.1=true&Filter.2.Name=interface-type&Filter.2.Value.1="+url.QueryEscape("nat_*"))
	if len(out.NetworkInterfaces) != 1 {
		t.Errorf("%d are found", len(out.NetworkInterfaces))
	}
}
