package api

import (
	"cmp"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// instanceOperations launch and describe instances.
var instanceOperations = []Operation{
	write(runInstances),
	read(describeInstances),
	read(describeInstanceStatus),
	read(describeInstanceAttribute),
	write(modifyInstanceAttribute),
	write(modifyInstanceMetadataOptions),
	read(describeInstanceCreditSpecifications),
	live(getConsoleOutput),
}

// describeInstances lists instances by reservation.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func describeInstances(s *vpc.State, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	found, err := instanceLookups.find(s, instanceIDs, in.InstanceIds, in.Filters)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b *vpc.Instance) int {
		return cmp.Or(cmp.Compare(a.Reservation, b.Reservation), a.LaunchIndex-b.LaunchIndex)
	})
	all := make([]reservedInstance, 0, len(found))
	for _, i := range found {
		all = append(all, describeReserved(s, i))
	}
	page, next, err := instanceListing.page(s, in, len(in.InstanceIds) > 0, all)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstancesOutput{Reservations: []ec2.Reservation{}, NextToken: next}
	for _, r := range page {
		last := len(out.Reservations) - 1
		if last < 0 || *out.Reservations[last].ReservationId != r.of.Reservation {
			out.Reservations = append(out.Reservations, ec2.Reservation{ReservationId: new(r.of.Reservation), OwnerId: new(r.of.Account),
				Groups: []ec2.GroupIdentifier{}})
			last++
		}
		out.Reservations[last].Instances = append(out.Reservations[last].Instances, r.Instance)
	}
	return out, nil
}

// A reservedInstance is an instance as it is shown, and as it is.
type reservedInstance struct {
	ec2.Instance
	of    *vpc.Instance
	faces []ec2.NetworkInterface
}

// describeInstance shows the instance.
func describeInstance(s *vpc.State, i *vpc.Instance) ec2.Instance {
	return describeReserved(s, i).Instance
}

// describeReserved shows the instance and its interfaces. One that is terminated has no network any more.
func describeReserved(s *vpc.State, i *vpc.Instance) reservedInstance {
	r := reservedInstance{Instance: describeMachine(i), of: i}
	if i.State == vpc.Terminated {
		return r
	}
	r.BlockDeviceMappings, r.IamInstanceProfile = describeDevices(s, i), describeProfile(s, i)
	r.SubnetId, r.VpcId = new(i.Subnet), new(i.VPC)
	r.PrivateDnsNameOptions = &ec2.PrivateDnsNameOptionsResponse{HostnameType: hostnameType(i.Names),
		EnableResourceNameDnsARecord: new(i.Names.A), EnableResourceNameDnsAAAARecord: new(i.Names.AAAA)}
	for _, face := range interfacesOf(s, i.ID) {
		described := describeInterface(s, face)
		r.faces = append(r.faces, described)
		r.NetworkInterfaces = append(r.NetworkInterfaces, asInstanceInterface(described))
		if face.Attachment.DeviceIndex == 0 {
			r.mirror(described)
			r.PrivateDnsName = new(HostName(i, face.PrivateIP))
		}
	}
	return r
}

// mirror sets what an instance shows of its primary interface.
func (r *reservedInstance) mirror(primary ec2.NetworkInterface) {
	r.PrivateIpAddress = primary.PrivateIpAddress
	r.SourceDestCheck, r.SecurityGroups = primary.SourceDestCheck, primary.Groups
	r.PublicDnsName, r.Ipv6Address = new(value(primary.PublicDnsName)), primary.Ipv6Address
	if a := primary.Association; a != nil {
		r.PublicIpAddress = a.PublicIp
	}
}

// describeMachine shows what does not depend on the network.
func describeMachine(i *vpc.Instance) ec2.Instance {
	t := typeOf(i)
	out := ec2.Instance{
		InstanceId: new(i.ID), ImageId: new(i.Image), InstanceType: i.Type, State: stateOf(i.State), AmiLaunchIndex: new(int32(i.LaunchIndex)),
		LaunchTime: new(i.LaunchTime), ClientToken: new(i.Token.Value), StateTransitionReason: new(i.Reason),
		Architecture: t.arch, Hypervisor: "xen", VirtualizationType: "hvm", RootDeviceType: "ebs", RootDeviceName: new("/dev/xvda"),
		EbsOptimized: new(i.EBSOptimized), EnaSupport: new(true), PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"),
		UsageOperationUpdateTime: new(i.LaunchTime), CurrentInstanceBootMode: "legacy-bios",
		Monitoring: &ec2.Monitoring{State: "disabled"}, MetadataOptions: describeMetadata(i),
		Placement:                        &ec2.Placement{AvailabilityZone: new(i.Zone), GroupName: new(""), Tenancy: "default"},
		CapacityReservationSpecification: &ec2.CapacityReservationSpecificationResponse{CapacityReservationPreference: cmp.Or(i.Capacity, "open")},
		CpuOptions:                       &ec2.CpuOptions{CoreCount: new(int32(t.vcpus / t.threads())), ThreadsPerCore: new(int32(t.threads()))},
		EnclaveOptions:                   &ec2.EnclaveOptions{Enabled: new(false)},
		HibernationOptions:               &ec2.HibernationOptions{Configured: new(false)},
		MaintenanceOptions:               &ec2.InstanceMaintenanceOptions{AutoRecovery: cmp.Or(i.AutoRecovery, "default"), RebootMigration: "default"},
		NetworkPerformanceOptions:        &ec2.InstanceNetworkPerformanceOptions{BandwidthWeighting: cmp.Or(i.Bandwidth, "default")},
		PrivateDnsName:                   new(""), PublicDnsName: new(""),
		Operator: unmanaged(), Tags: tagSet(i.Tags),
	}
	if m, ok := imageByID(i.Region, i.Image); ok {
		out.Architecture, out.RootDeviceName, out.BootMode = m.arch, new(m.root), m.boot
	}
	if out.Architecture == "arm64" || out.BootMode == "uefi-preferred" && !t.xen {
		out.CurrentInstanceBootMode = "uefi"
	}
	if zone, ok := vpc.ZoneByName(i.Region, i.Zone); ok {
		out.Placement.AvailabilityZoneId = new(zone.ID)
	}
	if i.KeyName != "" {
		out.KeyName = new(i.KeyName)
	}
	if i.Monitoring {
		out.Monitoring.State = "enabled"
	}
	if i.ReasonCode != "" {
		out.StateReason = &ec2.StateReason{Code: new(i.ReasonCode), Message: new(i.ReasonText)}
	}
	return out
}

// unmanaged says that no service of AWS manages a resource for its owner.
func unmanaged() *ec2.OperatorResponse { return &ec2.OperatorResponse{Managed: new(false)} }

// interfacesOf are the instance's interfaces by device index.
func interfacesOf(s *vpc.State, instance string) []*vpc.Interface {
	faces := slices.Collect(s.Interfaces.By("instance", instance))
	slices.SortFunc(faces, func(a, b *vpc.Interface) int { return a.Attachment.DeviceIndex - b.Attachment.DeviceIndex })
	return faces
}

// asInstanceInterface shows an interface as DescribeInstances does.
func asInstanceInterface(n ec2.NetworkInterface) ec2.InstanceNetworkInterface {
	out := ec2.InstanceNetworkInterface{
		NetworkInterfaceId: n.NetworkInterfaceId, OwnerId: n.OwnerId, VpcId: n.VpcId, SubnetId: n.SubnetId, Description: n.Description,
		MacAddress: n.MacAddress, PrivateIpAddress: n.PrivateIpAddress, PrivateDnsName: n.PrivateDnsName, Groups: n.Groups,
		SourceDestCheck: n.SourceDestCheck, InterfaceType: new(n.InterfaceType), Status: n.Status, Operator: n.Operator, Ipv6Addresses: []ec2.InstanceIpv6Address{},
		Attachment: &ec2.InstanceNetworkInterfaceAttachment{AttachmentId: n.Attachment.AttachmentId, AttachTime: n.Attachment.AttachTime,
			DeleteOnTermination: n.Attachment.DeleteOnTermination, DeviceIndex: n.Attachment.DeviceIndex,
			NetworkCardIndex: n.Attachment.NetworkCardIndex, Status: n.Attachment.Status},
	}
	out.Association = asInstanceAssociation(n.Association)
	for _, a := range n.PrivateIpAddresses {
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, ec2.InstancePrivateIpAddress{Primary: a.Primary, PrivateIpAddress: a.PrivateIpAddress,
			PrivateDnsName: a.PrivateDnsName, Association: asInstanceAssociation(a.Association)})
	}
	for _, a := range n.Ipv6Addresses {
		out.Ipv6Addresses = append(out.Ipv6Addresses, ec2.InstanceIpv6Address{Ipv6Address: a.Ipv6Address, IsPrimaryIpv6: a.IsPrimaryIpv6})
	}
	for _, p := range n.Ipv4Prefixes {
		out.Ipv4Prefixes = append(out.Ipv4Prefixes, ec2.InstanceIpv4Prefix(p))
	}
	for _, p := range n.Ipv6Prefixes {
		out.Ipv6Prefixes = append(out.Ipv6Prefixes, ec2.InstanceIpv6Prefix(p))
	}
	if t := n.ConnectionTrackingConfiguration; t != nil {
		out.ConnectionTrackingConfiguration = new(ec2.ConnectionTrackingSpecificationResponse(*t))
	}
	return out
}

// asInstanceAssociation shows an association as DescribeInstances does: without the Elastic IP's ids.
func asInstanceAssociation(a *ec2.NetworkInterfaceAssociation) *ec2.InstanceNetworkInterfaceAssociation {
	if a == nil {
		return nil
	}
	return &ec2.InstanceNetworkInterfaceAssociation{IpOwnerId: a.IpOwnerId, PublicIp: a.PublicIp, PublicDnsName: a.PublicDnsName}
}

// typeOf is the instance's type; a type that is not known any more counts as the default one.
func typeOf(i *vpc.Instance) instanceType {
	if t, ok := instanceTypes[i.Type]; ok {
		return t
	}
	return instanceTypes[defaultInstanceType]
}
