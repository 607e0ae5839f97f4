package api

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"crenel/ec2"
	"crenel/vpc"
)

const testImage = "ami-0123456789abcdef0" // well-formed and in no list

// edit changes the world as the controller does, without a request.
func (w *world) edit(change func(*vpc.Edit)) {
	w.Helper()
	e := w.state.Edit(vpc.Scope{}, testNow, rand.Reader)
	change(e)
	next, err := w.state.With(w.state.Revision+1, e.Changes())
	if err != nil {
		w.Fatal(err)
	}
	w.state = next
}

// pool gives the world public addresses.
func (w *world) pool(cidr string) {
	w.edit(func(e *vpc.Edit) {
		c := e.Cell()
		c.Public = netip.MustParsePrefix(cidr)
		e.Cells.Put(&c)
	})
}

// launch runs one instance and returns it as the answer shows it.
func (w *world) launch(form string) ec2.Instance {
	w.Helper()
	if !strings.Contains(form, "ImageId=") {
		form += "&ImageId=" + testImage
	}
	return do[ec2.RunInstancesOutput](w, "RunInstances", "MinCount=1&MaxCount=1&"+form).Instances[0]
}

// instance is the instance as DescribeInstances shows it.
func (w *world) instance(id string) ec2.Instance {
	w.Helper()
	out := do[ec2.DescribeInstancesOutput](w, "DescribeInstances", "InstanceId.1="+id)
	return out.Reservations[0].Instances[0]
}

// report says what the host says.
func (w *world) report(id string, state HostState, boots int, detail string) {
	w.Helper()
	w.edit(func(e *vpc.Edit) { Report(e, HostReport{Instance: id, State: state, Boots: boots, Detail: detail}) })
}

// run launches an instance and lets it run.
func (w *world) run(form string) ec2.Instance {
	w.Helper()
	id := *w.launch(form).InstanceId
	w.report(id, HostRunning, 1, "")
	return w.instance(id)
}

// testVPC makes a VPC with a subnet, and returns their ids and those of the VPC's default group.
func (w *world) testVPC(cidr, subnetCIDR string) (vpcID, subnet, group string) {
	w.Helper()
	vpcID = *do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock="+cidr).Vpc.VpcId
	subnet = *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "AvailabilityZone=us-east-1a&CidrBlock="+subnetCIDR+"&VpcId="+vpcID).Subnet.SubnetId
	groups := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "Filter.1.Name=vpc-id&Filter.1.Value.1="+vpcID)
	return vpcID, subnet, *groups.SecurityGroups[0].GroupId
}

// defaultSubnet is the id of the default VPC's subnet in the zone.
func (w *world) defaultSubnet(zone string) string {
	w.Helper()
	for s := range w.state.As(w.scope).Subnets.By("scope", w.scope.Key()) {
		if s.Zone == zone && s.DefaultZone {
			return s.ID
		}
	}
	w.Fatal("no default subnet in " + zone)
	return ""
}

func TestALaunchInTheDefaultVPCIsPublicAndInTheDefaultGroup(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	out := do[ec2.RunInstancesOutput](w, "RunInstances", "ImageId="+testImage+"&MinCount=2&MaxCount=2&ClientToken=t-1")
	if len(out.Instances) != 2 || *out.OwnerId != testScope.Account || !strings.HasPrefix(*out.ReservationId, "r-") {
		t.Fatalf("got %+v", out)
	}
	v := w.state.As(testScope).DefaultVPC()
	i := out.Instances[1]
	face := i.NetworkInterfaces[0]
	got := text(i.State.Name, *i.State.Code, *i.StateReason.Code, *i.StateReason.Message, *i.StateTransitionReason, i.InstanceType,
		*i.AmiLaunchIndex, *i.Placement.AvailabilityZone, *i.Placement.AvailabilityZoneId, i.Placement.Tenancy, *i.SubnetId, *i.VpcId,
		*i.PrivateIpAddress, *i.PrivateDnsName, *i.PublicIpAddress, *i.PublicDnsName, *i.SecurityGroups[0].GroupName, *i.SourceDestCheck,
		i.Monitoring.State, i.MetadataOptions.State, *i.ClientToken, *i.LaunchTime, i.Architecture, *i.RootDeviceName,
		face.Status, face.Attachment.Status, *face.Attachment.DeleteOnTermination, *face.Attachment.DeviceIndex,
		*face.Association.IpOwnerId, *face.Association.PublicIp, *face.PrivateIpAddresses[0].Primary, *face.PrivateIpAddresses[0].Association.PublicIp)
	want := text("pending", 0, "pending", "pending", "", "m1.small",
		1, "us-east-1a", "use1-az1", "default", w.defaultSubnet("us-east-1a"), v.ID,
		"172.31.0.5", "ip-172-31-0-5.ec2.internal", "198.18.0.3", "ec2-198-18-0-3.compute-1.amazonaws.com", "default", true,
		"disabled", "pending", "t-1", testNow, "x86_64", "/dev/xvda",
		"in-use", "attaching", true, 0,
		"amazon", "198.18.0.3", true, "198.18.0.3")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if mac := *face.MacAddress; len(mac) != 17 || !strings.HasPrefix(mac, "0a:") {
		t.Errorf("the MAC is %s", mac)
	}
	stored := w.state.Instances.Get(*i.InstanceId)
	if stored.Boots != 1 || stored.Booted != 0 || stored.Shutdown != "stop" {
		t.Errorf("stored %+v", stored)
	}
	nums := map[uint32]bool{}
	for f := range w.state.Interfaces.All() {
		nums[f.Num] = true
	}
	if len(nums) != 2 {
		t.Errorf("the interfaces have the numbers %v", nums)
	}
}

func TestPublicAddressesAreGivenWhereSomethingSaysSo(t *testing.T) {
	for _, c := range []struct{ name, pool, form, want string }{
		{"a default subnet says so", "198.18.0.0/29", "", "198.18.0.2"},
		{"the request says no", "198.18.0.0/29", "NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.AssociatePublicIpAddress=false", ""},
		{"another subnet does not", "198.18.0.0/29", "SubnetId=other", ""},
		{"the request says so in another subnet", "198.18.0.0/29", "NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId=other&NetworkInterface.1.AssociatePublicIpAddress=true", "198.18.0.2"},
		{"there is no pool", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.pool != "" {
				w.pool(c.pool)
			}
			_, other, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
			i := w.launch(strings.ReplaceAll(c.form, "other", other))
			if got := value(i.PublicIpAddress); got != c.want {
				t.Errorf("got the public address %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnExhaustedPoolRefusesTheLaunch(t *testing.T) {
	const none = "InsufficientAddressCapacity: Not enough available addresses to satisfy your minimum request. Reduce the number of addresses you are requesting or wait for additional capacity to become available."
	w := newWorld(t)
	w.refuse("RunInstances", "ImageId="+testImage+"&MinCount=1&MaxCount=1&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.AssociatePublicIpAddress=true", none)
	w.pool("198.18.0.0/29") // 2 … 6
	do[ec2.RunInstancesOutput](w, "RunInstances", "ImageId="+testImage+"&MinCount=5&MaxCount=5")
	w.refuse("RunInstances", "ImageId="+testImage+"&MinCount=1&MaxCount=1", none)
}

func TestALaunchInASubnetTakesItsAddressesAndGroups(t *testing.T) {
	w := newWorld(t)
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	web := *do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", "GroupName=web&GroupDescription=d&VpcId="+vpcID).GroupId
	i := w.launch("SubnetId=" + subnet + "&PrivateIpAddress=10.0.1.77&SecurityGroupId.1=" + web + "&SecurityGroupId.2=" + group + "&SecurityGroupId.3=" + web +
		"&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a" +
		"&TagSpecification.2.ResourceType=network-interface&TagSpecification.2.Tag.1.Key=Name&TagSpecification.2.Tag.1.Value=b")
	got := text(*i.PrivateIpAddress, *i.PrivateDnsName, *i.PublicDnsName, *i.SecurityGroups[0].GroupId, *i.SecurityGroups[1].GroupId, len(i.SecurityGroups), *i.Tags[0].Value)
	want := text("10.0.1.77", "ip-10-0-1-77.ec2.internal", "", web, group, 2, "a")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	face := do[ec2.DescribeNetworkInterfacesOutput](w, "DescribeNetworkInterfaces", "Filter.1.Name=attachment.instance-id&Filter.1.Value.1="+*i.InstanceId).NetworkInterfaces[0]
	if *face.TagSet[0].Value != "b" || *face.Groups[0].GroupName != "web" {
		t.Errorf("the interface is %+v", face)
	}
	next := w.launch("SubnetId=" + subnet + "&SecurityGroupId.1=web") // a name passes for an id
	if *next.PrivateIpAddress != "10.0.1.4" || *next.SecurityGroups[0].GroupId != web {
		t.Errorf("the next one is at %s in %s", *next.PrivateIpAddress, *next.SecurityGroups[0].GroupId)
	}
	byName := w.launch("SecurityGroup.1=default")
	if *byName.SecurityGroups[0].GroupName != "default" || *byName.VpcId == vpcID {
		t.Errorf("launched by name into %s", *byName.VpcId)
	}
	inside := w.launch("NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId=" + subnet + "&NetworkInterface.1.SecurityGroupId.1=" + web +
		"&NetworkInterface.1.PrivateIpAddresses.1.PrivateIpAddress=10.0.1.9&NetworkInterface.1.PrivateIpAddresses.1.Primary=true" +
		"&NetworkInterface.1.Description=front&NetworkInterface.1.DeleteOnTermination=false")
	f := inside.NetworkInterfaces[0]
	if *f.PrivateIpAddress != "10.0.1.9" || *f.Description != "front" || *f.Attachment.DeleteOnTermination {
		t.Errorf("the interface of the request is %+v", f)
	}
}

func TestALaunchIsRefused(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/28")
	def := w.state.As(testScope).DefaultVPC()
	defGroup := w.state.As(testScope).DefaultGroup(def.ID).ID
	w.launch("SubnetId=" + subnet + "&PrivateIpAddress=10.0.1.7")
	var many []string
	for n := range 6 {
		g := do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", fmt.Sprintf("GroupName=g%d&GroupDescription=d&VpcId=%s", n, vpcID))
		many = append(many, fmt.Sprintf("SecurityGroupId.%d=%s", n+1, *g.GroupId))
	}
	arm := images[1].id("us-east-1")
	if images[1].arch != "arm64" {
		t.Fatal("the second image is not for arm64")
	}
	face := "NetworkInterface.1.DeviceIndex=0"
	for _, c := range []struct{ form, want string }{
		{"ImageId=", "MissingParameter: The request must contain the parameter ImageId"},
		{"ImageId=ami-xyz", `InvalidAMIID.Malformed: Invalid id: "ami-xyz" (expecting "ami-...")`},
		{"InstanceType=foo", "InvalidParameterValue: Invalid value 'foo' for InstanceType."},
		{"ImageId=" + arm + "&InstanceType=t3.micro", "InvalidParameterValue: The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI."},
		{"MaxCount=0", "InvalidParameterValue: Maximum instance count must be greater than zero"},
		{"MinCount=0", "InvalidParameterValue: Minimum instance count must be greater than zero"},
		{"MinCount=3&MaxCount=2", "InvalidParameterValue: Maximum instance count must not be smaller than minimum instance count"},
		{"MinCount=1001&MaxCount=1001", "InstanceLimitExceeded: You have requested more instances (1002) than your current instance limit of 1000 allows for the specified instance type."},
		{"KeyName=nobody", "InvalidKeyPair.NotFound: The key pair 'nobody' does not exist"},
		{"UserData=%2A%2A", "InvalidUserData.Malformed: Invalid BASE64 encoding of user data"},
		{"UserData=" + url.QueryEscape(base64.StdEncoding.EncodeToString(make([]byte, 16385))), "InvalidUserData.Malformed: User data is limited to 16384 bytes."},
		{"InstanceInitiatedShutdownBehavior=hibernate", "InvalidParameterValue: Invalid value 'hibernate' for InstanceInitiatedShutdownBehavior."},
		{"SubnetId=subnet-0123456789abcdef0", "InvalidSubnetID.NotFound: The subnet ID 'subnet-0123456789abcdef0' does not exist"},
		{"SubnetId=" + subnet + "&Placement.AvailabilityZone=us-east-1b", "InvalidParameterValue: Value (us-east-1b) for parameter availabilityZone is invalid. Subnet '" + subnet + "' is in the availability zone us-east-1a"},
		{"Placement.AvailabilityZone=eu-west-1a", "InvalidParameterValue: Invalid availability zone: [eu-west-1a]"},
		{"Placement.Tenancy=dedicated", "UnsupportedOperation: The parameter Placement.Tenancy is not supported."},
		{"SecurityGroupId.1=sg-0123456789abcdef0", "InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist in VPC '" + def.ID + "'"},
		{"SecurityGroupId.1=" + group, "InvalidParameter: Security group " + group + " and subnet " + w.defaultSubnet("us-east-1a") + " belong to different networks."},
		{"SubnetId=" + subnet + "&SecurityGroupId.1=" + defGroup, "InvalidParameter: Security group " + defGroup + " and subnet " + subnet + " belong to different networks."},
		{"SubnetId=" + subnet + "&SecurityGroup.1=default", "InvalidParameterCombination: The parameter groupName cannot be used with the parameter subnet"},
		{"SecurityGroup.1=nobody", "InvalidGroup.NotFound: The security group 'nobody' does not exist in default VPC '" + def.ID + "'"},
		{"SubnetId=" + subnet + "&" + strings.Join(many, "&"), "SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached."},
		{"SubnetId=" + subnet + "&PrivateIpAddress=10.0.2.7", "InvalidParameterValue: Address 10.0.2.7 does not fall within the subnet's address range"},
		{"SubnetId=" + subnet + "&PrivateIpAddress=10.0.1.3", "InvalidParameterValue: Address 10.0.1.3 is in subnet's reserved address range"},
		{"SubnetId=" + subnet + "&PrivateIpAddress=10.0.1.15", "InvalidParameterValue: Address 10.0.1.15 is in subnet's reserved address range"},
		{"SubnetId=" + subnet + "&PrivateIpAddress=10.0.1.7", "InvalidIPAddress.InUse: Address 10.0.1.7 is in use."},
		{"SubnetId=" + subnet + "&PrivateIpAddress=ten", "InvalidParameterValue: invalid value for parameter address: ten"},
		{"SubnetId=" + subnet + "&PrivateIpAddress=10.0.1.8&MaxCount=2", "InvalidParameterCombination: A private IP address may not be specified when launching more than one instance"},
		{"SubnetId=" + subnet + "&MinCount=11&MaxCount=11", "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request."},
		{face + "&SubnetId=" + subnet, "InvalidParameterCombination: Network interfaces and an instance-level subnet ID may not be specified on the same request"},
		{face + "&SecurityGroupId.1=" + group, "InvalidParameterCombination: Network interfaces and an instance-level security groups may not be specified on the same request"},
		{face + "&PrivateIpAddress=10.0.1.8", "InvalidParameterCombination: Network interfaces and an instance-level private IP address may not be specified on the same request"},
		{"NetworkInterface.1.SubnetId=" + subnet, "InvalidParameterValue: Each network interface requires a device index."},
		{face + "&NetworkInterface.2.DeviceIndex=1&NetworkInterface.1.AssociatePublicIpAddress=true", "InvalidParameterCombination: The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces"},
		{"TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=a", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"ClientToken=" + strings.Repeat("x", 65), "InvalidParameterValue: Value (" + strings.Repeat("x", 65) + ") for parameter clientToken is invalid. It must be up to 64 ASCII characters."},
		{"MetadataOptions.HttpTokens=never", "InvalidParameterValue: Invalid value 'never' for HttpTokens."},
		{"InstanceType=t3.micro&CreditSpecification.CpuCredits=some", "InvalidParameterValue: Value (some) for parameter CpuCredits is invalid. Valid values are: standard, unlimited."},
		{"DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		form, err := url.ParseQuery("ImageId=" + testImage + "&MinCount=1&MaxCount=1")
		if err != nil {
			t.Fatal(err)
		}
		given, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range given {
			form[name] = v
		}
		w.refuse("RunInstances", form.Encode(), c.want)
	}
	if n := w.state.Instances.Len(); n != 1 {
		t.Errorf("there are %d instances", n)
	}
}

func TestAsManyAsThereIsRoomForAreLaunchedAboveTheMinimum(t *testing.T) {
	w := newWorld(t)
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/28")
	out := do[ec2.RunInstancesOutput](w, "RunInstances", "ImageId="+testImage+"&MinCount=3&MaxCount=99&SubnetId="+subnet)
	if len(out.Instances) != 11 {
		t.Errorf("launched %d, want the 11 that a /28 holds", len(out.Instances))
	}
}

func TestWithoutADefaultVPCASubnetIsNeeded(t *testing.T) {
	w := newWorld(t)
	form := "ImageId=" + testImage + "&MinCount=1&MaxCount=1"
	v := w.state.As(testScope).DefaultVPC()
	w.launch("") // stores the Region
	drop := func(zone string) {
		w.edit(func(e *vpc.Edit) { e.Subnets.Delete(w.defaultSubnet(zone)) })
	}
	drop("us-east-1b")
	w.refuse("RunInstances", form+"&Placement.AvailabilityZone=us-east-1b", "InvalidInput: No default subnet for availability zone: 'us-east-1b'.")
	for _, zone := range []string{"a", "c", "d", "e", "f"} {
		drop("us-east-1" + zone)
	}
	w.refuse("RunInstances", form, "MissingInput: No subnets found for the default VPC '"+v.ID+"'. Please specify a subnet.")
	w.edit(func(e *vpc.Edit) { e.VPCs.Delete(v.ID) })
	w.refuse("RunInstances", form, "VPCIdNotSpecified: No default VPC for this user")
	w.refuse("RunInstances", form+"&SecurityGroup.1=web", "VPCIdNotSpecified: No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
}

func TestAClientTokenLaunchesOnce(t *testing.T) {
	w := newWorld(t)
	form := "ImageId=" + testImage + "&MinCount=2&MaxCount=2&ClientToken=abc"
	first := do[ec2.RunInstancesOutput](w, "RunInstances", form)
	again := do[ec2.RunInstancesOutput](w, "RunInstances", form)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second answer differs:\n%s", diff)
	}
	w.refuse("RunInstances", form+"&InstanceType=t3.micro", "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
	elsewhere := do[ec2.RunInstancesOutput](w.as(vpc.Scope{Account: testScope.Account, Region: "eu-west-1"}), "RunInstances", form)
	if *elsewhere.ReservationId == *first.ReservationId {
		t.Error("the token of another Region counted")
	}
	for _, i := range first.Instances {
		do[ec2.TerminateInstancesOutput](w, "TerminateInstances", "InstanceId.1="+*i.InstanceId)
		w.report(*i.InstanceId, HostStopped, 0, "")
	}
	w.refuse("RunInstances", form, "IdempotentInstanceTerminated: The client token you have provided is associated with a terminated instance. Please use a different client token.")
	if n := w.state.Instances.Len(); n != 2 {
		t.Errorf("there are %d instances", n)
	}
}

func TestWhatMakesNoDifferenceIsKeptAndShown(t *testing.T) {
	w := newWorld(t)
	do[ec2.CreateKeyPairOutput](w, "CreateKeyPair", "KeyName=me&KeyType=ed25519")
	i := w.launch("KeyName=me&InstanceType=t3.micro&Monitoring.Enabled=true&EbsOptimized=true&CreditSpecification.CpuCredits=standard" +
		"&MetadataOptions.HttpTokens=required&MetadataOptions.HttpPutResponseHopLimit=3&Placement.AvailabilityZone=us-east-1c&Placement.Tenancy=default" +
		"&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.VolumeSize=20&DisableApiTermination=true&DisableApiStop=true" +
		"&InstanceInitiatedShutdownBehavior=terminate&UserData=IyEvYmluL3NoCg%3D%3D&SubnetId=&PrivateDnsNameOptions.HostnameType=ip-name")
	got := text(*i.KeyName, i.InstanceType, i.Monitoring.State, *i.EbsOptimized, i.MetadataOptions.HttpTokens, *i.MetadataOptions.HttpPutResponseHopLimit,
		*i.Placement.AvailabilityZone, *i.CpuOptions.CoreCount, *i.CpuOptions.ThreadsPerCore)
	if want := text("me", "t3.micro", "enabled", true, "required", 3, "us-east-1c", 1, 2); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	stored := w.state.Instances.Get(*i.InstanceId)
	if got, want := text(stored.KeepAPI, stored.KeepRunning, stored.Shutdown, stored.UserData, stored.CPUCredits), text(true, true, "terminate", "IyEvYmluL3NoCg==", "standard"); got != want {
		t.Errorf("stored\n%s\nwant\n%s", got, want)
	}
	credits := do[ec2.DescribeInstanceCreditSpecificationsOutput](w, "DescribeInstanceCreditSpecifications", "InstanceId.1="+*i.InstanceId)
	if *credits.InstanceCreditSpecifications[0].CpuCredits != "standard" {
		t.Errorf("credits %+v", credits)
	}
	if arm := w.launch("ImageId=" + images[1].id("us-east-1")); arm.Architecture != "arm64" || arm.InstanceType != "t4g.small" {
		t.Errorf("an image for arm64 runs on %s", arm.InstanceType)
	}
	al2023 := w.launch("ImageId=" + images[0].id("us-east-1"))
	if *al2023.ImageId != images[0].id("us-east-1") || al2023.MetadataOptions.HttpTokens != "required" || *al2023.MetadataOptions.HttpPutResponseHopLimit != 2 {
		t.Errorf("Amazon Linux 2023 has %+v", al2023.MetadataOptions)
	}
}
