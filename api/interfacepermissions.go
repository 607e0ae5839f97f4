package api

import (
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// createNetworkInterfacePermission lets another account attach the interface to its instances, or
// associate its Elastic IPs with it.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterfacePermission.html
func createNetworkInterfacePermission(e *vpc.Edit, in *ec2.CreateNetworkInterfacePermissionInput) (*ec2.CreateNetworkInterfacePermissionOutput, error) {
	i, err := ownInterface(e.State, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if value(in.AwsService) != "" {
		return nil, unsupported("AwsService")
	}
	if !slices.Contains([]string{"INSTANCE-ATTACH", "EIP-ASSOCIATE"}, in.Permission) {
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for Permission.", in.Permission)
	}
	grantee, err := need("awsAccountId", in.AwsAccountId)
	switch {
	case err != nil:
		return nil, err
	case !vpc.IsAccount(grantee):
		return nil, invalid("awsAccountId", grantee, "It must be the 12 digits of an account.")
	case grantee == e.Account:
		return nil, invalid("awsAccountId", grantee, "The network interface belongs to this account.")
	}
	for p := range e.Permissions.By("interface", i.ID) {
		switch {
		case p.Grantee != grantee:
			return nil, vpc.Errorf("OperationNotPermitted", "The network interface '%s' has a permission for another account.", i.ID)
		case p.Permission == in.Permission:
			return &ec2.CreateNetworkInterfacePermissionOutput{InterfacePermission: new(describePermission(p))}, nil
		}
	}
	p := &vpc.InterfacePermission{ID: e.NewID("eni-perm"), Scope: e.Scope, Interface: i.ID, Grantee: grantee, Permission: in.Permission}
	e.Permissions.Put(p)
	return &ec2.CreateNetworkInterfacePermissionOutput{InterfacePermission: new(describePermission(p))}, nil
}

// deleteNetworkInterfacePermission takes a permission back; by force, if it is made use of.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterfacePermission.html
func deleteNetworkInterfacePermission(e *vpc.Edit, in *ec2.DeleteNetworkInterfacePermissionInput) (*ec2.DeleteNetworkInterfacePermissionOutput, error) {
	p, err := permissionIDs.find(e.State, *in.NetworkInterfacePermissionId)
	if err != nil {
		return nil, err
	}
	if !value(in.Force) && permissionUsed(e.State, p) {
		return nil, vpc.Errorf("OperationNotPermitted", "The network interface permission '%s' is in use.", p.ID)
	}
	e.Permissions.Delete(p.ID)
	return &ec2.DeleteNetworkInterfacePermissionOutput{Return: new(true)}, nil
}

// permissionUsed tells whether the grantee did what it was permitted.
func permissionUsed(s *vpc.State, p *vpc.InterfacePermission) bool {
	if p.Permission == "INSTANCE-ATTACH" {
		i := s.Interfaces.Get(p.Interface)
		return i.Attachment != nil && s.Instances.Get(i.Attachment.Instance).Account == p.Grantee
	}
	for a := range s.ElasticIPs.By("interface", p.Interface) {
		if a.Account == p.Grantee {
			return true
		}
	}
	return false
}

// permittedInterface finds an interface of the account, or one of another account that lets it do this.
func permittedInterface(s *vpc.State, id, permission string) (*vpc.Interface, error) {
	i, err := interfaceIDs.find(s, id)
	if err == nil {
		return i, nil
	}
	for p := range s.Permissions.By("interface", id) {
		if p.Grantee == s.Account && p.Region == s.Region && p.Permission == permission {
			return s.Interfaces.Get(id), nil
		}
	}
	return nil, err
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfacePermissions.html
func describeNetworkInterfacePermissions(s *vpc.State, in *ec2.DescribeNetworkInterfacePermissionsInput) (*ec2.DescribeNetworkInterfacePermissionsOutput, error) {
	page, next, err := describe(s, in, permissionIDs, in.NetworkInterfacePermissionIds, permissionListing, describePermission)
	return &ec2.DescribeNetworkInterfacePermissionsOutput{NetworkInterfacePermissions: page, NextToken: next}, err
}

func describePermission(p *vpc.InterfacePermission) ec2.NetworkInterfacePermission {
	return ec2.NetworkInterfacePermission{NetworkInterfacePermissionId: new(p.ID), NetworkInterfaceId: new(p.Interface), AwsAccountId: new(p.Grantee),
		Permission: p.Permission, PermissionState: &ec2.NetworkInterfacePermissionState{State: "granted"}}
}

var permissionListing = listing[ec2.NetworkInterfacePermission]{
	paging: paging{5, 255, "", false},
	key:    func(p *ec2.NetworkInterfacePermission) string { return *p.NetworkInterfacePermissionId },
	filters: filters[ec2.NetworkInterfacePermission]{
		"network-interface-permission.network-interface-permission-id": func(p *ec2.NetworkInterfacePermission) []string { return of(p.NetworkInterfacePermissionId) },
		"network-interface-permission.network-interface-id":            func(p *ec2.NetworkInterfacePermission) []string { return of(p.NetworkInterfaceId) },
		"network-interface-permission.aws-account-id":                  func(p *ec2.NetworkInterfacePermission) []string { return of(p.AwsAccountId) },
		"network-interface-permission.permission":                      func(p *ec2.NetworkInterfacePermission) []string { return of(p.Permission) },
	}.never("network-interface-permission.aws-service"),
}
