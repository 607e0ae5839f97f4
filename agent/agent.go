// Package agent is the loop of a host: the newest View and instances in, what is applied and how the
// instances are out.
//
//	a := agent.Agent{Dir: "/var/lib/crenel", Log: log}
//	err := a.Run(ctx)
//
// When Run ends, or is killed, everything stays: links, rules, connections, instances. The next Run
// adopts them.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"crenel/datapath"
	"crenel/hostapi"
	"crenel/hostnet"
	"crenel/instance"
	"crenel/policy"
)

// An Agent enforces on this host what the controller of its data directory says.
type Agent struct {
	Dir string // the data directory
	Log *slog.Logger

	paths  paths
	links  *hostnet.Links
	home   instance.Home
	kernel *datapath.Datapath
	wiring sync.Mutex // held while a link and its filter are made or removed

	// The main loop owns what follows.
	view    *policy.View       // in force; nil before the first
	desired hostapi.Desired    // newest from the controller
	wired   map[string]wire    // of the interfaces that have a link, by their id
	linked  map[uint32]int     // the links that the kernel has the View in force at, by their interface's number
	workers map[string]*worker // one for each instance, by id
	status  map[string]hostapi.InstanceReport
	console map[string]time.Time // when the console that was reported was written
	trouble string
	// gatewayTrouble is why a NAT gateway is not as it should be; "": all are.
	gatewayTrouble string
	counted        hostapi.Counters // as they were last reported
	pool           netip.Prefix     // the public addresses that the data directory claimed

	connected chan struct{}   // from the conversation: a new stream begins
	attached  chan attachment // from workers: an interface is attached, or gone
	settled   chan settlement // from workers: what became of an instance
	reports   chan hostapi.Report
}

// Run enforces until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.open(); err != nil {
		return err
	}
	defer a.links.Close()
	defer a.kernel.Close()
	if err := a.adopt(); err != nil {
		return err
	}
	desired := make(chan hostapi.Desired)
	go a.converse(ctx, desired)
	return a.loop(ctx, desired)
}

// open opens what the host has of ours, and makes what it does not have yet.
func (a *Agent) open() (err error) {
	a.paths = newPaths(a.Dir)
	a.home = a.paths.home()
	a.wired, a.workers = map[string]wire{}, map[string]*worker{}
	a.status, a.console = map[string]hostapi.InstanceReport{}, map[string]time.Time{}
	a.attached, a.settled = make(chan attachment), make(chan settlement)
	a.reports, a.connected = make(chan hostapi.Report, 1), make(chan struct{})
	if _, err := datapath.MountBPFFS(); err != nil {
		return err
	}
	// A View of an earlier life of the machine, or from before a `down`, is in force nowhere.
	if _, err := os.Stat(a.paths.pins()); errors.Is(err, os.ErrNotExist) {
		if err := os.Remove(a.paths.view()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if a.kernel, err = datapath.Open(datapath.Options{Dir: a.paths.pins()}); err != nil {
		return err
	}
	if a.links, err = hostnet.Open(a.paths.owner); err != nil {
		return err
	}
	return a.openInternet()
}

// openInternet makes the host's end of the public network. The block that the data directory claimed
// once stays its own.
func (a *Agent) openInternet() error {
	claim, err := readClaim(a.paths.claim())
	if err != nil {
		return err
	}
	internet, err := a.links.ClaimPublic(claim)
	if err != nil {
		return err
	}
	if err := a.kernel.AttachInternet(internet.Out, internet.Index); err != nil {
		return fmt.Errorf("attach to %s: %w", internet.Name, err)
	}
	if err := a.links.UpInternet(policy.IPv6Of(internet.Block)); err != nil {
		return err
	}
	a.pool = internet.Block
	return writeFile(a.paths.claim(), []byte(internet.Block.String()+"\n"))
}

// adopt takes over what an earlier agent left: the View in force and the attached interfaces.
func (a *Agent) adopt() error {
	b, err := os.ReadFile(a.paths.view())
	if err == nil {
		a.view = new(policy.View)
		err = json.Unmarshal(b, a.view)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		a.Log.Warn("the last view cannot be read; starting from nothing", "error", err)
		a.view = nil
	}
	links, err := a.links.Interfaces()
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.ID == "" {
			continue
		}
		if !l.Up { // half made; its worker makes it anew
			a.wired[l.ID] = wire{index: l.Index, leaving: true}
			continue
		}
		if err := a.kernel.Adopt(l.ID, l.Index); err != nil {
			return fmt.Errorf("attach to %s: %w", l.Name, err)
		}
		a.wired[l.ID] = wire{index: l.Index}
	}
	return nil
}

// converse keeps the conversation with the controller going.
func (a *Agent) converse(ctx context.Context, desired chan<- hostapi.Desired) {
	const shortest, longest = 50 * time.Millisecond, 2 * time.Second
	client := hostapi.NewClient(a.paths.socket())
	for pause := shortest; ctx.Err() == nil; pause = min(2*pause, longest) {
		select {
		case a.connected <- struct{}{}: // the first report of a stream says everything
		case <-ctx.Done():
			return
		}
		err := client.Sync(ctx, a.reports, func(d hostapi.Desired) error {
			pause = shortest
			select {
			case desired <- d:
			case <-ctx.Done():
			}
			return ctx.Err()
		})
		if ctx.Err() != nil {
			return
		}
		a.Log.Info("no conversation with the controller", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func readClaim(path string) (netip.Prefix, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return netip.Prefix{}, nil
	}
	if err != nil {
		return netip.Prefix{}, err
	}
	p, err := netip.ParsePrefix(strings.TrimSpace(string(b)))
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// writeFile replaces the file as a whole. It need not outlive the machine's run: what it says is only
// true of the kernel that runs now.
func writeFile(path string, b []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// paths are where a data directory's things are.
type paths struct{ dir, owner string }

func (p paths) pins() string     { return "/sys/fs/bpf/crenel-" + p.owner }
func (p paths) gateways() string { return filepath.Join(p.dir, "gateways") }
func (p paths) socket() string   { return filepath.Join(p.dir, "run", "host.sock") }
func (p paths) claim() string    { return filepath.Join(p.dir, "public-pool") }
func (p paths) view() string     { return filepath.Join(p.dir, "view.json") }
func (p paths) home() instance.Home {
	return instance.Home{Dir: filepath.Join(p.dir, "instances"), Hide: p.dir, Owner: p.owner}
}
