package api

import (
	"slices"

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
		given{"Ipv6AddressCount", value(in.Ipv6AddressCount) != 0},
		given{"Ipv6Address", len(in.Ipv6Addresses) > 0},
		given{"EnablePrimaryIpv6", value(in.EnablePrimaryIpv6)},
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
	if o := in.PrivateDnsNameOptions; o != nil {
		if err := refuse(
			given{"PrivateDnsNameOptions.HostnameType", o.HostnameType != "" && o.HostnameType != "ip-name"},
			given{"PrivateDnsNameOptions.EnableResourceNameDnsARecord", value(o.EnableResourceNameDnsARecord)},
			given{"PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord", value(o.EnableResourceNameDnsAAAARecord)},
		); err != nil {
			return err
		}
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

// interfacesSupported looks at NetworkInterface.N: one new interface at most.
func (l *launch) interfacesSupported() error {
	faces := l.in.NetworkInterfaces
	if len(faces) == 0 {
		return nil
	}
	switch {
	case len(l.in.SecurityGroupIds)+len(l.in.SecurityGroups) > 0:
		return vpc.Errorf("InvalidParameterCombination", "Network interfaces and an instance-level security groups may not be specified on the same request")
	case value(l.in.SubnetId) != "":
		return vpc.Errorf("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID may not be specified on the same request")
	case value(l.in.PrivateIpAddress) != "":
		return vpc.Errorf("InvalidParameterCombination", "Network interfaces and an instance-level private IP address may not be specified on the same request")
	case len(faces) > 1 && slices.ContainsFunc(faces, func(f ec2.InstanceNetworkInterfaceSpecification) bool { return f.AssociatePublicIpAddress != nil }):
		return vpc.Errorf("InvalidParameterCombination", "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces")
	case len(faces) > 1:
		return vpc.Errorf("UnsupportedOperation", "More than one network interface is not supported.")
	}
	f := faces[0]
	if value(f.NetworkInterfaceId) != "" {
		return unsupported("NetworkInterface.1.NetworkInterfaceId")
	}
	if f.DeviceIndex == nil {
		return missing("NetworkInterface.1.DeviceIndex")
	}
	if *f.DeviceIndex != 0 {
		return vpc.Errorf("InvalidParameterCombination", "An interface attachment with device index '0' must be specified.")
	}
	return refuse(
		given{"NetworkInterface.1.NetworkCardIndex", value(f.NetworkCardIndex) != 0},
		given{"NetworkInterface.1.InterfaceType", value(f.InterfaceType) != "" && *f.InterfaceType != "interface"},
		given{"NetworkInterface.1.AssociateCarrierIpAddress", value(f.AssociateCarrierIpAddress)},
		given{"NetworkInterface.1.ConnectionTrackingSpecification", f.ConnectionTrackingSpecification != nil},
		given{"NetworkInterface.1.EnaSrdSpecification", f.EnaSrdSpecification != nil},
		given{"NetworkInterface.1.EnaQueueCount", f.EnaQueueCount != nil},
		given{"NetworkInterface.1.PrimaryIpv6", value(f.PrimaryIpv6)},
		given{"NetworkInterface.1.Ipv4Prefix", len(f.Ipv4Prefixes) > 0 || value(f.Ipv4PrefixCount) != 0},
		given{"NetworkInterface.1.Ipv6Prefix", len(f.Ipv6Prefixes) > 0 || value(f.Ipv6PrefixCount) != 0},
		given{"NetworkInterface.1.Ipv6Addresses", len(f.Ipv6Addresses) > 0 || value(f.Ipv6AddressCount) != 0},
		given{"NetworkInterface.1.SecondaryPrivateIpAddressCount", value(f.SecondaryPrivateIpAddressCount) != 0},
		given{"NetworkInterface.1.PrivateIpAddresses.2", len(f.PrivateIpAddresses) > 1},
		given{"NetworkInterface.1.PrivateIpAddresses.1.Primary", len(f.PrivateIpAddresses) == 1 && !value(f.PrivateIpAddresses[0].Primary)},
	)
}

// face is the interface that the request describes; empty where it describes none.
func (l *launch) face() (f ec2.InstanceNetworkInterfaceSpecification) {
	if len(l.in.NetworkInterfaces) > 0 {
		f = l.in.NetworkInterfaces[0]
	}
	return f
}
