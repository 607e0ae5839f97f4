package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
)

// path makes a path and returns its id.
func (w *world) path(form string) string {
	w.Helper()
	return *do[ec2.CreateNetworkInsightsPathOutput](w, "CreateNetworkInsightsPath", fmt.Sprintf("ClientToken=%d&Protocol=tcp&%s", w.state.NetworkInsightsPaths.Len(), form)).NetworkInsightsPath.NetworkInsightsPathId
}

func TestAPathIsShownAsItWasMade(t *testing.T) {
	w := newWorld(t)
	i := w.run("")
	face := *i.NetworkInterfaces[0].NetworkInterfaceId
	igw := *do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "").InternetGateways[0].InternetGatewayId
	p := do[ec2.CreateNetworkInsightsPathOutput](w, "CreateNetworkInsightsPath", "ClientToken=a&Protocol=tcp&DestinationPort=443&SourceIp=10.0.0.1&DestinationIp=192.0.2.1&Source="+*i.InstanceId+"&Destination="+igw).NetworkInsightsPath
	const arns = "arn:aws:ec2:us-east-1:111122223333:"
	if got, want := text(*p.Source, *p.SourceArn, *p.Destination, *p.DestinationArn, p.Protocol, *p.DestinationPort, *p.SourceIp, *p.DestinationIp, *p.CreatedDate, *p.NetworkInsightsPathArn),
		text(*i.InstanceId, arns+"instance/"+*i.InstanceId, igw, arns+"internet-gateway/"+igw, "tcp", 443, "10.0.0.1", "192.0.2.1", testNow, arns+"network-insights-path/"+*p.NetworkInsightsPathId); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	p = do[ec2.CreateNetworkInsightsPathOutput](w, "CreateNetworkInsightsPath", "ClientToken=b&Protocol=udp&Source="+url.QueryEscape(arns+"network-interface/"+face)+
		"&FilterAtSource.DestinationAddress=192.0.2.7&FilterAtSource.DestinationPortRange.FromPort=53&FilterAtDestination.SourcePortRange.FromPort=1024&FilterAtDestination.SourcePortRange.ToPort=65535").NetworkInsightsPath
	f, g := p.FilterAtSource, p.FilterAtDestination
	if got, want := text(*p.Source, p.Destination == nil, p.DestinationArn == nil, *f.DestinationAddress, *f.DestinationPortRange.FromPort, *f.DestinationPortRange.ToPort, f.SourceAddress == nil, *g.SourcePortRange.FromPort, *g.SourcePortRange.ToPort),
		text(face, true, true, "192.0.2.7", 53, 53, true, 1024, 65535); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPathsAreRefused(t *testing.T) {
	w := newWorld(t)
	id := *w.run("").InstanceId
	ends := "Protocol=tcp&Source=" + id + "&Destination=" + id
	for _, c := range []struct{ form, want string }{
		{"Protocol=icmp&Source=" + id + "&Destination=" + id, "InvalidParameterValue: Value (icmp) for parameter protocol is invalid. The protocol must be one of: tcp, udp."},
		{"Protocol=tcp&Destination=" + id, "MissingParameter: The request must contain the parameter Source"},
		{"Protocol=tcp&DestinationIp=192.0.2.1&Source=" + id, "MissingParameter: The request must include either the Destination parameter or the FilterAtSource.DestinationAddress parameter. Add the required parameter and retry the request."},
		{"Protocol=tcp&Source=i-0123456789abcdef0&Destination=" + id, "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist"},
		{"Protocol=tcp&Source=" + id + "&Destination=eni-0123456789abcdef0", "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
		{"Protocol=tcp&Source=" + id + "&Destination=pcx-0123456789abcdef0", "InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID 'pcx-0123456789abcdef0' does not exist"},
		{"Protocol=tcp&Source=" + id + "&Destination=pcx-1", `InvalidVpcPeeringConnectionId.Malformed: Invalid id: "pcx-1"`},
		{"Protocol=tcp&Source=" + id + "&Destination=vpce-0123456789abcdef0", "InvalidVpcEndpointId.NotFound: The Vpc Endpoint Id 'vpce-0123456789abcdef0' does not exist"},
		{"Protocol=tcp&Source=" + id + "&Destination=igw-0123456789abcdef0", "InvalidInternetGatewayID.NotFound: The internetGateway ID 'igw-0123456789abcdef0' does not exist"},
		{"Protocol=tcp&Source=" + w.defaultVPC() + "&Destination=" + id, "InvalidParameterValue: Value (" + w.defaultVPC() + ") for parameter source is invalid. The resource must be an instance, a network interface, an internet gateway, a VPC peering connection or a VPC endpoint."},
		{"Protocol=tcp&Source=arn:aws:ec2:us-east-1:999999999999:instance/" + id + "&Destination=" + id, "InvalidParameterValue: Value (arn:aws:ec2:us-east-1:999999999999:instance/" + id + ") for parameter source is invalid. The ARN is not that of a resource of this account in this Region."},
		{ends + "&DestinationPort=65536", "InvalidParameterValue: Value (65536) for parameter destinationPort is invalid. The port must be between 0 and 65535."},
		{ends + "&SourceIp=::1", "InvalidParameterValue: Value (::1) for parameter sourceIp is invalid. This is not a valid IPv4 address."},
		{ends + "&DestinationIp=x", "InvalidParameterValue: Value (x) for parameter destinationIp is invalid. This is not a valid IPv4 address."},
		{ends + "&SourceIp=10.0.0.1&FilterAtSource.SourceAddress=10.0.0.1", "InvalidParameterCombination: The parameter FilterAtSource cannot be used with the parameter SourceIp"},
		{ends + "&DestinationPort=1&FilterAtSource.SourceAddress=10.0.0.1", "InvalidParameterCombination: The parameter FilterAtSource cannot be used with the parameter DestinationPort"},
		{ends + "&DestinationIp=10.0.0.1&FilterAtDestination.SourceAddress=10.0.0.1", "InvalidParameterCombination: The parameter FilterAtDestination cannot be used with the parameter DestinationIp"},
		{ends + "&FilterAtSource.SourceAddress=x", "InvalidParameterValue: Value (x) for parameter filterAtSource.sourceAddress is invalid. This is not a valid IPv4 address."},
		{ends + "&FilterAtDestination.DestinationAddress=x", "InvalidParameterValue: Value (x) for parameter filterAtDestination.destinationAddress is invalid. This is not a valid IPv4 address."},
		{ends + "&FilterAtSource.SourcePortRange.FromPort=9&FilterAtSource.SourcePortRange.ToPort=8", "InvalidParameterValue: Value (9-8) for parameter filterAtSource.sourcePortRange is invalid. The first port must not be greater than the last."},
		{ends + "&FilterAtSource.SourcePortRange.ToPort=8", "MissingParameter: The request must contain the parameter filterAtSource.sourcePortRange.fromPort"},
		{ends + "&FilterAtDestination.DestinationPortRange.FromPort=70000", "InvalidParameterValue: Value (70000) for parameter filterAtDestination.destinationPortRange.fromPort is invalid. The port must be between 0 and 65535."},
		{ends + "&TagSpecification.1.ResourceType=instance", "InvalidParameterValue: 'instance' is not a valid taggable resource type for this operation."},
		{ends + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		w.refuse("CreateNetworkInsightsPath", "ClientToken=t&"+c.form, c.want)
	}
	w.refuse("CreateNetworkInsightsPath", ends, "MissingParameter: The request must contain the parameter ClientToken")
	do[ec2.CreateNetworkInsightsPathOutput](w, "CreateNetworkInsightsPath", "ClientToken=t&"+ends)
	do[ec2.CreateNetworkInsightsPathOutput](w, "CreateNetworkInsightsPath", "ClientToken=t&"+ends)
	w.refuse("CreateNetworkInsightsPath", "ClientToken=t&DestinationPort=1&"+ends, "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
	if n := w.state.NetworkInsightsPaths.Len(); n != 1 {
		t.Errorf("there are %d paths", n)
	}
}

// An analysis never makes an answer up.
func TestAnAnalysisSaysThatItWasNotMade(t *testing.T) {
	w := newWorld(t)
	id := *w.run("").InstanceId
	p := w.path("Source=" + id + "&Destination=" + id)
	start := "NetworkInsightsPathId=" + p + "&ClientToken="
	a := do[ec2.StartNetworkInsightsAnalysisOutput](w, "StartNetworkInsightsAnalysis", start+"a&FilterInArn.1=arn:aws:ec2:us-east-1:1:vpc/vpc-1&AdditionalAccount.1=444455556666").NetworkInsightsAnalysis
	if got, want := text(a.Status, *a.StatusMessage, a.NetworkPathFound == nil, len(a.Explanations), len(a.ForwardPathComponents), a.FilterInArns, a.AdditionalAccounts, *a.StartDate),
		text("failed", whyNotAnalyzed, true, 0, 0, "[arn:aws:ec2:us-east-1:1:vpc/vpc-1]", "[444455556666]", testNow); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again := do[ec2.StartNetworkInsightsAnalysisOutput](w, "StartNetworkInsightsAnalysis", start+"a&FilterInArn.1=arn:aws:ec2:us-east-1:1:vpc/vpc-1&AdditionalAccount.1=444455556666").NetworkInsightsAnalysis
	if *again.NetworkInsightsAnalysisId != *a.NetworkInsightsAnalysisId {
		t.Errorf("the token made %s and %s", *a.NetworkInsightsAnalysisId, *again.NetworkInsightsAnalysisId)
	}
	for _, c := range []struct{ action, form, want string }{
		{"StartNetworkInsightsAnalysis", start + "b&FilterInArn.1=vpc-1", "InvalidParameterValue: Value (vpc-1) for parameter filterInArns is invalid. This is not a valid ARN."},
		{"StartNetworkInsightsAnalysis", start + "b&FilterOutArn.1=arn:x", "InvalidParameterValue: Value (arn:x) for parameter filterOutArns is invalid. This is not a valid ARN."},
		{"StartNetworkInsightsAnalysis", start + "b&AdditionalAccount.1=me", "InvalidParameterValue: Value (me) for parameter additionalAccounts is invalid. This is not a valid account ID."},
		{"StartNetworkInsightsAnalysis", start + "b&FilterInArn.1=arn:aws:ec2:us-east-1:1:vpc/" + strings.Repeat("v", 33000), "InvalidParameterValue: The list of the analysis's filters and accounts is limited to 32768 bytes."},
		{"StartNetworkInsightsAnalysis", "ClientToken=b&NetworkInsightsPathId=nip-0123456789abcdef0", "InvalidNetworkInsightsPathId.NotFound: The networkInsightsPath ID 'nip-0123456789abcdef0' does not exist"},
		{"StartNetworkInsightsAnalysis", "ClientToken=b&NetworkInsightsPathId=nia-1", `InvalidNetworkInsightsPathId.Malformed: Invalid id: "nia-1" (expecting "nip-...")`},
		{"DeleteNetworkInsightsPath", "NetworkInsightsPathId=" + p, "AnalysisExistsForNetworkInsightsPath: The networkInsightsPath '" + p + "' has analyses and cannot be deleted."},
		{"DeleteNetworkInsightsPath", "NetworkInsightsPathId=nip-0123456789abcdef0", "InvalidNetworkInsightsPathId.NotFound: The networkInsightsPath ID 'nip-0123456789abcdef0' does not exist"},
		{"DeleteNetworkInsightsAnalysis", "NetworkInsightsAnalysisId=nia-0123456789abcdef0", "InvalidNetworkInsightsAnalysisId.NotFound: The networkInsightsAnalysis ID 'nia-0123456789abcdef0' does not exist"},
		{"DeleteNetworkInsightsAnalysis", "NetworkInsightsAnalysisId=nia", `InvalidNetworkInsightsAnalysisId.Malformed: Invalid id: "nia" (expecting "nia-...")`},
		{"DescribeNetworkInsightsAnalyses", "NetworkInsightsPathId=nip-0123456789abcdef0", "InvalidNetworkInsightsPathId.NotFound: The networkInsightsPath ID 'nip-0123456789abcdef0' does not exist"},
		{"DescribeNetworkInsightsAnalyses", "NetworkInsightsAnalysisId.1=nia-0123456789abcdef0", "InvalidNetworkInsightsAnalysisId.NotFound: The networkInsightsAnalysis ID 'nia-0123456789abcdef0' does not exist"},
		{"DescribeNetworkInsightsAnalyses", "MaxResults=101", "InvalidParameterValue: Value ( 101 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 100."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	do[ec2.StartNetworkInsightsAnalysisOutput](w, "StartNetworkInsightsAnalysis", start+"b")
	for _, c := range []struct {
		form string
		want int
	}{
		{"", 2}, {"NetworkInsightsPathId=" + p, 2}, {"NetworkInsightsAnalysisId.1=" + *a.NetworkInsightsAnalysisId, 1}, {"MaxResults=1", 1},
		{"AnalysisStartTime=2026-11-23T12:00:00Z&AnalysisEndTime=2026-11-23T12:00:00Z", 2}, {"AnalysisStartTime=2026-11-23T12:00:01Z", 0}, {"AnalysisEndTime=2026-11-23T11:59:59Z", 0},
		{"Filter.1.Name=status&Filter.1.Value.1=failed", 2}, {"Filter.1.Name=path-found&Filter.1.Value.1=true", 0}, {"Filter.1.Name=path-found&Filter.1.Value.1=false", 0},
	} {
		if got := do[ec2.DescribeNetworkInsightsAnalysesOutput](w, "DescribeNetworkInsightsAnalyses", c.form).NetworkInsightsAnalyses; len(got) != c.want {
			t.Errorf("%s: got %d, want %d", c.form, len(got), c.want)
		}
	}
	for a := range analysisIDs(w) {
		do[ec2.DeleteNetworkInsightsAnalysisOutput](w, "DeleteNetworkInsightsAnalysis", "NetworkInsightsAnalysisId="+a)
	}
	if got := do[ec2.DeleteNetworkInsightsPathOutput](w, "DeleteNetworkInsightsPath", "NetworkInsightsPathId="+p); *got.NetworkInsightsPathId != p || w.state.NetworkInsightsPaths.Len() != 0 {
		t.Errorf("got %+v", got)
	}
}

func analysisIDs(w *world) map[string]bool {
	ids := map[string]bool{}
	for a := range w.state.NetworkInsightsAnalyses.All() {
		ids[a.ID] = true
	}
	return ids
}

func TestPathsAreFound(t *testing.T) {
	w := newWorld(t)
	id := *w.run("").InstanceId
	a := w.path("DestinationPort=80&Source=" + id + "&Destination=" + id + "&TagSpecification.1.ResourceType=network-insights-path&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x")
	b := w.path("Source=" + id + "&FilterAtSource.DestinationAddress=192.0.2.1&FilterAtSource.SourcePortRange.FromPort=1&FilterAtSource.SourcePortRange.ToPort=9&FilterAtDestination.DestinationPortRange.FromPort=7&FilterAtDestination.SourceAddress=192.0.2.2")
	for _, c := range []struct{ name, val, want string }{
		{"destination", id, a}, {"protocol", "tcp", a + b}, {"source", id, a + b}, {"tag:Name", "x", a}, {"tag-key", "Name", a},
		{"filter-at-source.destination-address", "192.0.2.1", b}, {"filter-at-source.source-port-range", "1-9", b}, {"filter-at-source.source-address", "*", ""},
		{"filter-at-source.destination-port-range", "*", ""}, {"filter-at-destination.destination-port-range", "7", b},
		{"filter-at-destination.source-address", "192.0.2.2", b}, {"filter-at-destination.source-port-range", "*", ""}, {"filter-at-destination.destination-address", "*", ""},
	} {
		var got []string
		for _, p := range do[ec2.DescribeNetworkInsightsPathsOutput](w, "DescribeNetworkInsightsPaths", "Filter.1.Name="+c.name+"&Filter.1.Value.1="+c.val).NetworkInsightsPaths {
			got = append(got, *p.NetworkInsightsPathId)
		}
		want := slices.DeleteFunc([]string{a, b}, func(id string) bool { return !strings.Contains(c.want, id) })
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s=%s: got %v, want %v", c.name, c.val, got, want)
		}
	}
	w.refuse("DescribeNetworkInsightsPaths", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'colour' is invalid")
	w.refuse("DescribeNetworkInsightsPaths", "MaxResults=0", "InvalidParameterValue: Value ( 0 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 1.")
	w.as(stranger).refuse("DescribeNetworkInsightsPaths", "NetworkInsightsPathId.1="+a, "InvalidNetworkInsightsPathId.NotFound: The networkInsightsPath ID '"+a+"' does not exist")
}

func TestAccessScopes(t *testing.T) {
	w := newWorld(t)
	const match = "MatchPath.1.Source.ResourceStatement.ResourceType.1=AWS::EC2::InternetGateway&MatchPath.1.Destination.PacketHeaderStatement.Protocol.1=tcp&MatchPath.1.Destination.PacketHeaderStatement.DestinationPort.1=20-23"
	create := "ClientToken=a&" + match + "&ExcludePath.1.ThroughResource.1.ResourceStatement.Resource.1=eni-1&TagSpecification.1.ResourceType=network-insights-access-scope&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"
	out := do[ec2.CreateNetworkInsightsAccessScopeOutput](w, "CreateNetworkInsightsAccessScope", create)
	again := do[ec2.CreateNetworkInsightsAccessScopeOutput](w, "CreateNetworkInsightsAccessScope", create)
	id := *out.NetworkInsightsAccessScope.NetworkInsightsAccessScopeId
	if *again.NetworkInsightsAccessScope.NetworkInsightsAccessScopeId != id {
		t.Error("the token made two")
	}
	content := do[ec2.GetNetworkInsightsAccessScopeContentOutput](w, "GetNetworkInsightsAccessScopeContent", "NetworkInsightsAccessScopeId="+id).NetworkInsightsAccessScopeContent
	for _, c := range []*ec2.NetworkInsightsAccessScopeContent{out.NetworkInsightsAccessScopeContent, content} {
		m := c.MatchPaths[0]
		if got, want := text(*c.NetworkInsightsAccessScopeId, m.Source.ResourceStatement.ResourceTypes, m.Destination.PacketHeaderStatement.Protocols, m.Destination.PacketHeaderStatement.DestinationPorts, c.ExcludePaths[0].ThroughResources[0].ResourceStatement.Resources),
			text(id, "[AWS::EC2::InternetGateway]", "[tcp]", "[20-23]", "[eni-1]"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	a := do[ec2.StartNetworkInsightsAccessScopeAnalysisOutput](w, "StartNetworkInsightsAccessScopeAnalysis", "ClientToken=a&NetworkInsightsAccessScopeId="+id).NetworkInsightsAccessScopeAnalysis
	if got, want := text(a.Status, *a.StatusMessage, a.FindingsFound), text("failed", whyNotAnalyzed, "unknown"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	analysis := *a.NetworkInsightsAccessScopeAnalysisId
	f := do[ec2.GetNetworkInsightsAccessScopeAnalysisFindingsOutput](w, "GetNetworkInsightsAccessScopeAnalysisFindings", "NetworkInsightsAccessScopeAnalysisId="+analysis)
	if f.AnalysisStatus != "failed" || f.AnalysisFindings == nil || len(f.AnalysisFindings) != 0 {
		t.Errorf("got %+v", f)
	}
	for _, c := range []struct {
		form string
		want int
	}{{"", 1}, {"NetworkInsightsAccessScopeId=" + id, 1}, {"AnalysisStartTimeBegin=2026-11-23T12:00:01Z", 0}, {"NetworkInsightsAccessScopeAnalysisId.1=" + analysis, 1}, {"Filter.1.Name=tag-key&Filter.1.Value.1=Name", 0}} {
		if got := do[ec2.DescribeNetworkInsightsAccessScopeAnalysesOutput](w, "DescribeNetworkInsightsAccessScopeAnalyses", c.form).NetworkInsightsAccessScopeAnalyses; len(got) != c.want {
			t.Errorf("%s: got %d, want %d", c.form, len(got), c.want)
		}
	}
	header := "MatchPath.1.Source.PacketHeaderStatement."
	var many strings.Builder
	for n := range 2500 {
		fmt.Fprintf(&many, "&"+header+"SourcePort.%d=65000-65001", n+1)
	}
	for _, c := range []struct{ action, form, want string }{
		{"CreateNetworkInsightsAccessScope", "ClientToken=b", "MissingParameter: The request must contain the parameter MatchPath"},
		{"CreateNetworkInsightsAccessScope", "ClientToken=b" + many.String(), "InvalidParameterValue: The content of the Network Access Scope is limited to 32768 bytes."},
		{"CreateNetworkInsightsAccessScope", match, "MissingParameter: The request must contain the parameter ClientToken"},
		{"CreateNetworkInsightsAccessScope", "ClientToken=b&MatchPath.1.Source.ResourceStatement.ResourceType.1=VPC", "InvalidParameterValue: Value (VPC) for parameter MatchPath.1.Source.ResourceStatement.ResourceType is invalid. This is not a valid resource type."},
		{"CreateNetworkInsightsAccessScope", "ClientToken=b&" + header + "Protocol.1=icmp", "InvalidParameterValue: Value (icmp) for parameter MatchPath.1.Source.PacketHeaderStatement.Protocol is invalid. The protocol must be one of: tcp, udp."},
		{"CreateNetworkInsightsAccessScope", "ClientToken=b&" + header + "SourcePort.1=9-8", "InvalidParameterValue: Value (9-8) for parameter MatchPath.1.Source.PacketHeaderStatement.SourcePort is invalid. This is not a valid port or range of ports."},
		{"CreateNetworkInsightsAccessScope", "ClientToken=b&" + header + "DestinationAddress.1=::/0", "InvalidParameterValue: Value (::/0) for parameter MatchPath.1.Source.PacketHeaderStatement.DestinationAddress is invalid. This is not a valid IPv4 address or CIDR block."},
		{"CreateNetworkInsightsAccessScope", "ClientToken=b&" + header + "SourcePrefixList.1=x", "InvalidParameterValue: Value (x) for parameter MatchPath.1.Source.PacketHeaderStatement.SourcePrefixList is invalid. This is not a valid prefix list ID."},
		{"CreateNetworkInsightsAccessScope", "ClientToken=a&" + match, "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."},
		{"DeleteNetworkInsightsAccessScope", "NetworkInsightsAccessScopeId=" + id, "AnalysisExistsForNetworkInsightsAccessScope: The networkInsightsAccessScope '" + id + "' has analyses and cannot be deleted."},
		{"DeleteNetworkInsightsAccessScope", "NetworkInsightsAccessScopeId=nis-0123456789abcdef0", "InvalidNetworkInsightsAccessScopeId.NotFound: The networkInsightsAccessScope ID 'nis-0123456789abcdef0' does not exist"},
		{"DescribeNetworkInsightsAccessScopes", "NetworkInsightsAccessScopeId.1=nisa-0123456789abcdef0", `InvalidNetworkInsightsAccessScopeId.Malformed: Invalid id: "nisa-0123456789abcdef0" (expecting "nis-...")`},
		{"GetNetworkInsightsAccessScopeContent", "NetworkInsightsAccessScopeId=nis-0123456789abcdef0", "InvalidNetworkInsightsAccessScopeId.NotFound: The networkInsightsAccessScope ID 'nis-0123456789abcdef0' does not exist"},
		{"StartNetworkInsightsAccessScopeAnalysis", "ClientToken=b&NetworkInsightsAccessScopeId=nis-0123456789abcdef0", "InvalidNetworkInsightsAccessScopeId.NotFound: The networkInsightsAccessScope ID 'nis-0123456789abcdef0' does not exist"},
		{"DeleteNetworkInsightsAccessScopeAnalysis", "NetworkInsightsAccessScopeAnalysisId=nisa-0123456789abcdef0", "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound: The networkInsightsAccessScopeAnalysis ID 'nisa-0123456789abcdef0' does not exist"},
		{"GetNetworkInsightsAccessScopeAnalysisFindings", "NetworkInsightsAccessScopeAnalysisId=nisa-1", `InvalidNetworkInsightsAccessScopeAnalysisId.Malformed: Invalid id: "nisa-1"`},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	if got := do[ec2.DescribeNetworkInsightsAccessScopesOutput](w, "DescribeNetworkInsightsAccessScopes", "Filter.1.Name=tag:Name&Filter.1.Value.1=x").NetworkInsightsAccessScopes; len(got) != 1 || *got[0].NetworkInsightsAccessScopeId != id {
		t.Errorf("got %+v", got)
	}
	do[ec2.DeleteNetworkInsightsAccessScopeAnalysisOutput](w, "DeleteNetworkInsightsAccessScopeAnalysis", "NetworkInsightsAccessScopeAnalysisId="+analysis)
	do[ec2.DeleteNetworkInsightsAccessScopeOutput](w, "DeleteNetworkInsightsAccessScope", "NetworkInsightsAccessScopeId="+id)
}
