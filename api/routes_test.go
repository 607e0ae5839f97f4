package api

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// A network is a VPC with what routes lead to, for tests.
type network struct {
	*world
	vpc, subnet, table, gateway, instance, face string
}

// newNetwork makes a VPC 10.0.0.0/16 with a subnet 10.0.1.0/24, a gateway, a running instance and a route
// table of its own.
func newNetwork(t *testing.T) *network {
	w := newWorld(t)
	n := &network{world: w}
	n.vpc, n.subnet, _ = w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	n.gateway = *do[ec2.CreateInternetGatewayOutput](w, "CreateInternetGateway", "").InternetGateway.InternetGatewayId
	do[ec2.AttachInternetGatewayOutput](w, "AttachInternetGateway", "InternetGatewayId="+n.gateway+"&VpcId="+n.vpc)
	i := w.run("SubnetId=" + n.subnet)
	n.instance, n.face = *i.InstanceId, *i.NetworkInterfaces[0].NetworkInterfaceId
	n.table = w.routeTable(n.vpc)
	return n
}

func (w *world) routeTable(vpcID string) string {
	w.Helper()
	return *do[ec2.CreateRouteTableOutput](w, "CreateRouteTable", "VpcId="+vpcID).RouteTable.RouteTableId
}

func (w *world) egressOnly(vpcID string) string {
	w.Helper()
	return *do[ec2.CreateEgressOnlyInternetGatewayOutput](w, "CreateEgressOnlyInternetGateway", "VpcId="+vpcID).EgressOnlyInternetGateway.EgressOnlyInternetGatewayId
}

// privateNAT makes a private NAT gateway.
func (w *world) privateNAT(subnet string) string {
	w.Helper()
	return *do[ec2.CreateNatGatewayOutput](w, "CreateNatGateway", "ConnectivityType=private&SubnetId="+subnet).NatGateway.NatGatewayId
}

// newPrefixList makes a list of as many entries as it may have.
func (w *world) newPrefixList(family string, cidrs ...string) string {
	w.Helper()
	form := fmt.Sprintf("PrefixListName=list&AddressFamily=%s&MaxEntries=%d", family, max(len(cidrs), 1))
	for n, cidr := range cidrs {
		form += fmt.Sprintf("&Entry.%d.Cidr=%s", n+1, cidr)
	}
	return *do[ec2.CreateManagedPrefixListOutput](w, "CreateManagedPrefixList", form).PrefixList.PrefixListId
}

// route adds a route to the network's table.
func (n *network) route(form string) {
	n.Helper()
	do[ec2.CreateRouteOutput](n.world, "CreateRoute", "RouteTableId="+n.table+"&"+form)
}

// routes are those of the table, one a line, without the local ones.
func (w *world) routes(table string) string {
	w.Helper()
	var lines []string
	for _, r := range do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "RouteTableId.1="+table).RouteTables[0].Routes {
		if value(r.GatewayId) != "local" {
			lines = append(lines, value(r.DestinationCidrBlock)+value(r.DestinationIpv6CidrBlock)+value(r.DestinationPrefixListId)+" "+
				value(r.GatewayId)+value(r.NatGatewayId)+value(r.NetworkInterfaceId)+value(r.VpcPeeringConnectionId)+value(r.EgressOnlyInternetGatewayId)+
				strings.TrimSuffix(" "+value(r.InstanceId), " ")+" "+r.Origin+" "+r.State)
		}
	}
	return strings.Join(lines, "\n")
}

func TestRoutesLeadToEveryKindOfTarget(t *testing.T) {
	n := newNetwork(t)
	nat, egress, list := n.privateNAT(n.subnet), n.egressOnly(n.vpc), n.newPrefixList("IPv4", "192.0.2.0/24")
	other := n.world.vpc("10.9.0.0/16")
	peering := n.peer(n.vpc, other)
	n.route("DestinationCidrBlock=0.0.0.0/0&GatewayId=" + n.gateway)
	n.route("DestinationIpv6CidrBlock=::/0&EgressOnlyInternetGatewayId=" + egress)
	n.route("DestinationCidrBlock=192.0.2.77/24&NatGatewayId=" + nat) // host bits are cleared
	n.route("DestinationIpv6CidrBlock=64:FF9B:0::/96&NatGatewayId=" + nat)
	n.route("DestinationCidrBlock=10.9.0.0/16&VpcPeeringConnectionId=" + peering)
	n.route("DestinationCidrBlock=198.51.100.0/24&InstanceId=" + n.instance)
	n.route("DestinationCidrBlock=10.0.1.0/24&NetworkInterfaceId=" + n.face) // a whole subnet, inside the VPC
	n.route("DestinationPrefixListId=" + list + "&GatewayId=" + n.gateway)
	n.route("DestinationCidrBlock=0.0.0.0/0&GatewayId=" + n.gateway) // once more: nothing changes
	want := strings.Join([]string{
		"0.0.0.0/0 " + n.gateway + " CreateRoute active",
		"::/0 " + egress + " CreateRoute active",
		"192.0.2.0/24 " + nat + " CreateRoute active",
		"64:ff9b::/96 " + nat + " CreateRoute active",
		"10.9.0.0/16 " + peering + " CreateRoute blackhole", // not accepted yet
		"198.51.100.0/24 " + n.face + " " + n.instance + " CreateRoute active",
		"10.0.1.0/24 " + n.face + " " + n.instance + " CreateRoute active",
		list + " " + n.gateway + " CreateRoute active",
	}, "\n")
	if got := n.routes(n.table); got != want {
		t.Errorf("routes:\n%s\nwant\n%s", got, want)
	}
	for filter, value := range map[string]string{"destination-cidr-block": "192.0.2.0/24", "destination-ipv6-cidr-block": "::/0", "destination-prefix-list-id": list,
		"egress-only-internet-gateway-id": egress, "gateway-id": n.gateway, "instance-id": n.instance, "nat-gateway-id": nat,
		"vpc-peering-connection-id": peering, "state": "blackhole"} {
		found := do[ec2.DescribeRouteTablesOutput](n.world, "DescribeRouteTables", "Filter.1.Name=route."+filter+"&Filter.1.Value.1="+value+"&Filter.2.Name=vpc-id&Filter.2.Value.1="+n.vpc).RouteTables
		if len(found) != 1 || *found[0].RouteTableId != n.table || len(found[0].Routes) != 9 {
			t.Errorf("route.%s=%s finds %+v", filter, value, found)
		}
	}
}

func TestARouteToWhatIsGoneIsABlackhole(t *testing.T) {
	n := newNetwork(t)
	nat, egress := n.privateNAT(n.subnet), n.egressOnly(n.vpc)
	peering := n.peer(n.vpc, n.world.vpc("10.9.0.0/16"))
	do[ec2.AcceptVpcPeeringConnectionOutput](n.world, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId="+peering)
	state := func() string {
		return do[ec2.DescribeRouteTablesOutput](n.world, "DescribeRouteTables", "RouteTableId.1="+n.table).RouteTables[0].Routes[1].State
	}
	for _, c := range []struct {
		sentence, route, action, form string
	}{
		{"a gateway is detached", "GatewayId=" + n.gateway, "DetachInternetGateway", "InternetGatewayId=" + n.gateway + "&VpcId=" + n.vpc},
		{"a NAT gateway is deleted", "NatGatewayId=" + nat, "DeleteNatGateway", "NatGatewayId=" + nat},
		{"a peering connection is deleted", "VpcPeeringConnectionId=" + peering, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId=" + peering},
		{"an egress-only gateway is deleted", "EgressOnlyInternetGatewayId=" + egress, "DeleteEgressOnlyInternetGateway", "EgressOnlyInternetGatewayId=" + egress},
		{"an instance is terminated", "NetworkInterfaceId=" + n.face, "TerminateInstances", "InstanceId.1=" + n.instance},
	} {
		destination := "DestinationCidrBlock=192.0.2.0/24"
		if strings.HasPrefix(c.route, "Egress") {
			destination = "DestinationIpv6CidrBlock=::/0"
		}
		n.route(destination + "&" + c.route)
		if got := state(); got != "active" {
			t.Errorf("before %s the route is %s", c.sentence, got)
		}
		if _, err := n.try(c.action, c.form); err != nil {
			t.Fatal(err)
		}
		if c.action == "TerminateInstances" {
			n.report(n.instance, HostStopped, 1, "")
		}
		if got := state(); got != "blackhole" {
			t.Errorf("where %s the route is %s", c.sentence, got)
		}
		do[ec2.DeleteRouteOutput](n.world, "DeleteRoute", "RouteTableId="+n.table+"&"+destination)
	}
}

func TestARouteToAnInstanceFollowsItsState(t *testing.T) {
	n := newNetwork(t)
	n.route("DestinationCidrBlock=192.0.2.0/24&InstanceId=" + n.instance)
	do[ec2.StopInstancesOutput](n.world, "StopInstances", "InstanceId.1="+n.instance)
	n.report(n.instance, HostStopped, 1, "")
	if got, want := n.routes(n.table), "192.0.2.0/24 "+n.face+" "+n.instance+" CreateRoute blackhole"; got != want {
		t.Errorf("stopped: %s, want %s", got, want)
	}
	do[ec2.StartInstancesOutput](n.world, "StartInstances", "InstanceId.1="+n.instance)
	if got, want := n.routes(n.table), "192.0.2.0/24 "+n.face+" "+n.instance+" CreateRoute active"; got != want {
		t.Errorf("started: %s, want %s", got, want)
	}
	n.edit(func(e *vpc.Edit) {
		i := *e.Interfaces.Get(n.face)
		i.Attachment = nil
		e.Interfaces.Put(&i)
	})
	if got, want := n.routes(n.table), "192.0.2.0/24 "+n.face+" CreateRoute blackhole"; got != want {
		t.Errorf("detached: %s, want %s", got, want)
	}
}

const targetNames = "gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, " +
	"vpcEndpointId, carrierGatewayId, coreNetworkArn, odbNetworkArn or instanceId"

func TestCreateRouteRefuses(t *testing.T) {
	n := newNetwork(t)
	far, farSubnet, _ := n.testVPC("10.9.0.0/16", "10.9.1.0/24")
	farGateway := *do[ec2.CreateInternetGatewayOutput](n.world, "CreateInternetGateway", "").InternetGateway.InternetGatewayId
	do[ec2.AttachInternetGatewayOutput](n.world, "AttachInternetGateway", "InternetGatewayId="+farGateway+"&VpcId="+far)
	detached := *do[ec2.CreateInternetGatewayOutput](n.world, "CreateInternetGateway", "").InternetGateway.InternetGatewayId
	farNAT, farEgress, egress := n.privateNAT(farSubnet), n.egressOnly(far), n.egressOnly(n.vpc)
	farFace := *n.run("SubnetId=" + farSubnet).NetworkInterfaces[0].NetworkInterfaceId
	nat, deletedNAT := n.privateNAT(n.subnet), n.privateNAT(n.subnet)
	do[ec2.DeleteNatGatewayOutput](n.world, "DeleteNatGateway", "NatGatewayId="+deletedNAT)
	third := n.world.vpc("10.8.0.0/16")
	farPeering, ended := n.peer(far, third), n.peer(n.vpc, third)
	do[ec2.DeleteVpcPeeringConnectionOutput](n.world, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId="+ended)
	many := *n.run("SubnetId=" + n.subnet).InstanceId
	n.edit(func(e *vpc.Edit) {
		e.Interfaces.Put(&vpc.Interface{ID: "eni-00000001", Scope: testScope, VPC: n.vpc, Subnet: n.subnet, PrivateIP: netip.MustParseAddr("10.0.1.99"),
			Attachment: &vpc.Attachment{ID: "eni-attach-00000001", Instance: many, DeviceIndex: 1}})
	})
	none := *n.run("SubnetId=" + n.subnet).InstanceId
	do[ec2.TerminateInstancesOutput](n.world, "TerminateInstances", "InstanceId.1="+none)
	n.report(none, HostStopped, 1, "")
	list6 := n.newPrefixList("IPv6", "2001:db8::/32")
	n.route("DestinationCidrBlock=192.0.2.0/24&GatewayId=" + n.gateway)
	const inside = "InvalidParameterValue: The destination CIDR block %s is equal to or more specific than one of this VPC's CIDR blocks. "
	different := func(noun, id string) string {
		return "InvalidParameterValue: route table " + n.table + " and " + noun + " " + id + " belong to different networks"
	}
	v4 := "DestinationCidrBlock=198.51.100.0/24&"
	for _, c := range []struct{ sentence, form, want string }{
		{"no target", "DestinationCidrBlock=0.0.0.0/0", "MissingParameter: The request must contain exactly one of " + targetNames},
		{"two targets", v4 + "GatewayId=" + n.gateway + "&InstanceId=" + n.instance, "InvalidParameterCombination: The request must contain exactly one of " + targetNames},
		{"no destination", "GatewayId=" + n.gateway, "MissingParameter: The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock"},
		{"two destinations", v4 + "DestinationIpv6CidrBlock=::/0&GatewayId=" + n.gateway, "InvalidParameterCombination: The parameter destinationCidrBlock cannot be used with the parameter destinationIpv6CidrBlock"},
		{"what is no range", "DestinationCidrBlock=all&GatewayId=" + n.gateway, "InvalidParameterValue: Value (all) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."},
		{"an address without a length", "DestinationCidrBlock=192.0.2.1&GatewayId=" + n.gateway, "InvalidParameterValue: Value (192.0.2.1) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."},
		{"an IPv6 range for IPv4", "DestinationCidrBlock=::/0&GatewayId=" + n.gateway, "InvalidParameterValue: Value (::/0) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."},
		{"an IPv4 range for IPv6", "DestinationIpv6CidrBlock=0.0.0.0/0&GatewayId=" + n.gateway, "InvalidParameterValue: Value (0.0.0.0/0) for parameter destinationIpv6CidrBlock is invalid. This is not a valid CIDR block."},
		{"an unknown prefix list", "DestinationPrefixListId=pl-00000000&GatewayId=" + n.gateway, "InvalidPrefixListID.NotFound: The prefix list ID 'pl-00000000' does not exist"},
		{"what is no prefix list", "DestinationPrefixListId=list&GatewayId=" + n.gateway, `InvalidPrefixListId.Malformed: Invalid id: "list" (expecting "pl-...")`},
		{"AWS's addresses", "DestinationCidrBlock=169.254.169.0/24&GatewayId=" + n.gateway, "InvalidParameterValue: The destination CIDR block 169.254.169.0/24 is reserved for AWS services."},
		{"AWS's IPv6 addresses", "DestinationIpv6CidrBlock=fd00:ec2::254/128&EgressOnlyInternetGatewayId=" + egress, "InvalidParameterValue: The destination CIDR block fd00:ec2::254/128 is reserved for AWS services."},
		{"an unknown gateway", v4 + "GatewayId=igw-00000000", "InvalidGatewayID.NotFound: The gateway ID 'igw-00000000' does not exist"},
		{"a virtual private gateway", v4 + "GatewayId=vgw-00000000", "InvalidGatewayID.NotFound: The gateway ID 'vgw-00000000' does not exist"},
		{"a malformed gateway", v4 + "GatewayId=igw-x", `InvalidInternetGatewayId.Malformed: Invalid id: "igw-x"`},
		{"a NAT gateway as gateway", v4 + "GatewayId=" + nat, "InvalidParameterValue: invalid value for parameter gateway-id: " + nat},
		{"the way inside the VPC", v4 + "GatewayId=local", "InvalidParameterValue: invalid value for parameter gateway-id: local"},
		{"a gateway of another VPC", v4 + "GatewayId=" + farGateway, different("network gateway", farGateway)},
		{"a gateway of no VPC", v4 + "GatewayId=" + detached, different("network gateway", detached)},
		{"an unknown NAT gateway", v4 + "NatGatewayId=nat-00000000", "InvalidNatGatewayID.NotFound: The natGateway ID 'nat-00000000' does not exist"},
		{"a deleted NAT gateway", v4 + "NatGatewayId=" + deletedNAT, "InvalidNatGatewayID.NotFound: The natGateway ID '" + deletedNAT + "' does not exist"},
		{"what is no NAT gateway", v4 + "NatGatewayId=" + n.gateway, `NatGatewayMalformed: Invalid id: "` + n.gateway + `" (expecting "nat-...")`},
		{"a NAT gateway of another VPC", v4 + "NatGatewayId=" + farNAT, different("NAT gateway", farNAT)},
		{"a NAT gateway for IPv6", "DestinationIpv6CidrBlock=::/0&NatGatewayId=" + nat, "InvalidParameterValue: The NAT gateway " + nat + " does not support the IPv6 destination ::/0. The only one is 64:ff9b::/96."},
		{"a NAT gateway for a list of IPv6", "DestinationPrefixListId=" + list6 + "&NatGatewayId=" + nat, "InvalidParameterValue: The NAT gateway " + nat + " does not support the IPv6 destination " + list6 + ". The only one is 64:ff9b::/96."},
		{"an egress-only gateway for IPv4", v4 + "EgressOnlyInternetGatewayId=" + egress, "InvalidParameterValue: The egress-only internet gateway " + egress + " supports IPv6 destinations only: 198.51.100.0/24"},
		{"an unknown egress-only gateway", v4 + "EgressOnlyInternetGatewayId=eigw-00000000", "InvalidEgressOnlyInternetGatewayId.NotFound: The egressOnlyInternetGateway ID 'eigw-00000000' does not exist"},
		{"an egress-only gateway of another VPC", "DestinationIpv6CidrBlock=::/0&EgressOnlyInternetGatewayId=" + farEgress, different("network gateway", farEgress)},
		{"an unknown interface", v4 + "NetworkInterfaceId=eni-00000000", "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-00000000' does not exist"},
		{"an interface of another VPC", v4 + "NetworkInterfaceId=" + farFace, different("interface", farFace)},
		{"an unknown instance", v4 + "InstanceId=i-00000000", "InvalidInstanceID.NotFound: The instance ID 'i-00000000' does not exist"},
		{"an instance with two interfaces", v4 + "InstanceId=" + many, "InvalidInstanceID: There are multiple interfaces attached to instance '" + many + "'. Please specify an interface ID for the operation instead."},
		{"an instance that ended", v4 + "InstanceId=" + none, "InvalidInstanceID: There are no interfaces attached to instance '" + none + "'."},
		{"an unknown peering", v4 + "VpcPeeringConnectionId=pcx-00000000", "InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID 'pcx-00000000' does not exist"},
		{"a peering that ended", v4 + "VpcPeeringConnectionId=" + ended, "InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID '" + ended + "' does not exist"},
		{"a peering of other VPCs", v4 + "VpcPeeringConnectionId=" + farPeering, different("peering connection", farPeering)},
		{"a transit gateway", v4 + "TransitGatewayId=tgw-00000000", "InvalidTransitGatewayID.NotFound: The transitGateway ID 'tgw-00000000' does not exist"},
		{"a local gateway", v4 + "LocalGatewayId=lgw-00000000", "InvalidLocalGatewayID.NotFound: The localGateway ID 'lgw-00000000' does not exist"},
		{"a carrier gateway", v4 + "CarrierGatewayId=cagw-00000000", "InvalidCarrierGatewayID.NotFound: The carrierGateway ID 'cagw-00000000' does not exist"},
		{"an endpoint", v4 + "VpcEndpointId=vpce-00000000", "InvalidVpcEndpointId.NotFound: The Vpc Endpoint Id 'vpce-00000000' does not exist"},
		{"an unknown table", "RouteTableId=rtb-00000000&" + v4 + "GatewayId=" + n.gateway, "InvalidRouteTableID.NotFound: The routeTable ID 'rtb-00000000' does not exist"},
		{"a part of the VPC to a gateway", "DestinationCidrBlock=10.0.1.0/24&GatewayId=" + n.gateway, fmt.Sprintf(inside, "10.0.1.0/24") + "This route can target only an interface or an instance."},
		{"the VPC to a gateway", "DestinationCidrBlock=10.0.0.0/16&GatewayId=" + n.gateway, fmt.Sprintf(inside, "10.0.0.0/16") + "This route can target only an interface or an instance."},
		{"a part of a subnet", "DestinationCidrBlock=10.0.1.0/25&InstanceId=" + n.instance, fmt.Sprintf(inside, "10.0.1.0/25") + "It must match the CIDR block of a subnet in the VPC."},
		{"more than a subnet", "DestinationCidrBlock=10.0.0.0/20&InstanceId=" + n.instance, fmt.Sprintf(inside, "10.0.0.0/20") + "It must match the CIDR block of a subnet in the VPC."},
		{"the VPC to an instance", "DestinationCidrBlock=10.0.0.0/16&InstanceId=" + n.instance, "RouteAlreadyExists: The route identified by 10.0.0.0/16 already exists."},
		{"a destination that there is", "DestinationCidrBlock=192.0.2.9/24&InstanceId=" + n.instance, "RouteAlreadyExists: The route identified by 192.0.2.0/24 already exists."},
		{"what would have succeeded", v4 + "GatewayId=" + n.gateway + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			n.T = t
			form := c.form
			if !strings.Contains(form, "RouteTableId") {
				form += "&RouteTableId=" + n.table
			}
			n.refuse("CreateRoute", form, c.want)
		})
	}
	n.T = t
	n.as(vpc.Scope{Account: "444455556666", Region: "us-east-1"}).refuse("CreateRoute", v4+"GatewayId="+n.gateway+"&RouteTableId="+n.table,
		"InvalidRouteTableID.NotFound: The routeTable ID '"+n.table+"' does not exist")
	if got, want := n.routes(n.table), "192.0.2.0/24 "+n.gateway+" CreateRoute active"; got != want {
		t.Errorf("left are %s", got)
	}
}

func TestReplaceAndDeleteRoutes(t *testing.T) {
	n := newNetwork(t)
	in := func(form string) string { return "RouteTableId=" + n.table + "&" + form }
	n.route("DestinationCidrBlock=0.0.0.0/0&GatewayId=" + n.gateway)
	do[ec2.ReplaceRouteOutput](n.world, "ReplaceRoute", in("DestinationCidrBlock=0.0.0.0/0&InstanceId="+n.instance))
	if got, want := n.routes(n.table), "0.0.0.0/0 "+n.face+" "+n.instance+" CreateRoute active"; got != want {
		t.Errorf("replaced: %s, want %s", got, want)
	}
	list := n.newPrefixList("IPv4", "192.0.2.0/24")
	service := vpc.ServiceListID("us-east-1", "s3")
	n.edit(func(e *vpc.Edit) { // as a gateway endpoint does
		changeRouteTable(e, n.table, func(t *vpc.RouteTable) {
			t.Routes = append(t.Routes, vpc.Route{PrefixList: service, Target: "vpce-00000001"})
		})
	})
	// The routes of the VPC itself stay, and keep their target.
	do[ec2.ReplaceRouteOutput](n.world, "ReplaceRoute", in("DestinationCidrBlock=10.0.0.0/16&LocalTarget=true"))
	do[ec2.ReplaceRouteOutput](n.world, "ReplaceRoute", in("DestinationCidrBlock=10.0.0.0/16&GatewayId=local"))
	for _, c := range []struct{ action, form, want string }{
		{"ReplaceRoute", "DestinationCidrBlock=192.0.2.0/24&GatewayId=" + n.gateway, "InvalidParameterValue: There is no route defined for '192.0.2.0/24' in the route table. Use CreateRoute instead."},
		{"ReplaceRoute", "DestinationCidrBlock=0.0.0.0/0&GatewayId=igw-00000000", "InvalidGatewayID.NotFound: The gateway ID 'igw-00000000' does not exist"},
		{"ReplaceRoute", "DestinationCidrBlock=0.0.0.0/0&LocalTarget=true", "InvalidParameterValue: The route 0.0.0.0/0 is not a local route. Only a local route can have the target local."},
		{"ReplaceRoute", "DestinationCidrBlock=0.0.0.0/0&LocalTarget=true&InstanceId=" + n.instance, "InvalidParameterCombination: The request must contain exactly one of " + targetNames},
		{"ReplaceRoute", "DestinationCidrBlock=10.0.0.0/16&InstanceId=" + n.instance, "UnsupportedOperation: The target of the local route 10.0.0.0/16 cannot be replaced."},
		{"ReplaceRoute", "DestinationPrefixListId=" + service + "&GatewayId=" + n.gateway, "InvalidParameterValue: cannot remove VPC endpoint route " + service + " in route table " + n.table},
		{"DeleteRoute", "DestinationPrefixListId=" + service, "InvalidParameterValue: cannot remove VPC endpoint route " + service + " in route table " + n.table},
		{"DeleteRoute", "DestinationCidrBlock=10.0.0.0/16", "InvalidParameterValue: cannot remove local route 10.0.0.0/16 in route table " + n.table},
		{"DeleteRoute", "DestinationCidrBlock=192.0.2.0/24", "InvalidRoute.NotFound: no route with destination-cidr-block 192.0.2.0/24 in route table " + n.table},
		{"DeleteRoute", "DestinationIpv6CidrBlock=::/0", "InvalidRoute.NotFound: no route with destination-ipv6-cidr-block ::/0 in route table " + n.table},
		{"DeleteRoute", "DestinationPrefixListId=" + list, "InvalidRoute.NotFound: no route with destination-prefix-list-id " + list + " in route table " + n.table},
		{"DeleteRoute", "", "MissingParameter: The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock"},
	} {
		n.refuse(c.action, in(c.form), c.want)
	}
	do[ec2.DeleteRouteOutput](n.world, "DeleteRoute", in("DestinationCidrBlock=0.0.0.0/0"))
	if got, want := n.routes(n.table), service+" vpce-00000001 CreateRoute active"; got != want {
		t.Errorf("left are %s, want %s", got, want)
	}
}

func TestARouteTableHasSoManyRoutes(t *testing.T) {
	n := newNetwork(t)
	n.limit(vpc.RoutesPerTable, 3)
	list := n.newPrefixList("IPv4", "192.0.2.0/24", "198.51.100.0/24")
	n.route("DestinationPrefixListId=" + list + "&GatewayId=" + n.gateway)
	n.route("DestinationCidrBlock=0.0.0.0/0&GatewayId=" + n.gateway)
	n.route("DestinationIpv6CidrBlock=::/0&GatewayId=" + n.gateway) // counted apart
	n.refuse("CreateRoute", "RouteTableId="+n.table+"&DestinationCidrBlock=8.0.0.0/8&GatewayId="+n.gateway, "RouteLimitExceeded: The maximum number of routes has been reached.")
	do[ec2.ModifyManagedPrefixListOutput](n.world, "ModifyManagedPrefixList", "PrefixListId="+list+"&MaxEntries=3")
	got := do[ec2.DescribeManagedPrefixListsOutput](n.world, "DescribeManagedPrefixLists", "PrefixListId.1="+list).PrefixLists[0]
	if want := "The following VPC Route Table resources do not have sufficient capacity [" + n.table + "]."; got.State != "modify-failed" || *got.StateMessage != want || *got.MaxEntries != 2 {
		t.Errorf("a list that outgrows the table is %+v", got)
	}
}

// limit sets a quota.
func (w *world) limit(l vpc.Limit, n int) {
	w.edit(func(e *vpc.Edit) { e.Quotas.Put(&vpc.Quota{Scope: w.scope, Name: l.Name, Value: n}) })
}
