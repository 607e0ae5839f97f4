package vpc

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestNoTwoVPCsHaveIPv6AddressesInCommon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := New().Edit(here, noon, randomly(t))
		c := e.Cell()
		c.NextNum = rapid.Uint32Range(1, 1<<32-200).Draw(t, "number")
		e.Cells.Put(&c)
		v := e.DefaultVPC()
		var all []netip.Prefix
		for range rapid.IntRange(1, 20).Draw(t, "blocks") {
			if rapid.Bool().Draw(t, "another") {
				v = e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false)
			}
			var b Block
			v, b = e.AddIPv6(v)
			if b.CIDR.Bits() != 56 || b.CIDR != b.CIDR.Masked() || !e.Cell().IPv6Pool().Contains(b.CIDR.Addr()) || slices.ContainsFunc(all, b.CIDR.Overlaps) {
				t.Fatalf("%s after %v", b.CIDR, all)
			}
			all = append(all, b.CIDR)
			if rapid.Bool().Draw(t, "removed") {
				e.RemoveIPv6(v, b) // and its addresses come back to nobody
				v = e.VPCs.Get(v.ID)
			}
		}
	})
}

// To add IPv6 and take it away leaves everything as it was.
func TestIPv6LeavesNothingBehind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := New().Edit(here, noon, randomly(t))
		v := e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false)
		acl, group := *e.DefaultACL(v.ID), *e.DefaultGroup(v.ID)
		acl.Entries, group.Rules = slices.Clone(acl.Entries), slices.Clone(group.Rules)
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			n := ACLEntry{Number: rapid.IntRange(99, 103).Draw(t, "number"), Egress: rapid.Bool().Draw(t, "egress"), What: What{AnyProtocol, -1, -1},
				CIDR: rapid.SampledFrom([]netip.Prefix{Anywhere4, Anywhere6}).Draw(t, "range")}
			if !slices.ContainsFunc(acl.Entries, func(o ACLEntry) bool { return o.Number == n.Number && o.Egress == n.Egress }) {
				acl.Entries = append(acl.Entries, n) // which denies: nobody's own entry is what IPv6 brings
			}
		}
		SortEntries(acl.Entries)
		if rapid.Bool().Draw(t, "no rules out") {
			group.Rules = slices.DeleteFunc(group.Rules, func(r Rule) bool { return r.Egress })
		}
		e.NetworkACLs.Put(&acl)
		e.SecurityGroups.Put(&group)
		own := e.NewNetworkACL(v, false)
		e.NetworkACLs.Put(own)
		with, b := e.AddIPv6(v)
		for a := range e.NetworkACLs.By("vpc", v.ID) {
			seen := map[ACLEntry]bool{}
			for i, x := range a.Entries {
				key := ACLEntry{Number: x.Number, Egress: x.Egress}
				if seen[key] || i > 0 && a.Entries[i-1].Egress == x.Egress && a.Entries[i-1].Number > x.Number {
					t.Fatalf("entries are not in order: %v", a.Entries)
				}
				seen[key] = true
			}
		}
		e.RemoveIPv6(with, b)
		if got := e.DefaultACL(v.ID).Entries; !slices.Equal(got, acl.Entries) {
			t.Fatalf("the default ACL had %v and has %v", acl.Entries, got)
		}
		if got := e.NetworkACLs.Get(own.ID).Entries; !slices.Equal(got, own.Entries) {
			t.Fatalf("another ACL had %v and has %v", own.Entries, got)
		}
		if got := e.DefaultGroup(v.ID).Rules; len(got) != len(group.Rules) {
			t.Fatalf("the default group had %v and has %v", group.Rules, got)
		}
	})
}
