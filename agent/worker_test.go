package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"crenel/hostapi"
	"crenel/instance"
)

func TestMain(m *testing.M) {
	if instance.IsInit() {
		instance.Init()
	}
	os.Exit(m.Run())
}

// deafen keeps an instance's first process from answering.
func deafen(t *testing.T, h instance.Home, id string) {
	t.Helper()
	var state struct{ PID int }
	raw, err := os.ReadFile(filepath.Join(h.Dir, id, "state.json"))
	if err == nil {
		err = json.Unmarshal(raw, &state)
	}
	if err == nil {
		err = unix.Prlimit(state.PID, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: 3}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestANewOrderCutsOffAStartThatWaits(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes namespaces and mounts")
	}
	dir, err := os.MkdirTemp("/var/tmp", "crenel-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var said bytes.Buffer
	a := &Agent{Log: slog.New(slog.NewTextHandler(&said, nil)), paths: newPaths(dir), settled: make(chan settlement)}
	a.home = a.paths.home()
	const id = "i-1"
	if err := a.home.Create(t.Context(), instance.Spec{ID: id, Hostname: "one", Boots: 1}); err != nil {
		t.Fatal(err)
	}
	defer a.home.Remove(id)
	deafen(t, a.home, id)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := newWorker(a, id)
	go w.run(ctx)
	w.order(ctx, hostapi.Instance{ID: id, Run: true, Boots: 1, Interfaces: []hostapi.Interface{{Addr: netip.MustParsePrefix("172.31.0.10/20")}}})
	for len(w.orders) > 0 { // until it was begun
		time.Sleep(time.Millisecond)
	}
	w.order(ctx, hostapi.Instance{ID: id, Boots: 1})
	select { // of the start that was cut off nothing is said
	case s := <-a.settled:
		if s.report.State != hostapi.Stopped || s.order.Run {
			t.Errorf("settled: %+v", s)
		}
	case <-time.After(time.Minute):
		t.Fatal("the start was not cut off")
	}
	if all, err := a.home.List(); err != nil || len(all) != 1 || all[0].Alive {
		t.Error("afterwards:", all, err)
	}
	cancel()
	if said.Len() > 0 {
		t.Error("it said", said.String())
	}
}

func TestASentenceIsShortAndHasItsCause(t *testing.T) {
	long := sentence("remove " + strings.Repeat("ä/", 20_000) + ": too many open files")
	if len(long) > 500 || !strings.HasPrefix(long, "remove ") || !strings.HasSuffix(long, ": too many open files") || !utf8.ValidString(long) {
		t.Error(len(long), long)
	}
	if got := sentence("no\xff"); got != "no?" {
		t.Error(got)
	}
}
