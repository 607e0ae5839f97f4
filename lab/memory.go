package lab

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"crenel/api"
	"crenel/flow"
	"crenel/policy"
	"crenel/vpc"
)

// Memory plays scenarios by the operations and the evaluator: no process, no kernel, no time.
type Memory struct {
	scope   vpc.Scope
	state   *vpc.State
	tracker policy.Tracker
	now     uint32 // seconds
	port    uint16 // of the last client
	// translated is what NAT gateways know.
	translated []translation
}

// NewMemory is an empty cell with a pool of public addresses.
func NewMemory() (*Memory, error) {
	m := &Memory{scope: vpc.Scope{Account: "123456789012", Region: "us-east-1"}, state: vpc.New(), now: 1, port: 40000}
	e := m.edit()
	e.Accounts.Put(&vpc.Account{ID: m.scope.Account})
	cell := e.Cell()
	cell.Public = netip.MustParsePrefix("198.18.0.0/20")
	e.Cells.Put(&cell)
	return m, m.commit(e)
}

func (m *Memory) edit() *vpc.Edit {
	return m.state.Edit(m.scope, time.Unix(int64(m.now), 0), rand.Reader)
}

func (m *Memory) commit(e *vpc.Edit) (err error) {
	m.state, err = m.state.With(m.state.Revision+1, e.Changes())
	return err
}

func (m *Memory) call(action string, form url.Values, out any) error {
	op, ok := api.Lookup(action)
	if !ok {
		return fmt.Errorf("there is no operation %s", action)
	}
	in, err := op.Decode(form)
	if err != nil {
		return err
	}
	var got any
	if op.Write {
		e := m.edit()
		if got, err = op.Apply(e, in); err == nil {
			err = m.commit(e)
		}
	} else {
		got, err = op.Read(m.state.As(m.scope), in, nil)
	}
	if err == nil {
		reflect.ValueOf(out).Elem().Set(reflect.ValueOf(got).Elem())
	}
	return err
}

// settle is the host: what was asked of it is done at once.
func (m *Memory) settle(instance, state string) error {
	e := m.edit()
	report := api.HostReport{Instance: instance, State: api.HostStopped, Boots: m.state.Instances.Get(instance).Boots}
	if state == "running" {
		report.State = api.HostRunning
	}
	api.Report(e, report)
	if got := e.Instances.Get(instance).State.String(); got != state {
		return fmt.Errorf("%s is %s, not %s", instance, got, state)
	}
	return m.commit(e)
}

func (m *Memory) view() *policy.View { return policy.For(m.state, "") }

// num is the number of the instance's interface; 0 is the host.
func (m *Memory) num(instance string) uint32 {
	for i := range m.state.Interfaces.By("instance", instance) {
		return i.Num
	}
	return 0
}

// An exchange is a pair of ends, as the packets between them have them.
type exchange struct {
	m      *Memory
	client uint32
	out    flow.Packet // as the client sends it
	server uint32      // known once out arrived
	in     flow.Packet // as the server got it
}

// send judges a packet that one end sends.
func (m *Memory) send(from uint32, p flow.Packet) policy.Verdict {
	v := m.view()
	for _, i := range v.Interfaces {
		if i.Num == from {
			p.SrcMAC = i.MAC
		}
	}
	p.DstMAC = policy.GatewayMAC
	return m.forward(v, m.tracker.Judge(v, m.now, from, p))
}

// request starts an exchange.
func (m *Memory) request(t trial) (exchange, policy.Verdict, error) {
	x := exchange{m: m, client: m.num(t.from)}
	m.port++
	x.out = flow.Packet{Src: t.source, Dst: t.to, SrcPort: m.port, DstPort: uint16(t.Port)}
	if !x.out.Src.IsValid() {
		x.out.Src = m.view().Host(t.to)
		for i := range m.state.Interfaces.By("instance", t.from) {
			if x.out.Src = i.PrivateIP; t.to.Is6() {
				x.out.Src = i.IPv6[0]
			}
		}
	}
	switch t.Protocol {
	case "tcp":
		x.out.Protocol, x.out.TCPFlags = flow.TCP, flow.SYN
	case "udp":
		x.out.Protocol = flow.UDP
	case "icmp":
		x.out.Protocol, x.out.ICMPType, x.out.DstPort = flow.ICMP, flow.EchoRequest, 0
		if t.to.Is6() {
			x.out.Protocol, x.out.ICMPType = flow.ICMPv6, flow.EchoRequestV6
		}
	}
	v := m.send(x.client, x.out)
	x.server, x.in = v.To, v.Packet
	return x, v, nil
}

// reply is the packet with which the server answers.
func (x exchange) reply(flags uint8) policy.Verdict {
	p := x.in.Reverse()
	p.TCPFlags = flags
	return x.m.send(x.server, p)
}

// again is another packet of the client's.
func (x exchange) again(flags uint8) policy.Verdict {
	p := x.out
	p.TCPFlags = flags
	return x.m.send(x.client, p)
}

func (m *Memory) try(t trial) (bool, string, error) {
	x, v, err := m.request(t)
	if err != nil || !v.Allow {
		return false, v.Reason.String(), err
	}
	if v = x.reply(flow.SYN | flow.ACK); !v.Allow {
		return false, v.Reason.String(), nil
	}
	if t.Protocol == "tcp" {
		v = x.again(flow.ACK)
	}
	return v.Allow, v.Reason.String(), nil
}

func (m *Memory) large(t trial) (bool, error) {
	x, _, err := m.request(t) // which takes what the answer goes back to from the whole request
	m.tracker = policy.Tracker{}
	pieces := func(from uint32, p flow.Packet) bool {
		first, later := p, p
		first.Fragment = flow.Fragment{ID: uint32(m.port), More: true}
		later.Fragment, later.SrcPort, later.DstPort = flow.Fragment{ID: uint32(m.port), Offset: 8976}, 0, 0
		return m.send(from, first).Allow && m.send(from, later).Allow
	}
	back := x.in.Reverse()
	return pieces(x.client, x.out) && pieces(x.server, back), err
}

func (m *Memory) told(t trial) (bool, error) {
	x, v, err := m.request(t)
	if err != nil || !v.Allow {
		return false, err
	}
	p := flow.Packet{Src: x.in.Dst, Dst: x.in.Src, Protocol: flow.ICMP, ICMPType: flow.Unreachable, ICMPCode: 3, Payload: 28, Quote: x.in.Quoted()}
	if p.Src.Is6() {
		p.Protocol, p.ICMPType, p.ICMPCode, p.Payload = flow.ICMPv6, flow.UnreachableV6, 4, 48
	}
	return m.send(x.server, p).Allow, nil
}

func (m *Memory) open(t trial) (connection, error) {
	x, v, err := m.request(t)
	for _, next := range []func() policy.Verdict{
		func() policy.Verdict { return x.reply(flow.SYN | flow.ACK) },
		func() policy.Verdict { return x.again(flow.ACK) },
	} {
		if err != nil || !v.Allow {
			return nil, fmt.Errorf("no connection: %s", v.Reason)
		}
		v = next()
	}
	return func(bool) (bool, error) {
		return x.again(flow.ACK|flow.PSH).Allow && x.reply(flow.ACK|flow.PSH).Allow, nil
	}, nil
}

func (m *Memory) arrives(s single) (bool, string, error) {
	v := m.send(m.num(s.from), s.Packet)
	return v.Allow && v.To == m.num(s.at), v.Reason.String(), nil
}

func (m *Memory) wait(seconds int) { m.now += uint32(seconds) }

func (m *Memory) quota(name, value string) error {
	limit, ok := vpc.FindLimit(name)
	if !ok {
		return fmt.Errorf("there is no quota %q", name)
	}
	e := m.edit()
	if value == "default" {
		e.ResetQuota(m.scope, limit)
		return m.commit(e)
	}
	n, err := strconv.Atoi(value)
	if err == nil {
		err = e.SetQuota(m.scope, limit, n, false)
	}
	if err == nil {
		err = m.commit(e)
	}
	return err
}
