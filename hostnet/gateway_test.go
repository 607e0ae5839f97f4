package hostnet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crenel/flow"
)

// A tap sends frames into a link of a gateway, and hears what the gateway sends.
type tap struct {
	t       *testing.T
	socket  int
	gateway net.HardwareAddr
}

func newTap(t *testing.T, device string, gateway net.HardwareAddr) *tap {
	t.Helper()
	link := must[*net.Interface](t)(net.InterfaceByName(device))
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	s := must[int](t)(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all))
	t.Cleanup(func() { unix.Close(s) })
	if err := unix.Bind(s, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index}); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptInt(s, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		t.Fatal(err)
	}
	return &tap{t, s, gateway}
}

// send sends the packet to the gateway, and returns the next one of IP that comes from there; false: none comes.
func (p *tap) send(packet flow.Packet, answered bool) (flow.Packet, bool) {
	p.t.Helper()
	packet.SrcMAC, packet.DstMAC = flow.MAC{2, 0, 0, 0, 0, 1}, flow.MAC(p.gateway)
	if _, err := unix.Write(p.socket, flow.Build(packet)); err != nil {
		p.t.Fatal(err)
	}
	limit := 200 * time.Millisecond
	if answered {
		limit = 5 * time.Second
	}
	frame := make([]byte, 2048)
	for until := time.Now().Add(limit); time.Now().Before(until); {
		timeout := unix.NsecToTimeval(int64(time.Until(until)) + 1000)
		if err := unix.SetsockoptTimeval(p.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
			p.t.Fatal(err)
		}
		n, _, err := unix.Recvfrom(p.socket, frame, 0)
		if err != nil {
			continue
		}
		if got, err := flow.Parse(frame[:n]); err == nil && got.Src.Is4() {
			return got, true
		}
	}
	return flow.Packet{}, false
}

func TestAGatewayTranslates(t *testing.T) {
	host(t)
	path := filepath.Join(t.TempDir(), "gateways", "nat-1")
	t.Cleanup(func() {
		if err := RemoveNamespace(path); err != nil {
			t.Error(err)
		}
		if err := RemoveNamespace(path); err != nil {
			t.Error("a second time:", err)
		}
	})
	ns := must[*os.File](t)(Namespace(path, netip.MustParseAddr("10.0.0.9")))
	defer ns.Close()
	again := must[*os.File](t)(Namespace(path, netip.MustParseAddr("10.0.0.9")))
	defer again.Close()
	var one, two unix.Stat_t
	if err := errors.Join(unix.Fstat(int(ns.Fd()), &one), unix.Fstat(int(again.Fd()), &two)); err != nil || one.Ino != two.Ino {
		t.Errorf("the namespace was made twice: %v", err)
	}

	l := open(t, "5f3a9c01")
	i := Interface{ID: "eni-1", MAC: net.HardwareAddr{10, 0, 0, 0, 0, 9}, Addr: netip.MustParsePrefix("10.0.0.9/24"), Gateway: netip.MustParseAddr("10.0.0.1")}
	must[int](t)(l.AddInterface(i, ns))
	if err := l.Up(i, ns); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"10.0.0.1", "10.0.0.5"} {
		inside(t, ns, "neigh replace "+a+" lladdr 02:00:00:00:00:01 nud permanent dev eth0")
	}
	p := newTap(t, l.name("eni-1"), i.MAC)

	client, server, gateway := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("203.0.113.7"), i.Addr.Addr()
	for _, sent := range []flow.Packet{
		{Src: client, Dst: server, Protocol: flow.UDP, SrcPort: 53, DstPort: 4000, Payload: 9},
		{Src: client, Dst: server, Protocol: flow.TCP, SrcPort: 4000, DstPort: 80, TCPFlags: flow.SYN},
		{Src: client, Dst: server, Protocol: flow.ICMP, ICMPType: flow.EchoRequest, SrcPort: 4000, Payload: 9},
	} {
		out, ok := p.send(sent, true)
		if !ok || out.Src != gateway || out.Dst != server || out.Protocol != sent.Protocol || out.DstPort != sent.DstPort || out.SrcPort < 1024 {
			t.Errorf("%s became %s, %v", sent, out, ok)
			continue
		}
		back, ok := p.send(out.Reverse(), true)
		if want := sent.Reverse(); !ok || back.Src != server || back.Dst != client || back.DstPort != want.DstPort || back.SrcPort != want.SrcPort {
			t.Errorf("the answer %s became %s, %v", out.Reverse(), back, ok)
		}
		other := out.Reverse()
		other.Src = netip.MustParseAddr("203.0.113.8")
		if got, ok := p.send(other, false); ok {
			t.Errorf("what nobody asked for, %s, became %s", other, got)
		}
	}
	for name, unwanted := range map[string]flow.Packet{
		"to the gateway itself":       {Src: client, Dst: gateway, Protocol: flow.TCP, SrcPort: 4000, DstPort: 80, TCPFlags: flow.SYN},
		"a ping of it":                {Src: client, Dst: gateway, Protocol: flow.ICMP, ICMPType: flow.EchoRequest, SrcPort: 1, Payload: 9},
		"another protocol":            {Src: client, Dst: server, Protocol: 47, Payload: 20},
		"the middle of a connection":  {Src: client, Dst: server, Protocol: flow.TCP, SrcPort: 4001, DstPort: 80, TCPFlags: flow.ACK},
		"an answer without a request": {Src: client, Dst: server, Protocol: flow.ICMP, ICMPType: flow.EchoReply, DstPort: 4, Payload: 9},
	} {
		if got, ok := p.send(unwanted, false); ok {
			t.Errorf("%s became %s", name, got)
		}
	}
}

// What a machine that stopped leaves is a file: the gateway is made anew.
func TestAGatewayComesBackAfterAReboot(t *testing.T) {
	host(t)
	path := filepath.Join(t.TempDir(), "nat-1")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = RemoveNamespace(path) })
	ns := must[*os.File](t)(Namespace(path, netip.MustParseAddr("10.0.0.9")))
	defer ns.Close()
	if got := inside(t, ns, "-o link"); got == "" {
		t.Error("it is no network namespace")
	}
}
