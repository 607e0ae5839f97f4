package server

import (
	"bytes"
	"context"
	"net/url"

	"crenel/api"
	"crenel/auth"
	"crenel/ec2"
	"crenel/iam"
	"crenel/sigv4"
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
	in, err := op.Decode(form)
	if err != nil {
		return err
	}
	if op.Prepares() { // for whoever may, and before all others wait for it
		state := s.Store.Snapshot().As(c.scope)
		if err := may(c, state, op, in); err != nil {
			return err
		}
		op = op.Prepared(in)
	}
	var result any
	if op.Write {
		err = s.write(ctx, c, c.scope, func(e *vpc.Edit) (err error) {
			if err := may(c, e.State, op, in); err != nil {
				return err
			}
			if result, err = op.Apply(e, in); err != nil {
				return err
			}
			return fits(s.Store.Snapshot(), e, op.Name)
		})
	} else {
		result, err = s.read(c, op, in)
	}
	if err != nil {
		return err
	}
	if op.Write && !op.Enforced() {
		c.enforced = "false" // it is stored, whatever the host confirmed
	}
	return ec2.Encode(out, op.Name, c.id, result)
}

// read asks the newest State.
func (s *Server) read(c *call, op api.Operation, in any) (any, error) {
	state := s.Store.Snapshot().As(c.scope)
	state.Site = s.site
	if err := may(c, state, op, in); err != nil {
		return nil, err
	}
	return op.Read(state, in, &s.hosts)
}

// may asks the key's policy. Whoever may everything is not asked what for.
func may(c *call, state *vpc.State, op api.Operation, in any) error {
	if auth.Limitless(c.key) {
		return nil
	}
	return auth.May(c.key, op.Asks(state, in)...)
}

// write commits what change changes, and waits until the host enforces it.
func (s *Server) write(ctx context.Context, c *call, scope vpc.Scope, change func(*vpc.Edit) error) error {
	s.writing.RLock()
	revision, err := s.commit(ctx, c, scope, change)
	s.writing.RUnlock()
	if err == nil {
		s.await(ctx, c, revision)
	}
	return err
}

// commit commits what change changes, for the key that signed the request: if the State that is changed still has it, as
// it was. Another server may have disabled it, or deleted it, since this one authenticated the request.
func (s *Server) commit(ctx context.Context, c *call, scope vpc.Scope, change func(*vpc.Edit) error) (revision int64, err error) {
	if c.stale > 0 {
		return 0, unavailable()
	}
	return s.Store.Update(ctx, scope, func(e *vpc.Edit) error {
		if key, ok := auth.Key(e.State, c.key.ID); !ok || !auth.Same(key, c.key) {
			return badSignature(c, sigv4.ErrUnknownKey)
		}
		e.Site = s.site
		return change(e)
	})
}

// update commits what this server changes by itself.
func (s *Server) update(ctx context.Context, change func(*vpc.Edit) error) error {
	s.writing.RLock()
	defer s.writing.RUnlock()
	_, err := s.Store.Update(ctx, vpc.Scope{}, change)
	return err
}

// await waits until the host enforces the revision, and notes whether it does.
func (s *Server) await(ctx context.Context, c *call, revision int64) {
	c.enforced = "true"
	if !s.enforces(ctx, revision) {
		c.enforced = "false"
		s.unenforced.Add(1)
		if s.hostless {
			return
		}
		host := s.self()
		s.Log.Warn("not enforced in time", "action", c.action, "revision", revision, "applied", host.Applied,
			"connected", host.Connected, "trouble", host.Trouble)
	}
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

// serveSTS answers the operations of STS that clients of EC2 ask for.
func (s *Server) serveSTS(c *call, form url.Values, out *bytes.Buffer) error {
	if err := checkVersion(form, stsVersion, "AWSSecurityTokenService"); err != nil {
		return err
	}
	switch c.action {
	case "GetCallerIdentity": // which needs no permission, and no policy can deny
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
		return ec2.EncodeSTSCallerIdentity(out, c.id, ec2.CallerIdentity{Arn: c.key.ARN(), UserId: auth.UserID(c.key), Account: c.key.Account})
	case "DecodeAuthorizationMessage":
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
		if err := c.may("sts:DecodeAuthorizationMessage"); err != nil {
			return err
		}
		message := form.Get("EncodedMessage")
		if message == "" {
			return ec2.Errorf("ValidationError", "The request must contain the parameter EncodedMessage")
		}
		decoded, err := auth.OpenMessage(s.Root.Secret, c.key.Account, message)
		if err != nil {
			return ec2.Errorf("InvalidAuthorizationMessageException", "Message is not valid")
		}
		return ec2.EncodeSTSDecodedMessage(out, c.id, decoded)
	}
	return ec2.Errorf("InvalidAction", "Could not find operation %s for version %s", c.action, stsVersion)
}

// may asks the key's policy about an action that has no resource.
func (c *call) may(action string) error {
	keys := iam.Keys{}
	keys.Add("aws:RequestedRegion", c.scope.Region)
	return auth.May(c.key, iam.Request{Action: action, Resource: "*", Keys: keys})
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
