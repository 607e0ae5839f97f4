package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crenel/vpc"
)

func TestADirectoryInUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, Config{Dir: dir, Log: logOf(t)})
	if want := "the data directory " + dir + " is in use by another process"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	update(t, s, account("1")) // the first one does not feel it
}

func TestADirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: filepath.Join(file, "etcd"), Log: logOf(t)}); err == nil ||
		!strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v", err)
	}
}

// Whatever is damaged, Open says so, ends, and the process lives.
func TestDamagedDataIsRefused(t *testing.T) {
	clean := t.TempDir()
	s := openIn(t, clean)
	for i := range 50 {
		update(t, s, account(strconv.Itoa(i)))
	}
	s.Close()
	log := filepath.Join("member", "wal", "0000000000000000-0000000000000000.wal")
	database := filepath.Join("member", "snap", "db")
	for _, row := range []struct {
		name, file string
		damage     func([]byte) []byte
		want       string
	}{
		{"database is text", database, func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) }, "invalid database"},
		{"database is cut", database, func(b []byte) []byte { return b[:5000] }, "file size too small"},
		{"log is text", log, func(b []byte) []byte { return bytes.Repeat([]byte("x"), 64000) }, "seems damaged"},
		{"a byte of the log is another", log, func(b []byte) []byte { b[200] ^= 1; return b }, "cannot parse"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "etcd")
			if err := os.CopyFS(dir, os.DirFS(clean)); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(filepath.Join(dir, row.file))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, row.file), row.damage(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), Config{Dir: dir, Log: logOf(t)})
			if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// smallDisk mounts a file system of so many MB.
func smallDisk(t *testing.T, mb int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(mb)+"m"); err != nil {
		t.Skip("mounting needs root:", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func fill(t *testing.T, dir string, mb int) (file string) {
	t.Helper()
	file = filepath.Join(dir, "filler")
	if err := os.WriteFile(file, make([]byte, mb<<20), 0o600); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return file
}

func TestAFullDiskRefusesWritesUntilThereIsRoom(t *testing.T) {
	disk := smallDisk(t, 300)
	s := openIn(t, filepath.Join(disk, "etcd"))
	update(t, s, account("1"))
	filler := fill(t, disk, 150)
	_, err := s.Update(t.Context(), vpc.Scope{}, account("2"))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "is full") {
		t.Errorf("on a full disk: %v", err)
	}
	if s.Snapshot().Accounts.Get("2") != nil {
		t.Errorf("refused, and there")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	update(t, s, account("3"))
}

func TestADiskThatIsFullAtTheStart(t *testing.T) {
	disk := smallDisk(t, 50)
	dir := filepath.Join(disk, "etcd")
	if _, err := Open(t.Context(), Config{Dir: dir, Log: logOf(t)}); err == nil || !strings.Contains(err.Error(), "is full") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "member")); err == nil {
		t.Errorf("something half-made is left")
	}
}

// Where the room that writes leave is taken by others all the same, the store ends and says why.
func TestADiskThatFailsUnderwayEndsTheStore(t *testing.T) {
	disk := smallDisk(t, 300)
	s := openIn(t, filepath.Join(disk, "etcd"))
	s.limits.room = nil
	update(t, s, account("1"))
	fill(t, disk, 300)
	var err error
	big := strings.Repeat("x", 1<<20)
	for i := 0; err == nil && i < 200; i++ {
		_, err = s.Update(t.Context(), vpc.Scope{}, account(big+strconv.Itoa(i)))
	}
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("got %v", err)
	}
	if _, err := s.Wait(t.Context(), 1<<40); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("Wait: %v", err)
	}
}
