package api

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// dhcpOptionsOperations keep sets of DHCP options.
var dhcpOptionsOperations = []Operation{
	write(createDhcpOptions),
	write(deleteDhcpOptions),
	write(associateDhcpOptions),
	read(describeDhcpOptions),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html
func createDhcpOptions(e *vpc.Edit, in *ec2.CreateDhcpOptionsInput) (*ec2.CreateDhcpOptionsOutput, error) {
	options, err := readDHCPOptions(in.DhcpConfigurations)
	if err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "dhcp-options")
	if err != nil {
		return nil, err
	}
	o := &vpc.DHCPOptions{ID: e.NewID("dopt"), Scope: e.Scope, Options: options, Tags: tags["dhcp-options"]}
	e.DHCPOptions.Put(o)
	return &ec2.CreateDhcpOptionsOutput{DhcpOptions: new(showDHCPOptions(o))}, nil
}

func readDHCPOptions(list []ec2.NewDhcpConfiguration) (options []vpc.DHCPOption, err error) {
	for i, c := range list {
		key, err := need("DhcpConfiguration."+strconv.Itoa(i+1)+".Key", c.Key)
		if err != nil {
			return nil, err
		}
		valid := dhcpValues[key]
		if valid == nil {
			return nil, invalid("name", key, "Unknown DHCP option")
		}
		if slices.ContainsFunc(options, func(o vpc.DHCPOption) bool { return o.Key == key }) {
			return nil, invalid("name", key, "The DHCP option is specified more than once.")
		}
		var values []string
		for _, v := range c.Values {
			values = append(values, separated(key, v)...)
		}
		if len(values) == 0 {
			return nil, missing("DhcpConfiguration." + strconv.Itoa(i+1) + ".Value")
		}
		if !valid(values) {
			return nil, invalid("value", strings.Join(values, ","), "Invalid DHCP option value.")
		}
		options = append(options, vpc.DHCPOption{Key: key, Values: values})
	}
	return options, nil
}

// separated are the values that one parameter gives: the servers may stand in it with commas between them.
func separated(key, v string) (values []string) {
	if !strings.HasSuffix(key, "-servers") {
		return []string{v}
	}
	for _, part := range strings.Split(v, ",") {
		values = append(values, strings.TrimSpace(part))
	}
	return values
}

// dhcpValues are the options that AWS knows, and what each may be.
// https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html
var dhcpValues = map[string]func([]string) bool{
	"domain-name":                       func(v []string) bool { return len(v) == 1 && domainNames(v[0]) },
	"domain-name-servers":               func(v []string) bool { return servers(v, vpc.AmazonDNS, 4) },
	"ntp-servers":                       func(v []string) bool { return servers(v, "", 4) },
	"netbios-name-servers":              func(v []string) bool { return servers(v, "", 0) },
	"netbios-node-type":                 func(v []string) bool { return len(v) == 1 && slices.Contains([]string{"1", "2", "4", "8"}, v[0]) },
	"ipv6-address-preferred-lease-time": func(v []string) bool { return len(v) == 1 && leaseTime(v[0]) },
}

// servers tells whether these are addresses of servers: up to four of IPv4, one of which may go by a
// name, and up to so many of IPv6.
func servers(values []string, name string, most6 int) bool {
	is4, is6 := 0, 0
	for _, v := range values {
		a, err := netip.ParseAddr(v)
		switch {
		case err == nil && a.Is6() && a.Zone() == "":
			is6++
		case err == nil && a.Is4(), name != "" && v == name:
			is4++
		default:
			return false
		}
	}
	return is4 <= 4 && is6 <= most6
}

// domainNames tells whether the text is one or more names of domains, with spaces between them: some
// systems search all of them.
func domainNames(text string) bool {
	names := strings.Fields(text)
	return len(names) > 0 && len(text) < 256 && !slices.ContainsFunc(names, func(name string) bool {
		return strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || strings.Contains("."+name, "..")
	})
}

func leaseTime(text string) bool {
	seconds, err := strconv.ParseInt(text, 10, 32)
	return err == nil && seconds >= 140
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteDhcpOptions.html
func deleteDhcpOptions(e *vpc.Edit, in *ec2.DeleteDhcpOptionsInput) (*ec2.DeleteDhcpOptionsOutput, error) {
	o, err := dhcpOptionsIDs.find(e.State, *in.DhcpOptionsId)
	if err != nil {
		return nil, err
	}
	if e.VPCs.First("dhcp-options", o.ID) != nil {
		return nil, hasDependencies("dhcpOptions", o.ID)
	}
	e.DHCPOptions.Delete(o.ID)
	return &ec2.DeleteDhcpOptionsOutput{}, nil
}

// associateDhcpOptions gives a VPC another set, or none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateDhcpOptions.html
func associateDhcpOptions(e *vpc.Edit, in *ec2.AssociateDhcpOptionsInput) (*ec2.AssociateDhcpOptionsOutput, error) {
	if *in.DhcpOptionsId != vpc.NoDHCPOptions {
		if _, err := dhcpOptionsIDs.find(e.State, *in.DhcpOptionsId); err != nil {
			return nil, err
		}
	}
	old, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, err
	}
	v := *old
	v.DHCPOptions = *in.DhcpOptionsId
	e.VPCs.Put(&v)
	return &ec2.AssociateDhcpOptionsOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeDhcpOptions.html
func describeDhcpOptions(s *vpc.State, in *ec2.DescribeDhcpOptionsInput) (*ec2.DescribeDhcpOptionsOutput, error) {
	options, next, err := describe(s, in, dhcpOptionsIDs, in.DhcpOptionsIds, dhcpOptionsListing, showDHCPOptions)
	return &ec2.DescribeDhcpOptionsOutput{DhcpOptions: options, NextToken: next}, err
}

func showDHCPOptions(o *vpc.DHCPOptions) ec2.DhcpOptions {
	shown := ec2.DhcpOptions{DhcpOptionsId: new(o.ID), OwnerId: new(o.Account), Tags: tagSet(o.Tags), DhcpConfigurations: []ec2.DhcpConfiguration{}}
	for _, option := range o.Options {
		c := ec2.DhcpConfiguration{Key: new(option.Key)}
		for _, v := range option.Values {
			c.Values = append(c.Values, ec2.AttributeValue{Value: new(v)})
		}
		shown.DhcpConfigurations = append(shown.DhcpConfigurations, c)
	}
	return shown
}

var dhcpOptionsListing = listing[ec2.DhcpOptions]{
	filters[ec2.DhcpOptions]{
		"dhcp-options-id": func(o *ec2.DhcpOptions) []string { return of(o.DhcpOptionsId) },
		"owner-id":        func(o *ec2.DhcpOptions) []string { return of(o.OwnerId) },
		"key": func(o *ec2.DhcpOptions) []string {
			return each(o.DhcpConfigurations, func(c *ec2.DhcpConfiguration) *string { return c.Key })
		},
		"value": func(o *ec2.DhcpOptions) (held []string) {
			for _, c := range o.DhcpConfigurations {
				held = slices.Concat(held, each(c.Values, func(v *ec2.AttributeValue) *string { return v.Value }))
			}
			return held
		},
	}.tagged(func(o *ec2.DhcpOptions) []ec2.Tag { return o.Tags }),
	paging{5, 1000, "DhcpOptionsIds", false},
	func(o *ec2.DhcpOptions) string { return *o.DhcpOptionsId },
}
