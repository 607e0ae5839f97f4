package datapath

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheCommittedObjectIsWhatTheSourceMakes builds the programs in another folder: the same bytes,
// whoever builds them where.
func TestTheCommittedObjectIsWhatTheSourceMakes(t *testing.T) {
	version, err := exec.Command("clang-14", "--version").Output()
	if err != nil {
		t.Skip("no clang:", err)
	}
	if !bytes.Contains(version, []byte("version 14.")) {
		t.Skipf("the object is made by clang 14, this is %s", bytes.SplitN(version, []byte("\n"), 2)[0])
	}
	dir := t.TempDir()
	for _, name := range []string{"doc.go", "bpf", "older.sh"} {
		if out, err := exec.Command("cp", "-r", name, dir).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "bpf2go"), "github.com/cilium/ebpf/cmd/bpf2go").CombinedOutput(); err != nil {
		t.Skip("bpf2go cannot be built:", string(out))
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	doc = bytes.ReplaceAll(doc, []byte("go tool bpf2go"), []byte(filepath.Join(dir, "bpf2go")))
	if err := os.WriteFile(filepath.Join(dir, "doc.go"), doc, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "testdata"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "generate", "doc.go")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"kernel_bpfel.o", "kernel_bpfel.go", "testdata/older_bpfel.o"} {
		here, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		there, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(here, there) {
			t.Errorf("%s is not what go generate ./datapath makes", name)
		}
	}
}

// TestTheHeaderHasPolicysNumbers: go generate ./policy was run.
func TestTheHeaderHasPolicysNumbers(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	gen := filepath.Join(dir, "gen")
	if out, err := exec.Command("go", "build", "-o", gen, "./bpf/gen").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	for _, d := range []string{"policy", "datapath/bpf"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(gen)
	c.Dir = filepath.Join(dir, "policy")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	want, err := os.ReadFile(filepath.Join(dir, "datapath/bpf/policy_gen.h"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("bpf/policy_gen.h"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("bpf/policy_gen.h is not what go generate ./policy makes: %v", err)
	}
}
