package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The first process of an instance listens on a socket in the instance's folder. A connection is one
// request: a byte that carries the files, if any, and a JSON object; then replies, each a line of
// JSON. An instance may be older than who talks to it: fields may be added, never changed.

const (
	controlFile = "control"
	opPing      = "ping" // answered once the instance is whole
	opRun       = "run"
	opExec      = "exec"

	maxRequest = 4 << 20 // the kernel's limit for a command is 2 MiB

	answerWithin = 10 * time.Second // what is asked takes no time; but root in the instance may be in the way
)

type request struct {
	Op            string
	Args, Env     [][]byte // need not be UTF-8
	Terminal      bool
	Rows, Columns uint16
}

type reply struct {
	Error  string `json:",omitempty"`
	Status int
}

// listen makes the socket. A name for a socket must be short, so it is reached by the open folder.
func (h Home) listen(id string) (*os.File, error) {
	dir, err := os.Open(h.dir(id))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	os.Remove(filepath.Join(h.dir(id), controlFile))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: inFolder(dir)})
	if err != nil {
		return nil, fmt.Errorf("make the control socket: %w", err)
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	return l.File()
}

func inFolder(dir *os.File) string { return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), controlFile) }

// connect sends a request. The connection's deadline is in the past when ctx is done.
func (h Home) connect(ctx context.Context, id string, r request, files []*os.File) (conn *net.UnixConn, end func(), err error) {
	if err := checkID(id); err != nil {
		return nil, nil, err
	}
	dir, err := os.Open(h.dir(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s: %w", id, ErrNotAlive)
	}
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", inFolder(dir))
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return nil, nil, fmt.Errorf("%s: %w", id, ErrNotAlive)
	}
	if err != nil {
		return nil, nil, err
	}
	conn = c.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	end = func() {
		stop()
		conn.Close()
	}
	if err := sendRequest(conn, r, files); err != nil {
		end()
		if ended(err) {
			err = ErrNotAlive
		}
		return nil, nil, fmt.Errorf("%s: %w", id, err)
	}
	return conn, end, nil
}

// ended says that the other end of a connection is gone: the first process ended before it was through with it.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// ask sends a request that has one reply.
func (h Home) ask(ctx context.Context, id, op string) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	conn, end, err := h.connect(ctx, id, request{Op: op}, nil)
	if err != nil {
		return err
	}
	defer end()
	r, _, err := receiveReply(conn)
	switch {
	case caller.Err() != nil:
		return caller.Err()
	case ctx.Err() != nil:
		return fmt.Errorf("%s: its first process did not answer for %s", id, answerWithin)
	case ended(err):
		return fmt.Errorf("%s: %w", id, ErrNotAlive)
	case err != nil:
		return fmt.Errorf("%s: %w", id, err)
	case r.Error != "":
		return fmt.Errorf("%s: %s", id, r.Error)
	}
	return nil
}

func sendRequest(conn *net.UnixConn, r request, files []*os.File) error {
	var rights []byte
	if len(files) > 0 {
		var fds []int
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		rights = unix.UnixRights(fds...)
	}
	if _, _, err := conn.WriteMsgUnix([]byte{0}, rights, nil); err != nil {
		return err
	}
	return json.NewEncoder(conn).Encode(r)
}

func receiveRequest(conn *net.UnixConn) (r request, files []*os.File, err error) {
	rights := make([]byte, unix.CmsgSpace(3*4))
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 1), rights)
	if err != nil {
		return r, nil, err
	}
	fds, err := parseRights(rights[:n])
	for _, fd := range fds {
		files = append(files, os.NewFile(uintptr(fd), "passed"))
	}
	if err != nil {
		return r, files, err
	}
	err = json.NewDecoder(io.LimitReader(conn, maxRequest)).Decode(&r)
	if err == nil && r.Op == opExec && len(r.Args) == 0 {
		err = errors.New("no command")
	}
	return r, files, err
}

// receiveReply reads up to the end of the line and no further: files are lost if a read goes past them.
func receiveReply(conn *net.UnixConn) (r reply, terminal *os.File, err error) {
	var line []byte
	rights := make([]byte, unix.CmsgSpace(4))
	for b := make([]byte, 1); b[0] != '\n'; line = append(line, b[0]) {
		n, rn, _, _, err := conn.ReadMsgUnix(b, rights)
		if err != nil {
			return r, terminal, err
		}
		if n == 0 || len(line) > 1<<16 {
			return r, terminal, io.EOF
		}
		fds, err := parseRights(rights[:rn])
		if err != nil {
			return r, terminal, err
		}
		for _, fd := range fds {
			if err := unix.SetNonblock(fd, true); err != nil { // so that reading it can have an end
				return r, terminal, err
			}
			terminal = os.NewFile(uintptr(fd), "terminal")
		}
	}
	return r, terminal, json.Unmarshal(line, &r)
}

func parseRights(oob []byte) (fds []int, err error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		more, err := unix.ParseUnixRights(&m)
		if err != nil {
			return fds, err
		}
		fds = append(fds, more...)
	}
	return fds, nil
}

func (r request) args() []string { return texts(r.Args) }
func (r request) env() []string  { return texts(r.Env) }

func texts(raw [][]byte) []string {
	out := make([]string, len(raw))
	for i, b := range raw {
		out[i] = string(b)
	}
	return out
}

func rawTexts(texts []string) [][]byte {
	out := make([][]byte, len(texts))
	for i, s := range texts {
		out[i] = []byte(s)
	}
	return out
}
