package api

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// endpointOperations keep VPC endpoints with their routes and interfaces. Nothing answers behind them.
var endpointOperations = []Operation{
	write(createVpcEndpoint),
	write(modifyVpcEndpoint),
	write(deleteVpcEndpoints),
	read(describeVpcEndpoints),
	read(describeVpcEndpointServices),
}

const maxEndpointPolicy = 20480 // characters

// The policies of endpoints whose requests give none, as AWS writes them.
const (
	gatewayPolicy   = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
	interfacePolicy = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}"
)

// createVpcEndpoint makes a gateway endpoint, with a route to it in the given route tables, or an
// interface endpoint, with an interface in the given subnets.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html
func createVpcEndpoint(e *vpc.Edit, in *ec2.CreateVpcEndpointInput) (*ec2.CreateVpcEndpointOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	out := &ec2.CreateVpcEndpointOutput{ClientToken: optional(token.Value)}
	if earlier, err := madeBefore(e.State, e.VPCEndpoints, token, func(p *vpc.VPCEndpoint) vpc.Token { return p.Token }); earlier != nil || err != nil {
		if earlier != nil {
			out.VpcEndpoint = new(showEndpoint(e.State, earlier))
		}
		return out, err
	}
	p, service, err := newEndpoint(e, in)
	if err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "vpc-endpoint")
	if err != nil {
		return nil, err
	}
	p.ID, p.Token, p.Tags = e.NewID("vpce"), token, tags["vpc-endpoint"]
	switch p.Type {
	case "Gateway":
		err = addEndpointRoutes(e, p, service, in.RouteTableIds)
	default:
		err = addEndpointSubnets(e, p, in.SubnetIds, in.SubnetConfigurations)
	}
	if err != nil {
		return nil, err
	}
	e.VPCEndpoints.Put(p)
	out.VpcEndpoint = new(showEndpoint(e.State, p))
	if p.Type == "Interface" {
		out.VpcEndpoint.State = "pending"
	}
	return out, nil
}

// newEndpoint makes of a request its endpoint, without routes and interfaces.
func newEndpoint(e *vpc.Edit, in *ec2.CreateVpcEndpointInput) (p *vpc.VPCEndpoint, service endpointService, err error) {
	typ := cmp.Or(in.VpcEndpointType, "Gateway")
	if !slices.Contains([]string{"Gateway", "Interface", "GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel"}, typ) {
		return nil, service, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for VpcEndpointType.", typ)
	}
	if err := refuse(
		given{"ResourceConfigurationArn", value(in.ResourceConfigurationArn) != ""},
		given{"ServiceNetworkArn", value(in.ServiceNetworkArn) != ""},
		given{"VpcEndpointType", typ == "Resource" || typ == "ServiceNetwork" || typ == "Tunnel"},
		given{"ServiceRegion", value(in.ServiceRegion) != "" && *in.ServiceRegion != e.Region},
		given{"IpAddressType", in.IpAddressType != "" && in.IpAddressType != "ipv4"},
	); err != nil {
		return nil, service, err
	}
	v, err := vpcIDs.find(e.State, *in.VpcId)
	if err != nil {
		return nil, service, err
	}
	name, err := need("ServiceName", in.ServiceName)
	if err != nil {
		return nil, service, err
	}
	if err := endpointParameters(typ, endpointLists{in.RouteTableIds, in.SubnetIds, in.SecurityGroupIds, in.SubnetConfigurations}, value(in.PrivateDnsEnabled)); err != nil {
		return nil, service, err
	}
	if service, err = findService(e.Region, name, typ); err != nil {
		return nil, service, err
	}
	p = &vpc.VPCEndpoint{Scope: e.Scope, VPC: v.ID, Type: typ, Service: name, Created: e.Now, Policy: gatewayPolicy, RecordType: "service-defined"}
	if err := endpointLimit(e.State, p); err != nil {
		return nil, service, err
	}
	if typ == "Interface" {
		p.Policy, p.RecordType = interfacePolicy, "ipv4"
		p.PrivateDNS = service.domain() != "" && service.short != "s3"
		if in.PrivateDnsEnabled != nil {
			p.PrivateDNS = *in.PrivateDnsEnabled
		}
		if p.Groups, err = endpointGroups(e.State, p, in.SecurityGroupIds); err != nil {
			return nil, service, err
		}
		if len(p.Groups) == 0 {
			p.Groups = []string{e.DefaultGroup(v.ID).ID}
		}
	}
	if value(in.PolicyDocument) != "" {
		p.Policy = *in.PolicyDocument
	}
	if err := checkPolicy(p.Policy); err != nil {
		return nil, service, err
	}
	p.InboundOnly = service.short == "s3"
	return p, service, changeDNS(e.State, p, service, in.DnsOptions)
}

// endpointLists are the lists of a request that belong to one type of endpoint only.
type endpointLists struct {
	routeTables, subnets, groups []string
	configurations               []ec2.SubnetConfiguration
}

// endpointParameters refuses what the type of endpoint does not have.
func endpointParameters(typ string, l endpointLists, privateDNS bool) error {
	switch {
	case typ != "Gateway" && len(l.routeTables) > 0:
		return vpc.Errorf("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	case typ == "Gateway" && len(l.subnets)+len(l.configurations) > 0:
		return vpc.Errorf("InvalidParameter", "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case typ == "Gateway" && len(l.groups) > 0:
		return vpc.Errorf("InvalidParameter", "Security group IDs are only supported for Interface type VPC Endpoints.")
	case typ == "Gateway" && privateDNS:
		return vpc.Errorf("InvalidParameter", "Private DNS is only supported for Interface type VPC Endpoints.")
	}
	return nil
}

func endpointLimit(s *vpc.State, p *vpc.VPCEndpoint) error {
	n := 0
	for other := range s.VPCEndpoints.By("scope", s.Key()) {
		if other.Type == p.Type && (p.Type == "Gateway" || other.VPC == p.VPC) {
			n++
		}
	}
	limit := vpc.InterfaceEndpoints
	if p.Type == "Gateway" {
		limit = vpc.GatewayEndpoints
	}
	if n >= s.Limit(limit) {
		return vpc.Errorf("VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")
	}
	return nil
}

// checkPolicy refuses what is no JSON object. What it says is kept and shown.
func checkPolicy(document string) error {
	var object map[string]any
	if len(document) > maxEndpointPolicy || json.Unmarshal([]byte(document), &object) != nil {
		return vpc.Errorf("InvalidPolicyDocument", "The specified policy document is not a valid JSON policy document.")
	}
	return nil
}

// changeDNS sets the options of an endpoint's names and refuses private ones that cannot be.
func changeDNS(s *vpc.State, p *vpc.VPCEndpoint, service endpointService, in *ec2.DnsOptionsSpecification) error {
	if in != nil {
		if err := refuse(
			given{"DnsOptions.PrivateDnsPreference", value(in.PrivateDnsPreference) != ""},
			given{"DnsOptions.PrivateDnsSpecifiedDomain", len(in.PrivateDnsSpecifiedDomains) > 0},
			given{"DnsOptions.DnsRecordIpType", slices.Contains([]string{"dualstack", "ipv6"}, in.DnsRecordIpType)},
		); err != nil {
			return err
		}
		switch in.DnsRecordIpType {
		case "":
		case "ipv4", "service-defined":
			p.RecordType = in.DnsRecordIpType
		default:
			return vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for DnsRecordIpType.", in.DnsRecordIpType)
		}
	}
	switch {
	case in != nil && in.PrivateDnsOnlyForInboundResolverEndpoint != nil:
		p.InboundOnly = *in.PrivateDnsOnlyForInboundResolverEndpoint
	case !p.PrivateDNS:
		p.InboundOnly = false
	}
	if !p.PrivateDNS {
		return nil
	}
	v, gateway := s.VPCs.Get(p.VPC), false
	for other := range s.VPCEndpoints.By("vpc", p.VPC) {
		gateway = gateway || other.Type == "Gateway" && other.Service == p.Service
		if other.ID != p.ID && other.Service == p.Service && other.PrivateDNS {
			return vpc.Errorf("InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s", service.domain(), p.VPC)
		}
	}
	switch {
	case service.domain() == "":
		return vpc.Errorf("InvalidParameter", "Private DNS can't be enabled because the service %s does not provide a private DNS name.", p.Service)
	case !v.DNSSupport || !v.DNSHostnames:
		return vpc.Errorf("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", v.ID)
	case p.InboundOnly && service.short == "s3" && !gateway:
		return vpc.Errorf("InvalidParameter", "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC %s must have a Gateway endpoint for the service.", v.ID)
	}
	return nil
}

// endpointGroups finds the groups of an endpoint's interfaces: they are of its VPC.
func endpointGroups(s *vpc.State, p *vpc.VPCEndpoint, ids []string) ([]string, error) {
	for _, id := range ids {
		g, err := groupIDs.find(s, id)
		if err != nil {
			return nil, err
		}
		if g.VPC != p.VPC {
			return nil, vpc.Errorf("InvalidParameter", "Security group %s and VPC %s belong to different networks.", id, p.VPC)
		}
	}
	return groupsOnce(s, ids)
}

// modifyVpcEndpoint changes an endpoint in the ways that its type has.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html
func modifyVpcEndpoint(e *vpc.Edit, in *ec2.ModifyVpcEndpointInput) (*ec2.ModifyVpcEndpointOutput, error) {
	old, err := endpointIDs.find(e.State, *in.VpcEndpointId)
	if err != nil {
		return nil, err
	}
	p := *old
	service, err := findService(p.Region, p.Service, p.Type)
	if err != nil {
		return nil, err
	}
	if err := refuse(given{"IpAddressType", in.IpAddressType != "" && in.IpAddressType != "ipv4"}); err != nil {
		return nil, err
	}
	lists := endpointLists{slices.Concat(in.AddRouteTableIds, in.RemoveRouteTableIds), slices.Concat(in.AddSubnetIds, in.RemoveSubnetIds),
		slices.Concat(in.AddSecurityGroupIds, in.RemoveSecurityGroupIds), in.SubnetConfigurations}
	if err := endpointParameters(p.Type, lists, value(in.PrivateDnsEnabled)); err != nil {
		return nil, err
	}
	if err := changePolicy(&p, value(in.PolicyDocument), value(in.ResetPolicy)); err != nil {
		return nil, err
	}
	if in.PrivateDnsEnabled != nil || in.DnsOptions != nil {
		if value(in.PrivateDnsEnabled) && !p.PrivateDNS {
			p.InboundOnly = service.short == "s3"
		}
		p.PrivateDNS = p.PrivateDNS && in.PrivateDnsEnabled == nil || value(in.PrivateDnsEnabled)
		if err := changeDNS(e.State, &p, service, in.DnsOptions); err != nil {
			return nil, err
		}
	}
	if err := changeEndpointGroups(e, &p, in.AddSecurityGroupIds, in.RemoveSecurityGroupIds); err != nil {
		return nil, err
	}
	for _, change := range []func() error{
		func() error { return removeEndpointRoutes(e, &p, in.RemoveRouteTableIds) },
		func() error { return addEndpointRoutes(e, &p, service, in.AddRouteTableIds) },
		func() error { return removeEndpointSubnets(e, &p, in.RemoveSubnetIds) },
		func() error { return addEndpointSubnets(e, &p, in.AddSubnetIds, in.SubnetConfigurations) },
	} {
		if err := change(); err != nil {
			return nil, err
		}
	}
	e.VPCEndpoints.Put(&p)
	return &ec2.ModifyVpcEndpointOutput{Return: new(true)}, nil
}

func changePolicy(p *vpc.VPCEndpoint, document string, reset bool) error {
	switch {
	case document != "" && reset:
		return notTogether("PolicyDocument", "ResetPolicy")
	case document != "":
		p.Policy = document
	case reset && p.Type == "Gateway":
		p.Policy = gatewayPolicy
	case reset:
		p.Policy = interfacePolicy
	}
	return checkPolicy(p.Policy)
}

// changeEndpointGroups changes the groups of the endpoint and of every interface that it owns.
func changeEndpointGroups(e *vpc.Edit, p *vpc.VPCEndpoint, add, remove []string) error {
	if len(add)+len(remove) == 0 {
		return nil
	}
	for _, id := range remove {
		if !slices.Contains(p.Groups, id) {
			return vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
	}
	left := slices.DeleteFunc(liveGroups(e.State, p), func(id string) bool { return slices.Contains(remove, id) })
	added, err := endpointGroups(e.State, p, slices.Concat(left, add))
	if err != nil {
		return err
	}
	if p.Groups = added; len(p.Groups) == 0 {
		return vpc.Errorf("InvalidParameter", "A VPC endpoint of type Interface must have at least one security group.")
	}
	for _, i := range slices.Collect(e.Interfaces.By("owner", p.ID)) {
		face := *i
		face.Groups = slices.Clone(p.Groups)
		e.Interfaces.Put(&face)
	}
	return nil
}

// deleteVpcEndpoints deletes endpoints with their routes and interfaces. The answer lists those that
// are not there.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html
func deleteVpcEndpoints(e *vpc.Edit, in *ec2.DeleteVpcEndpointsInput) (*ec2.DeleteVpcEndpointsOutput, error) {
	for _, id := range in.VpcEndpointIds {
		if err := endpointIDs.check(id); err != nil {
			return nil, err
		}
	}
	failed, _ := forEach(slices.Compact(slices.Sorted(slices.Values(in.VpcEndpointIds))), func(id string) error {
		p, err := endpointIDs.find(e.State, id)
		if err != nil {
			return err
		}
		for _, t := range slices.Collect(e.RouteTables.By("target", p.ID)) {
			dropRoutes(e, t, p.ID)
		}
		for _, i := range slices.Collect(e.Interfaces.By("owner", p.ID)) {
			e.Interfaces.Delete(i.ID)
		}
		e.VPCEndpoints.Delete(p.ID)
		return nil
	})
	return &ec2.DeleteVpcEndpointsOutput{Unsuccessful: failed}, nil
}

// describeVpcEndpoints lists endpoints.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html
func describeVpcEndpoints(s *vpc.State, in *ec2.DescribeVpcEndpointsInput) (*ec2.DescribeVpcEndpointsOutput, error) {
	endpoints, next, err := describe(s, in, endpointIDs, in.VpcEndpointIds, endpointListing, func(p *vpc.VPCEndpoint) ec2.VpcEndpoint { return showEndpoint(s, p) })
	return &ec2.DescribeVpcEndpointsOutput{VpcEndpoints: endpoints, NextToken: next}, err
}

func showEndpoint(s *vpc.State, p *vpc.VPCEndpoint) ec2.VpcEndpoint {
	shown := ec2.VpcEndpoint{
		VpcEndpointId: new(p.ID), VpcEndpointType: p.Type, VpcId: new(p.VPC), OwnerId: new(p.Account), ServiceName: new(p.Service),
		ServiceRegion: new(p.Region), State: "available", PolicyDocument: new(p.Policy), PrivateDnsEnabled: new(p.PrivateDNS),
		RequesterManaged: new(false), IpAddressType: "ipv4", DnsOptions: &ec2.DnsOptions{DnsRecordIpType: p.RecordType, PrivateDnsSpecifiedDomains: []string{}},
		CreationTimestamp: new(p.Created), Groups: []ec2.SecurityGroupIdentifier{}, RouteTableIds: []string{}, SubnetIds: []string{},
		NetworkInterfaceIds: []string{}, DnsEntries: []ec2.DnsEntry{}, PayerResponsibilities: []ec2.PayerResponsibilityEntry{}, Tags: tagSet(p.Tags),
	}
	for t := range s.RouteTables.By("target", p.ID) {
		shown.RouteTableIds = append(shown.RouteTableIds, t.ID)
	}
	shown.RouteTableIds = slices.Compact(shown.RouteTableIds)
	if p.Type == "Interface" {
		showEndpointInterfaces(s, p, &shown)
	}
	return shown
}

func showEndpointInterfaces(s *vpc.State, p *vpc.VPCEndpoint, shown *ec2.VpcEndpoint) {
	for _, g := range groupSet(s, liveGroups(s, p)) {
		shown.Groups = append(shown.Groups, ec2.SecurityGroupIdentifier(g))
	}
	var zones []string
	for i := range s.Interfaces.By("owner", p.ID) {
		shown.NetworkInterfaceIds = append(shown.NetworkInterfaceIds, i.ID)
		shown.SubnetIds = append(shown.SubnetIds, i.Subnet)
		if subnet := s.Subnets.Get(i.Subnet); subnet != nil {
			zones = append(zones, subnet.Zone)
		}
	}
	service := endpointService{p.Region, strings.TrimPrefix(p.Service, "com.amazonaws."+p.Region+"."), p.Type}
	if service.short == "s3" {
		shown.DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint = new(p.InboundOnly)
	}
	zoneID := strings.ToUpper(stableID("Z", p.Region, service.short)[2:14])
	name := p.ID + "-" + stableID("dns", p.Region, p.ID)[5:13]
	base := "." + service.short + "." + p.Region + ".vpce.amazonaws.com"
	names := []string{name + base}
	for _, zone := range slices.Sorted(slices.Values(zones)) {
		names = append(names, name+"-"+zone+base)
	}
	for _, n := range names {
		shown.DnsEntries = append(shown.DnsEntries, ec2.DnsEntry{DnsName: new(n), HostedZoneId: new("Z" + zoneID)})
	}
	if p.PrivateDNS {
		shown.DnsEntries = append(shown.DnsEntries, ec2.DnsEntry{DnsName: new(service.domain()), HostedZoneId: new("Z" + strings.ToUpper(stableID("Z", p.Region, p.ID)[2:14]))})
	}
}

// AWS writes the states with a small letter in answers and takes both in filters.
var endpointListing = listing[ec2.VpcEndpoint]{
	filters: filters[ec2.VpcEndpoint]{
		"ip-address-type":    func(p *ec2.VpcEndpoint) []string { return of(p.IpAddressType) },
		"service-name":       func(p *ec2.VpcEndpoint) []string { return of(p.ServiceName) },
		"service-region":     func(p *ec2.VpcEndpoint) []string { return of(p.ServiceRegion) },
		"vpc-endpoint-id":    func(p *ec2.VpcEndpoint) []string { return of(p.VpcEndpointId) },
		"vpc-endpoint-state": func(p *ec2.VpcEndpoint) []string { return []string{p.State, "Available"} },
		"vpc-endpoint-type":  func(p *ec2.VpcEndpoint) []string { return of(p.VpcEndpointType) },
		"vpc-id":             func(p *ec2.VpcEndpoint) []string { return of(p.VpcId) },
	}.tagged(func(p *ec2.VpcEndpoint) []ec2.Tag { return p.Tags }),
	paging: paging{low: 5, high: 1000},
	key:    func(p *ec2.VpcEndpoint) string { return *p.VpcEndpointId },
}
