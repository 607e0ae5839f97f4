package api

import (
	"strings"
	"testing"

	"crenel/ec2"
)

func TestEveryOperationIsOnTheWire(t *testing.T) {
	for name, o := range operations {
		wire, ok := ec2.Operations[name]
		if !ok {
			t.Errorf("%s is in the table and not in ec2", name)
			continue
		}
		in, err := o.Decode(nil)
		if err != nil {
			in = o.input()
		}
		if got, want := typeName(in), typeName(wire.In()); got != want {
			t.Errorf("%s takes a %s, want a %s", name, got, want)
		}
		if read := strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "Get"); read == o.Write {
			t.Errorf("%s writes: %v", name, o.Write)
		}
	}
}

func TestLookup(t *testing.T) {
	if o, ok := Lookup("CreateVpc"); !ok || o.Name != "CreateVpc" || !o.Write {
		t.Errorf("CreateVpc: %+v %v", o, ok)
	}
	for _, name := range []string{"", "createVpc", "CreateVpnGateway", "Nonsense"} {
		if _, ok := Lookup(name); ok {
			t.Errorf("there is an operation %q", name)
		}
	}
}

// A dry run of a write that succeeds leaves no change, and neither does a write that changes nothing.
func TestDryRunsChangeNothing(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	revision := w.state.Revision
	for _, c := range []struct{ action, form string }{
		{"CreateVpc", "CidrBlock=10.0.0.0/16"},
		{"AuthorizeSecurityGroupIngress", "GroupId=" + web + "&" + permissions("tcp 80 80 10.0.0.0/8")},
		{"RevokeSecurityGroupEgress", "GroupId=" + web + "&" + permissions("-1 0 0 0.0.0.0/0")},
		{"DeleteSecurityGroup", "GroupId=" + web},
		{"CreateTags", "ResourceId.1=" + web + "&Tag.1.Key=a&Tag.1.Value=b"},
		{"DescribeVpcs", ""},
	} {
		w.refuse(c.action, c.form+"&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	}
	if w.state.Revision != revision {
		t.Error("a dry run changed the State")
	}
	do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "DryRun=false")
}
