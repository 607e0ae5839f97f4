package datapath

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

const (
	tcxNext = -1
	tcxPass = 0
)

// foreign attaches somebody else's program, which says the same of every packet, before all others.
func foreign(t *testing.T, verdict int32, ifindex int, at ebpf.AttachType, anchor link.Anchor) {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, verdict), asm.Return()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	l, err := link.AttachTCX(link.TCXOptions{Interface: ifindex, Program: p, Attach: at, Anchor: anchor})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

func programsOf(t testing.TB, ifindex int, at ebpf.AttachType) []link.AttachedProgram {
	t.Helper()
	r, err := link.QueryPrograms(link.QueryOptions{Target: ifindex, Attach: at})
	if err != nil {
		t.Fatal(err)
	}
	return r.Programs
}

// TestOursComesFirstAgain: what others attach before ours decides nothing once Lead was called, as often as they do.
func TestOursComesFirstAgain(t *testing.T) {
	needKernel(t)
	l := newLab(t, bpffsDir(t), labView())
	a, b := l.instances[1], l.instances[2]
	places := []struct {
		pin string
		at  int
		how ebpf.AttachType
	}{
		{"link-eni-1-in", a.link, ebpf.AttachTCXIngress}, {"link-eni-1-out", a.link, ebpf.AttachTCXEgress},
		{"link-eni-2-in", b.link, ebpf.AttachTCXIngress}, {"internet", ifindex(t, "crenel0-out"), ebpf.AttachTCXIngress},
	}
	s := l.listen(b, "10.0.1.5:80")
	client, server := l.connect(a, s, "10.0.1.5:80")
	for round := range 4 {
		if moved, err := l.d.Lead(); len(moved) != 0 || err != nil {
			t.Fatalf("with ours first: %v, %v", moved, err)
		}
		for n, p := range places {
			verdict := int32(tcxPass)
			if (round+n)%2 == 1 {
				verdict = tcxNext
			}
			foreign(t, verdict, p.at, p.how, link.Head())
			foreign(t, tcxPass, p.at, p.how, link.Tail()) // ours says all there is to say before that is asked
			if got := attachedProgram(t, filepath.Join(l.d.dir, p.pin)); programsOf(t, p.at, p.how)[0].ID == got {
				t.Fatalf("%s: the foreign program is not first", p.pin)
			}
		}
		if round == 0 && !l.refused(a, "10.0.1.5:80") {
			t.Error("a program that passes packets on to the host did not come before ours")
		}
		host := func() error { // sends to a on a's link itself
			return l.host.do(func() error { return sendFrame(a.link, bytes.Repeat([]byte{0xff}, 60)) })
		}
		if err := host(); (err == nil) != (round%2 == 1) { // where the foreign program passes it on
			t.Errorf("round %d: the host's own frame: %v", round, err)
		}
		moved, err := l.d.Lead()
		if err := host(); !errors.Is(err, unix.ENOBUFS) {
			t.Errorf("the host's own frame is not dropped: %v", err)
		}
		if err != nil || len(moved) != len(places) {
			t.Fatalf("moved %v, %v", moved, err)
		}
		for _, p := range places {
			there := programsOf(t, p.at, p.how)
			if got := attachedProgram(t, filepath.Join(l.d.dir, p.pin)); there[0].ID != got || len(there) != 1+2*(round+1) {
				t.Errorf("%s: %d is first of %d, and %d is pinned", p.pin, there[0].ID, len(there), got)
			}
		}
		l.chat(client, server)
		if again, other := l.connect(a, s, "10.0.1.5:80"); true {
			l.chat(again, other)
		}
		if !l.refused(a, "10.0.1.5:81") || !l.refused(l.host, "198.18.0.5:81") {
			t.Error("port 81 answers")
		}
		if client, server := l.connect(l.host, s, "198.18.0.5:80"); true {
			l.chat(client, server)
		}
	}
	for _, i := range []string{"eni-1", "eni-2", "eni-3"} {
		if err := l.d.Detach(i); err != nil {
			t.Error(err)
		}
	}
	if n := len(programsOf(t, a.link, ebpf.AttachTCXIngress)); n != 8 {
		t.Errorf("%d programs are there, 8 of them foreign", n)
	}
}

// TestOursIsNeverAbsent while it moves.
func TestOursIsNeverAbsent(t *testing.T) {
	needKernel(t)
	l := newLab(t, bpffsDir(t), labView())
	a := l.instances[1]
	// Behind all of them is one that would pass it to the host.
	foreign(t, tcxPass, a.link, ebpf.AttachTCXIngress, link.Tail())
	foreigners := 1
	var looking sync.WaitGroup
	stop, looks, absent := make(chan struct{}), 0, 0
	tag := func(id ebpf.ProgramID) string {
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			return ""
		}
		defer p.Close()
		info, err := p.Info()
		if err != nil {
			return ""
		}
		return info.Tag
	}
	ours := tag(programID(t, l.d.prog.FromInterface))
	looking.Go(func() {
		_ = l.host.do(func() error {
			for {
				select {
				case <-stop:
					return nil
				default:
				}
				there, err := programsThere(hooks("eni-1")[0], a.link)
				if err != nil {
					return err
				}
				found := false
				for _, p := range there {
					found = found || tag(p.ID) == ours
				}
				if looks++; !found {
					absent++
				}
			}
		})
	})
	for range 20 {
		foreign(t, tcxNext, a.link, ebpf.AttachTCXIngress, link.Head())
		foreigners++
		if moved, err := l.d.Lead(); len(moved) != 1 || err != nil {
			t.Errorf("moved %v, %v", moved, err)
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
	looking.Wait()
	t.Logf("%d looks", looks)
	if absent > 0 || looks == 0 {
		t.Errorf("ours was absent at %d of %d looks", absent, looks)
	}
	if n := len(programsOf(t, a.link, ebpf.AttachTCXIngress)); n != foreigners+1 {
		t.Errorf("%d programs, of which %d are foreign", n, foreigners)
	}
}

// TestALeadThatWasKilled is finished by the next one, also of a process that comes after it.
func TestALeadThatWasKilled(t *testing.T) {
	needKernel(t)
	dir := bpffsDir(t)
	l := newLab(t, dir, labView())
	a, h := l.instances[1], hooks("eni-1")[0]
	for round := range 4 {
		foreign(t, tcxPass, a.link, ebpf.AttachTCXIngress, link.Head())
		next := filepath.Join(l.d.dir, nextPin+h.pin)
		if err := l.d.attachNext(next, h, a.link, programsOf(t, a.link, h.attach)); err != nil {
			t.Fatal(err)
		}
		if round%2 == 1 { // and meanwhile
			foreign(t, tcxPass, a.link, ebpf.AttachTCXIngress, link.Head())
		}
		if round > 1 {
			l.d.Close()
			l.d = opened(t, Options{Dir: dir})
		}
		if moved, err := l.d.Lead(); fmt.Sprint(moved) != "[link-eni-1-in]" || err != nil {
			t.Fatalf("moved %v, %v", moved, err)
		}
		if got := attachedProgram(t, filepath.Join(l.d.dir, h.pin)); programsOf(t, a.link, h.attach)[0].ID != got {
			t.Error("ours is not first")
		}
	}
	if n := len(programsOf(t, a.link, h.attach)); n != 7 {
		t.Errorf("%d programs, of which 6 are foreign", n)
	}
}
