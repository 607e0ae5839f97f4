package instance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// deep is more than a path can be long, and than files can be open in the test.
const deep, openFiles = 4000, 1000

// A process may make folders in folders, and go into each.
func digDown() error {
	for range deep {
		if err := errors.Join(unix.Mkdir("a", 0o755), unix.Chdir("a")); err != nil {
			return err
		}
	}
	return nil
}

func TestAnInstanceWithADeepFolderIsRemoved(t *testing.T) {
	h := newHome(t)
	launch(t, h, spec("i-1"))
	if got := try(t, h, "i-1", "dig"); got != "<nil>" {
		t.Fatal("digging:", got)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: openFiles, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	if err := h.Remove("i-1"); err != nil {
		t.Error(err)
	}
	if exists(h.dir("i-1")) {
		t.Error("its folder is there")
	}
}

// Random trees, with names that the removal itself uses, links out of the tree, files without permissions.
func TestATreeIsRemovedAndNothingElse(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	outside := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		top := filepath.Join(t.TempDir(), "top")
		folders := []string{top}
		if err := os.Mkdir(top, 0o755); err != nil {
			t.Fatal(err)
		}
		for range 1500 {
			path := filepath.Join(folders[r.IntN(len(folders))], fmt.Sprint(r.IntN(40)))
			switch r.IntN(4) {
			case 0:
				os.WriteFile(path, nil, 0)
			case 1:
				os.Symlink(filepath.Dir(outside), path)
			default:
				if os.Mkdir(path, 0o755) == nil {
					folders = append(folders, path)
				}
			}
		}
		for range 2 { // what is not there is removed
			if err := removeTree(top); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Lstat(top); !errors.Is(err, os.ErrNotExist) {
			t.Error("left:", err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}
