package hostnet

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheFirstBlockIsClaimedOnce(t *testing.T) {
	host(t)
	l := open(t, "5f3a9c01")
	first := must[Internet](t)(l.ClaimPublic(netip.Prefix{}))
	if first.Block.String() != "198.18.0.0/20" || first.Host.String() != "198.18.0.1" || first.Name != "crenel0" || first.Up || first.Out == 0 || len(first.MAC) != 6 {
		t.Errorf("claimed %+v", first)
	}
	if out := ip(t, "-o link show crenel0"); !strings.Contains(out, "NOARP") || strings.Contains(out, "UP") || !strings.Contains(out, "mtu 9001") {
		t.Error("before Up:", out)
	}
	for _, want := range []netip.Prefix{{}, first.Block} { // as a later start does
		got := must[Internet](t)(open(t, "5f3a9c01").ClaimPublic(want))
		if got.Index != first.Index || got.Block != first.Block {
			t.Errorf("claiming %s again gave %+v", want, got)
		}
	}
	for range 2 {
		if err := l.UpInternet(netip.MustParsePrefix("3fff:120::/32")); err != nil {
			t.Fatal(err)
		}
	}
	if n, ok, err := l.Internet(); err != nil || !ok || !n.Up {
		t.Error("after Up:", n, ok, err)
	}
	if out := ip(t, "-6 -o addr show crenel0"); strings.Count(out, "inet6") != 1 || !strings.Contains(out, "3fff:120::1/32") || strings.Contains(out, "tentative") {
		t.Error("the host's end has other addresses than its own:", out)
	}
	if out := ip(t, "-6 addr show crenel0-out"); out != "" {
		t.Error("the other end has IPv6 addresses:", out)
	}
}

func TestAClaimedBlockComesBackAfterAReboot(t *testing.T) {
	host(t)
	l := open(t, "5f3a9c01")
	claim := netip.MustParsePrefix("198.19.16.0/20")
	if n := must[Internet](t)(l.ClaimPublic(claim)); n.Block != claim || n.Host.String() != "198.19.16.1" {
		t.Errorf("claimed %+v", n)
	}
}

func TestABlockInUseIsNotTaken(t *testing.T) {
	for _, use := range []string{
		"route add 198.18.0.0/16 dev other",             // as some proxies do
		"route add 198.18.4.0/24 dev other table 99",    // in any table
		"addr add 198.18.15.1/32 dev other",             // an address is a use
		"route add blackhole 198.18.0.0/20",             //
		"route add 198.0.0.0/8 via 192.0.2.1 dev other", // a shorter route, but none by default
	} {
		t.Run(use, func(t *testing.T) {
			host(t)
			l := open(t, "5f3a9c01")
			ip(t, "link add other type veth peer name other-out")
			ip(t, "link set other up")
			ip(t, "addr add 192.0.2.2/24 dev other")
			ip(t, use)
			block := netip.MustParsePrefix("198.18.0.0/20")
			if n, err := l.ClaimPublic(block); err == nil || !strings.Contains(err.Error(), "in use on this machine: ") {
				t.Errorf("the claim of %s gave %+v, %v", block, n, err)
			} else {
				t.Log(err)
			}
			n, err := l.ClaimPublic(netip.Prefix{})
			if strings.Contains(use, "198.0.0.0/8") {
				if err == nil {
					t.Errorf("chose %s, and all are routed", n.Block)
				}
			} else if err != nil || n.Block.Overlaps(block) {
				t.Errorf("chose %s, %v", n.Block, err)
			}
		})
	}
}

func TestDefaultRoutesDoNotCount(t *testing.T) {
	host(t)
	l := open(t, "5f3a9c01")
	ip(t, "link add other type veth peer name other-out")
	ip(t, "link set other up")
	ip(t, "addr add 192.0.2.2/24 dev other")
	for _, r := range []string{"default", "0.0.0.0/1", "128.0.0.0/1", "192.0.0.0/3"} {
		ip(t, "route add "+r+" via 192.0.2.1")
	}
	if n := must[Internet](t)(l.ClaimPublic(netip.Prefix{})); n.Block.String() != "198.18.0.0/20" {
		t.Error("chose", n.Block)
	}
}

func TestTwoOwnersHaveTwoBlocks(t *testing.T) {
	host(t)
	a := must[Internet](t)(open(t, "0000000a").ClaimPublic(netip.Prefix{}))
	b := must[Internet](t)(open(t, "0000000b").ClaimPublic(netip.Prefix{}))
	if a.Block.Overlaps(b.Block) || a.Name != "crenel0" || b.Name != "crenel1" {
		t.Errorf("%+v\n%+v", a, b)
	}
	if _, err := open(t, "0000000b").ClaimPublic(a.Block); err == nil || !strings.Contains(err.Error(), "crenel0") {
		t.Error("b claims a's block:", err)
	}
}

func TestAHalfMadePairIsMadeAnew(t *testing.T) {
	host(t)
	l := open(t, "5f3a9c01")
	claim := must[Internet](t)(l.ClaimPublic(netip.Prefix{}))
	for _, cut := range []string{"addr flush dev crenel0", "link set crenel0 alias ", "link set crenel0-out alias "} {
		ip(t, cut)
		if _, whole, err := l.Internet(); whole || err != nil {
			t.Errorf("after ip %s: whole %v, %v", cut, whole, err)
		}
		if n := must[Internet](t)(l.ClaimPublic(claim.Block)); n.Name != "crenel0" || n.Block != claim.Block {
			t.Errorf("after ip %s: %+v", cut, n)
		}
	}
}

// What the host sends to a public address comes out of the pair at once, without ARP; what comes back
// through it reaches the host's socket, whatever the host's reverse path filter is set to.
func TestTheHostTalksToPublicAddresses(t *testing.T) {
	for _, filter := range []string{"0", "1", "2"} {
		t.Run("rp_filter="+filter, func(t *testing.T) {
			host(t)
			for _, conf := range []string{"all", "default"} {
				if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+conf+"/rp_filter", []byte(filter), 0); err != nil {
					t.Fatal(err)
				}
			}
			l := open(t, "5f3a9c01")
			n := must[Internet](t)(l.ClaimPublic(netip.Prefix{}))
			if err := l.UpInternet(netip.MustParsePrefix("3fff:120::/32")); err != nil {
				t.Fatal(err)
			}
			wire := packetSocket(t, n.Out)
			conn, err := net.Dial("udp4", "198.18.0.9:7")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			frame := make([]byte, 2048)
			size, err := unix.Read(wire, frame)
			if err != nil {
				t.Fatal("nothing came out of the pair:", err)
			}
			if _, err := unix.Write(wire, echo(frame[:size], n.MAC)); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if size, err = conn.Read(frame); err != nil || string(frame[:size]) != "hello" {
				t.Errorf("came back: %q, %v", frame[:size], err)
			}
		})
	}
}

func packetSocket(t *testing.T, index int) int {
	t.Helper()
	ip := binary.NativeEndian.Uint16([]byte{0x08, 0x00})
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(ip))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ip, Ifindex: index}); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// echo sends an Ethernet frame with UDP in IPv4 back to where it came from. Sums do not depend on order,
// so the header's stays right; the datagram goes without one.
func echo(frame []byte, to net.HardwareAddr) []byte {
	back := append([]byte(nil), frame...)
	copy(back, to)
	ip := back[14:]
	copy(ip[12:16], frame[14+16:])
	copy(ip[16:20], frame[14+12:])
	copy(ip[20:22], frame[14+22:])
	copy(ip[22:24], frame[14+20:])
	ip[26], ip[27] = 0, 0
	return back
}
