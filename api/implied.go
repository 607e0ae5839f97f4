package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// findImplied adds what a call is about though it does not say so: the defaults that it falls back to, what
// gives way to what it ties together, and what an attribute of an instance is really of.
func (a *asking) findImplied() {
	switch in := a.in.(type) {
	case *ec2.CreateSecurityGroupInput:
		if value(in.VpcId) == "" {
			a.addDefaultVPC()
		}
	case *ec2.CreateDefaultSubnetInput:
		a.addDefaultVPC()
	case *ec2.CreateNetworkInterfaceInput:
		if n := subnetIDs.get(a.s, value(in.SubnetId)); n != nil && len(in.Groups) == 0 {
			a.addObject(a.s.DefaultGroup(n.VPC).ID)
		}
	case *ec2.CreateVpcEndpointInput:
		if v := vpcIDs.get(a.s, value(in.VpcId)); v != nil && in.VpcEndpointType == "Interface" && len(in.SecurityGroupIds) == 0 {
			a.addObject(a.s.DefaultGroup(v.ID).ID)
		}
	case *ec2.RunInstancesInput:
		a.addPorts(in)
	case *ec2.AssociateAddressInput:
		a.addDisplaced(in)
	case *ec2.AssignPrivateIpAddressesInput:
		a.addHolders(in.NetworkInterfaceId, in.PrivateIpAddresses)
	case *ec2.UnassignPrivateIpAddressesInput:
		a.addHolders(in.NetworkInterfaceId, in.PrivateIpAddresses)
	case *ec2.AcceptVpcPeeringConnectionInput:
		if p := peeringIDs.get(a.s, value(in.VpcPeeringConnectionId)); p != nil && p.Accepter.Scope == a.s.Scope {
			a.addObject(p.Accepter.VPC)
		}
	case *ec2.ModifyInstanceAttributeInput:
		a.addPartsOf(in)
	}
}

func (a *asking) addDefaultVPC() {
	if v := a.s.DefaultVPC(); v != nil {
		a.addObject(v.ID)
	}
}

// addPorts adds the subnets and groups of the interfaces that a launch makes.
func (a *asking) addPorts(in *ec2.RunInstancesInput) {
	l := launch{in: in}
	for _, check := range []func(*vpc.State) error{l.supported, l.what, l.interfaces, l.where, l.who} {
		if check(a.s) != nil {
			return // the operation says what is wrong
		}
	}
	for _, o := range l.ports {
		if !o.subnet.In(a.s.Scope) { // of an interface that another account permits to use
			continue
		}
		a.addObject(o.subnet.ID)
		for _, g := range o.template.Groups {
			a.addObject(g)
		}
		if !slices.Contains(a.where, o.subnet.VPC) {
			a.where = append(a.where, o.subnet.VPC)
		}
	}
}

// addDisplaced adds the interface that gets an Elastic IP, the one that had it, and the Elastic IP that gives
// way to it.
func (a *asking) addDisplaced(in *ec2.AssociateAddressInput) {
	if e, err := addressAsked(a.s, in.AllocationId, in.PublicIp); err == nil {
		a.addAddressAssociation(e)
	}
	i, err := interfaceAsked(a.s, in)
	if err != nil {
		return
	}
	a.addObject(i.ID)
	if private, err := privateOf(i, value(in.PrivateIpAddress)); err == nil {
		a.addAddressAssociation(a.s.ElasticIPOf(i, private))
	}
}

// addHolders adds the interfaces that have the private addresses, which one interface gets or loses, and the
// Elastic IPs that stand for them.
func (a *asking) addHolders(id *string, private []string) {
	i := interfaceIDs.get(a.s, value(id))
	if i == nil {
		return
	}
	for _, text := range private {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return // the operation says so
		}
		holder := i
		if other := secondaryOf(a.s, i, addr); other != nil {
			holder = other
			a.addObject(other.ID)
		}
		a.addAddressAssociation(a.s.ElasticIPOf(holder, addr))
	}
}

// addPartsOf adds the interface or the volumes that have the attribute of the instance.
func (a *asking) addPartsOf(in *ec2.ModifyInstanceAttributeInput) {
	i := instanceIDs.get(a.s, value(in.InstanceId))
	in, err := named(in)
	if i == nil || err != nil {
		return
	}
	if len(in.Groups) > 0 || in.SourceDestCheck != nil {
		for _, face := range interfacesOf(a.s, i.ID) {
			a.addObject(face.ID)
		}
	}
	for _, d := range in.BlockDeviceMappings {
		for v := range a.s.Volumes.By("instance", i.ID) {
			if v.Device == value(d.DeviceName) {
				a.addObject(v.ID)
			}
		}
	}
}
