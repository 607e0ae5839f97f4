package bench

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"

	"crenel/auth"
)

// crenel starts `crenel server`, without a host: what enforcement costs is measured elsewhere.
func crenel(b *testing.B) *endpoint {
	dir := b.TempDir()
	program := filepath.Join(dir, "crenel")
	build := exec.Command("go", "build", "-trimpath", "-o", program, "crenel/cmd/crenel")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	data := filepath.Join(dir, "data")
	cmd := exec.Command(program, "server", "--data-dir", data, "--listen", "127.0.0.1:0", "--no-enforcement")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	run(b, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		b.Fatalf("crenel server said %q (%v)", line, err)
	}
	took := time.Since(start)
	for _, quota := range []string{"VPC security groups per Region"} {
		set := exec.Command(program, "quota", "set", "--data-dir", data, quota, "1000000")
		if out, err := set.CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", set, err, out)
		}
	}
	key, err := auth.ReadRoot(data)
	if err != nil {
		b.Fatal(err)
	}
	return &endpoint{name: "crenel", url: url, pid: cmd.Process.Pid, start: took,
		key: credentials.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}}
}

// moto starts moto's server, which takes any key.
func moto(b *testing.B, program string) *endpoint {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", fmt.Sprint(address.Port))
	start := time.Now()
	run(b, cmd)
	e := &endpoint{name: "moto", url: fmt.Sprintf("http://%s", address), pid: cmd.Process.Pid,
		key: credentials.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}}
	for {
		res, err := http.Get(e.url + "/moto-api/")
		if err == nil {
			res.Body.Close()
			break
		}
		if time.Since(start) > time.Minute {
			b.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.start = time.Since(start)
	return e
}

// run starts the command in a process group of its own, which ends with the benchmark, and itself with its process.
func run(b *testing.B, cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
	})
}

// resident is the memory that the server's processes have, in bytes.
func (e *endpoint) resident() (bytes int64) {
	stat, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stat {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 22 || fields[2] != fmt.Sprint(e.pid) { // its process group
			continue
		}
		var pages int64
		fmt.Sscan(fields[21], &pages)
		bytes += pages * int64(os.Getpagesize())
	}
	return bytes
}
