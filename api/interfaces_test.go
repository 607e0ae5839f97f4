package api

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
)

func TestDescribeNetworkInterfacesFilters(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	a, b := w.run("TagSpecification.1.ResourceType=network-interface&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"), w.launch("SubnetId="+subnet)
	first, second := a.NetworkInterfaces[0], b.NetworkInterfaces[0]
	for _, c := range []struct{ filter, val, want string }{
		{"network-interface-id", *first.NetworkInterfaceId, "first"},
		{"group-id", group, "second"},
		{"group-id", group[:10] + "*", "second"},
		{"subnet-id", subnet, "second"},
		{"vpc-id", vpcID, "second"},
		{"vpc-id", "vpc-0123456789abcdef0", ""},
		{"attachment.instance-id", *a.InstanceId, "first"},
		{"attachment.attachment-id", *second.Attachment.AttachmentId, "second"},
		{"attachment.status", "attached", "first"},
		{"attachment.device-index", "0", "first second"},
		{"attachment.delete-on-termination", "true", "first second"},
		{"attachment.instance-owner-id", testScope.Account, "first second"},
		{"addresses.private-ip-address", "10.0.1.4", "second"},
		{"private-ip-address", "172.31.0.4", "first"},
		{"association.public-ip", "198.18.0.2", "first"},
		{"association.ip-owner-id", "amazon", "first"},
		{"association.allocation-id", "*", ""},
		{"availability-zone", "us-east-1a", "first second"},
		{"description", "", "first second"},
		{"interface-type", "interface", "first second"},
		{"mac-address", *second.MacAddress, "second"},
		{"private-dns-name", "ip-10-0-1-4*", "second"},
		{"requester-managed", "true", ""},
		{"source-dest-check", "true", "first second"},
		{"status", "in-use", "first second"},
		{"status", "available", ""},
		{"tag:Name", "x", "first"},
		{"owner-id", testScope.Account, "first second"},
	} {
		out := do[ec2.DescribeNetworkInterfacesOutput](w, "DescribeNetworkInterfaces", "Filter.1.Name="+url.QueryEscape(c.filter)+"&Filter.1.Value.1="+url.QueryEscape(c.val))
		var got []string
		for _, i := range out.NetworkInterfaces {
			if *i.NetworkInterfaceId == *first.NetworkInterfaceId {
				got = append(got, "first")
			} else {
				got = append(got, "second")
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s=%s: got %v, want %s", c.filter, c.val, got, c.want)
		}
	}
	w.refuse("DescribeNetworkInterfaces", "NetworkInterfaceId.1=eni-0123456789abcdef0", "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist")
	w.refuse("DescribeNetworkInterfaces", "NetworkInterfaceId.1=i-1", `InvalidNetworkInterfaceId.Malformed: Invalid id: "i-1" (expecting "eni-...")`)
	w.refuse("DescribeNetworkInterfaces", "MaxResults=5&NetworkInterfaceId.1="+*first.NetworkInterfaceId, "InvalidParameterCombination: The parameter networkInterfaceIdSet cannot be used with the parameter maxResults")
	w.refuse("DescribeNetworkInterfaces", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'colour' is invalid")
}

func TestInterfaceAttributesAreChangedOneAtATime(t *testing.T) {
	w := newWorld(t)
	i := w.run("")
	face := i.NetworkInterfaces[0]
	id, attachment := *face.NetworkInterfaceId, *face.Attachment.AttachmentId
	web := *do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", "GroupName=web&GroupDescription=d").GroupId
	_, _, foreign := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	modify := func(form string) {
		t.Helper()
		do[ec2.ModifyNetworkInterfaceAttributeOutput](w, "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId="+id+"&"+form)
	}
	attribute := func(name string) *ec2.DescribeNetworkInterfaceAttributeOutput {
		t.Helper()
		return do[ec2.DescribeNetworkInterfaceAttributeOutput](w, "DescribeNetworkInterfaceAttribute", "NetworkInterfaceId="+id+"&Attribute="+name)
	}
	modify("Description.Value=front")
	if got := *attribute("description").Description.Value; got != "front" {
		t.Errorf("the description is %q", got)
	}
	modify("SourceDestCheck.Value=false")
	if *attribute("sourceDestCheck").SourceDestCheck.Value {
		t.Error("the check is on")
	}
	modify("SecurityGroupId.1=" + web)
	if got := attribute("groupSet").Groups; len(got) != 1 || *got[0].GroupId != web || *got[0].GroupName != "web" {
		t.Errorf("the groups are %+v", got)
	}
	modify("Attachment.AttachmentId=" + attachment + "&Attachment.DeleteOnTermination=false")
	if got := attribute("attachment").Attachment; *got.DeleteOnTermination || *got.InstanceId != *i.InstanceId || got.Status != "attached" {
		t.Errorf("the attachment is %+v", got)
	}
	if *w.instance(*i.InstanceId).SourceDestCheck || *w.instance(*i.InstanceId).SecurityGroups[0].GroupId != web {
		t.Error("the instance does not show what its interface has")
	}
	for _, c := range []struct{ form, want string }{
		{"", "InvalidParameterCombination: No attributes specified."},
		{"Description.Value=a&SourceDestCheck.Value=true", "InvalidParameterCombination: Fields for multiple attribute types specified: description, sourceDestCheck"},
		{"SecurityGroupId.1=sg-0123456789abcdef0", "InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist"},
		{"SecurityGroupId.1=" + foreign, "InvalidGroup.NotFound: You have specified two resources that belong to different networks."},
		{"Attachment.AttachmentId=eni-attach-1&Attachment.DeleteOnTermination=true", "InvalidAttachmentID.NotFound: The network interface attachment ID 'eni-attach-1' does not exist"},
		{"Attachment.AttachmentId=" + attachment, "MissingParameter: The request must contain the parameter Attachment.DeleteOnTermination"},
		{"ConnectionTrackingSpecification.UdpTimeout=61", "InvalidParameterValue: Value (61) for parameter UdpTimeout is invalid. It must be between 30 and 60 seconds."},
		{"ConnectionTrackingSpecification.UdpStreamTimeout=59", "InvalidParameterValue: Value (59) for parameter UdpStreamTimeout is invalid. It must be between 60 and 180 seconds."},
		{"ConnectionTrackingSpecification.TcpEstablishedTimeout=432001", "InvalidParameterValue: Value (432001) for parameter TcpEstablishedTimeout is invalid. It must be between 60 and 432000 seconds."},
		{"EnaSrdSpecification.EnaSrdEnabled=true", "UnsupportedOperation: The parameter EnaSrdSpecification is not supported."},
		{"AssociatedSubnetId.1=subnet-1", "UnsupportedOperation: The parameter AssociatedSubnetId is not supported."},
		{"EnablePrimaryIpv6=true", "InvalidParameterValue: Value (true) for parameter enablePrimaryIpv6 is invalid. The network interface '" + id + "' has no IPv6 address."},
		{"Description.Value=" + strings.Repeat("x", 256), "InvalidParameterValue: Value (" + strings.Repeat("x", 256) + ") for parameter description is invalid. Description must be no more than 255 characters."},
	} {
		w.refuse("ModifyNetworkInterfaceAttribute", "NetworkInterfaceId="+id+"&"+c.form, c.want)
	}
	w.refuse("ModifyNetworkInterfaceAttribute", "NetworkInterfaceId=eni-0123456789abcdef0&Description.Value=a", "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist")
	w.refuse("DescribeNetworkInterfaceAttribute", "Attribute=colour&NetworkInterfaceId="+id, "InvalidParameterValue: Value (colour) for parameter attribute is invalid. Unknown network interface attribute.")
}

func TestNamesFollowFromAddresses(t *testing.T) {
	a := netip.MustParseAddr("10.0.1.17")
	if got := PrivateDNSName("us-east-1", a); got != "ip-10-0-1-17.ec2.internal" {
		t.Error(got)
	}
	if got := PrivateDNSName("eu-west-1", a); got != "ip-10-0-1-17.eu-west-1.compute.internal" {
		t.Error(got)
	}
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	scope := testScope
	scope.Region = "eu-west-1"
	i := w.as(scope).launch("")
	if *i.PublicDnsName != "ec2-198-18-0-2.eu-west-1.compute.amazonaws.com" {
		t.Error(*i.PublicDnsName)
	}
}

func TestAGroupInUseCannotBeDeleted(t *testing.T) {
	w := newWorld(t)
	web := *do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", "GroupName=web&GroupDescription=d").GroupId
	id := *w.run("SecurityGroupId.1=" + web).InstanceId
	w.refuse("DeleteSecurityGroup", "GroupId="+web, "DependencyViolation: resource "+web+" has a dependent object")
	w.ask("TerminateInstances", id)
	w.report(id, HostStopped, 1, "")
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+web)
}
