package hostapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"crenel/hostapi/hostpb"
	"crenel/policy"
)

// Hosts is the controller's end of the conversation. For now there is one host, whatever it is called.
type Hosts struct {
	// OnReport, if set, is called with every report that says more than what was applied: one call at a
	// time, in order. Nothing else of the host is heard until it returns.
	OnReport func(Report)
	Log      *slog.Logger // nil: nothing is logged

	reporting sync.Mutex // held while OnReport runs, so that no replaced stream reports after its successor

	mu       sync.Mutex
	changed  chan struct{} // closed at every change of what follows; nil: nobody waits
	desired  *hostpb.Desired
	current  *stream // the newest; nil: no host is connected
	name     string  // of the host that connected last
	applied  int64
	trouble  string
	consoles map[string]Console
	counters Counters
}

// Counters are what packets became, by interface and reason.
type Counters map[CounterKey]policy.Counter

// A CounterKey says what is counted: policy.Counter.
type CounterKey struct {
	Interface uint32
	Reason    policy.Reason
}

// Add puts counters in the place of those that were known, and returns the result.
func (c Counters) Add(newer []policy.Counter) Counters {
	if c == nil {
		c = Counters{}
	}
	for _, n := range newer {
		c[CounterKey{n.Interface, n.Reason}] = n
	}
	return c
}

// Sorted are the counters by interface and reason.
func (c Counters) Sorted() []policy.Counter {
	return slices.SortedFunc(maps.Values(c), func(a, b policy.Counter) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Reason, b.Reason))
	})
}

// Serve talks to the hosts that connect to l until ctx ends.
func (h *Hosts) Serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	path, handler := hostpb.NewHostHandler(service{h}, connect.WithReadMaxBytes(maxMessage))
	mux.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), controlKey{}, http.NewResponseController(w))
		handler.ServeHTTP(w, r.WithContext(ctx))
	}))
	s := &http.Server{Handler: mux, Protocols: http2only(), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); ctx.Err() == nil {
		return fmt.Errorf("serve hosts: %w", err)
	}
	return nil
}

// Set says what the host should do from now on. Consoles of other instances and counters of other interfaces are forgotten.
// What a host would not understand is refused whole: what was said before goes on.
func (h *Hosts) Set(d Desired) error {
	message, err := d.checked()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, i := range d.Instances {
		known[i.ID] = true
	}
	counted := map[uint32]bool{}
	for _, i := range d.View.Interfaces {
		counted[i.Num] = true
	}
	h.change(func() {
		h.desired = message
		maps.DeleteFunc(h.consoles, func(id string, _ Console) bool { return !known[id] })
		maps.DeleteFunc(h.counters, func(k CounterKey, _ policy.Counter) bool { return k.Interface != 0 && !counted[k.Interface] })
	})
	return nil
}

// WaitApplied returns nil when the host enforces the revision or a newer one, or ctx's error.
func (h *Hosts) WaitApplied(ctx context.Context, revision int64) error {
	return h.wait(ctx, func() bool { return h.applied >= revision })
}

// Applied is what the host last said: the newest revision that it enforces, and what keeps it from a
// newer one. A host that is gone still enforces it.
func (h *Hosts) Applied() (revision int64, trouble string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.applied, h.trouble
}

// Name is the host's that connected last, as it says itself; "": none did.
func (h *Hosts) Name() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.name
}

// Connected tells whether a host is there.
func (h *Hosts) Connected() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current != nil
}

// Console is the end of what the instance wrote, as far as the host said, and when it said so.
func (h *Hosts) Console(instance string) (output []byte, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.consoles[instance]
	return c.Tail, c.At
}

// Counters are what the host said of packets, by interface and reason.
func (h *Hosts) Counters() []policy.Counter {
	h.mu.Lock()
	all := maps.Clone(h.counters)
	h.mu.Unlock()
	return all.Sorted()
}

// change makes a change and wakes everybody who waits for one.
func (h *Hosts) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// wait returns nil as soon as the condition, which is called with h.mu held, is true.
func (h *Hosts) wait(ctx context.Context, condition func() bool) error {
	for {
		h.mu.Lock()
		met := condition()
		if h.changed == nil {
			h.changed = make(chan struct{})
		}
		changed := h.changed
		h.mu.Unlock()
		if met {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A stream is one host's call of Sync.
type stream struct {
	*connect.BidiStream[hostpb.Report, hostpb.Desired]
	control *http.ResponseController
	ended   error // why this end ended it; nil: it did not. Guarded by Hosts.mu
}

// end makes the stream's Receive fail. It is called with Hosts.mu held.
func (s *stream) end(why error) {
	if s.ended == nil {
		s.ended = why
		_ = s.control.SetReadDeadline(time.Unix(1, 0)) // fails where the host ended it already
	}
}

var errReplaced = connect.NewError(connect.CodeAborted, errors.New("the host has opened a newer stream"))

// controlKey is the context key of the http.ResponseController of a stream.
type controlKey struct{}

// A service is what the generated code calls.
type service struct{ *Hosts }

// Sync is one stream. It ends when the host goes, and when a newer one takes its place.
func (h service) Sync(ctx context.Context, call *connect.BidiStream[hostpb.Report, hostpb.Desired]) error {
	s := &stream{BidiStream: call, control: ctx.Value(controlKey{}).(*http.ResponseController)}
	first, err := s.receive()
	if err != nil {
		return err
	}
	if first.Host == "" {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the first report names no host"))
	}
	h.join(s, first)
	ctx, cancel := context.WithCancel(ctx)
	var sending sync.WaitGroup
	sending.Go(func() { h.send(ctx, s) })
	err = h.receive(s, first)
	cancel()
	sending.Wait()
	return h.leave(s, first.Host, err)
}

// join makes the stream the current one.
func (h *Hosts) join(s *stream, first Report) {
	h.change(func() {
		if h.current != nil {
			h.current.end(errReplaced)
		}
		h.current, h.name, h.applied, h.trouble, h.counters = s, first.Host, first.Applied, first.Trouble, nil
	})
	h.log().Info("host connected", "host", first.Host, "applied", first.Applied)
}

// leave is the end of the stream, which received err last. It returns what the host is told.
func (h *Hosts) leave(s *stream, host string, err error) error {
	h.change(func() {
		if h.current == s {
			h.current = nil
		}
		if s.ended != nil {
			err = s.ended
		}
	})
	h.log().Info("host disconnected", "host", host, "error", err)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// receive hears the host until the stream breaks or is replaced.
func (h *Hosts) receive(s *stream, r Report) (err error) {
	for h.hear(s, r) {
		if r, err = s.receive(); err != nil {
			return err
		}
	}
	return errReplaced
}

// hear takes a report in, and tells whether its stream is still the current one.
func (h *Hosts) hear(s *stream, r Report) (current bool) {
	h.change(func() {
		if current = h.current == s; !current {
			return
		}
		if r.Trouble != h.trouble && r.Trouble != "" {
			h.log().Error("host in trouble", "trouble", r.Trouble, "applied", r.Applied)
		}
		h.applied, h.trouble = r.Applied, r.Trouble
		if h.consoles == nil {
			h.consoles = map[string]Console{}
		}
		for _, c := range r.Consoles {
			h.consoles[c.Instance] = c
		}
		h.counters = h.counters.Add(r.Counters)
	})
	if !current || h.OnReport == nil || r.Host == "" && len(r.Instances) == 0 {
		return current
	}
	h.reporting.Lock()
	defer h.reporting.Unlock()
	h.mu.Lock()
	current = h.current == s
	h.mu.Unlock()
	if current {
		h.OnReport(r)
	}
	return current
}

// send sends what is desired, whenever it changes, until ctx or the stream ends.
func (h *Hosts) send(ctx context.Context, s *stream) {
	var last *hostpb.Desired
	for {
		var ended bool
		err := h.wait(ctx, func() bool {
			fresh := h.desired != last
			last, ended = h.desired, s.ended != nil
			return fresh || ended
		})
		if err != nil || ended {
			return
		}
		if err := s.Send(last); err != nil {
			h.change(func() { s.end(err) }) // there is nothing to hear from a host that cannot
			return
		}
	}
}

func (s *stream) receive() (Report, error) {
	p, err := s.Receive()
	if err != nil {
		return Report{}, err
	}
	r, err := decodeReport(p)
	if err != nil {
		return Report{}, connect.NewError(connect.CodeInvalidArgument, err)
	}
	return r, nil
}

func (h *Hosts) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}
