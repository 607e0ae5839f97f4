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

func TestTheSessionOfTheREADME(t *testing.T) {
	u := start(t, t.TempDir())
	script, err := filepath.Abs("testdata/session.sh")
	if err != nil {
		t.Fatal(err)
	}
	for n, path := range awsCLIs(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if path == "" {
				t.Skip("there is no other AWS CLI on the PATH than Debian's")
			}
			dir := t.TempDir()
			// Whatever the CLI is called there, the user calls it aws. A wrapper, not a link: it may be a
			// script that asks where it lies.
			wrapper := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", path)
			if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(wrapper), 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(within(t, patience*18), "sh", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir,
				"CRENEL="+u.bin+"/crenel", "DATA="+u.dir, fmt.Sprintf("NAME=web%d", n),
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
