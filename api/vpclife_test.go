package api

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

func TestWhatStopsAVPCFromBeingDeleted(t *testing.T) {
	for what, put := range map[string]func(e *vpc.Edit, lab string){
		"a subnet": func(e *vpc.Edit, lab string) {
			e.NewSubnet(lab, netip.MustParsePrefix("10.0.0.0/24"), "us-east-1a", false)
		},
		"an internet gateway": func(e *vpc.Edit, lab string) {
			e.InternetGateways.Put(&vpc.InternetGateway{ID: "igw-00000000", Scope: testScope, VPC: lab})
		},
		"an egress-only gateway": func(e *vpc.Edit, lab string) {
			e.EgressOnlyGateways.Put(&vpc.EgressOnlyGateway{ID: "eigw-00000000", Scope: testScope, VPC: lab})
		},
		"a NAT gateway": func(e *vpc.Edit, lab string) {
			e.NATGateways.Put(&vpc.NATGateway{ID: "nat-00000000", Scope: testScope, VPC: lab, State: "available"})
		},
		"a group": func(e *vpc.Edit, lab string) { e.SecurityGroups.Put(e.NewSecurityGroup(lab, "web", "web")) },
		"a route table": func(e *vpc.Edit, lab string) {
			e.RouteTables.Put(&vpc.RouteTable{ID: "rtb-00000000", Scope: testScope, VPC: lab})
		},
		"a network ACL": func(e *vpc.Edit, lab string) { e.NetworkACLs.Put(e.NewNetworkACL(e.VPCs.Get(lab), false)) },
		"an interface": func(e *vpc.Edit, lab string) {
			e.Interfaces.Put(&vpc.Interface{ID: "eni-00000000", Scope: testScope, VPC: lab})
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			lab := w.vpc("10.0.0.0/16")
			w.edit(func(e *vpc.Edit) { e.Scope = testScope; put(e, lab) })
			w.refuse("DeleteVpc", "VpcId="+lab, "DependencyViolation: The vpc '"+lab+"' has dependencies and cannot be deleted.")
		})
	}
}

func TestAPeeringEndsWithItsVPC(t *testing.T) {
	w := newWorld(t)
	lab, peer := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	w.edit(func(e *vpc.Edit) {
		for i, status := range []string{"active", "pending-acceptance", "rejected"} {
			e.Peerings.Put(&vpc.Peering{ID: fmt.Sprintf("pcx-%08d", i), Scope: testScope, Status: status, Created: testNow,
				Requester: vpc.PeeringSide{Scope: testScope, VPC: peer}, Accepter: vpc.PeeringSide{Scope: testScope, VPC: lab}})
		}
		e.NATGateways.Put(&vpc.NATGateway{ID: "nat-00000000", Scope: testScope, VPC: lab, State: "deleted"}) // only shown
	})
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+lab)
	var got []string
	for p := range w.state.Peerings.All() {
		got = append(got, p.Status+" "+p.Message)
	}
	if got, want := strings.Join(got, "\n"), "deleted Deleted by 111122223333\ndeleted Deleted by 111122223333\nrejected "; got != want {
		t.Errorf("the peerings are\n%s\nwant\n%s", got, want)
	}
	if w.state.VPCs.Get(peer) == nil {
		t.Error("the peer is gone too")
	}
}

func TestASubnetWithANATGatewayStays(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	subnet := w.subnet(lab, "10.0.0.0/24")
	nat := func(state string) {
		w.edit(func(e *vpc.Edit) {
			e.NATGateways.Put(&vpc.NATGateway{ID: "nat-00000000", Scope: testScope, VPC: lab, Subnet: subnet, State: state})
		})
	}
	nat("available")
	w.refuse("DeleteSubnet", "SubnetId="+subnet, "DependencyViolation: The subnet '"+subnet+"' has dependencies and cannot be deleted.")
	nat("deleted")
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+subnet)
}

func TestTheDefaultVPCIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	exists := "DefaultVpcAlreadyExists: A Default VPC already exists for this account in this region."
	w.refuse("CreateDefaultVpc", "", exists)
	w.emptyDefaultVPC()
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+w.defaultVPC())
	w.refuse("CreateDefaultSubnet", "AvailabilityZone=us-east-1a", "DefaultVpcDoesNotExist: No default VPC exists for this account in this region.")
	w.refuse("CreateDefaultVpc", "DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	w.quota(vpc.VPCsPerRegion, 0)
	w.refuse("CreateDefaultVpc", "", "VpcLimitExceeded: The maximum number of VPCs has been reached.")
	w.quota(vpc.VPCsPerRegion, 1)
	w.quota(vpc.GatewaysPerRegion, 0)
	w.refuse("CreateDefaultVpc", "", "InternetGatewayLimitExceeded: The maximum number of internet gateways has been reached.")
	w.quota(vpc.GatewaysPerRegion, 1)
	v := do[ec2.CreateDefaultVpcOutput](w, "CreateDefaultVpc", "").Vpc
	if v.State != "pending" || !*v.IsDefault || *v.CidrBlock != "172.31.0.0/16" {
		t.Errorf("made %+v", v)
	}
	w.refuse("CreateDefaultVpc", "", exists)
	if n := len(do[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", "Filter.1.Name=default-for-az&Filter.1.Value.1=true").Subnets); n != 6 {
		t.Errorf("it has %d subnets", n)
	}
	if got := do[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", "").InternetGateways; len(got) != 1 || *got[0].Attachments[0].VpcId != *v.VpcId {
		t.Errorf("its gateway: %+v", got)
	}
}

func TestADefaultSubnetIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	was := w.defaultSubnet("us-east-1b")
	w.refuse("CreateDefaultSubnet", "AvailabilityZone=us-east-1b", "DefaultSubnetAlreadyExistsInAvailabilityZone: '"+was+"' is already the default subnet in us-east-1b.")
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+was)
	for _, c := range []struct{ form, want string }{
		{"", "MissingParameter: The request must contain the parameter AvailabilityZone or AvailabilityZoneId"},
		{"AvailabilityZone=us-east-1b&AvailabilityZoneId=use1-az2", "InvalidParameterCombination: The parameter availabilityZone cannot be used with the parameter availabilityZoneId"},
		{"AvailabilityZone=x", "InvalidParameterValue: Value (x) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f."},
		{"AvailabilityZone=us-east-1b&Ipv6Native=true", "UnsupportedOperation: The parameter ipv6Native is not supported."},
		{"AvailabilityZone=us-east-1b&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		w.refuse("CreateDefaultSubnet", c.form, c.want)
	}
	own := w.subnet(w.defaultVPC(), "172.31.16.0/24") // where the old one began
	made := do[ec2.CreateDefaultSubnetOutput](w, "CreateDefaultSubnet", "AvailabilityZoneId=use1-az2").Subnet
	if got, want := text(*made.CidrBlock, *made.AvailabilityZone, *made.DefaultForAz, *made.MapPublicIpOnLaunch, made.State), text("172.31.96.0/20", "us-east-1b", true, true, "available"); got != want {
		t.Errorf("made\n%s\nwant\n%s", got, want)
	}
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+own)
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+*made.SubnetId)
	if again := do[ec2.CreateDefaultSubnetOutput](w, "CreateDefaultSubnet", "AvailabilityZone=us-east-1b").Subnet; *again.CidrBlock != "172.31.16.0/20" {
		t.Errorf("made %s", *again.CidrBlock)
	}
	for _, cidr := range []string{"172.31.96.0/19", "172.31.128.0/17"} {
		w.subnet(w.defaultVPC(), cidr)
	}
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+w.defaultSubnet("us-east-1a"))
	w.subnet(w.defaultVPC(), "172.31.0.0/28")
	w.refuse("CreateDefaultSubnet", "AvailabilityZone=us-east-1a", "InvalidSubnet.Conflict: The CIDR '172.31.240.0/20' conflicts with another subnet")
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+w.defaultSubnet("us-east-1c"))
	w.quota(vpc.SubnetsPerVPC, 7)
	w.refuse("CreateDefaultSubnet", "AvailabilityZone=us-east-1c", "SubnetLimitExceeded: The maximum number of subnets has been reached.")
}

func TestTheTenancyOfAVPC(t *testing.T) {
	w := newWorld(t)
	v := do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock=10.0.0.0/16&InstanceTenancy=dedicated").Vpc
	if v.InstanceTenancy != "dedicated" {
		t.Errorf("it is %s", v.InstanceTenancy)
	}
	w.refuse("ModifyVpcTenancy", "VpcId="+*v.VpcId+"&InstanceTenancy=dedicated", "UnsupportedTenancy: The tenancy value dedicated is not supported.")
	w.refuse("ModifyVpcTenancy", "VpcId="+*v.VpcId, "MissingParameter: The request must contain the parameter InstanceTenancy")
	w.refuse("ModifyVpcTenancy", "VpcId=vpc-00000000&InstanceTenancy=default", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist")
	if out := do[ec2.ModifyVpcTenancyOutput](w, "ModifyVpcTenancy", "VpcId="+*v.VpcId+"&InstanceTenancy=default"); !*out.ReturnValue {
		t.Errorf("answered %+v", out)
	}
	if got := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "VpcId.1="+*v.VpcId).Vpcs[0].InstanceTenancy; got != "default" {
		t.Errorf("it is %s", got)
	}
}

func TestNoVPCHasClassicLink(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+lab+"&Tag.1.Key=Name&Tag.1.Value=lab")
	for form, want := range map[string]int{"": 2, "VpcId.1=" + lab: 1, "Filter.1.Name=is-classic-link-enabled&Filter.1.Value.1=true": 0, "Filter.1.Name=tag:Name&Filter.1.Value.1=lab": 1} {
		got := do[ec2.DescribeVpcClassicLinkOutput](w, "DescribeVpcClassicLink", form).Vpcs
		if len(got) != want || got == nil {
			t.Errorf("%q finds %+v", form, got)
		}
		for _, v := range got {
			if *v.ClassicLinkEnabled {
				t.Errorf("%s has it", *v.VpcId)
			}
		}
	}
	w.refuse("DescribeVpcClassicLink", "VpcId.1=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist")
	got := do[ec2.DescribeVpcClassicLinkDnsSupportOutput](w, "DescribeVpcClassicLinkDnsSupport", "VpcIds.1="+lab).Vpcs
	if len(got) != 1 || *got[0].VpcId != lab || *got[0].ClassicLinkDnsSupported {
		t.Errorf("its DNS: %+v", got)
	}
	if got := do[ec2.DescribeVpcClassicLinkDnsSupportOutput](w, "DescribeVpcClassicLinkDnsSupport", "MaxResults=5"); len(got.Vpcs) != 2 || got.NextToken != nil {
		t.Errorf("a page of it: %+v", got)
	}
}
