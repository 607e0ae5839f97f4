package server

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"crenel/admin"
	"crenel/auth"
	"crenel/hostapi"
	"crenel/vpc"
)

// head sends the request up to its body, of which it says that so many bytes will come. The server says that the client
// is to go on when it begins to read them (RFC 9110 section 10.1.1).
func (r *rig) head(q request, bytes int) net.Conn {
	r.t.Helper()
	h, err := r.signed(q)
	if err != nil {
		r.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.endpoint, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n", q.path, h.Host, bytes)
	h.Header.Del("Host")
	h.Header.Write(conn)
	fmt.Fprint(conn, "\r\n")
	return conn
}

// Nobody without an operator's secret makes the server read more than other requests have: it answers before a byte of
// the body is there.
func TestALargeImportIsReadOnlyForOperators(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	stranger := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{Account: "210987654321"})
	in := administration(admin.ImportInput{})
	in.saysHash = true
	with := func(change func(*request)) request { q := in; change(&q); return q }
	for _, tt := range []struct {
		name    string
		request request
		status  int
		code    string
	}{
		{"not signed", with(func(q *request) { q.unsigned = true }), 403, "MissingAuthenticationToken"},
		{"a wrong signature", with(func(q *request) { q.key.Secret += "x" }), 400, "InvalidSignatureException"},
		{"no hash", with(func(q *request) { q.saysHash = false }), 400, "IncompleteSignatureException"},
		{"a late one", with(func(q *request) { q.at = q.at.Add(-time.Hour) }), 400, "InvalidSignatureException"},
		{"another account's", in.by(stranger), 413, "RequestEntityTooLarge"},
		{"another operation", with(func(q *request) { q.path = "/crenel/v1/Export" }), 413, "RequestEntityTooLarge"},
	} {
		conn := r.head(tt.request, 200<<20)
		conn.SetReadDeadline(time.Now().Add(patience))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: it waits for the body: %v", tt.name, err)
		}
		if a, _ := readAnswer(res); a.status != tt.status || a.code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, a.status, a.body, tt.status, tt.code)
		}
	}
	large := in
	large.body += strings.Repeat(" ", maxBody)
	first := r.head(large, len(large.body))
	first.SetReadDeadline(time.Now().Add(patience))
	answers := bufio.NewReader(first)
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("the first one is not let in: %v %v", res, err)
	}
	if a := r.send(large); a.code != "ServiceUnavailable" {
		t.Errorf("a second one: %d %s", a.status, a.body)
	}
	fmt.Fprint(first, large.body[:len(large.body)-1]+"x") // another body than was signed
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := readAnswer(res); a.code != "InvalidSignatureException" {
		t.Errorf("another body: %d %s", a.status, a.body)
	}
	if a := r.send(large); a.code == "ServiceUnavailable" {
		t.Errorf("the first one never ends: %s", a.text)
	}
}

// exported is what a cell holds that had so many groups made.
func exported(t *testing.T, groups int) admin.ImportInput {
	t.Helper()
	e := vpc.New().Edit(vpc.Scope{Account: root.Account, Region: "us-east-1"}, time.Now(), rand.Reader)
	auth.Grant(e, root)
	for n := range groups {
		e.SecurityGroups.Put(e.NewSecurityGroup(e.DefaultVPC().ID, fmt.Sprint("g", n), "d"))
	}
	var in admin.ImportInput
	for c := range e.Objects() {
		in.Objects = append(in.Objects, admin.Object{Kind: c.Kind, Key: c.Key, Value: c.Value})
	}
	return in
}

// Whatever is written while an import is, no number is given twice and nothing is mixed.
func TestWritesDuringAnImport(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	in := exported(t, 2000)
	imported := make(chan answer, 1)
	go func() {
		q := administration(in)
		q.saysHash = true
		a, _ := r.try(q)
		imported <- a
	}()
	made := 0
	for n := 0; len(imported) == 0; n++ {
		q := action("CreateSecurityGroup", url.Values{"GroupName": {fmt.Sprint("mine", n)}, "GroupDescription": {"d"}}.Encode())
		q.region = "eu-west-1"
		if a := r.send(q); a.status == http.StatusOK {
			made++
		}
	}
	a := <-imported
	state := r.server.Store.Snapshot()
	if wrong := state.Unsound(); wrong != "" {
		t.Errorf("after %d %s: %s", a.status, a.body, wrong)
	}
	if n := state.SecurityGroups.Len(); a.status != http.StatusOK && n != made+1 || a.status == http.StatusOK && n < 2000 {
		t.Errorf("%d groups are there, %d were made: %d %s", n, made, a.status, a.body)
	}
}

// Another server over the same etcd may write between two parts.
func TestAnImportSeesWhatOthersWrote(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	in := exported(t, 300)
	for _, tt := range []struct {
		name  string
		other func(e *vpc.Edit) error
		code  string
	}{
		{"what does no harm", func(e *vpc.Edit) error {
			c := e.Cell()
			c.NextNum += 7
			e.Cells.Put(&c)
			return nil
		}, ""},
		{"what the export does not hold", func(e *vpc.Edit) error { e.Accounts.Put(&vpc.Account{ID: "210987654321"}); return nil }, "NotEmpty"},
	} {
		state := r.server.Store.Snapshot()
		i := &importing{server: r.server.self(), in: &in, at: state.Revision}
		if err := i.plan(state); err != nil {
			t.Fatal(err)
		}
		code := ""
		for _, write := range []func(*vpc.Edit) error{i.next, tt.other, i.next} {
			revision, err := r.server.Store.Update(t.Context(), vpc.Scope{}, write)
			if err != nil {
				if code = vpc.Code(err); code == "" {
					t.Fatal(err)
				}
				break
			}
			if i.at == state.Revision { // the other one's is not known
				i.at = revision
			}
			i.written()
		}
		if code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
		if next := r.server.Store.Snapshot().Cell().NextNum; tt.code == "" && next < 300+7 {
			t.Errorf("%s: the next number is %d", tt.name, next)
		}
	}
}

func TestWhatNoHostUnderstandsIsNotImported(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	in := exported(t, 0)
	value, err := json.Marshal(vpc.Instance{ID: "i-00000000000000001", Scope: vpc.Scope{Account: root.Account, Region: "us-east-1"}, State: vpc.Stopped, Image: "../../etc/passwd"})
	if err != nil {
		t.Fatal(err)
	}
	in.Objects = append(in.Objects, admin.Object{Kind: "instance", Key: "i-00000000000000001", Value: value})
	r.send(administration(in)).is(t, "an image that could be a file", 400, "InvalidParameterValue", `a host could not be told of it: malformed message: the id "../../etc/passwd"`)
	if state := r.server.Store.Snapshot(); state.VPCs.Len() > 0 || state.Instances.Len() > 0 {
		t.Error("some of it was written")
	}
}

// A State that is damaged ends nothing but itself: hosts keep what they have, and it is said why.
func TestADamagedStateIsNotToldToHosts(t *testing.T) {
	r := start(t)
	scope := vpc.Scope{Account: root.Account, Region: "us-east-1"}
	change := func(f func(*vpc.Edit)) {
		if _, err := r.server.Store.Update(t.Context(), scope, func(e *vpc.Edit) error { f(e); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	trouble := func(want bool) {
		t.Helper()
		for wait := within(t); wait.Err() == nil; time.Sleep(5 * time.Millisecond) {
			if said := administer[admin.StatusOutput](r, admin.StatusInput{}).Host.Trouble; (said != "") == want {
				if want && !strings.Contains(said, "is damaged") {
					t.Errorf("it says %s", said)
				}
				return
			}
		}
		t.Fatalf("that there is trouble is not %t in time", want)
	}
	var broken vpc.Subnet
	change(func(e *vpc.Edit) {
		broken = *e.NewSubnet(e.DefaultVPC().ID, netip.MustParsePrefix("172.31.128.0/20"), "us-east-1a", false)
		broken.CIDR = netip.Prefix{}
		e.Subnets.Put(&broken)
		e.Instances.Put(&vpc.Instance{ID: "i-00000000000000001", Scope: scope, Image: "ami-1", State: vpc.Stopped})
		e.Interfaces.Put(&vpc.Interface{ID: "eni-00000000000000001", Scope: scope, VPC: broken.VPC, Subnet: broken.ID, Num: e.NewNum(), MAC: "0a:00:00:00:00:01",
			PrivateIP: netip.MustParseAddr("172.31.128.4"), Attachment: &vpc.Attachment{Instance: "i-00000000000000001"}})
	})
	trouble(true)
	change(func(e *vpc.Edit) {
		broken.CIDR = netip.MustParsePrefix("172.31.128.0/20")
		e.Subnets.Put(&broken)
	})
	trouble(false)
	if err := r.server.hosts.WaitApplied(within(t), r.server.Store.Snapshot().Revision); err != nil {
		t.Errorf("hosts are not told of what is whole again: %v", err)
	}
}

// A server may authenticate a request with a snapshot that is seconds old, where the etcd is an external one.
func TestAKeyCountsWhereItIsWritten(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	for _, change := range []func(r *rig, id string){
		func(r *rig, id string) {
			administer[admin.SetKeyOutput](r, admin.SetKeyInput{ID: id, Disabled: true})
		},
		func(r *rig, id string) { administer[admin.DeleteKeyOutput](r, admin.DeleteKeyInput{ID: id}) },
	} {
		made := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{})
		key, ok := auth.Key(r.server.Store.Snapshot(), made.ID)
		if !ok {
			t.Fatal("the key is not there")
		}
		c := &call{key: key, service: "ec2", form: ec2XML}
		runs := 0
		write := func() error {
			return r.server.write(context.Background(), c, vpc.Scope{}, func(*vpc.Edit) error { runs++; return nil })
		}
		if err := write(); err != nil || runs != 1 {
			t.Fatalf("%d runs, %v", runs, err)
		}
		change(r, made.ID)
		if err := write(); err == nil || r.server.refusal(c, err).Code != "AuthFailure" || runs != 1 {
			t.Errorf("%d runs, %v", runs, err)
		}
	}
}

// What a host would not understand is never sent: it keeps what it has, and its conversation. The log says so once, and the
// status says which host, and why.
func TestWhatAHostWouldNotUnderstandIsNotSent(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	h := r.connectIdle(hostapi.Report{Host: "local", Public: pool})
	heard := make(chan int64, 100)
	go func() {
		for {
			select {
			case d := <-h.desired:
				if len(d.Instances) > 1 {
					t.Errorf("it was sent: %+v", d.Instances)
				}
				heard <- d.View.Revision
				h.says(hostapi.Report{Applied: d.View.Revision})
			case <-t.Context().Done():
				return
			}
		}
	}()
	next(t, r.ready)
	scope := vpc.Scope{Account: root.Account, Region: "us-east-1"}
	put := func(id, image string) (revision int64) {
		t.Helper()
		revision, err := r.server.Store.Update(t.Context(), scope, func(e *vpc.Edit) error {
			e.Instances.Put(&vpc.Instance{ID: id, Scope: scope, Image: image, State: vpc.Terminated})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	until := func(revision int64) {
		t.Helper()
		for next(t, heard) < revision {
		}
	}
	status := func(trouble string) admin.Host {
		t.Helper()
		for wait := within(t); wait.Err() == nil; time.Sleep(5 * time.Millisecond) {
			if host := administer[admin.StatusOutput](r, admin.StatusInput{}).Host; strings.Contains(host.Trouble, trouble) && (host.Trouble == "") == (trouble == "") {
				return host
			}
		}
		t.Fatalf("the status never says %q", trouble)
		return admin.Host{}
	}
	const good, bad = "i-00000000000000001", "i-00000000000000002"
	last := put(good, "ami-1")
	until(last)
	put(bad, "../../../etc/cron.d/x")
	const why = `malformed message: the id "../../../etc/cron.d/x"`
	if host := status(why); host.Name != "local" || !host.Connected || host.Applied < last {
		t.Errorf("the host: %+v", host)
	}
	put(bad, "../../../etc/cron.d/x")
	newest := put(good, "ami-2")
	status(fmt.Sprintf("revision %d", newest))
	if n := strings.Count(r.log.String(), "hosts cannot be told"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
	if n := strings.Count(r.log.String(), "host connected"); n != 1 || !r.server.hosts.Connected() || len(heard) > 0 {
		t.Errorf("%d conversations, and %d Views since the last good one", n, len(heard))
	}
	_, err := r.server.Store.Update(t.Context(), scope, func(e *vpc.Edit) error { e.Instances.Delete(bad); return nil })
	if err != nil {
		t.Fatal(err)
	}
	status("")
	until(newest + 1)
}
