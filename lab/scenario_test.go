package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scenarios are the texts of testdata.
func scenarios(t *testing.T) (all []*Scenario) {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s, err := Parse(strings.TrimSuffix(filepath.Base(name), ".txt"), f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func TestScenariosInMemory(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			m, err := NewMemory()
			if err != nil {
				t.Fatal(err)
			}
			if err := Play(s, m, ""); err != nil {
				t.Error(err)
			}
		})
	}
}

// A scenario that says the opposite of what is must fail: else none of them shows anything.
func TestAScenarioThatIsWrongFails(t *testing.T) {
	const start = "# wrong\nvpc main 10.0.0.0/16\nsubnet a main 10.0.1.0/24\ngroup g main\ninstance one a\ninstance peer a\ninstance two a in g\n"
	for _, wrong := range []string{
		"pass one two tcp 80",
		"drop one two tcp 80 no-egress-rule",
		"drop two two tcp 80 no-ingress-rule",
		"talk nobody",
		"pass one three tcp 80",
		"open c one two tcp 80",
		"allow g ingress tcp 80 from nobody",
		"send one two udp 53",
		"send one peer udp",
		"send one peer icmp 8/256",
		"send one peer 256",
		"lose one peer udp 53",
		"lose one peer icmp 0/0",
		"lose one two 47 no-egress-rule",
		"lose one as 10.0.1.99 two tcp 80 no-ingress-rule",
		"refused InvalidGroup.NotFound group other main",
		"refused InvalidGroup.NotFound timeout one udp 61",
		"timeout one icmp 60",
		"relist office 10.0.0.0/8",
		"quota 5 wishes",
		"wait long",
	} {
		s, err := Parse("wrong", strings.NewReader(start+wrong))
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewMemory()
		if err != nil {
			t.Fatal(err)
		}
		if err := Play(s, m, ""); err == nil || !strings.Contains(err.Error(), "line 8") {
			t.Errorf("%s: got %v, want a failure at line 8", wrong, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"vpc main 10.0.0.0/16",
		"# about\nfly away",
		"# about\nvpc main",
		"# about\npass one",
		"# about\nrefused InvalidGroup.NotFound fly away",
		"# about\nvpc main default\nwait 1",
	} {
		if _, err := Parse("bad", strings.NewReader(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
