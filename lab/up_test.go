package lab

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"crenel/auth"
)

var binDir string // "" where no test needed it

// The programs under test, built once: an instance must see probe, so it lies outside /tmp.
var bin = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("/var/tmp", "crenel-lab-"); err != nil {
		return "", err
	}
	binDir = dir
	build := exec.Command("go", "build", "-trimpath", "-o", dir+"/", "crenel/cmd/crenel", "crenel/cmd/crenel-agent", "crenel/lab/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return dir, os.Chmod(dir, 0o755)
})

func TestMain(m *testing.M) {
	status := m.Run()
	os.RemoveAll(binDir)
	os.Exit(status)
}

// needRoot skips what makes namespaces and attaches programs.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("root is needed: this test makes namespaces and attaches eBPF programs")
	}
}

// An up is a running `crenel up`.
type up struct {
	t        *testing.T
	dir, bin string
	endpoint string
	cmd      *exec.Cmd
	said     *bytes.Buffer // on standard error
	done     chan error    // how it ended
}

// start starts `crenel up` with the data directory and waits until it is ready. When the test ends,
// what it made is removed.
func start(t *testing.T, dir string) *up {
	t.Helper()
	needRoot(t)
	programs, err := bin()
	if err != nil {
		t.Fatal(err)
	}
	u := &up{t: t, dir: dir, bin: programs}
	t.Cleanup(func() {
		if t.Failed() && u.said != nil {
			t.Logf("crenel up said:\n%s", u.said)
		}
		u.down()
	})
	u.up()
	return u
}

// up starts the process again.
func (u *up) up() {
	u.t.Helper()
	if before := u.run(exec.Command(u.bin+"/crenel", "up", "--data-dir", u.dir, "--listen", "127.0.0.1:0")); before != "" {
		u.t.Errorf("crenel up said %q before it was ready", before)
	}
}

// run starts what is to become `crenel up`, in a process group of its own, and waits until it is ready.
// It returns what was said before.
func (u *up) run(cmd *exec.Cmd) (before string) {
	u.t.Helper()
	u.said, u.cmd = &bytes.Buffer{}, cmd
	u.cmd.Stderr = u.said
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := u.cmd.StdoutPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	if err := u.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	for lines, ready := bufio.NewReader(out), false; !ready; {
		line, err := lines.ReadString('\n')
		if err != nil {
			u.t.Fatalf("crenel up ended before it was ready: %v\n%s", u.cmd.Wait(), u.said)
		}
		if u.endpoint, ready = strings.CutPrefix(strings.TrimSpace(line), "ready "); !ready {
			before += line
		}
	}
	u.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) {
		_, _ = io.Copy(io.Discard, out)
		done <- cmd.Wait()
	}(u.cmd, u.done)
	return before
}

// end sends the signal to the supervisor and waits until it is gone.
func (u *up) end(signal syscall.Signal) error {
	u.t.Helper()
	if err := u.cmd.Process.Signal(signal); err != nil {
		u.t.Fatal(err)
	}
	select {
	case err := <-u.done:
		return err
	case <-time.After(30 * time.Second):
		u.t.Fatalf("crenel up did not end\n%s", u.said)
		return nil
	}
}

func (u *up) down() {
	out, err := exec.Command(u.bin+"/crenel", "down", "--data-dir", u.dir, "--purge").CombinedOutput()
	if err != nil {
		u.t.Errorf("crenel down: %v\n%s", err, out)
	}
}

// wire is the API and the instances of this up.
func (u *up) wire() *Wire {
	u.t.Helper()
	key, err := auth.ReadRoot(u.dir)
	if err != nil {
		u.t.Fatal(err)
	}
	return &Wire{Endpoint: u.endpoint, Region: "us-east-1", Key: key, Crenel: u.bin + "/crenel", Dir: u.dir, Probe: u.bin + "/probe"}
}

// child is the pid of the supervisor's process of that name: controller or agent.
func (u *up) child(name string) int {
	u.t.Helper()
	pid := u.find(name)
	if pid == 0 {
		u.t.Fatalf("crenel up has no %s", name)
	}
	return pid
}

func (u *up) hasChild(name string) bool { return u.find(name) != 0 }

func (u *up) find(name string) (pid int) {
	program := map[string]string{"controller": "crenel\x00controller", "agent": "crenel-agent\x00run"}[name]
	var kids []byte
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", u.cmd.Process.Pid))
	for _, task := range tasks {
		more, _ := os.ReadFile(task)
		kids = append(append(kids, ' '), more...)
	}
	for _, kid := range strings.Fields(string(kids)) {
		line, _ := os.ReadFile("/proc/" + kid + "/cmdline")
		if strings.Contains(string(line), program) {
			_, _ = fmt.Sscan(kid, &pid)
		}
	}
	return pid
}

// serving is the user data that makes an instance answer on the ports.
func serving(probe string, tcp, udp []int) string {
	words := "#!/bin/sh\nexec " + probe + " serve"
	for _, p := range tcp {
		words += fmt.Sprintf(" tcp %d", p)
	}
	for _, p := range udp {
		words += fmt.Sprintf(" udp %d", p)
	}
	return words + "\n"
}

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}
