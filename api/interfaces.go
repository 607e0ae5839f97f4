package api

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// interfaceOperations describe and change network interfaces, which RunInstances makes.
var interfaceOperations = []Operation{
	read(describeNetworkInterfaces),
	read(describeNetworkInterfaceAttribute),
	write(modifyNetworkInterfaceAttribute),
}

// describeNetworkInterfaces lists interfaces.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
func describeNetworkInterfaces(s *vpc.State, in *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	found, err := interfacesAsked(s, in)
	if err != nil {
		return nil, err
	}
	all := make([]ec2.NetworkInterface, 0, len(found))
	for _, i := range found {
		all = append(all, describeInterface(s, i))
	}
	page, next, err := interfaceListing.page(s, in, len(in.NetworkInterfaceIds) > 0, all)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeNetworkInterfacesOutput{NetworkInterfaces: page, NextToken: next}, nil
}

// interfaceIndexes are the filters that an index of State answers.
var interfaceIndexes = map[string]string{"group-id": "group", "subnet-id": "subnet", "vpc-id": "vpc", "attachment.instance-id": "instance"}

// interfacesAsked finds the interfaces that may be meant: clients ask for those of one group or
// subnet before they delete it, and must not wait for all the others to be looked at.
func interfacesAsked(s *vpc.State, in *ec2.DescribeNetworkInterfacesInput) ([]*vpc.Interface, error) {
	if len(in.NetworkInterfaceIds) > 0 {
		return interfaceIDs.all(s, in.NetworkInterfaceIds)
	}
	for _, f := range in.Filters {
		index := interfaceIndexes[value(f.Name)]
		if index == "" || slices.ContainsFunc(f.Values, func(v string) bool { return strings.ContainsAny(v, `*?\`) }) {
			continue
		}
		found := map[string]*vpc.Interface{}
		for _, v := range f.Values {
			for i := range s.Interfaces.By(index, v) {
				if i.Scope == s.Scope {
					found[i.ID] = i
				}
			}
		}
		return slices.Collect(maps.Values(found)), nil
	}
	return interfaceIDs.all(s, nil)
}

func describeInterface(s *vpc.State, i *vpc.Interface) ec2.NetworkInterface {
	public := publicName(s, i)
	out := ec2.NetworkInterface{
		NetworkInterfaceId: new(i.ID), OwnerId: new(i.Account), VpcId: new(i.VPC), SubnetId: new(i.Subnet), Description: new(i.Description),
		MacAddress: new(i.MAC), PrivateIpAddress: new(i.PrivateIP.String()), PrivateDnsName: new(PrivateDNSName(i.Region, i.PrivateIP)),
		Groups: groupSet(s, i.Groups), SourceDestCheck: new(i.SourceDestCheck), InterfaceType: "interface", RequesterManaged: new(false),
		Status: "available", TagSet: tagSet(i.Tags), Ipv6Addresses: []ec2.NetworkInterfaceIpv6Address{},
	}
	if subnet := s.Subnets.Get(i.Subnet); subnet != nil {
		out.AvailabilityZone = new(subnet.Zone)
		if zone, ok := vpc.ZoneByName(i.Region, subnet.Zone); ok {
			out.AvailabilityZoneId = new(zone.ID)
		}
	}
	if i.PublicIP.IsValid() {
		out.Association = &ec2.NetworkInterfaceAssociation{PublicIp: new(i.PublicIP.String()), PublicDnsName: new(public), IpOwnerId: new("amazon")}
	}
	if public != "" {
		out.PublicDnsName = new(public)
	}
	out.PrivateIpAddresses = []ec2.NetworkInterfacePrivateIpAddress{{Primary: new(true), PrivateIpAddress: out.PrivateIpAddress,
		PrivateDnsName: out.PrivateDnsName, Association: out.Association}}
	if i.Attachment != nil {
		out.Status, out.Attachment = "in-use", describeAttachment(s, i)
	}
	return out
}

func describeAttachment(s *vpc.State, i *vpc.Interface) *ec2.NetworkInterfaceAttachment {
	a := i.Attachment
	return &ec2.NetworkInterfaceAttachment{AttachmentId: new(a.ID), InstanceId: new(a.Instance), InstanceOwnerId: new(i.Account),
		DeviceIndex: new(int32(a.DeviceIndex)), NetworkCardIndex: new(int32(0)), AttachTime: new(a.Time),
		DeleteOnTermination: new(a.DeleteOnTermination), Status: attachmentStatus(s, a)}
}

// attachmentStatus is attaching until the instance first runs.
func attachmentStatus(s *vpc.State, a *vpc.Attachment) string {
	if i := s.Instances.Get(a.Instance); i != nil && i.State == vpc.Pending && i.Boots == 1 {
		return "attaching"
	}
	return "attached"
}

// groupSet shows groups by id and name.
func groupSet(s *vpc.State, ids []string) []ec2.GroupIdentifier {
	set := make([]ec2.GroupIdentifier, 0, len(ids))
	for _, id := range ids {
		if g := s.SecurityGroups.Get(id); g != nil {
			set = append(set, ec2.GroupIdentifier{GroupId: new(g.ID), GroupName: new(g.Name)})
		}
	}
	return set
}

// PrivateDNSName is the name of a private address, as an instance's host name: "ip-10-0-1-17.ec2.internal".
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
func PrivateDNSName(region string, a netip.Addr) string {
	return "ip-" + dashed(a) + "." + vpc.Domain(region)
}

// publicName is the name of the interface's public address, or "" where it has none or its VPC gives no names.
func publicName(s *vpc.State, i *vpc.Interface) string {
	v := s.VPCs.Get(i.VPC)
	switch {
	case v == nil || !v.DNSHostnames || !i.PublicIP.IsValid():
		return ""
	case i.Region == "us-east-1":
		return "ec2-" + dashed(i.PublicIP) + ".compute-1.amazonaws.com"
	}
	return "ec2-" + dashed(i.PublicIP) + "." + i.Region + ".compute.amazonaws.com"
}

func dashed(a netip.Addr) string { return strings.ReplaceAll(a.String(), ".", "-") }

var interfaceListing = listing[ec2.NetworkInterface]{
	filters: interfaceFilters,
	paging:  paging{low: 5, high: 1000, ids: "networkInterfaceIdSet", old: true},
	key:     func(i *ec2.NetworkInterface) string { return *i.NetworkInterfaceId },
}

var interfaceFilters = filters[ec2.NetworkInterface]{
	"availability-zone":    func(i *ec2.NetworkInterface) []string { return of(i.AvailabilityZone) },
	"availability-zone-id": func(i *ec2.NetworkInterface) []string { return of(i.AvailabilityZoneId) },
	"description":          func(i *ec2.NetworkInterface) []string { return of(i.Description) },
	"interface-type":       func(i *ec2.NetworkInterface) []string { return of(i.InterfaceType) },
	"mac-address":          func(i *ec2.NetworkInterface) []string { return of(i.MacAddress) },
	"network-interface-id": func(i *ec2.NetworkInterface) []string { return of(i.NetworkInterfaceId) },
	"owner-id":             func(i *ec2.NetworkInterface) []string { return of(i.OwnerId) },
	"private-dns-name":     func(i *ec2.NetworkInterface) []string { return of(i.PrivateDnsName) },
	"private-ip-address":   func(i *ec2.NetworkInterface) []string { return of(i.PrivateIpAddress) },
	"requester-managed":    func(i *ec2.NetworkInterface) []string { return of(i.RequesterManaged) },
	"source-dest-check":    func(i *ec2.NetworkInterface) []string { return of(i.SourceDestCheck) },
	"status":               func(i *ec2.NetworkInterface) []string { return of(i.Status) },
	"subnet-id":            func(i *ec2.NetworkInterface) []string { return of(i.SubnetId) },
	"vpc-id":               func(i *ec2.NetworkInterface) []string { return of(i.VpcId) },
	"group-id": func(i *ec2.NetworkInterface) []string {
		return each(i.Groups, func(g *ec2.GroupIdentifier) *string { return g.GroupId })
	},
	"group-name": func(i *ec2.NetworkInterface) []string {
		return each(i.Groups, func(g *ec2.GroupIdentifier) *string { return g.GroupName })
	},
	"addresses.primary": func(i *ec2.NetworkInterface) []string {
		return each(i.PrivateIpAddresses, func(a *ec2.NetworkInterfacePrivateIpAddress) *bool { return a.Primary })
	},
	"addresses.private-ip-address": func(i *ec2.NetworkInterface) []string {
		return each(i.PrivateIpAddresses, func(a *ec2.NetworkInterfacePrivateIpAddress) *string { return a.PrivateIpAddress })
	},
	"addresses.association.owner-id":   associationOf(func(a *ec2.NetworkInterfaceAssociation) *string { return a.IpOwnerId }),
	"addresses.association.public-ip":  associationOf(func(a *ec2.NetworkInterfaceAssociation) *string { return a.PublicIp }),
	"association.ip-owner-id":          associationOf(func(a *ec2.NetworkInterfaceAssociation) *string { return a.IpOwnerId }),
	"association.public-ip":            associationOf(func(a *ec2.NetworkInterfaceAssociation) *string { return a.PublicIp }),
	"association.public-dns-name":      associationOf(func(a *ec2.NetworkInterfaceAssociation) *string { return a.PublicDnsName }),
	"attachment.attach-time":           attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string { return moment(a.AttachTime) }),
	"attachment.attachment-id":         attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string { return of(a.AttachmentId) }),
	"attachment.delete-on-termination": attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string { return of(a.DeleteOnTermination) }),
	"attachment.device-index":          attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string { return of(a.DeviceIndex) }),
	"attachment.instance-id":           attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string { return of(a.InstanceId) }),
	"attachment.instance-owner-id":     attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string { return of(a.InstanceOwnerId) }),
	"attachment.status":                attachmentOf(func(a *ec2.NetworkInterfaceAttachment) []string { return of(a.Status) }),
}.never("association.allocation-id", "association.association-id", "ipv6-addresses.ipv6-address", "operator.managed", "operator.principal",
	"requester-id",
).tagged(func(i *ec2.NetworkInterface) []ec2.Tag { return i.TagSet })

func associationOf(member func(*ec2.NetworkInterfaceAssociation) *string) func(*ec2.NetworkInterface) []string {
	return func(i *ec2.NetworkInterface) []string {
		if i.Association == nil {
			return nil
		}
		return of(member(i.Association))
	}
}

func attachmentOf(held func(*ec2.NetworkInterfaceAttachment) []string) func(*ec2.NetworkInterface) []string {
	return func(i *ec2.NetworkInterface) []string {
		if i.Attachment == nil {
			return nil
		}
		return held(i.Attachment)
	}
}

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
	old, err := interfaceIDs.find(e.State, value(in.NetworkInterfaceId))
	if err != nil {
		return nil, err
	}
	if err := refuse(
		given{"ConnectionTrackingSpecification", in.ConnectionTrackingSpecification != nil},
		given{"EnaSrdSpecification", in.EnaSrdSpecification != nil},
		given{"EnablePrimaryIpv6", in.EnablePrimaryIpv6 != nil},
		given{"AssociatePublicIpAddress", in.AssociatePublicIpAddress != nil},
		given{"AssociatedSubnetId", len(in.AssociatedSubnetIds) > 0},
	); err != nil {
		return nil, err
	}
	if err := oneOf(
		given{"attachment", in.Attachment != nil},
		given{"description", in.Description != nil},
		given{"groupSet", len(in.Groups) > 0},
		given{"sourceDestCheck", in.SourceDestCheck != nil},
	); err != nil {
		return nil, err
	}
	i := *old
	switch {
	case in.Attachment != nil:
		err = changeAttachment(&i, in.Attachment)
	case in.Description != nil:
		i.Description, err = interfaceDescription(in.Description.Value)
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

func changeAttachment(i *vpc.Interface, c *ec2.NetworkInterfaceAttachmentChanges) error {
	if c.EnaQueueCount != nil || c.DefaultEnaQueueCount != nil {
		return unsupported("Attachment.EnaQueueCount")
	}
	id, err := need("Attachment.AttachmentId", c.AttachmentId)
	if err != nil {
		return err
	}
	if i.Attachment == nil || i.Attachment.ID != id {
		return vpc.Errorf("InvalidAttachmentID.NotFound", "The network interface attachment ID '%s' does not exist", id)
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
		if g.VPC != i.VPC {
			return nil, vpc.Errorf("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
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

// given says whether a request has a parameter.
type given struct {
	parameter string
	is        bool
}

// refuse says no to the first parameter that is given and that nothing here would heed.
func refuse(all ...given) error {
	for _, g := range all {
		if g.is {
			return unsupported(g.parameter)
		}
	}
	return nil
}

// oneOf lets a call change exactly one attribute, as AWS's do.
func oneOf(all ...given) error {
	var names []string
	for _, g := range all {
		if g.is {
			names = append(names, g.parameter)
		}
	}
	switch len(names) {
	case 0:
		return vpc.Errorf("InvalidParameterCombination", "No attributes specified.")
	case 1:
		return nil
	}
	return vpc.Errorf("InvalidParameterCombination", "Fields for multiple attribute types specified: %s", strings.Join(names, ", "))
}

// flag is the value of an attribute that is true or false.
func flag(name string, v *ec2.AttributeBooleanValue) (bool, error) {
	if v.Value == nil {
		return false, missing(name)
	}
	return *v.Value, nil
}
