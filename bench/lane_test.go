package bench

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"crenel/datapath"
	"crenel/policy"
)

// A place is a network namespace. It ends when nothing is in it and its file is closed.
type place struct{ ns *os.File }

func newPlace(b *testing.B) place {
	b.Helper()
	var p place
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			p.ns, err = os.Open("/proc/thread-self/ns/net")
		}
		done <- err
	}()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.ns.Close() })
	return p
}

// do runs f in the place: sockets that it makes stay there.
func (p place) do(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever
		err := unix.Setns(int(p.ns.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// command runs a program in the place, which reads the text.
func (p place) command(text, name string, args ...string) error {
	return p.do(func() error {
		c := exec.Command(name, args...)
		c.Stdin = strings.NewReader(text)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %.500s", c, err, out)
		}
		return nil
	})
}

// A lane is a client and a server, each in a place of its own, and the host between them, where a firewall stands. The
// links' ends on the host are called client and server.
type lane struct {
	firewall             *firewall
	client, host, server place
	view                 *policy.View       // in force
	datapath             *datapath.Datapath // Crenel's
	links                map[uint32]int     // by interface
	round                int                // counts up: see port
}

var (
	clientAddr = netip.MustParseAddr("10.200.1.4")
	serverAddr = netip.MustParseAddr("10.200.2.4")
)

// newLane has the host route between the two, before any firewall.
func newLane(b *testing.B, f *firewall, v *policy.View) *lane {
	b.Helper()
	l := &lane{firewall: f, view: v, client: newPlace(b), host: newPlace(b), server: newPlace(b)}
	for _, end := range []struct {
		at   place
		name string
		addr netip.Addr
		mac  string
	}{{l.client, "client", clientAddr, "0a:00:00:00:00:01"}, {l.server, "server", serverAddr, "0a:00:00:00:00:02"}} {
		gateway := netip.PrefixFrom(end.addr, 24).Masked().Addr().Next()
		lines := []string{
			fmt.Sprintf("link add %s type veth peer name eth0 address %s netns /proc/%d/fd/%d", end.name, end.mac, os.Getpid(), end.at.ns.Fd()),
			fmt.Sprintf("addr add %s/24 dev %s", gateway, end.name),
			fmt.Sprintf("link set %s up", end.name),
		}
		inside := []string{
			fmt.Sprintf("addr add %s/24 dev eth0", end.addr), "link set eth0 up", "link set lo up",
			fmt.Sprintf("route add default via %s", gateway),
		}
		if err := l.host.command(strings.Join(lines, "\n"), "ip", "-batch", "-"); err != nil {
			b.Fatal(err)
		}
		if err := end.at.command(strings.Join(inside, "\n"), "ip", "-batch", "-"); err != nil {
			b.Fatal(err)
		}
	}
	l.host.set(b, "ipv4/ip_forward", "1")
	l.client.set(b, "ipv4/ip_local_port_range", "1024 65535") // for many connections
	return l
}

// set writes one of the place's settings.
func (p place) set(b *testing.B, name, value string) {
	b.Helper()
	if err := p.do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) }); err != nil {
		b.Fatal(err)
	}
}
