package api

import (
	"net/netip"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// reserve reserves a range and returns the reservation's id.
func (w *world) reserve(subnet, kind, cidr string) string {
	w.Helper()
	return *do[ec2.CreateSubnetCidrReservationOutput](w, "CreateSubnetCidrReservation", "SubnetId="+subnet+"&ReservationType="+kind+"&Cidr="+cidr).SubnetCidrReservation.SubnetCidrReservationId
}

func TestSubnetCIDRReservations(t *testing.T) {
	w := newWorld(t)
	lab, pool := w.dualVPC("10.0.0.0/16")
	s := do[ec2.CreateSubnetOutput](w, "CreateSubnet", "VpcId="+lab+"&CidrBlock=10.0.1.0/24&Ipv6CidrBlock="+cut(pool, 64, 1)).Subnet
	subnet := *s.SubnetId
	made := do[ec2.CreateSubnetCidrReservationOutput](w, "CreateSubnetCidrReservation", "SubnetId="+subnet+"&ReservationType=prefix&Cidr=10.0.1.17/28&Description=pods&TagSpecification.1.ResourceType=subnet-cidr-reservation&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=pods").SubnetCidrReservation
	id := *made.SubnetCidrReservationId
	got := text(*made.Cidr, made.ReservationType, *made.SubnetId, *made.OwnerId, *made.Description, *made.Tags[0].Value, strings.HasPrefix(id, "scr-"))
	if want := text("10.0.1.16/28", "prefix", subnet, "111122223333", "pods", "pods", true); got != want {
		t.Errorf("reserved\n%s\nwant\n%s", got, want)
	}
	if got := *w.describeSubnet(subnet).AvailableIpAddressCount; got != 251-16 {
		t.Errorf("%d addresses are left", got)
	}
	w.reserve(subnet, "explicit", "10.0.1.4/31")
	ipv6 := strings.TrimSuffix(cut(pool, 64, 1), "/64") + "/80"
	six := w.reserve(subnet, "prefix", ipv6)
	list := func(form string) string {
		out := do[ec2.GetSubnetCidrReservationsOutput](w, "GetSubnetCidrReservations", "SubnetId="+subnet+form)
		if out.SubnetIpv4CidrReservations == nil || out.SubnetIpv6CidrReservations == nil {
			t.Errorf("%s: a list is missing", form)
		}
		var lines []string
		for _, r := range append(out.SubnetIpv4CidrReservations, out.SubnetIpv6CidrReservations...) {
			lines = append(lines, *r.Cidr)
		}
		return strings.Join(lines, " ")
	}
	for form, want := range map[string]string{
		"&Filter.1.Name=reservationType&Filter.1.Value.1=explicit":                                          "10.0.1.4/31",
		"&Filter.1.Name=tag:Name&Filter.1.Value.1=pods":                                                     "10.0.1.16/28",
		"&Filter.1.Name=tag-key&Filter.1.Value.1=none":                                                      "",
		"&Filter.1.Name=subnet-id&Filter.1.Value.1=none":                                                    "",
		"&Filter.1.Name=reservationType&Filter.1.Value.1=prefix&Filter.2.Name=tag-key&Filter.2.Value.1=N*e": "10.0.1.16/28",
	} {
		if got := list(form); got != want {
			t.Errorf("%s finds %q, want %q", form, got, want)
		}
	}
	if got := list(""); len(strings.Fields(got)) != 3 || !strings.HasSuffix(got, ipv6) {
		t.Errorf("there are %s", got)
	}
	ipv6Assoc := *s.Ipv6CidrBlockAssociationSet[0].AssociationId
	w.refuse("DisassociateSubnetCidrBlock", "AssociationId="+ipv6Assoc, "InvalidCidrBlock.InUse: The subnet IPv6 CIDR block with association ID "+ipv6Assoc+" may not be disassociated, because its subnet has the CIDR reservation "+six+".")
	for _, c := range []struct{ sentence, form, want string }{
		{"no subnet", "ReservationType=prefix&Cidr=10.0.1.64/28", "MissingParameter: The request must contain the parameter SubnetId"},
		{"no range", "ReservationType=prefix&SubnetId=" + subnet, "MissingParameter: The request must contain the parameter Cidr"},
		{"no type", "SubnetId=" + subnet + "&Cidr=10.0.1.64/28", "MissingParameter: The request must contain the parameter ReservationType"},
		{"another type", "SubnetId=" + subnet + "&Cidr=10.0.1.64/28&ReservationType=all", "InvalidParameterValue: Value (all) for parameter reservationType is invalid. The type must be one of: prefix, explicit."},
		{"a subnet that does not exist", "SubnetId=subnet-00000000&Cidr=10.0.1.64/28&ReservationType=prefix", "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist"},
		{"what is no range", "SubnetId=" + subnet + "&Cidr=10.0.1.64&ReservationType=prefix", "InvalidParameterValue: Value (10.0.1.64) for parameter cidr is invalid. This is not a valid CIDR block."},
		{"a range of another subnet", "SubnetId=" + subnet + "&Cidr=10.0.2.64/28&ReservationType=prefix", "InvalidParameterValue: Reservation CIDR 10.0.2.64/28 is not within the CIDR block of the subnet"},
		{"more than the subnet", "SubnetId=" + subnet + "&Cidr=10.0.0.0/16&ReservationType=prefix", "InvalidParameterValue: Reservation CIDR 10.0.0.0/16 is not within the CIDR block of the subnet"},
		{"what is reserved", "SubnetId=" + subnet + "&Cidr=10.0.1.0/25&ReservationType=explicit", "InvalidParameterValue: Reservation CIDR 10.0.1.0/25 has overlap with existing reserved CIDR block"},
		{"a tag for something else", "SubnetId=" + subnet + "&Cidr=10.0.1.64/28&ReservationType=prefix&TagSpecification.1.ResourceType=subnet", "InvalidParameterValue: 'subnet' is not a valid taggable resource type for this operation."},
		{"what would have succeeded", "SubnetId=" + subnet + "&Cidr=10.0.1.64/28&ReservationType=prefix&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		t.Run("refuses "+c.sentence, func(t *testing.T) { w.T = t; w.refuse("CreateSubnetCidrReservation", c.form, c.want) })
	}
	w.T = t
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+id+"&Tag.1.Key=team&Tag.1.Value=blue")
	gone := do[ec2.DeleteSubnetCidrReservationOutput](w, "DeleteSubnetCidrReservation", "SubnetCidrReservationId="+id).DeletedSubnetCidrReservation
	if *gone.SubnetCidrReservationId != id || len(gone.Tags) != 2 {
		t.Errorf("deleted %+v", gone)
	}
	w.refuse("DeleteSubnetCidrReservation", "SubnetCidrReservationId="+id, "InvalidSubnetCidrReservationID.NotFound: The subnetCidrReservation ID '"+id+"' does not exist")
	w.refuse("DeleteSubnetCidrReservation", "SubnetCidrReservationId=x", `InvalidSubnetCidrReservationId.Malformed: Invalid id: "x" (expecting "scr-...")`)
	w.refuse("GetSubnetCidrReservations", "SubnetId=subnet-00000000", "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000' does not exist")
	do[ec2.DeleteSubnetOutput](w, "DeleteSubnet", "SubnetId="+subnet)
	if n := w.state.CIDRReservations.Len(); n != 0 {
		t.Errorf("%d reservations outlive their subnet", n)
	}
}

func TestLaunchesKeepOutOfReservations(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/16")
	subnet := w.subnet(lab, "10.0.1.0/24")
	w.reserve(subnet, "explicit", "10.0.1.0/29")
	w.reserve(subnet, "prefix", "10.0.1.8/29")
	for _, c := range []struct{ form, want string }{
		{"", "10.0.1.16"},
		{"&PrivateIpAddress=10.0.1.5", "10.0.1.5"}, // that one was reserved for
	} {
		i := w.launch("SubnetId=" + subnet + c.form)
		if *i.PrivateIpAddress != c.want {
			t.Errorf("%q: got %s, want %s", c.form, *i.PrivateIpAddress, c.want)
		}
	}
	if got, want := *w.describeSubnet(subnet).AvailableIpAddressCount, int32(251-4-8-1); got != want {
		t.Errorf("%d are left, want %d", got, want)
	}
}

func TestLaunchesInASecondaryRange(t *testing.T) {
	w := newWorld(t)
	lab := w.vpc("10.0.0.0/24")
	w.addBlock(lab, "100.64.0.0/16")
	i := w.launch("SubnetId=" + w.subnet(lab, "100.64.7.0/24"))
	if *i.PrivateIpAddress != "100.64.7.4" || *i.VpcId != lab {
		t.Errorf("launched %s in %s", *i.PrivateIpAddress, *i.VpcId)
	}
	if face := w.state.Interfaces.First("vpc", lab); face.PrivateIP != netip.MustParseAddr("100.64.7.4") {
		t.Errorf("its interface has %s", face.PrivateIP)
	}
	w.quota(vpc.IPv4BlocksPerVPC, 2)
	w.refuse("AssociateVpcCidrBlock", "VpcId="+lab+"&CidrBlock=100.65.0.0/16", "CidrLimitExceeded: This network '"+lab+"' has met its maximum number of allowed CIDRs: 2")
}
