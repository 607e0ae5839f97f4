package api

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// interfaceOperations are those of network interfaces. RunInstances makes them, too.
var interfaceOperations = []Operation{
	write(createNetworkInterface),
	write(deleteNetworkInterface),
	read(describeNetworkInterfaces),
	read(describeNetworkInterfaceAttribute),
	write(modifyNetworkInterfaceAttribute),
	write(resetNetworkInterfaceAttribute),
	write(attachNetworkInterface),
	write(detachNetworkInterface),
	write(assignPrivateIpAddresses),
	write(unassignPrivateIpAddresses),
	write(assignIpv6Addresses),
	write(unassignIpv6Addresses),
	write(createNetworkInterfacePermission),
	write(deleteNetworkInterfacePermission),
	read(describeNetworkInterfacePermissions),
}

// describeNetworkInterfaces lists interfaces.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
func describeNetworkInterfaces(s *vpc.State, in *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	found, err := interfaceLookups.find(s, interfaceIDs, in.NetworkInterfaceIds, in.Filters)
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

// describeInterface is the interface as DescribeNetworkInterfaces shows it.
func describeInterface(s *vpc.State, i *vpc.Interface) ec2.NetworkInterface {
	out := ec2.NetworkInterface{
		NetworkInterfaceId: new(i.ID), OwnerId: new(i.Account), VpcId: new(i.VPC), SubnetId: new(i.Subnet), Description: new(i.Description),
		MacAddress: new(i.MAC), PrivateIpAddress: new(i.PrivateIP.String()), PrivateDnsName: new(PrivateDNSName(i.Region, i.PrivateIP)),
		Groups: groupSet(s, i.Groups), SourceDestCheck: new(i.SourceDestCheck), InterfaceType: cmp.Or(i.Type, "interface"), RequesterManaged: new(false),
		Status: "available", TagSet: tagSet(i.Tags), Operator: unmanaged(), Ipv6Addresses: []ec2.NetworkInterfaceIpv6Address{},
		ConnectionTrackingConfiguration: describeTracking(i.Tracking),
	}
	if subnet := s.Subnets.Get(i.Subnet); subnet != nil {
		out.AvailabilityZone = new(subnet.Zone)
		if zone, ok := vpc.ZoneByName(i.Region, subnet.Zone); ok {
			out.AvailabilityZoneId = new(zone.ID)
		}
	}
	for n, a := range slices.Concat([]netip.Addr{i.PrivateIP}, i.Secondary) {
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, ec2.NetworkInterfacePrivateIpAddress{Primary: new(n == 0), PrivateIpAddress: new(a.String()),
			PrivateDnsName: new(PrivateDNSName(i.Region, a)), Association: describeAssociation(s, i, a)})
	}
	if out.Association = out.PrivateIpAddresses[0].Association; out.Association != nil {
		out.PublicDnsName = optional(*out.Association.PublicDnsName)
	}
	for n, a := range i.IPv6 {
		out.Ipv6Addresses = append(out.Ipv6Addresses, ec2.NetworkInterfaceIpv6Address{Ipv6Address: new(a.String()), IsPrimaryIpv6: new(n == 0 && i.PrimaryIPv6)})
	}
	if len(i.IPv6) > 0 {
		out.Ipv6Address = new(i.IPv6[0].String())
	}
	out.Ipv4Prefixes, out.Ipv6Prefixes = describePrefixes(i.Prefixes)
	if i.Attachment != nil {
		out.Status, out.Attachment = "in-use", describeAttachment(s, i)
	}
	if i.Owner != "" {
		describeRequester(&out, i)
	}
	return out
}

// describeRequester shows that the interface belongs to something that AWS runs, a NAT gateway or so.
func describeRequester(out *ec2.NetworkInterface, i *vpc.Interface) {
	out.RequesterManaged, out.RequesterId, out.Status = new(true), new(i.Account), "in-use"
	if out.Attachment == nil {
		out.Attachment = &ec2.NetworkInterfaceAttachment{AttachmentId: new("ela-attach-" + strings.TrimPrefix(i.ID, "eni-")), InstanceOwnerId: new("amazon-aws"),
			DeviceIndex: new(int32(1)), NetworkCardIndex: new(int32(0)), DeleteOnTermination: new(false), Status: "attached"}
	}
}

// describeAssociation shows the public address that stands for the interface's private one; nil: none.
func describeAssociation(s *vpc.State, i *vpc.Interface, private netip.Addr) *ec2.NetworkInterfaceAssociation {
	public := s.PublicOf(i, private)
	if !public.IsValid() {
		return nil
	}
	out := &ec2.NetworkInterfaceAssociation{PublicIp: new(public.String()), PublicDnsName: new(publicName(s, i, public)), IpOwnerId: new("amazon")}
	if a := s.ElasticIPOf(i, private); a != nil {
		out.IpOwnerId, out.AllocationId, out.AssociationId = new(a.Account), new(a.ID), new(a.Association)
	}
	return out
}

// describePrefixes shows delegated prefixes, those of IPv4 apart.
func describePrefixes(prefixes []netip.Prefix) (four []ec2.Ipv4PrefixSpecification, six []ec2.Ipv6PrefixSpecification) {
	for _, p := range prefixes {
		if p.Addr().Is4() {
			four = append(four, ec2.Ipv4PrefixSpecification{Ipv4Prefix: new(p.String())})
		} else {
			six = append(six, ec2.Ipv6PrefixSpecification{Ipv6Prefix: new(p.String())})
		}
	}
	return four, six
}

// describeTracking shows those of the timeouts that were set; nil: none.
func describeTracking(t vpc.TrackingTimeouts) *ec2.ConnectionTrackingConfiguration {
	if t == (vpc.TrackingTimeouts{}) {
		return nil
	}
	return &ec2.ConnectionTrackingConfiguration{TcpEstablishedTimeout: seconds(t.TCPEstablished), UdpStreamTimeout: seconds(t.UDPStream), UdpTimeout: seconds(t.UDP)}
}

// seconds is a timeout as it is shown: nothing where it is AWS's default.
func seconds(n int) *int32 {
	if n == 0 {
		return nil
	}
	return new(int32(n))
}

func describeAttachment(s *vpc.State, i *vpc.Interface) *ec2.NetworkInterfaceAttachment {
	a := i.Attachment
	owner := i.Account
	if instance := s.Instances.Get(a.Instance); instance != nil {
		owner = instance.Account
	}
	return &ec2.NetworkInterfaceAttachment{AttachmentId: new(a.ID), InstanceId: new(a.Instance), InstanceOwnerId: new(owner),
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

// HostName is the name that an instance has of itself, by its primary address or by its id.
func HostName(i *vpc.Instance, primary netip.Addr) string {
	if i.Names.ByID {
		return i.ID + "." + vpc.Domain(i.Region)
	}
	return PrivateDNSName(i.Region, primary)
}

// hostnameType is what AWS calls the choice between the two.
func hostnameType(n vpc.Names) string {
	if n.ByID {
		return "resource-name"
	}
	return "ip-name"
}

// publicName is the name of a public address of the interface, or "" where its VPC gives no names.
func publicName(s *vpc.State, i *vpc.Interface, public netip.Addr) string {
	v := s.VPCs.Get(i.VPC)
	switch {
	case v == nil || !v.DNSHostnames:
		return ""
	case i.Region == "us-east-1":
		return "ec2-" + dashed(public) + ".compute-1.amazonaws.com"
	}
	return "ec2-" + dashed(public) + "." + i.Region + ".compute.amazonaws.com"
}

func dashed(a netip.Addr) string { return strings.ReplaceAll(a.String(), ".", "-") }
