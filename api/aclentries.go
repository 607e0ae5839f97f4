package api

import (
	"net/netip"
	"slices"
	"strconv"

	"crenel/ec2"
	"crenel/vpc"
)

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
func createNetworkAclEntry(e *vpc.Edit, in *ec2.CreateNetworkAclEntryInput) (*ec2.CreateNetworkAclEntryOutput, error) {
	a, entry, at, err := namedEntry(e.State, newACLEntry(*in))
	if err != nil {
		return nil, err
	}
	if at >= 0 {
		return nil, vpc.Errorf("NetworkAclEntryAlreadyExists", "The network acl entry identified by %d already exists.", entry.Number)
	}
	if err := aclHasRoom(e.State, a, entry); err != nil {
		return nil, err
	}
	putEntries(e, a, append(slices.Clone(a.Entries), entry))
	return &ec2.CreateNetworkAclEntryOutput{}, nil
}

// replaceNetworkAclEntry changes what the entry with a number says.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclEntry.html
func replaceNetworkAclEntry(e *vpc.Edit, in *ec2.ReplaceNetworkAclEntryInput) (*ec2.ReplaceNetworkAclEntryOutput, error) {
	a, entry, at, err := namedEntry(e.State, newACLEntry(*in))
	if err != nil {
		return nil, err
	}
	if at < 0 {
		return nil, noACLEntry(entry.Number, entry.Egress)
	}
	if a.Entries[at].Is4() != entry.Is4() {
		if err := aclHasRoom(e.State, a, entry); err != nil {
			return nil, err
		}
	}
	putEntries(e, a, slices.Replace(slices.Clone(a.Entries), at, at+1, entry))
	return &ec2.ReplaceNetworkAclEntryOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAclEntry.html
func deleteNetworkAclEntry(e *vpc.Edit, in *ec2.DeleteNetworkAclEntryInput) (*ec2.DeleteNetworkAclEntryOutput, error) {
	number, err := entryNumber(*in.RuleNumber)
	if err != nil {
		return nil, err
	}
	a, err := aclIDs.find(e.State, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	at := entryAt(a, number, *in.Egress)
	if at < 0 {
		return nil, noACLEntry(number, *in.Egress)
	}
	putEntries(e, a, slices.Delete(slices.Clone(a.Entries), at, at+1))
	return &ec2.DeleteNetworkAclEntryOutput{}, nil
}

// putEntries gives the ACL these entries.
func putEntries(e *vpc.Edit, old *vpc.NetworkACL, entries []vpc.ACLEntry) {
	a := *old
	a.Entries = entries
	vpc.SortEntries(a.Entries)
	e.NetworkACLs.Put(&a)
}

// entryAt is where the ACL has the entry, or -1. The directions have numbers of their own; the families do not.
func entryAt(a *vpc.NetworkACL, number int, egress bool) int {
	return slices.IndexFunc(a.Entries, func(e vpc.ACLEntry) bool { return e.Number == number && e.Egress == egress })
}

func noACLEntry(number int, egress bool) error {
	direction := "ingress"
	if egress {
		direction = "egress"
	}
	return vpc.Errorf("InvalidNetworkAclEntry.NotFound", "no %s entry with number %d", direction, number)
}

// aclHasRoom refuses one more entry where there are as many as may be: in each direction, for each
// family, and with the last entry that denies.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-nacls
func aclHasRoom(s *vpc.State, a *vpc.NetworkACL, entry vpc.ACLEntry) error {
	have := 0
	for _, e := range a.Entries {
		if e.Egress == entry.Egress && e.Is4() == entry.Is4() {
			have++
		}
	}
	if have >= s.Limit(vpc.EntriesPerACL) {
		return vpc.Errorf("NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached.")
	}
	return nil
}

// A newACLEntry is an entry as the two calls that write one give it.
type newACLEntry ec2.CreateNetworkAclEntryInput

// namedEntry reads an entry, and finds its ACL and where that has an entry with the same number, or -1.
func namedEntry(s *vpc.State, in newACLEntry) (a *vpc.NetworkACL, entry vpc.ACLEntry, at int, err error) {
	if entry, err = in.read(); err != nil {
		return nil, entry, -1, err
	}
	if a, err = aclIDs.find(s, *in.NetworkAclId); err != nil {
		return nil, entry, -1, err
	}
	return a, entry, entryAt(a, entry.Number, entry.Egress), nil
}

func (in newACLEntry) read() (entry vpc.ACLEntry, err error) {
	entry.Egress = *in.Egress
	if entry.Number, err = entryNumber(*in.RuleNumber); err != nil {
		return entry, err
	}
	switch in.RuleAction {
	case "allow":
		entry.Allow = true
	case "deny":
	default:
		return entry, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for ruleAction. The action must be one of: allow, deny.", in.RuleAction)
	}
	if entry.CIDR, err = in.cidr(); err != nil {
		return entry, err
	}
	entry.What, err = in.what(entry.Is4())
	return entry, err
}

// entryNumber refuses a number that no entry of one's own can have.
func entryNumber(n int32) (int, error) {
	if n < 1 || n >= vpc.LastACLEntry {
		return 0, invalid("ruleNumber", strconv.Itoa(int(n)), "The rule number must be between 1 and 32766.")
	}
	return int(n), nil
}

func (in newACLEntry) cidr() (netip.Prefix, error) {
	cidr4, cidr6 := value(in.CidrBlock), value(in.Ipv6CidrBlock)
	switch {
	case cidr4 != "" && cidr6 != "":
		return netip.Prefix{}, notTogether("cidrBlock", "ipv6CidrBlock")
	case cidr4 != "":
		return readBlock("cidrBlock", cidr4, netip.Addr.Is4)
	case cidr6 != "":
		return readBlock("ipv6CidrBlock", cidr6, netip.Addr.Is6)
	}
	return netip.Prefix{}, missing("cidrBlock or ipv6CidrBlock")
}

// what reads the protocol, and of ports and ICMP types what the protocol needs. Whatever else came along
// means nothing: Terraform sends the ports 0 to 0 with every protocol.
func (in newACLEntry) what(is4 bool) (vpc.What, error) {
	protocol, err := strconv.Atoi(*in.Protocol)
	if err != nil || protocol < vpc.AnyProtocol || protocol > 255 {
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", *in.Protocol)
	}
	switch {
	case protocol == tcp || protocol == udp:
		return in.ports(protocol)
	case protocol == icmp || protocol == icmpv6 && !is4:
		return in.typeAndCode(protocol)
	}
	return vpc.What{Protocol: protocol, From: -1, To: -1}, nil
}

func (in newACLEntry) ports(protocol int) (vpc.What, error) {
	r := value(in.PortRange)
	switch {
	case r.From == nil:
		return vpc.What{}, missing("portRange.from")
	case r.To == nil:
		return vpc.What{}, missing("portRange.to")
	}
	for _, port := range []int32{*r.From, *r.To} {
		if port < 0 || port > 65535 {
			return vpc.What{}, vpc.Errorf("InvalidParameterValue", "TCP/UDP port (%d) out of range", port)
		}
	}
	if *r.From > *r.To {
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", *r.From, *r.To)
	}
	return vpc.What{Protocol: protocol, From: int(*r.From), To: int(*r.To)}, nil
}

func (in newACLEntry) typeAndCode(protocol int) (vpc.What, error) {
	i := value(in.IcmpTypeCode)
	switch {
	case i.Type == nil:
		return vpc.What{}, missing("icmpTypeCode.type")
	case i.Code == nil:
		return vpc.What{}, missing("icmpTypeCode.code")
	case *i.Type < -1 || *i.Type > 255:
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "ICMP type (%d) out of range", *i.Type)
	case *i.Code < -1 || *i.Code > 255:
		return vpc.What{}, vpc.Errorf("InvalidParameterValue", "ICMP code (%d) out of range", *i.Code)
	case *i.Type == -1: // all types have all codes
		return vpc.What{Protocol: protocol, From: -1, To: -1}, nil
	}
	return vpc.What{Protocol: protocol, From: int(*i.Type), To: int(*i.Code)}, nil
}

func showACLEntry(e vpc.ACLEntry) ec2.NetworkAclEntry {
	shown := ec2.NetworkAclEntry{RuleNumber: new(int32(e.Number)), Egress: new(e.Egress), Protocol: new(strconv.Itoa(e.What.Protocol)), RuleAction: "deny"}
	if e.Allow {
		shown.RuleAction = "allow"
	}
	if e.Is4() {
		shown.CidrBlock = new(e.CIDR.String())
	} else {
		shown.Ipv6CidrBlock = new(e.CIDR.String())
	}
	from, to := int32(e.What.From), int32(e.What.To)
	switch p := e.What.Protocol; {
	case p == tcp || p == udp:
		shown.PortRange = &ec2.PortRange{From: &from, To: &to}
	case p == icmp || p == icmpv6 && !e.Is4():
		shown.IcmpTypeCode = &ec2.IcmpTypeCode{Type: &from, Code: &to}
	}
	return shown
}
