package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// natGatewayOperations keep NAT gateways with their addresses and interfaces.
var natGatewayOperations = []Operation{
	write(createNatGateway),
	write(deleteNatGateway),
	read(describeNatGateways),
}

// maxNATAddresses is how many private addresses a NAT gateway has at most.
const maxNATAddresses = 8

// createNatGateway answers pending, as AWS does; the gateway is available at once, or failed where only
// trying could tell.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html
func createNatGateway(e *vpc.Edit, in *ec2.CreateNatGatewayInput) (*ec2.CreateNatGatewayOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	g, err := madeBefore(e.State, e.NATGateways, token, func(g *vpc.NATGateway) vpc.Token { return g.Token })
	if err != nil {
		return nil, err
	}
	if g == nil {
		if g, err = newNATGateway(e, in); err != nil {
			return nil, err
		}
		g.Token = token
		e.NATGateways.Put(g)
	}
	shown := showNATGateway(g)
	if g.State != "deleted" {
		shown.State, shown.FailureCode, shown.FailureMessage, shown.DeleteTime = "pending", nil, nil, nil
	}
	return &ec2.CreateNatGatewayOutput{NatGateway: &shown, ClientToken: optional(token.Value)}, nil
}

// newNATGateway makes what the request asks for, with its interface. The caller Puts the gateway.
func newNATGateway(e *vpc.Edit, in *ec2.CreateNatGatewayInput) (*vpc.NATGateway, error) {
	if err := checkNATGateway(in); err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "natgateway")
	if err != nil {
		return nil, err
	}
	subnet, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	var public []*vpc.ElasticIP
	if in.ConnectivityType != "private" {
		for _, id := range append([]string{*in.AllocationId}, in.SecondaryAllocationIds...) {
			a, err := elasticIPIDs.find(e.State, id)
			if err != nil {
				return nil, err
			}
			public = append(public, a)
		}
	}
	if natGatewaysInZone(e.State, subnet.Zone) >= e.Limit(vpc.NATGatewaysPerZone) {
		return nil, vpc.Errorf("NatGatewayLimitExceeded", "The maximum number of NAT Gateways has been reached.")
	}
	g := &vpc.NATGateway{ID: e.NewID("nat"), Scope: e.Scope, VPC: subnet.VPC, Subnet: subnet.ID, Public: len(public) > 0,
		State: "available", Created: e.Now, Tags: tags["natgateway"]}
	private, err := natAddresses(e.State, subnet, in)
	if err != nil {
		return nil, err
	}
	for n, a := range private {
		g.Addresses = append(g.Addresses, vpc.NATAddress{Private: a})
		if n < len(public) {
			g.Addresses[n].Public, g.Addresses[n].Allocation = public[n].Addr, public[n].ID
		}
	}
	if g.Failure, g.FailureText = natTrouble(e.State, g, public); g.Failure != "" {
		g.State, g.Deleted = "failed", e.Now
		return g, nil
	}
	face := &vpc.Interface{ID: e.NewID("eni"), Scope: e.Scope, Num: e.NewNum(), MAC: newMAC(e), VPC: subnet.VPC, Subnet: subnet.ID,
		Description: "Interface for NAT Gateway " + g.ID, PrivateIP: private[0], Secondary: private[1:], Type: "nat_gateway", Owner: g.ID}
	e.Interfaces.Put(face)
	g.Interface = face.ID
	for n, a := range public {
		taken := *a
		taken.Association, taken.Interface, taken.Private = e.NewID("eipassoc"), face.ID, private[n]
		g.Addresses[n].AssociationID = taken.Association
		e.ElasticIPs.Put(&taken)
	}
	return g, nil
}

// checkNATGateway refuses parameters that do not go together.
func checkNATGateway(in *ec2.CreateNatGatewayInput) error {
	if in.AvailabilityMode != "" && in.AvailabilityMode != "zonal" {
		return unsupported("AvailabilityMode")
	}
	if err := refuse(given{"AvailabilityZoneAddress", len(in.AvailabilityZoneAddresses) > 0}, given{"VpcId", value(in.VpcId) != ""}); err != nil {
		return err
	}
	if value(in.SubnetId) == "" {
		return missing("subnetId")
	}
	if in.SecondaryPrivateIpAddressCount != nil && len(in.SecondaryPrivateIpAddresses) > 0 {
		return notTogether("SecondaryPrivateIpAddresses", "SecondaryPrivateIpAddressCount")
	}
	switch in.ConnectivityType {
	case "", "public":
		if value(in.AllocationId) == "" {
			return vpc.Errorf("MissingParameter", "The request must include the AllocationId parameter. Add the required parameter and retry the request.")
		}
		if in.SecondaryPrivateIpAddressCount != nil {
			return vpc.Errorf("InvalidParameterCombination", "The parameter SecondaryPrivateIpAddressCount cannot be used with a public NAT gateway.")
		}
		if n := len(in.SecondaryPrivateIpAddresses); n > 0 && n != len(in.SecondaryAllocationIds) {
			return vpc.Errorf("InvalidParameterCombination", "The number of SecondaryPrivateIpAddresses must be that of SecondaryAllocationIds.")
		}
	case "private":
		if value(in.AllocationId) != "" || len(in.SecondaryAllocationIds) > 0 {
			return vpc.Errorf("InvalidParameterCombination", "The parameter AllocationId cannot be used with a private NAT gateway.")
		}
	default:
		return vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for ConnectivityType.", in.ConnectivityType)
	}
	secondary := max(len(in.SecondaryAllocationIds), len(in.SecondaryPrivateIpAddresses), int(value(in.SecondaryPrivateIpAddressCount)))
	if secondary >= maxNATAddresses || value(in.SecondaryPrivateIpAddressCount) < 0 {
		return vpc.Errorf("InvalidParameterValue", "A NAT gateway can have up to %d private IP addresses.", maxNATAddresses)
	}
	return nil
}

// natAddresses are the private addresses of a new gateway: those that the request names, then free ones.
func natAddresses(s *vpc.State, subnet *vpc.Subnet, in *ec2.CreateNatGatewayInput) (all []netip.Addr, err error) {
	named := append([]string{value(in.PrivateIpAddress)}, in.SecondaryPrivateIpAddresses...)
	for _, text := range named {
		var a netip.Addr
		if text != "" {
			if a, err = freePrivate(s, subnet, text, nil); err != nil {
				return nil, err
			}
			if slices.Contains(all, a) {
				return nil, vpc.Errorf("InvalidParameterValue", "Address %s is given more than once.", a)
			}
		}
		all = append(all, a) // zero: any
	}
	if len(named) == 1 {
		more := max(len(in.SecondaryAllocationIds), int(value(in.SecondaryPrivateIpAddressCount)))
		all = append(all, make([]netip.Addr, more)...)
	}
	var last netip.Addr
	for n := range all {
		for !all[n].IsValid() {
			a, ok := s.FreeAfter(subnet, last)
			if !ok {
				return nil, tooFewAddresses()
			}
			if last = a; !slices.Contains(all, a) {
				all[n] = a
			}
		}
	}
	return all, nil
}

// natTrouble is what AWS finds only when it makes the gateway, with its code.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
func natTrouble(s *vpc.State, g *vpc.NATGateway, public []*vpc.ElasticIP) (code, text string) {
	if g.Public && s.InternetGateways.First("vpc", g.VPC) == nil {
		return "Gateway.NotAttached", "Network " + g.VPC + " has no Internet gateway attached"
	}
	seen := map[string]bool{}
	for _, a := range public {
		if a.Association != "" || seen[a.ID] {
			return "Resource.AlreadyAssociated", "Elastic IP address " + a.ID + " is already associated"
		}
		seen[a.ID] = true
	}
	return "", ""
}

func natGatewaysInZone(s *vpc.State, zone string) (n int) {
	for g := range s.NATGateways.By("scope", s.Key()) {
		if subnet := s.Subnets.Get(g.Subnet); g.State == "available" && subnet != nil && subnet.Zone == zone {
			n++
		}
	}
	return n
}

// deleteNatGateway frees the gateway's addresses and deletes its interface. The gateway itself stays to
// be seen for a while: see Forget. Its routes become blackholes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html
func deleteNatGateway(e *vpc.Edit, in *ec2.DeleteNatGatewayInput) (*ec2.DeleteNatGatewayOutput, error) {
	old, err := natGatewayIDs.find(e.State, *in.NatGatewayId)
	if err != nil {
		return nil, err
	}
	out := &ec2.DeleteNatGatewayOutput{NatGatewayId: new(old.ID)}
	if old.State == "deleted" {
		return out, nil
	}
	if old.State == "available" { // one that failed has none
		for _, a := range slices.Collect(e.ElasticIPs.By("interface", old.Interface)) {
			free := *a
			free.Association, free.Interface, free.Private = "", "", netip.Addr{}
			e.ElasticIPs.Put(&free)
		}
		e.Interfaces.Delete(old.Interface)
	}
	g := *old
	g.State, g.Deleted = "deleted", e.Now
	e.NATGateways.Put(&g)
	return out, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html
func describeNatGateways(s *vpc.State, in *ec2.DescribeNatGatewaysInput) (*ec2.DescribeNatGatewaysOutput, error) {
	gateways, next, err := describe(s, in, natGatewayIDs, in.NatGatewayIds, natGatewayListing, showNATGateway)
	return &ec2.DescribeNatGatewaysOutput{NatGateways: gateways, NextToken: next}, err
}

func showNATGateway(g *vpc.NATGateway) ec2.NatGateway {
	shown := ec2.NatGateway{NatGatewayId: new(g.ID), VpcId: new(g.VPC), SubnetId: new(g.Subnet), State: g.State, CreateTime: new(g.Created),
		ConnectivityType: "private", AvailabilityMode: "zonal", FailureCode: optional(g.Failure), FailureMessage: optional(g.FailureText),
		Tags: tagSet(g.Tags), NatGatewayAddresses: []ec2.NatGatewayAddress{}}
	if g.Public {
		shown.ConnectivityType = "public"
	}
	if !g.Deleted.IsZero() {
		shown.DeleteTime = new(g.Deleted)
	}
	status := "succeeded"
	if g.Failure != "" {
		status = "failed"
	}
	for n, a := range g.Addresses {
		one := ec2.NatGatewayAddress{PrivateIp: new(a.Private.String()), NetworkInterfaceId: optional(g.Interface), AllocationId: optional(a.Allocation),
			AssociationId: optional(a.AssociationID), IsPrimary: new(n == 0), Status: status}
		if a.Public.IsValid() {
			one.PublicIp = new(a.Public.String())
		}
		shown.NatGatewayAddresses = append(shown.NatGatewayAddresses, one)
	}
	return shown
}

var natGatewayListing = listing[ec2.NatGateway]{
	filters[ec2.NatGateway]{
		"nat-gateway-id": func(g *ec2.NatGateway) []string { return of(g.NatGatewayId) },
		"state":          func(g *ec2.NatGateway) []string { return of(g.State) },
		"subnet-id":      func(g *ec2.NatGateway) []string { return of(g.SubnetId) },
		"vpc-id":         func(g *ec2.NatGateway) []string { return of(g.VpcId) },
	}.tagged(func(g *ec2.NatGateway) []ec2.Tag { return g.Tags }),
	paging{5, 1000, "NatGatewayIds", false},
	func(g *ec2.NatGateway) string { return *g.NatGatewayId },
}
