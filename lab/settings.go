package lab

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// setInterface changes an attribute of the instance's interface.
func (p *play) setInterface(name string, form url.Values) error {
	i, err := p.describe(name)
	if err != nil {
		return err
	}
	form.Set("NetworkInterfaceId", *i.NetworkInterfaces[0].NetworkInterfaceId)
	return p.on.call("ModifyNetworkInterfaceAttribute", form, &ec2.ModifyNetworkInterfaceAttributeOutput{})
}

func (p *play) timeout(name, which, seconds string) error {
	field, ok := map[string]string{"tcp": "TcpEstablishedTimeout", "udp": "UdpTimeout", "stream": "UdpStreamTimeout"}[which]
	if !ok {
		return fmt.Errorf("there is no timeout %q", which)
	}
	return p.setInterface(name, url.Values{"ConnectionTrackingSpecification." + field: {seconds}})
}

func (p *play) quota(value, name string) error {
	p.quotas = append(p.quotas, name)
	return p.on.quota(name, value)
}

// refused carries out a statement that the API must answer with the error.
func (p *play) refused(code string, s Step) error {
	switch err := p.step(s); {
	case err == nil:
		return fmt.Errorf("it was not refused")
	case vpc.Code(err) != code:
		return err
	}
	return nil
}

// list makes a prefix list.
func (p *play) list(name, most, cidrs string) error {
	form := url.Values{"PrefixListName": {name}, "AddressFamily": {"IPv4"}, "MaxEntries": {most}}
	for i, cidr := range strings.Split(cidrs, ",") {
		form.Set(fmt.Sprintf("Entry.%d.Cidr", i+1), cidr)
	}
	var out ec2.CreateManagedPrefixListOutput
	err := p.on.call("CreateManagedPrefixList", form, &out)
	if err == nil {
		p.lists[name] = *out.PrefixList.PrefixListId
	}
	return err
}

// relist makes the list hold the ranges, and no others.
func (p *play) relist(name, cidrs string) error {
	id, err := known(p.lists, "prefix list", name)
	if err != nil {
		return err
	}
	var lists ec2.DescribeManagedPrefixListsOutput
	if err := p.on.call("DescribeManagedPrefixLists", url.Values{"PrefixListId.1": {id}}, &lists); err != nil {
		return err
	}
	var held ec2.GetManagedPrefixListEntriesOutput
	if err := p.on.call("GetManagedPrefixListEntries", url.Values{"PrefixListId": {id}}, &held); err != nil {
		return err
	}
	want := strings.Split(cidrs, ",")
	form := url.Values{"PrefixListId": {id}, "CurrentVersion": {strconv.FormatInt(*lists.PrefixLists[0].Version, 10)}}
	for i, e := range held.Entries {
		if at := slices.Index(want, *e.Cidr); at >= 0 {
			want = slices.Delete(want, at, at+1)
		} else {
			form.Set(fmt.Sprintf("RemoveEntry.%d.Cidr", i+1), *e.Cidr)
		}
	}
	for i, cidr := range want {
		form.Set(fmt.Sprintf("AddEntry.%d.Cidr", i+1), cidr)
	}
	return p.on.call("ModifyManagedPrefixList", form, &ec2.ModifyManagedPrefixListOutput{})
}

// An elastic is an Elastic IP that an instance has.
type elastic struct{ allocation, association string }

func (p *play) elastic(name string) error {
	id, err := known(p.instances, "instance", name)
	if err != nil {
		return err
	}
	var made ec2.AllocateAddressOutput
	if err := p.on.call("AllocateAddress", url.Values{"Domain": {"vpc"}}, &made); err != nil {
		return err
	}
	e := elastic{allocation: *made.AllocationId}
	var tied ec2.AssociateAddressOutput
	if err = p.on.call("AssociateAddress", url.Values{"AllocationId": {e.allocation}, "InstanceId": {id}}, &tied); err == nil {
		e.association = *tied.AssociationId
	}
	p.elastics = append(p.elastics, e)
	return err
}

// internet gives the VPC a gateway, and its main route table the ways to it.
func (p *play) internet(name string) error {
	id, err := known(p.vpcs, "VPC", name)
	if err != nil {
		return err
	}
	var made ec2.CreateInternetGatewayOutput
	if err := p.on.call("CreateInternetGateway", url.Values{}, &made); err != nil {
		return err
	}
	gateway := *made.InternetGateway.InternetGatewayId
	p.gateways[id] = gateway
	if err := p.on.call("AttachInternetGateway", url.Values{"VpcId": {id}, "InternetGatewayId": {gateway}}, &ec2.AttachInternetGatewayOutput{}); err != nil {
		return err
	}
	var tables ec2.DescribeRouteTablesOutput
	if err := p.on.call("DescribeRouteTables", url.Values{"Filter.1.Name": {"vpc-id"}, "Filter.1.Value.1": {id}}, &tables); err != nil {
		return err
	}
	for block, all := range map[string]string{"DestinationCidrBlock": "0.0.0.0/0", "DestinationIpv6CidrBlock": "::/0"} {
		form := url.Values{"RouteTableId": {*tables.RouteTables[0].RouteTableId}, "GatewayId": {gateway}, block: {all}}
		if err := p.on.call("CreateRoute", form, &ec2.CreateRouteOutput{}); err != nil {
			return err
		}
	}
	return nil
}
