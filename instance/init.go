package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	initName   = "crenel-init" // what the first process of an instance is called, inside and out
	stageSetup = "setup"
	stageServe = "serve"
	stageTrial = "trial" // in place of serve: see Probe

	userDataFile = "/var/lib/cloud/instance/user-data.txt" // cloud-init's names
	scriptFile   = "/var/lib/cloud/instance/scripts/part-001"

	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	homeDir    = "/root"

	// How long processes may take to end when the instance was stopped from within, where nobody
	// stands by to end it by force.
	lastGrace = 90 * time.Second
)

// IsInit says that this process was started as the first process of an instance.
func IsInit() bool { return os.Args[0] == initName }

// Init is what the first process of an instance does. It does not return.
func Init() {
	switch os.Args[len(os.Args)-1] {
	case stageServe:
		serve()
	case stageTrial:
		os.Exit(0)
	}
	runSetup()
}

// An initd is the first process in its second stage: it runs user data and commands, keeps the console,
// reaps, and ends all when it is told to.
type initd struct {
	children children
	console  *os.File // both ends of /dev/console
	run      sync.Once
}

func serve() {
	os.WriteFile("/proc/self/comm", []byte(initName), 0) // for ps and top
	// No other process can look into this one, though it is the same user's.
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	unix.CloseOnExec(fdControl)
	unix.CloseOnExec(fdConsole)
	os.Setenv("PATH", searchPath) // for LookPath
	child, term, other := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(other) // stray ones are received, and forgotten
	signal.Notify(child, unix.SIGCHLD)
	signal.Notify(term, unix.SIGTERM)

	d := &initd{children: children{ended: map[int]chan unix.WaitStatus{}}}
	if err := d.openConsole(); err != nil {
		os.Exit(1)
	}
	go d.listen()
	debug.FreeOSMemory()

	var over <-chan time.Time
	for stopping := false; ; {
		select {
		case <-child:
		case <-term:
			stopping, over = true, time.After(lastGrace)
			unix.Kill(-1, unix.SIGTERM)
			unix.Kill(-1, unix.SIGCONT)
		case <-over:
			os.Exit(0)
		}
		if none := d.children.reap(); none && stopping {
			os.Exit(0) // and the kernel ends what came from elsewhere
		}
	}
}

// openConsole keeps what is written to /dev/console. This process has it open for writing too, so it is
// never closed.
func (d *initd) openConsole() error {
	kept, err := openConsole(os.NewFile(fdConsole, "console"))
	if err != nil {
		return err
	}
	if d.console, err = os.OpenFile("/dev/console", os.O_RDWR|unix.O_NONBLOCK, 0); err != nil {
		return err
	}
	go func() {
		for buf := make([]byte, 4<<10); ; {
			n, err := d.console.Read(buf)
			if err != nil {
				return
			}
			kept.Write(buf[:n]) // a full disk loses output, nothing else
		}
	}()
	return nil
}

// say writes where all others do, so that what is said stays in order.
func (d *initd) say(format string, args ...any) {
	fmt.Fprintf(d.console, "crenel: "+format+"\n", args...)
}

// runUserData starts the script; what it starts in turn may outlive it.
func (d *initd) runUserData() {
	if !exists(scriptFile) {
		return
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		d.say("user data: %v", err)
		return
	}
	defer null.Close()
	console, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if err != nil {
		d.say("user data: %v", err)
		return
	}
	defer console.Close()
	_, ended, err := d.children.start(scriptFile, []string{scriptFile}, &syscall.ProcAttr{
		Dir: "/", Env: environment(nil),
		Files: []uintptr{null.Fd(), console.Fd(), console.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		d.say("user data could not be started: %v", err)
		return
	}
	go func() { d.say("user data ended with status %d", exitStatus(<-ended)) }()
}

func environment(more []string) []string {
	return append([]string{"PATH=" + searchPath, "HOME=" + homeDir, "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8"}, more...)
}

// listen answers requests; who can reach the socket has the data directory.
func (d *initd) listen() {
	l, err := net.FileListener(os.NewFile(fdControl, "control"))
	if err != nil {
		d.say("no control socket: %v", err)
		return
	}
	for well := true; ; {
		conn, err := l.Accept()
		if err != nil { // it may run out of files or memory, and have them again
			if well {
				d.say("the control socket: %v", err)
			}
			well = false
			time.Sleep(100 * time.Millisecond)
			continue
		}
		well = true
		go d.answer(conn.(*net.UnixConn))
	}
}

func (d *initd) answer(conn *net.UnixConn) {
	defer conn.Close()
	req, files, err := receiveRequest(conn)
	defer closeAll(files)
	if err != nil {
		return
	}
	switch req.Op {
	case opPing:
		send(conn, reply{}, nil)
	case opRun:
		d.run.Do(d.runUserData)
		send(conn, reply{}, nil)
	case opExec:
		d.exec(conn, req, files)
	default:
		send(conn, reply{Error: fmt.Sprintf("unknown request %q: the instance was started by another version", req.Op)}, nil)
	}
}

// exec runs a command, on the files that came with the request or on a terminal of the instance's own
// whose other end goes back with the first reply. The last reply has the status. If the connection ends
// first, the command is told that its terminal is gone.
func (d *initd) exec(conn *net.UnixConn, req request, files []*os.File) {
	attr := &syscall.ProcAttr{Dir: homeDir, Env: environment(req.env()), Sys: &syscall.SysProcAttr{Setsid: true}}
	var terminal *os.File
	if req.Terminal {
		t, tty, err := openTerminal(req.Rows, req.Columns)
		if err != nil {
			send(conn, reply{Error: err.Error(), Status: statusNotRun}, nil)
			return
		}
		terminal, files = t, append(files, tty, tty, tty)
		defer closeAll([]*os.File{t, tty})
		attr.Sys.Setctty = true
	}
	if len(files) != 3 {
		send(conn, reply{Error: "a command needs three files", Status: statusNotRun}, nil)
		return
	}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	if !isDir(homeDir) {
		attr.Dir = "/"
	}
	args := req.args()
	path, err := lookPath(args[0])
	var pid int
	var ended chan unix.WaitStatus
	if err == nil {
		pid, ended, err = d.children.start(path, args, attr)
	}
	if err != nil {
		send(conn, reply{Error: fmt.Sprintf("%s: %v", args[0], err), Status: statusOf(err)}, nil)
		return
	}
	closeAll(files) // the command has them
	send(conn, reply{}, terminal)
	if terminal != nil {
		terminal.Close()
	}
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, conn)
		close(gone)
	}()
	select {
	case status := <-ended:
		send(conn, reply{Status: exitStatus(status)}, nil)
	case <-gone:
		d.children.signal(pid, unix.SIGHUP)
	}
}

// The statuses of commands that could not be run are the shell's.
const (
	statusNotRun    = 126
	statusNotFound  = 127
	statusSignalled = 128
)

func statusOf(err error) int {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, exec.ErrNotFound) {
		return statusNotFound
	}
	return statusNotRun
}

func exitStatus(s unix.WaitStatus) int {
	if s.Signaled() {
		return statusSignalled + int(s.Signal())
	}
	return s.ExitStatus()
}

// lookPath leaves names with a slash to the kernel, which knows the command's folder.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path, err := exec.LookPath(name)
	if inner := (*exec.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	return path, err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// children are the processes that this one has started. It also inherits all others of the instance,
// so it reaps whatever there is, and remembers only its own.
type children struct {
	mu    sync.Mutex
	ended map[int]chan unix.WaitStatus
}

func (c *children) start(path string, args []string, attr *syscall.ProcAttr) (pid int, ended chan unix.WaitStatus, err error) {
	c.mu.Lock() // so that it is not reaped before it is remembered
	defer c.mu.Unlock()
	if pid, err = syscall.ForkExec(path, args, attr); err != nil {
		return 0, nil, err
	}
	ended = make(chan unix.WaitStatus, 1)
	c.ended[pid] = ended
	return pid, ended, nil
}

// reap is true when no process is left.
func (c *children) reap() (none bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return true // ECHILD
		case pid == 0:
			return false
		default:
			if ended, ok := c.ended[pid]; ok {
				delete(c.ended, pid)
				ended <- status
			}
		}
	}
}

// signal reaches a process of our own and its group, unless it has been reaped: its number may then
// be another's.
func (c *children) signal(pid int, sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.ended[pid]; ok {
		unix.Kill(-pid, sig)
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func send(conn *net.UnixConn, r reply, terminal *os.File) {
	raw, err := json.Marshal(r)
	if err != nil {
		return
	}
	var rights []byte
	if terminal != nil {
		rights = unix.UnixRights(int(terminal.Fd()))
	}
	conn.WriteMsgUnix(append(raw, '\n'), rights, nil) // it is short, and if nobody listens nobody cares
}
