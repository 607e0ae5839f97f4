package api

import (
	"net/url"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// allocate gives the account an Elastic IP, and returns its id and the address.
func (w *world) allocate() (id, address string) {
	w.Helper()
	out := do[ec2.AllocateAddressOutput](w, "AllocateAddress", "Domain=vpc")
	return *out.AllocationId, *out.PublicIp
}

func (w *world) associate(form string) (association string) {
	w.Helper()
	return *do[ec2.AssociateAddressOutput](w, "AssociateAddress", form).AssociationId
}

// face is the interface as DescribeNetworkInterfaces shows it.
func (w *world) face(id string) ec2.NetworkInterface {
	w.Helper()
	return do[ec2.DescribeNetworkInterfacesOutput](w, "DescribeNetworkInterfaces", "NetworkInterfaceId.1="+id).NetworkInterfaces[0]
}

func (w *world) address(id string) ec2.Address {
	w.Helper()
	return do[ec2.DescribeAddressesOutput](w, "DescribeAddresses", "AllocationId.1="+id).Addresses[0]
}

func TestAnElasticIPIsAllocatedAndReleased(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	out := do[ec2.AllocateAddressOutput](w, "AllocateAddress", "NetworkBorderGroup=us-east-1&PublicIpv4Pool=amazon&TagSpecification.1.ResourceType=elastic-ip&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=front")
	if got, want := text(*out.PublicIp, out.Domain, *out.NetworkBorderGroup, *out.PublicIpv4Pool), text("198.18.0.2", "vpc", "us-east-1", "amazon"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	a := w.address(*out.AllocationId)
	if got, want := text(*a.PublicIp, a.AssociationId == nil, a.InstanceId == nil, *a.Tags[0].Value), text("198.18.0.2", true, true, "front"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if i := w.run(""); *i.PublicIpAddress != "198.18.0.3" {
		t.Errorf("an instance got the address %s", *i.PublicIpAddress)
	}
	elsewhere := w.as(vpc.Scope{Account: "444455556666", Region: "us-east-1"})
	elsewhere.refuse("ReleaseAddress", "AllocationId="+*out.AllocationId, "InvalidAllocationID.NotFound: The allocation ID '"+*out.AllocationId+"' does not exist")
	elsewhere.refuse("DescribeAddresses", "PublicIp.1=198.18.0.2", "InvalidAddress.NotFound: Address '198.18.0.2' not found.")
	do[ec2.ReleaseAddressOutput](w, "ReleaseAddress", "AllocationId="+*out.AllocationId+"&NetworkBorderGroup=us-east-1")
	w.refuse("DescribeAddresses", "AllocationId.1="+*out.AllocationId, "InvalidAllocationID.NotFound: The allocation ID '"+*out.AllocationId+"' does not exist")
	for range 5 {
		w.allocate()
	}
	w.refuse("AllocateAddress", "", "AddressLimitExceeded: The maximum number of addresses has been reached.")
}

func TestAnElasticIPStandsForAPrivateAddress(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	i := w.run("")
	id, face := *i.InstanceId, *i.NetworkInterfaces[0].NetworkInterfaceId
	first, address := w.allocate()
	second, another := w.allocate()
	association := w.associate("InstanceId=" + id + "&AllocationId=" + first)
	if again := w.associate("InstanceId=" + id + "&AllocationId=" + first + "&AllowReassociation=false"); again != association {
		t.Errorf("the same again is %s, not %s", again, association)
	}
	a, n := w.address(first), w.face(face)
	got := text(*a.AssociationId, *a.InstanceId, *a.NetworkInterfaceId, *a.NetworkInterfaceOwnerId, *a.PrivateIpAddress,
		*n.Association.PublicIp, *n.Association.AllocationId, *n.Association.AssociationId, *n.Association.IpOwnerId, *n.PublicDnsName,
		*n.PrivateIpAddresses[0].Association.AssociationId, *w.instance(id).PublicIpAddress, *w.instance(id).NetworkInterfaces[0].Association.IpOwnerId)
	if want := text(association, id, face, testScope.Account, "172.31.0.4", address, first, association, testScope.Account,
		"ec2-"+strings.ReplaceAll(address, ".", "-")+".compute-1.amazonaws.com", association, address, testScope.Account); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if other := w.run(""); *other.PublicIpAddress != "198.18.0.2" {
		t.Errorf("the address that it had before is not free: the next instance has %s", *other.PublicIpAddress)
	}

	w.ask("StopInstances", id)
	w.report(id, HostStopped, 1, "")
	if got := *w.instance(id).PublicIpAddress; got != address {
		t.Errorf("stopped, it has %s", got)
	}
	w.ask("StartInstances", id)
	w.report(id, HostRunning, 2, "")
	if got := *w.instance(id).PublicIpAddress; got != address {
		t.Errorf("started, it has %s", got)
	}

	w.associate("NetworkInterfaceId=" + face + "&PublicIp=" + another)
	if a := w.address(first); a.AssociationId != nil || *w.instance(id).PublicIpAddress != another {
		t.Errorf("the second did not take the place of the first: %+v", a)
	}
	w.refuse("ReleaseAddress", "AllocationId="+second, "InvalidIPAddress.InUse: Address "+another+" is in use.")
	do[ec2.DisassociateAddressOutput](w, "DisassociateAddress", "AssociationId="+*w.address(second).AssociationId)
	if got := w.face(face).Association; got == nil || *got.IpOwnerId != "amazon" {
		t.Errorf("without an Elastic IP it has %+v", got)
	}

	w.associate("InstanceId=" + id + "&AllocationId=" + first)
	w.ask("TerminateInstances", id)
	w.report(id, HostStopped, 2, "")
	if a := w.address(first); a.AssociationId != nil || a.NetworkInterfaceId != nil || a.PrivateIpAddress != nil {
		t.Errorf("its interface is gone, and it is %+v", a)
	}
}

func TestAnElasticIPOfASecondaryAddressFollowsIt(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	subnet := w.defaultSubnet("us-east-1a")
	first, second := w.newFace("SubnetId="+subnet+"&SecondaryPrivateIpAddressCount=1"), w.newFace("SubnetId="+subnet)
	secondary := *first.PrivateIpAddresses[1].PrivateIpAddress
	id, address := w.allocate()
	association := w.associate("NetworkInterfaceId=" + *first.NetworkInterfaceId + "&PrivateIpAddress=" + secondary + "&AllocationId=" + id)
	shown := w.face(*first.NetworkInterfaceId)
	if got, want := text(shown.Association == nil, *shown.PrivateIpAddresses[1].Association.PublicIp), text(true, address); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	do[ec2.AssignPrivateIpAddressesOutput](w, "AssignPrivateIpAddresses", "AllowReassignment=true&NetworkInterfaceId="+*second.NetworkInterfaceId+"&PrivateIpAddress.1="+secondary)
	a := w.address(id)
	if got, want := text(*a.NetworkInterfaceId, *a.AssociationId, len(w.face(*first.NetworkInterfaceId).PrivateIpAddresses)), text(*second.NetworkInterfaceId, association, 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	do[ec2.UnassignPrivateIpAddressesOutput](w, "UnassignPrivateIpAddresses", "NetworkInterfaceId="+*second.NetworkInterfaceId+"&PrivateIpAddress.1="+secondary)
	if a := w.address(id); a.AssociationId != nil {
		t.Errorf("the address is gone, and it is %+v", a)
	}
}

func TestElasticIPsAreRefused(t *testing.T) {
	w := newWorld(t)
	w.refuse("AllocateAddress", "", "InsufficientAddressCapacity: Not enough available addresses to satisfy your minimum request. Reduce the number of addresses you are requesting or wait for additional capacity to become available.")
	w.pool("198.18.0.0/28")
	_, inside, _ := w.testVPC("10.0.0.0/16", "10.0.1.0/24")
	lonely := *w.newFace("SubnetId=" + inside).NetworkInterfaceId
	lonelyVPC := w.state.Interfaces.Get(lonely).VPC
	subnet := w.defaultSubnet("us-east-1a")
	i, pending := w.run(""), *w.launch("").InstanceId
	two := *w.run("").InstanceId
	extra := *w.newFace("SubnetId=" + subnet).NetworkInterfaceId
	w.attach(extra, two, 1)
	gateway := w.newFace("SubnetId=" + subnet)
	w.edit(func(e *vpc.Edit) {
		face := *e.Interfaces.Get(*gateway.NetworkInterfaceId)
		face.Owner, face.Type = "nat-1", "nat_gateway"
		e.Interfaces.Put(&face)
	})
	id, address := w.allocate()
	other, _ := w.allocate()
	ofGateway, _ := w.allocate()
	w.edit(func(e *vpc.Edit) {
		a := *e.ElasticIPs.Get(ofGateway)
		a.Interface, a.Association, a.Private = *gateway.NetworkInterfaceId, "eipassoc-0123456789abcdef0", e.Interfaces.Get(*gateway.NetworkInterfaceId).PrivateIP
		e.ElasticIPs.Put(&a)
	})
	face := *i.NetworkInterfaces[0].NetworkInterfaceId
	association := w.associate("AllocationId=" + id + "&NetworkInterfaceId=" + face)
	const unknown = "eipalloc-0123456789abcdef0"
	for _, c := range []struct{ action, form, want string }{
		{"AllocateAddress", "Domain=standard", "InvalidParameterValue: Invalid value 'standard' for Domain."},
		{"AllocateAddress", "Address=198.18.0.9", "UnsupportedOperation: The parameter Address is not supported."},
		{"AllocateAddress", "IpamPoolId=ipam-pool-1", "UnsupportedOperation: The parameter IpamPoolId is not supported."},
		{"AllocateAddress", "PublicIpv4Pool=ipv4pool-ec2-1", "InvalidPublicIpv4PoolID.NotFound: The pool ID 'ipv4pool-ec2-1' does not exist."},
		{"AllocateAddress", "NetworkBorderGroup=us-west-2", "InvalidParameterValue: Value (us-west-2) for parameter networkBorderGroup is invalid. It must be us-east-1."},
		{"AllocateAddress", "TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=a", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"AllocateAddress", "DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
		{"ReleaseAddress", "", "MissingParameter: The request must contain the parameter allocationId"},
		{"ReleaseAddress", "AllocationId=" + unknown, "InvalidAllocationID.NotFound: The allocation ID '" + unknown + "' does not exist"},
		{"ReleaseAddress", "PublicIp=" + address, "InvalidParameterValue: You must specify an allocation id when releasing a VPC elastic IP address"},
		{"ReleaseAddress", "AllocationId=" + id + "&PublicIp=" + address, "InvalidParameterCombination: You may specify public IP or allocation id, but not both in the same call"},
		{"ReleaseAddress", "AllocationId=" + other + "&NetworkBorderGroup=eu-west-1", "InvalidAddress.NotFound: Address '198.18.0.6' not found."},
		{"ReleaseAddress", "AllocationId=" + id, "InvalidIPAddress.InUse: Address " + address + " is in use."},
		{"ReleaseAddress", "AllocationId=" + ofGateway, "InvalidIPAddress.InUse: Address 198.18.0.7 is in use."},
		{"AssociateAddress", "InstanceId=" + two, "MissingParameter: The request must contain the parameter allocationId"},
		{"AssociateAddress", "AllocationId=" + other, "MissingParameter: The request must contain the parameter instanceId or networkInterfaceId"},
		{"AssociateAddress", "AllocationId=" + other + "&PublicIp=" + address, "InvalidParameterCombination: You may specify public IP or allocation id, but not both in the same call"},
		{"AssociateAddress", "PublicIp=198.18.0.99&InstanceId=" + two, "InvalidAddress.NotFound: Address '198.18.0.99' not found."},
		{"AssociateAddress", "PublicIp=here&InstanceId=" + two, "InvalidParameterValue: Invalid IPv4 address: here"},
		{"AssociateAddress", "AllocationId=" + other + "&InstanceId=" + two + "&NetworkInterfaceId=" + extra, "InvalidParameterCombination: The parameter instanceId cannot be used with the parameter networkInterfaceId"},
		{"AssociateAddress", "AllocationId=" + other + "&InstanceId=" + two, "InvalidInstanceID: There are multiple interfaces attached to instance '" + two + "'. Please specify an interface ID for the operation instead."},
		{"AssociateAddress", "AllocationId=" + other + "&InstanceId=" + pending, "InvalidInstanceID: The pending instance '" + pending + "' is not in a valid state for this operation."},
		{"AssociateAddress", "AllocationId=" + other + "&InstanceId=i-0123456789abcdef0", "InvalidInstanceID.NotFound: The instance ID 'i-0123456789abcdef0' does not exist"},
		{"AssociateAddress", "AllocationId=" + other + "&NetworkInterfaceId=eni-0123456789abcdef0", "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
		{"AssociateAddress", "AllocationId=" + other + "&NetworkInterfaceId=" + lonely, "Gateway.NotAttached: Network " + lonelyVPC + " is not attached to any internet gateway"},
		{"AssociateAddress", "AllocationId=" + other + "&NetworkInterfaceId=" + *gateway.NetworkInterfaceId, "AuthFailure: You do not have permission to access the specified resource."},
		{"AssociateAddress", "AllocationId=" + ofGateway + "&NetworkInterfaceId=" + extra, "AuthFailure: You do not have permission to access the specified resource."},
		{"AssociateAddress", "AllocationId=" + other + "&NetworkInterfaceId=" + extra + "&PrivateIpAddress=172.31.0.99", "InvalidParameterValue: Value (172.31.0.99) for parameter privateIpAddress is invalid. It is not assigned to the network interface '" + extra + "'."},
		{"AssociateAddress", "AllocationId=" + other + "&NetworkInterfaceId=" + extra + "&PrivateIpAddress=x", "InvalidParameterValue: invalid value for parameter address: x"},
		{"AssociateAddress", "AllowReassociation=false&AllocationId=" + id + "&NetworkInterfaceId=" + extra, "Resource.AlreadyAssociated: resource " + id + " is already associated with associate-id " + association},
		{"AssociateAddress", "AllowReassociation=false&AllocationId=" + other + "&NetworkInterfaceId=" + face, "Resource.AlreadyAssociated: resource " + face + " is already associated with associate-id " + association},
		{"DisassociateAddress", "", "MissingParameter: The request must contain the parameter associationId"},
		{"DisassociateAddress", "AssociationId=eipassoc-0", "InvalidAssociationID.NotFound: The association ID 'eipassoc-0' does not exist"},
		{"DisassociateAddress", "PublicIp=" + address, "InvalidParameterValue: You must specify an association id when unmapping an address from a VPC instance"},
		{"DisassociateAddress", "AssociationId=" + association + "&PublicIp=" + address, "InvalidParameterCombination: You may specify public IP or association id, but not both in the same call"},
		{"DisassociateAddress", "AssociationId=eipassoc-0123456789abcdef0", "AuthFailure: You do not have permission to access the specified resource."},
		{"DisassociateAddress", "DryRun=true&AssociationId=" + association, "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
		{"DescribeAddresses", "PublicIp.1=x", "InvalidParameterValue: Invalid IPv4 address: x"},
		{"DescribeAddresses", "AllocationId.1=eip-1", `InvalidAllocationID.Malformed: Invalid id: "eip-1" (expecting "eipalloc-...")`},
		{"DescribeAddresses", "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue: The filter 'colour' is invalid"},
		{"DescribeAddressesAttribute", "Attribute=colour", "InvalidParameterValue: Invalid value 'colour' for Attribute."},
		{"DescribeAddressesAttribute", "MaxResults=0", "InvalidParameterValue: Value ( 0 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 1."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	w.ask("TerminateInstances", two)
	w.refuse("AssociateAddress", "AllocationId="+other+"&NetworkInterfaceId="+extra, "IncorrectInstanceState: The shutting-down instance to which '"+extra+"' is attached is not in a valid state for this operation")
}

func TestDescribeAddressesFilters(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/28")
	i := w.run("")
	face := *i.NetworkInterfaces[0].NetworkInterfaceId
	used, address := w.allocate()
	spare, _ := w.allocate()
	association := w.associate("AllocationId=" + used + "&InstanceId=" + *i.InstanceId)
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+spare+"&Tag.1.Key=Name&Tag.1.Value=spare")
	for _, c := range []struct{ filter, val, want string }{
		{"allocation-id", used, "used"},
		{"association-id", association, "used"},
		{"domain", "vpc", "used spare"},
		{"instance-id", *i.InstanceId, "used"},
		{"network-border-group", "us-east-1", "used spare"},
		{"network-interface-id", face, "used"},
		{"network-interface-owner-id", testScope.Account, "used"},
		{"private-ip-address", "172.31.0.4", "used"},
		{"public-ip", address, "used"},
		{"tag:Name", "spare", "spare"},
		{"tag-key", "Name", "spare"},
		{"public-ip", "10.*", ""},
	} {
		out := do[ec2.DescribeAddressesOutput](w, "DescribeAddresses", "Filter.1.Name="+url.QueryEscape(c.filter)+"&Filter.1.Value.1="+url.QueryEscape(c.val))
		got := map[string]bool{}
		for _, a := range out.Addresses {
			got[*a.AllocationId] = true
		}
		if got[used] != strings.Contains(c.want, "used") || got[spare] != strings.Contains(c.want, "spare") {
			t.Errorf("%s=%s: got %v, want %s", c.filter, c.val, got, c.want)
		}
	}
	both := do[ec2.DescribeAddressesOutput](w, "DescribeAddresses", "AllocationId.1="+spare+"&PublicIp.1="+address+"&PublicIp.2="+address)
	if len(both.Addresses) != 2 {
		t.Errorf("by id and address: %d", len(both.Addresses))
	}
	page := do[ec2.DescribeAddressesAttributeOutput](w, "DescribeAddressesAttribute", "Attribute=domain-name&MaxResults=1")
	next := do[ec2.DescribeAddressesAttributeOutput](w, "DescribeAddressesAttribute", "Attribute=domain-name&MaxResults=1&NextToken="+url.QueryEscape(*page.NextToken))
	if len(page.Addresses) != 1 || len(next.Addresses) != 1 || next.NextToken != nil || *page.Addresses[0].AllocationId == *next.Addresses[0].AllocationId || page.Addresses[0].PtrRecord != nil {
		t.Errorf("pages %+v and %+v", page, next)
	}
}
