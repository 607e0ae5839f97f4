package conformance

import (
	"cmp"
	"encoding/base64"
	"reflect"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// makeInterfaces makes an interface that has all that one may have, and takes some of it from another.
func (w *world) makeInterfaces() {
	full := sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet, Description: new("full"), Groups: []string{w.group, w.web}, EnablePrimaryIpv6: new(true), Ipv6AddressCount: new(int32(1)),
		PrivateIpAddresses:              []types.PrivateIpAddressSpecification{{PrivateIpAddress: new("10.0.1.20"), Primary: new(true)}, {PrivateIpAddress: new("10.0.1.21")}},
		ConnectionTrackingSpecification: &types.ConnectionTrackingSpecificationRequest{TcpEstablishedTimeout: new(int32(600)), UdpStreamTimeout: new(int32(100)), UdpTimeout: new(int32(40))},
		ClientToken:                     token(), TagSpecifications: tagged(types.ResourceTypeNetworkInterface)}
	w.eni = *do(w.caller, w.CreateNetworkInterface, full).NetworkInterface.NetworkInterfaceId
	prefixed := do(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet, Ipv4PrefixCount: new(int32(1)), Ipv6PrefixCount: new(int32(1))}).NetworkInterface
	spare := prefixed.NetworkInterfaceId
	out4 := do(w.caller, w.AssignPrivateIpAddresses, sdk.AssignPrivateIpAddressesInput{NetworkInterfaceId: spare, SecondaryPrivateIpAddressCount: new(int32(1))})
	prefix4 := do(w.caller, w.AssignPrivateIpAddresses, sdk.AssignPrivateIpAddressesInput{NetworkInterfaceId: spare, Ipv4PrefixCount: new(int32(1))}).AssignedIpv4Prefixes[0].Ipv4Prefix
	do(w.caller, w.UnassignPrivateIpAddresses, sdk.UnassignPrivateIpAddressesInput{NetworkInterfaceId: spare, PrivateIpAddresses: []string{*out4.AssignedPrivateIpAddresses[0].PrivateIpAddress}, Ipv4Prefixes: []string{*prefix4}})
	address6 := do(w.caller, w.AssignIpv6Addresses, sdk.AssignIpv6AddressesInput{NetworkInterfaceId: spare, Ipv6AddressCount: new(int32(1))}).AssignedIpv6Addresses
	prefix6 := do(w.caller, w.AssignIpv6Addresses, sdk.AssignIpv6AddressesInput{NetworkInterfaceId: spare, Ipv6PrefixCount: new(int32(1))}).AssignedIpv6Prefixes
	do(w.caller, w.UnassignIpv6Addresses, sdk.UnassignIpv6AddressesInput{NetworkInterfaceId: spare, Ipv6Addresses: address6, Ipv6Prefixes: prefix6})
	do(w.caller, w.ModifyNetworkInterfaceAttribute, sdk.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: spare, SourceDestCheck: no()})
	do(w.caller, w.ResetNetworkInterfaceAttribute, sdk.ResetNetworkInterfaceAttributeInput{NetworkInterfaceId: spare, SourceDestCheck: new("true")})
	for range several {
		lent := do(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.private}).NetworkInterface.NetworkInterfaceId
		do(w.caller, w.CreateNetworkInterfacePermission, sdk.CreateNetworkInterfacePermissionInput{NetworkInterfaceId: lent, AwsAccountId: &w.peer.account, Permission: types.InterfacePermissionTypeInstanceAttach})
	}
	permission := do(w.caller, w.CreateNetworkInterfacePermission, sdk.CreateNetworkInterfacePermissionInput{NetworkInterfaceId: spare, AwsAccountId: &w.peer.account, Permission: types.InterfacePermissionTypeInstanceAttach})
	do(w.caller, w.DeleteNetworkInterfacePermission, sdk.DeleteNetworkInterfacePermissionInput{NetworkInterfacePermissionId: permission.InterfacePermission.NetworkInterfacePermissionId, Force: new(true)})
	do(w.caller, w.DeleteNetworkInterface, sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: do(w.caller, w.CreateNetworkInterface, sdk.CreateNetworkInterfaceInput{SubnetId: &w.subnet}).NetworkInterface.NetworkInterfaceId})
}

// makeStored makes what launches need: key pairs and a launch template that says everything.
func (w *world) makeStored() {
	do(w.caller, w.CreateKeyPair, sdk.CreateKeyPairInput{KeyName: new("ops"), KeyType: types.KeyTypeEd25519, TagSpecifications: tagged(types.ResourceTypeKeyPair)})
	do(w.caller, w.ImportKeyPair, sdk.ImportKeyPairInput{KeyName: new("mine"), TagSpecifications: tagged(types.ResourceTypeKeyPair),
		PublicKeyMaterial: []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDCBm5SmnlO1yYcvDJkHDkjcbL6+1Z3MCgC1O4s2zLPk a@example")})
	do(w.caller, w.CreateKeyPair, sdk.CreateKeyPairInput{KeyName: new("gone")})
	do(w.caller, w.DeleteKeyPair, sdk.DeleteKeyPairInput{KeyName: new("gone")})

	data := new(types.RequestLaunchTemplateData)
	(&filler{yes: true}).fill(reflect.ValueOf(data).Elem())
	data.InstanceType, data.ImageId, data.UserData, data.InstanceInitiatedShutdownBehavior = types.InstanceTypeT3Micro, new("ami-0123456789abcdef0"), new("IyEvYmluL3NoCg=="), types.ShutdownBehaviorStop
	data.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{{ResourceType: types.ResourceTypeInstance, Tags: tagged("")[0].Tags}}
	for _, name := range []string{"everything", "another", "gone"} {
		do(w.caller, w.CreateLaunchTemplate, sdk.CreateLaunchTemplateInput{LaunchTemplateName: &name, VersionDescription: new("d"), LaunchTemplateData: data, ClientToken: token(),
			TagSpecifications: tagged(types.ResourceTypeLaunchTemplate)})
	}
	do(w.caller, w.DeleteLaunchTemplate, sdk.DeleteLaunchTemplateInput{LaunchTemplateName: new("gone")})
}

// makeInstances launches one instance that has all that one may have, one that is stopped and started, and one that ends.
func (w *world) makeInstances() {
	images := do(w.caller, w.DescribeImages, sdk.DescribeImagesInput{Filters: filter("name", "al2023-ami-2023*-x86_64")}).Images
	image := images[0].ImageId
	device := *images[0].RootDeviceName
	launch := func(in sdk.RunInstancesInput) types.Instance {
		in.ImageId, in.MinCount, in.MaxCount = image, new(int32(1)), cmp.Or(in.MaxCount, new(int32(1)))
		return do(w.caller, w.RunInstances, in).Instances[0]
	}
	full := launch(sdk.RunInstancesInput{
		InstanceType: types.InstanceTypeT3Micro, KeyName: new("ops"), ClientToken: token(), UserData: new(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n"))),
		NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: new(int32(0)), SubnetId: &w.subnet, Groups: []string{w.group}, AssociatePublicIpAddress: new(true), Description: new("first"),
			Ipv6AddressCount: new(int32(1)), PrimaryIpv6: new(true), DeleteOnTermination: new(true),
			PrivateIpAddresses: []types.PrivateIpAddressSpecification{{PrivateIpAddress: new("10.0.1.10"), Primary: new(true)}, {PrivateIpAddress: new("10.0.1.11")}}}},
		IamInstanceProfile:  &types.IamInstanceProfileSpecification{Name: new("profile")},
		BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: &device, Ebs: &types.EbsBlockDevice{VolumeSize: new(int32(9)), VolumeType: types.VolumeTypeGp3, Iops: new(int32(3000)), Throughput: new(int32(125)), Encrypted: new(true)}}},
		Monitoring:          &types.RunInstancesMonitoringEnabled{Enabled: new(true)}, EbsOptimized: new(true),
		MetadataOptions:     &types.InstanceMetadataOptionsRequest{HttpTokens: types.HttpTokensStateRequired, HttpPutResponseHopLimit: new(int32(2)), InstanceMetadataTags: types.InstanceMetadataTagsStateEnabled},
		CreditSpecification: &types.CreditSpecificationRequest{CpuCredits: new("unlimited")},
		TagSpecifications:   append(tagged(types.ResourceTypeInstance), append(tagged(types.ResourceTypeVolume), tagged(types.ResourceTypeNetworkInterface)...)...),
	})
	w.instance = *full.InstanceId
	w.await(types.InstanceStateNameRunning, w.instance)
	attached := do(w.caller, w.AttachNetworkInterface, sdk.AttachNetworkInterfaceInput{InstanceId: &w.instance, NetworkInterfaceId: &w.eni, DeviceIndex: new(int32(1))}).AttachmentId
	do(w.caller, w.DetachNetworkInterface, sdk.DetachNetworkInterfaceInput{AttachmentId: attached})
	do(w.caller, w.AttachNetworkInterface, sdk.AttachNetworkInterfaceInput{InstanceId: &w.instance, NetworkInterfaceId: &w.eni, DeviceIndex: new(int32(1))})
	do(w.caller, w.ModifyInstanceMetadataOptions, sdk.ModifyInstanceMetadataOptionsInput{InstanceId: &w.instance, HttpProtocolIpv6: types.InstanceMetadataProtocolStateEnabled})
	last := do(w.caller, w.DescribeNetworkInterfaces, sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{w.eni}}).NetworkInterfaces[0].Attachment.AttachmentId
	do(w.caller, w.ModifyNetworkInterfaceAttribute, sdk.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &w.eni, Attachment: &types.NetworkInterfaceAttachmentChanges{AttachmentId: last, DeleteOnTermination: new(true)}})
	do(w.caller, w.CreateRoute, sdk.CreateRouteInput{RouteTableId: &w.table, DestinationCidrBlock: new("198.51.100.0/25"), NetworkInterfaceId: &w.eni})

	other := *launch(sdk.RunInstancesInput{SubnetId: &w.subnet, SecurityGroupIds: []string{w.web}}).InstanceId
	w.lone = other
	w.await(types.InstanceStateNameRunning, other)
	do(w.caller, w.AssociateIamInstanceProfile, sdk.AssociateIamInstanceProfileInput{InstanceId: &other, IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: new("profile")}})
	do(w.caller, w.ModifyInstanceAttribute, sdk.ModifyInstanceAttributeInput{InstanceId: &other, DisableApiStop: yes()})
	do(w.caller, w.ModifyInstanceAttribute, sdk.ModifyInstanceAttributeInput{InstanceId: &other, DisableApiTermination: yes()})
	w.describeAttributes()
	do(w.caller, w.ModifyInstanceAttribute, sdk.ModifyInstanceAttributeInput{InstanceId: &other, DisableApiStop: no()})
	do(w.caller, w.RebootInstances, sdk.RebootInstancesInput{InstanceIds: []string{other}})
	do(w.caller, w.StopInstances, sdk.StopInstancesInput{InstanceIds: []string{other}})
	w.await(types.InstanceStateNameStopped, other)
	w.describe("DescribeInstances", func(reflect.Value) {})
	do(w.caller, w.StartInstances, sdk.StartInstancesInput{InstanceIds: []string{other}})
	w.await(types.InstanceStateNameRunning, other)
	for range several {
		more := *launch(sdk.RunInstancesInput{InstanceType: types.InstanceTypeT3Micro, MaxCount: new(int32(2)), IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: new("profile")}, CreditSpecification: &types.CreditSpecificationRequest{CpuCredits: new("unlimited")},
			NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: new(int32(0)), SubnetId: &w.subnet, Ipv4PrefixCount: new(int32(1)), Ipv6PrefixCount: new(int32(1)),
				ConnectionTrackingSpecification: &types.ConnectionTrackingSpecificationRequest{TcpEstablishedTimeout: new(int32(600)), UdpStreamTimeout: new(int32(100)), UdpTimeout: new(int32(40))}}}}).InstanceId
		w.await(types.InstanceStateNameRunning, more)
	}
	gone := *launch(sdk.RunInstancesInput{SubnetId: &w.subnet}).InstanceId
	w.await(types.InstanceStateNameRunning, gone)
	do(w.caller, w.TerminateInstances, sdk.TerminateInstancesInput{InstanceIds: []string{gone}})
}

// describeAttributes asks for every attribute, of the instance and of the one with a single interface.
func (w *world) describeAttributes() {
	for _, a := range types.VpcAttributeName("").Values() {
		do(w.caller, w.DescribeVpcAttribute, sdk.DescribeVpcAttributeInput{VpcId: &w.vpc, Attribute: a})
	}
	for _, i := range do(w.caller, w.DescribeNetworkInterfaces, sdk.DescribeNetworkInterfacesInput{Filters: filter("attachment.instance-id", w.instance)}).NetworkInterfaces {
		for _, a := range types.NetworkInterfaceAttribute("").Values() {
			do(w.caller, w.DescribeNetworkInterfaceAttribute, sdk.DescribeNetworkInterfaceAttributeInput{NetworkInterfaceId: i.NetworkInterfaceId, Attribute: a})
		}
	}
	for _, a := range types.InstanceAttributeName("").Values() {
		do(w.caller, w.DescribeInstanceAttribute, sdk.DescribeInstanceAttributeInput{InstanceId: &w.lone, Attribute: a})
		if a != types.InstanceAttributeNameGroupSet && a != types.InstanceAttributeNameSourceDestCheck { // of one interface only
			do(w.caller, w.DescribeInstanceAttribute, sdk.DescribeInstanceAttributeInput{InstanceId: &w.instance, Attribute: a})
		}
	}
}

// await waits until the instance is in the state.
func (w *world) await(state types.InstanceStateName, instance string) {
	w.Helper()
	w.eventually(string(state), func() bool {
		out := do(w.caller, w.DescribeInstances, sdk.DescribeInstancesInput{InstanceIds: []string{instance}})
		return out.Reservations[0].Instances[0].State.Name == state
	})
}

// makeAddresses gives an Elastic IP to an interface's second address, and lets go of another.
func (w *world) makeAddresses() {
	one := do(w.caller, w.AllocateAddress, sdk.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp)}).AllocationId
	do(w.caller, w.AssociateAddress, sdk.AssociateAddressInput{AllocationId: one, NetworkInterfaceId: &w.eni, PrivateIpAddress: new("10.0.1.20")})
	two := do(w.caller, w.AllocateAddress, sdk.AllocateAddressInput{}).AllocationId
	association := do(w.caller, w.AssociateAddress, sdk.AssociateAddressInput{AllocationId: two, NetworkInterfaceId: &w.eni, PrivateIpAddress: new("10.0.1.21")}).AssociationId
	w.describe("DescribeNetworkInterfaces", func(reflect.Value) {})
	do(w.caller, w.DisassociateAddress, sdk.DisassociateAddressInput{AssociationId: association})
	do(w.caller, w.ReleaseAddress, sdk.ReleaseAddressInput{AllocationId: two})
	three := do(w.caller, w.AllocateAddress, sdk.AllocateAddressInput{}).AllocationId
	do(w.caller, w.AssociateAddress, sdk.AssociateAddressInput{AllocationId: three, InstanceId: &w.lone})
}
