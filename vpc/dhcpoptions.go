package vpc

// DHCPOptions are a set of DHCP options, which VPCs share. They never change.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_DHCP_Options.html
type DHCPOptions struct {
	ID string
	Scope
	Options []DHCPOption
	Tags    Tags
}

func newDHCPOptions() *Table[DHCPOptions] {
	return newTable("dhcp-options", func(o *DHCPOptions) string { return o.ID }, nil)
}

// A DHCPOption is one option: "domain-name-servers" and its values.
type DHCPOption struct {
	Key    string
	Values []string
}

// NoDHCPOptions is what a VPC has in place of the id of a set where it has none.
const NoDHCPOptions = "default"

// AmazonDNS stands for the resolver of a VPC among the values of domain-name-servers.
const AmazonDNS = "AmazonProvidedDNS"

// DefaultDHCPOptions is the id of the DHCP option set that every account starts with in every Region.
func DefaultDHCPOptions(scope Scope) string {
	e := Edit{ids: &digests{seed: "dopt/" + scope.Key()}}
	return e.NewID("dopt")
}

// defaultDHCPOptions is the account's default set. It is made where there is none: at first, and where it
// was deleted, as AWS does for the next VPC.
func (e *Edit) defaultDHCPOptions() *DHCPOptions {
	id := DefaultDHCPOptions(e.Scope)
	if o := e.DHCPOptions.Get(id); o != nil {
		return o
	}
	o := &DHCPOptions{ID: id, Scope: e.Scope, Options: []DHCPOption{
		{Key: "domain-name", Values: []string{Domain(e.Region)}},
		{Key: "domain-name-servers", Values: []string{AmazonDNS}},
	}}
	e.DHCPOptions.Put(o)
	return o
}

// Domain is what the private names of a Region's instances end in.
func Domain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}
