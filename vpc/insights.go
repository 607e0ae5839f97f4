package vpc

import "time"

// A NetworkInsightsPath is a question: can the source reach the destination?
// https://docs.aws.amazon.com/vpc/latest/reachability/what-is-reachability-analyzer.html
type NetworkInsightsPath struct {
	ID string
	Scope
	Source, Destination     string // ids; they may be gone by now. Destination is "" where a filter says it
	SourceIP, DestinationIP string
	Protocol                string // tcp or udp
	Port                    *int   // of the destination; nil: any
	AtSource, AtDestination *PathFilter
	Created                 time.Time
	Token                   Token
	Tags                    Tags
}

func newNetworkInsightsPaths() *Table[NetworkInsightsPath] {
	return newTable("network-insights-path", func(p *NetworkInsightsPath) string { return p.ID }, map[string]func(*NetworkInsightsPath) []string{
		"token": func(p *NetworkInsightsPath) []string { return tokenKeys(p.Scope, p.Token) },
	})
}

// A PathFilter narrows the packets of a path at one of its ends.
type PathFilter struct {
	SourceAddress, DestinationAddress string
	SourcePorts, DestinationPorts     *PortRange
}

// A PortRange is inclusive.
type PortRange struct{ From, To int }

// A NetworkInsightsAnalysis is an answer to a path at one moment.
type NetworkInsightsAnalysis struct {
	ID string
	Scope
	Path                string
	FilterIn, FilterOut []string // ARNs of what the way must, and must not, lead through
	AdditionalAccounts  []string
	Status              string // AWS's: running, succeeded, failed
	Message             string
	Started             time.Time
	Token               Token
	Tags                Tags
}

func newNetworkInsightsAnalyses() *Table[NetworkInsightsAnalysis] {
	return newTable("network-insights-analysis", func(a *NetworkInsightsAnalysis) string { return a.ID }, map[string]func(*NetworkInsightsAnalysis) []string{
		"token": func(a *NetworkInsightsAnalysis) []string { return tokenKeys(a.Scope, a.Token) },
		"path":  func(a *NetworkInsightsAnalysis) []string { return keys{a.Path} },
	})
}

// A NetworkInsightsAccessScope says which ways through the network are of interest.
// https://docs.aws.amazon.com/vpc/latest/network-access-analyzer/what-is-network-access-analyzer.html
type NetworkInsightsAccessScope struct {
	ID string
	Scope
	Content string // the match and exclude paths, as JSON of the request's
	Created time.Time
	Token   Token
	Tags    Tags
}

func newNetworkInsightsAccessScopes() *Table[NetworkInsightsAccessScope] {
	return newTable("network-insights-access-scope", func(a *NetworkInsightsAccessScope) string { return a.ID }, map[string]func(*NetworkInsightsAccessScope) []string{
		"token": func(a *NetworkInsightsAccessScope) []string { return tokenKeys(a.Scope, a.Token) },
	})
}

// A NetworkInsightsAccessScopeAnalysis is what an access scope found at one moment.
type NetworkInsightsAccessScopeAnalysis struct {
	ID string
	Scope
	AccessScope string
	Status      string
	Message     string
	Started     time.Time
	Token       Token
	Tags        Tags
}

func newNetworkInsightsAccessScopeAnalyses() *Table[NetworkInsightsAccessScopeAnalysis] {
	return newTable("network-insights-access-scope-analysis", func(a *NetworkInsightsAccessScopeAnalysis) string { return a.ID }, map[string]func(*NetworkInsightsAccessScopeAnalysis) []string{
		"token":        func(a *NetworkInsightsAccessScopeAnalysis) []string { return tokenKeys(a.Scope, a.Token) },
		"access-scope": func(a *NetworkInsightsAccessScopeAnalysis) []string { return keys{a.AccessScope} },
	})
}
