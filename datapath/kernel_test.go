package datapath

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"crenel/policy"
)

// needKernel skips where the kernel cannot be tested, and says why.
func needKernel(t testing.TB) {
	t.Helper()
	if missing := Probe(); len(missing) > 0 {
		t.Skip(errors.Join(missing...))
	}
}

// bpffsDir is a folder on a bpffs of the test's own.
func bpffsDir(t testing.TB) string {
	t.Helper()
	at := t.TempDir()
	if err := unix.Mount("bpf", at, "bpf", 0, "mode=0700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(at, "crenel-test")
}

// namespace puts the test's goroutine, and the commands that it runs, into a network namespace of its own.
func namespace(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	before, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setns(int(before.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Error(err) // the thread stays locked, and ends with its goroutine
			return
		}
		before.Close()
		runtime.UnlockOSThread()
	})
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

// ip runs lines of ip(8).
func ip(t testing.TB, lines ...string) {
	t.Helper()
	c := exec.Command("ip", "-batch", "-")
	c.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s\n%s", err, strings.Join(lines, "\n"), out)
	}
}

func ifindex(t testing.TB, name string) int {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return i.Index
}

// small are sizes for tests.
var small = Options{Conns: 1 << 16, Members: 4096, HeapCells: 1 << 17}

func opened(t testing.TB, o Options) *Datapath {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		var refused *ebpf.VerifierError
		if errors.As(err, &refused) {
			t.Fatalf("%+v", refused)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.config != nil {
			d.Close()
		}
	})
	return d
}

// A bench is a Datapath with links, whose programs the test runs itself: packets are bytes, time is
// what the test says.
type bench struct {
	t     testing.TB
	d     *Datapath
	free  []int          // ifindexes of links without an interface
	links map[uint32]int // by the interface's number
	view  *policy.View   // in force
	out   [4096]byte     // the kernel runs programs on less than a page
}

func newBench(t testing.TB, o Options) *bench {
	t.Helper()
	needKernel(t)
	o.Dir = bpffsDir(t)
	namespace(t)
	b := &bench{t: t, d: opened(t, o), links: map[uint32]int{}}
	var lines []string
	for i := range 16 {
		lines = append(lines, fmt.Sprintf("link add a%d type veth peer name b%d", i, i))
	}
	ip(t, lines...)
	for i := range 16 {
		b.free = append(b.free, ifindex(t, fmt.Sprintf("a%d", i)))
	}
	return b
}

// see makes the View be in force, by way of what it and the one before have in common.
func (b *bench) see(v *policy.View) {
	b.t.Helper()
	if b.view != nil {
		b.apply(policy.Meet(b.view, v))
	}
	b.apply(v)
	b.view = v
}

// apply makes the View be in force at once.
func (b *bench) apply(v *policy.View) {
	b.t.Helper()
	links := map[uint32]int{}
	for _, i := range v.Interfaces {
		if b.links[i.Num] == 0 {
			b.links[i.Num], b.free = b.free[0], b.free[1:]
		}
		links[i.Num] = b.links[i.Num]
	}
	image, err := Lower(v)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.d.Apply(image, links); err != nil {
		b.t.Fatal(err)
	}
}

// forget frees the links of interfaces that are no longer in the View.
func (b *bench) forget() {
	for num, ifindex := range b.links {
		if b.view == nil || !has(b.view, num) {
			b.free = append(b.free, ifindex)
			delete(b.links, num)
		}
	}
}

func has(v *policy.View, num uint32) bool {
	for _, i := range v.Interfaces {
		if i.Num == num {
			return true
		}
	}
	return false
}

// A ruling is what a program says of a frame.
type ruling struct {
	redirected bool
	reason     policy.Reason
	at, to     uint32
	entry      int
	frame      []byte // valid until the next; as it is delivered
}

func (r ruling) String() string {
	return fmt.Sprintf("%s at %d to %d by entry %d (redirected: %v)", r.reason, r.at, r.to, r.entry, r.redirected)
}

// The places of struct __sk_buff, in words.
const (
	skbPktType     = 1
	skbMark        = 2
	skbIfindex     = 10
	skbCB          = 12
	skbSegments    = 41
	skbSegmentSize = 44
	skbWords       = 48
)

const (
	tcShot     = 2
	tcRedirect = 7
)

// run has the program judge what the interface, or 0 the internet, sends.
func (b *bench) run(from uint32, frame []byte) ruling {
	b.t.Helper()
	prog, link := b.d.prog.FromInterface, b.links[from]
	if from == 0 {
		prog = b.d.prog.FromInternet
	}
	if link == 0 {
		link = b.free[len(b.free)-1]
	}
	return b.runAt(prog, link, frame)
}

func (b *bench) runAt(prog *ebpf.Program, link int, frame []byte) ruling {
	b.t.Helper()
	var in, out [skbWords]uint32
	in[skbIfindex], in[skbMark] = uint32(link), 0xbad
	if len(frame) > 1514 { // as a veth hands over what is sent large
		in[skbSegmentSize], in[skbSegments] = 1400, uint32((len(frame)+1399)/1400)
	}
	o := ebpf.RunOptions{Data: frame, DataOut: b.out[:], Context: in, ContextOut: &out}
	code, err := prog.Run(&o)
	if err != nil {
		b.t.Fatalf("run %s on %x at link %d: %v", prog, frame, link, err)
	}
	if code != tcShot && code != tcRedirect {
		b.t.Fatalf("%s returned %d: neither dropped nor redirected", prog, code)
	}
	if code == tcRedirect && (out[skbMark] != 0 || out[skbPktType] != 0) {
		b.t.Fatalf("%s let the mark %#x and the packet type %d by", prog, out[skbMark], out[skbPktType])
	}
	return ruling{redirected: code == tcRedirect, reason: policy.Reason(out[skbCB]), at: out[skbCB+1], to: out[skbCB+2], entry: int(out[skbCB+3]), frame: o.DataOut}
}

// setClock has programs and sweeps read the time, in seconds.
func (b *bench) setClock(seconds uint32) { store(&b.d.config.Clock, seconds) }

func programID(t testing.TB, p *ebpf.Program) ebpf.ProgramID {
	t.Helper()
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	id, _ := info.ID()
	return id
}

// attachedProgram is the program of the pinned link.
func attachedProgram(t testing.TB, pin string) ebpf.ProgramID {
	t.Helper()
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info.Program
}

// programsAt are the tcx programs of the link, of both directions.
func programsAt(t testing.TB, ifindex int) (ids []link.AttachedProgram) {
	t.Helper()
	for _, direction := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
		r, err := link.QueryPrograms(link.QueryOptions{Target: ifindex, Attach: direction})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.Programs...)
	}
	return ids
}
