package policy

import (
	"fmt"

	"crenel/vpc"
)

// A Demand is what a State asks of a host: the sum of what the accounts do. What compiled rules of two accounts share is counted
// for both.
type Demand struct {
	ByAccount map[string]Cost // of the owners of VPCs that the host has anything of
	Accounts  int             // that there are
}

// DemandOf is what the State asks of the one host.
func DemandOf(s *vpc.State) Demand {
	owners := map[uint32]string{}
	for v := range s.VPCs.All() {
		owners[v.Num] = v.Account
	}
	return Demand{costs(For(s, ""), func(n uint32) string { return owners[n] }), s.Accounts.Len()}
}

// Over says what there is too little of for the demand, and was not just as much before: "": it fits.
func (d Demand) Over(before Demand, capacity Cost) string {
	for _, p := range parts {
		if need, have := d.beyond(p.of, 0), *p.of(&capacity); need > have && need > before.beyond(p.of, 0) {
			return fmt.Sprintf("%d of %d %s", need, have, p.what)
		}
	}
	return ""
}

// Unfair says of what an account takes from the others' shares, and did not just as much before; "": nobody does.
// Half of a capacity is guaranteed to the accounts in equal shares, and half is shared: what an account takes beyond its
// share comes from there. So nobody who stays within a share is kept from it by others, and a single account has all.
// What is fair fits.
func (d Demand) Unfair(before Demand, capacity Cost) string {
	for _, p := range parts {
		have := *p.of(&capacity)
		share := have / 2 / max(d.Accounts, 1)
		shared := have - share*max(d.Accounts, 1)
		if taken := d.beyond(p.of, share); taken > shared && taken > before.beyond(p.of, share) {
			return fmt.Sprintf("%d %s are kept for each account, and of the %d that all accounts share too few are left", share, p.what, shared)
		}
	}
	return ""
}

// beyond is how much accounts take beyond the share, together.
func (d Demand) beyond(of func(*Cost) *int, share int) (sum int) {
	for _, c := range d.ByAccount {
		sum += max(0, *of(&c)-share)
	}
	return sum
}
