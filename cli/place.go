//go:build unix

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"crenel/auth"
	"crenel/vpc"
)

// place is where `up` and `server` serve, and for whom.
type place struct {
	dataDir
	Listen  string `help:"Address of the API (default: ${default})." default:"127.0.0.1:4577" env:"CRENEL_LISTEN" placeholder:"HOST:PORT"`
	Account string `help:"Account that the root key belongs to (default: ${default})." default:"123456789012" env:"CRENEL_ACCOUNT"`
}

// taken is a place that is this process's alone.
type taken struct {
	dir, endpoint string
	api           *net.TCPListener
	held          *os.File      // the lock
	key           vpc.AccessKey // the root key, with its account
}

// take listens for the API, takes the data directory with these directories in it, makes sure of its root key, and
// notes for `env` where the API is.
func (p place) take(role, region string, subs ...string) (t *taken, err error) {
	if !vpc.IsAccount(p.Account) {
		return nil, fmt.Errorf("%q is not an account id: those have 12 digits", p.Account)
	}
	api, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (choose another address with --listen)", p.Listen, unwrapAddr(err))
	}
	t = &taken{api: api.(*net.TCPListener), endpoint: "http://" + api.Addr().String()}
	if err := t.make(p, role, region, subs); err != nil {
		t.free()
		return nil, err
	}
	return t, nil
}

// make takes the data directory and makes what is missing in it.
func (t *taken) make(p place, role, region string, subs []string) (err error) {
	if t.dir, err = p.prepare(); err != nil {
		return fmt.Errorf("make the data directory: %w (choose another with --data-dir)", err)
	}
	if t.held, err = lock(t.dir, role, lockPatience); err != nil { // first: it makes a data directory one
		return err
	}
	for _, sub := range subs {
		if err := os.MkdirAll(filepath.Join(t.dir, sub), 0o700); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
	}
	if t.key, err = auth.EnsureRoot(t.dir); err != nil {
		return err
	}
	t.key.Account = p.Account
	return settings{t.endpoint, region, p.Account}.write(t.dir)
}

func (t *taken) free() {
	t.api.Close()
	if t.held != nil {
		t.held.Close()
	}
}

// prepare makes the data directory: others may pass through it, to what is theirs, and read nothing.
func (p place) prepare() (string, error) {
	if err := os.MkdirAll(p.DataDir, 0o711); err != nil {
		return "", err
	}
	dir, err := p.dir()
	if err != nil {
		return "", err
	}
	if err := ours(dir); err != nil {
		return "", err
	}
	return dir, nil
}

// lostAndFound is in the root of a file system of its own, whoever uses it.
const lostAndFound = "lost+found"

// ours refuses a directory that holds things and was not a data directory before: what is in it is not for
// us to use, nor for `down --purge` to delete.
func ours(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, "lock")); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lostAndFound {
			return fmt.Errorf("%s is no data directory of crenel, and it is not empty", dir)
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

func notARegion(name string) error { return fmt.Errorf("%q is not an AWS Region", name) }

func logger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

func (s settings) write(dir string) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, "up.json"), append(b, '\n'), 0o600, renameio.WithTempDir(dir))
}
