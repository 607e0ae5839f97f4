package api

import (
	"strconv"

	"crenel/ec2"
	"crenel/vpc"
)

// supported refuses what would not be done. What makes no difference to a network is taken.
func (l *launch) supported(*vpc.State) error {
	in := l.in
	if err := refuse(
		given{"InstanceMarketOptions", in.InstanceMarketOptions != nil},
		given{"KernelId", value(in.KernelId) != ""},
		given{"RamdiskId", value(in.RamdiskId) != ""},
		given{"ElasticGpuSpecification", len(in.ElasticGpuSpecification) > 0},
		given{"ElasticInferenceAccelerator", len(in.ElasticInferenceAccelerators) > 0},
		given{"HibernationOptions.Configured", in.HibernationOptions != nil && value(in.HibernationOptions.Configured)},
		given{"EnclaveOptions.Enabled", in.EnclaveOptions != nil && value(in.EnclaveOptions.Enabled)},
		given{"LicenseSpecification", len(in.LicenseSpecifications) > 0},
		given{"SecondaryInterface", len(in.SecondaryInterfaces) > 0},
		given{"Operator", in.Operator != nil},
		given{"CpuOptions", in.CpuOptions != nil},
	); err != nil {
		return err
	}
	if o := in.CapacityReservationSpecification; o != nil && o.CapacityReservationTarget != nil {
		return unsupported("CapacityReservationSpecification.CapacityReservationTarget")
	}
	if p := in.Placement; p != nil {
		if err := refuse(
			given{"Placement.Tenancy", p.Tenancy != "" && p.Tenancy != "default"},
			given{"Placement.GroupName", value(p.GroupName) != ""},
			given{"Placement.GroupId", value(p.GroupId) != ""},
			given{"Placement.PartitionNumber", value(p.PartitionNumber) != 0},
			given{"Placement.HostId", value(p.HostId) != ""},
			given{"Placement.HostResourceGroupArn", value(p.HostResourceGroupArn) != ""},
			given{"Placement.Affinity", value(p.Affinity) != ""},
		); err != nil {
			return err
		}
	}
	return l.interfacesSupported()
}

// interfacesSupported looks at how NetworkInterface.N may be described.
func (l *launch) interfacesSupported() error {
	faces := l.in.NetworkInterfaces
	if len(faces) == 0 {
		return nil
	}
	for _, g := range []given{
		{"security groups", len(l.in.SecurityGroupIds)+len(l.in.SecurityGroups) > 0},
		{"subnet ID", value(l.in.SubnetId) != ""},
		{"private IP address", value(l.in.PrivateIpAddress) != ""},
		{"IPv6 address", len(l.in.Ipv6Addresses) > 0},
		{"IPv6 address count", value(l.in.Ipv6AddressCount) != 0},
		{"primary IPv6 address", value(l.in.EnablePrimaryIpv6)},
	} {
		if g.is {
			return vpc.Errorf("InvalidParameterCombination", "Network interfaces and an instance-level %s may not be specified on the same request", g.parameter)
		}
	}
	indexes, ids := map[int32]bool{}, map[string]bool{}
	for n, f := range faces {
		if f.DeviceIndex == nil {
			return vpc.Errorf("InvalidParameterValue", "Each network interface requires a device index.")
		}
		if err := checkDeviceIndex(*f.DeviceIndex); err != nil {
			return err
		}
		id := value(f.NetworkInterfaceId)
		switch {
		case f.AssociatePublicIpAddress != nil && len(faces) > 1:
			return vpc.Errorf("InvalidParameterCombination", "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces")
		case indexes[*f.DeviceIndex]:
			return vpc.Errorf("InvalidParameterCombination", "Each network interface requires a unique device index.")
		case id != "" && ids[id]:
			return interfaceInUse(id)
		}
		indexes[*f.DeviceIndex], ids[id] = true, true
		if err := l.interfaceSupported(n, &f); err != nil {
			return err
		}
	}
	if !indexes[0] {
		return vpc.Errorf("InvalidParameterCombination", "An interface attachment with device index '0' must be specified.")
	}
	return nil
}

// interfaceSupported looks at one of them. Of an interface that exists nothing can be said but where it goes.
func (l *launch) interfaceSupported(n int, f *ec2.InstanceNetworkInterfaceSpecification) error {
	if value(f.NetworkInterfaceId) != "" {
		for _, g := range []given{
			{"a subnet ID", value(f.SubnetId) != ""},
			{"security groups", len(f.Groups) > 0},
			{"a description", value(f.Description) != ""},
			{"a private IP address", value(f.PrivateIpAddress) != "" || len(f.PrivateIpAddresses) > 0},
			{"a secondary private IP address count", value(f.SecondaryPrivateIpAddressCount) != 0},
			{"IPv6 addresses", len(f.Ipv6Addresses) > 0 || value(f.Ipv6AddressCount) != 0 || value(f.PrimaryIpv6)},
			{"prefixes", len(f.Ipv4Prefixes)+len(f.Ipv6Prefixes) > 0 || value(f.Ipv4PrefixCount) != 0 || value(f.Ipv6PrefixCount) != 0},
			{"associatePublicIPAddress", f.AssociatePublicIpAddress != nil},
			{"a connection tracking specification", f.ConnectionTrackingSpecification != nil},
			{"delete on termination as true", value(f.DeleteOnTermination)},
		} {
			if g.is {
				return vpc.Errorf("InvalidParameterCombination", "A network interface may not specify a network interface ID and %s", g.parameter)
			}
		}
		if value(l.in.MaxCount) > 1 {
			return vpc.Errorf("InvalidParameterCombination", "A network interface ID may not be specified when launching more than one instance")
		}
	}
	if err := checkInterfaceType(value(f.InterfaceType)); err != nil {
		return err
	}
	prefix := "NetworkInterface." + strconv.Itoa(n+1) + "."
	return refuse(
		given{prefix + "NetworkCardIndex", value(f.NetworkCardIndex) != 0},
		given{prefix + "AssociateCarrierIpAddress", value(f.AssociateCarrierIpAddress)},
		given{prefix + "EnaSrdSpecification", f.EnaSrdSpecification != nil},
		given{prefix + "EnaQueueCount", f.EnaQueueCount != nil},
	)
}
