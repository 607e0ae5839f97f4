package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"crenel/vpc"
)

// An etcd that comes back with an older copy of its data, or with none, is not what the Store followed: it ends, however
// many writes others have made there by then, and until it does nothing of what it shows is said to be fresh.
func TestAnEtcdThatWasPutBackEndsTheStore(t *testing.T) {
	const lost = 3
	for _, row := range []struct {
		name  string
		empty bool
		since int // writes of others after the copy was put back
	}{
		{"older", false, 0},
		{"older, and at the same revision", false, lost},
		{"older, and further by now", false, 2 * lost},
		{"empty", true, 0},
		{"empty, and written to", true, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
			data := filepath.Join(dir, "data")
			endpoint, kill := external(t, dir, 128)
			update(t, openExternal(t, endpoint), account("kept"))
			kill()
			if out, err := exec.Command("cp", "-a", data, copied).CombinedOutput(); err != nil {
				t.Fatalf("%s", out)
			}
			_, kill = external(t, dir, 128)
			w := newWay(t, endpoint)
			s := openExternal(t, w.endpoint)
			s.limits.timeout = time.Second
			for n := range lost {
				update(t, s, account("lost"+strconv.Itoa(n)))
			}
			w.still.Lock()
			kill()
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
			if !row.empty {
				if err := os.Rename(copied, data); err != nil {
					t.Fatal(err)
				}
			}
			external(t, dir, 128)
			back := time.Now()
			if row.since > 0 {
				other := openExternal(t, endpoint)
				for n := range row.since {
					update(t, other, account("new"+strconv.Itoa(n)))
				}
			}
			w.still.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if _, err := s.Wait(ctx, 1<<40); !errors.Is(err, errOther) {
				t.Fatalf("it goes on, %v behind: %v", s.Behind(), err)
			}
			if behind := s.Behind(); behind < time.Since(back)-time.Second {
				t.Errorf("%v after etcd was put back, what it lost is said to be %v old", time.Since(back), behind)
			}
			if _, err := s.Update(t.Context(), vpc.Scope{}, account("late")); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errOther) {
				t.Errorf("a write: %v", err)
			}
			if again := openExternal(t, endpoint); again.Snapshot().Accounts.Get("lost0") != nil || again.Snapshot().Accounts.Get("late") != nil {
				t.Error("a Store that starts has what etcd has not")
			}
		})
	}
}

// The transaction itself sees that its base is gone: it need not be found out before.
func TestNothingIsWrittenUponWhatIsGone(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(s *Store, v *version)
	}{
		{"a lower revision", func(s *Store, v *version) { v.Revision += 5 }},
		{"another write at the same revision", func(s *Store, v *version) { v.sequence = nextSequence("") }},
	} {
		for _, fn := range []func(*vpc.Edit) error{account("2"), func(*vpc.Edit) error { return nil }} {
			s := open(t)
			s.external = true
			update(t, s, account("1"))
			v := *s.newest.Load()
			v.State, _ = v.With(v.Revision, nil)
			row.spoil(s, &v)
			s.newest.Store(&v)
			if _, err := s.Update(t.Context(), vpc.Scope{}, fn); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errOther) {
				t.Errorf("%s: %v", row.name, err)
			}
			if state, _, err := s.load(t.Context()); err != nil || state.Accounts.Get("2") != nil {
				t.Errorf("%s: it was written: %v", row.name, err)
			}
		}
	}
}

// Versions that named no writes may have written the data, and may go on to.
func TestWritesWithoutNames(t *testing.T) {
	s := open(t)
	update(t, s, account("1"))
	put, err := s.client.Put(t.Context(), sequenceKey, `{"schema":1}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(t.Context(), put.Header.Revision-1); err != nil {
		t.Fatal(err)
	}
	update(t, s, account("2"))
	if _, err = s.client.Put(t.Context(), sequenceKey, `{"schema":1,"write":"x","after":"y"}`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(t.Context(), 1<<40); !errors.Is(err, errOther) {
		t.Errorf("a write after an unknown one: %v", err)
	}
}

func TestAWriteThatOthersAlwaysComeBeforeIsAnswered(t *testing.T) {
	s := open(t)
	other := another(t, s)
	s.limits.timeout = 300 * time.Millisecond
	n := 0
	first := func(e *vpc.Edit) error {
		n++
		_, err := other.Update(t.Context(), vpc.Scope{}, account("other"+strconv.Itoa(n)))
		return errors.Join(err, account("mine")(e))
	}
	if _, err := s.Update(t.Context(), vpc.Scope{}, first); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errBehind) || n < 2 {
		t.Errorf("after %d runs: %v", n, err)
	}
	update(t, s, account("next")) // nothing else suffers
}
