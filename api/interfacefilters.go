package api

import "crenel/ec2"

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
	"requester-id":         func(i *ec2.NetworkInterface) []string { return of(i.RequesterId) },
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
	"ipv6-addresses.ipv6-address": func(i *ec2.NetworkInterface) []string {
		return each(i.Ipv6Addresses, func(a *ec2.NetworkInterfaceIpv6Address) *string { return a.Ipv6Address })
	},
	"addresses.association.owner-id":   ofAddresses(func(a *ec2.NetworkInterfaceAssociation) *string { return a.IpOwnerId }),
	"addresses.association.public-ip":  ofAddresses(func(a *ec2.NetworkInterfaceAssociation) *string { return a.PublicIp }),
	"association.allocation-id":        associationOf(func(a *ec2.NetworkInterfaceAssociation) *string { return a.AllocationId }),
	"association.association-id":       associationOf(func(a *ec2.NetworkInterfaceAssociation) *string { return a.AssociationId }),
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
	"operator.managed":                 func(i *ec2.NetworkInterface) []string { return of(i.Operator.Managed) },
}.never("operator.principal").tagged(func(i *ec2.NetworkInterface) []ec2.Tag { return i.TagSet })

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

// ofAddresses looks at the associations of all the interface's private addresses.
func ofAddresses(member func(*ec2.NetworkInterfaceAssociation) *string) func(*ec2.NetworkInterface) []string {
	return func(i *ec2.NetworkInterface) (held []string) {
		for _, a := range i.PrivateIpAddresses {
			if a.Association != nil {
				held = append(held, of(member(a.Association))...)
			}
		}
		return held
	}
}
