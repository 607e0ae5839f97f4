// Gen writes ../types_gen.go: the request and response types of the EC2
// operations named in ops.txt, read from the source of the AWS SDK for Go.
//
// No model file is fetched or kept. The SDK's structs give names and types, its
// serializers the names of request parameters, its deserializers those of
// response elements; a sixth of the latter two differ from the members' own.
// Adding an operation is a line in ops.txt and `go generate ./ec2`; a newer API
// is `go get github.com/aws/aws-sdk-go-v2/service/ec2@latest` here, and the same.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path"
	"strings"
)

const (
	sdkModule = "github.com/aws/aws-sdk-go-v2/service/ec2"
	output    = "../types_gen.go"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("ec2/gen: ")
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ops, err := lines("ops.txt")
	if err != nil {
		return err
	}
	omit, err := patterns("omit.txt")
	if err != nil {
		return err
	}
	module, err := download(sdkModule)
	if err != nil {
		return err
	}
	sdk, err := read(module.Dir, ops)
	if err != nil {
		return err
	}
	src, err := write(sdk, ops, omit, sdkModule+" "+module.Version)
	if err != nil {
		return err
	}
	return replace(output, src)
}

// download fetches the module at the version go.mod names, unless it is here already.
func download(module string) (m struct{ Dir, Version, Error string }, err error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Stderr = os.Stderr
	out, runErr := cmd.Output()
	if err := json.Unmarshal(out, &m); err != nil && runErr == nil {
		return m, fmt.Errorf("download %s: %w", module, err)
	}
	switch {
	case m.Error != "":
		return m, fmt.Errorf("download %s: %s", module, m.Error)
	case runErr != nil:
		return m, fmt.Errorf("download %s: %w", module, runErr)
	}
	return m, nil
}

// lines reads a file of one word a line; # begins a comment.
func lines(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			words = append(words, line)
		}
	}
	return words, nil
}

// A patternList matches "Struct.Member" by path.Match, and knows what it matched.
type patternList struct {
	patterns []string
	matched  map[string]bool
}

func patterns(file string) (*patternList, error) {
	words, err := lines(file)
	if err != nil {
		return nil, err
	}
	for _, p := range words {
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, p, err)
		}
	}
	return &patternList{words, map[string]bool{}}, nil
}

func (l *patternList) match(name string) bool {
	found := false
	for _, p := range l.patterns {
		if ok, _ := path.Match(p, name); ok {
			l.matched[p], found = true, true
		}
	}
	return found
}

// unmatched names a pattern that matched nothing: a typing error, or a member that is gone.
func (l *patternList) unmatched() string {
	for _, p := range l.patterns {
		if !l.matched[p] {
			return p
		}
	}
	return ""
}

// replace writes the file whole or not at all.
func replace(file string, content []byte) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		os.Remove(temporary)
		return err
	}
	return os.Rename(temporary, file)
}
