package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

const (
	// lockWait is how long the last user of a directory may take to end after it was told to.
	lockWait = 3 * time.Second
	// readyWait is how long etcd may take to serve once it has read its data.
	readyWait = 30 * time.Second
	// spareRoom is what a write leaves free on the disk: etcd cannot go on where its next 64 MB segment
	// of log does not fit, and refusing a write is better than stopping.
	spareRoom = 96 << 20
)

// startEmbedded starts an etcd in this process. It has no sockets: the client calls it directly.
func (s *Store) startEmbedded(ctx context.Context, c Config) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the store: %w", err)
	}
	lock, err := lockDir(ctx, c.Dir)
	if err != nil {
		return err
	}
	if err := roomIn(c.Dir); err != nil {
		lock.Close()
		return err
	}
	if err := beginFirst(c.Dir); err != nil {
		lock.Close()
		return err
	}
	etcd, err := s.startEtcd(ctx, embeddedConfig(c.Dir, s.etcdLogger(c.Dir)))
	if err == nil {
		if err = endFirst(c.Dir); err != nil {
			etcd.Close()
		}
	}
	if err != nil {
		if s.life.Err() == nil { // else parts of etcd stand still, and hold the directory until the process ends
			lock.Close()
			return fmt.Errorf("open the data in %s: %w", c.Dir, err)
		}
		return err
	}
	s.client = v3client.New(etcd.Server)
	s.limits = limits{maxOps: 16 << 10, maxBytes: 8 << 20, history: 500, timeout: commitTimeout, room: func() error { return roomIn(c.Dir) }}
	s.stop = sync.OnceFunc(func() {
		s.client.Close()
		if errors.Is(context.Cause(s.life), ErrClosed) { // else it stands still, and would not end
			etcd.Close()
			lock.Close()
		}
	})
	return nil
}

// startEtcd returns when etcd serves. Where that does not come to pass, etcd has ended or stands still.
func (s *Store) startEtcd(ctx context.Context, cfg *embed.Config) (*embed.Etcd, error) {
	var etcd *embed.Etcd
	started := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil { // seen where the log is damaged
				s.end(fmt.Errorf("etcd cannot go on with %s, which seems damaged: %v", cfg.Dir, p))
			}
		}()
		var err error
		etcd, err = embed.StartEtcd(cfg)
		started <- err
	}()
	select {
	case err := <-started:
		if err != nil {
			return nil, err
		}
	case <-s.life.Done():
		return nil, context.Cause(s.life)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case <-s.life.Done():
		return nil, context.Cause(s.life)
	case <-ctx.Done():
		etcd.Close()
		return nil, ctx.Err()
	case <-time.After(readyWait):
		etcd.Close()
		return nil, fmt.Errorf("etcd did not become ready in %v", readyWait)
	}
}

// An etcd that is killed during its first start may never start again: its log then exists, but not yet
// the entry that names its only member. So a mark says, until the first start has ended, that there is
// nothing to keep.
const firstMark = "first-start"

// beginFirst sets the mark in a new directory, and clears away what an unfinished first start left.
func beginFirst(dir string) error {
	member := filepath.Join(dir, "member")
	if exists(filepath.Join(dir, firstMark)) {
		return os.RemoveAll(member)
	}
	if exists(member) {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, firstMark), nil, 0o600); err != nil {
		return err
	}
	return syncDir(dir)
}

// endFirst removes the mark for good, before anything can be acknowledged.
func endFirst(dir string) error {
	if err := os.Remove(filepath.Join(dir, firstMark)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return syncDir(dir)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func embeddedConfig(dir string, log *zap.Logger) *embed.Config {
	nowhere := url.URL{Scheme: "unix", Host: "nowhere:0"} // a member must have an address; nobody dials it
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = "crenel", dir
	cfg.ListenPeerUrls, cfg.ListenClientUrls, cfg.ListenClientHttpUrls, cfg.ListenMetricsUrls = nil, nil, nil, nil
	cfg.AdvertisePeerUrls, cfg.AdvertiseClientUrls = []url.URL{nowhere}, nil
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	cfg.TickMs, cfg.ElectionMs = 50, 250 // nobody else votes: a short term makes the start fast, a longer one idles cheaper
	cfg.MaxTxnOps, cfg.MaxRequestBytes = 16<<10, 10<<20
	cfg.QuotaBackendBytes = 8 << 30
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries, cfg.MaxWalFiles = 2000, 100, 2 // how much log memory and disk hold
	cfg.BootstrapDefragThresholdMegabytes = 512
	cfg.WarningApplyDuration = time.Second
	return cfg
}

// lockDir takes the directory for this process, which etcd itself would wait for without end.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the directory of the store: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for again := time.NewTicker(20 * time.Millisecond); ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			again.Stop()
			return f, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("the data directory %s is in use by another process", dir)
			}
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
	}
}

// roomIn tells that the disk of the directory is full, or nearly.
func roomIn(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("see how much room %s has: %w", dir, err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < spareRoom {
		return fmt.Errorf("the disk that holds %s is full: %d MB are free, %d MB are needed", dir, free>>20, spareRoom>>20)
	}
	return nil
}
