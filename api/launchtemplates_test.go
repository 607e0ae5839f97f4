package api

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// template makes a launch template and returns its id.
func (w *world) template(name, data string) string {
	w.Helper()
	form := "LaunchTemplateName=" + name
	for _, p := range strings.Split(data, "&") {
		form += "&LaunchTemplateData." + p
	}
	return *do[ec2.CreateLaunchTemplateOutput](w, "CreateLaunchTemplate", form).LaunchTemplate.LaunchTemplateId
}

func TestALaunchTemplateIsShownAsItWasMade(t *testing.T) {
	w := newWorld(t)
	const data = "LaunchTemplateData."
	out := do[ec2.CreateLaunchTemplateOutput](w, "CreateLaunchTemplate", "LaunchTemplateName=web&VersionDescription=first&ClientToken=t&"+data+"InstanceType=t3.micro&"+
		data+"BlockDeviceMapping.1.DeviceName=/dev/xvda&"+data+"BlockDeviceMapping.1.Ebs.VolumeSize=20&"+data+"MetadataOptions.HttpTokens=required&"+
		data+"TagSpecification.1.ResourceType=instance&"+data+"TagSpecification.1.Tag.1.Key=a&"+data+"TagSpecification.1.Tag.1.Value=&"+data+"RamDiskId=ari-1&"+
		"TagSpecification.1.ResourceType=launch-template&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x")
	l := out.LaunchTemplate
	if got, want := text(*l.LaunchTemplateName, *l.CreatedBy, *l.DefaultVersionNumber, *l.LatestVersionNumber, *l.CreateTime, *l.Tags[0].Key, out.Warning == nil),
		text("web", "arn:aws:iam::111122223333:root", 1, 1, testNow, "Name", true); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	v := do[ec2.DescribeLaunchTemplateVersionsOutput](w, "DescribeLaunchTemplateVersions", "LaunchTemplateName=web").LaunchTemplateVersions[0]
	d := v.LaunchTemplateData
	if got, want := text(*v.LaunchTemplateId, *v.VersionNumber, *v.VersionDescription, *v.DefaultVersion, d.InstanceType, *d.BlockDeviceMappings[0].DeviceName, *d.BlockDeviceMappings[0].Ebs.VolumeSize, d.MetadataOptions.HttpTokens, *d.TagSpecifications[0].Tags[0].Key+*d.TagSpecifications[0].Tags[0].Value, *d.RamDiskId, d.ImageId == nil, len(d.NetworkInterfaces)),
		text(*l.LaunchTemplateId, 1, "first", true, "t3.micro", "/dev/xvda", 20, "required", "a", "ari-1", true, 0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out = do[ec2.CreateLaunchTemplateOutput](w, "CreateLaunchTemplate", "LaunchTemplateName=odd&"+data+"SecurityGroupId.1=sg-1&"+data+"NetworkInterface.1.DeviceIndex=0")
	if out.Warning == nil || *out.Warning.Errors[0].Code != "InvalidParameterCombination" {
		t.Errorf("got the warning %+v", out.Warning)
	}
}

// Whatever a template may say comes through to its description and, but for what is refused there, to the launch.
func TestNoParameterOfATemplateIsLost(t *testing.T) {
	data := new(ec2.RequestLaunchTemplateData)
	fillAll(reflect.ValueOf(data).Elem())
	kept := keepAs(data)
	answerOnly := []string{".MetadataOptions.State", ".NetworkInterfaces.Ipv6Addresses.IsPrimaryIpv6", ".Operator.HiddenByDefault", ".Operator.Managed"}
	for _, lost := range zeroes("", reflect.ValueOf(*readBack[ec2.ResponseLaunchTemplateData](kept))) {
		if !slices.Contains(answerOnly, lost) {
			t.Errorf("the description lacks %s", lost)
		}
	}
	whole := reflect.ValueOf(*readBack[ec2.RunInstancesInput](kept))
	for i := range reflect.TypeFor[ec2.RequestLaunchTemplateData]().NumField() {
		name := reflect.TypeFor[ec2.RequestLaunchTemplateData]().Field(i).Name
		f := whole.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, name) })
		switch name {
		case "InstanceRequirements", "ElasticGpuSpecifications": // withTemplate sees to them
			continue
		}
		if !f.IsValid() || f.IsZero() {
			t.Errorf("the launch lacks %s", name)
		}
	}
}

// fillAll puts something into every member.
func fillAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Type().Elem().String() != "time.Time" {
			fillAll(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillAll(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			fillAll(v.Field(i))
		}
	default:
		panic("no value for " + v.Type().String())
	}
}

// zeroes are the members in which there is nothing.
func zeroes(at string, v reflect.Value) (out []string) {
	switch {
	case v.Type().String() == "time.Time":
	case v.IsZero():
		return []string{at}
	case v.Kind() == reflect.Pointer:
		return zeroes(at, v.Elem())
	case v.Kind() == reflect.Slice:
		return zeroes(at, v.Index(0))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			out = append(out, zeroes(at+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
	}
	return out
}

func TestLaunchTemplatesAreRefused(t *testing.T) {
	w := newWorld(t)
	const name, typ = "LaunchTemplateName=web", "&LaunchTemplateData.InstanceType=t3.micro"
	first := *do[ec2.CreateLaunchTemplateOutput](w, "CreateLaunchTemplate", name+typ+"&ClientToken=t").LaunchTemplate.LaunchTemplateId
	if again := *do[ec2.CreateLaunchTemplateOutput](w, "CreateLaunchTemplate", name+typ+"&ClientToken=t").LaunchTemplate.LaunchTemplateId; again != first {
		t.Errorf("the token made %s and %s", first, again)
	}
	const alphabet = "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _."
	const unknown = "InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID lt-0123456789abcdef0, does not exist."
	var much strings.Builder
	for n := range 7000 {
		fmt.Fprintf(&much, "&LaunchTemplateData.SecurityGroup.%d=a-long-name-of-a-group", n+1)
	}
	for _, c := range []struct{ action, form, want string }{
		{"CreateLaunchTemplate", name, "MissingParameter: The request must contain the parameter LaunchTemplateData"},
		{"CreateLaunchTemplate", typ[1:], "MissingParameter: The request must contain the parameter LaunchTemplateName"},
		{"CreateLaunchTemplate", "LaunchTemplateName=ab" + typ, "InvalidLaunchTemplateName.MalformedException: " + alphabet},
		{"CreateLaunchTemplate", "LaunchTemplateName=a+b" + typ, "InvalidLaunchTemplateName.MalformedException: " + alphabet},
		{"CreateLaunchTemplate", "LaunchTemplateName=" + strings.Repeat("a", 129) + typ, "InvalidLaunchTemplateName.MalformedException: " + alphabet},
		{"CreateLaunchTemplate", name + typ, "InvalidLaunchTemplateName.AlreadyExistsException: Launch template name already in use."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&ClientToken=t" + typ, "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&LaunchTemplateData.InstanceType=t9.huge", "InvalidParameterValue: Invalid value 't9.huge' for InstanceType."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&LaunchTemplateData.ImageId=x", `InvalidAMIID.Malformed: Invalid id: "x" (expecting "ami-...")`},
		{"CreateLaunchTemplate", "LaunchTemplateName=other" + much.String(), "InvalidParameterValue: The launch template data is limited to 98304 bytes."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&LaunchTemplateData.UserData=!", "InvalidUserData.Malformed: Invalid BASE64 encoding of user data"},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&LaunchTemplateData.InstanceInitiatedShutdownBehavior=explode", "InvalidParameterValue: Invalid value 'explode' for InstanceInitiatedShutdownBehavior."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&LaunchTemplateData.TagSpecification.1.ResourceType=vpc&LaunchTemplateData.TagSpecification.1.Tag.1.Key=a", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&TagSpecification.1.ResourceType=instance" + typ, "InvalidParameterValue: 'instance' is not a valid taggable resource type for this operation."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&VersionDescription=" + strings.Repeat("a", 256) + typ, "InvalidParameterValue: Value (" + strings.Repeat("a", 256) + ") for parameter VersionDescription is invalid. It must be up to 255 characters."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&Operator.Principal=x" + typ, "UnsupportedOperation: The parameter Operator is not supported."},
		{"CreateLaunchTemplate", "LaunchTemplateName=other&DryRun=true" + typ, "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
		{"DeleteLaunchTemplate", "", "MissingParameter: The request must contain the parameter launch template ID or launch template name"},
		{"DeleteLaunchTemplate", name + "&LaunchTemplateId=" + first, "InvalidParameterCombination: The parameter LaunchTemplateId cannot be used with the parameter LaunchTemplateName"},
		{"DeleteLaunchTemplate", "LaunchTemplateId=lt-0123456789abcdef0", unknown},
		{"DeleteLaunchTemplate", "LaunchTemplateId=web", `InvalidLaunchTemplateId.Malformed: Invalid id: "web" (expecting "lt-...")`},
		{"DeleteLaunchTemplate", "LaunchTemplateName=nobody", "InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name nobody, does not exist."},
		{"DescribeLaunchTemplates", "LaunchTemplateId.1=lt-0123456789abcdef0", unknown},
		{"DescribeLaunchTemplates", "LaunchTemplateId.1=lt-0123456789abcdef0&LaunchTemplateId.2=" + first, "InvalidLaunchTemplateId.NotFound: At least one of the launch templates specified in the request does not exist."},
		{"DescribeLaunchTemplates", "LaunchTemplateName.1=nobody", "InvalidLaunchTemplateName.NotFoundException: At least one of the launch templates specified in the request does not exist."},
		{"DescribeLaunchTemplates", "MaxResults=201", "InvalidParameterValue: Value ( 201 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 200."},
		{"DescribeLaunchTemplateVersions", "", "MissingParameter: The request must contain the parameter launch template ID or launch template name"},
		{"DescribeLaunchTemplateVersions", "LaunchTemplateVersion.1=1", "InvalidParameterValue: Value (1) for parameter LaunchTemplateVersion is invalid. Only $Latest and $Default can be specified without a launch template."},
		{"DescribeLaunchTemplateVersions", name + "&LaunchTemplateVersion.1=2", "InvalidLaunchTemplateId.VersionNotFound: Could not find the specified version 2 for the launch template with ID " + first + "."},
		{"DescribeLaunchTemplateVersions", name + "&LaunchTemplateVersion.1=$Newest", "InvalidParameterValue: Value ($Newest) for parameter LaunchTemplateVersion is invalid. A launch template version must be a number, $Latest or $Default."},
		{"DescribeLaunchTemplateVersions", name + "&LaunchTemplateVersion.1=1&MinVersion=1", "InvalidParameterCombination: The parameter LaunchTemplateVersion cannot be used with the parameter MinVersion"},
		{"DescribeLaunchTemplateVersions", name + "&LaunchTemplateVersion.1=1&MaxVersion=1", "InvalidParameterCombination: The parameter LaunchTemplateVersion cannot be used with the parameter MaxVersion"},
		{"DescribeLaunchTemplateVersions", name + "&MinVersion=x", "InvalidParameterValue: Value (x) for parameter MinVersion is invalid. It must be the number of a version."},
		{"RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=nobody", "InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name nobody, does not exist."},
		{"RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=x", "InvalidLaunchTemplateName.Malformed: " + alphabet},
		{"RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateId=lt-0123456789abcdef0", unknown},
		{"RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.Version=1", "MissingParameter: The request must contain the parameter launch template ID or launch template name"},
		{"RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.Version=3&LaunchTemplate.LaunchTemplateName=web", "InvalidLaunchTemplateId.VersionNotFound: Could not find the specified version 3 for the launch template with ID " + first + "."},
		{"RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=web", "MissingParameter: The request must contain the parameter ImageId"},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	w.as(stranger).refuse("DeleteLaunchTemplate", name, "InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name web, does not exist.")
	do[ec2.DeleteLaunchTemplateOutput](w, "DeleteLaunchTemplate", name)
	w.template("web", "InstanceType=t3.small") // the name is free again
}

func TestLaunchTemplatesAreFound(t *testing.T) {
	w := newWorld(t)
	a := w.template("alpha", "InstanceType=t3.micro&EbsOptimized=true&MetadataOptions.HttpTokens=required&IamInstanceProfile.Name=p&NetworkInterface.1.NetworkCardIndex=0")
	b := w.template("beta", "InstanceType=t3.small&ImageId="+testImage+"&KernelId=k&RamDiskId=r&Placement.HostResourceGroupArn=h&LicenseSpecification.1.LicenseConfigurationArn=l&MetadataOptions.HttpEndpoint=disabled")
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+a+"&Tag.1.Key=Name&Tag.1.Value=x")
	for _, c := range []struct{ form, want string }{
		{"", a + b}, {"LaunchTemplateName.1=beta", b}, {"LaunchTemplateId.1=" + a + "&LaunchTemplateName.1=beta", a + b},
		{"Filter.1.Name=launch-template-name&Filter.1.Value.1=al*", a}, {"Filter.1.Name=tag:Name&Filter.1.Value.1=x", a},
		{"Filter.1.Name=tag-key&Filter.1.Value.1=Name", a}, {"Filter.1.Name=create-time&Filter.1.Value.1=2026-*", a + b},
	} {
		n := 0
		for _, l := range do[ec2.DescribeLaunchTemplatesOutput](w, "DescribeLaunchTemplates", c.form).LaunchTemplates {
			if n++; !strings.Contains(c.want, *l.LaunchTemplateId) {
				t.Errorf("%s finds %s", c.form, *l.LaunchTemplateId)
			}
		}
		if n*len(a) != len(c.want) {
			t.Errorf("%s finds %d", c.form, n)
		}
	}
	for _, c := range []struct{ name, val, want string }{
		{"create-time", "2026-*", "alpha beta"}, {"ebs-optimized", "true", "alpha"}, {"http-endpoint", "disabled", "beta"}, {"http-tokens", "required", "alpha"},
		{"http-protocol-ipv4", "*", ""}, {"host-resource-group-arn", "h", "beta"}, {"iam-instance-profile", "p", "alpha"}, {"image-id", testImage, "beta"},
		{"instance-type", "t3.*", "alpha beta"}, {"is-default-version", "true", "alpha beta"}, {"kernel-id", "k", "beta"}, {"license-configuration-arn", "l", "beta"},
		{"network-card-index", "0", "alpha"}, {"ram-disk-id", "r", "beta"},
	} {
		var got []string
		for _, v := range do[ec2.DescribeLaunchTemplateVersionsOutput](w, "DescribeLaunchTemplateVersions", "LaunchTemplateVersion.1=$Latest&LaunchTemplateVersion.2=$Default&Filter.1.Name="+c.name+"&Filter.1.Value.1="+url.QueryEscape(c.val)).LaunchTemplateVersions {
			got = append(got, *v.LaunchTemplateName)
		}
		if slices.Sort(got); strings.Join(got, " ") != c.want {
			t.Errorf("%s=%s: got %v, want %s", c.name, c.val, got, c.want)
		}
	}
}

// Versions are made by no operation here, but what was stored with several is read.
func TestVersionsOfALaunchTemplate(t *testing.T) {
	w := newWorld(t)
	id := w.template("web", "InstanceType=t3.micro&ImageId="+testImage)
	w.edit(func(e *vpc.Edit) {
		l := *e.LaunchTemplates.Get(id)
		l.Default = 2
		for n, typ := range []string{"t3.small", "t3.medium"} {
			v := l.Versions[0]
			v.Number, v.Data = n+2, strings.ReplaceAll(v.Data, "t3.micro", typ)
			l.Versions = append(slices.Clone(l.Versions), v)
		}
		e.LaunchTemplates.Put(&l)
	})
	for _, c := range []struct{ form, want string }{
		{"", "3 2 1"}, {"&LaunchTemplateVersion.1=$Default", "2"}, {"&LaunchTemplateVersion.1=$Latest&LaunchTemplateVersion.2=1&LaunchTemplateVersion.3=3", "3 1"},
		{"&MinVersion=2", "3 2"}, {"&MaxVersion=2", "2 1"}, {"&MinVersion=2&MaxVersion=2", "2"}, {"&MinVersion=9", ""},
		{"&Filter.1.Name=is-default-version&Filter.1.Value.1=true", "2"}, {"&MaxResults=2", "3 2"},
	} {
		var got []string
		for _, v := range do[ec2.DescribeLaunchTemplateVersionsOutput](w, "DescribeLaunchTemplateVersions", "LaunchTemplateId="+id+c.form).LaunchTemplateVersions {
			got = append(got, fmt.Sprint(*v.VersionNumber))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.form, got, c.want)
		}
	}
	for version, typ := range map[string]string{"": "t3.small", "&LaunchTemplate.Version=$Default": "t3.small", "&LaunchTemplate.Version=$Latest": "t3.medium", "&LaunchTemplate.Version=1": "t3.micro"} {
		i := do[ec2.RunInstancesOutput](w, "RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateId="+id+version).Instances[0]
		if i.InstanceType != typ {
			t.Errorf("%q launches a %s, want a %s", version, i.InstanceType, typ)
		}
	}
}

func TestALaunchFromATemplate(t *testing.T) {
	w := newWorld(t)
	vpcID, subnet, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	other := w.group("other", vpcID)
	id := w.template("web", "ImageId="+testImage+"&InstanceType=t3.micro&SecurityGroupId.1="+group+"&MetadataOptions.HttpTokens=required&MetadataOptions.HttpPutResponseHopLimit=3"+
		"&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.VolumeSize=20&BlockDeviceMapping.1.Ebs.VolumeType=gp3&IamInstanceProfile.Name=app&DisableApiTermination=true"+
		"&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=1&TagSpecification.1.Tag.2.Key=b&TagSpecification.1.Tag.2.Value=1")
	i := do[ec2.RunInstancesOutput](w, "RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=web&InstanceType=t3.small&SubnetId="+subnet+"&SecurityGroupId.1="+other+
		"&MetadataOptions.HttpTokens=optional&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.VolumeSize=30&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=b&TagSpecification.1.Tag.1.Value=2").Instances[0]
	root := do[ec2.DescribeVolumesOutput](w, "DescribeVolumes", "VolumeId.1="+*i.BlockDeviceMappings[0].Ebs.VolumeId).Volumes[0]
	if got, want := text(*i.ImageId, i.InstanceType, *i.SecurityGroups[0].GroupId, i.MetadataOptions.HttpTokens, *i.MetadataOptions.HttpPutResponseHopLimit, *root.Size, root.VolumeType, *i.IamInstanceProfile.Arn, w.attribute(*i.InstanceId, "disableApiTermination")),
		text(testImage, "t3.small", other, "optional", 3, 30, "gp3", "arn:aws:iam::111122223333:instance-profile/app", "true"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := w.tags("Filter.1.Name=resource-id&Filter.1.Value.1="+*i.InstanceId), text("instance a=1", "instance aws:ec2launchtemplate:id="+id, "instance aws:ec2launchtemplate:version=1", "instance b=2"); got != want {
		t.Errorf("the tags are %s, want %s", got, want)
	}
	tag := "ResourceId.1=" + *i.InstanceId
	w.refuse("CreateTags", tag+"&Tag.1.Key=aws:ec2launchtemplate:id&Tag.1.Value=x", "InvalidParameterValue: Value ( aws:ec2launchtemplate:id ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use")
	do[ec2.DeleteTagsOutput](w, "DeleteTags", tag)
	if got := len(w.instance(*i.InstanceId).Tags); got != 2 {
		t.Errorf("%d tags are left, want AWS's two", got)
	}
	for n := range vpc.MaxTags {
		do[ec2.CreateTagsOutput](w, "CreateTags", fmt.Sprintf("%s&Tag.1.Key=k%d&Tag.1.Value=", tag, n))
	}
	w.refuse("CreateTags", tag+"&Tag.1.Key=one&Tag.1.Value=", "TagLimitExceeded: The maximum number of Tags for a resource has been reached.")
	// What the template says of interfaces excludes what the request says of the instance's.
	w.template("faces", "ImageId="+testImage+"&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.Description=d&NetworkInterface.1.SecurityGroupId.1="+group)
	w.refuse("RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=faces&SubnetId="+subnet, "InvalidParameterCombination: Network interfaces and an instance-level subnet ID may not be specified on the same request")
	i = do[ec2.RunInstancesOutput](w, "RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=faces&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId="+subnet).Instances[0]
	if f := i.NetworkInterfaces[0]; *f.Description != "d" || *f.SubnetId != subnet || *f.Groups[0].GroupId != group {
		t.Errorf("got the interface %+v", f)
	}
	w.template("wishes", "ImageId="+testImage+"&InstanceRequirements.VCpuCount.Min=1")
	w.refuse("RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=wishes", "UnsupportedOperation: The parameter LaunchTemplateData.InstanceRequirements is not supported.")
	w.template("gpus", "ImageId="+testImage+"&ElasticGpuSpecification.1.Type=x")
	w.refuse("RunInstances", "MinCount=1&MaxCount=1&LaunchTemplate.LaunchTemplateName=gpus", "UnsupportedOperation: The parameter ElasticGpuSpecification is not supported.")
}

// A request's own parameters win over the template's, times too, before anything is refused.
func TestATimeInATemplateIsOverlaid(t *testing.T) {
	w := newWorld(t)
	const until = "InstanceMarketOptions.SpotOptions.ValidUntil="
	do[ec2.CreateLaunchTemplateOutput](w, "CreateLaunchTemplate", "LaunchTemplateName=spot&LaunchTemplateData."+until+"2030-01-01T00:00:00Z")
	w.refuse("RunInstances", "MinCount=1&MaxCount=1&ImageId=ami-0123456789abcdef0&LaunchTemplate.LaunchTemplateName=spot&"+until+"2031-01-01T00:00:00Z",
		"UnsupportedOperation: The parameter InstanceMarketOptions is not supported.")
}
