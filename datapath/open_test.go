package datapath

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var tiny = Options{Conns: 16, Members: 16, HeapCells: 64}

func TestAFolderOfALaterLayoutIsRefused(t *testing.T) {
	needKernel(t)
	dir := bpffsDir(t)
	if err := os.MkdirAll(folder(dir, Layout+1), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: dir})
	if !errors.Is(err, ErrLayout) || !strings.Contains(err.Error(), "crenel down") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("v%d", Layout))); err == nil {
		t.Error("it made maps all the same")
	}
}

func TestAFolderThatIsNotOnABPFFSIsRefused(t *testing.T) {
	needKernel(t)
	if _, err := Open(Options{Dir: filepath.Join(t.TempDir(), "x")}); err == nil || !strings.Contains(err.Error(), "bpffs") {
		t.Errorf("open: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err == nil || !strings.Contains(err.Error(), "bpffs") {
		t.Errorf("remove: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "precious")); err != nil {
		t.Error(err)
	}
}

// TestAnOpenThatWasKilled: maps are pinned all or not at all.
func TestAnOpenThatWasKilled(t *testing.T) {
	needKernel(t)
	o := tiny
	o.Dir = bpffsDir(t)
	d := opened(t, o)
	d.Close()
	making := filepath.Join(o.Dir, fmt.Sprintf("v%d-new", Layout))
	if err := os.Rename(filepath.Join(o.Dir, fmt.Sprintf("v%d", Layout)), making); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(making, kernelMapHeap)); err != nil {
		t.Fatal(err)
	}
	d = opened(t, o)
	if err := d.heap.check(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(making); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", making)
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	needKernel(t)
	o := tiny
	o.Dir = bpffsDir(t)
	namespace(t)
	ip(t, "link add one type veth peer name two")
	d := opened(t, o)
	for range 2 {
		if err := d.Attach("eni-1", ifindex(t, "one")); err != nil {
			t.Fatal(err)
		}
		if err := d.AttachInternet(ifindex(t, "two"), ifindex(t, "one")); err != nil {
			t.Fatal(err)
		}
	}
	d.Close()
	if got := attachedPrograms(t, "one", "two"); got != 3 {
		t.Errorf("%d programs are attached", got)
	}
	for range 2 {
		if err := Remove(o.Dir); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", o.Dir)
	}
	if got := attachedPrograms(t, "one", "two"); got != 0 {
		t.Errorf("%d programs are still attached", got)
	}
}

func TestALinkWhoseDeviceIsGoneIsAttachedAnew(t *testing.T) {
	needKernel(t)
	o := tiny
	o.Dir = bpffsDir(t)
	namespace(t)
	d := opened(t, o)
	for _, bad := range []string{"", "a/b", "..", "eni.1"} {
		if err := d.Attach(bad, 1); err == nil {
			t.Errorf("%q was attached", bad)
		}
	}
	if err := d.Attach("eni-1", 4711); err == nil {
		t.Error("a link that is not there was attached")
	}
	for range 3 {
		ip(t, "link add one type veth peer name two")
		if err := d.Attach("eni-1", ifindex(t, "one")); err != nil {
			t.Fatal(err)
		}
		if got := attachedPrograms(t, "one"); got != 2 {
			t.Errorf("%d programs are attached", got)
		}
		ip(t, "link del one")
	}
	// A pin of which one half was made: as of an agent that was killed.
	ip(t, "link add one type veth peer name two")
	if err := os.Remove(filepath.Join(d.dir, "link-eni-1-out")); err != nil {
		t.Fatal(err)
	}
	if err := d.Attach("eni-1", ifindex(t, "one")); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Attached(); fmt.Sprint(got) != "[eni-1]" || err != nil {
		t.Errorf("attached: %v, %v", got, err)
	}
	for range 2 {
		if err := d.Detach("eni-1"); err != nil {
			t.Error(err)
		}
	}
	if got := attachedPrograms(t, "one"); got != 0 {
		t.Errorf("%d programs are still attached", got)
	}
}

// attachedPrograms counts the tcx programs of the links.
func attachedPrograms(t testing.TB, links ...string) (n int) {
	t.Helper()
	for _, name := range links {
		n += len(programsAt(t, ifindex(t, name)))
	}
	return n
}

// TestTheBPFFS mounts and unmounts in a mount namespace of its own.
func TestTheBPFFS(t *testing.T) {
	needKernel(t)
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			for onBPFFS(bpffs) {
				if err := unix.Unmount(bpffs, unix.MNT_DETACH); err != nil {
					return err
				}
			}
			return mountAndUnmount()
		}()
	}()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func mountAndUnmount() error {
	if err := UnmountBPFFS(); err != nil {
		return fmt.Errorf("where there is none: %w", err)
	}
	for _, want := range []bool{true, false} {
		if mounted, err := MountBPFFS(); mounted != want || err != nil {
			return fmt.Errorf("mounted: %v, %v", mounted, err)
		}
	}
	other := filepath.Join(bpffs, "crenel-other")
	if err := os.Mkdir(other, 0o700); err != nil {
		return err
	}
	if err := UnmountBPFFS(); err != nil || !onBPFFS(bpffs) {
		return fmt.Errorf("it is gone though another is there: %v", err)
	}
	if err := Remove(other); err != nil {
		return err
	}
	if err := UnmountBPFFS(); err != nil || onBPFFS(bpffs) {
		return fmt.Errorf("it is still there: %v", err)
	}
	// Somebody else's stays.
	if err := unix.Mount("bpf", bpffs, "bpf", 0, ""); err != nil {
		return err
	}
	if mounted, err := MountBPFFS(); mounted || err != nil {
		return fmt.Errorf("mounted over another: %v, %v", mounted, err)
	}
	if err := UnmountBPFFS(); err != nil || !onBPFFS(bpffs) {
		return fmt.Errorf("somebody else's is gone: %v", err)
	}
	return nil
}

func TestProbeFindsWhatAnUnprivilegedProcessLacks(t *testing.T) {
	if os.Getenv("CRENEL_PROBE") != "" {
		for _, err := range Probe() {
			fmt.Println("lacks:", err)
		}
		return
	}
	needKernel(t)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "crenel-probe") // that nobody may enter
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "probe"), self, 0o755)); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(dir, "probe"), "-test.run=TestProbeFinds", "-test.v")
	c.Env = append(os.Environ(), "CRENEL_PROBE=1")
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	if err != nil || strings.Count(string(out), "lacks:") != 1 || !strings.Contains(string(out), "needs root, or CAP_BPF") {
		t.Errorf("%v\n%s", err, out)
	}
}
