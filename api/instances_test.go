package api

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"crenel/ec2"
)

// found are the ids that DescribeInstances finds, sorted.
func (w *world) found(form string) (ids []string) {
	w.Helper()
	for _, r := range do[ec2.DescribeInstancesOutput](w, "DescribeInstances", form).Reservations {
		for _, i := range r.Instances {
			ids = append(ids, *i.InstanceId)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestDescribeInstancesFilters(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	a := w.run("InstanceType=t3.micro&ClientToken=tok&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web-1")
	b := w.launch("SubnetId=" + subnet + "&Monitoring.Enabled=true")
	first, second := *a.InstanceId, *b.InstanceId
	face := b.NetworkInterfaces[0]
	for _, c := range []struct{ filter, val, want string }{
		{"instance-id", second, second},
		{"instance-state-name", "running", first},
		{"instance-state-code", "0", second},
		{"instance-type", "t3.*", first},
		{"image-id", testImage, first + second},
		{"vpc-id", vpcID, second},
		{"subnet-id", subnet, second},
		{"availability-zone", "us-east-1a", first + second},
		{"availability-zone-id", "use1-az1", first + second},
		{"private-ip-address", "10.0.1.4", second},
		{"ip-address", "198.18.0.2", first},
		{"dns-name", "ec2-198-18-0-2.*", first},
		{"private-dns-name", "ip-10-0-1-4.ec2.internal", second},
		{"client-token", "tok", first},
		{"tag:Name", "web-?", first},
		{"tag-key", "Name", first},
		{"tag:Name", "db", ""},
		{"monitoring-state", "enabled", second},
		{"instance.group-id", group, second},
		{"instance.group-name", "default", first + second},
		{"network-interface.group-id", group, second},
		{"network-interface.network-interface-id", *face.NetworkInterfaceId, second},
		{"network-interface.attachment.status", "attaching", second},
		{"network-interface.addresses.private-ip-address", "172.31.0.4", first},
		{"network-interface.addresses.association.public-ip", "198.18.0.2", first},
		{"network-interface.association.ip-owner-id", "amazon", first},
		{"network-interface.mac-address", *face.MacAddress, second},
		{"network-interface.vpc-id", vpcID, second},
		{"reservation-id", "r-*", first + second},
		{"owner-id", testScope.Account, first + second},
		{"root-device-type", "ebs", first + second},
		{"launch-time", "2026-11-23T*", first + second},
		{"state-reason-code", "pending", second},
		{"iam-instance-profile.arn", "*", ""},
		{"instance-lifecycle", "spot", ""},
		{"architecture", "x86_64", first + second},
		{"source-dest-check", "true", first + second},
		{"metadata-options.http-tokens", "optional", first + second},
	} {
		got := w.found("Filter.1.Name=" + url.QueryEscape(c.filter) + "&Filter.1.Value.1=" + url.QueryEscape(c.val))
		want := slices.DeleteFunc([]string{first, second}, func(id string) bool { return !strings.Contains(c.want, id) })
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s=%s: got %v, want %v", c.filter, c.val, got, want)
		}
	}
	w.refuse("DescribeInstances", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'colour' is invalid")
	w.refuse("DescribeInstanceStatus", "Filter.1.Name=tag:Name&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'tag:Name' is invalid")
}

func TestDescribeInstancesShowsReservationsAndPages(t *testing.T) {
	w := newWorld(t)
	do[ec2.RunInstancesOutput](w, "RunInstances", "ImageId="+testImage+"&MinCount=7&MaxCount=7")
	w.launch("")
	whole := do[ec2.DescribeInstancesOutput](w, "DescribeInstances", "")
	if len(whole.Reservations) != 2 || whole.NextToken != nil {
		t.Fatalf("got %d reservations", len(whole.Reservations))
	}
	var all []string
	token := ""
	for pages := 1; ; pages++ {
		out := do[ec2.DescribeInstancesOutput](w, "DescribeInstances", "MaxResults=5"+token)
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				all = append(all, *i.InstanceId)
			}
		}
		if out.NextToken == nil {
			if pages != 2 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		token = "&NextToken=" + url.QueryEscape(*out.NextToken)
	}
	slices.Sort(all)
	if got := w.found(""); !slices.Equal(all, got) || len(all) != 8 {
		t.Errorf("the pages hold %v, want %v", all, got)
	}
	w.refuse("DescribeInstances", "MaxResults=5&InstanceId.1="+all[0], "InvalidParameterCombination: The parameter instancesSet cannot be used with the parameter maxResults")
	w.refuse("DescribeInstances", "MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5.")
	w.refuse("DescribeInstances", "InstanceId.1=i-0123456789abcdef0&InstanceId.2="+all[0], "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist")
}

func TestStatusIsOfRunningInstancesUnlessAllAreAsked(t *testing.T) {
	w := newWorld(t)
	pending, running := *w.launch("").InstanceId, *w.run("").InstanceId
	statuses := func(form string) map[string]string {
		got := map[string]string{}
		for _, i := range do[ec2.DescribeInstanceStatusOutput](w, "DescribeInstanceStatus", form).InstanceStatuses {
			detail := ""
			for _, d := range i.InstanceStatus.Details {
				detail += " " + d.Name + " " + d.Status
			}
			if i.InstanceStatus.Status != i.SystemStatus.Status || i.AttachedEbsStatus != nil {
				t.Errorf("%s: %s and %s, volumes %+v", *i.InstanceId, i.InstanceStatus.Status, i.SystemStatus.Status, i.AttachedEbsStatus)
			}
			got[*i.InstanceId] = i.InstanceState.Name + ": " + i.InstanceStatus.Status + detail
		}
		return got
	}
	for _, c := range []struct{ form, pending, running string }{
		{"", "", "running: ok reachability passed"},
		{"IncludeAllInstances=true", "pending: not-applicable", "running: ok reachability passed"},
		{"IncludeAllInstances=true&Filter.1.Name=instance-state-name&Filter.1.Value.1=pending", "pending: not-applicable", ""},
		{"Filter.1.Name=instance-status.reachability&Filter.1.Value.1=passed", "", "running: ok reachability passed"},
		{"InstanceId.1=" + pending, "", ""},
		{"InstanceId.1=" + pending + "&IncludeAllInstances=true", "pending: not-applicable", ""},
	} {
		if got := statuses(c.form); got[pending] != c.pending || got[running] != c.running {
			t.Errorf("%s: got %v", c.form, got)
		}
	}
	w.ask("RebootInstances", running)
	if got := statuses("")[running]; got != "running: initializing reachability initializing" {
		t.Errorf("while it reboots: %s", got)
	}
	w.report(running, HostRunning, 2, "")
	if got := statuses("")[running]; got != "running: ok reachability passed" {
		t.Errorf("after the reboot: %s", got)
	}
	for kind, want := range map[string]int{"t2.micro": 0, "t3.micro": 1} { // of Nitro's only
		id := *w.run("InstanceType=" + kind).InstanceId
		found := do[ec2.DescribeInstanceStatusOutput](w, "DescribeInstanceStatus", "Filter.1.Name=attached-ebs-status.status&Filter.1.Value.1=ok&InstanceId.1="+id).InstanceStatuses
		if len(found) != want {
			t.Errorf("%s: got %+v", kind, found)
		}
	}
	w.refuse("DescribeInstanceStatus", "InstanceId.1=i-0123456789abcdef0", "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist")
	w.refuse("DescribeInstanceStatus", "MaxResults=5&InstanceId.1="+running, "InvalidParameterCombination: The parameter instancesSet cannot be used with the parameter maxResults")
}

// attribute is what DescribeInstanceAttribute shows.
func (w *world) attribute(id, name string) string {
	w.Helper()
	out := do[ec2.DescribeInstanceAttributeOutput](w, "DescribeInstanceAttribute", "InstanceId="+id+"&Attribute="+name)
	for _, v := range []*ec2.AttributeValue{out.InstanceType, out.UserData, out.InstanceInitiatedShutdownBehavior, out.RootDeviceName, out.KernelId} {
		if v != nil {
			return value(v.Value)
		}
	}
	for _, v := range []*ec2.AttributeBooleanValue{out.DisableApiStop, out.DisableApiTermination, out.SourceDestCheck, out.EbsOptimized, out.EnaSupport} {
		if v != nil {
			return fmt.Sprint(*v.Value)
		}
	}
	return strings.Join(each(out.Groups, func(g *ec2.GroupIdentifier) *string { return g.GroupId }), " ")
}

func TestAttributesAreChangedOneAtATime(t *testing.T) {
	w := newWorld(t)
	i := w.run("UserData=YQ%3D%3D&InstanceType=t3.micro")
	id, group := *i.InstanceId, *i.SecurityGroups[0].GroupId
	web := *do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", "GroupName=web&GroupDescription=d").GroupId
	for _, c := range []struct{ attribute, want string }{
		{"instanceType", "t3.micro"}, {"userData", "YQ=="}, {"disableApiTermination", "false"}, {"disableApiStop", "false"}, {"kernel", ""},
		{"instanceInitiatedShutdownBehavior", "stop"}, {"rootDeviceName", "/dev/xvda"}, {"sourceDestCheck", "true"}, {"groupSet", group},
		{"ebsOptimized", "false"}, {"enaSupport", "true"}, {"blockDeviceMapping", ""}, {"productCodes", ""},
	} {
		if got := w.attribute(id, c.attribute); got != c.want {
			t.Errorf("%s: got %q, want %q", c.attribute, got, c.want)
		}
	}
	notStopped := "IncorrectInstanceState: The instance '" + id + "' is not in the 'stopped' state."
	w.refuse("ModifyInstanceAttribute", "InstanceId="+id+"&InstanceType.Value=t3.small", notStopped)
	w.refuse("ModifyInstanceAttribute", "InstanceId="+id+"&UserData.Value=YQ%3D%3D", notStopped)
	w.refuse("ModifyInstanceAttribute", "InstanceId="+id+"&EbsOptimized.Value=true", notStopped)
	w.ask("StopInstances", id)
	w.report(id, HostStopped, 1, "")
	for _, c := range []struct{ form, attribute, want string }{
		{"GroupId.1=" + web + "&GroupId.2=" + group + "&GroupId.3=" + web, "groupSet", web + " " + group},
		{"SourceDestCheck.Value=false", "sourceDestCheck", "false"},
		{"DisableApiTermination.Value=true", "disableApiTermination", "true"},
		{"Attribute=disableApiTermination&Value=false", "disableApiTermination", "false"},
		{"DisableApiStop.Value=true", "disableApiStop", "true"},
		{"InstanceInitiatedShutdownBehavior.Value=terminate", "instanceInitiatedShutdownBehavior", "terminate"},
		{"InstanceType.Value=t3.small", "instanceType", "t3.small"},
		{"Attribute=instanceType&Value=t3.large", "instanceType", "t3.large"},
		{"UserData.Value=Yg%3D%3D", "userData", "Yg=="},
		{"EbsOptimized.Value=true", "ebsOptimized", "true"},
	} {
		do[ec2.ModifyInstanceAttributeOutput](w, "ModifyInstanceAttribute", "InstanceId="+id+"&"+c.form)
		if got := w.attribute(id, c.attribute); got != c.want {
			t.Errorf("%s: got %q, want %q", c.form, got, c.want)
		}
	}
	face := w.instance(id).NetworkInterfaces[0]
	if *face.SourceDestCheck || len(face.Groups) != 2 {
		t.Errorf("the interface is %+v", face)
	}
	_, _, foreign := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	var six []string
	for n := range 6 {
		g := do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", fmt.Sprintf("GroupName=g%d&GroupDescription=d", n))
		six = append(six, fmt.Sprintf("GroupId.%d=%s", n+1, *g.GroupId))
	}
	for _, c := range []struct{ form, want string }{
		{"", "InvalidParameterCombination: No attributes specified."},
		{"SourceDestCheck.Value=true&GroupId.1=" + web, "InvalidParameterCombination: Fields for multiple attribute types specified: groupSet, sourceDestCheck"},
		{"GroupId.1=sg-0123456789abcdef0", "InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist"},
		{"GroupId.1=" + foreign, "InvalidGroup.NotFound: You have specified two resources that belong to different networks."},
		{strings.Join(six, "&"), "SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached."},
		{"InstanceType.Value=x9.huge", "InvalidInstanceAttributeValue: Invalid value 'x9.huge' for InstanceType."},
		{"InstanceInitiatedShutdownBehavior.Value=sleep", "InvalidParameterValue: Invalid value 'sleep' for InstanceInitiatedShutdownBehavior."},
		{"Kernel.Value=aki-1", "UnsupportedOperation: The parameter Kernel is not supported."},
		{"Attribute=colour&Value=red", "InvalidParameterValue: Value (colour) for parameter attribute is invalid. Unknown instance attribute."},
		{"Attribute=sourceDestCheck&Value=perhaps", "InvalidParameterValue: Value (perhaps) for parameter value is invalid. Must be true or false."},
	} {
		w.refuse("ModifyInstanceAttribute", "InstanceId="+id+"&"+c.form, c.want)
	}
	w.refuse("DescribeInstanceAttribute", "InstanceId="+id+"&Attribute=colour", "InvalidParameterValue: Value (colour) for parameter attribute is invalid. Unknown instance attribute.")
	w.refuse("ModifyInstanceAttribute", "InstanceId=i-0123456789abcdef0&SourceDestCheck.Value=true", "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist")
	do[ec2.ModifyInstanceAttributeOutput](w, "ModifyInstanceAttribute", "InstanceId="+id+"&Attribute=userData&Value=")
	if got := w.attribute(id, "userData"); got != "" {
		t.Errorf("the user data is %q", got)
	}
}

func TestTheCreditOptionOutlivesTheType(t *testing.T) {
	w := newWorld(t)
	id := *w.run("InstanceType=t3.micro&CreditSpecification.CpuCredits=standard").InstanceId
	w.ask("StopInstances", id)
	w.report(id, HostStopped, 1, "")
	for _, c := range []struct{ name, want string }{{"t3.small", "standard"}, {"m5.large", ""}, {"t3.large", "unlimited"}, {"t2.micro", "unlimited"}} {
		do[ec2.ModifyInstanceAttributeOutput](w, "ModifyInstanceAttribute", "InstanceId="+id+"&InstanceType.Value="+c.name)
		if got := w.state.Instances.Get(id).CPUCredits; got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestATypeMustHaveRoomForTheInterfaces(t *testing.T) {
	w := newWorld(t)
	i := w.run("InstanceType=t3.small")
	id, subnet := *i.InstanceId, *i.SubnetId
	for index := range 2 {
		w.attach(*w.newFace("SubnetId=" + subnet).NetworkInterfaceId, id, index+1)
	}
	many := *w.run("InstanceType=t3.small&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SecondaryPrivateIpAddressCount=3").InstanceId
	for _, one := range []string{id, many} {
		w.ask("StopInstances", one)
		w.report(one, HostStopped, 1, "")
	}
	w.refuse("ModifyInstanceAttribute", "InstanceType.Value=t3.micro&InstanceId="+id, "AttachmentLimitExceeded: Interface count 3 exceeds the limit for t3.micro")
	w.refuse("ModifyInstanceAttribute", "InstanceType.Value=t3.micro&InstanceId="+many, "PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit.")
	do[ec2.ModifyInstanceAttributeOutput](w, "ModifyInstanceAttribute", "InstanceType.Value=t3.medium&InstanceId="+id)
}

func TestMetadataOptionsAreKept(t *testing.T) {
	w := newWorld(t)
	id := *w.run("").InstanceId
	out := do[ec2.ModifyInstanceMetadataOptionsOutput](w, "ModifyInstanceMetadataOptions", "InstanceId="+id+"&HttpTokens=required&HttpPutResponseHopLimit=2&InstanceMetadataTags=enabled")
	o, shown := out.InstanceMetadataOptions, w.instance(id).MetadataOptions
	if got, want := text(o.HttpTokens, *o.HttpPutResponseHopLimit, o.HttpEndpoint, o.InstanceMetadataTags, shown.HttpTokens, shown.State), text("required", 2, "enabled", "enabled", "required", "applied"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	w.refuse("ModifyInstanceMetadataOptions", "InstanceId="+id+"&HttpPutResponseHopLimit=65", "InvalidParameterValue: Value (65) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64.")
}

// consoles are hosts in a test.
type consoles map[string]string

func (c consoles) Console(id string) ([]byte, time.Time) {
	if c[id] == "" {
		return nil, time.Time{}
	}
	return []byte(c[id]), testNow.Add(time.Minute)
}

func TestConsoleOutputIsWhatTheHostLastSaid(t *testing.T) {
	w := newWorld(t)
	id, silent := *w.run("").InstanceId, *w.run("").InstanceId
	w.hosts = consoles{id: "hello\n"}
	out := do[ec2.GetConsoleOutputOutput](w, "GetConsoleOutput", "InstanceId="+id)
	if got, want := text(*out.InstanceId, *out.Output, *out.Timestamp), text(id, base64.StdEncoding.EncodeToString([]byte("hello\n")), testNow.Add(time.Minute)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out = do[ec2.GetConsoleOutputOutput](w, "GetConsoleOutput", "InstanceId="+silent+"&Latest=true")
	if *out.Output != "" || !out.Timestamp.Equal(testNow) {
		t.Errorf("of a silent one: %q %v", *out.Output, out.Timestamp)
	}
	w.refuse("GetConsoleOutput", "InstanceId=i-0123456789abcdef0", "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist")
}

// Scripts and SDKs find every list that they index, also where it is empty.
func TestAnInstanceOnTheWire(t *testing.T) {
	w := newWorld(t)
	out := do[ec2.DescribeInstancesOutput](w, "DescribeInstances", "InstanceId.1="+*w.run("").InstanceId)
	var b bytes.Buffer
	if err := ec2.Encode(&b, "DescribeInstances", "id", out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"<instanceState><code>16</code><name>running</name></instanceState>", "<tagSet/>", "<productCodes/>",
		"<ipv6AddressesSet/>", "<amiLaunchIndex>0</amiLaunchIndex>", "<launchTime>2026-11-23T12:00:00.000Z</launchTime>", "<monitoring><state>disabled</state></monitoring>"} {
		if !strings.Contains(strings.Join(strings.Fields(b.String()), ""), strings.Join(strings.Fields(part), "")) {
			t.Errorf("%s is not in\n%s", part, &b)
		}
	}
}

// No filter is thrown by what an instance or an image does not have.
func TestEveryFilterCanBeAskedOfEverything(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	w.run("")
	w.run("NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.AssociatePublicIpAddress=false")
	gone := *w.run("NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.DeleteOnTermination=false").InstanceId
	w.ask("TerminateInstances", gone)
	w.report(gone, HostStopped, 1, "")
	for action, names := range map[string][]string{
		"DescribeInstances":         slices.Collect(maps.Keys(instanceFilters)),
		"DescribeNetworkInterfaces": slices.Collect(maps.Keys(interfaceFilters)),
		"DescribeInstanceStatus":    slices.Collect(maps.Keys(statusListing.filters)),
		"DescribeImages":            slices.Collect(maps.Keys(imageFilters)),
		"DescribeInstanceTypes":     slices.Collect(maps.Keys(instanceTypeListing.filters)),
		"DescribeVolumes":           slices.Collect(maps.Keys(volumeListing.filters)),
		"DescribeAvailabilityZones": slices.Collect(maps.Keys(zoneFilters)),
	} {
		for _, name := range names {
			if name == byTag {
				name += "Name"
			}
			for _, val := range []string{"*", "nothing"} {
				if _, err := w.try(action, "Filter.1.Name="+url.QueryEscape(name)+"&Filter.1.Value.1="+url.QueryEscape(val)); err != nil {
					t.Errorf("%s %s: %v", action, name, err)
				}
			}
		}
	}
}

// Instances are named as their subnet or their launch wants it.
func TestTheNamesOfInstances(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	for _, form := range []string{"PrivateDnsHostnameTypeOnLaunch=resource-name", "EnableResourceNameDnsARecordOnLaunch.Value=true"} {
		do[ec2.ModifySubnetAttributeOutput](w, "ModifySubnetAttribute", "SubnetId="+subnet+"&"+form)
	}
	for _, c := range []struct{ form, want string }{
		{"", "resource-name true false, by id: true"},
		{"PrivateDnsNameOptions.HostnameType=ip-name", "ip-name true false, by id: false"},
		{"PrivateDnsNameOptions.EnableResourceNameDnsARecord=false&PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord=true", "resource-name false true, by id: true"},
	} {
		i := do[ec2.RunInstancesOutput](w, "RunInstances", "ImageId="+testImage+"&MinCount=1&MaxCount=1&SubnetId="+subnet+"&"+c.form).Instances[0]
		o := i.PrivateDnsNameOptions
		got := fmt.Sprintf("%s %v %v, by id: %v", o.HostnameType, *o.EnableResourceNameDnsARecord, *o.EnableResourceNameDnsAAAARecord, *i.PrivateDnsName == *i.InstanceId+".ec2.internal")
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.form, got, c.want)
		}
	}
}
