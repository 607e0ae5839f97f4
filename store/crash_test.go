package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"crenel/vpc"
)

const (
	crashWriters = 4
	crashKept    = 50 // objects that a writer has at a time
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("CRENEL_TEST_WRITE_TO"); dir != "" {
		writeUntilKilled(dir)
	}
	if how := os.Getenv("CRENEL_TEST_SERVE"); how != "" {
		serveUntilKilled(how)
	}
	os.Exit(m.Run())
}

// writeUntilKilled is the process that is killed: each of its writers adds its n-th account and key,
// drops its oldest, and says "writer n" when that is acknowledged.
func writeUntilKilled(dir string) {
	s, err := Open(context.Background(), Config{Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var all sync.WaitGroup
	for w := range crashWriters {
		all.Go(func() {
			for {
				var n int
				_, err := s.Update(context.Background(), vpc.Scope{}, func(e *vpc.Edit) error {
					n = newestOf(e.State, w) + 1
					e.NewNum()
					e.Accounts.Put(&vpc.Account{ID: crashID(w, n)})
					e.AccessKeys.Put(&vpc.AccessKey{ID: crashID(w, n), Account: crashID(w, n)})
					e.Accounts.Delete(crashID(w, n-crashKept))
					e.AccessKeys.Delete(crashID(w, n-crashKept))
					return nil
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Fprintln(os.Stdout, w, n)
			}
		})
	}
	all.Wait()
}

func crashID(w, n int) string { return fmt.Sprintf("w%d-%09d", w, n) }

// newestOf is the number of the writer's newest account; 0 where it has none.
func newestOf(s *vpc.State, w int) (newest int) {
	for a := range s.Accounts.All() {
		var of, n int
		if fmt.Sscanf(a.ID, "w%d-%d", &of, &n); of == w {
			newest = max(newest, n)
		}
	}
	return newest
}

func TestKillLosesNothingThatWasAcknowledged(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	end := time.Now()
	if os.Getenv("CRENEL_SOAK") != "" {
		end = end.Add(3 * time.Minute)
	}
	var acked [crashWriters]int
	rounds := 0
	for ; rounds < 6 || time.Now().Before(end); rounds++ {
		killOneWriter(t, dir, rng.IntN(400), &acked)
		checkAfterKill(t, dir, &acked)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d rounds, acknowledged: %v", rounds, acked)
}

// The first start makes many files, and every start changes some; the next one copes with whatever
// is left of them.
func TestKillDuringTheStart(t *testing.T) {
	rng := seeded(t)
	var acked [crashWriters]int
	var dir string
	for round := range 20 {
		if round < 15 {
			dir, acked = t.TempDir(), [crashWriters]int{}
		}
		at := time.Duration(rng.IntN(120)) * time.Millisecond
		writer := startWriter(t, dir)
		time.AfterFunc(at, func() { writer.Process.Kill() })
		readAcks(t, writer, &acked, nil)
		checkAfterKill(t, dir, &acked)
		if t.Failed() {
			t.Logf("killed after %v", at)
			break
		}
	}
}

// killOneWriter starts a process that writes, kills it after so many acknowledgements, and notes the
// last one of each writer.
func killOneWriter(t *testing.T, dir string, after int, acked *[crashWriters]int) {
	t.Helper()
	writer := startWriter(t, dir)
	got := readAcks(t, writer, acked, func(n int) {
		if n == after {
			writer.Process.Kill()
		}
	})
	if got < after {
		t.Fatalf("the writer ended by itself after %d acknowledgements", got)
	}
}

type writer struct {
	*exec.Cmd
	says *bufio.Reader
}

func startWriter(t *testing.T, dir string) writer {
	t.Helper()
	cmd, says := again(t, "CRENEL_TEST_WRITE_TO="+dir)
	return writer{cmd, says}
}

// again runs the test binary as another process, which TestMain makes something else by the variable.
func again(t *testing.T, variable string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), variable)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

// readAcks notes what the writer says until its end, and calls each with the number of lines so far.
func readAcks(t *testing.T, from writer, acked *[crashWriters]int, each func(n int)) (lines int) {
	t.Helper()
	defer from.Wait()
	defer from.Process.Kill()
	for ; ; lines++ {
		if each != nil {
			each(lines)
		}
		line, err := from.says.ReadString('\n')
		if err == io.EOF {
			return lines
		}
		var w, n int
		if _, err := fmt.Sscan(line, &w, &n); err != nil {
			t.Fatalf("the writer said %q: %v", line, err)
		}
		acked[w] = n
	}
}

// checkAfterKill finds every writer's last acknowledged change, or the one after it, and nothing between.
func checkAfterKill(t *testing.T, dir string, acked *[crashWriters]int) {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir, Log: logOf(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	state := s.Snapshot()
	total := 0
	for w := range crashWriters {
		newest := newestOf(state, w)
		if newest != acked[w] && newest != acked[w]+1 {
			t.Errorf("writer %d was told that %d is written; the newest is %d", w, acked[w], newest)
		}
		for n := max(1, newest-crashKept+1); n <= newest; n++ {
			if k := state.AccessKeys.Get(crashID(w, n)); k == nil || state.Accounts.Get(crashID(w, n)) == nil {
				t.Errorf("%s is not there, or only half", crashID(w, n))
			}
		}
		total += newest
		acked[w] = newest
	}
	if got := int(state.Cell().NextNum); got != 1+total {
		t.Errorf("the next number is %d after %d writes", got, total)
	}
	if got := state.Accounts.Len(); got > crashWriters*crashKept || got != state.AccessKeys.Len() {
		t.Errorf("%d accounts and %d keys", got, state.AccessKeys.Len())
	}
}
