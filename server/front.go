package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"crenel/auth"
	"crenel/ec2"
	"crenel/sigv4"
	"crenel/store"
	"crenel/vpc"
)

// maxBody is how long a request may be.
const maxBody = 1 << 20

// handler routes what comes in by HTTP. Every operation of AWS's is a POST, or a GET, of the one path; those
// of whoever runs the server have a path each.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.serveAPI)
	mux.HandleFunc("GET /{$}", s.serveAPI)
	mux.HandleFunc("POST /crenel/v1/{operation}", s.serveAPI)
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.Handle("GET /metrics", s.metrics())
	mux.HandleFunc("/", serveNothing)
	return mux
}

// serveNothing answers what is addressed to services that are not here, at paths of theirs: at once, in a
// form that their clients can read, and with a status that none of them tries again.
func serveNothing(w http.ResponseWriter, r *http.Request) {
	status := http.StatusNotFound
	if r.URL.Path == "/" {
		status = http.StatusMethodNotAllowed
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("x-amzn-ErrorType", "UnknownOperationException")
	w.WriteHeader(status)
	_ = writeJSON(w, wrong{"UnknownOperationException", fmt.Sprintf("There is no %s %s here: this server answers EC2, STS and Service Quotas, all at POST /.", r.Method, shown(r.URL.Path))})
}

// serveHealth says whether the server serves, and how far it and its host are.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	stale := s.stale()
	if stale > 0 && !s.StaleReads {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "unavailable\n")
	} else {
		fmt.Fprint(w, "ok\n")
	}
	applied, _ := s.hosts.Applied()
	fmt.Fprintf(w, "revision %d\nhost connected %t\napplied %d\nunenforced %d\n",
		s.Store.Snapshot().Revision, s.hosts.Connected(), applied, s.unenforced.Load())
	if s.hostless && s.NoEnforcement {
		fmt.Fprint(w, "enforcement off\n")
	}
	if stale > 0 {
		fmt.Fprintf(w, "stale %s\n", seconds(stale))
	}
}

// maxBehind is how old an answer may be. An etcd that elects another leader is back sooner.
const maxBehind = 5 * time.Second

// stale is how old the snapshot may be, where that is too old to answer from; else 0.
func (s *Server) stale() time.Duration {
	if behind := s.Store.Behind(); behind > maxBehind {
		return behind
	}
	return 0
}

// seconds are whole ones, as a header has them.
func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// A call is one request, as far as it is understood.
type call struct {
	id       string // of the request, as the client sees it
	service  string // "ec2", "sts", or what else a client believes to speak to
	action   string
	key      vpc.AccessKey
	scope    vpc.Scope
	form     form
	write    bool
	stale    time.Duration // how old the State is that it is answered from, if that is too old; else 0
	enforced string        // the header of a write that was committed: "true" or "false"
}

// serveAPI answers one request, whatever is in it.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	c := &call{id: newRequestID(), form: ec2XML}
	var answer bytes.Buffer
	status, code := http.StatusOK, "ok"
	if err := s.do(c, w, r, &answer); err != nil {
		e := s.refusal(c, err)
		status, code = e.Status, e.Code
		answer.Reset()
		_ = c.form.encodeError(&answer, c.id, e) // a Buffer takes everything
	}
	h := w.Header()
	h.Set("Content-Type", c.form.contentType)
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("x-amzn-requestid", c.id)
	if c.enforced == "" && s.hostless && s.NoEnforcement {
		c.enforced = "false"
	}
	if c.enforced != "" {
		h.Set("x-crenel-enforced", c.enforced)
	}
	if c.stale > 0 && s.StaleReads {
		h.Set("x-crenel-stale", seconds(c.stale))
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer.Bytes()) // who left before the answer does not get it
	level := slog.LevelDebug
	if c.write {
		level = slog.LevelInfo
	}
	s.Log.Log(r.Context(), level, "request", "action", c.action, "account", c.scope.Account, "region", c.scope.Region, "code", code, "took", time.Since(start))
}

// do understands the request, carries it out and writes what it answers to out.
func (s *Server) do(c *call, w http.ResponseWriter, r *http.Request, out *bytes.Buffer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("request panicked", "action", c.action, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = internalError()
		}
	}()
	most := int64(maxBody)
	if isLargeImport(r) {
		leave, err := s.admitLarge(c, w, r)
		if err != nil {
			return err
		}
		defer leave()
		most = maxImport
	}
	body, err := readBody(w, r, most)
	if err != nil {
		return err
	}
	// The body is not looked at before it is known who sent it.
	c.stale = s.stale()
	err = s.authenticate(c, r, body)
	if c.stale > 0 && !s.StaleReads {
		return unavailable() // whatever err is: the key may be one that this server has not heard of yet
	}
	if err != nil {
		return err
	}
	switch {
	case c.service == "crenel":
		return s.serveAdmin(r.Context(), c, r.PathValue("operation"), body, out)
	case r.PathValue("operation") != "":
		return ec2.Errorf("AccessDenied", "%s is asked for with credentials for the service crenel, not %s.", r.URL.Path, shown(c.service))
	case c.service == "servicequotas":
		return s.serveQuotas(c, r.Header.Get("X-Amz-Target"), body, out)
	}
	query := r.URL.RawQuery
	if len(body) > 0 {
		query = string(body)
	}
	form, err := ec2.ParseForm(query)
	if err != nil {
		return err
	}
	if c.action = shown(form.Get("Action")); c.action == "" {
		return ec2.Errorf("MissingAction", "The request must contain the parameter Action")
	}
	if c.service == "sts" {
		return s.serveSTS(c, form, out)
	}
	return s.serveEC2(r.Context(), c, form, out)
}

// readBody reads a body of at most so many bytes.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, tooLarge(most)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge(most)
	} else if err != nil {
		return nil, ec2.Errorf("IncompleteBody", "The request's body could not be read to its end.")
	}
	return body, nil
}

func tooLarge(most int64) error {
	return &ec2.Error{Code: "RequestEntityTooLarge", Message: fmt.Sprintf("The request has more than %d bytes.", most), Status: http.StatusRequestEntityTooLarge}
}

// secretsOf finds the secrets of keys that may sign.
func secretsOf(s *vpc.State) func(id string) (string, error) {
	return func(id string) (string, error) {
		key, ok := auth.Key(s, id)
		if !ok {
			return "", sigv4.ErrUnknownKey
		}
		return key.Secret, nil
	}
}

// authenticate finds out who signed the request, and for which service and Region.
func (s *Server) authenticate(c *call, r *http.Request, body []byte) error {
	state := s.Store.Snapshot()
	credential, err := sigv4.Verify(r, body, time.Now(), secretsOf(state))
	c.service = credential.Service
	c.form = formOf(c.service, r)
	if err != nil {
		return badSignature(c, err)
	}
	key, _ := auth.Key(state, credential.KeyID)
	c.key, c.scope = key, vpc.Scope{Account: key.Account, Region: credential.Region}
	switch {
	case !slices.Contains([]string{"ec2", "sts", "servicequotas", "crenel"}, c.service):
		return c.denied("There is no %s here: this server answers EC2, STS and Service Quotas.", c.service)
	case !vpc.IsRegion(credential.Region):
		return c.badScope("Credential should be scoped to a valid region, not '%s'.", credential.Region)
	case !s.site.Serves(credential.Region) && c.service != "crenel" && !(c.service == "sts" && credential.Region == stsGlobal):
		return c.badScope("Credential should be scoped to a valid region, not '%s'. This server serves %s.", credential.Region, strings.Join(s.Regions, ", "))
	}
	return nil
}

// stsGlobal is the Region that older clients sign for when they ask STS, wherever they are: who a key belongs to
// is the same in all of them.
const stsGlobal = "us-east-1"

// refusal is the error as the client sees it. What is no refusal is logged.
func (s *Server) refusal(c *call, err error) *ec2.Error {
	var wire *ec2.Error
	var refused *vpc.Error
	var denied *auth.Denied
	switch {
	case errors.As(err, &wire):
		return wire
	case errors.As(err, &refused):
		return ec2.Errorf(refused.Code, "%s", refused.Message)
	case errors.As(err, &denied):
		return s.unauthorized(c, denied)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		s.Log.Error("store unavailable", "error", err)
		return unavailable()
	case errors.Is(err, context.Canceled):
		return ec2.Errorf("ServiceUnavailable", "The client closed the request before it was carried out.")
	}
	s.Log.Error("internal error", "error", err)
	return internalError()
}

func unavailable() *ec2.Error {
	return ec2.Errorf("ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
}

func internalError() *ec2.Error {
	return ec2.Errorf("InternalError", "An internal error has occurred")
}

// newRequestID is a random UUID. RFC 9562 §5.4.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
