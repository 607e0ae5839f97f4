package api

import (
	"net/url"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

func TestASecondInterfaceIsAttachedAndDetached(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	i := w.run("InstanceType=t3.small")
	id := *i.InstanceId
	spare := w.newFace("SubnetId=" + *i.SubnetId)
	face := *spare.NetworkInterfaceId
	attachment := w.attach(face, id, 3)
	n := w.face(face)
	got := text(n.Status, n.Attachment.Status, *n.Attachment.AttachmentId, *n.Attachment.InstanceId, *n.Attachment.InstanceOwnerId, *n.Attachment.DeviceIndex,
		*n.Attachment.NetworkCardIndex, *n.Attachment.DeleteOnTermination, *n.Attachment.AttachTime)
	if want := text("in-use", "attached", attachment, id, testScope.Account, 3, 0, false, testNow); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	shown := w.instance(id)
	if got, want := text(len(shown.NetworkInterfaces), *shown.NetworkInterfaces[1].NetworkInterfaceId, *shown.PrivateIpAddress, *shown.PublicIpAddress),
		text(2, face, *i.PrivateIpAddress, "198.18.0.2"); got != want {
		t.Errorf("the instance shows\n%s\nwant\n%s", got, want)
	}
	w.refuse("ModifyInstanceAttribute", "SourceDestCheck.Value=false&InstanceId="+id, "InvalidInstanceID: There are multiple interfaces attached to instance '"+id+"'. Please specify an interface ID for the operation instead.")

	// With two interfaces it gets no public address when it starts anew.
	w.ask("StopInstances", id)
	w.report(id, HostStopped, 1, "")
	w.ask("StartInstances", id)
	w.report(id, HostRunning, 2, "")
	if got := w.instance(id).PublicIpAddress; got != nil {
		t.Errorf("with two interfaces it has %s", *got)
	}

	do[ec2.DetachNetworkInterfaceOutput](w, "DetachNetworkInterface", "AttachmentId="+attachment+"&Force=true")
	if n := w.face(face); n.Status != "available" || n.Attachment != nil || *n.PrivateIpAddress != *spare.PrivateIpAddress || *n.MacAddress != *spare.MacAddress {
		t.Errorf("detached, it is %+v", n)
	}
	w.refuse("DetachNetworkInterface", "AttachmentId="+attachment, "InvalidAttachmentID.NotFound: The network interface attachment ID '"+attachment+"' does not exist")
	w.attach(face, id, 1)
	w.ask("TerminateInstances", id)
	w.report(id, HostStopped, 2, "")
	if n := w.face(face); n.Status != "available" {
		t.Errorf("its instance is terminated, and it is %s", n.Status)
	}
	w.refuse("DescribeNetworkInterfaces", "NetworkInterfaceId.1="+*i.NetworkInterfaces[0].NetworkInterfaceId,
		"InvalidNetworkInterfaceID.NotFound: The networkInterface ID '"+*i.NetworkInterfaces[0].NetworkInterfaceId+"' does not exist")
}

func TestAnAttachmentDecidesWhetherItsInterfaceIsDeleted(t *testing.T) {
	w := newWorld(t)
	i := w.run("")
	face := *w.newFace("SubnetId=" + *i.SubnetId).NetworkInterfaceId
	attachment := w.attach(face, *i.InstanceId, 1)
	do[ec2.ModifyNetworkInterfaceAttributeOutput](w, "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId="+face+"&Attachment.DeleteOnTermination=true&Attachment.AttachmentId="+attachment)
	w.ask("TerminateInstances", *i.InstanceId)
	w.report(*i.InstanceId, HostStopped, 1, "")
	if n := w.state.Interfaces.Len(); n != 0 {
		t.Errorf("%d interfaces are left", n)
	}
}

func TestAttachmentsAreRefused(t *testing.T) {
	w := newWorld(t)
	here := w.defaultSubnet("us-east-1a")
	i := w.run("InstanceType=t3.micro")
	id, primary := *i.InstanceId, *i.NetworkInterfaces[0].Attachment.AttachmentId
	spare := *w.newFace("SubnetId=" + here).NetworkInterfaceId
	rich := *w.newFace("SubnetId=" + here + "&SecondaryPrivateIpAddressCount=2").NetworkInterfaceId
	away := *w.newFace("SubnetId=" + w.defaultSubnet("us-east-1b")).NetworkInterfaceId
	full, second := *w.run("InstanceType=t3.micro").InstanceId, *w.newFace("SubnetId=" + here).NetworkInterfaceId
	w.attach(second, full, 1)
	pending := *w.launch("").InstanceId
	attach := func(face, instance, more string) string {
		return "NetworkInterfaceId=" + face + "&InstanceId=" + instance + "&" + more
	}
	for _, c := range []struct{ action, form, want string }{
		{"AttachNetworkInterface", "DeviceIndex=1&InstanceId=" + id, "MissingParameter: The request must contain the parameter NetworkInterfaceId"},
		{"AttachNetworkInterface", attach(spare, id, ""), "MissingParameter: The request must contain the parameter DeviceIndex"},
		{"AttachNetworkInterface", attach("eni-0123456789abcdef0", id, "DeviceIndex=1"), "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
		{"AttachNetworkInterface", attach(spare, "i-0123456789abcdef0", "DeviceIndex=1"), "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist"},
		{"AttachNetworkInterface", attach(spare, id, "DeviceIndex=-1"), "InvalidParameterValue: Value (-1) for parameter deviceIndex is invalid. The value must be from 0 to 15."},
		{"AttachNetworkInterface", attach(spare, id, "DeviceIndex=16"), "InvalidParameterValue: Value (16) for parameter deviceIndex is invalid. The value must be from 0 to 15."},
		{"AttachNetworkInterface", attach(spare, id, "DeviceIndex=0"), "InvalidParameterValue: Instance '" + id + "' already has an interface attached at device index '0'."},
		{"AttachNetworkInterface", attach(spare, id, "DeviceIndex=1&NetworkCardIndex=1"), "InvalidParameterValue: Network card index 1 exceeds the limit for t3.micro"},
		{"AttachNetworkInterface", attach(spare, id, "DeviceIndex=1&EnaQueueCount=1"), "UnsupportedOperation: The parameter EnaQueueCount is not supported."},
		{"AttachNetworkInterface", attach(spare, pending, "DeviceIndex=1"), "IncorrectState: Instance '" + pending + "' is not 'running'."},
		{"AttachNetworkInterface", attach(away, id, "DeviceIndex=1"), "InvalidParameterCombination: You may not attach a network interface to an instance if they are not in the same availability zone"},
		{"AttachNetworkInterface", attach(second, id, "DeviceIndex=1"), "InvalidNetworkInterface.InUse: Interface: [" + second + "] in use."},
		{"AttachNetworkInterface", attach(spare, full, "DeviceIndex=2"), "AttachmentLimitExceeded: Interface count 3 exceeds the limit for t3.micro"},
		{"AttachNetworkInterface", attach(rich, id, "DeviceIndex=1"), "PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit."},
		{"AttachNetworkInterface", attach(spare, id, "DeviceIndex=1&DryRun=true"), "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
		{"DetachNetworkInterface", "", "MissingParameter: The request must contain the parameter AttachmentId"},
		{"DetachNetworkInterface", "AttachmentId=" + primary, "OperationNotPermitted: The network interface at device index 0 and networkCard index 0 cannot be detached."},
		{"DetachNetworkInterface", "Force=true&AttachmentId=" + primary, "OperationNotPermitted: The network interface at device index 0 and networkCard index 0 cannot be detached."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	elsewhere := w.as(vpc.Scope{Account: "444455556666", Region: "us-east-1"})
	elsewhere.refuse("DetachNetworkInterface", "AttachmentId="+primary, "InvalidAttachmentID.NotFound: The network interface attachment ID '"+primary+"' does not exist")
	w.ask("TerminateInstances", id)
	w.refuse("AttachNetworkInterface", attach(spare, id, "DeviceIndex=1"), "IncorrectState: Instance '"+id+"' is not 'running'.")
}

func TestAnotherAccountAttachesWhatItIsPermittedTo(t *testing.T) {
	w := newWorld(t)
	other := w.as(vpc.Scope{Account: "444455556666", Region: "us-east-1"})
	face := *w.newFace("SubnetId=" + w.defaultSubnet("us-east-1a")).NetworkInterfaceId
	other.state = w.state
	id := *other.run("").InstanceId
	w.state = other.state
	form := "NetworkInterfaceId=" + face + "&DeviceIndex=1&InstanceId=" + id
	other.refuse("AttachNetworkInterface", form, "InvalidNetworkInterfaceID.NotFound: The networkInterface ID '"+face+"' does not exist")
	permit := "Permission=INSTANCE-ATTACH&AwsAccountId=444455556666&NetworkInterfaceId=" + face
	p := do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", permit).InterfacePermission
	if got, want := text(*p.NetworkInterfaceId, *p.AwsAccountId, p.Permission, p.PermissionState.State), text(face, "444455556666", "INSTANCE-ATTACH", "granted"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again := do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", permit).InterfacePermission; *again.NetworkInterfacePermissionId != *p.NetworkInterfacePermissionId {
		t.Error("the same permission again is another one")
	}
	other.state = w.state
	attachment := other.attach(face, id, 1)
	w.state = other.state
	if got := *w.face(face).Attachment.InstanceOwnerId; got != "444455556666" {
		t.Errorf("the instance is %s's", got)
	}
	w.refuse("DeleteNetworkInterfacePermission", "NetworkInterfacePermissionId="+*p.NetworkInterfacePermissionId, "OperationNotPermitted: The network interface permission '"+*p.NetworkInterfacePermissionId+"' is in use.")
	if out := do[ec2.DeleteNetworkInterfacePermissionOutput](w, "DeleteNetworkInterfacePermission", "Force=true&NetworkInterfacePermissionId="+*p.NetworkInterfacePermissionId); !*out.Return {
		t.Error("it was not deleted")
	}
	other.state = w.state
	do[ec2.DetachNetworkInterfaceOutput](other, "DetachNetworkInterface", "AttachmentId="+attachment)
	other.refuse("AttachNetworkInterface", form, "InvalidNetworkInterfaceID.NotFound: The networkInterface ID '"+face+"' does not exist")
}

func TestPermissionsAreListedAndRefused(t *testing.T) {
	w := newWorld(t)
	subnet := w.defaultSubnet("us-east-1a")
	face, second := *w.newFace("SubnetId=" + subnet).NetworkInterfaceId, *w.newFace("SubnetId=" + subnet).NetworkInterfaceId
	permit := func(face, permission, account string) string {
		return "NetworkInterfaceId=" + face + "&Permission=" + permission + "&AwsAccountId=" + account
	}
	first := *do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", permit(face, "INSTANCE-ATTACH", "444455556666")).InterfacePermission.NetworkInterfacePermissionId
	do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", permit(second, "EIP-ASSOCIATE", "777788889999"))
	for _, c := range []struct {
		filter, val string
		want        int
	}{
		{"network-interface-permission-id", first, 1}, {"network-interface-id", second, 1}, {"aws-account-id", "444455556666", 1},
		{"permission", "*", 2}, {"permission", "EIP-ASSOCIATE", 1}, {"aws-service", "*", 0},
	} {
		out := do[ec2.DescribeNetworkInterfacePermissionsOutput](w, "DescribeNetworkInterfacePermissions", "Filter.1.Name=network-interface-permission."+c.filter+"&Filter.1.Value.1="+url.QueryEscape(c.val))
		if got := len(out.NetworkInterfacePermissions); got != c.want {
			t.Errorf("%s=%s: got %d, want %d", c.filter, c.val, got, c.want)
		}
	}
	for _, c := range []struct{ action, form, want string }{
		{"CreateNetworkInterfacePermission", permit("eni-0123456789abcdef0", "INSTANCE-ATTACH", "444455556666"), "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
		{"CreateNetworkInterfacePermission", permit(face, "ALL", "444455556666"), "InvalidParameterValue: Invalid value 'ALL' for Permission."},
		{"CreateNetworkInterfacePermission", permit(face, "INSTANCE-ATTACH", ""), "MissingParameter: The request must contain the parameter awsAccountId"},
		{"CreateNetworkInterfacePermission", permit(face, "INSTANCE-ATTACH", "me"), "InvalidParameterValue: Value (me) for parameter awsAccountId is invalid. It must be the 12 digits of an account."},
		{"CreateNetworkInterfacePermission", permit(face, "INSTANCE-ATTACH", testScope.Account), "InvalidParameterValue: Value (" + testScope.Account + ") for parameter awsAccountId is invalid. The network interface belongs to this account."},
		{"CreateNetworkInterfacePermission", permit(face, "EIP-ASSOCIATE", "777788889999"), "OperationNotPermitted: The network interface '" + face + "' has a permission for another account."},
		{"CreateNetworkInterfacePermission", permit(face, "INSTANCE-ATTACH", "444455556666") + "&AwsService=x", "UnsupportedOperation: The parameter AwsService is not supported."},
		{"DeleteNetworkInterfacePermission", "NetworkInterfacePermissionId=eni-perm-0123456789abcdef0", "InvalidPermissionID.NotFound: The network interface permission ID 'eni-perm-0123456789abcdef0' does not exist"},
		{"DescribeNetworkInterfacePermissions", "NetworkInterfacePermissionId.1=eni-1", `InvalidPermissionID.Malformed: Invalid id: "eni-1" (expecting "eni-perm-...")`},
		{"DescribeNetworkInterfacePermissions", "MaxResults=256", "InvalidParameterValue: Value ( 256 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 255."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
}
