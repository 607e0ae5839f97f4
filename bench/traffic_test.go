package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// period is how long one kind of traffic goes through one lane at a time: not long, for the machine is now faster and now
// slower, and those that are compared should have the same of it.
const period = 60 * time.Millisecond

// A kind of traffic, and what is measured of it.
type kind struct {
	name string
	less bool // less is better
	run  func(l *lane) (float64, error)
}

// Rates are by the second of CPU time: the sender's where one sends, and both ends' together where both work. The kernel does
// the work of the whole way in the sender's time, and other processes of the machine do not count.
var kinds = []kind{
	{"packets/s, UDP, one flow", false, packets},
	{"first packets of flows/s, UDP", false, flows},
	{"TCP connections/s", false, connections},
	{"TCP Gbit/s, one connection", false, bulk},
	{"request and response, µs", true, roundTrip},
}

const (
	batch    = 64     // datagrams in a system call
	newFlows = 10_000 // at most, at a time: tables hold them for a while
)

// packets sends small datagrams of one established flow as fast as one CPU can, and counts those that arrive.
func packets(l *lane) (float64, error) {
	in, out, err := l.datagrams()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	defer out.Close()
	b := make([]byte, 18)
	for range 3 { // requests and replies: then it is established to every firewall
		if _, err := out.Write(b); err != nil {
			return 0, err
		}
		in.SetDeadline(time.Now().Add(time.Second))
		_, from, err := in.ReadFrom(b)
		if err != nil {
			return 0, err
		}
		if _, err := in.WriteTo(b, from); err != nil {
			return 0, err
		}
		out.SetDeadline(time.Now().Add(time.Second))
		if _, err := out.Read(b); err != nil {
			return 0, err
		}
	}
	out.SetDeadline(time.Time{})
	received := arrivals(in)
	send := make([]ipv4.Message, batch)
	for n := range send {
		send[n].Buffers = [][]byte{b}
	}
	sent, took, err := blast(ipv4.NewPacketConn(out), send, func() bool { return true })
	n := received()
	if err == nil && n < sent/2 {
		err = fmt.Errorf("of %d packets %d arrived", sent, n)
	}
	return float64(n) / took.Seconds(), err
}

// datagrams is the server's socket, and the client's that is connected to it.
func (l *lane) datagrams() (in *net.UDPConn, out *net.UDPConn, err error) {
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(serverAddr, uint16(l.port())))
	err = l.server.do(func() (err error) {
		in, err = net.ListenUDP("udp4", to)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if err := roomy(in); err != nil {
		return nil, nil, err
	}
	err = l.client.do(func() (err error) {
		out, err = net.DialUDP("udp4", nil, to)
		return err
	})
	return in, out, err
}

// port is one of those that are open: another one in every round.
func (l *lane) port() int { return openPort + l.round%openPorts }

// roomy gives the socket room for what arrives while its reader is not running.
func roomy(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) })
	return errors.Join(err, set)
}

// blast sends batches from one CPU until the period is over, or next says that there is no more. took is CPU time.
func blast(c *ipv4.PacketConn, messages []ipv4.Message, next func() bool) (sent int, took time.Duration, err error) {
	err = onCPU(0, func() error {
		start := cpuTime(unix.CLOCK_THREAD_CPUTIME_ID)
		for end := time.Now().Add(period); time.Now().Before(end) && next(); {
			for done := 0; done < len(messages); {
				n, err := c.WriteBatch(messages[done:], 0)
				if err != nil {
					return err
				}
				done += n
				sent += n
			}
		}
		took = cpuTime(unix.CLOCK_THREAD_CPUTIME_ID) - start
		return nil
	})
	return sent, took, err
}

// onCPU runs f on a thread of its own that stays on the CPU.
func onCPU(n int, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever
		var only unix.CPUSet
		only.Set(n % runtime.NumCPU())
		err := unix.SchedSetaffinity(0, &only)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// cpuTime is what the thread, or the process, has used by its clock.
func cpuTime(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic(err) // both clocks are always there
	}
	return time.Duration(t.Nano())
}

// arrivals counts what arrives, until the function that it returns is called and nothing is left or comes within a while. The reader
// may come late to what is there already: its last deadlines are counted from when it looks.
func arrivals(in *net.UDPConn) (stop func() int) {
	count := make(chan int)
	in.SetDeadline(time.Time{})
	go func() {
		total, c := 0, ipv4.NewPacketConn(in)
		messages := make([]ipv4.Message, batch)
		for i := range messages {
			messages[i].Buffers = [][]byte{make([]byte, 64)}
		}
		for last := false; ; {
			n, err := c.ReadBatch(messages, 0)
			total += max(n, 0)
			if err != nil && (last || !errors.Is(err, os.ErrDeadlineExceeded)) {
				count <- total
				return
			}
			if last = last || err != nil; last {
				in.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			}
		}
	}()
	return func() int {
		in.SetReadDeadline(time.Now())
		return <-count
	}
}

// flows sends the first packet of one flow after another, from ports that were never used, and counts those that arrive.
func flows(l *lane) (float64, error) {
	in, out, err := l.datagrams()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out.Close()
	var raw net.PacketConn
	err = l.client.do(func() (err error) {
		raw, err = net.ListenPacket("ip4:udp", clientAddr.String())
		return err
	})
	if err != nil {
		return 0, err
	}
	defer raw.Close()
	received := arrivals(in)
	messages := make([]ipv4.Message, batch)
	for n := range messages {
		udp := make([]byte, 8+18)
		binary.BigEndian.PutUint16(udp[2:], uint16(l.port()))
		binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
		messages[n] = ipv4.Message{Buffers: [][]byte{udp}, Addr: &net.IPAddr{IP: serverAddr.AsSlice()}}
	}
	port := 1024
	sent, took, err := blast(ipv4.NewPacketConn(raw), messages, func() bool {
		for _, m := range messages {
			binary.BigEndian.PutUint16(m.Buffers[0], uint16(port))
			port++
		}
		return port <= 1024+newFlows
	})
	n := received()
	if err == nil && n < sent*9/10 {
		err = fmt.Errorf("of %d flows %d arrived", sent, n)
	}
	return float64(n) / took.Seconds(), err
}

// bulk is how many gigabits a second one TCP connection carries.
func bulk(l *lane) (float64, error) {
	s, err := l.listen(l.port())
	if err != nil {
		return 0, err
	}
	defer s.Close()
	type result struct {
		bytes int64
		err   error
	}
	received := make(chan result, 1)
	go func() {
		c, err := s.Accept()
		if err != nil {
			received <- result{0, err}
			return
		}
		defer c.Close()
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 256<<10))
		received <- result{n, err}
	}()
	c, err := l.dial(l.port(), time.Second)
	if err != nil {
		return 0, err
	}
	data := make([]byte, 256<<10)
	start, used := time.Now(), cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	for time.Since(start) < period && err == nil {
		_, err = c.Write(data)
	}
	c.Close()
	r := <-received
	return float64(r.bytes) * 8 / 1e9 / (cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) - used).Seconds(), errors.Join(err, r.err)
}

func (l *lane) listen(port int) (s net.Listener, err error) {
	err = l.server.do(func() (err error) {
		s, err = net.Listen("tcp4", netip.AddrPortFrom(serverAddr, uint16(port)).String())
		return err
	})
	return s, err
}

func (l *lane) dial(port int, within time.Duration) (c net.Conn, err error) {
	err = l.client.do(func() (err error) {
		c, err = net.DialTimeout("tcp4", netip.AddrPortFrom(serverAddr, uint16(port)).String(), within)
		return err
	})
	return c, err
}

// connections opens and closes one TCP connection after another, several at once, and counts them.
func connections(l *lane) (float64, error) {
	s, err := l.listen(l.port())
	if err != nil {
		return 0, err
	}
	listening, err := s.(*net.TCPListener).File()
	s.Close()
	if err != nil {
		return 0, err
	}
	defer listening.Close()
	fd := int(listening.Fd()) // blocking from here on: no more of Go's runtime in it than there must be
	var accepting, connecting sync.WaitGroup
	for range 2 {
		accepting.Go(func() {
			for {
				var c int
				err := again(func() (err error) {
					c, _, err = unix.Accept4(fd, unix.SOCK_CLOEXEC)
					return err
				})
				if err != nil {
					return // it was shut down
				}
				unix.Close(c)
			}
		})
	}
	var made atomic.Int64
	failed := make(chan error, 8)
	to := &unix.SockaddrInet4{Port: l.port(), Addr: serverAddr.As4()}
	start, used := time.Now(), cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	for range cap(failed) {
		connecting.Go(func() {
			failed <- l.client.do(func() error {
				for time.Since(start) < period {
					if err := openAndClose(to); err != nil {
						return err
					}
					made.Add(1)
				}
				return nil
			})
		})
	}
	connecting.Wait()
	took := cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) - used
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	unix.Shutdown(fd, unix.SHUT_RDWR)
	accepting.Wait()
	return float64(made.Load()) / took.Seconds(), err
}

// openAndClose waits for the server to close before it does, so that no more are open than there are clients.
func openAndClose(to unix.Sockaddr) error {
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(c)
	if err := again(func() error { return unix.Connect(c, to) }); err != nil && err != unix.EISCONN {
		return os.NewSyscallError("connect", err)
	}
	return again(func() error {
		_, err := unix.Read(c, make([]byte, 1))
		return err
	})
}

// again repeats a system call that a signal interrupts, such as Go's runtime sends its threads.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// roundTrip is the median of how long a datagram and its answer take, of one flow, one after the other.
func roundTrip(l *lane) (float64, error) {
	in, out, err := l.datagrams()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	defer out.Close()
	answering, err := in.File()
	if err != nil {
		return 0, err
	}
	defer answering.Close()
	asking, err := out.File()
	if err != nil {
		return 0, err
	}
	defer asking.Close()
	server, client := int(answering.Fd()), int(asking.Fd()) // blocking from here on
	if err := unix.SetsockoptTimeval(client, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return 0, err
	}
	done := make(chan error)
	go func() {
		b := make([]byte, 64)
		for {
			var n int
			err := again(func() error {
				got, from, err := unix.Recvfrom(server, b, 0)
				if n = got; err == nil && n > 0 {
					err = unix.Sendto(server, b[:n], 0, from)
				}
				return err
			})
			if err != nil || n == 0 { // an empty one is the last
				done <- err
				return
			}
		}
	}()
	var took []float64
	b := make([]byte, 18)
	for end := time.Now().Add(period); time.Now().Before(end); {
		start := time.Now()
		if _, err := unix.Write(client, b); err != nil {
			return 0, err
		}
		err := again(func() error {
			_, err := unix.Read(client, b)
			return err
		})
		if err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(start).Nanoseconds())/1000)
	}
	if _, err := unix.Write(client, nil); err != nil {
		return 0, err
	}
	slices.Sort(took)
	return took[len(took)/2], <-done
}
