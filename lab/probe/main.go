// Probe is what scenarios run inside instances and on the host: it listens, and it tries.
//
//	probe serve tcp 80 tcp 443 udp 53      echoes, for ever; /run/probe-serves is there once it listens
//	probe tcp ADDRESS PORT SECONDS [SOURCE]  prints pass, drop (no answer) or refused
//	probe udp ADDRESS PORT SECONDS [SOURCE]
//	probe large ADDRESS PORT SECONDS         udp, with a datagram that takes several packets
//	probe hold ADDRESS PORT                  connects, prints up, then echoes its input through the connection
//	probe raw HEX                            sends an IPv4 packet as it is
//	probe frames                             prints ready, then every frame with IPv4 that comes in, until its input ends
//	probe flood NAME ADDRESS:PORT…           sends as fast as it can
//	probe meter PORT…                        counts what floods sent
//	probe stream tcp|udp ADDRESS:PORT kept|fresh   waits for the echo of all that it sends
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("nothing to do")
	}
	switch args[0] {
	case "serve":
		return serve(args[1:])
	case "tcp", "udp", "large":
		return try(args)
	case "raw":
		return raw(args[1])
	case "frames":
		return frames()
	case "hold":
		return hold(net.JoinHostPort(args[1], args[2]))
	case "flood":
		return flood(args[1], args[2:])
	case "meter":
		return meter(args[1:])
	case "stream":
		return stream(args[1], args[2], args[3] == "fresh")
	}
	return fmt.Errorf("unknown command %q", args[0])
}

func serve(ports []string) error {
	failed := make(chan error)
	for args := ports; len(args) >= 2; args = args[2:] {
		switch args[0] {
		case "tcp":
			l, err := net.Listen("tcp", ":"+args[1])
			if err != nil {
				return err
			}
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						failed <- err
						return
					}
					go func() { _, _ = io.Copy(c, c); c.Close() }()
				}
			}()
		case "udp":
			l, err := net.ListenPacket("udp", ":"+args[1])
			if err != nil {
				return err
			}
			go func() {
				b := make([]byte, 64<<10)
				for {
					n, from, err := l.ReadFrom(b)
					if err != nil {
						failed <- err
						return
					}
					_, _ = l.WriteTo(b[:n], from)
				}
			}()
		}
	}
	if err := os.WriteFile("/run/probe-serves", nil, 0o600); err != nil { // gone when the instance starts anew
		return err
	}
	fmt.Println("probe: listening")
	if len(ports) == 0 {
		_, err := unix.Poll(nil, -1) // on nothing, for ever
		return err
	}
	return <-failed
}

func try(args []string) error {
	seconds, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return err
	}
	limit := time.Duration(seconds * float64(time.Second))
	d := net.Dialer{Timeout: limit}
	if len(args) > 4 {
		ip := net.ParseIP(args[4])
		d.LocalAddr = map[string]net.Addr{"tcp": &net.TCPAddr{IP: ip}, "udp": &net.UDPAddr{IP: ip}}[args[0]]
	}
	network, said := args[0], 6
	if network == "large" {
		network, said = "udp", 30_000 // more than one packet at an MTU of 9001
	}
	c, err := d.Dial(network, net.JoinHostPort(args[1], args[2]))
	if err == nil {
		defer c.Close()
		err = echo(c, limit, said)
	}
	switch timeout := net.Error(nil); {
	case err == nil:
		fmt.Println("pass")
	case errors.As(err, &timeout) && timeout.Timeout():
		fmt.Println("drop")
	case errors.Is(err, unix.ECONNREFUSED):
		fmt.Println("refused")
	default:
		return err
	}
	return nil
}

// echo says something and wants to hear it again.
func echo(c net.Conn, limit time.Duration, bytes int) error {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := c.Write(make([]byte, bytes)); err != nil {
		return err
	}
	_, err := io.ReadAtLeast(c, make([]byte, bytes), bytes)
	return err
}

func hold(address string) error {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return err
	}
	fmt.Println("up")
	back := bufio.NewReader(c)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(c, in.Text()); err != nil {
			return err
		}
		line, err := back.ReadString('\n')
		if err != nil {
			return err
		}
		fmt.Print(line)
	}
	return nil
}
