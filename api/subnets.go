package api

import (
	"net/netip"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// subnetOperations keep subnets and what is reserved in them.
var subnetOperations = []Operation{
	write(createSubnet),
	write(createDefaultSubnet),
	write(deleteSubnet),
	read(describeSubnets),
	write(modifySubnetAttribute),
	write(associateSubnetCidrBlock),
	write(disassociateSubnetCidrBlock),
	write(createSubnetCidrReservation),
	write(deleteSubnetCidrReservation),
	read(getSubnetCidrReservations),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html
func createSubnet(e *vpc.Edit, in *ec2.CreateSubnetInput) (*ec2.CreateSubnetOutput, error) {
	if err := refuse(given{"ipv6Native", value(in.Ipv6Native)},
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
	var ipv6 []vpc.Block
	if asked := value(in.Ipv6CidrBlock); asked != "" {
		cidr, err := subnetIPv6Block(e.State, v, asked)
		if err != nil {
			return nil, err
		}
		ipv6 = []vpc.Block{{AssociationID: e.NewID("subnet-cidr-assoc"), CIDR: cidr}}
	}
	if err := subnetsHaveRoom(e.State, v); err != nil {
		return nil, err
	}
	subnet := *e.NewSubnet(v.ID, cidr, zone, false)
	subnet.IPv6, subnet.Tags = ipv6, tags["subnet"]
	e.Subnets.Put(&subnet)
	shown := showSubnet(e.State, &subnet)
	for i := range shown.Ipv6CidrBlockAssociationSet {
		shown.Ipv6CidrBlockAssociationSet[i].Ipv6CidrBlockState.State = "associating"
	}
	return &ec2.CreateSubnetOutput{Subnet: &shown}, nil
}

func subnetsHaveRoom(s *vpc.State, v *vpc.VPC) error {
	if s.Subnets.CountBy("vpc", v.ID) >= s.Limit(vpc.SubnetsPerVPC) {
		return vpc.Errorf("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	return nil
}

// createDefaultSubnet makes the default subnet of a zone again once it was deleted: a /20 where the
// default VPC still has one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDefaultSubnet.html
func createDefaultSubnet(e *vpc.Edit, in *ec2.CreateDefaultSubnetInput) (*ec2.CreateDefaultSubnetOutput, error) {
	if err := refuse(given{"ipv6Native", value(in.Ipv6Native)}); err != nil {
		return nil, err
	}
	name, id := value(in.AvailabilityZone), value(in.AvailabilityZoneId)
	switch {
	case name == "" && id == "":
		return nil, missing("AvailabilityZone or AvailabilityZoneId")
	case name != "" && id != "":
		return nil, notTogether("availabilityZone", "availabilityZoneId")
	}
	zone, err := subnetZone(e.Region, name, id)
	if err != nil {
		return nil, err
	}
	v := e.DefaultVPC()
	if v == nil {
		return nil, vpc.Errorf("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
	}
	for subnet := range e.Subnets.By("vpc", v.ID) {
		if subnet.DefaultZone && subnet.Zone == zone {
			return nil, vpc.Errorf("DefaultSubnetAlreadyExistsInAvailabilityZone", "'%s' is already the default subnet in %s.", subnet.ID, zone)
		}
	}
	if err := subnetsHaveRoom(e.State, v); err != nil {
		return nil, err
	}
	var cidr netip.Prefix
	for n := range uint32(16) {
		cidr = netip.PrefixFrom(vpc.At(v.CIDR, n<<12), 20)
		if err = placeBlock(e.State, v, "CIDR", cidr); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	subnet := e.NewSubnet(v.ID, cidr, zone, true)
	return &ec2.CreateDefaultSubnetOutput{Subnet: new(showSubnet(e.State, subnet))}, nil
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

// deleteSubnet deletes a subnet in which no interface is; a NAT gateway has one. Its associations and
// reservations go with it.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
func deleteSubnet(e *vpc.Edit, in *ec2.DeleteSubnetInput) (*ec2.DeleteSubnetOutput, error) {
	subnet, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	if subnetInUse(e.State, subnet.ID) {
		return nil, hasDependencies("subnet", subnet.ID)
	}
	if old := e.RouteTables.First("subnet", subnet.ID); old != nil {
		table := *old
		table.Associations = slices.DeleteFunc(slices.Clone(old.Associations), func(a vpc.RouteAssociation) bool { return a.Subnet == subnet.ID })
		e.RouteTables.Put(&table)
	}
	for _, r := range slices.Collect(e.CIDRReservations.By("subnet", subnet.ID)) {
		e.CIDRReservations.Delete(r.ID)
	}
	e.Subnets.Delete(subnet.ID)
	return &ec2.DeleteSubnetOutput{}, nil
}

func subnetInUse(s *vpc.State, id string) bool {
	for g := range s.NATGateways.By("subnet", id) {
		if g.State == "available" {
			return true
		}
	}
	return s.Interfaces.First("subnet", id) != nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
func describeSubnets(s *vpc.State, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	subnets, next, err := describe(s, in, subnetIDs, in.SubnetIds, subnetListing, func(subnet *vpc.Subnet) ec2.Subnet { return showSubnet(s, subnet) })
	return &ec2.DescribeSubnetsOutput{Subnets: subnets, NextToken: next}, err
}

// showSubnet is the subnet as DescribeSubnets shows it.
func showSubnet(s *vpc.State, subnet *vpc.Subnet) ec2.Subnet {
	zone, _ := vpc.ZoneByName(subnet.Region, subnet.Zone)
	shown := ec2.Subnet{
		SubnetId: new(subnet.ID), SubnetArn: new(arn(subnet.Scope, "subnet", subnet.ID)), OwnerId: new(subnet.Account), VpcId: new(subnet.VPC),
		State: "available", CidrBlock: new(subnet.CIDR.String()), AvailableIpAddressCount: new(int32(s.FreeAddresses(subnet))),
		AvailabilityZone: new(subnet.Zone), AvailabilityZoneId: new(zone.ID), DefaultForAz: new(subnet.DefaultZone),
		MapPublicIpOnLaunch: new(subnet.MapPublicIP), MapCustomerOwnedIpOnLaunch: new(false), AssignIpv6AddressOnCreation: new(subnet.AssignIPv6),
		EnableDns64: new(subnet.DNS64), Ipv6Native: new(false), Ipv6CidrBlockAssociationSet: []ec2.SubnetIpv6CidrBlockAssociation{},
		PrivateDnsNameOptionsOnLaunch: &ec2.PrivateDnsNameOptionsOnLaunch{HostnameType: hostnameType(subnet.Names),
			EnableResourceNameDnsARecord: new(subnet.Names.A), EnableResourceNameDnsAAAARecord: new(subnet.Names.AAAA)},
		BlockPublicAccessStates: &ec2.BlockPublicAccessStates{InternetGatewayBlockMode: "off"}, Tags: tagSet(subnet.Tags),
	}
	for _, b := range subnet.IPv6 {
		shown.Ipv6CidrBlockAssociationSet = append(shown.Ipv6CidrBlockAssociationSet, showSubnetBlock(b, "associated"))
	}
	return shown
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
	"ipv6-cidr-block-association.association-id": func(s *ec2.Subnet) []string {
		return each(s.Ipv6CidrBlockAssociationSet, func(a *ec2.SubnetIpv6CidrBlockAssociation) *string { return a.AssociationId })
	},
	"ipv6-cidr-block-association.ipv6-cidr-block": func(s *ec2.Subnet) []string {
		return each(s.Ipv6CidrBlockAssociationSet, func(a *ec2.SubnetIpv6CidrBlockAssociation) *string { return a.Ipv6CidrBlock })
	},
	"ipv6-cidr-block-association.state": func(s *ec2.Subnet) []string {
		return each(s.Ipv6CidrBlockAssociationSet, func(a *ec2.SubnetIpv6CidrBlockAssociation) string { return a.Ipv6CidrBlockState.State })
	},
}.never("customer-owned-ipv4-pool", "enable-lni-at-device-index", "outpost-arn").tagged(func(s *ec2.Subnet) []ec2.Tag { return s.Tags })
