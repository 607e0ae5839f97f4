package lab

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"crenel/ec2"
)

// A client is an environment in which one of AWS's clients meets a server: `crenel env`, and a closed
// port for every call that would escape to Amazon.
type client struct {
	t   *testing.T
	dir string
	env []string
}

func newClient(t *testing.T, u *up) *client {
	t.Helper()
	w := u.wire()
	dir := t.TempDir()
	env := append(os.Environ(), "HOME="+dir, "AWS_ENDPOINT_URL="+w.Endpoint, "AWS_URL="+w.Endpoint, "AWS_REGION="+w.Region, "AWS_DEFAULT_REGION="+w.Region,
		"AWS_ACCESS_KEY_ID="+w.Key.ID, "AWS_SECRET_ACCESS_KEY="+w.Key.Secret, "AWS_EC2_METADATA_DISABLED=true",
		"HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1", "AMI=ami-0123456789abcdef0")
	return &client{t, dir, env}
}

// run is what the command printed; it must succeed.
func (c *client) run(name string, args ...string) string {
	c.t.Helper()
	out, err := c.try(name, args...)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func (c *client) try(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(within(c.t, patience*60), name, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// testdata is the path of a file or folder of testdata.
func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Ansible builds a three-tier network, changes one thing in it and nothing else, then finds nothing to change, and
// removes it.
func TestAnsible(t *testing.T) {
	c := newClient(t, start(t, t.TempDir()))
	playbook := testdata(t, "ansible/three-tier.yml")
	// Debian's Ansible has its modules, and boto3, for Debian's Python.
	c.env = append(c.env, "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3", "ANSIBLE_LOCALHOST_WARNING=false", "ANSIBLE_INVENTORY_UNPARSED_WARNING=false",
		"ANSIBLE_NOCOLOR=1", "ANSIBLE_STDOUT_CALLBACK=default")
	for _, step := range []struct {
		vars string
		says string
	}{
		{"{}", "failed=0 "},
		{`{"web_ports": [80, 443, 8443]}`, "changed=1 "},
		{`{"web_ports": [80, 443, 8443], "unchanged": true}`, "changed=0 "},
		{`{"state": "absent"}`, "failed=0 "},
	} {
		if out := c.run("/usr/bin/ansible-playbook", "-e", step.vars, playbook); !strings.Contains(out, step.says) {
			t.Fatalf("with %s Ansible does not say %s:\n%s", step.vars, step.says, out)
		}
	}
}

// The AWS CLI, Debian's and a newer one, with its waiters, its paging, dry runs and Service Quotas. Both at once:
// most of the time goes into starting Python.
func TestCLI(t *testing.T) {
	u := start(t, t.TempDir())
	for _, path := range awsCLIs(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			dir := withCLI(t, path)
			c := newClient(t, u)
			c.env = append(c.env, "PATH="+dir+":"+os.Getenv("PATH"), "AWS_PAGER=")
			c.run("sh", "-c", `eval "$("$0" env --data-dir "$1")" && . "$2"`, u.bin+"/crenel", u.dir, testdata(t, "waiters.sh"))
		})
	}
}

// The AWS SDK for JavaScript v3, with its paginators and waiters.
func TestJavaScript(t *testing.T) {
	c := newClient(t, start(t, t.TempDir()))
	if out := c.run("node", testdata(t, "js/three-tier.mjs")); !strings.HasSuffix(out, "done\n") {
		t.Error(out)
	}
}

// Terraform with the real AWS provider: apply, an empty plan, a change, an empty plan, destroy. The
// provider cannot be installed from everywhere: CRENEL_TERRAFORM_PROVIDERS is a filesystem mirror of it.
func TestTerraform(t *testing.T) {
	mirror := os.Getenv("CRENEL_TERRAFORM_PROVIDERS")
	if _, err := exec.LookPath("terraform"); err != nil || mirror == "" {
		t.Skip("optional: terraform, or a mirror of its providers that CRENEL_TERRAFORM_PROVIDERS names, is not here")
	}
	u := start(t, t.TempDir())
	c := newClient(t, u)
	rc := filepath.Join(c.dir, "terraformrc")
	if err := os.WriteFile(rc, []byte("provider_installation {\n  filesystem_mirror { path = \""+mirror+"\" }\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadFile(testdata(t, "terraform/main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "main.tf"), files, 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = append(c.env, "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "TF_VAR_ami=ami-0123456789abcdef0", "CHECKPOINT_DISABLE=1")
	c.run("terraform", "init", "-no-color", "-input=false")
	const three = `web_ports=[80, 443, 8443]`
	c.run("terraform", "apply", "-no-color", "-input=false", "-auto-approve")
	c.unchanged()
	c.run("terraform", "apply", "-no-color", "-input=false", "-auto-approve", "-var", three)
	c.unchanged("-var", three)
	var out struct {
		Account struct{ Value string }
		Found   struct{ Value map[string]any }
	}
	if err := json.Unmarshal([]byte(c.run("terraform", "output", "-json")), &out); err != nil {
		t.Fatal(err)
	}
	found := map[string]any{"vpc": true, "subnets": 3.0, "subnet": true, "default": true, "groups": 4.0, "group": true, "instance": true,
		"user_data": "#!/bin/sh\nexec sleep infinity\n", "instances": 1.0, "ports": 1.0,
		"rules": 60.0, "gateway": true, "nat": true, "vcpus": 2.0}
	if out.Account.Value != "123456789012" || !reflect.DeepEqual(out.Found.Value, found) {
		t.Errorf("the data sources found %+v", out)
	}
	c.run("terraform", "destroy", "-no-color", "-input=false", "-auto-approve")
	var left ec2.DescribeVpcsOutput
	if err := u.wire().call("DescribeVpcs", url.Values{}, &left); err != nil {
		t.Fatal(err)
	}
	if len(left.Vpcs) != 1 || !*left.Vpcs[0].IsDefault {
		t.Errorf("left after destroy: %+v", left.Vpcs)
	}
}

// unchanged fails where Terraform would change anything.
func (c *client) unchanged(args ...string) {
	c.t.Helper()
	out, err := c.try("terraform", append([]string{"plan", "-no-color", "-input=false", "-detailed-exitcode"}, args...)...)
	if err != nil {
		c.t.Fatalf("the plan is not empty: %v\n%s", err, out)
	}
}
