package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"crenel/ec2"
	"crenel/hostapi"
	"crenel/store"
	"crenel/vpc"
)

func TestAGoodRequestIsAnswered(t *testing.T) {
	r := start(t)
	a := r.send(action("DescribeVpcs", ""))
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	id := a.header.Get("x-amzn-requestid")
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("the request id %q is no UUID", id)
	}
	for _, want := range []string{"<requestId>" + id + "</requestId>", "<cidrBlock>172.31.0.0/16</cidrBlock>", "<ownerId>123456789012</ownerId>"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	for name, want := range map[string]string{"Content-Type": "text/xml;charset=UTF-8", "Cache-Control": "no-cache, no-store", "x-crenel-enforced": ""} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	get := post("")
	get.method, get.path = "GET", "/?Action=DescribeVpcs&Version=2016-11-15"
	if a := r.send(get); a.status != http.StatusOK || !strings.Contains(a.body, "172.31.0.0/16") {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
}

// What is refused names what is wrong, in AWS's words, and changes nothing.
func TestRefusals(t *testing.T) {
	r := start(t)
	create := func(form string) request {
		return action("CreateSecurityGroup", "GroupName=web&GroupDescription=web"+form)
	}
	with := func(q request, change func(*request)) request { change(&q); return q }
	sts := func(name string) request {
		return with(post("Action="+name+"&Version=2011-06-15"), func(q *request) { q.service = "sts" })
	}
	many := strings.Builder{}
	for n := range 20_000 {
		fmt.Fprintf(&many, "&Filter.%d.Name=vpc-id", n+1)
	}
	const noAccess = "AWS was not able to validate the provided access credentials"
	stranger := vpc.AccessKey{ID: "AKIAIOSFODNN7NOBODYS", Secret: root.Secret}
	for _, tt := range []struct {
		name    string
		request request
		status  int
		code    string
		says    string
	}{
		{"unknown key", with(create(""), func(q *request) { q.key = stranger }), 401, "AuthFailure", noAccess},
		{"wrong secret", with(create(""), func(q *request) { q.key.Secret = "x" + q.key.Secret }), 401, "AuthFailure", noAccess},
		{"wrong signature", with(create(""), func(q *request) {
			q.spoil = func(h *http.Request) {
				a := h.Header.Get("Authorization")
				h.Header.Set("Authorization", a[:len(a)-8]+"00000000")
			}
		}), 401, "AuthFailure", noAccess},
		{"tampered body", with(create(""), func(q *request) {
			q.spoil = func(h *http.Request) {
				body := strings.Replace(q.body, "web", "bad", 1)
				h.Body = http.NoBody
				again := httptest.NewRequest("POST", "/", strings.NewReader(body))
				h.Body, h.GetBody = again.Body, nil
			}
		}), 401, "AuthFailure", noAccess},
		{"late", with(create(""), func(q *request) { q.at = q.at.Add(-16 * time.Minute) }), 400, "RequestExpired", "Request has expired."},
		{"early", with(create(""), func(q *request) { q.at = q.at.Add(16 * time.Minute) }), 400, "RequestExpired", "Request has expired."},
		{"unsigned", with(create(""), func(q *request) { q.unsigned = true }), 403, "MissingAuthenticationToken", "Authentication Token"},
		{"signed in another way", with(create(""), func(q *request) {
			q.spoil = func(h *http.Request) { h.Header.Set("Authorization", "AWS "+root.ID+":x") }
		}), 400, "IncompleteSignature", "AWS4-HMAC-SHA256"},
		{"no Region", with(create(""), func(q *request) { q.region = "us-moon-1" }), 401, "AuthFailure", "'us-moon-1'"},

		{"a body over 1 MiB", create("&VpcId=" + strings.Repeat("x", maxBody)), 413, "RequestEntityTooLarge", "1048576"},
		{"a body over 1 MiB of unknown length", with(create(""), func(q *request) {
			q.spoil = func(h *http.Request) {
				h.Body, h.ContentLength, h.GetBody = http.MaxBytesReader(nil, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", 2*maxBody))).Body, 4*maxBody), -1, nil
			}
		}), 413, "RequestEntityTooLarge", "1048576"},
		{"20,000 parameters", action("DescribeSecurityGroups", many.String()[1:]), 400, "MalformedQueryString", "parameters"},
		{"invalid UTF-8", create("&VpcId=%ff%fe"), 400, "InvalidCharacter", "VpcId"},
		{"a broken form", create("&VpcId=%zz"), 400, "MalformedQueryString", "syntax"},
		{"no action", post("Version=2016-11-15"), 400, "MissingAction", "Action"},
		{"no version", post("Action=DescribeVpcs"), 400, "MissingParameter", "Version"},
		{"another version", post("Action=DescribeVpcs&Version=2006-06-26"), 400, "NoSuchVersion", "2006-06-26"},
		{"an action that EC2 does not have", action("DescribeUnicorns", ""), 400, "InvalidAction", "The action DescribeUnicorns is not valid for this web service."},
		{"an action that is not built", action("CreateCustomerGateway", ""), 400, "InvalidAction", "The action CreateCustomerGateway is not valid for this web service."},
		{"an unknown parameter", create("&Colour=red"), 400, "UnknownParameter", "The parameter Colour is not recognized"},
		{"a missing parameter", action("CreateSecurityGroup", "GroupDescription=web"), 400, "MissingParameter", "GroupName"},
		{"a malformed parameter", create("&DryRun=perhaps"), 400, "InvalidParameterValue", "DryRun"},
		{"a dry run", create("&DryRun=true"), 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
		{"a dry run of a read", action("DescribeVpcs", "DryRun=true"), 412, "DryRunOperation", "would have succeeded"},
		{"an operation that refuses", create("&VpcId=vpc-00000000000000000"), 400, "InvalidVpcID.NotFound", "The vpc ID 'vpc-00000000000000000' does not exist"},

		{"STS: unknown key", with(sts("GetCallerIdentity"), func(q *request) { q.key = stranger }), 403, "InvalidClientTokenId", "The security token included in the request is invalid."},
		{"STS: wrong secret", with(sts("GetCallerIdentity"), func(q *request) { q.key.Secret = "x" }), 403, "SignatureDoesNotMatch", "credentials"},
		{"STS: late", with(sts("GetCallerIdentity"), func(q *request) { q.at = q.at.Add(-time.Hour) }), 403, "SignatureDoesNotMatch", "expired"},
		{"STS: another operation", sts("AssumeRole"), 400, "InvalidAction", "AssumeRole"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := r.server.Store.Snapshot()
			a := r.send(tt.request)
			if a.status != tt.status || a.code != tt.code || !strings.Contains(a.text, tt.says) {
				t.Errorf("got %d %s %q, want %d %s %q", a.status, a.code, a.text, tt.status, tt.code, tt.says)
			}
			if id := a.header.Get("x-amzn-requestid"); id == "" || !strings.Contains(a.body, id) {
				t.Errorf("the request id %q is not in %s", id, a.body)
			}
			if sts := strings.HasPrefix(tt.name, "STS"); sts != strings.Contains(a.body, "https://sts.amazonaws.com/doc/2011-06-15/") {
				t.Errorf("the error is in the wrong form: %s", a.body)
			}
			if after := r.server.Store.Snapshot(); after != before {
				t.Errorf("the State went from revision %d to %d", before.Revision, after.Revision)
			}
		})
	}
}

func TestOtherPathsAndMethodsAreNotServed(t *testing.T) {
	r := start(t)
	for _, tt := range []struct {
		method, path string
		status       int
	}{{"GET", "/favicon.ico", 404}, {"POST", "/bucket/key", 404}, {"PUT", "/", 405}, {"GET", "/healthz", 200}} {
		a := r.send(request{method: tt.method, path: tt.path, unsigned: true})
		if a.status != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, a.status, tt.status)
		}
		if tt.status == 200 && !strings.HasPrefix(a.body, "ok\n") {
			t.Errorf("%s says %q", tt.path, a.body)
		}
	}
}

// What is measured is for everybody who reaches the server, and so names nobody.
func TestMetrics(t *testing.T) {
	r := start(t)
	a := r.send(request{method: "GET", path: "/metrics", unsigned: true})
	for _, want := range []string{"crenel_state_revision ", "crenel_host_connected ", "crenel_unenforced_writes_total 0\n",
		`crenel_packets{dropped="true",reason="no-ingress-rule"} 0`, `crenel_bytes{dropped="false",reason="established"} 0`} {
		if a.status != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("%d: no %q in\n%s", a.status, want, a.body)
		}
	}
}

func TestSTSSaysWhoSigned(t *testing.T) {
	r := start(t)
	q := post("Action=GetCallerIdentity&Version=2011-06-15")
	q.service = "sts"
	a := r.send(q)
	for _, want := range []string{"<Arn>arn:aws:iam::123456789012:root</Arn>", "<Account>123456789012</Account>", "<UserId>123456789012</UserId>", "https://sts.amazonaws.com/doc/2011-06-15/"} {
		if a.status != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("%d: no %s in %s", a.status, want, a.body)
		}
	}
}

func TestRegionsAreApart(t *testing.T) {
	r := start(t)
	create := action("CreateSecurityGroup", "GroupName=web&GroupDescription=web")
	create.region = "eu-west-1"
	if a := r.send(create); a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	if a := r.send(action("DescribeSecurityGroups", "")); strings.Contains(a.body, "<groupName>web</groupName>") {
		t.Error("us-east-1 shows the group of eu-west-1")
	}
	list := action("DescribeSecurityGroups", "")
	list.region = "eu-west-1"
	if a := r.send(list); !strings.Contains(a.body, "<groupName>web</groupName>") {
		t.Errorf("eu-west-1 does not show its group: %s", a.body)
	}
}

func TestAWriteReturnsWhenTheHostEnforcesIt(t *testing.T) {
	r := startIn(t, t.TempDir(), 0)
	h := r.connectIdle(hostapi.Report{Host: "local", Public: pool})
	state := r.until(func(s *vpc.State) bool { return s.Cell().Public == pool })
	h.says(hostapi.Report{Applied: state.Revision})
	next(t, r.ready)
	answered := make(chan answer, 1)
	go func() {
		a, err := r.try(action("CreateSecurityGroup", "GroupName=web&GroupDescription=web"))
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	d := next(t, h.desired)
	for d.View.Revision <= state.Revision {
		d = next(t, h.desired)
	}
	select {
	case a := <-answered:
		t.Errorf("answered %d before the host said that it is applied", a.status)
	default:
	}
	h.says(hostapi.Report{Applied: d.View.Revision})
	a := next(t, answered)
	if got := a.header.Get("x-crenel-enforced"); a.status != http.StatusOK || got != "true" {
		t.Errorf("answered %d, x-crenel-enforced %q: %s", a.status, got, a.body)
	}
	if n := r.server.unenforced.Load(); n != 0 {
		t.Errorf("%d writes count as not enforced", n)
	}
}

func TestAWriteThatIsNotEnforcedInTimeSaysSo(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	create := func(name string) answer {
		return r.send(action("CreateSecurityGroup", "GroupName="+name+"&GroupDescription=web"))
	}
	if a := create("nobody"); a.status != http.StatusOK || a.header.Get("x-crenel-enforced") != "false" {
		t.Errorf("without a host: %d, x-crenel-enforced %q", a.status, a.header.Get("x-crenel-enforced"))
	}
	r.connectIdle(hostapi.Report{Host: "local", Public: pool})
	r.until(func(s *vpc.State) bool { return s.Cell().Public == pool })
	if a := create("idle"); a.status != http.StatusOK || a.header.Get("x-crenel-enforced") != "false" {
		t.Errorf("with an idle host: %d, x-crenel-enforced %q", a.status, a.header.Get("x-crenel-enforced"))
	}
	if n := r.server.unenforced.Load(); n != 2 {
		t.Errorf("%d writes count as not enforced, want 2", n)
	}
	if a := r.send(action("DescribeSecurityGroups", "")); !strings.Contains(a.body, "nobody") || !strings.Contains(a.body, "idle") {
		t.Error("what was not enforced is not stored either")
	}
	select {
	case <-r.ready:
		t.Error("ready, though the host enforces nothing")
	default:
	}
}

func TestTheHostBringsInstancesUpAndDown(t *testing.T) {
	r := startIn(t, t.TempDir(), 0)
	h := r.connectIdle(hostapi.Report{Host: "local", Public: pool})
	orders := make(chan hostapi.Instance, 100)
	go func() {
		for {
			select {
			case d := <-h.desired:
				h.says(hostapi.Report{Applied: d.View.Revision})
				for _, i := range d.Instances {
					orders <- i
				}
			case <-t.Context().Done():
				return
			}
		}
	}()
	next(t, r.ready)
	order := func(met func(hostapi.Instance) bool) hostapi.Instance {
		t.Helper()
		for {
			if i := next(t, orders); met(i) {
				return i
			}
		}
	}
	is := func(id string, state vpc.InstanceState) func(*vpc.State) bool {
		return func(s *vpc.State) bool { return s.Instances.Get(id).State == state }
	}
	form := url.Values{"ImageId": {"ami-0123456789abcdef0"}, "MinCount": {"1"}, "MaxCount": {"1"}, "UserData": {"IyEvYmluL3NoCg=="}}
	id := *must[ec2.RunInstancesOutput](r, "RunInstances", form).Instances[0].InstanceId
	i := order(func(i hostapi.Instance) bool { return i.Run })
	face := r.server.Store.Snapshot().Interfaces.First("instance", id)
	if i.ID != id || i.Image != "ami-0123456789abcdef0" || string(i.UserData) != "#!/bin/sh\n" || i.Boots != 1 || i.Remove ||
		i.Hostname+"."+i.Domain != "ip-"+strings.ReplaceAll(face.PrivateIP.String(), ".", "-")+".ec2.internal" || i.DNS != netip.MustParseAddr("172.31.0.2") {
		t.Errorf("the host is asked for %+v", i)
	}
	if len(i.Interfaces) != 1 || i.Interfaces[0].Addr != netip.PrefixFrom(face.PrivateIP, 20) || i.Interfaces[0].MAC.String() != face.MAC || i.Interfaces[0].Num != face.Num ||
		i.Interfaces[0].Gateway != i.Interfaces[0].Addr.Masked().Addr().Next() {
		t.Errorf("the host is asked for the interfaces %+v", i.Interfaces)
	}
	h.says(hostapi.Report{Instances: []hostapi.InstanceReport{{ID: id, State: hostapi.Running, Boots: 1}}, Consoles: []hostapi.Console{{Instance: id, Tail: []byte("login:"), At: time.Now()}}})
	r.until(is(id, vpc.Running))
	if out := must[ec2.GetConsoleOutputOutput](r, "GetConsoleOutput", url.Values{"InstanceId": {id}}); *out.Output != "bG9naW46" {
		t.Errorf("the console says %q", *out.Output)
	}
	must[ec2.RebootInstancesOutput](r, "RebootInstances", url.Values{"InstanceId.1": {id}})
	order(func(i hostapi.Instance) bool { return i.Run && i.Boots == 2 })
	must[ec2.StopInstancesOutput](r, "StopInstances", url.Values{"InstanceId.1": {id}})
	order(func(i hostapi.Instance) bool { return !i.Run && !i.Remove && len(i.Interfaces) == 1 })
	h.says(hostapi.Report{Instances: []hostapi.InstanceReport{{ID: id, State: hostapi.Stopped, Boots: 2}}})
	r.until(is(id, vpc.Stopped))
	must[ec2.StartInstancesOutput](r, "StartInstances", url.Values{"InstanceId.1": {id}})
	order(func(i hostapi.Instance) bool { return i.Run && i.Boots == 3 })
	h.says(hostapi.Report{Instances: []hostapi.InstanceReport{{ID: id, State: hostapi.Running, Boots: 3}}})
	r.until(is(id, vpc.Running))
	must[ec2.TerminateInstancesOutput](r, "TerminateInstances", url.Values{"InstanceId.1": {id}})
	order(func(i hostapi.Instance) bool { return !i.Run && i.Remove && len(i.Interfaces) == 1 })
	h.says(hostapi.Report{Instances: []hostapi.InstanceReport{{ID: id, State: hostapi.Stopped, Boots: 3}}})
	if s := r.until(is(id, vpc.Terminated)); s.Interfaces.Len() != 0 {
		t.Error("the interface of the terminated instance is still there")
	}
	order(func(i hostapi.Instance) bool { return i.Remove && len(i.Interfaces) == 0 && i.Hostname == id })
}

func TestAPoolInUseIsNotGivenUp(t *testing.T) {
	other := netip.MustParsePrefix("198.18.9.0/24")
	e := vpc.New().Edit(vpc.Scope{}, time.Now(), nil)
	if !claim(e, pool) || e.Cell().Public != pool {
		t.Error("the first claim is refused")
	}
	if !claim(e, other) || e.Cell().Public != other {
		t.Error("a claim is refused, and no address is in use")
	}
	e.ElasticIPs.Put(&vpc.ElasticIP{ID: "eipalloc-0", Addr: netip.MustParseAddr("198.18.9.3")})
	if claim(e, pool) {
		t.Error("the pool is given up, and an Elastic IP is of it")
	}
	e.ElasticIPs.Delete("eipalloc-0")
	e.Interfaces.Put(&vpc.Interface{ID: "eni-0", PublicIP: netip.MustParseAddr("198.18.9.4")})
	if claim(e, pool) || e.Cell().Public != other {
		t.Error("the pool is given up, and an address of it is in use")
	}
	e.Interfaces.Delete("eni-0")
	e.VPCs.Put(&vpc.VPC{ID: "vpc-0", IPv6: []vpc.Block{{CIDR: netip.MustParsePrefix("3fff:120:0:100::/56")}}})
	if next := netip.MustParsePrefix("198.18.16.0/20"); claim(e, next) || e.Cell().Public != other {
		t.Errorf("%v is claimed while a VPC has a range of another pool", next)
	}
	if !claim(e, pool) || !claim(e, other) {
		t.Error("another pool of IPv4 with the same of IPv6 is refused")
	}
	if !claim(e, other) {
		t.Error("the pool that is the cell's is refused")
	}
}

func TestManyAtOnce(t *testing.T) {
	r := start(t)
	const callers, each = 16, 8
	var all sync.WaitGroup
	outcomes := make(chan string, callers*each)
	for c := range callers {
		all.Go(func() {
			for n := range each {
				a, err := r.try(action("CreateSecurityGroup", fmt.Sprintf("GroupName=own-%d-%d&GroupDescription=x", c, n)))
				if err != nil || a.status != http.StatusOK || a.header.Get("x-crenel-enforced") != "true" {
					t.Errorf("create: %v %d %s", err, a.status, a.body)
				}
				b, err := r.try(action("DescribeSecurityGroups", fmt.Sprintf("Filter.1.Name=group-name&Filter.1.Value.1=own-%d-%d", c, n)))
				if err != nil || strings.Count(b.body, "<groupName>") != 1 {
					t.Errorf("a group that was created is not described: %v %s", err, b.body)
				}
				shared, err := r.try(action("CreateSecurityGroup", fmt.Sprintf("GroupName=shared-%d&GroupDescription=x", n)))
				if err != nil {
					t.Error(err)
				}
				outcomes <- fmt.Sprint(shared.status, shared.code)
			}
		})
	}
	all.Wait()
	close(outcomes)
	count := map[string]int{}
	for o := range outcomes {
		count[o]++
	}
	if count["200"] != each || count["400InvalidGroup.Duplicate"] != each*(callers-1) {
		t.Errorf("of %d callers for each of %d names: %v; want one to succeed", callers, each, count)
	}
	if n := r.server.Store.Snapshot().SecurityGroups.Len(); n != callers*each+each+1 {
		t.Errorf("there are %d groups", n)
	}
}

func TestWhatWasAcknowledgedSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	first := startIn(t, dir, 0)
	first.connect()
	next(t, first.ready)
	made := first.send(action("CreateSecurityGroup", "GroupName=web&GroupDescription=web"))
	if made.status != http.StatusOK {
		t.Fatal(made.body)
	}
	if err := first.stop(); err != nil {
		t.Errorf("Run = %v after its context ended", err)
	}
	second := startIn(t, dir, 0)
	h := second.connectIdle(hostapi.Report{Host: "local", Public: pool})
	d := next(t, h.desired)
	if d.View.Public != pool {
		t.Errorf("the first view has the pool %v", d.View.Public)
	}
	h.says(hostapi.Report{Applied: d.View.Revision})
	next(t, second.ready)
	if a := second.send(action("DescribeSecurityGroups", "GroupName.1=web")); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestRunEndsWithItsStore(t *testing.T) {
	r := start(t)
	if err := r.server.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for { // until nobody listens
		a, err := r.try(action("CreateSecurityGroup", "GroupName=web&GroupDescription=web"))
		if err != nil {
			break
		}
		if a.status != http.StatusServiceUnavailable || a.code != "ServiceUnavailable" {
			t.Fatalf("a closed store answers %d %s", a.status, a.body)
		}
	}
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), store.ErrClosed.Error()) {
		t.Errorf("Run = %v, want that the store is closed", err)
	}
}

func TestAPanicIsAnInternalError(t *testing.T) {
	broken := &Server{Log: slog.New(slog.DiscardHandler)} // without a Store
	w := httptest.NewRecorder()
	broken.handler().ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader("Action=DescribeVpcs")))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "<Code>InternalError</Code>") || strings.Contains(w.Body.String(), "nil pointer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEveryWriteIsLoggedAndNoSecret(t *testing.T) {
	r := start(t)
	r.send(action("CreateSecurityGroup", "GroupName=web&GroupDescription=web"))
	r.send(action("CreateSecurityGroup", "GroupName=web&GroupDescription=web"))
	r.send(action("DescribeVpcs", ""))
	q := action("DescribeVpcs", "")
	q.key.Secret = "another"
	r.send(q)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	log := r.log.String()
	for _, want := range []string{
		"level=INFO msg=request action=CreateSecurityGroup account=123456789012 region=us-east-1 code=ok took=",
		"level=INFO msg=request action=CreateSecurityGroup account=123456789012 region=us-east-1 code=InvalidGroup.Duplicate took=",
		"level=DEBUG msg=request action=DescribeVpcs account=123456789012 region=us-east-1 code=ok took=",
		`level=DEBUG msg=request action="" account="" region="" code=AuthFailure took=`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no line with %s", want)
		}
	}
	if strings.Contains(log, root.Secret) || strings.Contains(log, "Signature=") {
		t.Error("a secret is logged")
	}
}

// What is seen in a Region where nobody wrote follows from a secret that the first start makes.
func TestTheCellsSecretOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	first := startIn(t, dir, time.Nanosecond)
	first.until(func(s *vpc.State) bool { return s.Cell().Seed != "" })
	seed := first.server.Store.Snapshot().Cell().Seed
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := startIn(t, dir, time.Nanosecond)
	second.until(func(s *vpc.State) bool { return s.Accounts.Len() > 0 })
	if got := second.server.Store.Snapshot().Cell().Seed; got != seed {
		t.Errorf("the secret was %s and is %s", seed, got)
	}
}
