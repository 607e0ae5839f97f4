package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"crenel/ec2"
	"crenel/vpc"
)

// Random calls of routing's operations, by both sides of peering connections, are refused only in AWS's
// words, and never break what holds of every State. What is shown agrees with it.
func TestRandomRoutingKeepsTheStateSound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := newNetwork(t)
		w := n.world
		w.pool("198.18.0.0/24")
		lab := w.vpc("10.1.0.0/16")
		w.subnet(lab, "10.1.1.0/24")
		w.peer(n.vpc, lab)
		w.privateNAT(n.subnet)
		w.egressOnly(n.vpc)
		w.newPrefixList("IPv4", "192.0.2.0/24", "203.0.113.0/24", "198.51.100.0/24")
		w.elasticIP("")
		w.as(stranger).elasticIP("")
		versions := map[string]int{}
		for range rapid.IntRange(1, 40).Draw(r, "calls") {
			side := w.as(rapid.SampledFrom([]vpc.Scope{testScope, testScope, stranger}).Draw(r, "who"))
			action, form := drawRouting(r, side)
			if rapid.IntRange(0, 9).Draw(r, "noise") == 0 {
				form += "&" + rapid.SampledFrom([]string{"DryRun=true", "X=1", "VpcId=", "RouteTableId=rtb-1", "ClientToken=t"}).Draw(r, "what")
			}
			_, err := side.try(action, form)
			if err != nil {
				if _, ok := err.(*vpc.Error); !ok || vpc.Code(err) == "" {
					r.Fatalf("%s %s: %T %v", action, form, err, err)
				}
				continue
			}
			w.state = side.state
			if rapid.IntRange(0, 9).Draw(r, "time passes") == 0 {
				w.forget(rapid.SampledFrom([]time.Duration{time.Minute, 3 * time.Hour, 8 * 24 * time.Hour}).Draw(r, "after"))
			}
			for _, wrong := range []string{unsound(w.state), unsoundRouting(w.state), unsoundLists(w.state, versions), w.blackholes(), w.as(stranger).blackholes()} {
				if wrong != "" {
					r.Fatalf("after %s %s: %s", action, form, wrong)
				}
			}
		}
		for _, d := range describes {
			w.filtersAgree(r, d)
		}
	})
}

// drawRouting makes a call that often succeeds: on objects that are there, with values that collide.
func drawRouting(r *rapid.T, w *world) (action, form string) {
	s := w.state.As(w.scope)
	one := func(list ...string) string { return rapid.SampledFrom(list).Draw(r, "one") }
	vpcs, subnets, tables, associations := []string{"vpc-00000000"}, []string{"subnet-00000000"}, []string{"rtb-00000000"}, []string{"rtbassoc-00000000"}
	gateways, egress, nats, peerings, lists, addresses := []string{"igw-00000000"}, []string{"eigw-00000000"}, []string{"nat-00000000"}, []string{"pcx-00000000"}, []string{"pl-00000000"}, []string{"eipalloc-00000000"}
	for v := range s.VPCs.All() { // another account's too
		vpcs = append(vpcs, v.ID)
	}
	for n := range s.Subnets.By("scope", s.Key()) {
		subnets = append(subnets, n.ID)
	}
	for t := range s.RouteTables.By("scope", s.Key()) {
		tables = append(tables, t.ID)
		for _, a := range t.Associations {
			associations = append(associations, a.ID)
		}
	}
	for g := range s.InternetGateways.By("scope", s.Key()) {
		gateways = append(gateways, g.ID)
	}
	for g := range s.EgressOnlyGateways.By("scope", s.Key()) {
		egress = append(egress, g.ID)
	}
	for g := range s.NATGateways.By("scope", s.Key()) {
		nats = append(nats, g.ID)
	}
	for p := range s.Peerings.All() {
		peerings = append(peerings, p.ID)
	}
	for a := range s.ElasticIPs.All() {
		addresses = append(addresses, a.ID)
	}
	instances := []string{"i-00000000"}
	for i := range s.Instances.By("scope", s.Key()) {
		instances = append(instances, i.ID)
	}
	list := "pl-00000000"
	for l := range s.PrefixLists.By("scope", s.Key()) {
		list, lists = l.ID, append(lists, l.ID)
	}
	table, gateway, peering := one(tables...), one(gateways...), one(peerings...)
	destination := one("DestinationCidrBlock=0.0.0.0/0", "DestinationCidrBlock=10.1.1.0/24", "DestinationCidrBlock=10.0.0.0/16", "DestinationCidrBlock=192.0.2.9/24",
		"DestinationIpv6CidrBlock=::/0", "DestinationPrefixListId="+one(lists...))
	target := one("GatewayId="+gateway, "NatGatewayId="+one(nats...), "VpcPeeringConnectionId="+peering, "EgressOnlyInternetGatewayId="+one(egress...), "GatewayId=local", "InstanceId="+one(instances...))
	version := ""
	if l := s.PrefixLists.Get(list); l != nil {
		version = fmt.Sprint(l.Current().Number)
	}
	switch rapid.IntRange(0, 17).Draw(r, "action") {
	case 0:
		return "CreateRouteTable", "VpcId=" + one(vpcs...)
	case 1:
		return "DeleteRouteTable", "RouteTableId=" + table
	case 2:
		return "AssociateRouteTable", "RouteTableId=" + table + "&" + one("SubnetId="+one(subnets...), "GatewayId="+gateway)
	case 3:
		return one("DisassociateRouteTable", "ReplaceRouteTableAssociation"), "AssociationId=" + one(associations...) + one("", "&RouteTableId="+table)
	case 4, 5, 6:
		return one("CreateRoute", "CreateRoute", "ReplaceRoute"), "RouteTableId=" + table + "&" + destination + "&" + target
	case 7:
		return "DeleteRoute", "RouteTableId=" + table + "&" + destination
	case 8:
		return one("CreateInternetGateway", "DeleteInternetGateway"), one("", "InternetGatewayId="+gateway)
	case 9:
		return one("AttachInternetGateway", "DetachInternetGateway"), "InternetGatewayId=" + gateway + "&VpcId=" + one(vpcs...)
	case 10:
		return one("CreateEgressOnlyInternetGateway", "DeleteEgressOnlyInternetGateway"), one("VpcId="+one(vpcs...), "EgressOnlyInternetGatewayId="+one(egress...))
	case 11:
		return "CreateNatGateway", "SubnetId=" + one(subnets...) + "&" + one("ConnectivityType=private", "AllocationId="+one(addresses...))
	case 12:
		return "DeleteNatGateway", "NatGatewayId=" + one(nats...)
	case 13, 14:
		if one("create", "change") == "create" {
			return "CreateVpcPeeringConnection", "VpcId=" + one(vpcs...) + "&PeerVpcId=" + one(vpcs...) + one("", "&PeerOwnerId="+stranger.Account, "&PeerOwnerId="+testScope.Account)
		}
		return one("AcceptVpcPeeringConnection", "RejectVpcPeeringConnection", "DeleteVpcPeeringConnection"), "VpcPeeringConnectionId=" + peering
	case 15:
		return "CreateManagedPrefixList", "PrefixListName=l&MaxEntries=3&AddressFamily=IPv4" + one("", "&Entry.1.Cidr=10.2.3.4/8", "&Entry.1.Cidr=0.0.0.0/0&Entry.2.Cidr=::/0")
	case 16:
		entry := ".1.Cidr=" + one("10.0.0.0/8", "10.9.9.9/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
		return "ModifyManagedPrefixList", "PrefixListId=" + list + one("&MaxEntries="+one("1", "4", "2000"), "&CurrentVersion="+version+"&"+one("Add", "Remove")+"Entry"+entry)
	}
	return one("RestoreManagedPrefixListVersion", "DeleteManagedPrefixList"), "PrefixListId=" + list + one("", "&PreviousVersion=1&CurrentVersion="+version)
}

// unsoundRouting says what is wrong with the State's route tables and gateways, or "".
func unsoundRouting(s *vpc.State) string {
	associations := map[string]bool{}
	for t := range s.RouteTables.All() {
		var destinations []string
		for _, r := range t.Routes {
			if r.Destination.IsValid() == (r.PrefixList != "") || r.Destination != r.Destination.Masked() || isLocal(s, t, r) || r.Target == "local" {
				return fmt.Sprintf("%s has the route %+v", t.ID, r)
			}
			if r.PrefixList != "" && s.PrefixLists.Get(r.PrefixList) == nil {
				return t.ID + " names a prefix list that is gone: " + r.PrefixList
			}
			destinations = append(destinations, destinationOf(r))
		}
		if len(slices.Compact(slices.Sorted(slices.Values(destinations)))) != len(destinations) {
			return fmt.Sprintf("%s has a destination twice: %q", t.ID, destinations)
		}
		for _, a := range t.Associations {
			if associations[a.ID] {
				return "two associations are " + a.ID
			}
			associations[a.ID] = true
		}
	}
	for n := range s.Subnets.All() {
		if explicit := count(s.RouteTables.By("subnet", n.ID)); explicit > 1 || s.RouteTableOf(n) == nil || s.RouteTableOf(n).VPC != n.VPC {
			return fmt.Sprintf("%s follows %d tables", n.ID, explicit)
		}
	}
	for v := range s.VPCs.All() {
		if n := count(s.InternetGateways.By("vpc", v.ID)); n > 1 {
			return fmt.Sprintf("%s has %d gateways", v.ID, n)
		}
	}
	for g := range s.NATGateways.All() {
		if i := s.Interfaces.Get(g.Interface); (i != nil && i.Owner == g.ID) != (g.State == "available") {
			return fmt.Sprintf("%s is %s and has the interface %+v", g.ID, g.State, i)
		}
	}
	for a := range s.ElasticIPs.All() {
		if (a.Association == "") != (a.Interface == "") || a.Interface != "" && s.Interfaces.Get(a.Interface) == nil {
			return fmt.Sprintf("the Elastic IP %+v is half associated", a)
		}
	}
	for p := range s.Peerings.All() {
		if ended := p.Status != peeringActive && p.Status != peeringPending; ended == p.Ended.IsZero() {
			return fmt.Sprintf("the peering connection %s is %s since %v", p.ID, p.Status, p.Ended)
		}
		if p.Status == peeringActive && !peerable(s, p) {
			return p.ID + " connects VPCs that have addresses in common"
		}
	}
	return ""
}

// unsoundLists says what is wrong with the prefix lists, or ""; versions are those of the last time.
func unsoundLists(s *vpc.State, versions map[string]int) string {
	for l := range s.PrefixLists.All() {
		current := l.Current()
		if current.Number < versions[l.ID] {
			return fmt.Sprintf("%s is at version %d after %d", l.ID, current.Number, versions[l.ID])
		}
		versions[l.ID] = current.Number
		seen := map[string]bool{}
		for _, e := range current.Entries {
			if e.CIDR != e.CIDR.Masked() || e.CIDR.Addr().Is6() != l.IPv6 || seen[e.CIDR.String()] {
				return fmt.Sprintf("%s has the entries %+v", l.ID, current.Entries)
			}
			seen[e.CIDR.String()] = true
		}
		if l.Scope != vpc.AWS(l.Region) && len(current.Entries) > l.MaxEntries {
			return fmt.Sprintf("%s has %d entries of %d", l.ID, len(current.Entries), l.MaxEntries)
		}
		for i, v := range l.Versions {
			if i > 0 && v.Number != l.Versions[i-1].Number+1 {
				return fmt.Sprintf("%s has the version %d after %d", l.ID, v.Number, l.Versions[i-1].Number)
			}
		}
	}
	return ""
}

// blackholes says which route's state is not what the targets' own descriptions make of it, or "".
func (w *world) blackholes() string {
	live := map[string]bool{} // "target table's VPC"
	for _, g := range do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "").InternetGateways {
		for _, a := range g.Attachments {
			live[*g.InternetGatewayId+*a.VpcId] = true
		}
	}
	for _, g := range do[ec2.DescribeEgressOnlyInternetGatewaysOutput](w, "DescribeEgressOnlyInternetGateways", "").EgressOnlyInternetGateways {
		live[*g.EgressOnlyInternetGatewayId+*g.Attachments[0].VpcId] = true
	}
	for _, g := range do[ec2.DescribeNatGatewaysOutput](w, "DescribeNatGateways", "").NatGateways {
		live[*g.NatGatewayId+*g.VpcId] = g.State == "available"
	}
	for _, p := range do[ec2.DescribeVpcPeeringConnectionsOutput](w, "DescribeVpcPeeringConnections", "").VpcPeeringConnections {
		live[*p.VpcPeeringConnectionId+*p.RequesterVpcInfo.VpcId] = p.Status.Code == "active"
		live[*p.VpcPeeringConnectionId+*p.AccepterVpcInfo.VpcId] = p.Status.Code == "active"
	}
	for _, t := range do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", "").RouteTables {
		for _, r := range t.Routes {
			target := value(r.GatewayId) + value(r.EgressOnlyInternetGatewayId) + value(r.NatGatewayId) + value(r.VpcPeeringConnectionId) + value(r.NetworkInterfaceId)
			if active := target == "local" || r.InstanceId != nil || live[target+*t.VpcId]; active != (r.State == "active") {
				return fmt.Sprintf("the route of %s to %s is %s", *t.RouteTableId, target, r.State)
			}
		}
	}
	return ""
}

// A described is one Describe operation: its parameter for ids, some filters, and the ids that it shows.
type described struct {
	action, ids string
	filters     []string // NAME=VALUE
	shown       func(w *world, form string) []string
}

func shown[Out any](action string, each func(*Out, func(string))) func(*world, string) []string {
	return func(w *world, form string) (ids []string) {
		w.Helper()
		each(do[Out](w, action, form), func(id string) { ids = append(ids, id) })
		return ids
	}
}

var describes = []described{
	{"DescribeRouteTables", "RouteTableId", []string{"association.main=true", "association.main=false", "route.state=blackhole", "route.state=active", "route.origin=CreateRoute", "route.destination-cidr-block=0.0.0.0/0", "vpc-id=vpc-*", "association.subnet-id=*"},
		shown("DescribeRouteTables", func(out *ec2.DescribeRouteTablesOutput, yield func(string)) {
			for _, t := range out.RouteTables {
				yield(*t.RouteTableId)
			}
		})},
	{"DescribeInternetGateways", "InternetGatewayId", []string{"attachment.state=available", "owner-id=1*", "internet-gateway-id=*0", "tag-key=x"},
		shown("DescribeInternetGateways", func(out *ec2.DescribeInternetGatewaysOutput, yield func(string)) {
			for _, g := range out.InternetGateways {
				yield(*g.InternetGatewayId)
			}
		})},
	{"DescribeNatGateways", "NatGatewayId", []string{"state=available", "state=deleted", "state=failed", "nat-gateway-id=*a*", "subnet-id=*"},
		shown("DescribeNatGateways", func(out *ec2.DescribeNatGatewaysOutput, yield func(string)) {
			for _, g := range out.NatGateways {
				yield(*g.NatGatewayId)
			}
		})},
	{"DescribeVpcPeeringConnections", "VpcPeeringConnectionId", []string{"status-code=active", "status-code=failed", "accepter-vpc-info.owner-id=4*", "requester-vpc-info.owner-id=1*", "requester-vpc-info.cidr-block=10.0.0.0/16"},
		shown("DescribeVpcPeeringConnections", func(out *ec2.DescribeVpcPeeringConnectionsOutput, yield func(string)) {
			for _, p := range out.VpcPeeringConnections {
				yield(*p.VpcPeeringConnectionId)
			}
		})},
	{"DescribeManagedPrefixLists", "PrefixListId", []string{"owner-id=AWS", "owner-id=1*", "prefix-list-name=l", "prefix-list-name=*s3*"},
		shown("DescribeManagedPrefixLists", func(out *ec2.DescribeManagedPrefixListsOutput, yield func(string)) {
			for _, l := range out.PrefixLists {
				yield(*l.PrefixListId)
			}
		})},
}

// filtersAgree checks that filters and ids together find what each of them finds.
func (w *world) filtersAgree(r *rapid.T, d described) {
	want := d.shown(w, "")
	form, n := "", 0
	narrow := func(more []string) {
		want = slices.DeleteFunc(want, func(id string) bool { return !slices.Contains(more, id) })
	}
	for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(d.filters), 0, 3, rapid.ID).Draw(r, d.action) {
		name, value, _ := strings.Cut(f, "=")
		narrow(d.shown(w, "Filter.1.Name="+name+"&Filter.1.Value.1="+value))
		n++
		form += fmt.Sprintf("&Filter.%d.Name=%s&Filter.%d.Value.1=%s", n, name, n, value)
	}
	if all := d.shown(w, ""); len(all) > 0 && rapid.Bool().Draw(r, "by id") {
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 3, rapid.ID).Draw(r, "ids")
		narrow(some)
		for i, id := range some {
			form += fmt.Sprintf("&%s.%d=%s", d.ids, i+1, id)
		}
	}
	if got := d.shown(w, form); !slices.Equal(got, want) {
		r.Fatalf("%s %s finds %q, want %q", d.action, form, got, want)
	}
}
