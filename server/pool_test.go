package server

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"crenel/admin"
	"crenel/ec2"
	"crenel/hostapi"
	"crenel/policy"
	"crenel/vpc"
)

// A range of IPv6 is cut from the pool of the host that routes it, or not at all.
func TestIPv6IsOfTheHostsPool(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	id := *must[ec2.CreateVpcOutput](r, "CreateVpc", url.Values{"CidrBlock": {"10.1.0.0/16"}}).Vpc.VpcId
	made := action("CreateVpc", "CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true")
	associated := action("AssociateVpcCidrBlock", "AmazonProvidedIpv6CidrBlock=true&VpcId="+id)
	for _, q := range []request{made, associated} {
		if a := r.send(q); a.code != "InsufficientAddressCapacity" || !strings.Contains(a.text, "no host has connected") {
			t.Errorf("before there is a host: %d %s %s", a.status, a.code, a.text)
		}
	}
	if n := r.server.Store.Snapshot().VPCs.Len(); n != 2 {
		t.Errorf("%d VPCs were made", n)
	}
	r.connectIdle(hostapi.Report{Host: "local", Public: pool})
	cell := r.until(func(s *vpc.State) bool { return s.Cell().Public == pool }).Cell()
	for _, q := range []request{made, associated} {
		if a := r.send(q); a.status != http.StatusOK {
			t.Errorf("with a host: %s", a.body)
		}
	}
	for v := range r.server.Store.Snapshot().VPCs.All() {
		if !v.Default && len(v.IPv6) != 1 || len(v.IPv6) > 0 && !cell.IPv6Pool().Contains(v.IPv6[0].CIDR.Addr()) {
			t.Errorf("%s has %v, and the pool is %v", v.ID, v.IPv6, cell.IPv6Pool())
		}
	}
}

// A host whose pool is not the one that ranges in use are of is told so, in the status, until they are released.
func TestAHostWithAnotherPoolOfIPv6(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	other := netip.MustParsePrefix("198.18.16.0/20")
	if _, err := r.server.Store.Update(t.Context(), vpc.Scope{}, func(e *vpc.Edit) error { claim(e, other); return nil }); err != nil {
		t.Fatal(err)
	}
	v := must[ec2.CreateVpcOutput](r, "CreateVpc", url.Values{"CidrBlock": {"10.0.0.0/16"}, "AmazonProvidedIpv6CidrBlock": {"true"}}).Vpc
	h := r.connectIdle(hostapi.Report{Host: "local", Public: pool})
	trouble := func(want string) {
		t.Helper()
		for wait := within(t); wait.Err() == nil; time.Sleep(5 * time.Millisecond) {
			if said := administer[admin.StatusOutput](r, admin.StatusInput{}).Host.Trouble; strings.Contains(said, want) && (want == "") == (said == "") {
				return
			}
		}
		t.Fatalf("the status never says %q", want)
	}
	trouble("its public addresses are 198.18.7.0/24, and addresses of 198.18.16.0/20 or ranges of 3fff:121::/32 are in use")
	for n := 1; n <= 3; n++ { // each of which is recorded
		h.says(hostapi.Report{Host: "local", Public: pool, Capacity: policy.Cost{Interfaces: 100 * n, Addresses: 999, Members: 999, Cells: 99999}})
		r.until(func(s *vpc.State) bool { return s.Cell().Host.Interfaces == 100*n })
	}
	if got := r.server.Store.Snapshot().Cell().Public; got != other {
		t.Errorf("the pool is %v", got)
	}
	must[ec2.DeleteVpcOutput](r, "DeleteVpc", url.Values{"VpcId": {*v.VpcId}})
	h.says(hostapi.Report{Host: "local", Public: pool})
	trouble("")
	if got := r.server.Store.Snapshot().Cell().Public; got != pool {
		t.Errorf("then the pool is %v", got)
	}
	if n := strings.Count(r.log.String(), "the host's pool is another one"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}
