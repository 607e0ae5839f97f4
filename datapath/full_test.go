package datapath

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf"

	"crenel/policy"
)

// flood sends datagrams at full rate from one instance to the ports of an address, each round from a new source port, until
// stop is called.
func (l *lab) flood(from instance, addr string, ports ...int) (stop func()) {
	var flooding sync.WaitGroup
	done := make(chan struct{})
	flooding.Go(func() {
		err := from.do(func() error {
			for {
				for _, port := range ports {
					select {
					case <-done:
						return nil
					default:
					}
					c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(addr), Port: port})
					if err != nil {
						return err
					}
					for range 3 {
						_, _ = c.Write([]byte("flood"))
					}
					c.Close()
				}
			}
		})
		if err != nil {
			l.t.Error(err)
		}
	})
	return func() { close(done); flooding.Wait() }
}

// hears counts what comes to the UDP port.
func (l *lab) hears(at instance, port int) (count func() int) {
	l.t.Helper()
	var s *net.UDPConn
	if err := at.do(func() (err error) { s, err = net.ListenUDP("udp4", &net.UDPAddr{Port: port}); return err }); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.Close() })
	var mu sync.Mutex
	n := 0
	go func() {
		for b := make([]byte, 100); ; {
			if _, err := s.Read(b); err != nil {
				return
			}
			mu.Lock()
			n++
			mu.Unlock()
		}
	}()
	return func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// TestFullTablesUnderFlood: with no room for connections, members and addresses, what is known goes on, what is new is dropped
// and says why, and nothing passes that rules refuse. When there is room again all is as before.
func TestFullTablesUnderFlood(t *testing.T) {
	needKernel(t)
	v := labView()
	l := newLab(t, bpffsDir(t), v)
	const start = 1000
	store(&l.d.config.Clock, start)
	a, b, c := l.instances[1], l.instances[2], l.instances[3]
	s := l.listen(c, "10.0.2.4:80")
	client, server := l.connect(b, s, "10.0.2.4:80")
	may, mayNot := l.hears(b, 53), l.hears(b, 54)
	stop := l.flood(a, "10.0.1.5", 53, 54)
	defer func() { stop() }()
	l.until("the flood arrives", func() bool { return may() > 1000 })

	l.until("a has used up its allowance", func() bool { return l.count(1, policy.Allowance) > 0 })
	l.chat(client, server)
	if l.count(3, policy.Allowance) != 0 {
		t.Error("c has had no room in its own share")
	}
	// Members and addresses: refused as a whole, and what is in force stays so.
	held := l.d.image()
	crowded, wide := labView(), labView()
	for n := range byte(65) {
		crowded.Members = append(crowded.Members, policy.Member{VPC: 1, Addr: netip.AddrFrom4([4]byte{10, 0, 3, n}), Groups: []uint32{1}})
	}
	crowded.Groups[0].Ingress = append(crowded.Groups[0].Ingress, policy.Rule{What: policy.What{Protocol: 17, From: 54, To: 54}, Group: 1})
	for n := range 8 * len(l.d.slots) {
		wide.Interfaces[0].IPv6 = append(wide.Interfaces[0].IPv6, netip.AddrFrom16([16]byte{0x3f, 0xff, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}))
	}
	for _, full := range []struct {
		v   *policy.View
		why string
	}{{crowded, "members"}, {wide, "addresses"}} {
		image, err := Lower(full.v)
		if err != nil {
			t.Fatal(err)
		}
		links := map[uint32]int{1: a.link, 2: b.link, 3: c.link}
		if err := l.d.Apply(image, links); err == nil || !strings.Contains(err.Error(), full.why) {
			t.Errorf("got %v, want %s", err, full.why)
		}
		if l.d.image() != held {
			t.Errorf("%s: something else is in force", full.why)
		}
	}
	// The table to its brim, with connections of interfaces that are gone.
	for n := uint32(0); ; n++ {
		k, c := kernelConnectionKey{Interface: 1 << 30, Local: kernelAddress{W: [4]uint32{n}}}, kernelConnection{Seen: start}
		if err := l.d.maps.Conns.Update(&k, &c, ebpf.UpdateNoExist); err != nil {
			if !errors.Is(err, ebpf.ErrKeyExist) && !strings.Contains(err.Error(), "too long") && !strings.Contains(err.Error(), "too big") {
				t.Fatal(err)
			}
			break
		}
	}
	open := l.listen(l.host, "198.18.0.1:80")
	if !l.refused(c, "198.18.0.1:80") {
		t.Error("a new connection passes where there is no room for it")
	}
	if l.count(3, policy.TableFull) == 0 {
		t.Error("nobody says that the table is full")
	}
	l.chat(client, server)

	// Everything but the connections of TCP expires.
	store(&l.d.config.Clock, start+1000)
	if _, err := l.d.Sweep(); err != nil {
		t.Error(err)
	}
	l.chat(client, server)
	heard := may()
	l.until("the flood arrives again", func() bool { return may() > heard+100 })
	if again, other := l.connect(b, s, "10.0.2.4:80"); true {
		l.chat(again, other)
	}
	if out, other := l.connect(c, open, "198.18.0.1:80"); true {
		l.chat(out, other)
	}
	if n := mayNot(); n != 0 {
		t.Errorf("%d packets reached a port that no rule opens", n)
	}
	if l.count(2, policy.NoIngressRule) < 1000 {
		t.Error("too few were tried")
	}
	stop()
	v.Groups[0].Ingress = append(v.Groups[0].Ingress, policy.Rule{What: policy.What{Protocol: 17, From: 54, To: 54}, CIDR: netip.MustParsePrefix("0.0.0.0/0")})
	l.apply(v)
	store(&l.d.config.Clock, start+2000)
	if _, err := l.d.Sweep(); err != nil {
		t.Error(err)
	}
	stop = l.flood(a, "10.0.1.5", 54)
	l.until("what was sent there arrives when it may", func() bool { return mayNot() > 100 })
}
