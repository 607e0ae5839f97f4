//go:build unix

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lock takes the data directory for this process, which is an up, a server or a down. The lock is held by every process that has the
// file open. Of an up these are itself and its agent, both root's: down believes what is written there.
func lock(dir, role string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, patience); err != nil {
		role, pid := holder(f)
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &inUseError{dir, role, pid}
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%s %d\n", role, os.Getpid()), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// lockController takes the lock that a controller holds, for it to inherit: it is free when the last
// controller is gone. The controller is not root, and with a descriptor that only reads, of no other lock, it can give
// away nothing but its own place.
func lockController(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "run", "controller.lock"), os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, lockPatience); err != nil {
		f.Close()
		return nil, fmt.Errorf("a controller of an earlier crenel up still runs with %s: %w", dir, err)
	}
	return f, nil
}

// lockPatience is for the processes of a killed `up`: they end with it, but for a few milliseconds.
const lockPatience = 3 * time.Second

// flock fails with EWOULDBLOCK when patience is over.
func flock(f *os.File, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // it has no wait with a limit
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
	}
}

// stop asks an `up` to end. Its number is from a file, so what it means now is looked at first, and held: a
// process found cannot become another.
func stop(pid int) error {
	if pid <= 1 {
		return fmt.Errorf("the lock names process %d, which is no crenel up", pid)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer p.Release()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if errors.Is(err, os.ErrNotExist) {
		return nil // it has ended
	}
	if err != nil {
		return err
	}
	if filepath.Base(strings.TrimSuffix(program, " (deleted)")) != filepath.Base(self) {
		return fmt.Errorf("the lock names process %d, which is %s and no crenel up", pid, program)
	}
	if err := p.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	return nil
}

// holder is the process that wrote the lock file, and what it is; 0: nobody did.
func holder(f *os.File) (role string, pid int) {
	_, _ = fmt.Fscan(io.NewSectionReader(f, 0, 32), &role, &pid)
	return role, pid
}

type inUseError struct {
	dir, role string
	pid       int
}

func (e *inUseError) Error() string {
	return fmt.Sprintf("the data directory %s is in use by another crenel %s (process %d)", e.dir, e.role, e.pid)
}
