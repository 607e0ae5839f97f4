package hostapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	"crenel/hostapi/hostpb"
	"crenel/policy"
)

// patience bounds what a broken test waits; no test that passes comes near it.
const patience = 30 * time.Second

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func socket(t *testing.T) string {
	dir, err := os.MkdirTemp("", "hostapi") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "host.sock")
}

// serve serves on the socket until stop.
func serve(t *testing.T, h *Hosts, socket string) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// A host is scripted: it says what the test has it say.
type host struct {
	t        *testing.T
	reports  chan Report
	desired  chan Desired
	ended    chan error
	hangUp   context.CancelFunc
	obedient bool // it reports every revision as applied
}

func (h *host) connect(socket string) *host {
	h.reports, h.desired, h.ended = make(chan Report, 1), make(chan Desired, 1000), make(chan error, 1)
	ctx, cancel := context.WithCancel(h.t.Context())
	h.hangUp = cancel
	h.t.Cleanup(cancel)
	go func() {
		h.ended <- NewClient(socket).Sync(ctx, h.reports, func(d Desired) error {
			h.desired <- d
			if h.obedient {
				h.reports <- Report{Applied: d.View.Revision}
			}
			return nil
		})
	}()
	return h
}

func (h *host) says(r Report) *host {
	h.t.Helper()
	receiveOr(h.t, func(ctx context.Context) error {
		select {
		case h.reports <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return h
}

func receiveOr(t *testing.T, f func(context.Context) error) {
	t.Helper()
	if err := f(within(t)); err != nil {
		t.Fatal(err)
	}
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

func (h *Hosts) until(t *testing.T, condition func() bool) {
	t.Helper()
	if err := h.wait(within(t), condition); err != nil {
		t.Fatal(err)
	}
}

func revision(n int64) Desired { return Desired{View: &policy.View{Revision: n}} }

var hello = Report{Host: "local", Public: netip.MustParsePrefix("198.18.7.0/24")}

func TestWhatIsDesiredComesDownAndWhatIsAppliedComesUp(t *testing.T) {
	path, hosts := socket(t), new(Hosts)
	serve(t, hosts, path)
	h := (&host{t: t, obedient: true}).connect(path).says(hello)
	for n := int64(1); n <= 50; n++ {
		hosts.Set(revision(n))
		if err := hosts.WaitApplied(within(t), n); err != nil {
			t.Fatal(err)
		}
	}
	if got, trouble := hosts.Applied(); got != 50 || trouble != "" {
		t.Errorf("Applied() = %d, %q; want 50", got, trouble)
	}
	close(h.reports)
	if err := next(t, h.ended); err != nil {
		t.Errorf("Sync = %v after its reports were closed", err)
	}
	hosts.until(t, func() bool { return hosts.current == nil })
}

func TestAHostThatComesLateHearsOnlyTheNewest(t *testing.T) {
	path, hosts := socket(t), new(Hosts)
	serve(t, hosts, path)
	for n := range int64(100) {
		hosts.Set(revision(n + 1))
	}
	h := (&host{t: t}).connect(path).says(hello)
	if d := next(t, h.desired); d.View.Revision != 100 {
		t.Errorf("heard of revision %d first, want 100", d.View.Revision)
	}
}

func TestABusyHostSkipsWhatIsOvertaken(t *testing.T) {
	path, hosts := socket(t), new(Hosts)
	serve(t, hosts, path)
	busy, got := make(chan struct{}), make(chan int64, 1000)
	reports := make(chan Report, 1)
	reports <- hello
	ended := make(chan error, 1)
	go func() {
		ended <- NewClient(path).Sync(within(t), reports, func(d Desired) error {
			got <- d.View.Revision
			<-busy
			if d.View.Revision == 100 {
				return errors.New("enough")
			}
			return nil
		})
	}()
	hosts.Set(revision(1))
	if n := next(t, got); n != 1 {
		t.Fatalf("heard of revision %d first", n)
	}
	for n := int64(2); n <= 100; n++ {
		hosts.Set(revision(n))
	}
	close(busy)
	if err := next(t, ended); err == nil || err.Error() != "enough" {
		t.Fatalf("Sync = %v, want the callback's error", err)
	}
	close(got)
	var all []int64
	for n := range got {
		all = append(all, n)
	}
	if !slices.IsSorted(all) || all[len(all)-1] != 100 {
		t.Errorf("heard of %v: want ascending, up to 100", all)
	}
}

func TestWaitAppliedEndsWithItsContext(t *testing.T) {
	path, hosts := socket(t), new(Hosts)
	serve(t, hosts, path)
	hosts.Set(revision(8))
	h := (&host{t: t}).connect(path).says(hello)
	h.says(Report{Applied: 7, Trouble: "no memory"})
	if err := hosts.WaitApplied(within(t), 7); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hosts.WaitApplied(over, 8); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitApplied = %v, want the context's error", err)
	}
	if err := hosts.WaitApplied(over, 7); err != nil {
		t.Errorf("WaitApplied of what is applied = %v", err)
	}
	if _, trouble := hosts.Applied(); trouble != "no memory" {
		t.Errorf("trouble is %q", trouble)
	}
}

func TestAHostThatDiesStillEnforcesAndComesBack(t *testing.T) {
	path, hosts := socket(t), new(Hosts)
	serve(t, hosts, path)
	hosts.Set(revision(5))
	h := (&host{t: t, obedient: true}).connect(path).says(hello)
	if err := hosts.WaitApplied(within(t), 5); err != nil {
		t.Fatal(err)
	}
	h.hangUp()
	if err := next(t, h.ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Sync = %v, want its context's error", err)
	}
	hosts.until(t, func() bool { return hosts.current == nil })
	if hosts.Connected() {
		t.Error("Connected, after the host died")
	}
	if n, _ := hosts.Applied(); n != 5 {
		t.Errorf("applied is %d after the host died: its rules stay", n)
	}
	hosts.Set(revision(6))
	waited := make(chan error, 1)
	go func() { waited <- hosts.WaitApplied(within(t), 6) }()
	h = (&host{t: t, obedient: true}).connect(path).says(hello) // knows of nothing it enforces
	if d := next(t, h.desired); d.View.Revision != 6 {
		t.Errorf("heard of revision %d first, want 6", d.View.Revision)
	}
	if err := next(t, waited); err != nil {
		t.Error(err)
	}
}

func TestWhatANewStreamSaysOfItselfCounts(t *testing.T) {
	path, hosts := socket(t), new(Hosts)
	serve(t, hosts, path)
	(&host{t: t}).connect(path).says(Report{Host: "local", Applied: 9})
	hosts.until(t, func() bool { return hosts.applied == 9 })
	(&host{t: t}).connect(path).says(Report{Host: "local", Applied: 3})
	hosts.until(t, func() bool { return hosts.applied == 3 })
}

func TestAHostSurvivesItsController(t *testing.T) {
	path, first, second := socket(t), new(Hosts), new(Hosts)
	stop := serve(t, first, path)
	first.Set(revision(1))
	h := (&host{t: t, obedient: true}).connect(path).says(hello)
	if err := first.WaitApplied(within(t), 1); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := next(t, h.ended); err == nil {
		t.Error("Sync = nil after the controller died")
	}
	second.Set(revision(2))
	serve(t, second, path)
	(&host{t: t, obedient: true}).connect(path).says(hello)
	if err := second.WaitApplied(within(t), 2); err != nil {
		t.Error(err)
	}
}

func TestANewerStreamReplacesTheOlder(t *testing.T) {
	path := socket(t)
	var mu sync.Mutex
	var heard []string
	hosts := &Hosts{OnReport: func(r Report) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, r.Host)
	}}
	serve(t, hosts, path)
	old := (&host{t: t}).connect(path).says(Report{Host: "old"})
	hosts.until(t, func() bool { return hosts.current != nil })
	older := hosts.current
	young := (&host{t: t, obedient: true}).connect(path).says(Report{Host: "new", Applied: 1})
	hosts.until(t, func() bool { return hosts.current != older })
	if err := next(t, old.ended); err == nil || !strings.Contains(err.Error(), "newer stream") {
		t.Errorf("the older Sync = %v, want that there is a newer stream", err)
	}
	hosts.Set(revision(2))
	if err := hosts.WaitApplied(within(t), 2); err != nil {
		t.Error(err)
	}
	if d := next(t, young.desired); d.View.Revision != 2 {
		t.Errorf("the newer stream heard of revision %d", d.View.Revision)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(heard) == 0 || heard[len(heard)-1] != "new" {
		t.Errorf("heard %v: want the newer stream last", heard)
	}
}

func TestReportsAndConsolesArrive(t *testing.T) {
	path := socket(t)
	got := make(chan Report, 100)
	hosts := &Hosts{OnReport: func(r Report) { got <- r }}
	serve(t, hosts, path)
	at := time.UnixMilli(1_700_000_000_123).UTC()
	first := hello
	first.Instances = []InstanceReport{{ID: "i-0", State: Running, Boots: 2}, {ID: "i-1", State: Failed, Boots: 1, Detail: "no root"}}
	for n := range 200 { // more than one message takes
		first.Consoles = append(first.Consoles, Console{fmt.Sprintf("i-%d", n), make([]byte, MaxTail), at})
	}
	h := (&host{t: t}).connect(path).says(first)
	r := next(t, got)
	if d := cmp.Diff(first.Instances, r.Instances); d != "" || r.Host != "local" || r.Public != hello.Public {
		t.Errorf("reported %q %v, instances (-want +got):\n%s", r.Host, r.Public, d)
	}
	h.says(Report{Applied: 1, Consoles: []Console{{"i-3", []byte("hello\n"), at}}})
	hosts.until(t, func() bool { return hosts.applied == 1 })
	if out, when := hosts.Console("i-3"); string(out) != "hello\n" || !when.Equal(at) {
		t.Errorf("Console = %q, %v", out, when)
	}
	if out, _ := hosts.Console("i-199"); len(out) != MaxTail {
		t.Errorf("the last console has %d bytes", len(out))
	}
	if err := hosts.Set(Desired{View: new(policy.View), Instances: []Instance{{ID: "i-3", Image: "ami-1", Hostname: "i-3"}}}); err != nil {
		t.Fatal(err)
	}
	if out, _ := hosts.Console("i-4"); out != nil {
		t.Error("the console of an instance that is gone is kept")
	}
	if out, _ := hosts.Console("i-3"); out == nil {
		t.Error("the console of an instance that is there is gone")
	}
}

// A host whose messages make no sense is shown the door, and nothing of them counts.
// Newer counters take the place of older ones, and those of interfaces that are gone are forgotten.
func TestCountersAreTheNewest(t *testing.T) {
	var h Hosts
	h.counters = h.counters.Add([]policy.Counter{{Interface: 1, Reason: policy.Spoofed, Packets: 1}, {Interface: 0, Reason: policy.NoInterface, Packets: 5}})
	h.counters = h.counters.Add([]policy.Counter{{Interface: 1, Reason: policy.Spoofed, Packets: 2}, {Interface: 1, Reason: policy.Allowed, Packets: 9}, {Interface: 2, Reason: policy.Allowed, Packets: 1}})
	want := []policy.Counter{{Reason: policy.NoInterface, Packets: 5}, {Interface: 1, Reason: policy.Allowed, Packets: 9}, {Interface: 1, Reason: policy.Spoofed, Packets: 2}, {Interface: 2, Reason: policy.Allowed, Packets: 1}}
	if got := h.Counters(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	one := policy.Interface{Num: 1, ID: "eni-1", VPC: 1, Subnet: "subnet-1", Addr: netip.MustParseAddr("10.0.0.4")}
	if err := h.Set(Desired{View: &policy.View{Interfaces: []policy.Interface{one}}}); err != nil {
		t.Fatal(err)
	}
	if got := h.Counters(); !slices.Equal(got, want[:3]) {
		t.Errorf("without interface 2: %v", got)
	}
}

func TestMalformedReportsEndTheStream(t *testing.T) {
	for name, first := range map[string]*hostpb.Report{
		"no host":      {Applied: 3},
		"a bad name":   {Host: "../etc"},
		"a bad id":     {Host: "local", Instances: []*hostpb.InstanceReport{{Id: "i-0/..", State: 1}}},
		"no state":     {Host: "local", Instances: []*hostpb.InstanceReport{{Id: "i-0"}}},
		"a bad prefix": {Host: "local", PublicPool: &hostpb.Prefix{Addr: []byte{198, 18, 0, 1}, Bits: 24}},
		"IPv6":         {Host: "local", PublicPool: &hostpb.Prefix{Addr: make([]byte, 16), Bits: 24}},
		"half a pool":  {Host: "local", PublicPool: &hostpb.Prefix{Addr: []byte{198, 18, 0}, Bits: 8}},
		"a long tail":  {Host: "local", Consoles: []*hostpb.Console{{Instance: "i-0", Tail: make([]byte, MaxTail+1)}}},
	} {
		t.Run(name, func(t *testing.T) {
			path := socket(t)
			hosts := &Hosts{OnReport: func(r Report) { t.Errorf("heard %+v", r) }}
			serve(t, hosts, path)
			stream := NewClient(path).rpc.Sync(within(t))
			if err := stream.Send(first); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Receive(); connect.CodeOf(err) != connect.CodeInvalidArgument {
				t.Errorf("answered %v, want invalid_argument", err)
			}
			if hosts.Connected() {
				t.Error("the host counts as connected")
			}
		})
	}
}

type liar struct{ says *hostpb.Desired }

func (l liar) Sync(_ context.Context, s *connect.BidiStream[hostpb.Report, hostpb.Desired]) error {
	if err := s.Send(l.says); err != nil {
		return err
	}
	for {
		if _, err := s.Receive(); err != nil {
			return err
		}
	}
}

func TestAHostIgnoresAMalformedDesired(t *testing.T) {
	good := func() *hostpb.Desired {
		return Desired{View: &policy.View{Revision: 1}, Instances: []Instance{{ID: "i-0", Image: "ami-0", Hostname: "ip-10-0-0-4", Run: true}}}.encode()
	}
	for name, spoil := range map[string]func(*hostpb.Desired){
		"no view":            func(d *hostpb.Desired) { d.View = nil },
		"an id with a slash": func(d *hostpb.Desired) { d.Instances[0].Id = "i-0/../../etc" },
		"an id of dots":      func(d *hostpb.Desired) { d.Instances[0].Id = ".." },
		"no id":              func(d *hostpb.Desired) { d.Instances[0].Id = "" },
		"a name of lines":    func(d *hostpb.Desired) { d.Instances[0].Hostname = "a\n127.0.0.1 b" },
		"run and remove":     func(d *hostpb.Desired) { d.Instances[0].Remove = true },
		"the same id twice":  func(d *hostpb.Desired) { d.Instances = append(d.Instances, d.Instances[0]) },
		"much user data":     func(d *hostpb.Desired) { d.Instances[0].UserData = make([]byte, maxUserData+1) },
		"a negative boot":    func(d *hostpb.Desired) { d.Instances[0].Boots = -1 },
		"a short MAC": func(d *hostpb.Desired) {
			d.Instances[0].Interfaces = []*hostpb.Nic{{Id: "eni-0", Num: 1, Mac: []byte{1}}}
		},
		"interface 0": func(d *hostpb.Desired) { d.View.Interfaces = []*hostpb.Interface{{Id: "eni-0", Vpc: 1}} },
		"a rule for nobody": func(d *hostpb.Desired) {
			d.View.Groups = []*hostpb.Group{{Num: 1, Id: "sg-0", Ingress: []*hostpb.Rule{{Id: "sgr-0"}}}}
		},
		"a huge VPC number": func(d *hostpb.Desired) { d.View.Members = []*hostpb.Member{{Vpc: 1 << 24, Addr: []byte{10, 0, 0, 4}}} },
		"a route to nowhere": func(d *hostpb.Desired) {
			d.View.Subnets = []*hostpb.Subnet{{Id: "s", Vpc: 1, Cidr: encodePrefix(hello.Public), Routes: []*hostpb.Route{{Destination: encodePrefix(hello.Public)}}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := good()
			if _, err := decodeDesired(d); err != nil {
				t.Fatal(err)
			}
			spoil(d)
			path := socket(t)
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			mux := http.NewServeMux()
			mux.Handle(hostpb.NewHostHandler(liar{d}))
			s := &http.Server{Handler: mux, Protocols: http2only()}
			go s.Serve(l)
			defer s.Close()
			reports := make(chan Report, 1)
			reports <- hello
			err = NewClient(path).Sync(within(t), reports, func(d Desired) error {
				t.Errorf("obeyed %+v", d)
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), "malformed message") {
				t.Errorf("Sync = %v, want that the message is malformed", err)
			}
		})
	}
}

// What could not be sent, or would not be understood, is refused where it is said, and changes nothing.
func TestSetRefusesWhatAHostWouldNotUnderstand(t *testing.T) {
	var h Hosts
	if err := h.Set(revision(1)); err != nil {
		t.Fatal(err)
	}
	said := h.desired
	i := Instance{ID: "i-1", Image: "ami-1", Hostname: "i-1"}
	for name, spoil := range map[string]func(*Instance){
		"":                     func(*Instance) {},
		`the id "../x"`:        func(i *Instance) { i.ID = "../x" },
		`called "\xff"`:        func(i *Instance) { i.ImageName = "\xff" }, // which no message can have
		"65537 bytes of user":  func(i *Instance) { i.UserData = make([]byte, maxUserData+1) },
		"has no CIDR":          nil,
		"bytes, and 67108864 ": nil,
	} {
		d := revision(2)
		switch {
		case spoil != nil:
			bad := i
			spoil(&bad)
			d.Instances = []Instance{bad}
		case name == "has no CIDR":
			d.View.Subnets = []policy.Subnet{{ID: "subnet-1", VPC: 1}}
		default:
			for range 1100 {
				d.Instances = append(d.Instances, Instance{UserData: make([]byte, maxUserData)})
			}
		}
		if err := h.Set(d); name == "" && err != nil || name != "" && (err == nil || !strings.Contains(err.Error(), name) || h.desired != said) {
			t.Errorf("%q: %v", name, err)
		}
		said = h.desired
	}
}
