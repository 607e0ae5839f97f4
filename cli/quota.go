package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"

	"crenel/admin"
)

type quotaCmd struct {
	List quotaListCmd `cmd:"" help:"List the quotas of an account in a Region, with AWS's defaults."`
	Set  quotaSetCmd  `cmd:"" help:"Set a quota, within what AWS would grant: crenel quota set L-2AFB9258 16."`
}

// scoped is what commands about quotas share.
type scoped struct {
	printing
	Account string `help:"Account (default: the server's own)." placeholder:"ID"`
	Region  string `help:"Region (default: the one that crenel env names)." placeholder:"REGION"`
}

func (s scoped) client() (client, string, error) {
	c, err := s.printing.client()
	return c, cmp.Or(s.Region, c.settings.Region, "us-east-1"), err
}

type quotaListCmd struct{ scoped }

func (c *quotaListCmd) Run(e *env) error {
	server, region, err := c.client()
	if err != nil {
		return err
	}
	out, err := ask[admin.ListQuotasOutput](server, admin.ListQuotasInput{Account: c.Account, Region: region})
	if err != nil {
		return err
	}
	return c.print(e.stdout, out.Quotas, func(w io.Writer) {
		fmt.Fprintln(w, "CODE\tQUOTA\tVALUE\tDEFAULT")
		for _, q := range out.Quotas {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", cmp.Or(q.Code, "-"), q.Name, q.Value, q.Default)
		}
	})
}

type quotaSetCmd struct {
	scoped
	Lab   bool   `help:"Go beyond what AWS grants anybody: 16 groups per interface, 1,000 for rules per group times groups per interface."`
	Quota string `arg:"" help:"The quota: its code or its name, as crenel quota list shows them."`
	Value string `arg:"" help:"How many; default: what AWS grants everybody."`
}

func (c *quotaSetCmd) Run(e *env) error {
	in := admin.SetQuotaInput{Account: c.Account, Quota: c.Quota, Lab: c.Lab, Reset: c.Value == "default"}
	var err error
	if in.Value, err = strconv.Atoi(c.Value); err != nil && !in.Reset {
		return fmt.Errorf("%q is neither a whole number nor the word default", c.Value)
	}
	server, region, err := c.client()
	if err != nil {
		return err
	}
	in.Region = region
	q, err := ask[admin.SetQuotaOutput](server, in)
	if err != nil {
		return err
	}
	return c.print(e.stdout, q, func(w io.Writer) { fmt.Fprintf(w, "%s is %d in %s\n", q.Name, q.Value, region) })
}
