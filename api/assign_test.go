package api

import (
	"strings"
	"testing"

	"crenel/ec2"
)

func TestAddressesAreAssignedAndUnassigned(t *testing.T) {
	w := newWorld(t)
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	w.withIPv6(subnet, "2600:1f18:1:2::/64", true)
	id := *w.newFace("SubnetId=" + subnet + "&Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::9&EnablePrimaryIpv6=true").NetworkInterfaceId
	other := *w.newFace("SubnetId=" + subnet + "&Ipv6AddressCount=0&PrivateIpAddress=10.0.1.5&PrivateIpAddresses.1.PrivateIpAddress=10.0.1.60").NetworkInterfaceId
	for _, step := range []struct{ action, form, want, has string }{
		{"AssignPrivateIpAddresses", "SecondaryPrivateIpAddressCount=2", "10.0.1.6 10.0.1.7", "10.0.1.4 10.0.1.6 10.0.1.7 / 1 primary / "},
		{"AssignPrivateIpAddresses", "PrivateIpAddress.1=10.0.1.99", "10.0.1.99", "10.0.1.4 10.0.1.6 10.0.1.7 10.0.1.99 / 1 primary / "},
		{"AssignPrivateIpAddresses", "PrivateIpAddress.1=10.0.1.60&AllowReassignment=true", "10.0.1.60", "10.0.1.4 10.0.1.6 10.0.1.7 10.0.1.99 10.0.1.60 / 1 primary / "},
		{"AssignPrivateIpAddresses", "Ipv4PrefixCount=1", "10.0.1.16/28", "10.0.1.4 10.0.1.6 10.0.1.7 10.0.1.99 10.0.1.60 / 1 primary / 10.0.1.16/28"},
		{"AssignIpv6Addresses", "Ipv6Addresses.1=2600:1f18:1:2::b", "2600:1f18:1:2::b", "10.0.1.4 10.0.1.6 10.0.1.7 10.0.1.99 10.0.1.60 / 2 primary / 10.0.1.16/28"},
		{"AssignIpv6Addresses", "Ipv6Prefix.1=2600:1f18:1:2:5::/80", "2600:1f18:1:2:5::/80", "10.0.1.4 10.0.1.6 10.0.1.7 10.0.1.99 10.0.1.60 / 2 primary / 10.0.1.16/28 2600:1f18:1:2:5::/80"},
		{"UnassignPrivateIpAddresses", "PrivateIpAddress.1=10.0.1.6&PrivateIpAddress.2=10.0.1.60", "", "10.0.1.4 10.0.1.7 10.0.1.99 / 2 primary / 10.0.1.16/28 2600:1f18:1:2:5::/80"},
		{"UnassignPrivateIpAddresses", "Ipv4Prefix.1=10.0.1.16/28", "", "10.0.1.4 10.0.1.7 10.0.1.99 / 2 primary / 2600:1f18:1:2:5::/80"},
		{"UnassignIpv6Addresses", "Ipv6Addresses.1=2600:1f18:1:2::b&Ipv6Prefix.1=2600:1f18:1:2:5::/80", "2600:1f18:1:2::b 2600:1f18:1:2:5::/80", "10.0.1.4 10.0.1.7 10.0.1.99 / 1 primary / "},
	} {
		out, err := w.try(step.action, "NetworkInterfaceId="+id+"&"+step.form)
		if err != nil {
			t.Fatalf("%s %s: %v", step.action, step.form, err)
		}
		if got := strings.Join(assigned(out), " "); got != step.want {
			t.Errorf("%s %s: got %q, want %q", step.action, step.form, got, step.want)
		}
		if got := shape(w.face(id)); got != step.has {
			t.Errorf("after %s %s: %s, want %s", step.action, step.form, got, step.has)
		}
	}
	if got := shape(w.face(other)); got != "10.0.1.5 / 0 / " {
		t.Errorf("who lost an address has %s", got)
	}
	if out := do[ec2.AssignIpv6AddressesOutput](w, "AssignIpv6Addresses", "Ipv6AddressCount=2&NetworkInterfaceId="+id); len(out.AssignedIpv6Addresses) != 2 {
		t.Errorf("two more are %v", out.AssignedIpv6Addresses)
	}
}

// assigned is what an answer says was assigned or unassigned.
func assigned(out any) (all []string) {
	switch out := out.(type) {
	case *ec2.AssignPrivateIpAddressesOutput:
		for _, a := range out.AssignedPrivateIpAddresses {
			all = append(all, *a.PrivateIpAddress)
		}
		for _, p := range out.AssignedIpv4Prefixes {
			all = append(all, *p.Ipv4Prefix)
		}
	case *ec2.AssignIpv6AddressesOutput:
		all = append(out.AssignedIpv6Addresses, out.AssignedIpv6Prefixes...)
	case *ec2.UnassignIpv6AddressesOutput:
		all = append(out.UnassignedIpv6Addresses, out.UnassignedIpv6Prefixes...)
	}
	return all
}

func TestAssignmentsAreRefused(t *testing.T) {
	w := newWorld(t)
	_, subnet, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	w.withIPv6(subnet, "2600:1f18:1:2::/64", false)
	i := w.run("InstanceType=t3.micro&SubnetId=" + subnet + "")
	id := *i.NetworkInterfaces[0].NetworkInterfaceId
	other := *w.newFace("SubnetId=" + subnet + "&Ipv6Addresses.1.Ipv6Address=2600:1f18:1:2::9&Ipv6Addresses.1.IsPrimaryIpv6=true").NetworkInterfaceId
	for _, c := range []struct{ action, face, form, want string }{
		{"AssignPrivateIpAddresses", id, "", "MissingParameter: Either private IP addresses, their number, prefixes or their number must be specified."},
		{"AssignPrivateIpAddresses", "eni-0123456789abcdef0", "SecondaryPrivateIpAddressCount=1", "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
		{"AssignPrivateIpAddresses", id, "SecondaryPrivateIpAddressCount=2", "PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit."},
		{"AssignPrivateIpAddresses", id, "SecondaryPrivateIpAddressCount=1&PrivateIpAddress.1=10.0.1.9", "InvalidParameterCombination: The parameter privateIpAddresses cannot be used with the parameter secondaryPrivateIpAddressCount"},
		{"AssignPrivateIpAddresses", id, "PrivateIpAddress.1=10.0.1.5", "InvalidIPAddress.InUse: Address 10.0.1.5 is in use."},
		{"AssignPrivateIpAddresses", id, "PrivateIpAddress.1=10.0.1.5&AllowReassignment=true", "InvalidIPAddress.InUse: Address 10.0.1.5 is in use."}, // it is primary
		{"AssignPrivateIpAddresses", id, "PrivateIpAddress.1=10.0.1.4&AllowReassignment=true", "InvalidIPAddress.InUse: Address 10.0.1.4 is in use."},
		{"AssignPrivateIpAddresses", id, "PrivateIpAddress.1=10.0.2.4", "InvalidParameterValue: Address 10.0.2.4 does not fall within the subnet's address range"},
		{"UnassignPrivateIpAddresses", id, "", "MissingParameter: Either private IP addresses or prefixes must be specified."},
		{"UnassignPrivateIpAddresses", id, "PrivateIpAddress.1=10.0.1.4", "InvalidParameterValue: Primary private IP address 10.0.1.4 cannot be unassigned."},
		{"UnassignPrivateIpAddresses", id, "PrivateIpAddress.1=10.0.1.5", "InvalidParameterValue: Value (10.0.1.5) for parameter privateIpAddress is invalid. It is not assigned to the network interface '" + id + "'."},
		{"UnassignPrivateIpAddresses", id, "PrivateIpAddress.1=x", "InvalidParameterValue: invalid value for parameter address: x"},
		{"UnassignPrivateIpAddresses", id, "Ipv4Prefix.1=10.0.1.16/28", "InvalidParameterValue: Value (10.0.1.16/28) for parameter prefix is invalid. It is not assigned to the network interface '" + id + "'."},
		{"UnassignPrivateIpAddresses", id, "Ipv4Prefix.1=2600:1f18:1:2::/80", "InvalidParameterValue: invalid value for parameter prefix: 2600:1f18:1:2::/80"},
		{"AssignIpv6Addresses", id, "", "MissingParameter: Either IPv6 addresses, their number, prefixes or their number must be specified."},
		{"AssignIpv6Addresses", id, "Ipv6AddressCount=3", "PrivateIpAddressLimitExceeded: Number of IPv6 addresses will exceed limit."},
		{"AssignIpv6Addresses", id, "Ipv6Addresses.1=2600:1f18:1:2::9", "InvalidIPAddress.InUse: Address 2600:1f18:1:2::9 is in use."},
		{"UnassignIpv6Addresses", id, "", "MissingParameter: Either IPv6 addresses or prefixes must be specified."},
		{"UnassignIpv6Addresses", id, "Ipv6Addresses.1=2600:1f18:1:2::9", "InvalidParameterValue: Value (2600:1f18:1:2::9) for parameter ipv6Address is invalid. It is not assigned to the network interface '" + id + "'."},
		{"UnassignIpv6Addresses", other, "Ipv6Addresses.1=2600:1f18:1:2::9", "InvalidParameterValue: Primary IPv6 address 2600:1f18:1:2::9 cannot be unassigned."},
		{"UnassignIpv6Addresses", other, "Ipv6Addresses.1=10.0.1.4", "InvalidParameterValue: invalid value for parameter address: 10.0.1.4"},
	} {
		w.refuse(c.action, "NetworkInterfaceId="+c.face+"&"+c.form, c.want)
	}
}
