package conformance

import (
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// makeDefaults deletes the default VPC and makes it anew.
func (w *world) makeDefaults() {
	old := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("is-default", "true")}).Vpcs[0].VpcId
	for _, n := range do(w.caller, w.DescribeSubnets, sdk.DescribeSubnetsInput{Filters: filter("vpc-id", *old)}).Subnets {
		do(w.caller, w.DeleteSubnet, sdk.DeleteSubnetInput{SubnetId: n.SubnetId})
	}
	for _, g := range do(w.caller, w.DescribeInternetGateways, sdk.DescribeInternetGatewaysInput{Filters: filter("attachment.vpc-id", *old)}).InternetGateways {
		do(w.caller, w.DetachInternetGateway, sdk.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: old})
		do(w.caller, w.DeleteInternetGateway, sdk.DeleteInternetGatewayInput{InternetGatewayId: g.InternetGatewayId})
	}
	do(w.caller, w.DeleteVpc, sdk.DeleteVpcInput{VpcId: old})
	fresh := do(w.caller, w.CreateDefaultVpc, sdk.CreateDefaultVpcInput{}).Vpc.VpcId
	first := do(w.caller, w.DescribeSubnets, sdk.DescribeSubnetsInput{Filters: filter("vpc-id", *fresh)}).Subnets[0]
	do(w.caller, w.DeleteSubnet, sdk.DeleteSubnetInput{SubnetId: first.SubnetId})
	do(w.caller, w.CreateDefaultSubnet, sdk.CreateDefaultSubnetInput{AvailabilityZone: first.AvailabilityZone})
}

// makeVPC makes the VPC of the world, with second ranges of both families, and its subnets.
func (w *world) makeVPC() {
	v := do(w.caller, w.CreateVpc, sdk.CreateVpcInput{CidrBlock: new("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: new(true), InstanceTenancy: types.TenancyDedicated,
		TagSpecifications: tagged(types.ResourceTypeVpc)}).Vpc
	w.vpc = *v.VpcId
	do(w.caller, w.ModifyVpcTenancy, sdk.ModifyVpcTenancyInput{VpcId: v.VpcId, InstanceTenancy: types.VpcTenancyDefault})
	for _, in := range []sdk.AssociateVpcCidrBlockInput{{VpcId: v.VpcId, CidrBlock: new("10.1.0.0/16")}, {VpcId: v.VpcId, AmazonProvidedIpv6CidrBlock: new(true)}} {
		do(w.caller, w.AssociateVpcCidrBlock, in)
		out := do(w.caller, w.AssociateVpcCidrBlock, sdk.AssociateVpcCidrBlockInput{VpcId: v.VpcId, CidrBlock: bump(in.CidrBlock), AmazonProvidedIpv6CidrBlock: in.AmazonProvidedIpv6CidrBlock})
		gone := ""
		if out.CidrBlockAssociation != nil {
			gone = *out.CidrBlockAssociation.AssociationId
		} else {
			gone = *out.Ipv6CidrBlockAssociation.AssociationId
		}
		do(w.caller, w.DisassociateVpcCidrBlock, sdk.DisassociateVpcCidrBlockInput{AssociationId: &gone})
	}
	for _, in := range []sdk.ModifyVpcAttributeInput{{EnableDnsHostnames: yes()}, {EnableDnsSupport: yes()}, {EnableNetworkAddressUsageMetrics: yes()}} {
		in.VpcId = v.VpcId
		do(w.caller, w.ModifyVpcAttribute, in)
	}
	options := do(w.caller, w.CreateDhcpOptions, sdk.CreateDhcpOptionsInput{DhcpConfigurations: []types.NewDhcpConfiguration{{Key: new("domain-name"), Values: []string{"example.com"}}},
		TagSpecifications: tagged(types.ResourceTypeDhcpOptions)}).DhcpOptions.DhcpOptionsId
	do(w.caller, w.AssociateDhcpOptions, sdk.AssociateDhcpOptionsInput{VpcId: v.VpcId, DhcpOptionsId: options})

	whole := *do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{VpcIds: []string{w.vpc}}).Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock
	subnet := func(range4, range6 string) string {
		return *do(w.caller, w.CreateSubnet, sdk.CreateSubnetInput{VpcId: v.VpcId, CidrBlock: &range4, Ipv6CidrBlock: &range6, AvailabilityZone: &w.zone,
			TagSpecifications: tagged(types.ResourceTypeSubnet)}).Subnet.SubnetId
	}
	w.subnet, w.private = subnet("10.0.1.0/24", block(whole, 1)), subnet("10.0.2.0/24", block(whole, 2))
	for _, in := range []sdk.ModifySubnetAttributeInput{{MapPublicIpOnLaunch: yes()}, {AssignIpv6AddressOnCreation: yes()}, {EnableDns64: yes()}, {EnableResourceNameDnsARecordOnLaunch: yes()},
		{EnableResourceNameDnsAAAARecordOnLaunch: yes()}} {
		in.SubnetId = &w.subnet
		do(w.caller, w.ModifySubnetAttribute, in)
	}
	spare := subnet("10.0.3.0/24", block(whole, 3))
	association := do(w.caller, w.DescribeSubnets, sdk.DescribeSubnetsInput{SubnetIds: []string{spare}}).Subnets[0].Ipv6CidrBlockAssociationSet[0].AssociationId
	do(w.caller, w.DisassociateSubnetCidrBlock, sdk.DisassociateSubnetCidrBlockInput{AssociationId: association})
	do(w.caller, w.AssociateSubnetCidrBlock, sdk.AssociateSubnetCidrBlockInput{SubnetId: &spare, Ipv6CidrBlock: new(block(whole, 4))})
	for i := range several {
		do(w.caller, w.CreateSubnetCidrReservation, sdk.CreateSubnetCidrReservationInput{SubnetId: &w.subnet, Cidr: new(fmt.Sprintf("10.0.1.%d/28", 128+16*i)), ReservationType: types.SubnetCidrReservationTypeExplicit,
			Description: new("kept"), TagSpecifications: tagged(types.ResourceTypeSubnetCidrReservation)})
	}
	do(w.caller, w.CreateSubnetCidrReservation, sdk.CreateSubnetCidrReservationInput{SubnetId: &w.subnet, Cidr: new(block(whole, 1)[:len(block(whole, 1))-3] + "/80"),
		ReservationType: types.SubnetCidrReservationTypePrefix, Description: new("kept"), TagSpecifications: tagged(types.ResourceTypeSubnetCidrReservation)})
	for i := range several { // what else a page needs
		do(w.caller, w.CreateVpc, sdk.CreateVpcInput{CidrBlock: new(fmt.Sprintf("10.%d.0.0/16", 100+i))})
		do(w.caller, w.CreateDhcpOptions, sdk.CreateDhcpOptionsInput{DhcpConfigurations: []types.NewDhcpConfiguration{{Key: new("domain-name"), Values: []string{"example.org"}}}})
	}
}

// makeGateways makes one of each kind.
func (w *world) makeGateways() {
	for range several {
		w.gateway = *do(w.caller, w.CreateInternetGateway, sdk.CreateInternetGatewayInput{TagSpecifications: tagged(types.ResourceTypeInternetGateway)}).InternetGateway.InternetGatewayId
	}
	for _, v := range do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("is-default", "false")}).Vpcs {
		made := do(w.caller, w.CreateEgressOnlyInternetGateway, sdk.CreateEgressOnlyInternetGatewayInput{VpcId: v.VpcId, ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeEgressOnlyInternetGateway)})
		if *v.VpcId == w.vpc {
			w.egress = *made.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId
		}
	}
	do(w.caller, w.AttachInternetGateway, sdk.AttachInternetGatewayInput{InternetGatewayId: &w.gateway, VpcId: &w.vpc})
	for range several {
		w.address = *do(w.caller, w.AllocateAddress, sdk.AllocateAddressInput{Domain: types.DomainTypeVpc, TagSpecifications: tagged(types.ResourceTypeElasticIp)}).AllocationId
	}
	second := do(w.caller, w.AllocateAddress, sdk.AllocateAddressInput{Domain: types.DomainTypeVpc}).AllocationId
	w.nat = *do(w.caller, w.CreateNatGateway, sdk.CreateNatGatewayInput{SubnetId: &w.subnet, AllocationId: &w.address, SecondaryAllocationIds: []string{*second}, ClientToken: token(),
		TagSpecifications: tagged(types.ResourceTypeNatgateway)}).NatGateway.NatGatewayId
	for range several {
		gone := do(w.caller, w.CreateNatGateway, sdk.CreateNatGatewayInput{SubnetId: &w.private, ConnectivityType: types.ConnectivityTypePrivate}).NatGateway.NatGatewayId
		do(w.caller, w.DeleteNatGateway, sdk.DeleteNatGatewayInput{NatGatewayId: gone})
	}
	do(w.caller, w.CreateNatGateway, sdk.CreateNatGatewayInput{SubnetId: &w.private, AllocationId: &w.address}) // it fails: the address is taken
}

// makeRoutes makes a table with routes to what there is, and one that a subnet leaves again.
func (w *world) makeRoutes() {
	for range several {
		w.table = *do(w.caller, w.CreateRouteTable, sdk.CreateRouteTableInput{VpcId: &w.vpc, ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeRouteTable)}).RouteTable.RouteTableId
	}
	do(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("0.0.0.0/0"), NatGatewayId: &w.nat})
	do(w.caller, w.ReplaceRoute, sdk.ReplaceRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("0.0.0.0/0"), GatewayId: &w.gateway})
	do(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("192.0.2.0/24"), NatGatewayId: &w.nat})
	do(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("198.51.100.0/24"), NatGatewayId: &w.nat})
	do(w.caller, w.DeleteRoute, sdk.DeleteRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("198.51.100.0/24")})
	do(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationIpv6CidrBlock: new("::/0"), EgressOnlyInternetGatewayId: &w.egress})
	first := do(w.caller, w.AssociateRouteTable, sdk.AssociateRouteTableInput{RouteTableId: &w.table, SubnetId: &w.subnet}).AssociationId
	do(w.caller, w.ReplaceRouteTableAssociation, sdk.ReplaceRouteTableAssociationInput{AssociationId: first, RouteTableId: &w.table})
	edge := do(w.caller, w.CreateRouteTable, sdk.CreateRouteTableInput{VpcId: &w.vpc}).RouteTable.RouteTableId
	do(w.caller, w.AssociateRouteTable, sdk.AssociateRouteTableInput{RouteTableId: edge, GatewayId: &w.gateway})
	private := do(w.caller, w.AssociateRouteTable, sdk.AssociateRouteTableInput{RouteTableId: &w.table, SubnetId: &w.private}).AssociationId
	do(w.caller, w.DisassociateRouteTable, sdk.DisassociateRouteTableInput{AssociationId: private})
}

// makeACL makes a network ACL with entries of every kind, and gives it a subnet.
func (w *world) makeACL() {
	w.acl = *do(w.caller, w.CreateNetworkAcl, sdk.CreateNetworkAclInput{VpcId: &w.vpc, ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeNetworkAcl)}).NetworkAcl.NetworkAclId
	ports := &types.PortRange{From: new(int32(80)), To: new(int32(443))}
	for _, in := range []sdk.CreateNetworkAclEntryInput{
		{RuleNumber: new(int32(100)), Protocol: new("6"), PortRange: ports, CidrBlock: new("0.0.0.0/0")},
		{RuleNumber: new(int32(110)), Protocol: new("58"), IcmpTypeCode: &types.IcmpTypeCode{Type: new(int32(128)), Code: new(int32(-1))}, Ipv6CidrBlock: new("::/0")},
	} {
		in.NetworkAclId, in.Egress, in.RuleAction = &w.acl, new(false), types.RuleActionAllow
		do(w.caller, w.CreateNetworkAclEntry, in)
	}
	do(w.caller, w.ReplaceNetworkAclEntry, sdk.ReplaceNetworkAclEntryInput{NetworkAclId: &w.acl, RuleNumber: new(int32(100)), Egress: new(false), RuleAction: types.RuleActionDeny,
		Protocol: new("17"), PortRange: ports, CidrBlock: new("10.0.0.0/8")})
	a := do(w.caller, w.DescribeNetworkAcls, sdk.DescribeNetworkAclsInput{Filters: filter("association.subnet-id", w.subnet)}).NetworkAcls[0].Associations
	for _, one := range a {
		if *one.SubnetId == w.subnet {
			do(w.caller, w.ReplaceNetworkAclAssociation, sdk.ReplaceNetworkAclAssociationInput{AssociationId: one.NetworkAclAssociationId, NetworkAclId: &w.acl})
		}
	}
	spare := do(w.caller, w.CreateNetworkAcl, sdk.CreateNetworkAclInput{VpcId: &w.vpc}).NetworkAcl.NetworkAclId
	do(w.caller, w.CreateNetworkAclEntry, sdk.CreateNetworkAclEntryInput{NetworkAclId: spare, RuleNumber: new(int32(1)), Egress: new(true), RuleAction: types.RuleActionDeny, Protocol: new("-1"), CidrBlock: new("0.0.0.0/0")})
	do(w.caller, w.DeleteNetworkAclEntry, sdk.DeleteNetworkAclEntryInput{NetworkAclId: spare, RuleNumber: new(int32(1)), Egress: new(true)})
	do(w.caller, w.DeleteNetworkAcl, sdk.DeleteNetworkAclInput{NetworkAclId: spare})
}

// makePrefixLists makes one with two versions.
func (w *world) makePrefixLists() {
	entry := func(cidr string) []types.AddPrefixListEntry {
		return []types.AddPrefixListEntry{{Cidr: &cidr, Description: new("d")}}
	}
	for range several {
		w.list = *do(w.caller, w.CreateManagedPrefixList, sdk.CreateManagedPrefixListInput{PrefixListName: new("offices"), MaxEntries: new(int32(5)), AddressFamily: new("IPv4"), ClientToken: token(),
			Entries: entry("203.0.113.0/24"), TagSpecifications: tagged(types.ResourceTypePrefixList)}).PrefixList.PrefixListId
	}
	do(w.caller, w.ModifyManagedPrefixList, sdk.ModifyManagedPrefixListInput{PrefixListId: &w.list, CurrentVersion: new(int64(1)), AddEntries: entry("198.51.100.0/24")})
	w.eventually("the list's second version", func() bool {
		return *do(w.caller, w.DescribeManagedPrefixLists, sdk.DescribeManagedPrefixListsInput{PrefixListIds: []string{w.list}}).PrefixLists[0].Version == 2
	})
	do(w.caller, w.RestoreManagedPrefixListVersion, sdk.RestoreManagedPrefixListVersionInput{PrefixListId: &w.list, PreviousVersion: new(int64(1)), CurrentVersion: new(int64(2))})
	do(w.caller, w.ModifyManagedPrefixList, sdk.ModifyManagedPrefixListInput{PrefixListId: &w.list, CurrentVersion: new(int64(3)), AddEntries: entry("192.0.2.0/24")})
	do(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationPrefixListId: &w.list, GatewayId: &w.gateway})
}
