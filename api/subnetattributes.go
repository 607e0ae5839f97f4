package api

import (
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// subnetFlags are the attributes of a subnet that are true or false. Those with a second name, by which
// AWS refuses, can be true only where the subnet has IPv6.
var subnetFlags = []struct {
	name  string
	ipv6  string
	given func(*ec2.ModifySubnetAttributeInput) *ec2.AttributeBooleanValue
	field func(*vpc.Subnet) *bool
}{
	{"assignIpv6AddressOnCreation", "assign-ipv6-address-on-creation",
		func(in *ec2.ModifySubnetAttributeInput) *ec2.AttributeBooleanValue {
			return in.AssignIpv6AddressOnCreation
		},
		func(n *vpc.Subnet) *bool { return &n.AssignIPv6 }},
	{"mapPublicIpOnLaunch", "",
		func(in *ec2.ModifySubnetAttributeInput) *ec2.AttributeBooleanValue { return in.MapPublicIpOnLaunch },
		func(n *vpc.Subnet) *bool { return &n.MapPublicIP }},
	{"enableDns64", "enable-dns64",
		func(in *ec2.ModifySubnetAttributeInput) *ec2.AttributeBooleanValue { return in.EnableDns64 },
		func(n *vpc.Subnet) *bool { return &n.DNS64 }},
	{"enableResourceNameDnsARecordOnLaunch", "",
		func(in *ec2.ModifySubnetAttributeInput) *ec2.AttributeBooleanValue {
			return in.EnableResourceNameDnsARecordOnLaunch
		},
		func(n *vpc.Subnet) *bool { return &n.Names.A }},
	{"enableResourceNameDnsAAAARecordOnLaunch", "enable-resource-name-dns-aaaa-record-on-launch",
		func(in *ec2.ModifySubnetAttributeInput) *ec2.AttributeBooleanValue {
			return in.EnableResourceNameDnsAAAARecordOnLaunch
		},
		func(n *vpc.Subnet) *bool { return &n.Names.AAAA }},
}

// modifySubnetAttribute changes one attribute. Those of Outposts cannot be anything but off.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html
func modifySubnetAttribute(e *vpc.Edit, in *ec2.ModifySubnetAttributeInput) (*ec2.ModifySubnetAttributeOutput, error) {
	old, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	if err := oneSubnetAttribute(in); err != nil {
		return nil, err
	}
	if err := refuse(given{"mapCustomerOwnedIpOnLaunch", isTrue(in.MapCustomerOwnedIpOnLaunch)}, given{"customerOwnedIpv4Pool", in.CustomerOwnedIpv4Pool != nil},
		given{"enableLniAtDeviceIndex", in.EnableLniAtDeviceIndex != nil}); err != nil {
		return nil, err
	}
	subnet := *old
	for _, a := range subnetFlags {
		asked := a.given(in)
		if asked == nil {
			continue
		}
		on, err := flag(a.name, asked)
		if err != nil {
			return nil, err
		}
		if on && a.ipv6 != "" && len(subnet.IPv6) == 0 {
			return nil, vpc.Errorf("InvalidParameterValue", "Invalid value 'true' for %s. Cannot set %[1]s to true unless the subnet (%s) has an IPv6 CIDR block associated with it.", a.ipv6, subnet.ID)
		}
		*a.field(&subnet) = on
	}
	switch in.PrivateDnsHostnameTypeOnLaunch {
	case "":
	case "ip-name", "resource-name":
		subnet.Names.ByID = in.PrivateDnsHostnameTypeOnLaunch == "resource-name"
	default:
		return nil, invalid("privateDnsHostnameTypeOnLaunch", in.PrivateDnsHostnameTypeOnLaunch, "The type must be one of: ip-name, resource-name.")
	}
	e.Subnets.Put(&subnet)
	return &ec2.ModifySubnetAttributeOutput{}, nil
}

// oneSubnetAttribute refuses to change none, or several at a time.
func oneSubnetAttribute(in *ec2.ModifySubnetAttributeInput) error {
	var names []string
	for _, a := range subnetFlags {
		if a.given(in) != nil {
			names = append(names, a.name)
		}
	}
	for _, other := range []given{
		{"mapCustomerOwnedIpOnLaunch", in.MapCustomerOwnedIpOnLaunch != nil || in.CustomerOwnedIpv4Pool != nil}, // the two are one
		{"enableLniAtDeviceIndex", in.EnableLniAtDeviceIndex != nil},
		{"disableLniAtDeviceIndex", in.DisableLniAtDeviceIndex != nil},
		{"privateDnsHostnameTypeOnLaunch", in.PrivateDnsHostnameTypeOnLaunch != ""},
	} {
		if other.is {
			names = append(names, other.parameter)
		}
	}
	switch len(names) {
	case 0:
		return vpc.Errorf("InvalidParameterCombination", "No attributes specified.")
	case 1:
		return nil
	}
	return vpc.Errorf("InvalidParameterCombination", "Only one subnet attribute can be modified at a time. Provided attributes: [%s]", strings.Join(names, ", "))
}

func isTrue(a *ec2.AttributeBooleanValue) bool { return a != nil && value(a.Value) }
