package conformance

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
)

// A server is a running crenel without a host: instances go through their states all the same.
type server struct {
	*testing.T
	dir, endpoint string
}

// program is crenel, built once from the tree that this module is of.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "crenel")
	out, err := exec.Command("go", "build", "-C", "..", "-o", file, "./cmd/crenel").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// start runs a server on an empty store until the test ends.
func start(t *testing.T, flags ...string) *server {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{T: t, dir: t.TempDir()}
	cmd := exec.Command(file, append([]string{"server", "--data-dir", s.dir, "--listen", "127.0.0.1:0"}, flags...)...)
	said := new(strings.Builder)
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			for line := range strings.Lines(said.String()) {
				if !strings.Contains(line, "msg=request") {
					t.Log(line)
				}
			}
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	endpoint, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ready {
		t.Fatalf("the server said %q: %v", line, err)
	}
	s.endpoint = endpoint
	return s
}

// run is a command of crenel about the server.
func (s *server) run(args ...string) string {
	s.Helper()
	file, _ := program()
	out, err := exec.Command(file, append(args, "--data-dir", s.dir)...).Output()
	if err != nil {
		s.Fatalf("crenel %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// A caller calls operations as an account's root user.
type caller struct {
	*sdk.Client
	*server
	account string
	heard   heard
}

// as signs with a new key of the account, in the Region.
func (s *server) as(account, region string, flags ...string) *caller {
	s.Helper()
	said := map[string]string{}
	for line := range strings.Lines(s.run(append([]string{"key", "create", "--account", account}, flags...)...)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		said[name] = value
	}
	return &caller{server: s, account: account, heard: heard{}, Client: sdk.New(sdk.Options{
		Region: region, Credentials: key{id: said["aws_access_key_id"], secret: said["aws_secret_access_key"]},
		BaseEndpoint: aws.String(s.endpoint), RetryMaxAttempts: 1, HTTPClient: patient{},
	})}
}

// A method is one of the SDK's client.
type method[In, Out any] func(context.Context, *In, ...func(*sdk.Options)) (*Out, error)

// do is a call that must succeed. What it answers is heard.
func do[In, Out any](c *caller, call method[In, Out], in In) *Out {
	c.Helper()
	out, err := call(c.Context(), &in)
	if err != nil {
		c.Fatalf("%T: %v", in, err)
	}
	c.heard.of(strings.TrimSuffix(reflect.TypeFor[Out]().Name(), "Output"), reflect.ValueOf(out))
	return out
}

// refused is the code and the message of the error that a call must end in.
func refused[In, Out any](c *caller, call method[In, Out], in In) string {
	c.Helper()
	out, err := call(c.Context(), &in)
	return refusal(out, err)
}

func refusal(out any, err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return "no error"
	case errors.As(err, &api):
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

// eventually waits for what the server does by itself.
func (s *server) eventually(what string, done func() bool) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) { // another process: nothing to wait on
		if time.Now().After(end) {
			s.Fatalf("%s did not come", what)
		}
	}
}
