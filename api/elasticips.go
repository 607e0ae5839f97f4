package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

var elasticIPOperations = []Operation{
	write(allocateAddress),
	write(releaseAddress),
	write(associateAddress),
	write(disassociateAddress),
	read(describeAddresses),
	read(describeAddressesAttribute),
}

// allocateAddress gives the account a public address, until it releases it.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html
func allocateAddress(e *vpc.Edit, in *ec2.AllocateAddressInput) (*ec2.AllocateAddressOutput, error) {
	if err := refuse(given{"Address", value(in.Address) != ""}, given{"CustomerOwnedIpv4Pool", value(in.CustomerOwnedIpv4Pool) != ""},
		given{"IpamPoolId", value(in.IpamPoolId) != ""}); err != nil {
		return nil, err
	}
	if in.Domain != "" && in.Domain != "vpc" {
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for Domain.", in.Domain)
	}
	if pool := value(in.PublicIpv4Pool); pool != "" && pool != "amazon" {
		return nil, vpc.Errorf("InvalidPublicIpv4PoolID.NotFound", "The pool ID '%s' does not exist.", pool)
	}
	if group := value(in.NetworkBorderGroup); group != "" && group != e.Region {
		return nil, invalid("networkBorderGroup", group, "It must be "+e.Region+".")
	}
	tags, err := createTagsFor(in.TagSpecifications, "elastic-ip")
	if err != nil {
		return nil, err
	}
	if e.ElasticIPs.CountBy("scope", e.Key()) >= e.Limit(vpc.ElasticIPsPerRegion) {
		return nil, vpc.Errorf("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	}
	address, err := newPicker(e).public()
	if err != nil {
		return nil, err
	}
	a := &vpc.ElasticIP{ID: e.NewID("eipalloc"), Scope: e.Scope, Addr: address, Tags: tags["elastic-ip"]}
	e.ElasticIPs.Put(a)
	return &ec2.AllocateAddressOutput{AllocationId: new(a.ID), PublicIp: new(a.Addr.String()), Domain: "vpc", NetworkBorderGroup: new(e.Region),
		PublicIpv4Pool: new("amazon")}, nil
}

// releaseAddress gives an address back that is associated with nothing.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
func releaseAddress(e *vpc.Edit, in *ec2.ReleaseAddressInput) (*ec2.ReleaseAddressOutput, error) {
	switch {
	case value(in.PublicIp) != "" && value(in.AllocationId) != "":
		return nil, eitherAddress()
	case value(in.PublicIp) != "":
		return nil, vpc.Errorf("InvalidParameterValue", "You must specify an allocation id when releasing a VPC elastic IP address")
	}
	id, err := need("allocationId", in.AllocationId)
	if err != nil {
		return nil, err
	}
	a, err := elasticIPIDs.find(e.State, id)
	switch {
	case err != nil:
		return nil, err
	case value(in.NetworkBorderGroup) != "" && *in.NetworkBorderGroup != e.Region:
		return nil, noAddress(a.Addr.String())
	case a.Association != "":
		return nil, addressInUse(a.Addr)
	}
	e.ElasticIPs.Delete(a.ID)
	return &ec2.ReleaseAddressOutput{}, nil
}

func eitherAddress() error {
	return vpc.Errorf("InvalidParameterCombination", "You may specify public IP or allocation id, but not both in the same call")
}

func noAddress(text string) error {
	return vpc.Errorf("InvalidAddress.NotFound", "Address '%s' not found.", text)
}

// elasticIPByAddress finds the account's Elastic IP by the address itself.
func elasticIPByAddress(s *vpc.State, text string) (*vpc.ElasticIP, error) {
	address, err := netip.ParseAddr(text)
	if err != nil || !address.Is4() {
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid IPv4 address: %s", text)
	}
	a := s.ElasticIPs.First("public", address.String())
	if a == nil || a.Scope != s.Scope {
		return nil, noAddress(text)
	}
	return a, nil
}

// describeAddresses lists Elastic IPs.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html
func describeAddresses(s *vpc.State, in *ec2.DescribeAddressesInput) (*ec2.DescribeAddressesOutput, error) {
	var found []*vpc.ElasticIP
	var err error
	if len(in.AllocationIds) > 0 || len(in.PublicIps) == 0 {
		if found, err = elasticIPIDs.all(s, in.AllocationIds); err != nil {
			return nil, err
		}
	}
	for _, text := range in.PublicIps {
		a, err := elasticIPByAddress(s, text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	var items []ec2.Address
	for _, a := range found {
		items = append(items, describeAddress(s, a))
	}
	page, _, err := addressListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeAddressesOutput{Addresses: page}, nil
}

func describeAddress(s *vpc.State, a *vpc.ElasticIP) ec2.Address {
	out := ec2.Address{AllocationId: new(a.ID), PublicIp: new(a.Addr.String()), Domain: "vpc", NetworkBorderGroup: new(a.Region),
		PublicIpv4Pool: new("amazon"), Tags: tagSet(a.Tags)}
	i := s.Interfaces.Get(a.Interface)
	if i == nil {
		return out
	}
	out.AssociationId, out.PrivateIpAddress = new(a.Association), new(a.Private.String())
	out.NetworkInterfaceId, out.NetworkInterfaceOwnerId = new(i.ID), new(i.Account)
	if i.Attachment != nil {
		out.InstanceId = optional(i.Attachment.Instance)
	}
	return out
}

var addressListing = listing[ec2.Address]{
	key: func(a *ec2.Address) string { return *a.AllocationId },
	filters: filters[ec2.Address]{
		"allocation-id":              func(a *ec2.Address) []string { return of(a.AllocationId) },
		"association-id":             func(a *ec2.Address) []string { return of(a.AssociationId) },
		"domain":                     func(a *ec2.Address) []string { return of(a.Domain) },
		"instance-id":                func(a *ec2.Address) []string { return of(a.InstanceId) },
		"network-border-group":       func(a *ec2.Address) []string { return of(a.NetworkBorderGroup) },
		"network-interface-id":       func(a *ec2.Address) []string { return of(a.NetworkInterfaceId) },
		"network-interface-owner-id": func(a *ec2.Address) []string { return of(a.NetworkInterfaceOwnerId) },
		"private-ip-address":         func(a *ec2.Address) []string { return of(a.PrivateIpAddress) },
		"public-ip":                  func(a *ec2.Address) []string { return of(a.PublicIp) },
	}.tagged(func(a *ec2.Address) []ec2.Tag { return a.Tags }),
}

// describeAddressesAttribute shows the reverse DNS name of Elastic IPs: none has one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddressesAttribute.html
func describeAddressesAttribute(s *vpc.State, in *ec2.DescribeAddressesAttributeInput) (*ec2.DescribeAddressesAttributeOutput, error) {
	if in.Attribute != "" && in.Attribute != "domain-name" {
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for Attribute.", in.Attribute)
	}
	found, err := elasticIPIDs.all(s, in.AllocationIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.AddressAttribute
	for _, a := range found {
		items = append(items, ec2.AddressAttribute{AllocationId: new(a.ID), PublicIp: new(a.Addr.String())})
	}
	page, next, err := addressAttributeListing.page(s, in, len(in.AllocationIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeAddressesAttributeOutput{Addresses: page, NextToken: next}, nil
}

var addressAttributeListing = listing[ec2.AddressAttribute]{
	paging: paging{1, 1000, "", false},
	key:    func(a *ec2.AddressAttribute) string { return *a.AllocationId },
}
