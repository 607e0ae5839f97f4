package cli

import (
	"cmp"
	"fmt"
	"io"

	"crenel/admin"
)

type statusCmd struct{ printing }

// Run says how the server and its host are.
func (c *statusCmd) Run(e *env) error {
	server, err := c.client()
	if err != nil {
		return err
	}
	s, err := ask[admin.StatusOutput](server, admin.StatusInput{})
	if err != nil {
		return err
	}
	all := struct {
		Endpoint string
		admin.StatusOutput
	}{server.Endpoint, s}
	return c.print(e.stdout, all, func(w io.Writer) {
		fmt.Fprintf(w, "endpoint\t%s\n", all.Endpoint)
		fmt.Fprintf(w, "revision\t%d\n", s.Revision)
		fmt.Fprintf(w, "host\t%s\n", hostLine(s))
		if s.Host.Trouble != "" {
			fmt.Fprintf(w, "trouble\t%s: %s\n", cmp.Or(s.Host.Name, "no host yet"), s.Host.Trouble)
		}
		if !s.Host.None {
			fmt.Fprintf(w, "unenforced\t%d writes were not confirmed by a host in time\n", s.Unenforced)
		}
		for _, o := range s.Objects {
			fmt.Fprintf(w, "%s\t%d\n", o.Kind, o.Count)
		}
		fmt.Fprintf(w, "\ndropped packets:\n")
		for _, p := range s.Packets {
			if p.Dropped {
				fmt.Fprintf(w, "  %s\t%s\t%d\n", cmp.Or(p.Interface, "no interface"), p.Reason, p.Packets)
			}
		}
		fmt.Fprintf(w, "\nstored, not enforced:\n")
		for _, stored := range s.StoredOnly {
			fmt.Fprintf(w, "  %s\t%s\n", stored.Noun, stored.Missing)
		}
	})
}

func hostLine(s admin.StatusOutput) string {
	switch {
	case s.Host.None:
		return "none: this server enforces nothing"
	case !s.Host.Connected:
		return "not connected: what is enforced is what it heard last"
	case s.Host.Applied < s.Revision:
		return fmt.Sprintf("connected; enforces revision %d, not %d yet", s.Host.Applied, s.Revision)
	}
	return fmt.Sprintf("connected; enforces revision %d", s.Host.Applied)
}
