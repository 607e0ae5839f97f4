package server

import (
	"bytes"
	"context"
	"net/url"

	"crenel/api"
	"crenel/ec2"
	"crenel/vpc"
)

// The versions of the two APIs; AWS has had no other one for years.
const (
	ec2Version = "2016-11-15"
	stsVersion = "2011-06-15"
)

// serveEC2 carries out an operation of EC2.
func (s *Server) serveEC2(ctx context.Context, c *call, form url.Values, out *bytes.Buffer) error {
	if err := checkVersion(form, ec2Version, "AmazonEC2"); err != nil {
		return err
	}
	op, ok := api.Lookup(c.action)
	if !ok {
		return ec2.Errorf("InvalidAction", "The action %s is not valid for this web service.", c.action)
	}
	c.write = op.Write
	if c.write && c.stale > 0 {
		return unavailable()
	}
	in, err := op.Decode(form)
	if err != nil {
		return err
	}
	var result any
	if op.Write {
		result, err = s.write(ctx, c, op, in)
	} else {
		state := s.Store.Snapshot().As(c.scope)
		state.Site = s.site
		result, err = op.Read(state, in, &s.hosts)
	}
	if err != nil {
		return err
	}
	return ec2.Encode(out, op.Name, c.id, result)
}

// write commits what the operation changes, and waits until the host enforces it.
func (s *Server) write(ctx context.Context, c *call, op api.Operation, in any) (result any, err error) {
	revision, err := s.Store.Update(ctx, c.scope, func(e *vpc.Edit) (err error) {
		e.Site = s.site
		result, err = op.Apply(e, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.enforced = "true"
	if !s.enforces(ctx, revision) {
		c.enforced = "false"
		s.unenforced.Add(1)
		if s.hostless {
			return result, nil
		}
		applied, trouble := s.hosts.Applied()
		s.Log.Warn("not enforced in time", "action", c.action, "revision", revision, "applied", applied,
			"connected", s.hosts.Connected(), "trouble", trouble)
	}
	return result, nil
}

// enforces waits until the host enforces the revision, but not for ever. A server that hosts cannot connect to, and a
// cell that never had one, have nobody to wait for.
func (s *Server) enforces(ctx context.Context, revision int64) bool {
	if s.hostless || !s.hosts.Connected() && !s.Store.Snapshot().Cell().Public.IsValid() {
		return false
	}
	limit := s.patience
	if limit == 0 {
		limit = maxPatience
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.hosts.WaitApplied(ctx, revision) == nil
}

// serveSTS answers the one operation of STS that clients of EC2 ask for.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func serveSTS(c *call, form url.Values, key vpc.AccessKey, out *bytes.Buffer) error {
	if err := checkVersion(form, stsVersion, "AWSSecurityTokenService"); err != nil {
		return err
	}
	if c.action != "GetCallerIdentity" {
		return ec2.Errorf("InvalidAction", "Could not find operation %s for version %s", c.action, stsVersion)
	}
	// Every key is its account's root for now.
	return ec2.EncodeSTSCallerIdentity(out, c.id, ec2.CallerIdentity{Arn: "arn:aws:iam::" + key.Account + ":root", UserId: key.Account, Account: key.Account})
}

func checkVersion(form url.Values, want, service string) error {
	switch version := form.Get("Version"); version {
	case want:
		return nil
	case "":
		return ec2.Errorf("MissingParameter", "The request must contain the parameter Version")
	default:
		return ec2.Errorf("NoSuchVersion", "The requested version (%s) of service %s does not exist", shown(version), service)
	}
}

// shown makes what a client sent short enough to be repeated.
func shown(s string) string {
	const most = 128
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
