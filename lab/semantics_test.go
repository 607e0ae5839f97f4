package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A behaviour is a line of a table of docs/semantics.md.
type behaviour struct {
	line  int
	first string   // its first cell
	files []string // that show it: scenarios and tests, none where it is not built yet
}

// behaviours reads the tables of the page. Each says in its last column what shows the behaviour.
func behaviours(page string) (all []behaviour, err error) {
	wrong := func(line int, format string, args ...any) {
		err = errors.Join(err, fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...)))
	}
	var header []string
	for n, line := range strings.Split(page, "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		last := cells[len(cells)-1]
		switch {
		case !strings.HasPrefix(line, "|"):
			header = nil
			continue
		case header == nil:
			if header = cells; last != "shown by" {
				wrong(n+1, "a table whose last column does not say what it is shown by")
			}
			continue
		case strings.HasPrefix(line, "|---"):
			continue
		case len(cells) != len(header):
			wrong(n+1, "%d columns, not %d", len(cells), len(header))
			continue
		}
		if at := slices.Index(header, "kind"); at >= 0 && !slices.Contains([]string{"copied", "chosen", "refused"}, cells[at]) {
			wrong(n+1, "%q is no kind", cells[at])
		}
		b := behaviour{line: n + 1, first: cells[0]}
		if last != "not built yet" {
			for _, name := range strings.Split(last, ", ") {
				if m := file.FindStringSubmatch(name); m != nil {
					b.files = append(b.files, m[1])
				} else {
					wrong(n+1, "%q names no file", name)
				}
			}
		}
		all = append(all, b)
	}
	return all, err
}

// file is how the page names a scenario, or a test: `replies-flow.txt`, `policy/tracker_test.go:TestTimeouts`.
var file = regexp.MustCompile("^`([a-z0-9-]+\\.txt|[a-z]+/[a-z0-9_]+_test\\.go:Test[A-Za-z0-9]+)`$")

// shown tells whether what the page names is there.
func shown(name string) error {
	name, test, ok := strings.Cut(name, ":")
	if !ok {
		_, err := os.Stat("testdata/" + name)
		return err
	}
	text, err := os.ReadFile(path.Join("..", name))
	if err == nil && !bytes.Contains(text, []byte("\nfunc "+test+"(t *testing.T)")) {
		err = fmt.Errorf("%s has no %s", name, test)
	}
	return err
}

// The page of behaviours is held to the scenarios and tests, and the scenarios to the page.
func TestEveryBehaviourIsShownAndEveryScenarioShowsOne(t *testing.T) {
	page, err := os.ReadFile("../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := behaviours(string(page))
	if err != nil {
		t.Error(err)
	}
	named, vectors := map[string]bool{}, map[int]bool{}
	for _, b := range all {
		if n, err := strconv.Atoi(b.first); err == nil {
			vectors[n] = true
		}
		for _, name := range b.files {
			named[name] = true
			if err := shown(name); err != nil {
				t.Errorf("line %d: %v", b.line, err)
			}
		}
	}
	for n := range 18 {
		if !vectors[n+1] {
			t.Errorf("vector %d is missing", n+1)
		}
	}
	for _, s := range scenarios(t) {
		if !named[s.Name+".txt"] {
			t.Errorf("no behaviour names %s.txt", s.Name)
		}
	}
}

func TestABehaviourThatNamesNoFileIsFound(t *testing.T) {
	const head = "| behaviour | kind | shown by |\n|---|---|---|\n"
	for _, c := range []struct{ page, want string }{
		{head + "| it is | copied | `union.txt` |\n| it is not | chosen | not built yet |", ""},
		{head + "| it is | copied | `union.txt`, `policy/tracker_test.go:TestTimeouts` |", ""},
		{head + "| it is | copied | |", `line 3: "" names no file`},
		{head + "| it is | copied | later |", `line 3: "later" names no file`},
		{head + "| it is | copied | not built yet: IPv6 |", `line 3: "not built yet: IPv6" names no file`},
		{head + "| it is | copied | `union.txt`, not built yet |", `line 3: "not built yet" names no file`},
		{head + "| it is | copied | `policy/tracker.go` |", "line 3: \"`policy/tracker.go`\" names no file"},
		{head + "| it is | believed | `union.txt` |", `line 3: "believed" is no kind`},
		{head + "| it is | `union.txt` |", "line 3: 2 columns, not 3"},
		{"| behaviour |\n|---|\n| it is |", "line 1: a table whose last column does not say what it is shown by\nline 3: \"it is\" names no file"},
	} {
		got := ""
		if _, err := behaviours(c.page); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.page, got, c.want)
		}
	}
	for _, name := range []string{"nothing.txt", "policy/nothing_test.go:TestTimeouts", "policy/tracker_test.go:TestNothing"} {
		if shown(name) == nil {
			t.Errorf("%s is there", name)
		}
	}
}
