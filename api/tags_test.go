package api

import (
	"fmt"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// tags are all tags that match the filter, a line for each: "vpc Name=lab".
func (w *world) tags(form string) string {
	w.Helper()
	var lines []string
	for _, tag := range do[ec2.DescribeTagsOutput](w, "DescribeTags", form).Tags {
		lines = append(lines, tag.ResourceType+" "+*tag.Key+"="+*tag.Value)
	}
	return strings.Join(lines, "\n")
}

func TestTagsOnEverything(t *testing.T) {
	w := newWorld(t)
	w.edit(func(e *vpc.Edit) {
		e.Interfaces.Put(&vpc.Interface{ID: "eni-00000001", Scope: testScope})
		e.Instances.Put(&vpc.Instance{ID: "i-00000001", Scope: testScope})
		e.KeyPairs.Put(&vpc.KeyPair{ID: "key-00000001", Scope: testScope, Name: "k"})
		e.InternetGateways.Put(&vpc.InternetGateway{ID: "igw-00000001", Scope: testScope})
		e.LaunchTemplates.Put(&vpc.LaunchTemplate{ID: "lt-00000001", Scope: testScope})
		e.Volumes.Put(&vpc.Volume{ID: "vol-00000001", Scope: testScope})
		e.VPCEndpoints.Put(&vpc.VPCEndpoint{ID: "vpce-00000001", Scope: testScope})
		e.FlowLogs.Put(&vpc.FlowLog{ID: "fl-00000001", Scope: testScope})
		e.NetworkInsightsPaths.Put(&vpc.NetworkInsightsPath{ID: "nip-00000001", Scope: testScope})
		e.NetworkInsightsAnalyses.Put(&vpc.NetworkInsightsAnalysis{ID: "nia-00000001", Scope: testScope})
		e.NetworkInsightsAccessScopes.Put(&vpc.NetworkInsightsAccessScope{ID: "nis-00000001", Scope: testScope})
		e.NetworkInsightsAccessScopeAnalyses.Put(&vpc.NetworkInsightsAccessScopeAnalysis{ID: "nisa-00000001", Scope: testScope})
	})
	v := w.vpc("10.0.0.0/16")
	in := "Filter.1.Name=vpc-id&Filter.1.Value.1=" + v
	web := w.group("web", v)
	for resource, id := range map[string]string{
		"vpc": v, "subnet": w.subnet(v, "10.0.1.0/24"), "security-group": web,
		"security-group-rule": *do[ec2.DescribeSecurityGroupRulesOutput](w, "DescribeSecurityGroupRules", "Filter.1.Name=group-id&Filter.1.Value.1="+web).SecurityGroupRules[0].SecurityGroupRuleId,
		"network-acl":         *do[ec2.DescribeNetworkAclsOutput](w, "DescribeNetworkAcls", in).NetworkAcls[0].NetworkAclId,
		"route-table":         *do[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", in).RouteTables[0].RouteTableId,
		"internet-gateway":    "igw-00000001", "network-interface": "eni-00000001", "instance": "i-00000001", "key-pair": "key-00000001",
		"launch-template": "lt-00000001", "volume": "vol-00000001", "vpc-endpoint": "vpce-00000001", "vpc-flow-log": "fl-00000001",
		"network-insights-path": "nip-00000001", "network-insights-analysis": "nia-00000001",
		"network-insights-access-scope": "nis-00000001", "network-insights-access-scope-analysis": "nisa-00000001",
	} {
		t.Run(resource, func(t *testing.T) {
			w.T = t
			about := "Filter.1.Name=resource-id&Filter.1.Value.1=" + id
			do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+id+"&Tag.1.Key=Name&Tag.1.Value=x&Tag.2.Key=team&Tag.2.Value=blue")
			do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+id+"&Tag.1.Key=Name&Tag.1.Value=y")
			if got, want := w.tags(about), resource+" Name=y\n"+resource+" team=blue"; got != want {
				t.Errorf("tags:\n%s\nwant\n%s", got, want)
			}
			do[ec2.DeleteTagsOutput](w, "DeleteTags", "ResourceId.1="+id+"&Tag.1.Key=Name&Tag.1.Value=x&Tag.2.Key=team")
			if got, want := w.tags(about), resource+" Name=y"; got != want {
				t.Errorf("tags left:\n%s\nwant\n%s", got, want)
			}
			stranger := w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"})
			if _, err := stranger.try("CreateTags", "ResourceId.1="+id+"&Tag.1.Key=Name&Tag.1.Value=z"); !strings.HasSuffix(vpc.Code(err), ".NotFound") {
				t.Errorf("another account tags it: %v", err)
			}
		})
	}
	w.T = t
	if got := w.tags("Filter.1.Name=resource-type&Filter.1.Value.1=vpc"); got != "vpc Name=y" {
		t.Errorf("by resource type: %s", got)
	}
	if got := w.tags("Filter.1.Name=tag:Name&Filter.1.Value.1=y&Filter.2.Name=resource-type&Filter.2.Value.1=sub*"); got != "subnet Name=y" {
		t.Errorf("by tag: %s", got)
	}
	if got := w.tags("Filter.1.Name=key&Filter.1.Value.1=Name&Filter.2.Name=value&Filter.2.Value.1=x"); got != "" {
		t.Errorf("by key and value: %s", got)
	}
	if got := len(do[ec2.DescribeTagsOutput](w, "DescribeTags", "MaxResults=6").Tags); got != 6 {
		t.Errorf("a page of 6 has %d", got)
	}
}

func TestDeleteTags(t *testing.T) {
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	for _, c := range []struct{ sentence, form, left string }{
		{"by key", "&Tag.1.Key=a", "vpc b=\nvpc c=3"},
		{"by key and value", "&Tag.1.Key=a&Tag.1.Value=1", "vpc b=\nvpc c=3"},
		{"not by another value", "&Tag.1.Key=a&Tag.1.Value=2", "vpc a=1\nvpc b=\nvpc c=3"},
		{"an empty value is only that", "&Tag.1.Key=b&Tag.1.Value=&Tag.2.Key=a&Tag.2.Value=", "vpc a=1\nvpc c=3"},
		{"what is not there", "&Tag.1.Key=z", "vpc a=1\nvpc b=\nvpc c=3"},
		{"all", "", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w.T = t
			do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+v+"&Tag.1.Key=a&Tag.1.Value=1&Tag.2.Key=b&Tag.2.Value=&Tag.3.Key=c&Tag.3.Value=3")
			do[ec2.DeleteTagsOutput](w, "DeleteTags", "ResourceId.1="+v+c.form)
			if got := w.tags(""); got != c.left {
				t.Errorf("left\n%s\nwant\n%s", got, c.left)
			}
		})
	}
}

func TestTagsAreRefused(t *testing.T) {
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	tag := func(key, value string) string { return "&Tag.1.Key=" + key + "&Tag.1.Value=" + value }
	many := ""
	for i := range 51 {
		many += fmt.Sprintf("&Tag.%d.Key=k%d&Tag.%d.Value=v", i+1, i, i+1)
	}
	for _, c := range []struct{ sentence, form, want string }{
		{"no resource", "Tag.1.Key=a", "MissingParameter: The request must contain the parameter ResourceId"},
		{"no tag", "ResourceId.1=" + v, "MissingParameter: The request must contain the parameter Tag"},
		{"a resource that does not exist", "ResourceId.1=" + v + "&ResourceId.2=subnet-00000000" + tag("a", "b"), "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist"},
		{"a rule that does not exist", "ResourceId.1=sgr-00000000" + tag("a", "b"), "InvalidSecurityGroupRuleId.NotFound: The security group rule ID 'sgr-00000000' does not exist"},
		{"what has no tags", "ResourceId.1=lab" + tag("a", "b"), "InvalidID: The ID 'lab' is not valid"},
		{"a reserved key", "ResourceId.1=" + v + tag("aws:x", "b"), "InvalidParameterValue: Value ( aws:x ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"},
		{"too long a key", "ResourceId.1=" + v + tag(strings.Repeat("k", 129), "b"), "InvalidParameterValue: Tag key exceeds the maximum length of 128 characters"},
		{"too long a value", "ResourceId.1=" + v + tag("a", strings.Repeat("v", 257)), "InvalidParameterValue: Tag value exceeds the maximum length of 256 characters"},
		{"no key", "ResourceId.1=" + v + "&Tag.1.Value=b", "InvalidParameterValue: Tag key cannot be null or empty."},
		{"a key twice", "ResourceId.1=" + v + tag("a", "1") + "&Tag.2.Key=a&Tag.2.Value=2", "InvalidParameterValue: Duplicate tag key 'a' specified."},
		{"51 tags", "ResourceId.1=" + v + many, "TagLimitExceeded: The maximum number of Tags for a resource has been reached."},
		{"what would have succeeded", "ResourceId.1=" + v + tag("a", "1") + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run(c.sentence, func(t *testing.T) { w.T = t; w.refuse("CreateTags", c.form, c.want) })
	}
	w.T = t
	if got := w.tags(""); got != "" {
		t.Errorf("the refused calls left %s", got)
	}
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+v+"&Tag.1.Key=AWS&Tag.1.Value=%C3%A9"+strings.Repeat("v", 255))
	w.refuse("CreateVpc", "CidrBlock=10.0.0.0/16&TagSpecification.1.Tag.1.Key=a", "InvalidTagSpecification.Malformed: Tag specification resource type must have a value")
	w.refuse("CreateVpc", "CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=vpc"+strings.ReplaceAll(many, "&Tag.", "&TagSpecification.1.Tag."),
		"TagLimitExceeded: The maximum number of Tags for a resource has been reached.")
	w.refuse("CreateVpc", "CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=a&TagSpecification.2.ResourceType=vpc&TagSpecification.2.Tag.1.Key=a",
		"InvalidParameterValue: Duplicate tag key 'a' specified.")
}
