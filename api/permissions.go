package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// The protocols that a rule names and gives ports, or types and codes.
const (
	icmp   = 1
	tcp    = 6
	udp    = 17
	icmpv6 = 58
)

var protocolNames = map[int]string{icmp: "icmp", tcp: "tcp", udp: "udp", icmpv6: "icmpv6"}

// A reading makes rules of a group of what a request says.
type reading struct {
	*vpc.State
	group  *vpc.SecurityGroup
	egress bool
	made   bool // rules that the group should have: what they name may be gone
}

// permissions makes rules of a request's IpPermissions: one for each peer, in the order of the
// request, without ids.
func (r reading) permissions(list []ec2.IpPermission) ([]vpc.Rule, error) {
	var rules []vpc.Rule
	for _, p := range list {
		what, err := readWhat(value(p.IpProtocol), p.FromPort, p.ToPort)
		if err != nil {
			return nil, err
		}
		peers, err := r.peers(p)
		if err != nil {
			return nil, err
		}
		for _, peer := range peers {
			peer.Egress, peer.What = r.egress, what
			rules = append(rules, peer)
		}
	}
	seen := map[identity]bool{}
	for _, r := range rules {
		if seen[identify(r)] {
			return nil, vpc.Errorf("InvalidParameterValue", "The same permission must not appear multiple times")
		}
		seen[identify(r)] = true
	}
	return rules, nil
}

// An identity is what no two rules of a group have in common.
type identity struct {
	egress bool
	what   vpc.What
	peer   vpc.Peer
}

func identify(r vpc.Rule) identity {
	return identity{r.Egress, r.What, vpc.Peer{CIDR: r.Peer.CIDR, Group: r.Peer.Group, PrefixList: r.Peer.PrefixList}}
}

// indexOf finds the rule of the group that has r's identity, or -1.
func indexOf(rules []vpc.Rule, r vpc.Rule) int {
	return slices.IndexFunc(rules, func(have vpc.Rule) bool { return identify(have) == identify(r) })
}

// readWhat checks a protocol with its ports, or its ICMP type and code.
func readWhat(protocol string, from, to *int32) (vpc.What, error) {
	number, err := readProtocol(protocol)
	if err != nil {
		return vpc.What{}, err
	}
	switch number {
	case tcp, udp:
		return readPorts(number, from, to)
	case icmp, icmpv6:
		return readTypeAndCode(number, from, to)
	}
	return vpc.What{Protocol: number, From: -1, To: -1}, nil // whatever ports came along
}

func readProtocol(protocol string) (int, error) {
	if protocol == "" {
		return 0, vpc.Errorf("InvalidParameterValue", "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
	}
	for number, name := range protocolNames {
		if strings.EqualFold(protocol, name) {
			return number, nil
		}
	}
	number, err := strconv.Atoi(protocol)
	if err != nil || number < vpc.AnyProtocol || number > 255 {
		return 0, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", protocol)
	}
	return number, nil
}

func readPorts(protocol int, from, to *int32) (vpc.What, error) {
	if from == nil || to == nil {
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
	}
	for _, port := range []int32{*from, *to} {
		if port < 0 || port > 65535 {
			return vpc.What{}, vpc.Errorf("InvalidPermission.Malformed", "TCP/UDP port (%d) out of range", port)
		}
	}
	if *from > *to {
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", *from, *to)
	}
	return vpc.What{Protocol: protocol, From: int(*from), To: int(*to)}, nil
}

func readTypeAndCode(protocol int, kind, code *int32) (vpc.What, error) {
	if protocol == icmpv6 && kind == nil && code == nil {
		return vpc.What{Protocol: protocol, From: -1, To: -1}, nil
	}
	if kind == nil || code == nil {
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with ICMP.")
	}
	if *kind < -1 || *kind > 255 {
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "ICMP type (%d) out of range", *kind)
	}
	if *code < -1 || *code > 255 || *kind == -1 && *code != -1 { // all types have all codes
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "ICMP code (%d) out of range", *code)
	}
	return vpc.What{Protocol: protocol, From: int(*kind), To: int(*code)}, nil
}

// peers makes a rule with a peer and a description of each range, prefix list and group of p.
func (r reading) peers(p ec2.IpPermission) (rules []vpc.Rule, err error) {
	add := func(peer vpc.Peer, err error, description *string) error {
		if err == nil {
			err = checkRuleDescription(value(description))
		}
		rules = append(rules, vpc.Rule{Peer: peer, Description: value(description)})
		return err
	}
	for _, v4 := range p.IpRanges {
		peer, err := readRange(value(v4.CidrIp), netip.Addr.Is4)
		if err := add(peer, err, v4.Description); err != nil {
			return nil, err
		}
	}
	for _, v6 := range p.Ipv6Ranges {
		peer, err := readRange(value(v6.CidrIpv6), netip.Addr.Is6)
		if err := add(peer, err, v6.Description); err != nil {
			return nil, err
		}
	}
	for _, l := range p.PrefixListIds {
		peer, err := readPrefixList(r.State, value(l.PrefixListId))
		if err := add(peer, err, l.Description); err != nil {
			return nil, err
		}
	}
	for _, pair := range p.UserIdGroupPairs {
		peer, err := r.groupPeer(pair)
		if err := add(peer, err, pair.Description); err != nil {
			return nil, err
		}
	}
	if len(rules) == 0 {
		return nil, missing("ipRanges")
	}
	return rules, nil
}

func readRange(cidr string, family func(netip.Addr) bool) (vpc.Peer, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !family(p.Addr()) || p.Addr().Is4In6() {
		return vpc.Peer{}, vpc.Errorf("InvalidParameterValue", "CIDR block %s is malformed", cidr)
	}
	return vpc.Peer{CIDR: p.Masked()}, nil
}

func readPrefixList(s *vpc.State, id string) (vpc.Peer, error) {
	l, err := prefixListIDs.find(s, id)
	if err != nil {
		return vpc.Peer{}, err
	}
	return vpc.Peer{PrefixList: l.ID}, nil
}

func checkRuleDescription(description string) error {
	if !groupText(description) {
		return vpc.Errorf("InvalidParameterValue", "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  %s", groupLetters)
	}
	return nil
}

// duplicate says that the group has the rule already, as AWS writes rules.
func duplicate(r vpc.Rule) error {
	text := "ALL"
	switch name := strings.ToUpper(protocolName(r.What.Protocol)); r.What.Protocol {
	case tcp, udp:
		text = fmt.Sprintf("%s, from port: %d, to port: %d", name, r.What.From, r.What.To)
	case icmp, icmpv6:
		text = fmt.Sprintf("%s, type: %d, code: %d", name, r.What.From, r.What.To)
	case vpc.AnyProtocol:
	default:
		text = name
	}
	return vpc.Errorf("InvalidPermission.Duplicate", "the specified rule %q already exists", fmt.Sprintf("peer: %s, %s, ALLOW", r.Peer, text))
}

// protocolName is how responses show a protocol: by name where AWS has one.
func protocolName(number int) string {
	if name, ok := protocolNames[number]; ok {
		return name
	}
	return strconv.Itoa(number)
}
