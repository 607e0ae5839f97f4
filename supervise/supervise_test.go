package supervise

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newFile is where processes may write, all at once.
func newFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "said"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t *testing.T, f *os.File) string {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func shell(name, script string, ready bool) Process {
	return Process{Name: name, Path: "/bin/sh", Args: []string{"-c", script}, Tells: ready}
}

func TestAProcessThatIsReadyIsToldToStopAndStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	said := newFile(t)
	err := Run(ctx, []Process{shell("one", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done", true)}, cancel, said)
	if err != nil {
		t.Errorf("got %v; it said %s", err, content(t, said))
	}
}

func TestAProcessThatDoesNotStartEndsEverything(t *testing.T) {
	said := newFile(t)
	err := Run(context.Background(), []Process{
		shell("good", "exec sleep 1000", false),
		shell("bad", "echo no luck >&2; exit 3", true),
	}, func() { t.Error("it was ready") }, said)
	if err == nil || err.Error() != "the bad did not start: exit status 3" || content(t, said) != "no luck\n" {
		t.Errorf("got %v and %q", err, content(t, said))
	}
}

func TestTheNextStartsOnlyWhenTheOneBeforeHas(t *testing.T) {
	dir := t.TempDir()
	second := shell("second", "touch "+dir+"/second; exec sleep 1000", false)
	err := Run(context.Background(), []Process{shell("first", "exit 1", true), second}, func() {}, newFile(t))
	if _, found := os.Stat(dir + "/second"); err == nil || found == nil {
		t.Errorf("the first failed (%v), and the second was started", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	first := fmt.Sprintf("echo started; while ! [ -e %s/second ]; do sleep 0.01; done; echo ready; exec sleep 1000", dir)
	if err := Run(ctx, []Process{shell("first", first, true), second}, cancel, newFile(t)); err != nil {
		t.Error(err)
	}
}

func TestAProcessThatIsKilledIsStartedAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	script := fmt.Sprintf("if mkdir %s/first 2>/dev/null; then kill -9 $$; fi; echo ready; exec sleep 1000", dir)
	if err := Run(ctx, []Process{shell("one", script, true)}, cancel, newFile(t)); err != nil {
		t.Error(err)
	}
}

func TestInputAndFilesAreHandedOver(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	p := shell("one", fmt.Sprintf("cat >&%d; echo ready; exec sleep 1000", FirstFile), true)
	p.Input, p.Files = "a secret", []*os.File{out}
	if err := Run(ctx, []Process{p}, cancel, newFile(t)); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(out.Name()); string(b) != "a secret" {
		t.Errorf("it wrote %q", b)
	}
}

func TestTheEnvironmentIsNotHandedOver(t *testing.T) {
	t.Setenv("SOME_SECRET", "secret")
	t.Setenv("CRENEL_VERBOSE", "1")
	t.Setenv("TZ", "UTC")
	ctx, cancel := context.WithCancel(context.Background())
	said := newFile(t)
	script := "echo ${SOME_SECRET-none} $CRENEL_VERBOSE $TZ ${PATH:+path} ${HOME-none} >&2; echo ready; exec sleep 1000"
	if err := Run(ctx, []Process{shell("one", script, true)}, cancel, said); err != nil {
		t.Error(err)
	}
	if got := content(t, said); got != "none 1 UTC path none\n" {
		t.Errorf("it has %q", got)
	}
}

// The test binary is a supervisor, and its child follows it, where these say so.
const asSupervisor, asChild = "CRENEL_TEST_PARENT", "CRENEL_TEST_CHILD"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asChild) != "":
		if err := Follow(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Print(ReadyLine)
		select {}
	case os.Getenv(asSupervisor) != "":
		os.Setenv(asChild, "yes")
		err := Run(context.Background(), []Process{{Name: "child", Path: os.Args[0], Tells: true}}, func() {
			kids, _ := filepath.Glob("/proc/self/task/*/children")
			for _, k := range kids {
				b, _ := os.ReadFile(k)
				fmt.Print(string(b))
			}
			fmt.Println()
		}, os.Stderr)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestKillNineOfTheSupervisorEndsItsProcesses(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asSupervisor+"=yes")
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	child, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, 10_000)
	if n != 1 || err != nil {
		t.Errorf("the child still runs after 10 s (%v)", err)
	}
}

func TestFollowNeedsASupervisor(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"=yes")
	out, err := cmd.CombinedOutput()
	if err == nil || strings.TrimSpace(string(out)) != "this command is for crenel up to start" {
		t.Errorf("got %v: %s", err, out)
	}
}
