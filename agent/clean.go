package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"crenel/datapath"
	"crenel/hostnet"
	"crenel/instance"
)

// Owner is the tag by which everything on the host that belongs to the data directory is known.
func Owner(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:4])
}

func newPaths(dir string) paths { return paths{dir, Owner(dir)} }

// Home is where the data directory's instances live.
func Home(dir string) instance.Home { return newPaths(dir).home() }

// Probe says what this machine lacks for enforcing, a sentence each.
func Probe() (missing []error) {
	if os.Geteuid() != 0 {
		return []error{errors.New("root is needed: eBPF programs are attached and network namespaces made; try sudo")}
	}
	missing = append(missing, datapath.Probe()...)
	missing = append(missing, hostnet.Probe()...)
	return append(missing, instance.Probe()...)
}

// Clean stops the data directory's instances and removes every process, link, map, mount and pin that an
// agent made for it. Instances keep their disks unless they are to be purged, and the data directory its data.
func Clean(ctx context.Context, dir string, purge bool) error {
	p := newPaths(dir)
	home := p.home()
	here, err := home.List()
	if err != nil {
		return fmt.Errorf("find the instances: %w", err)
	}
	problems := make([]error, len(here))
	var stopping sync.WaitGroup
	for n, s := range here {
		stopping.Go(func() {
			problems[n] = home.Stop(ctx, s.ID, stopGrace)
			if purge && problems[n] == nil {
				problems[n] = home.Remove(s.ID)
			}
		})
	}
	stopping.Wait()
	links, err := hostnet.Open(p.owner)
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	defer links.Close()
	if err := links.RemoveAll(); err != nil {
		return errors.Join(append(problems, err)...) // no link loses its filter while it is there
	}
	problems = append(problems, removeGateways(p.gateways()), datapath.Remove(p.pins()), datapath.UnmountBPFFS())
	for _, path := range []string{p.view(), p.socket(), filepath.Join(p.dir, "up.json")} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
