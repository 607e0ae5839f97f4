package vpc

// A Limit is one of AWS's quotas of an account in a Region, as Service Quotas names it.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
type Limit struct {
	Service string // vpc or ec2
	Code    string // "L-…"; "" where Service Quotas does not list it
	Name    string
	Default int
}

// The quotas that can be set.
var (
	VPCsPerRegion            = Limit{"vpc", "L-F678F1CE", "VPCs per Region", 5}
	SubnetsPerVPC            = Limit{"vpc", "L-407747CB", "Subnets per VPC", 200}
	IPv4BlocksPerVPC         = Limit{"vpc", "L-83CA0A9D", "IPv4 CIDR blocks per VPC", 5}
	IPv6BlocksPerVPC         = Limit{"vpc", "L-085A6257", "IPv6 CIDR blocks per VPC", 5}
	GroupsPerRegion          = Limit{"vpc", "L-E79EC296", "VPC security groups per Region", 2500}
	RulesPerGroup            = Limit{"vpc", "L-0EA8095F", "Inbound or outbound rules per security group", 60}
	GroupsPerInterface       = Limit{"vpc", "L-2AFB9258", "Security groups per network interface", 5}
	ACLsPerVPC               = Limit{"vpc", "L-B4A6D682", "Network ACLs per VPC", 200}
	EntriesPerACL            = Limit{"vpc", "L-2AEEBF1A", "Rules per network ACL", 20}
	RouteTablesPerVPC        = Limit{"vpc", "L-589F43AA", "Route tables per VPC", 200}
	RoutesPerTable           = Limit{"vpc", "L-93826ACB", "Routes per route table", 500}
	GatewaysPerRegion        = Limit{"vpc", "L-A4707A72", "Internet gateways per Region", 5}
	EgressOnlyPerRegion      = Limit{"vpc", "L-45FE3B85", "Egress-only internet gateways per Region", 5}
	NATGatewaysPerZone       = Limit{"vpc", "L-FE5A380F", "NAT gateways per Availability Zone", 5}
	InterfacesPerRegion      = Limit{"vpc", "L-DF5E4CA3", "Network interfaces per Region", 5000}
	PeeringsPerVPC           = Limit{"vpc", "L-7E9ECCDB", "Active VPC peering connections per VPC", 50}
	OutstandingPeerings      = Limit{"vpc", "L-DC9F7029", "Outstanding VPC peering connection requests", 25}
	GatewayEndpoints         = Limit{"vpc", "L-1B52E74A", "Gateway VPC endpoints per Region", 20}
	InterfaceEndpoints       = Limit{"vpc", "L-29B6F2EB", "Interface VPC endpoints per VPC", 50}
	ElasticIPsPerRegion      = Limit{"ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5}
	PrefixListsPerRegion     = Limit{"vpc", "", "Prefix lists per Region", 100}
	EntriesPerPrefixList     = Limit{"vpc", "", "Entries per prefix list", 1000}
	VersionsPerPrefixList    = Limit{"vpc", "", "Versions per prefix list", 1000}
	FlowLogsPerResource      = Limit{"vpc", "", "Flow logs per VPC, subnet or network interface", 2}
	InsightsPaths            = Limit{"vpc", "", "Reachability Analyzer paths per Region", 100}
	InsightsAnalyses         = Limit{"vpc", "", "Reachability Analyzer analyses per Region", 10000}
	AccessScopes             = Limit{"vpc", "", "Network Access Scopes per Region", 1000}
	AccessScopeAnalyses      = Limit{"vpc", "", "Network Access Scope analyses per Region", 10000}
	LaunchTemplatesPerRegion = Limit{"ec2", "L-FB451C26", "Launch templates per Region", 5000}
)

// Limits are all of them, in the order in which they are listed.
var Limits = []Limit{VPCsPerRegion, SubnetsPerVPC, IPv4BlocksPerVPC, IPv6BlocksPerVPC, GroupsPerRegion, RulesPerGroup, GroupsPerInterface,
	ACLsPerVPC, EntriesPerACL, RouteTablesPerVPC, RoutesPerTable, GatewaysPerRegion, EgressOnlyPerRegion, NATGatewaysPerZone,
	InterfacesPerRegion, PeeringsPerVPC, OutstandingPeerings, GatewayEndpoints, InterfaceEndpoints, ElasticIPsPerRegion,
	PrefixListsPerRegion, EntriesPerPrefixList, VersionsPerPrefixList, FlowLogsPerResource,
	InsightsPaths, InsightsAnalyses, AccessScopes, AccessScopeAnalyses, LaunchTemplatesPerRegion}

// A Quota is what a Limit was set to for an account in a Region.
type Quota struct {
	Scope
	Name  string // the Limit's
	Value int
}

func newQuotas() *Table[Quota] {
	return newTable("quota", func(q *Quota) string { return q.Scope.Key() + "/" + q.Name }, nil)
}

// Limit is how many the scope may have.
func (s *State) Limit(l Limit) int {
	if q := s.Quotas.Get(s.Key() + "/" + l.Name); q != nil {
		return q.Value
	}
	return l.Default
}

// MaxTags is how many tags a resource may have. AWS raises it for nobody.
const MaxTags = 50
