package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"

	"crenel/hostapi"
	"crenel/store"
	"crenel/vpc"
)

var root = vpc.AccessKey{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Account: "123456789012"}

// A rig is a server with its store, its sockets and a scripted host.
type rig struct {
	t        *testing.T
	server   *Server
	endpoint string
	socket   string
	ready    chan struct{}
	stop     func() error // ends Run; what it returned
	log      *journal
}

// patience bounds what a broken test waits; no test that passes comes near it.
const patience = 30 * time.Second

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func next[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-within(t).Done():
		t.Fatal("nothing came")
	}
	return v
}

// start runs a server on an empty store, with a host that obeys.
func start(t *testing.T) *rig {
	r := startIn(t, t.TempDir(), 0)
	r.connect()
	next(t, r.ready)
	return r
}

// startIn runs a server, without a host.
func startIn(t *testing.T, dir string, writesWait time.Duration) *rig {
	t.Helper()
	return startAs(t, dir, &Server{patience: writesWait}, true)
}

// startAlone runs a server that hosts cannot connect to, on an empty store.
func startAlone(t *testing.T, s *Server) *rig {
	t.Helper()
	r := startAs(t, t.TempDir(), s, false)
	next(t, r.ready)
	return r
}

func startAs(t *testing.T, dir string, s *Server, withHosts bool) *rig {
	t.Helper()
	r := &rig{t: t, ready: make(chan struct{}), log: new(journal)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.log)
		}
	})
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	st, err := store.Open(t.Context(), store.Config{Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	short, err := os.MkdirTemp("", "server") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	r.socket = filepath.Join(short, "host.sock")
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var hosts net.Listener
	if withHosts {
		if hosts, err = net.Listen("unix", r.socket); err != nil {
			t.Fatal(err)
		}
	}
	r.endpoint = "http://" + api.Addr().String()
	r.server = s
	s.Store, s.Root, s.Log, s.Ready = st, root, log, func() { close(r.ready) }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx, api, hosts) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		st.Close()
		os.RemoveAll(short)
		return err
	})
	t.Cleanup(func() { r.stop() })
	return r
}

// A journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// A host does what its test says: it hears what is desired, and reports.
type host struct {
	t       *testing.T
	reports chan hostapi.Report
	desired chan hostapi.Desired // the newest that was not taken yet
	hangUp  context.CancelFunc
}

var pool = netip.MustParsePrefix("198.18.7.0/24")

// connect connects a host that applies everything at once.
func (r *rig) connect() *host {
	h := r.connectIdle(hostapi.Report{Host: "local", Public: pool})
	go func() {
		for {
			select {
			case d := <-h.desired:
				h.says(hostapi.Report{Applied: d.View.Revision})
			case <-r.t.Context().Done():
				return
			}
		}
	}()
	return h
}

// connectIdle connects a host that only says what the test says.
func (r *rig) connectIdle(first hostapi.Report) *host {
	h := &host{t: r.t, reports: make(chan hostapi.Report, 1), desired: make(chan hostapi.Desired, 1)}
	ctx, cancel := context.WithCancel(r.t.Context())
	h.hangUp = cancel
	r.t.Cleanup(cancel)
	h.reports <- first
	go hostapi.NewClient(r.socket).Sync(ctx, h.reports, func(d hostapi.Desired) error {
		select {
		case <-h.desired:
		default:
		}
		h.desired <- d
		return nil
	})
	return h
}

func (h *host) says(r hostapi.Report) {
	select {
	case h.reports <- r:
	case <-h.t.Context().Done():
	}
}

// A request is a signed one, before a test spoils it.
type request struct {
	method, path, body string
	key                vpc.AccessKey
	service, region    string
	at                 time.Time
	unsigned           bool
	saysHash           bool                // of its body, in a header that is signed
	spoil              func(*http.Request) // after it was signed
}

func post(form string) request {
	return request{method: "POST", path: "/", body: form, key: root, service: "ec2", region: "us-east-1", at: time.Now()}
}

// action is a well-formed request of EC2.
func action(name, form string) request {
	body := "Action=" + name + "&Version=2016-11-15"
	if form != "" {
		body += "&" + form
	}
	return post(body)
}

// An answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
	code   string // of an error
	text   string // of an error
}

func (r *rig) send(q request) answer {
	r.t.Helper()
	a, err := r.try(q)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// signed is the request as it goes out.
func (r *rig) signed(q request) (*http.Request, error) {
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	h, err := http.NewRequestWithContext(r.t.Context(), q.method, r.endpoint+q.path, body)
	if err != nil {
		return nil, err
	}
	h.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if !q.unsigned {
		hash := sha256.Sum256([]byte(q.body))
		err := sigv4.New().SignRequest(&sigv4.SignRequestInput{Request: h, PayloadHash: hash[:], Service: q.service, Region: q.region, Time: q.at,
			Credentials: credentials.Credentials{AccessKeyID: q.key.ID, SecretAccessKey: q.key.Secret}},
			func(o *v4.SignerOptions) { o.AddPayloadHashHeader = q.saysHash })
		if err != nil {
			return nil, err
		}
	}
	if q.spoil != nil {
		q.spoil(h)
	}
	return h, nil
}

func (r *rig) try(q request) (a answer, err error) {
	h, err := r.signed(q)
	if err != nil {
		return a, err
	}
	res, err := http.DefaultClient.Do(h)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	return readAnswer(res)
}

func readAnswer(res *http.Response) (a answer, err error) {
	all, err := io.ReadAll(res.Body)
	a = answer{status: res.StatusCode, header: res.Header, body: string(all)}
	var e struct {
		Errors struct {
			Error struct{ Code, Message string }
		} // EC2's form
		Error struct{ Code, Message string } // STS's
	}
	var j wrong
	if a.status != http.StatusOK && json.Unmarshal(all, &j) == nil {
		a.code, a.text = j.Type, j.Message
	} else if a.status != http.StatusOK && xml.Unmarshal(all, &e) == nil {
		a.code, a.text = e.Errors.Error.Code+e.Error.Code, e.Errors.Error.Message+e.Error.Message
	}
	return a, err
}

// must is an operation that must succeed.
func must[Out any](r *rig, name string, form url.Values) (out Out) {
	r.t.Helper()
	a := r.send(action(name, form.Encode()))
	if a.status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", name, a.status, a.body)
	}
	if err := xml.Unmarshal([]byte(a.body), &out); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// until waits for a State that meets the condition.
func (r *rig) until(condition func(*vpc.State) bool) *vpc.State {
	r.t.Helper()
	for revision := int64(-1); ; {
		state, err := r.server.Store.Wait(within(r.t), revision)
		if err != nil {
			r.t.Fatal(err)
		}
		if condition(state) {
			return state
		}
		revision = state.Revision
	}
}
