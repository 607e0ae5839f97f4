package policytest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"crenel/flow"
	"crenel/policy"
)

const seeds = 300

func TestTrafficMeetsEveryReason(t *testing.T) {
	seen := map[policy.Reason]int{}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 1))
		view, tracker, traffic, now := RandomView(r), policy.Tracker{}, Traffic{}, uint32(0)
		for range 300 {
			now += RandomPause(r)
			if r.IntN(50) == 0 {
				view = Reroll(r, view)
			}
			if r.IntN(10) == 0 {
				f := traffic.Frame(r, view)
				seen[tracker.JudgeFrame(view, now, f.From, f.Bytes).Reason]++
				continue
			}
			from, p := traffic.Next(r, view)
			v := tracker.Judge(view, now, from, p)
			traffic.Saw(view, from, p, v)
			seen[v.Reason]++
		}
	}
	t.Log(seen)
	for reason := range policy.Reasons {
		if slices.Contains([]policy.Reason{policy.NotJudged, policy.Allowance, policy.TableFull, policy.Internal}, reason) {
			continue // a View and a packet alone do not lead there
		}
		if seen[reason] < 20 {
			t.Errorf("%s: %d times in %d worlds", reason, seen[reason], seeds)
		}
	}
}

func TestASeedMakesTheSameWorld(t *testing.T) {
	world := func() string {
		r := rand.New(rand.NewPCG(7, 7))
		v := RandomView(r)
		from, p := RandomPacket(r, v)
		return fmt.Sprint(v, Reroll(r, v), from, p)
	}
	if a, b := world(), world(); a != b {
		t.Errorf("got\n%s\nand then\n%s", a, b)
	}
}

func TestViewsAreWhatForSelects(t *testing.T) {
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 2))
		v := RandomView(r)
		for range 5 {
			check(t, seed, v)
			before := fmt.Sprint(v)
			next := Reroll(r, v)
			if fmt.Sprint(v) != before {
				t.Fatalf("seed %d: Reroll changed the View that it was given", seed)
			}
			v = next
		}
	}
}

func check(t *testing.T, seed uint64, v *policy.View) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("seed %d: %s", seed, fmt.Sprintf(format, args...))
	}
	if len(v.Interfaces) > 8 || len(v.Groups) > 16+8 {
		fail("%d interfaces, %d groups", len(v.Interfaces), len(v.Groups))
	}
	if !slices.IsSortedFunc(v.Interfaces, func(a, b policy.Interface) int { return int(a.Num) - int(b.Num) }) {
		fail("interfaces are not sorted")
	}
	if !slices.IsSortedFunc(v.Groups, func(a, b policy.Group) int { return int(a.Num) - int(b.Num) }) {
		fail("groups are not sorted")
	}
	for _, i := range v.Interfaces {
		if len(i.Groups) == 0 || len(i.Groups) > 5 || !slices.IsSorted(i.Groups) || i.Num == 0 {
			fail("%s has groups %v", i.ID, i.Groups)
		}
		for _, g := range i.Groups {
			if !slices.ContainsFunc(v.Groups, func(h policy.Group) bool { return h.Num == g }) {
				fail("%s carries a group %d that the View lacks", i.ID, g)
			}
		}
	}
	named := map[uint32]bool{}
	for _, g := range v.Groups {
		if len(g.Ingress) > 60 || len(g.Egress) > 60 {
			fail("%s has %d and %d rules", g.ID, len(g.Ingress), len(g.Egress))
		}
		for _, r := range slices.Concat(g.Ingress, g.Egress) {
			if (r.Group != 0) == r.CIDR.IsValid() {
				fail("rule %+v names not one peer", r)
			}
			named[r.Group] = true
		}
	}
	for _, m := range v.Members {
		for _, i := range v.Interfaces {
			var want []uint32
			for _, g := range i.Groups {
				if named[g] {
					want = append(want, g)
				}
			}
			if i.VPC == m.VPC && i.Addr == m.Addr && !slices.Equal(m.Groups, want) {
				fail("member %v is %s, which carries %v", m, i.ID, i.Groups)
			}
		}
	}
}

func TestFramesAreSometimesWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	v := RandomView(r)
	whole := 0
	for range 1000 {
		if _, err := flow.Parse(RandomFrame(r, v).Bytes); err == nil {
			whole++
		}
	}
	if whole < 300 || whole > 900 {
		t.Errorf("%d of 1000 can be parsed", whole)
	}
}

// Every oddity is drawn often, and what passes in spite of it is not left out.
func TestEveryShapeIsDrawn(t *testing.T) {
	seen := map[string]map[policy.Reason]int{}
	for seed := range uint64(5 * seeds) {
		r := rand.New(rand.NewPCG(seed, 3))
		view, tracker, traffic := RandomView(r), policy.Tracker{}, Traffic{}
		for n := range 300 {
			if from, p := traffic.Next(r, view); n%4 > 0 {
				traffic.Saw(view, from, p, tracker.Judge(view, 0, from, p))
				continue
			}
			f := traffic.Frame(r, view)
			if seen[f.Shape] == nil {
				seen[f.Shape] = map[policy.Reason]int{}
			}
			seen[f.Shape][tracker.JudgeFrame(view, 0, f.From, f.Bytes).Reason]++
		}
	}
	want := map[string][]oddity{"arp": ofARP, "nd": ofND, "packet of ipv4": ofIPv4, "packet of ipv6": ofIPv6, "error": ofQuote, "error of ipv4": ofIPv4, "error of ipv6": ofIPv6}
	for kind, oddities := range want {
		for _, o := range oddities {
			shape, n := kind+": "+o.shape, 0
			for _, times := range seen[shape] {
				n += times
			}
			if n < 20 {
				t.Errorf("%s: %d times", shape, n)
			}
		}
	}
	for shape, reason := range map[string]policy.Reason{"error of ipv6: extended": policy.Related, "error of ipv6: a piece": policy.Related, "error: about an error": policy.Allowed,
		"nd: more options after": policy.Answered, "arp: padded": policy.Answered, "packet of ipv4: odd options": policy.Allowed, "packet of ipv6: a piece": policy.Allowed} {
		if seen[shape][reason] == 0 {
			t.Errorf("%s: never %s: %v", shape, reason, seen[shape])
		}
	}
}
