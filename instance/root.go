package instance

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The folders of an instance's folder. The instance cannot reach the folder, so these names are what
// they say; a name below upper may be a link that root in the instance has made, and is never used
// from here.
const (
	upperDir = "upper" // what the instance has written
	workDir  = "work"  // the overlay's own
	rootDir  = "root"  // where the root is mounted, in the mount namespace of the instance
	devDir   = "dev"   // and its /dev
)

// mountRoot mounts what takes the privileges of the machine's root: the overlay, and device files. The
// first process of the instance mounts the rest, with no more than its own.
func mountRoot(dir string) error {
	if err := unix.Chdir(dir); err != nil { // the thread's; so the options need no absolute names, nor escapes
		return err
	}
	// Without redirections a folder of the machine's cannot be renamed: it would take what it covers along to where
	// nothing is hidden at the next start.
	options := "lowerdir=/,upperdir=" + upperDir + ",workdir=" + workDir + ",index=off,redirect_dir=nofollow,metacopy=off"
	if err := unix.Mount("overlay", rootDir, "overlay", unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mount an overlay over the root of this machine: %w", err)
	}
	if err := unix.Mount("tmpfs", devDir, "tmpfs", unix.MS_NOSUID, "mode=0755,size=64k"); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	return makeDevices(devDir)
}

func makeDevices(dev string) error {
	for _, d := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		if err := makeNode(filepath.Join(dev, d.name), unix.S_IFCHR, 0o666, unix.Mkdev(d.major, d.minor)); err != nil {
			return fmt.Errorf("make the device %s: %w", d.name, err)
		}
	}
	// The console is a pipe that the first process reads.
	if err := makeNode(filepath.Join(dev, "console"), unix.S_IFIFO, 0o620, 0); err != nil {
		return fmt.Errorf("make the console: %w", err)
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	for _, m := range []struct{ name, fs, options string }{
		{"pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{"shm", "tmpfs", "mode=1777"},
	} {
		path := filepath.Join(dev, m.name)
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.fs, path, m.fs, unix.MS_NOSUID|unix.MS_NOEXEC, m.options); err != nil {
			return fmt.Errorf("mount /dev/%s: %w", m.name, err)
		}
	}
	return nil
}

// makeNode makes a special file of this very mode, whatever the umask is.
func makeNode(path string, kind, mode uint32, device uint64) error {
	if err := unix.Mknod(path, kind|mode, int(device)); err != nil {
		return err
	}
	return os.Chmod(path, os.FileMode(mode))
}
