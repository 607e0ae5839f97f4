package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

func TestCreateSecurityGroup(t *testing.T) {
	w := newWorld(t)
	out := do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup",
		"GroupName=web+tier+&GroupDescription=+front+end&TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=team&TagSpecification.1.Tag.1.Value=blue")
	arn := "arn:aws:ec2:us-east-1:111122223333:security-group/" + *out.GroupId
	if *out.SecurityGroupArn != arn || len(out.Tags) != 1 || *out.Tags[0].Key != "team" || *out.Tags[0].Value != "blue" {
		t.Errorf("answered %+v", out)
	}
	g := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "GroupId.1="+*out.GroupId).SecurityGroups[0]
	got := text(*g.GroupName, *g.Description, *g.OwnerId, *g.VpcId, *g.SecurityGroupArn, len(g.IpPermissions), permissionTexts(g.IpPermissionsEgress), *g.Tags[0].Key)
	want := text("web tier", " front end", "111122223333", w.defaultVPC(), arn, 0, "-1 - - 0.0.0.0/0", "team")
	if got != want {
		t.Errorf("shows\n%s\nwant\n%s", got, want)
	}
	if p := g.IpPermissionsEgress[0]; p.IpRanges == nil || p.Ipv6Ranges == nil || p.PrefixListIds == nil || p.UserIdGroupPairs == nil || g.IpPermissions == nil {
		t.Errorf("an empty list is missing: %+v", g)
	}
}

func TestCreateSecurityGroupRefuses(t *testing.T) {
	w := newWorld(t)
	home := w.defaultVPC()
	w.group("web", "")
	for _, c := range []struct{ sentence, form, want string }{
		{"no name", "GroupDescription=d", "MissingParameter: The request must contain the parameter GroupName"},
		{"no description", "GroupName=n", "MissingParameter: The request must contain the parameter GroupDescription"},
		{"a name like an id", "GroupName=sg-1&GroupDescription=d", "InvalidParameterValue: Value (sg-1) for parameter GroupName is invalid. Group names may not be in the format sg-*."},
		{"a name beyond ASCII", "GroupName=caf%C3%A9&GroupDescription=d", "InvalidParameterValue: Value (café) for parameter GroupName is invalid. Character sets beyond ASCII are not supported."},
		{"a description beyond ASCII", "GroupName=n&GroupDescription=%E2%80%94", "InvalidParameterValue: Value (—) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported."},
		{"a letter that names do not have", "GroupName=a~b&GroupDescription=d", "InvalidParameterValue: Invalid security group name. Valid names are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"},
		{"a description that is too long", "GroupName=n&GroupDescription=" + strings.Repeat("d", 256), "InvalidParameterValue: Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"},
		{"the reserved name", "GroupName=default&GroupDescription=d", "InvalidParameterValue: Cannot use reserved security group name: default"},
		{"a name that is taken", "GroupName=web&GroupDescription=d", "InvalidGroup.Duplicate: The security group 'web' already exists for VPC '" + home + "'"},
		{"the same name in other letters", "GroupName=WEB+&GroupDescription=d", "InvalidGroup.Duplicate: The security group 'WEB' already exists for VPC '" + home + "'"},
		{"a VPC that does not exist", "GroupName=n&GroupDescription=d&VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"what is no VPC", "GroupName=n&GroupDescription=d&VpcId=net", `InvalidVpcID.Malformed: Invalid id: "net" (expecting "vpc-...")`},
		{"a tag for something else", "GroupName=n&GroupDescription=d&TagSpecification.1.ResourceType=vpc", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"an unknown parameter", "GroupName=n&GroupDescription=d&Colour=red", "UnknownParameter: The parameter Colour is not recognized"},
		{"what would have succeeded", "GroupName=n&GroupDescription=d&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
		{"what would have failed", "GroupName=web&GroupDescription=d&DryRun=true", "InvalidGroup.Duplicate: The security group 'web' already exists for VPC '" + home + "'"},
	} {
		t.Run(c.sentence, func(t *testing.T) { w.T = t; w.refuse("CreateSecurityGroup", c.form, c.want) })
	}
	w.T = t
	if got := len(do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "").SecurityGroups); got != 2 {
		t.Errorf("there are %d groups, want web and default", got)
	}
	w.group("web", w.vpc("10.0.0.0/16")) // the same name in another VPC
}

func TestNewGroupsOfAVPCWithIPv6(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	w.edit(func(e *vpc.Edit) {
		v := *e.VPCs.Get(lab)
		v.IPv6 = []vpc.Block{{AssociationID: "vpc-cidr-assoc-1", CIDR: netip.MustParsePrefix("2001:db8::/56")}}
		e.VPCs.Put(&v)
	})
	web := w.group("web", lab)
	if got := w.shown(web, true); got != "-1 - - 0.0.0.0/0 ::/0" {
		t.Errorf("lets out %s", got)
	}
	// As Terraform does with every new group, whatever its VPC has.
	for _, peer := range []string{"0.0.0.0/0", "::/0"} {
		do[ec2.RevokeSecurityGroupEgressOutput](w, "RevokeSecurityGroupEgress", "GroupId="+web+"&"+permissions("-1 0 0 "+peer))
	}
	w.refuse("RevokeSecurityGroupEgress", "GroupId="+web+"&"+permissions("-1 0 0 ::/0"), "InvalidPermission.NotFound: The specified rule does not exist in this security group.")
}

func TestARegionHas2500Groups(t *testing.T) {
	w := newWorld(t)
	home := w.defaultVPC()
	w.edit(func(e *vpc.Edit) {
		for i := range vpc.GroupsPerRegion.Default {
			e.SecurityGroups.Put(&vpc.SecurityGroup{ID: fmt.Sprintf("sg-%017x", i), Scope: testScope, VPC: home, Name: fmt.Sprint(i)})
		}
	})
	w.refuse("CreateSecurityGroup", "GroupName=web&GroupDescription=d", "SecurityGroupLimitExceeded: The maximum number of security groups has been reached.")
}

func TestDeleteSecurityGroup(t *testing.T) {
	w := newWorld(t)
	web, db, idle := w.group("web", ""), w.group("db", ""), w.group("idle", "")
	def := *do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "GroupName.1=default").SecurityGroups[0].GroupId
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+db+"&"+permissions("tcp 5432 5432 "+web))
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+db+"&"+permissions("-1 - - "+db))
	w.edit(func(e *vpc.Edit) {
		e.Interfaces.Put(&vpc.Interface{ID: "eni-00000000", Scope: testScope, Groups: []string{idle}})
	})
	named := w.group("named", "")
	w.authorize("Egress", def, "-1 - - "+named)
	w.refuse("DeleteSecurityGroup", "GroupId="+named, "DependencyViolation: resource "+named+" has a dependent object") // the default group's rules count too
	w.refuse("DeleteSecurityGroup", "GroupId="+web+"&GroupName=web", "InvalidParameterCombination: The parameter groupName cannot be used with the parameter groupId")
	w.refuse("DeleteSecurityGroup", "GroupId="+def, fmt.Sprintf(`CannotDelete: the specified group: "%s" name: "default" cannot be deleted by a user`, def))
	w.refuse("DeleteSecurityGroup", "GroupId="+web, "DependencyViolation: resource "+web+" has a dependent object")
	w.refuse("DeleteSecurityGroup", "GroupId="+idle, "DependencyViolation: resource "+idle+" has a dependent object")
	w.refuse("DeleteSecurityGroup", "", "MissingParameter: The request must contain the parameter groupName or groupId")
	w.refuse("DeleteSecurityGroup", "GroupId="+db+"&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	out := do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupName=db") // which refers to itself
	if *out.GroupId != db || !*out.Return {
		t.Errorf("answered %+v", out)
	}
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+web) // to which nobody refers any more
	w.refuse("DeleteSecurityGroup", "GroupId="+web, "InvalidGroup.NotFound: The security group '"+web+"' does not exist")
}

func TestDescribeSecurityGroups(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	web, db, far := w.group("web", ""), w.group("db", ""), w.group("far", lab)
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 443 10.0.0.0/8,::/0;icmp -1 -1 192.168.0.0/16"))
	do[ec2.AuthorizeSecurityGroupEgressOutput](w, "AuthorizeSecurityGroupEgress", "GroupId="+db+"&"+permissions("tcp 22 22 "+web))
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+db+"&Tag.1.Key=team&Tag.1.Value=blue")
	for _, c := range []struct{ sentence, form, want string }{
		{"all", "", "db default default far web"},
		{"by id", "GroupId.1=" + web + "&GroupId.2=" + far + "&GroupId.3=" + web, "far web"},
		{"by name, in the default VPC", "GroupName.1=web", "web"},
		{"by name that is an id", "GroupName.1=" + far, "far"},
		{"by name and id", "GroupName.1=web&GroupId.1=" + db, "db web"},
		{"by group-name", filter("group-name", "web,db"), "db web"},
		{"by group-name with a star", filter("group-name", "d*"), "db default default"},
		{"filters are case-sensitive", filter("group-name", "Web"), ""},
		{"by vpc-id", filter("vpc-id", lab), "default far"},
		{"by the beginning of vpc-id", filter("vpc-id", lab[:12]+"*"), "default far"},
		{"by the vpc-id of no VPC", filter("vpc-id", "vpc-00000000"), ""},
		{"by two filters", filter("vpc-id", lab, "group-name", "default"), "default"},
		{"by owner", filter("owner-id", "111122223333", "group-name", "web"), "web"},
		{"by description", filter("description", "default+VPC+*"), "default default"},
		{"by tag", filter("tag:team", "blue"), "db"},
		{"by another tag", filter("tag:team", "red"), ""},
		{"by tag key", filter("tag-key", "team"), "db"},
		{"by range", filter("ip-permission.cidr", "10.0.0.0/8"), "web"},
		{"by IPv6 range", filter("ip-permission.ipv6-cidr", "::/0"), "web"},
		{"by ports", filter("ip-permission.from-port", "80", "ip-permission.to-port", "443"), "web"},
		{"by filters that different rules meet", filter("ip-permission.protocol", "icmp", "ip-permission.to-port", "443"), "web"},
		{"by the id of a group in an outbound rule", filter("egress.ip-permission.group-id", web), "db"},
		{"by the name of a group in an outbound rule", filter("egress.ip-permission.group-name", "web"), "db"},
		{"by the account of a group in a rule", filter("ip-permission.user-id", "111122223333", "vpc-id", lab), "default"},
		{"by an inbound group that no rule has", filter("ip-permission.group-id", web), ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w.T = t
			var names []string
			out := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", c.form)
			for _, g := range out.SecurityGroups {
				names = append(names, *g.GroupName)
			}
			slices.Sort(names)
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if out.SecurityGroups == nil {
				t.Error("the empty list is missing")
			}
		})
	}
	w.T = t
	w.refuse("DescribeSecurityGroups", "GroupId.1="+web+"&GroupId.2=sg-00000000", "InvalidGroup.NotFound: The security group 'sg-00000000' does not exist")
	w.refuse("DescribeSecurityGroups", "GroupId.1=sg-00000001&GroupId.2=sg-00000000", "InvalidGroup.NotFound: The security groups 'sg-00000000, sg-00000001' do not exist")
	w.refuse("DescribeSecurityGroups", "GroupId.1=sg-00000000&GroupId.2=web", `InvalidGroupId.Malformed: Invalid id: "web" (expecting "sg-...")`)
	w.refuse("DescribeSecurityGroups", "GroupName.1=far", "InvalidGroup.NotFound: The security group 'far' does not exist in default VPC '"+w.defaultVPC()+"'")
	w.refuse("DescribeSecurityGroups", filter("group-colour", "x"), "InvalidParameterValue: The filter 'group-colour' is invalid")
	w.refuse("DescribeSecurityGroups", filter("vpc-id", "10.0.0.0/16"), "InvalidParameterValue: vpc-id")
	w.refuse("DescribeSecurityGroups", filter("vpc-id", lab+",vpc-xyz"), "InvalidParameterValue: vpc-id")
	w.refuse("DescribeSecurityGroups", "DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	other := w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"})
	if got := do[ec2.DescribeSecurityGroupsOutput](other, "DescribeSecurityGroups", "").SecurityGroups; len(got) != 1 || *got[0].OwnerId != "999999999999" {
		t.Errorf("another account sees %+v", got)
	}
	other.refuse("DescribeSecurityGroups", "GroupId.1="+web, "InvalidGroup.NotFound: The security group '"+web+"' does not exist")
}

func TestWithoutADefaultVPC(t *testing.T) {
	w := newWorld(t)
	home := w.defaultVPC()
	w.emptyDefaultVPC()
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+home)
	w.refuse("CreateSecurityGroup", "GroupName=web&GroupDescription=d", "VPCIdNotSpecified: No default VPC for this user")
	w.refuse("DescribeSecurityGroups", "GroupName.1=web", "InvalidGroup.NotFound: The security group 'web' does not exist in default VPC 'none'")
	if got := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "").Vpcs; len(got) != 0 || got == nil {
		t.Errorf("the default VPC came back: %+v", got)
	}
	web := w.group("web", w.vpc("10.0.0.0/16"))
	w.refuse("RevokeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 80 10.0.0.0/8"), "InvalidPermission.NotFound: The specified rule does not exist in this security group.")
}

// The default VPC that a reader sees is the one that the first write stores.
func TestTheDefaultVPCIsStable(t *testing.T) {
	w := newWorld(t)
	before := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "").Vpcs
	def := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "").SecurityGroups
	if len(before) != 1 || len(def) != 1 {
		t.Fatalf("there are %d VPCs and %d groups", len(before), len(def))
	}
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", "GroupId="+*def[0].GroupId+"&"+permissions("tcp 80 80 0.0.0.0/0"))
	if got, want := w.shown(*def[0].GroupId, false), "-1 - - 111122223333/"+*def[0].GroupId+"\ntcp 80 80 0.0.0.0/0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if w.defaultVPC() != *before[0].VpcId {
		t.Error("the default VPC has another id")
	}
}
