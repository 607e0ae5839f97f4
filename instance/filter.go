package instance

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The system calls of an instance pass a filter of the kernel's (seccomp). It is there for what neither
// a namespace nor a capability closes: see docs/decisions/0006-system-calls.md. It begins before any of the
// instance's code runs and is inherited by all of its processes.

// families are those whose sockets belong to a network namespace, so that what they send passes the
// instance's interfaces. Others, like AF_VSOCK, reach the host and other instances past every filter.
var families = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_PACKET}

// calls are those that are not simply allowed, each with what is done about it. An errno is what
// programs know from kernels without the call, so that they do without it.
var calls = []struct {
	number  uint32
	verdict []bpf.Instruction
}{
	{unix.SYS_SOCKET, ofFamilies()},
	{unix.SYS_SOCKETPAIR, ofFamilies()},
	{unix.SYS_IO_URING_SETUP, refuse(unix.ENOSYS)}, // opens sockets by no system call
	// Keys of the machine's users. There are no namespaces for them.
	{unix.SYS_ADD_KEY, refuse(unix.ENOSYS)},
	{unix.SYS_REQUEST_KEY, refuse(unix.ENOSYS)},
	{unix.SYS_KEYCTL, refuse(unix.ENOSYS)},
	// No process takes another's files away, least of all the first one's: it must answer.
	{unix.SYS_PRLIMIT64, unlessLimitsOfOthers()},
}

const (
	numberAt    = 0 // in struct seccomp_data
	archAt      = 4
	argumentsAt = 16

	x32Bit = 0x4000_0000 // in the numbers of x86's third set of system calls
)

// archs have the one set of system calls that calls has the numbers of. A machine's other sets have other numbers.
var archs = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

var allow = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}

func refuse(err unix.Errno) []bpf.Instruction {
	return []bpf.Instruction{bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(err)}}
}

// argument loads the lower half of an argument, which is all of it for an int, or the upper half.
func argument(n, half uint32) bpf.Instruction {
	return bpf.LoadAbsolute{Off: argumentsAt + 8*n + 4*half, Size: 4}
}

func ofFamilies() []bpf.Instruction {
	program := []bpf.Instruction{argument(0, 0)}
	for n, family := range families {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: family, SkipTrue: uint8(len(families) - n)})
	}
	return append(append(program, refuse(unix.EAFNOSUPPORT)...), allow)
}

// unlessLimitsOfOthers lets a process read all limits, and set its own, as setrlimit does.
func unlessLimitsOfOthers() []bpf.Instruction {
	return append([]bpf.Instruction{
		argument(0, 0), // the process; 0 is the caller
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 5},
		argument(2, 0), // where the new limit is
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 2},
		argument(2, 1),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
	}, append(refuse(unix.EPERM), allow)...)
}

// filter is the whole program.
func filter(arch uint32) []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: archAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		refuse(unix.ENOSYS)[0],
		bpf.LoadAbsolute{Off: numberAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
		refuse(unix.ENOSYS)[0],
	}
	for _, c := range calls {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.number, SkipTrue: uint8(len(c.verdict))})
		program = append(program, c.verdict...)
	}
	return append(program, allow)
}

// filterCalls is for this thread and all that it becomes or starts. It needs CAP_SYS_ADMIN: without, the kernel
// would want programs like sudo to lose their meaning first.
func filterCalls() error {
	arch, known := archs[runtime.GOARCH]
	if !known {
		return fmt.Errorf("no filter of system calls is known for %s", runtime.GOARCH)
	}
	raw, err := bpf.Assemble(filter(arch))
	if err != nil {
		return err
	}
	program := make([]unix.SockFilter, len(raw))
	for n, i := range raw {
		program[n] = unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K}
	}
	f := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&f)))
	if errno != 0 {
		return fmt.Errorf("filter the system calls: %w", errno)
	}
	return nil
}

// leaveKeyring gives this thread an empty session keyring instead of the one that the agent was started with.
func leaveKeyring() error {
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	if err != nil && err != unix.ENOSYS { // a kernel without keys
		return fmt.Errorf("leave the session keyring: %w", err)
	}
	return nil
}
