package datapath

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// An instance is a network namespace with one end of a veth pair in it.
type instance struct {
	ns   *os.File
	link int // the other end's ifindex, on the host
	name string
}

// do runs f with the instance's network around it: sockets that it makes stay there.
func (i instance) do(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever
		if i.ns == nil {
			done <- f()
			return
		}
		err := unix.Setns(int(i.ns.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// A lab is a host with instances, whose packets go through the programs.
type lab struct {
	t         *testing.T
	d         *Datapath
	host      instance
	instances map[uint32]instance // by their interface's number
}

// newLab makes an instance for each interface of the View, and the host's end, in namespaces of their own.
func newLab(t *testing.T, dir string, v *policy.View) *lab {
	t.Helper()
	namespace(t)
	return labOn(t, opened(t, Options{Dir: dir, Conns: 4096, Members: 64, HeapCells: 1 << 14}), v)
}

// labOn has the test's namespace as its host.
func labOn(t *testing.T, d *Datapath, v *policy.View) *lab {
	t.Helper()
	l := &lab{t: t, d: d, instances: map[uint32]instance{}}
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	l.host = instance{ns: ns}
	ip(t, "link add crenel0 type veth peer name crenel0-out", "link set crenel0 arp off")
	if err := l.d.AttachInternet(ifindex(t, "crenel0-out"), ifindex(t, "crenel0")); err != nil {
		t.Fatal(err)
	}
	ip(t, fmt.Sprintf("addr add %s/%d dev crenel0", v.Host(v.Public.Addr()), v.Public.Bits()), "link set crenel0-out up", "link set crenel0 up", "link set lo up")
	for _, i := range v.Interfaces {
		l.add(v, i)
	}
	l.apply(v)
	return l
}

func (l *lab) add(v *policy.View, i policy.Interface) {
	l.t.Helper()
	ns := instance{}
	err := ns.do(func() error { // the thread that goes into the new namespace ends with it
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		ns.ns = f
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { ns.ns.Close() })
	ns.name = fmt.Sprintf("crenel0-%d", i.Num)
	ip(l.t, fmt.Sprintf("link add %s type veth peer name eth0 address %s netns /proc/%d/fd/%d", ns.name, i.MAC, os.Getpid(), ns.ns.Fd()))
	ns.link = ifindex(l.t, ns.name)
	if err := l.d.Attach(i.ID, ns.link); err != nil {
		l.t.Fatal(err)
	}
	ip(l.t, "link set "+ns.name+" up")
	var subnet netip.Prefix
	for _, s := range v.Subnets {
		if s.ID == i.Subnet {
			subnet = s.CIDR
		}
	}
	err = ns.do(func() error {
		for _, line := range []string{
			fmt.Sprintf("addr add %s/%d dev eth0", i.Addr, subnet.Bits()), "link set eth0 up", "link set lo up",
			fmt.Sprintf("route add default via %s", subnet.Masked().Addr().Next()),
		} {
			if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
				return fmt.Errorf("ip %s: %v: %s", line, err, out)
			}
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.instances[i.Num] = ns
}

func (l *lab) apply(v *policy.View) {
	l.t.Helper()
	image, err := Lower(v)
	if err != nil {
		l.t.Fatal(err)
	}
	links := map[uint32]int{}
	for num, i := range l.instances {
		links[num] = i.link
	}
	if err := l.d.Apply(image, links); err != nil {
		l.t.Fatal(err)
	}
}

// count is the counter of the interface and reason.
func (l *lab) count(num uint32, why policy.Reason) uint64 {
	l.t.Helper()
	all, err := l.d.Counters()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, c := range all {
		if c.Interface == num && c.Reason == why {
			return c.Packets
		}
	}
	return 0
}

// until waits for what packets bring about.
func (l *lab) until(what string, is func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			all, _ := l.d.Counters()
			l.t.Fatalf("%s: not within 10 s; counters %v", what, all)
		}
	}
}

// listen has a TCP server at the address.
func (l *lab) listen(at instance, addr string) net.Listener {
	l.t.Helper()
	var s net.Listener
	if err := at.do(func() (err error) { s, err = net.Listen("tcp4", addr); return err }); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.Close() })
	return s
}

func (l *lab) dial(from instance, addr string) (c net.Conn, err error) {
	err = from.do(func() (err error) { c, err = net.DialTimeout("tcp4", addr, 5*time.Second); return err })
	return c, err
}

// refused tells whether no connection comes about in a time in which others do.
func (l *lab) refused(from instance, addr string) bool {
	return from.do(func() error {
		c, err := net.DialTimeout("tcp4", addr, 300*time.Millisecond)
		if err == nil {
			c.Close()
		}
		return err
	}) != nil
}

// connect is a connection and its other end, with the address that the client has there.
func (l *lab) connect(from instance, s net.Listener, addr string) (client, server net.Conn) {
	l.t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := s.Accept()
		accepted <- c
	}()
	client, err := l.dial(from, addr)
	if err != nil {
		l.t.Fatal(err)
	}
	server = <-accepted
	l.t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// bulk sends much one way and checks that it arrives as it was.
func (l *lab) bulk(from, to net.Conn, size int) {
	l.t.Helper()
	data := make([]byte, size)
	rand.Read(data)
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(data)
		sent <- err
	}()
	to.SetReadDeadline(time.Now().Add(30 * time.Second))
	got := make([]byte, size)
	if n, err := io.ReadFull(to, got); err != nil {
		l.t.Fatalf("%d of %d bytes arrived: %v", n, size, err)
	}
	if err := <-sent; err != nil {
		l.t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(data) {
		l.t.Fatal("what arrived is not what was sent")
	}
}

// chat sends a few bytes each way.
func (l *lab) chat(a, b net.Conn) {
	l.t.Helper()
	l.bulk(a, b, 10)
	l.bulk(b, a, 10)
}

// labView is two interfaces of one subnet and one of another, that may all talk on port 80, and be
// pinged, and with the internet too. All of it is tracked.
func labView() *policy.View {
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	routes := []policy.Route{{Destination: everywhere, Target: policy.Internet}, {Destination: netip.MustParsePrefix("10.0.0.0/16"), Target: policy.Local}}
	v := &policy.View{
		Revision: 1, Public: netip.MustParsePrefix("198.18.0.0/24"),
		Subnets: []policy.Subnet{
			{ID: "subnet-1", VPC: 1, CIDR: netip.MustParsePrefix("10.0.1.0/24"), Routes: routes, ACL: policytest.AllowAll},
			{ID: "subnet-2", VPC: 1, CIDR: netip.MustParsePrefix("10.0.2.0/24"), Routes: routes, ACL: policytest.AllowAll},
		},
		Groups: []policy.Group{{Num: 1, ID: "sg-1",
			Ingress: []policy.Rule{
				{What: policy.What{Protocol: flow.TCP, From: 80, To: 80}, CIDR: everywhere},
				{What: policy.What{Protocol: flow.UDP, From: 53, To: 53}, CIDR: everywhere},
				{What: policy.What{Protocol: flow.ICMP, From: flow.EchoRequest, To: -1}, CIDR: everywhere},
			},
			Egress: []policy.Rule{{What: policy.What{Protocol: -1, From: -1, To: -1}, CIDR: everywhere, Listed: true}},
		}},
	}
	for n, a := range []string{"10.0.1.4", "10.0.1.5", "10.0.2.4"} {
		v.Interfaces = append(v.Interfaces, policy.Interface{Num: uint32(n) + 1, ID: fmt.Sprintf("eni-%d", n+1), VPC: 1, Subnet: "subnet-" + a[5:6],
			MAC: flow.MAC{10, 0, 0, 0, 0, byte(n + 1)}, Addr: netip.MustParseAddr(a), Public: netip.AddrFrom4([4]byte{198, 18, 0, byte(n) + 4}),
			Groups: []uint32{1}, SourceDestCheck: true})
	}
	return v
}

func TestTraffic(t *testing.T) {
	needKernel(t)
	l := newLab(t, bpffsDir(t), labView())
	a, b, c := l.instances[1], l.instances[2], l.instances[3]

	for _, peer := range []struct {
		name, addr string
		at         instance
	}{{"in the subnet", "10.0.1.5:80", b}, {"in another subnet", "10.0.2.4:80", c}} {
		s := l.listen(peer.at, peer.addr)
		client, server := l.connect(a, s, peer.addr)
		if got := server.RemoteAddr().(*net.TCPAddr).IP.String(); got != "10.0.1.4" {
			t.Errorf("%s: the client's address is %s", peer.name, got)
		}
		start := time.Now()
		l.bulk(client, server, 64<<20)
		l.bulk(server, client, 16<<20)
		t.Logf("%s: 80 MiB in %v", peer.name, time.Since(start))
		if !l.refused(a, strings.Replace(peer.addr, ":80", ":81", 1)) {
			t.Errorf("%s: port 81 answers", peer.name)
		}
	}
	packets, octets := l.linkCounter(a, "rx_packets"), l.linkCounter(a, "rx_bytes")
	t.Logf("the first instance sent %d packets of %d bytes on average", packets, octets/packets)
	if octets/packets < 3000 {
		t.Error("there were no large sends among them")
	}
	if l.count(2, policy.NoIngressRule) == 0 || l.count(3, policy.NoIngressRule) == 0 || l.count(3, policy.Established) == 0 {
		t.Error("counters do not say what was")
	}
	for _, to := range []string{"10.0.1.5", "10.0.2.4", "10.0.1.1"} {
		if err := ping(a, to); (err == nil) != (to != "10.0.1.1") {
			t.Errorf("ping %s: %v", to, err) // the gateway answers ARP and nothing else
		}
	}
}

// TestTrafficWithTheHost: public addresses are translated, both ways, with their checksums.
func TestTrafficWithTheHost(t *testing.T) {
	needKernel(t)
	l := newLab(t, bpffsDir(t), labView())
	a, b := l.instances[1], l.instances[2]

	out := l.listen(l.host, "198.18.0.1:8080")
	client, server := l.connect(a, out, "198.18.0.1:8080")
	if got := server.RemoteAddr().(*net.TCPAddr).IP.String(); got != "198.18.0.4" {
		t.Errorf("the host sees %s", got)
	}
	l.bulk(client, server, 16<<20)
	l.bulk(server, client, 16<<20)

	in := l.listen(b, "10.0.1.5:80")
	client, server = l.connect(l.host, in, "198.18.0.5:80")
	if got := server.RemoteAddr().(*net.TCPAddr).IP.String(); got != "198.18.0.1" {
		t.Errorf("the instance sees %s", got)
	}
	l.bulk(client, server, 16<<20)
	l.bulk(server, client, 16<<20)

	// By public addresses from one instance to the other.
	client, server = l.connect(a, in, "198.18.0.5:80")
	if got := server.RemoteAddr().(*net.TCPAddr).IP.String(); got != "198.18.0.4" {
		t.Errorf("the other instance sees %s", got)
	}
	l.bulk(client, server, 16<<20)

	for from, to := range map[*instance]string{&l.host: "198.18.0.4", &a: "198.18.0.1", &b: "198.18.0.4"} {
		if err := ping(*from, to); err != nil {
			t.Errorf("ping %s: %v", to, err)
		}
	}
	if !l.refused(l.host, "198.18.0.5:81") || !l.refused(a, "203.0.113.9:80") {
		t.Error("what is not allowed or not there answers")
	}
	echo(t, l, b, "10.0.1.5:53")
	for _, from := range []instance{l.host, a} {
		if err := udp(from, "198.18.0.5:53"); err != nil {
			t.Error("UDP:", err)
		}
	}
}

// TestNothingElseReachesAnInterface: what the host sends on the link itself is dropped.
func TestNothingElseReachesAnInterface(t *testing.T) {
	needKernel(t)
	v := labView()
	l := newLab(t, bpffsDir(t), v)
	a := l.instances[1]
	before := l.instanceCounter(a, "rx_packets")
	p := tcp("10.0.1.5:1000", "10.0.1.4:80", flow.SYN)
	p.DstMAC = v.Interfaces[0].MAC
	for _, frame := range [][]byte{flow.Build(p), bytes.Repeat([]byte{0xff}, 60)} {
		// The kernel tells the sender that its packet was dropped.
		if err := l.host.do(func() error { return sendFrame(a.link, frame) }); !errors.Is(err, unix.ENOBUFS) {
			t.Errorf("sent: %v", err)
		}
	}
	if l.count(1, policy.NotJudged) < 2 {
		t.Errorf("%d frames counted", l.count(1, policy.NotJudged))
	}
	if after := l.instanceCounter(a, "rx_packets"); after != before {
		t.Errorf("%d frames arrived", after-before)
	}
}

// TestFramesTooShortToRun: see runnable.
func TestFramesTooShortToRun(t *testing.T) {
	needKernel(t)
	l := newLab(t, bpffsDir(t), labView())
	a := l.instances[1]
	frame := flow.Build(tcp("10.0.1.4:1000", "10.0.1.5:80", flow.SYN))
	malformed := l.count(1, policy.Malformed)
	sent := uint64(0)
	for n := 14; n < 34; n++ {
		if err := a.do(func() error { return sendFrame(2, frame[:n]) }); err == nil { // the kernel itself sends none so short as some
			sent++
		}
	}
	six := bytes.Clone(frame[:40])
	six[12], six[13] = 0x86, 0xdd
	if err := a.do(func() error { return sendFrame(2, six) }); err != nil {
		t.Fatal(err)
	}
	sent++
	l.until("Malformed is counted", func() bool { return l.count(1, policy.Malformed) == malformed+sent })
	if sent < 16 {
		t.Errorf("only %d frames could be sent", sent)
	}
}

// TestTaggedFramesAreDropped: the kernel takes a VLAN's tag out of the frame before the program sees it.
func TestTaggedFramesAreDropped(t *testing.T) {
	needKernel(t)
	l := newLab(t, bpffsDir(t), labView())
	a := l.instances[1]
	frame := flow.Build(tcp("10.0.1.4:1000", "10.0.1.5:80", flow.SYN))
	copy(frame[6:], labView().Interfaces[0].MAC[:])
	tagged := append(append(bytes.Clone(frame[:12]), 0x81, 0, 0, 5), frame[12:]...)
	before := l.count(1, policy.Unsupported)
	if err := a.do(func() error { return sendFrame(2, tagged) }); err != nil {
		t.Fatal(err)
	}
	l.until("it is counted", func() bool { return l.count(1, policy.Unsupported) > before })
	if l.count(2, policy.Allowed) > 0 {
		t.Error("it was let through")
	}
	if err := a.do(func() error { return sendFrame(2, frame) }); err != nil {
		t.Fatal(err)
	}
	l.until("the same without a tag passes", func() bool { return l.count(2, policy.Allowed) == 1 })
}

// TestAnAgentComesBack: connections and enforcement outlive the process; the next adopts them.
func TestAnAgentComesBack(t *testing.T) {
	needKernel(t)
	dir, v := bpffsDir(t), labView()
	l := newLab(t, dir, v)
	a, b := l.instances[1], l.instances[2]
	s := l.listen(b, "10.0.1.5:80")
	client, server := l.connect(a, s, "10.0.1.5:80")
	l.chat(client, server)
	held := l.d.image()
	if err := l.d.Close(); err != nil {
		t.Fatal(err)
	}

	// Nobody is there: what is in force stays so.
	l.chat(client, server)
	second, other := l.connect(a, s, "10.0.1.5:80")
	l.chat(second, other)
	if !l.refused(a, "10.0.1.5:81") {
		t.Error("without an agent port 81 answers")
	}

	l.d = opened(t, Options{Dir: dir, Conns: 1 << 20})
	if got := l.d.maps.Conns.MaxEntries(); got != 4096 {
		t.Errorf("adopted a table of %d", got)
	}
	if got := l.d.image(); got != held {
		t.Errorf("adopted\n%s\nof\n%s", got, held)
	}
	if err := l.d.heap.check(); err != nil {
		t.Error(err)
	}
	for num, i := range l.instances { // as an agent does that knows nothing of the one before
		if err := l.d.Attach(fmt.Sprintf("eni-%d", num), i.link); err != nil {
			t.Error(err)
		}
	}
	if err := l.d.AttachInternet(ifindex(t, "crenel0-out"), ifindex(t, "crenel0")); err != nil {
		t.Error(err)
	}

	// The rule goes: what it let in goes on, and nothing new.
	v.Groups[0].Ingress = nil
	l.apply(v)
	l.chat(client, server)
	l.chat(second, other)
	if !l.refused(a, "10.0.1.5:80") {
		t.Error("port 80 answers after its rule went")
	}

	// Both programs hold one table: a new build's programs find the connections of the old.
	if err := l.d.replacePrograms(); err != nil {
		t.Error(err)
	}
	if got, err := l.d.Attached(); fmt.Sprint(got) != "[eni-1 eni-2 eni-3]" || err != nil {
		t.Errorf("attached: %v, %v", got, err)
	}
}

// TestProgramsOfAnotherBuildAreReplaced: a link with a program of another tag gets this one's.
// Somebody removed what was pinned while instances ran. What comes back takes up their connections, if the rules allow them,
// and only where it finds a link that was up without it.
func TestConnectionsUnderWayAreAdopted(t *testing.T) {
	needKernel(t)
	dir, v := bpffsDir(t), labView()
	l := newLab(t, dir, v)
	a, b := l.instances[1], l.instances[2]
	s := l.listen(b, "10.0.1.5:80")
	client, server := l.connect(a, s, "10.0.1.5:80")
	lone, _ := l.connect(a, s, "10.0.1.5:80")
	l.chat(client, server)
	v.Groups[0].Egress = []policy.Rule{{What: policy.What{Protocol: flow.TCP, From: 80, To: 80}, CIDR: netip.MustParsePrefix("10.0.0.0/16")}}

	if err := errors.Join(l.d.Close(), Remove(dir)); err != nil {
		t.Fatal(err)
	}
	l.d = opened(t, Options{Dir: dir, Conns: 4096, Members: 64, HeapCells: 1 << 14})
	for num, i := range l.instances {
		if err := l.d.Attach(fmt.Sprintf("eni-%d", num), i.link); err != nil {
			t.Fatal(err)
		}
	}
	l.apply(v)
	if _, err := client.Write([]byte("to nobody")); err != nil {
		t.Fatal(err)
	}
	l.until("the answer to what began before is refused", func() bool { return l.count(2, policy.NoEgressRule) > 0 })

	if err := errors.Join(l.d.Close(), Remove(dir)); err != nil {
		t.Fatal(err)
	}
	l.d = opened(t, Options{Dir: dir, Conns: 4096, Members: 64, HeapCells: 1 << 14})
	for range 2 {
		for num, i := range l.instances {
			if err := l.d.Adopt(fmt.Sprintf("eni-%d", num), i.link); err != nil {
				t.Fatal(err)
			}
		}
		l.apply(v)
	}
	server.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.ReadFull(server, make([]byte, len("to nobody"))); err != nil {
		t.Fatal(err)
	}
	l.chat(client, server)
	v.Groups[0].Ingress, v.Groups[0].Egress = nil, nil // from now on only the entries let it pass
	l.apply(v)
	l.chat(client, server)

	now, err := l.d.now()
	if err != nil {
		t.Fatal(err)
	}
	for slot := range l.d.usedSlots() {
		if left := l.d.slots[slot].Adopt - now; left > AdoptionWindow {
			t.Errorf("interface %d adopts for %d s", l.d.slots[slot].Num, left)
		}
	}
	if _, err := lone.Write([]byte("nor does a rule let this pass")); err != nil {
		t.Fatal(err)
	}
	l.until("what no rule allows is not adopted", func() bool { return l.count(1, policy.NoEgressRule) > 0 })
}

func TestProgramsOfAnotherBuildAreReplaced(t *testing.T) {
	needKernel(t)
	dir := bpffsDir(t)
	namespace(t)
	d := opened(t, Options{Dir: dir, Conns: 16, Members: 16, HeapCells: 64})
	ip(t, "link add one type veth peer name two")
	at := ifindex(t, "one")
	// Another build: its program for the one direction is this one's for the other.
	if err := d.attach(hook{"link-eni-1-in", internetHook.of, internetHook.attach}, at); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d = opened(t, Options{Dir: dir})
	if got, want := attachedProgram(t, filepath.Join(d.dir, "link-eni-1-in")), programID(t, d.prog.FromInterface); got != want {
		t.Errorf("program %d is attached, want %d", got, want)
	}
	d.Close()
	before := attachedProgram(t, filepath.Join(d.dir, "link-eni-1-in"))
	d = opened(t, Options{Dir: dir})
	if got := attachedProgram(t, filepath.Join(d.dir, "link-eni-1-in")); got != before {
		t.Errorf("program %d became %d, of the same build", before, got)
	}
}

// ping sends an echo request and waits for its reply.
func ping(from instance, to string) error {
	return from.do(func() error {
		c, err := net.Dial("ip4:icmp", to)
		if err != nil {
			return err
		}
		defer c.Close()
		request := []byte{8, 0, 0, 0, 0x12, 0x34, 0, 1, 'c', 'r', 'e', 'n'}
		var sum uint32
		for i := 0; i < len(request); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(request[i:]))
		}
		binary.BigEndian.PutUint16(request[2:], ^uint16(sum>>16+sum&0xffff))
		c.SetDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := c.Write(request); err != nil {
			return err
		}
		reply := make([]byte, 200)
		for {
			n, err := c.Read(reply)
			if err != nil {
				return err
			}
			if b := reply[:n]; len(b) == 20+len(request) && b[20] == flow.EchoReply && bytes.Equal(b[24:], request[4:]) {
				return nil
			}
		}
	})
}

// echo has a UDP server at the address.
func echo(t *testing.T, l *lab, at instance, addr string) {
	t.Helper()
	var s net.PacketConn
	if err := at.do(func() (err error) { s, err = net.ListenPacket("udp4", addr); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := s.ReadFrom(b)
			if err != nil {
				return
			}
			s.WriteTo(b[:n], from)
		}
	}()
}

func udp(from instance, to string) error {
	return from.do(func() error {
		c, err := net.Dial("udp4", to)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		for range 3 {
			if _, err := c.Write([]byte("hello")); err != nil {
				return err
			}
			b := make([]byte, 100)
			if n, err := c.Read(b); err != nil || string(b[:n]) != "hello" {
				return fmt.Errorf("%q, %w", b[:n], err)
			}
		}
		return nil
	})
}

// sendFrame sends a frame as it is on the calling thread's link.
func sendFrame(ifindex int, frame []byte) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ifindex, Halen: 6})
}

// linkCounter is a counter of the host's side of the instance's link.
func (l *lab) linkCounter(i instance, name string) (n int) {
	l.t.Helper()
	return l.counterOf(l.host, i.name, name)
}

func (l *lab) instanceCounter(i instance, name string) (n int) {
	l.t.Helper()
	return l.counterOf(i, "eth0", name)
}

// counterOf reads ip(8), for /sys shows the namespace that it was mounted in.
func (l *lab) counterOf(at instance, dev, name string) (n int) {
	l.t.Helper()
	err := at.do(func() error {
		out, err := exec.Command("ip", "-s", "-j", "link", "show", "dev", dev).Output()
		if err != nil {
			return err
		}
		way, what, _ := strings.Cut(name, "_")
		_, rest, ok := strings.Cut(string(out), `"`+way+`":{`)
		if !ok {
			return fmt.Errorf("no %s in %s", way, out)
		}
		_, rest, ok = strings.Cut(rest, `"`+what+`":`)
		if !ok {
			return errors.New("no " + what)
		}
		end := strings.IndexAny(rest, ",}")
		n, err = strconv.Atoi(rest[:end])
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}
