//go:build soak

package datapath

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests that run on the other kernel too: every program loads there, judges as policy does, carries real traffic, and takes over from an older layout's.
const guestTests = "^(TestTheVerifier.*|TestThePrograms.*|TestTrafficWithTheHost|TestAnAgentComesBack|TestAnAllowance.*|TestWhatBeganBeforeAStep.*)$"

// TestMain is the first process of a virtual machine too, which runs tests of this package and nothing else.
func TestMain(m *testing.M) {
	if os.Getpid() != 1 {
		os.Exit(m.Run())
	}
	if err := prepareGuest(); err != nil {
		fmt.Println("guest:", err)
	} else {
		fmt.Println("guest: ended with", m.Run())
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func prepareGuest() error {
	os.Setenv("PATH", "/bin")
	for _, m := range []struct{ what, where string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"bpf", "/sys/fs/bpf"}} {
		if err := unix.Mount(m.what, m.where, m.what, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.where, err)
		}
	}
	module, err := os.Open("/veth.ko")
	if err == nil {
		err = unix.FinitModule(int(module.Fd()), "", 0)
	}
	return err
}

// Debian's kernel, booted by software emulation, with this program in the place of everything else.
func TestOnDebiansKernel(t *testing.T) {
	kernel, err := filepath.Glob("testdata/kernel/boot/vmlinuz-*")
	if len(kernel) != 1 {
		t.Fatalf("%d kernels in testdata/kernel: setup.sh soak brings one (%v)", len(kernel), err)
	}
	root := t.TempDir()
	for _, dir := range []string{"bin", "proc", "sys", "dev", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, root, self, "/init")
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, root, ip, "/bin/ip")
	for _, library := range libraries(t, ip) {
		copyTo(t, root, library, library)
	}
	unpackModule(t, filepath.Join(root, "veth.ko"))
	initrd := filepath.Join(t.TempDir(), "initrd")
	sh(t, root, "find . | cpio --quiet -o -H newc > "+initrd)

	// One thread runs both processors in turn: with a thread for each, QEMU 7.2 lets one run on in code that the other is
	// patching, and one boot in forty ends in a page fault before there is a first process.
	qemu := exec.Command("qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "3G", "-nographic", "-no-reboot",
		"-kernel", kernel[0], "-initrd", initrd,
		"-append", "console=ttyS0 quiet panic=-1 rdinit=/init -- -test.v -test.timeout=25m -test.run="+guestTests)
	said, err := qemu.StdoutPipe()
	if err == nil {
		err = qemu.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = qemu.Wait() }()
	passed := 0
	ended := false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), "\r")
		t.Log(line)
		switch {
		case strings.Contains(line, "--- PASS: "):
			passed++
		case strings.Contains(line, "--- SKIP: "), strings.Contains(line, "--- FAIL: "), strings.Contains(line, "Kernel panic"):
			t.Error(line)
		case strings.HasPrefix(line, "guest: "):
			ended = line == "guest: ended with 0"
		}
	}
	if !ended || passed < 5 {
		t.Errorf("%d tests passed", passed)
	}
}

// libraries are the shared ones that the program needs, and its loader.
func libraries(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`/\S+`).FindAllString(string(out), -1)
}

// copyTo copies the file into the tree, under the name.
func copyTo(t *testing.T, root, file, name string) {
	t.Helper()
	content, err := os.ReadFile(file)
	to := filepath.Join(root, name)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// unpackModule writes the module veth, which Debian's kernel does not have built in.
func unpackModule(t *testing.T, to string) {
	t.Helper()
	found := errors.New("there is no module veth")
	err := filepath.WalkDir("testdata/kernel/lib/modules", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(filepath.Base(path), "veth.ko") {
			sh(t, ".", fmt.Sprintf("case %[1]s in *.xz) xz -dc %[1]s ;; *) cat %[1]s ;; esac > %[2]s", path, to))
			found = nil
		}
		return err
	})
	if err = errors.Join(err, found); err != nil {
		t.Fatal(err)
	}
}

func sh(t *testing.T, dir, script string) {
	t.Helper()
	c := exec.Command("sh", "-c", script)
	c.Dir = dir
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, said.String())
	}
}
