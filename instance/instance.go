// Package instance runs instances as Linux namespaces: each has a network, a host name, a process table,
// a root file system and users of its own.
//
//	home := instance.Home{Dir: dataDir + "/instances", Hide: dataDir, Owner: "5f3a9c01"}
//	err := home.Create(ctx, spec)            // it exists, and runs nothing of its user's yet
//	namespace, err := home.NetNS(spec.ID)    // give it its network interfaces
//	err = home.Run(ctx, spec.ID)             // its user data starts
//	…
//	err = home.Stop(ctx, spec.ID, 10*time.Second)
//
// An instance does not depend on the process that made it: it is a process of its own session and cgroup,
// known by a small file in its folder, and any later process finds it there. Its network namespace
// lives and dies with it. Its root is an overlay over the machine's own: what it writes stays in its
// folder, from one start to the next, until Remove.
//
// # Users
//
// Every instance has a user namespace, in which all ids mean what they mean outside. It is there for
// the sake of one capability: root in an instance needs CAP_NET_ADMIN. Held in the machine's own user
// namespace, that capability also covers the machine's network: from within an instance, a netlink
// message that names the other end of its own interface (IFLA_TARGET_NETNSID) deletes the host's
// links. Held in the instance's user namespace it covers the instance's network, and nothing else.
//
// This is no sandbox for hostile code. It is one for the firewall: nothing that runs in an instance
// reaches the filter in front of it, whether root or not. See setup.go for what is closed.
//
// # Processes
//
// The program that uses this package is also the first process of each instance, so its main begins
//
//	if instance.IsInit() {
//		instance.Init()
//	}
package instance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Home is a directory in which instances are kept. All methods may be called at any time, by another
// process than the one that called the last; calls for one instance are made one after the other.
type Home struct {
	Dir   string // one folder in it per instance
	Hide  string // the data directory: instances find it empty
	Owner string // the tag of the data directory, in the names of cgroups
}

// A Spec is what an instance is told about itself.
type Spec struct {
	ID       string     // i-…
	Hostname string     // its full name: ip-172-31-0-10.ec2.internal
	Addr     netip.Addr // its private address
	Resolver netip.Addr // the DNS server it asks; not valid: none
	Banner   string     // what its console begins with at every start
	UserData []byte     // run at every start if it begins with #!
	Boots    int32      // which start this is, to the caller; Status has it
}

// A Status is what is known of an instance from the outside.
type Status struct {
	ID    string
	Boots int32 // of the Spec of its last start
	Alive bool  // its first process runs
}

// ErrNotAlive is what is returned for an instance that does not run.
var ErrNotAlive = errors.New("the instance is not running")

// validID also keeps ids from leading out of Dir.
var validID = regexp.MustCompile(`^i-[0-9a-z-]{1,64}$`)

func checkID(id string) error {
	if !validID.MatchString(id) {
		return fmt.Errorf("an instance cannot be called %q", id)
	}
	return nil
}

func (h Home) dir(id string) string { return filepath.Join(h.Dir, id) }

// Create starts an instance up to where it could run its user's code, and waits there for Run. If it
// is alive already, Create leaves it as it is.
func (h Home) Create(ctx context.Context, s Spec) error {
	if err := checkID(s.ID); err != nil {
		return err
	}
	if p, err := h.process(s.ID); err == nil {
		defer p.close()
		if err := h.ask(ctx, s.ID, opPing); !errors.Is(err, ErrNotAlive) {
			return err // whatever keeps it from answering, it runs
		}
		if err := p.kill(ctx, 0); err != nil { // it did not get to where it answers
			return err
		}
	} else if !errors.Is(err, ErrNotAlive) {
		return err
	}
	if err := h.start(ctx, s); err != nil {
		return fmt.Errorf("start the instance %s: %w", s.ID, err)
	}
	return nil
}

// Run lets an instance run its user data, which it does once for every Create.
func (h Home) Run(ctx context.Context, id string) error { return h.ask(ctx, id, opRun) }

// NetNS opens the network namespace of an instance that is alive.
func (h Home) NetNS(id string) (*os.File, error) {
	p, err := h.process(id)
	if err != nil {
		return nil, err
	}
	defer p.close()
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.pid))
	if err != nil || p.exited() { // if it has, its number may be another's by now
		f.Close()
		return nil, fmt.Errorf("%s: %w", id, ErrNotAlive)
	}
	return f, nil
}

// List says which instances there are, alive or not.
func (h Home) List() ([]Status, error) {
	entries, err := os.ReadDir(h.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list the instances: %w", err)
	}
	var all []Status
	for _, e := range entries {
		if !e.IsDir() || !validID.MatchString(e.Name()) {
			continue
		}
		s, err := h.status(e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (h Home) status(id string) (Status, error) {
	st, err := h.readState(id)
	if errors.Is(err, ErrNotAlive) {
		return Status{ID: id}, nil
	}
	if err != nil {
		return Status{}, err
	}
	p, err := h.process(id)
	if errors.Is(err, ErrNotAlive) {
		return Status{ID: id, Boots: st.Boots}, nil
	}
	if err != nil {
		return Status{}, err
	}
	p.close()
	return Status{ID: id, Boots: st.Boots, Alive: true}, nil
}

// Wait returns nil when the instance is not alive, or no longer.
func (h Home) Wait(ctx context.Context, id string) error {
	p, err := h.process(id)
	if errors.Is(err, ErrNotAlive) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.close()
	return p.wait(ctx)
}

// Stop asks every process of an instance to end and, when grace is over or ctx is, makes them. That
// it is not alive is no error. Its files stay.
func (h Home) Stop(ctx context.Context, id string, grace time.Duration) error {
	if err := checkID(id); err != nil {
		return err
	}
	p, err := h.process(id)
	if err == nil {
		defer p.close()
		err = p.kill(ctx, grace)
	}
	if err != nil && !errors.Is(err, ErrNotAlive) {
		return fmt.Errorf("stop the instance %s: %w", id, err)
	}
	return h.removeCgroup(id)
}

// Remove ends an instance at once and deletes all there is of it.
func (h Home) Remove(id string) error {
	if err := h.Stop(context.Background(), id, 0); err != nil {
		return err
	}
	if err := removeTree(h.dir(id)); err != nil {
		return fmt.Errorf("remove the instance %s: %w", id, err)
	}
	return nil
}

// The fully qualified name parts at its first dot.
func (s Spec) name() (host, domain string) {
	host, domain, _ = strings.Cut(s.Hostname, ".")
	return host, domain
}

// exists is for names in folders that only we write to.
func exists(path string) bool {
	return unix.Access(path, unix.F_OK) == nil
}
