package datapath

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// TestTheProgramsJudgeAsPolicyDoes: random worlds that change, random packets that belong together,
// time that jumps. The programs and policy.Tracker give each packet the same verdict for the same
// reason, and deliver it alike.
//
// CRENEL_SEED=n does the world n alone; CRENEL_SOAK=1 does 5 million packets.
func TestTheProgramsJudgeAsPolicyDoes(t *testing.T) {
	first, soak := rand.Uint64N(1<<40), os.Getenv("CRENEL_SOAK") != ""
	seed := os.Getenv("CRENEL_SEED")
	if seed != "" {
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first = n
	}
	for _, room := range []struct {
		name          string
		conns, worlds int
	}{
		{"room for every connection", 1 << 16, 40},
		{"room for few", 32, 10},
	} {
		t.Run(room.name, func(t *testing.T) {
			worlds := room.worlds
			switch {
			case seed != "":
				worlds = 1
			case soak:
				worlds *= 200
			}
			playWorlds(t, newBench(t, Options{Conns: room.conns, Members: 4096, HeapCells: 1 << 17}), first, worlds)
		})
	}
}

func playWorlds(t *testing.T, b *bench, first uint64, worlds int) {
	clock, packets, seen := uint32(1000), 0, histogram{}
	for n := range worlds {
		w := world{bench: b, seed: first + uint64(n), now: clock, seen: seen}
		packets += w.play(500)
		if t.Failed() {
			t.Fatalf("world %d: to see it again, CRENEL_SEED=%d", n, w.seed)
		}
		// Numbers come again in the next world: what was connected in this one must be gone.
		clock = w.now + 500_000
		b.setClock(clock)
		if _, err := b.d.Sweep(); err != nil {
			t.Fatal(err)
		}
		if left, err := b.d.Connections(); left > 0 || err != nil {
			t.Fatalf("%d connections left after a sweep: %v", left, err)
		}
	}
	t.Logf("%d packets in %d worlds from seed %d\n%s", packets, worlds, first, seen)
}

// A histogram is how often frames of each shape had a verdict for each reason.
type histogram map[string]map[policy.Reason]int

func (h histogram) note(shape string, why policy.Reason) {
	if h[shape] == nil {
		h[shape] = map[policy.Reason]int{}
	}
	h[shape][why]++
}

func (h histogram) String() string {
	var b strings.Builder
	for _, shape := range slices.Sorted(maps.Keys(h)) {
		n := 0
		for _, times := range h[shape] {
			n += times
		}
		fmt.Fprintf(&b, "%8d %s %v\n", n, shape, h[shape])
	}
	return b.String()
}

// A world is one random View and what becomes of it.
type world struct {
	*bench
	seed    uint64
	now     uint32
	seen    histogram
	tracker policy.Tracker
	history []string
}

func (w *world) play(packets int) int {
	r := rand.New(rand.NewPCG(w.seed, 0))
	w.setClock(w.now)
	view := policytest.RandomView(r)
	w.tracker.Adopt = map[uint32]uint32{}
	w.enact(view, true)
	var traffic policytest.Traffic
	for n := range packets {
		pause := policytest.RandomPause(r)
		w.now += pause
		w.setClock(w.now)
		if r.IntN(60) == 0 {
			view = policytest.Reroll(r, view)
			w.enact(view, false)
			if len(view.Interfaces) > 0 && r.IntN(2) == 0 {
				w.adopt(view.Interfaces[r.IntN(len(view.Interfaces))].Num, w.now+r.Uint32N(300))
			}
		}
		if r.IntN(5) == 0 {
			if f := traffic.Frame(r, view); runnable(f.Bytes) {
				w.seen.note(f.Shape, w.judge(f.From, f.Bytes).Reason)
			}
		} else {
			from, p := traffic.Next(r, view)
			frame := flow.Build(p)
			if p.Protocol == flow.UDP && p.Src.Is4() && !p.Fragment.Later() && r.IntN(8) == 0 {
				frame[14+20+p.Options+6], frame[14+20+p.Options+7] = 0, 0 // a sender may leave the checksum out
			}
			verdict := w.judge(from, frame)
			w.seen.note("traffic", verdict.Reason)
			traffic.Saw(view, from, p, verdict)
		}
		if w.t.Failed() {
			return n + 1
		}
	}
	return packets
}

// runnable: the kernel runs no program on less than the IP header that the frame says it has. What
// becomes of such frames TestTraffic sees.
func runnable(frame []byte) bool {
	switch binary.BigEndian.Uint16(frame[12:]) {
	case 0x0800:
		return len(frame) >= 14+20
	case 0x86dd:
		return len(frame) >= 14+40
	}
	return true
}

// enact brings the View in force. It is then what is in the maps, as if there had been none before.
func (w *world) enact(v *policy.View, first bool) {
	w.t.Helper()
	w.history = append(w.history, fmt.Sprintf("t=%d view %d", w.now, v.Revision))
	if first {
		w.apply(v)
		w.view = v
	} else {
		w.see(v)
	}
	w.forget()
	table := w.d.maps.Conns.MaxEntries()
	w.tracker.Max, w.tracker.Guaranteed, w.tracker.Shared = int(table), int(guaranteed(table, len(v.Interfaces))), int(table/2)
	want, err := imageOf(v)
	if err != nil {
		w.t.Fatal(err)
	}
	if got := w.d.image(); got != want {
		w.t.Errorf("seed %d: the maps hold\n%s\nand the View is\n%s", w.seed, got, want)
	}
	if err := w.d.heap.check(); err != nil {
		w.t.Errorf("seed %d: %v", w.seed, err)
	}
}

// adopt has the interface take up connections that are under way.
func (w *world) adopt(num, until uint32) {
	w.history = append(w.history, fmt.Sprintf("t=%d %d adopts until %d", w.now, num, until))
	for slot := range w.d.usedSlots() {
		if w.d.slots[slot].Num == num {
			w.d.slots[slot].Adopt = until
			w.tracker.Adopt[num] = until
		}
	}
}

func (w *world) judge(from uint32, frame []byte) policy.Verdict {
	w.t.Helper()
	want := w.tracker.JudgeFrame(w.view, w.now, from, frame)
	got := w.run(from, frame)
	what := fmt.Sprintf("%x", frame[:min(len(frame), 100)])
	if p, err := flow.Parse(frame); err == nil {
		what = p.String()
	}
	w.history = append(w.history, fmt.Sprintf("t=%d from %d: %s: %s", w.now, from, what, want))
	if err := compare(got, want, frame); err != nil {
		w.t.Errorf("seed %d: %v\n got  %s\n want %s\n%s", w.seed, err, got, want, w.tail())
	}
	return want
}

// tail is what happened last.
func (w *world) tail() string {
	var b bytes.Buffer
	for _, h := range w.history[max(0, len(w.history)-25):] {
		fmt.Fprintln(&b, "  ", h)
	}
	return b.String()
}

func compare(got ruling, want policy.Verdict, frame []byte) error {
	switch {
	case got.redirected != want.Allow:
		return errors.New("another verdict")
	case got.reason != want.Reason:
		return errors.New("another reason")
	case got.at != want.Interface:
		return errors.New("another interface decided")
	case got.entry != want.Entry:
		return errors.New("another entry of the network ACL decided")
	case !want.Allow:
		return nil
	case got.to != want.To:
		return errors.New("delivered elsewhere")
	case want.Neighbour != (flow.NDPacket{}):
		n, err := flow.ParseND(got.frame)
		if err == nil && n != want.Neighbour {
			err = fmt.Errorf("answered %s", n)
		}
		return errors.Join(err, flow.NDChecksum(got.frame))
	case want.Reason == policy.Answered:
		a, err := flow.ParseARP(got.frame)
		if err == nil && a != want.Answer {
			err = fmt.Errorf("answered %s", a)
		}
		return err
	}
	return compareDelivered(got, want, frame)
}

// compareDelivered: the frame is what was sent, but for the MACs and the addresses that the verdict
// says, and the checksums over them.
func compareDelivered(got ruling, want policy.Verdict, frame []byte) error {
	expected := bytes.Clone(frame)
	copy(expected, want.Packet.DstMAC[:])
	copy(expected[6:], want.Packet.SrcMAC[:])
	if want.To == 0 {
		copy(expected, got.frame[:12]) // the host's
	}
	if want.Packet.Src.Is4() {
		copy(expected[26:], want.Packet.Src.AsSlice())
		copy(expected[30:], want.Packet.Dst.AsSlice())
	}
	delivered := bytes.Clone(got.frame)
	if flow.Checksums(frame) == nil {
		if err := flow.Checksums(delivered); err != nil {
			return err
		}
	}
	if !bytes.Equal(expected[26:34], frame[26:34]) { // translated
		sums := []int{24}
		transport := 14 + int(frame[14]&0xf)*4
		switch protocol := want.Packet.Protocol; {
		case want.Packet.Fragment.Later(): // its transport header is elsewhere
		case protocol == flow.TCP:
			sums = append(sums, transport+16)
		case protocol == flow.UDP:
			if bytes.Equal(frame[transport+6:transport+8], []byte{0, 0}) != bytes.Equal(delivered[transport+6:transport+8], []byte{0, 0}) {
				return errors.New("no UDP checksum became one, or one none")
			}
			sums = append(sums, transport+6)
		}
		if quote := transport + 8; want.Packet.Quote.IsValid() {
			copy(expected[quote+12:], want.Packet.Quote.Src.AsSlice())
			copy(expected[quote+16:], want.Packet.Quote.Dst.AsSlice())
			sums = append(sums, quote+10)
		}
		for _, at := range sums {
			copy(delivered[at:at+2], expected[at:at+2])
		}
	}
	if !bytes.Equal(delivered, expected) {
		return fmt.Errorf("delivered\n %x\nnot\n %x", delivered, expected)
	}
	return nil
}
