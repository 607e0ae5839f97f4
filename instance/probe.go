package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Probe says what this machine lacks for instances, one sentence each. It starts one for a trial, and
// leaves nothing of it, even if it is killed.
func Probe() []error {
	if os.Geteuid() != 0 {
		return []error{errors.New("instances need root: they are made of namespaces and mounts")}
	}
	if err := probe(); err != nil {
		return []error{fmt.Errorf("namespace instances cannot run on this machine: %w", err)}
	}
	return nil
}

// probe has the trial's folder on a file system that goes with the thread. The trial gets as far as an instance
// does without being asked anything, and ends: by itself, whatever becomes of this process.
func probe() error {
	program, err := openProgram()
	if err != nil {
		return err
	}
	defer program.Close()
	return onThread(func() (err error) {
		h, id := Home{Dir: "/run"}, "i-probe"
		if err := unix.Mount("tmpfs", h.Dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700"); err != nil {
			return fmt.Errorf("mount a file system of the trial's own: %w", err)
		}
		f, err := h.prepare(id)
		if err != nil {
			return err
		}
		defer f.trouble.read.Close()
		defer f.close()
		p, err := spawn(filepath.Join(h.Dir, id), f, program)
		if err != nil {
			return err
		}
		defer p.close()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, err := h.config(Spec{ID: id, Hostname: "probe"})
		if err != nil {
			return err
		}
		c.Trial = true
		return errors.Join(f.instruct(ctx, c), p.kill(ctx, 0))
	})
}
