package api

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// elasticIP gives the world an Elastic IP that is associated with the interface; "": with nothing.
func (w *world) elasticIP(face string) string {
	w.Helper()
	var id string
	w.edit(func(e *vpc.Edit) {
		id = e.NewID("eipalloc")
		a := &vpc.ElasticIP{ID: id, Scope: w.scope, Interface: face}
		a.Addr, _ = e.FreePublic()
		if face != "" {
			a.Association, a.Private = e.NewID("eipassoc"), e.Interfaces.Get(face).PrivateIP
		}
		e.ElasticIPs.Put(a)
	})
	return id
}

func TestInternetGateways(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	home, lab := w.defaultVPC(), w.vpc("10.0.0.0/16")
	g := do[ec2.CreateInternetGatewayOutput](w, "CreateInternetGateway", "TagSpecification.1.ResourceType=internet-gateway&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x").InternetGateway
	id := *g.InternetGatewayId
	if g.Attachments == nil || len(g.Attachments) != 0 || *g.OwnerId != testScope.Account || *g.Tags[0].Value != "x" {
		t.Errorf("answered %+v", g)
	}
	pair := func(gateway, network string) string { return "InternetGatewayId=" + gateway + "&VpcId=" + network }
	do[ec2.AttachInternetGatewayOutput](w, "AttachInternetGateway", pair(id, lab))
	second := *do[ec2.CreateInternetGatewayOutput](w, "CreateInternetGateway", "").InternetGateway.InternetGatewayId
	homeGateway := w.state.InternetGateways.First("vpc", home).ID
	w.limit(vpc.GatewaysPerRegion, 3)
	mapped := func(network string) string {
		return "DependencyViolation: Network " + network + " has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
	}
	for _, c := range []struct{ action, form, want string }{
		{"CreateInternetGateway", "", "InternetGatewayLimitExceeded: The maximum number of internet gateways has been reached."},
		{"AttachInternetGateway", pair(id, lab), "Resource.AlreadyAssociated: resource " + id + " is already attached to network " + lab},
		{"AttachInternetGateway", pair(id, home), "Resource.AlreadyAssociated: resource " + id + " is already attached to network " + lab},
		{"AttachInternetGateway", pair(second, lab), "InvalidParameterValue: Network " + lab + " already has an internet gateway attached"},
		{"AttachInternetGateway", pair("igw-00000000", lab), "InvalidInternetGatewayID.NotFound: The internetGateway ID 'igw-00000000' does not exist"},
		{"AttachInternetGateway", pair(second, "vpc-00000000"), "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"AttachInternetGateway", "VpcId=" + lab, "MissingParameter: The request must contain the parameter InternetGatewayId"},
		{"DetachInternetGateway", pair(id, home), "Gateway.NotAttached: resource " + id + " is not attached to network " + home},
		{"DetachInternetGateway", pair(second, home), "Gateway.NotAttached: resource " + second + " is not attached to network " + home},
		{"DeleteInternetGateway", "InternetGatewayId=" + id, "DependencyViolation: The internetGateway '" + id + "' has dependencies and cannot be deleted."},
		{"DeleteInternetGateway", "InternetGatewayId=igw-1", `InvalidInternetGatewayId.Malformed: Invalid id: "igw-1"`},
		{"DeleteVpc", "VpcId=" + lab, "DependencyViolation: The vpc '" + lab + "' has dependencies and cannot be deleted."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	// What AWS assigned and what stays the account's both hold the gateway.
	w.launch("SubnetId=" + w.defaultSubnet("us-east-1a"))
	w.refuse("DetachInternetGateway", pair(homeGateway, home), mapped(home))
	private := *w.launch("SubnetId=" + w.subnet(lab, "10.0.1.0/24")).NetworkInterfaces[0].NetworkInterfaceId
	address := w.elasticIP(private)
	w.refuse("DetachInternetGateway", pair(id, lab), mapped(lab))
	w.edit(func(e *vpc.Edit) { e.ElasticIPs.Delete(address) })
	do[ec2.DetachInternetGatewayOutput](w, "DetachInternetGateway", pair(id, lab))
	if got := do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "InternetGatewayId.1="+id).InternetGateways[0]; len(got.Attachments) != 0 {
		t.Errorf("detached, it shows %+v", got)
	}
	do[ec2.AttachInternetGatewayOutput](w, "AttachInternetGateway", pair(second, lab))
	do[ec2.DeleteInternetGatewayOutput](w, "DeleteInternetGateway", "InternetGatewayId="+id)
	w.refuse("DescribeInternetGateways", "InternetGatewayId.1="+id, "InvalidInternetGatewayID.NotFound: The internetGateway ID '"+id+"' does not exist")
}

func TestEgressOnlyInternetGateways(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	form := "ClientToken=t&VpcId=" + lab + "&TagSpecification.1.ResourceType=egress-only-internet-gateway&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"
	out := do[ec2.CreateEgressOnlyInternetGatewayOutput](w, "CreateEgressOnlyInternetGateway", form)
	id := *out.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId
	if again := do[ec2.CreateEgressOnlyInternetGatewayOutput](w, "CreateEgressOnlyInternetGateway", form); *again.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId != id || *out.ClientToken != "t" {
		t.Errorf("answered %+v, then %+v", out, again)
	}
	other := w.egressOnly(w.defaultVPC())
	for _, c := range []struct{ form, want string }{
		{"", id + " " + other},
		{"EgressOnlyInternetGatewayId.1=" + other, other},
		{"Filter.1.Name=tag:Name&Filter.1.Value.1=x", id},
		{"Filter.1.Name=tag-key&Filter.1.Value.1=y", ""},
	} {
		var got []string
		for _, g := range do[ec2.DescribeEgressOnlyInternetGatewaysOutput](w, "DescribeEgressOnlyInternetGateways", c.form).EgressOnlyInternetGateways {
			got = append(got, *g.EgressOnlyInternetGatewayId)
			if len(g.Attachments) != 1 || g.Attachments[0].State != "attached" {
				t.Errorf("shows %+v", g)
			}
		}
		if !sameWords(strings.Join(got, " "), c.want) {
			t.Errorf("%q finds %v, want %s", c.form, got, c.want)
		}
	}
	third := w.vpc("10.1.0.0/16")
	w.limit(vpc.EgressOnlyPerRegion, 2)
	for _, c := range []struct{ action, form, want string }{
		{"CreateEgressOnlyInternetGateway", "VpcId=" + lab, "InvalidParameterValue: Network " + lab + " already has an egress-only internet gateway attached"},
		{"CreateEgressOnlyInternetGateway", "VpcId=" + third, "EgressOnlyInternetGatewayLimitExceeded: The maximum number of egress-only internet gateways has been reached."},
		{"CreateEgressOnlyInternetGateway", "VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"CreateEgressOnlyInternetGateway", "ClientToken=t&VpcId=" + third, "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."},
		{"DeleteEgressOnlyInternetGateway", "EgressOnlyInternetGatewayId=eigw-00000000", "InvalidEgressOnlyInternetGatewayId.NotFound: The egressOnlyInternetGateway ID 'eigw-00000000' does not exist"},
		{"DeleteEgressOnlyInternetGateway", "EgressOnlyInternetGatewayId=igw-00000000", `InvalidEgressOnlyInternetGatewayId.Malformed: Invalid id: "igw-00000000" (expecting "eigw-...")`},
		{"DeleteVpc", "VpcId=" + lab, "DependencyViolation: The vpc '" + lab + "' has dependencies and cannot be deleted."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	if out := do[ec2.DeleteEgressOnlyInternetGatewayOutput](w, "DeleteEgressOnlyInternetGateway", "EgressOnlyInternetGatewayId="+id); !*out.ReturnCode {
		t.Errorf("answered %+v", out)
	}
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+lab)
}

// sameWords tells whether both hold the same words, in whatever order.
func sameWords(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values(strings.Fields(a))), slices.Sorted(slices.Values(strings.Fields(b))))
}
