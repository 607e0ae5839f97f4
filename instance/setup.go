package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// What is closed, and how
//
//   - The machine's network and its filters: the user namespace, see the package's comment. Neither bpf
//     nor a netlink message from within has a capability that counts outside.
//   - Another user namespace, in which root would have all capabilities again, mounts included: their
//     number is limited to none (user.max_user_namespaces, which is per user namespace).
//   - The machine's kernel settings: as ids mean what they mean outside, root in the instance owns
//     the files in /proc and /sys. So /sys and /proc/sys are read-only, but for /proc/sys/net, which
//     shows the instance's own network; and so are, or are covered, the other files that act on the
//     machine.
//   - The first process itself: it cannot be traced, nor its files be opened (see init.go). Its program is
//     the agent's, and a process that it starts can be made to run that: see openProgram.
//   - Capabilities: see kept. System calls: see filter.go.

// A config is what the first process of an instance is told.
type config struct {
	Spec  Spec
	Root  string // where the root is mounted,
	Dev   string // and /dev
	Hide  string // must be there; empty: nothing
	New   bool   // this is the instance's first start
	Trial bool   // to end when all is done
}

func (h Home) config(s Spec) (c config, err error) {
	dir := resolve(h.dir(s.ID))
	c = config{
		Spec: s,
		Root: filepath.Join(dir, rootDir),
		Dev:  filepath.Join(dir, devDir),
		New:  !exists(filepath.Join(dir, upperDir, "etc/hostname")),
	}
	if h.Hide != "" {
		c.Hide, err = onRoot(resolve(h.Hide))
	}
	return c, err
}

// resolve gives a folder's one name: absolute, and without links, for a mount on a link's target covers
// both.
func resolve(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// setup is the first stage of the first process: in all of the instance's namespaces, with all
// capabilities there, still on the machine's root. It ends as the second stage, with what is left.
func setup() error {
	unix.CloseRange(fdRest, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	unix.CloseOnExec(fdConfig)
	unix.CloseOnExec(fdTrouble)
	unix.CloseOnExec(fdProgram)
	var c config
	if err := json.NewDecoder(os.NewFile(fdConfig, "config")).Decode(&c); err != nil {
		return fmt.Errorf("read the config: %w", err) // the agent died: nobody hears this
	}
	unix.Umask(0o022)
	if err := leaveKeyring(); err != nil {
		return err
	}
	if err := enterRoot(c); err != nil {
		return err
	}
	if err := c.writeFiles(); err != nil {
		return err
	}
	host, _ := c.Spec.name()
	if err := unix.Sethostname([]byte(host)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil { // now that it is in its cgroup
		return fmt.Errorf("make a cgroup namespace: %w", err)
	}
	// The agent may have itself protected from being killed when memory is short.
	os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0)
	if err := c.sayBanner(); err != nil {
		return err
	}
	if err := filterCalls(); err != nil { // while it has the capability for it
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	stage := stageServe
	if c.Trial {
		stage = stageTrial
	}
	err := unix.Exec("/proc/self/exe", []string{initName, stage}, []string{"GOMAXPROCS=1", "GOGC=20"})
	return fmt.Errorf("start the second stage: %w", err)
}

// enterRoot mounts the instance's root as / and all that belongs below it, and lets go of the machine's.
// Only after the change of root does it use names that root in the instance may have made links.
func enterRoot(c config) error {
	dev, err := os.Open(c.Dev)
	if err != nil {
		return err
	}
	defer dev.Close()
	old, err := os.Open("/")
	if err != nil {
		return err
	}
	defer old.Close()
	// A mount that came from another user namespace cannot become the root; one made here on top can.
	if err := unix.Mount(c.Root, c.Root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind the root: %w", err)
	}
	if err := unix.Chdir(c.Root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := mountAll(c, dev); err != nil {
		return err
	}
	if err := old.Chdir(); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the machine's root: %w", err)
	}
	return unix.Chdir("/")
}

const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

func mountAll(c config, dev *os.File) error {
	if c.Hide != "" { // before anything else covers it, as /tmp may
		if err := cover(c.Hide); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		target, fs string
		flags      uintptr
		options    string
	}{
		{"/proc", "proc", plain, ""},
		{"/sys", "sysfs", plain | unix.MS_RDONLY, ""},
		{"/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
		{"/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.fs, m.target, m.fs, m.flags, m.options); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := os.MkdirAll("/dev", 0o755); err != nil {
		return err
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", dev.Fd()), "/dev", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	if err := os.Mkdir("/run/lock", 0o1777); err != nil {
		return err
	}
	if err := os.Chmod("/run/lock", 0o777|os.ModeSticky); err != nil {
		return err
	}
	// Without the limit the capabilities that are dropped could be had again.
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return fmt.Errorf("limit user namespaces: %w", err)
	}
	return protect()
}

var (
	hidden = []string{
		"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
		"/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
	}
	readOnly = []string{"/proc/bus", "/proc/dynamic_debug", "/proc/fs", "/proc/irq", "/proc/mtrr", "/proc/sys", "/proc/sysrq-trigger"}
)

func protect() error {
	for _, path := range hidden {
		if err := cover(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, path := range readOnly {
		if err := bind(path, unix.MS_RDONLY); err != nil {
			return err
		}
	}
	return bind("/proc/sys/net", 0)
}

// cover hides a file, or a folder behind an empty one.
func cover(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("hide %s: %w", path, err)
	}
	if info.IsDir() {
		err = unix.Mount("tmpfs", path, "tmpfs", plain|unix.MS_RDONLY, "mode=0755,size=4k")
	} else {
		err = unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
	}
	if err != nil {
		return fmt.Errorf("hide %s: %w", path, err)
	}
	return nil
}

// bind mounts a path on itself, read-only or not.
func bind(path string, readOnly uintptr) error {
	err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil {
		err = unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|plain|readOnly, "")
	}
	if err != nil {
		return fmt.Errorf("protect %s: %w", path, err)
	}
	return nil
}

// kept are the capabilities of root in an instance, in the instance's own user namespace: what daemons
// and package managers need, and the network. Above all it is without
//
//   - SYS_ADMIN: mounts would uncover what is covered, and /proc/sys be written again;
//   - SYS_RESOURCE: the limit on user namespaces would be its to lift;
//   - SYS_PTRACE: the first process would be its to change;
//   - BPF, PERFMON, SYS_MODULE, SYS_RAWIO, MKNOD, SYS_BOOT, SYS_TIME, SYSLOG, MAC_*, AUDIT_CONTROL,
//     CHECKPOINT_RESTORE …: most mean nothing in a user namespace today. Should a later kernel give
//     them a meaning there, they are not missed.
var kept = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_SETFCAP,
	unix.CAP_KILL, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SETPCAP, unix.CAP_SYS_CHROOT, unix.CAP_AUDIT_WRITE,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW,
}

// dropCapabilities is for this thread, and takes effect for all of the process by the exec that follows:
// root then has what is left of the bounding set, and nobody can have more.
func dropCapabilities() error {
	keep := map[int]bool{}
	for _, c := range kept {
		keep[c] = true
	}
	for c := 0; ; c++ {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err != nil {
			break // there are no more
		}
		if keep[c] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear the ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read the capabilities: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("clear the inheritable capabilities: %w", err)
	}
	return nil
}

// writeFiles writes what an instance finds of itself. The host name and /etc/hosts are written at its
// first start and then its own; the DNS server comes anew with each, as by DHCP.
func (c config) writeFiles() error {
	host, domain := c.Spec.name()
	if c.New {
		hosts := "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" +
			fmt.Sprintf("%s %s %s\n", c.Spec.Addr, c.Spec.Hostname, host)
		if err := writeFile("/etc/hosts", hosts, 0o644); err != nil {
			return err
		}
	}
	if c.Spec.Resolver.IsValid() {
		resolv := fmt.Sprintf("nameserver %s\n", c.Spec.Resolver)
		if domain != "" {
			resolv += "search " + domain + "\n"
		}
		if err := writeFile("/etc/resolv.conf", resolv, 0o644); err != nil {
			return err
		}
	}
	if err := writeFile(userDataFile, string(c.Spec.UserData), 0o600); err != nil {
		return err
	}
	os.Remove(scriptFile)
	if strings.HasPrefix(string(c.Spec.UserData), "#!") {
		if err := writeFile(scriptFile, string(c.Spec.UserData), 0o700); err != nil {
			return err
		}
	}
	if c.New { // last: by it a later start knows
		return writeFile("/etc/hostname", host+"\n", 0o644)
	}
	return nil
}

// writeFile replaces what is there: it may be a link into nowhere, as /etc/resolv.conf often is.
func writeFile(path, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(content), mode)
}

func (c config) sayBanner() error {
	fd, err := unix.Dup(fdConsole) // which the second stage needs
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "console")
	defer file.Close()
	out, err := openConsole(file)
	if err != nil {
		return err
	}
	if b := c.Spec.Banner; b != "" {
		_, err = out.Write([]byte(strings.TrimSuffix(b, "\n") + "\n"))
	}
	return err
}

// runSetup is on the main thread for good: capabilities and a cgroup namespace are a thread's.
func runSetup() {
	runtime.LockOSThread()
	err := setup()
	fmt.Fprint(os.NewFile(fdTrouble, "trouble"), err)
	os.Exit(1)
}
