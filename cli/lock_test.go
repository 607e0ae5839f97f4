//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the lock file says may be wrong, and down is root's.
func TestOnlyAnUpIsStopped(t *testing.T) {
	other := exec.Command("sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	for _, pid := range []int{-1, 0, 1, other.Process.Pid} {
		if err := stop(pid); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("names process %d, which is ", pid)) {
			t.Errorf("stopping process %d: %v", pid, err)
		}
	}
	if err := other.Process.Signal(unix.Signal(0)); err != nil {
		t.Error("it was stopped:", err)
	}
}

func TestTheControllersLockIsForReadingOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := lockController(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("up 1\n"); err == nil {
		t.Error("it can be written to")
	}
	again, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := flock(again, 0); err != unix.EWOULDBLOCK {
		t.Error("it can be taken twice:", err)
	}
	f.Close()
	if err := flock(again, 0); err != nil {
		t.Error("it is not free again:", err)
	}
}
