package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"crenel/vpc"
)

func TestANewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	update(t, s, account("1"))
	_, err := s.client.Txn(t.Context()).Then(clientv3.OpPut(sequenceKey, `{"schema":2}`), clientv3.OpPut(objects+"account/2", `{"ID":{}}`)).Commit()
	if err != nil {
		t.Fatal(err)
	}
	const want = "written by a newer Crenel: it has schema 2, and this one knows up to 1"
	if _, err := s.Wait(t.Context(), 1<<40); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a running server: %v", err)
	}
	if _, err := s.Update(t.Context(), vpc.Scope{}, account("3")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), want) {
		t.Errorf("a running server's Update: %v", err)
	}
	o := &Store{log: s.log, client: s.client}
	o.life, o.end = context.WithCancelCause(context.Background())
	if err := o.begin(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a server that starts: %v", err)
	}
}

func TestDataThatIsNotOursIsRefused(t *testing.T) {
	for _, row := range []struct{ key, value, want string }{
		{objects + "load-balancer/1", "{}", `unknown kind "load-balancer"`},
		{objects + "account/1", "{", "account 1: jsontext: unexpected EOF"},
		{objects + "account/1", `{"ID":"2"}`, "account 1: holds the object 2"},
		{sequenceKey, "7", "is damaged or was deleted"},
	} {
		s := open(t)
		if _, err := s.client.Put(t.Context(), row.key, row.value); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Wait(t.Context(), 1<<40); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s=%s: running: %v", row.key, row.value, err)
		}
		if _, _, err := s.load(t.Context()); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s=%s: starting: %v", row.key, row.value, err)
		}
	}
}

func TestALostWatchReadsEverythingAgain(t *testing.T) {
	s := open(t)
	for i := range 20 {
		update(t, s, account(strconv.Itoa(i)))
	}
	update(t, s, func(e *vpc.Edit) error { e.Accounts.Delete("3"); return nil })
	if _, err := s.client.Compact(t.Context(), s.Snapshot().Revision); err != nil {
		t.Fatal(err)
	}
	// The late one saw account 3, and no more: what followed is compacted.
	late := &Store{log: s.log, client: s.client}
	late.life, late.end = context.WithCancelCause(context.Background())
	old, err := vpc.New().With(2, []vpc.Change{{Kind: "account", Key: "3", Value: []byte(`{"ID":"3"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	late.newest.Store(&version{State: old, replaced: make(chan struct{})})
	late.workers.Go(func() { late.follow(2) })
	state, err := late.Wait(t.Context(), s.Snapshot().Revision-1)
	if err != nil {
		t.Fatal(err)
	}
	if state.Accounts.Len() != 19 || state.Accounts.Get("3") != nil {
		t.Errorf("%d accounts", state.Accounts.Len())
	}
	next := update(t, s, account("new"))
	if state, err = late.Wait(t.Context(), next-1); err != nil || state.Accounts.Get("new") == nil {
		t.Errorf("it does not follow again: %v", err)
	}
	late.end(ErrClosed)
	late.workers.Wait()
}

func TestHistoryIsDropped(t *testing.T) {
	s := open(t)
	s.limits.history = 10
	for i := range 35 {
		update(t, s, account(strconv.Itoa(i)))
	}
	_, err := s.client.Get(t.Context(), sequenceKey, clientv3.WithRev(15))
	if err == nil || !strings.Contains(err.Error(), "compacted") {
		t.Errorf("the past is still there: %v", err)
	}
	if got := s.Snapshot().Accounts.Len(); got != 35 {
		t.Errorf("%d accounts", got)
	}
}
