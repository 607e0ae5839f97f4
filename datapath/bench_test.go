package datapath

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

// BenchmarkPrograms measures the programs on one packet, over and over, in the kernel. What an empty program takes there, in
// turn with the one that is measured, is shown and subtracted. The packet stays as the first run left it, so only such are
// measured that are the same again.
func BenchmarkPrograms(b *testing.B) {
	for _, c := range []struct {
		name  string
		rules int
		p     flow.Packet
		kind  kind
	}{
		{"nothing/no-interface", 1, tcp("10.0.0.4:40000", "10.0.0.5:443", flow.ACK), nobody},
		{"nothing/spoofed", 1, tcp("10.0.0.9:40000", "10.0.0.5:443", flow.SYN), judged},
		{"established/one-gate", 1, tcp("10.0.0.4:40000", "203.0.113.9:443", flow.ACK), established},
		{"established/both-gates", 1, tcp("10.0.0.4:40000", "10.0.0.5:443", flow.ACK), established},
		{"judged/both-gates/2-rules", 2, tcp("10.0.0.4:40000", "10.0.0.5:443", flow.ACK), judged},
		{"judged/both-gates/1000-rules", 1000, tcp("10.0.0.4:40000", "10.0.0.5:443", flow.ACK), judged},
		{"new/one-gate/1-rule", 1, tcp("10.0.0.4:40000", "203.0.113.9:443", flow.SYN), opening},
		{"new/both-gates/1-rule", 1, tcp("10.0.0.4:40000", "10.0.0.5:443", flow.SYN), opening},
		{"new/both-gates/2-rules", 2, tcp("10.0.0.4:40000", "10.0.0.5:443", flow.SYN), opening},
		{"new/both-gates/1000-rules", 1000, tcp("10.0.0.4:40000", "10.0.0.5:443", flow.SYN), opening},
		{"established/both-gates/ipv6", 2, tcp("[3fff::4]:40000", "[3fff::5]:443", flow.ACK), established},
		{"judged/both-gates/2-rules/ipv6", 2, tcp("[3fff::4]:40000", "[3fff::5]:443", flow.ACK), judged},
		{"new/both-gates/2-rules/ipv6", 2, tcp("[3fff::4]:40000", "[3fff::5]:443", flow.SYN), opening},
	} {
		b.Run(c.name, func(b *testing.B) {
			k := newBench(b, Options{HeapCells: 1 << 20})
			k.see(withIPv6(benchView(c.rules)))
			c.p.SrcMAC = k.view.Interfaces[0].MAC
			k.measure(c.p, c.kind)
		})
	}
}

// A kind is what the packet is to the gates.
type kind int

const (
	nobody      kind = iota // sent by a link of no interface
	judged                  // of no connection, and begins none
	established             // of a known connection
	opening                 // the first of a connection; each time the entry of the last is found expired
)

func (b *bench) measure(p flow.Packet, what kind) {
	tb, link := b.t.(*testing.B), b.links[1]
	switch what {
	case nobody:
		link = b.free[0]
	case established:
		syn := p
		syn.TCPFlags = flow.SYN
		b.run(1, flow.Build(syn))
	case opening:
		for slot := range b.d.slots {
			for state := range b.d.slots[slot].Timeout {
				b.d.slots[slot].Timeout[state] = 0xffffffff
			}
		}
	}
	frame := flow.Build(p)
	tb.Log(b.runAt(b.d.prog.FromInterface, link, frame))
	var in [skbWords]uint32
	in[skbIfindex] = uint32(link)
	empty, err := program(asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()})
	if err != nil {
		tb.Fatal(err)
	}
	defer empty.Close()
	const repeat = 5_000 // about a millisecond: some of many are undisturbed
	var runs, harness []float64
	for tb.Loop() {
		for prog, took := range map[*ebpf.Program]*[]float64{b.d.prog.FromInterface: &runs, empty: &harness} {
			before := threadTime(tb)
			if _, err := prog.Run(&ebpf.RunOptions{Data: frame, Context: in, Repeat: repeat}); err != nil {
				tb.Fatal(err)
			}
			*took = append(*took, float64(threadTime(tb)-before)/repeat)
		}
	}
	slices.Sort(runs)
	slices.Sort(harness)
	middle := len(runs) / 2
	tb.ReportMetric(0, "ns/op")
	tb.ReportMetric(runs[0]-harness[0], "ns/packet-best")
	tb.ReportMetric(runs[middle]-harness[middle], "ns/packet-median")
	tb.ReportMetric(harness[middle], "ns/harness")
}

// BenchmarkJoin measures the write by which one more address is a member of a group, among so many.
func BenchmarkJoin(b *testing.B) {
	for _, members := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			k := newBench(b, Options{Members: 1 << 18})
			address := func(n int) kernelPlace { return kernelPlaceOf(place{1, addr4(uint32(n))}) }
			for n := range members {
				if err := k.d.members.set(address(n), line); err != nil {
					b.Fatal(err)
				}
			}
			n := members
			for b.Loop() {
				if err := k.d.members.set(address(n), line); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := k.d.members.remove(address(n)); err != nil {
					b.Fatal(err)
				}
				n++
				b.StartTimer()
			}
			b.ReportMetric(float64(memory(b, k.d.maps.Members))/float64(k.d.maps.Members.MaxEntries()), "B/member")
		})
	}
}

// BenchmarkSweep measures a sweep of a table that holds a million connections: all of them alive, or all of them expired.
func BenchmarkSweep(b *testing.B) {
	const connections = 1_000_000
	for _, c := range []struct {
		name string
		age  uint32 // seconds
	}{{"alive", 0}, {"expired", 1_000}} {
		b.Run(c.name, func(b *testing.B) {
			k := newBench(b, Options{Conns: 1 << 20, HeapCells: 1 << 20})
			k.see(benchView(2))
			k.setClock(10_000)
			keys, values := make([]kernelConnectionKey, connections), make([]kernelConnection, connections)
			for n := range keys {
				keys[n] = kernelConnectionKey{Interface: 1, LocalPort: uint16(n), RemotePort: uint16(n >> 16), Protocol: flow.UDP}
				values[n] = kernelConnection{State: uint32(policy.UDPExchange), Seen: 10_000 - c.age}
			}
			var took []float64
			for b.Loop() {
				b.StopTimer()
				if _, err := k.d.maps.Conns.BatchUpdate(keys, values, nil); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				start := time.Now()
				deleted, err := k.d.Sweep()
				took = append(took, time.Since(start).Seconds())
				if err != nil || deleted != 0 && c.age == 0 || deleted != connections && c.age != 0 {
					b.Fatalf("%d deleted: %v", deleted, err)
				}
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "s/sweep-median")
			b.ReportMetric(float64(memory(b, k.d.maps.Conns))/float64(k.d.maps.Conns.MaxEntries()), "B/connection")
		})
	}
}

// memory is what the kernel says that the map takes, which is allocated whole when it is made.
func memory(b *testing.B, m *ebpf.Map) uint64 {
	info, err := m.Info()
	if err != nil {
		b.Fatal(err)
	}
	n, ok := info.Memlock()
	if !ok {
		b.Fatalf("the kernel does not say how large %s is", m)
	}
	return n
}

// threadTime is how long the thread ran: the machine has other things to do.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

// benchView is two interfaces that may talk: the last of the rules allows it.
func benchView(rules int) *policy.View {
	v := &policy.View{
		Revision: 1, Public: netip.MustParsePrefix("198.18.0.0/24"),
		Subnets: []policy.Subnet{{ID: "subnet-1", VPC: 1, CIDR: netip.MustParsePrefix("10.0.0.0/24"), ACL: policytest.AllowAll, Routes: []policy.Route{
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: policy.Internet},
			{Destination: netip.MustParsePrefix("10.0.0.0/16"), Target: policy.Local},
		}}},
		Members: []policy.Member{{VPC: 1, Addr: netip.MustParseAddr("10.0.0.4"), Groups: []uint32{1}}, {VPC: 1, Addr: netip.MustParseAddr("10.0.0.5"), Groups: []uint32{1}}},
	}
	g := policy.Group{Num: 1, ID: "sg-1"}
	for n := range rules - 1 {
		r := policy.Rule{What: policy.What{Protocol: flow.TCP, From: 1000 + n*3, To: 1000 + n*3 + 1},
			CIDR: netip.MustParsePrefix(fmt.Sprintf("172.%d.%d.0/24", 16+n/256, n%256))}
		g.Ingress, g.Egress = append(g.Ingress, r), append(g.Egress, r)
	}
	https := policy.Rule{What: policy.What{Protocol: flow.TCP, From: 443, To: 443}, Group: 1}
	everywhere := policy.Rule{What: policy.What{Protocol: -1}, CIDR: netip.MustParsePrefix("0.0.0.0/0"), Listed: true} // else it would be untracked
	g.Ingress, g.Egress = append(g.Ingress, https), append(g.Egress, https)
	if rules == 1 {
		g.Ingress, g.Egress = []policy.Rule{everywhere}, []policy.Rule{everywhere}
	}
	v.Groups = []policy.Group{g}
	for n := range byte(2) {
		v.Interfaces = append(v.Interfaces, policy.Interface{Num: uint32(n) + 1, ID: fmt.Sprintf("eni-%d", n+1), VPC: 1, Subnet: "subnet-1",
			MAC: flow.MAC{10, 0, 0, 0, 0, n + 4}, Addr: netip.AddrFrom4([4]byte{10, 0, 0, n + 4}), Public: netip.AddrFrom4([4]byte{198, 18, 0, n + 4}),
			Groups: []uint32{1}, SourceDestCheck: true})
	}
	return v
}

// withIPv6 gives the interfaces 3fff::4 and 3fff::5.
func withIPv6(v *policy.View) *policy.View {
	v.IPv6 = netip.MustParsePrefix("3fff::/32")
	v.Subnets[0].ACL = policytest.AllowAll6
	v.Subnets[0].Routes = append(v.Subnets[0].Routes, policy.Route{Destination: netip.MustParsePrefix("3fff::/56"), Target: policy.Local})
	for n := range v.Interfaces {
		i := &v.Interfaces[n]
		i.IPv6 = []netip.Addr{netip.AddrFrom16([16]byte{0x3f, 0xff, 15: byte(n) + 4})}
		v.Members = append(v.Members, policy.Member{VPC: 1, Addr: i.IPv6[0], Groups: i.Groups})
	}
	return v
}

func tcp(from, to string, flags uint8) flow.Packet {
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	return flow.Packet{DstMAC: policy.GatewayMAC, Src: a.Addr(), SrcPort: a.Port(), Dst: b.Addr(), DstPort: b.Port(), Protocol: flow.TCP, TCPFlags: flags, Payload: 100}
}
