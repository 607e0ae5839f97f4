package cli

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.uber.org/zap"

	"crenel/ec2"
)

// pair is two servers over one etcd, the second one with these flags too.
func pair(t *testing.T, c *cluster, flags ...string) []*served {
	t.Helper()
	more := []string{"--etcd-endpoints", c.endpoints()}
	return []*served{serve(t, t.TempDir(), more...), serve(t, t.TempDir(), append(more, flags...)...)}
}

// Two servers that write the same objects at once are like one: names are taken once, a quota holds, and each
// has what the other acknowledged.
func TestTwoServersWriteTheSameObjects(t *testing.T) {
	const callers, names, room, wanted = 8, 10, 60, 90
	servers := pair(t, newCluster(t))
	shared := *must[ec2.CreateSecurityGroupOutput](servers[0], "CreateSecurityGroup", aGroup).GroupId
	var mu sync.Mutex
	count := map[string]int{}
	var open []int32 // the ports whose rule was acknowledged
	note := func(what string, a answer, err error) bool {
		mu.Lock()
		defer mu.Unlock()
		count[fmt.Sprint(what, " ", a.status, a.code, " ", err)]++
		return err == nil && a.status == http.StatusOK
	}
	var all sync.WaitGroup
	for n := range callers {
		s := servers[n%2]
		all.Go(func() {
			for k := range names {
				a, err := s.call("CreateSecurityGroup", url.Values{"GroupName": {"shared-" + strconv.Itoa(k)}, "GroupDescription": {"x"}})
				note("create", a, err)
			}
			for port := n; port < wanted; port += callers {
				a, err := s.call("AuthorizeSecurityGroupIngress", permissions(shared, port))
				if note("authorize", a, err) {
					mu.Lock()
					open = append(open, int32(port))
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	want := map[string]int{
		"create 200 <nil>": names, "create 400InvalidGroup.Duplicate <nil>": names * (callers - 1),
		"authorize 200 <nil>": room, "authorize 400RulesPerSecurityGroupLimitExceeded <nil>": wanted - room,
	}
	if !maps.Equal(count, want) {
		t.Errorf("got %v, want %v", count, want)
	}
	slices.Sort(open)
	for _, s := range servers {
		eventually(t, "what was acknowledged", func() bool {
			ports := s.groups()["web"]
			slices.Sort(ports)
			return slices.Equal(ports, open) && len(s.groups()) == names+2
		})
	}
}

// Instances that nothing runs go through their states once, however many servers look after them.
func TestTwoServersSettleInstances(t *testing.T) {
	c := newCluster(t)
	more := []string{"--no-enforcement", "--etcd-endpoints", c.endpoints()}
	servers := []*served{serve(t, t.TempDir(), more...), serve(t, t.TempDir(), more...)}
	var ids []string
	for n := range 6 {
		out := must[ec2.RunInstancesOutput](servers[n%2], "RunInstances", url.Values{"ImageId": {"ami-0123456789abcdef0"}, "MinCount": {"2"}, "MaxCount": {"2"}})
		for _, i := range out.Instances {
			ids = append(ids, *i.InstanceId)
		}
	}
	for n, step := range []struct{ action, state string }{{"", "running"}, {"StopInstances", "stopped"}, {"StartInstances", "running"}, {"TerminateInstances", "terminated"}} {
		form := url.Values{}
		for k, id := range ids {
			form.Set("InstanceId."+strconv.Itoa(k+1), id)
		}
		if step.action != "" {
			a, err := servers[n%2].call(step.action, form)
			if err != nil || a.status != http.StatusOK {
				t.Fatalf("%s: %v %s", step.action, err, a.body)
			}
		}
		for _, s := range servers {
			eventually(t, step.state, func() bool {
				a, err := s.call("DescribeInstances", nil)
				return err == nil && strings.Count(string(a.body), "<name>"+step.state+"</name>") == len(ids)
			})
		}
	}
}

// A server that lost etcd says so rather than what may long be untrue, unless it was told to.
func TestAServerThatLosesEtcd(t *testing.T) {
	c := newCluster(t)
	servers := pair(t, c, "--stale-reads")
	strict, stale := servers[0], servers[1]
	must[ec2.CreateSecurityGroupOutput](strict, "CreateSecurityGroup", aGroup)
	eventually(t, "the group", func() bool { _, there := stale.groups()["web"]; return there })

	c.members[0].kill() // two of three are enough
	for n, s := range servers {
		eventually(t, "a write", func() bool {
			a, err := s.call("CreateSecurityGroup", url.Values{"GroupName": {fmt.Sprint("by ", n)}, "GroupDescription": {"x"}})
			return err == nil && (a.status == http.StatusOK || a.code == "InvalidGroup.Duplicate") // an answer may have been lost
		})
		if a, err := s.call("DescribeVpcs", nil); err != nil || a.status != http.StatusOK || a.header.Get("x-crenel-stale") != "" {
			t.Errorf("with two members of three: %v %d %v", err, a.status, a.header)
		}
	}

	c.members[1].kill()
	eventually(t, "ServiceUnavailable", func() bool {
		a, err := strict.call("DescribeSecurityGroups", nil)
		return err == nil && a.code == "ServiceUnavailable" && a.status == http.StatusServiceUnavailable
	})
	if h := strict.health(); h.status != http.StatusServiceUnavailable || !strings.HasPrefix(string(h.body), "unavailable\n") {
		t.Errorf("/healthz: %d %s", h.status, h.body)
	}
	eventually(t, "an answer that says how old it is", func() bool {
		a, err := stale.call("DescribeSecurityGroups", nil)
		if err != nil || a.status != http.StatusOK || !strings.Contains(string(a.body), "<groupName>web</groupName>") {
			t.Fatalf("with --stale-reads: %v %d %s", err, a.status, a.body)
		}
		old, _ := strconv.Atoi(a.header.Get("x-crenel-stale"))
		return old >= 5
	})
	if h := stale.health(); h.status != http.StatusOK || !strings.Contains(string(h.body), "\nstale ") {
		t.Errorf("/healthz with --stale-reads: %d %s", h.status, h.body)
	}
	for _, s := range servers {
		if a, err := s.call("CreateSecurityGroup", url.Values{"GroupName": {"lost"}, "GroupDescription": {"x"}}); err != nil || a.code != "ServiceUnavailable" {
			t.Errorf("a write without etcd: %v %d %s", err, a.status, a.body)
		}
	}

	c.restart(0, 1)
	for n, s := range servers {
		eventually(t, "a fresh answer", func() bool {
			a, err := s.call("DescribeSecurityGroups", nil)
			return err == nil && a.status == http.StatusOK && a.header.Get("x-crenel-stale") == "" && !strings.Contains(string(a.body), "<groupName>lost<")
		})
		must[ec2.CreateSecurityGroupOutput](s, "CreateSecurityGroup", url.Values{"GroupName": {fmt.Sprint("again by ", n)}, "GroupDescription": {"x"}})
	}
}

func TestAnEtcdThatWantsCertificates(t *testing.T) {
	dir := t.TempDir()
	if _, err := transport.SelfCert(zap.NewNop(), dir, []string{"127.0.0.1:0"}, 1, x509.ExtKeyUsageClientAuth); err != nil {
		t.Fatal(err)
	}
	certificate, key := dir+"/cert.pem", dir+"/key.pem"
	client, peer := strings.Replace(freeURL(t), "http:", "https:", 1), freeURL(t)
	member := launch(t, again(fmt.Sprintf("m0 %s %s %s m0=%s", dir, client, peer, peer)))
	if line, err := member.out.ReadString('\n'); err != nil {
		t.Fatalf("etcd said %q, and %s", line, member.said)
	}
	trusting := []string{"--etcd-endpoints", client, "--etcd-cacert", certificate}
	s := serve(t, t.TempDir(), append(trusting, "--etcd-cert", certificate, "--etcd-key", key)...)
	must[ec2.CreateSecurityGroupOutput](s, "CreateSecurityGroup", aGroup)

	out, err := again("crenel", append([]string{"server", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir()}, trusting...)...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "connect to etcd at "+client+": remote error: tls: certificate required") {
		t.Errorf("without a certificate of its own: %v %s", err, out)
	}
	out, err = again("crenel", "server", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--etcd-endpoints", client).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "connect to etcd at "+client+": tls: failed to verify certificate") {
		t.Errorf("by whom the system trusts: %v %s", err, out)
	}
}
