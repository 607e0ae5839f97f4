package instance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// removeTree removes a folder with all in it, however deep it is: a program can make folders in folders
// without end, while a process may have only so many files open, and a name only so many characters.
// Nothing goes deeper than the second level here: what is below moves up first.
func removeTree(path string) error {
	top, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer top.Close()
	m := mover{to: int(top.Fd())}
	if err := empty(top, m.clear); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return os.Remove(path)
}

// A mover moves folders to a folder, under numbers.
type mover struct{ to, next int }

// clear removes a folder in m.to whose content has moved up.
func (m *mover) clear(name string) error {
	fd, err := unix.Openat(m.to, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	folder := os.NewFile(uintptr(fd), name)
	defer folder.Close()
	if err := empty(folder, func(inner string) error { return m.move(fd, inner) }); err != nil {
		return err
	}
	return unix.Unlinkat(m.to, name, unix.AT_REMOVEDIR)
}

func (m *mover) move(from int, name string) error {
	for ; ; m.next++ {
		err := unix.Renameat2(from, name, m.to, strconv.Itoa(m.next), unix.RENAME_NOREPLACE)
		if !errors.Is(err, unix.EEXIST) { // which is taken by the user's, or left of an earlier try
			return err
		}
	}
}

// empty removes all that is in a folder. What is a folder that is not empty is left to clear.
func empty(folder *os.File, clear func(name string) error) error {
	fd := int(folder.Fd())
	for {
		if _, err := folder.Seek(0, io.SeekStart); err != nil { // what was there moves as it is removed
			return err
		}
		names, err := folder.Readdirnames(1000)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			err := unix.Unlinkat(fd, name, 0)
			if errors.Is(err, unix.EISDIR) {
				err = unix.Unlinkat(fd, name, unix.AT_REMOVEDIR)
			}
			if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
				err = clear(name)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
}
