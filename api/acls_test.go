package api

import (
	"fmt"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// entryTexts are the ACL's entries, one line each: "in 100 6 10.0.0.0/8 80-443 allow".
func entryTexts(a ec2.NetworkAcl) string {
	var lines []string
	for _, e := range a.Entries {
		direction := map[bool]string{true: "out", false: "in"}[*e.Egress]
		what := ""
		if r := e.PortRange; r != nil {
			what += fmt.Sprintf(" %d-%d", *r.From, *r.To)
		}
		if i := e.IcmpTypeCode; i != nil {
			what += fmt.Sprintf(" type %d code %d", *i.Type, *i.Code)
		}
		lines = append(lines, fmt.Sprint(direction, " ", *e.RuleNumber, " ", *e.Protocol, " ", value(e.CidrBlock), value(e.Ipv6CidrBlock), what, " ", e.RuleAction))
	}
	return strings.Join(lines, "\n")
}

// acl creates a network ACL and returns its id.
func (w *world) acl(vpcID string) string {
	w.Helper()
	return *do[ec2.CreateNetworkAclOutput](w, "CreateNetworkAcl", "VpcId="+vpcID).NetworkAcl.NetworkAclId
}

// acls are those that meet the filter "name=value".
func (w *world) acls(filter string) []ec2.NetworkAcl {
	w.Helper()
	name, val, _ := strings.Cut(filter, "=")
	return do[ec2.DescribeNetworkAclsOutput](w, "DescribeNetworkAcls", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).NetworkAcls
}

// entry is the form of an entry: "in 100 6 allow 10.0.0.0/8" and whatever else is given.
func entry(acl, text string, more ...string) string {
	f := strings.Fields(text)
	form := "NetworkAclId=" + acl + "&Egress=" + fmt.Sprint(f[0] == "out") + "&RuleNumber=" + f[1] + "&Protocol=" + f[2] + "&RuleAction=" + f[3]
	if len(f) > 4 {
		if strings.Contains(f[4], ":") {
			form += "&Ipv6CidrBlock=" + f[4]
		} else {
			form += "&CidrBlock=" + f[4]
		}
	}
	return strings.Join(append([]string{form}, more...), "&")
}

const denyAll = "out 32767 -1 0.0.0.0/0 deny\nin 32767 -1 0.0.0.0/0 deny"

func TestCreateNetworkAcl(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	const token = "&ClientToken=t1&TagSpecification.1.ResourceType=network-acl&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=front"
	out := do[ec2.CreateNetworkAclOutput](w, "CreateNetworkAcl", "VpcId="+lab+token)
	a := *out.NetworkAcl
	got := text(entryTexts(a), *a.VpcId, *a.OwnerId, *a.IsDefault, *a.Tags[0].Value, len(a.Associations), a.Associations != nil, *out.ClientToken)
	if want := text(denyAll, lab, "111122223333", false, "front", 0, true, "t1"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again := do[ec2.CreateNetworkAclOutput](w, "CreateNetworkAcl", "VpcId="+lab+token)
	if *again.NetworkAcl.NetworkAclId != *a.NetworkAclId || len(w.acls("vpc-id="+lab)) != 2 {
		t.Errorf("the same request again made %s", *again.NetworkAcl.NetworkAclId)
	}
	for _, c := range []struct{ sentence, form, want string }{
		{"no VPC", "", "MissingParameter: The request must contain the parameter VpcId"},
		{"a VPC that does not exist", "VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"another request with the token", "VpcId=" + lab + "&ClientToken=t1", "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."},
		{"a tag for something else", "VpcId=" + lab + "&TagSpecification.1.ResourceType=vpc", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"what would have succeeded", "VpcId=" + lab + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run("refuses "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("CreateNetworkAcl", c.form, c.want) })
	}
	w.T = t
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("CreateNetworkAcl", "VpcId="+lab, "InvalidVpcID.NotFound: The vpc ID '"+lab+"' does not exist")
	w.quota(vpc.ACLsPerVPC, 2)
	w.refuse("CreateNetworkAcl", "VpcId="+lab, "NetworkAclLimitExceeded: The maximum number of network acls has been reached.")
	do[ec2.CreateNetworkAclOutput](w, "CreateNetworkAcl", "VpcId="+lab+token) // made before: no limit matters
}

// quota sets a quota of the scope.
func (w *world) quota(l vpc.Limit, n int) {
	w.Helper()
	w.edit(func(e *vpc.Edit) { e.Quotas.Put(&vpc.Quota{Scope: w.scope, Name: l.Name, Value: n}) })
}

func TestNetworkACLEntries(t *testing.T) {
	for _, c := range []struct{ sentence, form, more, want string }{
		{"ports", "in 100 6 allow 10.1.2.3/8", "PortRange.From=80&PortRange.To=443", "in 100 6 10.0.0.0/8 80-443 allow"},
		{"all ports, and ICMP values that mean nothing", "out 1 17 deny ::/0", "PortRange.From=0&PortRange.To=65535&Icmp.Type=8", "out 1 17 ::/0 0-65535 deny"},
		{"ICMP", "in 32766 1 allow 0.0.0.0/0", "Icmp.Type=8&Icmp.Code=-1&PortRange.From=0&PortRange.To=0", "in 32766 1 0.0.0.0/0 type 8 code -1 allow"},
		{"all of ICMP", "in 100 1 allow 0.0.0.0/0", "Icmp.Type=-1&Icmp.Code=0", "in 100 1 0.0.0.0/0 type -1 code -1 allow"},
		{"ICMPv6", "in 100 58 allow 2001:db8::1/32", "Icmp.Type=128&Icmp.Code=0", "in 100 58 2001:db8::/32 type 128 code 0 allow"},
		{"ICMPv6 for IPv4 means all types", "in 100 58 allow 10.0.0.0/8", "Icmp.Type=128&Icmp.Code=0", "in 100 58 10.0.0.0/8 allow"},
		{"everything, as Terraform asks for it", "in 100 -1 allow 0.0.0.0/0", "PortRange.From=0&PortRange.To=0", "in 100 -1 0.0.0.0/0 allow"},
		{"another protocol", "in 100 47 deny 192.0.2.1/32", "PortRange.From=7&PortRange.To=3", "in 100 47 192.0.2.1/32 deny"},
		{"an empty range of the other family", "in 100 -1 allow 0.0.0.0/0", "Ipv6CidrBlock=", "in 100 -1 0.0.0.0/0 allow"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := newWorld(t)
			lab := w.vpc("10.0.0.0/16")
			a := w.acl(lab)
			shown := func() string {
				lines := strings.Split(entryTexts(do[ec2.DescribeNetworkAclsOutput](w, "DescribeNetworkAcls", "NetworkAclId.1="+a).NetworkAcls[0]), "\n")
				var left []string
				for _, l := range lines {
					if !strings.Contains(denyAll, l) {
						left = append(left, l)
					}
				}
				return strings.Join(left, "\n")
			}
			do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(a, c.form, c.more))
			if got := shown(); got != c.want {
				t.Errorf("created %q, want %q", got, c.want)
			}
			f := strings.Fields(c.form)
			key := "NetworkAclId=" + a + "&RuleNumber=" + f[1] + "&Egress=" + fmt.Sprint(f[0] == "out")
			do[ec2.ReplaceNetworkAclEntryOutput](w, "ReplaceNetworkAclEntry", entry(a, f[0]+" "+f[1]+" 50 deny 10.9.0.0/16"))
			if got, want := shown(), f[0]+" "+f[1]+" 50 10.9.0.0/16 deny"; got != want {
				t.Errorf("replaced: %q, want %q", got, want)
			}
			do[ec2.ReplaceNetworkAclEntryOutput](w, "ReplaceNetworkAclEntry", entry(a, c.form, c.more))
			if got := shown(); got != c.want {
				t.Errorf("replaced again: %q, want %q", got, c.want)
			}
			do[ec2.DeleteNetworkAclEntryOutput](w, "DeleteNetworkAclEntry", key)
			if got := shown(); got != "" {
				t.Errorf("%q is left", got)
			}
		})
	}
}

func TestNetworkACLEntriesAreRefused(t *testing.T) {
	w := newWorld(t)
	a := w.acl(w.vpc("10.0.0.0/16"))
	do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(a, "in 100 -1 allow 0.0.0.0/0"))
	const all = "in 200 -1 allow 0.0.0.0/0"
	ports := func(from, to string) string { return "PortRange.From=" + from + "&PortRange.To=" + to }
	for _, c := range []struct{ sentence, form, want string }{
		{"no ACL", "Egress=false&RuleNumber=1&Protocol=-1&RuleAction=allow&CidrBlock=0.0.0.0/0", "MissingParameter: The request must contain the parameter NetworkAclId"},
		{"an ACL that does not exist", entry("acl-00000000", all), "InvalidNetworkAclID.NotFound: The networkAcl ID 'acl-00000000' does not exist"},
		{"what is no ACL", entry("front", all), `InvalidNetworkAclId.Malformed: Invalid id: "front" (expecting "acl-...")`},
		{"number 0", entry(a, "in 0 -1 allow 0.0.0.0/0"), "InvalidParameterValue: Value (0) for parameter ruleNumber is invalid. The rule number must be between 1 and 32766."},
		{"the last number", entry(a, "in 32767 -1 allow 0.0.0.0/0"), "InvalidParameterValue: Value (32767) for parameter ruleNumber is invalid. The rule number must be between 1 and 32766."},
		{"another action", entry(a, "in 200 -1 reject 0.0.0.0/0"), "InvalidParameterValue: Invalid value 'reject' for ruleAction. The action must be one of: allow, deny."},
		{"a protocol by its name", entry(a, "in 200 tcp allow 0.0.0.0/0", ports("80", "80")), "InvalidParameterValue: Invalid value 'tcp' for IP protocol. Unknown protocol."},
		{"a protocol that cannot be", entry(a, "in 200 256 allow 0.0.0.0/0"), "InvalidParameterValue: Invalid value '256' for IP protocol. Unknown protocol."},
		{"no range", entry(a, "in 200 -1 allow"), "MissingParameter: The request must contain the parameter cidrBlock or ipv6CidrBlock"},
		{"two ranges", entry(a, all, "Ipv6CidrBlock=::/0"), "InvalidParameterCombination: The parameter cidrBlock cannot be used with the parameter ipv6CidrBlock"},
		{"what is no range", entry(a, "in 200 -1 allow 10.0.0.0"), "InvalidParameterValue: Value (10.0.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"a range of the other family", "CidrBlock=::/0&" + entry(a, "in 200 -1 allow"), "InvalidParameterValue: Value (::/0) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"an IPv4 range as IPv6", "Ipv6CidrBlock=10.0.0.0/8&" + entry(a, "in 200 -1 allow"), "InvalidParameterValue: Value (10.0.0.0/8) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block."},
		{"TCP without ports", entry(a, "in 200 6 allow 0.0.0.0/0"), "MissingParameter: The request must contain the parameter portRange.from"},
		{"UDP without the last port", entry(a, "in 200 17 allow 0.0.0.0/0", "PortRange.From=53"), "MissingParameter: The request must contain the parameter portRange.to"},
		{"a port that cannot be", entry(a, "in 200 6 allow 0.0.0.0/0", ports("80", "65536")), "InvalidParameterValue: TCP/UDP port (65536) out of range"},
		{"ports the wrong way round", entry(a, "in 200 6 allow 0.0.0.0/0", ports("443", "80")), "InvalidParameterValue: Invalid TCP/UDP port range (443:80)"},
		{"ICMP without a type", entry(a, "in 200 1 allow 0.0.0.0/0", ports("0", "0")), "MissingParameter: The request must contain the parameter icmpTypeCode.type"},
		{"ICMP without a code", entry(a, "in 200 1 allow 0.0.0.0/0", "Icmp.Type=8"), "MissingParameter: The request must contain the parameter icmpTypeCode.code"},
		{"ICMPv6 without a type", entry(a, "in 200 58 allow ::/0"), "MissingParameter: The request must contain the parameter icmpTypeCode.type"},
		{"a type that cannot be", entry(a, "in 200 1 allow 0.0.0.0/0", "Icmp.Type=256&Icmp.Code=0"), "InvalidParameterValue: ICMP type (256) out of range"},
		{"a code that cannot be", entry(a, "in 200 1 allow 0.0.0.0/0", "Icmp.Type=8&Icmp.Code=-2"), "InvalidParameterValue: ICMP code (-2) out of range"},
		{"a number that is taken", entry(a, "in 100 -1 deny 10.0.0.0/8"), "NetworkAclEntryAlreadyExists: The network acl entry identified by 100 already exists."},
		{"a number that the other family has", entry(a, "in 100 -1 deny ::/0"), "NetworkAclEntryAlreadyExists: The network acl entry identified by 100 already exists."},
		{"what would have succeeded", entry(a, all, "DryRun=true"), "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w.T = t
			w.refuse("CreateNetworkAclEntry", c.form, c.want)
			if !strings.HasPrefix(c.want, "NetworkAclEntryAlreadyExists") && !strings.HasPrefix(c.want, "DryRun") {
				w.refuse("ReplaceNetworkAclEntry", c.form, c.want) // which asks the same of an entry
			}
		})
	}
	w.T = t
	do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(a, "out 100 -1 allow 0.0.0.0/0")) // the other direction has its own numbers
	w.refuse("ReplaceNetworkAclEntry", entry(a, all), "InvalidNetworkAclEntry.NotFound: no ingress entry with number 200")
	w.refuse("DeleteNetworkAclEntry", "NetworkAclId="+a+"&RuleNumber=200&Egress=true", "InvalidNetworkAclEntry.NotFound: no egress entry with number 200")
	w.refuse("DeleteNetworkAclEntry", "NetworkAclId="+a+"&RuleNumber=32767&Egress=true", "InvalidParameterValue: Value (32767) for parameter ruleNumber is invalid. The rule number must be between 1 and 32766.")
	w.refuse("DeleteNetworkAclEntry", "NetworkAclId=acl-00000000&RuleNumber=1&Egress=true", "InvalidNetworkAclID.NotFound: The networkAcl ID 'acl-00000000' does not exist")
}

func TestAnACLHas20EntriesOfAFamilyInADirection(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/20")
	v := do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true").Vpc
	a := w.acl(*v.VpcId)
	full := "NetworkAclEntryLimitExceeded: The maximum number of network acl entries has been reached."
	number := 0
	for _, family := range []string{"10.0.0.0/8", "2001:db8::/32"} {
		for _, direction := range []string{"in", "out"} {
			for range 19 { // and the one that denies
				number++
				do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(a, fmt.Sprint(direction, " ", number, " -1 allow ", family)))
			}
			w.refuse("CreateNetworkAclEntry", entry(a, direction+" 500 -1 allow "+family), full)
		}
	}
	w.refuse("ReplaceNetworkAclEntry", entry(a, "in 1 -1 deny ::/0"), full) // it would be one more of IPv6
	do[ec2.ReplaceNetworkAclEntryOutput](w, "ReplaceNetworkAclEntry", entry(a, "in 1 -1 deny 10.0.0.0/8"))
	w.quota(vpc.EntriesPerACL, 21)
	do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(a, "in 500 -1 allow 10.0.0.0/8"))
	w.quota(vpc.EntriesPerACL, 1)
	do[ec2.ReplaceNetworkAclEntryOutput](w, "ReplaceNetworkAclEntry", entry(a, "in 1 -1 allow 10.0.0.0/8")) // it makes nothing more
}

func TestNetworkACLAssociations(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	subnet, front := w.subnet(lab, "10.0.1.0/24"), w.acl(lab)
	association := func() (id, acl string) {
		found := w.acls("association.subnet-id=" + subnet)
		if len(found) != 1 || len(found[0].Associations) != 1 {
			t.Fatalf("the subnet has %+v", found)
		}
		return *found[0].Associations[0].NetworkAclAssociationId, *found[0].NetworkAclId
	}
	first, def := association()
	second := *do[ec2.ReplaceNetworkAclAssociationOutput](w, "ReplaceNetworkAclAssociation", "AssociationId="+first+"&NetworkAclId="+front).NewAssociationId
	if id, acl := association(); id != second || acl != front || first == second {
		t.Errorf("%s to %s, want %s to %s", id, acl, second, front)
	}
	third := *do[ec2.ReplaceNetworkAclAssociationOutput](w, "ReplaceNetworkAclAssociation", "AssociationId="+second+"&NetworkAclId="+front).NewAssociationId
	if id, acl := association(); id != third || acl != front || third == second {
		t.Errorf("the same ACL again: %s to %s, want another association", id, acl)
	}
	other := w.acl(w.vpc("10.1.0.0/16"))
	for _, c := range []struct{ sentence, form, want string }{
		{"an association that was replaced", "AssociationId=" + first + "&NetworkAclId=" + front, "InvalidAssociationID.NotFound: The association ID '" + first + "' does not exist"},
		{"what is no association", "AssociationId=rtbassoc-00000000&NetworkAclId=" + front, `InvalidAssociationID.Malformed: Invalid id: "rtbassoc-00000000" (expecting "aclassoc-...")`},
		{"no ACL", "AssociationId=" + third, "MissingParameter: The request must contain the parameter NetworkAclId"},
		{"an ACL that does not exist", "AssociationId=" + third + "&NetworkAclId=acl-00000000", "InvalidNetworkAclID.NotFound: The networkAcl ID 'acl-00000000' does not exist"},
		{"another VPC's ACL", "AssociationId=" + third + "&NetworkAclId=" + other, "InvalidParameterValue: network ACL " + other + " and subnet " + subnet + " belong to different networks"},
	} {
		t.Run("refuses "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("ReplaceNetworkAclAssociation", c.form, c.want) })
	}
	w.T = t
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("ReplaceNetworkAclAssociation", "AssociationId="+third+"&NetworkAclId="+front, "InvalidAssociationID.NotFound: The association ID '"+third+"' does not exist")

	w.refuse("DeleteNetworkAcl", "NetworkAclId="+front, "DependencyViolation: The networkAcl '"+front+"' has dependencies and cannot be deleted.")
	w.refuse("DeleteNetworkAcl", "NetworkAclId="+def, "InvalidParameterValue: cannot delete default network ACL "+def)
	do[ec2.ReplaceNetworkAclAssociationOutput](w, "ReplaceNetworkAclAssociation", "AssociationId="+third+"&NetworkAclId="+def)
	do[ec2.DeleteNetworkAclOutput](w, "DeleteNetworkAcl", "NetworkAclId="+front)
	w.refuse("DeleteNetworkAcl", "NetworkAclId="+front, "InvalidNetworkAclID.NotFound: The networkAcl ID '"+front+"' does not exist")
	w.refuse("DeleteNetworkAcl", "NetworkAclId=x", `InvalidNetworkAclId.Malformed: Invalid id: "x" (expecting "acl-...")`)
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+subnet)
	if got := w.acls("vpc-id=" + lab)[0].Associations; len(got) != 0 {
		t.Errorf("the default ACL of a VPC without subnets has %+v", got)
	}
}

func TestDescribeNetworkAclsFilters(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	a := w.acl(lab)
	do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(a, "in 110 6 allow 192.0.2.0/24", "PortRange.From=80&PortRange.To=81"))
	do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(a, "out 120 58 deny 2001:db8::/32", "Icmp.Type=128&Icmp.Code=7"))
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+a+"&Tag.1.Key=Name&Tag.1.Value=front")
	for _, filter := range []string{"network-acl-id=" + a, "entry.cidr=192.0.2.0/24", "entry.ipv6-cidr=2001:db8::/32", "entry.protocol=6", "entry.protocol=tcp",
		"entry.protocol=58", "entry.rule-number=110", "entry.rule-number=12?", "entry.port-range.from=80", "entry.port-range.to=81",
		"entry.icmp.type=128", "entry.icmp.code=7", "tag:Name=front", "tag-key=Name"} {
		if got := w.acls(filter); len(got) != 1 || *got[0].NetworkAclId != a || len(got[0].Entries) != 4 {
			t.Errorf("%s finds %+v", filter, got)
		}
	}
	for filter, want := range map[string]int{"default=true": 2, "default=false": 1, "vpc-id=" + lab: 2, "owner-id=111122223333": 3, "entry.egress=true": 3,
		"entry.rule-action=deny": 3, "entry.rule-action=allow": 3, "entry.protocol=udp": 0, "entry.protocol=icmp": 0, "association.network-acl-id=acl-*": 1, "association.association-id=aclassoc-*": 1} {
		if got := len(w.acls(filter)); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	w.refuse("DescribeNetworkAcls", "MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 5.")
	w.refuse("DescribeNetworkAcls", "MaxResults=5&NetworkAclId.1="+a, "InvalidParameterCombination: The parameter NetworkAclIds cannot be used with the parameter MaxResults")
}
