package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"crenel/vpc"
)

// external starts an etcd in a process of its own, which listens on a unix socket in the directory.
func external(t *testing.T, dir string, maxTxnOps int) (endpoint string, kill func()) {
	t.Helper()
	etcd, says := again(t, fmt.Sprintf("CRENEL_TEST_SERVE=%d %s", maxTxnOps, dir))
	kill = sync.OnceFunc(func() {
		etcd.Process.Kill()
		etcd.Wait()
	})
	t.Cleanup(kill)
	endpoint, err := says.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(endpoint), kill
}

// serveUntilKilled is that process. It says its endpoint when it serves.
func serveUntilKilled(how string) {
	var ops uint
	var dir string
	fmt.Sscan(how, &ops, &dir)
	socket := url.URL{Scheme: "unix", Path: filepath.Join(dir, "s")}
	cfg := embeddedConfig(filepath.Join(dir, "data"), zap.NewNop())
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{socket}, []url.URL{socket}
	cfg.MaxTxnOps = ops
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-etcd.Server.ReadyNotify()
	fmt.Println(socket.String())
	select {}
}

func openExternal(t *testing.T, endpoint string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Endpoints: []string{endpoint}, Log: logOf(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTwoServersOverAnExternalEtcd(t *testing.T) {
	const writers, each = 8, 25
	endpoint, _ := external(t, t.TempDir(), 128)
	servers := []*Store{openExternal(t, endpoint), openExternal(t, endpoint)}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for range each {
				update(t, servers[w%2], func(e *vpc.Edit) error { e.NewNum(); return nil })
			}
		})
	}
	all.Wait()
	newest := max(servers[0].Snapshot().Revision, servers[1].Snapshot().Revision)
	for i, s := range servers {
		if state, err := s.Wait(t.Context(), newest-1); err != nil || state.Cell().NextNum != 1+writers*each {
			t.Errorf("server %d: error %v", i, err)
		}
	}
}

func TestAnExternalEtcdsLimitIsFound(t *testing.T) {
	for _, ops := range []int{2, 128, 300} {
		endpoint, _ := external(t, t.TempDir(), ops)
		s := openExternal(t, endpoint)
		if s.limits.maxOps != ops {
			t.Errorf("--max-txn-ops=%d was taken for %d", ops, s.limits.maxOps)
		}
		accounts := func(n int) func(*vpc.Edit) error {
			return func(e *vpc.Edit) error {
				for i := range n {
					account(strconv.Itoa(i))(e)
				}
				return nil
			}
		}
		update(t, s, accounts(ops-1))
		if _, err := s.Update(t.Context(), vpc.Scope{}, accounts(ops)); vpc.Code(err) != "RequestResourceCountExceeded" {
			t.Errorf("%d changes where %d fit: %v", ops, ops-1, err)
		}
	}
}

func TestALostEtcdIsUnavailableAndComesBack(t *testing.T) {
	dir := t.TempDir()
	endpoint, kill := external(t, dir, 128)
	s := openExternal(t, endpoint)
	s.limits.timeout = 300 * time.Millisecond
	update(t, s, account("1"))
	kill()
	if _, err := s.Update(t.Context(), vpc.Scope{}, account("2")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without etcd: %v", err)
	}
	if s.Snapshot().Accounts.Get("1") == nil {
		t.Errorf("the snapshot is gone with etcd")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lost := time.Now()
	for s.Behind() < time.Second && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if told := time.Since(lost); told < s.Behind()-confirmWait {
		t.Errorf("%v after etcd was lost the snapshot is said to be %v old", told, s.Behind())
	}
	external(t, dir, 128)
	err := errors.New("not tried")
	for err != nil && ctx.Err() == nil { // until the client has found its way back
		if _, err = s.Update(t.Context(), vpc.Scope{}, account("3")); err != nil && !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if s.Snapshot().Accounts.Get("3") == nil {
		t.Errorf("it does not follow again")
	}
	for s.Behind() > time.Second && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("it was not lost, or did not come back, in time")
	}
}

// Whatever stands still on the way to etcd – the questions, the watch, or both – what Behind says is true: every write
// that is older is in the snapshot.
func TestASnapshotIsNeverOlderThanItSays(t *testing.T) {
	endpoint, _ := external(t, t.TempDir(), 128)
	ways := []*way{newWay(t, endpoint), newWay(t, endpoint)}
	near := openExternal(t, endpoint)
	far, err := Open(t.Context(), Config{Endpoints: []string{ways[0].endpoint, ways[1].endpoint}, Log: logOf(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	for n, frozen := range [][]*way{ways[:1], ways[1:], ways} {
		for _, w := range frozen {
			w.still.Lock()
		}
		wrote := update(t, near, account(strconv.Itoa(n)))
		told := time.Now()
		time.AfterFunc(confirmWait, func() {
			for _, w := range frozen {
				w.still.Unlock()
			}
		})
		for far.Snapshot().Revision < wrote {
			behind, now := far.Behind(), time.Now()
			if far.Snapshot().Revision < wrote && behind < now.Sub(told)-time.Millisecond {
				t.Fatalf("%v after a write that it has not, it says that it is %v behind", now.Sub(told), behind)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// A way to etcd's socket brings bytes on until it stands still.
type way struct {
	endpoint string
	still    sync.RWMutex // locked where it does
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	w := &way{endpoint: "unix://" + filepath.Join(t.TempDir(), "w")}
	l, err := net.Listen("unix", strings.TrimPrefix(w.endpoint, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	carry := func(to, from net.Conn) {
		defer to.Close()
		for buffer := make([]byte, 32<<10); ; {
			n, err := from.Read(buffer)
			w.still.RLock()
			_, lost := to.Write(buffer[:n])
			w.still.RUnlock()
			if err != nil || lost != nil {
				return
			}
		}
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", strings.TrimPrefix(to, "unix://"))
			if err != nil {
				in.Close()
				return
			}
			go carry(in, out)
			go carry(out, in)
		}
	}()
	return w
}

func TestCertificatesForEtcdThatCannotBeUsed(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	for _, row := range []struct {
		endpoint string
		tls      TLS
		want     string
	}{
		{"http://127.0.0.1:1", TLS{CA: none}, "its endpoint http://127.0.0.1:1 is not https://"},
		{"https://127.0.0.1:1", TLS{CA: none}, "no such file"},
		{"https://127.0.0.1:1", TLS{Cert: none}, "only one is given"},
		{"https://127.0.0.1:1", TLS{Key: none}, "only one is given"},
		{"https://127.0.0.1:1", TLS{Cert: none, Key: none}, "no such file"},
	} {
		_, err := Open(t.Context(), Config{Endpoints: []string{row.endpoint}, TLS: row.tls, Log: logOf(t)})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

func TestAnEtcdThatIsNotThere(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, Config{Endpoints: []string{"unix://" + filepath.Join(t.TempDir(), "none")}, Log: logOf(t)})
	if err == nil || !strings.Contains(err.Error(), "connect to etcd at unix://") {
		t.Errorf("got %v", err)
	}
}
