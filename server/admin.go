package server

import (
	"bytes"
	"context"

	"crenel/admin"
	"crenel/auth"
	"crenel/ec2"
	"crenel/vpc"
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

// self is what the server knows of itself.
func (s *Server) self() admin.Server {
	applied, trouble := s.hosts.Applied()
	if why := s.misplaced.Load(); why != nil && trouble == "" {
		trouble = *why
	}
	if why := s.untold.Load(); why != nil {
		trouble = why.String()
	}
	return admin.Server{Root: s.Root, Hostless: s.hostless, Host: s.hosts.Name(), Connected: s.hosts.Connected(), Applied: applied, Trouble: trouble, Unenforced: s.unenforced.Load(),
		Counters: s.hosts.Counters()}
}
