package cli

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"crenel/ec2"
)

var aGroup = url.Values{"GroupName": {"web"}, "GroupDescription": {"web"}}

func TestAServerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, dir)
	must[ec2.CreateSecurityGroupOutput](s, "CreateSecurityGroup", aGroup)
	if st, err := os.Stat(filepath.Join(dir, "credentials")); err != nil || st.Mode() != 0o600 {
		t.Errorf("the root key: %v, %v", st.Mode(), err)
	}
	if a, err := s.call("RunInstances", url.Values{"ImageId": {"ami-0123456789abcdef0"}, "MinCount": {"1"}, "MaxCount": {"1"}}); err != nil || a.code != "InsufficientInstanceCapacity" {
		t.Errorf("RunInstances: %v %s", err, a.body)
	}
	env, err := again("crenel", "env", "--data-dir", dir).Output()
	for _, want := range []string{"AWS_ENDPOINT_URL='" + s.endpoint + "'\n", "AWS_REGION='us-east-1'\n", "AWS_ACCESS_KEY_ID='" + s.key.ID + "'\n"} {
		if err != nil || !strings.Contains(string(env), want) {
			t.Errorf("env: %v: no %s in %s", err, want, env)
		}
	}
	out, err := again("crenel", "server", "--data-dir", dir, "--listen", "127.0.0.1:0").CombinedOutput()
	if want := "is in use by another crenel server (process " + strconv.Itoa(s.Process.Pid) + ")"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("a second one in the same data directory: %v %s", err, out)
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("told to end: %v\n%s", err, s.said)
	}
	key := s.key
	if s.start(); s.key != key {
		t.Error("the root key is another one")
	}
	if _, there := s.groups()["web"]; !there {
		t.Error("after a restart the group is gone")
	}
}

func TestAServerOfSomeRegions(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, "--region", "eu-west-1", "--region", "eu-west-2,eu-west-3", "--account", "444455556666", "--no-enforcement")
	if a, err := s.call("DescribeVpcs", nil); err != nil || a.code != "AuthFailure" || !strings.HasSuffix(a.text, "This server serves eu-west-1, eu-west-2, eu-west-3.") {
		t.Errorf("elsewhere: %v %s", err, a.body)
	}
	s.region = "eu-west-3"
	a, err := s.call("DescribeVpcs", nil)
	if err != nil || a.status != 200 || !strings.Contains(string(a.body), "<ownerId>444455556666</ownerId>") || a.header.Get("x-crenel-enforced") != "false" {
		t.Errorf("%v %d %v %s", err, a.status, a.header, a.body)
	}
	if env, err := again("crenel", "env", "--data-dir", dir).Output(); err != nil || !strings.Contains(string(env), "AWS_REGION='eu-west-1'\n") {
		t.Errorf("env: %v %s", err, env)
	}
	if h := s.health(); h.status != 200 || !strings.Contains(string(h.body), "enforcement off\n") {
		t.Errorf("/healthz: %d %s", h.status, h.body)
	}
}

func TestAServerThatCannotStart(t *testing.T) {
	taken := serve(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args string
		want string
	}{
		{"--region us-moon-1", `"us-moon-1" is not an AWS Region`},
		{"--region us-east-1,eu-moon-1", `"eu-moon-1" is not an AWS Region`},
		{"--account 42", `"42" is not an account id: those have 12 digits`},
		{"--account 12345678901x", `"12345678901x" is not an account id: those have 12 digits`},
		{"--listen " + strings.TrimPrefix(taken.endpoint, "http://"), "address already in use (choose another address with --listen)"},
		{"--data-dir " + file + "/data", "not a directory (choose another with --data-dir)"},
		{"--stale-reads", "--stale-reads is for --etcd-endpoints"},
		{"--etcd-cacert " + file, "--etcd-cacert, --etcd-cert and --etcd-key are for --etcd-endpoints"},
		{"--etcd-endpoints https://127.0.0.1:1 --etcd-cert " + file, "of a certificate for etcd and its key only one is given"},
		{"--etcd-endpoints 127.0.0.1:1 --etcd-cacert " + file, "is not https://"},
		{"--etcd-endpoints http://127.0.0.1:1", "connect to etcd at http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"extra", "unexpected argument extra"},
	} {
		t.Run(row.args, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"server", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir()}, strings.Fields(row.args)...)
			cmd := again("crenel", args...)
			limit := time.AfterFunc(patience, func() { cmd.Process.Kill() })
			defer limit.Stop()
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), row.want) || strings.Count(string(out), "\n") != 1 {
				t.Errorf("%v: %s; want %s", err, out, row.want)
			}
		})
	}
}

// As root, who may write everywhere, it would leave files that the owner cannot read.
func TestAnothersDataIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("root is needed to make another user's files")
	}
	dir := t.TempDir()
	etcd := filepath.Join(dir, "etcd")
	if err := os.Mkdir(etcd, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(etcd, 61184, 61184); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := again("crenel", "server", "--listen", "127.0.0.1:0", "--data-dir", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "are user 61184's, as crenel up leaves them") {
		t.Errorf("%v: %s", err, out)
	}
}

// A directory that somebody uses for something else is left as it is.
func TestADirectoryOfSomebodyElsesIsRefused(t *testing.T) {
	alone(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "credentials"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	fails(t, "is no data directory of crenel, and it is not empty", "server", "--data-dir="+dir, "--listen=127.0.0.1:0")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v (%v)", left, err)
	}
}
