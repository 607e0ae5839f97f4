package api

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// asks are the questions that a call asks a policy, one line each: action, resource without the account,
// and the keys that not every call has.
func (w *world) asks(action, form string) string {
	w.Helper()
	values, err := url.ParseQuery(form)
	if err != nil {
		w.Fatal(err)
	}
	o, ok := Lookup(action)
	if !ok {
		w.Fatalf("there is no operation %s", action)
	}
	in, err := o.Decode(values)
	if err != nil {
		w.Fatalf("%s %s: %v", action, form, err)
	}
	var lines []string
	for _, r := range o.Asks(w.state.As(w.scope), in) {
		line := r.Action + " " + strings.TrimPrefix(r.Resource, "arn:aws:ec2:us-east-1:111122223333:")
		for _, key := range slices.Sorted(maps.Keys(r.Keys)) {
			if key != "ec2:Region" && key != "aws:RequestedRegion" {
				line += fmt.Sprintf(" %s=%s", key, strings.ReplaceAll(strings.Join(r.Keys[key], ","), "arn:aws:ec2:us-east-1:111122223333:", ""))
			} else if r.Keys[key][0] != "us-east-1" {
				w.Errorf("%s is %s", key, r.Keys[key])
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestWhatACallTouches(t *testing.T) {
	w := newWorld(t)
	web := do[ec2.CreateSecurityGroupOutput](w, "CreateSecurityGroup", "GroupName=web&GroupDescription=d&TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=Team&TagSpecification.1.Tag.1.Value=red")
	do[ec2.CreateKeyPairOutput](w, "CreateKeyPair", "KeyName=mine")
	s := w.state.As(w.scope)
	v := s.DefaultVPC().ID
	var subnet *vpc.Subnet
	for n := range s.Subnets.By("vpc", v) {
		if n.Zone == "us-east-1a" {
			subnet = n
		}
	}
	sg := *web.GroupId
	other := s.DefaultGroup(v).ID
	rule := s.SecurityGroups.Get(sg).Rules[0].ID
	const red = " aws:ResourceTag/Team=red"
	inVPC := " ec2:Vpc=vpc/" + v
	launch := "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=1"
	for _, tt := range []struct{ action, form, want string }{
		{"DescribeVpcs", "VpcId.1=" + v, "ec2:DescribeVpcs *"},
		{"DescribeSecurityGroups", "", "ec2:DescribeSecurityGroups *"},
		{"GetConsoleOutput", "InstanceId=i-0123456789abcdef0", "ec2:GetConsoleOutput instance/i-0123456789abcdef0"},
		{"DeleteVpc", "VpcId=" + v, "ec2:DeleteVpc vpc/" + v},
		{"DeleteVpc", "VpcId=x", "ec2:DeleteVpc *"},
		{"DeleteVpc", "VpcId=vpc-00000000", "ec2:DeleteVpc vpc/vpc-00000000"},
		{"CreateVpc", "CidrBlock=10.0.0.0/16", "ec2:CreateVpc vpc/*"},
		{"CreateVpc", "CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b",
			"ec2:CreateVpc vpc/* aws:RequestTag/a=b aws:TagKeys=a\nec2:CreateTags vpc/* aws:RequestTag/a=b aws:TagKeys=a ec2:CreateAction=CreateVpc"},
		{"CreateSubnet", "CidrBlock=172.31.128.0/20&VpcId=" + v, "ec2:CreateSubnet subnet/*" + inVPC + "\nec2:CreateSubnet vpc/" + v},
		{"CreateSecurityGroup", "GroupName=web&GroupDescription=d", "ec2:CreateSecurityGroup security-group/*" + inVPC + "\nec2:CreateSecurityGroup vpc/" + v},
		{"DeleteSecurityGroup", "GroupId=" + sg, "ec2:DeleteSecurityGroup security-group/" + sg + red + " ec2:ResourceTag/Team=red" + inVPC},
		{"DeleteSecurityGroup", "GroupName=web", "ec2:DeleteSecurityGroup security-group/" + sg + red + " ec2:ResourceTag/Team=red" + inVPC},
		{"AuthorizeSecurityGroupIngress", "GroupId=" + other + "&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1.GroupId=" + sg, "ec2:AuthorizeSecurityGroupIngress security-group/" + other + inVPC},
		{"RevokeSecurityGroupEgress", "GroupId=" + other + "&SecurityGroupRuleId.1=" + rule, "ec2:RevokeSecurityGroupEgress security-group/" + other + inVPC},
		{"CreateTags", "ResourceId.1=" + sg + "&ResourceId.2=" + rule + "&Tag.1.Key=a&Tag.1.Value=b",
			"ec2:CreateTags security-group/" + sg + " aws:RequestTag/a=b" + red + " aws:TagKeys=a ec2:ResourceTag/Team=red" + inVPC +
				"\nec2:CreateTags security-group-rule/" + rule + " aws:RequestTag/a=b aws:TagKeys=a"},
		{"ModifySubnetAttribute", "SubnetId=" + subnet.ID + "&MapPublicIpOnLaunch.Value=true", "ec2:ModifySubnetAttribute subnet/" + subnet.ID + inVPC},
		{"CreateKeyPair", "KeyName=k&TagSpecification.1.ResourceType=key-pair&TagSpecification.1.Tag.1.Key=a", "ec2:CreateKeyPair key-pair/k aws:RequestTag/a= aws:TagKeys=a\nec2:CreateTags key-pair/k aws:RequestTag/a= aws:TagKeys=a ec2:CreateAction=CreateKeyPair"},
		{"DeleteKeyPair", "KeyName=mine", "ec2:DeleteKeyPair key-pair/mine"},
		{"RunInstances", launch + "&KeyName=mine", "ec2:RunInstances instance/*" + inVPC + "\nec2:RunInstances network-interface/*" + inVPC + "\nec2:RunInstances volume/*" + inVPC +
			"\nec2:RunInstances arn:aws:ec2:us-east-1::image/ami-0123456789abcdef0\nec2:RunInstances key-pair/mine" +
			"\nec2:RunInstances subnet/" + subnet.ID + inVPC + "\nec2:RunInstances security-group/" + other + inVPC},
		{"RunInstances", launch + "&SecurityGroup.1=web&SubnetId=" + subnet.ID, "ec2:RunInstances instance/*" + inVPC + "\nec2:RunInstances network-interface/*" + inVPC + "\nec2:RunInstances volume/*" + inVPC +
			"\nec2:RunInstances arn:aws:ec2:us-east-1::image/ami-0123456789abcdef0\nec2:RunInstances security-group/" + sg + red + " ec2:ResourceTag/Team=red" + inVPC + "\nec2:RunInstances subnet/" + subnet.ID + inVPC},
	} {
		if got := w.asks(tt.action, tt.form); got != tt.want {
			t.Errorf("%s %s asks\n%s\nwant\n%s", tt.action, tt.form, got, tt.want)
		}
	}
}

// What an id of something else stands for is found too: a policy that denies it must not be got around.
func TestIDsThatStandForOthers(t *testing.T) {
	w := newWorld(t)
	do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock=10.0.0.0/16")
	e := w.state.Edit(w.scope, testNow, strings.NewReader(strings.Repeat("0123456789", 100)))
	v := e.NewVPC(netip.MustParsePrefix("10.1.0.0/16"), "default", false)
	n := *e.NewSubnet(v.ID, netip.MustParsePrefix("10.1.0.0/24"), "us-east-1a", false)
	n.IPv6 = []vpc.Block{{AssociationID: "subnet-cidr-assoc-00000001", CIDR: netip.MustParsePrefix("2001:db8::/64")}}
	e.Subnets.Put(&n)
	tied := *e.MainRouteTable(v.ID)
	tied.ID, tied.Associations = "rtb-00000001", []vpc.RouteAssociation{{ID: "rtbassoc-00000001", Subnet: n.ID}}
	e.RouteTables.Put(&tied)
	e.Instances.Put(&vpc.Instance{ID: "i-00000001", Scope: w.scope})
	e.Interfaces.Put(&vpc.Interface{ID: "eni-00000001", Scope: w.scope, Attachment: &vpc.Attachment{ID: "eni-attach-00000001", Instance: "i-00000001"}})
	e.ElasticIPs.Put(&vpc.ElasticIP{ID: "eipalloc-00000001", Scope: w.scope, Addr: netip.MustParsePrefix("198.18.0.4/32").Addr(), Association: "eipassoc-00000001"})
	for id, want := range map[string][]string{
		"rtbassoc-00000001":          {"rtb-00000001", n.ID},
		"eni-attach-00000001":        {"eni-00000001", "i-00000001"},
		"eipassoc-00000001":          {"eipalloc-00000001"},
		"subnet-cidr-assoc-00000001": {n.ID},
		n.ACLAssoc:                   {n.ID, n.ACL},
		v.AssociationID:              {v.ID},
		"vpc-cidr-assoc-00000000":    nil,
		"unicorn-00000001":           nil,
	} {
		a := asking{s: e.State, action: "Any"}
		a.addObject(id)
		var got []string
		for _, r := range a.touched {
			got = append(got, r.id)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s stands for %v, want %v", id, got, want)
		}
	}
	a := asking{s: e.State, action: "ReleaseAddress"}
	a.add("PublicIp", "198.18.0.4")
	if len(a.touched) != 1 || a.touched[0].id != "eipalloc-00000001" {
		t.Errorf("an address stands for %v", a.touched)
	}
}

// A call that asked nothing would need no permission.
func TestEveryOperationAsks(t *testing.T) {
	s := vpc.New().As(testScope)
	for name, o := range operations {
		asks := o.Asks(s, o.input())
		if len(asks) == 0 {
			t.Errorf("%s asks nothing", name)
		}
		for _, r := range asks {
			if r.Action != "ec2:"+name || r.Resource != "*" && !strings.HasPrefix(r.Resource, "arn:aws:ec2:us-east-1:111122223333:") {
				t.Errorf("%s asks %+v", name, r)
			}
		}
	}
}
