package vpc

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A noun whose ids nobody knows would be looked up in vain, and references to it would never be missed.
func TestEveryNounWithIDsIsFound(t *testing.T) {
	without := []string{"cell", "account", "access-key", "quota", "region", "group-association"} // their keys are no ids
	known := slices.Collect(maps.Values(kinds))
	for _, table := range New().tables() {
		if slices.Contains(known, table.name()) == slices.Contains(without, table.name()) {
			t.Errorf("kinds does not know the prefix of the ids of %s", table.name())
		}
	}
	for kind := range mayDangle {
		if !slices.Contains(known, kind) {
			t.Errorf("there are no objects of the kind %s", kind)
		}
	}
}

func TestIDPrefix(t *testing.T) {
	for id, want := range map[string]string{
		"vpc-0123456789abcdef0": "vpc", "i-01234567": "i", "subnet-cidr-assoc-01234567": "subnet-cidr-assoc",
		"": "", "vpc": "", "vpc-": "", "-01234567": "", "vpc-0123456": "", "vpc-012345678": "", "vpc-0123456G": "", "VPC-01234567": "", "v p-01234567": "",
		"key/x-01234567": "", "vpc-0123456789ABCDEF0": "",
	} {
		if got := IDPrefix(id); got != want {
			t.Errorf("IDPrefix(%q) = %q, want %q", id, got, want)
		}
	}
}

// whole is a State with an account and a default VPC.
func whole(t interface{ Fatal(...any) }, change func(e *Edit)) *State {
	e := New().Edit(here, noon, digestsOf("whole"))
	e.Accounts.Put(&Account{here.Account})
	change(e)
	return commit(t, New(), e)
}

func digestsOf(seed string) *digests { return &digests{seed: seed} }

func TestFind(t *testing.T) {
	s := whole(t, func(*Edit) {})
	v := s.As(here).DefaultVPC()
	if s.Find(v.ID) != any(v) || s.Find("vpc-00000000") != nil || s.Find("unicorn-00000000") != nil || s.Find("x") != nil {
		t.Errorf("found %v, %v", s.Find(v.ID), s.Find("vpc-00000000"))
	}
	if counts := s.Counts(); counts["vpc"] != 1 || counts["subnet"] != 6 || counts["instance"] != 0 {
		t.Errorf("it holds %v", counts)
	}
}

func TestUnsound(t *testing.T) {
	const gone = "-00000000000000000"
	for _, tt := range []struct {
		name   string
		change func(e *Edit)
		want   string // "": it is sound
	}{
		{"as it is made", func(*Edit) {}, ""},
		{"a subnet without its VPC", func(e *Edit) { e.Subnets.Put(&Subnet{ID: "subnet-00000001", Scope: here, VPC: "vpc" + gone}) }, "the subnet subnet-00000001 refers to vpc" + gone},
		{"in a list", func(e *Edit) {
			e.Interfaces.Put(&Interface{ID: "eni-00000001", Scope: here, Groups: []string{"sg" + gone}})
		}, "refers to sg" + gone},
		{"behind a pointer", func(e *Edit) {
			e.Interfaces.Put(&Interface{ID: "eni-00000001", Scope: here, Attachment: &Attachment{Instance: "i" + gone}})
		}, "refers to i" + gone},
		{"a prefix list of a rule", func(e *Edit) {
			e.SecurityGroups.Put(&SecurityGroup{ID: "sg-00000001", Scope: here, Rules: []Rule{{Peer: Peer{PrefixList: "pl" + gone}}}})
		}, "refers to pl" + gone},
		{"a stale rule", func(e *Edit) {
			g := e.NewSecurityGroup(e.DefaultVPC().ID, "stale", "")
			g.Rules[0].Peer = Peer{Group: "sg" + gone, Account: "210987654321"}
			e.SecurityGroups.Put(g)
		}, ""},
		{"a black hole", func(e *Edit) {
			e.RouteTables.Put(&RouteTable{ID: "rtb-00000001", Scope: here, VPC: e.DefaultVPC().ID, Routes: []Route{{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: "nat" + gone}}})
		}, ""},
		{"a terminated instance", func(e *Edit) {
			e.Instances.Put(&Instance{ID: "i-00000001", Scope: here, Subnet: "subnet" + gone, VPC: "vpc" + gone, KeyName: "key" + gone})
		}, ""},
		{"words that look like ids", func(e *Edit) {
			g := e.NewSecurityGroup(e.DefaultVPC().ID, "vpc"+gone, "vpc"+gone)
			g.Tags = Tags{"vpc" + gone: "vpc" + gone}
			e.SecurityGroups.Put(g)
		}, ""},
		{"an account that nobody has", func(e *Edit) { e.VPCs.Put(&VPC{ID: "vpc-00000001", Scope: Scope{"210987654321", "us-east-1"}}) }, "refers to the account 210987654321"},
		{"a Region that was never visited", func(e *Edit) { e.VPCs.Put(&VPC{ID: "vpc-00000001", Scope: Scope{here.Account, "eu-west-1"}}) }, "refers to the Region eu-west-1"},
		{"a quota there", func(e *Edit) { e.Quotas.Put(&Quota{Scope: Scope{here.Account, "eu-west-1"}, Name: "VPCs per Region"}) }, ""},
		{"a peering connection with a stranger", func(e *Edit) {
			e.Peerings.Put(&Peering{ID: "pcx-00000001", Scope: here, Accepter: PeeringSide{Scope: Scope{"210987654321", "us-east-1"}, VPC: "vpc" + gone}})
		}, ""},
		{"a key of an account that nobody has", func(e *Edit) { e.AccessKeys.Put(&AccessKey{ID: "AKIA", Account: "210987654321"}) }, "the access-key AKIA refers to the account 210987654321"},
		{"a number to come", func(e *Edit) { e.VPCs.Put(&VPC{ID: "vpc-00000001", Scope: here, Num: 1000}) }, "the number 1000"},
	} {
		got := whole(t, func(e *Edit) { e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false); tt.change(e) }).Unsound()
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPutOfObjectsIsTheIdentity(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := whole(r, func(e *Edit) {
			for range rapid.IntRange(0, 3).Draw(r, "VPCs") {
				v := e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false)
				e.NewSubnet(v.ID, netip.MustParsePrefix("10.0.1.0/24"), "us-east-1a", false)
			}
		})
		var all []Change
		for c := range s.Objects() {
			all = append(all, Change{Kind: c.Kind, Key: c.Key, Value: c.Value})
		}
		e := New().Edit(Scope{}, noon, nil)
		if err := e.Put(all); err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(s.dump(), commit(r, New(), e).dump()); diff != "" {
			r.Fatal(diff)
		}
	})
}
