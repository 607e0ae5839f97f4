package instance

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A mount is a line of mountinfo: see proc_pid_mountinfo(5).
type mount struct {
	id          uint64
	device      string // the file system's,
	root, point string // which folder of it is seen where
	fs          string
}

// mounts are this machine's.
func mounts() (all []mount, err error) {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		first, second, _ := strings.Cut(line, " - ")
		fields := strings.Fields(first)
		if len(fields) < 5 {
			continue
		}
		m := mount{device: fields[2], root: unescape.Replace(fields[3]), point: unescape.Replace(fields[4])}
		if m.id, err = strconv.ParseUint(fields[0], 10, 64); err != nil {
			return nil, fmt.Errorf("read mountinfo: %w", err)
		}
		m.fs, _, _ = strings.Cut(second, " ")
		all = append(all, m)
	}
	return all, nil
}

// unescape undoes what mountinfo does to names.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// mountOf is the mount on which a file is found by its name.
func mountOf(path string) (mount, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_MNT_ID, &st); err != nil {
		return mount{}, fmt.Errorf("find the mount of %s: %w", path, err)
	}
	all, err := mounts()
	for _, m := range all {
		if m.id == st.Mnt_id {
			return m, nil
		}
	}
	return mount{}, fmt.Errorf("find the mount of %s: mount %d is not listed (%w)", path, st.Mnt_id, err)
}

// onRoot is the name by which a folder is found on the machine's root file system alone, as instances see it; empty
// if it is on another file system. path has no links.
func onRoot(path string) (string, error) {
	root, err := mountOf("/")
	if err != nil {
		return "", err
	}
	m, err := mountOf(path)
	if err != nil || m.device != root.device {
		return "", err
	}
	base, err := filepath.Rel(root.root, m.root)
	if err != nil || base == ".." || strings.HasPrefix(base, "../") { // of a part that the root does not show
		return "", err
	}
	rest, err := filepath.Rel(m.point, path)
	return filepath.Join("/", base, rest), err
}
