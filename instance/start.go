package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// start makes the first process of an instance, in new namespaces, and waits until it is ready. The
// process does nothing until it has read all of its config: by then its state is on disk, so a crash
// at any moment leaves either a process that ends by itself or one that is known.
func (h Home) start(ctx context.Context, s Spec) error {
	program, err := openProgram()
	if err != nil {
		return err
	}
	defer program.Close()
	f, err := h.prepare(s.ID)
	if err != nil {
		return err
	}
	defer f.trouble.read.Close()
	defer f.close()
	var p *process
	err = onThread(func() (err error) {
		p, err = spawn(h.dir(s.ID), f, program)
		return err
	})
	if err != nil {
		return err
	}
	if err := h.release(ctx, s, p, f); err != nil {
		defer p.close()
		return errors.Join(err, p.kill(ctx, 0))
	}
	go func() {
		defer p.close()
		p.wait(context.Background()) // reaps it, whenever that is
	}()
	return nil
}

// release records the process, lets it go on, and waits until it is ready.
func (h Home) release(ctx context.Context, s Spec, p *process, f *files) error {
	st, err := stateOf(p.pid)
	if err != nil {
		return err
	}
	st.Boots = s.Boots
	if err := h.writeState(s.ID, st); err != nil {
		return err
	}
	if err := h.joinCgroup(s.ID, p.pid); err != nil {
		return err
	}
	c, err := h.config(s)
	if err != nil {
		return err
	}
	if err := f.instruct(ctx, c); err != nil {
		return err
	}
	return h.ask(ctx, s.ID, opPing)
}

// instruct lets the first process go on, and waits until it is through with its first stage.
func (f *files) instruct(ctx context.Context, c config) error {
	if err := json.NewEncoder(f.config.write).Encode(c); err != nil {
		return err
	}
	f.close()
	defer context.AfterFunc(ctx, func() { f.trouble.read.SetReadDeadline(time.Unix(1, 0)) })()
	// The other end is closed by whatever comes next: an error, the end of the process, or success.
	trouble, err := io.ReadAll(io.LimitReader(f.trouble.read, 1<<10))
	switch {
	case len(trouble) > 0:
		return errors.New(string(trouble))
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// prepare makes an instance's folder, and opens what its first process is given.
func (h Home) prepare(id string) (*files, error) {
	if err := h.makeFolder(id); err != nil {
		return nil, err
	}
	return h.openFiles(id)
}

// makeFolder makes what an instance's folder holds. That of upper is the mode of the instance's root.
func (h Home) makeFolder(id string) error {
	dir := h.dir(id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{upperDir, workDir, rootDir, devDir} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return os.Chmod(filepath.Join(dir, upperDir), 0o755) // whatever the umask is
}

// files are what the first process of an instance is given. The order of inherit is that of the fd…
// constants.
type files struct {
	config, trouble  pipe
	control, console *os.File
	null             *os.File
}

type pipe struct{ read, write *os.File }

const (
	fdConfig  = 3 // its config, then the end of the file
	fdTrouble = 4 // for the reason why it cannot start
	fdControl = 5 // the socket on which it listens
	fdConsole = 6 // the console's file
	fdProgram = 7 // what it is to run
	fdRest    = 8 // whatever else was inherited by mistake
)

func (h Home) openFiles(id string) (f *files, err error) {
	f = &files{}
	defer func() {
		if err != nil {
			f.close()
			f = nil
		}
	}()
	if f.config.read, f.config.write, err = os.Pipe(); err != nil {
		return
	}
	if f.trouble.read, f.trouble.write, err = os.Pipe(); err != nil {
		return
	}
	if f.control, err = h.listen(id); err != nil {
		return
	}
	if f.console, err = h.openConsole(id); err != nil {
		return
	}
	f.null, err = os.OpenFile("/dev/null", os.O_RDWR, 0)
	return
}

// openProgram opens this program on a mount of its own, which is read-only and has no place in any tree: what
// the instance gets hold of by /proc/PID/exe it can neither write nor chmod, nor mount otherwise. See
// docs/decisions/0007-the-first-program.md. The thread must be in the mount namespace that this process began in.
func openProgram() (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, "/proc/self/exe", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("mount the first process's program: %w", err)
	}
	mount := os.NewFile(uintptr(fd), "program")
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		mount.Close()
		return nil, fmt.Errorf("make the first process's program read-only: %w", err)
	}
	return mount, nil
}

// close keeps the end on which trouble is heard of.
func (f *files) close() {
	for _, file := range []*os.File{f.config.read, f.config.write, f.trouble.write, f.control, f.console, f.null} {
		file.Close() // of nil, or again: no harm
	}
}

// onThread runs f on a thread that has a mount namespace of its own and ends with f, so that nothing f
// mounts is ever seen by anybody but its children.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() { // the main thread cannot end: hold it, and use another
			err := onThread(f)
			runtime.UnlockOSThread()
			done <- err
			return
		}
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			done <- fmt.Errorf("make a mount namespace: %w", err)
		} else if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			done <- fmt.Errorf("part from the mounts of this machine: %w", err)
		} else {
			done <- f()
		}
	}()
	return <-done
}

// spawn mounts the root of the instance with that folder, on this thread, and starts the first process with the
// thread's mounts.
func spawn(dir string, f *files, program *os.File) (*process, error) {
	if err := mountRoot(dir); err != nil {
		return nil, err
	}
	all := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1<<32 - 1}} // every id is itself
	attr := &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1"},
		Files: []uintptr{f.null.Fd(), f.null.Fd(), f.null.Fd(), f.config.read.Fd(), f.trouble.write.Fd(), f.control.Fd(), f.console.Fd(), program.Fd()},
		Sys: &syscall.SysProcAttr{
			Setsid: true,
			Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID |
				unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			UidMappings: all, GidMappings: all, GidMappingsEnableSetgroups: true,
		},
	}
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", fdProgram), []string{initName, stageSetup}, attr)
	if err != nil {
		return nil, fmt.Errorf("make the namespaces (user.max_user_namespaces may be 0): %w", err)
	}
	return openProcess(pid)
}
