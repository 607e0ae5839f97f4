package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
)

// An instance, its image and its volumes tell the same.
func TestTheRootVolumeIsTheImages(t *testing.T) {
	w := newWorld(t)
	for _, m := range do[ec2.DescribeImagesOutput](w, "DescribeImages", "Filter.1.Name=architecture&Filter.1.Value.1=x86_64").Images {
		i := w.run("InstanceType=t3.micro&ImageId=" + *m.ImageId + "&TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=disk")
		if len(i.BlockDeviceMappings) != 1 {
			t.Fatalf("%s has %d devices", *m.Name, len(i.BlockDeviceMappings))
		}
		d, of := i.BlockDeviceMappings[0], m.BlockDeviceMappings[0]
		v := do[ec2.DescribeVolumesOutput](w, "DescribeVolumes", "VolumeId.1="+*d.Ebs.VolumeId).Volumes[0]
		a := v.Attachments[0]
		if got, want := text(*i.RootDeviceName, *d.DeviceName, *a.Device, *v.Size, v.VolumeType, *v.SnapshotId, *d.Ebs.DeleteOnTermination, *a.DeleteOnTermination, *a.InstanceId, a.State, d.Ebs.Status, v.State, *v.AvailabilityZone, *v.Tags[0].Value),
			text(*m.RootDeviceName, *of.DeviceName, *of.DeviceName, *of.Ebs.VolumeSize, of.Ebs.VolumeType, *of.Ebs.SnapshotId, true, true, *i.InstanceId, "attached", "attached", "in-use", *i.Placement.AvailabilityZone, "disk"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", *m.Name, got, want)
		}
	}
}

func TestBlockDeviceMappings(t *testing.T) {
	w := newWorld(t)
	const d = "BlockDeviceMapping."
	i := w.run(d + "1.DeviceName=/dev/xvda&" + d + "1.Ebs.VolumeSize=20&" + d + "1.Ebs.VolumeType=gp3&" + d + "1.Ebs.DeleteOnTermination=false&" +
		d + "2.DeviceName=/dev/sdf&" + d + "2.Ebs.VolumeSize=50&" + d + "2.Ebs.VolumeType=io2&" + d + "2.Ebs.Iops=1000&" + d + "2.Ebs.Encrypted=true&" +
		d + "3.DeviceName=/dev/sdb&" + d + "3.VirtualName=ephemeral0&" + d + "4.DeviceName=/dev/sdc&" + d + "4.NoDevice=")
	shown := func(form string) string {
		var lines []string
		for _, v := range do[ec2.DescribeVolumesOutput](w, "DescribeVolumes", form).Volumes {
			line := fmt.Sprintln(*v.Size, v.VolumeType, *v.Iops, value(v.Throughput), *v.Encrypted, v.State)
			for _, a := range v.Attachments {
				line = fmt.Sprint(*a.Device, " ", *a.DeleteOnTermination, " ", line)
			}
			lines = append(lines, line)
		}
		slices.Sort(lines)
		return strings.Join(lines, "")
	}
	if got, want := shown(""), "/dev/sdf true 50 io2 1000 0 true in-use\n/dev/xvda false 20 gp3 3000 125 false in-use\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if *i.BlockDeviceMappings[0].DeviceName != "/dev/xvda" || *i.BlockDeviceMappings[1].DeviceName != "/dev/sdf" {
		t.Errorf("the root is not first: %+v", i.BlockDeviceMappings)
	}
	for _, c := range []struct{ name, val, want string }{
		{"attachment.device", "/dev/sdf", "sdf"}, {"attachment.delete-on-termination", "false", "xvda"}, {"attachment.instance-id", *i.InstanceId, "sdf xvda"},
		{"attachment.status", "attached", "sdf xvda"}, {"attachment.attach-time", "2026-*", "sdf xvda"}, {"availability-zone", "us-east-1a", "sdf xvda"},
		{"availability-zone-id", "use1-az1", "sdf xvda"}, {"create-time", "2026-*", "sdf xvda"}, {"encrypted", "true", "sdf"}, {"multi-attach-enabled", "true", ""},
		{"size", "20", "xvda"}, {"snapshot-id", "snap-*", "xvda"}, {"status", "in-use", "sdf xvda"}, {"volume-id", "vol-*", "sdf xvda"}, {"volume-type", "io2", "sdf"},
		{"fast-restored", "*", ""}, {"operator.managed", "false", "sdf xvda"}, {"operator.managed", "true", ""}, {"tag-key", "*", ""},
	} {
		var got []string
		for _, v := range do[ec2.DescribeVolumesOutput](w, "DescribeVolumes", "Filter.1.Name="+c.name+"&Filter.1.Value.1="+url.QueryEscape(c.val)).Volumes {
			got = append(got, strings.TrimPrefix(*v.Attachments[0].Device, "/dev/"))
		}
		if slices.Sort(got); strings.Join(got, " ") != c.want {
			t.Errorf("%s=%s: got %v, want %s", c.name, c.val, got, c.want)
		}
	}
	for _, v := range do[ec2.DescribeVolumesOutput](w, "DescribeVolumes", "").Volumes {
		if key := value(v.KmsKeyId); *v.Encrypted != strings.HasPrefix(key, "arn:aws:kms:us-east-1:111122223333:key/") {
			t.Errorf("encrypted: %v, with the key %q", *v.Encrypted, key)
		}
	}
	for _, f := range []string{"device-name=/dev/sdf", "delete-on-termination=false", "status=attached", "volume-id=vol-*", "attach-time=2026-*"} {
		name, val, _ := strings.Cut(f, "=")
		if got := w.found("Filter.1.Name=block-device-mapping." + name + "&Filter.1.Value.1=" + val); len(got) != 1 {
			t.Errorf("%s: got %v", f, got)
		}
	}
	if got := do[ec2.DescribeInstanceAttributeOutput](w, "DescribeInstanceAttribute", "Attribute=blockDeviceMapping&InstanceId="+*i.InstanceId).BlockDeviceMappings; len(got) != 2 {
		t.Errorf("the attribute shows %+v", got)
	}
	modify := "InstanceId=" + *i.InstanceId + "&BlockDeviceMapping.1.DeviceName="
	w.refuse("ModifyInstanceAttribute", modify+"/dev/sdz&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true", "InvalidInstanceAttributeValue: No device is currently mapped at /dev/sdz")
	w.refuse("ModifyInstanceAttribute", modify+"/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeId=vol-1&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true", "InvalidInstanceAttributeValue: No device is currently mapped at /dev/sdf")
	w.refuse("ModifyInstanceAttribute", modify+"/dev/sdf", "MissingParameter: The request must contain the parameter BlockDeviceMapping.1.Ebs.DeleteOnTermination")
	for _, keep := range []string{"false", "true"} {
		do[ec2.ModifyInstanceAttributeOutput](w, "ModifyInstanceAttribute", modify+"/dev/sdf&BlockDeviceMapping.1.Ebs.DeleteOnTermination="+keep)
		if got := *w.instance(*i.InstanceId).BlockDeviceMappings[1].Ebs.DeleteOnTermination; fmt.Sprint(got) != keep {
			t.Errorf("got %v, want %s", got, keep)
		}
	}
	// The volume that is not deleted with the instance stays.
	w.ask("TerminateInstances", *i.InstanceId)
	w.report(*i.InstanceId, HostStopped, 1, "")
	if got, want := shown(""), "20 gp3 3000 125 false available\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestBlockDeviceMappingsAreRefused(t *testing.T) {
	w := newWorld(t)
	const root, other = "BlockDeviceMapping.1.DeviceName=/dev/xvda", "BlockDeviceMapping.1.DeviceName=/dev/sdf"
	const e = "&BlockDeviceMapping.1.Ebs."
	for _, c := range []struct{ form, want string }{
		{"BlockDeviceMapping.1.Ebs.VolumeSize=9", "MissingParameter: The request must contain the parameter BlockDeviceMapping.1.DeviceName"},
		{other + e + "VolumeSize=9&BlockDeviceMapping.2.DeviceName=/dev/sdf", "InvalidBlockDeviceMapping: The device '/dev/sdf' is used in more than one block-device mapping"},
		{other + e + "VolumeSize=9&BlockDeviceMapping.1.VirtualName=ephemeral0", "InvalidParameterCombination: The parameter BlockDeviceMapping.1.Ebs cannot be used with the parameter BlockDeviceMapping.1.VirtualName"},
		{root + "&BlockDeviceMapping.1.NoDevice=", "InvalidBlockDeviceMapping: The root device '/dev/xvda' cannot be suppressed."},
		{root + e + "VolumeSize=7", "InvalidBlockDeviceMapping: Volume of size 7GB is smaller than snapshot '" + stableID("snap", "us-east-1", testImage) + "', expect size >= 8GB"},
		{other + e + "VolumeType=gp3", "MissingParameter: The request must contain the parameter size or snapshotId"},
		{other + e + "SnapshotId=snap-1", "InvalidSnapshot.NotFound: The snapshot 'snap-1' does not exist."},
		{other + e + "VolumeSize=9" + e + "VolumeType=gp9", "InvalidParameterValue: Invalid value 'gp9' for VolumeType."},
		{other + e + "VolumeSize=9" + e + "VolumeType=st1", "InvalidParameterValue: Value (9) for parameter VolumeSize is invalid. The size of a volume of type st1 must be between 125 and 16384 GiB."},
		{other + e + "VolumeSize=9" + e + "Iops=100", "InvalidParameterCombination: The parameter iops is not supported for gp2 volumes."},
		{other + e + "VolumeSize=9" + e + "VolumeType=io1", "MissingParameter: The parameter iops must be specified for io1 volumes."},
		{other + e + "VolumeSize=9" + e + "VolumeType=io1" + e + "Iops=9", "InvalidParameterValue: Value (9) for parameter Iops is invalid. The IOPS of a volume of type io1 must be between 100 and 64000."},
		{other + e + "VolumeSize=9" + e + "Throughput=200", "InvalidParameterCombination: The parameter throughput is not supported for gp2 volumes."},
		{other + e + "VolumeSize=9" + e + "VolumeType=gp3" + e + "Throughput=1", "InvalidParameterValue: Value (1) for parameter Throughput is invalid. The throughput must be between 125 and 2000 MiB/s."},
		{other + e + "VolumeSize=9" + e + "Encrypted=false" + e + "KmsKeyId=k", "InvalidParameterDependency: The parameter KmsKeyId requires the parameter Encrypted to be set."},
	} {
		w.refuse("RunInstances", "MinCount=1&MaxCount=1&ImageId="+testImage+"&"+c.form, c.want)
	}
	w.refuse("DescribeVolumes", "VolumeId.1=vol-0123456789abcdef0", "InvalidVolume.NotFound: The volume 'vol-0123456789abcdef0' does not exist.")
	w.refuse("DescribeVolumes", "VolumeId.1=x", `InvalidVolumeID.Malformed: Invalid id: "x" (expecting "vol-...")`)
	id := *w.run("").BlockDeviceMappings[0].Ebs.VolumeId
	w.refuse("DescribeVolumes", "MaxResults=5&VolumeId.1="+id, "InvalidParameterCombination: The parameter volumeSet cannot be used with the parameter maxResults")
	w.as(stranger).refuse("DescribeVolumes", "VolumeId.1="+id, "InvalidVolume.NotFound: The volume '"+id+"' does not exist.")
}

func TestInstanceProfiles(t *testing.T) {
	w := newWorld(t)
	const arn = "arn:aws:iam::111122223333:instance-profile/"
	named, plain := w.run("IamInstanceProfile.Name=app"), w.run("")
	if got, want := text(*named.IamInstanceProfile.Arn, plain.IamInstanceProfile == nil, len(*named.IamInstanceProfile.Id)), text(arn+"app", true, 21); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	p := "IamInstanceProfile."
	id := "InstanceId=" + *plain.InstanceId
	for _, c := range []struct{ action, form, want string }{
		{"AssociateIamInstanceProfile", id, "MissingParameter: The request must contain the parameter IamInstanceProfile"},
		{"AssociateIamInstanceProfile", p + "Name=x", "MissingParameter: The request must contain the parameter InstanceId"},
		{"AssociateIamInstanceProfile", id + "&" + p + "Name=a/b", "InvalidParameterValue: Value (a/b) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"},
		{"AssociateIamInstanceProfile", id + "&" + p + "Arn=app", "InvalidParameterValue: Value (app) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"},
		{"AssociateIamInstanceProfile", id + "&" + p + "Arn=arn:aws:iam::444455556666:instance-profile/app", "InvalidParameterValue: Value (arn:aws:iam::444455556666:instance-profile/app) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"},
		{"AssociateIamInstanceProfile", id + "&" + p + "Name=a&" + p + "Arn=" + arn + "a", "InvalidParameterCombination: The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'"},
		{"AssociateIamInstanceProfile", "InstanceId=i-0123456789abcdef0&" + p + "Name=a", "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist"},
		{"AssociateIamInstanceProfile", "InstanceId=" + *named.InstanceId + "&" + p + "Name=a", "IncorrectState: There is an existing association for instance " + *named.InstanceId},
		{"RunInstances", "MinCount=1&MaxCount=1&ImageId=" + testImage + "&" + p + "Arn=app", "InvalidParameterValue: Value (app) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"},
		{"DescribeIamInstanceProfileAssociations", "AssociationId.1=iip-assoc-1", "InvalidAssociationID.NotFound: An invalid association-id of 'iip-assoc-1' was given"},
		{"DescribeIamInstanceProfileAssociations", "MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 5."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	a := do[ec2.AssociateIamInstanceProfileOutput](w, "AssociateIamInstanceProfile", id+"&"+p+"Arn="+arn+"path/db").IamInstanceProfileAssociation
	if a.State != "associating" || *w.instance(*plain.InstanceId).IamInstanceProfile.Arn != arn+"path/db" {
		t.Errorf("got %+v", a)
	}
	for form, want := range map[string]int{"": 2, "AssociationId.1=" + *a.AssociationId: 1, "Filter.1.Name=instance-id&Filter.1.Value.1=" + *plain.InstanceId: 1,
		"Filter.1.Name=state&Filter.1.Value.1=associated": 2, "Filter.1.Name=state&Filter.1.Value.1=associating": 0} {
		if got := do[ec2.DescribeIamInstanceProfileAssociationsOutput](w, "DescribeIamInstanceProfileAssociations", form).IamInstanceProfileAssociations; len(got) != want {
			t.Errorf("%s: got %d, want %d", form, len(got), want)
		}
	}
	for _, f := range []string{"arn=" + arn + "path/db", "id=" + *a.IamInstanceProfile.Id, "name=db"} {
		name, val, _ := strings.Cut(f, "=")
		if got := w.found("Filter.1.Name=iam-instance-profile." + name + "&Filter.1.Value.1=" + val); !slices.Equal(got, []string{*plain.InstanceId}) {
			t.Errorf("%s: got %v", f, got)
		}
	}
	w.ask("TerminateInstances", *plain.InstanceId)
	w.refuse("AssociateIamInstanceProfile", id+"&"+p+"Name=a", "IncorrectInstanceState: The instance '"+*plain.InstanceId+"' is not in the 'running' or 'stopped' state.")
	w.report(*plain.InstanceId, HostStopped, 1, "")
	if n := w.state.InstanceProfileAssociations.Len(); n != 1 {
		t.Errorf("%d associations are left", n)
	}
}
