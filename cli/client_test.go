package cli

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"crenel/auth"
	"crenel/server"
	"crenel/store"
)

// serving runs a controller without a host, and returns its data directory, as up would have made it.
func serving(t *testing.T) (dir, endpoint string) {
	t.Helper()
	dir = t.TempDir()
	key, err := auth.EnsureRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	key.Account = "123456789012"
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(dir, "etcd"), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	endpoint = "http://" + listeners[0].Addr().String()
	if err := (settings{endpoint, "eu-west-1", key.Account}).write(dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- (&server.Server{Store: st, Root: key, Log: log}).Run(ctx, listeners[0], listeners[1])
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		st.Close()
	})
	return dir, endpoint
}

// run runs a command line, and returns what it prints and its exit status.
func run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		said <- string(all)
	}()
	var out strings.Builder
	status = Run(args, &out, w)
	w.Close()
	return out.String(), <-said, status
}

// mustSay is run where the command must succeed.
func mustSay(t *testing.T, args ...string) string {
	t.Helper()
	out, said, status := run(t, args...)
	if status != 0 {
		t.Fatalf("crenel %s: status %d, %s", strings.Join(args, " "), status, said)
	}
	return out
}

// fails is run where it must not, and must say why in one line.
func fails(t *testing.T, want string, args ...string) {
	t.Helper()
	out, said, status := run(t, args...)
	if status != 1 || out != "" || !strings.HasPrefix(said, "crenel: ") || strings.Count(said, "\n") != 1 || !strings.Contains(said, want) {
		t.Errorf("crenel %s: status %d, %q, %q; want %q", strings.Join(args, " "), status, out, said, want)
	}
}

// alone takes from the environment what would lead commands elsewhere.
func alone(t *testing.T) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "CRENEL_ENDPOINT", "CRENEL_DATA_DIR"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
}

func TestKeysFromTheCommandLine(t *testing.T) {
	alone(t)
	dir, endpoint := serving(t)
	in := "--data-dir=" + dir
	policy := filepath.Join(t.TempDir(), "policy.json")
	write := func(document string) {
		if err := os.WriteFile(policy, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"Statement":{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}}`)
	made, said, status := run(t, "key", "create", in, "--user=ann", "--policy="+policy)
	m := regexp.MustCompile(`^aws_access_key_id=(AKIA\w{16})\naws_secret_access_key=(\S{40})\n$`).FindStringSubmatch(made)
	if status != 0 || m == nil || !strings.Contains(said, "arn:aws:iam::123456789012:user/ann may now sign with this key; its secret is not shown again") || strings.Contains(said, m[2]) {
		t.Fatalf("%d %q %q", status, made, said)
	}
	id, secret := m[1], m[2]
	var other struct{ ID, Secret, ARN string }
	if err := json.Unmarshal([]byte(mustSay(t, "key", "create", in, "--account=210987654321", "--json")), &other); err != nil || other.ARN != "arn:aws:iam::210987654321:root" || len(other.Secret) != 40 {
		t.Errorf("%+v, %v", other, err)
	}
	root, err := auth.ReadRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := mustSay(t, "key", "list", in)
	for _, want := range []string{`KEY +ACCOUNT +USER +STATUS +CREATED\n`, id + ` +123456789012 +ann +enabled +2`, other.ID + ` +210987654321 +\(root\) +enabled +2`,
		root.ID + ` +123456789012 +\(root\) +enabled, the data directory's own +2`} {
		if !regexp.MustCompile(want).MatchString(list) {
			t.Errorf("no %s in\n%s", want, list)
		}
	}
	if all := list + mustSay(t, "key", "list", in, "--json"); strings.Contains(all, secret) || strings.Contains(all, root.Secret) || strings.Contains(all, other.Secret) {
		t.Errorf("a secret is listed:\n%s", all)
	}
	if mine := mustSay(t, "key", "list", in, "--account=210987654321"); strings.Contains(mine, id) || !strings.Contains(mine, other.ID) {
		t.Errorf("the keys of one account:\n%s", mine)
	}
	mustSay(t, "key", "disable", in, id)
	if list := mustSay(t, "key", "list", in); !regexp.MustCompile(id + ` .*disabled`).MatchString(list) {
		t.Errorf("it is not disabled:\n%s", list)
	}
	mustSay(t, "key", "enable", in, id)
	if list := mustSay(t, "key", "list", in); strings.Contains(list, "disabled") {
		t.Errorf("it is not enabled:\n%s", list)
	}
	mustSay(t, "key", "delete", in, id)
	fails(t, "there is no access key \""+id+"\"", "key", "delete", in, id)
	fails(t, "the data directory's own", "key", "disable", in, root.ID)
	fails(t, "no user is named", "key", "create", in, "--policy="+policy)
	fails(t, "the user ann has no policy", "key", "create", in, "--user=ann")
	fails(t, "read the policy: open /nowhere: no such file", "key", "create", in, "--policy=/nowhere", "--user=ann")
	write(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}`)
	fails(t, `statement 1: the condition operator "IpAddress" is not evaluated here`, "key", "create", in, "--policy="+policy, "--user=ann")

	// Which server, and as whom.
	fails(t, "no crenel up or server has run with the data directory", "key", "list", "--data-dir="+t.TempDir())
	fails(t, "--endpoint needs the root key of that server in AWS_ACCESS_KEY_ID", "key", "list", "--endpoint="+endpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", root.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", root.Secret)
	mustSay(t, "key", "list", "--endpoint="+endpoint+"/")
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	fails(t, "no crenel up or server has run with the data directory", "key", "list", "--data-dir="+t.TempDir())
	t.Setenv("AWS_ACCESS_KEY_ID", other.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", other.Secret)
	fails(t, "arn:aws:iam::210987654321:root may not administer this server", "key", "list", "--endpoint="+endpoint)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	fails(t, "AWS was not able to validate the provided access credentials", "key", "list", "--endpoint="+endpoint)
	fails(t, "no server answers at http://127.0.0.1:1: connection refused", "key", "list", "--endpoint=http://127.0.0.1:1")
	fails(t, "is no URL of a server", "key", "list", "--endpoint=http://\x7f")
}

func TestQuotasFromTheCommandLine(t *testing.T) {
	alone(t)
	dir, _ := serving(t)
	in := "--data-dir=" + dir
	if out := mustSay(t, "quota", "set", in, "L-0EA8095F", "100"); out != "Inbound or outbound rules per security group is 100 in eu-west-1\n" {
		t.Errorf("set says %q", out)
	}
	if list := mustSay(t, "quota", "list", in); !regexp.MustCompile(`^CODE +QUOTA +VALUE +DEFAULT\n`).MatchString(list) ||
		!regexp.MustCompile(`L-0EA8095F +Inbound or outbound rules per security group +100 +60\n`).MatchString(list) || !regexp.MustCompile(`\n- +Prefix lists per Region`).MatchString(list) {
		t.Errorf("the list is\n%s", list)
	}
	if there := mustSay(t, "quota", "list", in, "--region=us-east-1", "--json"); strings.Contains(there, `"Value": 100,`+"\n    \"Default\": 60") {
		t.Errorf("another Region has\n%s", there)
	}
	mustSay(t, "quota", "set", in, "security groups per network interface", "10")
	fails(t, "100 × 11 are 1100", "quota", "set", in, "L-2AFB9258", "11")
	mustSay(t, "quota", "set", in, "L-2AFB9258", "11", "--lab")
	mustSay(t, "quota", "set", in, "L-2AFB9258", "default")
	fails(t, `"many" is neither a whole number nor the word default`, "quota", "set", in, "L-2AFB9258", "many")
	fails(t, `there is no quota "rules"`, "quota", "set", in, "rules", "7")
	fails(t, `there is no account 210987654321 here`, "quota", "list", in, "--account=210987654321")
}

func TestStatusFromTheCommandLine(t *testing.T) {
	alone(t)
	dir, endpoint := serving(t)
	out := mustSay(t, "status", "--data-dir="+dir)
	for _, want := range []string{`endpoint +` + endpoint, `revision +\d+`, `host +not connected`, `unenforced +0 writes`, `stored, not enforced:\n  \w`, `access-key +1\n`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	var s struct {
		Endpoint string
		Revision int64
		Host     struct{ Connected bool }
	}
	if err := json.Unmarshal([]byte(mustSay(t, "status", "--data-dir="+dir, "--json")), &s); err != nil || s.Endpoint != endpoint || s.Revision == 0 || s.Host.Connected {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestExportAndImportFromTheCommandLine(t *testing.T) {
	alone(t)
	from, _ := serving(t)
	to, _ := serving(t)
	policy := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(policy, []byte(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	key := mustSay(t, "key", "create", "--data-dir="+from, "--user=ann", "--policy="+policy)
	_, secret, _ := strings.Cut(strings.TrimSpace(key), "aws_secret_access_key=")
	mustSay(t, "quota", "set", "--data-dir="+from, "L-F678F1CE", "9")
	without, with := mustSay(t, "export", "--data-dir="+from), mustSay(t, "export", "--data-dir="+from, "--with-secrets")
	if strings.Contains(without, secret) || !strings.Contains(with, secret) || !strings.HasPrefix(with, `{"export":"crenel","schema":`) {
		t.Errorf("exported\n%s\nand with secrets\n%s", without, with)
	}
	file := filepath.Join(t.TempDir(), "export.json")
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for content, want := range map[string]string{
		"":             "is not what crenel export writes",
		`{"schema":1}`: "is not what crenel export writes",
		strings.Replace(with, `"schema":1`, `"schema":99`, 1): "was exported by a newer crenel: it has schema 99",
		with[:len(with)-20]: "unexpected EOF",
		with + `{"kind":"subnet","key":"subnet-00000001","value":{"ID":"subnet-00000001","Account":"123456789012","Region":"us-east-1","VPC":"vpc-00000001"}}`: "refers to",
	} {
		write(content)
		fails(t, want, "import", "--data-dir="+to, file)
	}
	write(without)
	if _, said, status := run(t, "import", "--data-dir="+to, file); status != 0 || !strings.Contains(said, "left out, for the export has no secrets: the access keys AKIA") {
		t.Errorf("without secrets: %d %s", status, said)
	}
	write(with)
	mustSay(t, "import", "--data-dir="+to, file)
	if list := mustSay(t, "key", "list", "--data-dir="+to); !strings.Contains(list, "ann") {
		t.Errorf("imported:\n%s", list)
	}
	if list := mustSay(t, "quota", "list", "--data-dir="+to); !regexp.MustCompile(`VPCs per Region +9 +5`).MatchString(list) {
		t.Errorf("imported:\n%s", list)
	}
	fails(t, "no such file", "import", "--data-dir="+to, "/nowhere")
}
