package datapath

import (
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func TestTheVerifierTakesEveryProgram(t *testing.T) {
	needKernel(t)
	d := opened(t, Options{Dir: bpffsDir(t), Conns: 1024, Members: 1024, HeapCells: 1024})
	for _, p := range []*ebpf.Program{d.prog.FromInterface, d.prog.FromInternet, d.prog.ToInterface} {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		seen, _ := info.VerifiedInstructions()
		xlated, _ := info.TranslatedSize()
		jited, _ := info.JitedSize()
		t.Logf("%-14s %6d instructions verified, %5d translated, %5d bytes of machine code", info.Name, seen, xlated/8, jited)
		if seen > 500_000 { // half of what they stop at: kernels differ by as much
			t.Errorf("%s: the verifier saw %d instructions: kernels stop at a million", info.Name, seen)
		}
	}
}

func TestTheProgramsClockGoesBySeconds(t *testing.T) {
	needKernel(t)
	d := opened(t, Options{Dir: bpffsDir(t), Conns: 16, Members: 16, HeapCells: 64})
	system := func() int64 {
		t.Helper()
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			t.Fatal(err)
		}
		return ts.Sec
	}
	// However long a reading takes, the program's was between the system's two.
	read := func() (before, program, after int64) {
		t.Helper()
		before = system()
		now, err := d.now()
		if err != nil {
			t.Fatal(err)
		}
		return before, int64(now), system()
	}
	before, first, after := read()
	for b, now, a := before, first, after; a < before+3; b, now, a = read() {
		if passed := now - first; passed < b-after-1 || passed > a-before+1 {
			t.Fatalf("%d seconds passed in %d to %d", passed, b-after, a-before)
		}
	}
	store(&d.config.Clock, 7)
	if _, p, _ := read(); p != 7 {
		t.Errorf("a clock that is set shows %d", p)
	}
}
