package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// accessScopeOperations keep what Network Access Analyzer shall look for. Nothing looks yet, and every
// analysis says so.
var accessScopeOperations = []Operation{
	write(createNetworkInsightsAccessScope),
	write(deleteNetworkInsightsAccessScope),
	read(describeNetworkInsightsAccessScopes),
	read(getNetworkInsightsAccessScopeContent),
	write(startNetworkInsightsAccessScopeAnalysis),
	write(deleteNetworkInsightsAccessScopeAnalysis),
	read(describeNetworkInsightsAccessScopeAnalyses),
	read(getNetworkInsightsAccessScopeAnalysisFindings),
}

// createNetworkInsightsAccessScope keeps match and exclude paths.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInsightsAccessScope.html
func createNetworkInsightsAccessScope(e *vpc.Edit, in *ec2.CreateNetworkInsightsAccessScopeInput) (*ec2.CreateNetworkInsightsAccessScopeOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	a, err := madeBefore(e.State, e.NetworkInsightsAccessScopes, token, func(a *vpc.NetworkInsightsAccessScope) vpc.Token { return a.Token })
	if err != nil {
		return nil, err
	}
	if a == nil {
		if a, err = newAccessScope(e, in); err != nil {
			return nil, err
		}
		a.Token = token
		e.NetworkInsightsAccessScopes.Put(a)
	}
	return &ec2.CreateNetworkInsightsAccessScopeOutput{NetworkInsightsAccessScope: new(showAccessScope(a)), NetworkInsightsAccessScopeContent: accessScopeContent(a)}, nil
}

func newAccessScope(e *vpc.Edit, in *ec2.CreateNetworkInsightsAccessScopeInput) (*vpc.NetworkInsightsAccessScope, error) {
	if len(in.MatchPaths)+len(in.ExcludePaths) == 0 {
		return nil, missing("MatchPath")
	}
	for _, list := range []struct {
		parameter string
		paths     []ec2.AccessScopePathRequest
	}{{"MatchPath", in.MatchPaths}, {"ExcludePath", in.ExcludePaths}} {
		for i, p := range list.paths {
			if err := checkScopePath(list.parameter+"."+strconv.Itoa(i+1), p); err != nil {
				return nil, err
			}
		}
	}
	tags, err := createTagsFor(in.TagSpecifications, "network-insights-access-scope")
	if err != nil {
		return nil, err
	}
	if e.NetworkInsightsAccessScopes.CountBy("scope", e.Key()) >= e.Limit(vpc.AccessScopes) {
		return nil, vpc.Errorf("NetworkInsightsAccessScope.LimitExceeded", "The maximum number of network insights access scopes has been reached.")
	}
	content, err := keepWithin(maxInsightsContent, "content of the Network Access Scope",
		ec2.CreateNetworkInsightsAccessScopeInput{MatchPaths: in.MatchPaths, ExcludePaths: in.ExcludePaths})
	if err != nil {
		return nil, err
	}
	return &vpc.NetworkInsightsAccessScope{ID: e.NewID("nis"), Scope: e.Scope, Content: content, Created: e.Now,
		Tags: tags["network-insights-access-scope"]}, nil
}

// checkScopePath looks at one path: it says something of its source, its destination, or what is between.
func checkScopePath(parameter string, p ec2.AccessScopePathRequest) error {
	if p.Source == nil && p.Destination == nil && len(p.ThroughResources) == 0 {
		return missing(parameter + ".Source")
	}
	for _, end := range []struct {
		name      string
		statement *ec2.PathStatementRequest
	}{{".Source", p.Source}, {".Destination", p.Destination}} {
		if end.statement == nil {
			continue
		}
		if err := checkPacketHeader(parameter+end.name+".PacketHeaderStatement", end.statement.PacketHeaderStatement); err != nil {
			return err
		}
		if err := checkResourceStatement(parameter+end.name+".ResourceStatement", end.statement.ResourceStatement); err != nil {
			return err
		}
	}
	for i, through := range p.ThroughResources {
		if err := checkResourceStatement(fmt.Sprintf("%s.ThroughResource.%d.ResourceStatement", parameter, i+1), through.ResourceStatement); err != nil {
			return err
		}
	}
	return nil
}

func checkPacketHeader(parameter string, h *ec2.PacketHeaderStatementRequest) error {
	if h == nil {
		return nil
	}
	for _, list := range []struct {
		name, reason string
		values       []string
		ok           func(string) bool
	}{
		{"SourceAddress", "This is not a valid IPv4 address or CIDR block.", h.SourceAddresses, isRange4},
		{"DestinationAddress", "This is not a valid IPv4 address or CIDR block.", h.DestinationAddresses, isRange4},
		{"SourcePort", "This is not a valid port or range of ports.", h.SourcePorts, isPorts},
		{"DestinationPort", "This is not a valid port or range of ports.", h.DestinationPorts, isPorts},
		{"SourcePrefixList", "This is not a valid prefix list ID.", h.SourcePrefixLists, isPrefixList},
		{"DestinationPrefixList", "This is not a valid prefix list ID.", h.DestinationPrefixLists, isPrefixList},
		{"Protocol", "The protocol must be one of: tcp, udp.", h.Protocols, func(p string) bool { return p == "tcp" || p == "udp" }},
	} {
		for _, v := range list.values {
			if !list.ok(v) {
				return invalid(parameter+"."+list.name, v, list.reason)
			}
		}
	}
	return nil
}

func isRange4(v string) bool {
	if a, err := netip.ParseAddr(v); err == nil {
		return a.Is4()
	}
	p, err := netip.ParsePrefix(v)
	return err == nil && p.Addr().Is4()
}

func isPorts(v string) bool {
	from, to, both := strings.Cut(v, "-")
	if !both {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	return err1 == nil && err2 == nil && first <= last
}

func isPrefixList(v string) bool { return prefixListIDs.check(v) == nil }

// scopeResourceTypes are what a resource statement may name.
// https://docs.aws.amazon.com/vpc/latest/network-access-analyzer/how-network-access-analyzer-works.html
var scopeResourceTypes = strings.Fields("AWS::EC2::Instance AWS::EC2::InternetGateway AWS::EC2::NatGateway AWS::EC2::NetworkInterface " +
	"AWS::EC2::SecurityGroup AWS::EC2::Subnet AWS::EC2::TransitGateway AWS::EC2::TransitGatewayAttachment AWS::EC2::VPC AWS::EC2::VPCEndpoint " +
	"AWS::EC2::VPCEndpointService AWS::EC2::VPCPeeringConnection AWS::EC2::VPNGateway AWS::EC2::EgressOnlyInternetGateway " +
	"AWS::ElasticLoadBalancing::LoadBalancer AWS::ElasticLoadBalancingV2::LoadBalancer AWS::NetworkFirewall::NetworkFirewall " +
	"AWS::ResourceGroups::Group")

func checkResourceStatement(parameter string, r *ec2.ResourceStatementRequest) error {
	if r == nil {
		return nil
	}
	for _, v := range r.ResourceTypes {
		if !slices.Contains(scopeResourceTypes, v) {
			return invalid(parameter+".ResourceType", v, "This is not a valid resource type.")
		}
	}
	if len(r.ResourceTypes)+len(r.Resources) == 0 {
		return missing(parameter + ".ResourceType")
	}
	return nil
}

// deleteNetworkInsightsAccessScope deletes an access scope that has no analyses.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsAccessScope.html
func deleteNetworkInsightsAccessScope(e *vpc.Edit, in *ec2.DeleteNetworkInsightsAccessScopeInput) (*ec2.DeleteNetworkInsightsAccessScopeOutput, error) {
	a, err := accessScopeIDs.find(e.State, *in.NetworkInsightsAccessScopeId)
	if err != nil {
		return nil, err
	}
	if e.NetworkInsightsAccessScopeAnalyses.First("access-scope", a.ID) != nil {
		return nil, vpc.Errorf("AnalysisExistsForNetworkInsightsAccessScope", "The networkInsightsAccessScope '%s' has analyses and cannot be deleted.", a.ID)
	}
	e.NetworkInsightsAccessScopes.Delete(a.ID)
	return &ec2.DeleteNetworkInsightsAccessScopeOutput{NetworkInsightsAccessScopeId: new(a.ID)}, nil
}

// describeNetworkInsightsAccessScopes lists access scopes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsAccessScopes.html
func describeNetworkInsightsAccessScopes(s *vpc.State, in *ec2.DescribeNetworkInsightsAccessScopesInput) (*ec2.DescribeNetworkInsightsAccessScopesOutput, error) {
	scopes, next, err := describe(s, in, accessScopeIDs, in.NetworkInsightsAccessScopeIds, accessScopeListing, showAccessScope)
	return &ec2.DescribeNetworkInsightsAccessScopesOutput{NetworkInsightsAccessScopes: scopes, NextToken: next}, err
}

func showAccessScope(a *vpc.NetworkInsightsAccessScope) ec2.NetworkInsightsAccessScope {
	return ec2.NetworkInsightsAccessScope{NetworkInsightsAccessScopeId: new(a.ID),
		NetworkInsightsAccessScopeArn: new(arn(a.Scope, "network-insights-access-scope", a.ID)),
		CreatedDate:                   new(a.Created), UpdatedDate: new(a.Created), Tags: tagSet(a.Tags)}
}

func accessScopeContent(a *vpc.NetworkInsightsAccessScope) *ec2.NetworkInsightsAccessScopeContent {
	content := readBack[ec2.NetworkInsightsAccessScopeContent](a.Content)
	content.NetworkInsightsAccessScopeId = new(a.ID)
	return content
}

var accessScopeListing = listing[ec2.NetworkInsightsAccessScope]{
	filters: filters[ec2.NetworkInsightsAccessScope]{}.tagged(func(a *ec2.NetworkInsightsAccessScope) []ec2.Tag { return a.Tags }),
	paging:  paging{low: 1, high: 100},
	key:     func(a *ec2.NetworkInsightsAccessScope) string { return *a.NetworkInsightsAccessScopeId },
}

// getNetworkInsightsAccessScopeContent shows the paths of an access scope.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetNetworkInsightsAccessScopeContent.html
func getNetworkInsightsAccessScopeContent(s *vpc.State, in *ec2.GetNetworkInsightsAccessScopeContentInput) (*ec2.GetNetworkInsightsAccessScopeContentOutput, error) {
	a, err := accessScopeIDs.find(s, *in.NetworkInsightsAccessScopeId)
	if err != nil {
		return nil, err
	}
	return &ec2.GetNetworkInsightsAccessScopeContentOutput{NetworkInsightsAccessScopeContent: accessScopeContent(a)}, nil
}

// startNetworkInsightsAccessScopeAnalysis keeps an analysis that says that it was not made.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartNetworkInsightsAccessScopeAnalysis.html
func startNetworkInsightsAccessScopeAnalysis(e *vpc.Edit, in *ec2.StartNetworkInsightsAccessScopeAnalysisInput) (*ec2.StartNetworkInsightsAccessScopeAnalysisOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	a, err := madeBefore(e.State, e.NetworkInsightsAccessScopeAnalyses, token, func(a *vpc.NetworkInsightsAccessScopeAnalysis) vpc.Token { return a.Token })
	if err != nil {
		return nil, err
	}
	if a == nil {
		scope, err := accessScopeIDs.find(e.State, *in.NetworkInsightsAccessScopeId)
		if err != nil {
			return nil, err
		}
		tags, err := createTagsFor(in.TagSpecifications, "network-insights-access-scope-analysis")
		if err != nil {
			return nil, err
		}
		if e.NetworkInsightsAccessScopeAnalyses.CountBy("scope", e.Key()) >= e.Limit(vpc.AccessScopeAnalyses) {
			return nil, vpc.Errorf("NetworkInsightsAccessScopeAnalysis.LimitExceeded", "The maximum number of network insights access scope analyses has been reached.")
		}
		a = &vpc.NetworkInsightsAccessScopeAnalysis{ID: e.NewID("nisa"), Scope: e.Scope, AccessScope: scope.ID, Status: notAnalyzed,
			Message: whyNotAnalyzed, Started: e.Now, Token: token, Tags: tags["network-insights-access-scope-analysis"]}
		e.NetworkInsightsAccessScopeAnalyses.Put(a)
	}
	return &ec2.StartNetworkInsightsAccessScopeAnalysisOutput{NetworkInsightsAccessScopeAnalysis: new(showAccessScopeAnalysis(a))}, nil
}

// deleteNetworkInsightsAccessScopeAnalysis deletes an analysis.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsAccessScopeAnalysis.html
func deleteNetworkInsightsAccessScopeAnalysis(e *vpc.Edit, in *ec2.DeleteNetworkInsightsAccessScopeAnalysisInput) (*ec2.DeleteNetworkInsightsAccessScopeAnalysisOutput, error) {
	a, err := accessScopeAnalysisIDs.find(e.State, *in.NetworkInsightsAccessScopeAnalysisId)
	if err != nil {
		return nil, err
	}
	e.NetworkInsightsAccessScopeAnalyses.Delete(a.ID)
	return &ec2.DeleteNetworkInsightsAccessScopeAnalysisOutput{NetworkInsightsAccessScopeAnalysisId: new(a.ID)}, nil
}

// describeNetworkInsightsAccessScopeAnalyses lists analyses: of one access scope, or begun in a time.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsAccessScopeAnalyses.html
func describeNetworkInsightsAccessScopeAnalyses(s *vpc.State, in *ec2.DescribeNetworkInsightsAccessScopeAnalysesInput) (*ec2.DescribeNetworkInsightsAccessScopeAnalysesOutput, error) {
	found, err := accessScopeAnalysisIDs.all(s, in.NetworkInsightsAccessScopeAnalysisIds)
	if err != nil {
		return nil, err
	}
	if value(in.NetworkInsightsAccessScopeId) != "" {
		if _, err := accessScopeIDs.find(s, *in.NetworkInsightsAccessScopeId); err != nil {
			return nil, err
		}
	}
	var items []ec2.NetworkInsightsAccessScopeAnalysis
	for _, a := range found {
		ofScope := value(in.NetworkInsightsAccessScopeId) == "" || a.AccessScope == *in.NetworkInsightsAccessScopeId
		if ofScope && within(a.Started, in.AnalysisStartTimeBegin, in.AnalysisStartTimeEnd) {
			items = append(items, showAccessScopeAnalysis(a))
		}
	}
	analyses, next, err := accessScopeAnalysisListing.page(s, in, len(in.NetworkInsightsAccessScopeAnalysisIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeNetworkInsightsAccessScopeAnalysesOutput{NetworkInsightsAccessScopeAnalyses: analyses, NextToken: next}, nil
}

func showAccessScopeAnalysis(a *vpc.NetworkInsightsAccessScopeAnalysis) ec2.NetworkInsightsAccessScopeAnalysis {
	return ec2.NetworkInsightsAccessScopeAnalysis{NetworkInsightsAccessScopeAnalysisId: new(a.ID),
		NetworkInsightsAccessScopeAnalysisArn: new(arn(a.Scope, "network-insights-access-scope-analysis", a.ID)),
		NetworkInsightsAccessScopeId:          new(a.AccessScope), Status: a.Status, StatusMessage: new(a.Message), FindingsFound: "unknown",
		AnalyzedEniCount: new(int32(0)), StartDate: new(a.Started), EndDate: new(a.Started), Tags: tagSet(a.Tags)}
}

var accessScopeAnalysisListing = listing[ec2.NetworkInsightsAccessScopeAnalysis]{
	filters: filters[ec2.NetworkInsightsAccessScopeAnalysis]{}.tagged(func(a *ec2.NetworkInsightsAccessScopeAnalysis) []ec2.Tag { return a.Tags }),
	paging:  paging{low: 1, high: 100},
	key:     func(a *ec2.NetworkInsightsAccessScopeAnalysis) string { return *a.NetworkInsightsAccessScopeAnalysisId },
}

// getNetworkInsightsAccessScopeAnalysisFindings has none to show of an analysis that was not made.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetNetworkInsightsAccessScopeAnalysisFindings.html
func getNetworkInsightsAccessScopeAnalysisFindings(s *vpc.State, in *ec2.GetNetworkInsightsAccessScopeAnalysisFindingsInput) (*ec2.GetNetworkInsightsAccessScopeAnalysisFindingsOutput, error) {
	a, err := accessScopeAnalysisIDs.find(s, *in.NetworkInsightsAccessScopeAnalysisId)
	if err != nil {
		return nil, err
	}
	findings, next, err := accessScopeFindingListing.page(s, in, false, nil)
	if err != nil {
		return nil, err
	}
	return &ec2.GetNetworkInsightsAccessScopeAnalysisFindingsOutput{NetworkInsightsAccessScopeAnalysisId: new(a.ID), AnalysisStatus: a.Status,
		AnalysisFindings: findings, NextToken: next}, nil
}

var accessScopeFindingListing = listing[ec2.AccessScopeAnalysisFinding]{
	paging: paging{low: 1, high: 100},
	key:    func(f *ec2.AccessScopeAnalysisFinding) string { return value(f.FindingId) },
}
