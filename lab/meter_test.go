package lab

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// A teller is a probe that runs until the test ends and says a line for each one that it is told.
type teller struct {
	t    *testing.T
	what string
	in   io.WriteCloser
	out  *bufio.Reader
}

func newTeller(t *testing.T, what string, cmd *exec.Cmd) *teller {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // with the instance, if that ended first
	})
	return &teller{t, what, in, bufio.NewReader(out)}
}

func (x *teller) ask(line string) (answer string) {
	x.t.Helper()
	_, err := fmt.Fprintln(x.in, line)
	if err == nil {
		answer, err = x.out.ReadString('\n')
	}
	if err != nil {
		x.t.Fatalf("%s ended: %v", x.what, err)
	}
	return strings.TrimSpace(answer)
}

// The ports of s that are flooded, and what lets a packet of c's in.
const (
	always  = "9000" // anybody's may come in, and nothing is remembered about it: each packet is judged by the rules
	never   = "9100" // nobody's may
	crossed = "9300" // one group of c's lets it out; only members of another one, which c has in turn with it, are let in
	barred  = "9400" // the groups let it in, the network ACLs do not
	joined  = "9500" // members of friend are let in
	toggled = "9200" // a rule that comes and goes
	mixed   = "9600" // of two groups that s has in turn, one lets the port in, but not from c, and the other c, but not to the port
)

var flooded = []string{always, never, crossed, barred, joined, toggled, mixed}

// enough is how many packets a phase has at least before it is looked at.
const enough = 2000

// A leakMeter is senders at full rate, a receiver that counts what reaches it, and a pair, g and k, between which all is
// allowed at all times. What may reach the receiver is said phase by phase: packets say which one they were sent in.
type leakMeter struct {
	*pair
	up      *up
	phase   int
	floods  map[string]*teller  // by sender
	targets map[string][]string // of each
	streams []*stream
	meter   *teller
	lasting map[string]string       // the allocations of public addresses, by whom they are for
	let     map[string]map[int]bool // the phases in which a port may be reached that cannot be always
	wrong   map[string]bool         // what was complained of
	sent    map[destination]int     // in all phases that ended
}

type destination struct{ sender, port, target string }

// A stream goes from g to k and back.
type stream struct {
	*teller
	protocol string
	echoed   int // records in all
}

// newLeakMeter starts everybody but the streams.
func newLeakMeter(t *testing.T, u *up) *leakMeter {
	t.Helper()
	w := u.wire()
	serves := func(tcp, udp []int) string {
		return base64.StdEncoding.EncodeToString([]byte(serving(w.Probe, tcp, udp)))
	}
	m := &leakMeter{up: u, pair: &pair{t: t, play: newPlay(&Scenario{Name: t.Name()}, w, serves([]int{80}, nil))},
		floods: map[string]*teller{}, targets: map[string][]string{}, let: map[string]map[int]bool{}, wrong: map[string]bool{}, sent: map[destination]int{}, lasting: map[string]string{}}
	for _, port := range flooded {
		m.let[port] = map[int]bool{}
	}
	m.do(`vpc main default
		subnet a main default
		subnet b main 172.31.200.0/24
		acl one b
		entry one 100 deny ingress udp 9400 from 0.0.0.0/0
		entry one 200 allow ingress any from 0.0.0.0/0
		entry one 100 allow egress any to 0.0.0.0/0

		group client main
		group out main
		group in main
		group friend main
		revoke client egress any to 0.0.0.0/0
		revoke out egress any to 0.0.0.0/0
		revoke in egress any to 0.0.0.0/0
		# so nothing that c sends is tracked as it leaves: what was would go on without its rule
		allow client ingress udp 0-65535 from 0.0.0.0/0
		allow client egress udp 9000-9200 to 0.0.0.0/0
		allow client egress udp 9400-9600 to 0.0.0.0/0
		allow out egress udp 9300 to 0.0.0.0/0
		# with this rule the members of crowd leave the kernel, so that the change of c's groups takes a while
		group crowd main
		allow out egress udp 9300 to crowd

		group server main
		group some main
		group other main
		group churn main
		group churn2 main
		allow server ingress udp 9000 from 0.0.0.0/0
		allow server ingress udp 9300 from in
		# somebody must ask who is in out, or c would only become a member and not cease to be one
		allow server ingress udp 9301 from out
		allow server ingress udp 9400 from client
		allow server ingress udp 9500 from friend
		allow some ingress udp 9600 from 10.0.0.0/8
		allow other ingress udp 9601 from 172.31.0.0/16
		instance c a in client,out
		instance s b at 172.31.200.10 in server,some,churn,churn2

		group good main
		group kept main
		group same main
		allow good ingress udp 0-65535 from 0.0.0.0/0
		allow kept ingress udp 9000 from 0.0.0.0/0
		allow kept ingress udp 9001 from good
		allow kept ingress udp 9003 from good
		allow kept ingress tcp 9002 from good
		allow same ingress udp 9000 from 0.0.0.0/0
		allow same ingress udp 9001 from good
		allow same ingress tcp 9002 from good
		instance g a in good

		group shut main
		allow shut ingress tcp 80 from 198.18.0.0/15
		allow shut ingress udp 9100 from friend

		vpc away 172.31.0.0/16
		subnet far away 172.31.100.0/24
		subnet equal away 172.31.200.0/24
		group stranger away
		instance x far in stranger`)
	usual := m.userData
	m.userData = serves([]int{9002}, []int{9000, 9001, 9003})
	m.do("instance k b in kept,churn,churn2")
	m.userData = usual
	m.crowd()
	m.meter = newTeller(t, "the meter", w.inside(m.instances["s"], append([]string{w.Probe, "meter"}, flooded...)...))
	addresses := append(each(m.allocate("s"), always, never), each(m.allocate("r"), always, never)...)
	m.publish("s")
	for sender, targets := range map[string][]string{
		"c":    slices.Concat(each("172.31.200.10", flooded...), each("172.31.200.20", always, never), each("172.31.200.30", always, never)),
		"host": addresses,
		"x":    each("172.31.200.10", always, never),
	} {
		m.targets[sender] = targets
		command := append([]string{"nice", w.Probe, "flood", sender}, targets...) // the host's is not to starve the others
		m.floods[sender] = newTeller(t, "the flood from "+sender, w.inside(m.instances[sender], command...))
	}
	m.begin()
	return m
}

// crowd makes the members of that group: interfaces that no instance has.
func (m *leakMeter) crowd() {
	m.t.Helper()
	for range 200 {
		m.call("CreateNetworkInterface", url.Values{"SubnetId": {m.subnets["a"]}, "SecurityGroupId.1": {m.groups["crowd"]}}, &ec2.CreateNetworkInterfaceOutput{})
	}
}

func each(address string, ports ...string) (targets []string) {
	for _, port := range ports {
		targets = append(targets, address+":"+port)
	}
	return targets
}

// allocate is a public address that is kept for the instance.
func (m *leakMeter) allocate(name string) string {
	m.t.Helper()
	var made ec2.AllocateAddressOutput
	m.call("AllocateAddress", url.Values{"Domain": {"vpc"}}, &made)
	m.lasting[name] = *made.AllocationId
	return *made.PublicIp
}

// publish gives it to the instance.
func (m *leakMeter) publish(name string) {
	m.t.Helper()
	m.call("AssociateAddress", url.Values{"AllocationId": {m.lasting[name]}, "InstanceId": {m.instances[name]}}, &ec2.AssociateAddressOutput{})
}

func (m *leakMeter) call(action string, form url.Values, out any) {
	m.t.Helper()
	if err := m.play.on.call(action, form, out); err != nil {
		m.t.Fatalf("%s: %v", action, err)
	}
}

// stream starts a stream from g to k.
func (m *leakMeter) stream(protocol, port, kind string) {
	m.t.Helper()
	w, address := m.up.wire(), m.addr("k").String()+":"+port
	s := &stream{newTeller(m.t, "the stream to "+port, w.inside(m.instances["g"], w.Probe, "stream", protocol, address, kind)), protocol, 0}
	m.streams = append(m.streams, s)
	eventually(m.t, "an echo from "+port, func() bool { return m.echoes(s) > 0 })
}

// echoes is how many records the stream sent since it was last asked. All of them came back.
func (m *leakMeter) echoes(s *stream) int {
	m.t.Helper()
	var sent, back int
	if _, err := fmt.Sscan(s.ask("say"), &sent, &back); err != nil {
		m.t.Fatal(err)
	}
	if back != sent {
		m.t.Errorf("%s: of %d that were sent and allowed, %d came back", s.what, sent, back)
	}
	s.echoed += back
	return back
}

// begin begins a phase: what is sent from here on says so.
func (m *leakMeter) begin() {
	m.t.Helper()
	m.phase++
	for sender, f := range m.floods {
		answer := strings.Fields(f.ask(fmt.Sprint(m.phase)))
		for i, target := range m.targets[sender] {
			var n int
			if _, err := fmt.Sscan(answer[i], &n); err != nil {
				m.t.Fatal(err)
			}
			m.sent[destination{sender, target[strings.Index(target, ":")+1:], target}] += n
		}
	}
}

// may tells whether one of the worlds of the phase lets the packet in.
func (m *leakMeter) may(port, sender string, phase int) bool {
	switch sender {
	case "c", "host":
		return port == always || m.let[port][phase]
	case "t", "u": // which come and go; t is a friend
		return port == always || port == joined && sender == "t"
	}
	return false
}

// counted is how many packets reached the port from the sender, in the phase and later ones. It complains of all that
// have come by now and may not.
func (m *leakMeter) counted(port, sender string, since int) (all int) {
	m.t.Helper()
	for _, word := range strings.Fields(m.meter.ask("say")) {
		var at, from string
		var phase, n int
		if _, err := fmt.Sscanf(strings.NewReplacer(",", " ", "=", " ").Replace(word), "%s %s %d %d", &at, &from, &phase, &n); err != nil {
			m.t.Fatalf("%s: %v", word, err)
		}
		if kind := fmt.Sprint(at, " ", from, " ", phase); !m.may(at, from, phase) && !m.wrong[kind] {
			m.wrong[kind] = true
			m.t.Errorf("%d packets from %s reached port %s in phase %d, and neither world allows them", n, from, at, phase)
		}
		if at == port && from == sender && phase >= since {
			all += n
		}
	}
	return all
}

// flows waits until so many packets of the phase and later ones have arrived that everything else was tried as often.
func (m *leakMeter) flows(since int) {
	m.t.Helper()
	eventually(m.t, "the flood arrives where it may", func() bool {
		return m.counted(always, "c", since) >= enough && m.counted(always, "host", since) >= enough
	})
}

// during is what every event must leave true.
func (m *leakMeter) during(name string, event func()) {
	m.t.Helper()
	outer := m.t
	if !outer.Run(name, func(t *testing.T) {
		defer m.of(m.of(t)) // in failures, the subtest
		m.begin()
		since, before := m.phase, maps.Clone(m.sent)
		event()
		m.flows(since)
		sent := func(sender, port string) (n int) {
			for to, all := range m.sent {
				if to.sender == sender && to.port == port {
					n += all - before[to]
				}
			}
			return n
		}
		senders := slices.Sorted(maps.Keys(m.floods))
		eventually(t, "each sends enough to the port that nobody may reach", func() bool {
			m.begin()
			return !slices.ContainsFunc(senders, func(sender string) bool { return sent(sender, never) < enough })
		})
		for _, sender := range senders {
			for _, port := range []string{never, always} {
				t.Logf("%s sent %d to port %s, and %d arrived", sender, sent(sender, port), port, m.counted(port, sender, since))
			}
		}
		for _, s := range m.streams {
			t.Logf("%d records of %s came back", m.echoes(s), s.what)
		}
	}) {
		outer.FailNow()
	}
}

// of has what fails fail the test, and returns the one before.
func (m *leakMeter) of(t *testing.T) (before *testing.T) {
	before, m.t, m.up.t = m.t, t, t
	m.meter.t = t
	for _, f := range m.floods {
		f.t = t
	}
	for _, s := range m.streams {
		s.t = t
	}
	return before
}

// opening has the port reachable and unreachable again. In the phase that lies around both packets may come; in the one
// after, none.
func (m *leakMeter) opening(port string, give, take func()) {
	m.t.Helper()
	m.begin()
	m.let[port][m.phase] = true
	give()
	eventually(m.t, "what is let in at "+port+" arrives", func() bool { return m.counted(port, "c", m.phase) > 0 })
	take()
	m.begin()
	m.flows(m.phase)
}

// again makes a change until it is in force. Processes may be away.
func (m *leakMeter) again(change func() error) {
	m.t.Helper()
	eventually(m.t, "a change is enforced", func() bool {
		err := change()
		if e := (*vpc.Error)(nil); errors.As(err, &e) && e.Code != "ServiceUnavailable" {
			m.t.Fatal(err)
		}
		return err == nil
	})
}

// A life is the network of an instance while it runs. It is there after the instance's end as long as it is held.
type life struct {
	t  *testing.T
	ns *os.File
}

// life is what the instance has now.
func (m *leakMeter) life(name string) life {
	m.t.Helper()
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", m.pid(name)))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { ns.Close() })
	return life{m.t, ns}
}

// pid is of the instance's first process.
func (m *leakMeter) pid(name string) int {
	m.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.up.dir, "instances", m.instances[name], "state.json"))
	var state struct{ PID int }
	if err == nil {
		err = json.Unmarshal(b, &state)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return state.PID
}

// datagrams is how many of UDP ever reached it, whether anybody listened or not.
func (l life) datagrams() (n int) {
	l.t.Helper()
	cmd := exec.Command("nsenter", "--net=/proc/self/fd/3", "cat", "/proc/net/snmp")
	cmd.ExtraFiles = []*os.File{l.ns}
	out, err := cmd.Output()
	if err != nil {
		l.t.Fatal(err)
	}
	_, udp, _ := strings.Cut(string(out), "\nUdp: InDatagrams NoPorts InErrors ")
	_, udp, found := strings.Cut(udp, "\nUdp: ")
	var received, noPort, failed int
	if _, err := fmt.Sscan(udp, &received, &noPort, &failed); err != nil || !found {
		l.t.Fatalf("%v\n%s", err, out)
	}
	return received + noPort + failed
}

// heardNothing: no datagram ever reached it.
func (l life) heardNothing(who string) {
	l.t.Helper()
	if n := l.datagrams(); n != 0 {
		l.t.Errorf("%d datagrams reached %s, which nobody may", n, who)
	}
}
