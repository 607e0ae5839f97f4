package cli

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// A cluster is an etcd of three members, each a process.
type cluster struct {
	t       *testing.T
	roles   []string // of each member's process
	members []*process
	clients []string // their endpoints
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var dirs, peers, all []string
	for n := range 3 {
		dirs = append(dirs, t.TempDir())
		c.clients = append(c.clients, freeURL(t))
		peers = append(peers, freeURL(t))
		all = append(all, fmt.Sprintf("m%d=%s", n, peers[n]))
	}
	for n := range 3 {
		c.roles = append(c.roles, fmt.Sprintf("m%d %s %s %s %s", n, dirs[n], c.clients[n], peers[n], strings.Join(all, ",")))
		c.members = append(c.members, launch(t, again(c.roles[n])))
	}
	for _, m := range c.members {
		if line, err := m.out.ReadString('\n'); err != nil {
			t.Fatalf("a member of etcd said %q, and %s", line, m.said)
		}
	}
	return c
}

// restart starts members again, which were killed.
func (c *cluster) restart(numbers ...int) {
	c.t.Helper()
	for _, n := range numbers {
		c.members[n] = launch(c.t, again(c.roles[n]))
	}
}

func (c *cluster) endpoints() string { return strings.Join(c.clients, ",") }

// freeURL is an address of this machine that nobody listens on.
func freeURL(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// serveMember is a member's process. It says so when it serves.
func serveMember(role string) {
	var name, dir, client, peer, all string
	fmt.Sscan(role, &name, &dir, &client, &peer, &all)
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = name, dir, all
	at := func(s string) []url.URL { u, _ := url.Parse(s); return []url.URL{*u} }
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = at(client), at(client)
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = at(peer), at(peer)
	if strings.HasPrefix(client, "https:") {
		cfg.ClientTLSInfo = transport.TLSInfo{CertFile: dir + "/cert.pem", KeyFile: dir + "/key.pem", TrustedCAFile: dir + "/cert.pem", ClientCertAuth: true}
	}
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-etcd.Server.ReadyNotify()
	fmt.Println("serves")
	select {}
}
