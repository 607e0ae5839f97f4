package vpc

import (
	"cmp"
	"net/netip"
	"slices"
)

// A NetworkACL is a subnet's stateless, ordered list of entries that allow or deny.
type NetworkACL struct {
	ID string
	Scope
	VPC     string
	Default bool
	Entries []ACLEntry // of every direction by its number
	Token   Token
	Tags    Tags
}

func newNetworkACLs() *Table[NetworkACL] {
	return newTable("network-acl", func(a *NetworkACL) string { return a.ID }, map[string]func(*NetworkACL) []string{
		"token": func(a *NetworkACL) []string { return tokenKeys(a.Scope, a.Token) },
		"vpc":   func(a *NetworkACL) []string { return keys{a.VPC} },
	})
}

// An ACLEntry is judged by its number, lowest first.
type ACLEntry struct {
	Number int // 1–32766; 32767 and 32768 are the last ones, which deny
	Egress bool
	Allow  bool
	What   What
	CIDR   netip.Prefix
}

// Is4 tells which of its two families the entry is about.
func (e ACLEntry) Is4() bool { return e.CIDR.Addr().Is4() }

// LastACLEntry is the number of the entry that denies what no other one decided; LastACLEntry6 is the
// one for IPv6.
const (
	LastACLEntry  = 32767
	LastACLEntry6 = 32768
)

// Two numbers of entries with which a default network ACL allows everything.
const (
	firstACLEntry  = 100
	firstACLEntry6 = 101
)

// NewNetworkACL makes an ACL with the entries that AWS gives it: the default one of a VPC allows
// everything, any other denies it; IPv6 is spoken of only where the VPC has it. The caller Puts it.
// https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html
func (e *Edit) NewNetworkACL(v *VPC, isDefault bool) *NetworkACL {
	a := &NetworkACL{ID: e.NewID("acl"), Scope: e.Scope, VPC: v.ID, Default: isDefault}
	for _, egress := range []bool{true, false} {
		a.Entries = append(a.Entries, everything(LastACLEntry, egress, false, Anywhere4))
		if len(v.IPv6) > 0 {
			a.Entries = append(a.Entries, everything(LastACLEntry6, egress, false, Anywhere6))
		}
		if isDefault {
			a.Entries = append(a.Entries, everything(firstACLEntry, egress, true, Anywhere4))
			if len(v.IPv6) > 0 {
				a.Entries = append(a.Entries, everything(firstACLEntry6, egress, true, Anywhere6))
			}
		}
	}
	SortEntries(a.Entries)
	return a
}

// everything is an entry about all of a family's traffic.
func everything(number int, egress, allow bool, cidr netip.Prefix) ACLEntry {
	return ACLEntry{Number: number, Egress: egress, Allow: allow, What: What{AnyProtocol, -1, -1}, CIDR: cidr}
}

// SortEntries brings entries into the order in which an ACL keeps and shows them: outbound ones first,
// then by number.
func SortEntries(entries []ACLEntry) {
	slices.SortFunc(entries, func(a, b ACLEntry) int {
		if a.Egress != b.Egress {
			if a.Egress {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Number, b.Number)
	})
}

// withIPv6 are the entries of the ACL once its VPC has IPv6: a last one for it and, in a default ACL, one
// that allows it in each direction that still is as AWS made it.
func (a *NetworkACL) withIPv6() []ACLEntry {
	entries := slices.Clone(a.Entries)
	for _, egress := range []bool{true, false} {
		entries = append(entries, everything(LastACLEntry6, egress, false, Anywhere6))
		made := []ACLEntry{everything(firstACLEntry, egress, true, Anywhere4), everything(LastACLEntry, egress, false, Anywhere4)}
		if a.Default && slices.Equal(a.direction(egress), made) {
			entries = append(entries, everything(firstACLEntry6, egress, true, Anywhere6))
		}
	}
	SortEntries(entries)
	return entries
}

// withoutIPv6 are the entries of the ACL once its VPC has no IPv6 any more: without those that came with it.
func (a *NetworkACL) withoutIPv6() []ACLEntry {
	return slices.DeleteFunc(slices.Clone(a.Entries), func(e ACLEntry) bool {
		return e.Number == LastACLEntry6 || a.Default && e == everything(firstACLEntry6, e.Egress, true, Anywhere6)
	})
}

// direction are the ACL's entries of one direction.
func (a *NetworkACL) direction(egress bool) []ACLEntry {
	return slices.DeleteFunc(slices.Clone(a.Entries), func(e ACLEntry) bool { return e.Egress != egress })
}

// DefaultACL is the VPC's default network ACL.
func (s *State) DefaultACL(vpc string) *NetworkACL {
	for a := range s.NetworkACLs.By("vpc", vpc) {
		if a.Default {
			return a
		}
	}
	return nil
}
