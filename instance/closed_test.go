package instance

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"crenel/hostnet"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// This test's own program is run in instances too, to try there what no tool does.
const (
	insideArg  = "try-inside"
	insidePath = "/usr/local/bin/try"
)

// inside does what its arguments say and prints how it went.
func inside() {
	var err error
	switch what := os.Args[2]; what {
	case "bpf":
		command, err := strconv.Atoi(os.Args[3])
		if err != nil {
			panic(err)
		}
		var attr [128]byte
		attr[0] = 3 // an id, the one before the next, or BPF_PROG_TYPE_SCHED_CLS
		if command == unix.BPF_PROG_LOAD {
			attr[4] = 1 // instruction
		}
		_, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(unsafe.Pointer(&attr)), uintptr(len(attr)))
		fmt.Println(errno)
		os.Exit(0)
	case "delete-link-outside":
		err = deleteLink(os.Args[3])
	case "trace":
		err = unix.PtraceAttach(1)
	case "rename":
		err = os.Rename(os.Args[3], os.Args[4])
	case "dig":
		err = digDown()
	case "families":
		fmt.Println(openFamilies())
		os.Exit(0)
	case grabPath:
		grab()
		os.Exit(0)
	case "call":
		err = call(os.Args[3:])
	}
	fmt.Println(err)
	os.Exit(0)
}

// call makes a system call. A word in place of a number is the address of some memory.
func call(words []string) error {
	memory := [8]uint64{100, 100}
	var args [7]uintptr
	for n, word := range words {
		if v, err := strconv.ParseInt(word, 10, 64); err == nil {
			args[n] = uintptr(v)
		} else {
			args[n] = uintptr(unsafe.Pointer(&memory))
		}
	}
	_, _, errno := unix.Syscall6(args[0], args[1], args[2], args[3], args[4], args[5], args[6])
	return errno
}

// deleteLink deletes a link in the network namespace at the other end of this one's links.
func deleteLink(name string) error {
	if _, err := netlink.LinkList(); err != nil { // the kernel gives that namespace its id, 0
		return err
	}
	const targetNamespace = 46 // IFLA_TARGET_NETNSID
	req := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	req.AddData(nl.NewRtAttr(targetNamespace, nl.Uint32Attr(0)))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// try runs inside() in an instance.
func try(t *testing.T, h Home, id string, args ...string) string {
	t.Helper()
	to := filepath.Join(h.dir(id), upperDir, insidePath)
	if !exists(to) {
		self, err := os.Open("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		defer self.Close()
		bring(t, h, id, self)
	}
	out, _ := in(t, h, id, Command{Args: append([]string{insidePath, insideArg}, args...)})
	return out
}

// bring puts a program into an instance.
func bring(t *testing.T, h Home, id string, program *os.File) {
	t.Helper()
	in(t, h, id, Command{Args: []string{"sh", "-c", "cat > " + insidePath + " && chmod 755 " + insidePath}, Stdin: program})
}

// connected launches an instance with one interface. The goroutine has a network namespace to be the
// host's, with the address of the subnet's router.
func connected(t *testing.T, h Home, id string) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	if err := h.Create(t.Context(), spec(id)); err != nil {
		t.Fatal(err)
	}
	ns, err := h.NetNS(id)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	links, err := hostnet.Open(h.Owner)
	if err != nil {
		t.Fatal(err)
	}
	defer links.Close()
	eni := hostnet.Interface{
		ID: "eni-1", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 10},
		Addr: netip.MustParsePrefix("172.31.0.10/20"), Gateway: netip.MustParseAddr("172.31.0.1"),
	}
	index, err := links.AddInterface(eni, ns)
	if err != nil {
		t.Fatal(err)
	}
	if err := links.Up(eni, ns); err != nil {
		t.Fatal(err)
	}
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr("172.31.0.1/20")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(link, addr); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetARPOn(link); err != nil { // there is no filter here, and the host itself answers
		t.Fatal(err)
	}
	if err := h.Run(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

func TestTheHostsLinksAreOutOfReach(t *testing.T) {
	h := newHome(t)
	connected(t, h, "i-1")
	for _, name := range []string{"victim", "other"} {
		a := netlink.NewLinkAttrs()
		a.Name = name
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: a, PeerName: name + "-out"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := try(t, h, "i-1", "delete-link-outside", "victim"); got != "permission denied" {
		t.Error("root in the instance deletes a link of the host:", got)
	}
	if _, err := netlink.LinkByName("victim"); err != nil {
		t.Error("the link:", err)
	}
	// The same message does it, if sent with the machine's own CAP_NET_ADMIN: the attempt is a real one.
	ns, err := h.NetNS("i-1")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	cmd := exec.Command("nsenter", "--net=/proc/self/fd/3", "/proc/self/exe", insideArg, "delete-link-outside", "other")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args[2], cmd.ExtraFiles = self, []*os.File{ns}
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "<nil>" {
		t.Errorf("the attempt itself is wrong: %s, %v", out, err)
	}
}

func TestRootInAnInstanceHasItsNetwork(t *testing.T) {
	h := newHome(t)
	connected(t, h, "i-1")
	l, err := net.Listen("tcp4", "172.31.0.1:7")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	wantSh(t, h, "i-1", "bash -c 'echo hello > /dev/tcp/172.31.0.1/7' && echo sent", "sent")
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := make([]byte, 5); true {
		if _, err := c.Read(got); err != nil || string(got) != "hello" {
			t.Errorf("arrived: %q, %v", got, err)
		}
	}
	if from := c.RemoteAddr().(*net.TCPAddr).IP.String(); from != "172.31.0.10" {
		t.Error("came from", from)
	}
	for script, want := range map[string]string{
		"ip link add more type veth peer name more2 && ip -o link show more | wc -l":                   "1",
		"ip addr add 10.9.9.9/32 dev lo && ip route add 10.9.9.0/24 via 172.31.0.1 && echo ok":         "ok",
		"echo 1 > /proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward":                  "1",
		"python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print(\"raw\")'": "raw",
	} {
		wantSh(t, h, "i-1", script, want)
	}
}

func TestCapabilitiesAreTheKeptOnes(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	var want uint64
	for _, c := range kept {
		want |= 1 << c
	}
	for _, gone := range []int{
		unix.CAP_SYS_ADMIN, unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_SYS_MODULE, unix.CAP_SYS_PTRACE, unix.CAP_SYS_RAWIO, unix.CAP_MKNOD,
	} {
		if slices.Contains(kept, gone) {
			t.Error("kept:", gone)
		}
	}
	all := fmt.Sprintf("CapInh:0000000000000000 CapPrm:%016x CapEff:%016x CapBnd:%016x CapAmb:0000000000000000", want, want, want)
	fields := " awk '/^Cap/ {printf \"%s%s\", $1, $2; if ($1 != \"CapAmb:\") printf \" \"}' "
	wantSh(t, h, "i-1", fields+"/proc/1/status", all)
	wantSh(t, h, "i-1", fields+"/proc/self/status", all)
	wantSh(t, h, "i-1", "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all grep CapEff /proc/self/status", "CapEff:\t0000000000000000")
}

func TestWhatIsClosed(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	for script, want := range map[string]string{
		"mount -t bpf bpf /mnt":                       "permission denied",
		"mount -t tmpfs tmpfs /mnt":                   "permission denied",
		"mount -o remount,rw /proc/sys":               "permission denied",
		"umount " + h.Hide:                            "must be superuser to unmount",
		"umount -l /proc/sys":                         "must be superuser to unmount",
		"unshare -U true":                             "No space left on device", // the limit is none
		"unshare -Ur mount -t bpf bpf /mnt":           "No space left on device",
		"unshare -m true":                             "Operation not permitted",
		"setpriv --reuid=65534 unshare -U true":       "No space left on device",
		"echo 9 > /proc/sys/user/max_user_namespaces": "Read-only file system",
		"echo '|/x' > /proc/sys/kernel/core_pattern":  "Read-only file system",
		"echo x > /sys/kernel/uevent_helper":          "Read-only file system",
		"mknod /root/null c 1 3":                      "Operation not permitted",
		"cat /proc/1/environ":                         "Permission denied",
		"cp /proc/1/exe /root/agent":                  "Permission denied",
		"cat < /proc/1/fd/0":                          "Permission denied",
		"hostname other":                              "you must be root to change the host name",
		"nsenter -t 1 -a true":                        "Permission denied",
		"date -s 2020-01-01 > /dev/null":              "Operation not permitted",
		"cat /proc/kcore; ls /sys/firmware /sys/fs/bpf; ls -A /sys/kernel/debug; echo nothing >&2": "nothing",
	} {
		if got, _ := sh(t, h, "i-1", "{ "+script+"; } 2>&1"); !strings.Contains(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", script, got, want)
		}
	}
	if got := try(t, h, "i-1", "trace"); got != "operation not permitted" {
		t.Error("tracing the first process:", got)
	}
	if exists("/proc/sys/user/max_user_namespaces") {
		if raw, err := os.ReadFile("/proc/sys/user/max_user_namespaces"); err != nil || strings.TrimSpace(string(raw)) == "0" {
			t.Errorf("the machine's own limit of user namespaces is %s, %v", raw, err)
		}
	}
}

// grabPath is a script whose interpreter is what the process runs that starts it: the first process's own program.
const grabPath = "/root/grab"

// grab tries to change the program that it is.
func grab() {
	var st unix.Stat_t
	fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	if err := unix.Fstat(fd, &st); err != nil {
		panic(err)
	}
	_, write := os.OpenFile("/proc/self/exe", os.O_WRONLY|os.O_TRUNC, 0) // so that it does not matter whether it runs
	fmt.Println(st.Ino, unix.Fchmod(fd, 0o4777), unix.Fchown(fd, 1, 1), unix.Fsetxattr(fd, "user.x", []byte("x"), 0),
		unix.Futimes(fd, []unix.Timeval{{}, {}}), errors.Is(write, unix.EROFS),
		unix.Mount("", "/proc/self/exe", "", unix.MS_REMOUNT|unix.MS_BIND, ""))
}

func TestTheHostsProgramCannotBeChanged(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	var before, after unix.Stat_t
	if err := unix.Stat("/proc/self/exe", &before); err != nil {
		t.Fatal(err)
	}
	script := "printf '#!/proc/self/exe " + insideArg + "\n' > " + grabPath + " && chmod 755 " + grabPath
	wantSh(t, h, "i-1", script, "")
	got, _ := in(t, h, "i-1", Command{Args: []string{grabPath}})
	const no = "read-only file system"
	if want := fmt.Sprintln(before.Ino, no, no, no, no, true, "operation not permitted"); got+"\n" != want {
		t.Errorf("with the program of inode %d: %s, want %s", before.Ino, got, want)
	}
	err := unix.Stat("/proc/self/exe", &after)
	if after.Atim = before.Atim; err != nil || after != before {
		t.Errorf("the program is now %+v, %v; was %+v", after, err, before)
	}
}

// An agent may run on although its file was replaced.
func TestAProgramThatIsNoMoreOnDiskStartsInstances(t *testing.T) {
	h := newHome(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(h.Hide, "agent")
	if out, err := exec.Command("cp", self, copied).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	cmd, says := startProgram(t, h, copied, copied)
	if line, err := says.ReadString('\n'); line != "launched\n" {
		t.Fatal(line, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	wantSh(t, h, "i-1", "hostname", "ip-172-31-0-10")
}

func TestBPFIsClosed(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	for name, command := range map[string]int{
		"load a program": unix.BPF_PROG_LOAD,
		"list programs":  unix.BPF_PROG_GET_NEXT_ID, "open a program": unix.BPF_PROG_GET_FD_BY_ID,
		"list maps": unix.BPF_MAP_GET_NEXT_ID, "open a map": unix.BPF_MAP_GET_FD_BY_ID,
		"list links": unix.BPF_LINK_GET_NEXT_ID, "open a link": unix.BPF_LINK_GET_FD_BY_ID,
	} {
		if got := try(t, h, "i-1", "bpf", strconv.Itoa(command)); got != "operation not permitted" {
			t.Errorf("to %s: %s", name, got)
		}
	}
}

// A link in the instance's file system leads nowhere outside of it, whatever is written at a start.
func TestLinksDoNotLeadOut(t *testing.T) {
	h := newHome(t)
	out := filepath.Join(filepath.Dir(h.Hide), filepath.Base(h.Hide)+"-outside")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(out)
	s := spec("i-1")
	s.UserData = []byte("#!/bin/sh\n")
	launch(t, h, s)
	wantSh(t, h, "i-1", "rm -r /var/lib/cloud && ln -s "+out+" /var/lib/cloud && ln -sf "+out+"/resolv /etc/resolv.conf && "+
		"rm /etc/hostname", "")
	if err := h.Stop(t.Context(), "i-1", 0); err != nil {
		t.Fatal(err)
	}
	launch(t, h, s)
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) != 0 {
		t.Error("written outside:", entries, err)
	}
	wantSh(t, h, "i-1", "test -L /etc/resolv.conf || cat "+out+"/instance/user-data.txt", "#!/bin/sh")
}

func TestTwoInstancesDoNotSeeEachOther(t *testing.T) {
	h := newHome(t)
	for _, id := range []string{"i-1", "i-2"} {
		s := spec(id)
		s.Hostname = "ip-" + id + ".ec2.internal"
		launch(t, h, s)
	}
	wantSh(t, h, "i-1", "ipcmk -Q >/dev/null; echo one > /dev/shm/x; echo one > /tmp/x; hostname", "ip-i-1")
	wantSh(t, h, "i-2", "ipcs -q | grep -c 0x; ls /dev/shm /tmp; hostname; pgrep -c crenel-init", "0\n/dev/shm:\n\n/tmp:\nip-i-2\n1")
	a, err := h.NetNS("i-1")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := h.NetNS("i-2")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sa, err1 := a.Stat()
	sb, err2 := b.Stat()
	if err := errors.Join(err1, err2); err != nil || os.SameFile(sa, sb) {
		t.Error("both have the same network", err)
	}
}
