package iam

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const arn = "arn:aws:ec2:us-east-1:123456789012:"

// statements are a document around the text of its statements.
func statements(list ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`
}

// allow is a statement that allows everything where the condition holds.
func allow(condition string) string {
	return `{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + condition + `}`
}

func TestDecide(t *testing.T) {
	const (
		all      = `{"Sid":"All","Effect":"Allow","Action":"ec2:*","Resource":"*"}`
		noDelete = `{"Sid":"NoDelete","Effect":"Deny","Action":["ec2:Delete*"],"Resource":"*"}`
		read     = `{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}`
		onlyVPC  = `{"Effect":"Allow","Action":"ec2:*","Resource":"` + arn + `vpc/*"}`
		notVPC   = `{"Effect":"Deny","Action":"ec2:*","NotResource":["` + arn + `vpc/*","` + arn + `subnet/*"]}`
		notRun   = `{"Effect":"Allow","NotAction":["ec2:Run*","iam:*"],"Resource":"*"}`
	)
	for _, tt := range []struct {
		name             string
		document         string
		action, resource string
		want             string
	}{
		{"an allow", statements(all), "ec2:DeleteVpc", arn + "vpc/vpc-1", "allowed by All"},
		{"another service", statements(all), "sts:DecodeAuthorizationMessage", "*", "not allowed"},
		{"a deny after the allow", statements(all, noDelete), "ec2:DeleteVpc", arn + "vpc/vpc-1", "denied by NoDelete"},
		{"a deny before the allow", statements(noDelete, all), "ec2:DeleteVpc", arn + "vpc/vpc-1", "denied by NoDelete"},
		{"a deny of something else", statements(all, noDelete), "ec2:CreateVpc", arn + "vpc/*", "allowed by All"},
		{"nothing fits", statements(read), "ec2:DeleteVpc", arn + "vpc/vpc-1", "not allowed"},
		{"one statement, no list", `{"Statement":` + read + `}`, "ec2:DescribeVpcs", "*", "allowed by statement 1"},
		{"whatever the case", statements(strings.Replace(read, "ec2:Describe*", "EC2:dESCRIBEv?cs", 1)), "ec2:DescribeVpcs", "*", "allowed by statement 1"},
		{"a Describe call needs *", statements(onlyVPC), "ec2:DescribeVpcs", "*", "not allowed"},
		{"a resource that fits", statements(onlyVPC), "ec2:DeleteVpc", arn + "vpc/vpc-1", "allowed by statement 1"},
		{"another resource", statements(onlyVPC), "ec2:DeleteSubnet", arn + "subnet/subnet-1", "not allowed"},
		{"resources have a case", statements(strings.Replace(onlyVPC, "vpc/*", "VPC/*", 1)), "ec2:DeleteVpc", arn + "vpc/vpc-1", "not allowed"},
		{"NotResource spares", statements(all, notVPC), "ec2:DeleteVpc", arn + "vpc/vpc-1", "allowed by All"},
		{"NotResource denies", statements(all, notVPC), "ec2:DeleteSubnet", arn + "instance/i-1", "denied by statement 2"},
		{"NotAction spares", statements(notRun), "ec2:RunInstances", arn + "instance/*", "not allowed"},
		{"NotAction allows", statements(notRun), "ec2:StopInstances", arn + "instance/i-1", "allowed by statement 1"},
		{"a wildcard ends with its part", statements(strings.Replace(onlyVPC, arn, "arn:aws:ec2:*::", 1)), "ec2:DeleteVpc", arn + "vpc/vpc-1", "not allowed"},
		{"any Region and account", statements(strings.Replace(onlyVPC, arn, "arn:aws:ec2:*:*:", 1)), "ec2:DeleteVpc", arn + "vpc/vpc-1", "allowed by statement 1"},
	} {
		p, err := Parse([]byte(tt.document))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		d := p.Decide(Request{Action: tt.action, Resource: tt.resource})
		got := "not allowed"
		if d.Denied {
			got = "denied by " + d.Statement
		} else if d.Allowed {
			got = "allowed by " + d.Statement
		}
		if got != tt.want {
			t.Errorf("%s: %s of %s is %s, want %s", tt.name, tt.action, tt.resource, got, tt.want)
		}
	}
	if d := (Policy{}).Decide(Request{Action: "ec2:DescribeVpcs", Resource: "*"}); d != (Decision{}) {
		t.Errorf("the zero Policy decides %+v", d)
	}
}

func TestConditions(t *testing.T) {
	keys := Keys{}
	keys.Add("ec2:Region", "us-east-1")
	keys.Add("ec2:Vpc", arn+"vpc/vpc-1")
	keys.Add("aws:RequestTag/Team", "Red")
	keys.Add("aws:TagKeys", "Team", "Cost")
	for _, tt := range []struct {
		condition string
		want      bool
	}{
		{`{"StringEquals":{"ec2:Region":"us-east-1"}}`, true},
		{`{"StringEquals":{"EC2:region":["eu-west-1","us-east-1"]}}`, true},
		{`{"StringEquals":{"ec2:Region":"US-EAST-1"}}`, false},
		{`{"StringEqualsIgnoreCase":{"ec2:Region":"US-EAST-1"}}`, true},
		{`{"StringNotEqualsIgnoreCase":{"ec2:Region":"US-EAST-1"}}`, false},
		{`{"StringEquals":{"ec2:Region":"us-*"}}`, false},
		{`{"StringLike":{"ec2:Region":"us-*"}}`, true},
		{`{"StringNotLike":{"ec2:Region":["eu-*","us-*"]}}`, false},
		{`{"StringNotEquals":{"ec2:Region":["eu-west-1","us-east-2"]}}`, true},
		{`{"StringNotEquals":{"ec2:Region":["eu-west-1","us-east-1"]}}`, false},
		{`{"ArnEquals":{"ec2:Vpc":"arn:aws:ec2:*:*:vpc/vpc-1"}}`, true},
		{`{"ArnNotLike":{"ec2:Vpc":"arn:aws:ec2:*:*:vpc/vpc-1"}}`, false},
		{`{"StringEquals":{"aws:RequestTag/team":"Red"}}`, true},
		{`{"StringEquals":{"aws:RequestTag/Team":"red"}}`, false},
		{`{"StringEquals":{"aws:RequestTag/Other":"Red"}}`, false},
		{`{"StringEqualsIfExists":{"aws:RequestTag/Other":"Red"}}`, true},
		{`{"StringEqualsIfExists":{"aws:RequestTag/Team":"Blue"}}`, false},
		{`{"StringNotEquals":{"aws:RequestTag/Other":"Red"}}`, true},
		{`{"Null":{"aws:RequestTag/Other":"true"}}`, true},
		{`{"Null":{"aws:RequestTag/Team":true}}`, false},
		{`{"Null":{"aws:RequestTag/Team":[false]}}`, true},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["Team","Cost","Name"]}}`, true},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["Team"]}}`, false},
		{`{"ForAllValues:StringEquals":{"aws:ResourceTag/x":["Team"]}}`, true},
		{`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["Team"]}}`, false},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":["Cost"]}}`, true},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":["Name"]}}`, false},
		{`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["Team"]}}`, true},
		{`{"ForAnyValue:StringNotEquals":{"aws:ResourceTag/x":["Team"]}}`, false},
		{`{"ForAnyValue:StringLikeIfExists":{"aws:ResourceTag/x":["Team"]}}`, true},
		{`{"StringEquals":{"ec2:Region":"us-east-1","aws:RequestTag/Team":"Blue"}}`, false},
		{`{"StringEquals":{"ec2:Region":"us-east-1"},"Null":{"aws:TagKeys":"true"}}`, false},
		{`{}`, true},
	} {
		p, err := Parse([]byte(statements(allow(tt.condition))))
		if err != nil {
			t.Errorf("%s: %v", tt.condition, err)
			continue
		}
		if got := p.Decide(Request{Action: "ec2:CreateVpc", Resource: arn + "vpc/*", Keys: keys}).Allowed; got != tt.want {
			t.Errorf("%s: %t, want %t", tt.condition, got, tt.want)
		}
	}
}

// What is not heeded is refused, and named.
func TestParseRefuses(t *testing.T) {
	with := func(more string) string {
		return statements(`{"Effect":"Allow","Action":"ec2:*","Resource":"*"` + more + `}`)
	}
	for _, tt := range []struct{ document, want string }{
		{``, "no JSON"},
		{`[]`, "the policy is no JSON object"},
		{`{`, "no JSON"},
		{`{} {}`, "no JSON"},
		{"{\"Id\":\"\xff\"}", "UTF-8"},
		{`{"Version":"2012-10-17"}`, "no Statement"},
		{`{"Version":"2012-10-17","Statement":[]}`, "no Statement"},
		{`{"Version":"2020-01-01","Statement":[]}`, "Version"},
		{`{"Version":2012,"Statement":[]}`, "Version"},
		{`{"Id":{},"Statement":[]}`, "Id is no string"},
		{`{"Statements":[]}`, `"Statements", which is not evaluated here`},
		{`{"statement":[]}`, `"statement", which is not evaluated here`},
		{`{"Statement":[],"Statement":[]}`, `"Statement" twice`},
		{`{"Statement":"Allow"}`, "statement 1: the statement is no JSON object"},
		{`{"Statement":null}`, "statement 1: the statement is no JSON object"},
		{with(`,"Principal":"*"`), `statement 1: the statement has "Principal", which is not evaluated here`},
		{with(`,"NotPrincipal":"*"`), `"NotPrincipal"`},
		{with(`,"Effect":"Deny"`), `"Effect" twice`},
		{with(`,"NotAction":"ec2:*"`), "one of Action and NotAction is needed, and not both"},
		{with(`,"NotResource":"*"`), "one of Resource and NotResource is needed, and not both"},
		{with(`,"Sid":"a b"`), `the Sid "a b"`},
		{statements(`{"Effect":"Allow","Resource":"*"}`), "one of Action and NotAction"},
		{statements(`{"Effect":"allow","Action":"*","Resource":"*"}`), "Effect is neither Allow nor Deny"},
		{statements(`{"Action":"*","Resource":"*"}`), "Effect is neither Allow nor Deny"},
		{statements(`{"Effect":"Allow","Action":"DescribeVpcs","Resource":"*"}`), `Action "DescribeVpcs"`},
		{statements(`{"Effect":"Allow","Action":"*:DescribeVpcs","Resource":"*"}`), `Action "*:DescribeVpcs"`},
		{statements(`{"Effect":"Allow","Action":[],"Resource":"*"}`), "Action is an empty list"},
		{statements(`{"Effect":"Allow","Action":[7],"Resource":"*"}`), "Action is neither a string nor a list of strings"},
		{statements(`{"Effect":"Allow","Action":"*","Resource":"vpc-1"}`), `Resource "vpc-1"`},
		{statements(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*"}`), "an ARN of six parts"},
		{statements(`{"Effect":"Allow","Action":"*","Resource":"` + arn + `vpc/${aws:username}"}`), "policy variables"},
		{statements(`{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}`, `{"Sid":"A","Effect":"Deny","Action":"*","Resource":"*"}`), "the Sid A is another statement's"},
		{with(`,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), `the condition operator "IpAddress" is not evaluated here`},
		{with(`,"Condition":{"StringEquals":{"aws:SourceIp":"10.0.0.0/8"}}`), `the condition key "aws:SourceIp" is not evaluated here`},
		{with(`,"Condition":{"StringEquals":{"aws:RequestTag/":"x"}}`), `the condition key "aws:RequestTag/"`},
		{with(`,"Condition":{"StringEquals":{"ec2:InstanceType":"t3.micro"}}`), `the condition key "ec2:InstanceType"`},
		{with(`,"Condition":{"ForSomeValues:StringEquals":{"aws:TagKeys":"x"}}`), `"ForSomeValues:StringEquals"`},
		{with(`,"Condition":{"ForAllValues:Null":{"aws:TagKeys":"true"}}`), `"ForAllValues:Null"`},
		{with(`,"Condition":{"NullIfExists":{"aws:TagKeys":"true"}}`), `"NullIfExists"`},
		{with(`,"Condition":{"Null":{"aws:TagKeys":"yes"}}`), "neither true nor false"},
		{with(`,"Condition":{"StringEquals":{"ec2:Region":"a","ec2:Region":"b"}}`), `"ec2:Region" twice`},
		{with(`,"Condition":{"StringEquals":{"ec2:Region":"a"},"StringEquals":{"ec2:Region":"b"}}`), `"StringEquals" twice`},
		{with(`,"Condition":{"StringEquals":{"ec2:Region":[]}}`), "empty list"},
		{with(`,"Condition":{"StringEquals":{"ec2:Region":{}}}`), "neither a string nor a list"},
		{with(`,"Condition":{"StringEquals":{"ec2:Region":"${aws:PrincipalTag/r}"}}`), "policy variables"},
		{with(`,"Condition":[]`), "Condition is no JSON object"},
		{with(strings.Repeat(" ", 2*maxDocument) + `,"Condition":{"StringEquals":{"ec2:Region":"` + strings.Repeat("x", maxDocument) + `"}}`), "6144 are the most"},
	} {
		_, err := Parse([]byte(tt.document))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.120s: got %v, want %s", tt.document, err, tt.want)
		}
	}
}

// glob against the same said slowly.
func TestGlob(t *testing.T) {
	var slow func(p, s string) bool
	slow = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '*':
			return slow(p[1:], s) || s != "" && slow(p, s[1:])
		}
		return s != "" && (p[0] == '?' || p[0] == s[0]) && slow(p[1:], s[1:])
	}
	rapid.Check(t, func(t *rapid.T) {
		p, s := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern"), rapid.StringMatching(`[ab]{0,8}`).Draw(t, "text")
		if got, want := glob(p, s), slow(p, s); got != want {
			t.Errorf("glob(%q, %q) = %t", p, s, got)
		}
	})
	if !glob("é?", "éü") {
		t.Error("? is not one character")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Deny","NotAction":"ec2:*","NotResource":"` + arn + `*","Condition":{"ForAllValues:StringLikeIfExists":{"aws:TagKeys":["a*"]}}}]}`)
	f.Add(statements(allow(`{"Null":{"aws:RequestTag/x":true}}`)))
	f.Fuzz(func(t *testing.T, document string) {
		p, err := Parse([]byte(document))
		if err != nil {
			return
		}
		r := Request{Action: "ec2:CreateTags", Resource: arn + "vpc/vpc-1", Keys: Keys{"aws:TagKeys": {"a"}}}
		before := p.Decide(r)
		p.statements = append(p.statements, statement{name: "last", deny: true, actions: clause{patterns: []string{"*"}}, resources: clause{patterns: []string{"*"}}})
		if d := p.Decide(r); !d.Denied || d.Allowed || before.Denied && d != before {
			t.Errorf("with a Deny of everything: %+v, before: %+v", d, before)
		}
		if fmt.Sprint(before) != fmt.Sprint(Policy{p.statements[:len(p.statements)-1]}.Decide(r)) {
			t.Error("it decides once so and once so")
		}
	})
}
