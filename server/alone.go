package server

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"crenel/api"
	"crenel/vpc"
)

// nobodysPool is the pool of public addresses of a cell that never had a host: all of the block that hosts
// claim their pools from, so none ever claims the same. RFC 2544.
var nobodysPool = netip.MustParsePrefix("198.18.0.0/15")

// hadHost tells whether a host ever ran instances of the cell.
func hadHost(s *vpc.State) bool {
	pool := s.Cell().Public
	return pool.IsValid() && pool != nobodysPool
}

// alone stands in for the host that this server does not have. Any number of servers may do so at once: what one
// of them settled is nothing to do for the others.
func (s *Server) alone(ctx context.Context) error {
	if hadHost(s.Store.Snapshot()) && s.NoEnforcement {
		return errors.New("a host has run instances of this data: what became of them is not for a server without enforcement to say")
	}
	if err := s.update(ctx, claimForNobody); err != nil {
		return err
	}
	if s.Ready != nil {
		s.Ready()
	}
	for revision := int64(-1); ; {
		state, err := s.Store.Wait(ctx, revision)
		if err != nil {
			return err
		}
		revision = state.Revision
		if hadHost(state) || len(unsettled(state, s.NoEnforcement)) == 0 {
			continue // only that host knows what became of its instances
		}
		err = s.update(ctx, func(e *vpc.Edit) error {
			for _, r := range unsettled(e.State, s.NoEnforcement) {
				api.Report(e, r)
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			s.Log.Error("states of instances not stored; trying again", "error", err)
			revision--
			if !pause(ctx, retryAfter) {
				return nil
			}
		}
	}
}

// claimForNobody gives a cell without a host public addresses to hand out. Packets never meet them.
func claimForNobody(e *vpc.Edit) error {
	if !e.Cell().Public.IsValid() {
		claim(e, nobodysPool)
	}
	return nil
}

// unsettled is what there is to report of instances that nothing runs: those which shall end have nothing left,
// and those which shall run do so only where nobody asks for enforcement.
func unsettled(s *vpc.State, run bool) (reports []api.HostReport) {
	for _, i := range slices.Collect(s.Instances.By("unsettled", "yes")) {
		switch {
		case i.State != vpc.Pending:
			reports = append(reports, api.HostReport{Instance: i.ID, State: api.HostStopped, Boots: i.Boots})
		case run:
			reports = append(reports, api.HostReport{Instance: i.ID, State: api.HostRunning, Boots: i.Boots})
		}
	}
	return reports
}

// pause waits; it returns false where ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
