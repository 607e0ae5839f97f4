package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"crenel/vpc"
)

// A request is a call of Update.
type request struct {
	ctx   context.Context
	scope vpc.Scope
	fn    func(*vpc.Edit) error

	err      error
	revision int64
	done     chan struct{} // closed when err and revision hold
}

// Update commits what fn changes, and returns the revision of a snapshot that holds it: the caller
// reads its own writes. It is on disk by then.
//
// fn may run several times, each time from a newer State, and its last run counts. Where it returns
// an error, Update returns that error and nothing of fn's is kept. Where it changes nothing, nothing
// is committed. fn never runs after Update returned.
func (s *Store) Update(ctx context.Context, scope vpc.Scope, fn func(*vpc.Edit) error) (revision int64, err error) {
	r := &request{ctx: ctx, scope: scope, fn: fn, done: make(chan struct{})}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.life.Done():
		return 0, s.unavailable(nil)
	}
	<-r.done // and not ctx's end: fn may be running
	return r.revision, r.err
}

// write commits requests until the Store ends. Those that wait at the same time go together. Where other servers come
// first again and again, those that wait are answered at last.
func (s *Store) write() {
	var queue []*request // in the order in which they came
	first, since := true, time.Time{}
	for {
		if queue = s.take(queue); len(queue) == 0 {
			return
		}
		if first {
			since = time.Now()
		}
		if s.life.Err() != nil {
			answer(queue, 0, s.unavailable(nil))
			return
		}
		n := s.commit(queue)
		if n == 0 && time.Since(since) > s.limits.timeout {
			answer(queue, 0, s.unavailable(errBehind))
			n = len(queue)
		}
		queue, first = queue[n:], n > 0
	}
}

// take adds all requests that wait. An empty queue waits for one; it stays empty only if the Store ends.
func (s *Store) take(queue []*request) []*request {
	if len(queue) == 0 {
		select {
		case r := <-s.requests:
			queue = []*request{r}
		case <-s.life.Done():
			return nil
		}
	}
	for {
		select {
		case r := <-s.requests:
			queue = append(queue, r)
		default:
			return queue
		}
	}
}

// errBehind says that another server wrote since the snapshot that a batch stands on.
var errBehind = errors.New("another server wrote first")

// commit runs as many requests as one transaction holds, one after another, commits what they
// changed and answers them. It returns how many it answered: none where another server came first, for
// then all of them must run again.
func (s *Store) commit(queue []*request) int {
	b := &batch{base: s.newest.Load(), limits: s.limits, puts: map[string]vpc.Change{}}
	b.state = b.base.State
	n := 0
	for n < len(queue) && s.add(b, queue[n]) {
		n++
	}
	revision, err := s.put(b)
	if errors.Is(err, errBehind) {
		return 0
	}
	answer(queue[:n], revision, err)
	return n
}

// answer ends the requests: err stands for whatever they said, for they said it of a State that may
// never have been.
func answer(requests []*request, revision int64, err error) {
	for _, r := range requests {
		if err != nil {
			r.err = err
		}
		if r.err == nil {
			r.revision = revision
		}
		close(r.done)
	}
}

// A batch is what one transaction commits.
type batch struct {
	base  *version              // the snapshot that it must follow upon
	state *vpc.State            // the base and all edits
	puts  map[string]vpc.Change // by etcd's key
	bytes int
	limits
}

// add runs the request on the batch's State. It returns false where the changes do not fit any more.
func (s *Store) add(b *batch, r *request) bool {
	if r.err = r.ctx.Err(); r.err != nil {
		return true
	}
	e := b.state.Edit(r.scope, time.Now(), rand.Reader)
	changes, err := s.run(r.fn, e)
	if r.err = err; err != nil || len(changes) == 0 {
		return true
	}
	bytes := 0
	for _, c := range changes {
		bytes += len(objects) + len(c.Kind) + len(c.Key) + len(c.Value) + 32
	}
	if ops := len(changes) + 1; ops > b.maxOps || bytes > b.maxBytes {
		r.err = vpc.Errorf("RequestResourceCountExceeded",
			"The request makes %d changes of %d bytes; the store's etcd takes at most %d of %d bytes at once", ops, bytes, b.maxOps, b.maxBytes)
		return true
	}
	if len(b.puts)+len(changes)+1 > b.maxOps || b.bytes+bytes > b.maxBytes {
		return false
	}
	for _, c := range changes {
		b.puts[objects+c.Kind+"/"+c.Key] = c
	}
	b.bytes += bytes
	b.state = e.State
	return true
}

// run calls fn. What panics is refused, and no other request feels it.
func (s *Store) run(fn func(*vpc.Edit) error, e *vpc.Edit) (changes []vpc.Change, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("an operation panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = vpc.Errorf("InternalError", "An internal error has occurred")
		}
	}()
	if err := fn(e); err != nil {
		return nil, err
	}
	return e.Changes(), nil
}

// put commits the batch and returns the revision of a snapshot that holds it. After errBehind the
// snapshot holds what the other server wrote.
func (s *Store) put(b *batch) (revision int64, err error) {
	if len(b.puts) == 0 {
		return b.base.Revision, s.current(b)
	}
	if s.limits.room != nil {
		if err := s.limits.room(); err != nil {
			return 0, s.unavailable(err)
		}
	}
	s.own.Store(&b.puts)
	ctx, cancel := context.WithTimeout(s.life, s.limits.timeout)
	defer cancel()
	resp, err := s.client.Txn(ctx).
		If(b.base.isNewest()...).
		Then(b.operations()...).
		Else(clientv3.OpGet(sequenceKey)).
		Commit()
	if err != nil {
		return 0, s.unavailable(err)
	}
	if resp.Succeeded {
		s.compact(ctx, resp.Header.Revision)
		return resp.Header.Revision, s.reach(ctx, resp.Header.Revision)
	}
	newer, err := s.heard(b.base, (*clientv3.GetResponse)(resp.Responses[0].GetResponseRange()))
	if err != nil {
		return 0, err
	}
	return 0, s.behind(ctx, newer)
}

// current makes sure that a batch in which nothing is to commit stands on what etcd has: what was refused, and what
// changed nothing, was so of the State that another server left.
func (s *Store) current(b *batch) error {
	if !s.external {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.life, s.limits.timeout)
	defer cancel()
	revision, err := s.ask(ctx, b.base)
	if err != nil || revision == b.base.Revision {
		return err
	}
	return s.behind(ctx, revision)
}

// behind is errBehind, when the snapshot has what the other server wrote.
func (s *Store) behind(ctx context.Context, newer int64) error {
	if err := s.reach(ctx, newer); err != nil {
		return err
	}
	return errBehind
}

// reach waits until the snapshot has the revision.
func (s *Store) reach(ctx context.Context, revision int64) error {
	if _, err := s.Wait(ctx, revision-1); err != nil {
		return s.unavailable(err)
	}
	return nil
}

// isNewest is the condition that etcd has what the version is made of, and nothing else.
func (v *version) isNewest() []clientv3.Cmp {
	same := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(sequenceKey), "=", v.Revision)}
	if v.sequence != "" {
		same = append(same, clientv3.Compare(clientv3.Value(sequenceKey), "=", v.sequence))
	}
	return same
}

func (b *batch) operations() []clientv3.Op {
	ops := []clientv3.Op{clientv3.OpPut(sequenceKey, nextSequence(b.base.sequence))}
	for _, key := range slices.Sorted(maps.Keys(b.puts)) {
		if value := b.puts[key].Value; value != nil {
			ops = append(ops, clientv3.OpPut(key, string(value)))
		} else {
			ops = append(ops, clientv3.OpDelete(key))
		}
	}
	return ops
}

// compact drops history now and then: a database that nobody compacts grows with every write.
func (s *Store) compact(ctx context.Context, revision int64) {
	keep := s.limits.history
	if keep == 0 || revision <= keep || revision-s.compacted < keep {
		return
	}
	s.compacted = revision
	if _, err := s.client.Compact(ctx, revision-keep); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		s.log.Warn("history was not compacted", "revision", revision, "error", err)
	}
}
