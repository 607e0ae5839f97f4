//go:build linux

package cli

import (
	"hash/fnv"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// unusedUID is the user crenel's number, or one that no user has: of systemd's range for dynamic
// users, chosen by the path so that two data directories differ.
func unusedUID(path string) int {
	if u, err := user.Lookup("crenel"); err == nil {
		if uid, err := strconv.Atoi(u.Uid); err == nil && uid != 0 {
			return uid
		}
	}
	const first, count = 61184, 65519 - 61184
	h := fnv.New32a()
	h.Write([]byte(path))
	for n := h.Sum32(); ; n++ {
		uid := first + int(n%count)
		if _, err := user.LookupId(strconv.Itoa(uid)); err != nil {
			return uid
		}
	}
}

func chownAll(root string, uid int) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
}
