// Package server is the controller: the HTTP front of the EC2 API, and the loops that turn snapshots
// of the State into what hosts should do, and what hosts say into State.
//
//	s := server.Server{Store: st, Root: key, Log: log, Ready: func() { … }}
//	err := s.Run(ctx, api, hosts)
//
// docs/request.md walks through it.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"crenel/auth"
	"crenel/hostapi"
	"crenel/store"
	"crenel/vpc"
)

// A Server answers the API from a Store, and keeps hosts to what the Store holds.
type Server struct {
	Store *store.Store
	Root  vpc.AccessKey // with its account: may sign requests from the first start on
	Log   *slog.Logger
	Ready func() // called once, when the API serves and, with hosts, one enforces what it says; nil: nobody waits for it

	Regions       []string // that it serves; none: every one that AWS has
	NoEnforcement bool     // without hosts: instances go through their states all the same
	StaleReads    bool     // answer reads while the store is out of reach

	hosts      hostapi.Hosts
	site       vpc.Site
	hostless   bool
	inbox      inbox
	patience   time.Duration          // how long a write waits to be enforced; 0: maxPatience
	unenforced atomic.Int64           // writes that waited in vain, or for no host
	large      sync.Mutex             // held by a request with more than maxBody
	writing    sync.RWMutex           // held by every write; by an import alone
	misplaced  atomic.Pointer[string] // why the host's pool is not the cell's; nil or "": it is
	untold     atomic.Pointer[untold] // why hosts are not told of the newest State; nil: they are
}

// maxPatience is how long a write waits for the host.
const maxPatience = 5 * time.Second

// Limits of one connection to the API. A body may take as long as a slow line needs for 1 MiB.
const (
	maxHeader     = 64 << 10
	headerTimeout = 10 * time.Second
	readTimeout   = time.Minute
	writeTimeout  = 2 * time.Minute
	idleTimeout   = 2 * time.Minute
	shutdownGrace = 10 * time.Second
)

// Run serves the API on api and hosts on hosts until ctx ends: requests under way are then answered.
// It returns an error where it cannot go on. Where hosts is nil no host can connect, and none is waited for.
func (s *Server) Run(ctx context.Context, api, hosts net.Listener) error {
	if err := s.grantRoot(ctx); err != nil {
		return err
	}
	s.inbox.more = make(chan struct{}, 1)
	s.hosts.Log, s.hosts.OnReport = s.Log, s.inbox.put
	s.hostless = hosts == nil
	s.site = vpc.Site{Regions: s.Regions, NoHosts: s.hostless && !s.NoEnforcement}
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	var working sync.WaitGroup
	defer func() {
		stop(nil)
		working.Wait()
	}()
	loops := []func(context.Context) error{s.alone, s.forget}
	if !s.hostless {
		loops = []func(context.Context) error{
			func(ctx context.Context) error { return s.hosts.Serve(ctx, hosts) },
			s.follow, s.settle, s.announce, s.forget,
		}
	}
	for _, loop := range loops {
		working.Go(func() {
			if err := loop(work); err != nil && work.Err() == nil {
				stop(err)
			}
		})
	}
	web := &http.Server{Handler: s.handler(), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- web.Serve(api) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the API: %w", err)
	case <-work.Done():
		web.Close()
		return context.Cause(work)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(work, shutdownGrace)
	defer cancel()
	if web.Shutdown(grace) != nil {
		web.Close()
	}
	return nil
}

// grantRoot puts the root key and its account into the State, where they are not there yet, and the cell's secret.
func (s *Server) grantRoot(ctx context.Context) error {
	err := s.update(ctx, func(e *vpc.Edit) error {
		auth.Grant(e, s.Root)
		e.Sow()
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the root key: %w", err)
	}
	return nil
}

// announce calls Ready when a host has a public pool and enforces what the State then says.
func (s *Server) announce(ctx context.Context) error {
	for revision := int64(-1); ; {
		state, err := s.Store.Wait(ctx, revision)
		if err != nil {
			return err
		}
		if revision = state.Revision; state.Cell().Public.IsValid() {
			break
		}
	}
	if err := s.hosts.WaitApplied(ctx, s.Store.Snapshot().Revision); err != nil {
		return err
	}
	if s.Ready != nil {
		s.Ready()
	}
	return nil
}
