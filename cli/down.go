//go:build linux

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

type downCmd struct {
	dataDir
	Purge bool `help:"Delete the data too: the data directory and everything in it."`
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
	if os.Geteuid() != 0 {
		return errors.New("down must run as root: it removes network links, namespaces and eBPF maps")
	}
	held, err := lock(dir, "down", 0)
	if inUse := (*inUseError)(nil); errors.As(err, &inUse) && inUse.role == "up" {
		fmt.Fprintf(e.stderr, "crenel: stopping crenel up (process %d)\n", inUse.pid)
		if err := unix.Kill(inUse.pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("stop process %d: %w", inUse.pid, err)
		}
		held, err = lock(dir, "down", 30*time.Second)
	}
	if err != nil {
		return err
	}
	defer held.Close()
	agent, err := agentPath()
	if err != nil {
		return err
	}
	clean := exec.Command(agent, "clean", "--data-dir", dir)
	clean.Stdout, clean.Stderr = e.stdout, e.stderr
	if err := clean.Run(); err != nil {
		return fmt.Errorf("not everything could be removed: %w", err)
	}
	if c.Purge {
		return os.RemoveAll(dir)
	}
	return nil
}
