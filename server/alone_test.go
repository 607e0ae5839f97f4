package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"crenel/ec2"
	"crenel/hostapi"
	"crenel/vpc"
)

var oneInstance = url.Values{"ImageId": {"ami-0123456789abcdef0"}, "MinCount": {"1"}, "MaxCount": {"1"}}

func (r *rig) health() (status int, text string) {
	r.t.Helper()
	q := request{method: "GET", path: "/healthz", unsigned: true}
	a := r.send(q)
	return a.status, a.body
}

func TestWithoutAHostNothingIsLaunched(t *testing.T) {
	r := startAlone(t, &Server{})
	made := r.send(action("CreateSecurityGroup", "GroupName=web&GroupDescription=web"))
	if made.status != http.StatusOK || made.header.Get("x-crenel-enforced") != "false" {
		t.Errorf("a write: %d, x-crenel-enforced %q", made.status, made.header.Get("x-crenel-enforced"))
	}
	if a := r.send(action("DescribeSecurityGroups", "")); a.status != http.StatusOK || a.header.Get("x-crenel-enforced") != "" {
		t.Errorf("a read: %d, x-crenel-enforced %q", a.status, a.header.Get("x-crenel-enforced"))
	}
	before := r.server.Store.Snapshot()
	a := r.send(action("RunInstances", oneInstance.Encode()))
	const want = "We currently do not have sufficient m1.small capacity in the Availability Zone you requested (us-east-1a). This server has no host that runs instances."
	if a.status != http.StatusInternalServerError || a.code != "InsufficientInstanceCapacity" || a.text != want {
		t.Errorf("RunInstances: %d %s %q", a.status, a.code, a.text)
	}
	if a := r.send(action("RunInstances", oneInstance.Encode()+"&DryRun=true")); a.code != "DryRunOperation" {
		t.Errorf("a dry run: %d %s", a.status, a.code)
	}
	if a := r.send(action("RunInstances", oneInstance.Encode()+"&InstanceType=m9.huge")); a.code != "InvalidParameterValue" {
		t.Errorf("what is wrong in the request comes first: %d %s", a.status, a.code)
	}
	if r.server.Store.Snapshot() != before {
		t.Error("what was refused left something")
	}
	if status, text := r.health(); status != http.StatusOK || !strings.HasPrefix(text, "ok\n") || strings.Contains(text, "enforcement") {
		t.Errorf("/healthz: %d %q", status, text)
	}
}

func TestWithoutEnforcementInstancesGoThroughTheirStates(t *testing.T) {
	r := startAlone(t, &Server{NoEnforcement: true})
	is := func(id string, state vpc.InstanceState) func(*vpc.State) bool {
		return func(s *vpc.State) bool { return s.Instances.Get(id).State == state }
	}
	ran := must[ec2.RunInstancesOutput](r, "RunInstances", oneInstance)
	id := *ran.Instances[0].InstanceId
	if ran.Instances[0].State.Name != "pending" {
		t.Errorf("launched as %s", ran.Instances[0].State.Name)
	}
	s := r.until(is(id, vpc.Running))
	if face := s.Interfaces.First("instance", id); !nobodysPool.Contains(face.PublicIP) {
		t.Errorf("in a default subnet it has the public address %v", face.PublicIP)
	}
	for _, step := range []struct {
		action string
		state  vpc.InstanceState
	}{
		{"RebootInstances", vpc.Running}, {"StopInstances", vpc.Stopped}, {"StartInstances", vpc.Running}, {"TerminateInstances", vpc.Terminated},
	} {
		if a := r.send(action(step.action, "InstanceId.1="+id)); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", step.action, a.status, a.body)
		}
		s = r.until(is(id, step.state))
	}
	if s.Interfaces.Len() != 0 {
		t.Error("the interface of the terminated instance is still there")
	}
	stranger := action("DescribeVpcs", "")
	stranger.key.Secret = "another"
	for name, q := range map[string]request{"a read": action("DescribeVpcs", ""), "an error": action("DescribeUnicorns", ""), "a stranger": stranger} {
		if got := r.send(q).header.Get("x-crenel-enforced"); got != "false" {
			t.Errorf("%s has x-crenel-enforced %q", name, got)
		}
	}
	if _, text := r.health(); !strings.Contains(text, "\nenforcement off\n") {
		t.Errorf("/healthz does not say so: %q", text)
	}
}

// What became of a host's instances only that host knows.
func TestAHostsInstancesAreLeftToTheHost(t *testing.T) {
	dir := t.TempDir()
	with := startIn(t, dir, time.Nanosecond)
	with.connectIdle(hostapi.Report{Host: "local", Public: pool})
	with.until(func(s *vpc.State) bool { return s.Cell().Public == pool })
	id := *must[ec2.RunInstancesOutput](with, "RunInstances", oneInstance).Instances[0].InstanceId
	if err := with.stop(); err != nil {
		t.Fatal(err)
	}
	refused := startAs(t, dir, &Server{NoEnforcement: true}, false)
	if err := refusal(t, refused); !strings.Contains(err, "a host has run instances of this data") {
		t.Errorf("without enforcement: %s", err)
	}
	r := startAs(t, dir, &Server{}, false)
	next(t, r.ready)
	if a := r.send(action("TerminateInstances", "InstanceId.1="+id)); a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	for n := range 10 { // long after it would have been settled
		r.send(action("CreateSecurityGroup", fmt.Sprintf("GroupName=web%d&GroupDescription=web", n)))
	}
	if got := r.server.Store.Snapshot().Instances.Get(id).State; got != vpc.ShuttingDown {
		t.Errorf("the instance is %v", got)
	}
}

// refusal is what Run returns by itself.
func refusal(t *testing.T, r *rig) string {
	t.Helper()
	for {
		if _, err := r.try(request{method: "GET", path: "/healthz", unsigned: true}); err != nil {
			break // nobody listens any more
		}
	}
	if err := r.stop(); err != nil {
		return err.Error()
	}
	return ""
}

func TestAHostTakesOverACellThatHadNone(t *testing.T) {
	e := vpc.New().Edit(vpc.Scope{}, time.Now(), nil)
	if claimForNobody(e); hadHost(e.State) || e.Cell().Public != nobodysPool {
		t.Errorf("alone, the pool is %v", e.Cell().Public)
	}
	if !claim(e, pool) || !hadHost(e.State) {
		t.Error("a host's claim is refused, and no address is in use")
	}
	if claimForNobody(e); e.Cell().Public != pool {
		t.Error("the host's pool is taken from it")
	}
	e.ElasticIPs.Put(&vpc.ElasticIP{ID: "eipalloc-0", Addr: netip.MustParseAddr("198.18.7.4")})
	if claim(e, netip.MustParsePrefix("198.18.9.0/24")) {
		t.Error("the pool of an Elastic IP is given up")
	}
}

func TestOnlyTheRegionsThatAreServedAnswer(t *testing.T) {
	r := startAlone(t, &Server{Regions: []string{"eu-west-1", "af-south-1"}})
	in := func(region, service, body string) answer {
		q := post(body)
		q.region, q.service = region, service
		return r.send(q)
	}
	const vpcs, caller = "Action=DescribeVpcs&Version=2016-11-15", "Action=GetCallerIdentity&Version=2011-06-15"
	const elsewhere = "Credential should be scoped to a valid region, not 'us-west-2'. This server serves eu-west-1, af-south-1."
	for _, row := range []struct {
		region, service, body string
		status                int
		code, says            string
	}{
		{"eu-west-1", "ec2", vpcs, 200, "", ""},
		{"af-south-1", "ec2", vpcs, 200, "", ""},
		{"us-west-2", "ec2", vpcs, 401, "AuthFailure", elsewhere},
		{"us-east-1", "ec2", vpcs, 401, "AuthFailure", strings.Replace(elsewhere, "us-west-2", "us-east-1", 1)},
		{"eu-west-1", "sts", caller, 200, "", ""},
		{"us-east-1", "sts", caller, 200, "", ""}, // as older clients sign, wherever they are
		{"us-west-2", "sts", caller, 403, "SignatureDoesNotMatch", elsewhere},
	} {
		if a := in(row.region, row.service, row.body); a.status != row.status || a.code != row.code || a.text != row.says {
			t.Errorf("%s in %s: %d %s %q", row.service, row.region, a.status, a.code, a.text)
		}
	}
	regions := func(form string) (all string) {
		q := action("DescribeRegions", form)
		q.region = "eu-west-1"
		return r.send(q).body
	}
	if body := regions(""); strings.Count(body, "<regionName>") != 2 || !strings.Contains(body, "<regionName>af-south-1</regionName>") {
		t.Errorf("DescribeRegions lists %s", body)
	}
	if body := regions("AllRegions=true"); strings.Count(body, "<regionName>") != len(vpc.RegionNames()) || strings.Count(body, "<optInStatus>not-opted-in<") != len(vpc.RegionNames())-2 {
		t.Errorf("with AllRegions: %s", body)
	}
	if body := regions("RegionName.1=us-west-2"); !strings.Contains(body, "<optInStatus>not-opted-in</optInStatus>") {
		t.Errorf("by its name: %s", body)
	}
}
