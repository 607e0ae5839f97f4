package datapath

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"crenel/flow"
	"crenel/policy"
)

// Among the internet's senders the programs and policy remember pieces alike: of two addresses, one takes the other's
// place in both or in none.
func TestPiecesFromOutsideAreRememberedByTheirSender(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	w := world{bench: newBench(t, small), now: 1000}
	w.setClock(w.now)
	w.enact(withIPv6(benchView(1)), true)
	w.view.Groups[0].Ingress = append(w.view.Groups[0].Ingress, policy.Rule{What: policy.What{Protocol: -1}, CIDR: netip.MustParsePrefix("::/0"), Listed: true})
	w.view.Subnets[0].Routes = append(w.view.Subnets[0].Routes, policy.Route{Destination: netip.MustParsePrefix("::/0"), Target: policy.Internet})
	w.enact(w.view, true)

	first := flow.Packet{SrcMAC: flow.MAC{2, 0, 0, 0, 0, 2}, DstMAC: policy.GatewayMAC, Protocol: flow.UDP, SrcPort: 40000, DstPort: 53, Payload: 16,
		Fragment: flow.Fragment{ID: 9, More: true}}
	for _, c := range []struct{ to, from string }{{w.view.Interfaces[0].Public.String(), "203.0.113.1"}, {w.view.Interfaces[0].IPv6[0].String(), "2001:db8::1"}} {
		first.Src, first.Dst = netip.MustParseAddr(c.from), netip.MustParseAddr(c.to)
		later := first
		later.Fragment, later.SrcPort, later.DstPort = flow.Fragment{ID: 9, Offset: 24}, 0, 0
		other, kept, lost := first, 0, 0
		for range 3000 {
			b := first.Src.AsSlice() // any of 203.0.0.0/8, or of 2000::/8
			for at := 1; at < len(b); at++ {
				b[at] = byte(r.Uint32())
			}
			other.Src, _ = netip.AddrFromSlice(b)
			w.judge(0, flow.Build(first))
			w.judge(0, flow.Build(other))
			if w.judge(0, flow.Build(later)).Allow {
				kept++
			} else {
				lost++
			}
			if t.Failed() {
				return
			}
		}
		if lost == 0 || lost > 60 || kept == 0 {
			t.Errorf("%d of %d others take the place of %s", lost, lost+kept, first.Src)
		}
	}
}
