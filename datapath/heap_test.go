package datapath

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// someExtent is one of a few, so that they come again.
func someExtent(r *rand.Rand) extentOf {
	n := r.IntN(40)
	cells := make([]uint64, 1+n*n/8)
	for i := range cells {
		cells[i] = uint64(n)
	}
	e := extentOf{cells: extent(extentRuleset, cells)}
	e.sum = sha256.Sum256([]byte(bytesOf(e.cells)))
	return e
}

// TestTheHeapLosesNothing: random extents come and go, as from Apply to Apply, and a new agent adopts
// what is there.
func TestTheHeapLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		t.Log("seed", seed)
		memory := make([]uint64, 1024)
		h, err := newHeap(memory, nil)
		if err != nil {
			t.Fatal(err)
		}
		used, waited := map[uint32]bool{}, 0
		content := map[uint32]string{}
		for range 3000 {
			begun := time.Now()
			for at := range used {
				if r.IntN(3) == 0 {
					delete(used, at)
				}
			}
			for range r.IntN(8) {
				e := someExtent(r)
				at, err := h.put(e)
				if err != nil {
					continue // full of what is in use
				}
				used[at] = true
				content[at] = bytesOf(e.cells)
			}
			if time.Since(begun) > 0 {
				waited++
			}
			h.keep(used)
			if err := h.check(); err != nil {
				t.Fatal(err)
			}
			for at := range used {
				if got := bytesOf(h.extent(at)); got != content[at] {
					t.Fatalf("extent %d is overwritten", at)
				}
			}
			time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond)
			if r.IntN(50) == 0 {
				var places []uint32
				for at := range used {
					places = append(places, at)
				}
				if h, err = newHeap(memory, places); err != nil {
					t.Fatal(err)
				}
			}
		}
		if waited == 0 {
			t.Error("the heap was never full of what rested")
		}
		t.Logf("waited %d times", waited)
	})
}

func TestAnExtentRestsBeforeItsPlaceIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := newHeap(make([]uint64, 3*line), nil)
		if err != nil {
			t.Fatal(err)
		}
		put := func(n uint64) uint32 {
			e := extentOf{sum: [32]byte{byte(n)}, cells: extent(extentRoutes, []uint64{0, n})}
			at, err := h.put(e)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		first, second := put(1), put(2)
		if first == second || first == 0 || second == 0 {
			t.Fatalf("places %d and %d", first, second)
		}
		h.keep(map[uint32]bool{second: true})
		begun := time.Now()
		if third := put(3); third != first {
			t.Errorf("place %d", third)
		}
		if waited := time.Since(begun); waited != grace {
			t.Errorf("after %v", waited)
		}
		h.keep(map[uint32]bool{second: true})
		if put(2) != second || put(3) != first {
			t.Error("what rests is not found again")
		}
		if _, err := h.put(extentOf{sum: [32]byte{9}, cells: make([]uint64, 3*line)}); err == nil || !strings.Contains(err.Error(), "heap is full") {
			t.Errorf("got %v", err)
		}
	})
}

func TestADamagedHeapIsNotAdopted(t *testing.T) {
	for _, c := range []struct {
		cell uint64
		used []uint32
	}{
		{pair(0, extentRuleset), []uint32{8}},
		{pair(100, extentRuleset), []uint32{8}},
		{pair(9, extentRuleset), []uint32{8, 16}},
		{pair(1, extentRuleset), []uint32{1 << 30}},
		{pair(1, extentRuleset), []uint32{1}},
	} {
		memory := make([]uint64, 64)
		memory[8], memory[16] = c.cell, pair(1, extentGroups)
		if _, err := newHeap(memory, c.used); err == nil || !strings.Contains(fmt.Sprint(err), "damaged") {
			t.Errorf("%x, %v: got %v", c.cell, c.used, err)
		}
	}
}
