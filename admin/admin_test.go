package admin

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"crenel/api"
	"crenel/auth"
	"crenel/policy"
	"crenel/vpc"
)

var (
	now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	me  = Server{Root: vpc.AccessKey{ID: "AKIAROOT", Secret: "root's", Account: "123456789012"}}
)

// A cell is a State that operations change.
type cell struct {
	*testing.T
	server Server
	state  *vpc.State
}

// newCell is a server that was just started.
func newCell(t *testing.T) *cell {
	c := &cell{t, me, vpc.New()}
	c.edit(vpc.Scope{}, func(e *vpc.Edit) error { auth.Grant(e, me.Root); e.Sow(); return nil })
	return c
}

func (c *cell) edit(scope vpc.Scope, f func(e *vpc.Edit) error) error {
	c.Helper()
	e := c.state.Edit(scope, now, rand.Reader)
	if err := f(e); err != nil {
		return err
	}
	next, err := c.state.With(c.state.Revision+1, e.Changes())
	if err != nil {
		c.Fatal(err)
	}
	c.state = next
	return nil
}

// try asks for the operation that has the input, as JSON.
func try[Out, In any](c *cell, in In) (out *Out, err error) {
	c.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.Fatal(err)
	}
	op, ok := Lookup(NameOf[In]())
	if !ok {
		c.Fatalf("there is no operation for %T", in)
	}
	decoded, err := op.Decode(body)
	if err != nil {
		return nil, err
	}
	var answer any
	err = c.edit(vpc.Scope{}, func(e *vpc.Edit) (err error) {
		answer, err = op.Run(c.server, e, decoded)
		if n := len(e.Changes()); n > 0 && !op.Write {
			c.Errorf("%s is no write, and changes %d objects", op.Name, n)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer.(*Out), nil
}

func do[Out, In any](c *cell, in In) *Out {
	c.Helper()
	out, err := try[Out](c, in)
	if err != nil {
		c.Fatalf("%+v: %v", in, err)
	}
	return out
}

func refused[Out, In any](c *cell, in In, want string) {
	c.Helper()
	if _, err := try[Out](c, in); err == nil || !strings.Contains(err.Error(), want) || vpc.Code(err) == "" {
		c.Errorf("%+v: got %v, want %s", in, err, want)
	}
}

const mayDescribe = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}}`

func TestKeys(t *testing.T) {
	c := newCell(t)
	user := do[CreateKeyOutput](c, CreateKeyInput{User: "ann", Policy: mayDescribe})
	other := do[CreateKeyOutput](c, CreateKeyInput{Account: "210987654321"})
	if user.ARN != "arn:aws:iam::123456789012:user/ann" || other.ARN != "arn:aws:iam::210987654321:root" || len(user.Secret) != 40 || user.Created != now {
		t.Errorf("made %+v and %+v", user, other)
	}
	if c.state.Accounts.Get("210987654321") == nil {
		t.Error("the other account is not there")
	}
	if k, ok := auth.Key(c.state, user.ID); !ok || k.Secret != user.Secret || k.Policy != mayDescribe {
		t.Errorf("stored is %+v", k)
	}
	list := do[ListKeysOutput](c, ListKeysInput{})
	text, err := json.Marshal(list)
	if err != nil || len(list.Keys) != 3 || strings.Contains(string(text), user.Secret) || strings.Contains(string(text), me.Root.Secret) {
		t.Errorf("%s, %v", text, err)
	}
	if mine := do[ListKeysOutput](c, ListKeysInput{Account: "210987654321"}); len(mine.Keys) != 1 || mine.Keys[0].ID != other.ID {
		t.Errorf("the keys of one account: %+v", mine)
	}
	if off := do[SetKeyOutput](c, SetKeyInput{ID: user.ID, Disabled: true}); !off.Disabled {
		t.Errorf("disabled: %+v", off)
	}
	if _, ok := auth.Key(c.state, user.ID); ok {
		t.Error("a disabled key may sign")
	}
	do[SetKeyOutput](c, SetKeyInput{ID: user.ID})
	if k, ok := auth.Key(c.state, user.ID); !ok || k.Secret != user.Secret {
		t.Error("an enabled key may not sign")
	}
	do[DeleteKeyOutput](c, DeleteKeyInput{ID: user.ID})
	if c.state.AccessKeys.Get(user.ID) != nil {
		t.Error("a deleted key is there")
	}
	for in, want := range map[CreateKeyInput]string{
		{Account: "12345678901"}:                                `"12345678901" is not an account id`,
		{Account: "12345678901x"}:                               "12 digits",
		{Policy: mayDescribe}:                                   "no user is named",
		{User: "ann"}:                                           "the user ann has no policy",
		{User: "a b", Policy: mayDescribe}:                      `"a b" is not a user name`,
		{User: strings.Repeat("a", 65), Policy: mayDescribe}:    "up to 64",
		{User: "ann", Policy: "{}"}:                             "MalformedPolicyDocument: the policy has no Statement",
		{User: "ann", Policy: mayDescribe[:len(mayDescribe)-1]}: "MalformedPolicyDocument: the policy is no JSON",
	} {
		refused[CreateKeyOutput](c, in, want)
	}
	refused[SetKeyOutput](c, SetKeyInput{ID: user.ID}, "NoSuchEntity: there is no access key")
	refused[DeleteKeyOutput](c, DeleteKeyInput{ID: user.ID}, "NoSuchEntity: there is no access key")
	refused[DeleteKeyOutput](c, DeleteKeyInput{ID: me.Root.ID}, "the data directory's own")
	refused[SetKeyOutput](c, SetKeyInput{ID: me.Root.ID, Disabled: true}, "the data directory's own")
}

func TestQuotas(t *testing.T) {
	c := newCell(t)
	set := func(quota string, value int) SetQuotaInput {
		return SetQuotaInput{Region: "us-east-1", Quota: quota, Value: value}
	}
	lab := func(in SetQuotaInput) SetQuotaInput { in.Lab = true; return in }
	if q := do[SetQuotaOutput](c, set("l-2afb9258", 16)); q.Quota != (Quota{"vpc", "L-2AFB9258", "Security groups per network interface", 16, 5}) {
		t.Errorf("by code: %+v", q)
	}
	do[SetQuotaOutput](c, set("inbound or outbound RULES per security group", 62))
	refused[SetQuotaOutput](c, set(vpc.RulesPerGroup.Code, 63), "63 × 16 are 1008")
	do[SetQuotaOutput](c, lab(set(vpc.RulesPerGroup.Code, 63)))
	refused[SetQuotaOutput](c, set(vpc.GroupsPerInterface.Code, 17), "16 at most, not to 17")
	do[SetQuotaOutput](c, lab(set(vpc.GroupsPerInterface.Code, 17)))
	refused[SetQuotaOutput](c, set(vpc.EntriesPerACL.Code, 41), "40 at most")
	refused[SetQuotaOutput](c, lab(set(vpc.VPCsPerRegion.Code, -1)), "from 0 to 1000000")
	refused[SetQuotaOutput](c, lab(set(vpc.VPCsPerRegion.Code, 1_000_001)), "from 0 to 1000000")
	refused[SetQuotaOutput](c, set("VPCs", 6), `there is no quota "VPCs"; these are: VPCs per Region, `)
	refused[SetQuotaOutput](c, SetQuotaInput{Region: "us-moon-1", Quota: "L-F678F1CE"}, `"us-moon-1" is not an AWS Region`)
	refused[SetQuotaOutput](c, SetQuotaInput{Account: "210987654321", Region: "us-east-1"}, "there is no account 210987654321 here")
	refused[ListQuotasOutput](c, ListQuotasInput{Region: "us-moon-1"}, "not an AWS Region")
	values := func(region string) map[string]int {
		byName := map[string]int{}
		for _, q := range do[ListQuotasOutput](c, ListQuotasInput{Region: region}).Quotas {
			byName[q.Name] = q.Value
		}
		return byName
	}
	if here := values("us-east-1"); here[vpc.RulesPerGroup.Name] != 63 || here[vpc.GroupsPerInterface.Name] != 17 || here[vpc.VPCsPerRegion.Name] != 5 || len(here) != len(vpc.Limits) {
		t.Errorf("set: %v", here)
	}
	if there := values("eu-west-1"); there[vpc.RulesPerGroup.Name] != 60 {
		t.Errorf("another Region: %v", there)
	}
	do[SetQuotaOutput](c, SetQuotaInput{Region: "us-east-1", Quota: vpc.RulesPerGroup.Name, Reset: true})
	if here := values("us-east-1"); here[vpc.RulesPerGroup.Name] != 60 {
		t.Errorf("reset: %v", here)
	}
	if c.state.Regions.Len() != 0 {
		t.Error("a quota makes a default VPC")
	}
}

func TestStatus(t *testing.T) {
	c := newCell(t)
	c.server.Host = "local"
	c.server.Connected, c.server.Applied, c.server.Unenforced, c.server.Trouble = true, 7, 2, "no room"
	c.server.Counters = []policy.Counter{{Interface: 0, Reason: policy.Unsupported, Packets: 3, Bytes: 180}, {Interface: 99, Reason: policy.Allowed, Packets: 1, Bytes: 60}}
	out := do[StatusOutput](c, StatusInput{})
	want := &StatusOutput{Packets: []Packets{{"", "unsupported", true, 3, 180}, {"", "allowed", false, 1, 60}}, Revision: 1, Host: Host{false, "local", true, 7, "no room"}, Unenforced: 2, Objects: []Count{{"access-key", 1}, {"account", 1}, {"cell", 1}}, StoredOnly: api.StoredOnly}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotUnderstood(t *testing.T) {
	op, _ := Lookup("CreateKey")
	for _, body := range []string{"", "[]", "x", `{"Acount":"123456789012"}`, `{"Account":7}`, "null", "{}{}", "{} x"} {
		if _, err := op.Decode([]byte(body)); vpc.Code(err) != "SerializationException" {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, ok := Lookup("Status2"); ok {
		t.Error("there is an operation that is not there")
	}
}

// random fills a cell with what clients make.
func random(t *testing.T, r *rapid.T) *cell {
	c := newCell(t)
	c.edit(vpc.Scope{}, func(e *vpc.Edit) error {
		e.Cells.Put(&vpc.Cell{NextNum: 1, Public: netip.MustParsePrefix("198.18.7.0/24"), Host: vpc.Capacity{Interfaces: 7}, Seed: "another"})
		return nil
	})
	for range rapid.IntRange(0, 3).Draw(r, "keys") {
		do[CreateKeyOutput](c, CreateKeyInput{Account: rapid.SampledFrom([]string{"", "210987654321"}).Draw(r, "account"), User: "ann", Policy: mayDescribe})
	}
	for range rapid.IntRange(0, 4).Draw(r, "edits") {
		scope := vpc.Scope{Account: "123456789012", Region: rapid.SampledFrom([]string{"us-east-1", "eu-west-1"}).Draw(r, "region")}
		c.edit(scope, func(e *vpc.Edit) error {
			e.SecurityGroups.Put(e.NewSecurityGroup(e.DefaultVPC().ID, rapid.StringMatching(`[a-zé<]{1,8}`).Draw(r, "name"), "vpc-01234567 is no reference"))
			return e.SetQuota(scope, vpc.VPCsPerRegion, rapid.IntRange(0, 9).Draw(r, "quota"), false)
		})
	}
	return c
}

// imports carries an import out on a cell.
func (c *cell) imports(objects []Object) (*ImportOutput, error) {
	c.Helper()
	parts, out, err := Plan(c.server, c.state, &ImportInput{objects})
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		if err := c.edit(vpc.Scope{}, func(e *vpc.Edit) error { return e.Put(part) }); err != nil {
			c.Fatal(err)
		}
	}
	return out, nil
}

func TestImportAfterExportIsTheIdentity(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		from, to := random(t, r), newCell(t)
		exported := do[ExportOutput](from, ExportInput{Secrets: true}).Objects
		out, err := to.imports(exported)
		if err != nil || out.Objects != len(exported) || len(out.Keys) != 0 {
			r.Fatalf("%+v, %v", out, err)
		}
		if diff := cmp.Diff(exported, do[ExportOutput](to, ExportInput{Secrets: true}).Objects); diff != "" {
			r.Fatal(diff)
		}
		if again, err := to.imports(exported); err != nil || again.Objects != len(exported) {
			r.Fatalf("again: %+v, %v", again, err)
		}
	})
}

func TestAnExportWithoutSecrets(t *testing.T) {
	from, to := newCell(t), newCell(t)
	key := do[CreateKeyOutput](from, CreateKeyInput{User: "ann", Policy: mayDescribe})
	exported := do[ExportOutput](from, ExportInput{}).Objects
	text, err := json.Marshal(exported)
	if seed := from.state.Cell().Seed; seed == "" || strings.Contains(string(text), seed) {
		t.Errorf("the cell's secret %q is in the export", seed)
	}
	if err != nil || strings.Contains(string(text), key.Secret) || strings.Contains(string(text), me.Root.Secret) || !strings.Contains(string(text), "ec2:Describe*") {
		t.Fatalf("%s, %v", text, err)
	}
	out, err := to.imports(exported)
	if err != nil || len(out.Keys) != 1 || out.Keys[0] != key.ID || to.state.AccessKeys.Len() != 1 {
		t.Errorf("%+v, %v; %d keys", out, err, to.state.AccessKeys.Len())
	}
	if k, ok := auth.Key(to.state, me.Root.ID); !ok || k.Secret != me.Root.Secret {
		t.Error("the server's own key is gone")
	}
	if out, err := from.imports(exported); err != nil || len(out.Keys) != 0 {
		t.Errorf("where the key still is: %+v, %v", out, err)
	}
	if k, ok := auth.Key(from.state, key.ID); !ok || k.Secret != key.Secret {
		t.Error("the key that still was there is gone")
	}
}

// An export is no way to become an operator.
func TestRootKeysOfTheServersOwnAccountAreLeftOut(t *testing.T) {
	from, to := newCell(t), newCell(t)
	mine := do[CreateKeyOutput](from, CreateKeyInput{})
	user := do[CreateKeyOutput](from, CreateKeyInput{User: "ann", Policy: mayDescribe})
	other := do[CreateKeyOutput](from, CreateKeyInput{Account: "210987654321"})
	exported := do[ExportOutput](from, ExportInput{Secrets: true}).Objects
	out, err := to.imports(exported)
	if err != nil || len(out.Operators) != 1 || out.Operators[0] != mine.ID || len(out.Keys) != 0 || out.Objects != len(exported)-1 {
		t.Fatalf("%+v, %v", out, err)
	}
	for id, want := range map[string]bool{mine.ID: false, user.ID: true, other.ID: true, me.Root.ID: true} {
		if _, ok := auth.Key(to.state, id); ok != want {
			t.Errorf("the key %s may sign: %t", id, ok)
		}
	}
}

func TestImportsThatAreRefused(t *testing.T) {
	from := newCell(t)
	scope := vpc.Scope{Account: "123456789012", Region: "us-east-1"}
	var subnet, v string
	from.edit(scope, func(e *vpc.Edit) error {
		v = e.DefaultVPC().ID
		subnet = e.NewSubnet(v, netip.MustParsePrefix("172.31.128.0/20"), "us-east-1a", false).ID
		return nil
	})
	exported := do[ExportOutput](from, ExportInput{Secrets: true}).Objects
	without := func(kind, key string) (list []Object) {
		for _, o := range exported {
			if o.Kind != kind || key != "" && o.Key != key {
				list = append(list, o)
			}
		}
		return list
	}
	with := func(kind, key, value string) []Object {
		return append(without(kind, key), Object{kind, key, json.RawMessage(value)})
	}
	for _, tt := range []struct {
		name    string
		objects []Object
		want    string
	}{
		{"no VPC", without("vpc", v), "refers to " + v + ", which is not there"},
		{"no ACLs", without("network-acl", ""), "has no default network ACL"},
		{"no Region", without("region", ""), "refers to the Region us-east-1 of the account 123456789012"},
		{"no cell", without("cell", ""), "which the cell gives out yet"},
		{"an account that is not there", with("region", "210987654321/us-east-1", `{"Account":"210987654321","Region":"us-east-1"}`), "refers to the account 210987654321"},
		{"a key of an account that is not there", with("access-key", "AKIA2", `{"ID":"AKIA2","Secret":"x","Account":"210987654321"}`), "refers to the account 210987654321"},
		{"a key with half a policy", with("access-key", "AKIA2", `{"ID":"AKIA2","Secret":"x","Account":"123456789012","User":"ann","Policy":"{"}`), "the access key AKIA2: MalformedPolicyDocument"},
		{"a root key with a policy", with("access-key", "AKIA2", `{"ID":"AKIA2","Secret":"x","Account":"123456789012","Policy":"{}"}`), "no user is named"},
		{"another key than it says", with("subnet", subnet, `{"ID":"subnet-0"}`), "holds the object subnet-0"},
		{"an unknown kind", with("unicorn", "u-1", `{}`), `unknown kind "unicorn"`},
		{"an unknown field", with("account", "210987654321", `{"ID":"210987654321","Color":"red"}`), "Color"},
		{"no value", with("account", "210987654321", ``), "account 210987654321"},
		{"twice", append(without("nothing", ""), exported[0]), "twice"},
	} {
		to := newCell(t)
		if _, err := to.imports(tt.objects); err == nil || !strings.Contains(err.Error(), tt.want) || vpc.Code(err) == "" {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	to := newCell(t)
	to.edit(scope, func(e *vpc.Edit) error { e.NewVPC(netip.MustParsePrefix("10.0.0.0/16"), "default", false); return nil })
	if _, err := to.imports(exported); vpc.Code(err) != "NotEmpty" || !strings.Contains(err.Error(), "a server that is new") {
		t.Errorf("into a server that is in use: %v", err)
	}
	to = newCell(t)
	to.edit(vpc.Scope{}, func(e *vpc.Edit) error {
		e.Cells.Put(&vpc.Cell{NextNum: 2, Public: netip.MustParsePrefix("198.18.9.0/24")})
		return nil
	})
	public := newCell(t)
	public.edit(scope, func(e *vpc.Edit) error {
		e.Cells.Put(&vpc.Cell{NextNum: 99, Public: netip.MustParsePrefix("198.18.7.0/24")})
		e.ElasticIPs.Put(&vpc.ElasticIP{ID: e.NewID("eipalloc"), Scope: e.Scope, Addr: netip.MustParseAddr("198.18.7.4")})
		return nil
	})
	if _, err := to.imports(do[ExportOutput](public, ExportInput{}).Objects); err == nil || !strings.Contains(err.Error(), "this server has 198.18.9.0/24") {
		t.Errorf("addresses of another pool: %v", err)
	}
	ranged := newCell(t)
	ranged.edit(scope, func(e *vpc.Edit) error {
		e.Cells.Put(&vpc.Cell{NextNum: 99, Public: netip.MustParsePrefix("198.18.16.0/20")})
		e.AddIPv6(e.DefaultVPC())
		return nil
	})
	if _, err := to.imports(do[ExportOutput](ranged, ExportInput{}).Objects); err == nil || !strings.Contains(err.Error(), "ranges of 3fff:121::/32, and this server has 198.18.9.0/24 and 3fff:120::/32") {
		t.Errorf("ranges of another pool: %v", err)
	}
	if _, err := to.imports(exported); err != nil || to.state.Cell().Public.String() != "198.18.9.0/24" || to.state.Cell().NextNum != from.state.Cell().NextNum {
		t.Errorf("no pool: %v, %+v", err, to.state.Cell())
	}
}

func TestPartsAreSmall(t *testing.T) {
	var all []vpc.Change
	for i := range 1234 {
		all = append(all, vpc.Change{Kind: "x", Key: fmt.Sprint(i), Value: make([]byte, i*i)})
	}
	n := 0
	for _, part := range split(all) {
		size := 0
		for _, c := range part {
			if size += len(c.Value); c.Key != fmt.Sprint(n) {
				t.Fatalf("%s comes when %d should", c.Key, n)
			}
			n++
		}
		if len(part) > batchObjects || size > batchBytes && len(part) > 1 {
			t.Errorf("a part of %d objects and %d bytes", len(part), size)
		}
	}
	if n != len(all) || len(split(nil)) != 0 {
		t.Errorf("%d of %d objects", n, len(all))
	}
}
