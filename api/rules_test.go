package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"crenel/ec2"
	"crenel/vpc"
)

// permissions writes the parameters of permissions as the CLI sends them. "tcp 80 443 10.0.0.0/8,sg-1;
// udp - - ::/0" is two permissions, the first with two peers; "-" is a parameter that is not sent.
func permissions(text string) string {
	form := url.Values{}
	for i, p := range strings.Split(text, ";") {
		at := fmt.Sprintf("IpPermissions.%d.", i+1)
		parts := strings.Fields(p)
		for j, name := range []string{"IpProtocol", "FromPort", "ToPort"} {
			if parts[j] != "-" {
				form.Set(at+name, parts[j])
			}
		}
		if len(parts) < 4 {
			continue
		}
		for j, peer := range strings.Split(parts[3], ",") {
			list, member := "IpRanges", "CidrIp"
			switch {
			case strings.HasPrefix(peer, "sg-"):
				list, member = "Groups", "GroupId"
			case strings.HasPrefix(peer, "pl-"):
				list, member = "PrefixListIds", "PrefixListId"
			case strings.HasPrefix(peer, "name="):
				list, member, peer = "Groups", "GroupName", peer[5:]
			case strings.Contains(peer, ":"):
				list, member = "Ipv6Ranges", "CidrIpv6"
			}
			form.Set(fmt.Sprintf("%s%s.%d.%s", at, list, j+1, member), peer)
		}
	}
	return form.Encode()
}

// group creates a group and returns its id.
func (w *world) group(name, vpcID string) string {
	w.Helper()
	form := "GroupName=" + name + "&GroupDescription=of+a+test"
	if vpcID != "" {
		form += "&VpcId=" + vpcID
	}
	return *do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", form).GroupId
}

// vpc creates a VPC and returns its id.
func (w *world) vpc(cidr string) string {
	w.Helper()
	return *do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock="+cidr).Vpc.VpcId
}

// defaultVPC is the id of the default VPC.
func (w *world) defaultVPC() string {
	w.Helper()
	return *do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name=is-default&Filter.1.Value.1=true").Vpcs[0].VpcId
}

// rules are the group's rules one by one: "in tcp 80 80 10.0.0.0/8", in the order of their texts.
func (w *world) rules(group string) string {
	w.Helper()
	out := do[ec2.DescribeSecurityGroupRulesOutput](w, "DescribeSecurityGroupRules", "Filter.1.Name=group-id&Filter.1.Value.1="+group)
	return ruleTexts(out.SecurityGroupRules)
}

func ruleTexts(rules []ec2.SecurityGroupRule) string {
	var lines []string
	for _, r := range rules {
		lines = append(lines, ruleText(r))
	}
	return strings.Join(lines, "\n")
}

func ruleText(r ec2.SecurityGroupRule) string {
	text := "in"
	if *r.IsEgress {
		text = "out"
	}
	text += fmt.Sprintf(" %s %d %d %s%s%s", *r.IpProtocol, *r.FromPort, *r.ToPort, value(r.CidrIpv4), value(r.CidrIpv6), value(r.PrefixListId))
	if g := r.ReferencedGroupInfo; g != nil {
		text += *g.UserId + "/" + *g.GroupId
	}
	if r.Description != nil {
		text += fmt.Sprintf(" %q", *r.Description)
	}
	for _, t := range r.Tags {
		text += " " + *t.Key + "=" + *t.Value
	}
	return text
}

// shown are the group's permissions in one direction: "tcp 80 443 10.0.0.0/8", a line for each item.
func (w *world) shown(group string, egress bool) string {
	w.Helper()
	out := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "GroupId.1="+group)
	if egress {
		return permissionTexts(out.SecurityGroups[0].IpPermissionsEgress)
	}
	return permissionTexts(out.SecurityGroups[0].IpPermissions)
}

func permissionTexts(list []ec2.IpPermission) string {
	var lines []string
	for _, p := range list {
		text := *p.IpProtocol
		for _, port := range []*int32{p.FromPort, p.ToPort} {
			if port == nil {
				text += " -"
			} else {
				text += fmt.Sprint(" ", *port)
			}
		}
		for _, r := range p.IpRanges {
			text += " " + *r.CidrIp + quoted(r.Description)
		}
		for _, r := range p.Ipv6Ranges {
			text += " " + *r.CidrIpv6 + quoted(r.Description)
		}
		for _, g := range p.UserIdGroupPairs {
			text += " " + *g.UserId + "/" + *g.GroupId + quoted(g.Description)
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func quoted(description *string) string {
	if description == nil {
		return ""
	}
	return fmt.Sprintf("(%s)", *description)
}

func TestAuthorizeAddsRules(t *testing.T) {
	for _, c := range []struct{ sentence, permissions, added, shown string }{
		{"a port from everywhere", "tcp 80 80 0.0.0.0/0", "in tcp 80 80 0.0.0.0/0", "tcp 80 80 0.0.0.0/0"},
		{"host bits are cleared", "tcp 22 22 100.68.0.18/18", "in tcp 22 22 100.68.0.0/18", "tcp 22 22 100.68.0.0/18"},
		{"a protocol's number becomes its name", "6 1 65535 10.0.0.0/8", "in tcp 1 65535 10.0.0.0/8", "tcp 1 65535 10.0.0.0/8"},
		{"a protocol's name in capitals", "UDP 0 0 10.0.0.0/8", "in udp 0 0 10.0.0.0/8", "udp 0 0 10.0.0.0/8"},
		{"every protocol has no ports in one view and -1 in the other", "-1 - - 10.0.0.0/8", "in -1 -1 -1 10.0.0.0/8", "-1 - - 10.0.0.0/8"},
		{"every protocol takes no notice of ports", "-1 0 0 10.0.0.0/8", "in -1 -1 -1 10.0.0.0/8", "-1 - - 10.0.0.0/8"},
		{"a protocol without ports takes no notice of them", "50 80 443 10.0.0.0/8", "in 50 -1 -1 10.0.0.0/8", "50 - - 10.0.0.0/8"},
		{"ping", "icmp 8 -1 10.0.0.0/8", "in icmp 8 -1 10.0.0.0/8", "icmp 8 -1 10.0.0.0/8"},
		{"all ICMP", "1 -1 -1 10.0.0.0/8", "in icmp -1 -1 10.0.0.0/8", "icmp -1 -1 10.0.0.0/8"},
		{"all ICMPv6 without saying so", "58 - - ::/0", "in icmpv6 -1 -1 ::/0", "icmpv6 -1 -1 ::/0"},
		{"IPv6 in its canonical form", "tcp 80 80 2001:DB8:0::1/32", "in tcp 80 80 2001:db8::/32", "tcp 80 80 2001:db8::/32"},
		{"each peer is a rule and all are one permission", "tcp 80 80 10.0.0.0/8,::/0,sg-SELF",
			"in tcp 80 80 10.0.0.0/8\nin tcp 80 80 ::/0\nin tcp 80 80 111122223333/sg-SELF", "tcp 80 80 10.0.0.0/8 ::/0 111122223333/sg-SELF"},
		{"rules keep the order of the request", "udp 53 53 10.0.0.0/8;tcp 53 53 10.0.0.0/8;udp 53 53 192.168.0.0/16",
			"in udp 53 53 10.0.0.0/8\nin tcp 53 53 10.0.0.0/8\nin udp 53 53 192.168.0.0/16", "udp 53 53 10.0.0.0/8 192.168.0.0/16\ntcp 53 53 10.0.0.0/8"},
		{"a group of the same VPC", "tcp 22 22 sg-OTHER", "in tcp 22 22 111122223333/sg-OTHER", "tcp 22 22 111122223333/sg-OTHER"},
		{"a group by name in the default VPC", "tcp 22 22 name=other", "in tcp 22 22 111122223333/sg-OTHER", "tcp 22 22 111122223333/sg-OTHER"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := newWorld(t)
			web, other := w.group("web", ""), w.group("other", "")
			ids := strings.NewReplacer("sg-SELF", web, "sg-OTHER", other)
			out := do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions(ids.Replace(c.permissions)))
			if !*out.Return {
				t.Error("return is false")
			}
			if got, want := ruleTexts(out.SecurityGroupRules), ids.Replace(c.added); got != want {
				t.Errorf("answered\n%s\nwant\n%s", got, want)
			}
			if got, want := w.shown(web, false), ids.Replace(c.shown); got != want {
				t.Errorf("shows\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	const (
		ports = "InvalidParameterValue: Invalid value for portRange. Must specify both from and to ports with TCP/UDP."
		types = "InvalidParameterValue: Invalid value for portRange. Must specify both from and to ports with ICMP."
	)
	for _, c := range []struct{ sentence, permissions, want string }{
		{"a range that is none", "tcp 80 80 10.0.0.0/33", "InvalidParameterValue: CIDR block 10.0.0.0/33 is malformed"},
		{"a bare address", "tcp 80 80 10.0.0.1", "InvalidParameterValue: CIDR block 10.0.0.1 is malformed"},
		{"IPv4 addresses in IPv6", "tcp 80 80 ::ffff:0:0/96", "InvalidParameterValue: CIDR block ::ffff:0:0/96 is malformed"},
		{"an IPv6 range that is none", "tcp 80 80 2001:db8::/129", "InvalidParameterValue: CIDR block 2001:db8::/129 is malformed"},
		{"no port", "tcp - - 10.0.0.0/8", ports},
		{"half a range of ports", "udp 80 - 10.0.0.0/8", ports},
		{"no type", "icmp - - 10.0.0.0/8", types},
		{"a type without a code", "icmpv6 8 - ::/0", types},
		{"a port below 0", "tcp -1 -1 10.0.0.0/8", "InvalidPermission.Malformed: TCP/UDP port (-1) out of range"},
		{"a port beyond the last", "tcp 80 65536 10.0.0.0/8", "InvalidPermission.Malformed: TCP/UDP port (65536) out of range"},
		{"ports the wrong way round", "tcp 443 80 10.0.0.0/8", "InvalidParameterValue: Invalid TCP/UDP port range (443:80)"},
		{"a type beyond the last", "icmp 256 0 10.0.0.0/8", "InvalidParameterValue: ICMP type (256) out of range"},
		{"a code beyond the last", "icmp 3 65535 10.0.0.0/8", "InvalidParameterValue: ICMP code (65535) out of range"},
		{"one code of all types", "icmp -1 0 10.0.0.0/8", "InvalidParameterValue: ICMP code (0) out of range"},
		{"an unknown protocol", "all 80 80 10.0.0.0/8", "InvalidParameterValue: Invalid value 'all' for IP protocol. Unknown protocol."},
		{"a number that is no protocol", "256 80 80 10.0.0.0/8", "InvalidParameterValue: Invalid value '256' for IP protocol. Unknown protocol."},
		{"no protocol", "- 80 80 10.0.0.0/8", "InvalidParameterValue: Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."},
		{"no peer", "tcp 80 80", "MissingParameter: The request must contain the parameter ipRanges"},
		{"a group that does not exist", "tcp 80 80 sg-0123456789abcdef0", "InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist"},
		{"what is no id of a group", "tcp 80 80 sg-none", `InvalidGroupId.Malformed: Invalid id: "sg-none"`},
		{"a group of another VPC", "tcp 80 80 sg-FAR", "InvalidGroup.NotFound: You have specified two resources that belong to different networks."},
		{"a name that no group has", "tcp 80 80 name=none", "InvalidGroup.NotFound: The security group 'none' does not exist in default VPC 'vpc-DEFAULT'"},
		{"a prefix list", "tcp 80 80 pl-0123456789abcdef0", "InvalidPrefixListID.NotFound: The prefix list ID 'pl-0123456789abcdef0' does not exist"},
		{"the same twice", "tcp 80 80 10.0.0.0/8;6 80 80 10.1.0.0/8", "InvalidParameterValue: The same permission must not appear multiple times"},
		{"what is there already", "tcp 22 22 0.0.0.0/0", `InvalidPermission.Duplicate: the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists`},
		{"all traffic that is there already", "-1 0 0 sg-SELF", `InvalidPermission.Duplicate: the specified rule "peer: sg-SELF, ALL, ALLOW" already exists`},
		{"all of a good and a bad one", "tcp 80 80 10.0.0.0/8;tcp 22 22 0.0.0.0/0", `InvalidPermission.Duplicate: the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists`},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := newWorld(t)
			web := w.group("web", "")
			far := w.group("far", w.vpc("10.0.0.0/16"))
			ids := strings.NewReplacer("sg-SELF", web, "sg-FAR", far, "vpc-DEFAULT", w.defaultVPC())
			do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 22 22 0.0.0.0/0;-1 - - "+web))
			before := w.rules(web)
			w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions(ids.Replace(c.permissions)), ids.Replace(c.want))
			if diff := cmp.Diff(before, w.rules(web)); diff != "" {
				t.Errorf("the refused call changed the rules:\n%s", diff)
			}
		})
	}
}

func TestAuthorizeFindsTheGroup(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	far := w.group("far", w.vpc("10.0.0.0/16"))
	home := w.defaultVPC()
	port := "&" + permissions("tcp 80 80 10.0.0.0/8")
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupName=web"+port)
	if got := w.shown(web, false); got != "tcp 80 80 10.0.0.0/8" {
		t.Errorf("by name: %s", got)
	}
	for _, c := range []struct{ form, want string }{
		{"", "MissingParameter: The request must contain the parameter groupName or groupId"},
		{"GroupId=", "InvalidParameterValue: Value () for parameter groupId is invalid. The value cannot be empty"},
		{"GroupId=web", `InvalidGroupId.Malformed: Invalid id: "web" (expecting "sg-...")`},
		{"GroupId=sg-xyz", `InvalidGroupId.Malformed: Invalid id: "sg-xyz"`},
		{"GroupId=sg-00000000", "InvalidGroup.NotFound: The security group 'sg-00000000' does not exist"},
		{"GroupName=far", "InvalidGroup.NotFound: The security group 'far' does not exist in default VPC '" + home + "'"},
		{"GroupName=Web", "InvalidGroup.NotFound: The security group 'Web' does not exist in default VPC '" + home + "'"},
	} {
		w.refuse("AuthorizeSecurityGroupIngress", c.form+port, c.want)
	}
	w.refuse("AuthorizeSecurityGroupEgress", "GroupName=web"+port, "UnknownParameter: The parameter GroupName is not recognized")
	w.refuse("AuthorizeSecurityGroupEgress", "IpPermissions.1.IpProtocol=-1", "MissingParameter: The request must contain the parameter GroupId")
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+far+"&"+permissions("tcp 80 80 name=far"),
		"InvalidParameterValue: Invalid value 'far' for groupName. You may not reference Amazon VPC security groups by name. Please use the corresponding id for this operation.")
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web, "MissingParameter: The request must contain the parameter ipPermissions")
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+port,
		"InvalidGroup.NotFound: The security group '"+web+"' does not exist")
	w.as(vpc.Scope{Account: testScope.Account, Region: "eu-west-1"}).refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+port,
		"InvalidGroup.NotFound: The security group '"+web+"' does not exist")
}

func TestAuthorizeTheOldWay(t *testing.T) {
	w := newWorld(t)
	web, other := w.group("web", ""), w.group("other", "")
	authorize := func(form string) string {
		return ruleTexts(do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+form).SecurityGroupRules)
	}
	if got := authorize("IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=0.0.0.0/0"); got != "in tcp 80 80 0.0.0.0/0" {
		t.Errorf("one rule: %s", got)
	}
	peer := "111122223333/" + other
	if got, want := authorize("SourceSecurityGroupName=other"), "in tcp 0 65535 "+peer+"\nin udp 0 65535 "+peer+"\nin icmp -1 -1 "+peer; got != want {
		t.Errorf("everything from a group:\n%s\nwant\n%s", got, want)
	}
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&SourceSecurityGroupName=other&IpProtocol=tcp",
		"InvalidParameterCombination: The parameter sourceSecurityGroupName cannot be used with the parameter ipProtocol")
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&IpProtocol=tcp&FromPort=80&ToPort=80", "MissingParameter: The request must contain the parameter cidrIp")
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&SourceSecurityGroupOwnerId=111122223333", "MissingParameter: Source group ID missing.")
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&CidrIp=0.0.0.0/0&"+permissions("tcp 1 1 0.0.0.0/0"),
		"InvalidParameterCombination: The parameter cidrIp cannot be used with the parameter ipPermissions")
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=::/0",
		"InvalidParameterValue: CIDR block ::/0 is malformed")
	w.refuse("AuthorizeSecurityGroupEgress", "GroupId="+web+"&IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=0.0.0.0/0",
		"UnsupportedOperation: The parameter cidrIp is not supported.")
	do[ec2.RevokeSecurityGroupIngressOutput](w, "RevokeSecurityGroupIngress", "GroupId="+web+"&SourceSecurityGroupName=other")
	if got := w.shown(web, false); got != "tcp 80 80 0.0.0.0/0" {
		t.Errorf("revoked the old way: %s", got)
	}
}

func TestAuthorizeDescribesAndTags(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	tags := "&TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=team&TagSpecification.1.Tag.1.Value=blue"
	form := "GroupId=" + web + "&" + permissions("tcp 80 80 10.0.0.0/8,192.168.0.0/16") + "&IpPermissions.1.IpRanges.1.Description=the+office"
	out := do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", form+tags)
	if got, want := ruleTexts(out.SecurityGroupRules), "in tcp 80 80 10.0.0.0/8 \"the office\" team=blue\nin tcp 80 80 192.168.0.0/16 team=blue"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r := out.SecurityGroupRules[0]
	if *r.GroupId != web || *r.GroupOwnerId != testScope.Account || *r.SecurityGroupRuleArn != "arn:aws:ec2:us-east-1:111122223333:security-group-rule/"+*r.SecurityGroupRuleId {
		t.Errorf("the rule is %+v", r)
	}
	if got := w.shown(web, false); got != "tcp 80 80 10.0.0.0/8(the office) 192.168.0.0/16" {
		t.Errorf("shows %s", got)
	}
	const set = "InvalidParameterValue: Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
	for _, bad := range []string{"caf%C3%A9", "less<more", strings.Repeat("a", 256)} {
		w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 81 81 10.0.0.0/8")+"&IpPermissions.1.IpRanges.1.Description="+bad, set)
	}
	w.refuse("AuthorizeSecurityGroupIngress", form+"&TagSpecification.1.ResourceType=security-group",
		"InvalidParameterValue: 'security-group' is not a valid taggable resource type for this operation.")
	// A description takes no part in what a rule is.
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 80 10.0.0.0/8")+"&IpPermissions.1.IpRanges.1.Description=other",
		`InvalidPermission.Duplicate: the specified rule "peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW" already exists`)
}

func TestRevokeRemovesRules(t *testing.T) {
	const start = "tcp 80 80 0.0.0.0/0,::/0,sg-SELF;icmp -1 -1 10.0.0.0/8;-1 - - 192.168.0.0/16"
	for _, c := range []struct{ sentence, permissions, left string }{
		{"one of three", "tcp 80 80 ::/0", "tcp 80 80 0.0.0.0/0 111122223333/sg-SELF\nicmp -1 -1 10.0.0.0/8\n-1 - - 192.168.0.0/16"},
		{"three in one permission", "tcp 80 80 0.0.0.0/0,::/0,sg-SELF", "icmp -1 -1 10.0.0.0/8\n-1 - - 192.168.0.0/16"},
		{"with host bits and the protocol's number", "1 -1 -1 10.20.30.40/8", "tcp 80 80 0.0.0.0/0 ::/0 111122223333/sg-SELF\n-1 - - 192.168.0.0/16"},
		{"every protocol, with ports of no meaning", "-1 0 0 192.168.0.0/16", "tcp 80 80 0.0.0.0/0 ::/0 111122223333/sg-SELF\nicmp -1 -1 10.0.0.0/8"},
	} {
		for _, place := range []string{"the default VPC", "another VPC"} {
			t.Run(c.sentence+" in "+place, func(t *testing.T) {
				w := newWorld(t)
				home := ""
				if place != "the default VPC" {
					home = w.vpc("10.0.0.0/16")
				}
				web := w.group("web", home)
				ids := strings.NewReplacer("sg-SELF", web)
				do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions(ids.Replace(start)))
				out := do[ec2.RevokeSecurityGroupIngressOutput](w, "RevokeSecurityGroupIngress", "GroupId="+web+"&"+permissions(ids.Replace(c.permissions)))
				if len(out.UnknownIpPermissions) != 0 || !*out.Return {
					t.Errorf("answered %+v", out)
				}
				if got, want := w.shown(web, false), ids.Replace(c.left); got != want {
					t.Errorf("left\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

func TestRevokeOfWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	port := "&" + permissions("tcp 80 80 10.0.0.0/8;tcp 81 81 10.0.0.0/8")
	near, far := w.group("near", ""), w.group("far", w.vpc("10.0.0.0/16"))
	for _, g := range []string{near, far} {
		do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+g+"&"+permissions("tcp 80 80 10.0.0.0/8"))
	}
	out := do[ec2.RevokeSecurityGroupIngressOutput](w, "RevokeSecurityGroupIngress", "GroupId="+near+port)
	if got := permissionTexts(out.UnknownIpPermissions); got != "tcp 81 81 10.0.0.0/8" {
		t.Errorf("in the default VPC it is reported: %s", got)
	}
	if got := w.shown(near, false); got != "" {
		t.Errorf("in the default VPC the rest is revoked: %s", got)
	}
	w.refuse("RevokeSecurityGroupIngress", "GroupId="+far+port, "InvalidPermission.NotFound: The specified rule does not exist in this security group.")
	if got := w.shown(far, false); got != "tcp 80 80 10.0.0.0/8" {
		t.Errorf("elsewhere nothing is revoked: %s", got)
	}
	w.refuse("RevokeSecurityGroupEgress", "GroupId="+far+"&"+permissions("-1 0 0 ::/0"), "InvalidPermission.NotFound: The specified rule does not exist in this security group.")
	w.refuse("RevokeSecurityGroupIngress", "GroupId="+near, "MissingParameter: Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
}

// Terraform begins every group by taking away what AWS put there.
func TestRevokeOfTheFirstEgressRule(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", w.vpc("10.0.0.0/16"))
	if got := w.shown(web, true); got != "-1 - - 0.0.0.0/0" {
		t.Errorf("begins with %s", got)
	}
	out := do[ec2.RevokeSecurityGroupEgressOutput](w, "RevokeSecurityGroupEgress", "GroupId="+web+"&"+permissions("-1 0 0 0.0.0.0/0"))
	if r := out.RevokedSecurityGroupRules; len(r) != 1 || *r[0].GroupId != web || !*r[0].IsEgress || *r[0].IpProtocol != "-1" || *r[0].FromPort != -1 || *r[0].CidrIpv4 != "0.0.0.0/0" {
		t.Errorf("revoked %+v", r)
	}
	if got := w.rules(web); got != "" {
		t.Errorf("left %s", got)
	}
}

func TestRevokeByID(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	added := do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 81 "+web+";tcp 443 443 0.0.0.0/0"))
	id := *added.SecurityGroupRules[0].SecurityGroupRuleId
	w.refuse("RevokeSecurityGroupEgress", "GroupId="+web+"&SecurityGroupRuleId.1="+id, "InvalidSecurityGroupRuleId.NotFound: The security group rule ID '"+id+"' does not exist")
	w.refuse("RevokeSecurityGroupIngress", "GroupId="+web+"&SecurityGroupRuleId.1="+id+"&SecurityGroupRuleId.2=sgr-1", "InvalidSecurityGroupRuleId.NotFound: The security group rule ID 'sgr-1' does not exist")
	w.refuse("RevokeSecurityGroupIngress", "GroupId="+web+"&SecurityGroupRuleId.1=sg-1", `InvalidSecurityGroupRuleId.Malformed: Invalid id: "sg-1"`)
	w.refuse("RevokeSecurityGroupIngress", "GroupId="+web+"&SecurityGroupRuleId.1="+id+"&"+permissions("tcp 443 443 0.0.0.0/0"),
		"InvalidParameterCombination: The parameter 'securityGroupRuleIds' may not be used in combination with 'ipPermissions'.")
	out := do[ec2.RevokeSecurityGroupIngressOutput](w, "RevokeSecurityGroupIngress", "GroupId="+web+"&SecurityGroupRuleId.1="+id)
	if r := out.RevokedSecurityGroupRules; len(r) != 1 || *r[0].SecurityGroupRuleId != id || *r[0].ReferencedGroupId != web || *r[0].FromPort != 80 || *r[0].ToPort != 81 {
		t.Errorf("revoked %+v", r)
	}
	if got := w.shown(web, false); got != "tcp 443 443 0.0.0.0/0" {
		t.Errorf("left %s", got)
	}
}

func TestDescribeSecurityGroupRules(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	added := do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 80 0.0.0.0/0"))
	id := *added.SecurityGroupRules[0].SecurityGroupRuleId
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+id+"&Tag.1.Key=team&Tag.1.Value=blue")
	for _, c := range []struct{ sentence, form, want string }{
		{"by id", "SecurityGroupRuleId.1=" + id, "in tcp 80 80 0.0.0.0/0 team=blue"},
		{"by id as a filter", "Filter.1.Name=security-group-rule-id&Filter.1.Value.1=" + id, "in tcp 80 80 0.0.0.0/0 team=blue"},
		{"by tag", "Filter.1.Name=tag:team&Filter.1.Value.1=b*", "in tcp 80 80 0.0.0.0/0 team=blue"},
		{"of a group that does not exist", "Filter.1.Name=group-id&Filter.1.Value.1=sg-00000000", ""},
	} {
		out := do[ec2.DescribeSecurityGroupRulesOutput](w, "DescribeSecurityGroupRules", c.form)
		if got := ruleTexts(out.SecurityGroupRules); got != c.want || out.SecurityGroupRules == nil {
			t.Errorf("%s: got %s, want %s", c.sentence, got, c.want)
		}
	}
	w.refuse("DescribeSecurityGroupRules", "SecurityGroupRuleId.1=sgr-0123456789abcdef0", "InvalidSecurityGroupRuleId.NotFound: The security group rule ID 'sgr-0123456789abcdef0' does not exist")
	w.refuse("DescribeSecurityGroupRules", "SecurityGroupRuleId.1=sgr-0123456789abcdef01", `InvalidSecurityGroupRuleId.Malformed: Invalid id: "sgr-0123456789abcdef01"`)
	w.refuse("DescribeSecurityGroupRules", "Filter.1.Name=vpc-id&Filter.1.Value.1=x", "InvalidParameterValue: The filter 'vpc-id' is invalid")
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("DescribeSecurityGroupRules", "SecurityGroupRuleId.1="+id,
		"InvalidSecurityGroupRuleId.NotFound: The security group rule ID '"+id+"' does not exist")
}

func TestModifySecurityGroupRules(t *testing.T) {
	w := newWorld(t)
	web, other := w.group("web", ""), w.group("other", "")
	added := do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+
		permissions("tcp 80 80 10.0.0.0/8,"+web+";tcp 443 443 0.0.0.0/0")+"&IpPermissions.1.IpRanges.1.Description=old").SecurityGroupRules
	id := func(i int) string { return *added[i].SecurityGroupRuleId }
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+id(0)+"&Tag.1.Key=team&Tag.1.Value=blue")
	modify := func(rule string, members ...string) string {
		form := "GroupId=" + web + "&SecurityGroupRule.1.SecurityGroupRuleId=" + rule
		for _, m := range members {
			form += "&SecurityGroupRule.1.SecurityGroupRule." + m
		}
		return form
	}
	https := []string{"IpProtocol=tcp", "FromPort=443", "ToPort=443"}
	show := func(id string) string {
		return ruleTexts(do[ec2.DescribeSecurityGroupRulesOutput](w, "DescribeSecurityGroupRules", "SecurityGroupRuleId.1="+id).SecurityGroupRules)
	}

	for _, c := range []struct{ sentence, form, want string }{
		{"another kind of peer", modify(id(0), append(https, "CidrIpv6=::/0")...), "InvalidParameterValue: You may not specify an IPv6 CIDR for an existing IPv4 CIDR rule."},
		{"a group where a range was", modify(id(0), append(https, "ReferencedGroupId="+web)...), "InvalidParameterValue: You may not specify a referenced group id for an existing IPv4 CIDR rule."},
		{"a prefix list where a group was", modify(id(1), append(https, "PrefixListId="+w.prefixList("pl-00000001", 1, "10.0.0.0/8"))...), "InvalidParameterValue: You may not specify a prefix list for an existing referenced group id rule."},
		{"a range where a group was", modify(id(1), append(https, "CidrIpv4=10.0.0.0/8")...), "InvalidParameterValue: You may not specify an IPv4 CIDR for an existing referenced group id rule."},
		{"two peers", modify(id(0), append(https, "CidrIpv4=10.0.0.0/8", "CidrIpv6=::/0")...), "InvalidParameterCombination: Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified"},
		{"no peer", modify(id(0), https...), "MissingParameter: The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"},
		{"no protocol", modify(id(0), "CidrIpv4=10.0.0.0/8"), "InvalidParameterValue: Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."},
		{"every protocol with ports", modify(id(0), "IpProtocol=-1", "FromPort=0", "ToPort=0", "CidrIpv4=10.0.0.0/8"), "InvalidParameterValue: You may not specify all protocols and specific ports. Please specify each protocol and port range combination individually, or all protocols and no port range."},
		{"what another rule is", modify(id(0), append(https, "CidrIpv4=0.0.0.0/0")...), `InvalidPermission.Duplicate: the specified rule "peer: 0.0.0.0/0, TCP, from port: 443, to port: 443, ALLOW" already exists`},
		{"an unknown rule", modify("sgr-1", append(https, "CidrIpv4=0.0.0.0/0")...), "InvalidSecurityGroupRuleId.NotFound: The security group rule ID 'sgr-1' does not exist"},
		{"nothing", modify(id(0)), "InvalidParameterValue: No value specified for securityGroupRule."},
		{"no rules", "GroupId=" + web, "MissingParameter: The request must contain the parameter SecurityGroupRule"},
		{"a rule of another group", strings.Replace(modify(id(0), append(https, "CidrIpv4=0.0.0.0/0")...), web, other, 1), "InvalidSecurityGroupRuleId.NotFound: The security group rule ID '" + id(0) + "' does not exist"},
	} {
		t.Run("refuses "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("ModifySecurityGroupRules", c.form, c.want) })
	}
	w.T = t
	do[ec2.ModifySecurityGroupRulesOutput](w, "ModifySecurityGroupRules", modify(id(0), append(https, "CidrIpv4=172.16.0.1/12")...))
	if got := show(id(0)); got != "in tcp 443 443 172.16.0.0/12 team=blue" {
		t.Errorf("id and tags stay, the rest is as asked: %s", got)
	}
	do[ec2.ModifySecurityGroupRulesOutput](w, "ModifySecurityGroupRules", modify(id(1), "IpProtocol=-1", "ReferencedGroupId="+other, "Description=new"))
	if got := show(id(1)); got != "in -1 -1 -1 111122223333/"+other+` "new"` {
		t.Errorf("got %s", got)
	}
}

func TestUpdateSecurityGroupRuleDescriptions(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	added := do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 80 10.0.0.0/8;-1 - - "+web)).SecurityGroupRules
	id := *added[1].SecurityGroupRuleId
	do[ec2.UpdateSecurityGroupRuleDescriptionsIngressOutput](w, "UpdateSecurityGroupRuleDescriptionsIngress",
		"GroupName=web&"+permissions("tcp 80 80 10.0.0.0/8")+"&IpPermissions.1.IpRanges.1.Description=office")
	do[ec2.UpdateSecurityGroupRuleDescriptionsIngressOutput](w, "UpdateSecurityGroupRuleDescriptionsIngress",
		"GroupId="+web+"&SecurityGroupRuleDescription.1.SecurityGroupRuleId="+id+"&SecurityGroupRuleDescription.1.Description=ourselves")
	if got, want := w.shown(web, false), "tcp 80 80 10.0.0.0/8(office)\n-1 - - 111122223333/"+web+"(ourselves)"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	do[ec2.UpdateSecurityGroupRuleDescriptionsIngressOutput](w, "UpdateSecurityGroupRuleDescriptionsIngress",
		"GroupId="+web+"&SecurityGroupRuleDescription.1.SecurityGroupRuleId="+id)
	if got, want := w.shown(web, false), "tcp 80 80 10.0.0.0/8(office)\n-1 - - 111122223333/"+web; got != want {
		t.Errorf("none takes the old one away: got\n%s\nwant\n%s", got, want)
	}
	do[ec2.UpdateSecurityGroupRuleDescriptionsEgressOutput](w, "UpdateSecurityGroupRuleDescriptionsEgress",
		"GroupId="+web+"&"+permissions("-1 - - 0.0.0.0/0")+"&IpPermissions.1.IpRanges.1.Description=out")
	if got := w.shown(web, true); got != "-1 - - 0.0.0.0/0(out)" {
		t.Errorf("got %s", got)
	}
	w.refuse("UpdateSecurityGroupRuleDescriptionsEgress", "GroupId="+web+"&"+permissions("tcp 80 80 10.0.0.0/8"), "InvalidPermission.NotFound: The specified rule does not exist in this security group.")
	w.refuse("UpdateSecurityGroupRuleDescriptionsIngress", "GroupId="+web, "MissingParameter: Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.")
}
