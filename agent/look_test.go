package agent

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"crenel/hostapi"
	"crenel/hostnet"
	"crenel/policy"
)

// newHost is a network namespace in which the test's thread is from here on, and one for an instance.
func newHost(t *testing.T) (instance *os.File) {
	t.Helper()
	if missing := Probe(); len(missing) > 0 {
		t.Skip(missing)
	}
	runtime.LockOSThread() // for ever
	for range 2 {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Fatal(err)
		}
		if instance == nil {
			f, err := os.Open("/proc/thread-self/ns/net")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			instance = f
		}
	}
	return instance
}

// newAgent is one that has opened what it needs; with the same directory, the next one.
func newAgent(t *testing.T, dir string) *Agent {
	t.Helper()
	a := &Agent{Dir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if err := a.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.links.Close()
		a.kernel.Close()
	})
	return a
}

// wiredAgent has one interface in force at a link.
func wiredAgent(t *testing.T) (a *Agent, eni hostnet.Interface) {
	t.Helper()
	ns, dir := newHost(t), t.TempDir()
	t.Cleanup(func() {
		if err := Clean(context.Background(), dir, true); err != nil {
			t.Error(err)
		}
	})
	a = newAgent(t, dir)
	eni = hostnet.Interface{ID: "eni-1", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 10}, Addr: netip.MustParsePrefix("10.0.0.4/24")}
	a.view = &policy.View{Revision: 1, Public: a.pool,
		Subnets:    []policy.Subnet{{ID: "subnet-1", VPC: 1, CIDR: netip.MustParsePrefix("10.0.0.0/24"), Routes: []policy.Route{{Destination: netip.MustParsePrefix("10.0.0.0/16"), Target: policy.Local}}}},
		Groups:     []policy.Group{{Num: 1, ID: "sg-1"}},
		Interfaces: []policy.Interface{{Num: 1, ID: eni.ID, VPC: 1, Subnet: "subnet-1", MAC: [6]byte(eni.MAC), Addr: eni.Addr.Addr(), Groups: []uint32{1}, SourceDestCheck: true}},
	}
	index, err := a.connect(t.Context(), eni, ns)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.up(t.Context(), eni, ns); err != nil {
		t.Fatal(err)
	}
	a.wired[eni.ID] = wire{index: index, instance: "i-1"}
	a.desired.View = a.view
	if err := a.keep(a.view); err != nil {
		t.Fatal(err)
	}
	if err := a.apply(); err != nil {
		t.Fatal(err)
	}
	if got := a.kernel.Links(); len(got) != 1 || got[0] != index {
		t.Fatalf("in force at %v, want %d", got, index)
	}
	return a, eni
}

// Somebody deletes the link while the agent runs, or while none does: nothing is in force at its number any more, which may
// come to be another one's.
func TestNothingIsInForceAtALinkThatIsGone(t *testing.T) {
	for _, while := range []string{"an agent runs", "none does"} {
		t.Run(while, func(t *testing.T) {
			a, eni := wiredAgent(t)
			if err := a.links.RemoveInterface(eni.ID); err != nil {
				t.Fatal(err)
			}
			if while == "an agent runs" {
				a.look(t.Context())
				if w := a.wired[eni.ID]; !w.lost || w.index != 0 {
					t.Errorf("the agent takes the link to be %+v", w)
				}
			} else {
				a = newAgent(t, a.Dir)
				if err := a.adopt(); err != nil {
					t.Fatal(err)
				}
			}
			if got := a.kernel.Links(); len(got) != 0 {
				t.Errorf("still in force at %v", got)
			}
			if a.trouble != "" || a.wrong != "" {
				t.Errorf("trouble: %q; %q", a.trouble, a.wrong)
			}
		})
	}
}

// While there are so many foreign programs at a link that there is no room for ours before them, the status says so; and
// no longer than that.
func TestAForeignProgramThatCannotBeHelpedIsSaid(t *testing.T) {
	a, eni := wiredAgent(t)
	a.reports = make(chan hostapi.Report, 1)
	index := a.wired[eni.ID].index
	var others []link.Link
	for full := false; !full; {
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		l, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: p, Attach: ebpf.AttachTCXIngress, Anchor: link.Head()})
		if full = err != nil; !full {
			defer l.Close()
			others = append(others, l)
		}
	}
	said := func() string {
		a.look(t.Context())
		a.push(nil, nil)
		return (<-a.reports).Trouble
	}
	if got := said(); !strings.Contains(got, "another program comes before link-eni-1-in") {
		t.Errorf("with %d foreign programs the status says %q", len(others), got)
	}
	if err := others[0].Close(); err != nil {
		t.Fatal(err)
	}
	if got := said(); got != "" {
		t.Errorf("with room for ours the status says %q", got)
	}
	r, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: ebpf.AttachTCXIngress})
	if err != nil || len(r.Programs) != len(others) {
		t.Errorf("%d programs, %d of them foreign (%v)", len(r.Programs), len(others)-1, err)
	}
}

// What somebody detaches, or whose pin somebody removes, is attached again.
func TestWhatSomebodyDetachesIsAttachedAgain(t *testing.T) {
	a, _ := wiredAgent(t)
	pins, err := filepath.Glob(filepath.Join(a.paths.pins(), "v*", "link-*"))
	if err != nil || len(pins) != 2 {
		t.Fatal(pins, err)
	}
	internet, err := filepath.Glob(filepath.Join(a.paths.pins(), "v*", "internet"))
	if err != nil || len(internet) != 1 {
		t.Fatal(internet, err)
	}
	for _, pin := range append(pins, internet...) {
		for how, undo := range map[string]func(link.Link) error{
			"detached": func(l link.Link) error { return l.Detach() }, "unpinned": func(link.Link) error { return os.Remove(pin) },
		} {
			l, err := link.LoadPinnedLink(pin, nil)
			if err != nil {
				t.Fatal(err)
			}
			was, err := l.Info()
			if err == nil {
				err = undo(l)
			}
			l.Close()
			if err != nil {
				t.Fatal(err)
			}
			a.look(t.Context())
			if l, err = link.LoadPinnedLink(pin, nil); err != nil {
				t.Fatalf("%s, %s: %v", pin, how, err)
			}
			if is, err := l.Info(); err != nil || is.TCX().Ifindex != was.TCX().Ifindex || a.wrong != "" {
				t.Errorf("%s, %s: %v %v; %q", pin, how, is, err, a.wrong)
			}
			l.Close()
		}
	}
}
