package instance

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestExecGivesTheStatus(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	for _, c := range []struct {
		args   []string
		status int
		err    string
	}{
		{[]string{"true"}, 0, ""},
		{[]string{"sh", "-c", "exit 7"}, 7, ""},
		{[]string{"sh", "-c", "kill -9 $$"}, 137, ""},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143, ""},
		{[]string{"no-such-command"}, 127, "no-such-command: executable file not found in $PATH"},
		{[]string{"/no/such/command"}, 127, "/no/such/command: no such file or directory"},
		{[]string{"/etc"}, 126, "/etc: permission denied"},
		{nil, 126, "no command"},
	} {
		status, err := h.Exec(t.Context(), "i-1", Command{Args: c.args})
		if status != c.status || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%q: %d, %v; want %d, %s", c.args, status, err, c.status, c.err)
		}
	}
	if _, err := h.Exec(t.Context(), "i-2", Command{Args: []string{"true"}}); !errors.Is(err, ErrNotAlive) {
		t.Error("in no instance:", err)
	}
}

func TestExecPassesFilesArgumentsAndEnvironment(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	go func() {
		defer write.Close()
		write.WriteString(strings.Repeat("line\n", 100_000))
	}()
	if got, _ := in(t, h, "i-1", Command{Args: []string{"wc", "-l"}, Stdin: read}); got != "100000" {
		t.Error("lines that arrived:", got)
	}
	odd := "a b\n\xff\"'$"
	if got, _ := in(t, h, "i-1", Command{Args: []string{"printf", "%s|", odd, ""}}); got != odd+"||" {
		t.Errorf("arguments: %q", got)
	}
	long := strings.Repeat("x", 120_000)
	if got, _ := in(t, h, "i-1", Command{Args: []string{"sh", "-c", "echo ${#1} ${#2}", "sh", long, long}}); got != "120000 120000" {
		t.Error("long arguments:", got)
	}
	if got, _ := in(t, h, "i-1", Command{Args: []string{"sh", "-c", "echo $A $HOME"}, Env: []string{"A=b"}}); got != "b /root" {
		t.Errorf("environment: %q", got)
	}
	if got, status := in(t, h, "i-1", Command{Args: []string{"cat"}}); got != "" || status != 0 {
		t.Error("without input:", got, status)
	}
}

func TestACommandInTheBackgroundLivesOn(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	wantSh(t, h, "i-1", "nohup sleep 1000 > /dev/null 2>&1 & echo $! > /root/pid", "")
	wantSh(t, h, "i-1", "kill -0 $(cat /root/pid) && echo lives", "lives")
}

func TestACommandHearsThatItsCallerIsGone(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		bufio.NewReader(read).ReadString('\n')
		cancel()
	}()
	_, err = h.Exec(ctx, "i-1", Command{
		Args:   []string{"sh", "-c", "mkfifo /root/f; trap 'echo hup > /root/f; exit' HUP; echo up; sleep 1000 & wait"},
		Stdout: write,
	})
	write.Close()
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wantSh(t, h, "i-1", "cat /root/f", "hup")
}

// terminal is a terminal with somebody at it: what is typed and what is shown.
func newTerminal(t *testing.T) (keys, tty *os.File, shown *bufio.Reader) {
	t.Helper()
	keys, tty, err := openTerminal(30, 100)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]*os.File{keys, tty}) })
	return keys, tty, bufio.NewReader(keys)
}

func TestExecOnATerminal(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	keys, tty, shown := newTerminal(t)
	go func() {
		for line := ""; !strings.HasPrefix(line, "go"); {
			line, _ = shown.ReadString('\n')
		}
		keys.WriteString("typed\r")
	}()
	before, _ := os.Readlink("/proc/self/fd/0")
	status, err := h.Exec(t.Context(), "i-1", Command{
		Args: []string{"bash", "-ic", "tty > /root/out; stty size >> /root/out; echo go; read x; echo $x >> /root/out; exit 5"}, Stdin: tty, Stdout: tty, Stderr: tty,
	})
	if status != 5 || err != nil {
		t.Error(status, err)
	}
	if after, _ := os.Readlink("/proc/self/fd/0"); after != before {
		t.Error("stdin changed")
	}
	wantSh(t, h, "i-1", "cat /root/out", "/dev/pts/0\n30 100\ntyped")
}

func TestCtrlCReachesTheCommand(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	keys, tty, shown := newTerminal(t)
	go func() {
		shown.ReadString('\n')
		keys.WriteString("\x03")
	}()
	status, err := h.Exec(t.Context(), "i-1", Command{Args: []string{"sh", "-c", "echo up; exec sleep 1000"}, Stdin: tty, Stdout: tty})
	if status != 130 || err != nil {
		t.Error(status, err)
	}
}
