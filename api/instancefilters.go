package api

import (
	"strconv"
	"time"

	"crenel/ec2"
)

var instanceListing = listing[reservedInstance]{
	filters: instanceFilters,
	paging:  paging{low: 5, high: 1000, ids: "instancesSet", old: true},
	key:     func(r *reservedInstance) string { return r.of.Reservation + "/" + strconv.Itoa(1e6+r.of.LaunchIndex) },
}

var instanceFilters = withInterfaces(filters[reservedInstance]{
	"architecture":               func(r *reservedInstance) []string { return of(r.Architecture) },
	"availability-zone":          func(r *reservedInstance) []string { return of(r.Placement.AvailabilityZone) },
	"availability-zone-id":       func(r *reservedInstance) []string { return of(r.Placement.AvailabilityZoneId) },
	"boot-mode":                  func(r *reservedInstance) []string { return of(r.BootMode) },
	"client-token":               func(r *reservedInstance) []string { return of(r.ClientToken) },
	"current-instance-boot-mode": func(r *reservedInstance) []string { return of(r.CurrentInstanceBootMode) },
	"dns-name":                   func(r *reservedInstance) []string { return of(r.PublicDnsName) },
	"ebs-optimized":              func(r *reservedInstance) []string { return of(r.EbsOptimized) },
	"ena-support":                func(r *reservedInstance) []string { return of(r.EnaSupport) },
	"enclave-options.enabled":    func(r *reservedInstance) []string { return of(r.EnclaveOptions.Enabled) },
	"hibernation-options.configured": func(r *reservedInstance) []string {
		return of(r.HibernationOptions.Configured)
	},
	"hypervisor":          func(r *reservedInstance) []string { return of(r.Hypervisor) },
	"image-id":            func(r *reservedInstance) []string { return of(r.ImageId) },
	"instance-id":         func(r *reservedInstance) []string { return of(r.InstanceId) },
	"instance-state-code": func(r *reservedInstance) []string { return of(r.State.Code) },
	"instance-state-name": func(r *reservedInstance) []string { return of(r.State.Name) },
	"instance-type":       func(r *reservedInstance) []string { return of(r.InstanceType) },
	"ip-address":          func(r *reservedInstance) []string { return of(r.PublicIpAddress) },
	"ipv6-address": func(r *reservedInstance) (held []string) {
		for _, n := range r.NetworkInterfaces {
			held = append(held, each(n.Ipv6Addresses, func(a *ec2.InstanceIpv6Address) *string { return a.Ipv6Address })...)
		}
		return held
	},
	"key-name":                         func(r *reservedInstance) []string { return of(r.KeyName) },
	"launch-index":                     func(r *reservedInstance) []string { return of(r.AmiLaunchIndex) },
	"block-device-mapping.attach-time": deviceOf(func(v *ec2.EbsInstanceBlockDevice) []string { return moment(v.AttachTime) }),
	"block-device-mapping.delete-on-termination": deviceOf(func(v *ec2.EbsInstanceBlockDevice) []string { return of(v.DeleteOnTermination) }),
	"block-device-mapping.status":                deviceOf(func(v *ec2.EbsInstanceBlockDevice) []string { return of(v.Status) }),
	"block-device-mapping.volume-id":             deviceOf(func(v *ec2.EbsInstanceBlockDevice) []string { return of(v.VolumeId) }),
	"block-device-mapping.device-name": func(r *reservedInstance) []string {
		return each(r.BlockDeviceMappings, func(d *ec2.InstanceBlockDeviceMapping) *string { return d.DeviceName })
	},
	"iam-instance-profile.arn":  profileOf(func(p *ec2.IamInstanceProfile) []string { return of(p.Arn) }),
	"iam-instance-profile.id":   profileOf(func(p *ec2.IamInstanceProfile) []string { return of(p.Id) }),
	"iam-instance-profile.name": profileOf(func(p *ec2.IamInstanceProfile) []string { return []string{profileName(*p.Arn)} }),
	"launch-time":               func(r *reservedInstance) []string { return moment(r.LaunchTime) },
	"maintenance-options.auto-recovery": func(r *reservedInstance) []string {
		return of(r.MaintenanceOptions.AutoRecovery)
	},
	"metadata-options.http-endpoint":      func(r *reservedInstance) []string { return of(r.MetadataOptions.HttpEndpoint) },
	"metadata-options.http-protocol-ipv6": func(r *reservedInstance) []string { return of(r.MetadataOptions.HttpProtocolIpv6) },
	"metadata-options.http-put-response-hop-limit": func(r *reservedInstance) []string {
		return of(r.MetadataOptions.HttpPutResponseHopLimit)
	},
	"metadata-options.http-tokens": func(r *reservedInstance) []string { return of(r.MetadataOptions.HttpTokens) },
	"metadata-options.instance-metadata-tags": func(r *reservedInstance) []string {
		return of(r.MetadataOptions.InstanceMetadataTags)
	},
	"metadata-options.state": func(r *reservedInstance) []string { return of(r.MetadataOptions.State) },
	"monitoring-state":       func(r *reservedInstance) []string { return of(r.Monitoring.State) },
	"network-performance-options.bandwidth-weighting": func(r *reservedInstance) []string {
		return of(r.NetworkPerformanceOptions.BandwidthWeighting)
	},
	"owner-id":            func(r *reservedInstance) []string { return of(r.of.Account) },
	"platform-details":    func(r *reservedInstance) []string { return of(r.PlatformDetails) },
	"private-dns-name":    func(r *reservedInstance) []string { return of(r.PrivateDnsName) },
	"private-ip-address":  func(r *reservedInstance) []string { return of(r.PrivateIpAddress) },
	"reason":              func(r *reservedInstance) []string { return of(r.StateTransitionReason) },
	"reservation-id":      func(r *reservedInstance) []string { return of(r.of.Reservation) },
	"root-device-name":    func(r *reservedInstance) []string { return of(r.RootDeviceName) },
	"root-device-type":    func(r *reservedInstance) []string { return of(r.RootDeviceType) },
	"source-dest-check":   func(r *reservedInstance) []string { return of(r.SourceDestCheck) },
	"state-reason-code":   func(r *reservedInstance) []string { return of(r.of.ReasonCode) },
	"subnet-id":           func(r *reservedInstance) []string { return of(r.SubnetId) },
	"tenancy":             func(r *reservedInstance) []string { return of(r.Placement.Tenancy) },
	"usage-operation":     func(r *reservedInstance) []string { return of(r.UsageOperation) },
	"virtualization-type": func(r *reservedInstance) []string { return of(r.VirtualizationType) },
	"vpc-id":              func(r *reservedInstance) []string { return of(r.VpcId) },

	"capacity-reservation-specification.capacity-reservation-preference": func(r *reservedInstance) []string {
		return of(r.CapacityReservationSpecification.CapacityReservationPreference)
	},
	"instance.group-id": func(r *reservedInstance) []string {
		return each(r.SecurityGroups, func(g *ec2.GroupIdentifier) *string { return g.GroupId })
	},
	"instance.group-name": func(r *reservedInstance) []string {
		return each(r.SecurityGroups, func(g *ec2.GroupIdentifier) *string { return g.GroupName })
	},
	"private-dns-name-options.hostname-type": dnsOption(func(o *ec2.PrivateDnsNameOptionsResponse) []string { return of(o.HostnameType) }),
	"private-dns-name-options.enable-resource-name-dns-a-record": dnsOption(func(o *ec2.PrivateDnsNameOptionsResponse) []string {
		return of(o.EnableResourceNameDnsARecord)
	}),
	"private-dns-name-options.enable-resource-name-dns-aaaa-record": dnsOption(func(o *ec2.PrivateDnsNameOptionsResponse) []string {
		return of(o.EnableResourceNameDnsAAAARecord)
	}),
	"operator.managed":     func(r *reservedInstance) []string { return of(r.Operator.Managed) },
	"state-reason-message": func(r *reservedInstance) []string { return of(r.of.ReasonText) },
	"usage-operation-update-time": func(r *reservedInstance) []string {
		return moment(r.UsageOperationUpdateTime)
	},
}.never("affinity", "capacity-reservation-id",
	"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
	"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn", "host-id",
	"instance-lifecycle", "kernel-id",
	"metadata-options.http-protocol-ipv4", "operator.principal", "outpost-arn", "placement-group-name",
	"placement-partition-number", "platform", "product-code", "product-code.type", "ramdisk-id", "requester-id", "spot-instance-request-id",
	"tpm-support")).tagged(func(r *reservedInstance) []ec2.Tag { return r.Tags })

// moment is a time as filters write it.
func moment(t *time.Time) []string {
	if t == nil {
		return nil
	}
	return []string{t.UTC().Format("2006-01-02T15:04:05.000Z")}
}

func dnsOption(held func(*ec2.PrivateDnsNameOptionsResponse) []string) func(*reservedInstance) []string {
	return func(r *reservedInstance) []string {
		if r.PrivateDnsNameOptions == nil {
			return nil
		}
		return held(r.PrivateDnsNameOptions)
	}
}

// withInterfaces adds the filters network-interface.*: they look at the instance's interfaces as those
// of DescribeNetworkInterfaces look at an interface, and any of the interfaces may meet them.
func withInterfaces(f filters[reservedInstance]) filters[reservedInstance] {
	for name, held := range interfaceFilters {
		if name != byTag {
			f["network-interface."+name] = ofInterfaces(held)
		}
	}
	f["network-interface.addresses.private-dns-name"] = ofInterfaces(func(i *ec2.NetworkInterface) []string {
		return each(i.PrivateIpAddresses, func(a *ec2.NetworkInterfacePrivateIpAddress) *string { return a.PrivateDnsName })
	})
	for name, member := range map[string]func(*ec2.NetworkInterfaceAssociation) *string{
		"allocation-id":   func(a *ec2.NetworkInterfaceAssociation) *string { return a.AllocationId },
		"association-id":  func(a *ec2.NetworkInterfaceAssociation) *string { return a.AssociationId },
		"ip-owner-id":     func(a *ec2.NetworkInterfaceAssociation) *string { return a.IpOwnerId },
		"public-dns-name": func(a *ec2.NetworkInterfaceAssociation) *string { return a.PublicDnsName },
	} {
		f["network-interface.addresses.association."+name] = ofInterfaces(ofAddresses(member))
	}
	f["network-interface.attachment.network-card-index"] = ofInterfaces(attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string {
		return of(a.NetworkCardIndex)
	}))
	f["network-interface.tag-value"] = ofInterfaces(func(i *ec2.NetworkInterface) []string {
		return each(i.TagSet, func(t *ec2.Tag) *string { return t.Value })
	})
	return f
}

func ofInterfaces(held func(*ec2.NetworkInterface) []string) func(*reservedInstance) []string {
	return func(r *reservedInstance) (all []string) {
		for i := range r.faces {
			all = append(all, held(&r.faces[i])...)
		}
		return all
	}
}
