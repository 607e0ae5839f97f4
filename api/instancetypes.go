package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// A family is what the instance types of one name before the dot have in common.
type family struct {
	name, arch, vendor string
	ghz                float64 // sustained clock speed; 0: AWS tells none
	old                bool    // not of the current generation
	xen                bool    // else nitro
	burstable          bool
	sizes              []size
}

// A size is an instance type within its family.
type size struct {
	name       string
	vcpus, mib int
	interfaces int // at most
	addresses  int // IPv4, of each interface
	network    string
}

// families are the types that can be asked for; what a machine really gives an instance does not
// depend on them. https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
var families = []family{
	{name: "m1", arch: "x86_64", vendor: "Intel", old: true, xen: true, sizes: []size{
		{"small", 1, 1740, 2, 4, "Low"}, {"medium", 1, 3788, 2, 6, "Moderate"}, {"large", 2, 7680, 3, 10, "Moderate"}, {"xlarge", 4, 15360, 4, 15, "High"}}},
	{name: "t1", arch: "x86_64", vendor: "Intel", old: true, xen: true, sizes: []size{{"micro", 1, 627, 2, 2, "Very Low"}}},
	{name: "t2", arch: "x86_64", vendor: "Intel", ghz: 2.4, xen: true, burstable: true, sizes: []size{
		{"nano", 1, 512, 2, 2, "Low to Moderate"}, {"micro", 1, 1024, 2, 2, "Low to Moderate"}, {"small", 1, 2048, 3, 4, "Low to Moderate"},
		{"medium", 2, 4096, 3, 6, "Low to Moderate"}, {"large", 2, 8192, 3, 12, "Low to Moderate"}, {"xlarge", 4, 16384, 3, 15, "Moderate"},
		{"2xlarge", 8, 32768, 3, 15, "Moderate"}}},
	{name: "t3", arch: "x86_64", vendor: "Intel", ghz: 2.5, burstable: true, sizes: burstable},
	{name: "t3a", arch: "x86_64", vendor: "AMD", ghz: 2.2, burstable: true, sizes: burstable},
	{name: "t4g", arch: "arm64", vendor: "AWS", ghz: 2.5, burstable: true, sizes: burstable},
	{name: "m4", arch: "x86_64", vendor: "Intel", ghz: 2.4, old: true, xen: true, sizes: sizes(4, tenGigabit, "large", "xlarge", "2xlarge", "4xlarge")},
	{name: "m5", arch: "x86_64", vendor: "Intel", ghz: 3.1, old: true, sizes: sizes(4, tenGigabit, intel...)},
	{name: "m5a", arch: "x86_64", vendor: "AMD", ghz: 2.5, sizes: sizes(4, tenGigabit, intel...)},
	{name: "m6a", arch: "x86_64", vendor: "AMD", ghz: 3.6, sizes: sizes(4, twelveGigabit, intel...)},
	{name: "m6g", arch: "arm64", vendor: "AWS", ghz: 2.5, sizes: sizes(4, tenGigabit, graviton...)},
	{name: "m6i", arch: "x86_64", vendor: "Intel", ghz: 3.5, old: true, sizes: sizes(4, twelveGigabit, intel...)},
	{name: "m7a", arch: "x86_64", vendor: "AMD", ghz: 3.7, sizes: sizes(4, twelveGigabit, slices.Concat([]string{"medium"}, intel)...)},
	{name: "m7g", arch: "arm64", vendor: "AWS", ghz: 2.6, sizes: sizes(4, fifteenGigabit, graviton...)},
	{name: "m7i", arch: "x86_64", vendor: "Intel", ghz: 3.2, sizes: sizes(4, twelveGigabit, intel...)},
	{name: "m8g", arch: "arm64", vendor: "AWS", ghz: 2.8, sizes: sizes(4, fifteenGigabit, graviton...)},
	{name: "c5", arch: "x86_64", vendor: "Intel", ghz: 3.4, old: true, sizes: sizes(2, tenGigabit, "large", "xlarge", "2xlarge", "4xlarge", "9xlarge", "12xlarge", "18xlarge", "24xlarge")},
	{name: "c5a", arch: "x86_64", vendor: "AMD", ghz: 3.3, sizes: sizes(2, tenGigabit, intel...)},
	{name: "c6a", arch: "x86_64", vendor: "AMD", ghz: 3.6, sizes: sizes(2, twelveGigabit, intel...)},
	{name: "c6g", arch: "arm64", vendor: "AWS", ghz: 2.5, sizes: sizes(2, tenGigabit, graviton...)},
	{name: "c6i", arch: "x86_64", vendor: "Intel", ghz: 3.5, old: true, sizes: sizes(2, twelveGigabit, intel...)},
	{name: "c7g", arch: "arm64", vendor: "AWS", ghz: 2.6, sizes: sizes(2, fifteenGigabit, graviton...)},
	{name: "c7i", arch: "x86_64", vendor: "Intel", ghz: 3.2, sizes: sizes(2, twelveGigabit, intel...)},
	{name: "r5", arch: "x86_64", vendor: "Intel", ghz: 3.1, old: true, sizes: sizes(8, tenGigabit, intel...)},
	{name: "r5a", arch: "x86_64", vendor: "AMD", ghz: 2.5, sizes: sizes(8, tenGigabit, intel...)},
	{name: "r6g", arch: "arm64", vendor: "AWS", ghz: 2.5, sizes: sizes(8, tenGigabit, graviton...)},
	{name: "r6i", arch: "x86_64", vendor: "Intel", ghz: 3.5, old: true, sizes: sizes(8, twelveGigabit, intel...)},
	{name: "r7g", arch: "arm64", vendor: "AWS", ghz: 2.6, sizes: sizes(8, fifteenGigabit, graviton...)},
	{name: "r7i", arch: "x86_64", vendor: "Intel", ghz: 3.2, sizes: sizes(8, twelveGigabit, intel...)},
}

var burstable = []size{
	{"nano", 2, 512, 2, 2, "Up to 5 Gigabit"}, {"micro", 2, 1024, 2, 2, "Up to 5 Gigabit"}, {"small", 2, 2048, 3, 4, "Up to 5 Gigabit"},
	{"medium", 2, 4096, 3, 6, "Up to 5 Gigabit"}, {"large", 2, 8192, 3, 12, "Up to 5 Gigabit"}, {"xlarge", 4, 16384, 4, 15, "Up to 5 Gigabit"},
	{"2xlarge", 8, 32768, 4, 15, "Up to 5 Gigabit"},
}

// The sizes of the families on Intel and AMD, and on AWS's own processors.
var (
	intel    = []string{"large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"}
	graviton = []string{"medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"}
)

// How fast the network of a generation is, by vCPUs.
func tenGigabit(vcpus int) string {
	switch {
	case vcpus <= 16:
		return "Up to 10 Gigabit"
	case vcpus <= 32:
		return "10 Gigabit"
	case vcpus <= 48:
		return "12 Gigabit"
	case vcpus <= 64:
		return "20 Gigabit"
	}
	return "25 Gigabit"
}

func twelveGigabit(vcpus int) string {
	if vcpus <= 16 {
		return "Up to 12.5 Gigabit"
	}
	return fmt.Sprintf("%g Gigabit", 12.5*float64(vcpus)/32)
}

func fifteenGigabit(vcpus int) string {
	switch {
	case vcpus <= 4:
		return "Up to 12.5 Gigabit"
	case vcpus <= 16:
		return "Up to 15 Gigabit"
	}
	return fmt.Sprintf("%g Gigabit", 15*float64(vcpus)/32)
}

// sizes makes the regular sizes of a family with so many GiB for each vCPU.
func sizes(gib int, network func(vcpus int) string, names ...string) (out []size) {
	for _, name := range names {
		vcpus := 1
		switch {
		case name == "large":
			vcpus = 2
		case strings.HasSuffix(name, "xlarge"):
			n := 1
			fmt.Sscanf(name, "%dxlarge", &n)
			vcpus = 4 * n
		}
		interfaces, addresses := 15, 50
		switch {
		case vcpus == 1:
			interfaces, addresses = 2, 4
		case vcpus == 2:
			interfaces, addresses = 3, 10
		case vcpus <= 8:
			interfaces, addresses = 4, 15
		case vcpus < 64:
			interfaces, addresses = 8, 30
		}
		out = append(out, size{name, vcpus, vcpus * gib * 1024, interfaces, addresses, network(vcpus)})
	}
	return out
}

// An instanceType is a size with its family.
type instanceType struct {
	*family
	*size
}

func (t instanceType) String() string { return t.family.name + "." + t.size.name }

// instanceTypes are all types by name.
var instanceTypes = func() map[string]instanceType {
	byName := map[string]instanceType{}
	for i := range families {
		for j := range families[i].sizes {
			t := instanceType{&families[i], &families[i].sizes[j]}
			byName[t.String()] = t
		}
	}
	return byName
}()

var instanceTypeNames = slices.Sorted(maps.Keys(instanceTypes))

// What RunInstances takes where no type is named. AWS always takes m1.small, which cannot run an
// image for arm64; here every image that is listed runs without more ado.
const (
	defaultInstanceType = "m1.small"
	defaultArmType      = "t4g.small"
)

// credits is the CPU credit option of an instance of the type for which none was asked.
func (t instanceType) credits() string {
	switch {
	case t.family == nil || !t.burstable:
		return ""
	case t.xen:
		return "standard"
	}
	return "unlimited"
}

// threads is how many vCPUs share a core.
func (t instanceType) threads() int {
	if t.xen && t.burstable || t.arch == "arm64" || t.vcpus == 1 || t.family.name == "m1" || t.family.name == "m7a" {
		return 1
	}
	return 2
}

// describeInstanceTypes lists the types that can be asked for.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
func describeInstanceTypes(s *vpc.State, in *ec2.DescribeInstanceTypesInput) (*ec2.DescribeInstanceTypesOutput, error) {
	var unknown []string
	for _, name := range in.InstanceTypes {
		if _, ok := instanceTypes[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, vpc.Errorf("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
	}
	var all []ec2.InstanceTypeInfo
	for _, name := range instanceTypeNames {
		if len(in.InstanceTypes) == 0 || slices.Contains(in.InstanceTypes, name) {
			all = append(all, instanceTypes[name].describe())
		}
	}
	page, next, err := instanceTypeListing.page(s, in, len(in.InstanceTypes) > 0, all)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeInstanceTypesOutput{InstanceTypes: page, NextToken: next}, nil
}

func (t instanceType) describe() ec2.InstanceTypeInfo {
	out := ec2.InstanceTypeInfo{
		InstanceType: t.String(), CurrentGeneration: new(!t.old), BareMetal: new(false), BurstablePerformanceSupported: new(t.burstable),
		FreeTierEligible: new(t.String() == "t3.micro" || t.String() == "t3.small" || t.String() == "t4g.micro" || t.String() == "t4g.small"),
		Hypervisor:       "nitro", SupportedVirtualizationTypes: []string{"hvm"}, SupportedRootDeviceTypes: []string{"ebs"},
		SupportedUsageClasses: []string{"on-demand"}, SupportedBootModes: []string{"legacy-bios", "uefi"},
		AutoRecoverySupported: new(false), DedicatedHostsSupported: new(false), HibernationSupported: new(false),
		InstanceStorageSupported: new(false), NitroEnclavesSupport: "unsupported", NitroTpmSupport: "unsupported", PhcSupport: "unsupported",
		ProcessorInfo: &ec2.ProcessorInfo{Manufacturer: new(t.vendor), SupportedArchitectures: []string{t.arch}},
		VCpuInfo: &ec2.VCpuInfo{DefaultVCpus: new(int32(t.vcpus)), DefaultCores: new(int32(t.vcpus / t.threads())),
			DefaultThreadsPerCore: new(int32(t.threads()))},
		MemoryInfo: &ec2.MemoryInfo{SizeInMiB: new(int64(t.mib))},
		EbsInfo: &ec2.EbsInfo{EbsOptimizedSupport: "default", EncryptionSupport: "supported", NvmeSupport: "required",
			AttachmentLimitType: "shared", MaximumEbsAttachments: new(int32(27))},
		PlacementGroupInfo: &ec2.PlacementGroupInfo{SupportedStrategies: []string{}},
		NetworkInfo: &ec2.NetworkInfo{
			NetworkPerformance: new(t.network), MaximumNetworkInterfaces: new(int32(t.interfaces)), MaximumNetworkCards: new(int32(1)),
			DefaultNetworkCardIndex: new(int32(0)), Ipv4AddressesPerInterface: new(int32(t.addresses)),
			Ipv6AddressesPerInterface: new(int32(t.addresses)), Ipv6Supported: new(true), EnaSupport: "required", EfaSupported: new(false),
			EnaSrdSupported: new(false), EncryptionInTransitSupported: new(false),
			NetworkCards: []ec2.NetworkCardInfo{{NetworkCardIndex: new(int32(0)), NetworkPerformance: new(t.network),
				MaximumNetworkInterfaces: new(int32(t.interfaces))}},
		},
	}
	if t.ghz > 0 {
		out.ProcessorInfo.SustainedClockSpeedInGhz = new(t.ghz)
	}
	if t.arch == "arm64" {
		out.SupportedBootModes = []string{"uefi"}
	}
	if t.xen {
		out.Hypervisor, out.SupportedBootModes = "xen", []string{"legacy-bios"}
		out.EbsInfo.EbsOptimizedSupport, out.EbsInfo.NvmeSupport = "unsupported", "unsupported"
		out.NetworkInfo.EnaSupport = "unsupported"
	}
	if t.family.name == "m1" || t.family.name == "t1" {
		out.NetworkInfo.Ipv6Supported, out.NetworkInfo.Ipv6AddressesPerInterface = new(false), new(int32(0))
		out.ProcessorInfo.SupportedArchitectures = []string{"i386", "x86_64"}
		out.SupportedVirtualizationTypes = []string{"hvm", "paravirtual"}
	}
	return out
}

// instanceTypeListing's filters are those that speak of what the types here differ in.
var instanceTypeListing = listing[ec2.InstanceTypeInfo]{
	paging: paging{low: 5, high: 100},
	key:    func(t *ec2.InstanceTypeInfo) string { return t.InstanceType },
	filters: filters[ec2.InstanceTypeInfo]{
		"auto-recovery-supported":               func(t *ec2.InstanceTypeInfo) []string { return of(t.AutoRecoverySupported) },
		"bare-metal":                            func(t *ec2.InstanceTypeInfo) []string { return of(t.BareMetal) },
		"burstable-performance-supported":       func(t *ec2.InstanceTypeInfo) []string { return of(t.BurstablePerformanceSupported) },
		"current-generation":                    func(t *ec2.InstanceTypeInfo) []string { return of(t.CurrentGeneration) },
		"dedicated-hosts-supported":             func(t *ec2.InstanceTypeInfo) []string { return of(t.DedicatedHostsSupported) },
		"ebs-info.ebs-optimized-support":        func(t *ec2.InstanceTypeInfo) []string { return of(t.EbsInfo.EbsOptimizedSupport) },
		"ebs-info.encryption-support":           func(t *ec2.InstanceTypeInfo) []string { return of(t.EbsInfo.EncryptionSupport) },
		"ebs-info.nvme-support":                 func(t *ec2.InstanceTypeInfo) []string { return of(t.EbsInfo.NvmeSupport) },
		"free-tier-eligible":                    func(t *ec2.InstanceTypeInfo) []string { return of(t.FreeTierEligible) },
		"hibernation-supported":                 func(t *ec2.InstanceTypeInfo) []string { return of(t.HibernationSupported) },
		"hypervisor":                            func(t *ec2.InstanceTypeInfo) []string { return of(t.Hypervisor) },
		"instance-storage-supported":            func(t *ec2.InstanceTypeInfo) []string { return of(t.InstanceStorageSupported) },
		"instance-type":                         func(t *ec2.InstanceTypeInfo) []string { return of(t.InstanceType) },
		"memory-info.size-in-mib":               func(t *ec2.InstanceTypeInfo) []string { return of(int32(*t.MemoryInfo.SizeInMiB)) },
		"network-info.efa-supported":            func(t *ec2.InstanceTypeInfo) []string { return of(t.NetworkInfo.EfaSupported) },
		"network-info.ena-support":              func(t *ec2.InstanceTypeInfo) []string { return of(t.NetworkInfo.EnaSupport) },
		"network-info.ipv6-supported":           func(t *ec2.InstanceTypeInfo) []string { return of(t.NetworkInfo.Ipv6Supported) },
		"network-info.network-performance":      func(t *ec2.InstanceTypeInfo) []string { return of(t.NetworkInfo.NetworkPerformance) },
		"nitro-enclaves-support":                func(t *ec2.InstanceTypeInfo) []string { return of(t.NitroEnclavesSupport) },
		"nitro-tpm-support":                     func(t *ec2.InstanceTypeInfo) []string { return of(t.NitroTpmSupport) },
		"supported-boot-mode":                   func(t *ec2.InstanceTypeInfo) []string { return t.SupportedBootModes },
		"supported-root-device-type":            func(t *ec2.InstanceTypeInfo) []string { return t.SupportedRootDeviceTypes },
		"supported-usage-class":                 func(t *ec2.InstanceTypeInfo) []string { return t.SupportedUsageClasses },
		"supported-virtualization-type":         func(t *ec2.InstanceTypeInfo) []string { return t.SupportedVirtualizationTypes },
		"vcpu-info.default-cores":               func(t *ec2.InstanceTypeInfo) []string { return of(t.VCpuInfo.DefaultCores) },
		"vcpu-info.default-threads-per-core":    func(t *ec2.InstanceTypeInfo) []string { return of(t.VCpuInfo.DefaultThreadsPerCore) },
		"vcpu-info.default-vcpus":               func(t *ec2.InstanceTypeInfo) []string { return of(t.VCpuInfo.DefaultVCpus) },
		"processor-info.supported-architecture": func(t *ec2.InstanceTypeInfo) []string { return t.ProcessorInfo.SupportedArchitectures },
		"processor-info.sustained-clock-speed-in-ghz": func(t *ec2.InstanceTypeInfo) []string {
			if t.ProcessorInfo.SustainedClockSpeedInGhz == nil {
				return nil
			}
			return []string{fmt.Sprint(*t.ProcessorInfo.SustainedClockSpeedInGhz)}
		},
		"network-info.ipv4-addresses-per-interface": func(t *ec2.InstanceTypeInfo) []string {
			return of(t.NetworkInfo.Ipv4AddressesPerInterface)
		},
		"network-info.ipv6-addresses-per-interface": func(t *ec2.InstanceTypeInfo) []string {
			return of(t.NetworkInfo.Ipv6AddressesPerInterface)
		},
		"network-info.maximum-network-cards": func(t *ec2.InstanceTypeInfo) []string { return of(t.NetworkInfo.MaximumNetworkCards) },
		"network-info.maximum-network-interfaces": func(t *ec2.InstanceTypeInfo) []string {
			return of(t.NetworkInfo.MaximumNetworkInterfaces)
		},
		"network-info.encryption-in-transit-supported": func(t *ec2.InstanceTypeInfo) []string {
			return of(t.NetworkInfo.EncryptionInTransitSupported)
		},
	}.never("ebs-info.attachment-limit-type", "ebs-info.maximum-ebs-attachments", "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
		"ebs-info.ebs-optimized-info.baseline-iops", "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
		"ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps", "ebs-info.ebs-optimized-info.maximum-iops",
		"ebs-info.ebs-optimized-info.maximum-throughput-in-mbps", "instance-storage-info.disk.count", "instance-storage-info.disk.size-in-gb",
		"instance-storage-info.disk.type", "instance-storage-info.encryption-support", "instance-storage-info.nvme-support",
		"instance-storage-info.total-size-in-gb", "network-info.bandwidth-weightings", "network-info.efa-info.maximum-efa-interfaces",
		"network-info.flexible-ena-queues-support", "nitro-tpm-info.supported-versions", "processor-info.supported-features",
		"reboot-migration-support", "vcpu-info.valid-cores", "vcpu-info.valid-threads-per-core"),
}

// describeInstanceTypeOfferings says where the types can be had: everywhere.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
func describeInstanceTypeOfferings(s *vpc.State, in *ec2.DescribeInstanceTypeOfferingsInput) (*ec2.DescribeInstanceTypeOfferingsOutput, error) {
	kind := in.LocationType
	if kind == "" {
		kind = "region"
	}
	var locations []string
	switch kind {
	case "region":
		locations = []string{s.Region}
	case "availability-zone", "availability-zone-id":
		for _, z := range vpc.Zones(s.Region) {
			if kind == "availability-zone" {
				locations = append(locations, z.Name)
			} else {
				locations = append(locations, z.ID)
			}
		}
	case "outpost":
	default:
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for LocationType.", kind)
	}
	var all []ec2.InstanceTypeOffering
	for _, name := range instanceTypeNames {
		for _, l := range locations {
			all = append(all, ec2.InstanceTypeOffering{InstanceType: name, Location: new(l), LocationType: kind})
		}
	}
	page, next, err := offeringListing.page(s, in, false, all)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeInstanceTypeOfferingsOutput{InstanceTypeOfferings: page, NextToken: next}, nil
}

var offeringListing = listing[ec2.InstanceTypeOffering]{
	paging: paging{low: 5, high: 1000},
	key:    func(o *ec2.InstanceTypeOffering) string { return o.InstanceType + "/" + *o.Location },
	filters: filters[ec2.InstanceTypeOffering]{
		"instance-type": func(o *ec2.InstanceTypeOffering) []string { return of(o.InstanceType) },
		"location":      func(o *ec2.InstanceTypeOffering) []string { return of(o.Location) },
	},
}
