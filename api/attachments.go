package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// attachNetworkInterface attaches an interface to a running or stopped instance of its Availability
// Zone. It may be one of another account that permits this.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachNetworkInterface.html
func attachNetworkInterface(e *vpc.Edit, in *ec2.AttachNetworkInterfaceInput) (*ec2.AttachNetworkInterfaceOutput, error) {
	if err := refuse(given{"EnaSrdSpecification", in.EnaSrdSpecification != nil}, given{"EnaQueueCount", in.EnaQueueCount != nil}); err != nil {
		return nil, err
	}
	old, err := permittedInterface(e.State, *in.NetworkInterfaceId, "INSTANCE-ATTACH")
	if err != nil {
		return nil, err
	}
	instance, err := instanceIDs.find(e.State, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	if err := checkDeviceIndex(*in.DeviceIndex); err != nil {
		return nil, err
	}
	if err := firstCard(in.NetworkCardIndex, typeOf(instance)); err != nil {
		return nil, err
	}
	if instance.State != vpc.Running && instance.State != vpc.Stopped {
		return nil, vpc.Errorf("IncorrectState", "Instance '%s' is not 'running'.", instance.ID)
	}
	if old.Attachment != nil || old.Owner != "" {
		return nil, interfaceInUse(old.ID)
	}
	if subnet := e.Subnets.Get(old.Subnet); subnet.Zone != instance.Zone {
		return nil, otherZone()
	}
	index := int(*in.DeviceIndex)
	faces := interfacesOf(e.State, instance.ID)
	if slices.ContainsFunc(faces, func(i *vpc.Interface) bool { return i.Attachment.DeviceIndex == index }) {
		return nil, vpc.Errorf("InvalidParameterValue", "Instance '%s' already has an interface attached at device index '%d'.", instance.ID, index)
	}
	t := typeOf(instance)
	if err := interfaceLimit(len(faces)+1, t); err != nil {
		return nil, err
	}
	if err := withinLimit(old, addressing{}, t.addresses); err != nil {
		return nil, err
	}
	face := *old
	face.Attachment = &vpc.Attachment{ID: e.NewID("eni-attach"), Instance: instance.ID, DeviceIndex: index, Time: e.Now}
	e.Interfaces.Put(&face)
	return &ec2.AttachNetworkInterfaceOutput{AttachmentId: new(face.Attachment.ID), NetworkCardIndex: new(int32(0))}, nil
}

// firstCard refuses another network card than the first: no type here has more.
func firstCard(index *int32, t instanceType) error {
	if value(index) != 0 {
		return vpc.Errorf("InvalidParameterValue", "Network card index %d exceeds the limit for %s", *index, t)
	}
	return nil
}

func interfaceLimit(n int, t instanceType) error {
	if n > t.interfaces {
		return vpc.Errorf("AttachmentLimitExceeded", "Interface count %d exceeds the limit for %s", n, t)
	}
	return nil
}

func interfaceInUse(id string) error {
	return vpc.Errorf("InvalidNetworkInterface.InUse", "Interface: [%s] in use.", id)
}

func otherZone() error {
	return vpc.Errorf("InvalidParameterCombination", "You may not attach a network interface to an instance if they are not in the same availability zone")
}

// detachNetworkInterface detaches an interface that is not the instance's primary one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachNetworkInterface.html
func detachNetworkInterface(e *vpc.Edit, in *ec2.DetachNetworkInterfaceInput) (*ec2.DetachNetworkInterfaceOutput, error) {
	id := *in.AttachmentId
	if strings.HasPrefix(id, "ela-attach-") { // of an interface that is AWS's: see describeRequester
		return nil, vpc.Errorf("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
	}
	old := e.Interfaces.First("attachment", id)
	if old == nil || old.Scope != e.Scope && instanceIDs.get(e.State, old.Attachment.Instance) == nil {
		return nil, noAttachment(id)
	}
	if old.Attachment.DeviceIndex == 0 {
		return nil, vpc.Errorf("OperationNotPermitted", "The network interface at device index 0 and networkCard index 0 cannot be detached.")
	}
	face := *old
	face.Attachment = nil
	e.Interfaces.Put(&face)
	return &ec2.DetachNetworkInterfaceOutput{}, nil
}

func noAttachment(id string) error {
	return vpc.Errorf("InvalidAttachmentID.NotFound", "The network interface attachment ID '%s' does not exist", id)
}

// checkDeviceIndex refuses an index that no interface has: the largest instance types have 15 interfaces.
func checkDeviceIndex(index int32) error {
	if index < 0 || int(index) > vpc.MaxDeviceIndex {
		return invalid("deviceIndex", strconv.Itoa(int(index)), fmt.Sprintf("The value must be from 0 to %d.", vpc.MaxDeviceIndex))
	}
	return nil
}
