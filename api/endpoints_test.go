package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

const (
	s3Service  = "&ServiceName=com.amazonaws.us-east-1.s3"
	ec2Service = "&VpcEndpointType=Interface&ServiceName=com.amazonaws.us-east-1.ec2"
)

// endpoint makes an endpoint and returns its id.
func (w *world) endpoint(form string) string {
	w.Helper()
	return *do[ec2.CreateVpcEndpointOutput](w, "CreateVpcEndpoint", form).VpcEndpoint.VpcEndpointId
}

// shownEndpoint is the endpoint as DescribeVpcEndpoints shows it.
func (w *world) shownEndpoint(id string) ec2.VpcEndpoint {
	w.Helper()
	return do[ec2.DescribeVpcEndpointsOutput](w, "DescribeVpcEndpoints", "VpcEndpointId.1="+id).VpcEndpoints[0]
}

// endpointRoutes are the targets of the table's routes to the service's addresses.
func (w *world) endpointRoutes(table, service string) string {
	var targets []string
	for _, r := range w.state.RouteTables.Get(table).Routes {
		if r.PrefixList == vpc.ServiceListID(w.scope.Region, service) && !r.Destination.IsValid() {
			targets = append(targets, r.Target)
		}
	}
	return strings.Join(targets, " ")
}

func TestAGatewayEndpoint(t *testing.T) {
	w := newWorld(t)
	v, _, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	table := w.state.MainRouteTable(v).ID
	out := do[ec2.CreateVpcEndpointOutput](w, "CreateVpcEndpoint", "ClientToken=t&VpcId="+v+s3Service+"&RouteTableId.1="+table+"&TagSpecification.1.ResourceType=vpc-endpoint&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x")
	p := out.VpcEndpoint
	if got, want := text(*out.ClientToken, p.State, p.VpcEndpointType, *p.ServiceName, p.RouteTableIds, p.SubnetIds, *p.PrivateDnsEnabled, p.DnsOptions.DnsRecordIpType, p.IpAddressType, *p.PolicyDocument, *p.OwnerId, *p.Tags[0].Value, *p.RequesterManaged),
		text("t", "available", "Gateway", "com.amazonaws.us-east-1.s3", "["+table+"]", "[]", false, "service-defined", "ipv4", gatewayPolicy, testScope.Account, "x", false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	id := *p.VpcEndpointId
	if got := w.endpointRoutes(table, "s3"); got != id {
		t.Errorf("the routes lead to %q, want %s", got, id)
	}
	other := w.endpoint("VpcId=" + v + "&ServiceName=com.amazonaws.us-east-1.dynamodb")
	w.refuse("CreateVpcEndpoint", "VpcId="+v+s3Service+"&RouteTableId.1="+table, "RouteAlreadyExists: route table "+table+" already has a route with destination-prefix-list-id "+vpc.ServiceListID("us-east-1", "s3"))
	w.refuse("DeleteVpc", "VpcId="+v, "DependencyViolation: The vpc '"+v+"' has dependencies and cannot be deleted.")
	do[ec2.ModifyVpcEndpointOutput](w, "ModifyVpcEndpoint", "VpcEndpointId="+other+"&AddRouteTableId.1="+table)
	do[ec2.ModifyVpcEndpointOutput](w, "ModifyVpcEndpoint", "VpcEndpointId="+other+"&AddRouteTableId.1="+table) // again is nothing new
	if got := w.endpointRoutes(table, "dynamodb"); got != other {
		t.Errorf("the routes lead to %q, want %s", got, other)
	}
	do[ec2.ModifyVpcEndpointOutput](w, "ModifyVpcEndpoint", "VpcEndpointId="+id+"&RemoveRouteTableId.1="+table+"&PolicyDocument="+url.QueryEscape(`{"Statement":[]}`))
	if p := w.shownEndpoint(id); len(p.RouteTableIds) != 0 || *p.PolicyDocument != `{"Statement":[]}` || w.endpointRoutes(table, "s3") != "" {
		t.Errorf("got %+v", p)
	}
	if do[ec2.ModifyVpcEndpointOutput](w, "ModifyVpcEndpoint", "VpcEndpointId="+id+"&ResetPolicy=true"); *w.shownEndpoint(id).PolicyDocument != gatewayPolicy {
		t.Error("the policy was not reset")
	}
	gone := do[ec2.DeleteVpcEndpointsOutput](w, "DeleteVpcEndpoints", "VpcEndpointId.1="+id+"&VpcEndpointId.2=vpce-0123456789abcdef0&VpcEndpointId.3="+other)
	if len(gone.Unsuccessful) != 1 || *gone.Unsuccessful[0].Error.Code != "InvalidVpcEndpointId.NotFound" || *gone.Unsuccessful[0].Error.Message != "The Vpc Endpoint Id 'vpce-0123456789abcdef0' does not exist" || *gone.Unsuccessful[0].ResourceId != "vpce-0123456789abcdef0" {
		t.Errorf("got %+v", gone)
	}
	if w.endpointRoutes(table, "s3")+w.endpointRoutes(table, "dynamodb") != "" {
		t.Error("the routes stayed")
	}
}

func TestAnInterfaceEndpoint(t *testing.T) {
	w := newWorld(t)
	v, a, group := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	b := *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "AvailabilityZone=us-east-1b&CidrBlock=10.0.2.0/24&VpcId="+v).Subnet.SubnetId
	again := *do[ec2.CreateSubnetOutput](w, "CreateSubnet", "AvailabilityZone=us-east-1a&CidrBlock=10.0.3.0/24&VpcId="+v).Subnet.SubnetId
	web := w.group("web", v)
	create := "VpcId=" + v + ec2Service + "&SubnetId.1=" + a
	w.refuse("CreateVpcEndpoint", create, "InvalidParameter: Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "+v)
	do[ec2.ModifyVpcAttributeOutput](w, "ModifyVpcAttribute", "VpcId="+v+"&EnableDnsHostnames.Value=true")
	out := do[ec2.CreateVpcEndpointOutput](w, "CreateVpcEndpoint", create+"&SubnetConfiguration.1.SubnetId="+a+"&SubnetConfiguration.1.Ipv4=10.0.1.77").VpcEndpoint
	id := *out.VpcEndpointId
	p := w.shownEndpoint(id)
	if got, want := text(out.State, p.State, *p.PrivateDnsEnabled, p.DnsOptions.DnsRecordIpType, *p.Groups[0].GroupId, *p.Groups[0].GroupName, p.SubnetIds, len(p.NetworkInterfaceIds), len(p.DnsEntries), *p.DnsEntries[2].DnsName, p.RouteTableIds),
		text("pending", "available", true, "ipv4", group, "default", "["+a+"]", 1, 3, "ec2.us-east-1.amazonaws.com", "[]"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	face := w.state.Interfaces.Get(p.NetworkInterfaceIds[0])
	if got, want := text(face.PrivateIP, face.Type, face.Owner, face.Description, face.Groups, face.SourceDestCheck), text("10.0.1.77", "vpc_endpoint", id, "VPC Endpoint Interface "+id, "["+group+"]", true); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, c := range []struct{ form, want string }{
		{"&AddSubnetId.1=" + again, "DuplicateSubnetsInSameZone: Found another VPC endpoint subnet in the availability zone of " + again + ". VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."},
		{"&AddSubnetId.1=subnet-0123456789abcdef0", "InvalidSubnetID.NotFound: The subnet ID 'subnet-0123456789abcdef0' does not exist"},
		{"&RemoveSubnetId.1=subnet-1", `InvalidSubnetID.Malformed: Invalid id: "subnet-1"`},
		{"&AddSubnetId.1=" + w.defaultSubnet("us-east-1c"), "InvalidParameter: Subnet " + w.defaultSubnet("us-east-1c") + " and VPC " + v + " belong to different networks."},
		{"&AddRouteTableId.1=" + w.state.MainRouteTable(v).ID, "InvalidParameter: Route table IDs are only supported for Gateway type VPC Endpoint."},
		{"&RemoveSecurityGroupId.1=" + web, "InvalidGroup.NotFound: The security group '" + web + "' does not exist"},
		{"&RemoveSecurityGroupId.1=" + group, "InvalidParameter: A VPC endpoint of type Interface must have at least one security group."},
		{"&AddSecurityGroupId.1=sg-0123456789abcdef0", "InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist"},
		{"&SubnetConfiguration.1.SubnetId=" + b, "InvalidParameterValue: Value (" + b + ") for parameter SubnetConfiguration.SubnetId is invalid. The subnet must also be in the list of subnets."},
		{"&AddSubnetId.1=" + b + "&SubnetConfiguration.1.SubnetId=" + b + "&SubnetConfiguration.1.Ipv6=::1", "UnsupportedOperation: The parameter SubnetConfiguration.Ipv6 is not supported."},
		{"&AddSubnetId.1=" + b + "&SubnetConfiguration.1.SubnetId=" + b + "&SubnetConfiguration.1.Ipv4=10.0.2.1", "InvalidParameterValue: Address 10.0.2.1 is in subnet's reserved address range"},
		{"&IpAddressType=dualstack", "UnsupportedOperation: The parameter IpAddressType is not supported."},
		{"&PolicyDocument=x", "InvalidPolicyDocument: The specified policy document is not a valid JSON policy document."},
		{"&PolicyDocument={}&ResetPolicy=true", "InvalidParameterCombination: The parameter PolicyDocument cannot be used with the parameter ResetPolicy"},
	} {
		w.refuse("ModifyVpcEndpoint", "VpcEndpointId="+id+c.form, c.want)
	}
	do[ec2.ModifyVpcEndpointOutput](w, "ModifyVpcEndpoint", "VpcEndpointId="+id+"&AddSubnetId.1="+b+"&AddSubnetId.2="+a+"&AddSecurityGroupId.1="+web+"&RemoveSecurityGroupId.1="+group+"&PrivateDnsEnabled=false")
	p = w.shownEndpoint(id)
	want := []string{a, b}
	slices.Sort(want)
	if slices.Sort(p.SubnetIds); !slices.Equal(p.SubnetIds, want) || len(p.Groups) != 1 || *p.Groups[0].GroupId != web || *p.PrivateDnsEnabled || len(p.DnsEntries) != 3 {
		t.Errorf("got %+v", p)
	}
	for _, n := range p.NetworkInterfaceIds {
		if got := w.state.Interfaces.Get(n).Groups; !slices.Equal(got, []string{web}) {
			t.Errorf("%s is in %v", n, got)
		}
	}
	do[ec2.ModifyVpcEndpointOutput](w, "ModifyVpcEndpoint", "VpcEndpointId="+id+"&RemoveSubnetId.1="+a+"&RemoveSubnetId.2="+b)
	if p := w.shownEndpoint(id); len(p.SubnetIds)+len(p.NetworkInterfaceIds) != 0 || w.state.Interfaces.First("owner", id) != nil {
		t.Errorf("got %+v", p)
	}
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+web) // nothing is in it
	do[ec2.ModifyVpcEndpointOutput](w, "ModifyVpcEndpoint", "VpcEndpointId="+id+"&AddSubnetId.1="+a)
	if p := w.shownEndpoint(id); *p.Groups[0].GroupId != group {
		t.Errorf("got the groups %+v", p.Groups)
	}
	do[ec2.DeleteVpcEndpointsOutput](w, "DeleteVpcEndpoints", "VpcEndpointId.1="+id)
	if w.state.Interfaces.First("owner", id) != nil {
		t.Error("its interfaces stayed")
	}
}

func TestEndpointsAreRefused(t *testing.T) {
	w := newWorld(t)
	v := w.defaultVPC()
	subnet, table := w.defaultSubnet("us-east-1a"), w.state.As(testScope).MainRouteTable(v).ID
	elsewhere, otherSubnet, otherGroup := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	gateway, face := "VpcId="+v+s3Service, "VpcId="+v+ec2Service+"&SubnetId.1="+subnet
	w.endpoint(face + "&ClientToken=t")
	if a, b := w.endpoint(gateway+"&ClientToken=u"), w.endpoint(gateway+"&ClientToken=u"); a != b {
		t.Errorf("the token made %s and %s", a, b)
	}
	for _, c := range []struct{ form, want string }{
		{s3Service[1:], "MissingParameter: The request must contain the parameter VpcId"},
		{"VpcId=" + v, "MissingParameter: The request must contain the parameter ServiceName"},
		{"VpcId=vpc-0123456789abcdef0" + s3Service, "InvalidVpcID.NotFound: The vpc ID 'vpc-0123456789abcdef0' does not exist"},
		{"VpcId=" + v + "&ServiceName=com.amazonaws.us-east-1.telephone", "InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.us-east-1.telephone' does not exist"},
		{"VpcId=" + v + "&ServiceName=com.amazonaws.eu-west-1.s3", "InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.eu-west-1.s3' does not exist"},
		{"VpcId=" + v + "&ServiceName=com.amazonaws.us-east-1.ec2", "InvalidParameter: Endpoint type (Gateway) does not match available service types ([Interface])."},
		{"VpcId=" + v + "&VpcEndpointType=GatewayLoadBalancer" + s3Service, "InvalidParameter: Endpoint type (GatewayLoadBalancer) does not match available service types ([Gateway, Interface])."},
		{"VpcId=" + v + "&VpcEndpointType=Door" + s3Service, "InvalidParameterValue: Invalid value 'Door' for VpcEndpointType."},
		{"VpcId=" + v + "&VpcEndpointType=Resource&ResourceConfigurationArn=x", "UnsupportedOperation: The parameter ResourceConfigurationArn is not supported."},
		{"VpcId=" + v + "&VpcEndpointType=Tunnel" + s3Service, "UnsupportedOperation: The parameter VpcEndpointType is not supported."},
		{"VpcId=" + v + "&ServiceNetworkArn=x" + s3Service, "UnsupportedOperation: The parameter ServiceNetworkArn is not supported."},
		{gateway + "&ServiceRegion=eu-west-1", "UnsupportedOperation: The parameter ServiceRegion is not supported."},
		{gateway + "&IpAddressType=ipv6", "UnsupportedOperation: The parameter IpAddressType is not supported."},
		{gateway + "&SubnetId.1=" + subnet, "InvalidParameter: Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints."},
		{gateway + "&SecurityGroupId.1=" + otherGroup, "InvalidParameter: Security group IDs are only supported for Interface type VPC Endpoints."},
		{gateway + "&PrivateDnsEnabled=true", "InvalidParameter: Private DNS is only supported for Interface type VPC Endpoints."},
		{gateway + "&RouteTableId.1=rtb-0123456789abcdef0", "InvalidRouteTableID.NotFound: The routeTable ID 'rtb-0123456789abcdef0' does not exist"},
		{gateway + "&RouteTableId.1=" + w.state.MainRouteTable(elsewhere).ID, "InvalidParameter: Route table " + w.state.MainRouteTable(elsewhere).ID + " and VPC " + v + " belong to different networks."},
		{gateway + "&PolicyDocument=[]", "InvalidPolicyDocument: The specified policy document is not a valid JSON policy document."},
		{gateway + "&DnsOptions.DnsRecordIpType=ipv5", "InvalidParameterValue: Invalid value 'ipv5' for DnsRecordIpType."},
		{gateway + "&DnsOptions.DnsRecordIpType=ipv6", "UnsupportedOperation: The parameter DnsOptions.DnsRecordIpType is not supported."},
		{gateway + "&DnsOptions.PrivateDnsPreference=ALL", "UnsupportedOperation: The parameter DnsOptions.PrivateDnsPreference is not supported."},
		{gateway + "&TagSpecification.1.ResourceType=vpc", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{gateway + "&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
		{face, "InvalidParameter: private-dns-enabled cannot be set because there is already a conflicting DNS domain for ec2.us-east-1.amazonaws.com in the VPC " + v},
		{face + "&PrivateDnsEnabled=false&RouteTableId.1=" + table, "InvalidParameter: Route table IDs are only supported for Gateway type VPC Endpoint."},
		{face + "&PrivateDnsEnabled=false&SecurityGroupId.1=" + otherGroup, "InvalidParameter: Security group " + otherGroup + " and VPC " + v + " belong to different networks."},
		{face + "&PrivateDnsEnabled=false&SubnetId.2=" + otherSubnet, "InvalidParameter: Subnet " + otherSubnet + " and VPC " + v + " belong to different networks."},
		{face + "&ClientToken=t&PrivateDnsEnabled=false", "IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."},
		{"VpcId=" + v + "&VpcEndpointType=Interface&PrivateDnsEnabled=true&ServiceName=com.amazonaws.us-east-1.dynamodb", "InvalidParameter: Private DNS can't be enabled because the service com.amazonaws.us-east-1.dynamodb does not provide a private DNS name."},
		{"VpcId=" + elsewhere + "&VpcEndpointType=Interface&PrivateDnsEnabled=true" + s3Service, "InvalidParameter: Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for " + elsewhere},
	} {
		w.refuse("CreateVpcEndpoint", c.form, c.want)
	}
	do[ec2.ModifyVpcAttributeOutput](w, "ModifyVpcAttribute", "VpcId="+elsewhere+"&EnableDnsHostnames.Value=true")
	private := "VpcId=" + elsewhere + "&VpcEndpointType=Interface&PrivateDnsEnabled=true" + s3Service
	w.refuse("CreateVpcEndpoint", private, "InvalidParameter: To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC "+elsewhere+" must have a Gateway endpoint for the service.")
	w.endpoint("VpcId=" + elsewhere + s3Service)
	if p := w.shownEndpoint(w.endpoint(private)); !*p.DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint {
		t.Error("private DNS of S3 is for inbound resolvers only, unless the request says else")
	}
	w.refuse("DescribeVpcEndpoints", "VpcEndpointId.1=vpce-0123456789abcdef0", "InvalidVpcEndpointId.NotFound: The Vpc Endpoint Id 'vpce-0123456789abcdef0' does not exist")
	w.refuse("ModifyVpcEndpoint", "VpcEndpointId=vpce-0123456789abcdef0", "InvalidVpcEndpointId.NotFound: The Vpc Endpoint Id 'vpce-0123456789abcdef0' does not exist")
	w.refuse("DeleteVpcEndpoints", "VpcEndpointId.1=x", `InvalidVpcEndpointId.Malformed: Invalid id: "x" (expecting "vpce-...")`)
	w.edit(func(e *vpc.Edit) {
		for _, l := range []vpc.Limit{vpc.GatewayEndpoints, vpc.InterfaceEndpoints} {
			e.Quotas.Put(&vpc.Quota{Scope: testScope, Name: l.Name, Value: 1})
		}
	})
	w.refuse("CreateVpcEndpoint", gateway, "VpcEndpointLimitExceeded: The maximum number of VPC endpoints has been reached.")
	w.refuse("CreateVpcEndpoint", face+"&PrivateDnsEnabled=false", "VpcEndpointLimitExceeded: The maximum number of VPC endpoints has been reached.")
}

func TestEndpointsAreFound(t *testing.T) {
	w := newWorld(t)
	v := w.defaultVPC()
	a, b := w.endpoint("VpcId="+v+s3Service+"&TagSpecification.1.ResourceType=vpc-endpoint&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"), w.endpoint("VpcId="+v+ec2Service)
	for _, c := range []struct{ name, val, want string }{
		{"ip-address-type", "ipv4", a + b}, {"service-name", "*.s3", a}, {"service-region", "us-east-1", a + b}, {"vpc-endpoint-id", b, b},
		{"vpc-endpoint-state", "available", a + b}, {"vpc-endpoint-state", "Available", a + b}, {"vpc-endpoint-state", "failed", ""},
		{"vpc-endpoint-type", "Interface", b}, {"vpc-id", v, a + b}, {"vpc-id", "vpc-1", ""}, {"tag:Name", "x", a}, {"tag-key", "Name", a},
	} {
		n := 0
		for _, p := range do[ec2.DescribeVpcEndpointsOutput](w, "DescribeVpcEndpoints", "Filter.1.Name="+c.name+"&Filter.1.Value.1="+url.QueryEscape(c.val)).VpcEndpoints {
			if n++; !strings.Contains(c.want, *p.VpcEndpointId) {
				t.Errorf("%s=%s finds %s", c.name, c.val, *p.VpcEndpointId)
			}
		}
		if n*len(a) != len(c.want) {
			t.Errorf("%s=%s finds %d", c.name, c.val, n)
		}
	}
	w.refuse("DescribeVpcEndpoints", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'colour' is invalid")
	if got := do[ec2.DescribeVpcEndpointsOutput](w.as(stranger), "DescribeVpcEndpoints", "").VpcEndpoints; len(got) != 0 {
		t.Errorf("another account sees %+v", got)
	}
}

func TestEndpointServices(t *testing.T) {
	w := newWorld(t).as(vpc.Scope{Account: "111122223333", Region: "eu-west-1"})
	all := do[ec2.DescribeVpcEndpointServicesOutput](w, "DescribeVpcEndpointServices", "")
	if len(all.ServiceDetails) != len(gatewayServices)+len(interfaceServices) || !slices.Contains(all.ServiceNames, "com.amazonaws.eu-west-1.ecr.dkr") || len(all.ServiceNames) != len(all.ServiceDetails)-2 {
		t.Errorf("%d details, %d names", len(all.ServiceDetails), len(all.ServiceNames))
	}
	for form, want := range map[string]string{
		"ServiceName.1=com.amazonaws.eu-west-1.s3":                                                                 "Gateway Interface",
		"ServiceName.1=com.amazonaws.eu-west-1.s3&Filter.1.Name=service-type&Filter.1.Value.1=Gateway":             "Gateway",
		"Filter.1.Name=service-name&Filter.1.Value.1=*.ecr.*":                                                      "Interface Interface",
		"Filter.1.Name=owner&Filter.1.Value.1=me":                                                                  "",
		"Filter.1.Name=service-region&Filter.1.Value.1=us-east-1":                                                  "",
		"Filter.1.Name=tag-key&Filter.1.Value.1=*":                                                                 "",
		"ServiceRegion.1=us-east-1":                                                                                "",
		"ServiceRegion.1=eu-west-1&ServiceName.1=com.amazonaws.eu-west-1.sts":                                      "Interface",
		"ServiceName.1=com.amazonaws.eu-west-1.sts&Filter.1.Name=supported-ip-address-types&Filter.1.Value.1=ipv4": "Interface",
	} {
		var got []string
		for _, d := range do[ec2.DescribeVpcEndpointServicesOutput](w, "DescribeVpcEndpointServices", form).ServiceDetails {
			got = append(got, d.ServiceType[0].ServiceType)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", form, got, want)
		}
	}
	d := do[ec2.DescribeVpcEndpointServicesOutput](w, "DescribeVpcEndpointServices", "ServiceName.1=com.amazonaws.eu-west-1.ecr.api").ServiceDetails[0]
	if got, want := text(*d.PrivateDnsName, *d.Owner, *d.AcceptanceRequired, d.AvailabilityZones), text("api.ecr.eu-west-1.amazonaws.com", "amazon", false, "[eu-west-1a eu-west-1b eu-west-1c]"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	w.refuse("DescribeVpcEndpointServices", "ServiceName.1=com.amazonaws.eu-west-1.organizations", "InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.eu-west-1.organizations' does not exist")
	w.refuse("DescribeVpcEndpointServices", "ServiceRegion.1=moon", "InvalidParameterValue: Value (moon) for parameter ServiceRegion is invalid. This is not a Region.")
}

func TestThePoliciesOfEndpointsAreJSON(t *testing.T) {
	for _, policy := range []string{gatewayPolicy, interfacePolicy} {
		var p struct{ Statement []map[string]string }
		if err := json.Unmarshal([]byte(policy), &p); err != nil || fmt.Sprint(p.Statement) != "[map[Action:* Effect:Allow Principal:* Resource:*]]" {
			t.Errorf("%s: %v %v", policy, p, err)
		}
	}
}
