package datapath

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"crenel/flow"
	"crenel/policy"
)

func TestAnImageThatHasNoRoomChangesNothing(t *testing.T) {
	b := newBench(t, Options{Conns: 64, Members: 8, HeapCells: 512})
	b.see(benchView(5))
	held := b.d.image()
	wide := benchView(300)
	crowded := benchView(5)
	for n := range byte(9) {
		crowded.Members = append(crowded.Members, policy.Member{VPC: 1, Addr: netip.AddrFrom4([4]byte{10, 1, 0, n}), Groups: []uint32{1}})
	}
	links := map[uint32]int{1: b.links[1], 2: b.links[2]}
	for _, c := range []struct {
		v     *policy.View
		links map[uint32]int
		why   string
	}{
		{wide, links, "the heap is full"},
		{crowded, links, "members"},
		{benchView(6), map[uint32]int{1: b.links[1], 2: b.links[1]}, "one link"},
	} {
		image, err := Lower(c.v)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.d.Apply(image, c.links); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("got %v, want %q", err, c.why)
		}
		if got := b.d.image(); got != held {
			t.Errorf("%s: the maps hold\n%s\nand held\n%s", c.why, got, held)
		}
		if err := b.d.heap.check(); err != nil {
			t.Error(err)
		}
	}
	b.see(benchView(6)) // and what has room comes into force afterwards
	if want, _ := imageOf(benchView(6)); b.d.image() != want {
		t.Error("the next Image is not in force")
	}
}

func TestAnInterfaceWithoutALinkIsNotThere(t *testing.T) {
	b := newBench(t, small)
	b.see(benchView(1))
	image, err := Lower(b.view)
	if err != nil {
		t.Fatal(err)
	}
	p := tcp("10.0.0.4:40000", "10.0.0.5:443", flow.SYN)
	p.SrcMAC = b.view.Interfaces[0].MAC
	want := func(why policy.Reason) {
		t.Helper()
		if got := b.run(1, flow.Build(p)); got.reason != why {
			t.Errorf("got %s, want %s", got, why)
		}
	}
	want(policy.Allowed)
	p.TCPFlags = flow.ACK
	if err := b.d.Apply(image, map[uint32]int{1: b.links[1]}); err != nil {
		t.Fatal(err)
	}
	want(policy.NoDestination) // though the connection remembers the slot
	if err := b.d.Apply(image, map[uint32]int{2: b.links[2]}); err != nil {
		t.Fatal(err)
	}
	want(policy.NoInterface)
	b.apply(b.view)
	want(policy.Established) // numbers are for ever: its connections are still its own
}

// TestANewLinkForTheSameInterface: an instance that starts again has a new veth pair.
func TestANewLinkForTheSameInterface(t *testing.T) {
	b := newBench(t, small)
	b.see(benchView(1))
	p := tcp("10.0.0.4:40000", "10.0.0.5:443", flow.SYN)
	p.SrcMAC = b.view.Interfaces[0].MAC
	b.run(1, flow.Build(p))
	p.TCPFlags = flow.ACK
	old := b.links[1]
	b.links[1], b.free = b.free[0], b.free[1:]
	b.apply(b.view)
	if got := b.run(1, flow.Build(p)); got.reason != policy.Established {
		t.Errorf("by the new link: %s", got)
	}
	if got := b.runAt(b.d.prog.FromInterface, old, flow.Build(p)); got.reason != policy.NoInterface {
		t.Errorf("by the old link: %s", got)
	}
}

// TestLinksWhoseNumbersEndAlike are found all the same, as many as there are places.
const manyLinks = 65536

func TestLinksWhoseNumbersEndAlike(t *testing.T) {
	slots := make([]kernelInterface, 10)
	links := newLinkTable(make([]uint64, manyLinks), slots)
	for n := range uint32(linkTries) {
		slots[n+1].Ifindex = 7 + n*manyLinks
		if err := links.set(7+n*manyLinks, n+1); err != nil {
			t.Fatal(err)
		}
	}
	slots[9].Ifindex = 7 + 9*manyLinks
	if err := links.set(7+9*manyLinks, 9); err == nil {
		t.Error("one more was taken")
	}
	if err := links.remove(7); err != nil {
		t.Fatal(err)
	}
	if err := links.set(7+9*manyLinks, 9); err != nil {
		t.Errorf("there is a free place: %v", err)
	}
	if got := newLinkTable(links.places, slots).held; len(got) != linkTries || got[7+manyLinks] != 2 || got[7+9*manyLinks] != 9 {
		t.Errorf("read back: %v", got)
	}
}

func TestAnAllowanceThatIsUsedUpTracksNoMore(t *testing.T) {
	b := newBench(t, Options{Conns: 64, Members: 8, HeapCells: 512})
	b.setClock(1000)
	b.see(benchView(1))
	p := tcp("10.0.0.4:0", "203.0.113.9:443", flow.SYN) // one gate, and beyond it nothing
	p.SrcMAC = b.view.Interfaces[0].MAC
	send := func(port int) policy.Reason {
		p.SrcPort = uint16(port)
		return b.run(1, flow.Build(p)).reason
	}
	full := 0
	for ; full < 200 && send(full) == policy.NotForwarded; full++ {
	}
	if full != 32+1 { // what all share, and its own part
		t.Fatalf("%d connections in a table of 64", full)
	}
	if got := send(full); got != policy.Allowance {
		t.Errorf("the next: %s", got)
	}
	if got := send(0); got != policy.NotForwarded {
		t.Errorf("one that is known: %s", got)
	}
	// The other interface has its share all the same.
	p.SrcMAC, p.Src = b.view.Interfaces[1].MAC, b.view.Interfaces[1].Addr
	for port := range 2 {
		p.SrcPort = uint16(port)
		if got, want := b.run(2, flow.Build(p)).reason, map[bool]policy.Reason{true: policy.NotForwarded, false: policy.Allowance}[port < 1]; got != want {
			t.Errorf("connection %d of the other interface: %s", port, got)
		}
	}
	p.SrcMAC, p.Src = b.view.Interfaces[0].MAC, b.view.Interfaces[0].Addr
	counters, err := b.d.Counters()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []policy.Counter{{Interface: 1, Reason: policy.Allowance, Packets: 2, Bytes: uint64(2 * len(flow.Build(p)))}, {Interface: 2, Reason: policy.Allowance, Packets: 1, Bytes: uint64(len(flow.Build(p)))}} {
		if !slices.Contains(counters, want) {
			t.Errorf("counters %v have no %v", counters, want)
		}
	}

	// A SYN's entry lives 120 s, and is kept a minute more.
	for _, c := range []struct {
		at      uint32
		deleted int
	}{{1120 + 60, 0}, {1120 + 61, full + 1}} {
		b.setClock(c.at)
		if deleted, err := b.d.Sweep(); deleted != c.deleted || err != nil {
			t.Errorf("at %d: %d deleted, %v", c.at, deleted, err)
		}
	}
	if got := send(full); got != policy.NotForwarded {
		t.Errorf("after the sweep: %s", got)
	}
	if n, err := b.d.Connections(); n != 1 || err != nil {
		t.Errorf("%d connections, %v", n, err)
	}
}

func TestCountersBeginWithTheInterface(t *testing.T) {
	b := newBench(t, small)
	b.see(benchView(1))
	frame := flow.Build(tcp("10.0.0.9:1", "10.0.0.5:443", flow.SYN))
	for range 3 {
		b.run(1, frame)
	}
	want := func(text string) {
		t.Helper()
		got, err := b.d.Counters()
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != text {
			t.Errorf("counters %v, want %s", got, text)
		}
	}
	want(fmt.Sprintf("[{1 spoofed 3 %d}]", 3*len(frame)))
	b.see(&policy.View{})
	want("[]")
	slot := b.d.slots[1].Num
	b.rested()
	again := benchView(1)
	for i := range again.Interfaces {
		again.Interfaces[i].Num += 10
	}
	b.links[11], b.links[12] = b.links[1], b.links[2]
	b.see(again)
	if b.d.slots[1].Num == slot {
		t.Fatal("the slot was not used again")
	}
	want("[]")
}

// rested has everything rested that rests.
func (b *bench) rested() {
	for at := range b.d.resting {
		b.d.resting[at] = time.Now().Add(-2 * grace)
	}
}

// TestAConnectionDoesNotFollowASlot: it remembers the slot of its other end, which becomes another's.
func TestAConnectionDoesNotFollowASlot(t *testing.T) {
	b := newBench(t, small)
	v := benchView(1)
	b.see(v)
	p := tcp("10.0.0.4:40000", "10.0.0.5:443", flow.SYN)
	p.SrcMAC = v.Interfaces[0].MAC
	for range 3 {
		b.run(1, flow.Build(p))
	}
	slot := b.d.places.held[kernelPlaceOf(place{1, v.Interfaces[1].Addr})]

	one := *v
	one.Interfaces = v.Interfaces[:1]
	b.see(&one)
	b.rested()
	other := *v
	other.Interfaces = append([]policy.Interface{}, v.Interfaces...)
	other.Interfaces[1].Num, other.Interfaces[1].Addr = 9, netip.MustParseAddr("10.0.0.6")
	b.see(&other)
	if got := b.d.slots[slot].Num; got != 9 {
		t.Fatalf("the slot is %d's", got)
	}
	if got := b.run(1, flow.Build(p)); got.redirected || got.reason != policy.NoDestination {
		t.Errorf("got %s", got)
	}
}

// TestMembersDoNotComeByPublicAddresses: a group's rule means private addresses, whoever else has the same.
func TestMembersDoNotComeByPublicAddresses(t *testing.T) {
	b := newBench(t, small)
	v := benchView(2) // its last rule names the group
	v.Members = append(v.Members, policy.Member{VPC: 1, Addr: netip.MustParseAddr("203.0.113.9"), Groups: []uint32{1}})
	b.see(v)
	p := tcp("203.0.113.9:40000", "198.18.0.5:443", flow.SYN)
	want := policy.Evaluate(v, 0, p)
	if got := b.run(0, flow.Build(p)); got.reason != want.Reason || want.Reason != policy.NoIngressRule {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestASlotRestsBeforeItIsUsedAgain(t *testing.T) {
	b := newBench(t, small)
	b.see(benchView(1))
	b.see(&policy.View{})
	b.see(benchView(1))
	if b.d.slots[3].Num == 0 || b.d.slots[4].Num == 0 {
		t.Error("slots 1 and 2 were used again at once")
	}
}

// BenchmarkApply measures one change among many members: Lower and Apply of the whole View.
func BenchmarkApply(b *testing.B) {
	for _, members := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("join/%d-members", members), func(b *testing.B) {
			k := newBench(b, Options{Conns: 64, Members: members + 2, HeapCells: 1 << 17})
			v := benchView(100)
			for n := len(v.Members); n < members; n++ {
				v.Members = append(v.Members, policy.Member{VPC: 1, Addr: addr4(10<<24 | 1<<16 + uint32(n)), Groups: []uint32{1}})
			}
			k.see(v)
			with, without := *v, *v
			with.Members = append(with.Members[:len(v.Members):len(v.Members)], policy.Member{VPC: 1, Addr: addr4(10<<24 | 9<<16), Groups: []uint32{1}})
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					k.apply(&with)
				} else {
					k.apply(&without)
				}
			}
		})
	}
	b.Run("write", func(b *testing.B) {
		k := newBench(b, Options{Conns: 64, Members: 100_000, HeapCells: 1 << 10})
		for n := range uint32(b.N) {
			if err := k.d.members.set(kernelPlace{Vpc: n % 90_000}, n); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, rules := range []int{10, 1000} {
		b.Run(fmt.Sprintf("rule/%d-rules", rules), func(b *testing.B) {
			k := newBench(b, Options{Conns: 64, HeapCells: 1 << 20})
			with, without := benchView(rules), benchView(rules+1)
			k.see(with)
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					k.apply(without)
				} else {
					k.apply(with)
				}
			}
		})
	}
}
