package datapath

import (
	"testing"

	"github.com/cilium/ebpf"
)

func TestTheVerifierTakesEveryProgram(t *testing.T) {
	needKernel(t)
	d := open_(t, Options{Dir: bpffsDir(t), Conns: 1024, Members: 1024, HeapCells: 1024})
	for _, p := range []*ebpf.Program{d.prog.FromInterface, d.prog.FromInternet, d.prog.ToInterface} {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		seen, _ := info.VerifiedInstructions()
		xlated, _ := info.TranslatedSize()
		jited, _ := info.JitedSize()
		t.Logf("%-14s %6d instructions verified, %5d translated, %5d bytes of machine code", info.Name, seen, xlated/8, jited)
		if seen > 250_000 {
			t.Errorf("%s: the verifier saw %d instructions: kernels stop at a million", info.Name, seen)
		}
	}
}
