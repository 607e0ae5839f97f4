package datapath

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"crenel/policy"
	"crenel/policy/policytest"
)

// refuse runs f with the network namespace around it, and has the kernel refuse its calls of bpf(2) that make or change
// something, as if it had no memory: all but so many first ones. What is tested is as it runs: a seccomp filter asks us.
func refuse(t *testing.T, after int, f func() error) error {
	t.Helper()
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for ever: the filter goes with the thread
		listener, err := listenToBPF()
		if err == nil {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			done <- fmt.Errorf("seccomp: %w", err)
			return
		}
		answered := make(chan error, 1)
		go func() { answered <- answer(listener, after) }()
		err = f()
		go func() { // when the thread is gone there is nothing to answer any more
			if err := <-answered; err != nil {
				t.Error(err)
			}
			done <- err
		}()
	}()
	return <-done
}

// listenToBPF has this thread's calls of bpf(2) that make or change something wait for an answer at what it returns.
func listenToBPF() (listener int, err error) {
	const (
		load, equal, ret      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
		number, firstArgument = 0, 16 // in struct seccomp_data
	)
	commands := []uint32{unix.BPF_MAP_CREATE, unix.BPF_MAP_UPDATE_ELEM, unix.BPF_MAP_DELETE_ELEM, unix.BPF_PROG_LOAD, unix.BPF_OBJ_PIN, unix.BPF_LINK_CREATE, unix.BPF_LINK_UPDATE}
	n := uint8(len(commands))
	filter := []unix.SockFilter{{Code: load, K: number}, {Code: equal, K: unix.SYS_BPF, Jf: n + 1}, {Code: load, K: firstArgument}}
	for i, c := range commands {
		filter = append(filter, unix.SockFilter{Code: equal, K: c, Jt: n - uint8(i)})
	}
	filter = append(filter, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

// answer lets so many calls by, and says of the others that there is no memory, until whoever calls is gone.
func answer(listener, after int) error {
	defer unix.Close(listener)
	const recv, send, goOn = 0xc0502100, 0xc0182101, 1 // SECCOMP_IOCTL_NOTIF_RECV, _SEND, SECCOMP_USER_NOTIF_FLAG_CONTINUE
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return err
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			return nil
		}
		var call struct { // seccomp_notif
			id   uint64
			rest [9]uint64
		}
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), recv, uintptr(unsafe.Pointer(&call))); errno != 0 {
			if errno == unix.EINTR || errno == unix.ENOENT {
				continue
			}
			return errno
		}
		said := struct { // seccomp_notif_resp
			id    uint64
			value int64
			err   int32
			flags uint32
		}{id: call.id, flags: goOn}
		if after--; after < 0 {
			said.err, said.flags = -int32(unix.ENOMEM), 0
		}
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), send, uintptr(unsafe.Pointer(&said))); errno != 0 && errno != unix.ENOENT {
			return errno
		}
	}
}

// TestAnApplyThatIsRefusedHalfWay: at whichever of its writes the kernel has no memory, what is in force then lies between the
// two Images, and the next Apply, of the one or the other, brings it to where it should be.
func TestAnApplyThatIsRefusedHalfWay(t *testing.T) {
	b := newBench(t, small)
	b.setClock(1000)
	first, refused := rand.Uint64(), 0
	t.Log("seed", first)
	for n := range uint64(12) {
		r := rand.New(rand.NewPCG(first, n))
		one := policytest.RandomView(r)
		other := policytest.Reroll(r, one)
		b.view = nil
		b.apply(other)
		b.apply(one)
		worlds := []*policy.View{one, policy.Meet(one, other), other}
		images, links := lowered(t, b, worlds)
		packets := statelessPackets(r, worlds)
		isInForce := func(w int) {
			t.Helper()
			if want, err := imageOf(worlds[w]); err != nil || b.d.image() != want {
				t.Errorf("seed %d, %d: in force is\n%s\nand should be\n%s", first, n, b.d.image(), want)
			}
			if err := b.d.heap.check(); err != nil {
				t.Error(err)
			}
		}
		for _, way := range [][2]int{{0, 1}, {1, 2}, {2, 1}, {1, 0}} {
			from, to := way[0], way[1]
			for after := 0; ; after++ {
				err := refuse(t, after, func() error { return b.d.Apply(images[to], links[to]) })
				if err == nil {
					break
				}
				if !errors.Is(err, unix.ENOMEM) {
					t.Fatal(err)
				}
				refused++
				for _, p := range packets {
					got, was, is := b.run(p.from, p.frame), p.views[from], p.views[to]
					may := was.Allow && was.To == got.to || is.Allow && is.To == got.to
					must := was.Allow && is.Allow && was.To == is.To
					if got.redirected && !may || !got.redirected && must {
						t.Errorf("seed %d, %d, after %d writes: %s from %d: %s; before %s, after %s", first, n, after, p.packet, p.from, got, was, is)
					}
				}
				if after%2 == 0 { // once more
					if err := b.d.Apply(images[to], links[to]); err != nil {
						t.Fatal(err)
					}
					isInForce(to)
				}
				if err := b.d.Apply(images[from], links[from]); err != nil {
					t.Fatal(err)
				}
				isInForce(from)
				if t.Failed() {
					return
				}
			}
			isInForce(to)
		}
		b.view = &policy.View{}
		b.apply(b.view)
		b.forget()
	}
	t.Logf("%d refusals", refused)
	if refused < 20 {
		t.Error("too few writes were refused")
	}
}

// TestAttachingThatIsRefused: at whichever step, a link has both programs or Attach says that it has not, and so the link stays
// down; ours is never lost where others are; and what was begun is finished by the next call.
func TestAttachingThatIsRefused(t *testing.T) {
	needKernel(t)
	dir := bpffsDir(t)
	namespace(t)
	// until calls do with one call more let by each time, until it succeeds.
	until := func(what string, do func() error) {
		t.Helper()
		refused := 0
		for after := 0; ; after++ {
			err := refuse(t, after, do)
			if err == nil {
				break
			}
			refused++
		}
		if t.Logf("%s: refused %d times", what, refused); refused == 0 {
			t.Errorf("%s was never refused", what)
		}
	}
	var d *Datapath
	until("open", func() (err error) {
		d, err = Open(Options{Dir: dir, Conns: 16, Members: 16, HeapCells: 64})
		return err
	})
	defer d.Close()
	ip(t, "link add one type veth peer name two")
	at := ifindex(t, "one")
	until("attach", func() error {
		err := d.Attach("eni-1", at)
		if n := attachedPrograms(t, "one"); (n == 2) != (err == nil) {
			t.Errorf("%d programs, and attach says %v", n, err)
		}
		return err
	})
	foreign(t, tcxPass, at, ebpf.AttachTCXIngress, link.Head())
	pin := filepath.Join(d.dir, "link-eni-1-in")
	until("lead", func() error {
		_, err := d.Lead()
		there := programsOf(t, at, ebpf.AttachTCXIngress)
		if first := there[0].ID == attachedProgram(t, pin); first != (err == nil) || len(there) != 2 {
			t.Errorf("%d programs, ours first: %t, and lead says %v", len(there), first, err)
		}
		return err
	})
}
