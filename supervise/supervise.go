// Package supervise keeps the processes of one program running, and makes sure that none of them
// outlives it.
//
//	err := supervise.Run(ctx, processes, func() { fmt.Println("ready") }, log)
//
// A process calls Follow first. It then ends when its supervisor does, even by kill -9: both ends of
// a pipe are all that it takes, so neither threads nor a change of user matter.
package supervise

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is one that the supervisor starts, again and again.
type Process struct {
	Name, Path string
	Args       []string
	Dir        string     // working directory
	Files      []*os.File // inherited, from FirstFile on
	Input      string     // what it reads on its standard input; at most a pipe's buffer
	// Tells says that it writes StartedLine and, later, ReadyLine to its standard output. The processes
	// after it in the list are started only when it has started: what it refuses, they never touch.
	Tells bool
}

const (
	// FirstFile is the file descriptor of a process's first inherited file.
	FirstFile = 4
	// StartedLine is what a process says when the next may start, ReadyLine when it is ready.
	StartedLine, ReadyLine = "started\n", "ready\n"

	lifeline          = 3
	shortest, longest = 100 * time.Millisecond, 5 * time.Second
	grace             = 15 * time.Second
)

// Run starts the processes and calls ready once, when one says that it is. A process that ends
// before it ever ran well ends everything; one that ends later is started again, at most every 5 s.
// Run returns when ctx ends and all processes are gone: nil, unless ctx ended before ready.
// What the processes write to standard error goes to stderr: a file, because they write at once.
func Run(ctx context.Context, processes []Process, ready func(), stderr *os.File) error {
	read, write, err := os.Pipe() // write stays open in this process only: exec closes it
	if err != nil {
		return err
	}
	defer write.Close()
	defer read.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	says, ends := make(chan struct{}), make(chan error)
	begin := make(chan struct{})
	close(begin)
	for _, p := range processes {
		k := &keeper{Process: p, lifeline: read, says: says, stderr: stderr, begin: begin, started: make(chan struct{})}
		begin = k.started
		go func() { ends <- k.keep(ctx) }()
	}
	var failure error
	serving := false
	for running := len(processes); running > 0; {
		select {
		case <-says:
			if !serving {
				ready()
			}
			serving = true
		case err := <-ends:
			running--
			if failure == nil {
				failure = err
			}
			cancel()
		}
	}
	if failure == nil && !serving {
		failure = errors.New("stopped before it was ready")
	}
	return failure
}

// A keeper keeps one process running.
type keeper struct {
	Process
	lifeline *os.File
	stderr   *os.File
	begin    <-chan struct{} // closed when it may start
	started  chan struct{}   // closed when the next one may
	says     chan<- struct{} // that it is ready
	once     sync.Once       // started is closed
}

func (k *keeper) keep(ctx context.Context) error {
	select {
	case <-k.begin:
	case <-ctx.Done():
		return nil
	}
	well := false // it was ready, ran for a while, or was killed
	for pause := shortest; ; pause = min(2*pause, longest) {
		start := time.Now()
		said, err := k.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(start) > longest {
			well, pause = true, shortest
		}
		if well = well || said || signaled(err); !well {
			return fmt.Errorf("the %s did not start: %w", k.Name, cmp.Or(err, errors.New("it ended at once")))
		}
		fmt.Fprintf(k.stderr, "crenel: the %s ended (%v); starting it again\n", k.Name, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func signaled(err error) bool {
	var e *exec.ExitError
	return errors.As(err, &e) && e.Sys().(syscall.WaitStatus).Signaled()
}

// run runs the process to its end. When ctx ends it is told to stop, and killed if it does not.
func (k *keeper) run(ctx context.Context) (ready bool, err error) {
	cmd := exec.CommandContext(ctx, k.Path, k.Args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = grace
	cmd.Dir, cmd.Stderr, cmd.Env = k.Dir, k.stderr, environment(os.Environ())
	cmd.ExtraFiles = append([]*os.File{k.lifeline}, k.Files...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is the supervisor's to hand on
	input, err := k.input()
	if err != nil {
		return false, err
	}
	defer input.Close()
	cmd.Stdin = input
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	if !k.Tells {
		k.once.Do(func() { close(k.started) })
	}
	for lines := bufio.NewReader(out); ; {
		switch line, err := lines.ReadString('\n'); {
		case err != nil:
			return ready, cmd.Wait()
		case k.Tells && line == StartedLine:
			k.once.Do(func() { close(k.started) })
		case k.Tells && line == ReadyLine:
			ready = true
			select {
			case k.says <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
}

// environment is what processes get of the supervisor's, which is root's and may hold anything: where
// programs are, time zones and language, and what is for Go's runtime or for crenel.
func environment(all []string) (out []string) {
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "PATH", name == "TZ", name == "LANG", strings.HasPrefix(name, "CRENEL_"):
			out = append(out, v)
		case name == "GODEBUG", name == "GOTRACEBACK", name == "GOMAXPROCS", name == "GOGC", name == "GOMEMLIMIT":
			out = append(out, v)
		}
	}
	return out
}

func (k *keeper) input() (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	_, err = write.WriteString(k.Input)
	return read, err
}

// Follow ends this process when its supervisor does. It fails where there is none.
func Follow() error {
	f := os.NewFile(lifeline, "lifeline")
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		return errors.New("this command is for crenel up to start")
	}
	unix.CloseOnExec(lifeline)
	go func() {
		_, _ = f.Read(make([]byte, 1)) // nobody ever writes
		os.Exit(1)
	}()
	return nil
}

// Inherited is the n-th inherited file of this process.
func Inherited(n int, name string) *os.File {
	unix.CloseOnExec(FirstFile + n)
	return os.NewFile(uintptr(FirstFile+n), name)
}
