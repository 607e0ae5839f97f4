package vpc

import "time"

// A VPCEndpoint leads from a VPC to a service of AWS. The route tables of a gateway endpoint are
// those with a route to it; the subnets of an interface endpoint are those of the interfaces it owns.
// https://docs.aws.amazon.com/vpc/latest/privatelink/concepts.html
type VPCEndpoint struct {
	ID string
	Scope
	VPC         string
	Type        string // Gateway or Interface
	Service     string // "com.amazonaws.us-east-1.s3"
	Policy      string // a JSON document
	Groups      []string
	PrivateDNS  bool
	RecordType  string // dnsRecordIpType
	InboundOnly bool   // privateDnsOnlyForInboundResolverEndpoint
	Created     time.Time
	Token       Token
	Tags        Tags
}

func newVPCEndpoints() *Table[VPCEndpoint] {
	return newTable("vpc-endpoint", func(v *VPCEndpoint) string { return v.ID }, map[string]func(*VPCEndpoint) []string{
		"token": func(v *VPCEndpoint) []string { return tokenKeys(v.Scope, v.Token) },
		"vpc":   func(v *VPCEndpoint) []string { return keys{v.VPC} },
	})
}
