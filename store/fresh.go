package store

import (
	"context"
	"time"
)

const (
	// confirmEvery is how often an external etcd is asked how far it is, and confirmWait how long an answer may
	// take, with its way to the snapshot.
	confirmEvery = 500 * time.Millisecond
	confirmWait  = 2 * time.Second
)

// Behind bounds how old a snapshot may be: every write that ended longer ago is in Snapshot. It costs no
// round trip: etcd was asked in the background. An embedded etcd has no other writers, so nothing can be missing.
func (s *Store) Behind() time.Duration {
	if at := s.confirmed.Load(); at != nil {
		return time.Since(*at)
	}
	return 0
}

// confirm asks etcd again and again how far it is, and notes when the question was asked that a snapshot
// last answered.
func (s *Store) confirm() {
	reached := true
	for again := time.NewTicker(confirmEvery); ; {
		asked := time.Now()
		switch err := s.catchUp(); {
		case err == nil:
			s.confirmed.Store(&asked)
			if !reached {
				s.log.Info("etcd is within reach again")
			}
			reached = true
		case reached && s.life.Err() == nil:
			s.log.Warn("etcd is out of reach", "error", err)
			reached = false
		}
		select {
		case <-again.C:
		case <-s.life.Done():
			again.Stop()
			return
		}
	}
}

// catchUp asks etcd how far it is, and waits until the snapshot is as far.
func (s *Store) catchUp() error {
	ctx, cancel := context.WithTimeout(s.life, confirmWait)
	defer cancel()
	revision, err := s.ask(ctx, s.newest.Load())
	if err != nil {
		return err
	}
	return s.reach(ctx, revision)
}
