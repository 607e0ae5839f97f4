package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"crenel/auth"
)

// settings are what `up` or `server` was started with, for the commands that come after it: <data-dir>/up.json.
type settings struct {
	Endpoint string `json:"endpoint"`
	Region   string `json:"region"`
	Account  string `json:"account"`
}

func readSettings(dir string) (s settings, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "up.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("no crenel up or server has run with the data directory %s (see --data-dir)", dir)
	}
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

type envCmd struct{ dataDir }

// Run prints lines for `eval`: nothing in them needs the AWS CLI to be of a certain age.
func (c *envCmd) Run(e *env) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	s, err := readSettings(dir)
	if err != nil {
		return err
	}
	key, err := auth.ReadRoot(dir)
	if err != nil {
		return err
	}
	for _, v := range [][2]string{
		{"AWS_ENDPOINT_URL", s.Endpoint},
		{"AWS_URL", s.Endpoint},
		{"AWS_REGION", s.Region},
		{"AWS_DEFAULT_REGION", s.Region},
		{"AWS_ACCESS_KEY_ID", key.ID},
		{"AWS_SECRET_ACCESS_KEY", key.Secret},
	} {
		fmt.Fprintf(e.stdout, "export %s=%s\n", v[0], quote(v[1]))
	}
	fmt.Fprintln(e.stdout, "unset AWS_PROFILE AWS_SESSION_TOKEN")
	// CLIs before 1.29 and 2.13 do not read AWS_ENDPOINT_URL.
	fmt.Fprintln(e.stdout, `aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }`)
	return nil
}

// quote makes s one word for sh.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
