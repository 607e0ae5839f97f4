package server

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"crenel/admin"
	"crenel/auth"
	"crenel/ec2"
	"crenel/sigv4"
	"crenel/vpc"
)

const (
	importName = "Import"
	maxImport  = 256 << 20 // bytes
)

// serveAdmin carries out what whoever runs the server asks for: the root user of its own account.
func (s *Server) serveAdmin(ctx context.Context, c *call, name string, body []byte, out *bytes.Buffer) error {
	c.action = shown(name)
	if !s.isOperator(c.key) {
		return c.denied("%s may not administer this server: only root keys of the account %s may.", c.key.ARN(), s.Root.Account)
	}
	var result any
	var err error
	if name == importName {
		result, err = s.importAll(ctx, c, body)
	} else {
		result, err = s.administer(ctx, c, name, body)
	}
	if err != nil {
		return err
	}
	return writeJSON(out, result)
}

func (s *Server) isOperator(key vpc.AccessKey) bool {
	return auth.Limitless(key) && key.Account == s.Root.Account
}

func (s *Server) administer(ctx context.Context, c *call, name string, body []byte) (result any, err error) {
	op, ok := admin.Lookup(name)
	if !ok {
		return nil, ec2.Errorf("UnknownOperationException", "This server knows no operation %s: it may be of another version than the command.", c.action)
	}
	in, err := op.Decode(body)
	if err != nil {
		return nil, err
	}
	c.write = op.Write
	run := func(e *vpc.Edit) (err error) {
		result, err = op.Run(s.self(), e, in)
		return err
	}
	if op.Write {
		err = s.write(ctx, c, vpc.Scope{}, run)
	} else {
		err = run(&vpc.Edit{State: s.Store.Snapshot()})
	}
	return result, err
}

// importAll writes an import part by part, and waits for the host once.
func (s *Server) importAll(ctx context.Context, c *call, body []byte) (any, error) {
	c.write = true
	in, err := admin.DecodeImport(body)
	if err != nil {
		return nil, err
	}
	parts, out, err := admin.Plan(s.self(), s.Store.Snapshot(), in)
	if err != nil || len(parts) == 0 {
		return out, err
	}
	whole := s.Store.Snapshot().Edit(vpc.Scope{}, time.Now(), nil)
	for _, part := range parts {
		if err := whole.Put(part); err != nil {
			return nil, err
		}
	}
	if err := fits(whole, importName); err != nil {
		return nil, err
	}
	last := len(parts) - 1
	for _, part := range parts[:last] {
		if _, err := s.Store.Update(ctx, vpc.Scope{}, func(e *vpc.Edit) error { return e.Put(part) }); err != nil {
			return nil, err
		}
	}
	return out, s.write(ctx, c, vpc.Scope{}, func(e *vpc.Edit) error { return e.Put(parts[last]) })
}

// mayImport tells whether the request says that an operator signs it. It is read before the signature can be
// checked: the ids of keys are known to few, and nobody else makes the server read so much.
func (s *Server) mayImport(r *http.Request) bool {
	key, ok := auth.Key(s.Store.Snapshot(), sigv4.Claimed(r).KeyID)
	return ok && s.isOperator(key)
}

// self is what the server knows of itself.
func (s *Server) self() admin.Server {
	applied, trouble := s.hosts.Applied()
	return admin.Server{Root: s.Root, Connected: s.hosts.Connected(), Applied: applied, Trouble: trouble, Unenforced: s.unenforced.Load()}
}
