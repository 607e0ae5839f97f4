package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"crenel/admin"
)

type keyCmd struct {
	Create  keyCreateCmd  `cmd:"" help:"Make an access key, for the root user of an account, or for a user whom an IAM policy limits. Prints the secret, this once."`
	List    keyListCmd    `cmd:"" help:"List access keys: whose they are, and whether they are enabled. Secrets are never listed."`
	Disable keyDisableCmd `cmd:"" help:"Refuse requests that a key signs, until it is enabled again."`
	Enable  keyEnableCmd  `cmd:"" help:"Take requests again that a key signs."`
	Delete  keyDeleteCmd  `cmd:"" help:"Delete a key for good."`
}

type keyCreateCmd struct {
	printing
	Account string `help:"Account that the key belongs to; it is made if it is new (default: the server's own)." placeholder:"ID"`
	User    string `help:"Name of the user that the key is for; needs --policy." placeholder:"NAME"`
	Policy  string `help:"File with the IAM policy document that says what the user may do; needs --user. What the server would not heed in it is refused." placeholder:"FILE"`
}

// Help says what a policy may hold.
func (*keyCreateCmd) Help() string {
	return `A policy is an IAM policy document of Statements with Effect, Action or NotAction, Resource or NotResource, and Condition with
StringEquals, StringLike, ArnLike, Null and their kin on aws:RequestTag/KEY, aws:ResourceTag/KEY, aws:TagKeys, aws:RequestedRegion, ec2:Region,
ec2:Vpc and ec2:CreateAction. As on AWS, an explicit Deny wins, what nothing allows is refused, and Describe calls are allowed for Resource "*" only:

  {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
    {"Effect": "Allow", "Action": "ec2:*SecurityGroup*", "Resource": "*",
     "Condition": {"StringEquals": {"aws:ResourceTag/Team": "web"}}}]}

A refused call says in an encoded message why; aws sts decode-authorization-message reads it.`
}

func (c *keyCreateCmd) Run(e *env) error {
	in := admin.CreateKeyInput{Account: c.Account, User: c.User}
	if c.Policy != "" {
		document, err := os.ReadFile(c.Policy)
		if err != nil {
			return fmt.Errorf("read the policy: %w", err)
		}
		in.Policy = string(document)
	}
	server, err := c.client()
	if err != nil {
		return err
	}
	key, err := ask[admin.CreateKeyOutput](server, in)
	if err != nil {
		return err
	}
	if !c.JSON {
		fmt.Fprintf(e.stderr, "crenel: %s may now sign with this key; its secret is not shown again\n", key.ARN)
	}
	return c.print(e.stdout, key, func(w io.Writer) {
		fmt.Fprintf(w, "aws_access_key_id=%s\naws_secret_access_key=%s\n", key.ID, key.Secret)
	})
}

type keyListCmd struct {
	printing
	Account string `help:"Only keys of this account (default: all)." placeholder:"ID"`
}

func (c *keyListCmd) Run(e *env) error {
	server, err := c.client()
	if err != nil {
		return err
	}
	out, err := ask[admin.ListKeysOutput](server, admin.ListKeysInput{Account: c.Account})
	if err != nil {
		return err
	}
	return c.print(e.stdout, out.Keys, func(w io.Writer) {
		fmt.Fprintln(w, "KEY\tACCOUNT\tUSER\tSTATUS\tCREATED")
		for _, k := range out.Keys {
			user, status := k.User, "enabled"
			if user == "" {
				user = "(root)"
			}
			if k.Disabled {
				status = "disabled"
			}
			if k.Own {
				status += ", the data directory's own"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Account, user, status, k.Created.Format(time.RFC3339))
		}
	})
}

// oneKey is what commands about one key share.
type oneKey struct {
	printing
	ID string `arg:"" name:"access-key-id" help:"The key: AKIA…, as crenel key list shows it."`
}

type keyDisableCmd struct{ oneKey }

func (c *keyDisableCmd) Run(e *env) error { return c.set(e, true) }

type keyEnableCmd struct{ oneKey }

func (c *keyEnableCmd) Run(e *env) error { return c.set(e, false) }

func (c oneKey) set(e *env, disabled bool) error {
	server, err := c.client()
	if err != nil {
		return err
	}
	key, err := ask[admin.SetKeyOutput](server, admin.SetKeyInput{ID: c.ID, Disabled: disabled})
	if err != nil {
		return err
	}
	return c.print(e.stdout, key, func(io.Writer) {})
}

type keyDeleteCmd struct{ oneKey }

func (c *keyDeleteCmd) Run(e *env) error {
	server, err := c.client()
	if err != nil {
		return err
	}
	key, err := ask[admin.DeleteKeyOutput](server, admin.DeleteKeyInput{ID: c.ID})
	if err != nil {
		return err
	}
	return c.print(e.stdout, key, func(io.Writer) {})
}
