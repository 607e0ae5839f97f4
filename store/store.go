// Package store keeps vpc.State in etcd: embedded, without any socket, or an external one.
//
//	st, err := store.Open(ctx, store.Config{Dir: dir, Log: log})
//	groups := st.Snapshot().SecurityGroups          // never blocks
//	revision, err := st.Update(ctx, scope, func(e *vpc.Edit) error { … })
//	state, err := st.Wait(ctx, revision)            // the next one
//	if st.Behind() > limit { … }                    // an external etcd is out of reach
//
// Every object is one key, /crenel/v1/<kind>/<key>, and its value is the object's JSON. Every
// transaction also writes /crenel/sequence, on the condition that nobody wrote it since the snapshot
// that the transaction was computed from. So writes are serializable, refused ones too, however many
// servers share one etcd, and State.Revision is the revision of that key. Its value names the schema of the data, the
// write itself and the one before it: an etcd that was put back, or emptied, while a Store follows it is found out by
// that, and the Store ends. Who opens it anew has what etcd has.
//
// Snapshots advance only by what etcd's watch brings, at a server's own writes too. Nothing but a Store
// may write below /crenel/: it would not move the sequence.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"crenel/vpc"
)

const (
	root        = "/crenel/"
	objects     = root + "v1/"
	sequenceKey = root + "sequence"
)

// ErrUnavailable is in every error that says that etcd did not do its part. Where Update returns it,
// the change may have been committed all the same.
var ErrUnavailable = errors.New("the store is unavailable")

// ErrClosed is what a closed Store answers. The change of an Update that was under way may have been committed.
var ErrClosed = errors.New("the store is closed")

// Config says where etcd is.
type Config struct {
	Dir       string   // of the embedded etcd; made if it is missing
	Endpoints []string // of an external etcd; where given, Dir is not used
	TLS       TLS      // how to speak to an external etcd at https endpoints
	Log       *slog.Logger
}

// TLS names PEM files. Where CA is empty the system's authorities are trusted; Cert and Key are this client's own,
// and both or neither are given.
type TLS struct{ CA, Cert, Key string }

// A Store is one server's view of the State in etcd. Its methods may be called by many at once.
type Store struct {
	log      *slog.Logger
	client   *clientv3.Client
	external bool // others may write, and etcd may be out of reach
	limits   limits
	newest   atomic.Pointer[version]
	own      atomic.Pointer[map[string]vpc.Change] // what this server committed last, or is about to
	requests chan *request

	confirmed atomic.Pointer[time.Time] // see Behind; nil: the etcd is embedded

	compacted int64 // the revision at the last compaction

	life    context.Context // ends at Close, or when the store cannot go on; its cause says why
	end     context.CancelCauseFunc
	workers sync.WaitGroup
	stop    func() // ends what the client stands on
}

// commitTimeout is how long a commit may take, with its way back to the snapshot.
const commitTimeout = 10 * time.Second

// limits are how much one transaction may carry, and when history is dropped.
type limits struct {
	maxOps, maxBytes int
	timeout          time.Duration // commitTimeout, but in tests
	history          int64         // revisions to keep; 0: the etcd's operator decides
	room             func() error  // tells that the disk is full; nil: the etcd's operator looks after it
}

// A version is a snapshot, with the value that the sequence key has at its revision; replaced is closed when there is
// a newer one.
type version struct {
	*vpc.State
	sequence string // "": nothing was ever written
	replaced chan struct{}
}

// Open reads the whole State and follows it from then on. ctx bounds the opening only.
func Open(ctx context.Context, c Config) (*Store, error) {
	life, end := context.WithCancelCause(context.Background())
	s := &Store{log: c.Log, life: life, end: end}
	start := s.startEmbedded
	if len(c.Endpoints) > 0 {
		start = s.dial
	}
	if err := start(ctx, c); err != nil {
		end(err)
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// begin loads the State through the client and starts to follow and to write it.
func (s *Store) begin(ctx context.Context) error {
	asked := time.Now()
	v, at, err := s.load(ctx)
	if err != nil {
		return err
	}
	s.requests = make(chan *request)
	s.newest.Store(v)
	s.workers.Go(func() { s.follow(at) })
	s.workers.Go(s.write)
	if s.external {
		s.confirmed.Store(&asked)
		s.workers.Go(s.confirm)
	}
	return nil
}

// Snapshot is the newest State that this server knows. It never blocks.
func (s *Store) Snapshot() *vpc.State { return s.newest.Load().State }

// Wait returns the newest State as soon as its revision is above after; -1 is below every one. An
// error that is not ctx's own means that the Store is closed or cannot go on, and says why.
func (s *Store) Wait(ctx context.Context, after int64) (*vpc.State, error) {
	for {
		v := s.newest.Load()
		if v.Revision > after {
			return v.State, nil
		}
		select {
		case <-v.replaced:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.life.Done():
			return nil, context.Cause(s.life)
		}
	}
}

// Close ends the Store. Updates that are under way are answered with ErrClosed.
func (s *Store) Close() error {
	s.end(ErrClosed)
	s.workers.Wait()
	s.stop()
	return nil
}

// unavailable makes ErrUnavailable of etcd's error; the Store's own end comes first.
func (s *Store) unavailable(err error) error {
	if s.life.Err() != nil {
		err = context.Cause(s.life)
		if errors.Is(err, ErrClosed) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
