// Package auth is who may: the access keys that sign requests, what each allows, and the file that holds
// the first one.
//
//	key, err := auth.EnsureRoot("/var/lib/crenel")    // the first `up` makes it
//	auth.Grant(edit, key)                             // the controller puts it into State
//	key, ok := auth.Key(state, "AKIA…")
//	err := auth.May(key, iam.Request{…})              // a *Denied, where the key's policy does not allow it
package auth

import (
	"bufio"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
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

// Key finds the access key, if there is such a one that may sign. One without a secret may not: anybody
// could sign in its name.
func Key(s *vpc.State, id string) (key vpc.AccessKey, ok bool) {
	k := s.AccessKeys.Get(id)
	if k == nil || k.Disabled || k.Secret == "" {
		return vpc.AccessKey{}, false
	}
	return *k, true
}

// Grant puts the key, and its account, into the State, if they are not there as they are.
func Grant(e *vpc.Edit, key vpc.AccessKey) {
	if e.Accounts.Get(key.Account) == nil {
		e.Accounts.Put(&vpc.Account{ID: key.Account})
	}
	k := e.AccessKeys.Get(key.ID)
	if k == nil || k.Account != key.Account || k.User != "" || k.Disabled || subtle.ConstantTimeCompare([]byte(k.Secret), []byte(key.Secret)) != 1 {
		key.Created = e.Now
		e.AccessKeys.Put(&key)
	}
}

// The file is a profile that AWS's tools can read.
const (
	file = "credentials"
	form = "[default]\naws_access_key_id=%s\naws_secret_access_key=%s\n"
)

// ReadRoot is the root key of the data directory. A file that others may read holds no secret: it is refused.
func ReadRoot(dir string) (vpc.AccessKey, error) {
	path := filepath.Join(dir, file)
	f, err := os.Open(path)
	if err != nil {
		return vpc.AccessKey{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return vpc.AccessKey{}, err
	}
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		return vpc.AccessKey{}, fmt.Errorf("%s may be read by others (mode %04o): its key is a secret no more; remove it, and up makes another", path, mode)
	}
	key, err := parse(f)
	if err != nil {
		return vpc.AccessKey{}, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// parse reads the profile [default]; its account is not in the file.
func parse(r io.Reader) (key vpc.AccessKey, err error) {
	lines, profile := bufio.NewScanner(io.LimitReader(r, 64<<10)), ""
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			profile = line
		}
		name, value, _ := strings.Cut(line, "=")
		switch profile + strings.TrimSpace(name) {
		case "[default]aws_access_key_id":
			key.ID = strings.TrimSpace(value)
		case "[default]aws_secret_access_key":
			key.Secret = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil {
		return vpc.AccessKey{}, err
	}
	if key.ID == "" || key.Secret == "" {
		return vpc.AccessKey{}, errors.New("it holds no access key for the profile [default]; remove it, and up makes another")
	}
	return key, nil
}
