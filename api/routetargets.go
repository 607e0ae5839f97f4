package api

import (
	"slices"
	"strings"

	"crenel/vpc"
)

// A targetKind is one kind of what a route leads to: the parameter that names it, and how it is found.
type targetKind struct {
	field string
	find  func(s *vpc.State, t *vpc.RouteTable, id string) (target string, err error)
}

// parameter is the field as AWS's messages call it.
func (k targetKind) parameter() string { return strings.ToLower(k.field[:1]) + k.field[1:] }

// targetKinds are all that AWS has. Of some there are none here.
var targetKinds = []targetKind{
	{"GatewayId", localTarget},
	{"NatGatewayId", natGatewayTarget},
	{"NetworkInterfaceId", interfaceTarget},
	{"VpcPeeringConnectionId", peeringTarget},
	{"EgressOnlyInternetGatewayId", egressOnlyTarget},
	{"TransitGatewayId", noTarget("InvalidTransitGatewayID.NotFound", "transitGateway ID")},
	{"LocalGatewayId", noTarget("InvalidLocalGatewayID.NotFound", "localGateway ID")},
	{"VpcEndpointId", noTarget("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id")},
	{"CarrierGatewayId", noTarget("InvalidCarrierGatewayID.NotFound", "carrierGateway ID")},
	{"CoreNetworkArn", noTarget("InvalidCoreNetworkArn.NotFound", "core network ARN")},
	{"OdbNetworkArn", noTarget("InvalidOdbNetworkArn.NotFound", "ODB network ARN")},
	{"InstanceId", instanceTarget},
}

// targetOf is the one target that a request names.
func targetOf(in any) (kind targetKind, id string, err error) {
	var found []targetKind
	for _, k := range targetKinds {
		if given, _ := field(in, k.field).(*string); value(given) != "" {
			found, id = append(found, k), *given
		}
	}
	if local, _ := field(in, "LocalTarget").(*bool); value(local) {
		found, id = append(found, targetKind{"LocalTarget", localTarget}), "local"
	}
	if len(found) == 1 {
		return found[0], id, nil
	}
	var names []string
	for _, k := range targetKinds {
		names = append(names, k.parameter())
	}
	last := len(names) - 1
	code := "MissingParameter"
	if len(found) > 1 {
		code = "InvalidParameterCombination"
	}
	return kind, "", vpc.Errorf(code, "The request must contain exactly one of %s or %s", strings.Join(names[:last], ", "), names[last])
}

// badGateway refuses what is no gateway's id.
func badGateway(id string) error {
	return vpc.Errorf("InvalidParameterValue", "invalid value for parameter gateway-id: %s", id)
}

// localTarget is the way inside the VPC, or a gateway.
func localTarget(s *vpc.State, t *vpc.RouteTable, id string) (string, error) {
	if id == "local" {
		return id, nil
	}
	return gatewayTarget(s, t, id)
}

// gatewayTarget finds an internet gateway of the table's VPC. Of virtual private gateways there are none.
func gatewayTarget(s *vpc.State, t *vpc.RouteTable, id string) (string, error) {
	switch kindOf(id) {
	case "igw":
		if err := internetGatewayIDs.check(id); err != nil {
			return "", err
		}
	case "vgw":
	default:
		return "", badGateway(id)
	}
	g := internetGatewayIDs.get(s, id)
	if g == nil {
		return "", vpc.Errorf("InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", id)
	}
	if g.VPC != t.VPC {
		return "", otherNetwork(t, "network gateway", g.ID)
	}
	return g.ID, nil
}

func natGatewayTarget(s *vpc.State, t *vpc.RouteTable, id string) (string, error) {
	if err := natGatewayIDs.check(id); err != nil {
		return "", err
	}
	g := natGatewayIDs.get(s, id)
	if g == nil || g.State != "available" {
		return "", vpc.Errorf("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", id)
	}
	if g.VPC != t.VPC {
		return "", otherNetwork(t, "NAT gateway", g.ID)
	}
	return g.ID, nil
}

func egressOnlyTarget(s *vpc.State, t *vpc.RouteTable, id string) (string, error) {
	g, err := egressOnlyIDs.find(s, id)
	if err != nil {
		return "", err
	}
	if g.VPC != t.VPC {
		return "", otherNetwork(t, "network gateway", g.ID)
	}
	return g.ID, nil
}

// peeringTarget finds a connection of the table's VPC. One that is not accepted yet is a blackhole until
// it is.
func peeringTarget(s *vpc.State, t *vpc.RouteTable, id string) (string, error) {
	p, err := peeringIDs.find(s, id)
	if err != nil {
		return "", err
	}
	if p.Status != "active" && p.Status != "pending-acceptance" {
		return "", peeringIDs.missing(id)
	}
	if p.Requester.VPC != t.VPC && p.Accepter.VPC != t.VPC {
		return "", otherNetwork(t, "peering connection", p.ID)
	}
	return p.ID, nil
}

func interfaceTarget(s *vpc.State, t *vpc.RouteTable, id string) (string, error) {
	i, err := interfaceIDs.find(s, id)
	if err != nil {
		return "", err
	}
	if i.VPC != t.VPC {
		return "", otherNetwork(t, "interface", i.ID)
	}
	return i.ID, nil
}

// instanceTarget finds the one interface of an instance.
func instanceTarget(s *vpc.State, t *vpc.RouteTable, id string) (string, error) {
	if _, err := instanceIDs.find(s, id); err != nil {
		return "", err
	}
	switch faces := slices.Collect(s.Interfaces.By("instance", id)); len(faces) {
	case 0:
		return "", vpc.Errorf("InvalidInstanceID", "There are no interfaces attached to instance '%s'.", id)
	case 1:
		return interfaceTarget(s, t, faces[0].ID)
	}
	return "", vpc.Errorf("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", id)
}

// noTarget is a kind of which nobody has any.
func noTarget(code, noun string) func(*vpc.State, *vpc.RouteTable, string) (string, error) {
	return func(_ *vpc.State, _ *vpc.RouteTable, id string) (string, error) {
		return "", vpc.Errorf(code, "The %s '%s' does not exist", noun, id)
	}
}
