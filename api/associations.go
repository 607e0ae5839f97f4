package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// associateAddress has an Elastic IP stand for a private address of an interface, or of an instance
// that has one interface. What stood for it before, or where the Elastic IP was before, gives way unless
// the request forbids that. The same again changes nothing.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html
func associateAddress(e *vpc.Edit, in *ec2.AssociateAddressInput) (*ec2.AssociateAddressOutput, error) {
	old, err := addressAsked(e.State, in.AllocationId, in.PublicIp)
	if err != nil {
		return nil, err
	}
	if other := e.Interfaces.Get(old.Interface); other != nil && other.Owner != "" {
		return nil, notYours()
	}
	i, err := interfaceAsked(e.State, in)
	if err != nil {
		return nil, err
	}
	private, err := privateOf(i, value(in.PrivateIpAddress))
	if err != nil {
		return nil, err
	}
	if e.InternetGateways.First("vpc", i.VPC) == nil {
		return nil, vpc.Errorf("Gateway.NotAttached", "Network %s is not attached to any internet gateway", i.VPC)
	}
	if old.Interface == i.ID && old.Private == private {
		return &ec2.AssociateAddressOutput{AssociationId: new(old.Association)}, nil
	}
	before := e.ElasticIPOf(i, private)
	if before != nil && !before.In(e.Scope) && !i.In(e.Scope) { // whoever may associate may not disassociate
		return nil, alreadyAssociated(i.ID, before.Association)
	}
	if in.AllowReassociation != nil && !*in.AllowReassociation {
		switch {
		case old.Association != "":
			return nil, alreadyAssociated(old.ID, old.Association)
		case before != nil:
			return nil, alreadyAssociated(i.ID, before.Association)
		}
	}
	if before != nil {
		unassociated(e, before)
	}
	if old.Association != "" {
		unassociated(e, old)
	}
	a := *old
	a.Association, a.Interface, a.Private = e.NewID("eipassoc"), i.ID, private
	e.ElasticIPs.Put(&a)
	if face := *e.Interfaces.Get(i.ID); face.PublicIP.IsValid() && private == face.PrivateIP {
		face.PublicIP = netip.Addr{}
		e.Interfaces.Put(&face)
	}
	return &ec2.AssociateAddressOutput{AssociationId: new(a.Association)}, nil
}

func alreadyAssociated(id, association string) error {
	return vpc.Errorf("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", id, association)
}

// addressAsked finds the Elastic IP that a request means by its id or by the address itself.
func addressAsked(s *vpc.State, id, public *string) (*vpc.ElasticIP, error) {
	switch {
	case value(id) != "" && value(public) != "":
		return nil, eitherAddress()
	case value(id) != "":
		return elasticIPIDs.find(s, *id)
	case value(public) != "":
		return elasticIPByAddress(s, *public)
	}
	return nil, missing("allocationId")
}

// interfaceAsked finds the interface that a request means by its id or by its instance's.
func interfaceAsked(s *vpc.State, in *ec2.AssociateAddressInput) (*vpc.Interface, error) {
	switch {
	case value(in.InstanceId) != "" && value(in.NetworkInterfaceId) != "":
		return nil, notTogether("instanceId", "networkInterfaceId")
	case value(in.NetworkInterfaceId) != "":
		return interfaceToAssociate(s, *in.NetworkInterfaceId)
	case value(in.InstanceId) == "":
		return nil, missing("instanceId or networkInterfaceId")
	}
	instance, err := instanceIDs.find(s, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	switch instance.State {
	case vpc.Pending, vpc.ShuttingDown, vpc.Terminated:
		return nil, vpc.Errorf("InvalidInstanceID", "The %s instance '%s' is not in a valid state for this operation.", instance.State, instance.ID)
	}
	faces := interfacesOf(s, instance.ID)
	if len(faces) > 1 {
		return nil, manyInterfaces(instance)
	}
	return faces[0], nil
}

func interfaceToAssociate(s *vpc.State, id string) (*vpc.Interface, error) {
	i, err := permittedInterface(s, id, "EIP-ASSOCIATE")
	switch {
	case err != nil:
		return nil, err
	case i.Owner != "":
		return nil, notYours()
	case i.Attachment == nil:
		return i, nil
	}
	switch instance := s.Instances.Get(i.Attachment.Instance); instance.State {
	case vpc.Pending, vpc.ShuttingDown:
		return nil, vpc.Errorf("IncorrectInstanceState", "The %s instance to which '%s' is attached is not in a valid state for this operation", instance.State, i.ID)
	}
	return i, nil
}

func manyInterfaces(i *vpc.Instance) error {
	return vpc.Errorf("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", i.ID)
}

// privateOf is the interface's private address that is asked for, or its primary one.
func privateOf(i *vpc.Interface, asked string) (netip.Addr, error) {
	if asked == "" {
		return i.PrivateIP, nil
	}
	a, err := netip.ParseAddr(asked)
	switch {
	case err != nil || !a.Is4():
		return a, vpc.Errorf("InvalidParameterValue", "invalid value for parameter address: %s", asked)
	case a != i.PrivateIP && !slices.Contains(i.Secondary, a):
		return a, notAssigned("privateIpAddress", asked, i.ID)
	}
	return a, nil
}

// disassociateAddress ends an association, for the owner of the Elastic IP or of the interface; one that is gone
// is not found.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateAddress.html
func disassociateAddress(e *vpc.Edit, in *ec2.DisassociateAddressInput) (*ec2.DisassociateAddressOutput, error) {
	switch {
	case value(in.AssociationId) != "" && value(in.PublicIp) != "":
		return nil, vpc.Errorf("InvalidParameterCombination", "You may specify public IP or association id, but not both in the same call")
	case value(in.PublicIp) != "":
		return nil, vpc.Errorf("InvalidParameterValue", "You must specify an association id when unmapping an address from a VPC instance")
	}
	id, err := need("associationId", in.AssociationId)
	if err != nil {
		return nil, err
	}
	a := e.ElasticIPs.First("association", id)
	if a == nil || !a.In(e.Scope) && interfaceIDs.get(e.State, a.Interface) == nil {
		return nil, vpc.Errorf("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
	}
	if i := e.Interfaces.Get(a.Interface); i != nil && i.Owner != "" {
		return nil, notYours()
	}
	unassociated(e, a)
	return &ec2.DisassociateAddressOutput{}, nil
}

// unassociated takes the Elastic IP from its interface, which gets another public address if it should
// have one and there is any.
func unassociated(e *vpc.Edit, old *vpc.ElasticIP) {
	a := *old
	a.Association, a.Interface, a.Private = "", "", netip.Addr{}
	e.ElasticIPs.Put(&a)
	i := e.Interfaces.Get(old.Interface)
	if i == nil || !takesPublic(e.State, i) {
		return
	}
	if public, ok := e.FreePublic(); ok {
		face := *i
		face.PublicIP = public
		e.Interfaces.Put(&face)
	}
}
