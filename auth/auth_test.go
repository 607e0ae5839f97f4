package auth

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"crenel/vpc"
)

func TestAKeyLooksLikeAWSs(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		k := NewKey()
		if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(k.ID) || !regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`).MatchString(k.Secret) {
			t.Errorf("key %q with secret %q", k.ID, k.Secret)
		}
		if seen[k.ID] || seen[k.Secret] {
			t.Errorf("key %q was made twice", k.ID)
		}
		seen[k.ID], seen[k.Secret] = true, true
	}
}

func TestTheRootKeyIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadRoot(dir); !os.IsNotExist(err) {
		t.Errorf("before the first start: %v", err)
	}
	first, err := EnsureRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := EnsureRoot(dir)
	if err != nil || again != first {
		t.Errorf("the second time: %+v, %v; want %+v", again, err, first)
	}
	if read, err := ReadRoot(dir); err != nil || read != first {
		t.Errorf("read: %+v, %v; want %+v", read, err, first)
	}
	content, err := os.ReadFile(filepath.Join(dir, "credentials"))
	want := "[default]\naws_access_key_id=" + first.ID + "\naws_secret_access_key=" + first.Secret + "\n"
	if err != nil || string(content) != want {
		t.Errorf("the file holds %q, want %q", content, want)
	}
	if st, err := os.Stat(filepath.Join(dir, "credentials")); err != nil || st.Mode() != 0o600 {
		t.Errorf("its mode is %v", st.Mode())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("something else is left in the directory: %v", entries)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	const good = "[default]\naws_access_key_id=AKIA\naws_secret_access_key=secret\n"
	for _, row := range []struct {
		mode    os.FileMode
		content string
		want    string
	}{
		{0o644, good, "may be read by others (mode 0644)"},
		{0o640, good, "may be read by others (mode 0640)"},
		{0o602, good, "may be read by others (mode 0602)"},
		{0o600, "", "holds no access key"},
		{0o600, "[default]\naws_access_key_id=AKIA\n", "holds no access key"},
		{0o600, strings.Replace(good, "default", "other", 1), "holds no access key"},
		{0o600, "[default]\naws_access_key_id=" + strings.Repeat("x", 1<<20), "holds no access key"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "credentials")
		if err := os.WriteFile(path, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, row.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		key, err := EnsureRoot(dir)
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("mode %04o, %.40q: got %v, want %q", row.mode, row.content, err, row.want)
		}
		if key != (vpc.AccessKey{}) {
			t.Errorf("mode %04o, %.40q: a key all the same", row.mode, row.content)
		}
		if after, _ := os.ReadFile(path); string(after) != row.content {
			t.Errorf("mode %04o: the file was changed", row.mode)
		}
	}
}

func TestAProfileAsPeopleWriteIt(t *testing.T) {
	key, err := parse(strings.NewReader("# mine\n[other]\naws_access_key_id = A\naws_secret_access_key = a\n\n[default]\r\n aws_access_key_id = B \r\naws_secret_access_key = b=/+ \r\nregion = x\n[last]\naws_access_key_id=C\n"))
	if err != nil || key.ID != "B" || key.Secret != "b=/+" {
		t.Errorf("got %+v, %v", key, err)
	}
}

func TestADirectoryThatIsNotThere(t *testing.T) {
	if _, err := EnsureRoot(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "keep the root key in") {
		t.Errorf("got %v", err)
	}
}

func TestGrantChangesOnlyWhatIsMissing(t *testing.T) {
	key := vpc.AccessKey{ID: "AKIA1", Secret: "s", Account: "123456789012"}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	grant := func(s *vpc.State, key vpc.AccessKey) (*vpc.State, int) {
		e := s.Edit(vpc.Scope{}, now, bytes.NewReader(nil))
		Grant(e, key)
		changes := e.Changes()
		after, err := s.With(s.Revision+1, changes)
		if err != nil {
			t.Fatal(err)
		}
		return after, len(changes)
	}
	s, n := grant(vpc.New(), key)
	if n != 2 || s.Accounts.Get(key.Account) == nil {
		t.Errorf("%d changes at first", n)
	}
	found, ok := Key(s, key.ID)
	if want := (vpc.AccessKey{ID: "AKIA1", Secret: "s", Account: "123456789012", Created: now}); !ok || found != want {
		t.Errorf("got %+v, %v; want %+v", found, ok, want)
	}
	if _, n = grant(s, key); n != 0 {
		t.Errorf("%d changes at the next start", n)
	}
	key.Secret = "other" // the file was replaced by hand
	if s, n = grant(s, key); n != 1 {
		t.Errorf("%d changes for another secret", n)
	}
	if found, _ := Key(s, key.ID); found.Secret != "other" {
		t.Errorf("the old secret holds: %+v", found)
	}
	if _, ok := Key(s, "AKIA2"); ok {
		t.Errorf("a key that is not there was found")
	}
}
