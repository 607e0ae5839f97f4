package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// addEndpointRoutes adds a route to the endpoint for its service's addresses to the route tables.
func addEndpointRoutes(e *vpc.Edit, p *vpc.VPCEndpoint, service endpointService, tables []string) error {
	for _, id := range slices.Compact(slices.Sorted(slices.Values(tables))) {
		old, err := routeTableIDs.find(e.State, id)
		if err != nil {
			return err
		}
		if old.VPC != p.VPC {
			return vpc.Errorf("InvalidParameter", "Route table %s and VPC %s belong to different networks.", id, p.VPC)
		}
		list := vpc.ServiceListID(p.Region, service.short)
		if i := slices.IndexFunc(old.Routes, func(r vpc.Route) bool { return r.PrefixList == list }); i >= 0 {
			if old.Routes[i].Target == p.ID {
				continue
			}
			return vpc.Errorf("RouteAlreadyExists", "route table %s already has a route with destination-prefix-list-id %s", id, list)
		}
		t := *old
		t.Routes = append(slices.Clone(old.Routes), vpc.Route{PrefixList: list, Target: p.ID})
		if err := checkRouteQuota(e.State, &t); err != nil {
			return err
		}
		e.RouteTables.Put(&t)
	}
	return nil
}

// removeEndpointRoutes takes the route to the endpoint out of the route tables.
func removeEndpointRoutes(e *vpc.Edit, p *vpc.VPCEndpoint, tables []string) error {
	for _, id := range tables {
		t, err := routeTableIDs.find(e.State, id)
		if err != nil {
			return err
		}
		dropRoutes(e, t, p.ID)
	}
	return nil
}

// dropRoutes takes out of the table every route to the target.
func dropRoutes(e *vpc.Edit, old *vpc.RouteTable, target string) {
	t := *old
	t.Routes = slices.DeleteFunc(slices.Clone(old.Routes), func(r vpc.Route) bool { return r.Target == target })
	e.RouteTables.Put(&t)
}

// addEndpointSubnets gives the endpoint an interface in each of the subnets, one in a zone. A
// configuration chooses the address in its subnet.
func addEndpointSubnets(e *vpc.Edit, p *vpc.VPCEndpoint, ids []string, configurations []ec2.SubnetConfiguration) error {
	addresses, err := endpointAddresses(ids, configurations)
	if err != nil {
		return err
	}
	zones := map[string]bool{}
	for i := range e.Interfaces.By("owner", p.ID) {
		if slices.Contains(ids, i.Subnet) {
			ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == i.Subnet })
		}
		zones[e.Subnets.Get(i.Subnet).Zone] = true
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		subnet, err := subnetIDs.find(e.State, id)
		if err != nil {
			return err
		}
		switch {
		case subnet.VPC != p.VPC:
			return vpc.Errorf("InvalidParameter", "Subnet %s and VPC %s belong to different networks.", id, p.VPC)
		case zones[subnet.Zone]:
			return vpc.Errorf("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.", id)
		}
		zones[subnet.Zone] = true
		if err := addEndpointInterface(e, p, subnet, addresses[id]); err != nil {
			return err
		}
	}
	return nil
}

// endpointAddresses are the addresses that are asked for, by subnet.
func endpointAddresses(subnets []string, configurations []ec2.SubnetConfiguration) (map[string]string, error) {
	asked := map[string]string{}
	for _, c := range configurations {
		id, err := need("SubnetConfiguration.SubnetId", c.SubnetId)
		switch {
		case err != nil:
			return nil, err
		case value(c.Ipv6) != "":
			return nil, unsupported("SubnetConfiguration.Ipv6")
		case !slices.Contains(subnets, id):
			return nil, invalid("SubnetConfiguration.SubnetId", id, "The subnet must also be in the list of subnets.")
		}
		asked[id] = value(c.Ipv4)
	}
	return asked, nil
}

// addEndpointInterface makes the interface of an endpoint in a subnet.
func addEndpointInterface(e *vpc.Edit, p *vpc.VPCEndpoint, subnet *vpc.Subnet, asked string) (err error) {
	var a netip.Addr
	if asked != "" {
		if a, err = freePrivate(e.State, subnet, asked, nil); err != nil {
			return err
		}
	} else {
		var ok bool
		if a, ok = e.FreeAddress(subnet); !ok {
			return vpc.Errorf("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
		}
	}
	if countInterfaces(e.State) >= e.Limit(vpc.InterfacesPerRegion) {
		return vpc.Errorf("NetworkInterfaceLimitExceeded", "You have reached the limit of %d network interfaces.", e.Limit(vpc.InterfacesPerRegion))
	}
	e.Interfaces.Put(&vpc.Interface{ID: e.NewID("eni"), Scope: e.Scope, VPC: subnet.VPC, Subnet: subnet.ID, Num: e.NewNum(), MAC: newMAC(e),
		Description: "VPC Endpoint Interface " + p.ID, PrivateIP: a, Groups: liveGroups(e.State, p), SourceDestCheck: true,
		Type: "vpc_endpoint", Owner: p.ID})
	return nil
}

// liveGroups are the endpoint's groups that are still there. While it has no interface they may be
// deleted; where none is left AWS takes the VPC's default group.
func liveGroups(s *vpc.State, p *vpc.VPCEndpoint) []string {
	live := slices.DeleteFunc(slices.Clone(p.Groups), func(id string) bool { return s.SecurityGroups.Get(id) == nil })
	if len(live) == 0 {
		live = []string{s.DefaultGroup(p.VPC).ID}
	}
	return live
}

// removeEndpointSubnets takes the endpoint's interfaces out of the subnets.
func removeEndpointSubnets(e *vpc.Edit, p *vpc.VPCEndpoint, ids []string) error {
	for _, id := range ids {
		if _, err := subnetIDs.find(e.State, id); err != nil {
			return err
		}
		for _, i := range slices.Collect(e.Interfaces.By("owner", p.ID)) {
			if i.Subnet == id {
				e.Interfaces.Delete(i.ID)
			}
		}
	}
	return nil
}
