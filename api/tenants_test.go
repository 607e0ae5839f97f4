package api

import (
	"regexp"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// What another account has is asked about as what nobody has: a refusal tells its id, its account, its tags
// and its VPC, and a condition on them would tell too.
func TestWhatOthersHaveIsNotAskedAbout(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	w.in(testFriend, func() {
		do[ec2.CreateKeyPairOutput](w, "CreateKeyPair", "KeyName=theirs&KeyType=ed25519")
		v, subnet, _ := w.testVPC("10.5.0.0/16", "10.5.1.0/24")
		i := w.run("SubnetId=" + w.defaultSubnet("us-east-1a") + "&IamInstanceProfile.Name=p")
		id, _ := w.allocate()
		w.associate("AllocationId=" + id + "&InstanceId=" + *i.InstanceId)
		table := w.routeTable(v)
		do[ec2.AssociateRouteTableOutput](w, "AssociateRouteTable", "RouteTableId="+table+"&SubnetId="+subnet)
		face := *w.newFace("SubnetId=" + subnet).NetworkInterfaceId
		do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", "NetworkInterfaceId="+face+"&AwsAccountId=444455556666&Permission=INSTANCE-ATTACH")
		do[ec2.CreateVpcPeeringConnectionOutput](w, "CreateVpcPeeringConnection", "VpcId="+v+"&PeerVpcId="+w.state.As(w.scope).DefaultVPC().ID)
		w.endpoint("ServiceName=com.amazonaws.us-east-1.s3&VpcId=" + v)
		w.template("theirs", "InstanceType=t3.micro")
		for c := range w.state.Objects() {
			if kind := resourceTypes[vpc.IDPrefix(c.Key)]; kind != "" && kind != "prefix-list" {
				w.tag(c.Key, "secret")
			}
		}
	})
	found := 0
	for c := range w.state.Objects() {
		for _, id := range regexp.MustCompile(`"[a-z-]+-[0-9a-f]{17}"`).FindAllString(string(c.Value), -1) {
			id = id[1 : len(id)-1]
			if vpc.IDPrefix(id) == "ami" { // Amazon's
				continue
			}
			a := asking{s: w.state.As(w.scope), action: "CreateTags"}
			if c.Kind == "prefix-list" { // AWS's
				continue
			}
			a.addObject(id)
			for _, r := range a.touched {
				if r.id != id || r.account != w.scope.Account || r.vpc != "" || r.tags != nil {
					t.Errorf("%s is asked about as %+v", id, r)
				}
			}
			found += len(a.touched)
		}
	}
	if found < 50 {
		t.Errorf("only %d are asked about", found)
	}
	for e := range w.state.ElasticIPs.All() {
		a := asking{s: w.state.As(w.scope), action: "ReleaseAddress"}
		if a.add("PublicIp", e.Addr.String()); len(a.touched) > 0 {
			t.Errorf("%s is asked about as %+v", e.Addr, a.touched)
		}
	}
}

// Both sides of a peering connection are asked about their own tags, account and VPC.
func TestAPeeringIsAskedAboutAsItsSideSeesIt(t *testing.T) {
	w := newWorld(t)
	mine := w.vpc("10.1.0.0/16")
	w.in(testFriend, func() {
		theirs := w.vpc("10.2.0.0/16")
		w.peering("pcx-00000001", "pending-acceptance", mine, theirs)
		w.tag("pcx-00000001", "theirs")
		const is = "arn:aws:ec2:us-east-1:999988887777:"
		want := "ec2:AcceptVpcPeeringConnection " + is + "vpc-peering-connection/pcx-00000001 aws:ResourceTag/side=theirs ec2:ResourceTag/side=theirs ec2:Vpc=" + is + "vpc/" + theirs +
			"\nec2:AcceptVpcPeeringConnection " + is + "vpc/" + theirs
		if got := w.asks("AcceptVpcPeeringConnection", "VpcPeeringConnectionId=pcx-00000001"); got != want {
			t.Errorf("asks\n%s\nwant\n%s", got, want)
		}
	})
	w.tag("pcx-00000001", "mine")
	want := "ec2:DeleteVpcPeeringConnection vpc-peering-connection/pcx-00000001 aws:ResourceTag/side=mine ec2:ResourceTag/side=mine ec2:Vpc=vpc/" + mine
	if got := w.asks("DeleteVpcPeeringConnection", "VpcPeeringConnectionId=pcx-00000001"); got != want {
		t.Errorf("asks\n%s\nwant\n%s", got, want)
	}
	other := w.vpc("10.3.0.0/16") // both sides are the account's
	w.peering("pcx-00000002", "active", mine, other)
	const inVPC = "ec2:DeleteVpcPeeringConnection vpc-peering-connection/pcx-00000002 ec2:Vpc=vpc/"
	if got, want := w.asks("DeleteVpcPeeringConnection", "VpcPeeringConnectionId=pcx-00000002"), inVPC+mine+"\n"+inVPC+other; got != want {
		t.Errorf("asks\n%s\nwant\n%s", got, want)
	}
}

// What a launch makes is asked about with the VPC in which it is, whichever VPC its groups are of.
func TestWhatIsMadeIsAskedAboutWithItsVPC(t *testing.T) {
	w := newWorld(t)
	v, subnet, _ := w.testVPC("10.1.0.0/16", "10.1.1.0/24")
	_, _, _ = w.testVPC("10.2.0.0/16", "10.2.1.0/24")
	other := w.vpc("10.3.0.0/16")
	group := *do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", "GroupName=g&GroupDescription=d&VpcId="+other).GroupId
	do[ec2.AssociateSecurityGroupVpcOutput](w, "AssociateSecurityGroupVpc", "GroupId="+group+"&VpcId="+v)
	for action, form := range map[string]string{
		"RunInstances":           "ImageId=" + testImage + "&MinCount=1&MaxCount=1&KernelId=" + other + "&SecurityGroupId.1=" + group + "&SubnetId=" + subnet,
		"CreateNetworkInterface": "SecurityGroupId.1=" + group + "&SubnetId=" + subnet,
		"CreateVpcEndpoint":      "SecurityGroupId.1=" + group + "&SubnetId.1=" + subnet + "&VpcEndpointType=Interface&ServiceName=com.amazonaws.us-east-1.ec2&VpcId=" + v,
	} {
		o, _ := Lookup(action)
		in, err := o.Decode(parseForm(form))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, q := range o.Asks(w.state.As(w.scope), in) {
			if q.Resource[len(q.Resource)-1] != '*' {
				continue
			}
			found++
			if where := arn(w.scope, "vpc", v); len(q.Keys["ec2:Vpc"]) != 1 || q.Keys["ec2:Vpc"][0] != where {
				t.Errorf("%s asks about %s in %v, want %s", action, q.Resource, q.Keys["ec2:Vpc"], where)
			}
		}
		if found == 0 {
			t.Errorf("%s does not ask about what it makes", action)
		}
	}
}

// What a call falls back to, what gives way, and what an id of something else leads to is asked about.
func TestWhatIsNotNamedIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	i := w.run("SubnetId=" + w.defaultSubnet("us-east-1a"))
	own := *i.NetworkInterfaces[0].NetworkInterfaceId
	s := w.state.As(w.scope)
	v := s.DefaultVPC().ID
	group, subnet, gateway := s.DefaultGroup(v).ID, w.defaultSubnet("us-east-1a"), s.InternetGateways.First("vpc", v).ID
	face := *w.newFace("SubnetId=" + subnet).NetworkInterfaceId
	permission := *do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", "NetworkInterfaceId="+face+"&AwsAccountId=444455556666&Permission=INSTANCE-ATTACH").InterfacePermission.NetworkInterfacePermissionId
	table := w.routeTable(v)
	edge := *do[ec2.AssociateRouteTableOutput](w, "AssociateRouteTable", "RouteTableId="+table+"&GatewayId="+gateway).AssociationId
	had, _ := w.allocate()
	w.associate("AllocationId=" + had + "&NetworkInterfaceId=" + face)
	free, _ := w.allocate()
	n := s.Subnets.Get(subnet)
	volume := w.state.Volumes.First("instance", *i.InstanceId)
	do[ec2.AssignPrivateIpAddressesOutput](w, "AssignPrivateIpAddresses", "NetworkInterfaceId="+own+"&PrivateIpAddress.1=172.31.0.99")
	for _, c := range []struct{ action, form, asked string }{
		{"CreateNetworkInterface", "SubnetId=" + subnet, "security-group/" + group},
		{"CreateVpcEndpoint", "VpcEndpointType=Interface&ServiceName=com.amazonaws.us-east-1.ec2&SubnetId.1=" + subnet + "&VpcId=" + v, "security-group/" + group},
		{"CreateDefaultSubnet", "AvailabilityZone=us-east-1a", "vpc/" + v},
		{"CreateDefaultSubnet", "AvailabilityZone=us-east-1a", "subnet/* ec2:Vpc=vpc/" + v},
		{"DeleteNetworkInterfacePermission", "NetworkInterfacePermissionId=" + permission, "network-interface/" + face},
		{"CreateNetworkInsightsPath", "ClientToken=a&Protocol=tcp&Destination=" + own + "&Source=" + arn(w.scope, "internet-gateway", gateway), "internet-gateway/" + gateway},
		{"DisassociateRouteTable", "AssociationId=" + edge, "internet-gateway/" + gateway},
		{"ReplaceRouteTableAssociation", "AssociationId=" + edge + "&RouteTableId=" + table, "internet-gateway/" + gateway},
		{"AssociateAddress", "AllocationId=" + free + "&NetworkInterfaceId=" + face, "elastic-ip/" + had},
		{"AssociateAddress", "AllocationId=" + had + "&NetworkInterfaceId=" + own, "network-interface/" + face},
		{"AssociateAddress", "AllocationId=" + free + "&InstanceId=" + *i.InstanceId, "network-interface/" + own},
		{"ModifyInstanceAttribute", "SourceDestCheck.Value=false&InstanceId=" + *i.InstanceId, "network-interface/" + own},
		{"ModifyInstanceAttribute", "Attribute=sourceDestCheck&Value=false&InstanceId=" + *i.InstanceId, "network-interface/" + own},
		{"ModifyInstanceAttribute", "GroupId.1=" + group + "&InstanceId=" + *i.InstanceId, "network-interface/" + own},
		{"ModifyInstanceAttribute", "BlockDeviceMapping.1.DeviceName=" + volume.Device + "&BlockDeviceMapping.1.Ebs.DeleteOnTermination=false&InstanceId=" + *i.InstanceId, "volume/" + volume.ID},
		{"ReplaceNetworkAclAssociation", "AssociationId=" + n.ACLAssoc + "&NetworkAclId=acl-00000000", "network-acl/" + n.ACL},
		{"AssignPrivateIpAddresses", "AllowReassignment=true&NetworkInterfaceId=" + face + "&PrivateIpAddress.1=172.31.0.99", "network-interface/" + own},
	} {
		asks := "\n" + w.asks(c.action, c.form) + "\n"
		if want := "\nec2:" + c.action + " " + c.asked; !strings.Contains(asks, want+" ") && !strings.Contains(asks, want+"\n") {
			t.Errorf("%s %s asks%swhich lacks%s", c.action, c.form, asks, want)
		}
	}
}

// Of another account's group nothing shows but to a peer: neither whether it is there nor its name.
func TestGroupsOfOthersAreSeenByPeersOnly(t *testing.T) {
	w := newWorld(t)
	a := w.vpc("10.1.0.0/16")
	web := w.group("web", a)
	var b, secret string
	w.in(testFriend, func() {
		b = w.vpc("10.2.0.0/16")
		secret = w.group("secret", b)
	})
	user := "UserId=" + testFriend.Account
	for _, id := range []string{secret, "sg-00000000"} {
		w.refuse("AuthorizeSecurityGroupIngress", from(web, id, user), "InvalidGroup.NotFound: The security group '"+id+"' does not exist")
	}
	w.peering("pcx-00000001", "active", a, b)
	do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", from(web, secret, user))
	named := "Filter.1.Name=ip-permission.group-name&Filter.1.Value.1="
	if n := len(do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", named+"s*").SecurityGroups); n > 0 {
		t.Error("a filter tells the name")
	}
	w.peering("pcx-00000001", "deleted", a, b)
	before := w.references(web)
	w.in(testFriend, func() { do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+secret) })
	if after := w.references(web); after != before {
		t.Errorf("when the group is deleted, %s becomes %s", before, after)
	}
}

// Who may associate Elastic IPs with another account's interface displaces none of the owner's; and the owner may
// end the association.
func TestAPermissionToAssociateDisplacesNothing(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	face := *w.newFace("SubnetId=" + w.defaultSubnet("us-east-1a")).NetworkInterfaceId
	do[ec2.CreateNetworkInterfacePermissionOutput](w, "CreateNetworkInterfacePermission", "NetworkInterfaceId="+face+"&AwsAccountId="+testFriend.Account+"&Permission=EIP-ASSOCIATE")
	mine, _ := w.allocate()
	form := "NetworkInterfaceId=" + face + "&AllocationId="
	association := w.associate(form + mine)
	var theirs, granted string
	w.in(testFriend, func() {
		theirs, _ = w.allocate()
		w.refuse("AssociateAddress", form+theirs, "Resource.AlreadyAssociated: resource "+face+" is already associated with associate-id "+association)
		w.refuse("DisassociateAddress", "AssociationId="+association, "InvalidAssociationID.NotFound: The association ID '"+association+"' does not exist")
	})
	do[ec2.DisassociateAddressOutput](w, "DisassociateAddress", "AssociationId="+association)
	w.in(testFriend, func() { granted = w.associate(form + theirs) })
	if got, want := w.asks("DisassociateAddress", "AssociationId="+granted), "ec2:DisassociateAddress network-interface/"+face; !strings.HasPrefix(got, want) {
		t.Errorf("asks %s, want %s", got, want)
	}
	do[ec2.DisassociateAddressOutput](w, "DisassociateAddress", "AssociationId="+granted)
	if e := w.state.ElasticIPs.Get(theirs); e.Association != "" {
		t.Errorf("it is still %+v", e)
	}
}
