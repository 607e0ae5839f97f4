package server

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Each file of testdata/terraform is what the AWS provider (hashicorp/aws 5.100.0) calls for some of its resources, in
// its order and with its parameters: create, read, destroy. It waits where the file says until, and depends on every code
// that the file names.
func TestTheCallsOfTerraform(t *testing.T) {
	files, err := filepath.Glob("testdata/terraform/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no traces", err)
	}
	r := startAlone(t, &Server{NoEnforcement: true})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			trace := trace{T: t, rig: r, known: map[string]string{}}
			for n, line := range strings.Split(string(text), "\n") {
				if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
					trace.play(n+1, line)
				}
			}
			trace.settled()
		})
	}
}

// A trace is played line by line. A line at the margin is a call; those indented under it are what must be true of its answer:
//
//	vpc = vpcId            the first such element's text; later lines have it as $vpc
//	vpc = vpcId after TEXT the first one behind the text
//	has TEXT               it is in the answer
//	lacks TEXT             it is not
//	until TEXT             it is, at the latest after some more calls
//	fails CODE             the call is refused
type trace struct {
	*testing.T
	rig    *rig
	known  map[string]string
	line   int
	asked  request
	answer answer
	fails  bool // and that is as it should be
}

func (c *trace) play(n int, line string) {
	expanded := os.Expand(line, func(name string) string {
		if c.known[name] == "" {
			c.Fatalf("line %d: nothing is known as $%s", n, name)
		}
		return c.known[name]
	})
	if expanded[0] != ' ' {
		c.settled()
		c.call(n, strings.Fields(expanded))
		return
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(expanded), " ")
	switch word {
	case "has":
		if !strings.Contains(c.answer.body, rest) {
			c.Fatalf("line %d: no %s in the answer to %s:\n%s", n, rest, c.asked.body, c.answer.body)
		}
	case "lacks":
		if strings.Contains(c.answer.body, rest) {
			c.Fatalf("line %d: %s in the answer to %s:\n%s", n, rest, c.asked.body, c.answer.body)
		}
	case "until":
		for limit := within(c.T); !strings.Contains(c.answer.body, rest); c.answer = c.rig.send(c.asked) {
			if limit.Err() != nil {
				c.Fatalf("line %d: it stays at %s", n, c.answer.body)
			}
			time.Sleep(time.Millisecond) // the API has no way to wait, as AWS's has none
		}
	case "fails":
		if c.fails = true; c.answer.code != rest || c.answer.status >= http.StatusInternalServerError {
			c.Fatalf("line %d: %s answers %d %s, not %s", n, c.asked.body, c.answer.status, c.answer.body, rest)
		}
	default:
		element, after, _ := strings.Cut(strings.TrimPrefix(rest, "= "), " after ")
		found := regexp.MustCompile(regexp.QuoteMeta(after) + ".*?<" + element + ">([^<]+)<").FindStringSubmatch(c.answer.body)
		if found == nil {
			c.Fatalf("line %d: no %s in the answer to %s:\n%s", n, element, c.asked.body, c.answer.body)
		}
		c.known[word] = found[1]
	}
}

// call sends what a line at the margin says: the action, and its parameters as they are before they are encoded.
func (c *trace) call(n int, words []string) {
	form := url.Values{}
	for _, word := range words[1:] {
		for pair := range strings.SplitSeq(word, "&") {
			name, value, _ := strings.Cut(pair, "=")
			form.Set(name, value)
		}
	}
	c.line, c.fails = n, false
	c.asked = action(words[0], form.Encode())
	c.answer = c.rig.send(c.asked)
}

// settled fails where the last call was refused, and no line said so.
func (c *trace) settled() {
	if c.line > 0 && !c.fails && c.answer.status != http.StatusOK {
		c.Fatalf("line %d: %s is refused: %s", c.line, c.asked.body, c.answer.body)
	}
}
