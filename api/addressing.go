package api

import (
	"net/netip"
	"slices"
	"strconv"

	"crenel/ec2"
	"crenel/vpc"
)

// maxAddresses is how many IPv4 addresses, and how many IPv6 ones, an interface may have that is not
// attached; else the instance's type decides. A delegated prefix counts as one.
const maxAddresses = 50

// An addressing is what a request asks of the addresses of an interface.
type addressing struct {
	primary     netip.Addr // zero: any
	secondary   []netip.Addr
	ipv6        []netip.Addr
	prefixes    []netip.Prefix
	more        int // further secondary addresses, whichever are free
	moreIPv6    int
	morePrefix4 int
	morePrefix6 int
	primaryIPv6 bool // the first IPv6 address is to stay
}

// readAddressing reads what the request says of the addresses of an interface in the subnet; movable
// tells of an address in use whether it may be taken from who has it.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html
func readAddressing(s *vpc.State, subnet *vpc.Subnet, f *ec2.InstanceNetworkInterfaceSpecification, movable func(netip.Addr) bool) (a addressing, err error) {
	primary, secondary, err := privateAsked(f)
	if err != nil {
		return a, err
	}
	for _, c := range []struct {
		name string
		n    *int32
		to   *int
	}{
		{"secondaryPrivateIpAddressCount", f.SecondaryPrivateIpAddressCount, &a.more},
		{"ipv4PrefixCount", f.Ipv4PrefixCount, &a.morePrefix4},
		{"ipv6AddressCount", f.Ipv6AddressCount, &a.moreIPv6},
		{"ipv6PrefixCount", f.Ipv6PrefixCount, &a.morePrefix6},
	} {
		if *c.to = int(value(c.n)); *c.to < 0 {
			return a, invalid(c.name, strconv.Itoa(*c.to), "The value must not be negative.")
		}
	}
	if err := atMostOne(given{"privateIpAddresses", len(secondary) > 0}, given{"secondaryPrivateIpAddressCount", a.more > 0},
		given{"ipv4Prefixes", len(f.Ipv4Prefixes) > 0}, given{"ipv4PrefixCount", a.morePrefix4 > 0}); err != nil {
		return a, err
	}
	if err := atMostOne(given{"ipv6Addresses", len(f.Ipv6Addresses) > 0}, given{"ipv6AddressCount", a.moreIPv6 > 0},
		given{"ipv6Prefixes", len(f.Ipv6Prefixes) > 0}, given{"ipv6PrefixCount", a.morePrefix6 > 0}); err != nil {
		return a, err
	}
	if primary != "" {
		if a.primary, err = freePrivate(s, subnet, primary, nil); err != nil {
			return a, err
		}
	}
	taken := map[string]bool{primary: primary != ""}
	for _, text := range secondary {
		address, err := freePrivate(s, subnet, text, movable)
		if err != nil {
			return a, err
		}
		if taken[text] {
			return a, invalid("privateIpAddress", text, "The address is given more than once.")
		}
		taken[text] = true
		a.secondary = append(a.secondary, address)
	}
	if err := a.readIPv6(s, subnet, f); err != nil {
		return a, err
	}
	for _, p := range f.Ipv4Prefixes {
		if err := a.readPrefix(s, subnet, subnet.CIDR, value(p.Ipv4Prefix)); err != nil {
			return a, err
		}
	}
	return a, nil
}

// privateAsked are the primary address that a request asks for, in one of the two places where it
// may, and the secondary ones.
func privateAsked(f *ec2.InstanceNetworkInterfaceSpecification) (primary string, secondary []string, err error) {
	primary = value(f.PrivateIpAddress)
	for _, p := range f.PrivateIpAddresses {
		address, err := need("PrivateIpAddresses.PrivateIpAddress", p.PrivateIpAddress)
		switch {
		case err != nil:
			return "", nil, err
		case !value(p.Primary):
			secondary = append(secondary, address)
		case primary != "":
			return "", nil, vpc.Errorf("InvalidParameterCombination", "Only one primary private IP address can be specified.")
		default:
			primary = address
		}
	}
	return primary, secondary, nil
}

// readIPv6 reads addresses and prefixes of the subnet's IPv6 range.
func (a *addressing) readIPv6(s *vpc.State, subnet *vpc.Subnet, f *ec2.InstanceNetworkInterfaceSpecification) error {
	if len(subnet.IPv6) == 0 {
		if len(f.Ipv6Addresses)+len(f.Ipv6Prefixes)+a.moreIPv6+a.morePrefix6 > 0 || value(f.PrimaryIpv6) {
			return vpc.Errorf("InvalidParameterValue", "The subnet '%s' does not have an IPv6 CIDR block associated with it.", subnet.ID)
		}
		return nil
	}
	block := subnet.IPv6[0].CIDR
	for _, text := range f.Ipv6Addresses {
		address, err := freeIn(s, subnet.VPC, block, value(text.Ipv6Address), nil)
		if err != nil {
			return err
		}
		if slices.Contains(a.ipv6, address) {
			return invalid("ipv6Address", address.String(), "The address is given more than once.")
		}
		a.ipv6 = append(a.ipv6, address)
		a.primaryIPv6 = a.primaryIPv6 || value(text.IsPrimaryIpv6)
	}
	for _, p := range f.Ipv6Prefixes {
		if err := a.readPrefix(s, subnet, block, value(p.Ipv6Prefix)); err != nil {
			return err
		}
	}
	// AWS gives a new interface an address without being asked where the subnet says so.
	if subnet.AssignIPv6 && f.Ipv6AddressCount == nil && len(f.Ipv6Addresses)+len(f.Ipv6Prefixes)+a.morePrefix6 == 0 {
		a.moreIPv6 = 1
	}
	if a.primaryIPv6 = a.primaryIPv6 || value(f.PrimaryIpv6); a.primaryIPv6 && len(a.ipv6)+a.moreIPv6 == 0 {
		a.moreIPv6 = 1
	}
	return nil
}

// freePrivate reads an address and refuses it unless an interface of the subnet may take it.
func freePrivate(s *vpc.State, subnet *vpc.Subnet, asked string, movable func(netip.Addr) bool) (netip.Addr, error) {
	return freeIn(s, subnet.VPC, subnet.CIDR, asked, movable)
}

// freeIn does so for a range of a subnet, IPv4 or IPv6.
func freeIn(s *vpc.State, network string, block netip.Prefix, asked string, movable func(netip.Addr) bool) (netip.Addr, error) {
	a, err := netip.ParseAddr(asked)
	switch {
	case err != nil || a.Is4() != block.Addr().Is4() || a.Zone() != "":
		return a, vpc.Errorf("InvalidParameterValue", "invalid value for parameter address: %s", asked)
	case !block.Contains(a):
		return a, vpc.Errorf("InvalidParameterValue", "Address %s does not fall within the subnet's address range", a)
	case vpc.ReservedIn(block, a):
		return a, vpc.Errorf("InvalidParameterValue", "Address %s is in subnet's reserved address range", a)
	case s.InUse(network, a) && (movable == nil || !movable(a)):
		return a, addressInUse(a)
	}
	return a, nil
}

// readPrefix reads a prefix to delegate, of one of the subnet's ranges.
func (a *addressing) readPrefix(s *vpc.State, subnet *vpc.Subnet, block netip.Prefix, text string) error {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || p.Addr().Is4() != block.Addr().Is4() || p != vpc.Delegation(p.Addr()):
		return vpc.Errorf("InvalidParameterValue", "invalid value for parameter prefix: %s", text)
	case !block.Overlaps(p) || p.Bits() < block.Bits():
		return vpc.Errorf("InvalidParameterValue", "Prefix %s does not fall within the subnet's address range", p)
	case slices.Contains(a.prefixes, p):
		return invalid("prefix", text, "The prefix is given more than once.")
	}
	asking := &vpc.Interface{PrivateIP: a.primary, IPv6: a.ipv6}
	if !s.IsFreePrefix(subnet, block, p, asking) {
		return prefixInUse(p)
	}
	a.prefixes = append(a.prefixes, p)
	return nil
}

// names tells whether the request names addresses: two interfaces cannot have them.
func (a addressing) names() bool {
	return a.primary.IsValid() || len(a.secondary)+len(a.ipv6)+len(a.prefixes) > 0
}

// picks is how many IPv4 addresses of the subnet a new interface takes that are not named.
func (a addressing) picks() int {
	n := a.more + 16*a.morePrefix4
	if !a.primary.IsValid() {
		n++
	}
	return n
}

// A picker gives interfaces their addresses. It looks at no address twice, so that a thousand
// interfaces in a subnet take no longer than its addresses are many.
type picker struct {
	*vpc.Edit
	last map[string]netip.Addr // the last one that was picked, by subnet; "": of the public pool
}

func newPicker(e *vpc.Edit) picker { return picker{e, map[string]netip.Addr{}} }

// give adds to the interface the addresses that are asked for, and refuses more than most of a family.
// The interface may be one that is shown: its lists are not changed but replaced.
func (p picker) give(face *vpc.Interface, subnet *vpc.Subnet, a addressing, most int) error {
	if err := p.stillFree(subnet, a); err != nil {
		return err
	}
	if !face.PrivateIP.IsValid() {
		face.PrivateIP = a.primary
	}
	face.Secondary = slices.Concat(face.Secondary, a.secondary)
	face.IPv6 = slices.Concat(face.IPv6, a.ipv6)
	face.Prefixes = slices.Concat(face.Prefixes, a.prefixes)
	face.PrimaryIPv6 = face.PrimaryIPv6 || a.primaryIPv6
	if err := withinLimit(face, a, most); err != nil {
		return err
	}
	var err error
	if !face.PrivateIP.IsValid() {
		if face.PrivateIP, err = p.private(face, subnet); err != nil {
			return err
		}
	}
	for range a.more {
		one, err := p.private(face, subnet)
		if err != nil {
			return err
		}
		face.Secondary = append(face.Secondary, one)
	}
	for range a.moreIPv6 {
		one, ok := p.FreeIPv6(subnet)
		for ok && slices.Contains(face.IPv6, one) {
			one, ok = p.FreeIPv6(subnet)
		}
		if !ok {
			return tooFewAddresses()
		}
		face.IPv6 = append(face.IPv6, one)
	}
	if err := p.prefixes(face, subnet, subnet.CIDR, a.morePrefix4); err != nil {
		return err
	}
	if a.morePrefix6 > 0 {
		return p.prefixes(face, subnet, subnet.IPv6[0].CIDR, a.morePrefix6)
	}
	return nil
}

// stillFree refuses what the same request gave to another interface.
func (p picker) stillFree(subnet *vpc.Subnet, a addressing) error {
	for _, one := range slices.Concat([]netip.Addr{a.primary}, a.secondary, a.ipv6) {
		if one.IsValid() && p.InUse(subnet.VPC, one) {
			return addressInUse(one)
		}
	}
	for _, one := range a.prefixes {
		if p.Interfaces.First("prefix", vpc.AddressKey(subnet.VPC, one.String())) != nil {
			return prefixInUse(one)
		}
	}
	return nil
}

// private picks a free address that the interface, which is not stored yet, does not have either.
func (p picker) private(face *vpc.Interface, subnet *vpc.Subnet) (netip.Addr, error) {
	for {
		a, ok := p.FreeAfter(subnet, p.last[subnet.ID])
		if !ok {
			return a, tooFewAddresses()
		}
		p.last[subnet.ID] = a
		if !slices.Contains(face.Addresses(), a) && !slices.Contains(face.Prefixes, vpc.Delegation(a)) {
			return a, nil
		}
	}
}

func (p picker) prefixes(face *vpc.Interface, subnet *vpc.Subnet, block netip.Prefix, n int) error {
	for range n {
		one, ok := p.FreePrefix(subnet, block, face)
		if !ok {
			return vpc.Errorf("InsufficientCidrBlocks", "The specified subnet does not have enough free cidr blocks to satisfy the request.")
		}
		face.Prefixes = append(face.Prefixes, one)
	}
	return nil
}

// public picks a free public address.
func (p picker) public() (netip.Addr, error) {
	a, ok := p.FreePublicAfter(p.last[""])
	if !ok {
		return a, noPublicAddress()
	}
	p.last[""] = a
	return a, nil
}

// withinLimit refuses more addresses of a family than an interface may have.
func withinLimit(face *vpc.Interface, a addressing, most int) error {
	four, six := 1+len(face.Secondary)+a.more+a.morePrefix4, len(face.IPv6)+a.moreIPv6+a.morePrefix6
	for _, p := range face.Prefixes {
		if p.Addr().Is4() {
			four++
		} else {
			six++
		}
	}
	switch {
	case four > most:
		return vpc.Errorf("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
	case six > most:
		return vpc.Errorf("PrivateIpAddressLimitExceeded", "Number of IPv6 addresses will exceed limit.")
	}
	return nil
}

// addressLimit is how many addresses of a family the interface may have.
func addressLimit(s *vpc.State, i *vpc.Interface) int {
	if i.Attachment != nil {
		if instance := s.Instances.Get(i.Attachment.Instance); instance != nil {
			return typeOf(instance).addresses
		}
	}
	return maxAddresses
}

func tooFewAddresses() error {
	return vpc.Errorf("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
}

func addressInUse(a netip.Addr) error {
	return vpc.Errorf("InvalidIPAddress.InUse", "Address %s is in use.", a)
}

func prefixInUse(p netip.Prefix) error {
	return vpc.Errorf("InvalidIPAddress.InUse", "Prefix %s is in use.", p)
}
