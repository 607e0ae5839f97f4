package vpc

import (
	"net/netip"
	"slices"
	"time"
)

// A RouteTable says where a subnet's packets go.
type RouteTable struct {
	ID string
	Scope
	VPC          string
	Routes       []Route // without the local ones, which follow from the VPC's CIDRs
	Associations []RouteAssociation
	Token        Token
	Tags         Tags
}

func newRouteTables() *Table[RouteTable] {
	return newTable("route-table", func(t *RouteTable) string { return t.ID }, map[string]func(*RouteTable) []string{
		"token": func(t *RouteTable) []string { return tokenKeys(t.Scope, t.Token) },
		"vpc":   func(t *RouteTable) []string { return keys{t.VPC} },
		"subnet": func(t *RouteTable) (ids []string) {
			for _, a := range t.Associations {
				if a.Subnet != "" {
					ids = append(ids, a.Subnet)
				}
			}
			return ids
		},
		"association": func(t *RouteTable) (ids []string) {
			for _, a := range t.Associations {
				ids = append(ids, a.ID)
			}
			return ids
		},
		"target": func(t *RouteTable) (ids []string) {
			for _, r := range t.Routes {
				ids = append(ids, r.Target)
			}
			return ids
		},
		"prefix-list": func(t *RouteTable) (ids []string) {
			for _, r := range t.Routes {
				if r.PrefixList != "" {
					ids = append(ids, r.PrefixList)
				}
			}
			return ids
		},
	})
}

// A RouteAssociation ties a table to a subnet or to a gateway, or makes it the VPC's main table.
type RouteAssociation struct {
	ID      string
	Main    bool
	Subnet  string // "" where Main
	Gateway string // of an edge association
}

// A Route leads a destination, a range or a prefix list, to a target: the id of a gateway, an
// interface, a peering connection and so on.
type Route struct {
	Destination netip.Prefix
	PrefixList  string // set where Destination is not
	Target      string
}

// An InternetGateway connects a VPC to the internet; VPC is "" while it is detached.
type InternetGateway struct {
	ID string
	Scope
	VPC  string
	Tags Tags
}

func newInternetGateways() *Table[InternetGateway] {
	return newTable("internet-gateway", func(g *InternetGateway) string { return g.ID }, map[string]func(*InternetGateway) []string{
		"vpc": func(g *InternetGateway) []string { return keys{g.VPC} },
	})
}

// An EgressOnlyGateway lets a VPC's IPv6 connections out, and none in.
// https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
type EgressOnlyGateway struct {
	ID string
	Scope
	VPC   string
	Token Token
	Tags  Tags
}

func newEgressOnlyGateways() *Table[EgressOnlyGateway] {
	return newTable("egress-only-internet-gateway", func(g *EgressOnlyGateway) string { return g.ID }, map[string]func(*EgressOnlyGateway) []string{
		"token": func(g *EgressOnlyGateway) []string { return tokenKeys(g.Scope, g.Token) },
		"vpc":   func(g *EgressOnlyGateway) []string { return keys{g.VPC} },
	})
}

// A NATGateway lets a subnet's instances out behind its own address.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
type NATGateway struct {
	ID string
	Scope
	VPC, Subnet string
	Public      bool   // with an Elastic IP; else private
	Interface   string // its own; it exists while State is available
	State       string // available, failed, deleted
	Failure     string // AWS's code; "" unless failed
	FailureText string
	Created     time.Time
	Deleted     time.Time    // or failed
	Addresses   []NATAddress // the primary one first
	Token       Token
	Tags        Tags
}

func newNATGateways() *Table[NATGateway] {
	return newTable("nat-gateway", func(g *NATGateway) string { return g.ID }, map[string]func(*NATGateway) []string{
		"token":  func(g *NATGateway) []string { return tokenKeys(g.Scope, g.Token) },
		"vpc":    func(g *NATGateway) []string { return keys{g.VPC} },
		"subnet": func(g *NATGateway) []string { return keys{g.Subnet} },
	})
}

// A NATAddress is an address of a NAT gateway. They stay shown after it is deleted.
type NATAddress struct {
	Private       netip.Addr
	Public        netip.Addr // zero where the gateway is private
	Allocation    string
	AssociationID string
}

// A Peering connects two VPCs. Its Scope is the requester's.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
type Peering struct {
	ID string
	Scope
	Requester, Accepter PeeringSide
	Status              string // AWS's code: pending-acceptance, active, …
	Message             string
	Created             time.Time
	Ended               time.Time // when it became deleted, rejected, expired or failed
	Tags                Tags      // the requester's
	AccepterTags        Tags
}

func newPeerings() *Table[Peering] {
	return newTable("peering", func(p *Peering) string { return p.ID }, map[string]func(*Peering) []string{
		"scope": func(p *Peering) []string { // of the sides that see it
			if p.Status == "failed" {
				return keys{p.Requester.Scope.Key()}
			}
			return slices.Compact(keys{p.Requester.Scope.Key(), p.Accepter.Scope.Key()})
		},
		"vpc": func(p *Peering) []string { return slices.Compact(keys{p.Requester.VPC, p.Accepter.VPC}) },
	})
}

// In tells whether the scope sees the connection: both sides do, and one that failed only the requester.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle
func (p *Peering) In(s Scope) bool {
	return p.Requester.Scope == s || p.Accepter.Scope == s && p.Status != "failed"
}

// TagsOf are the tags that the scope's side gave to the connection.
func (p *Peering) TagsOf(s Scope) *Tags {
	if p.Requester.Scope == s {
		return &p.Tags
	}
	return &p.AccepterTags
}

// A PeeringSide is one VPC of a peering connection.
type PeeringSide struct {
	Scope
	VPC       string
	AllowsDNS bool // AllowDnsResolutionFromRemoteVpc
}

// A PrefixList is a named list of ranges that rules and routes refer to.
// https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html
type PrefixList struct {
	ID string
	Scope
	Name       string
	IPv6       bool
	MaxEntries int
	Versions   []PrefixListVersion // the last is the current one
	State      string              // AWS's: create-complete, modify-complete, …
	StateText  string              // why, where State ends in -failed
	Token      Token
	Tags       Tags
}

func newPrefixLists() *Table[PrefixList] {
	return newTable("prefix-list", func(l *PrefixList) string { return l.ID }, map[string]func(*PrefixList) []string{
		"token": func(l *PrefixList) []string { return tokenKeys(l.Scope, l.Token) },
	})
}

// In tells whether the scope sees the list: its own ones, and AWS's of the Region.
func (l *PrefixList) In(s Scope) bool { return l.Scope == s || l.Scope == AWS(s.Region) }

// A PrefixListVersion is what a list held from one change of its entries to the next.
type PrefixListVersion struct {
	Number  int
	Entries []PrefixEntry
}

// A PrefixEntry is one range of a prefix list.
type PrefixEntry struct {
	CIDR        netip.Prefix
	Description string
}

// Current is the list's current version.
func (l *PrefixList) Current() PrefixListVersion { return l.Versions[len(l.Versions)-1] }

// A Token is the ClientToken that an object was created with, and a digest of the request: the same
// request again creates nothing new. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
type Token struct{ Value, Digest string }
