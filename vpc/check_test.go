package vpc

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// What no operation makes is found, whatever it is.
func TestObjectsOfAnotherForm(t *testing.T) {
	some := netip.MustParsePrefix("172.31.128.0/20")
	face := func(e *Edit, change func(*Interface)) {
		v := e.DefaultVPC()
		n := e.NewSubnet(v.ID, some, "us-east-1a", false)
		for k, id := range []string{"eni-00000001", "eni-00000002"} {
			i := &Interface{ID: id, Scope: here, VPC: v.ID, Subnet: n.ID, Num: e.NewNum(), PrivateIP: At(some, uint32(4+k))}
			change(i)
			e.Interfaces.Put(i)
		}
	}
	machine := func(change func(*Instance)) func(*Edit) {
		return func(e *Edit) {
			i := &Instance{ID: "i-00000001", Scope: here}
			change(i)
			e.Instances.Put(i)
		}
	}
	subnet := func(change func(*Subnet)) func(*Edit) {
		return func(e *Edit) {
			n := *e.NewSubnet(e.DefaultVPC().ID, some, "us-east-1a", false)
			change(&n)
			e.Subnets.Put(&n)
		}
	}
	group := func(change func(*SecurityGroup)) func(*Edit) {
		return func(e *Edit) {
			g := e.NewSecurityGroup(e.DefaultVPC().ID, "g", "d")
			change(g)
			e.SecurityGroups.Put(g)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(e *Edit)
		want   string // "": nothing is wrong
	}{
		{"interfaces", func(e *Edit) { face(e, func(*Interface) {}) }, ""},
		{"an instance", machine(func(*Instance) {}), ""},
		{"the next number 0", func(e *Edit) { e.Cells.Put(&Cell{}) }, "has the next number 0"},
		{"the last number", func(e *Edit) { e.Cells.Put(&Cell{NextNum: 1<<32 - 1}) }, "the next number 4294967295"},
		{"numbers of interfaces", func(e *Edit) { face(e, func(i *Interface) { i.Num = 1 }) }, "has the number 1, and so has eni-00000001"},
		{"no number", func(e *Edit) { face(e, func(i *Interface) { i.Num = 0 }) }, "has the number 0"},
		{"numbers of groups", group(func(g *SecurityGroup) { g.Num = 2 }), "has the number 2, and so has"},
		{"numbers of VPCs", func(e *Edit) {
			v := *e.NewVPC(some, "default", false)
			v.Num = e.DefaultVPC().Num
			e.VPCs.Put(&v)
		}, "has the number 1, and so has"},
		{"addresses", func(e *Edit) { face(e, func(i *Interface) { i.PrivateIP = At(some, 4) }) }, "has the address 172.31.128.4, and so has"},
		{"an address twice", func(e *Edit) {
			face(e, func(i *Interface) { i.Secondary = []netip.Addr{At(some, 9), At(some, 9)} })
		}, "has the address 172.31.128.9 twice"},
		{"ranges of IPv6", func(e *Edit) {
			_, b := e.AddIPv6(e.DefaultVPC())
			other := *e.NewVPC(some, "default", false)
			other.IPv6 = []Block{{AssociationID: "vpc-cidr-assoc-00000001", CIDR: b.CIDR}}
			e.VPCs.Put(&other)
		}, "has the range 3fff:"},
		{"another pool's range", func(e *Edit) {
			e.AddIPv6(e.DefaultVPC())
			c := e.Cell()
			c.Public = netip.MustParsePrefix("198.18.16.0/20")
			e.Cells.Put(&c)
		}, "which is not of the pool 3fff:121::/32"},
		{"another pool's address", func(e *Edit) { face(e, func(i *Interface) { i.PublicIP = netip.MustParseAddr("198.18.0.4") }) }, "which is not of the pool"},
		{"another pool's Elastic IP", func(e *Edit) {
			e.ElasticIPs.Put(&ElasticIP{ID: "eipalloc-00000001", Scope: here, Addr: netip.MustParseAddr("198.18.0.4")})
		}, "which is not of the pool"},
		{"another subnet's address", func(e *Edit) { face(e, func(i *Interface) { i.PrivateIP = netip.MustParseAddr("10.0.0.4") }) }, "not of its subnet"},
		{"an index", func(e *Edit) {
			face(e, func(i *Interface) { i.Attachment = &Attachment{ID: "eni-attach-00000001", DeviceIndex: 16} })
		}, "at index 16"},
		{"no range", subnet(func(n *Subnet) { n.CIDR = netip.Prefix{} }), "which is no range"},
		{"host bits", subnet(func(n *Subnet) { n.CIDR = netip.MustParsePrefix("172.31.128.1/20") }), "which is no range"},
		{"a range outside", subnet(func(n *Subnet) { n.CIDR = netip.MustParsePrefix("10.0.0.0/20") }), "which no subnet of its VPC can have"},
		{"a zone", subnet(func(n *Subnet) { n.Zone = "eu-west-1a" }), `in "eu-west-1a"`},
		{"what is no VPC", subnet(func(n *Subnet) { n.VPC = "x" }), `has "x" in VPC`},
		{"a group as VPC", subnet(func(n *Subnet) { n.VPC = "acl-00000001" }), "acl-00000001"},
		{"ports", group(func(g *SecurityGroup) { g.Rules[0].What = What{6, 1, 99999} }), "has the rule"},
		{"nobody", group(func(g *SecurityGroup) { g.Rules[0].Peer = Peer{} }), "for 0 peers"},
		{"a rule's id", group(func(g *SecurityGroup) { g.Rules[0].ID = "../x" }), `has "../x" as an id`},
		{"an id", func(e *Edit) { e.Instances.Put(&Instance{ID: "../../../etc/cron.d/x", Scope: here}) }, "has an id of another form"},
		{"another noun's id", func(e *Edit) { e.KeyPairs.Put(&KeyPair{ID: "i-00000001", Scope: here}) }, "has an id of another form"},
		{"boots", machine(func(i *Instance) { i.Boots = -1 }), "booted -1"},
		{"a state", machine(func(i *Instance) { i.State = 99 }), "in state 99"},
		{"user data", machine(func(i *Instance) { i.UserData = strings.Repeat("QUFB", 6000) }), "user data"},
		{"a time", machine(func(i *Instance) { i.LaunchTime = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) }), "has the time 9000"},
		{"no version of a template", func(e *Edit) { e.LaunchTemplates.Put(&LaunchTemplate{ID: "lt-00000001", Scope: here, Default: 1}) }, "has not the version 1"},
		{"no version of a list", func(e *Edit) { e.PrefixLists.Put(&PrefixList{ID: "pl-00000001", Scope: here}) }, "has no version"},
		{"no default group", func(e *Edit) { e.SecurityGroups.Delete(e.DefaultGroup(e.DefaultVPC().ID).ID) }, "no default security group"},
		{"no main table", func(e *Edit) { e.RouteTables.Delete(e.MainRouteTable(e.DefaultVPC().ID).ID) }, "no main route table"},
		{"an address of nobody", func(e *Edit) { e.ElasticIPs.Put(&ElasticIP{ID: "eipalloc-00000001", Scope: here}) }, "which is not of the pool"},
		{"an account", func(e *Edit) { e.Accounts.Put(&Account{"1"}) }, "has an id of another form"},
		{"a quota", func(e *Edit) { e.Quotas.Put(&Quota{Scope: here, Name: "VPCs"}) }, "none that there is"},
	} {
		got := whole(t, tt.change).Unsound()
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
