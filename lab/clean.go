package lab

import (
	"net/url"

	"crenel/ec2"
)

// clean takes away what the scenario made, so that the next one finds the cell as this one did. It does
// what it can: where something fails, the next scenario will say so.
func (p *play) clean() {
	for _, e := range p.elastics {
		_ = p.on.call("DisassociateAddress", url.Values{"AssociationId": {e.association}}, &ec2.DisassociateAddressOutput{})
		_ = p.on.call("ReleaseAddress", url.Values{"AllocationId": {e.allocation}}, &ec2.ReleaseAddressOutput{})
	}
	for _, id := range p.instances {
		_ = p.on.call("TerminateInstances", url.Values{"InstanceId.1": {id}}, &ec2.TerminateInstancesOutput{})
	}
	for _, id := range p.instances {
		_ = p.on.settle(id, "terminated")
	}
	// Groups that name one another go only without their rules.
	for _, id := range p.groups {
		p.empty(id)
	}
	for _, id := range p.groups {
		_ = p.on.call("DeleteSecurityGroup", url.Values{"GroupId": {id}}, &ec2.DeleteSecurityGroupOutput{})
	}
	for _, id := range p.lists { // whose referrers are gone
		_ = p.on.call("DeleteManagedPrefixList", url.Values{"PrefixListId": {id}}, &ec2.DeleteManagedPrefixListOutput{})
	}
	for _, name := range p.quotas {
		_ = p.on.quota(name, "default")
	}
	for subnet, acl := range p.aclBefore {
		_ = p.setACL(subnet, acl)
	}
	for _, id := range p.subnets {
		if !p.isDefault(id) {
			_ = p.on.call("DeleteSubnet", url.Values{"SubnetId": {id}}, &ec2.DeleteSubnetOutput{})
		}
	}
	for _, id := range p.acls {
		_ = p.on.call("DeleteNetworkAcl", url.Values{"NetworkAclId": {id}}, &ec2.DeleteNetworkAclOutput{})
	}
	for name := range p.nats {
		_ = p.unnat(name)
	}
	for _, id := range p.egresses {
		_ = p.on.call("DeleteEgressOnlyInternetGateway", url.Values{"EgressOnlyInternetGatewayId": {id}}, &ec2.DeleteEgressOnlyInternetGatewayOutput{})
	}
	for _, id := range p.peerings { // some are gone already
		_ = p.on.call("DeleteVpcPeeringConnection", url.Values{"VpcPeeringConnectionId": {id}}, &ec2.DeleteVpcPeeringConnectionOutput{})
	}
	for _, t := range p.tables { // whose subnets are gone
		_ = p.on.call("DeleteRouteTable", url.Values{"RouteTableId": {t.id}}, &ec2.DeleteRouteTableOutput{})
	}
	for id, gateway := range p.gateways {
		_ = p.on.call("DetachInternetGateway", url.Values{"VpcId": {id}, "InternetGatewayId": {gateway}}, &ec2.DetachInternetGatewayOutput{})
		_ = p.on.call("DeleteInternetGateway", url.Values{"InternetGatewayId": {gateway}}, &ec2.DeleteInternetGatewayOutput{})
	}
	for _, id := range p.vpcs {
		// The default VPC still has its subnets and stays.
		_ = p.on.call("DeleteVpc", url.Values{"VpcId": {id}}, &ec2.DeleteVpcOutput{})
	}
}

// empty revokes the rules that name other groups.
func (p *play) empty(group string) {
	var out ec2.DescribeSecurityGroupRulesOutput
	err := p.on.call("DescribeSecurityGroupRules", url.Values{"Filter.1.Name": {"group-id"}, "Filter.1.Value.1": {group}}, &out)
	if err != nil {
		return
	}
	for _, r := range out.SecurityGroupRules {
		if r.ReferencedGroupInfo == nil || *r.ReferencedGroupInfo.GroupId == group {
			continue
		}
		form := url.Values{"GroupId": {group}, "SecurityGroupRuleId.1": {*r.SecurityGroupRuleId}}
		if *r.IsEgress {
			_ = p.on.call("RevokeSecurityGroupEgress", form, &ec2.RevokeSecurityGroupEgressOutput{})
		} else {
			_ = p.on.call("RevokeSecurityGroupIngress", form, &ec2.RevokeSecurityGroupIngressOutput{})
		}
	}
}

func (p *play) isDefault(subnet string) bool {
	var out ec2.DescribeSubnetsOutput
	err := p.on.call("DescribeSubnets", url.Values{"SubnetId.1": {subnet}}, &out)
	return err == nil && *out.Subnets[0].DefaultForAz
}
