package lab

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crenel/ec2"
)

// A pair is two instances in the default VPC: a client, and a server that lets the client's group in on
// port 80. A connection of theirs is open.
type pair struct {
	*play
	t *testing.T
}

func newPair(t *testing.T, u *up) *pair {
	t.Helper()
	w := u.wire()
	userData := base64.StdEncoding.EncodeToString([]byte(serving(w.Probe, []int{80, 81}, nil)))
	p := &pair{t: t, play: newPlay(&Scenario{Name: t.Name()}, w, userData)}
	p.do(`vpc main default
		subnet a main default
		group client main
		group server main
		instance c a in client
		instance s a in server
		allow server ingress tcp 80 from client
		open old c s tcp 80
		talk old`)
	return p
}

// do carries out statements.
func (p *pair) do(text string) {
	p.t.Helper()
	s, err := Parse(p.t.Name(), strings.NewReader("# lifecycle\n"+text))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, step := range s.Steps {
		if err := p.step(step); err != nil {
			p.t.Fatalf("%s: %v", step, err)
		}
	}
}

// on moves the pair to another run of `crenel up` over the same data.
func (p *pair) on(u *up) { p.play.on = u.wire() }

// gone waits until the process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000); n != 1 || err != nil {
		t.Fatalf("process %d still runs (%v)", pid, err)
	}
}

// eventually waits for what another process brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestEitherProcessMayBeKilled(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	for _, name := range []string{"controller", "agent"} {
		old := u.child(name)
		if err := unix.Kill(old, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, old)
		p.do("talk old")
		eventually(t, "a new "+name, func() bool { return u.hasChild(name) && u.child(name) != old })
		// The API's socket never closed, and a change is enforced when its call returns. While the
		// agent comes back that may take longer than a call waits.
		eventually(t, "a change is enforced", func() bool {
			form := url.Values{"GroupId": {p.groups["server"]}, "IpProtocol": {"tcp"}, "FromPort": {"81"}, "ToPort": {"81"}, "CidrIp": {"0.0.0.0/0"}}
			return p.play.on.call("AuthorizeSecurityGroupIngress", form, &ec2.AuthorizeSecurityGroupIngressOutput{}) == nil &&
				p.play.on.call("RevokeSecurityGroupIngress", form, &ec2.RevokeSecurityGroupIngressOutput{}) == nil
		})
		p.do(`talk old
			pass c s tcp 80
			drop c s tcp 81`)
	}
}

func TestEverythingStaysWhenUpIsKilledAndTheNextUpAdoptsIt(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	w := u.wire()
	birth := func() string {
		out, err := w.inside(p.instances["s"], "stat", "-c", "%Y", "/proc/1").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	before := birth()
	server := trial{from: p.instances["c"], to: p.addr("s"), Probe: Probe{Protocol: "tcp", Port: 80}, expect: true}
	children := []int{u.child("controller"), u.child("agent")}
	if err := u.end(unix.SIGKILL); err == nil {
		t.Fatal("killed, and no error")
	}
	for _, pid := range children {
		gone(t, pid)
	}
	// No process of ours is there. Rules hold, known and new flows alike.
	p.tryOn(w, server, true)
	server.Port, server.expect = 81, false
	p.tryOn(w, server, false)
	p.do("talk old")

	u.up()
	p.on(u)
	p.do(`talk old
		pass c s tcp 80
		drop c s tcp 81
		revoke server ingress tcp 80 from client
		talk old
		drop c s tcp 80
		allow server ingress tcp 81 from client
		pass c s tcp 81`)
	if after := birth(); after != before {
		t.Errorf("the instance was started anew: its first process is of %s, was of %s", after, before)
	}
}

func TestSIGTERMLeavesInstancesAndSaysHowToRemoveThem(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	w, server := u.wire(), p.addr("s")
	if err := u.end(unix.SIGTERM); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if want := "crenel down --data-dir " + u.dir; !strings.Contains(u.said.String(), want) {
		t.Errorf("it did not say %q:\n%s", want, u.said)
	}
	p.do("talk old")
	for port, want := range map[int]bool{80: true, 81: false} {
		p.tryOn(w, trial{from: p.instances["c"], to: server, Probe: Probe{Protocol: "tcp", Port: port}, expect: want}, want)
	}
}

func TestDownRemovesEverythingAndNothingElse(t *testing.T) {
	needRoot(t)
	// Something of somebody else's, to be left alone.
	run(t, "ip", "link", "add", "labforeign0", "type", "veth", "peer", "name", "labforeign1")
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "labforeign0").Run() })
	before := census(t)
	u := start(t, t.TempDir())
	newPair(t, u)
	if slices.Equal(census(t), before) {
		t.Fatal("an up and two instances are not seen: the census is blind")
	}
	u.down()
	after := census(t)
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("left behind: %s", line)
		}
	}
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("gone, and not ours: %s", line)
		}
	}
	if _, err := os.Stat(u.dir); err == nil {
		t.Error("--purge left the data directory")
	}
}

// A mistyped --data-dir costs nobody anything, nor does a file that somebody put into the right one.
func TestPurgeDeletesOnlyWhatIsCrenels(t *testing.T) {
	needRoot(t)
	programs, err := bin()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	precious := filepath.Join(home, "precious")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(programs+"/crenel", "down", "--data-dir", home, "--purge").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is no data directory of crenel") {
		t.Errorf("down in a directory of somebody else's: %v %s", err, out)
	}
	u := start(t, filepath.Join(home, "data"))
	mine := filepath.Join(u.dir, "notes.txt")
	if err := os.WriteFile(mine, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = exec.Command(programs+"/crenel", "down", "--data-dir", u.dir, "--purge").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "notes.txt") {
		t.Errorf("down --purge with a file of mine: %v %s", err, out)
	}
	for _, file := range []string{precious, mine} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(u.dir); err != nil || len(left) != 1 {
		t.Errorf("the data directory holds %v (%v)", left, err)
	}
	if err := os.RemoveAll(u.dir); err != nil { // the clean-up's down has nothing to do then
		t.Fatal(err)
	}
}

// census is what of the host an up could leave traces in.
func census(t *testing.T) (lines []string) {
	t.Helper()
	for _, cmd := range [][]string{{"ip", "-o", "link"}, {"ip", "-o", "address"}, {"ip", "route", "show", "table", "all"}, {"ip", "rule"}, {"nft", "list", "ruleset"}} {
		out, _ := exec.Command(cmd[0], cmd[1:]...).Output()
		for _, line := range strings.Split(string(out), "\n") {
			if name, rest, ok := strings.Cut(line, ": "); ok && cmd[2] != "ruleset" {
				line = strings.TrimLeft(name, "0123456789") + rest // without the interface's number
			}
			lines = append(lines, cmd[1]+": "+line)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(mounts), "\n") {
		if f := strings.Fields(line); len(f) > 4 {
			lines = append(lines, "mount "+f[4])
		}
	}
	for _, pattern := range []string{"/sys/fs/bpf/*", "/sys/fs/cgroup/crenel*", "/sys/fs/cgroup/*/crenel*", "/run/crenel*", "/var/run/netns/*"} {
		found, _ := filepath.Glob(pattern)
		lines = append(lines, found...)
	}
	processes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range processes {
		if program, _ := os.Readlink(exe); strings.Contains(program, "crenel") {
			lines = append(lines, "process "+program)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func TestTwoUpsLiveSideBySide(t *testing.T) {
	one, two := start(t, t.TempDir()), start(t, t.TempDir())
	p, q := newPair(t, one), newPair(t, two)
	// Both have the default VPC, with the same addresses.
	p.do("pass c s tcp 80")
	q.do("pass c s tcp 80")
	if p.addr("s") != q.addr("s") {
		t.Errorf("the default VPCs differ: %s and %s", p.addr("s"), q.addr("s"))
	}
	if a, b := p.public("s"), q.public("s"); a == b {
		t.Errorf("two instances have the public address %s", a)
	}
	q.do("revoke server ingress tcp 80 from client\ndrop c s tcp 80")
	p.do("pass c s tcp 80\ntalk old")
	two.down()
	p.do("pass c s tcp 80\ntalk old\ndrop c s tcp 81")
}

// noBPF stands for a user: root without what eBPF takes.
const noBPF = 1

func TestUpSaysWhatIsWrong(t *testing.T) {
	needRoot(t)
	programs, err := bin()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := start(t, t.TempDir())
	before := census(t)
	full := t.TempDir()
	run(t, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full)
	t.Cleanup(func() { run(t, "umount", full) })

	for _, c := range []struct {
		name string
		args []string
		user uint32
		want string
	}{
		{"not root", []string{"--data-dir", t.TempDir()}, 65534, "root is needed"},
		{"no eBPF", []string{"--data-dir", t.TempDir()}, noBPF, "CAP_BPF"},
		{"a taken port", []string{"--data-dir", t.TempDir(), "--listen", taken.Addr().String()}, 0, "listen on " + taken.Addr().String() + ": bind: address already in use"},
		{"a data directory in use", []string{"--data-dir", busy.dir, "--listen", "127.0.0.1:0"}, 0, fmt.Sprintf("the data directory %s is in use by another crenel up (process %d)", busy.dir, busy.cmd.Process.Pid)},
		{"a full disk", []string{"--data-dir", full, "--listen", "127.0.0.1:0"}, 0, "is full: "},
		{"a file for a data directory", []string{"--data-dir", "/etc/hostname", "--listen", "127.0.0.1:0"}, 0, "make the data directory"},
		{"an unknown Region", []string{"--data-dir", t.TempDir(), "--region", "mars-north-1"}, 0, `"mars-north-1" is not an AWS Region`},
		{"an odd account", []string{"--data-dir", t.TempDir(), "--account", "12345"}, 0, `"12345" is not an account id`},
		{"an unknown flag", []string{"--no-such-flag"}, 0, "unknown flag --no-such-flag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(within(t, 30*time.Second), programs+"/crenel", append([]string{"up"}, c.args...)...)
			if c.user == noBPF { // root, without the capabilities that eBPF takes
				cmd.Args = append([]string{"setpriv", "--bounding-set", "-bpf,-sys_admin", programs + "/crenel", "up"}, c.args...)
				cmd.Path = "/usr/bin/setpriv"
			} else if c.user != 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.user, Gid: c.user}}
			}
			var stdout strings.Builder
			var stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if err == nil || cmd.ProcessState.ExitCode() <= 0 {
				t.Errorf("it ended with %v", err)
			}
			if !strings.Contains(stderr.String(), c.want) || stdout.Len() > 0 {
				t.Errorf("it said %q and %q, want %q on standard error", stdout.String(), stderr.String(), c.want)
			}
			for _, line := range census(t) {
				if !slices.Contains(before, line) && line != "mount "+full {
					t.Errorf("half made: %s", line)
				}
			}
			if lines := strings.Count(stderr.String(), "\n"); lines > 4 {
				t.Errorf("it took %d lines to say so:\n%s", lines, stderr.String())
			}
		})
	}
	key, err := os.ReadFile(filepath.Join(full, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, "mount", "-o", "remount,size=1g", full)
	start(t, full)
	if now, err := os.ReadFile(filepath.Join(full, "credentials")); err != nil || string(now) != string(key) {
		t.Errorf("with room on the disk, up does not go on with the key that it made: %v", err)
	}
}

// After `down`, as after a restart of the machine, what was running is started again, with its files.
func TestWhatWasRunningIsStartedAgain(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	if out, err := u.wire().inside(p.instances["s"], "sh", "-c", "echo kept > /root/file").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run(t, u.bin+"/crenel", "down", "--data-dir", u.dir)
	u.up()
	p.on(u)
	for _, name := range []string{"c", "s"} {
		w := u.wire()
		eventually(t, name+" listens", func() bool { return w.listening(p.instances[name]) })
	}
	p.do("pass c s tcp 80\ndrop c s tcp 81")
	if out, err := u.wire().inside(p.instances["s"], "cat", "/root/file").Output(); err != nil || string(out) != "kept\n" {
		t.Errorf("its file holds %q (%v)", out, err)
	}
}

func TestTheConsoleSaysWhatAnUnlistedImageRunsAs(t *testing.T) {
	p := newPair(t, start(t, t.TempDir())) // of the image ami-0123456789abcdef0
	eventually(t, "the console's first lines", func() bool {
		var out ec2.GetConsoleOutputOutput
		if err := p.play.on.call("GetConsoleOutput", url.Values{"InstanceId": {p.instances["c"]}}, &out); err != nil {
			t.Fatal(err)
		}
		if out.Output == nil {
			return false
		}
		text, err := base64.StdEncoding.DecodeString(*out.Output)
		return err == nil && strings.Contains(string(text), "ami-0123456789abcdef0 is no image that describe-images lists; it runs as a namespace instance")
	})
}

// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html: an instance may shut itself down.
func TestAnInstanceThatShutsItselfDownIsStopped(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	_ = u.wire().inside(p.instances["s"], "sh", "-c", "kill -TERM 1").Run()
	if err := p.play.on.settle(p.instances["s"], "stopped"); err != nil {
		t.Error(err)
	}
	p.do("start s\npass c s tcp 80")
}

func TestTheControllerHasNoPrivileges(t *testing.T) {
	u := start(t, t.TempDir())
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", u.child("controller")))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`(?m)^Uid:\t([1-9]\d*)\t[1-9]\d*\t[1-9]\d*\t[1-9]\d*$`, `(?m)^CapEff:\t0{16}$`, `(?m)^CapPrm:\t0{16}$`, `(?m)^Groups:\s*$`} {
		if !regexp.MustCompile(want).Match(status) {
			t.Errorf("the controller's status does not match %s:\n%s", want, status)
		}
	}
}

// Folders in folders, more than files may be open, keep no instance and no data directory from being removed.
func TestAnInstanceCannotKeepItselfFromBeingRemoved(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	w := u.wire()
	dig := "import os\nfor n in range(25000):\n    os.mkdir('a')\n    os.chdir('a')\n"
	for _, name := range []string{"c", "s"} {
		if out, err := w.inside(p.instances[name], "python3", "-c", dig).CombinedOutput(); err != nil {
			t.Fatalf("%v: %.200s", err, out)
		}
	}
	form := url.Values{"InstanceId.1": {p.instances["c"]}}
	if err := p.play.on.call("TerminateInstances", form, &ec2.TerminateInstancesOutput{}); err != nil {
		t.Fatal(err)
	}
	if err := p.play.on.settle(p.instances["c"], "terminated"); err != nil {
		t.Error(err)
	}
	run(t, u.bin+"/crenel", "down", "--data-dir", u.dir, "--purge")
	if entries, err := os.ReadDir(u.dir); err == nil {
		t.Error("left:", entries)
	}
}

// What down reads as root, the controller must not write; and no lock of root's is its to give away.
func TestTheControllerHoldsNoFileOfRoots(t *testing.T) {
	u := start(t, t.TempDir())
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", u.child("controller")))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range files {
		path, _ := os.Readlink(fd)
		if !strings.HasPrefix(path, u.dir) || strings.HasPrefix(path, filepath.Join(u.dir, "etcd")) {
			continue
		}
		mode, err := os.Lstat(fd)
		if err != nil {
			t.Fatal(err)
		}
		if path != filepath.Join(u.dir, "run/controller.lock") || mode.Mode()&0o200 != 0 {
			t.Errorf("the controller has %s open: %s", path, mode.Mode())
		}
	}
}

func TestExecHasTheCommandsExitStatus(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	w := u.wire()
	err := w.inside(p.instances["c"], "sh", "-c", "exit 7").Run()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("got %v, want exit status 7", err)
	}
	if out, err := w.inside("i-00000000000000000", "true").CombinedOutput(); err == nil || !strings.Contains(string(out), "no instance i-00000000000000000 is running") {
		t.Errorf("got %v: %s", err, out)
	}
}

func (p *pair) addr(name string) netip.Addr {
	p.t.Helper()
	a, err := p.address(name)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

func (p *pair) public(name string) netip.Addr {
	p.t.Helper()
	return p.addr(name + ".public")
}

func (p *pair) tryOn(w *Wire, t trial, want bool) {
	p.t.Helper()
	if got, _, err := w.try(t); err != nil || got != want {
		p.t.Errorf("%s to %s:%d passed: %v (%v), want %v", t.from, t.to, t.Port, got, err, want)
	}
}

func run(t *testing.T, command ...string) {
	t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}
