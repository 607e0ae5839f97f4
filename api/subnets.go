package api

import (
	"net/netip"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html
func createSubnet(e *vpc.Edit, in *ec2.CreateSubnetInput) (*ec2.CreateSubnetOutput, error) {
	if err := refuse(given{"ipv6CidrBlock", value(in.Ipv6CidrBlock) != ""}, given{"ipv6Native", value(in.Ipv6Native)},
		given{"ipv6IpamPoolId", value(in.Ipv6IpamPoolId) != ""}, given{"ipv6NetmaskLength", in.Ipv6NetmaskLength != nil},
		given{"ipv4IpamPoolId", value(in.Ipv4IpamPoolId) != ""}, given{"ipv4NetmaskLength", in.Ipv4NetmaskLength != nil},
		given{"outpostArn", value(in.OutpostArn) != ""}); err != nil {
		return nil, err
	}
	if value(in.CidrBlock) == "" {
		return nil, missing("CidrBlock")
	}
	tags, err := createTagsFor(in.TagSpecifications, "subnet")
	if err != nil {
		return nil, err
	}
	v, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	zone, err := subnetZone(e.Region, value(in.AvailabilityZone), value(in.AvailabilityZoneId))
	if err != nil {
		return nil, err
	}
	cidr, err := subnetBlock(e.State, v, *in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if count(e.Subnets.By("vpc", v.ID)) >= e.Limit(vpc.SubnetsPerVPC) {
		return nil, vpc.Errorf("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	subnet := *e.NewSubnet(v.ID, cidr, zone, false)
	subnet.Tags = tags["subnet"]
	e.Subnets.Put(&subnet)
	return &ec2.CreateSubnetOutput{Subnet: new(showSubnet(e.State, &subnet))}, nil
}

// subnetBlock reads the range of a new subnet of the VPC: inside the VPC's, and of no other subnet.
func subnetBlock(s *vpc.State, v *vpc.VPC, block string) (netip.Prefix, error) {
	cidr, err := readBlock(block)
	if err != nil {
		return cidr, err
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 || !v.CIDR.Contains(cidr.Addr()) || cidr.Bits() < v.CIDR.Bits() {
		return cidr, vpc.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid.", block)
	}
	for other := range s.Subnets.By("vpc", v.ID) {
		if other.CIDR.Overlaps(cidr) {
			return cidr, vpc.Errorf("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", block)
		}
	}
	return cidr, nil
}

// subnetZone is the name of the Availability Zone that a request names or, where it does not care, of
// the first.
func subnetZone(region, name, id string) (string, error) {
	zones := vpc.Zones(region)
	if name == "" && id == "" {
		return zones[0].Name, nil
	}
	var names, ids []string
	for _, z := range zones {
		if (name == "" || z.Name == name) && (id == "" || z.ID == id) {
			return z.Name, nil
		}
		names, ids = append(names, z.Name), append(ids, z.ID)
	}
	const reason = "Subnets can currently only be created in the following availability zones: "
	if slices.Contains(names, name) || name == "" {
		return "", invalid("availabilityZoneId", id, reason+strings.Join(ids, ", ")+".")
	}
	return "", invalid("availabilityZone", name, reason+strings.Join(names, ", ")+".")
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
func deleteSubnet(e *vpc.Edit, in *ec2.DeleteSubnetInput) (*ec2.DeleteSubnetOutput, error) {
	subnet, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	if e.Interfaces.First("subnet", subnet.ID) != nil {
		return nil, vpc.Errorf("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", subnet.ID)
	}
	if old := e.RouteTables.First("subnet", subnet.ID); old != nil {
		table := *old
		table.Associations = slices.DeleteFunc(slices.Clone(old.Associations), func(a vpc.RouteAssociation) bool { return a.Subnet == subnet.ID })
		e.RouteTables.Put(&table)
	}
	e.Subnets.Delete(subnet.ID)
	return &ec2.DeleteSubnetOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
func describeSubnets(s *vpc.State, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	found, err := subnetIDs.all(s, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.Subnet
	for _, subnet := range found {
		items = append(items, showSubnet(s, subnet))
	}
	subnets, next, err := subnetListing.page(s, in, len(in.SubnetIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeSubnetsOutput{Subnets: subnets, NextToken: next}, nil
}

// showSubnet is the subnet as DescribeSubnets shows it.
func showSubnet(s *vpc.State, subnet *vpc.Subnet) ec2.Subnet {
	zone, _ := vpc.ZoneByName(subnet.Region, subnet.Zone)
	return ec2.Subnet{
		SubnetId: new(subnet.ID), SubnetArn: new(arn(subnet.Scope, "subnet", subnet.ID)), OwnerId: new(subnet.Account), VpcId: new(subnet.VPC),
		State: "available", CidrBlock: new(subnet.CIDR.String()), AvailableIpAddressCount: new(int32(s.FreeAddresses(subnet))),
		AvailabilityZone: new(subnet.Zone), AvailabilityZoneId: new(zone.ID), DefaultForAz: new(subnet.DefaultZone),
		MapPublicIpOnLaunch: new(subnet.MapPublicIP), MapCustomerOwnedIpOnLaunch: new(false), AssignIpv6AddressOnCreation: new(false),
		EnableDns64: new(false), Ipv6Native: new(false), Ipv6CidrBlockAssociationSet: []ec2.SubnetIpv6CidrBlockAssociation{},
		PrivateDnsNameOptionsOnLaunch: &ec2.PrivateDnsNameOptionsOnLaunch{HostnameType: "ip-name",
			EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false)},
		BlockPublicAccessStates: &ec2.BlockPublicAccessStates{InternetGatewayBlockMode: "off"}, Tags: tagSet(subnet.Tags),
	}
}

var subnetListing = listing[ec2.Subnet]{subnetFilters, paging{5, 1000, "SubnetIds", false}, func(s *ec2.Subnet) string { return *s.SubnetId }}

// AWS takes some of the names in other spellings too.
var subnetFilters = filters[ec2.Subnet]{
	"availability-zone":               func(s *ec2.Subnet) []string { return of(s.AvailabilityZone) },
	"availabilityZone":                func(s *ec2.Subnet) []string { return of(s.AvailabilityZone) },
	"availability-zone-id":            func(s *ec2.Subnet) []string { return of(s.AvailabilityZoneId) },
	"availabilityZoneId":              func(s *ec2.Subnet) []string { return of(s.AvailabilityZoneId) },
	"available-ip-address-count":      func(s *ec2.Subnet) []string { return of(s.AvailableIpAddressCount) },
	"cidr-block":                      func(s *ec2.Subnet) []string { return of(s.CidrBlock) },
	"cidr":                            func(s *ec2.Subnet) []string { return of(s.CidrBlock) },
	"cidrBlock":                       func(s *ec2.Subnet) []string { return of(s.CidrBlock) },
	"default-for-az":                  func(s *ec2.Subnet) []string { return of(s.DefaultForAz) },
	"defaultForAz":                    func(s *ec2.Subnet) []string { return of(s.DefaultForAz) },
	"enable-dns64":                    func(s *ec2.Subnet) []string { return of(s.EnableDns64) },
	"ipv6-native":                     func(s *ec2.Subnet) []string { return of(s.Ipv6Native) },
	"map-customer-owned-ip-on-launch": func(s *ec2.Subnet) []string { return of(s.MapCustomerOwnedIpOnLaunch) },
	"map-public-ip-on-launch":         func(s *ec2.Subnet) []string { return of(s.MapPublicIpOnLaunch) },
	"owner-id":                        func(s *ec2.Subnet) []string { return of(s.OwnerId) },
	"state":                           func(s *ec2.Subnet) []string { return of(s.State) },
	"subnet-arn":                      func(s *ec2.Subnet) []string { return of(s.SubnetArn) },
	"subnet-id":                       func(s *ec2.Subnet) []string { return of(s.SubnetId) },
	"vpc-id":                          func(s *ec2.Subnet) []string { return of(s.VpcId) },
	"private-dns-name-options-on-launch.hostname-type": func(s *ec2.Subnet) []string {
		return of(s.PrivateDnsNameOptionsOnLaunch.HostnameType)
	},
	"private-dns-name-options-on-launch.enable-resource-name-dns-a-record": func(s *ec2.Subnet) []string {
		return of(s.PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord)
	},
	"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": func(s *ec2.Subnet) []string {
		return of(s.PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord)
	},
}.never("customer-owned-ipv4-pool", "enable-lni-at-device-index", "outpost-arn", "ipv6-cidr-block-association.association-id",
	"ipv6-cidr-block-association.ipv6-cidr-block", "ipv6-cidr-block-association.state").tagged(func(s *ec2.Subnet) []ec2.Tag { return s.Tags })

// modifySubnetAttribute changes one attribute. Of those that AWS has, only one can be anything but
// what it is at first.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html
func modifySubnetAttribute(e *vpc.Edit, in *ec2.ModifySubnetAttributeInput) (*ec2.ModifySubnetAttributeOutput, error) {
	old, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	var names []string
	changes := false // to something that is not there
	for _, a := range []struct {
		name           string
		given, changes bool
	}{
		{"assignIpv6AddressOnCreation", in.AssignIpv6AddressOnCreation != nil, isTrue(in.AssignIpv6AddressOnCreation)},
		{"mapPublicIpOnLaunch", in.MapPublicIpOnLaunch != nil, false},
		{"mapCustomerOwnedIpOnLaunch", in.MapCustomerOwnedIpOnLaunch != nil, isTrue(in.MapCustomerOwnedIpOnLaunch)},
		{"customerOwnedIpv4Pool", in.CustomerOwnedIpv4Pool != nil, true},
		{"enableDns64", in.EnableDns64 != nil, isTrue(in.EnableDns64)},
		{"enableLniAtDeviceIndex", in.EnableLniAtDeviceIndex != nil, true},
		{"disableLniAtDeviceIndex", in.DisableLniAtDeviceIndex != nil, false},
		{"privateDnsHostnameTypeOnLaunch", in.PrivateDnsHostnameTypeOnLaunch != "", in.PrivateDnsHostnameTypeOnLaunch != "ip-name"},
		{"enableResourceNameDnsARecordOnLaunch", in.EnableResourceNameDnsARecordOnLaunch != nil, isTrue(in.EnableResourceNameDnsARecordOnLaunch)},
		{"enableResourceNameDnsAAAARecordOnLaunch", in.EnableResourceNameDnsAAAARecordOnLaunch != nil, isTrue(in.EnableResourceNameDnsAAAARecordOnLaunch)},
	} {
		if a.given {
			names = append(names, a.name)
			changes = a.changes
		}
	}
	switch {
	case len(names) == 0:
		return nil, vpc.Errorf("InvalidParameterCombination", "No attributes specified.")
	case len(names) > 1:
		return nil, vpc.Errorf("InvalidParameterCombination", "Only one subnet attribute can be modified at a time. Provided attributes: [%s]", strings.Join(names, ", "))
	case changes:
		return nil, unsupported(names[0])
	case in.MapPublicIpOnLaunch != nil:
		subnet := *old
		subnet.MapPublicIP = isTrue(in.MapPublicIpOnLaunch)
		e.Subnets.Put(&subnet)
	}
	return &ec2.ModifySubnetAttributeOutput{}, nil
}

func isTrue(a *ec2.AttributeBooleanValue) bool { return a != nil && value(a.Value) }
