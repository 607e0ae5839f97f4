package policy_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"crenel/policy"
	"crenel/policy/policytest"
)

// The one promise: what Meet(a, b) lets pass, a and b let pass too, and to the same end.
func TestMeetAllowsOnlyWhatBothAllow(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	passed, narrower := 0, 0
	for range 600 {
		a := policytest.RandomView(r)
		b := a
		for range 1 + r.IntN(3) {
			b = policytest.Reroll(r, b)
		}
		if r.IntN(20) == 0 {
			b = policytest.RandomView(r)
		}
		m := policy.Meet(a, b)
		for range 200 {
			v := []*policy.View{a, b}[r.IntN(2)]
			from, p := policytest.RandomPacket(r, v)
			both := policy.Evaluate(m, from, p)
			inA, inB := policy.Evaluate(a, from, p), policy.Evaluate(b, from, p)
			if !both.Allow {
				if inA.Allow && alike(inA, inB) {
					narrower++
				}
				continue
			}
			passed++
			if !alike(inA, both) || !alike(inB, both) {
				t.Fatalf("seed %d: from %d %s\nin both %s\n   in a %s\n   in b %s", seed, from, p, both, inA, inB)
			}
		}
	}
	t.Logf("%d passed, %d were dropped that a and b let pass", passed, narrower)
	if passed < 1000 || narrower > passed/10 {
		t.Errorf("%d passed, %d were dropped that a and b let pass", passed, narrower)
	}
}

// alike tells whether two packets that pass are delivered alike. What they pass by, a rule or a connection that the
// packet itself began at the gate before, is no matter.
func alike(a, b policy.Verdict) bool {
	return a.Allow == b.Allow && a.To == b.To && a.Packet == b.Packet
}

func TestMeetARPAnswersOnlyWhatBothAnswer(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		a := policytest.RandomView(r)
		b := policytest.Reroll(r, a)
		m := policy.Meet(a, b)
		for range 50 {
			f := policytest.RandomFrame(r, a)
			judge := func(v *policy.View) policy.Verdict { return new(policy.Tracker).JudgeFrame(v, 0, f.From, f.Bytes) }
			if both := judge(m); both.Reason == policy.Answered && (judge(a) != both || judge(b) != both) {
				t.Fatalf("seed %d: %x\nin both %s\n   in a %s\n   in b %s", seed, f.Bytes, both, judge(a), judge(b))
			}
		}
	}
}

func TestMeetWithItselfIsItself(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		v := policytest.RandomView(r)
		m := policy.Meet(v, v)
		for range 100 {
			from, p := policytest.RandomPacket(r, v)
			if got, want := policy.Evaluate(m, from, p), policy.Evaluate(v, from, p); got != want {
				t.Fatalf("seed %d: from %d %s: got %s, want %s", seed, from, p, got, want)
			}
		}
	}
	if got := policy.Meet(&policy.View{}, world("")); !reflect.DeepEqual(got, &policy.View{}) {
		t.Errorf("with nothing: got %+v", got)
	}
}

func TestMeet(t *testing.T) {
	all := usual + "db ingress tcp 22 from web\nweb ingress tcp 22 from 198.18.0.10/32\n"
	both := all + "db ingress tcp 23 from web\nrouter ingress tcp 23 from web\n"
	changed := func(change func(*policy.View)) *policy.View {
		v := world(all)
		change(v)
		return v
	}
	for _, c := range []struct {
		name string
		a, b *policy.View
		want string
		shot shot
	}{
		{"a rule in both", world(all), world(all), "allowed at db1", from(web1).to(db1).tcp(22)},
		{"a rule that comes", world(usual), world(all), "no-ingress-rule at db1", from(web1).to(db1).tcp(22)},
		{"a rule that goes", world(all), world(usual), "no-ingress-rule at db1", from(web1).to(db1).tcp(22)},
		{"a rule that gets another id", world(all), renamed(world(all)), "allowed at db1", from(web1).to(db1).tcp(22)},
		{"a rule that gets narrower", world(usual + "db ingress tcp 22 from web"), world(usual + "db ingress tcp 22 from 10.0.1.10/32"),
			"no-ingress-rule at db1", from(web1).to(db1).tcp(22)},
		{"another group that allows it too", world(both), moved(world(both)), "allowed at db1", from(web1).to(db1).tcp(23)},
		{"another group that does not", world(both), moved(world(both)), "no-ingress-rule at db1", from(web1).to(db1).tcp(22)},
		{"another group that alone does", moved(world(both)), world(both), "no-ingress-rule at db1", from(web1).to(db1).tcp(22)},
		{"a member that leaves", world(all), without(world(all), web1), "no-ingress-rule at db1", from(web1).to(db1).tcp(22)},
		{"a member that comes", without(world(all), web1), world(all), "no-ingress-rule at db1", from(web1).to(db1).tcp(22)},
		{"an interface that gets another address", world(all), changed(func(v *policy.View) { v.Interfaces[2].Addr = addr("10.0.2.11") }),
			"no-destination at web1", from(web1).to(db1).tcp(22)},
		{"a public address that comes", changed(func(v *policy.View) { v.Interfaces[0].Public = netip.Addr{} }), world(all),
			"no-public-address at web1", from(web1).toPublic(host).tcp(22)},
		{"another pool", world(all), changed(func(v *policy.View) { v.Public = prefix("198.18.0.0/25") }),
			"no-public-address at web1", from(web1).toPublic(host).tcp(22)},
		{"a subnet of another size", world(all), changed(func(v *policy.View) { v.Subnets[1].CIDR = prefix("10.0.1.0/25") }),
			"no-route at web1", from(web1).to(db1).tcp(22)},
		{"a route that turns", world(all), rerouted(world(all)), "no-route at web1", from(web1).toPublic(host).tcp(22)},
		{"a route that stays", world(all), rerouted(world(all)), "allowed at web1", from(web1).toPublic(web1).tcp(22)},
	} {
		judge(t, policy.Meet(c.a, c.b), []row{{c.name, c.want, c.shot}})
	}
}

func renamed(v *policy.View) *policy.View {
	for g := range v.Groups {
		for r := range v.Groups[g].Ingress {
			v.Groups[g].Ingress[r].ID += " again"
		}
	}
	return v
}

// moved has db1 in the router's group.
func moved(v *policy.View) *policy.View {
	v.Interfaces[2].Groups = []uint32{groups["router"].num}
	return v
}

func without(v *policy.View, e end) *policy.View {
	for n := range v.Members {
		if v.Members[n].VPC == 100 && v.Members[n].Addr == e.addr {
			v.Members[n].Groups = nil
		}
	}
	return v
}

// rerouted leads the host's own address nowhere: a longer prefix than the one that leads to the internet.
func rerouted(v *policy.View) *policy.View {
	for n := range v.Subnets {
		v.Subnets[n].Routes = append(v.Subnets[n].Routes, policy.Route{Destination: prefix("198.18.0.1/32"), Target: policy.Nowhere})
	}
	return v
}
