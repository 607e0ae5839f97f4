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

	"crenel/auth"
	"crenel/supervise"
	"crenel/vpc"
)

type upCmd struct {
	dataDir
	Listen  string `help:"Address of the API (default: ${default})." default:"127.0.0.1:4577" env:"CRENEL_LISTEN" placeholder:"HOST:PORT"`
	Region  string `help:"Region that env names (default: ${default})." default:"us-east-1" env:"CRENEL_REGION"`
	Account string `help:"Account that the root key belongs to (default: ${default})." default:"123456789012" env:"CRENEL_ACCOUNT"`
}

// Run prepares the data directory and supervises two processes until a signal comes: the controller,
// which runs as nobody else does, and the agent, which runs as root and hears only the controller.
// Both hold the read end of a pipe whose only writer is this process: when it dies, however it dies,
// they see the end of the pipe and go too.
func (c *upCmd) Run(e *env) error {
	if err := c.validate(); err != nil {
		return err
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
	api, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w (choose another address with --listen)", c.Listen, unwrapAddr(err))
	}
	defer api.Close()
	dir, err := c.prepare()
	if err != nil {
		return err
	}
	held, err := lock(dir, "up", patience)
	if err != nil {
		return err
	}
	defer held.Close()
	place, err := lockController(dir)
	if err != nil {
		return err
	}
	defer place.Close()
	endpoint := "http://" + api.Addr().String()
	key, err := auth.EnsureRoot(dir)
	if err != nil {
		return err
	}
	if err := (settings{endpoint, c.Region, c.Account}).write(dir); err != nil {
		return err
	}
	hosts, err := listenHosts(dir)
	if err != nil {
		return err
	}
	defer hosts.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	controller, err := controllerProcess(dir, c.Account, key, place, api.(*net.TCPListener), hosts)
	if err != nil {
		return err
	}
	err = supervise.Run(ctx, []supervise.Process{
		controller,
		{Name: "agent", Path: agent, Args: []string{"run", "--data-dir", dir}, Files: []*os.File{held}},
	}, func() { fmt.Fprintln(e.stdout, "ready", endpoint) }, e.stderr)
	if err == nil {
		fmt.Fprintf(e.stderr, "crenel: stopped; instances run and rules hold on. To remove them: crenel down --data-dir %s\n", dir)
	}
	return err
}

func (c *upCmd) validate() error {
	if !vpc.IsRegion(c.Region) {
		return fmt.Errorf("%q is not an AWS Region", c.Region)
	}
	if len(c.Account) != 12 {
		return fmt.Errorf("%q is not an account id: those have 12 digits", c.Account)
	}
	for _, r := range c.Account {
		if r < '0' || r > '9' {
			return fmt.Errorf("%q is not an account id: those have 12 digits", c.Account)
		}
	}
	return nil
}

// unwrapAddr drops what net repeats of the address.
func unwrapAddr(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// prepare makes the data directory: others may pass through it, to what is theirs, and read nothing.
func (c *upCmd) prepare() (string, error) {
	if err := os.MkdirAll(c.DataDir, 0o711); err != nil {
		return "", fmt.Errorf("make the data directory: %w", err)
	}
	dir, err := c.dir()
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"etcd", "run", "instances"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return "", fmt.Errorf("make the data directory: %w", err)
		}
	}
	return dir, nil
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

// controllerProcess is `crenel server` with all that it may not open itself.
func controllerProcess(dir, account string, key vpc.AccessKey, lock *os.File, api *net.TCPListener, hosts *net.UnixListener) (p supervise.Process, err error) {
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	apiFile, err := api.File()
	if err != nil {
		return p, err
	}
	hostsFile, err := hosts.File()
	if err != nil {
		return p, err
	}
	etcd := filepath.Join(dir, "etcd")
	uid, err := controllerUID(etcd)
	if err != nil {
		return p, err
	}
	return supervise.Process{
		Name: "controller", Path: self, Args: []string{"server", "--account", account, "--uid", strconv.Itoa(uid)},
		Dir: etcd, Files: []*os.File{lock, apiFile, hostsFile}, Input: key.ID + "\n" + key.Secret + "\n", Tells: true,
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
