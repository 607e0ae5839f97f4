package api

import (
	goflag "flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = goflag.Bool("update", false, "write the table in docs/operations.md anew")

func TestCoverageIsOfEveryOperation(t *testing.T) {
	known := map[Effect]bool{answers: true, enforced: true, kept: true}
	for _, s := range StoredOnly {
		if known[stored(s.Noun)] {
			t.Errorf("%s is listed twice", s.Noun)
		}
		known[stored(s.Noun)] = true
	}
	for name, o := range operations {
		c, ok := coverage[name]
		if !ok {
			t.Errorf("coverage lacks %s", name)
			continue
		}
		if !known[c.Effect] || o.Write == (c.Effect == answers) {
			t.Errorf("%s, which writes: %v, has the effect %q", name, o.Write, c.Effect)
		}
	}
	for name := range coverage {
		if _, ok := operations[name]; !ok {
			t.Errorf("coverage has %s, which is no operation", name)
		}
	}
}

// The page of operations says what the code says.
func TestTheTableOfOperationsIsWritten(t *testing.T) {
	const file, begin, end = "../docs/operations.md", "<!-- written by go test ./api -update -->\n", "<!-- until here -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	was, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks its markers %q and %q", file, begin, end)
	}
	if was == coverageTable() {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the code says: go test ./api -update writes it anew", file)
	}
	if err := os.WriteFile(file, []byte(before+begin+coverageTable()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// coverageTable is what docs/operations.md says of StoredOnly and of every operation.
func coverageTable() string {
	var b strings.Builder
	b.WriteString("| stored and described | and not more, because |\n|---|---|\n")
	for _, s := range StoredOnly {
		fmt.Fprintf(&b, "| %s | %s |\n", s.Noun, s.Missing)
	}
	fmt.Fprintf(&b, "\n%d operations. *answers*: it changes nothing; *enforced*: on packets and hosts; *kept*: and described, which is all that AWS\n"+
		"does with it; *stored*: see above. An operation that is not in this table answers `InvalidAction`, as one that AWS does not have.\n\n| operation | built | effect |\n|---|---|---|\n", len(coverage))
	for _, name := range slices.Sorted(maps.Keys(coverage)) {
		built := "done"
		if lacks := coverage[name].Lacks; lacks != "" {
			built = "partial: " + lacks
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, built, coverage[name].Effect)
	}
	return b.String()
}
