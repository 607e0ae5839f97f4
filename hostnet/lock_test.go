package hostnet

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What anybody may open, anybody may lock.
func TestNobodyElseKeepsABlockFromBeingClaimed(t *testing.T) {
	host(t)
	folder, err := os.Open("/sys/class/net")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	must[Internet](t)(open(t, "5f3a9c01").ClaimPublic(netip.Prefix{}))
	if _, err := os.Stat(lockFile); err == nil {
		t.Errorf("%s is left", lockFile)
	}
	for dir := filepath.Dir(lockFile); ; dir = filepath.Dir(dir) {
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil || st.Uid != 0 || st.Mode&0o022 != 0 {
			t.Errorf("others may write in %s: %o, %v", dir, st.Mode, err)
		}
		if dir == "/" {
			break
		}
	}
}

func TestALockIsHeldByOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var all sync.WaitGroup
	var inside, taken atomic.Int32
	for range 20 {
		all.Go(func() {
			for range 10 {
				unlock, err := lock(path, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Error("held by", n)
				}
				taken.Add(1)
				inside.Add(-1)
				unlock()
			}
		})
	}
	all.Wait()
	if n := taken.Load(); n != 200 {
		t.Error("taken", n)
	}
}

func TestALockThatIsNotGivenUpIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(path, 0); err == nil || !strings.Contains(err.Error(), "another crenel is choosing public addresses") || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	unlock()
	unlock, err = lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
