package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"

	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"crenel/ec2"
)

// As TestNothingLeaksWhileThingsChange, of what others do to links: root on the host, and root in an instance.
func TestNothingLeaksWhileOthersMeddle(t *testing.T) {
	u := start(t, t.TempDir())
	m := newLeakMeter(t, u)
	m.stream("udp", "9000", "fresh")
	m.stream("tcp", "9002", "kept")

	const next, pass = -1, 0
	m.during("a foreign program is put after ours, which passes everything on", func() { m.foreign(pass, link.Tail()) })
	m.during("one is put before ours, which says nothing", func() { m.foreign(next, link.Head()) })
	m.during("one is put before ours, which passes everything on", func() { m.foreign(pass, link.Head()) })
	m.during("one is put before ours while no agent is there", func() {
		ends := m.ends()
		m.withoutAgent(func() (finish func()) { return m.meddle(ends, pass, link.Head()) })
	})
	m.during("the host's ends of links are deleted, and others come to have their numbers", func() {
		for _, name := range []string{"c", "s"} {
			m.replaced(name, func() { run(m.t, "ip", "link", "del", m.end(name).name) })
		}
	})
	m.during("root in an instance deletes its interface", func() {
		m.replaced("s", func() {
			if out, err := m.up.wire().inside(m.instances["s"], "ip", "link", "del", "eth0").CombinedOutput(); err != nil {
				m.t.Fatalf("%v: %s", err, out)
			}
		})
	})
	m.during("the link of the public addresses is deleted", func() {
		before := m.outside()
		run(m.t, "ip", "link", "del", strings.TrimSuffix(before.name, "-out"))
		eventually(m.t, "there is another one", func() bool { o := m.outside(); return o.index != 0 && o.index != before.index })
	})
	m.during("interfaces are attached and detached", m.attachAndDetach)
	m.lostNothing()
	m.do("instance r b at 172.31.200.20 in shut")
	m.publish("r")
	m.couldHaveArrived()
}

// An end is the host's side of a link.
type end struct {
	name  string
	index int
}

// linkOf is the end with that id in its alias; the zero value: there is none.
func (m *leakMeter) linkOf(id string) end {
	m.t.Helper()
	aliases, _ := filepath.Glob("/sys/class/net/*/ifalias")
	for _, file := range aliases {
		alias, _ := os.ReadFile(file)
		if !strings.HasPrefix(string(alias), "crenel:") || !strings.HasSuffix(strings.TrimSpace(string(alias)), ":"+id) {
			continue
		}
		index, err := os.ReadFile(filepath.Join(filepath.Dir(file), "ifindex"))
		if err != nil {
			continue // it went
		}
		n, _ := strconv.Atoi(strings.TrimSpace(string(index)))
		return end{filepath.Base(filepath.Dir(file)), n}
	}
	return end{}
}

// end is of the instance's link.
func (m *leakMeter) end(name string) end {
	m.t.Helper()
	i, err := m.describe(name)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.linkOf(*i.NetworkInterfaces[0].NetworkInterfaceId)
}

// outside is where what the host sends to the public addresses comes in.
func (m *leakMeter) outside() end { m.t.Helper(); return m.linkOf("internet-out") }

// ends are those of senders and a receiver; the last one has no other way in.
func (m *leakMeter) ends() []end { m.t.Helper(); return []end{m.end("c"), m.end("s"), m.outside()} }

// meddle attaches a foreign program there, both ways. What it returns waits until that decides nothing.
func (m *leakMeter) meddle(ends []end, verdict int32, anchor link.Anchor) (finish func()) {
	m.t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, verdict), asm.Return()}})
	if err != nil {
		m.t.Fatal(err)
	}
	info, err := p.Info()
	if err != nil {
		m.t.Fatal(err)
	}
	id, _ := info.ID()
	var links []link.Link
	each := func(do func(end, ebpf.AttachType)) {
		for n, e := range ends {
			do(e, ebpf.AttachTCXIngress)
			if n < len(ends)-1 {
				do(e, ebpf.AttachTCXEgress)
			}
		}
	}
	each(func(e end, at ebpf.AttachType) {
		l, err := link.AttachTCX(link.TCXOptions{Interface: e.index, Program: p, Attach: at, Anchor: anchor})
		if err != nil {
			m.t.Fatal(err)
		}
		links = append(links, l)
	})
	return func() {
		m.t.Helper()
		each(func(e end, at ebpf.AttachType) {
			eventually(m.t, "ours is the first program at "+e.name, func() bool {
				r, err := link.QueryPrograms(link.QueryOptions{Target: e.index, Attach: at})
				if errors.Is(err, unix.ENOSPC) {
					return false // ours came while it was counted
				}
				if err != nil {
					m.t.Fatal(err)
				}
				return len(r.Programs) == 2 && r.Programs[0].ID != id
			})
		})
		m.regroup()
		m.begin()
		m.flows(m.phase)
		for _, l := range links {
			l.Close()
		}
		p.Close()
	}
}

func (m *leakMeter) foreign(verdict int32, anchor link.Anchor) {
	m.t.Helper()
	for range rounds(2) {
		m.meddle(m.ends(), verdict, anchor)()
	}
}

// withoutAgent has something happen after the agent was killed with up, and finishes it with the next one.
func (m *leakMeter) withoutAgent(happen func() (finish func())) {
	m.t.Helper()
	children := []int{m.up.child("controller"), m.up.child("agent")}
	if err := m.up.end(unix.SIGKILL); err == nil {
		m.t.Fatal("killed, and no error")
	}
	for _, pid := range children {
		gone(m.t, pid)
	}
	finish := happen()
	m.up.up()
	m.on(m.up)
	finish()
}

// replaced has the link of the instance deleted, and then a link that leads elsewhere have its number: that hears nothing. When
// the instance has a link again, what may reach it does.
func (m *leakMeter) replaced(name string, remove func()) {
	m.t.Helper()
	before := m.end(name)
	remove()
	eventually(m.t, name+" has a link again", func() bool { e := m.end(name); return e.index != 0 && e.index != before.index })
	x := strconv.Itoa(m.pid("x"))
	within := func(command ...string) []string {
		return append([]string{"nsenter", "--net=/proc/" + x + "/ns/net"}, command...)
	}
	run(m.t, "ip", "link", "add", "decoy", "index", strconv.Itoa(before.index), "type", "veth", "peer", "name", "decoy-in", "netns", x)
	defer run(m.t, "ip", "link", "del", "decoy")
	run(m.t, "sysctl", "-q", "-w", "net.ipv6.conf.decoy.disable_ipv6=1") // nobody speaks there of their own account
	run(m.t, "ip", "link", "set", "decoy", "up")
	run(m.t, within("ip", "link", "set", "decoy-in", "up")...)
	eventually(m.t, name+" has its address again", func() bool {
		out, _ := m.up.wire().inside(m.instances[name], "ip", "-o", "-4", "route").Output()
		return strings.Contains(string(out), "default via")
	})
	m.begin()
	m.flows(m.phase)
	m.regroup()
	command := within("ip", "-s", "-j", "link", "show", "decoy-in")
	out, err := exec.Command(command[0], command[1:]...).Output()
	var shown []struct {
		Stats64 struct{ RX struct{ Packets int } }
	}
	if err == nil {
		err = json.Unmarshal(out, &shown)
	}
	if err != nil || len(shown) != 1 {
		m.t.Fatalf("%v: %s", err, out)
	}
	if n := shown[0].Stats64.RX.Packets; n != 0 {
		m.t.Errorf("%d packets reached a link that has the number that the one of %s had", n, name)
	}
}

// attachAndDetach gives a running instance an interface that nobody may reach, and takes it away.
func (m *leakMeter) attachAndDetach() {
	m.do("instance h b at 172.31.200.40 in shut")
	var made ec2.CreateNetworkInterfaceOutput
	m.call("CreateNetworkInterface", url.Values{"SubnetId": {m.subnets["b"]}, "SecurityGroupId.1": {m.groups["shut"]}, "PrivateIpAddress": {"172.31.200.30"}}, &made)
	eni := *made.NetworkInterface.NetworkInterfaceId
	h := m.life("h")
	attach := func() (attachment string) {
		var out ec2.AttachNetworkInterfaceOutput
		m.call("AttachNetworkInterface", url.Values{"NetworkInterfaceId": {eni}, "InstanceId": {m.instances["h"]}, "DeviceIndex": {"1"}}, &out)
		eventually(m.t, "h has the interface", func() bool {
			out, _ := m.up.wire().inside(m.instances["h"], "ip", "-o", "-4", "address").Output()
			return strings.Contains(string(out), " 172.31.200.30/")
		})
		m.begin()
		m.flows(m.phase)
		return *out.AttachmentId
	}
	detach := func(attachment string) {
		m.call("DetachNetworkInterface", url.Values{"AttachmentId": {attachment}}, &ec2.DetachNetworkInterfaceOutput{})
		eventually(m.t, "h does not have the interface", func() bool {
			out, _ := m.up.wire().inside(m.instances["h"], "ip", "-o", "-4", "address").Output()
			return !strings.Contains(string(out), " 172.31.200.30/")
		})
	}
	for range rounds(3) {
		detach(attach())
	}
	h.heardNothing(fmt.Sprint("the interface ", eni))
	last := attach()
	h.heardNothing(fmt.Sprint("the interface ", eni))
	m.call("ModifyNetworkInterfaceAttribute", url.Values{"NetworkInterfaceId": {eni}, "SecurityGroupId.1": {m.groups["server"]}}, &ec2.ModifyNetworkInterfaceAttributeOutput{})
	eventually(m.t, "the interface is reached once it may be", func() bool { return h.datagrams() > 0 })
	detach(last)
	m.call("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {eni}}, &ec2.DeleteNetworkInterfaceOutput{})
	m.do("terminate h")
}
