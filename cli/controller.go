//go:build linux

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"crenel/server"
	"crenel/store"
	"crenel/supervise"
	"crenel/vpc"
)

// controllerCmd is the controller. It is started as root in the etcd directory, with all that it may not
// open itself, and gives root up before it does anything else.
type controllerCmd struct {
	Account string `hidden:"" required:""`
	UID     int    `hidden:"" required:"" name:"uid"`
	Verbose bool   `hidden:"" env:"CRENEL_VERBOSE"`
}

func (c *controllerCmd) Run(e *env) error {
	if err := supervise.Follow(); err != nil {
		return err
	}
	if err := dropRoot(c.UID); err != nil {
		return fmt.Errorf("give up root: %w", err)
	}
	key, err := readKey(os.Stdin)
	if err != nil {
		return err
	}
	key.Account = c.Account
	api, err := net.FileListener(supervise.Inherited(1, "api"))
	if err != nil {
		return fmt.Errorf("inherit the API's listener: %w", err)
	}
	hosts, err := net.FileListener(supervise.Inherited(2, "hosts"))
	if err != nil {
		return fmt.Errorf("inherit the hosts' listener: %w", err)
	}
	log := logger(e.stderr, c.Verbose).With("process", "controller")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	// Not by its path: that may lead through directories which this user cannot pass.
	const here = "/proc/self/cwd"
	st, err := store.Open(ctx, store.Config{Dir: here, Log: log})
	if err != nil {
		if path, unreadable := os.Readlink(here); unreadable == nil {
			return errors.New(strings.ReplaceAll(err.Error(), here, path))
		}
		return err
	}
	defer st.Close()
	fmt.Fprint(e.stdout, supervise.StartedLine)
	s := server.Server{Store: st, Root: key, Log: log, Ready: func() { fmt.Fprint(e.stdout, supervise.ReadyLine) }}
	return s.Run(ctx, api, hosts)
}

// dropRoot becomes the user, in every thread, with no group but its own and no way back.
func dropRoot(uid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(uid); err != nil {
		return err
	}
	if err := syscall.Setuid(uid); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		return errors.New("still root")
	}
	return nil
}

func readKey(r io.Reader) (k vpc.AccessKey, err error) {
	lines := bufio.NewScanner(io.LimitReader(r, 1<<10))
	for _, field := range []*string{&k.ID, &k.Secret} {
		if !lines.Scan() {
			return k, errors.New("no root key on standard input")
		}
		*field = strings.TrimSpace(lines.Text())
	}
	return k, nil
}
