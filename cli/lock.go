//go:build unix

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lock takes the data directory for this process, which is an up, a server or a down. The lock is held by every process that has the
// file open, so it is free only when the last child of a killed `up` is gone too: those few
// milliseconds are waited for.
func lock(dir, role string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(patience)
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			break
		}
		time.Sleep(20 * time.Millisecond) // flock has no wait with a limit
	}
	if err != nil {
		role, pid := holder(f)
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &inUseError{dir, role, pid}
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%s %d\n", role, os.Getpid()), 0)
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
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
