package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// assignPrivateIpAddresses gives an interface secondary IPv4 addresses, or prefixes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignPrivateIpAddresses.html
func assignPrivateIpAddresses(e *vpc.Edit, in *ec2.AssignPrivateIpAddressesInput) (*ec2.AssignPrivateIpAddressesOutput, error) {
	f := &ec2.InstanceNetworkInterfaceSpecification{SecondaryPrivateIpAddressCount: in.SecondaryPrivateIpAddressCount, Ipv4PrefixCount: in.Ipv4PrefixCount}
	for _, a := range in.PrivateIpAddresses {
		f.PrivateIpAddresses = append(f.PrivateIpAddresses, ec2.PrivateIpAddressSpecification{PrivateIpAddress: new(a)})
	}
	for _, p := range in.Ipv4Prefixes {
		f.Ipv4Prefixes = append(f.Ipv4Prefixes, ec2.Ipv4PrefixSpecificationRequest{Ipv4Prefix: new(p)})
	}
	if len(f.PrivateIpAddresses)+len(f.Ipv4Prefixes) == 0 && value(f.SecondaryPrivateIpAddressCount) == 0 && value(f.Ipv4PrefixCount) == 0 {
		return nil, vpc.Errorf("MissingParameter", "Either private IP addresses, their number, prefixes or their number must be specified.")
	}
	old, face, err := assign(e, *in.NetworkInterfaceId, f, value(in.AllowReassignment))
	if err != nil {
		return nil, err
	}
	out := &ec2.AssignPrivateIpAddressesOutput{NetworkInterfaceId: new(face.ID), AssignedPrivateIpAddresses: []ec2.AssignedPrivateIpAddress{}}
	for _, a := range face.Secondary[len(old.Secondary):] {
		out.AssignedPrivateIpAddresses = append(out.AssignedPrivateIpAddresses, ec2.AssignedPrivateIpAddress{PrivateIpAddress: new(a.String())})
	}
	out.AssignedIpv4Prefixes, _ = describePrefixes(face.Prefixes[len(old.Prefixes):])
	return out, nil
}

// assignIpv6Addresses gives an interface further IPv6 addresses, or prefixes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignIpv6Addresses.html
func assignIpv6Addresses(e *vpc.Edit, in *ec2.AssignIpv6AddressesInput) (*ec2.AssignIpv6AddressesOutput, error) {
	f := &ec2.InstanceNetworkInterfaceSpecification{Ipv6AddressCount: in.Ipv6AddressCount, Ipv6PrefixCount: in.Ipv6PrefixCount}
	for _, a := range in.Ipv6Addresses {
		f.Ipv6Addresses = append(f.Ipv6Addresses, ec2.InstanceIpv6Address{Ipv6Address: new(a)})
	}
	for _, p := range in.Ipv6Prefixes {
		f.Ipv6Prefixes = append(f.Ipv6Prefixes, ec2.Ipv6PrefixSpecificationRequest{Ipv6Prefix: new(p)})
	}
	if len(f.Ipv6Addresses)+len(f.Ipv6Prefixes) == 0 && value(f.Ipv6AddressCount) == 0 && value(f.Ipv6PrefixCount) == 0 {
		return nil, vpc.Errorf("MissingParameter", "Either IPv6 addresses, their number, prefixes or their number must be specified.")
	}
	old, face, err := assign(e, *in.NetworkInterfaceId, f, false)
	if err != nil {
		return nil, err
	}
	out := &ec2.AssignIpv6AddressesOutput{NetworkInterfaceId: new(face.ID), AssignedIpv6Addresses: texts(face.IPv6[len(old.IPv6):])}
	_, prefixes := describePrefixes(face.Prefixes[len(old.Prefixes):])
	for _, p := range prefixes {
		out.AssignedIpv6Prefixes = append(out.AssignedIpv6Prefixes, *p.Ipv6Prefix)
	}
	return out, nil
}

// assign gives the interface what f asks for, and returns it as it was and as it is.
func assign(e *vpc.Edit, id string, f *ec2.InstanceNetworkInterfaceSpecification, reassign bool) (old, face *vpc.Interface, err error) {
	if old, err = ownInterface(e.State, id); err != nil {
		return nil, nil, err
	}
	if f.Ipv6AddressCount == nil {
		f.Ipv6AddressCount = new(int32(0)) // what the subnet says of new interfaces does not count
	}
	c := *old
	subnet := e.Subnets.Get(old.Subnet)
	asked, err := readAddressing(e.State, subnet, f, func(a netip.Addr) bool { return reassign && secondaryOf(e.State, old, a) != nil })
	if err != nil {
		return nil, nil, err
	}
	for _, a := range asked.secondary {
		if loser := secondaryOf(e.State, old, a); loser != nil {
			takeAway(e, loser, a)
			moveElasticIP(e, loser, &c, a)
		}
	}
	if err := newPicker(e).give(&c, subnet, asked, addressLimit(e.State, old)); err != nil {
		return nil, nil, err
	}
	e.Interfaces.Put(&c)
	return old, &c, nil
}

// secondaryOf is another interface of the VPC, and of the account's own, that has the address as a secondary one;
// nil: none has.
func secondaryOf(s *vpc.State, i *vpc.Interface, a netip.Addr) *vpc.Interface {
	other := s.Interfaces.First("address", vpc.AddressKey(i.VPC, a.String()))
	if other == nil || other.ID == i.ID || other.Scope != i.Scope || other.Owner != "" || !slices.Contains(other.Secondary, a) {
		return nil
	}
	return other
}

func takeAway(e *vpc.Edit, old *vpc.Interface, a netip.Addr) {
	face := *old
	face.Secondary = without(old.Secondary, a)
	e.Interfaces.Put(&face)
}

// moveElasticIP has the Elastic IP of the private address follow it to another interface.
func moveElasticIP(e *vpc.Edit, from, to *vpc.Interface, private netip.Addr) {
	if old := e.ElasticIPOf(from, private); old != nil {
		a := *old
		a.Interface = to.ID
		e.ElasticIPs.Put(&a)
	}
}

// unassignPrivateIpAddresses takes secondary IPv4 addresses, or prefixes, from an interface.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnassignPrivateIpAddresses.html
func unassignPrivateIpAddresses(e *vpc.Edit, in *ec2.UnassignPrivateIpAddressesInput) (*ec2.UnassignPrivateIpAddressesOutput, error) {
	old, err := ownInterface(e.State, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if len(in.PrivateIpAddresses)+len(in.Ipv4Prefixes) == 0 {
		return nil, vpc.Errorf("MissingParameter", "Either private IP addresses or prefixes must be specified.")
	}
	face := *old
	for _, text := range in.PrivateIpAddresses {
		a, err := netip.ParseAddr(text)
		switch {
		case err != nil || !a.Is4():
			return nil, vpc.Errorf("InvalidParameterValue", "invalid value for parameter address: %s", text)
		case a == face.PrivateIP:
			return nil, vpc.Errorf("InvalidParameterValue", "Primary private IP address %s cannot be unassigned.", a)
		case !slices.Contains(old.Secondary, a):
			return nil, notAssigned("privateIpAddress", text, face.ID)
		}
		face.Secondary = without(face.Secondary, a)
		if eip := e.ElasticIPOf(old, a); eip != nil {
			unassociated(e, eip)
		}
	}
	if face.Prefixes, err = withoutPrefixes(old, in.Ipv4Prefixes, true); err != nil {
		return nil, err
	}
	e.Interfaces.Put(&face)
	return &ec2.UnassignPrivateIpAddressesOutput{}, nil
}

// unassignIpv6Addresses takes IPv6 addresses, or prefixes, from an interface.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnassignIpv6Addresses.html
func unassignIpv6Addresses(e *vpc.Edit, in *ec2.UnassignIpv6AddressesInput) (*ec2.UnassignIpv6AddressesOutput, error) {
	old, err := ownInterface(e.State, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if len(in.Ipv6Addresses)+len(in.Ipv6Prefixes) == 0 {
		return nil, vpc.Errorf("MissingParameter", "Either IPv6 addresses or prefixes must be specified.")
	}
	face := *old
	var gone []netip.Addr
	for _, text := range in.Ipv6Addresses {
		a, err := netip.ParseAddr(text)
		switch {
		case err != nil || !a.Is6():
			return nil, vpc.Errorf("InvalidParameterValue", "invalid value for parameter address: %s", text)
		case !slices.Contains(old.IPv6, a):
			return nil, notAssigned("ipv6Address", text, face.ID)
		case face.PrimaryIPv6 && a == old.IPv6[0]:
			return nil, vpc.Errorf("InvalidParameterValue", "Primary IPv6 address %s cannot be unassigned.", a)
		}
		face.IPv6, gone = without(face.IPv6, a), append(gone, a)
	}
	if face.Prefixes, err = withoutPrefixes(old, in.Ipv6Prefixes, false); err != nil {
		return nil, err
	}
	e.Interfaces.Put(&face)
	return &ec2.UnassignIpv6AddressesOutput{NetworkInterfaceId: new(face.ID), UnassignedIpv6Addresses: texts(gone), UnassignedIpv6Prefixes: in.Ipv6Prefixes}, nil
}

// withoutPrefixes are the interface's prefixes without those of one family that are given.
func withoutPrefixes(i *vpc.Interface, gone []string, four bool) ([]netip.Prefix, error) {
	left := i.Prefixes
	for _, text := range gone {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil || p.Addr().Is4() != four:
			return nil, vpc.Errorf("InvalidParameterValue", "invalid value for parameter prefix: %s", text)
		case !slices.Contains(i.Prefixes, p):
			return nil, notAssigned("prefix", text, i.ID)
		}
		left = without(left, p)
	}
	return left, nil
}

func notAssigned(parameter, text, id string) error {
	return invalid(parameter, text, "It is not assigned to the network interface '"+id+"'.")
}

// without is a copy of the list that lacks one element.
func without[T comparable](list []T, gone T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(one T) bool { return one == gone })
}

func texts(addresses []netip.Addr) []string {
	out := make([]string, 0, len(addresses))
	for _, a := range addresses {
		out = append(out, a.String())
	}
	return out
}
