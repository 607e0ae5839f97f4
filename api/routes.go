package api

import (
	"net/netip"
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

// createRoute adds a route. To add one again that is there already, to the same target, changes nothing.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
func createRoute(e *vpc.Edit, in *ec2.CreateRouteInput) (*ec2.CreateRouteOutput, error) {
	t, r, err := readRoute(e.State, in, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	if r.Target == "local" {
		return nil, badGateway("local")
	}
	if err := checkRoute(e.State, t, r); err != nil {
		return nil, err
	}
	out := &ec2.CreateRouteOutput{Return: new(true)}
	i := indexRoute(t, r)
	switch {
	case i >= 0 && t.Routes[i].Target == r.Target:
		return out, nil
	case i >= 0 || isLocal(e.State, t, r):
		return nil, vpc.Errorf("RouteAlreadyExists", "The route identified by %s already exists.", destinationOf(r))
	}
	changeRouteTable(e, t.ID, func(t *vpc.RouteTable) { t.Routes = append(t.Routes, r) })
	return out, checkRouteQuota(e.State, e.RouteTables.Get(t.ID))
}

// replaceRoute leads what a route leads to another target. The route inside the VPC stays what it is:
// packets could not take another one yet.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html
func replaceRoute(e *vpc.Edit, in *ec2.ReplaceRouteInput) (*ec2.ReplaceRouteOutput, error) {
	t, r, err := readRoute(e.State, in, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	switch local := isLocal(e.State, t, r); {
	case local && r.Target == "local":
		return &ec2.ReplaceRouteOutput{}, nil
	case local:
		return nil, vpc.Errorf("UnsupportedOperation", "The target of the local route %s cannot be replaced.", destinationOf(r))
	case r.Target == "local":
		return nil, vpc.Errorf("InvalidParameterValue", "The route %s is not a local route. Only a local route can have the target local.", destinationOf(r))
	}
	if err := checkRoute(e.State, t, r); err != nil {
		return nil, err
	}
	i := indexRoute(t, r)
	if i < 0 {
		return nil, vpc.Errorf("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", destinationOf(r))
	}
	if kindOf(t.Routes[i].Target) == "vpce" && r.PrefixList != "" {
		return nil, endpointRoute(t, r)
	}
	changeRouteTable(e, t.ID, func(t *vpc.RouteTable) { t.Routes[i] = r })
	return &ec2.ReplaceRouteOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRoute.html
func deleteRoute(e *vpc.Edit, in *ec2.DeleteRouteInput) (*ec2.DeleteRouteOutput, error) {
	r, err := readDestination(e.State, in)
	if err != nil {
		return nil, err
	}
	t, err := routeTableIDs.find(e.State, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	i := indexRoute(t, r)
	switch {
	case isLocal(e.State, t, r):
		return nil, vpc.Errorf("InvalidParameterValue", "cannot remove local route %s in route table %s", destinationOf(r), t.ID)
	case i < 0:
		return nil, vpc.Errorf("InvalidRoute.NotFound", "no route with %s %s in route table %s", destinationKind(r), destinationOf(r), t.ID)
	case kindOf(t.Routes[i].Target) == "vpce" && r.PrefixList != "":
		return nil, endpointRoute(t, r)
	}
	changeRouteTable(e, t.ID, func(t *vpc.RouteTable) { t.Routes = slices.Delete(t.Routes, i, i+1) })
	return &ec2.DeleteRouteOutput{}, nil
}

// endpointRoute says no to changing the route of a gateway endpoint, which comes and goes with it.
func endpointRoute(t *vpc.RouteTable, r vpc.Route) error {
	return vpc.Errorf("InvalidParameterValue", "cannot remove VPC endpoint route %s in route table %s", r.PrefixList, t.ID)
}

// readRoute reads the table, the destination and the target of a request.
func readRoute(s *vpc.State, in any, table string) (*vpc.RouteTable, vpc.Route, error) {
	kind, id, err := targetOf(in)
	if err != nil {
		return nil, vpc.Route{}, err
	}
	r, err := readDestination(s, in)
	if err != nil {
		return nil, r, err
	}
	t, err := routeTableIDs.find(s, table)
	if err != nil {
		return nil, r, err
	}
	r.Target, err = kind.find(s, t, id)
	return t, r, err
}

// readDestination reads the one destination of a request.
func readDestination(s *vpc.State, in any) (r vpc.Route, err error) {
	var params, values []string
	for _, p := range [][2]string{{"DestinationCidrBlock", "destinationCidrBlock"},
		{"DestinationIpv6CidrBlock", "destinationIpv6CidrBlock"}, {"DestinationPrefixListId", "destinationPrefixListId"}} {
		if given, _ := field(in, p[0]).(*string); value(given) != "" {
			params, values = append(params, p[1]), append(values, *given)
		}
	}
	switch {
	case len(params) == 0:
		return r, missing("destinationCidrBlock or destinationIpv6CidrBlock")
	case len(params) > 1:
		return r, notTogether(params[0], params[1])
	case params[0] == "destinationPrefixListId":
		l, err := prefixListIDs.find(s, values[0])
		if err != nil {
			return r, err
		}
		r.PrefixList = l.ID
		return r, nil
	}
	r.Destination, err = readCIDR(params[0], values[0], params[0] == "destinationIpv6CidrBlock")
	return r, err
}

// readCIDR reads a range of one of the two families. Its host bits are cleared.
func readCIDR(parameter, text string, ipv6 bool) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4() == ipv6 || p.Addr().Is4In6() {
		return p, invalid(parameter, text, "This is not a valid CIDR block.")
	}
	return p.Masked(), nil
}

// destinationOf is the destination as AWS writes it.
func destinationOf(r vpc.Route) string {
	if r.PrefixList != "" {
		return r.PrefixList
	}
	return r.Destination.String()
}

func destinationKind(r vpc.Route) string {
	switch {
	case r.PrefixList != "":
		return "destination-prefix-list-id"
	case r.Destination.Addr().Is4():
		return "destination-cidr-block"
	}
	return "destination-ipv6-cidr-block"
}

// indexRoute is where the table has the route with this destination; -1: nowhere.
func indexRoute(t *vpc.RouteTable, r vpc.Route) int {
	return slices.IndexFunc(t.Routes, func(o vpc.Route) bool { return o.Destination == r.Destination && o.PrefixList == r.PrefixList })
}

// isLocal tells whether the destination is that of a route inside the VPC.
func isLocal(s *vpc.State, t *vpc.RouteTable, r vpc.Route) bool {
	v := s.VPCs.Get(t.VPC)
	return v != nil && slices.Contains(v.CIDRs(), r.Destination)
}

// unroutable are the ranges of AWS's own services in every VPC.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
var unroutable = []netip.Prefix{netip.MustParsePrefix("169.254.168.0/22"), netip.MustParsePrefix("fd00:ec2::/32")}

// nat64 is the one IPv6 range that NAT gateways take. https://www.rfc-editor.org/rfc/rfc6052
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// checkRoute refuses a route that the table cannot have.
func checkRoute(s *vpc.State, t *vpc.RouteTable, r vpc.Route) error {
	ipv6 := r.Destination.Addr().Is6()
	if l := s.PrefixLists.Get(r.PrefixList); l != nil {
		ipv6 = l.IPv6
	}
	kind := kindOf(r.Target)
	switch {
	case slices.ContainsFunc(unroutable, func(p netip.Prefix) bool { return covers(p, r.Destination) }):
		return vpc.Errorf("InvalidParameterValue", "The destination CIDR block %s is reserved for AWS services.", r.Destination)
	case kind == "eigw" && !ipv6:
		return vpc.Errorf("InvalidParameterValue", "The egress-only internet gateway %s supports IPv6 destinations only: %s", r.Target, destinationOf(r))
	case kind == "nat" && ipv6 && r.Destination != nat64:
		return vpc.Errorf("InvalidParameterValue", "The NAT gateway %s does not support the IPv6 destination %s. The only one is %s.", r.Target, destinationOf(r), nat64)
	case insideVPC(s, t, r.Destination):
		if err := checkInnerRoute(s, t, r, kind); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(t.Associations, func(a vpc.RouteAssociation) bool { return a.Gateway != "" }) {
		return checkEdgeRoute(s, t, r)
	}
	return nil
}

// checkInnerRoute refuses a route inside the VPC that is neither the local one nor that of a whole subnet
// to something that can look at packets and send them on.
// https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html#route-tables-appliance-routing
func checkInnerRoute(s *vpc.State, t *vpc.RouteTable, r vpc.Route, kind string) error {
	const within = "The destination CIDR block %s is equal to or more specific than one of this VPC's CIDR blocks. "
	if kind != "eni" && kind != "nat" && kind != "vpce" {
		return vpc.Errorf("InvalidParameterValue", within+"This route can target only an interface or an instance.", r.Destination)
	}
	if isLocal(s, t, r) {
		return nil
	}
	for n := range s.Subnets.By("vpc", t.VPC) {
		if n.CIDR == r.Destination || slices.ContainsFunc(n.IPv6, func(b vpc.Block) bool { return b.CIDR == r.Destination }) {
			return nil
		}
	}
	return vpc.Errorf("InvalidParameterValue", within+"It must match the CIDR block of a subnet in the VPC.", r.Destination)
}

// checkRouteQuota refuses more routes than a table may have. IPv4 and IPv6 are counted apart, and a
// prefix list counts as many routes as it may have entries.
func checkRouteQuota(s *vpc.State, t *vpc.RouteTable) error {
	ipv4, ipv6 := 0, 0
	for _, r := range t.Routes {
		switch l := s.PrefixLists.Get(r.PrefixList); {
		case l != nil && l.IPv6:
			ipv6 += weight(l)
		case l != nil:
			ipv4 += weight(l)
		case r.Destination.Addr().Is4():
			ipv4++
		default:
			ipv6++
		}
	}
	if max(ipv4, ipv6) > s.Limit(vpc.RoutesPerTable) {
		return vpc.Errorf("RouteLimitExceeded", "The maximum number of routes has been reached.")
	}
	return nil
}
