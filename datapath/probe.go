package datapath

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Probe tells what this kernel, or this process, lacks: a sentence for each thing. It finds out by
// doing, so a distribution's kernel counts for what it has and not for its version.
func Probe() (missing []error) {
	if err := features.HaveProgramType(ebpf.SchedCLS); err != nil {
		if errors.Is(err, os.ErrPermission) || os.Geteuid() != 0 {
			return []error{errors.New("this process may not load BPF programs: it needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN")}
		}
		return []error{errors.New("the kernel has no BPF programs for network traffic (CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_ACT)")}
	}
	for _, p := range []struct {
		lacks string
		err   error
	}{
		{"memory-mapped BPF arrays (Linux 5.5)", mappedArray()},
		{"preallocated BPF hash maps with batch operations (Linux 5.6)", features.HaveMapType(ebpf.Hash)},
		{"bpf_redirect_peer (Linux 5.10)", features.HaveProgramHelper(ebpf.SchedCLS, asm.FnRedirectPeer)},
		{"atomic compare and exchange in BPF programs (Linux 5.12)", exchange()},
		{"tcx, the hook at network links (Linux 6.6, CONFIG_NET_XGRESS)", tcx()},
		{"bpffs, where maps outlive the process (CONFIG_BPF_SYSCALL), or the right to mount it", mountable()},
	} {
		if p.err != nil {
			missing = append(missing, fmt.Errorf("the kernel has no %s: %w", p.lacks, p.err))
		}
	}
	return missing
}

func mappedArray() error {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1, Flags: unix.BPF_F_MMAPABLE})
	if err != nil {
		return err
	}
	defer m.Close()
	b, err := unix.Mmap(m.FD(), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return unix.Munmap(b)
}

// program loads the instructions.
func program(instructions asm.Instructions) (*ebpf.Program, error) {
	return ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: instructions})
}

func exchange() error {
	p, err := program(asm.Instructions{
		asm.StoreImm(asm.RFP, -8, 0, asm.Word),
		asm.Mov.Imm(asm.R0, 0),
		asm.Mov.Imm(asm.R1, 1),
		asm.CmpXchg.Mem(asm.RFP, asm.R1, asm.Word, -8),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	})
	if err != nil {
		return err
	}
	return p.Close()
}

// tcx attaches a program to the loopback link of a namespace of its own, which ends with its thread.
func tcx() error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread is not given back
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			p, err := program(asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()})
			if err != nil {
				return err
			}
			defer p.Close()
			l, err := link.AttachTCX(link.TCXOptions{Interface: 1, Program: p, Attach: ebpf.AttachTCXIngress})
			if err != nil {
				return err
			}
			return l.Close()
		}()
	}()
	return <-result
}

func mountable() error {
	fd, err := unix.Fsopen("bpf", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
