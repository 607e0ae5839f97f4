package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// A state is what is kept on disk of an instance that was started. The number of a process may be given
// out again; its number and start time, on one start of the machine, are not.
type state struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // in clock ticks since the machine's
	Boot  string `json:"boot"`  // the machine's
	Boots int32  `json:"boots"`
}

const stateFile = "state.json"

func (h Home) readState(id string) (s state, err error) {
	if err := checkID(id); err != nil {
		return s, err
	}
	raw, err := os.ReadFile(filepath.Join(h.dir(id), stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("%s: %w", id, ErrNotAlive)
	}
	if err != nil {
		return s, fmt.Errorf("read the state of %s: %w", id, err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("read the state of %s: %w", id, err)
	}
	return s, nil
}

func (h Home) writeState(id string, s state) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(h.dir(id), stateFile), raw, 0o600, renameio.WithTempDir(h.dir(id)))
}

// stateOf describes a process that runs, or waits to be reaped.
func stateOf(pid int) (state, error) {
	start, err := startTime(pid)
	if err != nil {
		return state{}, err
	}
	boot, err := bootID()
	return state{PID: pid, Start: start, Boot: boot}, err
}

func bootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(raw)), err
}

// startTime is field 22 of stat; the second, in brackets, may hold anything.
func startTime(pid int) (uint64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields after the name", pid, len(fields))
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// A process is the first process of an instance, held so that its number cannot come to mean another.
type process struct {
	pid int
	fd  *os.File
}

// process opens the instance's first process; ErrNotAlive if it has none.
func (h Home) process(id string) (*process, error) {
	s, err := h.readState(id)
	if err != nil {
		return nil, err
	}
	p, err := openProcess(s.PID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	now, err := stateOf(s.PID)
	if err != nil || now.Start != s.Start || now.Boot != s.Boot || p.exited() {
		p.close()
		return nil, fmt.Errorf("%s: %w", id, ErrNotAlive)
	}
	return p, nil
}

func openProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil, ErrNotAlive
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return &process{pid, os.NewFile(uintptr(fd), "pidfd")}, nil
}

func (p *process) close() { p.fd.Close() }

// wait returns when the process has ended and with it all others of its instance. If it is a child of
// this process it is reaped.
func (p *process) wait(ctx context.Context) error {
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { p.fd.SetReadDeadline(time.Unix(1, 0)) })()
	err = raw.Read(func(uintptr) bool { return p.exited() })
	if ctx.Err() != nil && !p.exited() {
		p.fd.SetReadDeadline(time.Time{}) // for the next wait
		return ctx.Err()
	}
	if err != nil && ctx.Err() == nil {
		return err
	}
	p.control(func(fd int) error { return unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WNOHANG, nil) })
	return nil
}

// exited is true also of a process that nobody has reaped yet.
func (p *process) exited() bool {
	gone := false
	p.control(func(fd int) error {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		gone = n == 1
		return nil
	})
	return gone
}

// kill ends the process: by its own doing within grace, or else by force.
func (p *process) kill(ctx context.Context, grace time.Duration) error {
	if grace > 0 {
		if err := p.signal(unix.SIGTERM); err != nil {
			return err
		}
		gently, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if err := p.wait(gently); err == nil || gently.Err() == nil {
			return err
		}
	}
	if err := p.signal(unix.SIGKILL); err != nil {
		return err
	}
	return p.wait(context.Background()) // the kernel's doing now; nothing can refuse
}

func (p *process) signal(sig unix.Signal) error {
	err := p.control(func(fd int) error { return unix.PidfdSendSignal(fd, sig, nil, 0) })
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

func (p *process) control(f func(fd int) error) error {
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
