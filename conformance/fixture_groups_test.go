package conformance

import (
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// makeGroups makes security groups, and gives one to a second VPC for a while and another for good.
func (w *world) makeGroups() {
	for i := range several {
		w.group = *do(w.caller, w.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new(fmt.Sprintf("app-%d", i)), Description: new("d"), VpcId: &w.vpc,
			TagSpecifications: tagged(types.ResourceTypeSecurityGroup)}).GroupId
	}
	w.web = *do(w.caller, w.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("web"), Description: new("d"), VpcId: &w.vpc}).GroupId
	for i, v := range do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("cidr", "10.10?.0.0/16")}).Vpcs {
		do(w.caller, w.AssociateSecurityGroupVpc, sdk.AssociateSecurityGroupVpcInput{GroupId: &w.web, VpcId: v.VpcId})
		if i == 0 {
			do(w.caller, w.AssociateSecurityGroupVpc, sdk.AssociateSecurityGroupVpcInput{GroupId: &w.group, VpcId: v.VpcId})
			do(w.caller, w.DisassociateSecurityGroupVpc, sdk.DisassociateSecurityGroupVpcInput{GroupId: &w.group, VpcId: v.VpcId})
		}
	}
}

// makePeering connects the VPC with one of the other account, whose group the rules then name.
func (w *world) makePeering() {
	v := do(w.peer, w.peer.CreateVpc, sdk.CreateVpcInput{CidrBlock: new("10.50.0.0/16"), AmazonProvidedIpv6CidrBlock: new(true)}).Vpc
	w.peerVPC = *v.VpcId
	w.peerGroup = *do(w.peer, w.peer.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("theirs"), Description: new("d"), VpcId: v.VpcId}).GroupId
	request := func() *string {
		return do(w.caller, w.CreateVpcPeeringConnection, sdk.CreateVpcPeeringConnectionInput{VpcId: &w.vpc, PeerVpcId: v.VpcId, PeerOwnerId: &w.peer.account,
			TagSpecifications: tagged(types.ResourceTypeVpcPeeringConnection)}).VpcPeeringConnection.VpcPeeringConnectionId
	}
	for range several {
		do(w.peer, w.peer.RejectVpcPeeringConnection, sdk.RejectVpcPeeringConnectionInput{VpcPeeringConnectionId: request()})
	}
	w.pcx = *request()
	home := do(w.caller, w.DescribeVpcs, sdk.DescribeVpcsInput{Filters: filter("is-default", "true")}).Vpcs[0].VpcId
	do(w.caller, w.CreateVpcPeeringConnection, sdk.CreateVpcPeeringConnectionInput{VpcId: home, PeerVpcId: v.VpcId, PeerOwnerId: &w.peer.account}) // nobody answers
	do(w.peer, w.peer.AcceptVpcPeeringConnection, sdk.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: &w.pcx})
	resolve := &types.PeeringConnectionOptionsRequest{AllowDnsResolutionFromRemoteVpc: new(true)}
	do(w.peer, w.peer.ModifyVpcAttribute, sdk.ModifyVpcAttributeInput{VpcId: v.VpcId, EnableDnsHostnames: yes()})
	do(w.caller, w.ModifyVpcPeeringConnectionOptions, sdk.ModifyVpcPeeringConnectionOptionsInput{VpcPeeringConnectionId: &w.pcx, RequesterPeeringConnectionOptions: resolve})
	do(w.peer, w.peer.ModifyVpcPeeringConnectionOptions, sdk.ModifyVpcPeeringConnectionOptionsInput{VpcPeeringConnectionId: &w.pcx, AccepterPeeringConnectionOptions: resolve})
	do(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("10.50.0.0/16"), VpcPeeringConnectionId: &w.pcx})
}

// permissions are rules of every kind of peer.
func (w *world) permissions() []types.IpPermission {
	return []types.IpPermission{{
		IpProtocol: new("tcp"), FromPort: new(int32(80)), ToPort: new(int32(443)),
		IpRanges:         []types.IpRange{{CidrIp: new("203.0.113.0/24"), Description: new("d")}},
		Ipv6Ranges:       []types.Ipv6Range{{CidrIpv6: new("2001:db8::/32"), Description: new("d")}},
		PrefixListIds:    []types.PrefixListId{{PrefixListId: &w.list, Description: new("d")}},
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &w.web, Description: new("d")}, {GroupId: &w.peerGroup, UserId: &w.peer.account, VpcPeeringConnectionId: &w.pcx, Description: new("d")}},
	}}
}

// makeRules authorizes, changes, describes and revokes rules in both directions.
func (w *world) makeRules() {
	for _, g := range do(w.caller, w.DescribeSecurityGroups, sdk.DescribeSecurityGroupsInput{Filters: filter("group-name", "app-?")}).SecurityGroups {
		if *g.GroupId != w.group {
			do(w.caller, w.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{GroupId: g.GroupId, IpPermissions: w.permissions()})
		}
	}
	in := do(w.caller, w.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{GroupId: &w.group, IpPermissions: w.permissions(), TagSpecifications: tagged(types.ResourceTypeSecurityGroupRule)})
	do(w.caller, w.AuthorizeSecurityGroupEgress, sdk.AuthorizeSecurityGroupEgressInput{GroupId: &w.group, IpPermissions: w.permissions(), TagSpecifications: tagged(types.ResourceTypeSecurityGroupRule)})
	do(w.caller, w.UpdateSecurityGroupRuleDescriptionsIngress, sdk.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: &w.group, IpPermissions: w.permissions()})
	do(w.caller, w.UpdateSecurityGroupRuleDescriptionsEgress, sdk.UpdateSecurityGroupRuleDescriptionsEgressInput{GroupId: &w.group, IpPermissions: w.permissions()})
	do(w.caller, w.ModifySecurityGroupRules, sdk.ModifySecurityGroupRulesInput{GroupId: &w.group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
		SecurityGroupRuleId: in.SecurityGroupRules[0].SecurityGroupRuleId,
		SecurityGroupRule:   &types.SecurityGroupRuleRequest{IpProtocol: new("tcp"), FromPort: new(int32(22)), ToPort: new(int32(22)), CidrIpv4: new("203.0.113.0/24"), Description: new("d")}}}})
	do(w.peer, w.peer.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{GroupId: &w.peerGroup, IpPermissions: []types.IpPermission{{
		IpProtocol: new("tcp"), FromPort: new(int32(80)), ToPort: new(int32(80)), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &w.web, UserId: &w.account}}}}})

	spare := do(w.caller, w.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("spare"), Description: new("d"), VpcId: &w.vpc}).GroupId
	do(w.caller, w.AuthorizeSecurityGroupIngress, sdk.AuthorizeSecurityGroupIngressInput{GroupId: spare, IpPermissions: w.permissions()})
	do(w.caller, w.AuthorizeSecurityGroupEgress, sdk.AuthorizeSecurityGroupEgressInput{GroupId: spare, IpPermissions: w.permissions()})
	do(w.caller, w.RevokeSecurityGroupIngress, sdk.RevokeSecurityGroupIngressInput{GroupId: spare, IpPermissions: w.permissions()})
	do(w.caller, w.RevokeSecurityGroupEgress, sdk.RevokeSecurityGroupEgressInput{GroupId: spare, IpPermissions: w.permissions()})
	do(w.caller, w.DeleteSecurityGroup, sdk.DeleteSecurityGroupInput{GroupId: spare})

	// In the default VPC what is not there does not spoil a revoke; it is named.
	home := do(w.caller, w.CreateSecurityGroup, sdk.CreateSecurityGroupInput{GroupName: new("home"), Description: new("d")}).GroupId
	unknown := []types.IpPermission{{IpProtocol: new("tcp"), FromPort: new(int32(1)), ToPort: new(int32(2)), IpRanges: []types.IpRange{{CidrIp: new("10.0.0.0/8"), Description: new("d")}},
		Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: new("::/0"), Description: new("d")}}, PrefixListIds: []types.PrefixListId{{PrefixListId: &w.list, Description: new("d")}},
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: home, UserId: &w.account, Description: new("d")}}}}
	do(w.caller, w.RevokeSecurityGroupIngress, sdk.RevokeSecurityGroupIngressInput{GroupId: home, IpPermissions: unknown})
	do(w.caller, w.RevokeSecurityGroupEgress, sdk.RevokeSecurityGroupEgressInput{GroupId: home, IpPermissions: unknown})
}
