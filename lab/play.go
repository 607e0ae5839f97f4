package lab

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/flow"
	"crenel/vpc"
)

// An executor is something that a scenario can be played on: memory, or the wire.
type executor interface {
	// call is a request to the EC2 API; out is the operation's output.
	call(action string, form url.Values, out any) error
	// settle waits until the instance is in the state.
	settle(instance, state string) error
	// try carries out an exchange. The reason is "" where it cannot be seen.
	try(p trial) (passed bool, reason string, err error)
	// large sends a datagram in several pieces, and says whether it comes back whole.
	large(p trial) (bool, error)
	// told sends a packet to a port where nobody listens, and says whether the sender hears of it.
	told(p trial) (bool, error)
	open(p trial) (connection, error)
	// arrives sends one packet, and says whether it arrives. The reason is "" where it cannot be seen.
	arrives(s single) (arrived bool, reason string, err error)
	wait(seconds int)
	// quota sets what the account may have; "default": what AWS grants everybody.
	quota(name, value string) error
}

// A connection that stays sends a line and tells whether it comes back; expect: it should, and is worth waiting for.
type connection func(expect bool) (talks bool, err error)

// A trial is a Probe with its names resolved.
type trial struct {
	from   string // an instance's id; "" is the host
	source netip.Addr
	to     netip.Addr
	Probe
	expect bool // it should pass: worth waiting for
}

// A play is a Scenario being played.
type play struct {
	on        executor
	script    *Scenario
	vpcs      map[string]string // ids by name
	subnets   map[string]string
	groups    map[string]string
	acls      map[string]string
	aclBefore map[string]string // that a subnet had, by its id
	lists     map[string]string
	instances map[string]string
	gateways  map[string]string // of the VPCs with the ids
	peerings  map[string]string
	tables    map[string]routeTable
	nats      map[string]natGateway
	egresses  map[string]string
	elastics  []elastic
	quotas    []string // that were set
	port      uint16   // that the last packet came from, where the scenario names none
	open      map[string]connection
	userData  string // base64: what makes an instance answer
}

func newPlay(s *Scenario, on executor, userData string) *play {
	return &play{on: on, script: s, userData: userData, port: 20000, lists: map[string]string{}, gateways: map[string]string{}, peerings: map[string]string{}, tables: map[string]routeTable{}, nats: map[string]natGateway{}, egresses: map[string]string{}, vpcs: map[string]string{}, subnets: map[string]string{},
		groups: map[string]string{}, acls: map[string]string{}, aclBefore: map[string]string{}, instances: map[string]string{}, open: map[string]connection{}}
}

// Play plays the scenario and says where reality differs.
func Play(s *Scenario, on executor, userData string) error {
	p := newPlay(s, on, userData)
	defer p.clean()
	for _, step := range s.Steps {
		if err := p.step(step); err != nil {
			return fmt.Errorf("%s: %s: %w", s.Name, step, err)
		}
	}
	return nil
}

func (p *play) step(s Step) error {
	switch s.Verb {
	case "vpc":
		return p.vpc(s.Args[0], s.Args[1], len(s.Args) > 2)
	case "internet":
		return p.internet(s.Args[0])
	case "subnet":
		return p.subnet(s.Args[0], s.Args[1], s.Args[2])
	case "group":
		return p.group(s.Args)
	case "instance":
		return p.instance(s.Args)
	case "allow":
		return p.rule("AuthorizeSecurityGroup", s.Args)
	case "revoke":
		return p.rule("RevokeSecurityGroup", s.Args)
	case "acl":
		return p.acl(s.Args[0], s.Args[1])
	case "entry":
		return p.entry(s.Args)
	case "no-entry":
		return p.on.call("DeleteNetworkAclEntry", url.Values{"NetworkAclId": {p.acls[s.Args[0]]}, "RuleNumber": {s.Args[1]},
			"Egress": {strconv.FormatBool(s.Args[2] == "egress")}}, &ec2.DeleteNetworkAclEntryOutput{})
	case "groups":
		return p.setGroups(s.Args[0], s.Args[1])
	case "list":
		return p.list(s.Args[0], s.Args[1], s.Args[2])
	case "relist":
		return p.relist(s.Args[0], s.Args[1])
	case "elastic":
		return p.elastic(s.Args[0])
	case "check":
		return p.setInterface(s.Args[0], url.Values{"SourceDestCheck.Value": {strconv.FormatBool(s.Args[1] == "on")}})
	case "timeout":
		return p.timeout(s.Args[0], s.Args[1], s.Args[2])
	case "peer":
		return p.peer(s.Args[0], s.Args[1], s.Args[2])
	case "unpeer":
		return p.on.call("DeleteVpcPeeringConnection", url.Values{"VpcPeeringConnectionId": {p.peerings[s.Args[0]]}}, &ec2.DeleteVpcPeeringConnectionOutput{})
	case "table":
		return p.table(s.Args[0], s.Args[1])
	case "route":
		return p.route(s.Args[0], s.Args[1], s.Args[2])
	case "nat":
		return p.nat(s.Args[0], s.Args[1])
	case "unnat":
		return p.unnat(s.Args[0])
	case "egress-only":
		return p.egressOnly(s.Args[0], s.Args[1])
	case "unroute":
		return p.unroute(s.Args[0], s.Args[1])
	case "quota":
		return p.quota(s.Args[0], strings.Join(s.Args[1:], " "))
	case "refused":
		return p.refused(s.Args[0], s.inner())
	case "send", "lose":
		return p.single(s)
	case "wait":
		seconds, err := strconv.Atoi(s.Args[0])
		if err == nil {
			p.on.wait(seconds)
		}
		return err
	case "stop":
		return p.transition(s.Args[0], "StopInstances", "stopped", &ec2.StopInstancesOutput{})
	case "start":
		return p.transition(s.Args[0], "StartInstances", "running", &ec2.StartInstancesOutput{})
	case "reboot":
		return p.transition(s.Args[0], "RebootInstances", "running", &ec2.RebootInstancesOutput{})
	case "terminate":
		return p.transition(s.Args[0], "TerminateInstances", "terminated", &ec2.TerminateInstancesOutput{})
	case "pass", "drop":
		return p.probe(s)
	case "told", "large":
		t, _, err := p.trial(s.Args)
		if err != nil {
			return err
		}
		heard, err := map[string]func(trial) (bool, error){"told": p.on.told, "large": p.on.large}[s.Verb](t)
		if err == nil && !heard {
			err = fmt.Errorf("nothing was heard")
		}
		return err
	case "open":
		t, _, err := p.trial(s.Args[1:])
		if err != nil {
			return err
		}
		p.open[s.Args[0]], err = p.on.open(t)
		return err
	case "talk", "cut":
		c := p.open[s.Args[0]]
		if c == nil {
			return fmt.Errorf("no connection %q is open", s.Args[0])
		}
		talks, err := c(s.Verb == "talk")
		if err == nil && talks != (s.Verb == "talk") {
			err = fmt.Errorf("it is the other way round")
		}
		return err
	}
	return fmt.Errorf("unknown statement") // Parse refuses it
}

func (p *play) vpc(name, cidr string, ipv6 bool) error {
	if cidr == "default" {
		var out ec2.DescribeVpcsOutput
		err := p.on.call("DescribeVpcs", url.Values{"Filter.1.Name": {"is-default"}, "Filter.1.Value.1": {"true"}}, &out)
		if err == nil && len(out.Vpcs) != 1 {
			err = fmt.Errorf("%d default VPCs", len(out.Vpcs))
		}
		if err == nil {
			p.vpcs[name] = *out.Vpcs[0].VpcId
		}
		return err
	}
	var out ec2.CreateVpcOutput
	err := p.on.call("CreateVpc", url.Values{"CidrBlock": {cidr}, "AmazonProvidedIpv6CidrBlock": {strconv.FormatBool(ipv6)}}, &out)
	if err == nil {
		p.vpcs[name] = *out.Vpc.VpcId
	}
	return err
}

func (p *play) subnet(name, vpcName, cidr string) error {
	id, err := known(p.vpcs, "VPC", vpcName)
	if err != nil {
		return err
	}
	if cidr == "default" {
		var out ec2.DescribeSubnetsOutput
		err := p.on.call("DescribeSubnets", url.Values{"Filter.1.Name": {"vpc-id"}, "Filter.1.Value.1": {id},
			"Filter.2.Name": {"availability-zone"}, "Filter.2.Value.1": {"*a"}}, &out)
		if err == nil {
			p.subnets[name] = *out.Subnets[0].SubnetId
		}
		return err
	}
	var out ec2.CreateSubnetOutput
	form := url.Values{"VpcId": {id}, "CidrBlock": {cidr}}
	wide, err := p.ipv6Of(id)
	if err == nil && wide.IsValid() {
		a := wide.Addr().As16()
		a[7] = byte(len(p.subnets))
		form.Set("Ipv6CidrBlock", netip.PrefixFrom(netip.AddrFrom16(a), 64).String())
	}
	if err == nil {
		err = p.on.call("CreateSubnet", form, &out)
	}
	if err == nil {
		p.subnets[name] = *out.Subnet.SubnetId
	}
	if err == nil && wide.IsValid() {
		err = p.on.call("ModifySubnetAttribute", url.Values{"SubnetId": {p.subnets[name]}, "AssignIpv6AddressOnCreation.Value": {"true"}},
			&ec2.ModifySubnetAttributeOutput{})
	}
	return err
}

// ipv6Of is the VPC's range of IPv6, if it has one.
func (p *play) ipv6Of(vpc string) (netip.Prefix, error) {
	var out ec2.DescribeVpcsOutput
	if err := p.on.call("DescribeVpcs", url.Values{"VpcId.1": {vpc}}, &out); err != nil {
		return netip.Prefix{}, err
	}
	for _, b := range out.Vpcs[0].Ipv6CidrBlockAssociationSet {
		return netip.ParsePrefix(*b.Ipv6CidrBlock)
	}
	return netip.Prefix{}, nil
}

func (p *play) group(args []string) error {
	id, err := known(p.vpcs, "VPC", args[1])
	if err != nil {
		return err
	}
	if len(args) == 3 {
		var out ec2.DescribeSecurityGroupsOutput
		err := p.on.call("DescribeSecurityGroups", url.Values{"Filter.1.Name": {"vpc-id"}, "Filter.1.Value.1": {id},
			"Filter.2.Name": {"group-name"}, "Filter.2.Value.1": {args[2]}}, &out)
		if err == nil && len(out.SecurityGroups) != 1 {
			err = fmt.Errorf("%d groups of that name", len(out.SecurityGroups))
		}
		if err == nil {
			p.groups[args[0]] = *out.SecurityGroups[0].GroupId
		}
		return err
	}
	for _, name := range strings.Split(args[0], ",") {
		var out ec2.CreateSecurityGroupOutput
		err := p.on.call("CreateSecurityGroup", url.Values{"VpcId": {id}, "GroupName": {name}, "GroupDescription": {"scenario"}}, &out)
		if err != nil {
			return err
		}
		p.groups[name] = *out.GroupId
	}
	return nil
}

func (p *play) instance(args []string) error {
	subnet, err := known(p.subnets, "subnet", args[1])
	if err != nil {
		return err
	}
	form := url.Values{"ImageId": {"ami-0123456789abcdef0"}, "InstanceType": {"t3.micro"}, "MinCount": {"1"}, "MaxCount": {"1"},
		"SubnetId": {subnet}, "UserData": {p.userData}}
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		switch {
		case len(rest) == 1:
			return fmt.Errorf("%q needs a value", rest[0])
		case rest[0] == "at":
			form.Set("PrivateIpAddress", rest[1])
		case rest[0] == "in":
			if err := p.groupList(form, rest[1]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("unknown word %q", rest[0])
		}
	}
	var out ec2.RunInstancesOutput
	if err := p.on.call("RunInstances", form, &out); err != nil {
		return err
	}
	p.instances[args[0]] = *out.Instances[0].InstanceId
	return p.on.settle(p.instances[args[0]], "running")
}

func (p *play) groupList(form url.Values, names string) error {
	for i, name := range strings.Split(names, ",") {
		id, err := known(p.groups, "group", name)
		if err != nil {
			return err
		}
		form.Set(fmt.Sprintf("SecurityGroupId.%d", i+1), id)
	}
	return nil
}

// rule authorizes or revokes a rule, written in its one text form.
func (p *play) rule(action string, args []string) error {
	group, err := known(p.groups, "group", args[0])
	if err != nil {
		return err
	}
	words := append([]string{}, args[1:]...)
	peer := &words[len(words)-1]
	*peer = cmp.Or(p.groups[*peer], p.lists[*peer], *peer)
	r, err := vpc.ParseRule(strings.Join(words, " "))
	if err != nil {
		return err
	}
	form := url.Values{"GroupId": {group}, "IpPermissions.1.IpProtocol": {strconv.Itoa(r.What.Protocol)}}
	if slices.Contains([]int{flow.ICMP, flow.TCP, flow.UDP, flow.ICMPv6}, r.What.Protocol) {
		form.Set("IpPermissions.1.FromPort", strconv.Itoa(r.What.From))
		form.Set("IpPermissions.1.ToPort", strconv.Itoa(r.What.To))
	}
	switch {
	case r.Peer.Group != "":
		form.Set("IpPermissions.1.Groups.1.GroupId", r.Peer.Group)
	case r.Peer.PrefixList != "":
		form.Set("IpPermissions.1.PrefixListIds.1.PrefixListId", r.Peer.PrefixList)
	case r.Peer.CIDR.Addr().Is6():
		form.Set("IpPermissions.1.Ipv6Ranges.1.CidrIpv6", r.Peer.CIDR.String())
	default:
		form.Set("IpPermissions.1.IpRanges.1.CidrIp", r.Peer.CIDR.String())
	}
	direction, out := "Ingress", any(nil)
	if r.Egress {
		direction = "Egress"
	}
	switch action + direction {
	case "AuthorizeSecurityGroupIngress":
		out = &ec2.AuthorizeSecurityGroupIngressOutput{}
	case "AuthorizeSecurityGroupEgress":
		out = &ec2.AuthorizeSecurityGroupEgressOutput{}
	case "RevokeSecurityGroupIngress":
		out = &ec2.RevokeSecurityGroupIngressOutput{}
	default:
		out = &ec2.RevokeSecurityGroupEgressOutput{}
	}
	return p.on.call(action+direction, form, out)
}

// acl gives the subnet a network ACL of its own.
func (p *play) acl(name, subnetName string) error {
	subnet, err := known(p.subnets, "subnet", subnetName)
	if err != nil {
		return err
	}
	old, err := p.aclOf(subnet)
	if err != nil {
		return err
	}
	var made ec2.CreateNetworkAclOutput
	if err := p.on.call("CreateNetworkAcl", url.Values{"VpcId": {*old.VpcId}}, &made); err != nil {
		return err
	}
	p.acls[name] = *made.NetworkAcl.NetworkAclId
	p.aclBefore[subnet] = *old.NetworkAclId
	return p.setACL(subnet, p.acls[name])
}

func (p *play) aclOf(subnet string) (ec2.NetworkAcl, error) {
	var found ec2.DescribeNetworkAclsOutput
	err := p.on.call("DescribeNetworkAcls", url.Values{"Filter.1.Name": {"association.subnet-id"}, "Filter.1.Value.1": {subnet}}, &found)
	if err == nil && len(found.NetworkAcls) != 1 {
		err = fmt.Errorf("%s has %d network ACLs", subnet, len(found.NetworkAcls))
	}
	if err != nil {
		return ec2.NetworkAcl{}, err
	}
	return found.NetworkAcls[0], nil
}

// setACL associates the subnet with the network ACL.
func (p *play) setACL(subnet, acl string) error {
	now, err := p.aclOf(subnet)
	if err != nil {
		return err
	}
	for _, a := range now.Associations {
		if *a.SubnetId == subnet {
			return p.on.call("ReplaceNetworkAclAssociation", url.Values{"AssociationId": {*a.NetworkAclAssociationId}, "NetworkAclId": {acl}},
				&ec2.ReplaceNetworkAclAssociationOutput{})
		}
	}
	return fmt.Errorf("%s has no association", subnet)
}

func (p *play) entry(args []string) error {
	acl, err := known(p.acls, "network ACL", args[0])
	if err != nil {
		return err
	}
	r, err := vpc.ParseRule(strings.Join(args[3:], " "))
	if err != nil {
		return err
	}
	form := url.Values{"NetworkAclId": {acl}, "RuleNumber": {args[1]}, "RuleAction": {args[2]}, "Egress": {strconv.FormatBool(r.Egress)},
		"Protocol": {strconv.Itoa(r.What.Protocol)}}
	block := "CidrBlock"
	if r.Peer.CIDR.Addr().Is6() {
		block = "Ipv6CidrBlock"
	}
	form.Set(block, r.Peer.CIDR.String())
	switch r.What.Protocol {
	case flow.ICMP, flow.ICMPv6:
		form.Set("Icmp.Type", strconv.Itoa(r.What.From))
		form.Set("Icmp.Code", strconv.Itoa(r.What.To))
	case flow.TCP, flow.UDP:
		form.Set("PortRange.From", strconv.Itoa(r.What.From))
		form.Set("PortRange.To", strconv.Itoa(r.What.To))
	}
	return p.on.call("CreateNetworkAclEntry", form, &ec2.CreateNetworkAclEntryOutput{})
}

func (p *play) setGroups(name, groups string) error {
	form := url.Values{}
	if err := p.groupList(form, groups); err != nil {
		return err
	}
	return p.setInterface(name, form)
}

func (p *play) transition(name, action, state string, out any) error {
	id, err := known(p.instances, "instance", name)
	if err != nil {
		return err
	}
	if err := p.on.call(action, url.Values{"InstanceId.1": {id}}, out); err != nil {
		return err
	}
	return p.on.settle(id, state)
}

func (p *play) probe(s Step) error {
	t, rest, err := p.trial(s.Args)
	if err != nil {
		return err
	}
	t.expect = s.Verb == "pass"
	passed, reason, err := p.on.try(t)
	if err != nil {
		return err
	}
	return judged(passed, t.expect, reason, rest)
}

func (p *play) trial(args []string) (t trial, rest []string, err error) {
	if t.Probe, rest, err = probe(args); err != nil {
		return t, rest, err
	}
	if t.From != "internet" {
		if t.from, err = known(p.instances, "instance", t.From); err != nil {
			return t, rest, err
		}
	}
	if t.As != "" {
		if t.source, err = netip.ParseAddr(t.As); err != nil {
			return t, rest, err
		}
	}
	t.to, err = p.address(t.To)
	return t, rest, err
}

// address is what TO means.
func (p *play) address(name string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a, nil
	}
	name, ipv6 := strings.CutSuffix(name, ".ipv6")
	name, public := strings.CutSuffix(name, ".public")
	i, err := p.describe(name)
	if err != nil {
		return netip.Addr{}, err
	}
	text := i.PrivateIpAddress
	switch {
	case public:
		text = i.PublicIpAddress
	case ipv6:
		text = i.Ipv6Address
	}
	if text == nil {
		return netip.Addr{}, fmt.Errorf("%s has no such address", name)
	}
	return netip.ParseAddr(*text)
}

func (p *play) describe(name string) (i ec2.Instance, err error) {
	id, err := known(p.instances, "instance", name)
	if err != nil {
		return i, err
	}
	var out ec2.DescribeInstancesOutput
	if err := p.on.call("DescribeInstances", url.Values{"InstanceId.1": {id}}, &out); err != nil {
		return i, err
	}
	return out.Reservations[0].Instances[0], nil
}

func known(ids map[string]string, kind, name string) (string, error) {
	id, ok := ids[name]
	if !ok {
		return "", fmt.Errorf("there is no %s %q", kind, name)
	}
	return id, nil
}
