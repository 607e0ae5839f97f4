package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"crenel/vpc"
)

// Whatever is asked of interfaces, Elastic IPs and instances, in whatever order and whatever hosts say
// meanwhile: addresses stay unique and in their subnets, and what refers to something refers to what is there.
func TestRandomCallsKeepAddressesAndAttachmentsSound(t *testing.T) {
	start := newWorld(t)
	start.pool("198.18.0.0/28")
	vpcID, subnet, _ := start.testVPC("10.0.0.0/16", "10.0.1.0/26")
	start.edit(func(e *vpc.Edit) {
		e.InternetGateways.Put(&vpc.InternetGateway{ID: e.NewID("igw"), Scope: testScope, VPC: vpcID})
	})
	start.withIPv6(subnet, "2600:1f18:1:2::/64", true)
	start.run("InstanceType=t3.medium&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.AssociatePublicIpAddress=true&NetworkInterface.1.SubnetId=" + subnet)
	for range 2 {
		start.newFace("SubnetId=" + subnet + "&SecondaryPrivateIpAddressCount=1")
		start.allocate()
	}
	rapid.Check(t, func(r *rapid.T) {
		w := *start
		for range rapid.IntRange(1, 30).Draw(r, "calls") {
			if rapid.IntRange(0, 4).Draw(r, "report") == 0 {
				reportSomething(r, &w)
			} else {
				action, form := drawInterfaceCall(r, w.state.As(w.scope), subnet)
				if _, err := w.try(action, form); err != nil {
					if _, ok := err.(*vpc.Error); !ok || vpc.Code(err) == "" {
						r.Fatalf("%s %s: %T %v", action, form, err, err)
					}
				}
			}
			for _, wrong := range []string{promisesBroken(w.state), unsoundAddresses(w.state), unsoundAssociations(w.state), unsoundAttachments(w.state)} {
				if wrong != "" {
					r.Fatal(wrong)
				}
			}
		}
	})
}

func reportSomething(r *rapid.T, w *world) {
	var ids []string
	for i := range w.state.Instances.All() {
		ids = append(ids, i.ID)
	}
	if len(ids) > 0 {
		id := rapid.SampledFrom(ids).Draw(r, "instance")
		w.report(id, rapid.SampledFrom([]HostState{HostRunning, HostRunning, HostStopped, HostFailed}).Draw(r, "state"), w.state.Instances.Get(id).Boots, "")
	}
}

// drawInterfaceCall makes a call that often succeeds, on what is there.
func drawInterfaceCall(r *rapid.T, s *vpc.State, subnet string) (action, form string) {
	one := func(list ...string) string { return rapid.SampledFrom(list).Draw(r, "one") }
	var faces, instances, attachments, eips []string
	associations := []string{"eipassoc-0"}
	for i := range s.Interfaces.All() {
		faces = append(faces, i.ID)
		if i.Attachment != nil {
			attachments = append(attachments, i.Attachment.ID)
		}
	}
	for i := range s.Instances.All() {
		instances = append(instances, i.ID)
	}
	for a := range s.ElasticIPs.All() {
		eips = append(eips, a.ID)
		if a.Association != "" {
			associations = append(associations, a.Association)
		}
	}
	if rapid.IntRange(0, 19).Draw(r, "stranger") == 0 {
		faces, instances, attachments, eips = []string{"eni-00000000"}, []string{"i-00000000"}, []string{"eni-attach-00000000"}, []string{"eipalloc-00000000"}
	}
	for _, list := range []*[]string{&faces, &instances, &attachments, &eips} {
		if len(*list) == 0 {
			*list = []string{"none"}
		}
	}
	face := one(faces...)
	var own []string
	if i := s.Interfaces.Get(face); i != nil {
		for _, a := range i.Addresses() {
			own = append(own, a.String())
		}
	}
	four := func() string { return "10.0.1." + one("4", "5", "6", "7", "17", "31", "33", "63", "64") }
	six := func() string { return url.QueryEscape(one("2600:1f18:1:2::5", "2600:1f18:1:2::6", "2600:1f18:1:2::")) }
	prefix4, prefix6 := one("10.0.1.16/28", "10.0.1.32/28", "10.0.1.0/28"), url.QueryEscape(one("2600:1f18:1:2:1::/80", "2600:1f18:1:2:2::/80"))
	mine := url.QueryEscape(one(append(own, four())...))
	id := "NetworkInterfaceId=" + face
	switch rapid.IntRange(0, 17).Draw(r, "action") {
	case 0, 1:
		return "CreateNetworkInterface", "SubnetId=" + subnet + one("", "&PrivateIpAddress="+four(), "&SecondaryPrivateIpAddressCount=2", "&Ipv4PrefixCount=1",
			"&Ipv4Prefix.1.Ipv4Prefix="+prefix4, "&PrivateIpAddresses.1.PrivateIpAddress="+four(), "&Ipv6PrefixCount=1", "&Ipv6Addresses.1.Ipv6Address="+six())
	case 2:
		return "DeleteNetworkInterface", id
	case 3, 4:
		return "AttachNetworkInterface", id + "&InstanceId=" + one(instances...) + "&DeviceIndex=" + one("0", "1", "2")
	case 5:
		return "DetachNetworkInterface", "AttachmentId=" + one(attachments...)
	case 6:
		return "AssignPrivateIpAddresses", id + one("&SecondaryPrivateIpAddressCount=1", "&Ipv4PrefixCount=1", "&Ipv4Prefix.1="+prefix4, "&PrivateIpAddress.1="+four(), "&AllowReassignment=true&PrivateIpAddress.1="+four())
	case 7:
		return "UnassignPrivateIpAddresses", id + one("&PrivateIpAddress.1="+mine, "&Ipv4Prefix.1="+prefix4)
	case 8:
		return "AssignIpv6Addresses", id + one("&Ipv6AddressCount=1", "&Ipv6Addresses.1="+six(), "&Ipv6PrefixCount=1", "&Ipv6Prefix.1="+prefix6)
	case 9:
		return "UnassignIpv6Addresses", id + one("&Ipv6Addresses.1="+mine, "&Ipv6Prefix.1="+prefix6)
	case 10:
		if one("allocate", "release") == "allocate" {
			return "AllocateAddress", ""
		}
		return "ReleaseAddress", "AllocationId=" + one(eips...)
	case 11, 12:
		return "AssociateAddress", "AllocationId=" + one(eips...) + "&" + one(id+one("", "&PrivateIpAddress="+mine), "InstanceId="+one(instances...)) + one("", "&AllowReassociation=false")
	case 13:
		return "DisassociateAddress", "AssociationId=" + one(associations...)
	case 14:
		return "ModifyNetworkInterfaceAttribute", id + "&" + one("AssociatePublicIpAddress=true", "AssociatePublicIpAddress=false", "EnablePrimaryIpv6=true", "Attachment.DeleteOnTermination=true&Attachment.AttachmentId="+one(attachments...))
	case 15:
		return one("StartInstances", "StopInstances", "TerminateInstances"), "InstanceId.1=" + one(instances...)
	}
	return "RunInstances", "InstanceType=t3.medium&ImageId=" + testImage + "&MinCount=1&MaxCount=" + one("1", "2") + one("", "&SubnetId="+subnet, "&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1."+id,
		"&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId="+subnet+"&NetworkInterface.2.DeviceIndex=1&NetworkInterface.2.SubnetId="+subnet+"&NetworkInterface.2.PrivateIpAddress="+four())
}

// unsoundAddresses says which private address is wrong, or "".
func unsoundAddresses(s *vpc.State) string {
	used := map[string]int{}
	taken := map[string]string{} // by VPC and address; prefixes are taken one address at a time, at their ends
	for i := range s.Interfaces.All() {
		subnet := s.Subnets.Get(i.Subnet)
		blocks := []netip.Prefix{subnet.CIDR}
		for _, b := range subnet.IPv6 {
			blocks = append(blocks, b.CIDR)
		}
		all := i.Addresses()
		for _, p := range i.Prefixes {
			if p != vpc.Delegation(p.Addr()) {
				return fmt.Sprintf("%s has the prefix %v", i.ID, p)
			}
			last := p.Addr()
			for range 16 {
				all, last = append(all, last), last.Next()
			}
			all = append(all, vpc.Last(p))
		}
		for n, a := range all {
			block := slices.IndexFunc(blocks, func(b netip.Prefix) bool { return b.Contains(a) })
			if block < 0 || vpc.ReservedIn(blocks[block], a) {
				return fmt.Sprintf("%s has %v in %v", i.ID, a, blocks)
			}
			key := vpc.AddressKey(i.VPC, a.String())
			if other := taken[key]; other != "" && (other != i.ID || n < len(i.Addresses())) {
				return fmt.Sprintf("%v is of %s and %s", a, other, i.ID)
			}
			taken[key] = i.ID
		}
		for _, a := range slices.Compact(slices.SortedFunc(slices.Values(all), netip.Addr.Compare)) {
			if a.Is4() {
				used[i.Subnet]++
			}
		}
		if i.PrimaryIPv6 && len(i.IPv6) == 0 {
			return i.ID + " has a primary IPv6 address and none"
		}
	}
	for r := range s.CIDRReservations.All() { // they hold back what nobody has
		subnet := s.Subnets.Get(r.Subnet)
		for a := r.CIDR.Addr(); a.Is4() && r.CIDR.Contains(a); a = a.Next() {
			if !vpc.ReservedIn(subnet.CIDR, a) && taken[vpc.AddressKey(subnet.VPC, a.String())] == "" {
				used[subnet.ID]++
			}
		}
	}
	for n := range s.Subnets.All() {
		if got, want := s.FreeAddresses(n), 1<<(32-n.CIDR.Bits())-5-used[n.ID]; got != want {
			return fmt.Sprintf("%s says that %d are free, and %d are", n.ID, got, want)
		}
		if a, ok := s.FreeAddress(n); ok && taken[vpc.AddressKey(n.VPC, a.String())] != "" {
			return fmt.Sprintf("%v is free and in use", a)
		}
	}
	return ""
}

// unsoundAssociations says which Elastic IP is associated with what is not there, or with what another
// one is, or "".
func unsoundAssociations(s *vpc.State) string {
	taken := map[string]string{}
	public := map[netip.Addr]string{}
	for i := range s.Interfaces.All() {
		if i.PublicIP.IsValid() {
			public[i.PublicIP] = i.ID
		}
	}
	for a := range s.ElasticIPs.All() {
		if other := public[a.Addr]; other != "" {
			return fmt.Sprintf("%v is %s's and %s's", a.Addr, a.ID, other)
		}
		public[a.Addr] = a.ID
		if a.Association == "" {
			if a.Interface != "" || a.Private.IsValid() {
				return a.ID + " is associated half"
			}
			continue
		}
		i := s.Interfaces.Get(a.Interface)
		if i == nil || a.Private != i.PrivateIP && !slices.Contains(i.Secondary, a.Private) {
			return fmt.Sprintf("%s is associated with %s and %v", a.ID, a.Interface, a.Private)
		}
		if a.Private == i.PrivateIP && i.PublicIP.IsValid() {
			return i.ID + " has two public addresses"
		}
		key := a.Interface + "/" + a.Private.String()
		if other := taken[key]; other != "" {
			return key + " is associated with " + other + " and " + a.ID
		}
		taken[key] = a.ID
	}
	return ""
}

// unsoundAttachments says which instance has interfaces that it cannot have, or "".
func unsoundAttachments(s *vpc.State) string {
	for i := range s.Instances.All() {
		indexes := map[int]bool{}
		faces := interfacesOf(s, i.ID)
		for _, face := range faces {
			if indexes[face.Attachment.DeviceIndex] || s.Subnets.Get(face.Subnet).Zone != i.Zone {
				return fmt.Sprintf("%s has %s at %d", i.ID, face.ID, face.Attachment.DeviceIndex)
			}
			indexes[face.Attachment.DeviceIndex] = true
			if wrong := withinLimit(face, addressing{}, typeOf(i).addresses); wrong != nil {
				return face.ID + ": " + wrong.Error()
			}
		}
		if len(faces) > typeOf(i).interfaces || indexes[0] == (i.State == vpc.Terminated) {
			return fmt.Sprintf("%s, which is %v, has the interfaces %v", i.ID, i.State, indexes)
		}
	}
	return ""
}
