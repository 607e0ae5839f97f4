package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// createNetworkInterface makes an interface that is attached to nothing.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html
func createNetworkInterface(e *vpc.Edit, in *ec2.CreateNetworkInterfaceInput) (*ec2.CreateNetworkInterfaceOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	earlier, err := madeBefore(e.State, e.Interfaces, token, func(i *vpc.Interface) vpc.Token { return i.Token })
	if err != nil {
		return nil, err
	}
	if earlier != nil {
		return created(e.State, earlier), nil
	}
	if err := checkInterfaceType(in.InterfaceType); err != nil {
		return nil, err
	}
	if in.Operator != nil {
		return nil, unsupported("Operator")
	}
	tags, err := createTagsFor(in.TagSpecifications, "network-interface")
	if err != nil {
		return nil, err
	}
	subnet, err := subnetIDs.find(e.State, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	face := vpc.Interface{Scope: e.Scope, VPC: subnet.VPC, Subnet: subnet.ID, SourceDestCheck: true, Token: token, Tags: tags["network-interface"]}
	if face.Description, err = interfaceDescription(in.Description); err != nil {
		return nil, err
	}
	if face.Groups, err = changedGroups(e.State, &face, in.Groups); err != nil {
		return nil, err
	}
	if len(face.Groups) == 0 {
		face.Groups = []string{e.DefaultGroup(subnet.VPC).ID}
	}
	if face.Tracking, err = readTracking(face.Tracking, in.ConnectionTrackingSpecification); err != nil {
		return nil, err
	}
	asked, err := readAddressing(e.State, subnet, asSpecification(in), nil)
	if err != nil {
		return nil, err
	}
	if countInterfaces(e.State) >= e.Limit(vpc.InterfacesPerRegion) {
		return nil, tooManyInterfaces(e.State)
	}
	face.ID, face.Num, face.MAC = e.NewID("eni"), e.NewNum(), newMAC(e)
	if err := newPicker(e).give(&face, subnet, asked, maxAddresses); err != nil {
		return nil, err
	}
	e.Interfaces.Put(&face)
	return created(e.State, &face), nil
}

// created answers the creation of an interface: AWS shows it pending, and available from then on.
func created(s *vpc.State, i *vpc.Interface) *ec2.CreateNetworkInterfaceOutput {
	shown := describeInterface(s, i)
	if i.Attachment == nil {
		shown.Status = "pending"
	}
	return &ec2.CreateNetworkInterfaceOutput{NetworkInterface: &shown, ClientToken: optional(i.Token.Value)}
}

// asSpecification puts the request into the form in which RunInstances describes an interface.
func asSpecification(in *ec2.CreateNetworkInterfaceInput) *ec2.InstanceNetworkInterfaceSpecification {
	return &ec2.InstanceNetworkInterfaceSpecification{PrivateIpAddress: in.PrivateIpAddress, PrivateIpAddresses: in.PrivateIpAddresses,
		SecondaryPrivateIpAddressCount: in.SecondaryPrivateIpAddressCount, Ipv4Prefixes: in.Ipv4Prefixes, Ipv4PrefixCount: in.Ipv4PrefixCount,
		Ipv6Addresses: in.Ipv6Addresses, Ipv6AddressCount: in.Ipv6AddressCount, Ipv6Prefixes: in.Ipv6Prefixes, Ipv6PrefixCount: in.Ipv6PrefixCount,
		PrimaryIpv6: in.EnablePrimaryIpv6}
}

// checkInterfaceType takes ordinary interfaces: the others need hardware that is not here.
func checkInterfaceType(asked string) error {
	switch asked {
	case "", "interface":
		return nil
	case "efa", "efa-only", "trunk", "branch":
		return vpc.Errorf("UnsupportedOperation", "The interface type %s is not supported.", asked)
	}
	return vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for InterfaceType.", asked)
}

func tooManyInterfaces(s *vpc.State) error {
	return vpc.Errorf("NetworkInterfaceLimitExceeded", "You have reached the limit of %d network interfaces.", s.Limit(vpc.InterfacesPerRegion))
}

func countInterfaces(s *vpc.State) int { return s.Interfaces.CountBy("scope", s.Key()) }

// newMAC makes a locally administered address, as AWS's are.
func newMAC(e *vpc.Edit) string {
	digits := strings.TrimPrefix(e.NewID("mac"), "mac-")
	parts := []string{"0a"}
	for at := 0; at < 10; at += 2 {
		parts = append(parts, digits[at:at+2])
	}
	return strings.Join(parts, ":")
}

// deleteNetworkInterface deletes an interface that nothing uses. Its Elastic IPs stay with the account.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html
func deleteNetworkInterface(e *vpc.Edit, in *ec2.DeleteNetworkInterfaceInput) (*ec2.DeleteNetworkInterfaceOutput, error) {
	i, err := interfaceIDs.find(e.State, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if i.Attachment != nil || i.Owner != "" {
		return nil, vpc.Errorf("InvalidParameterValue", "Network interface '%s' is currently in use.", i.ID)
	}
	removeInterface(e, i.ID)
	return &ec2.DeleteNetworkInterfaceOutput{}, nil
}

// removeInterface deletes an interface with all that says something of it.
func removeInterface(e *vpc.Edit, id string) {
	for _, a := range slices.Collect(e.ElasticIPs.By("interface", id)) {
		unassociated(e, a)
	}
	for _, p := range slices.Collect(e.Permissions.By("interface", id)) {
		e.Permissions.Delete(p.ID)
	}
	e.Interfaces.Delete(id)
}

// ownInterface finds an interface that its account may change: one of a NAT gateway or so is AWS's.
func ownInterface(s *vpc.State, id string) (*vpc.Interface, error) {
	i, err := interfaceIDs.find(s, id)
	if err == nil && i.Owner != "" {
		return nil, notYours()
	}
	return i, err
}

func notYours() error {
	return vpc.Errorf("AuthFailure", "You do not have permission to access the specified resource.")
}
