package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Probe says what this machine lacks for instances below dir, one sentence each. It starts one for a
// trial, and leaves nothing of it.
func Probe(dir string) []error {
	if os.Geteuid() != 0 {
		return []error{errors.New("instances need root: they are made of namespaces and mounts")}
	}
	if err := probe(dir); err != nil {
		return []error{fmt.Errorf("namespace instances cannot run on this machine: %w", err)}
	}
	return nil
}

func probe(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	trial, err := os.MkdirTemp(dir, ".probe-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(trial)) }()
	h := Home{Dir: trial, Owner: filepath.Base(trial)}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s := Spec{ID: "i-probe", Hostname: "probe"}
	return errors.Join(h.Create(ctx, s), h.Remove(s.ID))
}
