package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/hostapi"
	"crenel/policy"
	"crenel/vpc"
)

// A host that can enforce two interfaces and little more: what would be too much for it is refused
// as a whole, with the reason.
func TestWhatTheHostCannotEnforceIsRefused(t *testing.T) {
	r := startIn(t, t.TempDir(), 0)
	h := r.connectIdle(hostapi.Report{Host: "local", Public: pool, Capacity: policy.Cost{Interfaces: 2, Addresses: 9, Members: 1, Cells: 500}})
	go func() {
		for {
			select {
			case d := <-h.desired:
				h.says(hostapi.Report{Applied: d.View.Revision})
			case <-t.Context().Done():
				return
			}
		}
	}()
	r.until(func(s *vpc.State) bool { return s.Cell().Host.Interfaces == 2 })
	next(t, r.ready)
	launch := func(count int) request {
		return action("RunInstances", fmt.Sprintf("ImageId=ami-0123456789abcdef0&MinCount=%d&MaxCount=%d", count, count))
	}
	refused := func(q request, code, says string) {
		t.Helper()
		before := r.server.Store.Snapshot()
		if a := r.send(q); a.code != code || !strings.Contains(a.text, says) {
			t.Errorf("%d %s %q, want %s %q", a.status, a.code, a.text, code, says)
		}
		if after := r.server.Store.Snapshot(); after.Revision != before.Revision {
			t.Errorf("a refused request went from revision %d to %d", before.Revision, after.Revision)
		}
	}
	refused(launch(3), "InsufficientInstanceCapacity", "3 of 2 network interfaces")
	refused(launch(2), "InsufficientInstanceCapacity", "2 of 1 private addresses of referenced security groups")
	if a := r.send(launch(1)); a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	s := r.server.Store.Snapshot().As(vpc.Scope{Account: root.Account, Region: "us-east-1"})
	group := s.DefaultGroup(s.DefaultVPC().ID).ID
	// A host that can enforce less than it has to: what takes from it is let through, what adds is not.
	h.says(hostapi.Report{Host: "local", Public: pool, Capacity: policy.Cost{Interfaces: 2, Addresses: 9, Members: 1, Cells: 1}})
	r.until(func(s *vpc.State) bool { return s.Cell().Host.Cells == 1 })
	refused(action("AuthorizeSecurityGroupIngress", "GroupId="+group+"&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8&IpPermissions.1.IpRanges.2.CidrIp=11.0.0.0/8&IpPermissions.1.IpRanges.3.CidrIp=12.0.0.0/8"),
		"ResourceLimitExceeded", "of 1 cells of compiled rules and routes")
	acl := s.DefaultACL(s.DefaultVPC().ID).ID
	entry := func(n int) request {
		return action("CreateNetworkAclEntry", fmt.Sprintf("NetworkAclId=%s&RuleNumber=%d&Egress=false&RuleAction=deny&Protocol=6&PortRange.From=%d&PortRange.To=%d&CidrBlock=10.%d.0.0/16", acl, n, 10*n, 10*n, n))
	}
	n := 1
	for ; n < 10 && r.send(entry(n)).status == http.StatusOK; n++ { // what is compiled takes whole cache lines: the first may take no more
	}
	refused(entry(n), "ResourceLimitExceeded", "of 1 cells of compiled rules and routes")
	if a := r.send(action("RevokeSecurityGroupEgress", "GroupId="+group+"&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0")); a.status != http.StatusOK {
		t.Errorf("no way back from too much: %s", a.body)
	}
	h.says(hostapi.Report{Host: "local", Public: pool, Capacity: policy.Cost{Interfaces: 2, Addresses: 9, Members: 1, Cells: 500}})
	r.until(func(s *vpc.State) bool { return s.Cell().Host.Cells == 500 })
	many := url.Values{"GroupId": {group}}
	for n := range 59 { // the default rule is the 60th
		p := fmt.Sprintf("IpPermissions.%d.", n+1)
		many.Set(p+"IpProtocol", "tcp")
		many.Set(p+"FromPort", fmt.Sprint(n*10))
		many.Set(p+"ToPort", fmt.Sprint(n*10))
		many.Set(p+"IpRanges.1.CidrIp", fmt.Sprintf("10.%d.0.0/16", n))
	}
	refused(action("AuthorizeSecurityGroupIngress", many.Encode()), "ResourceLimitExceeded", "of 500 cells of compiled rules and routes")
	idle := must[ec2.CreateSecurityGroupOutput](r, "CreateSecurityGroup", url.Values{"GroupName": {"idle"}, "GroupDescription": {"on no interface"}})
	many.Set("GroupId", *idle.GroupId)
	if a := r.send(action("AuthorizeSecurityGroupIngress", many.Encode())); a.status != http.StatusOK {
		t.Errorf("rules of a group that nothing carries cost the host nothing: %s", a.body)
	}
}
