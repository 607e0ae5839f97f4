package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// dial connects to an external etcd and finds out how much it takes at once.
func (s *Store) dial(ctx context.Context, c Config) (err error) {
	secure, err := c.TLS.config(c.Endpoints)
	if err != nil {
		return err
	}
	s.external = true
	s.client, err = clientv3.New(clientv3.Config{Endpoints: c.Endpoints, TLS: secure, Logger: zap.NewNop(), DialTimeout: 5 * time.Second,
		DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second})
	if err != nil {
		return whyNot(c.Endpoints, secure, err)
	}
	s.stop = sync.OnceFunc(func() { s.client.Close() })
	ops, err := s.probeOps(ctx)
	if err != nil {
		s.client.Close()
		return whyNot(c.Endpoints, secure, err)
	}
	s.limits = limits{maxOps: ops, maxBytes: 1 << 20, timeout: commitTimeout} // etcd's default limit is 1.5 MiB
	return nil
}

// config reads the files. Endpoints that say nothing of TLS would be spoken to in clear: then files are refused.
func (t TLS) config(endpoints []string) (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	for _, e := range endpoints {
		if !strings.HasPrefix(e, "https://") {
			return nil, fmt.Errorf("certificates are given for etcd, and its endpoint %s is not https://…", e)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("of a certificate for etcd and its key only one is given")
	}
	c, err := transport.TLSInfo{TrustedCAFile: t.CA, CertFile: t.Cert, KeyFile: t.Key}.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the certificates for etcd: %w", err)
	}
	return c, nil
}

// whyNot finds a better reason for an err that says only that nobody answered in time: the first endpoint's that
// cannot be connected to.
func whyNot(endpoints []string, secure *tls.Config, err error) error {
	for _, e := range endpoints {
		if !errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if why := connect(e, secure); why != nil {
			return fmt.Errorf("connect to etcd at %s: %w", e, why)
		}
	}
	return fmt.Errorf("connect to etcd at %s: %w", strings.Join(endpoints, ", "), err)
}

// connect tries one connection, up to the first byte that etcd says where it speaks TLS: only then is it known
// whether etcd takes this client's certificate.
func connect(endpoint string, secure *tls.Config) error {
	const patience = 2 * time.Second
	scheme, address, ok := strings.Cut(endpoint, "://")
	network := "tcp"
	switch {
	case !ok:
		address = endpoint
	case scheme == "unix":
		network = "unix"
	}
	dialer := net.Dialer{Timeout: patience}
	if scheme != "https" {
		c, err := dialer.Dial(network, address)
		if err == nil {
			c.Close()
		}
		return err
	}
	if secure = secure.Clone(); secure == nil {
		secure = &tls.Config{}
	}
	secure.NextProtos = []string{"h2"}
	c, err := tls.DialWithDialer(&dialer, network, address, secure)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err = c.Read(make([]byte, 1))
	return err
}

// probeOps finds etcd's --max-txn-ops, up to as much as the embedded one takes.
func (s *Store) probeOps(ctx context.Context) (int, error) {
	takes, refuses := 0, 16<<10+1
	for takes+1 < refuses {
		n := (takes + refuses) / 2
		switch err := s.read(ctx, n); {
		case err == nil:
			takes = n
		case errors.Is(err, rpctypes.ErrTooManyOps):
			refuses = n
		default:
			return 0, err
		}
	}
	return takes, nil
}

// read is a transaction of n operations that changes nothing.
func (s *Store) read(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ops := make([]clientv3.Op, n)
	for i := range ops {
		ops[i] = clientv3.OpGet(sequenceKey, clientv3.WithKeysOnly())
	}
	_, err := s.client.Txn(ctx).Then(ops...).Commit()
	return err
}
