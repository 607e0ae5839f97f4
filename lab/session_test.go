package lab

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// awsCLIs are the CLIs to play the session with, by path: Debian's, and the newest other one here.
func awsCLIs(t *testing.T) (paths []string) {
	t.Helper()
	const debian = "/usr/bin/aws"
	if _, err := os.Stat(debian); err != nil {
		t.Fatalf("Debian's awscli is not installed: make test does that (%v)", err)
	}
	newest, found := [3]int{}, ""
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "aws")
		if path == debian || path == "/bin/aws" {
			continue
		}
		out, err := exec.Command(path, "--version").CombinedOutput()
		m := regexp.MustCompile(`aws-cli/(\d+)\.(\d+)\.(\d+)`).FindSubmatch(out)
		if err != nil || m == nil {
			continue
		}
		var v [3]int
		for i := range v {
			v[i], _ = strconv.Atoi(string(m[i+1]))
		}
		if slices.CompareFunc(v[:], newest[:], cmp.Compare) > 0 {
			newest, found = v, path
		}
	}
	return []string{debian, found}
}

// withCLI is a folder in which the CLI is called aws, whatever it is called where it lies. A wrapper, not a
// link: it may be a script that asks where it lies.
func withCLI(t *testing.T, path string) (dir string) {
	t.Helper()
	if path == "" {
		t.Skip("there is no other AWS CLI on the PATH than Debian's")
	}
	dir = t.TempDir()
	wrapper := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", path)
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(wrapper), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readme is what README.md has a new user type: the command of the first shell, and the session of the second.
func readme(t *testing.T) (run, session string) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, 2)
	if len(blocks) < 2 {
		t.Fatal("README.md has no two blocks of commands")
	}
	return string(blocks[0][1]), string(blocks[1][1])
}

// checked is the session as a script that fails where the user does not see what the comments say.
func checked(session string) string {
	curl := regexp.MustCompile(`(?m)^(curl .*?) +# (.*)$`)
	return "set -eu\nfail() { echo \"FAILED: $*\" >&2; exit 1; }\n" + curl.ReplaceAllStringFunc(session, func(line string) string {
		m := curl.FindStringSubmatch(line)
		if strings.Contains(m[2], "times out") { // curl's 28: neither an RST nor an ICMP error came back
			return fmt.Sprintf("status=0; %s || status=$?\n[ $status = 28 ] || fail '%s: it ended with '$status", m[1], m[2])
		}
		// At once: before a packet that was lost would be sent again.
		return fmt.Sprintf("[ \"$(%s -m 0.9)\" = '%s' ] || fail it does not answer at once", m[1], m[2])
	})
}

// Every command of README.md's first screen does what it says, from the first one on.
func TestTheSessionOfTheREADME(t *testing.T) {
	needRoot(t)
	run, session := readme(t)
	u := &up{t: t, dir: t.TempDir()}
	t.Setenv("CRENEL_DATA_DIR", u.dir)
	t.Setenv("CRENEL_LISTEN", "127.0.0.1:0")
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	u.bin = filepath.Join(root, "bin")
	t.Cleanup(u.down)
	first := exec.Command("sh", "-c", run)
	first.Dir = root
	u.run(first)
	t.Cleanup(func() {
		if err := syscall.Kill(-first.Process.Pid, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-u.done
	})
	for _, path := range awsCLIs(t) {
		t.Run(path, func(t *testing.T) {
			dir := withCLI(t, path)
			if err := os.Symlink(u.bin, filepath.Join(dir, "bin")); err != nil {
				t.Fatal(err)
			}
			after, err := os.ReadFile("testdata/after-session.sh")
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(within(t, patience*18), "sh", "-c", checked(session)+string(after))
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir, "AWS_PAGER=",
				"HTTPS_PROXY=http://127.0.0.1:9",                                         // a call that escapes to Amazon fails
				"AWS_PROFILE=another", "AWS_SESSION_TOKEN=stale", "AWS_REGION=eu-west-1") // what env must override
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			} else {
				t.Logf("%s", out)
			}
		})
	}
}
