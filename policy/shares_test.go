package policy_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"crenel/policy"
	"crenel/vpc"
)

// Accounts take and give back at random. What they have together fits at every moment, whoever stays within a share is never
// refused, less is never refused, and a single account may have all.
func TestSharesOfAHost(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		capacity := r.IntN(200)
		now := policy.Demand{ByAccount: map[string]policy.Cost{}, Accounts: 1 + r.IntN(5)}
		for range 200 {
			account, n := fmt.Sprint(r.IntN(now.Accounts)), r.IntN(capacity/3+2)
			next := policy.Demand{ByAccount: maps.Clone(now.ByAccount), Accounts: now.Accounts}
			if r.IntN(5) == 0 {
				n = -min(n, now.ByAccount[account].Members)
			}
			next.ByAccount[account] = policy.Cost{Members: now.ByAccount[account].Members + n}
			over, unfair := next.Over(now, policy.Cost{Members: capacity}), next.Unfair(now, policy.Cost{Members: capacity})
			total, own := 0, next.ByAccount[account].Members
			for _, c := range next.ByAccount {
				total += c.Members
			}
			refused := over != "" || unfair != ""
			what := fmt.Sprintf("%d of %d accounts' %d go to %d of %d: %q %q", n, now.Accounts, total, own, capacity, over, unfair)
			switch {
			case total > capacity && !refused:
				t.Fatalf("too much: %s", what)
			case total > capacity == (over == ""):
				t.Fatalf("it is over or not: %s", what)
			case own <= capacity/2/now.Accounts && refused:
				t.Fatalf("within its share: %s", what)
			case n <= 0 && refused:
				t.Fatalf("no way back: %s", what)
			case now.Accounts == 1 && own <= capacity && refused:
				t.Fatalf("a single account: %s", what)
			}
			if !refused {
				now = next
			}
		}
	}
}

// What is too much already may stay and become less: the host can do less than before, or there are more accounts.
func TestSharesThatBecameSmaller(t *testing.T) {
	have := func(a, b, accounts int) policy.Demand {
		return policy.Demand{ByAccount: map[string]policy.Cost{"a": {Members: a, Cells: 9}, "b": {Members: b}}, Accounts: accounts}
	}
	for _, tt := range []struct {
		before, after policy.Demand
		over, unfair  string
	}{
		{have(100, 0, 2), have(100, 0, 2), "", ""},
		{have(100, 0, 2), have(99, 0, 2), "", ""},
		{have(99, 0, 2), have(99, 1, 2), "", ""}, // b is within its share, and it fits
		{have(100, 0, 2), have(100, 1, 2), "101 of 100 private addresses of referenced security groups", ""},
		{have(99, 0, 2), have(100, 0, 2), "", "25 private addresses of referenced security groups are kept for each account, and of the 50 that all accounts share too few are left"},
		{have(150, 1, 2), have(149, 2, 2), "", ""},
	} {
		capacity := policy.Cost{Members: 100, Cells: 100}
		if over, unfair := tt.after.Over(tt.before, capacity), tt.after.Unfair(tt.before, capacity); over != tt.over || unfair != tt.unfair {
			t.Errorf("from %v to %v: %q %q, want %q %q", tt.before.ByAccount, tt.after.ByAccount, over, unfair, tt.over, tt.unfair)
		}
	}
}

// What a State asks is each account's that owns the VPC, and what the View costs.
func TestDemandIsByAccount(t *testing.T) {
	c := newCell()
	v := c.DefaultVPC()
	c.launch(c.subnet(v.ID, 0), vpc.Running, c.DefaultGroup(v.ID))
	c.iface(c.subnet(v.ID, 0), c.DefaultGroup(v.ID))
	first := policy.CostOf(policy.For(c.State, ""))
	got := policy.DemandOf(c.State).ByAccount
	if len(got) != 1 || got[c.Account] != first || first.Members != 2 || first.Interfaces != 1 || first.Cells == 0 {
		t.Errorf("one account: %v, want %v", got, first)
	}
	account := c.Account
	c.Scope.Account = "210987654321"
	other := c.NewVPC(v.CIDR, "default", false)
	c.launch(c.NewSubnet(other.ID, v.CIDR, "us-east-1a", false), vpc.Running, c.DefaultGroup(other.ID))
	got = policy.DemandOf(c.State).ByAccount
	if second := got["210987654321"]; len(got) != 2 || got[account] != first || second.Interfaces != 1 || second.Members != 1 {
		t.Errorf("two accounts: %v", got)
	}
}
