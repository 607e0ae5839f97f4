package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"crenel/admin"
	"crenel/vpc"
)

// An export is lines of JSON: the first one is this, every other one an object.
type exportHead struct {
	Export   string `json:"export"` // exportForm
	Schema   int    `json:"schema"`
	Revision int64  `json:"revision"`
}

const exportForm = "crenel"

type exportCmd struct {
	remote
	WithSecrets bool `help:"Export the secrets of access keys too; without them, keys cannot be imported."`
}

// Run writes everything that the server holds, at one moment, to standard output.
func (c *exportCmd) Run(e *env) error {
	server, err := c.client()
	if err != nil {
		return err
	}
	out, err := ask[admin.ExportOutput](server, admin.ExportInput{Secrets: c.WithSecrets})
	if err != nil {
		return err
	}
	w := bufio.NewWriter(e.stdout)
	lines := json.NewEncoder(w)
	if err := lines.Encode(exportHead{exportForm, vpc.Schema, out.Revision}); err != nil {
		return err
	}
	for _, o := range out.Objects {
		if err := lines.Encode(o); err != nil {
			return err
		}
	}
	return w.Flush()
}

type importCmd struct {
	printing
	File string `arg:"" help:"What crenel export wrote; - is standard input."`
}

// Run makes a new server hold what another one exported. It may be run again where it broke off.
func (c *importCmd) Run(e *env) error {
	in, err := c.read()
	if err != nil {
		return err
	}
	server, err := c.client()
	if err != nil {
		return err
	}
	out, err := ask[admin.ImportOutput](server, in)
	if err != nil {
		return err
	}
	if len(out.Keys) > 0 {
		fmt.Fprintf(e.stderr, "crenel: left out, for the export has no secrets: the access keys %s; crenel key create makes new ones\n", strings.Join(out.Keys, ", "))
	}
	if len(out.Operators) > 0 {
		fmt.Fprintf(e.stderr, "crenel: left out, for they could administer this server: the root keys %s of its account; crenel key create makes new ones\n", strings.Join(out.Operators, ", "))
	}
	return c.print(e.stdout, out, func(w io.Writer) { fmt.Fprintf(w, "%d objects are there\n", out.Objects) })
}

func (c *importCmd) read() (in admin.ImportInput, err error) {
	f := os.Stdin
	if c.File != "-" {
		if f, err = os.Open(c.File); err != nil {
			return in, err
		}
		defer f.Close()
	}
	lines := json.NewDecoder(bufio.NewReader(f))
	var head exportHead
	if err := lines.Decode(&head); err != nil || head.Export != exportForm {
		return in, fmt.Errorf("%s is not what crenel export writes", c.File)
	}
	if head.Schema > vpc.Schema {
		return in, fmt.Errorf("%s was exported by a newer crenel: it has schema %d, and this one knows up to %d", c.File, head.Schema, vpc.Schema)
	}
	for {
		var o admin.Object
		if err := lines.Decode(&o); errors.Is(err, io.EOF) {
			return in, nil
		} else if err != nil {
			return in, fmt.Errorf("%s: object %d: %w", c.File, len(in.Objects)+1, err)
		}
		in.Objects = append(in.Objects, o)
	}
}
