//go:build linux

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type downCmd struct {
	dataDir
	Purge bool `help:"Delete the data too, and the data directory if nothing else is in it."`
}

// Run stops an `up` that is still there, then removes what it made. Running it again is harmless.
func (c *downCmd) Run(e *env) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil // nothing was ever made
	}
	if !isDataDir(dir) {
		return fmt.Errorf("%s is no data directory of crenel: nothing was done", dir)
	}
	if os.Geteuid() != 0 {
		return errors.New("down must run as root: it removes network links, namespaces and eBPF maps")
	}
	held, err := lock(dir, "down", 0)
	if inUse := (*inUseError)(nil); errors.As(err, &inUse) && inUse.role == "up" {
		fmt.Fprintf(e.stderr, "crenel: stopping crenel up (process %d)\n", inUse.pid)
		if err := stop(inUse.pid); err != nil {
			return err
		}
		held, err = lock(dir, "down", 30*time.Second)
	}
	if err != nil {
		return err
	}
	defer held.Close()
	gone, err := lockController(dir)
	if err == nil {
		defer gone.Close()
	} else if !errors.Is(err, os.ErrNotExist) { // no controller ever ran
		return err
	}
	agent, err := agentPath()
	if err != nil {
		return err
	}
	clean := exec.Command(agent, "clean", "--data-dir", dir)
	if c.Purge { // it knows how to remove whatever instances have made
		clean.Args = append(clean.Args, "--purge")
	}
	clean.Stdout, clean.Stderr = e.stdout, e.stderr
	if err := clean.Run(); err != nil {
		return fmt.Errorf("not everything could be removed: %w", err)
	}
	if c.Purge {
		return purge(dir)
	}
	return nil
}

// isDataDir tells whether an `up` ever began in the directory, or a `down` ended half way.
func isDataDir(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "lock"))
	return err == nil
}

// dataFiles are what a data directory holds beside its lock.
var dataFiles = []string{"etcd", "instances", "run", "credentials", "up.json", "public-pool", "view.json", "view.json.new"}

// purge deletes the data, and the directory if nobody put anything else into it.
func purge(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var foreign []string
	for _, entry := range entries {
		name := entry.Name()
		half := func(file string) bool { return strings.HasPrefix(name, "."+file) } // its writer was killed
		switch {
		case slices.Contains(dataFiles, name) || slices.ContainsFunc(dataFiles, half):
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		case name != "lock" && name != lostAndFound:
			foreign = append(foreign, name)
		}
	}
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil { // the last: it makes a data directory one
		return err
	}
	if len(foreign) > 0 {
		return fmt.Errorf("the data is deleted; %s stays, for what else is in it is not crenel's: %s", dir, strings.Join(foreign, ", "))
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, syscall.EBUSY) { // a file system of its own is mounted there
		return err
	}
	return nil
}
