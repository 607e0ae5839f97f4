package api

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// blocks are the VPC's ranges as DescribeVpcs shows them: "10.0.0.0/16 associated".
func (w *world) blocks(id string) string {
	w.Helper()
	v := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "VpcId.1="+id).Vpcs[0]
	var lines []string
	for _, a := range v.CidrBlockAssociationSet {
		lines = append(lines, *a.CidrBlock+" "+a.CidrBlockState.State)
	}
	for _, a := range v.Ipv6CidrBlockAssociationSet {
		lines = append(lines, *a.Ipv6CidrBlock+" "+a.Ipv6CidrBlockState.State)
	}
	return strings.Join(lines, "\n")
}

// addBlock gives the VPC an IPv4 range and returns its association's id.
func (w *world) addBlock(vpcID, cidr string) string {
	w.Helper()
	out := do[ec2.AssociateVpcCidrBlockOutput](w, "AssociateVpcCidrBlock", "VpcId="+vpcID+"&CidrBlock="+cidr)
	return *out.CidrBlockAssociation.AssociationId
}

func TestSecondaryRanges(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/24")
	out := do[ec2.AssociateVpcCidrBlockOutput](w, "AssociateVpcCidrBlock", "VpcId="+lab+"&CidrBlock=10.2.3.4/16")
	second := *out.CidrBlockAssociation.AssociationId
	if got, want := text(*out.VpcId, *out.CidrBlockAssociation.CidrBlock, out.CidrBlockAssociation.CidrBlockState.State, out.Ipv6CidrBlockAssociation == nil, strings.HasPrefix(second, "vpc-cidr-assoc-")),
		text(lab, "10.2.0.0/16", "associating", true, true); got != want {
		t.Errorf("answered\n%s\nwant\n%s", got, want)
	}
	w.addBlock(lab, "100.64.0.0/16")
	if got, want := w.blocks(lab), "10.0.0.0/24 associated\n10.2.0.0/16 associated\n100.64.0.0/16 associated"; got != want {
		t.Errorf("shows\n%s\nwant\n%s", got, want)
	}
	for filter, want := range map[string]int{"cidr-block-association.cidr-block=10.2.0.0/16": 1, "cidr-block-association.association-id=" + second: 1, "cidr=10.2.0.0/16": 0} {
		name, val, _ := strings.Cut(filter, "=")
		if got := len(do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).Vpcs); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	subnet := w.subnet(lab, "10.2.255.0/24")
	w.refuse("CreateSubnet", "VpcId="+lab+"&CidrBlock=10.3.0.0/24", "InvalidSubnet.Range: The CIDR '10.3.0.0/24' is invalid.")
	w.refuse("CreateSubnet", "VpcId="+lab+"&CidrBlock=10.2.255.128/25", "InvalidSubnet.Conflict: The CIDR '10.2.255.128/25' conflicts with another subnet")
	w.refuse("DisassociateVpcCidrBlock", "AssociationId="+second, "InvalidCidrBlock.InUse: The vpc "+lab+" currently has a subnet within CIDR block 10.2.0.0/16")
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+subnet)
	gone := do[ec2.DisassociateVpcCidrBlockOutput](w, "DisassociateVpcCidrBlock", "AssociationId="+second)
	if got, want := text(*gone.VpcId, *gone.CidrBlockAssociation.AssociationId, gone.CidrBlockAssociation.CidrBlockState.State), text(lab, second, "disassociating"); got != want {
		t.Errorf("answered\n%s\nwant\n%s", got, want)
	}
	if got, want := w.blocks(lab), "10.0.0.0/24 associated\n100.64.0.0/16 associated"; got != want {
		t.Errorf("left\n%s\nwant\n%s", got, want)
	}
	first := *do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "VpcId.1="+lab).Vpcs[0].CidrBlockAssociationSet[0].AssociationId
	for _, c := range []struct{ sentence, form, want string }{
		{"the primary range", "AssociationId=" + first, "OperationNotPermitted: The vpc CIDR block with association ID " + first + " may not be disassociated. It is the primary IPv4 CIDR block of the VPC"},
		{"what is gone", "AssociationId=" + second, "InvalidVpcCidrBlockAssociationID.NotFound: The vpc CIDR block association ID '" + second + "' does not exist"},
		{"what is no association", "AssociationId=x", `InvalidVpcCidrBlockAssociationId.Malformed: Invalid id: "x" (expecting "vpc-cidr-assoc-...")`},
		{"nothing", "", "MissingParameter: The request must contain the parameter AssociationId"},
	} {
		t.Run("refuses "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("DisassociateVpcCidrBlock", c.form, c.want) })
	}
	w.T = t
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("DisassociateVpcCidrBlock", "AssociationId="+first, "InvalidVpcCidrBlockAssociationID.NotFound: The vpc CIDR block association ID '"+first+"' does not exist")
}

func TestAssociateVpcCidrBlockRefuses(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/20")
	lab := w.vpc("10.2.0.0/16")
	for _, c := range []struct{ sentence, form, want string }{
		{"no VPC", "CidrBlock=10.3.0.0/16", "MissingParameter: The request must contain the parameter VpcId"},
		{"a VPC that does not exist", "VpcId=vpc-00000000&CidrBlock=10.3.0.0/16", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"no range", "VpcId=" + lab, "MissingParameter: The request must contain the parameter cidrBlock or amazonProvidedIpv6CidrBlock"},
		{"ranges of both families", "VpcId=" + lab + "&CidrBlock=10.3.0.0/16&AmazonProvidedIpv6CidrBlock=true", "InvalidParameterCombination: The parameter cidrBlock cannot be used with the parameter amazonProvidedIpv6CidrBlock"},
		{"what is no range", "VpcId=" + lab + "&CidrBlock=lan", "InvalidParameterValue: Value (lan) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"too large a range", "VpcId=" + lab + "&CidrBlock=10.64.0.0/15", "InvalidVpc.Range: The CIDR '10.64.0.0/15' is invalid."},
		{"link-local addresses", "VpcId=" + lab + "&CidrBlock=169.254.0.0/16", "InvalidVpc.Range: The CIDR '169.254.0.0/16' is invalid."},
		{"the range that it has", "VpcId=" + lab + "&CidrBlock=10.2.0.0/16", "CidrConflict: The CIDR '10.2.0.0/16' conflicts with another CIDR block of the VPC: 10.2.0.0/16"},
		{"a part of the range that it has", "VpcId=" + lab + "&CidrBlock=10.2.1.0/24", "CidrConflict: The CIDR '10.2.1.0/24' conflicts with another CIDR block of the VPC: 10.2.0.0/16"},
		{"a pool", "VpcId=" + lab + "&Ipv6Pool=ipv6pool-ec2-1", "UnsupportedOperation: The parameter ipv6Pool is not supported."},
		{"an IPv4 pool", "VpcId=" + lab + "&Ipv4IpamPoolId=ipam-pool-1", "UnsupportedOperation: The parameter ipv4IpamPoolId is not supported."},
		{"a dry run", "VpcId=" + lab + "&CidrBlock=10.3.0.0/16&DryRun=true", "UnknownParameter: The parameter DryRun is not recognized"},
	} {
		t.Run(c.sentence, func(t *testing.T) { w.T = t; w.refuse("AssociateVpcCidrBlock", c.form, c.want) })
	}
	w.T = t
	for _, cidr := range []string{"10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16", "100.64.0.0/16"} {
		w.addBlock(lab, cidr)
	}
	w.refuse("AssociateVpcCidrBlock", "VpcId="+lab+"&CidrBlock=10.6.0.0/16", "CidrLimitExceeded: This network '"+lab+"' has met its maximum number of allowed CIDRs: 5")
	for range 5 {
		do[ec2.AssociateVpcCidrBlockOutput](w, "AssociateVpcCidrBlock", "VpcId="+lab+"&AmazonProvidedIpv6CidrBlock=true")
	}
	w.refuse("AssociateVpcCidrBlock", "VpcId="+lab+"&AmazonProvidedIpv6CidrBlock=true", "CidrLimitExceeded: This network '"+lab+"' has met its maximum number of allowed CIDRs: 5")
}

// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions
func TestWhereSecondaryRangesMayLie(t *testing.T) {
	for _, c := range []struct {
		has, add string // separated by spaces
		may      bool
	}{
		{"10.2.0.0/16", "10.0.0.0/16", true},
		{"10.2.0.0/16", "10.255.0.0/16", true},
		{"10.2.0.0/16", "100.64.0.0/16", true},
		{"10.2.0.0/16", "203.0.113.0/24", true},
		{"10.2.0.0/16", "198.18.0.0/16", true},
		{"10.2.0.0/16", "172.16.0.0/16", false},
		{"10.2.0.0/16", "192.168.0.0/16", false},
		{"10.2.0.0/16", "198.19.0.0/24", false},
		{"10.1.0.0/16", "10.0.0.0/24", false},
		{"10.0.0.0/24", "10.0.1.0/24", false},
		{"10.0.0.0/24", "10.1.0.0/24", true},
		{"10.2.0.0/16 10.1.0.0/24", "10.0.0.0/24", false},
		{"172.16.0.0/16", "172.20.0.0/16", true},
		{"172.16.0.0/16", "172.31.0.0/24", false},
		{"172.16.0.0/16", "10.0.0.0/16", false},
		{"172.16.0.0/16", "192.168.0.0/24", false},
		{"172.16.0.0/16", "198.19.0.0/24", false},
		{"172.16.0.0/16", "100.127.0.0/16", true},
		{"192.168.0.0/24", "192.168.1.0/24", true},
		{"192.168.0.0/24", "10.0.0.0/16", false},
		{"192.168.0.0/24", "172.16.0.0/16", false},
		{"192.168.0.0/24", "198.19.0.0/16", false},
		{"192.168.0.0/24", "203.0.113.0/24", true},
		{"198.19.0.0/24", "10.0.0.0/16", false},
		{"198.19.0.0/24", "192.168.0.0/16", false},
		{"198.19.0.0/24", "100.64.0.0/16", true},
		{"100.64.0.0/24", "100.64.1.0/24", true},
		{"100.64.0.0/24", "203.0.113.0/24", true},
		{"100.64.0.0/24", "10.0.0.0/16", false},
		{"203.0.113.0/24", "198.19.0.0/16", false},
		{"203.0.113.0/24", "192.168.0.0/16", false},
		{"10.2.0.0/16 100.64.0.0/16", "10.3.0.0/16", true}, // a private VPC stays one
		{"10.2.0.0/16 100.64.0.0/16", "172.16.0.0/16", false},
	} {
		t.Run(c.has+" and "+c.add, func(t *testing.T) {
			w := newWorld(t)
			has := strings.Fields(c.has)
			lab := w.vpc(has[0])
			for _, more := range has[1:] {
				w.addBlock(lab, more)
			}
			if c.may {
				w.addBlock(lab, c.add)
				return
			}
			w.refuse("AssociateVpcCidrBlock", "VpcId="+lab+"&CidrBlock="+c.add, "InvalidVpc.Range: The CIDR '"+c.add+"' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html")
		})
	}
}

func TestARangeMustNotCoverWhereARouteLeads(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.2.0.0/16")
	w.edit(func(e *vpc.Edit) {
		e.RouteTables.Put(&vpc.RouteTable{ID: "rtb-00000001", Scope: testScope, VPC: lab, Routes: []vpc.Route{
			{Destination: netip.MustParsePrefix("10.3.0.0/24"), Target: "vgw-1"}, {PrefixList: "pl-1", Target: "vgw-1"}, {Destination: vpc.Anywhere4, Target: "igw-1"}, {Destination: vpc.Anywhere6, Target: "igw-1"}}})
	})
	w.refuse("AssociateVpcCidrBlock", "VpcId="+lab+"&CidrBlock=10.3.0.0/16", "CidrConflict: The CIDR '10.3.0.0/16' conflicts with the route to 10.3.0.0/24 in route table rtb-00000001")
	w.refuse("AssociateVpcCidrBlock", "VpcId="+lab+"&CidrBlock=10.3.0.0/24", "CidrConflict: The CIDR '10.3.0.0/24' conflicts with the route to 10.3.0.0/24 in route table rtb-00000001")
	w.addBlock(lab, "10.3.0.0/25") // a smaller one may
	w.addBlock(lab, "10.3.1.0/24")
}

func TestARangeMustNotOverlapAPeers(t *testing.T) {
	other := vpc.Scope{Account: "999999999999", Region: "us-east-1"}
	for _, c := range []struct {
		sentence, status string
		requests         bool // the VPC is the requester
		cidr, want       string
		after            string // status
	}{
		{"an active peer's range", "active", true, "10.3.0.0/24", "CidrConflict: The CIDR '10.3.0.0/24' conflicts with a CIDR block of the peer VPC PEER", "active"},
		{"an active requester's range", "active", false, "10.3.0.0/24", "CidrConflict: The CIDR '10.3.0.0/24' conflicts with a CIDR block of the peer VPC PEER", "active"},
		{"another range", "active", true, "10.4.0.0/24", "", "active"},
		{"any range while it requests", "pending-acceptance", true, "10.4.0.0/24", "OperationNotPermitted: The VPC 'LAB' has the outstanding VPC peering connection request pcx-00000001. No CIDR block can be added.", "pending-acceptance"},
		{"another range while it is asked", "pending-acceptance", false, "10.4.0.0/24", "", "pending-acceptance"},
		{"the requester's range while it is asked", "pending-acceptance", false, "10.3.0.0/24", "", "failed"},
		{"a former peer's range", "deleted", true, "10.3.0.0/24", "", "deleted"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := newWorld(t)
			theirs := w.as(other)
			peer := theirs.vpc("10.3.0.0/16")
			w.state = theirs.state
			lab := w.vpc("10.2.0.0/16")
			w.edit(func(e *vpc.Edit) {
				p := vpc.Peering{ID: "pcx-00000001", Scope: testScope, Status: c.status, Created: testNow, Requester: vpc.PeeringSide{Scope: testScope, VPC: lab}, Accepter: vpc.PeeringSide{Scope: other, VPC: peer}}
				if !c.requests {
					p.Requester, p.Accepter = p.Accepter, p.Requester
				}
				e.Peerings.Put(&p)
			})
			if form := "VpcId=" + lab + "&CidrBlock=" + c.cidr; c.want == "" {
				do[ec2.AssociateVpcCidrBlockOutput](w, "AssociateVpcCidrBlock", form)
			} else {
				w.refuse("AssociateVpcCidrBlock", form, strings.NewReplacer("PEER", peer, "LAB", lab).Replace(c.want))
			}
			if p := w.state.Peerings.Get("pcx-00000001"); p.Status != c.after || (c.after == "failed") == p.Ended.IsZero() {
				t.Errorf("the peering is %+v", p)
			}
		})
	}
	t.Run("a request that expired", func(t *testing.T) {
		w := newWorld(t)
		lab := w.vpc("10.2.0.0/16")
		w.edit(func(e *vpc.Edit) {
			side := vpc.PeeringSide{Scope: testScope, VPC: lab}
			e.Peerings.Put(&vpc.Peering{ID: "pcx-00000001", Scope: testScope, Status: "pending-acceptance", Created: testNow.Add(-7 * 24 * time.Hour), Requester: side})
		})
		w.addBlock(lab, "10.4.0.0/24")
	})
}

func TestIPv6OfAVPC(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/20")
	v := do[ec2.CreateVpcOutput](w, "CreateVpc", "CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true&Ipv6CidrBlockNetworkBorderGroup=us-east-1").Vpc
	a := v.Ipv6CidrBlockAssociationSet[0]
	if got, want := text(*a.Ipv6CidrBlock, a.Ipv6CidrBlockState.State, *a.Ipv6Pool, *a.NetworkBorderGroup, a.IpSource, a.Ipv6AddressAttribute), text("", "associating", "Amazon", "us-east-1", "amazon", "public"); got != want {
		t.Errorf("answered\n%s\nwant\n%s", got, want)
	}
	shown := do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name=ipv6-cidr-block-association.association-id&Filter.1.Value.1="+*a.AssociationId).Vpcs
	if len(shown) != 1 || *shown[0].VpcId != *v.VpcId {
		t.Fatalf("the filter finds %+v", shown)
	}
	first := shown[0].Ipv6CidrBlockAssociationSet[0]
	if cidr := netip.MustParsePrefix(*first.Ipv6CidrBlock); cidr.Bits() != 56 || cidr != cidr.Masked() || !w.state.Cell().IPv6Pool().Contains(cidr.Addr()) || first.Ipv6CidrBlockState.State != "associated" {
		t.Errorf("it has %s %s", cidr, first.Ipv6CidrBlockState.State)
	}
	for filter, want := range map[string]int{"ipv6-cidr-block-association.ipv6-cidr-block=" + *first.Ipv6CidrBlock: 1, "ipv6-cidr-block-association.ipv6-pool=Amazon": 1, "ipv6-cidr-block-association.state=associated": 1, "ipv6-cidr-block-association.state=failed": 0} {
		name, val, _ := strings.Cut(filter, "=")
		if got := len(do[ec2.DescribeVpcsOutput](w, "DescribeVpcs", "Filter.1.Name="+name+"&Filter.1.Value.1="+val).Vpcs); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	second := do[ec2.AssociateVpcCidrBlockOutput](w, "AssociateVpcCidrBlock", "VpcId="+*v.VpcId+"&AmazonProvidedIpv6CidrBlock=true").Ipv6CidrBlockAssociation
	if second.Ipv6CidrBlockState.State != "associating" || *second.AssociationId == *a.AssociationId {
		t.Errorf("the second one: %+v", second)
	}
	gone := do[ec2.DisassociateVpcCidrBlockOutput](w, "DisassociateVpcCidrBlock", "AssociationId="+*a.AssociationId)
	if gone.CidrBlockAssociation != nil || gone.Ipv6CidrBlockAssociation.Ipv6CidrBlockState.State != "disassociating" || *gone.Ipv6CidrBlockAssociation.Ipv6CidrBlock != *first.Ipv6CidrBlock {
		t.Errorf("the first one is gone: %+v", gone)
	}
	if got := w.blocks(*v.VpcId); strings.Contains(got, *first.Ipv6CidrBlock) || strings.Count(got, "\n") != 1 {
		t.Errorf("left %s", got)
	}
}

// What IPv6 adds to a VPC and takes away again.
func TestIPv6ComesWithRulesAndEntries(t *testing.T) {
	const (
		plain  = "out 100 -1 0.0.0.0/0 allow\nout 32767 -1 0.0.0.0/0 deny\nin 100 -1 0.0.0.0/0 allow\nin 32767 -1 0.0.0.0/0 deny"
		dual   = "out 100 -1 0.0.0.0/0 allow\nout 101 -1 ::/0 allow\nout 32767 -1 0.0.0.0/0 deny\nout 32768 -1 ::/0 deny\nin 100 -1 0.0.0.0/0 allow\nin 101 -1 ::/0 allow\nin 32767 -1 0.0.0.0/0 deny\nin 32768 -1 ::/0 deny"
		closed = "out 32767 -1 0.0.0.0/0 deny\nout 32768 -1 ::/0 deny\nin 32767 -1 0.0.0.0/0 deny\nin 32768 -1 ::/0 deny"
	)
	w := newWorld(t)
	w.pool("198.18.0.0/20")
	lab := w.vpc("10.0.0.0/16")
	def, own := *w.acls("vpc-id=" + lab)[0].NetworkAclId, w.acl(lab)
	group := w.state.DefaultGroup(lab).ID
	old := w.group("old", lab)
	check := func(when, defaultACL, ownACL, defaultGroup string) {
		t.Helper()
		if got := entryTexts(w.acls("network-acl-id=" + def)[0]); got != defaultACL {
			t.Errorf("%s: the default ACL has\n%s\nwant\n%s", when, got, defaultACL)
		}
		if got := entryTexts(w.acls("network-acl-id=" + own)[0]); got != ownACL {
			t.Errorf("%s: another ACL has\n%s\nwant\n%s", when, got, ownACL)
		}
		if got := w.shown(group, true); got != defaultGroup {
			t.Errorf("%s: the default group lets out\n%s\nwant\n%s", when, got, defaultGroup)
		}
	}
	add := func() string {
		return *do[ec2.AssociateVpcCidrBlockOutput](w, "AssociateVpcCidrBlock", "VpcId="+lab+"&AmazonProvidedIpv6CidrBlock=true").Ipv6CidrBlockAssociation.AssociationId
	}
	remove := func(id string) {
		do[ec2.DisassociateVpcCidrBlockOutput](w, "DisassociateVpcCidrBlock", "AssociationId="+id)
	}
	check("before", plain, denyAll, "-1 - - 0.0.0.0/0")
	one := add()
	check("with IPv6", dual, closed, "-1 - - 0.0.0.0/0 ::/0")
	two := add()
	check("with more", dual, closed, "-1 - - 0.0.0.0/0 ::/0")
	if got := w.shown(old, true); got != "-1 - - 0.0.0.0/0" {
		t.Errorf("a group that was there lets out %s", got)
	}
	if got := w.shown(w.group("new", lab), true); got != "-1 - - 0.0.0.0/0 ::/0" {
		t.Errorf("a new group lets out %s", got)
	}
	if got := entryTexts(*do[ec2.CreateNetworkAclOutput](w, "CreateNetworkAcl", "VpcId="+lab).NetworkAcl); got != closed {
		t.Errorf("a new ACL has\n%s", got)
	}
	remove(one)
	check("with less", dual, closed, "-1 - - 0.0.0.0/0 ::/0")
	remove(two)
	check("after", plain, denyAll, "-1 - - 0.0.0.0/0")

	do[ec2.CreateNetworkAclEntryOutput](w, "CreateNetworkAclEntry", entry(def, "in 101 -1 deny 192.0.2.0/24"))
	do[ec2.RevokeSecurityGroupEgressOutput](w, "RevokeSecurityGroupEgress", "GroupId="+group+"&"+permissions("-1 0 0 0.0.0.0/0"))
	three := add()
	check("where rules were changed", strings.Replace(dual, "in 101 -1 ::/0 allow", "in 101 -1 192.0.2.0/24 deny", 1), closed, "")
	remove(three)
	check("and without it again", strings.Replace(plain, "in 100 -1 0.0.0.0/0 allow", "in 100 -1 0.0.0.0/0 allow\nin 101 -1 192.0.2.0/24 deny", 1), denyAll, "")
}
