package hostnet

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Two data directories must not choose the same block at once. The lock's file is where only root can make
// or open one, so nobody else can hold it, and is there only as long as it is held.
const (
	lockFile     = "/run/crenel-links.lock"
	lockPatience = 10 * time.Second // who holds it makes a few links
)

// lock takes the lock, and gives up when patience is over.
func lock(path string, patience time.Duration) (unlock func(), err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // flock has no wait with a limit
		f, err := tryLock(path)
		if err == nil {
			return func() {
				os.Remove(path) // first: from now on others lock another file
				f.Close()
			}, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("another crenel is choosing public addresses: it has held the lock %s for %s", path, patience)
		}
	}
}

// tryLock fails with EWOULDBLOCK also where the file was removed by who held it before.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		var locked, named os.FileInfo
		if locked, err = f.Stat(); err == nil {
			if named, err = os.Lstat(path); err != nil || !os.SameFile(locked, named) {
				err = unix.EWOULDBLOCK
			}
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
