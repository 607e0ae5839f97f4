package store

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"crenel/vpc"
)

// page is how many objects one read brings. etcd counts all that follow at every page.
const page = 50_000

// load reads the whole State as it was at one revision of etcd, at.
func (s *Store) load(ctx context.Context) (v *version, at int64, err error) {
	v, at, err = s.loadOnce(ctx)
	for errors.Is(err, rpctypes.ErrCompacted) { // while the pages were read
		v, at, err = s.loadOnce(ctx)
	}
	return v, at, err
}

func (s *Store) loadOnce(ctx context.Context) (v *version, at int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan *clientv3.GetResponse, 1) // one is read while the one before is understood
	var failed error                             // valid once pages is closed
	go func() {
		defer close(pages)
		failed = s.pages(ctx, pages)
	}()
	var n news
	all := vpc.NewLoader()
	for resp := range pages {
		at = resp.Header.Revision // of the first page: the others are of it too, whatever came later
		for _, kv := range resp.Kvs {
			if err := n.add(string(kv.Key), kv.Value, kv.ModRevision); err != nil {
				return nil, 0, err
			}
		}
		if err := all.Add(n.changes); err != nil {
			return nil, 0, err
		}
		n.changes = nil
	}
	if failed != nil {
		return nil, 0, s.unavailable(failed)
	}
	return &version{all.State(n.revision), n.sequence, make(chan struct{})}, at, nil
}

// pages sends all that etcd has at the revision of the first page.
func (s *Store) pages(ctx context.Context, to chan<- *clientv3.GetResponse) error {
	at := int64(0)
	for from, more := root, true; more; {
		resp, err := s.client.Get(ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(root)), clientv3.WithLimit(page), clientv3.WithRev(at))
		if err != nil {
			return err
		}
		if at == 0 {
			at = resp.Header.Revision
		}
		resp.Header.Revision = at
		if len(resp.Kvs) > 0 {
			from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
		}
		more = resp.More
		select {
		case to <- resp:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// follow publishes a snapshot for everything that is written after the revision at, until the Store ends.
func (s *Store) follow(at int64) {
	for {
		var err error
		at, err = s.watch(at)
		if s.life.Err() != nil {
			return
		}
		if errors.Is(err, rpctypes.ErrCompacted) {
			s.log.Warn("etcd dropped what the watch missed, reading everything again", "error", err)
			at = s.reload()
			continue
		}
		s.log.Warn("etcd's watch ended, watching again", "error", err) // the member knows of no leader
		select {
		case <-time.After(watchPause):
		case <-s.life.Done():
			return
		}
	}
}

// watchPause keeps a member that ends every watch at once from being asked without a rest.
const watchPause = 100 * time.Millisecond

// watch publishes until the watch or the Store ends. It returns the revision up to which it published.
func (s *Store) watch(at int64) (int64, error) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(s.life))
	defer cancel()
	for resp := range s.client.Watch(ctx, root, clientv3.WithPrefix(), clientv3.WithRev(at+1)) {
		if err := resp.Err(); err != nil {
			return at, err
		}
		if err := s.learn(resp.Events); err != nil {
			s.end(err)
			return at, err
		}
		if n := len(resp.Events); n > 0 {
			at = resp.Events[n-1].Kv.ModRevision
		}
	}
	return at, errors.New("no more events")
}

// learn publishes the State after the events: always all those of a revision.
func (s *Store) learn(events []*clientv3.Event) error {
	old := s.newest.Load()
	n := news{revision: old.Revision, sequence: old.sequence, follows: true}
	if own := s.own.Load(); own != nil {
		n.own = *own
	}
	for _, ev := range events {
		value := ev.Kv.Value
		if ev.Type == clientv3.EventTypeDelete {
			value = nil
		}
		if err := n.add(string(ev.Kv.Key), value, ev.Kv.ModRevision); err != nil {
			return err
		}
	}
	if n.revision == old.Revision && n.changes == nil {
		return nil
	}
	state, err := old.With(n.revision, n.changes)
	if err != nil {
		return err
	}
	s.publish(&version{state, n.sequence, make(chan struct{})})
	return nil
}

// reload reads everything until that works, or the Store ends.
func (s *Store) reload() (at int64) {
	for pause := 50 * time.Millisecond; s.life.Err() == nil; pause = min(2*pause, 2*time.Second) {
		ctx, cancel := context.WithTimeout(s.life, time.Minute)
		v, at, err := s.load(ctx)
		cancel()
		if err == nil {
			err = s.newest.Load().check(v.Revision, v.sequence)
		}
		switch {
		case err == nil:
			s.publish(v)
			s.log.Info("read everything again", "revision", v.Revision)
			return at
		case !errors.Is(err, ErrUnavailable):
			s.end(err)
		}
		select {
		case <-time.After(pause):
		case <-s.life.Done():
		}
	}
	return 0
}

func (s *Store) publish(v *version) {
	old := s.newest.Swap(v)
	close(old.replaced)
}

// news is what keys of etcd say: the changes of objects, and the revision of the sequence.
type news struct {
	changes  []vpc.Change
	revision int64
	sequence string                // the key's value
	follows  bool                  // upon a snapshot: each write must name the one before it
	own      map[string]vpc.Change // those that need no parsing where etcd brings the same
}

// add takes in the key. A nil value says that it was deleted.
func (n *news) add(key string, value []byte, revision int64) error {
	if key == sequenceKey {
		before := n.sequence
		n.revision, n.sequence = revision, string(value)
		return checkSequence(value, before, n.follows)
	}
	if name, ok := strings.CutPrefix(key, objects); ok {
		if own, ok := n.own[key]; ok && value != nil && bytes.Equal(own.Value, value) {
			n.changes = append(n.changes, own)
			return nil
		}
		kind, name, _ := strings.Cut(name, "/")
		n.changes = append(n.changes, vpc.Change{Kind: kind, Key: name, Value: value})
	}
	return nil
}
