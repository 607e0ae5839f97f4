package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etcd")
	openIn(t, dir)
	for _, name := range []string{".", "member", "lock"} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if wide := st.Mode().Perm() & 0o077; wide != 0 {
			t.Errorf("%s has mode %v", name, st.Mode())
		}
	}
}

// The embedded etcd has no socket: no listener, no connection, of no family.
func TestNoSockets(t *testing.T) {
	before := sockets(t)
	s := open(t)
	update(t, s, account("1"))
	for inode := range sockets(t) {
		if !before[inode] {
			t.Errorf("socket %s was opened: %s", inode, describe(t, inode))
		}
	}
}

// sockets are the inodes of this process's sockets.
func sockets(t *testing.T) map[string]bool {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc:", err)
	}
	found := map[string]bool{}
	for _, fd := range fds {
		to, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		if inode, ok := strings.CutPrefix(to, "socket:["); ok {
			found[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return found
}

func describe(t *testing.T, inode string) string {
	for _, family := range []string{"tcp", "tcp6", "udp", "udp6", "unix", "netlink", "raw", "packet"} {
		table, err := os.ReadFile("/proc/self/net/" + family)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(table)) {
			if strings.Contains(line, inode) {
				return fmt.Sprintf("%s %s", family, line)
			}
		}
	}
	return "of an unknown family"
}
