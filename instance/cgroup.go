package instance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// An instance has a cgroup of its own, so that one who ends the agent's cgroup (as systemd does when
// it stops a unit) does not end instances. Where there is no cgroup2 it does without.

// joinCgroup puts a process into the instance's cgroup. It could be born there, but kernels kill what is
// born into a cgroup by a parent in another if one of the two was ever emptied by cgroup.kill (seen
// on 6.18).
func (h Home) joinCgroup(id string, pid int) error {
	path, err := h.cgroup(id)
	if err != nil || path == "" {
		return err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("make the cgroup: %w", err)
	}
	if err := os.WriteFile(path+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0); err != nil {
		return fmt.Errorf("join the cgroup: %w", err)
	}
	return nil
}

// removeCgroup removes an instance's cgroup, and that of the owner with the last one. The instance's
// processes have ended.
func (h Home) removeCgroup(id string) error {
	path, err := h.cgroup(id)
	if err != nil || path == "" || !exists(path) {
		return err
	}
	if err := awaitEmpty(path); err != nil {
		return err
	}
	if err := unix.Rmdir(path); err != nil {
		return fmt.Errorf("remove the cgroup %s: %w", path, err)
	}
	unix.Rmdir(filepath.Dir(path)) // refused while there are others in it
	return nil
}

// awaitEmpty waits until the kernel, too, has done with a cgroup's processes, which may be a moment after
// they have ended.
func awaitEmpty(path string) error {
	events, err := os.Open(path + "/cgroup.events")
	if err != nil {
		return err
	}
	defer events.Close()
	for {
		raw := make([]byte, 256)
		n, err := events.ReadAt(raw, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if !strings.Contains(string(raw[:n]), "populated 1") {
			return nil
		}
		changed, err := unix.Poll([]unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}, 10_000)
		if err == nil && changed == 0 {
			return fmt.Errorf("remove the cgroup %s: there are processes in it", path)
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (h Home) cgroup(id string) (string, error) {
	root, err := cgroup2()
	if err != nil || root == "" {
		return "", err
	}
	return filepath.Join(root, "crenel-"+h.Owner, id), nil
}

// cgroup2 is where the version 2 hierarchy is mounted: /sys/fs/cgroup on most machines, a folder in it
// on those that still use version 1 beside it.
func cgroup2() (string, error) {
	all, err := mounts()
	for _, m := range all {
		if m.fs == "cgroup2" && m.root == "/" {
			return m.point, nil
		}
	}
	return "", err
}
