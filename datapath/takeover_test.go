package datapath

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"crenel/flow"
	"crenel/policy"
)

//go:embed testdata/older_bpfel.o
var olderObject []byte

// olderSpec is the programs over connections of another layout: see older.sh.
func olderSpec(t *testing.T) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(olderObject))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// openedAs opens the folder as a version with that object and layout does.
func openedAs(t *testing.T, o Options, spec *ebpf.CollectionSpec, layout int) *Datapath {
	t.Helper()
	d, err := open(o, spec, layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.config != nil {
			d.Close()
		}
	})
	return d
}

// Messages of ICMP, which never belong to a connection.
const (
	allowedByBoth = 41 + iota
	allowedByNone
	allowedByAMixture // out by what was in force, in by what is applied then
)

// upgradeViews are what was in force and what is applied then: their rules for the first interface let things out, those for
// the second let them in, and replies pass as such alone.
func upgradeViews() (was, is *policy.View) {
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	rules := func(protocol int, numbers ...int) (rules []policy.Rule) {
		for _, n := range numbers {
			what := policy.What{Protocol: protocol, From: n, To: n}
			if protocol == flow.ICMP {
				what.To = -1
			}
			rules = append(rules, policy.Rule{What: what, CIDR: everywhere})
		}
		return rules
	}
	view := func(tcp int, out, in []int) *policy.View {
		v := labView()
		both := append(rules(flow.UDP, 53), rules(flow.TCP, tcp)...)
		v.Groups = []policy.Group{
			{Num: 1, ID: "sg-1", Egress: append(rules(flow.ICMP, out...), both...)},
			{Num: 2, ID: "sg-2", Ingress: append(rules(flow.ICMP, in...), both...)},
		}
		v.Interfaces[1].Groups = []uint32{2}
		return v
	}
	return view(80, []int{allowedByBoth, allowedByAMixture}, []int{allowedByBoth}), view(8080, []int{allowedByBoth}, []int{allowedByBoth, allowedByAMixture})
}

// An upgrade is a host with instances whose links have the programs of an older layout, and traffic.
type upgrade struct {
	*lab
	dir     string
	is      *policy.View // what the new version applies
	stop    atomic.Bool
	running sync.WaitGroup
	sent    atomic.Int64 // allowed by both
	arrived [256]atomic.Int64
	asked   atomic.Int64 // exchanges, each a connection of its own
	said    atomic.Int64 // exchanges, on connections whose rule goes
}

func newUpgrade(t *testing.T) *upgrade {
	needKernel(t)
	namespace(t)
	u := &upgrade{dir: bpffsDir(t)}
	was, is := upgradeViews()
	u.is = is
	u.lab = labOn(t, openedAs(t, Options{Dir: u.dir, Conns: 1 << 17, Members: 64, HeapCells: 1 << 14}, olderSpec(t), Layout-1), was)
	return u
}

// send begins with all traffic.
func (u *upgrade) send() {
	u.t.Cleanup(u.end)
	u.flood()
	u.exchange()
	u.talk()
	u.traffic()
}

func (u *upgrade) end() {
	u.stop.Store(true)
	u.running.Wait()
}

// flood sends messages, those that must arrive in pieces and as fast as they do arrive.
func (u *upgrade) flood() {
	a, b := u.instances[1], u.instances[2]
	var in, out net.PacketConn
	if err := b.do(func() (err error) { in, err = net.ListenPacket("ip4:icmp", "10.0.1.5"); return err }); err != nil {
		u.t.Fatal(err)
	}
	if err := a.do(func() (err error) { out, err = net.ListenPacket("ip4:icmp", "10.0.1.4"); return err }); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { in.Close(); out.Close() })
	go func() {
		buf := make([]byte, 8000)
		for {
			n, _, err := in.ReadFrom(buf)
			if err != nil {
				return
			}
			if n > 0 {
				u.arrived[buf[0]].Add(1)
			}
		}
	}()
	u.running.Go(func() {
		to := &net.IPAddr{IP: net.IPv4(10, 0, 1, 5)}
		for waited := 0; !u.stop.Load(); {
			for _, kind := range []byte{allowedByBoth, allowedByNone, allowedByAMixture} {
				size := 100
				if kind == allowedByBoth {
					if u.sent.Load()-u.arrived[kind].Load() >= 16 {
						if waited++; waited > 20_000 {
							u.t.Errorf("of %d messages %d arrived", u.sent.Load(), u.arrived[kind].Load())
							return
						}
						time.Sleep(100 * time.Microsecond)
						continue
					}
					size = 4000
					u.sent.Add(1)
					waited = 0
				}
				if _, err := out.WriteTo(message(kind, size), to); err != nil {
					u.t.Error(err)
					return
				}
			}
		}
	})
}

func message(kind byte, size int) []byte {
	m := make([]byte, size)
	m[0] = kind
	binary.BigEndian.PutUint16(m[2:], ^uint16(int(kind)<<8))
	return m
}

// exchange asks a server, each time by a new connection, whose answer passes by that alone.
func (u *upgrade) exchange() {
	echo(u.t, u.lab, u.instances[2], "10.0.1.5:53")
	u.running.Go(func() {
		for !u.stop.Load() {
			if err := ask(u.instances[1], "10.0.1.5:53"); err != nil {
				u.t.Errorf("after %d exchanges: %v", u.asked.Load(), err)
				return
			}
			u.asked.Add(1)
			time.Sleep(500 * time.Microsecond)
		}
	})
}

func ask(from instance, to string) error {
	var c net.Conn
	if err := from.do(func() (err error) { c, err = net.Dial("udp4", to); return err }); err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 10))
	return err
}

// talk has a connection to a port whose rule goes, and says something both ways on it all the time.
func (u *upgrade) talk() {
	s := u.listen(u.instances[2], "10.0.1.5:80")
	client, server := u.connect(u.instances[1], s, "10.0.1.5:80")
	s.Close()
	u.running.Go(func() {
		b := make([]byte, 1000)
		for !u.stop.Load() {
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				way[1].SetReadDeadline(time.Now().Add(10 * time.Second))
				_, err := way[0].Write(b)
				if err == nil {
					_, err = way[1].Read(b)
				}
				if err != nil {
					u.t.Errorf("after %d exchanges on a connection: %v", u.said.Load(), err)
					return
				}
			}
			u.said.Add(1)
		}
	})
}

// start opens the folder as this version's agent does.
func (u *upgrade) start() {
	u.t.Helper()
	u.d = opened(u.t, Options{Dir: u.dir})
	if err := u.d.AttachInternet(ifindex(u.t, "crenel0-out"), ifindex(u.t, "crenel0")); err != nil {
		u.t.Fatal(err)
	}
	for num, i := range u.instances {
		if err := u.d.Adopt(fmt.Sprintf("eni-%d", num), i.link); err != nil {
			u.t.Fatal(err)
		}
	}
	if len(u.d.adopting) > 0 {
		u.t.Error("links that an older layout's programs are at count as without programs")
	}
	if got, err := u.d.Attached(); fmt.Sprint(got) != "[eni-1 eni-2 eni-3]" || err != nil {
		u.t.Errorf("attached: %v, %v", got, err)
	}
	u.apply(u.is)
}

// traffic waits until there was some of every kind.
func (u *upgrade) traffic() {
	u.t.Helper()
	sent, asked, said := u.sent.Load(), u.asked.Load(), u.said.Load()
	u.until("traffic", func() bool {
		return u.t.Failed() || u.sent.Load() > sent+20 && u.asked.Load() > asked+20 && u.said.Load() > said+20
	})
	if u.t.Failed() {
		u.t.FailNow()
	}
}

// done checks that this version has taken over, and that nothing is left of the older one.
func (u *upgrade) done() {
	u.t.Helper()
	u.traffic()
	u.end()
	u.until("all has arrived", func() bool { return u.arrived[allowedByBoth].Load() == u.sent.Load() })
	for _, kind := range []int{allowedByNone, allowedByAMixture} {
		if n := u.arrived[kind].Load(); n > 0 {
			u.t.Errorf("%d messages of type %d arrived", n, kind)
		}
	}
	u.t.Logf("%d messages, %d connections asked, %d exchanges on an old one", u.sent.Load(), u.asked.Load(), u.said.Load())
	if u.d.Older() || u.d.config.Takeover != kernelTakeoverTAKEN_OVER {
		u.t.Errorf("it is not taken over: %v, %d", u.d.Older(), u.d.config.Takeover)
	}
	entries, err := os.ReadDir(u.dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != fmt.Sprintf("v%d", Layout) {
		u.t.Errorf("in the folder: %v, %v", entries, err)
	}
	for pin, want := range map[string]*ebpf.Program{"link-eni-1-in": u.d.prog.FromInterface, "link-eni-2-out": u.d.prog.ToInterface, internetPin: u.d.prog.FromInternet} {
		p, err := ebpf.NewProgramFromID(attachedProgram(u.t, filepath.Join(u.d.dir, pin)))
		if err != nil {
			u.t.Fatal(err)
		}
		same, err := sameProgram(p, want)
		ours, err2 := u.d.counts(p)
		if p.Close(); !same || !ours || err != nil || err2 != nil {
			u.t.Errorf("%s has another program: %v, %v, %v, %v", pin, same, ours, err, err2)
		}
	}
	if n := attachedPrograms(u.t, "crenel0-1", "crenel0-2", "crenel0-3", "crenel0-out"); n != 7 {
		u.t.Errorf("%d programs are attached", n)
	}
	for which := range kernelProgramBeforeBEFORES {
		if err := u.d.maps.Before.Lookup(which, new(uint32)); !errors.Is(err, ebpf.ErrKeyNotExist) {
			u.t.Errorf("program %d before this one is still known: %v", which, err)
		}
	}
	if !u.refused(u.instances[1], "10.0.1.5:80") {
		u.t.Error("port 80 answers after its rule went")
	}
	s := u.listen(u.instances[2], "10.0.1.5:8080")
	u.chat(u.connect(u.instances[1], s, "10.0.1.5:8080"))

	// What did not arrive would have been seen if it had.
	u.is.Groups[0].Egress = append(u.is.Groups[0].Egress, policy.Rule{What: policy.What{Protocol: flow.ICMP, From: -1, To: -1}, CIDR: netip.MustParsePrefix("0.0.0.0/0")})
	u.is.Groups[1].Ingress = append(u.is.Groups[1].Ingress, u.is.Groups[0].Egress[len(u.is.Groups[0].Egress)-1])
	u.apply(u.is)
	u.stop.Store(false)
	u.flood()
	u.until("what is allowed now arrives", func() bool { return u.arrived[allowedByNone].Load() > 0 && u.arrived[allowedByAMixture].Load() > 0 })
	u.end()
	u.d.Close()
	if err := Remove(u.dir); err != nil {
		u.t.Error(err)
	}
	if n := attachedPrograms(u.t, "crenel0-1", "crenel0-2", "crenel0-3", "crenel0-out"); n != 0 {
		u.t.Errorf("%d programs are still attached", n)
	}
}

// counts tells whether the program is over the maps of this layout: all of them count. Its instructions do not tell.
func (d *Datapath) counts(p *ebpf.Program) (bool, error) {
	of, err := p.Info()
	if err != nil {
		return false, err
	}
	m, err := d.maps.Counters.Info()
	if err != nil {
		return false, err
	}
	used, _ := of.MapIDs()
	id, _ := m.ID()
	return slices.Contains(used, id), nil
}

// TestAnUpgradeLeavesNoMoment: while everything sends, a version of another layout takes over. What neither View allows never
// arrives, what both allow always does, and connections go on though their rule went.
func TestAnUpgradeLeavesNoMoment(t *testing.T) {
	u := newUpgrade(t)
	u.send()
	u.d.Close()
	u.start()
	if !u.d.Older() {
		t.Error("there is nothing to take over from")
	}
	if u.d.maps.Conns.MaxEntries() != 1<<18 || u.d.maps.Members.MaxEntries() != 65536 {
		t.Error("the maps are smaller than those of a new folder")
	}
	u.traffic()
	u.talk() // the old rules are in force
	if !u.refused(u.instances[1], "10.0.1.5:8080") {
		t.Error("what was applied is in force already")
	}
	got, err := u.d.TakeOver()
	if err != nil || got.Left != nil || got.Carried < 40 {
		t.Errorf("%+v, %v", got, err)
	}
	u.traffic()
	if again, err := u.d.TakeOver(); err != nil || again != (Takeover{}) {
		t.Errorf("once more: %+v, %v", again, err)
	}
	charged := u.d.charged()
	if n, err := u.d.Connections(); err != nil || charged[1]+charged[2] < uint64(got.Carried) || n < got.Carried {
		t.Errorf("%d connections, charged %v, of %d that were carried over; %v", n, charged, got.Carried, err)
	}
	u.done()
}

// TestWhatBeganBeforeAStepGoesOnAfterIt: of every two steps of a takeover the later one comes between a request and its
// answers, which only the connection lets in, and between the two pieces of a packet.
func TestWhatBeganBeforeAStepGoesOnAfterIt(t *testing.T) {
	u := newUpgrade(t)
	a, b := u.instances[1], u.instances[2]
	u.d.Close()
	u.start()
	var server, messages net.PacketConn
	err := b.do(func() (err error) {
		if server, err = net.ListenPacket("udp4", "10.0.1.5:53"); err == nil {
			messages, err = net.ListenPacket("ip4:icmp", "10.0.1.5")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); messages.Close() })

	type request struct {
		before int // which step
		client net.Conn
		from   net.Addr
	}
	var requests []request
	answer := func(after int) {
		for _, r := range requests {
			r.client.SetDeadline(time.Now().Add(3 * time.Second))
			_, err := server.WriteTo([]byte("answer"), r.from)
			if err == nil {
				_, err = r.client.Read(make([]byte, 10))
			}
			if err != nil {
				t.Errorf("asked before step %d, answered after step %d: %v", r.before, after, err)
			}
		}
	}
	piece := flow.Packet{SrcMAC: u.is.Interfaces[0].MAC, DstMAC: policy.GatewayMAC, Src: u.is.Interfaces[0].Addr, Dst: u.is.Interfaces[1].Addr, Protocol: flow.ICMP,
		ICMPType: allowedByBoth, Payload: 992}
	send := func(p flow.Packet) {
		had := u.instanceCounter(b, "rx_packets")
		if err := a.do(func() error { return sendFrame(2, flow.Build(p)) }); err != nil {
			t.Fatal(err)
		}
		if p.Fragment.First() {
			u.until("the first piece arrives", func() bool { return u.instanceCounter(b, "rx_packets") > had })
		}
	}
	var got Takeover
	for n, step := range u.d.takeOver(&got) {
		r := request{before: n}
		if err := a.do(func() (err error) { r.client, err = net.Dial("udp4", "10.0.1.5:53"); return err }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.client.Close() })
		server.SetDeadline(time.Now().Add(3 * time.Second))
		_, err := r.client.Write([]byte("request"))
		if err == nil {
			_, r.from, err = server.ReadFrom(make([]byte, 10))
		}
		if err != nil {
			t.Fatalf("before step %d: %v", n, err)
		}
		requests = append(requests, r)
		first, second := piece, piece
		first.Fragment = flow.Fragment{ID: uint32(n + 1), More: true}
		second.Fragment, second.Payload = flow.Fragment{ID: uint32(n + 1), Offset: 1000}, 100
		send(first)

		if err := step(); err != nil {
			t.Fatal(err)
		}

		send(second)
		messages.SetDeadline(time.Now().Add(3 * time.Second))
		if got, _, err := messages.ReadFrom(make([]byte, 2000)); err != nil || got != 1100 {
			t.Errorf("in pieces before and after step %d: %d bytes, %v", n, got, err)
		}
		answer(n)
	}
	if len(requests) == 0 || u.d.Older() {
		t.Error("it is not taken over")
	}
}

// TestAnUpgradeThatIsKilledGoesOn: after each step the process ends, and the next one begins again.
func TestAnUpgradeThatIsKilledGoesOn(t *testing.T) {
	u := newUpgrade(t)
	u.send()
	u.d.Close()
	u.start()
	for n := 1; u.d.Older(); n++ {
		var got Takeover
		for _, step := range u.d.takeOver(&got)[:n] {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		u.traffic()
		if n == 2 { // the next step, half of it
			pin := filepath.Join(u.d.older[0], "link-eni-1-in")
			if err := updateLink(pin, u.d.prog.FromInterface); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(u.d.older[0], "link-eni-2-in"), filepath.Join(u.d.dir, "link-eni-2-in")); err != nil {
				t.Fatal(err)
			}
		}
		u.d.Close()
		u.traffic()
		u.start()
		u.traffic()
	}
	u.done()
}

// TestAnUpgradeOfAnUpgrade: the version before this one was killed while it took over from one before it.
func TestAnUpgradeOfAnUpgrade(t *testing.T) {
	for _, steps := range []int{0, 3, 4} {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			u := newUpgrade(t)
			u.send()
			u.d.Close()
			if err := os.Rename(folder(u.dir, Layout-1), folder(u.dir, Layout-2)); err != nil {
				t.Fatal(err)
			}
			spec, err := loadKernel()
			if err != nil {
				t.Fatal(err)
			}
			u.d = openedAs(t, Options{Dir: u.dir}, spec, Layout-1)
			u.apply(u.is)
			var got Takeover
			for _, step := range u.d.takeOver(&got)[:steps] {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			u.traffic()
			u.d.Close()
			u.start()
			u.traffic()
			if got, err := u.d.TakeOver(); err != nil || got.Left != nil {
				t.Errorf("%+v, %v", got, err)
			}
			u.done()
		})
	}
}

// TestDetachBeforeATakeover: an interface that goes meanwhile goes where it is.
func TestDetachBeforeATakeover(t *testing.T) {
	needKernel(t)
	namespace(t)
	o := tiny
	o.Dir = bpffsDir(t)
	ip(t, "link add one type veth peer name two", "link add three type veth peer name four")
	d := openedAs(t, o, olderSpec(t), Layout-1)
	for eni, link := range map[string]string{"eni-1": "one", "eni-2": "two", "eni-3": "three"} {
		if err := d.Attach(eni, ifindex(t, link)); err != nil {
			t.Fatal(err)
		}
	}
	d.Close()
	d = opened(t, o)
	if err := d.Detach("eni-1"); err != nil {
		t.Error(err)
	}
	if got := attachedPrograms(t, "one"); got != 0 {
		t.Errorf("%d programs are still attached", got)
	}
	ip(t, "link del three", "link add three type veth peer name four")
	for eni, link := range map[string]string{"eni-2": "two", "eni-3": "three", "eni-4": "four"} {
		if err := d.Attach(eni, ifindex(t, link)); err != nil {
			t.Fatal(err)
		}
	}
	if got := attachedPrograms(t, "two", "three", "four"); got != 6 {
		t.Errorf("%d programs are attached", got)
	}
	for range 2 {
		if got, err := d.Attached(); fmt.Sprint(got) != "[eni-2 eni-3 eni-4]" || err != nil {
			t.Errorf("attached: %v, %v", got, err)
		}
		if _, err := d.TakeOver(); err != nil {
			t.Error(err)
		}
	}
	if got := attachedPrograms(t, "two", "three", "four"); got != 6 {
		t.Errorf("%d programs are attached", got)
	}
}

func TestRemoveBeforeATakeoverLeavesNothing(t *testing.T) {
	needKernel(t)
	namespace(t)
	o := tiny
	o.Dir = bpffsDir(t)
	ip(t, "link add one type veth peer name two")
	d := openedAs(t, o, olderSpec(t), Layout-1)
	if err := d.Attach("eni-1", ifindex(t, "one")); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d = opened(t, o)
	if err := d.Attach("eni-2", ifindex(t, "two")); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if got := attachedPrograms(t, "one", "two"); got != 4 {
		t.Errorf("%d programs are attached", got)
	}
	if err := Remove(o.Dir); err != nil || exists(o.Dir) {
		t.Errorf("%s: %v", o.Dir, err)
	}
	if got := attachedPrograms(t, "one", "two"); got != 0 {
		t.Errorf("%d programs are still attached", got)
	}
}

// The connections of testdata/older_bpfel.o.
type (
	olderKey struct {
		Asked, Protocol       uint8
		RemotePort, LocalPort uint16
		Pad                   uint16
		Remote, Local         [4]uint32
		Interface             uint32
	}
	olderConnection struct {
		Peer, Opened uint32
		Gone         uint64
		Seen, Other  uint32
		State, Gone2 uint32
	}
)

func TestConnectionsAreConverted(t *testing.T) {
	needKernel(t)
	o := Options{Dir: bpffsDir(t), Conns: 100_000, Members: 100, HeapCells: 1000}
	old := openedAs(t, o, olderSpec(t), Layout-1)
	const n = 60_000
	keys, values := make([]olderKey, n), make([]olderConnection, n)
	now, err := old.now()
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		keys[i] = olderKey{Asked: 1, Protocol: flow.UDP, RemotePort: uint16(i), LocalPort: 2, Remote: [4]uint32{3, 4, 5, 6}, Local: [4]uint32{7, 8, 9, 10}, Interface: 11}
		values[i] = olderConnection{Peer: 12, Opened: 13, Seen: now, State: 14, Other: 15}
	}
	if _, err := old.maps.Conns.BatchUpdate(keys, values, nil); err != nil {
		t.Fatal(err)
	}
	dead, died := keys[0], values[0]
	dead.Interface, died.Seen = 99, now-late-1
	if err := old.maps.Conns.Put(dead, died); err != nil {
		t.Fatal(err)
	}
	old.Close()
	d := opened(t, Options{Dir: o.Dir, Conns: 16, Members: 16, HeapCells: 64})
	if d.maps.Conns.MaxEntries() != 100_000 || d.maps.Members.MaxEntries() != 100 || d.maps.Heap.MaxEntries() != 1000 {
		t.Error("the maps are smaller than those before")
	}
	var got Takeover
	for range 2 {
		if err := d.carry(&got); err != nil || got.Carried != n || got.Left != nil {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	seen := map[uint16]bool{}
	err = d.connections(func(k kernelConnectionKey, c kernelConnection) error {
		seen[k.RemotePort] = true
		k.RemotePort = 0
		wantKey := kernelConnectionKey{Asked: 1, Protocol: flow.UDP, LocalPort: 2, Remote: kernelAddress{W: [4]uint32{3, 4, 5, 6}}, Local: kernelAddress{W: [4]uint32{7, 8, 9, 10}}, Interface: 11}
		if want := (kernelConnection{Opened: 13, Seen: now, State: 14, Other: 15}); k != wantKey || c != want {
			return fmt.Errorf("%+v %+v, want %+v %+v", k, c, wantKey, want)
		}
		return nil
	})
	if err != nil || len(seen) != n {
		t.Errorf("%d of %d: %v", len(seen), n, err)
	}
}

// TestConnectionsThatCannotBeConvertedAreLeft: the rest is taken over.
func TestConnectionsThatCannotBeConvertedAreLeft(t *testing.T) {
	needKernel(t)
	for name, change := range map[string]func(conns *ebpf.MapSpec){
		"has no types": func(conns *ebpf.MapSpec) { conns.Key, conns.Value = nil, nil },
		"struct connection has no seen": func(conns *ebpf.MapSpec) {
			value := *conns.Value.(*btf.Struct)
			value.Members = slices.Clone(value.Members)
			for n := range value.Members {
				value.Members[n].Name = strings.Replace(value.Members[n].Name, "seen", "last", 1)
			}
			conns.Value = &value
		},
		"struct connection_key has no remote_port": func(conns *ebpf.MapSpec) {
			key := *conns.Key.(*btf.Struct)
			key.Members = slices.Clone(key.Members)
			for n := range key.Members {
				if key.Members[n].Name == "remote_port" {
					key.Members[n].Type = &btf.Int{Name: "char", Size: 1}
				}
			}
			conns.Key = &key
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := tiny
			o.Dir = bpffsDir(t)
			spec := olderSpec(t)
			change(spec.Maps[kernelMapConns])
			openedAs(t, o, spec, Layout-1).Close()
			d := opened(t, o)
			got, err := d.TakeOver()
			if err != nil || got.Carried != 0 || got.Left == nil || !strings.Contains(got.Left.Error(), name) {
				t.Errorf("%+v, %v", got, err)
			}
			if d.Older() || exists(folder(o.Dir, Layout-1)) {
				t.Error("it is not taken over")
			}
		})
	}
}

func TestWhatTwoTablesKnowOfAConnection(t *testing.T) {
	const in, answered, fin = 1 << 8, 1 << 11, 1 << 9
	tcp, udp := kernelConnectionKey{Protocol: flow.TCP}, kernelConnectionKey{Protocol: flow.UDP}
	opening, established, closing := uint32(policy.TCPOpening), uint32(policy.TCPEstablished), uint32(policy.TCPClosing)
	exchange, stream := uint32(policy.UDPExchange), uint32(policy.UDPStream)
	for name, c := range map[string]struct {
		key           kernelConnectionKey
		was, is, want kernelConnection
	}{
		"the old programs saw it go on": {tcp, kernelConnection{State: established | in, Seen: 9, Opened: 5}, kernelConnection{State: opening | in, Seen: 5, Opened: 5, Peer: 3},
			kernelConnection{State: established | in, Seen: 9, Opened: 5, Peer: 3}},
		"the new ones did": {tcp, kernelConnection{State: established, Seen: 6, Opened: 5}, kernelConnection{State: closing | fin, Seen: 9, Opened: 5},
			kernelConnection{State: closing | fin, Seen: 9, Opened: 5}},
		"each saw a part": {udp, kernelConnection{State: exchange | answered, Seen: 6, Opened: 5, Other: 7}, kernelConnection{State: exchange | in, Seen: 7, Opened: 5},
			kernelConnection{State: exchange | answered | in, Seen: 7, Opened: 5, Other: 7}},
		"it began anew in the old table": {tcp, kernelConnection{State: opening, Seen: 8, Opened: 8, Other: 2}, kernelConnection{State: closing | fin, Seen: 6, Opened: 5, Other: 1},
			kernelConnection{State: opening, Seen: 8, Opened: 8, Other: 2}},
		"it began anew in the new table": {tcp, kernelConnection{State: closing | fin, Seen: 6, Opened: 5}, kernelConnection{State: opening | in, Seen: 8, Opened: 8},
			kernelConnection{State: opening | in, Seen: 8, Opened: 8}},
		"the new programs met it before it was carried over": {udp, kernelConnection{State: stream | in, Seen: 6, Opened: 5}, kernelConnection{State: exchange, Seen: 8, Opened: 8},
			kernelConnection{State: stream | in, Seen: 8, Opened: 5}},
	} {
		if got := together(c.key, c.was, c.is); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if got := together(c.key, c.was, c.want); got != c.want {
			t.Errorf("%s, twice: %+v", name, got)
		}
	}
}
