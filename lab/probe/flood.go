package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What flood and stream send, and meter counts: who sent it, in which phase of the sender, and its number.
const (
	nameAt   = 0 // 8 bytes, padded with zeros
	phaseAt  = 8
	numberAt = 12
	said     = 64 // bytes in all
)

// flood sends datagrams to all of the targets in turn, as fast as it can, until its input ends. A line of input is a
// number: the phase that begins, with new source ports, so that no connection of an earlier phase carries what it sends.
// When it has begun, what was sent to each target in the one that ended is printed.
func flood(name string, targets []string) error {
	told := lines(os.Stdin)
	b := make([]byte, said)
	copy(b[nameAt:phaseAt], name)
	sent := make([]int, len(targets))
	to, err := dial(targets)
	for number := uint64(0); err == nil; number++ {
		select {
		case line, more := <-told:
			if !more {
				return nil
			}
			phase, err := strconv.Atoi(line)
			if err != nil {
				return err
			}
			binary.BigEndian.PutUint32(b[phaseAt:], uint32(phase))
			for _, c := range to {
				c.Close()
			}
			if to, err = dial(targets); err != nil {
				return err
			}
			fmt.Println(strings.Trim(fmt.Sprint(sent), "[]"))
			clear(sent)
		default:
		}
		binary.BigEndian.PutUint64(b[numberAt:], number)
		for i, c := range to {
			if _, err := c.Write(b); err == nil { // else it did not leave: somebody said that nobody listens there
				sent[i]++
			}
		}
	}
	return err
}

func dial(targets []string) (to []net.Conn, err error) {
	for _, target := range targets {
		c, err := net.Dial("udp4", target)
		if err != nil {
			return nil, err
		}
		to = append(to, c)
	}
	return to, nil
}

// meter counts what arrives at the UDP ports until its input ends. For each line of input it prints all of its counts in
// one line, as PORT,SENDER,PHASE=COUNT.
func meter(ports []string) error {
	type kind struct {
		port, sender string
		phase        uint32
	}
	var mu sync.Mutex
	counts := map[kind]int{}
	failed := make(chan error, len(ports))
	for _, port := range ports {
		l, err := net.ListenPacket("udp4", ":"+port)
		if err != nil {
			return err
		}
		go func() {
			for b := make([]byte, 64<<10); ; {
				n, _, err := l.ReadFrom(b)
				if err != nil {
					failed <- err
					return
				}
				k := kind{port: port, sender: "?"}
				if n == said {
					k.sender = string(bytes.TrimRight(b[nameAt:phaseAt], "\x00"))
					k.phase = binary.BigEndian.Uint32(b[phaseAt:])
				}
				mu.Lock()
				counts[k]++
				mu.Unlock()
			}
		}()
	}
	for told := lines(os.Stdin); ; {
		select {
		case err := <-failed:
			return err
		case _, more := <-told:
			if !more {
				return nil
			}
			var words []string
			mu.Lock()
			for k, n := range counts {
				words = append(words, fmt.Sprintf("%s,%s,%d=%d", k.port, k.sender, k.phase, n))
			}
			mu.Unlock()
			slices.Sort(words)
			fmt.Println(strings.Join(words, " "))
		}
	}
}

const (
	underWay = 64               // records of a stream at once: fewer than any queue on their way holds, so none is lost for want of room
	ofAPort  = 16 * underWay    // records from one source port of a fresh stream
	lost     = 10 * time.Second // without an echo
)

// stream sends records to what echoes them, a few at a time, until its input ends, and waits for each of them. For each
// line of input it prints how many it sent since the last one, and how many came back. A fresh one takes a new source
// port now and then; another keeps its connection for ever.
func stream(network, address string, fresh bool) error {
	c, err := net.Dial(network+"4", address)
	if err != nil {
		return err
	}
	told := lines(os.Stdin)
	sent, back := 0, 0
	for number := 0; ; number += underWay {
		select {
		case _, more := <-told:
			if !more {
				return nil
			}
			fmt.Println(sent, back)
			sent, back = 0, 0
		default:
		}
		if fresh && number%ofAPort == 0 {
			c.Close()
			if c, err = net.Dial(network+"4", address); err != nil {
				return err
			}
		}
		n, err := echoes(c, uint64(number))
		if err != nil {
			return err
		}
		sent, back = sent+underWay, back+n
	}
}

// echoes sends the records from first on and counts those that come back in time.
func echoes(c net.Conn, first uint64) (back int, err error) {
	if err := c.SetDeadline(time.Now().Add(lost)); err != nil {
		return 0, err
	}
	b := make([]byte, said)
	for n := range uint64(underWay) {
		binary.BigEndian.PutUint64(b[numberAt:], first+n)
		if _, err := c.Write(b); err != nil {
			return 0, err
		}
	}
	for back < underWay {
		if _, err := io.ReadFull(c, b); errors.Is(err, os.ErrDeadlineExceeded) {
			return back, nil
		} else if err != nil {
			return back, err
		}
		if binary.BigEndian.Uint64(b[numberAt:]) >= first { // else it is a late one, which counts as lost
			back++
		}
	}
	return back, nil
}

func lines(r io.Reader) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		for s := bufio.NewScanner(r); s.Scan(); {
			c <- s.Text()
		}
	}()
	return c
}
