package datapath

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// What operations are checked against before they are committed is never less than what is compiled.
func TestTheCostOfAViewIsAtLeastWhatItTakes(t *testing.T) {
	first := rand.Uint64()
	t.Log("seed", first)
	for n := range uint64(300) {
		v := policytest.RandomView(rand.New(rand.NewPCG(first, n)))
		image, err := Lower(v)
		if err != nil {
			t.Fatal(err)
		}
		c := policy.CostOf(v)
		if c.Cells < image.Cells() || c.Interfaces != len(image.interfaces) || c.Members < len(image.members) {
			t.Fatalf("view %d costs %+v, and takes %d cells, %d interfaces, %d members", n, c, image.Cells(), len(image.interfaces), len(image.members))
		}
	}
}

// Rules of one IP version cut nothing in the other one's tables, and cost nothing there.
func TestTheCostOfRulesOfBothIPVersions(t *testing.T) {
	g := policy.Group{Num: 1}
	for n := range 300 {
		g.Ingress = append(g.Ingress, policy.Rule{What: policy.What{Protocol: flow.TCP, From: n * 10, To: n * 10}, CIDR: netip.MustParsePrefix("0.0.0.0/0")})
	}
	for n := range 60 {
		g.Ingress = append(g.Ingress, policy.Rule{What: policy.What{Protocol: flow.TCP, From: n*100 + 5, To: n*100 + 5}, CIDR: netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/64", n))})
	}
	v := &policy.View{Groups: []policy.Group{g}, Interfaces: []policy.Interface{{Num: 1, VPC: 1, Addr: netip.MustParseAddr("10.0.0.4"), Groups: []uint32{1}}}}
	image, err := Lower(v)
	if err != nil {
		t.Fatal(err)
	}
	if got := policy.CostOf(v).Cells; got < image.Cells() || got > 3*image.Cells() {
		t.Errorf("it costs %d cells and takes %d", got, image.Cells())
	}
}

func TestTheCostOfThousandRulesIsNotFarFromWhatTheyTake(t *testing.T) {
	g := policy.Group{Num: 1}
	for n := range 1000 {
		g.Ingress = append(g.Ingress, policy.Rule{What: policy.What{Protocol: flow.TCP, From: 443, To: 443 + n%5},
			CIDR: netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", n/100, n%100*2))})
	}
	v := &policy.View{Groups: []policy.Group{g}, Interfaces: []policy.Interface{{Num: 1, VPC: 1, Addr: netip.MustParseAddr("10.0.0.4"), Groups: []uint32{1}}}}
	image, err := Lower(v)
	if err != nil {
		t.Fatal(err)
	}
	if got := policy.CostOf(v).Cells; got > 3*image.Cells() {
		t.Errorf("it costs %d cells and takes %d", got, image.Cells())
	}
}
