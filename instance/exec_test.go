package instance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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

// Root in an instance has the ids of the machine, so what matters is which file a descriptor leads to.
func TestTheCallersFilesCannotBeChanged(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	dir := t.TempDir()
	var files []*os.File
	for n, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_WRONLY} {
		path := filepath.Join(dir, strconv.Itoa(n))
		if err := os.WriteFile(path, []byte("kept\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, flag|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	script := "for n in 0 1 2; do chmod 666 /proc/self/fd/$n; timeout 1 sh -c \"echo lost > /proc/self/fd/$n\"; done"
	if _, err := h.Exec(t.Context(), "i-1", Command{Args: []string{"timeout", "5", "sh", "-c", script}, Stdin: files[0]}); err != nil {
		t.Error(err)
	}
	h.Exec(t.Context(), "i-1", Command{Args: []string{"sh", "-c", "chmod 666 /dev/stdout /dev/stderr"}, Stdout: files[1], Stderr: files[2]})
	for _, f := range files {
		st, err := os.Stat(f.Name())
		if err != nil || st.Mode() != 0o600 {
			t.Errorf("%s has the mode %s, %v", f.Name(), st.Mode(), err)
		}
		if content, err := os.ReadFile(f.Name()); !strings.HasPrefix(string(content), "kept\n") || strings.Contains(string(content), "lost") && f == files[0] {
			t.Errorf("%s holds %q, %v", f.Name(), content, err)
		}
	}
	if st, err := os.Stat("/dev/null"); err != nil || st.Mode().Perm() != 0o666 {
		t.Error("/dev/null:", st.Mode(), err)
	}
	h.Exec(t.Context(), "i-1", Command{Args: []string{"chmod", "600", "/proc/self/fd/0", "/proc/self/fd/1"}})
	if st, err := os.Stat("/dev/null"); err != nil || st.Mode().Perm() != 0o666 {
		t.Error("/dev/null:", st.Mode(), err)
		os.Chmod("/dev/null", 0o666)
	}
}

func TestWhatIsTypedAfterTheCommandIsNotItsToRead(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	for name, stdout := range map[string]bool{"the output elsewhere": false, "all on the terminal": true} {
		keys, tty, shown := newTerminal(t)
		c := Command{Args: []string{"sh", "-c", "trap '' HUP; (cat <&3 > /root/keys; echo done > /root/over) 3<&0 & exit 3"}, Stdin: tty}
		if stdout {
			c.Stdout, c.Stderr = tty, tty
		}
		wantSh(t, h, "i-1", "rm -f /root/over; mkfifo /root/over", "")
		if status, err := h.Exec(t.Context(), "i-1", c); status != 3 || err != nil {
			t.Error(name, status, err)
		}
		keys.WriteString("password\n")
		if line, err := bufio.NewReader(tty).ReadString('\n'); line != "password\n" {
			t.Errorf("%s: what was typed is %q here, %v", name, line, err)
		}
		shown.Discard(shown.Buffered())
		wantSh(t, h, "i-1", "cat /root/over /root/keys", "done")
	}
}

func TestAllOutputArrivesInItsOrder(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	var want strings.Builder
	for n := range 1_000_000 {
		fmt.Fprintln(&want, n)
	}
	if got, _ := sh(t, h, "i-1", "seq 0 999999"); got != strings.TrimSpace(want.String()) {
		t.Errorf("of %d bytes %d arrived", want.Len(), len(got))
	}
	wantSh(t, h, "i-1", "for n in 1 2 3; do echo out; echo err >&2; done", strings.TrimSpace(strings.Repeat("out\nerr\n", 3)))
	// What it leaves running does not hold up its end, nor lose what was printed.
	for range 20 {
		wantSh(t, h, "i-1", "sleep 1000 & seq 0 9999 | tail -1", "9999")
	}
}

func TestACommandHearsThatNobodyReadsItsOutput(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	go func() {
		bufio.NewReader(read).ReadString('\n')
		read.Close()
	}()
	if status, err := h.Exec(t.Context(), "i-1", Command{Args: []string{"yes"}, Stdout: write}); status != statusSignalled+int(unix.SIGPIPE) || err != nil {
		t.Error(status, err)
	}
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if _, err := h.Exec(t.Context(), "i-1", Command{Args: []string{"echo", "hello"}, Stdout: full}); !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
}

// A command that reads no input does not end later for it, and one that reads some gets the rest of none.
func TestInputThatNeverEnds(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]*os.File{read, write})
	write.WriteString("one\n")
	if got, status := in(t, h, "i-1", Command{Args: []string{"head", "-1"}, Stdin: read}); got != "one" || status != 0 {
		t.Error(got, status)
	}
	if got, status := in(t, h, "i-1", Command{Args: []string{"echo", "two"}, Stdin: read}); got != "two" || status != 0 {
		t.Error(got, status)
	}
	write.WriteString("three\n")
	if line, err := bufio.NewReader(read).ReadString('\n'); line != "three\n" {
		t.Errorf("%q, %v", line, err)
	}
}
