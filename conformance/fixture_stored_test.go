package conformance

import (
	"fmt"
	"reflect"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// makeEndpoints makes one of each type, and flow logs of what they are of.
func (w *world) makeEndpoints() {
	do(w.caller, w.CreateVpcEndpoint, sdk.CreateVpcEndpointInput{VpcId: &w.vpc, ServiceName: new("com.amazonaws.us-east-1.s3"), VpcEndpointType: types.VpcEndpointTypeGateway, RouteTableIds: []string{w.table},
		ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeVpcEndpoint)})
	one := do(w.caller, w.CreateVpcEndpoint, sdk.CreateVpcEndpointInput{VpcId: &w.vpc, ServiceName: new("com.amazonaws.us-east-1.sqs"), VpcEndpointType: types.VpcEndpointTypeInterface, SubnetIds: []string{w.subnet},
		SecurityGroupIds: []string{w.group}, PrivateDnsEnabled: new(true), ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeVpcEndpoint)}).VpcEndpoint.VpcEndpointId
	do(w.caller, w.ModifyVpcEndpoint, sdk.ModifyVpcEndpointInput{VpcEndpointId: one, AddSecurityGroupIds: []string{w.web}})
	for _, service := range []string{"ec2", "sns", "ssm", "kms", "logs"} {
		last := do(w.caller, w.CreateVpcEndpoint, sdk.CreateVpcEndpointInput{VpcId: &w.vpc, ServiceName: new("com.amazonaws.us-east-1." + service), VpcEndpointType: types.VpcEndpointTypeInterface})
		if service == "logs" {
			do(w.caller, w.DeleteVpcEndpoints, sdk.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*last.VpcEndpoint.VpcEndpointId, "vpce-0123456789abcdef0"}})
		}
	}
	logs := do(w.caller, w.CreateFlowLogs, sdk.CreateFlowLogsInput{ResourceIds: []string{w.vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll,
		LogDestinationType: types.LogDestinationTypeCloudWatchLogs, LogGroupName: new("flows"), DeliverLogsPermissionArn: new("arn:aws:iam::111122223333:role/flows"), MaxAggregationInterval: new(int32(60)),
		ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeVpcFlowLog)}).FlowLogIds
	for i := range several {
		do(w.caller, w.CreateFlowLogs, sdk.CreateFlowLogsInput{ResourceIds: []string{w.vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll, LogGroupName: new(fmt.Sprintf("flows-%d", i)),
			DeliverLogsPermissionArn: new("arn:aws:iam::111122223333:role/flows"), DeliverCrossAccountRole: new("arn:aws:iam::444455556666:role/flows"), TagSpecifications: tagged(types.ResourceTypeVpcFlowLog)})
	}
	do(w.caller, w.CreateFlowLogs, sdk.CreateFlowLogsInput{ResourceIds: []string{w.subnet, w.private, "subnet-0123456789abcdef0"}, ResourceType: types.FlowLogsResourceTypeSubnet, TrafficType: types.TrafficTypeReject,
		LogDestinationType: types.LogDestinationTypeS3, LogDestination: new("arn:aws:s3:::flows"), LogFormat: new("${version} ${srcaddr}"),
		DestinationOptions: &types.DestinationOptionsRequest{FileFormat: types.DestinationFileFormatParquet, HiveCompatiblePartitions: new(true), PerHourPartition: new(true)}})
	do(w.caller, w.DeleteFlowLogs, sdk.DeleteFlowLogsInput{FlowLogIds: append(logs, "fl-0123456789abcdef0")})
}

// makeInsights makes paths and scopes, and analyses of them.
func (w *world) makeInsights() {
	ports := &types.RequestFilterPortRange{FromPort: new(int32(80)), ToPort: new(int32(80))}
	side := &types.PathRequestFilter{SourceAddress: new("10.0.1.10"), DestinationAddress: new("10.0.1.20"), SourcePortRange: ports, DestinationPortRange: ports}
	path := func(in sdk.CreateNetworkInsightsPathInput) *string {
		in.Source, in.Protocol, in.ClientToken, in.TagSpecifications = &w.instance, types.ProtocolTcp, token(), tagged(types.ResourceTypeNetworkInsightsPath)
		return do(w.caller, w.CreateNetworkInsightsPath, in).NetworkInsightsPath.NetworkInsightsPathId
	}
	one := path(sdk.CreateNetworkInsightsPathInput{Destination: &w.eni, FilterAtSource: side, FilterAtDestination: side})
	two := path(sdk.CreateNetworkInsightsPathInput{Destination: &w.gateway, SourceIp: new("10.0.1.10"), DestinationIp: new("192.0.2.1"), DestinationPort: new(int32(443))})
	path(sdk.CreateNetworkInsightsPathInput{DestinationIp: new("192.0.2.1"), Destination: &w.gateway, SourceIp: new("10.0.1.10"), DestinationPort: new(int32(80))})
	for _, id := range []*string{one, two} {
		analysis := do(w.caller, w.StartNetworkInsightsAnalysis, sdk.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: id, ClientToken: token(),
			FilterInArns: []string{"arn:aws:ec2:us-east-1:111122223333:vpc/" + w.vpc}, FilterOutArns: []string{"arn:aws:ec2:us-east-1:111122223333:subnet/" + w.private}, TagSpecifications: tagged(types.ResourceTypeNetworkInsightsAnalysis)}).NetworkInsightsAnalysis
		w.describe("DescribeNetworkInsightsAnalyses", func(reflect.Value) {})
		if id == two {
			do(w.caller, w.DeleteNetworkInsightsAnalysis, sdk.DeleteNetworkInsightsAnalysisInput{NetworkInsightsAnalysisId: analysis.NetworkInsightsAnalysisId})
			do(w.caller, w.DescribeNetworkInsightsPaths, sdk.DescribeNetworkInsightsPathsInput{MaxResults: new(int32(1))})
			do(w.caller, w.DeleteNetworkInsightsPath, sdk.DeleteNetworkInsightsPathInput{NetworkInsightsPathId: id})
		}
	}
	packets := &types.PacketHeaderStatementRequest{SourceAddresses: []string{"10.0.0.0/8"}, DestinationPorts: []string{"443"}, SourcePorts: []string{"1024-65535"}, Protocols: []types.Protocol{types.ProtocolTcp},
		DestinationPrefixLists: []string{w.list}}
	back := &types.PacketHeaderStatementRequest{DestinationAddresses: []string{"10.0.0.0/8"}, SourcePrefixLists: []string{w.list}, Protocols: []types.Protocol{types.ProtocolUdp}}
	at := &types.ResourceStatementRequest{ResourceTypes: []string{"AWS::EC2::InternetGateway"}}
	of := &types.ResourceStatementRequest{Resources: []string{w.vpc}}
	there := &types.PacketHeaderStatementRequest{DestinationAddresses: []string{"10.0.0.0/8"}, SourcePrefixLists: []string{w.list}, Protocols: []types.Protocol{types.ProtocolUdp}}
	paths := []types.AccessScopePathRequest{
		{Source: &types.PathStatementRequest{ResourceStatement: of, PacketHeaderStatement: there}, Destination: &types.PathStatementRequest{ResourceStatement: at, PacketHeaderStatement: packets}},
		{Source: &types.PathStatementRequest{ResourceStatement: at, PacketHeaderStatement: packets}, Destination: &types.PathStatementRequest{ResourceStatement: of}, ThroughResources: []types.ThroughResourcesStatementRequest{{ResourceStatement: at}}},
		{Source: &types.PathStatementRequest{ResourceStatement: of}, Destination: &types.PathStatementRequest{ResourceStatement: at, PacketHeaderStatement: back}, ThroughResources: []types.ThroughResourcesStatementRequest{{ResourceStatement: of}}},
	}
	for i := range 2 {
		scope := do(w.caller, w.CreateNetworkInsightsAccessScope, sdk.CreateNetworkInsightsAccessScopeInput{MatchPaths: paths, ExcludePaths: paths, ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeNetworkInsightsAccessScope)}).NetworkInsightsAccessScope.NetworkInsightsAccessScopeId
		do(w.caller, w.GetNetworkInsightsAccessScopeContent, sdk.GetNetworkInsightsAccessScopeContentInput{NetworkInsightsAccessScopeId: scope})
		analysis := do(w.caller, w.StartNetworkInsightsAccessScopeAnalysis, sdk.StartNetworkInsightsAccessScopeAnalysisInput{NetworkInsightsAccessScopeId: scope, ClientToken: token(), TagSpecifications: tagged(types.ResourceTypeNetworkInsightsAccessScopeAnalysis)}).NetworkInsightsAccessScopeAnalysis.NetworkInsightsAccessScopeAnalysisId
		do(w.caller, w.GetNetworkInsightsAccessScopeAnalysisFindings, sdk.GetNetworkInsightsAccessScopeAnalysisFindingsInput{NetworkInsightsAccessScopeAnalysisId: analysis})
		if i == 1 {
			w.describe("DescribeNetworkInsightsAccessScopes", func(reflect.Value) {})
			w.describe("DescribeNetworkInsightsAccessScopeAnalyses", func(reflect.Value) {})
			do(w.caller, w.DeleteNetworkInsightsAccessScopeAnalysis, sdk.DeleteNetworkInsightsAccessScopeAnalysisInput{NetworkInsightsAccessScopeAnalysisId: analysis})
			do(w.caller, w.DeleteNetworkInsightsAccessScope, sdk.DeleteNetworkInsightsAccessScopeInput{NetworkInsightsAccessScopeId: scope})
		}
	}
}

// describeEach calls the operations that need a parameter.
func (w *world) describeEach() {
	do(w.caller, w.DescribeSecurityGroupReferences, sdk.DescribeSecurityGroupReferencesInput{GroupId: []string{w.web}})
	do(w.caller, w.GetSecurityGroupsForVpc, sdk.GetSecurityGroupsForVpcInput{VpcId: &w.vpc})
	do(w.caller, w.GetSecurityGroupsForVpc, sdk.GetSecurityGroupsForVpcInput{VpcId: &w.vpc, MaxResults: new(int32(5))})
	do(w.caller, w.GetManagedPrefixListEntries, sdk.GetManagedPrefixListEntriesInput{PrefixListId: &w.list})
	do(w.caller, w.GetManagedPrefixListEntries, sdk.GetManagedPrefixListEntriesInput{PrefixListId: &w.list, MaxResults: new(int32(1))})
	do(w.caller, w.GetManagedPrefixListAssociations, sdk.GetManagedPrefixListAssociationsInput{PrefixListId: &w.list})
	do(w.caller, w.GetManagedPrefixListAssociations, sdk.GetManagedPrefixListAssociationsInput{PrefixListId: &w.list, MaxResults: new(int32(5))})
	do(w.caller, w.GetSubnetCidrReservations, sdk.GetSubnetCidrReservationsInput{SubnetId: &w.subnet})
	do(w.caller, w.GetSubnetCidrReservations, sdk.GetSubnetCidrReservationsInput{SubnetId: &w.subnet, MaxResults: new(int32(5))})
	do(w.caller, w.GetConsoleOutput, sdk.GetConsoleOutputInput{InstanceId: &w.instance})
	do(w.caller, w.DescribeLaunchTemplateVersions, sdk.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: new("everything")})
	do(w.caller, w.DescribeLaunchTemplateVersions, sdk.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Latest"}, MaxResults: new(int32(1))})
	do(w.caller, w.DescribeInstanceStatus, sdk.DescribeInstanceStatusInput{IncludeAllInstances: new(true)})
	do(w.caller, w.DescribeKeyPairs, sdk.DescribeKeyPairsInput{IncludePublicKey: new(true)})
	do(w.caller, w.CreateTags, sdk.CreateTagsInput{Resources: []string{w.vpc}, Tags: []types.Tag{{Key: new("a"), Value: new("b")}}})
	do(w.caller, w.DeleteTags, sdk.DeleteTagsInput{Resources: []string{w.vpc}, Tags: []types.Tag{{Key: new("a")}}})
}

// takeDown deletes what the rest still needed, and looks at what then is stale.
func (w *world) takeDown() {
	reservation := do(w.caller, w.GetSubnetCidrReservations, sdk.GetSubnetCidrReservationsInput{SubnetId: &w.subnet}).SubnetIpv4CidrReservations[0].SubnetCidrReservationId
	do(w.caller, w.DeleteSubnetCidrReservation, sdk.DeleteSubnetCidrReservationInput{SubnetCidrReservationId: reservation})
	lists := do(w.caller, w.DescribeManagedPrefixLists, sdk.DescribeManagedPrefixListsInput{Filters: filter("owner-id", w.account)}).PrefixLists
	for _, l := range lists {
		if *l.PrefixListId != w.list {
			do(w.caller, w.DeleteManagedPrefixList, sdk.DeleteManagedPrefixListInput{PrefixListId: l.PrefixListId})
			break
		}
	}
	tables := do(w.caller, w.DescribeRouteTables, sdk.DescribeRouteTablesInput{Filters: filter("vpc-id", w.vpc)}).RouteTables
	for _, r := range tables {
		if len(r.Associations) == 0 {
			do(w.caller, w.DeleteRouteTable, sdk.DeleteRouteTableInput{RouteTableId: r.RouteTableId})
			break
		}
	}
	egress := do(w.caller, w.DescribeEgressOnlyInternetGateways, sdk.DescribeEgressOnlyInternetGatewaysInput{}).EgressOnlyInternetGateways
	do(w.caller, w.DeleteEgressOnlyInternetGateway, sdk.DeleteEgressOnlyInternetGatewayInput{EgressOnlyInternetGatewayId: egress[0].EgressOnlyInternetGatewayId})
	for _, o := range do(w.caller, w.DescribeDhcpOptions, sdk.DescribeDhcpOptionsInput{Filters: filter("value", "example.org")}).DhcpOptions[:1] {
		do(w.caller, w.DeleteDhcpOptions, sdk.DeleteDhcpOptionsInput{DhcpOptionsId: o.DhcpOptionsId})
	}
	do(w.peer, w.peer.DeleteVpcPeeringConnection, sdk.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: &w.pcx})
	do(w.peer, w.peer.DeleteSecurityGroup, sdk.DeleteSecurityGroupInput{GroupId: &w.peerGroup})
	w.describe("DescribeStaleSecurityGroups", func(in reflect.Value) { in.FieldByName("VpcId").Set(reflect.ValueOf(&w.vpc)) })
}
