package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
)

// associations are those that the filters choose: "group/vpc state".
func (w *world) associations(form string) (found []string) {
	w.Helper()
	for _, a := range do[ec2.DescribeSecurityGroupVpcAssociationsOutput](w, "DescribeSecurityGroupVpcAssociations", form).SecurityGroupVpcAssociations {
		found = append(found, *a.GroupId+"/"+*a.VpcId+" "+a.State)
	}
	return found
}

// groupsFor are the names of the groups for the VPC, and where they are at home if that is elsewhere.
func (w *world) groupsFor(vpcID, form string) string {
	w.Helper()
	var names []string
	for _, g := range do[ec2.GetSecurityGroupsForVpcOutput](w, "GetSecurityGroupsForVpc", "VpcId="+vpcID+form).SecurityGroupForVpcs {
		name := *g.GroupName
		if *g.PrimaryVpcId != vpcID {
			name += "(" + *g.PrimaryVpcId + ")"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// filter writes filters: the name of each, and its values with commas between them.
func filter(nameValues ...string) (form string) {
	for i := 0; i < len(nameValues); i += 2 {
		form += fmt.Sprintf("&Filter.%d.Name=%s", i/2+1, nameValues[i])
		for j, v := range strings.Split(nameValues[i+1], ",") {
			form += fmt.Sprintf("&Filter.%d.Value.%d=%s", i/2+1, j+1, v)
		}
	}
	return form
}

func TestAssociateAGroupWithAnotherVPC(t *testing.T) {
	w := newWorld(t)
	a := w.vpc("10.0.0.0/16")
	b, subnet, own := w.testVPC("10.1.0.0/16", "10.1.0.0/24")
	web := w.group("web", a)
	pair := "GroupId=" + web + "&VpcId=" + b
	launch := "MinCount=1&MaxCount=1&ImageId=" + testImage + "&SubnetId=" + subnet + "&SecurityGroupId.1=" + web
	w.refuse("RunInstances", launch, "InvalidParameter: Security group "+web+" and subnet "+subnet+" belong to different networks.")
	if out := do[ec2.AssociateSecurityGroupVpcOutput](w, "AssociateSecurityGroupVpc", pair); out.State != "associating" {
		t.Errorf("answered %+v", out)
	}
	if got, want := strings.Join(w.associations(""), " "), web+"/"+b+" associated"; got != want {
		t.Errorf("associations are %s, want %s", got, want)
	}
	if got, want := w.groupsFor(b, ""), "default web("+a+")"; got != want {
		t.Errorf("for the VPC: %s, want %s", got, want)
	}
	if got, want := w.groupsFor(a, ""), "default web"; got != want {
		t.Errorf("for its own VPC: %s, want %s", got, want)
	}

	i := w.launch("SubnetId=" + subnet + "&SecurityGroupId.1=" + web)
	inUse := "DependencyViolation: resource " + web + " has a dependent object"
	w.refuse("DisassociateSecurityGroupVpc", pair, inUse)
	eni := "NetworkInterfaceId=" + *i.NetworkInterfaces[0].NetworkInterfaceId
	do[ec2.ModifyNetworkInterfaceAttributeOutput](w, "ModifyNetworkInterfaceAttribute", eni+"&SecurityGroupId.1="+own)
	w.refuse("DeleteSecurityGroup", "GroupId="+web, inUse)
	do[ec2.ModifyNetworkInterfaceAttributeOutput](w, "ModifyNetworkInterfaceAttribute", eni+"&SecurityGroupId.1="+own+"&SecurityGroupId.2="+web)
	w.refuse("DisassociateSecurityGroupVpc", pair, inUse)
	do[ec2.ModifyInstanceAttributeOutput](w, "ModifyInstanceAttribute", "InstanceId="+*i.InstanceId+"&GroupId.1="+own)

	if out := do[ec2.DisassociateSecurityGroupVpcOutput](w, "DisassociateSecurityGroupVpc", pair); out.State != "disassociating" {
		t.Errorf("answered %+v", out)
	}
	if got := w.associations(""); got != nil {
		t.Errorf("associations are %v", got)
	}
	w.refuse("ModifyNetworkInterfaceAttribute", eni+"&SecurityGroupId.1="+web, otherNetworks)
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+web)
}

func TestAssociateRefuses(t *testing.T) {
	w := newWorld(t)
	a, b, home := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16"), w.defaultVPC()
	web, local := w.group("web", a), w.group("local", home)
	def := *do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", filter("vpc-id", a, "group-name", "default")).SecurityGroups[0].GroupId
	do[ec2.AssociateSecurityGroupVpcOutput](w, "AssociateSecurityGroupVpc", "GroupId="+web+"&VpcId="+b)
	var foreign string
	w.in(testFriend, func() { foreign = w.vpc("10.2.0.0/16") })
	for _, c := range []struct{ sentence, form, want string }{
		{"no group", "VpcId=" + b, "MissingParameter: The request must contain the parameter GroupId"},
		{"no VPC", "GroupId=" + web, "MissingParameter: The request must contain the parameter VpcId"},
		{"an unknown group", "GroupId=sg-00000000&VpcId=" + b, "InvalidGroup.NotFound: The security group 'sg-00000000' does not exist"},
		{"what is no group", "GroupId=web&VpcId=" + b, `InvalidGroupId.Malformed: Invalid id: "web" (expecting "sg-...")`},
		{"an unknown VPC", "GroupId=" + web + "&VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"another account's VPC", "GroupId=" + web + "&VpcId=" + foreign, "InvalidVpcID.NotFound: The vpc ID '" + foreign + "' does not exist"},
		{"a default group", "GroupId=" + def + "&VpcId=" + b, "InvalidParameterValue: Value (" + def + ") for parameter groupId is invalid. A default security group cannot be associated with another VPC."},
		{"a group of the default VPC", "GroupId=" + local + "&VpcId=" + b, "InvalidParameterValue: Value (" + local + ") for parameter groupId is invalid. A security group of the default VPC cannot be associated with another VPC."},
		{"the default VPC", "GroupId=" + web + "&VpcId=" + home, "InvalidParameterValue: Value (" + home + ") for parameter vpcId is invalid. A security group cannot be associated with the default VPC."},
		{"its own VPC", "GroupId=" + web + "&VpcId=" + a, "Resource.AlreadyAssociated: resource " + web + " is already associated with network " + a},
		{"the same again", "GroupId=" + web + "&VpcId=" + b, "Resource.AlreadyAssociated: resource " + web + " is already associated with network " + b},
		{"what would have succeeded", "GroupId=" + web + "&VpcId=" + w.vpc("10.3.0.0/16") + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run(c.sentence, func(t *testing.T) { w.T = t; w.refuse("AssociateSecurityGroupVpc", c.form, c.want) })
	}
	w.T = t
	for _, id := range []string{a, home} {
		w.refuse("DisassociateSecurityGroupVpc", "GroupId="+web+"&VpcId="+id, "InvalidSecurityGroupVpcAssociation.NotFound: The security group '"+web+"' is not associated with the VPC '"+id+"'")
	}
	w.refuse("DisassociateSecurityGroupVpc", "GroupId="+web+"&VpcId="+b+"&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	w.refuse("DeleteVpc", "VpcId="+b, "DependencyViolation: The vpc '"+b+"' has dependencies and cannot be deleted.")
}

func TestDescribeAssociations(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	w.refuse("DescribeSecurityGroupVpcAssociations", filter("state-reason", "x"), "InvalidParameterValue: The filter 'state-reason' is invalid")
	w.refuse("DescribeSecurityGroupVpcAssociations", "MaxResults=1001", "InvalidParameterValue: Value ( 1001 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 1000.")
	var groups []string
	for i := range 6 {
		groups = append(groups, w.group(fmt.Sprint("g", i), a))
		do[ec2.AssociateSecurityGroupVpcOutput](w, "AssociateSecurityGroupVpc", "GroupId="+groups[i]+"&VpcId="+b)
	}
	for _, c := range []struct {
		form string
		want int
	}{
		{filter("group-id", groups[1]+","+groups[2]), 2},
		{filter("group-owner-id", testScope.Account), 6},
		{filter("group-owner-id", testFriend.Account), 0},
		{filter("vpc-owner-id", testScope.Account), 6},
		{filter("vpc-id", b), 6},
		{filter("vpc-id", a), 0},
		{filter("state", "associat*"), 6},
		{filter("state", "disassociated"), 0},
		{"&MaxResults=5", 5},
	} {
		if got := len(w.associations(c.form[1:])); got != c.want {
			t.Errorf("%s: %d, want %d", c.form, got, c.want)
		}
	}
	w.in(testFriend, func() {
		if got := w.associations(""); got != nil {
			t.Errorf("another account sees %v", got)
		}
	})
}

func TestGetSecurityGroupsForVpc(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	web := w.group("web", a)
	w.group("db", b)
	do[ec2.AssociateSecurityGroupVpcOutput](w, "AssociateSecurityGroupVpc", "GroupId="+web+"&VpcId="+b)
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+web+"&Tag.1.Key=team&Tag.1.Value=blue")
	for _, c := range []struct{ form, want string }{
		{"", "db default web(" + a + ")"},
		{filter("group-name", "d*"), "db default"},
		{filter("group-id", web), "web(" + a + ")"},
		{filter("description", "of+a+test"), "db web(" + a + ")"},
		{filter("owner-id", testScope.Account, "primary-vpc-id", b), "db default"},
		{filter("primary-vpc-id", a), "web(" + a + ")"},
		{filter("owner-id", "x"), ""},
	} {
		if got := w.groupsFor(b, c.form); got != c.want {
			t.Errorf("%s: got %s, want %s", c.form, got, c.want)
		}
	}
	out := do[ec2.GetSecurityGroupsForVpcOutput](w, "GetSecurityGroupsForVpc", "VpcId="+b+filter("group-id", web)).SecurityGroupForVpcs[0]
	if got := text(*out.OwnerId, *out.Description, *out.Tags[0].Key); got != text(testScope.Account, "of a test", "team") {
		t.Errorf("shows\n%s", got)
	}
	w.refuse("GetSecurityGroupsForVpc", "", "MissingParameter: The request must contain the parameter VpcId")
	w.refuse("GetSecurityGroupsForVpc", "VpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist")
	w.refuse("GetSecurityGroupsForVpc", "VpcId="+b+filter("tag:team", "blue"), "InvalidParameterValue: The filter 'tag:team' is invalid")
	w.refuse("GetSecurityGroupsForVpc", "VpcId="+b+"&MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 5.")
}

func TestAssociationsLetGroupsReferToOneAnother(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	web, db, far := w.group("web", a), w.group("db", b), w.group("far", w.vpc("10.2.0.0/16"))
	w.refuse("AuthorizeSecurityGroupIngress", from(web, db), otherNetworks)
	pair := "GroupId=" + web + "&VpcId=" + b
	do[ec2.AssociateSecurityGroupVpcOutput](w, "AssociateSecurityGroupVpc", pair)
	w.authorize("Ingress", web, "tcp 80 80 "+db) // a group of a VPC with which it is associated
	w.authorize("Ingress", db, "tcp 80 80 "+web) // and the other way round
	w.refuse("AuthorizeSecurityGroupIngress", from(web, far), otherNetworks)
	do[ec2.AssociateSecurityGroupVpcOutput](w, "AssociateSecurityGroupVpc", "GroupId="+far+"&VpcId="+b)
	w.authorize("Ingress", web, "tcp 80 80 "+far) // both are associated with a third VPC
	if got, want := w.references(db), "111122223333/"+web+" "+a; got != want {
		t.Errorf("shows %s, want %s", got, want)
	}
	if got := w.staleIn(a) + w.staleIn(b); got != "" {
		t.Errorf("stale: %s", got)
	}
	do[ec2.DisassociateSecurityGroupVpcOutput](w, "DisassociateSecurityGroupVpc", pair)
	if got, want := w.staleIn(b), "db: in tcp "+web; got != want {
		t.Errorf("stale: %s, want %s", got, want)
	}
	if got := w.staleIn(a); got != "web: in tcp "+db+" "+far {
		t.Errorf("stale: %s", got)
	}
}
