package api

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"crenel/ec2"
	"crenel/vpc"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "A", false}, {"a", "ab", false},
		{"*", "", true}, {"*", "abc", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "abcbc", true}, {"a*d", "abc", false},
		{"?", "a", true}, {"?", "", false}, {"a?c", "abc", true}, {"a?", "abc", false}, {"?", "é", true},
		{`\*`, "*", true}, {`\*`, "a", false}, {`\?`, "?", true}, {`\?`, "x", false}, {`\\`, `\`, true}, {`a\`, `a\`, true},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"**", "a", true},
	} {
		if got := parsePattern(c.pattern).match(c.text, new(maxFilterSteps)); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.text, got)
		}
	}
}

// A pattern means what the regular expression of the same meaning does.
func TestPatternsAgainstRegexp(t *testing.T) {
	letters := rapid.StringOfN(rapid.SampledFrom([]rune(`ab*?\`)), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		text, p := letters.Draw(t, "text"), letters.Draw(t, "pattern")
		var re strings.Builder
		for rest := p; rest != ""; {
			switch {
			case strings.HasPrefix(rest, `\`) && len(rest) > 1:
				re.WriteString(regexp.QuoteMeta(rest[1:2]))
				rest = rest[2:]
				continue
			case rest[0] == '*':
				re.WriteString(".*")
			case rest[0] == '?':
				re.WriteString(".")
			default:
				re.WriteString(regexp.QuoteMeta(rest[:1]))
			}
			rest = rest[1:]
		}
		want := regexp.MustCompile("^(?s:" + re.String() + ")$").MatchString(text)
		if got := parsePattern(p).match(text, new(maxFilterSteps)); got != want {
			t.Errorf("%q matches %q: %v, want %v", p, text, got, want)
		}
	})
}

func TestFiltersHaveLimits(t *testing.T) {
	w := newWorld(t)
	values := func(n int, value string) string {
		var form strings.Builder
		form.WriteString("Filter.1.Name=vpc-id")
		for i := range n {
			fmt.Fprintf(&form, "&Filter.1.Value.%d=%s", i+1, value)
		}
		return form.String()
	}
	do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", values(200, "x"))
	w.refuse("DescribeVpcs", values(201, "x"), "FilterLimitExceeded: The maximum number of filter values specified on a single call is 200")
	do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", values(1, strings.Repeat("x", 255)))
	var many strings.Builder
	for i := range 51 {
		fmt.Fprintf(&many, "&Filter.%d.Name=state", i+1)
	}
	w.refuse("DescribeVpcs", many.String()[1:], "FilterLimitExceeded: The maximum number of filters specified on a single call is 50")
	w.refuse("DescribeVpcs", values(10_000, "x"), "FilterLimitExceeded: The maximum number of filter values specified on a single call is 200")
	w.refuse("DescribeVpcs", values(1, strings.Repeat("x", 256)), "FilterLimitExceeded: The maximum length for a filter value is 255 characters")
	w.refuse("DescribeVpcs", "Filter.1.Value.1=x", "InvalidParameterValue: The filter 'null' is invalid")
	w.refuse("DescribeVpcs", "Filter.1.Name=tag&Filter.1.Value.1=x", "InvalidParameterValue: The filter 'tag' is invalid")
	w.refuse("DescribeTags", "Filter.1.Name=tag-key&Filter.1.Value.1=x", "InvalidParameterValue: The filter 'tag-key' is invalid")
}

// Wildcards that would keep a core busy for minutes are refused within a second.
func TestWildcardsMayNotTakeForEver(t *testing.T) {
	w := newWorld(t)
	home := w.vpc("10.0.0.0/16")
	w.edit(func(e *vpc.Edit) {
		for n := range 200 {
			g := &vpc.SecurityGroup{ID: fmt.Sprintf("sg-%017x", n), Scope: testScope, VPC: home, Name: fmt.Sprint(n), Tags: vpc.Tags{}}
			for k := range 50 {
				g.Tags[fmt.Sprint(k)] = strings.Repeat("a", 256)
			}
			e.SecurityGroups.Put(g)
		}
	})
	form := "Filter.1.Name=tag:1"
	for n := range 200 {
		form += fmt.Sprintf("&Filter.1.Value.%d=%s", n+1, "*"+strings.Repeat("a", 120)+"b")
	}
	const want = "FilterLimitExceeded: The filters' wildcards are too many for so many resources"
	if _, err := w.try("DescribeSecurityGroups", form); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if got := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "Filter.1.Name=tag:1&Filter.1.Value.1=*a*a*a*").SecurityGroups; len(got) != 200 {
		t.Errorf("one wildcard finds %d of 200 groups", len(got))
	}
}

func TestATagFilterIsOfOneTag(t *testing.T) {
	w := newWorld(t)
	one, two := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+one+"&Tag.1.Key=a&Tag.1.Value=1&Tag.2.Key=b&Tag.2.Value=2")
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+two+"&Tag.1.Key=a&Tag.1.Value=2&Tag.2.Key=b&Tag.2.Value=1&Tag.3.Key=a=2&Tag.3.Value=")
	for filter, want := range map[string]string{"tag:a 1": one, "tag:a 2": two, "tag:b 2": one, "tag:a ?": one + two, "tag:A 1": "", "tag:a=2 ": two, "tag-key a*2": two, "tag:c *": ""} {
		name, val, _ := strings.Cut(filter, " ")
		got := ""
		for _, v := range do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name="+strings.ReplaceAll(name, "=", "%3D")+"&Filter.1.Value.1="+val).Vpcs {
			got += *v.VpcId
		}
		if got != want && got != two+one || got == two+one && want != one+two {
			t.Errorf("%s finds %s, want %s", filter, got, want)
		}
	}
}

// Every filter that AWS's reference lists for an operation exists, and no item breaks it.
func TestEveryDocumentedFilterExists(t *testing.T) {
	w := newWorld(t)
	w.edit(func(e *vpc.Edit) {
		e.InternetGateways.Put(&vpc.InternetGateway{ID: "igw-00000001", Scope: testScope})
	})
	home := w.defaultVPC()
	needed := map[string]string{"GetSecurityGroupsForVpc": "&VpcId=" + home}
	for action, names := range map[string]string{
		"DescribeSecurityGroups":               "description egress.ip-permission.cidr egress.ip-permission.from-port egress.ip-permission.group-id egress.ip-permission.group-name egress.ip-permission.ipv6-cidr egress.ip-permission.prefix-list-id egress.ip-permission.protocol egress.ip-permission.to-port egress.ip-permission.user-id group-id group-name ip-permission.cidr ip-permission.from-port ip-permission.group-id ip-permission.group-name ip-permission.ipv6-cidr ip-permission.prefix-list-id ip-permission.protocol ip-permission.to-port ip-permission.user-id owner-id tag:x tag-key vpc-id",
		"DescribeSecurityGroupRules":           "group-id security-group-rule-id tag:x",
		"DescribeSecurityGroupVpcAssociations": "group-id group-owner-id state vpc-id vpc-owner-id",
		"GetSecurityGroupsForVpc":              "group-id description group-name owner-id primary-vpc-id",
		"DescribeNetworkAcls":                  "association.association-id association.network-acl-id association.subnet-id default entry.cidr entry.icmp.code entry.icmp.type entry.ipv6-cidr entry.port-range.from entry.port-range.to entry.protocol entry.rule-action entry.egress entry.rule-number network-acl-id owner-id tag:x tag-key vpc-id",
		"DescribeVpcs":                         "cidr cidr-block-association.cidr-block cidr-block-association.association-id cidr-block-association.state dhcp-options-id ipv6-cidr-block-association.ipv6-cidr-block ipv6-cidr-block-association.ipv6-pool ipv6-cidr-block-association.association-id ipv6-cidr-block-association.state is-default owner-id state tag:x tag-key vpc-id",
		"DescribeSubnets":                      "availability-zone availability-zone-id available-ip-address-count cidr-block customer-owned-ipv4-pool default-for-az enable-dns64 enable-lni-at-device-index ipv6-cidr-block-association.ipv6-cidr-block ipv6-cidr-block-association.association-id ipv6-cidr-block-association.state ipv6-native map-customer-owned-ip-on-launch map-public-ip-on-launch outpost-arn owner-id private-dns-name-options-on-launch.hostname-type private-dns-name-options-on-launch.enable-resource-name-dns-a-record private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record state subnet-arn subnet-id tag:x tag-key vpc-id",
		"DescribeTags":                         "key resource-id resource-type tag:x value",
		"DescribeRouteTables":                  "association.gateway-id association.route-table-association-id association.route-table-id association.subnet-id association.main owner-id route-table-id route.destination-cidr-block route.destination-ipv6-cidr-block route.destination-prefix-list-id route.egress-only-internet-gateway-id route.gateway-id route.instance-id route.nat-gateway-id route.transit-gateway-id route.origin route.state route.vpc-peering-connection-id tag:x tag-key vpc-id",
		"DescribeInternetGateways":             "attachment.state attachment.vpc-id internet-gateway-id owner-id tag:x tag-key",
		"DescribeDhcpOptions":                  "dhcp-options-id key value owner-id tag:x tag-key",
	} {
		for _, name := range strings.Fields(names) {
			value := "x"
			if name == "vpc-id" {
				value = home // what can be no id is refused
			}
			if _, err := w.try(action, "Filter.1.Name="+name+"&Filter.1.Value.1="+value+needed[action]); err != nil {
				t.Errorf("%s %s: %v", action, name, err)
			}
		}
	}
}
