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
