package instance

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// openFamilies is run in an instance.
func openFamilies() (open []string) {
	for family := range 64 {
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW, unix.SOCK_SEQPACKET} {
			fd, err := unix.Socket(family, kind, 0)
			if err == nil {
				unix.Close(fd)
				open = append(open, strconv.Itoa(family))
				break
			}
		}
	}
	return open
}

func TestSocketsAreOfFamiliesThatANetworkNamespaceHolds(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	want := fmt.Sprint([]int{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_PACKET})
	if got := try(t, h, "i-1", "families"); got != want {
		t.Errorf("the families that can be opened are %s, want %s", got, want)
	}
}

func TestSystemCallsThatAreClosed(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	const limit = "memory" // of struct rlimit's size; 1<<32 and more is to see which half of an argument counts
	for _, c := range []struct {
		number int
		args   string
		want   string
	}{
		{unix.SYS_SOCKET, "40 1 0", "address family not supported by protocol"},                     // AF_VSOCK
		{unix.SYS_SOCKET, fmt.Sprint(40|1<<32, " 1 0"), "address family not supported by protocol"}, // which the kernel takes for the same
		{unix.SYS_SOCKET, fmt.Sprint(unix.AF_INET|1<<32, " 1 0"), "errno 0"},                        // and this
		{unix.SYS_SOCKETPAIR, "40 1 0 " + limit, "address family not supported by protocol"},
		{unix.SYS_SOCKETPAIR, "1 1 0 " + limit, "errno 0"},
		{unix.SYS_IO_URING_SETUP, "1 " + limit, "function not implemented"},
		{unix.SYS_KEYCTL, "0 -3 0", "function not implemented"}, // KEYCTL_GET_KEYRING_ID
		{unix.SYS_ADD_KEY, strings.Repeat(limit+" ", 3) + "4 -3", "function not implemented"},
		{unix.SYS_REQUEST_KEY, strings.Repeat(limit+" ", 3) + "-3", "function not implemented"},
		{unix.SYS_PRLIMIT64, "1 7 " + limit + " 0", "operation not permitted"},
		{unix.SYS_PRLIMIT64, "1 7 0 " + limit, "errno 0"},      // reading is free
		{unix.SYS_PRLIMIT64, "0 7 0 " + limit, "errno 0"},      // what getrlimit does
		{unix.SYS_PRLIMIT64, "0 7 " + limit + " 0", "errno 0"}, // and setrlimit
		{unix.SYS_PRLIMIT64, fmt.Sprint(1|1<<32) + " 7 " + limit + " 0", "operation not permitted"},
		{unix.SYS_PRLIMIT64, fmt.Sprint(1<<32) + " 7 " + limit + " 0", "errno 0"},
	} {
		if got := try(t, h, "i-1", append([]string{"call", strconv.Itoa(c.number)}, strings.Fields(c.args)...)...); got != c.want {
			t.Errorf("call %d with %s: %s, want %s", c.number, c.args, got, c.want)
		}
	}
	wantSh(t, h, "i-1", "sleep 1000 & ulimit -n 100; ulimit -n; prlimit --pid $! --nofile=3:3 2>&1; kill $!",
		"100\nprlimit: failed to set the NOFILE resource limit: Operation not permitted")
}

// The first process answers whatever is tried on its limits.
func TestTheFirstProcessKeepsItsLimits(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	sh(t, h, "i-1", "prlimit --pid 1 --nofile=3:3")
	if err := h.ask(t.Context(), "i-1", opPing); err != nil {
		t.Error(err)
	}
}

// i386's getuid by its gate from a 64-bit program, whose status is then the errno: with that gate every number
// means another call.
var foreignCall = []byte{
	0xb8, 199, 0, 0, 0, // mov eax, getuid32
	0xcd, 0x80, // int 0x80
	0xf7, 0xd8, // neg eax
	0x89, 0xc7, // mov edi, eax
	0xb8, 60, 0, 0, 0, // mov eax, exit
	0x0f, 0x05, // syscall
}

// program is the smallest ELF file that runs the code.
func program(code []byte) []byte {
	const base, header = 0x40_0000, 64 + 56
	out := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 15: 0}
	le := binary.LittleEndian
	out = le.AppendUint16(out, 2)  // an executable
	out = le.AppendUint16(out, 62) // for x86-64
	out = le.AppendUint32(out, 1)
	out = le.AppendUint64(out, base+header) // begins here
	out = le.AppendUint64(out, 64)          // where the segments are listed
	out = le.AppendUint64(out, 0)
	out = le.AppendUint32(out, 0)
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} { // there is one
		out = le.AppendUint16(out, v)
	}
	out = le.AppendUint32(out, 1) // loaded
	out = le.AppendUint32(out, 5) // to be read and executed
	for _, v := range []uint64{0, base, base, uint64(header + len(code)), uint64(header + len(code)), 0x1000} {
		out = le.AppendUint64(out, v)
	}
	return append(out, code...)
}

func TestForeignSystemCallsAreClosed(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("optional: amd64 is the one with foreign calls from the same program")
	}
	h := newHome(t)
	launch(t, h, spec("i-1"))
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(program(foreignCall)); err != nil {
		t.Fatal(err)
	}
	file.Seek(0, 0)
	bring(t, h, "i-1", file)
	if _, status := in(t, h, "i-1", Command{Args: []string{insidePath}}); status != int(unix.ENOSYS) {
		t.Errorf("i386's getuid ended with errno %d, want ENOSYS", status)
	}
}

// The kernel of this machine may lack a set of calls that another has. The program is the same everywhere.
func TestTheFilterRefusesOtherSetsOfCalls(t *testing.T) {
	vm, err := bpf.NewVM(filter(unix.AUDIT_ARCH_X86_64))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		arch, number uint32
		want         uint32
	}{
		{unix.AUDIT_ARCH_X86_64, unix.SYS_GETUID, unix.SECCOMP_RET_ALLOW},
		{unix.AUDIT_ARCH_X86_64, unix.SYS_GETUID | x32Bit, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{unix.AUDIT_ARCH_I386, unix.SYS_GETUID, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{unix.AUDIT_ARCH_ARM, unix.SYS_GETUID, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	} {
		data := make([]byte, 64)
		binary.BigEndian.PutUint32(data[numberAt:], c.number) // as packets are, for which this VM is
		binary.BigEndian.PutUint32(data[archAt:], c.arch)
		if got, err := vm.Run(data); uint32(got) != c.want || err != nil {
			t.Errorf("call %#x of %#x: %#x (%v), want %#x", c.number, c.arch, got, err, c.want)
		}
	}
}

// In an instance nothing of this can be seen: keyctl is closed.
func TestTheAgentsKeyringIsLeft(t *testing.T) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		runtime.LockOSThread() // and it ends with this goroutine
		if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil {
			t.Log("no keys on this kernel:", err)
			return
		}
		const name = "crenel-test"
		if _, err := unix.AddKey("user", name, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING); err != nil {
			t.Error(err)
		}
		if err := leaveKeyring(); err != nil {
			t.Error(err)
		}
		if key, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", name, 0); err != unix.ENOKEY {
			t.Errorf("the key is still at hand: %d, %v", key, err)
		}
	}()
	<-over
}
