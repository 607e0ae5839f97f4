//go:build unix

package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/google/renameio/v2"

	"crenel/vpc"
)

// EnsureRoot is the root key of the data directory; the first call makes it. No half of it is ever
// on disk. Two processes must not call it at once.
func EnsureRoot(dir string) (vpc.AccessKey, error) {
	key, err := ReadRoot(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = NewKey()
	content := fmt.Appendf(nil, form, key.ID, key.Secret)
	if err := renameio.WriteFile(filepath.Join(dir, file), content, 0o600, renameio.WithTempDir(dir)); err != nil {
		return vpc.AccessKey{}, fmt.Errorf("keep the root key in %s: %w", dir, err)
	}
	return key, nil
}
