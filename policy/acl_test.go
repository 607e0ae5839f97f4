package policy_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// withACL gives the subnet an ACL: "in 90 deny tcp 22 10.0.0.0/8", "out 100 allow all 0.0.0.0/0".
func withACL(v *policy.View, subnet string, lines ...string) *policy.View {
	var a policy.ACL
	for _, line := range lines {
		w := strings.Fields(line)
		e := policy.Entry{Number: number(w[1]), Allow: w[2] == "allow", What: policy.What{Protocol: -1, From: -1, To: -1}, CIDR: prefix(w[len(w)-1])}
		switch w[3] {
		case "tcp":
			e.What = policy.What{Protocol: flow.TCP, From: number(w[4]), To: number(w[4])}
		case "replies":
			e.What = policy.What{Protocol: flow.TCP, From: 1024, To: 65535}
		}
		if w[0] == "in" {
			a.Ingress = append(a.Ingress, e)
		} else {
			a.Egress = append(a.Egress, e)
		}
	}
	for i := range v.Subnets {
		if v.Subnets[i].ID == subnet {
			v.Subnets[i].ACL = a
		}
	}
	return v
}

const all = "\nweb ingress all from 0.0.0.0/0\nweb egress all to 0.0.0.0/0\ndb ingress all from 0.0.0.0/0\ndb egress all to 0.0.0.0/0"

func TestACLsAreAskedAtTheBoundaryAlone(t *testing.T) {
	judge(t, withACL(world(all), "subnet-open"), []row{
		{"a neighbour", "allowed at web2", from(web1).to(web2).tcp(22)},
		{"out", "acl-egress at web1", from(web1).to(db1).tcp(22)},
		{"in", "acl-ingress at web1", from(db1).to(web1).tcp(22)},
		{"to the internet", "acl-egress at web1", from(web1).to(host).tcp(22)},
		{"from the internet", "acl-ingress at web1", from(host).toPublic(web1).tcp(22)},
		{"to a neighbour by its public address", "acl-egress at web1", from(web1).toPublic(web2).tcp(22)},
	})
	v := withACL(world(all), "subnet-open", "out 100 allow all 0.0.0.0/0")
	judge(t, v, []row{
		{"a neighbour comes back in by its public address", "acl-ingress at web2", from(web1).toPublic(web2).tcp(22)},
		{"out", "allowed at db1", from(web1).to(db1).tcp(22)},
	})
}

func TestTheFirstEntryDecides(t *testing.T) {
	v := withACL(world(all), "subnet-closed",
		"in 90 deny tcp 22 10.0.1.10/32", "in 100 allow tcp 22 10.0.1.0/24", "in 110 deny all 10.0.1.11/32", "in 32766 allow all 0.0.0.0/0",
		"out 100 allow all 0.0.0.0/0")
	for _, c := range []struct {
		shot  shot
		entry int
	}{
		{from(web1).to(db1).tcp(22), 90}, {from(web2).to(db1).tcp(22), 0}, {from(web2).to(db1).tcp(23), 110}, {from(web1).to(db1).tcp(23), 0},
	} {
		got := policy.Evaluate(v, c.shot.sender.num, c.shot.packet)
		if got.Entry != c.entry || got.Allow != (c.entry == 0) {
			t.Errorf("%s: %s by entry %d, want %d", c.shot.packet, got, got.Entry, c.entry)
		}
	}
	if got := policy.Evaluate(withACL(v, "subnet-closed"), web1.num, from(web1).to(db1).tcp(22).packet); got.Entry != policy.LastEntry {
		t.Errorf("by the end of the ACL: %s", got)
	}
}

// A reply needs an entry of its own, by its destination port; that the connection is known does not matter.
func TestACLsKeepNoState(t *testing.T) {
	open := []string{"in 100 allow tcp 5432 0.0.0.0/0", "out 100 allow replies 0.0.0.0/0"}
	var tracker policy.Tracker
	rules := oneWay
	tell(t, &tracker, withACL(world(rules), "subnet-closed", open...),
		step{0, "allowed at db1", syn},
		step{0, "established at web1", theirs(synack)},
	)
	tell(t, &tracker, withACL(world(rules), "subnet-closed", open[0], "out 100 allow tcp 5432 0.0.0.0/0"),
		step{1, "established at db1", ours(ack)},
		step{1, "acl-egress at db1", theirs(ack)},
	)
	tell(t, &tracker, withACL(world(rules), "subnet-closed", append([]string{"in 90 deny tcp 5432 10.0.1.10/32"}, open...)...),
		step{2, "acl-ingress at db1", ours(ack)},
		step{2, "established at web1", theirs(ack)},
	)
	tell(t, &tracker, withACL(world(rules), "subnet-closed", open...),
		step{3, "established at db1", ours(ack)},
		step{3, "established at web1", theirs(ack)},
	)
}

// A group decides for itself: an ACL opens nothing that the group closes.
func TestAnACLOpensNothing(t *testing.T) {
	v := withACL(world("web egress all to 0.0.0.0/0"), "subnet-closed", "in 1 allow all 0.0.0.0/0", "out 1 allow all 0.0.0.0/0")
	judge(t, v, []row{{"in", "no-ingress-rule at db1", from(web1).to(db1).tcp(22)}, {"out", "no-egress-rule at db1", from(db1).to(web1).tcp(22)}})
}

// The meeting of two ACLs allows exactly what both allow.
func TestACLsMeetExactly(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	refused := 0
	for range 300 {
		a := policytest.RandomView(r)
		b := policytest.Reroll(r, a)
		b.Interfaces, b.Groups, b.Members = a.Interfaces, a.Groups, a.Members
		for i := range b.Subnets {
			b.Subnets[i].Routes = a.Subnets[i].Routes
		}
		m := policy.Meet(a, b)
		for range 100 {
			from, p := policytest.RandomPacket(r, a)
			inA, inB, both := policy.Evaluate(a, from, p), policy.Evaluate(b, from, p), policy.Evaluate(m, from, p)
			if both.Allow != (inA.Allow && inB.Allow) {
				t.Fatalf("seed %d: from %d %s\nin both %s\n   in a %s\n   in b %s", seed, from, p, both, inA, inB)
			}
			if both.Entry != 0 {
				refused++
			}
		}
	}
	if refused < 100 {
		t.Errorf("an ACL refused %d packets", refused)
	}
}

// A change that is tried again and again goes through the same View each time: it does not grow.
func TestMeetingAgainChangesNoACL(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		a := policytest.RandomView(r)
		b := policytest.Reroll(r, a)
		once := policy.Meet(a, b)
		again := policy.Meet(once, b)
		for i := range once.Subnets {
			if !reflect.DeepEqual(once.Subnets[i].ACL, again.Subnets[i].ACL) {
				t.Fatalf("seed %d:\nonce  %+v\nagain %+v", seed, once.Subnets[i].ACL, again.Subnets[i].ACL)
			}
		}
	}
}
