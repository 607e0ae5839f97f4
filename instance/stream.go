package instance

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A command in an instance is given none of its caller's files: root there has the ids of the machine, and by
// /proc/self/fd could open them anew, to write where the caller only reads, or change their modes; and a
// terminal could be read after the command has ended. It has pipes, and this process copies.

// streams are a command's three pipes.
type streams struct {
	theirs []*os.File // its ends
	input  *os.File
	output []output
	stop   *os.File // closed when the command has ended
	halt   *os.File // what is seen of that
	copied chan error
}

type output struct {
	from *os.File
	to   io.Writer
}

// streams makes the pipes. An output that goes where the other goes shares its pipe, to keep the order.
func (c Command) streams() (s *streams, err error) {
	s = &streams{copied: make(chan error)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.halt, s.stop, err = os.Pipe(); err != nil {
		return s, err
	}
	in, write, err := os.Pipe()
	if err != nil {
		return s, err
	}
	s.theirs, s.input = append(s.theirs, in), write
	if err := s.addOutput(c.Stdout); err != nil {
		return s, err
	}
	if sameFile(c.Stdout, c.Stderr) {
		s.theirs = append(s.theirs, s.theirs[1])
		return s, nil
	}
	return s, s.addOutput(c.Stderr)
}

func (s *streams) addOutput(to *os.File) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	o := output{read, io.Discard}
	if to != nil {
		o.to = to
	}
	s.theirs, s.output = append(s.theirs, write), append(s.output, o)
	return nil
}

func sameFile(a, b *os.File) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, err := a.Stat()
	y, errY := b.Stat()
	return err == nil && errY == nil && os.SameFile(x, y)
}

func (s *streams) close() {
	closeAll(s.theirs)
	closeAll([]*os.File{s.input, s.stop, s.halt})
	for _, o := range s.output {
		o.from.Close()
	}
}

// copy begins. The pipes but for their ends are then the copiers', and end has to be called.
func (s *streams) copy(stdin *os.File) {
	go func() {
		if stdin != nil {
			feed(s.input, stdin, s.halt)
		}
		s.input.Close()
		s.halt.Close()
	}()
	for _, o := range s.output {
		go func() { s.copied <- o.copy() }()
	}
}

// end is called when the command has ended, or is not waited for. What it printed is copied to the end; what
// it left running has nobody to read it any more.
func (s *streams) end(wait bool) (err error) {
	s.stop.Close()
	s.input.SetWriteDeadline(time.Unix(1, 0))
	for _, o := range s.output {
		o.from.SetReadDeadline(time.Unix(1, 0))
	}
	if !wait {
		go func() {
			for range s.output {
				<-s.copied
			}
		}()
		return nil
	}
	for range s.output {
		err = errors.Join(err, <-s.copied)
	}
	return err
}

const chunk = 64 << 10 // what a pipe holds

// copy ends when the pipe does, or when its time is over and what was in it is copied. That nobody reads on, the
// command hears as if it had written itself.
func (o output) copy() error {
	defer o.from.Close()
	buffer := make([]byte, chunk)
	for {
		n, err := o.from.Read(buffer)
		if n > 0 {
			if _, err := o.to.Write(buffer[:n]); err != nil {
				return unheard(err)
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return unheard(o.rest(buffer))
		}
		if err != nil {
			return nil
		}
	}
}

// rest copies what is in the pipe now, and not what may come.
func (o output) rest(buffer []byte) error {
	raw, err := o.from.SyscallConn()
	if err != nil {
		return err
	}
	controlErr := raw.Control(func(fd uintptr) {
		var there int
		there, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		for err == nil && there > 0 {
			var n int
			if n, err = unix.Read(int(fd), buffer[:min(there, len(buffer))]); n <= 0 {
				return // of what was there the instance has read some itself
			}
			there -= n
			_, err = o.to.Write(buffer[:n])
		}
	})
	if errors.Is(err, unix.EAGAIN) {
		err = nil
	}
	return errors.Join(controlErr, err)
}

// unheard leaves out what the command was told by its own means.
func unheard(err error) error {
	if errors.Is(err, unix.EPIPE) {
		return nil
	}
	return err
}

// feed copies until one of both files has an end, or halt. It takes nothing more from the caller's then:
// the next that reads it misses nothing but what this had passed on.
func feed(to, from, halt *os.File) {
	var polled []unix.PollFd
	for _, p := range []struct {
		file   *os.File
		events int16
	}{{halt, unix.POLLIN}, {to, 0}, {from, unix.POLLIN}} {
		raw, err := p.file.SyscallConn() // Fd would make it block
		if err != nil {
			return
		}
		raw.Control(func(fd uintptr) { polled = append(polled, unix.PollFd{Fd: int32(fd), Events: p.events}) })
	}
	if len(polled) < 3 {
		return // one is closed
	}
	for buffer := make([]byte, chunk); ; {
		if _, err := unix.Poll(polled, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if polled[0].Revents != 0 || polled[1].Revents != 0 {
			return
		}
		if polled[2].Revents == 0 {
			continue
		}
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
