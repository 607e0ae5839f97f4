package api

import (
	"slices"
	"strings"

	"crenel/vpc"
)

// ids knows how the ids of one noun look, how AWS speaks of them, and where to find their objects:
//
//	subnet, err := subnetIDs.find(s, id)
//	subnets, err := subnetIDs.all(s, in.SubnetIds)
//
// What belongs to another account or Region does not exist.
type ids[T any] struct {
	prefix    string // "subnet"
	noun      string // "The subnet ID 'X' does not exist"
	malformed string // error codes
	notFound  string
	table     func(*vpc.State) *vpc.Table[T]
}

var (
	vpcIDs = ids[vpc.VPC]{"vpc", "vpc ID", "InvalidVpcID.Malformed", "InvalidVpcID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.VPC] { return s.VPCs }}
	subnetIDs = ids[vpc.Subnet]{"subnet", "subnet ID", "InvalidSubnetID.Malformed", "InvalidSubnetID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.Subnet] { return s.Subnets }}
	groupIDs = ids[vpc.SecurityGroup]{"sg", "security group", "InvalidGroupId.Malformed", "InvalidGroup.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.SecurityGroup] { return s.SecurityGroups }}
	aclIDs = ids[vpc.NetworkACL]{"acl", "networkAcl ID", "InvalidNetworkAclId.Malformed", "InvalidNetworkAclID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.NetworkACL] { return s.NetworkACLs }}
	routeTableIDs = ids[vpc.RouteTable]{"rtb", "routeTable ID", "InvalidRouteTableId.Malformed", "InvalidRouteTableID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.RouteTable] { return s.RouteTables }}
	internetGatewayIDs = ids[vpc.InternetGateway]{"igw", "internetGateway ID", "InvalidInternetGatewayId.Malformed", "InvalidInternetGatewayID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.InternetGateway] { return s.InternetGateways }}
	dhcpOptionsIDs = ids[vpc.DHCPOptions]{"dopt", "dhcpOptions ID", "InvalidDhcpOptionsId.Malformed", "InvalidDhcpOptionID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.DHCPOptions] { return s.DHCPOptions }}
	cidrReservationIDs = ids[vpc.CIDRReservation]{"scr", "subnetCidrReservation ID", "InvalidSubnetCidrReservationId.Malformed", "InvalidSubnetCidrReservationID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.CIDRReservation] { return s.CIDRReservations }}
	egressOnlyIDs = ids[vpc.EgressOnlyGateway]{"eigw", "egressOnlyInternetGateway ID", "InvalidEgressOnlyInternetGatewayId.Malformed", "InvalidEgressOnlyInternetGatewayId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.EgressOnlyGateway] { return s.EgressOnlyGateways }}
	natGatewayIDs = ids[vpc.NATGateway]{"nat", "Nat Gateway", "NatGatewayMalformed", "NatGatewayNotFound",
		func(s *vpc.State) *vpc.Table[vpc.NATGateway] { return s.NATGateways }}
	peeringIDs = ids[vpc.Peering]{"pcx", "vpcPeeringConnection ID", "InvalidVpcPeeringConnectionId.Malformed", "InvalidVpcPeeringConnectionID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.Peering] { return s.Peerings }}
	prefixListIDs = ids[vpc.PrefixList]{"pl", "prefix list ID", "InvalidPrefixListId.Malformed", "InvalidPrefixListID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.PrefixList] { return s.PrefixLists }}
	elasticIPIDs = ids[vpc.ElasticIP]{"eipalloc", "allocation ID", "InvalidAllocationID.Malformed", "InvalidAllocationID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.ElasticIP] { return s.ElasticIPs }}
	interfaceIDs = ids[vpc.Interface]{"eni", "networkInterface ID", "InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.Interface] { return s.Interfaces }}
	permissionIDs = ids[vpc.InterfacePermission]{"eni-perm", "network interface permission ID", "InvalidPermissionID.Malformed", "InvalidPermissionID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.InterfacePermission] { return s.Permissions }}
	instanceIDs = ids[vpc.Instance]{"i", "instance ID", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.Instance] { return s.Instances }}
	keyPairIDs = ids[vpc.KeyPair]{"key", "key pair ID", "InvalidKeyPairId.Malformed", "InvalidKeyPair.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.KeyPair] { return s.KeyPairs }}
	launchTemplateIDs = ids[vpc.LaunchTemplate]{"lt", "launch template ID", "InvalidLaunchTemplateId.Malformed", "InvalidLaunchTemplateId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.LaunchTemplate] { return s.LaunchTemplates }}
	volumeIDs = ids[vpc.Volume]{"vol", "volume", "InvalidVolumeID.Malformed", "InvalidVolume.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.Volume] { return s.Volumes }}
	endpointIDs = ids[vpc.VPCEndpoint]{"vpce", "Vpc Endpoint Id", "InvalidVpcEndpointId.Malformed", "InvalidVpcEndpointId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.VPCEndpoint] { return s.VPCEndpoints }}
	flowLogIDs = ids[vpc.FlowLog]{"fl", "flow log ID", "InvalidParameterValue", "InvalidFlowLogId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.FlowLog] { return s.FlowLogs }}
	insightsPathIDs = ids[vpc.NetworkInsightsPath]{"nip", "networkInsightsPath ID", "InvalidNetworkInsightsPathId.Malformed", "InvalidNetworkInsightsPathId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.NetworkInsightsPath] { return s.NetworkInsightsPaths }}
	insightsAnalysisIDs = ids[vpc.NetworkInsightsAnalysis]{"nia", "networkInsightsAnalysis ID", "InvalidNetworkInsightsAnalysisId.Malformed", "InvalidNetworkInsightsAnalysisId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.NetworkInsightsAnalysis] { return s.NetworkInsightsAnalyses }}
	accessScopeIDs = ids[vpc.NetworkInsightsAccessScope]{"nis", "networkInsightsAccessScope ID", "InvalidNetworkInsightsAccessScopeId.Malformed", "InvalidNetworkInsightsAccessScopeId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.NetworkInsightsAccessScope] { return s.NetworkInsightsAccessScopes }}
	accessScopeAnalysisIDs = ids[vpc.NetworkInsightsAccessScopeAnalysis]{"nisa", "networkInsightsAccessScopeAnalysis ID", "InvalidNetworkInsightsAccessScopeAnalysisId.Malformed", "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound",
		func(s *vpc.State) *vpc.Table[vpc.NetworkInsightsAccessScopeAnalysis] {
			return s.NetworkInsightsAccessScopeAnalyses
		}}
)

// find returns the scope's object with the id.
func (k ids[T]) find(s *vpc.State, id string) (*T, error) {
	if err := k.check(id); err != nil {
		return nil, err
	}
	o := k.get(s, id)
	if o == nil {
		return nil, k.missing(id)
	}
	return o, nil
}

// all returns the objects with the ids, each once, or where none is given all of the scope.
// One bad id spoils the call, a malformed one before an unknown one.
func (k ids[T]) all(s *vpc.State, wanted []string) ([]*T, error) {
	if len(wanted) == 0 {
		return slices.Collect(k.table(s).By("scope", s.Key())), nil
	}
	for _, id := range wanted {
		if err := k.check(id); err != nil {
			return nil, err
		}
	}
	wanted = slices.Compact(slices.Sorted(slices.Values(wanted)))
	var found []*T
	var unknown []string
	for _, id := range wanted {
		if o := k.get(s, id); o != nil {
			found = append(found, o)
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, k.missing(unknown...)
	}
	return found, nil
}

// missing says that there are no objects with the ids. NAT gateways have a phrase of their own.
func (k ids[T]) missing(unknown ...string) error {
	all := strings.Join(unknown, ", ")
	switch {
	case len(unknown) > 1 && k.prefix == "nat":
		return vpc.Errorf(k.notFound, "The %ss %s were not found", k.noun, all)
	case len(unknown) > 1:
		return vpc.Errorf(k.notFound, "The %ss '%s' do not exist", k.noun, all)
	case k.prefix == "nat":
		return vpc.Errorf(k.notFound, "The %s %s was not found", k.noun, all)
	}
	return vpc.Errorf(k.notFound, "The %s '%s' does not exist", k.noun, all)
}

// get returns the object with the id that the scope sees, or nil.
func (k ids[T]) get(s *vpc.State, id string) *T {
	o := k.table(s).Get(id)
	if o == nil || !any(o).(interface{ In(vpc.Scope) bool }).In(s.Scope) {
		return nil
	}
	return o
}

// check refuses what cannot be an id of the noun.
func (k ids[T]) check(id string) error { return checkID(k.prefix, k.malformed, id) }

// checkID refuses what is not the prefix and 8 or 17 hexadecimal digits.
func checkID(prefix, malformed, id string) error {
	digits, ok := strings.CutPrefix(id, prefix+"-")
	switch {
	case !ok:
		return vpc.Errorf(malformed, "Invalid id: %q (expecting %q)", id, prefix+"-...")
	case len(digits) != 8 && len(digits) != 17 || strings.Trim(digits, "0123456789abcdef") != "":
		return vpc.Errorf(malformed, "Invalid id: %q", id)
	}
	return nil
}
