package vpc

import (
	"crypto/rand"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestARegionThatNobodyWroteToIsTheSameEveryTime(t *testing.T) {
	s := New()
	first := s.As(here).dump()
	if diff := cmp.Diff(first, s.As(here).dump()); diff != "" {
		t.Errorf("at the second reading:\n%s", diff)
	}
	if got := s.dump(); got != nil {
		t.Errorf("reading wrote: %q", got)
	}
	other := Scope{here.Account, "eu-west-1"}
	e := s.Edit(other, noon, rand.Reader)
	e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false)
	s = commit(t, s, e)
	// Numbers come from the cell and may be others now; they do not show.
	if a, b := idsOf(New().As(here)), idsOf(s.As(here)); !slices.Equal(a, b) {
		t.Errorf("after a write elsewhere: %q, then %q", a, b)
	}
	if s.Regions.Get(here.Key()) != nil {
		t.Errorf("a write elsewhere stored it")
	}
}

// idsOf are the ids of all that the scope's default VPC brings.
func idsOf(s *State) (ids []string) {
	v := s.DefaultVPC()
	ids = append(ids, v.ID, v.AssociationID, v.DHCPOptions, s.DefaultGroup(v.ID).ID, s.MainRouteTable(v.ID).ID)
	for _, r := range s.DefaultGroup(v.ID).Rules {
		ids = append(ids, r.ID)
	}
	for n := range s.Subnets.By("vpc", v.ID) {
		ids = append(ids, n.ID, n.ACL, n.ACLAssoc)
	}
	for g := range s.InternetGateways.By("scope", s.Scope.Key()) {
		ids = append(ids, g.ID)
	}
	return ids
}

func TestEveryScopeHasIDsOfItsOwn(t *testing.T) {
	seen := map[string]Scope{}
	for region := range regions {
		for _, account := range []string{"123456789012", "210987654321"} {
			scope := Scope{account, region}
			for id := range unique(t, idsOf(New().As(scope))) {
				if was, twice := seen[id]; twice {
					t.Errorf("%s is in %v and in %v", id, was, scope)
				}
				seen[id] = scope
			}
		}
	}
}

// unique checks the form of ids, and leaves out those that several objects name: a network ACL.
func unique(t *testing.T, ids []string) map[string]bool {
	found := map[string]bool{}
	for _, id := range ids {
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*-[0-9a-f]{17}$`).MatchString(id) {
			t.Errorf("%q is not an id", id)
		}
		if found[id] && !strings.HasPrefix(id, "acl-") {
			t.Errorf("%s is used twice", id)
		}
		found[id] = true
	}
	return found
}

func TestARequestThatChangesNothingStoresNoRegion(t *testing.T) {
	for _, scope := range every {
		e := New().Edit(scope, noon, rand.Reader)
		if e.Regions.Get(scope.Key()) == nil {
			t.Errorf("%v is not synthesised", scope)
		}
		if got := e.Changes(); got != nil {
			t.Errorf("%v: %v", scope, got)
		}
	}
}

func TestTheFirstWriteStoresWhatWasShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, ids := New(), randomly(t)
		for _, scope := range rapid.Permutation(every).Draw(t, "scopes") {
			shown := s.As(scope).dump(`"first"`, "key-pair index")
			e := s.Edit(scope, noon, ids)
			e.KeyPairs.Put(&KeyPair{ID: e.NewID("key"), Scope: scope, Name: "first"})
			s = commit(t, s, e)
			if diff := cmp.Diff(shown, s.dump(`"first"`, "key-pair index")); diff != "" {
				t.Fatalf("%v: shown (-), stored (+):\n%s", scope, diff)
			}
			if diff := cmp.Diff(s.dump(), s.As(scope).dump()); diff != "" {
				t.Fatalf("%v: stored (-), shown then (+):\n%s", scope, diff)
			}
		}
	})
}

func TestTheFirstWriteMayChangeWhatWasShown(t *testing.T) {
	s := New()
	shown := s.As(here)
	group := shown.DefaultGroup(shown.DefaultVPC().ID)
	e := s.Edit(here, noon, rand.Reader)
	changed := *e.SecurityGroups.Get(group.ID)
	changed.Tags = Tags{"changed": "yes"}
	e.SecurityGroups.Put(&changed)
	gone := e.InternetGateways.First("scope", here.Key())
	e.InternetGateways.Delete(gone.ID)
	s = commit(t, s, e)
	if got := s.SecurityGroups.Get(group.ID); got == nil || got.Tags["changed"] != "yes" || len(got.Rules) != 2 {
		t.Errorf("the group is %+v", got)
	}
	if s.InternetGateways.Len() != 0 || s.As(here).InternetGateways.Len() != 0 {
		t.Errorf("the gateway that was deleted is there")
	}
	if s.VPCs.Len() != 1 || s.Subnets.Len() != 6 {
		t.Errorf("%d VPCs and %d subnets", s.VPCs.Len(), s.Subnets.Len())
	}
	if group.Tags != nil {
		t.Errorf("what was shown before has changed")
	}
}

func TestNoScopeSynthesisesNothing(t *testing.T) {
	e := New().Edit(Scope{}, noon, rand.Reader)
	e.Accounts.Put(&Account{ID: "1"})
	if got := e.Changes(); len(got) != 1 || got[0].Kind != "account" {
		t.Errorf("got %v", got)
	}
	if s := New().As(Scope{"123456789012", "mars-1"}); s.VPCs.Len() != 0 || s.DefaultVPC() != nil {
		t.Errorf("a Region that AWS does not have has a VPC")
	}
}

// https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html
func TestTheDefaultVPC(t *testing.T) {
	for _, region := range RegionNames() {
		t.Run(region, func(t *testing.T) { checkDefaultVPC(t, New().As(Scope{here.Account, region})) })
	}
}

func checkDefaultVPC(t *testing.T, s *State) {
	v := s.DefaultVPC()
	if v == nil || v.CIDR.String() != "172.31.0.0/16" || !v.Default || v.Tenancy != "default" || !v.DNSSupport || !v.DNSHostnames ||
		v.Scope != s.Scope || v.Num == 0 || v.DHCPOptions != DefaultDHCPOptions(s.Scope) {
		t.Fatalf("the VPC is %+v", v)
	}
	checkOwn(t, s, v)
	main := s.MainRouteTable(v.ID)
	gateway := s.InternetGateways.First("scope", s.Scope.Key())
	if gateway == nil || gateway.VPC != v.ID || s.InternetGateways.Len() != 1 {
		t.Errorf("the gateway is %+v", gateway)
	} else if want := []Route{{Destination: Anywhere4, Target: gateway.ID}}; !slices.Equal(main.Routes, want) {
		t.Errorf("the main table has %v", main.Routes)
	}
	zones := Zones(s.Region)
	if s.Subnets.Len() != len(zones) {
		t.Errorf("%d subnets in %d zones", s.Subnets.Len(), len(zones))
	}
	cidrs := map[string]string{}
	for n := range s.Subnets.By("vpc", v.ID) {
		if !n.DefaultZone || !n.MapPublicIP || n.Scope != s.Scope || n.ACL != s.NetworkACLs.First("vpc", v.ID).ID || n.CIDR.Bits() != 20 {
			t.Errorf("a subnet is %+v", n)
		}
		if s.RouteTableOf(n) != main {
			t.Errorf("%s does not follow the main table", n.ID)
		}
		cidrs[n.Zone] = n.CIDR.String()
	}
	for i, zone := range zones {
		want := netip.PrefixFrom(At(v.CIDR, uint32(i)<<12), 20).String()
		if cidrs[zone.Name] != want {
			t.Errorf("zone %s has %s, want %s", zone.Name, cidrs[zone.Name], want)
		}
	}
}

// checkOwn checks what comes with every VPC.
func checkOwn(t *testing.T, s *State, v *VPC) {
	t.Helper()
	group := s.DefaultGroup(v.ID)
	if group == nil || group.Name != "default" || group.Description != "default VPC security group" || group.Scope != s.Scope || group.Num == 0 || group.Num == v.Num {
		t.Fatalf("the default group is %+v", group)
	}
	if len(group.Rules) != 2 || group.Rules[0].ID == group.Rules[1].ID {
		t.Fatalf("the default group has the rules %+v", group.Rules)
	}
	all := What{AnyProtocol, -1, -1}
	for _, r := range group.Rules {
		want := Rule{ID: r.ID, What: all, Peer: Peer{Group: group.ID, Account: s.Account}}
		if r.Egress {
			want = Rule{ID: r.ID, Egress: true, What: all, Peer: Peer{CIDR: Anywhere4}}
		}
		if diff := cmp.Diff(want, r, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("a rule of the default group: want (-), got (+):\n%s", diff)
		}
	}
	var acls []*NetworkACL
	for a := range s.NetworkACLs.By("vpc", v.ID) {
		acls = append(acls, a)
	}
	if len(acls) != 1 || !acls[0].Default || acls[0].Scope != s.Scope || len(acls[0].Entries) != 4 {
		t.Fatalf("the ACLs are %+v", acls)
	}
	for _, e := range acls[0].Entries {
		if e.CIDR != Anywhere4 || e.What != all || e.Allow != (e.Number == 100) || e.Number != 100 && e.Number != LastACLEntry {
			t.Errorf("an entry of the default ACL is %+v", e)
		}
	}
	main := s.MainRouteTable(v.ID)
	if main == nil || main.Scope != s.Scope || len(main.Associations) != 1 || !main.Associations[0].Main || main.Associations[0].Subnet != "" {
		t.Errorf("the main route table is %+v", main)
	}
}

func TestAVPCOfOnesOwn(t *testing.T) {
	e := New().Edit(here, noon, rand.Reader)
	v := e.NewVPC(netip.MustParsePrefix("10.1.2.3/16"), "dedicated", false)
	if v.CIDR.String() != "10.1.0.0/16" || v.Default || v.Tenancy != "dedicated" || !v.DNSSupport || v.DNSHostnames {
		t.Errorf("the VPC is %+v", v)
	}
	checkOwn(t, e.State, v)
	if r := e.MainRouteTable(v.ID).Routes; r != nil {
		t.Errorf("its main table has %v", r)
	}
	n := e.NewSubnet(v.ID, netip.MustParsePrefix("10.1.1.7/24"), "us-east-1b", false)
	if n.CIDR.String() != "10.1.1.0/24" || n.DefaultZone || n.MapPublicIP || n.ACL == "" || n.ACL != e.NetworkACLs.First("vpc", v.ID).ID {
		t.Errorf("the subnet is %+v", n)
	}
	own := RouteTable{ID: "rtb-1", VPC: v.ID, Associations: []RouteAssociation{{ID: "rtbassoc-1", Subnet: n.ID}}}
	e.RouteTables.Put(&own)
	if got := e.RouteTableOf(n); got != &own {
		t.Errorf("a subnet with a table of its own follows %v", got)
	}
	if e.DefaultVPC() == v || e.DefaultVPC() == nil {
		t.Errorf("the default VPC is %v", e.DefaultVPC())
	}
}

func TestZones(t *testing.T) {
	for _, row := range []struct {
		region, name string
		want         Zone
	}{
		{"us-east-1", "us-east-1f", Zone{"us-east-1f", "use1-az6"}},
		{"us-east-1", "use1-az1", Zone{"us-east-1a", "use1-az1"}},
		{"us-east-1", "us-east-1g", Zone{}},
		{"us-east-1", "us-west-2a", Zone{}},
		{"us-west-1", "us-west-1b", Zone{"us-west-1b", "usw1-az2"}},
		{"mars-1", "mars-1a", Zone{}},
	} {
		got, ok := ZoneByName(row.region, row.name)
		if got != row.want || ok != (row.want != Zone{}) {
			t.Errorf("%s in %s: got %v, %v; want %v", row.name, row.region, got, ok, row.want)
		}
	}
	if !IsRegion("us-east-1") || IsRegion("mars-1") || IsRegion("") {
		t.Errorf("IsRegion is wrong")
	}
}

func TestNewGroupsLetOutWhatTheirVPCHas(t *testing.T) {
	e := New().Edit(here, noon, rand.Reader)
	v := *e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false)
	for _, row := range []struct {
		ipv6 []Block
		want string
	}{
		{nil, "egress any to 0.0.0.0/0"},
		{[]Block{{AssociationID: "vpc-cidr-assoc-1", CIDR: netip.MustParsePrefix("2001:db8::/56")}}, "egress any to 0.0.0.0/0, egress any to ::/0"},
	} {
		v.IPv6 = row.ipv6
		e.VPCs.Put(&v)
		var got []string
		for _, r := range e.NewSecurityGroup(v.ID, "web", "d").Rules {
			got = append(got, r.String())
		}
		if got := strings.Join(got, ", "); got != row.want {
			t.Errorf("with IPv6 %v: %s, want %s", row.ipv6, got, row.want)
		}
	}
}

// A tenant can use up numbers, by making groups and deleting them. VPCs go on, with numbers that fit into packets.
func TestVPCNumbersBeginAgain(t *testing.T) {
	cidr := netip.MustParsePrefix("10.0.0.0/16")
	s := whole(t, func(e *Edit) {
		for range 3 {
			e.NewVPC(cidr, "default", false)
		}
		c := e.Cell()
		c.NextNum = 3*(1<<24) - 1
		e.Cells.Put(&c)
		for range 5 {
			e.NewVPC(cidr, "default", false)
		}
	})
	seen := map[uint32]bool{}
	for v := range s.VPCs.All() {
		if v.Num == 0 || v.Num > maxVPCNum || seen[v.Num] {
			t.Errorf("%s has the number %d", v.ID, v.Num)
		}
		seen[v.Num] = true
	}
	if len(seen) != 9 || !seen[maxVPCNum] {
		t.Errorf("the numbers %v", seen)
	}
}

func TestNumbersEnd(t *testing.T) {
	e := New().Edit(Scope{}, noon, nil)
	e.Cells.Put(&Cell{NextNum: 1<<32 - 1})
	defer func() {
		if recover() == nil {
			t.Error("a number is given twice")
		}
	}()
	e.NewNum()
}

// Nobody computes what another account sees in a Region where nobody wrote; and whoever looks sees the same
// again, from every server of the cell, and after a restart.
func TestSynthesisedIDsAreTheCellsSecret(t *testing.T) {
	sown := func(s *State) *State {
		e := s.Edit(Scope{}, noon, rand.Reader)
		e.Sow()
		return commit(t, s, e)
	}
	one, other := sown(New()), sown(New())
	seen := one.As(here).DefaultVPC().ID
	if seen == New().As(here).DefaultVPC().ID || seen == other.As(here).DefaultVPC().ID {
		t.Error("another cell has the same ids")
	}
	if again := sown(one); again.Cell() != one.Cell() || again.As(here).DefaultVPC().ID != seen {
		t.Error("the ids are others when the server starts again")
	}
	old := New()
	first, again := old.As(here).DefaultVPC().ID, old.As(here).DefaultVPC().ID
	if first != again {
		t.Error("a cell without a secret has other ids each time")
	}
	e := one.Edit(every[1], noon, rand.Reader)
	e.Instances.Put(&Instance{ID: e.NewID("i"), Scope: e.Scope})
	if later := commit(t, one, e); later.As(here).DefaultVPC().ID != seen || later.Cell().NextNum == one.Cell().NextNum {
		t.Error("a write elsewhere changes the ids")
	}
}
