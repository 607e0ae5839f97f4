//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"crenel/supervise"
	"crenel/vpc"
)

type upCmd struct {
	place
	Region string `help:"Region that env names (default: ${default})." default:"us-east-1" env:"CRENEL_REGION"`
}

// Run prepares the data directory and supervises two processes until a signal comes: the controller,
// which runs as nobody else does, and the agent, which runs as root and hears only the controller.
// Both hold the read end of a pipe whose only writer is this process: when it dies, however it dies,
// they see the end of the pipe and go too.
func (c *upCmd) Run(e *env) error {
	if !vpc.IsRegion(c.Region) {
		return notARegion(c.Region)
	}
	agent, err := agentPath()
	if err != nil {
		return err
	}
	// The agent knows what it needs of the kernel, and says what is missing.
	probe := exec.Command(agent, "probe")
	probe.Stderr = e.stderr
	if err := probe.Run(); err != nil {
		return errors.New("this machine cannot enforce security groups: nothing was started")
	}
	p, err := c.take("up", c.Region, "etcd", "run", "instances")
	if err != nil {
		return err
	}
	defer p.free()
	seat, err := lockController(p.dir)
	if err != nil {
		return err
	}
	defer seat.Close()
	hosts, err := listenHosts(p.dir)
	if err != nil {
		return err
	}
	defer hosts.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	controller, err := controllerProcess(p, seat, hosts)
	if err != nil {
		return err
	}
	err = supervise.Run(ctx, []supervise.Process{
		controller,
		{Name: "agent", Path: agent, Args: []string{"run", "--data-dir", p.dir}, Files: []*os.File{p.held}},
	}, func() { fmt.Fprintln(e.stdout, "ready", p.endpoint) }, e.stderr)
	if err == nil {
		fmt.Fprintf(e.stderr, "crenel: stopped; instances run and rules hold on. To remove them: crenel down --data-dir %s\n", p.dir)
	}
	return err
}

// listenHosts makes the socket on which the controller hears agents. Only root may connect to it.
func listenHosts(dir string) (*net.UnixListener, error) {
	path := filepath.Join(dir, "run", "host.sock")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, unwrapAddr(err))
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// controllerProcess is `crenel controller` with all that it may not open itself.
func controllerProcess(p *taken, seat *os.File, hosts *net.UnixListener) (none supervise.Process, err error) {
	self, err := os.Executable()
	if err != nil {
		return none, err
	}
	apiFile, err := p.api.File()
	if err != nil {
		return none, err
	}
	hostsFile, err := hosts.File()
	if err != nil {
		return none, err
	}
	etcd := filepath.Join(p.dir, "etcd")
	uid, err := controllerUID(etcd)
	if err != nil {
		return none, err
	}
	return supervise.Process{
		Name: "controller", Path: self, Args: []string{"controller", "--account", p.key.Account, "--uid", strconv.Itoa(uid)},
		Dir: etcd, Files: []*os.File{seat, apiFile, hostsFile}, Input: p.key.ID + "\n" + p.key.Secret + "\n", Tells: true,
	}, nil
}

// controllerUID is the user that the controller runs as: the system's user crenel, or else a number
// that nobody has, taken from the range that systemd hands out to services. The etcd directory is
// given to it, and keeps it.
func controllerUID(etcd string) (int, error) {
	var st unix.Stat_t
	if err := unix.Stat(etcd, &st); err != nil {
		return 0, err
	}
	uid := int(st.Uid)
	if uid == 0 {
		uid = unusedUID(etcd)
		if err := chownAll(etcd, uid); err != nil {
			return 0, fmt.Errorf("give %s to user %d: %w", etcd, uid, err)
		}
	}
	return uid, nil
}
