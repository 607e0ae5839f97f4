package api

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// insightsOperations keep the questions of Reachability Analyzer. Nothing answers them yet, and every
// analysis says so.
var insightsOperations = []Operation{
	write(createNetworkInsightsPath),
	write(deleteNetworkInsightsPath),
	read(describeNetworkInsightsPaths),
	write(startNetworkInsightsAnalysis),
	write(deleteNetworkInsightsAnalysis),
	read(describeNetworkInsightsAnalyses),
}

// What an analysis comes to until there is something that computes it.
const (
	notAnalyzed    = "failed"
	whyNotAnalyzed = "Reachability is not computed by this version."
)

// createNetworkInsightsPath keeps a question.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInsightsPath.html
func createNetworkInsightsPath(e *vpc.Edit, in *ec2.CreateNetworkInsightsPathInput) (*ec2.CreateNetworkInsightsPathOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	if earlier, err := madeBefore(e.State, e.NetworkInsightsPaths, token, func(p *vpc.NetworkInsightsPath) vpc.Token { return p.Token }); earlier != nil || err != nil {
		return &ec2.CreateNetworkInsightsPathOutput{NetworkInsightsPath: showInsightsPath(earlier)}, err
	}
	p, err := newInsightsPath(e, in)
	if err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "network-insights-path")
	if err != nil {
		return nil, err
	}
	if e.NetworkInsightsPaths.CountBy("scope", e.Key()) >= e.Limit(vpc.InsightsPaths) {
		return nil, vpc.Errorf("NetworkInsightsPath.LimitExceeded", "The maximum number of network insights paths has been reached.")
	}
	p.ID, p.Token, p.Tags = e.NewID("nip"), token, tags["network-insights-path"]
	e.NetworkInsightsPaths.Put(p)
	return &ec2.CreateNetworkInsightsPathOutput{NetworkInsightsPath: showInsightsPath(p)}, nil
}

func newInsightsPath(e *vpc.Edit, in *ec2.CreateNetworkInsightsPathInput) (*vpc.NetworkInsightsPath, error) {
	p := &vpc.NetworkInsightsPath{Scope: e.Scope, Protocol: in.Protocol, SourceIP: value(in.SourceIp), DestinationIP: value(in.DestinationIp), Created: e.Now}
	if p.Protocol != "tcp" && p.Protocol != "udp" {
		return nil, invalid("protocol", p.Protocol, "The protocol must be one of: tcp, udp.")
	}
	switch {
	case in.FilterAtSource != nil && p.SourceIP != "":
		return nil, notTogether("FilterAtSource", "SourceIp")
	case in.FilterAtSource != nil && in.DestinationPort != nil:
		return nil, notTogether("FilterAtSource", "DestinationPort")
	case in.FilterAtDestination != nil && p.DestinationIP != "":
		return nil, notTogether("FilterAtDestination", "DestinationIp")
	case value(in.Destination) == "" && (in.FilterAtSource == nil || value(in.FilterAtSource.DestinationAddress) == ""):
		return nil, vpc.Errorf("MissingParameter", "The request must include either the Destination parameter or the FilterAtSource.DestinationAddress parameter. Add the required parameter and retry the request.")
	}
	if in.DestinationPort != nil {
		p.Port = new(int(*in.DestinationPort))
		if err := checkPort("destinationPort", *p.Port); err != nil {
			return nil, err
		}
	}
	for _, a := range []struct{ parameter, address string }{{"sourceIp", p.SourceIP}, {"destinationIp", p.DestinationIP}} {
		if err := checkIPv4(a.parameter, a.address); err != nil {
			return nil, err
		}
	}
	var err error
	if p.AtSource, err = readPathFilter("filterAtSource", in.FilterAtSource); err != nil {
		return nil, err
	}
	if p.AtDestination, err = readPathFilter("filterAtDestination", in.FilterAtDestination); err != nil {
		return nil, err
	}
	if p.Source, err = pathEnd(e.State, "source", *in.Source); err != nil {
		return nil, err
	}
	if value(in.Destination) != "" {
		p.Destination, err = pathEnd(e.State, "destination", *in.Destination)
	}
	return p, err
}

func checkPort(parameter string, n int) error {
	if n < 0 || n > 65535 {
		return invalid(parameter, strconv.Itoa(n), "The port must be between 0 and 65535.")
	}
	return nil
}

func checkIPv4(parameter, address string) error {
	if a, err := netip.ParseAddr(address); address != "" && (err != nil || !a.Is4()) {
		return invalid(parameter, address, "This is not a valid IPv4 address.")
	}
	return nil
}

func readPathFilter(parameter string, in *ec2.PathRequestFilter) (*vpc.PathFilter, error) {
	if in == nil {
		return nil, nil
	}
	f := &vpc.PathFilter{SourceAddress: value(in.SourceAddress), DestinationAddress: value(in.DestinationAddress)}
	if err := checkIPv4(parameter+".sourceAddress", f.SourceAddress); err != nil {
		return nil, err
	}
	if err := checkIPv4(parameter+".destinationAddress", f.DestinationAddress); err != nil {
		return nil, err
	}
	var err error
	if f.SourcePorts, err = readPortRange(parameter+".sourcePortRange", in.SourcePortRange); err != nil {
		return nil, err
	}
	f.DestinationPorts, err = readPortRange(parameter+".destinationPortRange", in.DestinationPortRange)
	return f, err
}

// readPortRange reads a range; one port alone is a range of one.
func readPortRange(parameter string, in *ec2.RequestFilterPortRange) (*vpc.PortRange, error) {
	switch {
	case in == nil || in.FromPort == nil && in.ToPort == nil:
		return nil, nil
	case in.FromPort == nil:
		return nil, missing(parameter + ".fromPort")
	}
	r := &vpc.PortRange{From: int(*in.FromPort), To: int(*in.FromPort)}
	if in.ToPort != nil {
		r.To = int(*in.ToPort)
	}
	if err := checkPort(parameter+".fromPort", r.From); err != nil {
		return nil, err
	}
	if err := checkPort(parameter+".toPort", r.To); err != nil {
		return nil, err
	}
	if r.From > r.To {
		return nil, invalid(parameter, strconv.Itoa(r.From)+"-"+strconv.Itoa(r.To), "The first port must not be greater than the last.")
	}
	return r, nil
}

// pathEnds are the kinds of resources at which a path may begin or end: how their ARNs name them, and
// whether one of that id is there.
var pathEnds = map[string]struct {
	arn   string
	exist func(*vpc.State, string) error
}{
	"i":    {"instance", func(s *vpc.State, id string) error { _, err := instanceIDs.find(s, id); return err }},
	"eni":  {"network-interface", func(s *vpc.State, id string) error { _, err := interfaceIDs.find(s, id); return err }},
	"igw":  {"internet-gateway", func(s *vpc.State, id string) error { _, err := internetGatewayIDs.find(s, id); return err }},
	"pcx":  {"vpc-peering-connection", func(s *vpc.State, id string) error { _, err := peeringIDs.find(s, id); return err }},
	"vpce": {"vpc-endpoint", func(s *vpc.State, id string) error { _, err := endpointIDs.find(s, id); return err }},
}

// pathEnd reads the id or the ARN of a resource that is there, and returns its id.
func pathEnd(s *vpc.State, parameter, given string) (id string, err error) {
	id = given
	if strings.HasPrefix(given, "arn:") {
		_, id, _ = strings.Cut(given, "/")
	}
	prefix, _, _ := strings.Cut(id, "-")
	kind, ok := pathEnds[prefix]
	if !ok {
		return "", invalid(parameter, given, "The resource must be an instance, a network interface, an internet gateway, a VPC peering connection or a VPC endpoint.")
	}
	if id != given && given != arn(s.Scope, kind.arn, id) {
		return "", invalid(parameter, given, "The ARN is not that of a resource of this account in this Region.")
	}
	return id, kind.exist(s, id)
}

// endARN is the ARN of a path's end.
func endARN(s vpc.Scope, id string) *string {
	prefix, _, _ := strings.Cut(id, "-")
	if id == "" {
		return nil
	}
	return new(arn(s, pathEnds[prefix].arn, id))
}

// deleteNetworkInsightsPath deletes a path that has no analyses.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsPath.html
func deleteNetworkInsightsPath(e *vpc.Edit, in *ec2.DeleteNetworkInsightsPathInput) (*ec2.DeleteNetworkInsightsPathOutput, error) {
	p, err := insightsPathIDs.find(e.State, *in.NetworkInsightsPathId)
	if err != nil {
		return nil, err
	}
	if e.NetworkInsightsAnalyses.First("path", p.ID) != nil {
		return nil, vpc.Errorf("AnalysisExistsForNetworkInsightsPath", "The networkInsightsPath '%s' has analyses and cannot be deleted.", p.ID)
	}
	e.NetworkInsightsPaths.Delete(p.ID)
	return &ec2.DeleteNetworkInsightsPathOutput{NetworkInsightsPathId: new(p.ID)}, nil
}

// describeNetworkInsightsPaths lists paths.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsPaths.html
func describeNetworkInsightsPaths(s *vpc.State, in *ec2.DescribeNetworkInsightsPathsInput) (*ec2.DescribeNetworkInsightsPathsOutput, error) {
	paths, next, err := describe(s, in, insightsPathIDs, in.NetworkInsightsPathIds, insightsPathListing, func(p *vpc.NetworkInsightsPath) ec2.NetworkInsightsPath { return *showInsightsPath(p) })
	return &ec2.DescribeNetworkInsightsPathsOutput{NetworkInsightsPaths: paths, NextToken: next}, err
}

func showInsightsPath(p *vpc.NetworkInsightsPath) *ec2.NetworkInsightsPath {
	if p == nil {
		return nil
	}
	shown := &ec2.NetworkInsightsPath{
		NetworkInsightsPathId: new(p.ID), NetworkInsightsPathArn: new(arn(p.Scope, "network-insights-path", p.ID)), CreatedDate: new(p.Created),
		Source: new(p.Source), SourceArn: endARN(p.Scope, p.Source), Destination: optional(p.Destination), DestinationArn: endARN(p.Scope, p.Destination),
		SourceIp: optional(p.SourceIP), DestinationIp: optional(p.DestinationIP), Protocol: p.Protocol,
		FilterAtSource: showPathFilter(p.AtSource), FilterAtDestination: showPathFilter(p.AtDestination), Tags: tagSet(p.Tags),
	}
	if p.Port != nil {
		shown.DestinationPort = new(int32(*p.Port))
	}
	return shown
}

func showPathFilter(f *vpc.PathFilter) *ec2.PathFilter {
	if f == nil {
		return nil
	}
	return &ec2.PathFilter{SourceAddress: optional(f.SourceAddress), SourcePortRange: showPortRange(f.SourcePorts),
		DestinationAddress: optional(f.DestinationAddress), DestinationPortRange: showPortRange(f.DestinationPorts)}
}

func showPortRange(r *vpc.PortRange) *ec2.FilterPortRange {
	if r == nil {
		return nil
	}
	return &ec2.FilterPortRange{FromPort: new(int32(r.From)), ToPort: new(int32(r.To))}
}

var insightsPathListing = listing[ec2.NetworkInsightsPath]{
	filters: insightsPathFilters,
	paging:  paging{low: 1, high: 100},
	key:     func(p *ec2.NetworkInsightsPath) string { return *p.NetworkInsightsPathId },
}

var insightsPathFilters = func() filters[ec2.NetworkInsightsPath] {
	f := filters[ec2.NetworkInsightsPath]{
		"destination": func(p *ec2.NetworkInsightsPath) []string { return of(p.Destination) },
		"protocol":    func(p *ec2.NetworkInsightsPath) []string { return of(p.Protocol) },
		"source":      func(p *ec2.NetworkInsightsPath) []string { return of(p.Source) },
	}.tagged(func(p *ec2.NetworkInsightsPath) []ec2.Tag { return p.Tags })
	for end, at := range map[string]func(*ec2.NetworkInsightsPath) *ec2.PathFilter{
		"filter-at-source.":      func(p *ec2.NetworkInsightsPath) *ec2.PathFilter { return p.FilterAtSource },
		"filter-at-destination.": func(p *ec2.NetworkInsightsPath) *ec2.PathFilter { return p.FilterAtDestination },
	} {
		for name, held := range map[string]func(*ec2.PathFilter) []string{
			"destination-address":    func(f *ec2.PathFilter) []string { return of(f.DestinationAddress) },
			"destination-port-range": func(f *ec2.PathFilter) []string { return portRange(f.DestinationPortRange) },
			"source-address":         func(f *ec2.PathFilter) []string { return of(f.SourceAddress) },
			"source-port-range":      func(f *ec2.PathFilter) []string { return portRange(f.SourcePortRange) },
		} {
			f[end+name] = func(p *ec2.NetworkInsightsPath) []string {
				if at(p) == nil {
					return nil
				}
				return held(at(p))
			}
		}
	}
	return f
}()

// portRange is a range as filters write it: "80" or "80-90".
func portRange(r *ec2.FilterPortRange) []string {
	switch {
	case r == nil:
		return nil
	case *r.FromPort == *r.ToPort:
		return of(r.FromPort)
	}
	return []string{strconv.Itoa(int(*r.FromPort)) + "-" + strconv.Itoa(int(*r.ToPort))}
}

// maxInsightsContent is how many bytes an access scope, or what an analysis is limited to, has at most.
const maxInsightsContent = 32 << 10

// startNetworkInsightsAnalysis keeps an analysis that says that it was not made.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartNetworkInsightsAnalysis.html
func startNetworkInsightsAnalysis(e *vpc.Edit, in *ec2.StartNetworkInsightsAnalysisInput) (*ec2.StartNetworkInsightsAnalysisOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	if earlier, err := madeBefore(e.State, e.NetworkInsightsAnalyses, token, func(a *vpc.NetworkInsightsAnalysis) vpc.Token { return a.Token }); earlier != nil || err != nil {
		return &ec2.StartNetworkInsightsAnalysisOutput{NetworkInsightsAnalysis: showInsightsAnalysis(earlier)}, err
	}
	p, err := insightsPathIDs.find(e.State, *in.NetworkInsightsPathId)
	if err != nil {
		return nil, err
	}
	for _, list := range []struct {
		parameter string
		arns      []string
	}{{"filterInArns", in.FilterInArns}, {"filterOutArns", in.FilterOutArns}} {
		for _, a := range list.arns {
			if strings.Count(a, ":") < 5 || !strings.HasPrefix(a, "arn:") {
				return nil, invalid(list.parameter, a, "This is not a valid ARN.")
			}
		}
	}
	for _, a := range in.AdditionalAccounts {
		if !vpc.IsAccount(a) {
			return nil, invalid("additionalAccounts", a, "This is not a valid account ID.")
		}
	}
	lists := ec2.StartNetworkInsightsAnalysisInput{FilterInArns: in.FilterInArns, FilterOutArns: in.FilterOutArns, AdditionalAccounts: in.AdditionalAccounts}
	if _, err := keepWithin(maxInsightsContent, "list of the analysis's filters and accounts", lists); err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "network-insights-analysis")
	if err != nil {
		return nil, err
	}
	if e.NetworkInsightsAnalyses.CountBy("scope", e.Key()) >= e.Limit(vpc.InsightsAnalyses) {
		return nil, vpc.Errorf("NetworkInsightsAnalysis.LimitExceeded", "The maximum number of network insights analyses has been reached.")
	}
	a := &vpc.NetworkInsightsAnalysis{ID: e.NewID("nia"), Scope: e.Scope, Path: p.ID, FilterIn: in.FilterInArns, FilterOut: in.FilterOutArns,
		AdditionalAccounts: in.AdditionalAccounts, Status: notAnalyzed, Message: whyNotAnalyzed, Started: e.Now, Token: token,
		Tags: tags["network-insights-analysis"]}
	e.NetworkInsightsAnalyses.Put(a)
	return &ec2.StartNetworkInsightsAnalysisOutput{NetworkInsightsAnalysis: showInsightsAnalysis(a)}, nil
}

// deleteNetworkInsightsAnalysis deletes an analysis.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsAnalysis.html
func deleteNetworkInsightsAnalysis(e *vpc.Edit, in *ec2.DeleteNetworkInsightsAnalysisInput) (*ec2.DeleteNetworkInsightsAnalysisOutput, error) {
	a, err := insightsAnalysisIDs.find(e.State, *in.NetworkInsightsAnalysisId)
	if err != nil {
		return nil, err
	}
	e.NetworkInsightsAnalyses.Delete(a.ID)
	return &ec2.DeleteNetworkInsightsAnalysisOutput{NetworkInsightsAnalysisId: new(a.ID)}, nil
}

// describeNetworkInsightsAnalyses lists analyses: of one path, or begun in a time.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsAnalyses.html
func describeNetworkInsightsAnalyses(s *vpc.State, in *ec2.DescribeNetworkInsightsAnalysesInput) (*ec2.DescribeNetworkInsightsAnalysesOutput, error) {
	found, err := insightsAnalysisIDs.all(s, in.NetworkInsightsAnalysisIds)
	if err != nil {
		return nil, err
	}
	if value(in.NetworkInsightsPathId) != "" {
		if _, err := insightsPathIDs.find(s, *in.NetworkInsightsPathId); err != nil {
			return nil, err
		}
	}
	var items []ec2.NetworkInsightsAnalysis
	for _, a := range found {
		ofPath := value(in.NetworkInsightsPathId) == "" || a.Path == *in.NetworkInsightsPathId
		if ofPath && within(a.Started, in.AnalysisStartTime, in.AnalysisEndTime) {
			items = append(items, *showInsightsAnalysis(a))
		}
	}
	analyses, next, err := insightsAnalysisListing.page(s, in, len(in.NetworkInsightsAnalysisIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeNetworkInsightsAnalysesOutput{NetworkInsightsAnalyses: analyses, NextToken: next}, nil
}

// within tells whether t lies between the two times, of which each may be left open.
func within(t time.Time, from, to *time.Time) bool {
	return (from == nil || !t.Before(*from)) && (to == nil || !t.After(*to))
}

func showInsightsAnalysis(a *vpc.NetworkInsightsAnalysis) *ec2.NetworkInsightsAnalysis {
	if a == nil {
		return nil
	}
	return &ec2.NetworkInsightsAnalysis{
		NetworkInsightsAnalysisId: new(a.ID), NetworkInsightsAnalysisArn: new(arn(a.Scope, "network-insights-analysis", a.ID)),
		NetworkInsightsPathId: new(a.Path), FilterInArns: a.FilterIn, FilterOutArns: a.FilterOut, AdditionalAccounts: a.AdditionalAccounts,
		StartDate: new(a.Started), Status: a.Status, StatusMessage: new(a.Message), Tags: tagSet(a.Tags),
	}
}

var insightsAnalysisListing = listing[ec2.NetworkInsightsAnalysis]{
	filters: filters[ec2.NetworkInsightsAnalysis]{
		"path-found": func(a *ec2.NetworkInsightsAnalysis) []string { return of(a.NetworkPathFound) },
		"status":     func(a *ec2.NetworkInsightsAnalysis) []string { return of(a.Status) },
	}.tagged(func(a *ec2.NetworkInsightsAnalysis) []ec2.Tag { return a.Tags }),
	paging: paging{low: 1, high: 100},
	key:    func(a *ec2.NetworkInsightsAnalysis) string { return *a.NetworkInsightsAnalysisId },
}
