package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"crenel/admin"
	"crenel/ec2"
	"crenel/hostapi"
	"crenel/policy"
	"crenel/vpc"
)

// obey connects a host of the capacity that applies everything at once.
func (r *rig) obey(capacity policy.Cost) {
	h := r.connectIdle(hostapi.Report{Host: "local", Public: pool, Capacity: capacity})
	go func() {
		for {
			select {
			case d := <-h.desired:
				h.says(hostapi.Report{Applied: d.View.Revision})
			case <-r.t.Context().Done():
				return
			}
		}
	}()
	r.until(func(s *vpc.State) bool { return s.Cell().Host == vpc.Capacity(capacity) })
	next(r.t, r.ready)
}

// One account does what it can to use up what the host has of a kind. It gets more than its share, and the other one still
// launches an instance and changes its rules.
func TestNoAccountUsesUpTheHost(t *testing.T) {
	plenty := policy.Cost{Interfaces: 1000, Addresses: 1000, Members: 1000, Cells: 1 << 20}
	launch := action("RunInstances", "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=1")
	for _, tt := range []struct {
		what     string
		capacity func(*policy.Cost)
		attack   func(r *rig, group, subnet string, n int) request
		share    int // what the attacker can do at least
	}{
		{"network interfaces", func(c *policy.Cost) { c.Interfaces = 20 }, func(*rig, string, string, int) request { return launch }, 15},
		{"addresses of network interfaces", func(c *policy.Cost) { c.Addresses = 40 }, func(*rig, string, string, int) request { return launch }, 15},
		{"private addresses of referenced security groups", func(c *policy.Cost) { c.Members = 60 }, func(_ *rig, _, subnet string, _ int) request {
			return action("CreateNetworkInterface", "SubnetId="+subnet) // on no instance
		}, 44},
		{"cells of compiled rules and routes", func(c *policy.Cost) { c.Cells = 3000 }, func(_ *rig, group, _ string, n int) request {
			p := fmt.Sprintf("&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=%d&IpPermissions.1.ToPort=%d&IpPermissions.1.IpRanges.1.CidrIp=10.%d.0.0/16", n, n, n)
			return action("AuthorizeSecurityGroupIngress", "GroupId="+group+p)
		}, 15},
	} {
		t.Run(tt.what, func(t *testing.T) {
			r := startIn(t, t.TempDir(), 0)
			capacity := plenty
			tt.capacity(&capacity)
			r.obey(capacity)
			greedy := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{Account: "210987654321"})
			administer[admin.SetQuotaOutput](r, admin.SetQuotaInput{Account: "210987654321", Region: "us-east-1", Quota: vpc.RulesPerGroup.Name, Value: 200, Lab: true})
			if a := r.send(launch.by(greedy)); a.status != http.StatusOK {
				t.Fatal(a.body)
			}
			s := r.server.Store.Snapshot().As(vpc.Scope{Account: "210987654321", Region: "us-east-1"})
			group := s.DefaultGroup(s.DefaultVPC().ID).ID
			var subnet string
			for n := range s.Subnets.By("vpc", s.DefaultVPC().ID) {
				subnet = n.ID
			}
			for n := 1; ; n++ {
				a := r.send(tt.attack(r, group, subnet, n).by(greedy))
				if a.status == http.StatusOK && n < 200 {
					continue
				}
				if n < tt.share {
					t.Errorf("the first account is refused the %d-th: %s", n, a.body)
				}
				if !strings.Contains(a.text, tt.what) || a.code != "ResourceLimitExceeded" && a.code != "InsufficientInstanceCapacity" {
					t.Errorf("the first account is told: %d %s %q", a.status, a.code, a.text)
				}
				break
			}
			if a := r.send(launch); a.status != http.StatusOK {
				t.Fatalf("the other account launches nothing: %s %s", a.code, a.text)
			}
			s = r.server.Store.Snapshot().As(vpc.Scope{Account: root.Account, Region: "us-east-1"})
			own := s.DefaultGroup(s.DefaultVPC().ID).ID
			for n := range 3 {
				a := r.send(action("AuthorizeSecurityGroupIngress", fmt.Sprintf("GroupId=%s&IpProtocol=tcp&FromPort=%d&ToPort=%d&CidrIp=0.0.0.0/0", own, n, n)))
				if a.status != http.StatusOK {
					t.Fatalf("the other account changes no rule: %s %s", a.code, a.text)
				}
			}
		})
	}
}

// Where there is one account, all that the host can do is its own.
func TestTheOnlyAccountHasTheWholeHost(t *testing.T) {
	r := startIn(t, t.TempDir(), 0)
	r.obey(policy.Cost{Interfaces: 7, Addresses: 100, Members: 9, Cells: 100000})
	launched := func(count int) answer {
		return r.send(action("RunInstances", fmt.Sprintf("ImageId=ami-0123456789abcdef0&MinCount=%d&MaxCount=%d", count, count)))
	}
	if a := launched(7); a.status != http.StatusOK {
		t.Errorf("7 of 7 interfaces: %s", a.body)
	}
	if a := launched(1); !strings.Contains(a.text, "8 of 7 network interfaces") {
		t.Errorf("8 of 7 interfaces: %s", a.body)
	}
	s := r.server.Store.Snapshot().As(vpc.Scope{Account: root.Account, Region: "us-east-1"})
	for n := range s.Subnets.By("vpc", s.DefaultVPC().ID) {
		for range 2 {
			must[ec2.CreateNetworkInterfaceOutput](r, "CreateNetworkInterface", url.Values{"SubnetId": {n.ID}})
		}
		if a := r.send(action("CreateNetworkInterface", "SubnetId="+n.ID)); !strings.Contains(a.text, "10 of 9 private addresses") {
			t.Errorf("10 of 9 members: %s", a.body)
		}
		break
	}
}
