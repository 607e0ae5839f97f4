package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// A port is one interface of every instance that is launched: one that exists, or what a new one shall be.
type port struct {
	spec     ec2.InstanceNetworkInterfaceSpecification
	index    int            // the device index
	existing *vpc.Interface // nil: a new one
	subnet   *vpc.Subnet
	template vpc.Interface
	asked    addressing
	public   bool // give a public address
	insist   bool // and fail where there is none
	keep     bool // the interface outlives the instance
}

// interfaces makes the ports of what the request says: of its interfaces, or else of its own
// parameters, as those of one new interface.
func (l *launch) interfaces(s *vpc.State) (err error) {
	in := l.in
	if l.tags, err = createTagsFor(in.TagSpecifications, launchTagTypes...); err != nil {
		return err
	}
	specs := in.NetworkInterfaces
	if len(specs) == 0 {
		specs = []ec2.InstanceNetworkInterfaceSpecification{{DeviceIndex: new(int32(0)), SubnetId: in.SubnetId, Groups: in.SecurityGroupIds,
			PrivateIpAddress: in.PrivateIpAddress, Ipv6Addresses: in.Ipv6Addresses, Ipv6AddressCount: in.Ipv6AddressCount, PrimaryIpv6: in.EnablePrimaryIpv6}}
	}
	for _, f := range specs {
		o := port{spec: f, index: int(*f.DeviceIndex), keep: f.DeleteOnTermination != nil && !*f.DeleteOnTermination}
		if id := value(f.NetworkInterfaceId); id != "" {
			if o.existing, err = ownInterface(s, id); err != nil {
				return err
			}
			if o.existing.Attachment != nil {
				return interfaceInUse(id)
			}
			o.keep = true
		}
		l.ports = append(l.ports, o)
	}
	slices.SortFunc(l.ports, func(a, b port) int { return a.index - b.index })
	if len(l.tags["network-interface"]) > 0 && l.created() == 0 {
		return vpc.Errorf("InvalidParameterValue", "You cannot specify tags for network interfaces if there are no network interfaces being created by the request.")
	}
	return interfaceLimit(len(l.ports), l.typ)
}

// created is how many new interfaces each instance gets.
func (l *launch) created() (n int) {
	for _, o := range l.ports {
		if o.existing == nil {
			n++
		}
	}
	return n
}

// where finds the subnets: those that are named, or default subnets of the default VPC. All are in one
// Availability Zone.
func (l *launch) where(s *vpc.State) error {
	zone, err := l.zone(s)
	if err != nil {
		return err
	}
	for n := range l.ports {
		o := &l.ports[n]
		if o.subnet, err = l.subnet(s, o, zone); err != nil {
			return err
		}
		switch {
		case zone == "" || zone == o.subnet.Zone:
		case n == 0:
			return vpc.Errorf("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnet '%s' is in the availability zone %s", zone, o.subnet.ID, o.subnet.Zone)
		default:
			return otherZone()
		}
		zone = o.subnet.Zone
	}
	return nil
}

// zone is the name of the Availability Zone that the request asks for; "": any.
func (l *launch) zone(s *vpc.State) (zone string, err error) {
	if p := l.in.Placement; p != nil {
		for _, name := range []string{value(p.AvailabilityZone), value(p.AvailabilityZoneId)} {
			if name == "" {
				continue
			}
			z, ok := vpc.ZoneByName(s.Region, name)
			if !ok {
				return "", vpc.Errorf("InvalidParameterValue", "Invalid availability zone: [%s]", name)
			}
			zone = z.Name
		}
	}
	return zone, nil
}

// subnet finds the port's.
func (l *launch) subnet(s *vpc.State, o *port, zone string) (*vpc.Subnet, error) {
	switch id := value(o.spec.SubnetId); {
	case o.existing != nil:
		return s.Subnets.Get(o.existing.Subnet), nil
	case id != "":
		return subnetIDs.find(s, id)
	case s.DefaultVPC() == nil && len(l.in.SecurityGroups) > 0:
		return nil, vpc.Errorf("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
	}
	return launchSubnet(s, zone)
}

// launchSubnet is the default VPC's subnet in the zone or, where that does not matter, in the first one.
func launchSubnet(s *vpc.State, zone string) (found *vpc.Subnet, err error) {
	v := s.DefaultVPC()
	if v == nil {
		return nil, vpc.Errorf("VPCIdNotSpecified", "No default VPC for this user")
	}
	for subnet := range s.Subnets.By("vpc", v.ID) {
		if subnet.DefaultZone && (zone == "" || subnet.Zone == zone) && (found == nil || subnet.Zone < found.Zone) {
			found = subnet
		}
	}
	switch {
	case found != nil:
		return found, nil
	case zone != "":
		return nil, vpc.Errorf("InvalidInput", "No default subnet for availability zone: '%s'.", zone)
	}
	return nil, vpc.Errorf("MissingInput", "No subnets found for the default VPC '%s'. Please specify a subnet.", v.ID)
}

// who finds the groups of new interfaces: those that are named, or the VPC's default group.
func (l *launch) who(s *vpc.State) error {
	if len(l.in.SecurityGroups) > 0 && value(l.in.SubnetId) != "" {
		return vpc.Errorf("InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet")
	}
	for n := range l.ports {
		o := &l.ports[n]
		if o.existing != nil {
			continue
		}
		var ids []string
		for _, id := range o.spec.Groups {
			g, err := o.group(s, id)
			if err != nil {
				return err
			}
			ids = append(ids, g.ID)
		}
		for _, name := range l.in.SecurityGroups { // then there is one interface, in the default VPC
			g := s.SecurityGroups.First("name", vpc.GroupNameKey(o.subnet.VPC, name))
			if g == nil {
				return vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, o.subnet.VPC)
			}
			ids = append(ids, g.ID)
		}
		if len(ids) == 0 {
			ids = []string{s.DefaultGroup(o.subnet.VPC).ID}
		}
		var err error
		if o.template.Groups, err = groupsOnce(s, ids); err != nil {
			return err
		}
	}
	return nil
}

// group finds a group by its id; AWS takes a name here too.
func (o *port) group(s *vpc.State, id string) (*vpc.SecurityGroup, error) {
	unknown := vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'", id, o.subnet.VPC)
	if !strings.HasPrefix(id, "sg-") {
		if g := s.SecurityGroups.First("name", vpc.GroupNameKey(o.subnet.VPC, id)); g != nil {
			return g, nil
		}
		return nil, unknown
	}
	if err := groupIDs.check(id); err != nil {
		return nil, err
	}
	g := groupIDs.get(s, id)
	switch {
	case g == nil:
		return nil, unknown
	case !s.GroupUsable(g, o.subnet.VPC):
		return nil, vpc.Errorf("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, o.subnet.ID)
	}
	return g, nil
}

// atWhichAddress looks at the addresses that are asked for, whether there are enough free ones, and at
// whether the instances get a public one.
func (l *launch) atWhichAddress(s *vpc.State) (err error) {
	for n := range l.ports {
		o := &l.ports[n]
		if o.existing != nil {
			if err := withinLimit(o.existing, addressing{}, l.typ.addresses); err != nil {
				return err
			}
			o.public = o.existing.AutoPublic && len(l.ports) == 1 && s.ElasticIPs.First("interface", o.existing.ID) == nil
			continue
		}
		if o.asked, err = readAddressing(s, o.subnet, &o.spec, nil); err != nil {
			return err
		}
		if o.asked.names() && l.count > 1 {
			return vpc.Errorf("InvalidParameterCombination", "A private IP address may not be specified when launching more than one instance")
		}
		o.template.Scope, o.template.VPC, o.template.Subnet, o.template.SourceDestCheck = s.Scope, o.subnet.VPC, o.subnet.ID, true
		o.template.Tags = l.tags["network-interface"]
		if o.template.Description, err = interfaceDescription(o.spec.Description); err != nil {
			return err
		}
		if o.template.Tracking, err = readTracking(vpc.TrackingTimeouts{}, o.spec.ConnectionTrackingSpecification); err != nil {
			return err
		}
		if len(l.ports) == 1 {
			o.public, o.insist = o.subnet.MapPublicIP, value(o.spec.AssociatePublicIpAddress)
			if o.spec.AssociatePublicIpAddress != nil {
				o.public = *o.spec.AssociatePublicIpAddress
			}
			o.template.AutoPublic = o.public
		}
	}
	return l.room(s)
}

// room launches fewer instances than the most that are asked for where addresses or interfaces run out.
func (l *launch) room(s *vpc.State) error {
	made, least := l.created(), int(*l.in.MinCount)
	if made == 0 {
		return nil
	}
	needs := map[*vpc.Subnet]int{}
	for _, o := range l.ports {
		if o.existing == nil {
			needs[o.subnet] += o.asked.picks()
		}
	}
	for subnet, need := range needs {
		if need > 0 {
			l.count = min(l.count, s.FreeAddresses(subnet)/need)
		}
	}
	if l.count < least {
		return tooFewAddresses()
	}
	if l.count = min(l.count, (s.Limit(vpc.InterfacesPerRegion)-countInterfaces(s))/made); l.count < least {
		return tooManyInterfaces(s)
	}
	return nil
}

// one is the interface for one instance, not attached yet.
func (o *port) one(p picker, t instanceType) (*vpc.Interface, error) {
	face := o.template
	if o.existing != nil {
		face = *o.existing
	} else {
		face.ID, face.Num, face.MAC = p.NewID("eni"), p.NewNum(), newMAC(p.Edit)
		if err := p.give(&face, o.subnet, o.asked, t.addresses); err != nil {
			return nil, err
		}
	}
	if o.public && (o.insist || p.Cell().Public.IsValid()) {
		var err error
		if face.PublicIP, err = p.public(); err != nil {
			return nil, err
		}
	}
	return &face, nil
}
