package lab

import (
	"fmt"
	"net/netip"
	"net/url"

	"crenel/ec2"
)

// A routeTable is a subnet's own one.
type routeTable struct{ id string }

// A natGateway has an Elastic IP of its own.
type natGateway struct{ id, allocation string }

// nat makes a public NAT gateway in the subnet.
func (p *play) nat(name, subnetName string) error {
	subnet, err := known(p.subnets, "subnet", subnetName)
	if err != nil {
		return err
	}
	var address ec2.AllocateAddressOutput
	if err := p.on.call("AllocateAddress", url.Values{}, &address); err != nil {
		return err
	}
	var made ec2.CreateNatGatewayOutput
	if err := p.on.call("CreateNatGateway", url.Values{"SubnetId": {subnet}, "AllocationId": {*address.AllocationId}}, &made); err != nil {
		return err
	}
	p.nats[name] = natGateway{*made.NatGateway.NatGatewayId, *address.AllocationId}
	return nil
}

func (p *play) unnat(name string) error {
	g := p.nats[name]
	delete(p.nats, name)
	if err := p.on.call("DeleteNatGateway", url.Values{"NatGatewayId": {g.id}}, &ec2.DeleteNatGatewayOutput{}); err != nil {
		return err
	}
	return p.on.call("ReleaseAddress", url.Values{"AllocationId": {g.allocation}}, &ec2.ReleaseAddressOutput{})
}

func (p *play) egressOnly(name, vpcName string) error {
	id, err := known(p.vpcs, "VPC", vpcName)
	if err != nil {
		return err
	}
	var made ec2.CreateEgressOnlyInternetGatewayOutput
	if err := p.on.call("CreateEgressOnlyInternetGateway", url.Values{"VpcId": {id}}, &made); err != nil {
		return err
	}
	p.egresses[name] = *made.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId
	return nil
}

// peer makes the two VPCs peers.
func (p *play) peer(name, requester, accepter string) error {
	from, err := known(p.vpcs, "VPC", requester)
	if err != nil {
		return err
	}
	to, err := known(p.vpcs, "VPC", accepter)
	if err != nil {
		return err
	}
	var made ec2.CreateVpcPeeringConnectionOutput
	if err := p.on.call("CreateVpcPeeringConnection", url.Values{"VpcId": {from}, "PeerVpcId": {to}}, &made); err != nil {
		return err
	}
	p.peerings[name] = *made.VpcPeeringConnection.VpcPeeringConnectionId
	return p.on.call("AcceptVpcPeeringConnection", url.Values{"VpcPeeringConnectionId": {p.peerings[name]}}, &ec2.AcceptVpcPeeringConnectionOutput{})
}

// table gives the subnet a route table of its own.
func (p *play) table(name, subnetName string) error {
	subnet, err := known(p.subnets, "subnet", subnetName)
	if err != nil {
		return err
	}
	var found ec2.DescribeSubnetsOutput
	if err := p.on.call("DescribeSubnets", url.Values{"SubnetId.1": {subnet}}, &found); err != nil {
		return err
	}
	vpc := *found.Subnets[0].VpcId
	var made ec2.CreateRouteTableOutput
	if err := p.on.call("CreateRouteTable", url.Values{"VpcId": {vpc}}, &made); err != nil {
		return err
	}
	p.tables[name] = routeTable{*made.RouteTable.RouteTableId}
	return p.on.call("AssociateRouteTable", url.Values{"RouteTableId": {p.tables[name].id}, "SubnetId": {subnet}}, &ec2.AssociateRouteTableOutput{})
}

// route leads the range to the target that has the name.
func (p *play) route(table, cidr, target string) error {
	form, err := p.destination(table, cidr)
	if err != nil {
		return err
	}
	switch {
	case p.nats[target].id != "":
		form.Set("NatGatewayId", p.nats[target].id)
	case p.egresses[target] != "":
		form.Set("EgressOnlyInternetGatewayId", p.egresses[target])
	case p.peerings[target] != "":
		form.Set("VpcPeeringConnectionId", p.peerings[target])
	case p.instances[target] != "":
		form.Set("InstanceId", p.instances[target])
	case p.gateways[p.vpcs[target]] != "":
		form.Set("GatewayId", p.gateways[p.vpcs[target]])
	default:
		return fmt.Errorf("no target %q", target)
	}
	return p.on.call("CreateRoute", form, &ec2.CreateRouteOutput{})
}

func (p *play) unroute(table, cidr string) error {
	form, err := p.destination(table, cidr)
	if err != nil {
		return err
	}
	return p.on.call("DeleteRoute", form, &ec2.DeleteRouteOutput{})
}

// destination names the route table and the range.
func (p *play) destination(table, cidr string) (url.Values, error) {
	t, ok := p.tables[table]
	if !ok {
		return nil, fmt.Errorf("no route table %q", table)
	}
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil, err
	}
	block := "DestinationCidrBlock"
	if prefix.Addr().Is6() {
		block = "DestinationIpv6CidrBlock"
	}
	return url.Values{"RouteTableId": {t.id}, block: {cidr}}, nil
}
