package datapath

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	bpffs = "/sys/fs/bpf"
	// marker is a folder that says who mounted it. The names of a bpffs have no dots.
	marker = bpffs + "/crenel_mounted"
)

// preloaded are what some kernels put into every bpffs (CONFIG_BPF_PRELOAD).
var preloaded = map[string]bool{"maps.debug": true, "progs.debug": true}

// MountBPFFS mounts a bpffs at /sys/fs/bpf if there is none, and leaves a mark in it for UnmountBPFFS.
func MountBPFFS() (mounted bool, err error) {
	if onBPFFS(bpffs) {
		return false, nil
	}
	if err := unix.Mount("bpf", bpffs, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
		return false, fmt.Errorf("mount a bpffs at %s: %w", bpffs, err)
	}
	return true, os.Mkdir(marker, 0o700)
}

// UnmountBPFFS unmounts what MountBPFFS mounted, unless something is left in it: another data
// directory's folder, or what somebody else has come to keep there.
func UnmountBPFFS() error {
	if _, err := os.Stat(marker); err != nil {
		return nil // somebody else's
	}
	entries, err := os.ReadDir(bpffs)
	if err != nil {
		return fmt.Errorf("unmount the bpffs: %w", err)
	}
	for _, e := range entries {
		if name := bpffs + "/" + e.Name(); name != marker && !preloaded[e.Name()] {
			return nil
		}
	}
	if err := unix.Unmount(bpffs, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", bpffs, err)
	}
	return nil
}

// onBPFFS tells whether the folder is on a bpffs.
func onBPFFS(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && s.Type == unix.BPF_FS_MAGIC
}
