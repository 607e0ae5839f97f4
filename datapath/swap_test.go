package datapath

import (
	"math/rand/v2"
	"sync"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// TestNoMomentAllowsWhatBothWorldsRefuse: while one goroutine swaps two Views for one another, by way
// of what they have in common, each packet is judged as one of them judges it; what all three allow is
// never dropped.
func TestNoMomentAllowsWhatBothWorldsRefuse(t *testing.T) {
	b := newBench(t, small)
	b.setClock(1000)
	first, judged, passed := rand.Uint64(), 0, 0
	for n := range uint64(40) {
		r := rand.New(rand.NewPCG(first, n))
		one := policytest.RandomView(r)
		other := policytest.Reroll(r, one)
		b.view = nil
		b.apply(one)
		b.apply(other) // now every interface of both has a link
		worlds := []*policy.View{one, policy.Meet(one, other), other}

		var swapping sync.WaitGroup
		stop := make(chan struct{})
		images, links := lowered(t, b, worlds)
		swapping.Go(func() {
			for round := 0; round < 100; round++ {
				for _, w := range []int{2, 1, 0, 1} {
					if err := b.d.Apply(images[w], links[w]); err != nil {
						t.Error(err)
					}
				}
			}
			close(stop)
		})
		stateless := statelessPackets(r, worlds)
		for i := 0; ; i++ {
			select {
			case <-stop:
			default:
				p := stateless[i%len(stateless)]
				got := b.run(p.from, p.frame)
				judged++
				if got.redirected {
					passed++
				}
				p.check(t, first, n, got)
				continue
			}
			break
		}
		swapping.Wait()
		if t.Failed() {
			return
		}
		b.view = &policy.View{}
		b.apply(b.view)
		b.forget()
	}
	t.Logf("%d packets, %d let through, seed %d", judged, passed, first)
}

// lowered is what Apply takes of each View.
func lowered(t *testing.T, b *bench, views []*policy.View) (images []Image, links []map[uint32]int) {
	for _, v := range views {
		image, err := Lower(v)
		if err != nil {
			t.Fatal(err)
		}
		of := map[uint32]int{}
		for _, i := range v.Interfaces {
			of[i.Num] = b.links[i.Num]
		}
		images, links = append(images, image), append(links, of)
	}
	return images, links
}

// A packetOfNone belongs to no connection and begins none, so each time it is judged by the rules.
type packetOfNone struct {
	from   uint32
	packet flow.Packet
	frame  []byte
	views  [3]policy.Verdict
	must   bool // all three let it by, to the same end
}

func statelessPackets(r *rand.Rand, views []*policy.View) (out []packetOfNone) {
	for len(out) < 300 {
		from, p := policytest.RandomPacket(r, views[r.IntN(len(views))])
		switch {
		case p.Protocol == flow.TCP:
			p.TCPFlags = flow.ACK
		case !p.IsICMP() || p.Echo():
			continue
		}
		n := packetOfNone{from: from, packet: p, frame: flow.Build(p), must: true}
		for i, v := range views {
			n.views[i] = policy.Evaluate(v, from, p)
			n.must = n.must && n.views[i].Allow && n.views[i].To == n.views[0].To
		}
		out = append(out, n)
	}
	return out
}

func (p packetOfNone) check(t *testing.T, seed, n uint64, got ruling) {
	t.Helper()
	may := false
	for _, v := range p.views {
		may = may || v.Allow && v.To == got.to
	}
	if got.redirected && !may || !got.redirected && p.must {
		t.Errorf("seed %d, %d: %s from %d: %s; the Views say %s", seed, n, p.packet, p.from, got, p.views)
	}
}

// TestEachStepOfApplyIsBetweenTheWorlds judges packets between the steps of Apply, and before and after.
func TestEachStepOfApplyIsBetweenTheWorlds(t *testing.T) {
	b := newBench(t, small)
	b.setClock(1000)
	first := rand.Uint64()
	t.Log("seed", first)
	for n := range uint64(30) {
		r := rand.New(rand.NewPCG(first, n))
		one := policytest.RandomView(r)
		other := policytest.Reroll(r, one)
		b.view = nil
		b.apply(other)
		b.apply(one)
		worlds := []*policy.View{one, policy.Meet(one, other), other}
		images, links := lowered(t, b, worlds)
		packets := statelessPackets(r, worlds)
		for _, way := range [][2]int{{0, 1}, {1, 2}, {2, 1}, {1, 0}} {
			from, to := way[0], way[1]
			look := func(step string) {
				t.Helper()
				for _, p := range packets {
					got, was, is := b.run(p.from, p.frame), p.views[from], p.views[to]
					may := was.Allow && was.To == got.to || is.Allow && is.To == got.to
					must := was.Allow && is.Allow && was.To == is.To
					if got.redirected && !may || !got.redirected && must {
						t.Errorf("seed %d, %d, %s: %s from %d: %s; before %s, after %s", first, n, step, p.packet, p.from, got, was, is)
					}
				}
			}
			used := b.d.usedSlots()
			p, err := b.d.plan(images[to], links[to], used)
			if err != nil {
				t.Fatal(err)
			}
			look("planned")
			if err := p.take(); err != nil {
				t.Fatal(err)
			}
			look("taken")
			p.publish()
			look("published")
			if err := p.give(); err != nil {
				t.Fatal(err)
			}
			look("given")
			b.d.rest(used)
			if t.Failed() {
				return
			}
		}
		b.view = &policy.View{}
		b.apply(b.view)
		b.forget()
	}
}
