package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"

	"crenel/auth"
	"crenel/ec2"
	"crenel/vpc"
)

// The test binary is also the programs under test: crenel, and a member of an etcd.
func TestMain(m *testing.M) {
	switch role := os.Getenv("CRENEL_TEST_ROLE"); role {
	case "":
		os.Exit(m.Run())
	case "crenel":
		os.Exit(Run(os.Args[1:], os.Stdout, os.Stderr))
	default:
		serveMember(role)
	}
}

// patience bounds what a broken test waits; no test that passes comes near it.
const patience = time.Minute

var soaking = os.Getenv("CRENEL_SOAK") != ""

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	if given, err := strconv.ParseUint(os.Getenv("CRENEL_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("CRENEL_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) { // other processes: nothing to wait on
		if time.Now().After(end) {
			t.Fatalf("%s did not come", what)
		}
	}
}

// A process is this binary in another role.
type process struct {
	*exec.Cmd
	out  *bufio.Reader
	said *transcript // on standard error
}

// again is a command that ends with this process, however that ends.
func again(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "CRENEL_TEST_ROLE="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// launch starts the command; it is killed when the test ends.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, said: &transcript{}}
	cmd.Stderr = p.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%v said:\n%s", cmd.Args[1:], p.said)
		}
	})
	return p
}

// kill is kill -9; killing the dead is harmless.
func (p *process) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// A transcript is read while it is written.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A served is a `crenel server`, and how to speak to it.
type served struct {
	t      *testing.T
	args   []string
	dir    string
	region string
	key    vpc.AccessKey
	*process

	mu       sync.Mutex
	endpoint string
}

// serve starts `crenel server` with the data directory and waits until it is ready.
func serve(t *testing.T, dir string, args ...string) *served {
	t.Helper()
	s := &served{t: t, dir: dir, region: "us-east-1", args: append([]string{"server", "--data-dir", dir, "--listen", "127.0.0.1:0"}, args...)}
	s.start()
	return s
}

// start starts it, again.
func (s *served) start() {
	s.t.Helper()
	s.process = launch(s.t, again("crenel", s.args...))
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatalf("crenel server ended before it was ready: %v\n%s", s.Wait(), s.said)
	}
	endpoint, ok := strings.CutPrefix(line, "ready http://127.0.0.1:")
	if !ok {
		s.t.Fatalf("crenel server said %q", line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = "http://127.0.0.1:" + strings.TrimSpace(endpoint)
	if s.key, err = auth.ReadRoot(s.dir); err != nil {
		s.t.Fatal(err)
	}
}

// An answer is a response as far as tests look at it.
type answer struct {
	status     int
	header     http.Header
	body       []byte
	code, text string // of an error
}

// call sends a signed request. It fails where no whole answer comes.
func (s *served) call(name string, form url.Values) (a answer, err error) {
	s.mu.Lock()
	endpoint, key := s.endpoint, s.key
	s.mu.Unlock()
	body := "Action=" + name + "&Version=2016-11-15&" + form.Encode()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(body))
	err = sigv4.New().SignRequest(&sigv4.SignRequestInput{Request: q, PayloadHash: hash[:], Service: "ec2", Region: s.region, Time: time.Now(),
		Credentials: credentials.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}})
	if err != nil {
		return a, err
	}
	return receive(q)
}

func receive(q *http.Request) (a answer, err error) {
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return a, err
	}
	defer r.Body.Close()
	a.status, a.header = r.StatusCode, r.Header
	if a.body, err = io.ReadAll(r.Body); err != nil {
		return a, err
	}
	var e struct {
		Code    string `xml:"Errors>Error>Code"`
		Message string `xml:"Errors>Error>Message"`
	}
	if a.status != http.StatusOK && xml.Unmarshal(a.body, &e) == nil {
		a.code, a.text = e.Code, e.Message
	}
	return a, nil
}

// must is a call that must succeed.
func must[Out any](s *served, name string, form url.Values) (out Out) {
	s.t.Helper()
	a, err := s.call(name, form)
	if err == nil && a.status == http.StatusOK {
		err = xml.Unmarshal(a.body, &out)
	}
	if err != nil || a.status != http.StatusOK {
		s.t.Fatalf("%s: %v %d %s", name, err, a.status, a.body)
	}
	return out
}

func (s *served) health() (a answer) {
	s.t.Helper()
	q, err := http.NewRequest(http.MethodGet, s.endpoint+"/healthz", nil)
	if err == nil {
		a, err = receive(q)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// groups are the security groups, by name, with the ports that each lets in.
func (s *served) groups() map[string][]int32 {
	s.t.Helper()
	all := map[string][]int32{}
	for form := (url.Values{"MaxResults": {"1000"}}); ; {
		out := must[ec2.DescribeSecurityGroupsOutput](s, "DescribeSecurityGroups", form)
		for _, g := range out.SecurityGroups {
			if _, twice := all[*g.GroupName]; twice {
				s.t.Errorf("there are two groups named %s", *g.GroupName)
			}
			all[*g.GroupName] = []int32{}
			for _, p := range g.IpPermissions {
				if p.FromPort != nil {
					all[*g.GroupName] = append(all[*g.GroupName], *p.FromPort)
				}
			}
		}
		if out.NextToken == nil || *out.NextToken == "" {
			return all
		}
		form.Set("NextToken", *out.NextToken)
	}
}

// permissions ask for TCP from everywhere on the ports.
func permissions(group string, ports ...int) url.Values {
	form := url.Values{"GroupId": {group}}
	for n, port := range ports {
		at := fmt.Sprintf("IpPermissions.%d.", n+1)
		form.Set(at+"IpProtocol", "tcp")
		form.Set(at+"FromPort", strconv.Itoa(port))
		form.Set(at+"ToPort", strconv.Itoa(port))
		form.Set(at+"IpRanges.1.CidrIp", "0.0.0.0/0")
	}
	return form
}
