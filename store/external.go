package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// dial connects to an external etcd and finds out how much it takes at once.
func (s *Store) dial(ctx context.Context, c Config) (err error) {
	s.client, err = clientv3.New(clientv3.Config{Endpoints: c.Endpoints, Logger: zap.NewNop(), DialTimeout: 5 * time.Second,
		DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 5 * time.Second})
	if err != nil {
		return fmt.Errorf("connect to etcd at %v: %w", c.Endpoints, err)
	}
	s.stop = sync.OnceFunc(func() { s.client.Close() })
	ops, err := s.probeOps(ctx)
	if err != nil {
		s.client.Close()
		return fmt.Errorf("connect to etcd at %v: %w", c.Endpoints, err)
	}
	s.limits = limits{maxOps: ops, maxBytes: 1 << 20, timeout: commitTimeout} // etcd's default limit is 1.5 MiB
	return nil
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
