package conformance

import (
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// none is an id of the kind that nothing has.
func none(prefix string) *string { return new(prefix + "-0123456789abcdef0") }

// all is the permission of everything for a range.
func all(cidr string) []types.IpPermission {
	return []types.IpPermission{{IpProtocol: new("-1"), IpRanges: []types.IpRange{{CidrIp: &cidr}}}}
}

// launch is a request for one instance.
func launch(change func(*sdk.RunInstancesInput)) sdk.RunInstancesInput {
	in := sdk.RunInstancesInput{ImageId: new("ami-0123456789abcdef0"), MinCount: new(int32(1)), MaxCount: new(int32(1))}
	change(&in)
	return in
}

// provocations are of every code, in the order of codes.
var provocations = []provocation{
	// every operation
	{"AuthFailure: AWS was not able to validate the provided access credentials", func(w *world) string {
		_, err := w.DescribeVpcs(w.Context(), nil, func(o *sdk.Options) { o.Credentials = key{id: "AKIAIOSFODNN7EXAMPLE", secret: "s"} })
		return refusal(nil, err)
	}},
	{"UnauthorizedOperation: You are not authorized to perform this operation. *", func(w *world) string {
		user := w.user(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]}`)
		return refused(user, user.CreateVpc, sdk.CreateVpcInput{CidrBlock: new("10.0.0.0/16")})
	}},
	{"DryRunOperation: Request would have succeeded, but DryRun flag is set.", func(w *world) string {
		return refused(w.caller, w.CreateVpc, sdk.CreateVpcInput{CidrBlock: new("10.0.0.0/16"), DryRun: new(true)})
	}},
	{"RequestExpired: Request has expired.", func(w *world) string { return w.late() }},
	{"InvalidAction: The action CreateVpnGateway is not valid for this web service.", func(w *world) string {
		return refused(w.caller, w.CreateVpnGateway, sdk.CreateVpnGatewayInput{Type: types.GatewayTypeIpsec1})
	}},
	{"MissingParameter: The request must contain the parameter groupName or groupId", func(w *world) string {
		return refused(w.caller, w.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{IpPermissions: all("10.0.0.0/8")})
	}},
	{"IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s).", func(w *world) string {
		same := token()
		do(w.caller, w.CreateNetworkAcl, sdk.CreateNetworkAclInput{VpcId: &w.vpc, ClientToken: same})
		return refused(w.caller, w.CreateNetworkAcl, sdk.CreateNetworkAclInput{VpcId: &w.vpc, ClientToken: same, TagSpecifications: tagged(types.ResourceTypeNetworkAcl)})
	}},
	{"InvalidParameter: Security group * and subnet * belong to different networks.", func(w *world) string {
		home := do(w.caller, w.DescribeSubnets, sdk.DescribeSubnetsInput{Filters: filter("default-for-az", "true")}).Subnets[0]
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) { in.SubnetId, in.SecurityGroupIds = home.SubnetId, []string{w.group} }))
	}},
	{"InvalidParameterCombination: The parameter instancesSet cannot be used with the parameter maxResults", func(w *world) string {
		return refused(w.caller, w.DescribeInstances, sdk.DescribeInstancesInput{InstanceIds: []string{w.instance}, MaxResults: new(int32(5))})
	}},
	{"InvalidParameterDependency: The parameter KmsKeyId requires the parameter Encrypted to be set.", func(w *world) string {
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: new("/dev/sdf"), Ebs: &types.EbsBlockDevice{VolumeSize: new(int32(1)), Encrypted: new(false), KmsKeyId: new("k")}}}
		}))
	}},
	{"InvalidParameterValue: The filter 'colour' is invalid", func(w *world) string {
		return refused(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("colour", "red")})
	}},
	{"UnsupportedOperation: The parameter Placement.GroupName is not supported.", func(w *world) string {
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) { in.Placement = &types.Placement{GroupName: new("g")} }))
	}},
	{"FilterLimitExceeded: The maximum number of filter values specified on a single call is 200", func(w *world) string {
		return refused(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("vpc-id", strings.Split(strings.Repeat("x,", 10_000), ",")...)})
	}},
	{"TagLimitExceeded: The maximum number of Tags for a resource has been reached.", func(w *world) string {
		var tags []types.Tag
		for i := range 51 {
			tags = append(tags, types.Tag{Key: new(fmt.Sprintf("key-%d", i)), Value: new("")})
		}
		return refused(w.caller, w.CreateTags, sdk.CreateTagsInput{Resources: []string{w.vpc}, Tags: tags})
	}},
	{"InvalidID: The ID 'x-1' is not valid", func(w *world) string {
		return refused(w.caller, w.CreateTags, sdk.CreateTagsInput{Resources: []string{"x-1"}, Tags: []types.Tag{{Key: new("a")}}})
	}},
	{"InsufficientInstanceCapacity: We currently do not have sufficient m1.small capacity in the Availability Zone you requested (us-east-1a). This server has no host that runs instances.", func(w *world) string {
		bare := start(w.T).as(w.account, "us-east-1")
		return refused(bare, bare.RunInstances, launch(func(*sdk.RunInstancesInput) {}))
	}},

	// security groups
	{"InvalidGroup.Duplicate: The security group 'web' already exists for VPC '*'", func(w *world) string {
		return refused(w.caller, w.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("web"), Description: new("d"), VpcId: &w.vpc})
	}},
	{"InvalidVpcID.NotFound: The vpc ID 'vpc-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("other"), Description: new("d"), VpcId: none("vpc")})
	}},
	{"SecurityGroupLimitExceeded: The maximum number of security groups has been reached.", limited("VPC security groups per Region", func(w *world) string {
		return refused(w.caller, w.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("other"), Description: new("d"), VpcId: &w.vpc})
	})},
	{"VPCIdNotSpecified: No default VPC for this user", func(w *world) string {
		nobody := w.withoutDefault()
		return refused(nobody, nobody.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("other"), Description: new("d")})
	}},
	{"InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteSecurityGroup, sdk.DeleteSecurityGroupInput{GroupId: none("sg")})
	}},
	{`InvalidGroupId.Malformed: Invalid id: "web" (expecting "sg-...")`, func(w *world) string {
		return refused(w.caller, w.DescribeSecurityGroups, sdk.DescribeSecurityGroupsInput{GroupIds: []string{"web"}})
	}},
	{`CannotDelete: the specified group: "*" name: "default" cannot be deleted by a user`, func(w *world) string {
		g := do(w.caller, w.DescribeSecurityGroups, sdk.DescribeSecurityGroupsInput{Filters: filter("group-name", "default")}).SecurityGroups[0]
		return refused(w.caller, w.DeleteSecurityGroup, sdk.DeleteSecurityGroupInput{GroupId: g.GroupId})
	}},
	{"DependencyViolation: resource * has a dependent object", func(w *world) string {
		return refused(w.caller, w.DeleteSecurityGroup, sdk.DeleteSecurityGroupInput{GroupId: &w.web})
	}},
	{`InvalidPermission.Duplicate: the specified rule "peer: 0.0.0.0/0, ALL, ALLOW" already exists`, func(w *world) string {
		return refused(w.caller, w.AuthorizeSecurityGroupEgress, sdk.AuthorizeSecurityGroupEgressInput{GroupId: &w.web, IpPermissions: all("0.0.0.0/0")})
	}},
	{"InvalidPermission.Malformed: TCP/UDP port (70000) out of range", func(w *world) string {
		return refused(w.caller, w.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{GroupId: &w.web, IpPermissions: []types.IpPermission{{IpProtocol: new("tcp"), FromPort: new(int32(22)), ToPort: new(int32(70000)), IpRanges: []types.IpRange{{CidrIp: new("10.0.0.0/8")}}}}})
	}},
	{"InvalidPermission.NotFound: The specified rule does not exist in this security group.", func(w *world) string {
		return refused(w.caller, w.RevokeSecurityGroupIngress, sdk.RevokeSecurityGroupIngressInput{GroupId: &w.web, IpPermissions: all("10.99.0.0/16")})
	}},
	{"RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached.", limited("Inbound or outbound rules per security group", func(w *world) string {
		return refused(w.caller, w.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{GroupId: &w.group, IpPermissions: all("10.98.0.0/16")})
	})},
	{"InvalidPrefixListID.NotFound: The prefix list ID 'pl-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{GroupId: &w.web, IpPermissions: []types.IpPermission{{IpProtocol: new("-1"), PrefixListIds: []types.PrefixListId{{PrefixListId: none("pl")}}}}})
	}},
	{"InvalidSecurityGroupRuleId.NotFound: The security group rule ID 'sgr-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DescribeSecurityGroupRules, sdk.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{*none("sgr")}})
	}},
	{`InvalidSecurityGroupRuleId.Malformed: Invalid id: "x"`, func(w *world) string {
		return refused(w.caller, w.RevokeSecurityGroupIngress, sdk.RevokeSecurityGroupIngressInput{GroupId: &w.web, SecurityGroupRuleIds: []string{"x"}})
	}},
	{"InvalidSecurityGroupVpcAssociation.NotFound: The security group '*' is not associated with the VPC '*'", func(w *world) string {
		v := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("cidr", "10.101.0.0/16")}).Vpcs[0].VpcId
		return refused(w.caller, w.DisassociateSecurityGroupVpc, sdk.DisassociateSecurityGroupVpcInput{GroupId: &w.group, VpcId: v})
	}},

	// network ACLs
	{"NetworkAclLimitExceeded: The maximum number of network acls has been reached.", limited("Network ACLs per VPC", func(w *world) string {
		return refused(w.caller, w.CreateNetworkAcl, sdk.CreateNetworkAclInput{VpcId: &w.vpc})
	})},
	{"InvalidNetworkAclID.NotFound: The networkAcl ID 'acl-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteNetworkAcl, sdk.DeleteNetworkAclInput{NetworkAclId: none("acl")})
	}},
	{`InvalidNetworkAclId.Malformed: Invalid id: "acl" (expecting "acl-...")`, func(w *world) string {
		return refused(w.caller, w.DescribeNetworkAcls, sdk.DescribeNetworkAclsInput{NetworkAclIds: []string{"acl"}})
	}},
	{"NetworkAclEntryAlreadyExists: The network acl entry identified by 100 already exists.", func(w *world) string { return w.entry(100) }},
	{"NetworkAclEntryLimitExceeded: The maximum number of network acl entries has been reached.", limited("Rules per network ACL", func(w *world) string { return w.entry(777) })},
	{"InvalidNetworkAclEntry.NotFound: no egress entry with number 5", func(w *world) string {
		return refused(w.caller, w.DeleteNetworkAclEntry, sdk.DeleteNetworkAclEntryInput{NetworkAclId: &w.acl, RuleNumber: new(int32(5)), Egress: new(true)})
	}},
	{"InvalidAssociationID.NotFound: The association ID 'aclassoc-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.ReplaceNetworkAclAssociation, sdk.ReplaceNetworkAclAssociationInput{AssociationId: none("aclassoc"), NetworkAclId: &w.acl})
	}},

	// VPCs and subnets
	{"InvalidVpc.Range: The CIDR '10.0.0.0/8' is invalid.", func(w *world) string {
		return refused(w.caller, w.CreateVpc, sdk.CreateVpcInput{CidrBlock: new("10.0.0.0/8")})
	}},
	{"VpcLimitExceeded: The maximum number of VPCs has been reached.", limited("VPCs per Region", func(w *world) string {
		return refused(w.caller, w.CreateVpc, sdk.CreateVpcInput{CidrBlock: new("10.0.0.0/16")})
	})},
	{"CidrLimitExceeded: This network '*' has met its maximum number of allowed CIDRs: 1", limited("IPv4 CIDR blocks per VPC", func(w *world) string {
		return refused(w.caller, w.AssociateVpcCidrBlock, sdk.AssociateVpcCidrBlockInput{VpcId: &w.vpc, CidrBlock: new("10.7.0.0/16")})
	})},
	{"CidrConflict: The CIDR '10.0.0.0/20' conflicts with another CIDR block of the VPC: 10.0.0.0/16", func(w *world) string {
		return refused(w.caller, w.AssociateVpcCidrBlock, sdk.AssociateVpcCidrBlockInput{VpcId: &w.vpc, CidrBlock: new("10.0.0.0/20")})
	}},
	{"InvalidVpcCidrBlockAssociationID.NotFound: The vpc CIDR block association ID 'vpc-cidr-assoc-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DisassociateVpcCidrBlock, sdk.DisassociateVpcCidrBlockInput{AssociationId: none("vpc-cidr-assoc")})
	}},
	{"OperationNotPermitted: The vpc CIDR block with association ID * may not be disassociated. It is the primary IPv4 CIDR block of the VPC", func(w *world) string {
		v := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{VpcIds: []string{w.vpc}}).Vpcs[0]
		return refused(w.caller, w.DisassociateVpcCidrBlock, sdk.DisassociateVpcCidrBlockInput{AssociationId: v.CidrBlockAssociationSet[0].AssociationId})
	}},
	{"InvalidCidrBlock.InUse: The vpc * currently has a subnet within CIDR block *", func(w *world) string {
		v := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{VpcIds: []string{w.vpc}}).Vpcs[0]
		return refused(w.caller, w.DisassociateVpcCidrBlock, sdk.DisassociateVpcCidrBlockInput{AssociationId: v.Ipv6CidrBlockAssociationSet[0].AssociationId})
	}},
	{"DefaultVpcAlreadyExists: A Default VPC already exists for this account in this region.", func(w *world) string {
		return refused(w.caller, w.CreateDefaultVpc, sdk.CreateDefaultVpcInput{})
	}},
	{"DefaultVpcDoesNotExist: No default VPC exists for this account in this region.", func(w *world) string {
		nobody := w.withoutDefault()
		return refused(nobody, nobody.CreateDefaultSubnet, sdk.CreateDefaultSubnetInput{AvailabilityZone: new("us-west-2a")})
	}},
	{"DefaultSubnetAlreadyExistsInAvailabilityZone: '*' is already the default subnet in us-east-1a.", func(w *world) string {
		return refused(w.caller, w.CreateDefaultSubnet, sdk.CreateDefaultSubnetInput{AvailabilityZone: &w.zone})
	}},
	{"InvalidSubnet.Range: The CIDR '192.168.0.0/24' is invalid.", func(w *world) string {
		return refused(w.caller, w.CreateSubnet, sdk.CreateSubnetInput{VpcId: &w.vpc, CidrBlock: new("192.168.0.0/24")})
	}},
	{"InvalidSubnet.Conflict: The CIDR '10.0.1.0/25' conflicts with another subnet", func(w *world) string {
		return refused(w.caller, w.CreateSubnet, sdk.CreateSubnetInput{VpcId: &w.vpc, CidrBlock: new("10.0.1.0/25")})
	}},
	{"SubnetLimitExceeded: The maximum number of subnets has been reached.", limited("Subnets per VPC", func(w *world) string {
		return refused(w.caller, w.CreateSubnet, sdk.CreateSubnetInput{VpcId: &w.vpc, CidrBlock: new("10.0.9.0/24")})
	})},
	{"InvalidSubnetID.NotFound: The subnet ID 'subnet-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteSubnet, sdk.DeleteSubnetInput{SubnetId: none("subnet")})
	}},
	{"InvalidSubnetCidrBlockAssociationID.NotFound: The subnet CIDR block with association ID subnet-cidr-assoc-0123456789abcdef0 does not exist", func(w *world) string {
		return refused(w.caller, w.DisassociateSubnetCidrBlock, sdk.DisassociateSubnetCidrBlockInput{AssociationId: none("subnet-cidr-assoc")})
	}},
	{"InvalidDhcpOptionID.NotFound: The dhcpOptions ID 'dopt-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteDhcpOptions, sdk.DeleteDhcpOptionsInput{DhcpOptionsId: none("dopt")})
	}},

	// interfaces and addresses
	{"SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached.", limited("Security groups per network interface", func(w *world) string {
		return refused(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet, Groups: []string{w.group, w.web}})
	})},
	{"InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request.", func(w *world) string {
		tiny := do(w.caller, w.CreateSubnet, sdk.CreateSubnetInput{VpcId: &w.vpc, CidrBlock: new("10.0.8.0/28")}).Subnet.SubnetId
		return refused(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: tiny, SecondaryPrivateIpAddressCount: new(int32(11))})
	}},
	{"InvalidIPAddress.InUse: Address 10.0.1.20 is in use.", func(w *world) string {
		return refused(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet, PrivateIpAddress: new("10.0.1.20")})
	}},
	{"NetworkInterfaceLimitExceeded: You have reached the limit of 1 network interfaces.", limited("Network interfaces per Region", func(w *world) string {
		return refused(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet})
	})},
	{"PrivateIpAddressLimitExceeded: Number of private addresses will exceed limit.", func(w *world) string {
		return refused(w.caller, w.AssignPrivateIpAddresses, sdk.AssignPrivateIpAddressesInput{NetworkInterfaceId: &w.eni, SecondaryPrivateIpAddressCount: new(int32(20))})
	}},
	{"InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteNetworkInterface, sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: none("eni")})
	}},
	{"AttachmentLimitExceeded: Interface count 3 exceeds the limit for t3.micro", func(w *world) string {
		one := do(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet}).NetworkInterface.NetworkInterfaceId
		return refused(w.caller, w.AttachNetworkInterface, sdk.AttachNetworkInterfaceInput{InstanceId: &w.instance, NetworkInterfaceId: one, DeviceIndex: new(int32(2))})
	}},
	{"InvalidNetworkInterface.InUse: Interface: [*] in use.", func(w *world) string {
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) {
			in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: new(int32(0)), NetworkInterfaceId: &w.eni}}
		}))
	}},
	{"IncorrectState: Instance '*' is not 'running'.", func(w *world) string {
		one := do(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet}).NetworkInterface.NetworkInterfaceId
		return refused(w.caller, w.AttachNetworkInterface, sdk.AttachNetworkInterfaceInput{InstanceId: w.ended(), NetworkInterfaceId: one, DeviceIndex: new(int32(1))})
	}},
	{"InvalidAttachmentID.NotFound: The network interface attachment ID 'eni-attach-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DetachNetworkInterface, sdk.DetachNetworkInterfaceInput{AttachmentId: none("eni-attach")})
	}},
	{"InvalidAllocationID.NotFound: The allocation ID 'eipalloc-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.ReleaseAddress, sdk.ReleaseAddressInput{AllocationId: none("eipalloc")})
	}},
	{"InvalidAddress.NotFound: Address '192.0.2.1' not found.", func(w *world) string {
		return refused(w.caller, w.DescribeAddresses, sdk.DescribeAddressesInput{PublicIps: []string{"192.0.2.1"}})
	}},
	{"AddressLimitExceeded: The maximum number of addresses has been reached.", limited("EC2-VPC Elastic IPs", func(w *world) string { return refused(w.caller, w.AllocateAddress, sdk.AllocateAddressInput{}) })},

	// instances
	{"InvalidAMIID.NotFound: The image id '[ami-0123456789abcdef0]' does not exist", func(w *world) string {
		return refused(w.caller, w.DescribeImages, sdk.DescribeImagesInput{ImageIds: []string{*none("ami")}})
	}},
	{`InvalidAMIID.Malformed: Invalid id: "debian" (expecting "ami-...")`, func(w *world) string {
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) { in.ImageId = new("debian") }))
	}},
	{"InvalidKeyPair.NotFound: The key pair 'nobodys' does not exist", func(w *world) string {
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) { in.KeyName = new("nobodys") }))
	}},
	{"InstanceLimitExceeded: You have requested more instances (*) than your current instance limit of * allows for the specified instance type.", func(w *world) string {
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) { in.MinCount, in.MaxCount = new(int32(1e6)), new(int32(1e6)) }))
	}},
	{"MissingInput: No subnets found for the default VPC '*'. Please specify a subnet.", func(w *world) string {
		bare := w.as(w.account, "eu-west-1")
		for _, n := range do(bare, bare.DescribeSubnets, sdk.DescribeSubnetsInput{}).Subnets {
			do(bare, bare.DeleteSubnet, sdk.DeleteSubnetInput{SubnetId: n.SubnetId})
		}
		return refused(bare, bare.RunInstances, launch(func(*sdk.RunInstancesInput) {}))
	}},
	{"InvalidUserData.Malformed: Invalid BASE64 encoding of user data", func(w *world) string {
		return refused(w.caller, w.RunInstances, launch(func(in *sdk.RunInstancesInput) { in.UserData = new("#!/bin/sh") }))
	}},
	{"InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.TerminateInstances, sdk.TerminateInstancesInput{InstanceIds: []string{*none("i")}})
	}},
	{`InvalidInstanceID.Malformed: Invalid id: "web"*`, func(w *world) string {
		return refused(w.caller, w.DescribeInstances, sdk.DescribeInstancesInput{InstanceIds: []string{"web"}})
	}},
	{"IncorrectInstanceState: The instance '*' is not in a state from which it can be started.", func(w *world) string {
		return refused(w.caller, w.StartInstances, sdk.StartInstancesInput{InstanceIds: []string{*w.ended()}})
	}},
	{"InvalidInstanceID: There are multiple interfaces attached to instance '*'. Please specify an interface ID for the operation instead.", func(w *world) string {
		return refused(w.caller, w.ModifyInstanceAttribute, sdk.ModifyInstanceAttributeInput{InstanceId: &w.instance, Groups: []string{w.web}})
	}},
	{"InvalidInstanceType: The following supplied instance types do not exist: [z9.huge]", func(w *world) string {
		return refused(w.caller, w.DescribeInstanceTypes, sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"z9.huge"}})
	}},
	{"InvalidVolume.NotFound: The volume 'vol-0123456789abcdef0' does not exist.", func(w *world) string {
		return refused(w.caller, w.DescribeVolumes, sdk.DescribeVolumesInput{VolumeIds: []string{*none("vol")}})
	}},

	// routing
	{"InvalidRouteTableID.NotFound: The routeTable ID 'rtb-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteRouteTable, sdk.DeleteRouteTableInput{RouteTableId: none("rtb")})
	}},
	{"RouteAlreadyExists: The route identified by 192.0.2.0/24 already exists.", func(w *world) string {
		return refused(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("192.0.2.0/24"), GatewayId: &w.gateway})
	}},
	{"InvalidRoute.NotFound: no route with destination-cidr-block 192.0.2.128/25 in route table *", func(w *world) string {
		return refused(w.caller, w.DeleteRoute, sdk.DeleteRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("192.0.2.128/25")})
	}},
	{"InvalidGatewayID.NotFound: The gateway ID 'vgw-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("192.0.2.128/25"), GatewayId: none("vgw")})
	}},
	{"InvalidInternetGatewayID.NotFound: The internetGateway ID 'igw-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteInternetGateway, sdk.DeleteInternetGatewayInput{InternetGatewayId: none("igw")})
	}},
	{"NatGatewayNotFound: The Nat Gateway nat-0123456789abcdef0 was not found", func(w *world) string {
		return refused(w.caller, w.DeleteNatGateway, sdk.DeleteNatGatewayInput{NatGatewayId: none("nat")})
	}},
	{`NatGatewayMalformed: Invalid id: "nat" (expecting "nat-...")`, func(w *world) string {
		return refused(w.caller, w.DeleteNatGateway, sdk.DeleteNatGatewayInput{NatGatewayId: new("nat")})
	}},
	{"NatGatewayLimitExceeded: The maximum number of NAT Gateways has been reached.", limited("NAT gateways per Availability Zone", func(w *world) string {
		return refused(w.caller, w.CreateNatGateway, sdk.CreateNatGatewayInput{SubnetId: &w.subnet, ConnectivityType: types.ConnectivityTypePrivate})
	})},
	{"Resource.AlreadyAssociated: resource * is already attached to network *", func(w *world) string {
		v := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("cidr", "10.101.0.0/16")}).Vpcs[0].VpcId
		return refused(w.caller, w.AttachInternetGateway, sdk.AttachInternetGatewayInput{InternetGatewayId: &w.gateway, VpcId: v})
	}},
	{"RouteLimitExceeded: The maximum number of routes has been reached.", limited("Routes per route table", func(w *world) string {
		return refused(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("192.0.2.128/25"), GatewayId: &w.gateway})
	})},
	{"RouteTableLimitExceeded: The maximum number of route tables has been reached.", limited("Route tables per VPC", func(w *world) string {
		return refused(w.caller, w.CreateRouteTable, sdk.CreateRouteTableInput{VpcId: &w.vpc})
	})},
	{"Gateway.NotAttached: resource * is not attached to network *", func(w *world) string {
		v := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("cidr", "10.101.0.0/16")}).Vpcs[0].VpcId
		return refused(w.caller, w.DetachInternetGateway, sdk.DetachInternetGatewayInput{InternetGatewayId: &w.gateway, VpcId: v})
	}},
	{"InternetGatewayLimitExceeded: The maximum number of internet gateways has been reached.", limited("Internet gateways per Region", func(w *world) string {
		return refused(w.caller, w.CreateInternetGateway, sdk.CreateInternetGatewayInput{})
	})},
	{"InvalidEgressOnlyInternetGatewayId.NotFound: The egressOnlyInternetGateway ID 'eigw-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteEgressOnlyInternetGateway, sdk.DeleteEgressOnlyInternetGatewayInput{EgressOnlyInternetGatewayId: none("eigw")})
	}},
	{`InvalidPrefixListId.Malformed: Invalid id: "pl" (expecting "pl-...")`, func(w *world) string {
		return refused(w.caller, w.DescribeManagedPrefixLists, sdk.DescribeManagedPrefixListsInput{PrefixListIds: []string{"pl"}})
	}},
	{"PrefixListVersionMismatch: The prefix list has the incorrect version number.", func(w *world) string {
		return refused(w.caller, w.ModifyManagedPrefixList, sdk.ModifyManagedPrefixListInput{PrefixListId: &w.list, CurrentVersion: new(int64(1)), AddEntries: []types.AddPrefixListEntry{{Cidr: new("10.0.0.0/8")}}})
	}},
	{"PrefixListMaxEntriesExceeded: You've reached the maximum number of entries for the prefix list.", func(w *world) string {
		return refused(w.caller, w.CreateManagedPrefixList, sdk.CreateManagedPrefixListInput{PrefixListName: new("full"), AddressFamily: new("IPv4"), MaxEntries: new(int32(1)),
			Entries: []types.AddPrefixListEntry{{Cidr: new("10.0.0.0/8")}, {Cidr: new("192.0.2.0/24")}}})
	}},
	{"InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID 'pcx-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteVpcPeeringConnection, sdk.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: none("pcx")})
	}},
	{"VpcPeeringConnectionAlreadyExists: A VPC peering connection between the VPCs * and * already exists: *", func(w *world) string {
		return refused(w.caller, w.CreateVpcPeeringConnection, sdk.CreateVpcPeeringConnectionInput{VpcId: &w.vpc, PeerVpcId: &w.peerVPC, PeerOwnerId: &w.peer.account})
	}},
	{"InvalidStateTransition: Invalid state transition for *, attempted to transition from active to rejected", func(w *world) string {
		return refused(w.peer, w.peer.RejectVpcPeeringConnection, sdk.RejectVpcPeeringConnectionInput{VpcPeeringConnectionId: &w.pcx})
	}},
	{"OutstandingVpcPeeringConnectionLimitExceeded: The maximum number of outstanding VPC peering connection requests has been reached.", limited("Outstanding VPC peering connection requests", func(w *world) string {
		v := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("cidr", "10.101.0.0/16")}).Vpcs[0].VpcId
		return refused(w.caller, w.CreateVpcPeeringConnection, sdk.CreateVpcPeeringConnectionInput{VpcId: v, PeerVpcId: &w.peerVPC, PeerOwnerId: &w.peer.account})
	})},

	// flow logs and network insights
	{"FlowLogAlreadyExists: Error. There is an existing Flow Log with the same configuration and log destination.", func(w *world) string {
		again := sdk.CreateFlowLogsInput{ResourceIds: []string{w.private}, ResourceType: types.FlowLogsResourceTypeSubnet, TrafficType: types.TrafficTypeAccept, LogDestinationType: types.LogDestinationTypeS3, LogDestination: new("arn:aws:s3:::again")}
		do(w.caller, w.CreateFlowLogs, again)
		return refused(w.caller, w.CreateFlowLogs, again)
	}},
	{"FlowLogsLimitExceeded: The maximum number of flow logs for '*' has been reached.", limited("Flow logs per VPC, subnet or network interface", func(w *world) string {
		return refused(w.caller, w.CreateFlowLogs, sdk.CreateFlowLogsInput{ResourceIds: []string{w.vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAccept, LogDestinationType: types.LogDestinationTypeS3, LogDestination: new("arn:aws:s3:::more")})
	})},
	{"InvalidFlowLogId.NotFound: These flow log ids in the input list are not found: [TotalCount: 1] fl-0123456789abcdef0", func(w *world) string {
		return refused(w.caller, w.DescribeFlowLogs, sdk.DescribeFlowLogsInput{FlowLogIds: []string{*none("fl")}})
	}},
	{"InvalidNetworkInsightsPathId.NotFound: The networkInsightsPath ID 'nip-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteNetworkInsightsPath, sdk.DeleteNetworkInsightsPathInput{NetworkInsightsPathId: none("nip")})
	}},
	{"InvalidNetworkInsightsAnalysisId.NotFound: The networkInsightsAnalysis ID 'nia-0123456789abcdef0' does not exist", func(w *world) string {
		return refused(w.caller, w.DeleteNetworkInsightsAnalysis, sdk.DeleteNetworkInsightsAnalysisInput{NetworkInsightsAnalysisId: none("nia")})
	}},
	{"AnalysisExistsForNetworkInsightsPath: The networkInsightsPath '*' has analyses and cannot be deleted.", func(w *world) string {
		a := do(w.caller, w.DescribeNetworkInsightsAnalyses, sdk.DescribeNetworkInsightsAnalysesInput{}).NetworkInsightsAnalyses[0]
		return refused(w.caller, w.DeleteNetworkInsightsPath, sdk.DeleteNetworkInsightsPathInput{NetworkInsightsPathId: a.NetworkInsightsPathId})
	}},
}
