package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// A Command is to be run in an instance.
type Command struct {
	Args                  []string // looked up inside
	Env                   []string // besides PATH, HOME and the like
	Stdin, Stdout, Stderr *os.File // nil: /dev/null
}

// Exec runs a command in an instance, as root in /root, and returns its status: 128 and its number if
// it was a signal that ended it; 127 and an error if there is no such command there, 126 and an error
// if it cannot be run. If Stdin and Stdout are terminals the command has one of the instance's, else pipes.
// Exec may read more of Stdin than the command does. What the command leaves running has nobody to read what
// it prints. When ctx is done the command is sent SIGHUP.
func (h Home) Exec(ctx context.Context, id string, c Command) (status int, err error) {
	if len(c.Args) == 0 {
		return statusNotRun, errors.New("no command")
	}
	r := request{Op: opExec, Args: rawTexts(c.Args), Env: rawTexts(c.Env)}
	if c.onTerminal() {
		return h.execTerminal(ctx, id, c, r)
	}
	s, err := c.streams()
	if err != nil {
		return statusNotRun, err
	}
	conn, end, err := h.connect(ctx, id, r, s.theirs)
	closeAll(s.theirs)
	if err != nil {
		s.close()
		return statusNotRun, err
	}
	defer end()
	started, _, err := receiveStart(conn)
	if err != nil || started.Error != "" {
		s.close()
		return result(ctx, started, err)
	}
	s.copy(c.Stdin)
	last, _, err := receiveReply(conn)
	lost := s.end(ctx.Err() == nil)
	if status, err := result(ctx, last, err); err != nil || lost == nil {
		return status, err
	}
	return statusNotRun, fmt.Errorf("pass on what it printed: %w", lost)
}

// receiveStart receives the first reply to a command, which takes no time.
func receiveStart(conn *net.UnixConn) (r reply, terminal *os.File, err error) {
	limit := time.AfterFunc(answerWithin, func() { conn.SetDeadline(time.Unix(1, 0)) })
	r, terminal, err = receiveReply(conn)
	if !limit.Stop() && err != nil {
		err = fmt.Errorf("the instance's first process did not answer for %s", answerWithin)
	}
	return r, terminal, err
}

func result(ctx context.Context, r reply, err error) (int, error) {
	switch {
	case ctx.Err() != nil:
		return statusNotRun, ctx.Err()
	case errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET):
		return statusSignalled + int(unix.SIGKILL), ErrNotAlive // the instance ended, and the command with it
	case err != nil:
		return statusNotRun, err
	case r.Error != "":
		return r.Status, errors.New(r.Error)
	}
	return r.Status, nil
}

func (c Command) onTerminal() bool { return isTerminal(c.Stdin) && isTerminal(c.Stdout) }

func isTerminal(f *os.File) bool {
	if f == nil {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// execTerminal gives the command a terminal of the instance's, and passes on to it and from it what is
// typed and printed on the caller's. A terminal belongs to one session: the caller's own could be
// read and written in the instance, but Ctrl-C and job control would be the caller's.
func (h Home) execTerminal(ctx context.Context, id string, c Command, r request) (int, error) {
	r.Terminal = true
	if size, err := unix.IoctlGetWinsize(int(c.Stdout.Fd()), unix.TIOCGWINSZ); err == nil {
		r.Rows, r.Columns = size.Row, size.Col
	}
	if term := os.Getenv("TERM"); term != "" {
		r.Env = append(r.Env, []byte("TERM="+term))
	}
	conn, end, err := h.connect(ctx, id, r, nil)
	if err != nil {
		return statusNotRun, err
	}
	defer end()
	started, terminal, err := receiveStart(conn)
	if err != nil || started.Error != "" || terminal == nil {
		return result(ctx, started, err)
	}
	restore, err := makeRaw(c.Stdin)
	if err != nil {
		terminal.Close()
		return statusNotRun, err
	}
	defer restore()
	halt, stop, err := os.Pipe()
	if err != nil {
		terminal.Close()
		return statusNotRun, err
	}
	printed := relay(c, terminal, halt)
	last, _, err := receiveReply(conn)
	stop.Close()
	// What the command printed last may be on its way; what it left running may go on printing.
	terminal.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	<-printed
	return result(ctx, last, err)
}

// relay ends, and closes the terminal, when it can no longer be read.
func relay(c Command, terminal, halt *os.File) (printed chan struct{}) {
	printed = make(chan struct{})
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	go func() {
		for range resized {
			copySize(c.Stdout, terminal)
		}
	}()
	go func() {
		defer halt.Close()
		feed(terminal, c.Stdin, halt)
	}()
	go func() {
		defer close(printed)
		io.Copy(c.Stdout, terminal) // ends with EIO when nothing in the instance has it open
		signal.Stop(resized)
		close(resized)
		terminal.Close()
	}()
	return printed
}

func copySize(from, to *os.File) {
	size, err := unix.IoctlGetWinsize(int(from.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return
	}
	raw, err := to.SyscallConn() // Fd would make it block
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
}

// makeRaw lets every key through to the instance's terminal, which gives them their meaning.
func makeRaw(f *os.File) (restore func(), err error) {
	was, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	raw := *was
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &raw); err != nil {
		return nil, err
	}
	return func() { unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, was) }, nil
}

// openTerminal makes a pseudo-terminal in the instance: the end that is passed out, and the command's.
func openTerminal(rows, columns uint16) (terminal, tty *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a terminal: %w", err)
	}
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil && rows > 0 {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	}
	var peer uintptr
	if err == nil {
		var errno unix.Errno
		if peer, _, errno = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC); errno != 0 {
			err = errno
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, nil, fmt.Errorf("make a terminal: %w", err)
	}
	return os.NewFile(uintptr(fd), "terminal"), os.NewFile(peer, "tty"), nil
}
