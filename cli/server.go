//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"crenel/server"
	"crenel/store"
	"crenel/vpc"
)

// serverCmd is the API without a host.
type serverCmd struct {
	place
	Region        []string `help:"Region to serve, again for each one; env names the first (default: every Region of AWS; env: us-east-1)." env:"CRENEL_REGION" placeholder:"R"`
	NoEnforcement bool     `help:"Launch instances though nothing runs them: they go through their states, and every answer says x-crenel-enforced: false." env:"CRENEL_NO_ENFORCEMENT"`
	EtcdEndpoints []string `help:"An etcd that other servers may share, instead of one in the data directory." env:"CRENEL_ETCD_ENDPOINTS" placeholder:"URL"`
	EtcdCacert    string   `help:"Whom to trust as etcd (default: whom the system trusts)." env:"CRENEL_ETCD_CACERT" placeholder:"FILE"`
	EtcdCert      string   `help:"This server's certificate for etcd." env:"CRENEL_ETCD_CERT" placeholder:"FILE"`
	EtcdKey       string   `help:"The key of that certificate." env:"CRENEL_ETCD_KEY" placeholder:"FILE"`
	StaleReads    bool     `help:"Answer reads while etcd is out of reach; they then say x-crenel-stale: SECONDS." env:"CRENEL_STALE_READS"`
	Verbose       bool     `hidden:"" env:"CRENEL_VERBOSE"`
}

// Run serves until a signal comes.
func (c *serverCmd) Run(e *env) error {
	for _, r := range c.Region {
		if !vpc.IsRegion(r) {
			return notARegion(r)
		}
	}
	security := store.TLS{CA: c.EtcdCacert, Cert: c.EtcdCert, Key: c.EtcdKey}
	embedded := len(c.EtcdEndpoints) == 0
	switch {
	case embedded && security != (store.TLS{}):
		return errors.New("--etcd-cacert, --etcd-cert and --etcd-key are for --etcd-endpoints")
	case embedded && c.StaleReads:
		return errors.New("--stale-reads is for --etcd-endpoints: the etcd in the data directory is never out of reach")
	}
	var subs []string
	if embedded {
		subs = []string{"etcd"}
	}
	p, err := c.take("server", append(c.Region, "us-east-1")[0], subs...)
	if err != nil {
		return err
	}
	defer p.free()
	log := logger(e.stderr, c.Verbose).With("process", "server")
	config := store.Config{Endpoints: c.EtcdEndpoints, TLS: security, Log: log}
	if embedded {
		config.Dir = filepath.Join(p.dir, "etcd")
		if err := checkOwner(config.Dir); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	st, err := store.Open(ctx, config)
	if err != nil {
		return err
	}
	defer st.Close()
	s := server.Server{Store: st, Root: p.key, Log: log, Regions: c.Region, NoEnforcement: c.NoEnforcement, StaleReads: c.StaleReads,
		Ready: func() { fmt.Fprintln(e.stdout, "ready", p.endpoint) }}
	return s.Run(ctx, p.api, nil)
}

// checkOwner refuses another user's data: what this process wrote there, that user could not read again.
func checkOwner(etcd string) error {
	var st unix.Stat_t
	if err := unix.Stat(etcd, &st); err != nil {
		return err
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("the data in %s are user %d's, as crenel up leaves them: serve them with crenel up, or as that user", etcd, st.Uid)
	}
	return nil
}
