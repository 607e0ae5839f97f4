// Package auth is who may: the access keys that sign requests, and the file that holds the first one.
//
//	key, err := auth.EnsureRoot("/var/lib/crenel")    // the first `up` makes it
//	auth.Grant(edit, key)                             // the controller puts it into State
//	key, ok := auth.Key(state, "AKIA…")
package auth

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"crenel/vpc"
)

// NewKey makes an access key that looks like AWS's: a 20-character id and a 40-character secret.
func NewKey() vpc.AccessKey {
	var id [10]byte
	var secret [30]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(secret[:])
	return vpc.AccessKey{ID: "AKIA" + base32.StdEncoding.EncodeToString(id[:]), Secret: base64.StdEncoding.EncodeToString(secret[:])}
}

// Key finds the access key, if there is such a one.
func Key(s *vpc.State, id string) (key vpc.AccessKey, ok bool) {
	k := s.AccessKeys.Get(id)
	if k == nil {
		return vpc.AccessKey{}, false
	}
	return *k, true
}

// Grant puts the key, and its account, into the State, if they are not there as they are.
func Grant(e *vpc.Edit, key vpc.AccessKey) {
	if e.Accounts.Get(key.Account) == nil {
		e.Accounts.Put(&vpc.Account{ID: key.Account})
	}
	if k := e.AccessKeys.Get(key.ID); k == nil || k.Secret != key.Secret || k.Account != key.Account {
		key.Created = e.Now
		e.AccessKeys.Put(&key)
	}
}

// The file is a profile that AWS's tools can read.
const file, form = "credentials", "[default]\naws_access_key_id=%s\naws_secret_access_key=%s\n"

// EnsureRoot is the root key of the data directory; the first call makes it.
func EnsureRoot(dir string) (vpc.AccessKey, error) {
	key, err := ReadRoot(dir)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	key = NewKey()
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path+".new", fmt.Appendf(nil, form, key.ID, key.Secret), 0o600); err != nil {
		return key, err
	}
	return key, os.Rename(path+".new", path)
}

// ReadRoot is the root key of the data directory. A file that others may read holds no secret.
func ReadRoot(dir string) (key vpc.AccessKey, err error) {
	path := filepath.Join(dir, file)
	st, err := os.Stat(path)
	if err != nil {
		return key, err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return key, fmt.Errorf("%s may be read by others (mode %04o): its key is a secret no more; remove it, and up makes another", path, st.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	for line := range bytes.Lines(b) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), "=")
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			key.ID = strings.TrimSpace(value)
		case "aws_secret_access_key":
			key.Secret = strings.TrimSpace(value)
		}
	}
	if key.ID == "" || key.Secret == "" {
		return key, fmt.Errorf("%s holds no access key", path)
	}
	return key, nil
}
