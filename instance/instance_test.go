package instance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if IsInit() {
		Init()
	}
	if len(os.Args) > 1 && os.Args[1] == insideArg {
		inside()
	}
	if len(os.Args) > 1 && os.Args[1] == starterArg {
		starter()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == proberArg {
		fmt.Println(Probe())
		return
	}
	os.Exit(m.Run())
}

// newHome is a home below a data directory which is not in /tmp, for instances do not see the
// machine's /tmp anyhow.
func newHome(t *testing.T) Home {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes namespaces and mounts")
	}
	data, err := os.MkdirTemp("/var/tmp", "crenel-test-")
	if err != nil {
		t.Fatal(err)
	}
	h := Home{Dir: filepath.Join(data, "instances"), Hide: data, Owner: fmt.Sprintf("%08x", rand.Uint32())}
	if err := os.WriteFile(filepath.Join(data, "secret"), []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		all, err := h.List()
		if err != nil {
			t.Error(err)
		}
		for _, s := range all {
			if err := h.Remove(s.ID); err != nil {
				t.Error(err)
			}
		}
		if err := os.RemoveAll(data); err != nil {
			t.Error(err)
		}
	})
	return h
}

func spec(id string) Spec {
	return Spec{
		ID: id, Hostname: "ip-172-31-0-10.ec2.internal", Addr: netip.MustParseAddr("172.31.0.10"),
		Resolver: netip.MustParseAddr("172.31.0.2"), Banner: "Image ami-1, instance " + id, Boots: 1,
	}
}

// launch creates an instance and runs it.
func launch(t *testing.T, h Home, s Spec) {
	t.Helper()
	if err := h.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := h.Run(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
}

// sh runs a script in an instance and returns what it prints, trimmed, with its status.
func sh(t *testing.T, h Home, id, script string) (string, int) {
	t.Helper()
	return in(t, h, id, Command{Args: []string{"sh", "-c", script}})
}

func in(t *testing.T, h Home, id string, c Command) (string, int) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c.Stdout, c.Stderr = write, write
	var out bytes.Buffer
	done := make(chan struct{})
	go func() {
		io.Copy(&out, read)
		close(done)
	}()
	status, err := h.Exec(t.Context(), id, c)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	<-done
	return strings.TrimSpace(out.String()), status
}

func wantSh(t *testing.T, h Home, id, script, want string) {
	t.Helper()
	if got, status := sh(t, h, id, script); got != want || status != 0 {
		t.Errorf("%s\ngot  %q, status %d\nwant %q", script, got, status, want)
	}
}

// meeting is a FIFO in the instance: how tests wait for what a script in it does.
const meeting = "/root/sync"

func makeSync(t *testing.T, h Home, id string) {
	t.Helper()
	path := filepath.Join(h.dir(id), upperDir, "root")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(path, "sync"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnInstanceKnowsItself(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	for script, want := range map[string]string{
		"hostname":          "ip-172-31-0-10",
		"cat /etc/hostname": "ip-172-31-0-10",
		"getent hosts ip-172-31-0-10 | tr -s ' '": "172.31.0.10 ip-172-31-0-10.ec2.internal ip-172-31-0-10",
		"cat /etc/resolv.conf":                    "nameserver 172.31.0.2\nsearch ec2.internal",
		"cat /proc/1/comm":                        "crenel-init",
		"echo $HOME $PWD $PATH":                   "/root /root " + searchPath,
		"ls -A /tmp":                              "",
		"ls /run":                                 "lock",
		"id -u":                                   "0",
		"ls /sys/class/net":                       "lo",
		"cat /proc/self/cgroup":                   "0::/",
	} {
		if script == "cat /proc/self/cgroup" {
			script = "grep ^0: /proc/self/cgroup || echo 0::/"
		}
		wantSh(t, h, "i-1", script, want)
	}
	// Its own processes, and no other's: the first, this shell and what it runs.
	wantSh(t, h, "i-1", "set -- $(ls -d /proc/[0-9]* | wc -l); test $1 -le 5 && echo few", "few")
}

func TestWhatAnInstanceWritesStaysInItsFolder(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	wantSh(t, h, "i-1", "echo mine > /etc/crenel-test && rm -r /usr/share/doc && chown 1000:1000 /etc/crenel-test && stat -c %u /etc/crenel-test", "1000")
	if exists("/etc/crenel-test") || !exists("/usr/share/doc") {
		t.Error("the machine's files were changed")
	}
	if raw, err := os.ReadFile(filepath.Join(h.dir("i-1"), "upper/etc/crenel-test")); string(raw) != "mine\n" {
		t.Errorf("in the folder: %q, %v", raw, err)
	}
	s := spec("i-2")
	launch(t, h, s)
	wantSh(t, h, "i-2", "cat /etc/crenel-test 2>&1; ls -d /usr/share/doc", "cat: /etc/crenel-test: No such file or directory\n/usr/share/doc")
}

func TestTheDataDirectoryIsHidden(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	wantSh(t, h, "i-1", "ls -A "+h.Hide+"; touch "+h.Hide+"/x 2>/dev/null || echo read-only", "read-only")
	if _, err := os.Stat(filepath.Join(h.Hide, "secret")); err != nil {
		t.Error(err)
	}
}

func TestTheDataDirectoryIsHiddenByAllItsNames(t *testing.T) {
	h := newHome(t)
	link := h.Hide + "-link"
	if err := os.Symlink(filepath.Base(h.Hide), link); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(link)
	t.Chdir(filepath.Dir(link))
	named := Home{Dir: filepath.Join(filepath.Base(link), "instances"), Hide: filepath.Base(link), Owner: h.Owner}
	launch(t, named, spec("i-1"))
	wantSh(t, h, "i-1", "ls -A "+h.Hide+"/; ls -A "+link+"/", "")
}

// Kernels may be built, or told, to let folders of the lower layer be renamed.
func TestTheDataDirectoryStaysHiddenWhenItsParentIsRenamed(t *testing.T) {
	h := newHome(t)
	const setting = "/sys/module/overlay/parameters/redirect_dir"
	before, err := os.ReadFile(setting)
	if err == nil {
		err = os.WriteFile(setting, []byte("Y"), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(setting, before, 0)
	s := spec("i-1")
	launch(t, h, s)
	parent := filepath.Dir(h.Hide)
	if got := try(t, h, s.ID, "rename", parent, parent+"2"); !strings.Contains(got, "invalid cross-device link") {
		t.Error("renaming:", got)
	}
	sh(t, h, s.ID, "mkdir -p "+parent)
	if err := h.Stop(t.Context(), s.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := h.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	wantSh(t, h, s.ID, "cat "+parent+"*/"+filepath.Base(h.Hide)+"/secret 2>/dev/null || echo hidden", "hidden")
}

func TestAnInstanceThatWouldSeeTheDataDirectoryElsewhereDoesNotStart(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	if err := h.makeFolder(s.ID); err != nil {
		t.Fatal(err)
	}
	// A whiteout: as if the folder had gone another way from the instance's tree.
	path := filepath.Join(h.dir(s.ID), upperDir, h.Hide)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mknod(path, unix.S_IFCHR, 0); err != nil {
		t.Fatal(err)
	}
	want := "hide " + h.Hide + ": stat " + h.Hide + ": no such file or directory"
	if err := h.Create(t.Context(), s); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("started: %v, want %s", err, want)
	}
}

func TestTheDataDirectoryMayBeWhereInstancesHaveTheirOwn(t *testing.T) {
	newHome(t)
	dir := t.TempDir() // below /tmp
	h := Home{Dir: filepath.Join(dir, "instances"), Hide: dir, Owner: "00000001"}
	launch(t, h, spec("i-1"))
	wantSh(t, h, "i-1", "ls -A /tmp", "")
	if err := h.Remove("i-1"); err != nil {
		t.Error(err)
	}
}

// Instances see the root file system without what is mounted on it; there the data directory has its other name.
func TestTheDataDirectoryIsHiddenWhereItIsBoundFrom(t *testing.T) {
	h := newHome(t)
	bound := t.TempDir()
	if err := unix.Mount(h.Hide, bound, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(bound, unix.MNT_DETACH)
	named := Home{Dir: filepath.Join(bound, "instances"), Hide: bound, Owner: h.Owner}
	launch(t, named, spec("i-1"))
	wantSh(t, named, "i-1", "ls -A "+h.Hide+"; ls -A "+bound+" 2>/dev/null || true", "")
}

func TestUserDataRunsAtEveryStart(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	if err := h.makeFolder(s.ID); err != nil {
		t.Fatal(err)
	}
	makeSync(t, h, s.ID)
	s.UserData = []byte("#!/bin/sh\necho ran >> /root/log\necho \"user $(id -u) home $HOME\"\necho oops >&2\necho hi > /dev/console\necho done > " + meeting + "\nexit 3\n")
	for boot := int32(1); boot <= 3; boot++ {
		s.Boots = boot
		if err := h.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if boot == 1 {
			wantSh(t, h, "i-1", "ls /root/log 2>/dev/null || echo not yet", "not yet")
		}
		for range 2 { // once per start
			if err := h.Run(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
		}
		wantSh(t, h, "i-1", "cat "+meeting+"; wc -l < /root/log", "done\n"+string('0'+rune(boot)))
		waitConsole(t, h, s.ID, "crenel: user data ended with status 3\n", int(boot))
		if err := h.Stop(t.Context(), s.ID, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	out, err := h.ConsoleOutput(s.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := "Image ami-1, instance i-1\nuser 0 home /root\noops\nhi\ncrenel: user data ended with status 3\n"
	if at := h.ConsoleTime(s.ID); time.Since(at) > time.Minute {
		t.Error("the console was last written", at)
	}
	if diff := cmp.Diff(strings.Repeat(want, 3), string(out)); diff != "" {
		t.Error("the console: ", diff)
	}
}

// waitConsole waits until a text has appeared n times; there is no more direct way to learn of output.
func waitConsole(t *testing.T, h Home, id, text string, n int) {
	t.Helper()
	for t.Context().Err() == nil {
		out, err := h.ConsoleOutput(id)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(out), text) >= n {
			return
		}
	}
}

func TestOtherUserDataIsOnlyStored(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	s.UserData = []byte("#cloud-config\npackages: [x]\n")
	launch(t, h, s)
	wantSh(t, h, "i-1", "cat "+userDataFile+"; ls "+filepath.Dir(scriptFile)+" 2>/dev/null || true", "#cloud-config\npackages: [x]")
}

func TestAScriptWithoutAnInterpreterSaysSo(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	s.UserData = []byte("#!/no/such/shell\n")
	launch(t, h, s)
	waitConsole(t, h, "i-1", "crenel: user data could not be started: no such file or directory\n", 1)
}

func TestAnInstanceOutlivesItsStarter(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	again := Home{Dir: h.Dir, Hide: h.Hide, Owner: h.Owner}
	all, err := again.List()
	if diff := cmp.Diff([]Status{{ID: "i-1", Boots: 1, Alive: true}}, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
	before, err := again.readState("i-1")
	if err != nil {
		t.Fatal(err)
	}
	s := spec("i-1")
	s.Boots = 7 // is alive: nothing happens
	launch(t, again, s)
	if after, err := again.readState("i-1"); after != before || err != nil {
		t.Errorf("started again: %+v, was %+v, %v", after, before, err)
	}
	wantSh(t, again, "i-1", "hostname", "ip-172-31-0-10")
}

func TestFilesStayOverStopAndStart(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	launch(t, h, s)
	wantSh(t, h, "i-1", "echo mine > /etc/kept; echo x > /tmp/gone; echo 10.0.0.9 other >> /etc/hosts; echo renamed > /etc/hostname", "")
	if err := h.Stop(t.Context(), "i-1", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	all, err := h.List()
	if diff := cmp.Diff([]Status{{ID: "i-1", Boots: 1}}, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := h.Exec(t.Context(), "i-1", Command{Args: []string{"true"}}); !errors.Is(err, ErrNotAlive) {
		t.Error("exec in a stopped instance:", err)
	}
	if _, err := h.NetNS("i-1"); !errors.Is(err, ErrNotAlive) {
		t.Error("the network of a stopped instance:", err)
	}
	s.Boots = 2
	launch(t, h, s)
	wantSh(t, h, "i-1", "cat /etc/kept /etc/hostname; ls -A /tmp; tail -1 /etc/hosts", "mine\nrenamed\n10.0.0.9 other")
}

func TestStopEndsWhatWillNot(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	if err := h.makeFolder(s.ID); err != nil {
		t.Fatal(err)
	}
	makeSync(t, h, s.ID)
	s.UserData = []byte("#!/bin/sh\ntrap 'echo not me' TERM\necho up > " + meeting + "\nwhile :; do read x < " + meeting + "; done\n")
	launch(t, h, s)
	wantSh(t, h, "i-1", "cat "+meeting, "up")
	if err := h.Stop(t.Context(), "i-1", 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if all, err := h.List(); err != nil || all[0].Alive {
		t.Error("after Stop:", all, err)
	}
}

func TestStopGivesTimeToEnd(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	if err := h.makeFolder(s.ID); err != nil {
		t.Fatal(err)
	}
	makeSync(t, h, s.ID)
	s.UserData = []byte("#!/bin/sh\ntrap 'echo saved > /root/state; exit 0' TERM\necho up > " + meeting + "\nsleep 1000 & wait\n")
	launch(t, h, s)
	wantSh(t, h, "i-1", "cat "+meeting, "up")
	if err := h.Stop(t.Context(), "i-1", time.Minute); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(h.dir("i-1"), "upper/root/state")); string(raw) != "saved\n" {
		t.Errorf("what the script left: %q, %v", raw, err)
	}
}

func TestAnInstanceCanEndItself(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	if _, err := h.Exec(t.Context(), "i-1", Command{Args: []string{"sh", "-c", "kill -TERM 1; sleep 1000"}}); err != nil && !errors.Is(err, ErrNotAlive) {
		t.Error(err)
	}
	if err := h.Wait(t.Context(), "i-1"); err != nil {
		t.Error(err)
	}
	if all, err := h.List(); err != nil || all[0].Alive {
		t.Error("afterwards:", all, err)
	}
}

func TestAKilledInstanceIsDeadAndCanStartAgain(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	st, err := h.readState("i-1")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- h.Wait(context.Background(), "i-1") }()
	if err := unix.Kill(st.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if all, err := h.List(); err != nil || all[0].Alive {
		t.Error("afterwards:", all, err)
	}
	launch(t, h, spec("i-1"))
	wantSh(t, h, "i-1", "hostname", "ip-172-31-0-10")
}

func TestAnotherProcessOfTheSameNumberIsNoInstance(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	st, err := h.readState("i-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []state{
		{PID: st.PID, Start: st.Start, Boot: "another", Boots: 1},
		{PID: st.PID, Start: st.Start + 1, Boot: st.Boot, Boots: 1},
		{PID: 1 << 22, Start: st.Start, Boot: st.Boot, Boots: 1},
	} {
		if err := h.writeState("i-1", other); err != nil {
			t.Fatal(err)
		}
		want := []Status{{ID: "i-1", Boots: 1}}
		if all, err := h.List(); !cmp.Equal(want, all) || err != nil {
			t.Errorf("with %+v: %+v, %v", other, all, err)
		}
	}
	if err := h.writeState("i-1", st); err != nil {
		t.Fatal(err)
	}
}

// Root in the instance cannot do this any more, but could before system calls were filtered, or finds another way.
func TestAFirstProcessThatDoesNotAnswerIsLeftAndHeardAgain(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	before, err := h.readState("i-1")
	if err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Prlimit(before.PID, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(before.PID, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: limit.Max}, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.Create(t.Context(), spec("i-1")); err == nil || !strings.Contains(err.Error(), "its first process did not answer for 10s") {
		t.Error("created:", err)
	}
	if p, err := h.process("i-1"); err != nil || p.pid != before.PID {
		t.Error("it was ended:", err)
	}
	if err := unix.Prlimit(before.PID, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.Create(t.Context(), spec("i-1")); err != nil {
		t.Error("when it has files again:", err)
	}
	wantSh(t, h, "i-1", "hostname", "ip-172-31-0-10")
}

func TestStraySignalsDoNotEndAnInstance(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	st, err := h.readState("i-1")
	if err != nil {
		t.Fatal(err)
	}
	for sig := unix.Signal(1); sig < 32; sig++ {
		if sig == unix.SIGKILL || sig == unix.SIGSTOP || sig == unix.SIGTERM {
			continue
		}
		if err := unix.Kill(st.PID, sig); err != nil {
			t.Fatal(sig, err)
		}
	}
	wantSh(t, h, "i-1", "kill -9 1; kill -INT 1; kill -QUIT 1; kill -SEGV 1; echo alive", "alive")
	wantSh(t, h, "i-1", "echo still", "still")
}

func TestZombiesAreReaped(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	// Processes whose parents are gone end, and leave nothing.
	wantSh(t, h, "i-1", "for i in 1 2 3 4 5; do (true &); done; "+
		"timeout 20 sh -c \"while grep -qs '^State:.Z' /proc/[0-9]*/status; do :; done\" && echo none", "none")
}

func TestRemoveLeavesNothing(t *testing.T) {
	h := newHome(t)
	before := leftovers(t, h)
	launch(t, h, spec("i-1"))
	launch(t, h, spec("i-2"))
	wantSh(t, h, "i-1", "echo x > /etc/x; (sleep 1000 >/dev/null 2>&1 &); mkdir -p /a/b; chmod 0 /a", "")
	for _, id := range []string{"i-1", "i-2", "i-2", "i-none"} {
		if err := h.Remove(id); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(h.Dir); err != nil || len(entries) != 0 {
		t.Error("left in the home:", entries, err)
	}
	if diff := cmp.Diff(before, leftovers(t, h)); diff != "" {
		t.Error("left:", diff)
	}
}

// leftovers are the mounts, cgroups and processes of instances, as seen from outside.
func leftovers(t *testing.T, h Home) map[string]string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(mounts)) { // others' come and go
		if strings.Contains(line, h.Hide) {
			all["mounts"] += line
		}
	}
	root, err := cgroup2()
	if err != nil {
		t.Fatal(err)
	}
	if groups, err := filepath.Glob(root + "/crenel-" + h.Owner + "*"); err != nil || groups != nil {
		all["cgroups"] = strings.Join(groups, " ")
	}
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds { // every instance has its console open
		if file, _ := os.Readlink(fd); strings.HasPrefix(file, h.Dir) {
			all["process "+fd] = file
		}
	}
	return all
}

func TestAnInstanceHasItsOwnSessionAndCgroup(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	st, err := h.readState("i-1")
	if err != nil {
		t.Fatal(err)
	}
	if sid, err := unix.Getsid(st.PID); sid != st.PID || err != nil {
		t.Errorf("session %d of process %d, %v", sid, st.PID, err)
	}
	path, err := h.cgroup("i-1")
	if err != nil || path == "" {
		t.Skip("no cgroup2 here", err)
	}
	raw, err := os.ReadFile(path + "/cgroup.procs")
	if err != nil || len(strings.Fields(string(raw))) != 1 {
		t.Errorf("processes in %s: %q, %v", path, raw, err)
	}
}

func TestIDsCannotLeadOutOfTheHome(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	for _, id := range []string{"", "i-", "..", "i-1/../..", "i-\x00", "I-1", "i-1 "} {
		if err := h.Create(t.Context(), Spec{ID: id}); err == nil {
			t.Errorf("created %q", id)
		}
		if err := h.Remove(id); err == nil {
			t.Errorf("removed %q", id)
		}
		if err := h.Stop(t.Context(), id, 0); err == nil {
			t.Errorf("stopped %q", id)
		}
		if _, err := h.NetNS(id); err == nil || errors.Is(err, ErrNotAlive) {
			t.Errorf("looked for %q: %v", id, err)
		}
		if _, err := h.Exec(t.Context(), id, Command{Args: []string{"true"}}); err == nil {
			t.Errorf("ran something in %q", id)
		}
	}
}

func TestAFailedStartSaysWhyAndCanBeRepeated(t *testing.T) {
	h := newHome(t)
	s := spec("i-1")
	s.Hostname = strings.Repeat("x", 100)
	if err := h.Create(t.Context(), s); err == nil || !strings.Contains(err.Error(), "set the host name") {
		t.Error(err)
	}
	if all, err := h.List(); err != nil || all[0].Alive {
		t.Error("afterwards:", all, err)
	}
	launch(t, h, spec("i-1"))
}
