package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

func TestImagesAreFoundByTheNamesThatPeopleLookFor(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ form, want string }{
		{"Owner.1=amazon&Filter.1.Name=name&Filter.1.Value.1=al2023-ami-2023*-x86_64", "al2023-ami-2023.11.20260427.1-kernel-6.1-x86_64 al2023-ami-2023.11.20260427.1-kernel-6.12-x86_64"},
		{"Owner.1=amazon&Filter.1.Name=name&Filter.1.Value.1=al2023-ami-2023.*-kernel-6.1-arm64&Filter.2.Name=architecture&Filter.2.Value.1=arm64", "al2023-ami-2023.11.20260427.1-kernel-6.1-arm64"},
		{"Owner.1=099720109477&Filter.1.Name=name&Filter.1.Value.1=ubuntu/images/hvm-ssd*/ubuntu-jammy-22.04-amd64-server-*", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20260421"},
		{"Owner.1=099720109477&Filter.1.Name=name&Filter.1.Value.1=ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*&Filter.2.Name=virtualization-type&Filter.2.Value.1=hvm", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260423"},
		{"Owner.1=136693071363&Filter.1.Name=name&Filter.1.Value.1=debian-12-amd64-*&Filter.2.Name=root-device-type&Filter.2.Value.1=ebs&Filter.3.Name=state&Filter.3.Value.1=available", "debian-12-amd64-20260413-2447"},
		{"Owner.1=137112412989&Filter.1.Name=name&Filter.1.Value.1=amzn2-ami-hvm-*-x86_64-gp2", "amzn2-ami-hvm-2.0.20260427.1-x86_64-gp2"},
		{"Filter.1.Name=owner-id&Filter.1.Value.1=136693071363&Filter.2.Name=creation-date&Filter.2.Value.1=2026-04-13T*&Filter.3.Name=architecture&Filter.3.Value.1=x86_64", "debian-12-amd64-20260413-2447 debian-13-amd64-20260413-2447"},
		{"Owner.1=self", ""},
		{"Owner.1=aws-marketplace", ""},
		{"Owner.1=self&Owner.2=136693071363&Filter.1.Name=name&Filter.1.Value.1=debian-12-arm64-*", "debian-12-arm64-20260413-2447"},
		{"ExecutableBy.1=self", ""},
		{"Filter.1.Name=platform&Filter.1.Value.1=windows", ""},
	} {
		out := do[ec2.DescribeImagesOutput](w, "DescribeImages", c.form)
		var names []string
		for _, m := range out.Images {
			names = append(names, *m.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.form, got, c.want)
		}
	}
}

func TestAnImageIsTheSameAtEveryReadingAndHasItsRootDevice(t *testing.T) {
	w := newWorld(t)
	all := do[ec2.DescribeImagesOutput](w, "DescribeImages", "").Images
	seen := map[string]bool{}
	for _, m := range all {
		if checkImageID(*m.ImageId) != nil || seen[*m.ImageId] || m.State != "available" {
			t.Errorf("%s has the id %s", *m.Name, *m.ImageId)
		}
		seen[*m.ImageId] = true
		if !slices.Contains(each(m.BlockDeviceMappings, func(d *ec2.BlockDeviceMapping) *string { return d.DeviceName }), *m.RootDeviceName) {
			t.Errorf("%s: the root device %s is not mapped", *m.Name, *m.RootDeviceName)
		}
	}
	again := do[ec2.DescribeImagesOutput](w, "DescribeImages", "ImageId.1="+*all[0].ImageId).Images
	if len(again) != 1 || *again[0].Name != *all[0].Name {
		t.Errorf("got %+v", again)
	}
	elsewhere := w.as(vpc.Scope{Account: "444455556666", Region: "eu-west-1"})
	for _, m := range do[ec2.DescribeImagesOutput](elsewhere, "DescribeImages", "").Images {
		if seen[*m.ImageId] {
			t.Errorf("%s has the same id in two Regions", *m.Name)
		}
	}
	w.refuse("DescribeImages", "ImageId.1=ami-0123456789abcdef0", "InvalidAMIID.NotFound: The image id '[ami-0123456789abcdef0]' does not exist")
	w.refuse("DescribeImages", "ImageId.1=ami-0123456789abcdef0&ImageId.2=ami-01234567", "InvalidAMIID.NotFound: The image ids '[ami-0123456789abcdef0, ami-01234567]' do not exist")
	w.refuse("DescribeImages", "ImageId.1=foo", `InvalidAMIID.Malformed: Invalid id: "foo" (expecting "ami-...")`)
	w.refuse("DescribeImages", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'colour' is invalid")
}

func TestRegionsAndZones(t *testing.T) {
	w := newWorld(t)
	if n := len(do[ec2.DescribeRegionsOutput](w, "DescribeRegions", "").Regions); n != len(vpc.RegionNames()) {
		t.Errorf("there are %d Regions", n)
	}
	r := do[ec2.DescribeRegionsOutput](w, "DescribeRegions", "RegionName.1=eu-west-1&AllRegions=true").Regions
	if len(r) != 1 || *r[0].Endpoint != "ec2.eu-west-1.amazonaws.com" || *r[0].OptInStatus != "opt-in-not-required" {
		t.Errorf("got %+v", r)
	}
	w.refuse("DescribeRegions", "RegionName.1=mars-1", "InvalidParameterValue: Invalid region: [mars-1]")
	zones := func(form string) string {
		t.Helper()
		var names []string
		for _, z := range do[ec2.DescribeAvailabilityZonesOutput](w, "DescribeAvailabilityZones", form).AvailabilityZones {
			names = append(names, *z.ZoneName+" "+*z.ZoneId+" "+z.State+" "+*z.RegionName+" "+*z.GroupName)
		}
		return strings.Join(names, "\n")
	}
	if got := strings.Count(zones(""), "\n"); got != 5 {
		t.Errorf("there are %d zones", got+1)
	}
	for _, form := range []string{"ZoneName.1=us-east-1b", "ZoneId.1=use1-az2", "Filter.1.Name=zone-name&Filter.1.Value.1=*b", "Filter.1.Name=zone-id&Filter.1.Value.1=use1-az2&Filter.2.Name=opt-in-status&Filter.2.Value.1=opt-in-not-required"} {
		if got, want := zones(form), "us-east-1b use1-az2 available us-east-1 us-east-1-zg-1"; got != want {
			t.Errorf("%s: got %s", form, got)
		}
	}
	w.refuse("DescribeAvailabilityZones", "ZoneName.1=us-east-1z", "InvalidParameterValue: Invalid availability zone: [us-east-1z]")
}

func TestInstanceTypes(t *testing.T) {
	w := newWorld(t)
	one := func(name string) ec2.InstanceTypeInfo {
		t.Helper()
		return do[ec2.DescribeInstanceTypesOutput](w, "DescribeInstanceTypes", "InstanceType.1="+name).InstanceTypes[0]
	}
	for _, c := range []struct{ name, want string }{
		{"m1.small", "1 1 1740 2 4 xen x86_64 false false Low"},
		{"t2.micro", "1 1 1024 2 2 xen x86_64 true true Low to Moderate"},
		{"t3.micro", "2 1 1024 2 2 nitro x86_64 true true Up to 5 Gigabit"},
		{"t4g.2xlarge", "8 8 32768 4 15 nitro arm64 true true Up to 5 Gigabit"},
		{"m5.large", "2 1 8192 3 10 nitro x86_64 false false Up to 10 Gigabit"},
		{"m7i.8xlarge", "32 16 131072 8 30 nitro x86_64 true false 12.5 Gigabit"},
		{"c6g.medium", "1 1 2048 2 4 nitro arm64 true false Up to 10 Gigabit"},
		{"c5.9xlarge", "36 18 73728 8 30 nitro x86_64 false false 12 Gigabit"},
		{"r5.24xlarge", "96 48 786432 15 50 nitro x86_64 false false 25 Gigabit"},
		{"r7g.16xlarge", "64 64 524288 15 50 nitro arm64 true false 30 Gigabit"},
	} {
		i := one(c.name)
		got := strings.ReplaceAll(text(*i.VCpuInfo.DefaultVCpus, *i.VCpuInfo.DefaultCores, *i.MemoryInfo.SizeInMiB, *i.NetworkInfo.MaximumNetworkInterfaces,
			*i.NetworkInfo.Ipv4AddressesPerInterface, i.Hypervisor, i.ProcessorInfo.SupportedArchitectures[len(i.ProcessorInfo.SupportedArchitectures)-1],
			*i.CurrentGeneration, *i.BurstablePerformanceSupported, *i.NetworkInfo.NetworkPerformance), "\n", " ")
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	filtered := do[ec2.DescribeInstanceTypesOutput](w, "DescribeInstanceTypes",
		"Filter.1.Name=burstable-performance-supported&Filter.1.Value.1=true&Filter.2.Name=memory-info.size-in-mib&Filter.2.Value.1=1024&Filter.3.Name=processor-info.supported-architecture&Filter.3.Value.1=arm64").InstanceTypes
	if len(filtered) != 1 || filtered[0].InstanceType != "t4g.micro" {
		t.Errorf("got %+v", filtered)
	}
	names := map[string]bool{}
	token := ""
	for {
		out := do[ec2.DescribeInstanceTypesOutput](w, "DescribeInstanceTypes", "MaxResults=100"+token)
		for _, i := range out.InstanceTypes {
			names[i.InstanceType] = true
		}
		if out.NextToken == nil {
			break
		}
		token = "&NextToken=" + url.QueryEscape(*out.NextToken)
	}
	if len(names) != len(instanceTypes) {
		t.Errorf("the pages hold %d types of %d", len(names), len(instanceTypes))
	}
	w.refuse("DescribeInstanceTypes", "InstanceType.1=x9.huge&InstanceType.2=t3.micro&InstanceType.3=x9.tiny", "InvalidInstanceType: The following supplied instance types do not exist: [x9.huge, x9.tiny]")
	offered := do[ec2.DescribeInstanceTypeOfferingsOutput](w, "DescribeInstanceTypeOfferings", "LocationType=availability-zone&Filter.1.Name=instance-type&Filter.1.Value.1=t3.micro").InstanceTypeOfferings
	if len(offered) != 6 || *offered[0].Location != "us-east-1a" {
		t.Errorf("got %+v", offered)
	}
}

func TestAnAccountLearnsAboutItself(t *testing.T) {
	w := newWorld(t)
	attribute := func(form string) string {
		t.Helper()
		var all []string
		for _, a := range do[ec2.DescribeAccountAttributesOutput](w, "DescribeAccountAttributes", form).AccountAttributes {
			all = append(all, *a.AttributeName+"="+*a.AttributeValues[0].AttributeValue)
		}
		return strings.Join(all, " ")
	}
	v := w.state.As(testScope).DefaultVPC().ID
	if got, want := attribute(""), "vpc-max-security-groups-per-interface=5 max-instances=1000 supported-platforms=VPC default-vpc="+v+" max-elastic-ips=5 vpc-max-elastic-ips=5"; got != want {
		t.Errorf("got %s", got)
	}
	if got := attribute("AttributeName.1=default-vpc"); got != "default-vpc="+v {
		t.Errorf("got %s", got)
	}
	w.refuse("DescribeAccountAttributes", "AttributeName.1=colour", "InvalidParameterValue: Value (colour) for parameter attributeName is invalid. Unknown attribute.")
}
