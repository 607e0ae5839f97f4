package api

import (
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

const otherNetworks = "InvalidGroup.NotFound: You have specified two resources that belong to different networks."

var testFriend = vpc.Scope{Account: "999988887777", Region: "us-east-1"}

// in does something as somebody else, to the same cell.
func (w *world) in(scope vpc.Scope, do func()) {
	was := w.scope
	w.scope = scope
	do()
	w.scope = was
}

// peering stores a peering connection between two VPCs.
func (w *world) peering(id, status string, requester, accepter string) string {
	w.Helper()
	w.edit(func(e *vpc.Edit) {
		side := func(id string) vpc.PeeringSide { return vpc.PeeringSide{Scope: e.VPCs.Get(id).Scope, VPC: id} }
		e.Peerings.Put(&vpc.Peering{ID: id, Scope: side(requester).Scope, Requester: side(requester), Accepter: side(accepter), Status: status})
	})
	return id
}

// from is a request to let everything into the group from the other one.
func from(group, other string, members ...string) string {
	form := "GroupId=" + group + "&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1.GroupId=" + other
	for _, m := range members {
		form += "&IpPermissions.1.Groups.1." + m
	}
	return form
}

// references are the groups that the group's inbound rules name, in both views of them:
// "account/group vpc connection status".
func (w *world) references(group string) string {
	w.Helper()
	show := func(parts ...*string) string {
		var words []string
		for _, p := range parts {
			words = append(words, value(p))
		}
		return strings.TrimSpace(strings.Join(words, " "))
	}
	var permissions, rules []string
	for _, p := range do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "GroupId.1="+group).SecurityGroups[0].IpPermissions {
		for _, g := range p.UserIdGroupPairs {
			permissions = append(permissions, show(new(value(g.UserId)+"/"+*g.GroupId), g.VpcId, g.VpcPeeringConnectionId, g.PeeringStatus))
		}
	}
	for _, r := range do[ec2.DescribeSecurityGroupRulesOutput](w, "DescribeSecurityGroupRules", "Filter.1.Name=group-id&Filter.1.Value.1="+group).SecurityGroupRules {
		if g := r.ReferencedGroupInfo; g != nil && !*r.IsEgress {
			rules = append(rules, show(new(value(g.UserId)+"/"+*g.GroupId), g.VpcId, g.VpcPeeringConnectionId, g.PeeringStatus))
		}
	}
	one, other := strings.Join(permissions, "\n"), strings.Join(rules, "\n")
	if one != other {
		w.Errorf("the permissions name\n%s\nand the rules\n%s", one, other)
	}
	return one
}

// staleIn are the groups of the VPC with stale rules: "name: in group…, out group…".
func (w *world) staleIn(vpcID string) string {
	w.Helper()
	var lines []string
	for _, g := range do[ec2.DescribeStaleSecurityGroupsOutput](w, "DescribeStaleSecurityGroups", "VpcId="+vpcID).StaleSecurityGroupSet {
		line := *g.GroupName + ":"
		for direction, list := range map[string][]ec2.StaleIpPermission{" in ": g.StaleIpPermissions, " out ": g.StaleIpPermissionsEgress} {
			for _, p := range list {
				if p.IpRanges == nil || p.PrefixListIds == nil {
					w.Errorf("an empty list is missing: %+v", p)
				}
				line += direction + *p.IpProtocol + " " + strings.Join(each(p.UserIdGroupPairs, func(g *ec2.UserIdGroupPair) *string { return g.GroupId }), " ")
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestReferencesAcrossAPeering(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	web, db := w.group("web", a), w.group("db", b)
	for _, status := range []string{"pending-acceptance", "provisioning", "deleted", "expired"} {
		w.peering("pcx-00000001", status, a, b)
		w.refuse("AuthorizeSecurityGroupIngress", from(web, db), otherNetworks)
	}
	w.peering("pcx-00000001", "active", a, b)
	w.peering("pcx-00000002", "active", a, w.vpc("10.2.0.0/16"))
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db, "VpcId="+a), otherNetworks)
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db, "VpcPeeringConnectionId=pcx-00000002"), otherNetworks)
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db, "VpcPeeringConnectionId=pcx-00000003"), "InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID 'pcx-00000003' does not exist")
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db, "VpcPeeringConnectionId=pcx"), `InvalidVpcPeeringConnectionId.Malformed: Invalid id: "pcx" (expecting "pcx-...")`)
	w.refuse("AuthorizeSecurityGroupIngress", from(web, web, "VpcPeeringConnectionId=pcx-00000001"), otherNetworks)
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", from(web, db, "VpcId="+b, "VpcPeeringConnectionId=pcx-00000001", "UserId="+testScope.Account))
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", from(db, web)) // the other way round
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db), `InvalidPermission.Duplicate: the specified rule "peer: `+db+`, ALL, ALLOW" already exists`)
	if got, want := w.references(web), "111122223333/"+db+" "+b+" pcx-00000001 active"; got != want {
		t.Errorf("shows %s, want %s", got, want)
	}
	if got := w.staleIn(a); got != "" {
		t.Errorf("stale: %s", got)
	}

	w.peering("pcx-00000001", "deleted", a, b)
	if got, want := w.references(web), "111122223333/"+db+" "+b+" pcx-00000001 deleted"; got != want {
		t.Errorf("without the connection: %s, want %s", got, want)
	}
	if got, want := w.staleIn(a), "web: in -1 "+db; got != want {
		t.Errorf("stale: %s, want %s", got, want)
	}
	w.edit(func(e *vpc.Edit) { e.Peerings.Delete("pcx-00000001") })
	if got, want := w.references(web), "111122223333/"+db+" "+b+" pcx-00000001 deleted"; got != want {
		t.Errorf("when nobody knows of the connection any more: %s, want %s", got, want)
	}
	w.peering("pcx-00000004", "active", b, a)
	if got, want := w.references(web), "111122223333/"+db+" "+b+" pcx-00000004 active"; got != want || w.staleIn(a) != "" {
		t.Errorf("with another connection: %s, want %s; stale: %s", got, want, w.staleIn(a))
	}
}

func TestADeletedGroupOfAPeerLeavesStaleRules(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	web, db := w.group("web", a), w.group("db", b)
	w.peering("pcx-00000001", "active", a, b)
	w.authorize("Ingress", web, "tcp 80 80 "+db+";icmp -1 -1 10.0.0.0/8")
	w.authorize("Egress", web, "-1 - - "+db+","+web)
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+db)
	if got, want := w.references(web), "/"+db+" "+b+" pcx-00000001 active"; got != want {
		t.Errorf("shows %s, want %s", got, want)
	}
	if got := w.staleIn(a); got != "web: in tcp "+db+" out -1 "+db && got != "web: out -1 "+db+" in tcp "+db {
		t.Errorf("stale: %s", got)
	}
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db), "InvalidGroup.NotFound: The security group '"+db+"' does not exist")
	do[ec2.UpdateSecurityGroupRuleDescriptionsIngressOutput](w, "UpdateSecurityGroupRuleDescriptionsIngress", "GroupId="+web+"&"+permissions("tcp 80 80 "+db)+"&IpPermissions.1.Groups.1.Description=gone")
	out := do[ec2.RevokeSecurityGroupIngressOutput](w, "RevokeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 80 "+db)+
		"&IpPermissions.1.Groups.1.VpcId="+b+"&IpPermissions.1.Groups.1.VpcPeeringConnectionId=pcx-00000001&IpPermissions.1.Groups.1.PeeringStatus=active")
	if r := out.RevokedSecurityGroupRules; len(r) != 1 || *r[0].ReferencedGroupId != db || *r[0].Description != "gone" {
		t.Errorf("revoked %+v", r)
	}
	w.refuse("RevokeSecurityGroupIngress", from(web, "sg-00000000"), "InvalidGroup.NotFound: The security group 'sg-00000000' does not exist")
}

func TestReferencesToAnotherAccountsGroup(t *testing.T) {
	w := newWorld(t)
	a := w.vpc("10.0.0.0/16")
	web := w.group("web", a)
	var b, db, ours string
	w.in(testFriend, func() { b = w.vpc("10.1.0.0/16"); db, ours = w.group("db", b), w.group("ours", b) })
	user := "UserId=" + testFriend.Account
	absent := "InvalidGroup.NotFound: The security group '" + db + "' does not exist"
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db, user), absent)
	w.peering("pcx-00000001", "active", a, b)
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db), absent)
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db, "UserId=000000000000"), absent)
	w.refuse("AuthorizeSecurityGroupIngress", from(web, web, user), "InvalidGroup.NotFound: The security group '"+web+"' does not exist")
	w.refuse("AuthorizeSecurityGroupIngress", from(web, "db", user), `InvalidGroupId.Malformed: Invalid id: "db" (expecting "sg-...")`)
	added := do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", from(web, db, user)).SecurityGroupRules[0]
	if got := text(*added.ReferencedGroupInfo.UserId, *added.GroupOwnerId, *added.ReferencedGroupInfo.PeeringStatus); got != text(testFriend.Account, testScope.Account, "active") {
		t.Errorf("added\n%s", got)
	}
	w.in(testFriend, func() {
		do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", from(db, web, "UserId="+testScope.Account))
		if got, want := w.references(db), testScope.Account+"/"+web+" "+a+" pcx-00000001 active"; got != want {
			t.Errorf("the other side shows %s, want %s", got, want)
		}
		out := do[ec2.DescribeSecurityGroupReferencesOutput](w, "DescribeSecurityGroupReferences", "GroupId.1="+db+"&GroupId.2="+ours)
		if r := out.SecurityGroupReferenceSet; len(r) != 1 || text(*r[0].GroupId, *r[0].ReferencingVpcId, *r[0].VpcPeeringConnectionId) != text(db, a, "pcx-00000001") {
			t.Errorf("referenced from %+v", r)
		}
	})
	do[ec2.ModifySecurityGroupRulesOutput](w, "ModifySecurityGroupRules", "GroupId="+web+"&SecurityGroupRule.1.SecurityGroupRuleId="+*added.SecurityGroupRuleId+
		"&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=-1&SecurityGroupRule.1.SecurityGroupRule.ReferencedGroupId="+ours)
	if got, want := w.references(web), testFriend.Account+"/"+ours+" "+b+" pcx-00000001 active"; got != want {
		t.Errorf("modified to %s, want %s", got, want)
	}
	w.in(testFriend, func() {
		w.refuse("DescribeSecurityGroups", "GroupId.1="+web, "InvalidGroup.NotFound: The security group '"+web+"' does not exist")
	})
	w.refuse("RevokeSecurityGroupIngress", from(web, ours, "UserId="+testScope.Account), "InvalidGroup.NotFound: The security group '"+ours+"' does not exist")
	do[ec2.RevokeSecurityGroupIngressOutput](w, "RevokeSecurityGroupIngress", from(web, ours)) // its rule says whose it is
}

func TestReferencesStayInARegion(t *testing.T) {
	w := newWorld(t)
	a := w.vpc("10.0.0.0/16")
	web := w.group("web", a)
	var b, db string
	w.in(vpc.Scope{Account: testScope.Account, Region: "eu-west-1"}, func() { b = w.vpc("10.1.0.0/16"); db = w.group("db", b) })
	w.peering("pcx-00000001", "active", a, b)
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db), "InvalidGroup.NotFound: The security group '"+db+"' does not exist")
}

func TestDescribeSecurityGroupReferences(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	w.refuse("DescribeSecurityGroupReferences", "", "MissingParameter: The request must contain the parameter GroupId")
	w.refuse("DescribeSecurityGroupReferences", "GroupId.1=sg-00000000", "InvalidGroup.NotFound: The security group 'sg-00000000' does not exist")
	w.refuse("DescribeSecurityGroupReferences", "GroupId.1=web", `InvalidGroupId.Malformed: Invalid id: "web" (expecting "sg-...")`)
	w.refuse("DescribeSecurityGroupReferences", "GroupId.1="+web+"&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	w.authorize("Ingress", w.group("db", ""), "tcp 80 80 "+web) // of the same VPC: not told
	if got := do[ec2.DescribeSecurityGroupReferencesOutput](w, "DescribeSecurityGroupReferences", "GroupId.1="+web).SecurityGroupReferenceSet; got == nil || len(got) != 0 {
		t.Errorf("referenced from %+v", got)
	}
}

func TestDescribeStaleSecurityGroups(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	db := w.group("db", b)
	w.peering("pcx-00000001", "active", a, b)
	for _, name := range strings.Fields("g1 g2 g3 g4 g5 g6") {
		w.authorize("Ingress", w.group(name, a), "tcp 80 80 "+db)
	}
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+db)
	first := do[ec2.DescribeStaleSecurityGroupsOutput](w, "DescribeStaleSecurityGroups", "VpcId="+a+"&MaxResults=5")
	rest := do[ec2.DescribeStaleSecurityGroupsOutput](w, "DescribeStaleSecurityGroups", "VpcId="+a+"&MaxResults=5&NextToken="+*first.NextToken)
	if len(first.StaleSecurityGroupSet) != 5 || len(rest.StaleSecurityGroupSet) != 1 || rest.NextToken != nil {
		t.Errorf("%d on the first page, %d on the second", len(first.StaleSecurityGroupSet), len(rest.StaleSecurityGroupSet))
	}
	if g := first.StaleSecurityGroupSet[0]; *g.VpcId != a || *g.Description != "of a test" || g.StaleIpPermissionsEgress == nil {
		t.Errorf("shows %+v", g)
	}
	for _, c := range []struct{ form, want string }{
		{"", "MissingParameter: The request must contain the parameter VpcId"},
		{"VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"VpcId=" + a + "&MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 5."},
		{"VpcId=" + a + "&MaxResults=256", "InvalidParameterValue: Value ( 256 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 255."},
		{"VpcId=" + a + "&NextToken=x", "InvalidParameterValue: Value ( x ) for parameter NextToken is invalid. The token is invalid."},
		{"VpcId=" + a + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		w.refuse("DescribeStaleSecurityGroups", c.form, c.want)
	}
}
