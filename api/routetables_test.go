package api

import (
	"fmt"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

func TestCreateAndDeleteRouteTables(t *testing.T) {
	n := newNetwork(t)
	n.edit(func(e *vpc.Edit) {
		v := *e.VPCs.Get(n.vpc)
		v.Secondary, v.IPv6 = []vpc.Block{{AssociationID: "a", CIDR: mustPrefix("100.64.0.0/16")}}, []vpc.Block{{AssociationID: "b", CIDR: mustPrefix("2001:db8::/56")}}
		e.VPCs.Put(&v)
	})
	form := "ClientToken=t&VpcId=" + n.vpc + "&TagSpecification.1.ResourceType=route-table&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"
	out := do[ec2.CreateRouteTableOutput](n.world, "CreateRouteTable", form)
	again := do[ec2.CreateRouteTableOutput](n.world, "CreateRouteTable", form)
	table := out.RouteTable
	if *again.RouteTable.RouteTableId != *table.RouteTableId || *out.ClientToken != "t" || *table.Tags[0].Value != "x" || *table.OwnerId != testScope.Account ||
		table.Associations == nil || table.PropagatingVgws == nil {
		t.Errorf("answered %+v, then %+v", out, again)
	}
	var local []string
	for _, r := range table.Routes {
		local = append(local, value(r.DestinationCidrBlock)+value(r.DestinationIpv6CidrBlock)+" "+*r.GatewayId+" "+r.Origin+" "+r.State)
	}
	if got, want := strings.Join(local, "\n"), "10.0.0.0/16 local CreateRouteTable active\n100.64.0.0/16 local CreateRouteTable active\n2001:db8::/56 local CreateRouteTable active"; got != want {
		t.Errorf("routes:\n%s\nwant\n%s", got, want)
	}
	main := n.mainTable(n.vpc)
	do[ec2.AssociateRouteTableOutput](n.world, "AssociateRouteTable", "SubnetId="+n.subnet+"&RouteTableId="+n.table)
	n.limit(vpc.RouteTablesPerVPC, 3)
	for _, c := range []struct{ action, form, want string }{
		{"CreateRouteTable", "ClientToken=t&VpcId=" + n.world.vpc("10.7.0.0/16"), "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."},
		{"CreateRouteTable", "VpcId=" + n.vpc, "RouteTableLimitExceeded: The maximum number of route tables has been reached."},
		{"CreateRouteTable", "VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"CreateRouteTable", "", "MissingParameter: The request must contain the parameter VpcId"},
		{"CreateRouteTable", "VpcId=" + n.vpc + "&TagSpecification.1.ResourceType=vpc", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"DeleteRouteTable", "RouteTableId=" + main, "DependencyViolation: The routeTable '" + main + "' has dependencies and cannot be deleted."},
		{"DeleteRouteTable", "RouteTableId=" + n.table, "DependencyViolation: The routeTable '" + n.table + "' has dependencies and cannot be deleted."},
		{"DeleteRouteTable", "RouteTableId=rtb-00000000", "InvalidRouteTableID.NotFound: The routeTable ID 'rtb-00000000' does not exist"},
		{"DeleteRouteTable", "RouteTableId=main", `InvalidRouteTableId.Malformed: Invalid id: "main" (expecting "rtb-...")`},
	} {
		n.refuse(c.action, c.form, c.want)
	}
	do[ec2.DeleteRouteTableOutput](n.world, "DeleteRouteTable", "RouteTableId="+*table.RouteTableId)
	n.refuse("DescribeRouteTables", "RouteTableId.1="+*table.RouteTableId, "InvalidRouteTableID.NotFound: The routeTable ID '"+*table.RouteTableId+"' does not exist")
}

// mainTable is the id of the VPC's main table.
func (w *world) mainTable(vpcID string) string {
	w.Helper()
	return *do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "Filter.1.Name=association.main&Filter.1.Value.1=true&Filter.2.Name=vpc-id&Filter.2.Value.1="+vpcID).RouteTables[0].RouteTableId
}

// tableAssociations are those of the table, one a line.
func (w *world) tableAssociations(table string) string {
	w.Helper()
	var lines []string
	for _, a := range do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "RouteTableId.1="+table).RouteTables[0].Associations {
		lines = append(lines, fmt.Sprint(*a.RouteTableAssociationId, " ", *a.Main, " ", value(a.SubnetId), value(a.GatewayId), " ", a.AssociationState.State))
	}
	return strings.Join(lines, "\n")
}

func TestRouteTableAssociations(t *testing.T) {
	n := newNetwork(t)
	main, second := n.mainTable(n.vpc), n.routeTable(n.vpc)
	far, farSubnet, _ := n.testVPC("10.9.0.0/16", "10.9.1.0/24")
	farTable := n.mainTable(far)
	out := do[ec2.AssociateRouteTableOutput](n.world, "AssociateRouteTable", "SubnetId="+n.subnet+"&RouteTableId="+n.table)
	if out.AssociationState.State != "associated" || n.tableAssociations(n.table) != *out.AssociationId+" false "+n.subnet+" associated" {
		t.Errorf("answered %+v, shows %s", out, n.tableAssociations(n.table))
	}
	edge := do[ec2.AssociateRouteTableOutput](n.world, "AssociateRouteTable", "GatewayId="+n.gateway+"&RouteTableId="+second)
	n.route("DestinationCidrBlock=0.0.0.0/0&GatewayId=" + n.gateway)
	mainAssociation := strings.Fields(n.tableAssociations(main))[0]
	conflict := "Resource.AlreadyAssociated: the specified association for route table %s conflicts with an existing association"
	onlyInside := "InvalidParameterValue: The route 0.0.0.0/0 in route table %s cannot be used with a gateway association. Its destination must be in the VPC's CIDR blocks and its target a network interface."
	for _, c := range []struct{ action, form, want string }{
		{"AssociateRouteTable", "SubnetId=" + n.subnet + "&RouteTableId=" + n.table, fmt.Sprintf(conflict, n.table)},
		{"AssociateRouteTable", "SubnetId=" + n.subnet + "&RouteTableId=" + second, fmt.Sprintf(conflict, second)},
		{"AssociateRouteTable", "GatewayId=" + n.gateway + "&RouteTableId=" + second, fmt.Sprintf(conflict, second)},
		{"AssociateRouteTable", "GatewayId=" + n.gateway + "&RouteTableId=" + n.table, fmt.Sprintf(onlyInside, n.table)},
		{"AssociateRouteTable", "GatewayId=local&RouteTableId=" + second, "InvalidParameterValue: invalid value for parameter gateway-id: local"},
		{"AssociateRouteTable", "RouteTableId=" + n.table, "MissingParameter: The request must contain exactly one of subnetId or gatewayId"},
		{"AssociateRouteTable", "SubnetId=" + n.subnet + "&GatewayId=" + n.gateway + "&RouteTableId=" + n.table, "InvalidParameterCombination: The request must contain exactly one of subnetId or gatewayId"},
		{"AssociateRouteTable", "PublicIpv4Pool=p&RouteTableId=" + n.table, "UnsupportedOperation: The parameter publicIpv4Pool is not supported."},
		{"AssociateRouteTable", "SubnetId=" + farSubnet + "&RouteTableId=" + n.table, "InvalidParameterValue: route table " + n.table + " and subnet " + farSubnet + " belong to different networks"},
		{"AssociateRouteTable", "SubnetId=subnet-00000000&RouteTableId=" + n.table, "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist"},
		{"AssociateRouteTable", "SubnetId=" + n.subnet + "&RouteTableId=rtb-00000000", "InvalidRouteTableID.NotFound: The routeTable ID 'rtb-00000000' does not exist"},
		{"CreateRoute", "RouteTableId=" + second + "&DestinationCidrBlock=0.0.0.0/0&GatewayId=" + n.gateway, fmt.Sprintf(onlyInside, second)},
		{"DisassociateRouteTable", "AssociationId=" + mainAssociation, "InvalidParameterValue: cannot disassociate the main route table association " + mainAssociation},
		{"DisassociateRouteTable", "AssociationId=rtbassoc-00000000", "InvalidAssociationID.NotFound: The association ID 'rtbassoc-00000000' does not exist"},
		{"ReplaceRouteTableAssociation", "AssociationId=rtbassoc-00000000&RouteTableId=" + n.table, "InvalidAssociationID.NotFound: The association ID 'rtbassoc-00000000' does not exist"},
		{"ReplaceRouteTableAssociation", "AssociationId=" + mainAssociation + "&RouteTableId=" + farTable, "InvalidParameterValue: route table " + farTable + " and network " + n.vpc + " belong to different networks"},
		{"ReplaceRouteTableAssociation", "AssociationId=" + *out.AssociationId + "&RouteTableId=" + farTable, "InvalidParameterValue: route table " + farTable + " and subnet " + n.subnet + " belong to different networks"},
		{"ReplaceRouteTableAssociation", "AssociationId=" + *edge.AssociationId + "&RouteTableId=" + n.table, fmt.Sprintf(onlyInside, n.table)},
		{"ReplaceRouteTableAssociation", "AssociationId=" + mainAssociation, "MissingParameter: The request must contain the parameter RouteTableId"},
	} {
		n.refuse(c.action, c.form, c.want)
	}
	n.as(vpc.Scope{Account: "444455556666", Region: "us-east-1"}).refuse("DisassociateRouteTable", "AssociationId="+*out.AssociationId,
		"InvalidAssociationID.NotFound: The association ID '"+*out.AssociationId+"' does not exist")

	// A table for what comes in by a gateway leads to interfaces.
	do[ec2.CreateRouteOutput](n.world, "CreateRoute", "RouteTableId="+second+"&DestinationCidrBlock=10.0.1.0/24&NetworkInterfaceId="+n.face)
	if got := do[ec2.DescribeRouteTablesOutput](n.world, "DescribeRouteTables", "Filter.1.Name=association.gateway-id&Filter.1.Value.1="+n.gateway).RouteTables; len(got) != 1 || *got[0].RouteTableId != second {
		t.Errorf("association.gateway-id finds %+v", got)
	}

	moved := do[ec2.ReplaceRouteTableAssociationOutput](n.world, "ReplaceRouteTableAssociation", "AssociationId="+*out.AssociationId+"&RouteTableId="+main)
	if *moved.NewAssociationId == *out.AssociationId || moved.AssociationState.State != "associated" || n.tableAssociations(n.table) != "" ||
		n.tableAssociations(main) != mainAssociation+" true  associated\n"+*moved.NewAssociationId+" false "+n.subnet+" associated" {
		t.Errorf("answered %+v, shows %s", moved, n.tableAssociations(main))
	}
	other := do[ec2.ReplaceRouteTableAssociationOutput](n.world, "ReplaceRouteTableAssociation", "AssociationId="+mainAssociation+"&RouteTableId="+n.table)
	if got := n.mainTable(n.vpc); got != n.table || n.tableAssociations(n.table) != *other.NewAssociationId+" true  associated" {
		t.Errorf("the main table is %s with %s", got, n.tableAssociations(n.table))
	}
	same := do[ec2.ReplaceRouteTableAssociationOutput](n.world, "ReplaceRouteTableAssociation", "AssociationId="+*moved.NewAssociationId+"&RouteTableId="+main)
	do[ec2.DisassociateRouteTableOutput](n.world, "DisassociateRouteTable", "AssociationId="+*same.NewAssociationId)
	do[ec2.DeleteRouteTableOutput](n.world, "DeleteRouteTable", "RouteTableId="+main) // nothing follows it any more
	do[ec2.DetachInternetGatewayOutput](n.world, "DetachInternetGateway", "InternetGatewayId="+n.gateway+"&VpcId="+n.vpc)
	if got := n.tableAssociations(second); got != "" {
		t.Errorf("of a gateway that is detached, %s is left", got)
	}
}
