package instance

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const proberArg = "probe"

// trials are what trials might leave: first processes that run this test's program, folders and cgroups.
func trials(t *testing.T) (found []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, exe := range all {
		line, _ := os.ReadFile(filepath.Dir(exe) + "/cmdline")
		if program, _ := os.Readlink(exe); program == self && strings.HasPrefix(string(line), initName) {
			found = append(found, exe)
		}
	}
	groups, err := cgroup2()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{os.TempDir() + "/.probe*", "/run/i-probe*", groups + "/crenel-.probe*", groups + "/crenel-"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, more...)
	}
	return found
}

func TestProbeFindsNothingMissingAndLeavesNothing(t *testing.T) {
	newHome(t)
	before := trials(t)
	if missing := Probe(); missing != nil {
		t.Error(missing)
	}
	if diff := cmp.Diff(before, trials(t)); diff != "" {
		t.Error("left:", diff)
	}
}

func TestAProbeThatIsKilledLeavesNothing(t *testing.T) {
	newHome(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	before := trials(t)
	for range 25 {
		cmd := exec.Command(self, proberArg)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(random.IntN(40)) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		diff := cmp.Diff(before, trials(t))
		if diff == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("left:", diff)
		}
	}
}
