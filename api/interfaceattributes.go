package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"crenel/ec2"
	"crenel/vpc"
)

// describeNetworkInterfaceAttribute shows one attribute.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaceAttribute.html
func describeNetworkInterfaceAttribute(s *vpc.State, in *ec2.DescribeNetworkInterfaceAttributeInput) (*ec2.DescribeNetworkInterfaceAttributeOutput, error) {
	i, err := interfaceIDs.find(s, value(in.NetworkInterfaceId))
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeNetworkInterfaceAttributeOutput{NetworkInterfaceId: new(i.ID)}
	switch in.Attribute {
	case "":
		return nil, missing("attribute")
	case "description":
		out.Description = &ec2.AttributeValue{Value: new(i.Description)}
	case "groupSet":
		out.Groups = groupSet(s, i.Groups)
	case "sourceDestCheck":
		out.SourceDestCheck = &ec2.AttributeBooleanValue{Value: new(i.SourceDestCheck)}
	case "attachment":
		if i.Attachment != nil {
			out.Attachment = describeAttachment(s, i)
		}
	case "associatePublicIpAddress":
		out.AssociatePublicIpAddress = new(i.AutoPublic)
	default:
		return nil, invalid("attribute", in.Attribute, "Unknown network interface attribute.")
	}
	return out, nil
}

// modifyNetworkInterfaceAttribute changes one attribute.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html
func modifyNetworkInterfaceAttribute(e *vpc.Edit, in *ec2.ModifyNetworkInterfaceAttributeInput) (*ec2.ModifyNetworkInterfaceAttributeOutput, error) {
	old, err := ownInterface(e.State, value(in.NetworkInterfaceId))
	if err != nil {
		return nil, err
	}
	if err := refuse(
		given{"EnaSrdSpecification", in.EnaSrdSpecification != nil},
		given{"AssociatedSubnetId", len(in.AssociatedSubnetIds) > 0},
	); err != nil {
		return nil, err
	}
	if err := oneOf(
		given{"associatePublicIpAddress", in.AssociatePublicIpAddress != nil},
		given{"attachment", in.Attachment != nil},
		given{"connectionTrackingSpecification", in.ConnectionTrackingSpecification != nil},
		given{"description", in.Description != nil},
		given{"enablePrimaryIpv6", in.EnablePrimaryIpv6 != nil},
		given{"groupSet", len(in.Groups) > 0},
		given{"sourceDestCheck", in.SourceDestCheck != nil},
	); err != nil {
		return nil, err
	}
	i := *old
	switch {
	case in.AssociatePublicIpAddress != nil:
		err = changePublic(e, &i, *in.AssociatePublicIpAddress)
	case in.Attachment != nil:
		err = changeAttachment(&i, in.Attachment)
	case in.ConnectionTrackingSpecification != nil:
		i.Tracking, err = readTracking(i.Tracking, in.ConnectionTrackingSpecification)
	case in.Description != nil:
		i.Description, err = interfaceDescription(in.Description.Value)
	case in.EnablePrimaryIpv6 != nil:
		err = changePrimaryIPv6(&i, *in.EnablePrimaryIpv6)
	case in.SourceDestCheck != nil:
		i.SourceDestCheck, err = flag("sourceDestCheck", in.SourceDestCheck)
	default:
		i.Groups, err = changedGroups(e.State, &i, in.Groups)
	}
	if err != nil {
		return nil, err
	}
	e.Interfaces.Put(&i)
	return &ec2.ModifyNetworkInterfaceAttributeOutput{}, nil
}

// changePublic says whether the interface takes a public address while it is a running instance's
// primary one, and gives or takes it.
func changePublic(e *vpc.Edit, i *vpc.Interface, public bool) (err error) {
	i.AutoPublic = public
	switch {
	case !public:
		i.PublicIP = netip.Addr{}
	case takesPublic(e.State, i):
		i.PublicIP, err = newPicker(e).public()
	}
	return err
}

func changePrimaryIPv6(i *vpc.Interface, enable bool) error {
	switch {
	case i.PrimaryIPv6 && !enable:
		return invalid("enablePrimaryIpv6", "false", "A primary IPv6 address cannot be disabled.")
	case enable && len(i.IPv6) == 0:
		return invalid("enablePrimaryIpv6", "true", "The network interface '"+i.ID+"' has no IPv6 address.")
	}
	i.PrimaryIPv6 = enable
	return nil
}

// readTracking sets those of the idle timeouts that are given.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ConnectionTrackingSpecificationRequest.html
func readTracking(t vpc.TrackingTimeouts, asked *ec2.ConnectionTrackingSpecificationRequest) (vpc.TrackingTimeouts, error) {
	if asked == nil {
		return t, nil
	}
	for _, timeout := range []struct {
		name        string
		seconds     *int32
		least, most int32
		set         *int
	}{
		{"TcpEstablishedTimeout", asked.TcpEstablishedTimeout, 60, 432000, &t.TCPEstablished},
		{"UdpStreamTimeout", asked.UdpStreamTimeout, 60, 180, &t.UDPStream},
		{"UdpTimeout", asked.UdpTimeout, 30, 60, &t.UDP},
	} {
		n := value(timeout.seconds)
		switch {
		case timeout.seconds == nil:
		case n < timeout.least || n > timeout.most:
			return t, invalid(timeout.name, strconv.Itoa(int(n)), fmt.Sprintf("It must be between %d and %d seconds.", timeout.least, timeout.most))
		default:
			*timeout.set = int(n)
		}
	}
	return t, nil
}

// resetNetworkInterfaceAttribute sets the source/destination check, the only attribute that has a default.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetNetworkInterfaceAttribute.html
func resetNetworkInterfaceAttribute(e *vpc.Edit, in *ec2.ResetNetworkInterfaceAttributeInput) (*ec2.ResetNetworkInterfaceAttributeOutput, error) {
	old, err := ownInterface(e.State, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if in.SourceDestCheck == nil {
		return nil, missing("sourceDestCheck")
	}
	i := *old
	i.SourceDestCheck = true
	e.Interfaces.Put(&i)
	return &ec2.ResetNetworkInterfaceAttributeOutput{}, nil
}

func changeAttachment(i *vpc.Interface, c *ec2.NetworkInterfaceAttachmentChanges) error {
	if c.EnaQueueCount != nil || c.DefaultEnaQueueCount != nil {
		return unsupported("Attachment.EnaQueueCount")
	}
	id, err := need("Attachment.AttachmentId", c.AttachmentId)
	if err != nil {
		return err
	}
	if i.Attachment == nil || i.Attachment.ID != id {
		return noAttachment(id)
	}
	if c.DeleteOnTermination == nil {
		return missing("Attachment.DeleteOnTermination")
	}
	a := *i.Attachment
	a.DeleteOnTermination = *c.DeleteOnTermination
	i.Attachment = &a
	return nil
}

func interfaceDescription(d *string) (string, error) {
	if len([]rune(value(d))) > 255 {
		return "", invalid("description", *d, "Description must be no more than 255 characters.")
	}
	return value(d), nil
}

// changedGroups checks the groups that replace those of an interface.
func changedGroups(s *vpc.State, i *vpc.Interface, ids []string) ([]string, error) {
	for _, id := range ids {
		g, err := groupIDs.find(s, id)
		if err != nil {
			return nil, err
		}
		if !s.GroupUsable(g, i.VPC) {
			return nil, differentNetworks()
		}
	}
	return groupsOnce(s, ids)
}

// groupsOnce makes a set of a list of groups, in its order, and refuses more than an interface may have.
func groupsOnce(s *vpc.State, ids []string) (set []string, err error) {
	for _, id := range ids {
		if !slices.Contains(set, id) {
			set = append(set, id)
		}
	}
	if len(set) > s.Limit(vpc.GroupsPerInterface) {
		return nil, vpc.Errorf("SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface has been reached.")
	}
	return set, nil
}
