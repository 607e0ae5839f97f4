package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"crenel/admin"
	"crenel/auth"
	"crenel/ec2"
	"crenel/sigv4"
	"crenel/vpc"
)

const (
	importName    = "Import"
	maxImport     = 256 << 20        // bytes
	importTimeout = 10 * time.Minute // to read a large one, and to answer it
)

// isLargeImport tells whether the request is an import with a body that other requests may not have.
func isLargeImport(r *http.Request) bool {
	return r.PathValue("operation") == importName && (r.ContentLength < 0 || r.ContentLength > maxBody)
}

// admitLarge lets a large import in: one at a time, and only where an operator has signed its headers and, in them, the
// hash of its body. Nobody else makes the server read so much. leave is for when the request is answered.
func (s *Server) admitLarge(c *call, w http.ResponseWriter, r *http.Request) (leave func(), err error) {
	if s.stale() > 0 {
		return nil, unavailable()
	}
	state := s.Store.Snapshot()
	credential, err := sigv4.VerifyHead(r, time.Now(), secretsOf(state))
	c.service, c.form = credential.Service, formOf(credential.Service, r)
	if err != nil {
		return nil, badSignature(c, err)
	}
	if key, ok := auth.Key(state, credential.KeyID); !ok || !s.isOperator(key) {
		return nil, tooLarge(maxBody)
	}
	if !s.large.TryLock() {
		return nil, ec2.Errorf("ServiceUnavailable", "Another import is under way.")
	}
	conn, until := http.NewResponseController(w), time.Now().Add(importTimeout)
	_, _ = conn.SetReadDeadline(until), conn.SetWriteDeadline(until) // where that cannot be, the usual ones hold
	return s.large.Unlock, nil
}

// importAll writes an import part by part, and waits for the host once. This server writes nothing else meanwhile.
func (s *Server) importAll(ctx context.Context, c *call, body []byte) (any, error) {
	c.write = true
	in, err := admin.DecodeImport(body)
	if err != nil {
		return nil, err
	}
	i := &importing{server: s.self(), in: in}
	revision, err := s.writeParts(ctx, c, i)
	if err == nil && i.begun {
		s.await(ctx, c, revision)
	}
	return i.out, err
}

func (s *Server) writeParts(ctx context.Context, c *call, i *importing) (revision int64, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	state := s.Store.Snapshot()
	if err := i.plan(state); err != nil {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx) // who leaves now does not leave half an import behind
	for i.at = state.Revision; len(i.rest) > 0; i.written() {
		if i.at, err = s.commit(ctx, c, vpc.Scope{}, i.next); err != nil {
			return 0, err
		}
	}
	return i.at, nil
}

// An importing is an import as far as it is written.
type importing struct {
	server admin.Server
	in     *admin.ImportInput
	at     int64          // the revision of the State that rest was planned for
	rest   [][]vpc.Change // the parts that are to be written yet
	out    *admin.ImportOutput
	begun  bool
}

// plan makes the parts, for a State that holds none of them or some.
func (i *importing) plan(s *vpc.State) (err error) {
	if i.rest, i.out, err = admin.Plan(i.server, s, i.in); err != nil {
		return err
	}
	whole := s.Edit(vpc.Scope{}, time.Now(), nil)
	for _, part := range i.rest {
		if err := whole.Put(part); err != nil {
			return err
		}
	}
	if err := fits(s, whole, importName); err != nil {
		return err
	}
	return tellable(whole.State)
}

// next puts the next part. Where another server wrote since the last one, it plans again for what there is now: that is
// refused where the server then holds what the export does not.
func (i *importing) next(e *vpc.Edit) error {
	if e.Revision != i.at {
		if err := i.plan(e.State); err != nil {
			return err
		}
	}
	if len(i.rest) == 0 {
		return nil
	}
	return e.Put(i.rest[0])
}

// written notes that next's part is committed.
func (i *importing) written() { i.rest, i.begun = i.rest[min(1, len(i.rest)):], true }

// tellable refuses a State of which a host could not be told, as it is or once instances that are stopped run.
func tellable(s *vpc.State) error {
	e := s.Edit(vpc.Scope{}, time.Now(), nil)
	for _, i := range slices.Collect(e.Instances.All()) {
		if i.State == vpc.Stopped {
			started := *i
			started.State = vpc.Running
			e.Instances.Put(&started)
		}
	}
	d, err := tell(e.State)
	if err == nil {
		err = d.Check()
	}
	if err != nil {
		return vpc.Errorf("InvalidParameterValue", "a host could not be told of it: %s", err)
	}
	return nil
}
