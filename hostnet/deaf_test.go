package hostnet

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crenel/flow"
)

// in runs f with the namespace around it: sockets that it makes stay there.
func in(t *testing.T, ns *os.File, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// ears are sockets of both IP versions on all addresses of the namespace. The source ports of what they hear come out.
func ears(t *testing.T, ns *os.File, port int) (heard chan int) {
	t.Helper()
	heard = make(chan int, 1000)
	in(t, ns, func() error {
		for _, network := range []string{"udp4", "udp6"} {
			s, err := net.ListenPacket(network, fmt.Sprint(":", port))
			if err != nil {
				return err
			}
			t.Cleanup(func() { s.Close() })
			go func() {
				for b := make([]byte, 100); ; {
					_, from, err := s.ReadFrom(b)
					if err != nil {
						return
					}
					heard <- from.(*net.UDPAddr).Port
				}
			}()
		}
		return nil
	})
	return heard
}

// send sends the frames from the instance's end, as they are.
func send(t *testing.T, ns *os.File, frames [][]byte) {
	t.Helper()
	in(t, ns, func() error {
		i, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		for _, b := range frames {
			if err := unix.Sendto(s, b, 0, &unix.SockaddrLinklayer{Ifindex: i.Index}); err != nil {
				return err
			}
		}
		return nil
	})
}

// addressed are packets in all the ways in which one might get up the host's stack, or be forwarded by it.
func addressed(own net.HardwareAddr) (all []flow.Packet) {
	mac := func(m net.HardwareAddr) flow.MAC { return flow.MAC(m) }
	for _, dst := range []flow.MAC{mac(own), {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1, 0, 0x5e, 0, 0, 1}, {0x33, 0x33, 0, 0, 0, 1}} {
		for _, way := range []string{
			"172.31.0.10 10.7.0.1", "172.31.0.10 10.7.0.2", "10.7.0.2 10.7.0.1", "203.0.113.1 10.7.0.1", "203.0.113.1 10.7.0.2", "127.0.0.1 10.7.0.1", "172.31.0.10 127.0.0.1",
			"172.31.0.10 224.0.0.1", "172.31.0.10 239.1.2.3", "172.31.0.10 255.255.255.255", "172.31.0.10 10.7.0.255",
			"0.0.0.0 224.0.0.1", "0.0.0.0 255.255.255.255", "0.0.0.0 10.7.0.1", "0.0.0.0 0.0.0.0",
			"3fff:120:0:100::4 fd07::1", "3fff:120:0:100::4 fd07::2", "fd07::2 fd07::1", "fe80::4 ff02::1", "3fff:120:0:100::4 ff02::1", "2001:db8::1 fd07::2",
		} {
			from, to, _ := strings.Cut(way, " ")
			all = append(all, flow.Packet{SrcMAC: flow.MAC{2, 0, 0, 0, 0, 10}, DstMAC: dst, Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr(to),
				Protocol: flow.UDP, SrcPort: uint16(1000 + len(all)), DstPort: 4999})
		}
	}
	return all
}

// TestTheHostIsDeafAtInterfaces: with no filter there, or one that was passed by, what an instance sends goes nowhere; even
// where the host is a router, and whatever whoever administers it says of all of its links.
func TestTheHostIsDeafAtInterfaces(t *testing.T) {
	host(t)
	for _, name := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
	}
	far := namespace(t) // beyond the router
	ip(t, fmt.Sprintf("link add uplink type veth peer name eth0 netns /proc/%d/fd/%d", os.Getpid(), far.Fd()))
	for _, line := range []string{"addr add 10.7.0.1/24 dev uplink", "addr add fd07::1/64 dev uplink nodad", "link set uplink up", "route add default via 10.7.0.2", "-6 route add default via fd07::2"} {
		ip(t, line)
	}
	for _, line := range []string{"addr add 10.7.0.2/24 dev eth0", "addr add fd07::2/64 dev eth0 nodad", "link set eth0 up"} {
		inside(t, far, line)
	}
	l, ns := open(t, "5f3a9c01"), namespace(t)
	must[int](t)(l.AddInterface(eni("eni-1"), ns))
	if err := l.Up(eni("eni-1"), ns); err != nil {
		t.Fatal(err)
	}
	end, err := net.InterfaceByName(l.name("eni-1"))
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	host, beyond := ears(t, here, 4999), ears(t, far, 4999)
	packets := addressed(end.HardwareAddr)
	var frames [][]byte
	for _, p := range packets {
		frames = append(frames, flow.Build(p))
	}
	for _, all := range []string{"1", "0"} { // which is for every link that there is
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte(all), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"addr add fd07::1/64 dev uplink nodad", "-6 route add default via fd07::2"} { // which that took
		ip(t, line)
	}
	for range 2 {
		if err := l.Deafen("eni-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Deafen("eni-2"); err != nil {
		t.Error("a link that is not there:", err)
	}
	for _, loose := range []string{"0", "2"} { // 2 is systemd's
		if err := os.WriteFile("/proc/sys/net/ipv4/conf/all/rp_filter", []byte(loose), 0); err != nil {
			t.Fatal(err)
		}
		send(t, ns, frames)
		time.Sleep(200 * time.Millisecond) // nothing says that nothing comes
		for len(host) > 0 {
			p := packets[<-host-1000]
			if p.Src != netip.IPv4Unspecified() || p.Dst.IsGlobalUnicast() && p.Dst.IsPrivate() { // see Deafen
				t.Errorf("rp_filter %s: the host heard %s > %s at %s", loose, p.Src, p.Dst, p.DstMAC)
			}
		}
		for len(beyond) > 0 {
			p := packets[<-beyond-1000]
			t.Errorf("rp_filter %s: the host forwarded %s > %s at %s", loose, p.Src, p.Dst, p.DstMAC)
		}
	}
	question := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 10, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 10}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 7, 0, 1) // a probe: who asks has no address
	before := inside(t, ns, "-s -o link show eth0")
	send(t, ns, [][]byte{question})
	time.Sleep(100 * time.Millisecond)
	received := func(shown string) string {
		_, rx, _ := strings.Cut(shown, "RX:")
		rx, _, _ = strings.Cut(rx, "TX:")
		return rx
	}
	if after := inside(t, ns, "-s -o link show eth0"); received(after) != received(before) {
		t.Errorf("the host answers ARP, or speaks of itself: %s", after)
	}
}
