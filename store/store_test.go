package store

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"crenel/vpc"
)

// open opens a Store of its own for the test.
func open(t testing.TB) *Store { return openIn(t, t.TempDir()) }

func openIn(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir, Log: logOf(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// another is a second server over the etcd of s.
func another(t testing.TB, s *Store) *Store {
	t.Helper()
	o := &Store{log: s.log, client: s.client, limits: s.limits, stop: func() {}}
	o.life, o.end = context.WithCancelCause(context.Background())
	if err := o.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func logOf(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	if given, err := strconv.ParseUint(os.Getenv("CRENEL_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("CRENEL_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// account is an operation that adds an account, outside every Region.
func account(id string) func(*vpc.Edit) error {
	return func(e *vpc.Edit) error {
		e.Accounts.Put(&vpc.Account{ID: id})
		return nil
	}
}

func update(t testing.TB, s *Store, fn func(*vpc.Edit) error) int64 {
	t.Helper()
	revision, err := s.Update(t.Context(), vpc.Scope{}, fn)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// commits counts the transactions that etcd has seen.
func commits(t testing.TB, s *Store) int64 {
	t.Helper()
	resp, err := s.client.Get(t.Context(), sequenceKey)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Kvs) == 0 {
		return 0
	}
	return resp.Kvs[0].Version
}

func TestAnUpdateIsReadAtOnceAndAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	if got := s.Snapshot().Revision; got != 0 {
		t.Errorf("an empty store has revision %d", got)
	}
	scope := vpc.Scope{Account: "123456789012", Region: "eu-west-1"}
	shown := s.Snapshot().As(scope).DefaultVPC()
	revision, err := s.Update(t.Context(), scope, func(e *vpc.Edit) error {
		e.KeyPairs.Put(&vpc.KeyPair{ID: "key-1", Scope: scope, Name: "a/b c\x00d"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(s *Store) {
		t.Helper()
		got := s.Snapshot()
		if got.Revision != revision {
			t.Errorf("revision %d, want %d", got.Revision, revision)
		}
		if k := got.KeyPairs.Get("key-1"); k == nil || k.Name != "a/b c\x00d" {
			t.Errorf("got key pair %+v", k)
		}
		if v := got.VPCs.Get(shown.ID); v == nil || !v.Default {
			t.Errorf("the default VPC %s was not stored: %+v", shown.ID, v)
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openIn(t, dir)
	check(s)
	next := update(t, s, func(e *vpc.Edit) error { e.KeyPairs.Delete("key-1"); return nil })
	if next <= revision {
		t.Errorf("revision %d after %d", next, revision)
	}
	s.Close()
	if k := openIn(t, dir).Snapshot().KeyPairs.Get("key-1"); k != nil {
		t.Errorf("deleted, and there after reopening: %+v", k)
	}
}

func TestARefusedRequestLeavesNothing(t *testing.T) {
	s := open(t)
	update(t, s, account("1"))
	before := s.Snapshot()
	refused := vpc.Errorf("InvalidGroup.NotFound", "no such group")
	_, err := s.Update(t.Context(), vpc.Scope{Account: "1", Region: "us-east-1"}, func(e *vpc.Edit) error {
		e.Accounts.Put(&vpc.Account{ID: "2"})
		return refused
	})
	if err != refused {
		t.Errorf("got error %v", err)
	}
	if s.Snapshot() != before || commits(t, s) != 1 {
		t.Errorf("something was committed")
	}
}

func TestARequestThatChangesNothingCommitsNothing(t *testing.T) {
	s := open(t)
	for want := int64(0); want < 2; want++ {
		current := s.Snapshot().Revision
		got, err := s.Update(t.Context(), vpc.Scope{Account: "1", Region: "us-east-1"}, func(e *vpc.Edit) error { return nil })
		if err != nil || got != current {
			t.Errorf("revision %d, error %v; want %d", got, err, current)
		}
		if n := commits(t, s); n != want {
			t.Errorf("%d commits, want %d", n, want)
		}
		update(t, s, account("1"))
	}
}

func TestAPanicIsOneRequestsOwn(t *testing.T) {
	s := open(t)
	queue := requests(t, account("1"), func(e *vpc.Edit) error {
		e.Accounts.Put(&vpc.Account{ID: "2"})
		panic("bug")
	}, account("3"))
	commitAll(s, queue)
	if queue[0].err != nil || queue[2].err != nil {
		t.Errorf("others got %v, %v", queue[0].err, queue[2].err)
	}
	if vpc.Code(queue[1].err) != "InternalError" {
		t.Errorf("the one that panicked got %v", queue[1].err)
	}
	if got := s.Snapshot().Accounts; got.Len() != 2 || got.Get("2") != nil {
		t.Errorf("%d accounts", got.Len())
	}
}

// requests makes requests that wait together.
func requests(t testing.TB, fns ...func(*vpc.Edit) error) (queue []*request) {
	for _, fn := range fns {
		queue = append(queue, &request{ctx: t.Context(), fn: fn, done: make(chan struct{})})
	}
	return queue
}

// commitAll does what the writer does with a queue, and counts the rounds.
func commitAll(s *Store, queue []*request) (rounds int) {
	for ; len(queue) > 0; rounds++ {
		queue = queue[s.commit(queue):]
	}
	return rounds
}

func TestRequestsThatWaitTogetherAreOneTransaction(t *testing.T) {
	s := open(t)
	var fns []func(*vpc.Edit) error
	for i := range 1000 {
		fns = append(fns, func(e *vpc.Edit) error {
			if i%10 == 9 {
				return errors.New("refused")
			}
			before := i - i/10
			if n := e.NewNum(); int(n) != before+1 || e.Accounts.Len() != before {
				t.Errorf("request %d sees %d accounts and gets number %d: not what was there before it", i, e.Accounts.Len(), n)
			}
			return account(strconv.Itoa(i))(e)
		})
	}
	queue := requests(t, fns...)
	commitAll(s, queue)
	if n := commits(t, s); n != 1 {
		t.Errorf("%d commits", n)
	}
	for i, r := range queue {
		if refused := i%10 == 9; (r.err != nil) != refused || !refused && r.revision != s.Snapshot().Revision {
			t.Fatalf("request %d: error %v, revision %d", i, r.err, r.revision)
		}
	}
	if n := s.Snapshot().Accounts.Len(); n != 900 {
		t.Errorf("%d accounts", n)
	}
}

func TestABatchIsSplitWhereEtcdTakesNoMore(t *testing.T) {
	for _, row := range []struct {
		name       string
		ops, bytes int
		big        func(*vpc.Edit) error
	}{
		{"operations", 11, 1 << 20, func(e *vpc.Edit) error {
			for i := range 11 {
				account("big" + strconv.Itoa(i))(e)
			}
			return nil
		}},
		{"bytes", 1000, 1000, account(strings.Repeat("b", 1000))},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t)
			s.limits.maxOps, s.limits.maxBytes = row.ops, row.bytes
			fns := []func(*vpc.Edit) error{row.big}
			for i := range 100 {
				fns = append(fns, account(strconv.Itoa(i)))
			}
			queue := requests(t, fns...)
			commitAll(s, queue)
			if code := vpc.Code(queue[0].err); code != "RequestResourceCountExceeded" {
				t.Errorf("too big a request got %v", queue[0].err)
			}
			if got := s.Snapshot().Accounts.Len(); got != 100 {
				t.Errorf("%d accounts", got)
			}
			if n := commits(t, s); n < 5 || n > 20 {
				t.Errorf("%d commits", n)
			}
		})
	}
}

func TestAThousandUpdatesAtOnce(t *testing.T) {
	s := open(t)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			revision := update(t, s, account(strconv.Itoa(i)))
			now := s.Snapshot()
			if now.Revision < revision || now.Accounts.Get(strconv.Itoa(i)) == nil {
				t.Errorf("update %d does not read its own write", i)
			}
		})
	}
	all.Wait()
	if got := s.Snapshot().Accounts.Len(); got != 1000 {
		t.Errorf("%d accounts", got)
	}
	if n := commits(t, s); n >= 1000 {
		t.Errorf("%d commits: none was shared", n)
	}
}

func TestTwoServersLoseNothing(t *testing.T) {
	const writers, each = 8, 50
	a := open(t)
	servers := []*Store{a, another(t, a)}
	var all sync.WaitGroup
	var seen sync.Map
	for w := range writers {
		all.Go(func() {
			for range each {
				var n uint32
				update(t, servers[w%2], func(e *vpc.Edit) error { n = e.NewNum(); return nil })
				if _, twice := seen.LoadOrStore(n, true); twice {
					t.Errorf("number %d was handed out twice", n)
				}
			}
		})
	}
	all.Wait()
	for i, s := range servers {
		state, err := s.Wait(t.Context(), max(servers[0].Snapshot().Revision, servers[1].Snapshot().Revision)-1)
		if err != nil {
			t.Fatal(err)
		}
		if got := state.Cell().NextNum; got != 1+writers*each {
			t.Errorf("server %d: next number %d, want %d", i, got, 1+writers*each)
		}
	}
}

// A server that has not heard yet of what another one wrote refuses nothing on that ground.
func TestARefusalIsOfWhatTheOtherServerLeft(t *testing.T) {
	s := open(t)
	late := &Store{log: s.log, client: s.client, limits: s.limits, external: true}
	late.life, late.end = context.WithCancelCause(context.Background())
	t.Cleanup(func() {
		late.end(ErrClosed)
		late.workers.Wait()
	})
	late.newest.Store(&version{State: vpc.New(), replaced: make(chan struct{})})
	update(t, s, account("1"))
	runs := 0
	queue := requests(t, func(e *vpc.Edit) error {
		if runs++; e.Accounts.Get("1") != nil {
			return nil
		}
		late.workers.Go(func() { late.follow(1) }) // from now on it hears
		return errors.New("no such account")
	})
	if rounds := commitAll(late, queue); queue[0].err != nil || rounds != 2 || runs != 2 {
		t.Errorf("after %d rounds and %d runs: %v", rounds, runs, queue[0].err)
	}
}

// Money moves between accounts at random, through two servers. Every snapshot of either has all of it.
func TestEverySnapshotIsConsistent(t *testing.T) {
	const places, total = 10, 1000
	rng := seeded(t)
	a := open(t)
	servers := []*Store{a, another(t, a)}
	id := func(i int) string { return "key-" + strconv.Itoa(i) }
	have := func(s *vpc.State, i int) int { n, _ := strconv.Atoi(s.KeyPairs.Get(id(i)).Name); return n }
	set := func(e *vpc.Edit, i, n int) { e.KeyPairs.Put(&vpc.KeyPair{ID: id(i), Name: strconv.Itoa(n)}) }
	first := update(t, a, func(e *vpc.Edit) error {
		for i := range places {
			set(e, i, total/places)
		}
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var watchers, writers sync.WaitGroup
	for _, s := range servers {
		if _, err := s.Wait(ctx, first-1); err != nil {
			t.Fatal(err)
		}
		watchers.Go(func() {
			for last := first - 1; ; {
				state, err := s.Wait(ctx, last)
				if err != nil {
					return
				}
				sum := 0
				for i := range places {
					sum += have(state, i)
				}
				if sum != total || state.Revision <= last {
					t.Errorf("revision %d after %d: sum %d", state.Revision, last, sum)
				}
				last = state.Revision
			}
		})
	}
	for w := range 6 {
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		writers.Go(func() {
			for range 60 {
				from, to, n := rng.IntN(places), rng.IntN(places), rng.IntN(50)
				_, err := servers[w%2].Update(t.Context(), vpc.Scope{}, func(e *vpc.Edit) error {
					if have(e.State, from) < n {
						return errors.New("not enough")
					}
					set(e, from, have(e.State, from)-n)
					set(e, to, have(e.State, to)+n)
					return nil
				})
				if err != nil && err.Error() != "not enough" {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	stop()
	watchers.Wait()
}

// A server takes its own writes from memory, another parses them: both hold the same.
func TestWhatAServerWroteIsWhatAnotherReads(t *testing.T) {
	s := open(t)
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		scope := vpc.Scope{Account: "123456789012", Region: region}
		if _, err := s.Update(t.Context(), scope, func(e *vpc.Edit) error { e.NewDefaultVPC(); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	read, _, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wrote := s.Snapshot()
	same(t, wrote.Cells, read.Cells)
	same(t, wrote.Regions, read.Regions)
	same(t, wrote.VPCs, read.VPCs)
	same(t, wrote.Subnets, read.Subnets)
	same(t, wrote.SecurityGroups, read.SecurityGroups)
	same(t, wrote.NetworkACLs, read.NetworkACLs)
	same(t, wrote.RouteTables, read.RouteTables)
	same(t, wrote.InternetGateways, read.InternetGateways)
}

func same[T any](t *testing.T, wrote, read *vpc.Table[T]) {
	t.Helper()
	if diff := cmp.Diff(slices.Collect(wrote.All()), slices.Collect(read.All()), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("wrote (-), read (+):\n%s", diff)
	}
	if wrote.Len() == 0 {
		t.Error("nothing was compared")
	}
}

func TestWaitWakesAtTheNextSnapshot(t *testing.T) {
	a := open(t)
	b := another(t, a)
	got := make(chan *vpc.State)
	go func() {
		state, _ := b.Wait(t.Context(), 0)
		got <- state
	}()
	update(t, a, account("1"))
	if state := <-got; state == nil || state.Accounts.Get("1") == nil {
		t.Errorf("got %+v", state)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Wait(ctx, 1<<40); !errors.Is(err, context.Canceled) {
		t.Errorf("a Wait that was given up returned %v", err)
	}
}

func TestAClosedStoreAnswers(t *testing.T) {
	s := open(t)
	update(t, s, account("1"))
	s.Close()
	if _, err := s.Update(t.Context(), vpc.Scope{}, account("2")); !errors.Is(err, ErrClosed) {
		t.Errorf("Update: %v", err)
	}
	if _, err := s.Wait(t.Context(), 1<<40); !errors.Is(err, ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
	if s.Snapshot().Accounts.Get("1") == nil {
		t.Errorf("the snapshot is gone")
	}
}

func TestAnUpdateThatNobodyWaitsForDoesNotRun(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	queue := requests(t, account("1"), account("2"))
	queue[0].ctx = ctx
	cancel()
	commitAll(s, queue)
	if !errors.Is(queue[0].err, context.Canceled) || s.Snapshot().Accounts.Get("1") != nil {
		t.Errorf("it ran, error %v", queue[0].err)
	}
	if s.Snapshot().Accounts.Get("2") == nil {
		t.Errorf("the one that waits did not run: %v", queue[1].err)
	}
}
