package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// gatewaysOf are the NAT gateways that the data directory has in this machine's kernel.
func gatewaysOf(t *testing.T, dir string) (ids []string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if path := strings.Fields(line)[4]; filepath.Dir(path) == filepath.Join(dir, "gateways") {
			ids = append(ids, filepath.Base(path))
		}
	}
	return ids
}

// A NAT gateway is no process: what goes through it goes on whatever is killed, and its end is the API's to say.
func TestANATGatewayNeedsNoProcess(t *testing.T) {
	before := census(t)
	u := start(t, t.TempDir())
	p := newPair(t, u)
	p.do(`vpc own 10.3.0.0/16
		subnet private own 10.3.1.0/24
		subnet public own 10.3.2.0/24
		internet own
		group inside own
		instance x private in inside
		allow server ingress tcp 80 from 198.18.0.0/15
		nat gw public
		table t private
		route t 0.0.0.0/0 gw
		open far x s.public tcp 80
		talk far`)
	id := p.nats["gw"].id
	if got := gatewaysOf(t, u.dir); !slices.Equal(got, []string{id}) {
		t.Errorf("there are the NAT gateways %v, not %s", got, id)
	}
	if err := unix.Kill(u.child("agent"), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.do("talk far\npass x s.public tcp 80")
	if err := u.end(unix.SIGKILL); err == nil {
		t.Fatal("killed, and no error")
	}
	p.do("talk far")
	u.up()
	p.on(u)
	p.do(`talk far
		pass x s.public tcp 80
		unnat gw
		cut far`)
	until := time.Now().Add(10 * time.Second)
	for ; len(gatewaysOf(t, u.dir)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("the NAT gateways %v are still there", gatewaysOf(t, u.dir))
		}
	}
	p.do("nat again public\nunroute t 0.0.0.0/0\nroute t 0.0.0.0/0 again\npass x s.public tcp 80")
	u.down()
	if left := gatewaysOf(t, u.dir); len(left) > 0 {
		t.Errorf("down left the NAT gateways %v", left)
	}
	for _, line := range census(t) {
		if !slices.Contains(before, line) {
			t.Errorf("left behind: %s", line)
		}
	}
}
