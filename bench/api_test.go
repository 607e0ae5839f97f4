// Package bench measures Crenel beside what people use instead: the same client, the same machine, one
// run. `make bench` prints what docs/benchmarks.md shows.
package bench

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
)

const (
	groups       = 5000 // in the VPC that is described
	rulesOfGroup = 50
)

// An endpoint is a server of the EC2 API under measurement.
type endpoint struct {
	name  string
	url   string
	key   credentials.Credentials
	pid   int
	start time.Duration // until it answered
}

// BenchmarkAPI compares operations per second of Crenel and, where it is installed, moto's server.
func BenchmarkAPI(b *testing.B) {
	servers := []*endpoint{crenel(b)}
	if path, err := exec.LookPath("moto_server"); err == nil {
		servers = append(servers, moto(b, path))
	} else {
		b.Log("moto_server is not installed: nothing to compare with")
	}
	for _, s := range servers {
		c := &client{endpoint: s, b: b}
		c.fill()
		fmt.Printf("%-8s start %v, resident with %d groups of %d rules %d MB\n", s.name, s.start.Round(time.Millisecond), groups, rulesOfGroup, s.resident()>>20)
	}
	for _, op := range operations {
		for _, connections := range []int{1, 8} {
			for _, s := range servers {
				b.Run(fmt.Sprintf("%s/connections=%d/%s", op.name, connections, s.name), func(b *testing.B) {
					(&client{endpoint: s, b: b}).measure(op, connections)
				})
			}
		}
	}
}

// An operation is one of the measured ones: the n-th call of it.
type operation struct {
	name string
	call func(c *client, n int) error
}

var operations = []operation{
	{"create-group", func(c *client, n int) error {
		return c.call("CreateSecurityGroup", url.Values{"GroupName": {unique("group", n)}, "GroupDescription": {"x"}}, nil)
	}},
	{"authorize-1-rule", func(c *client, n int) error {
		return c.authorize(c.spare[n], 1, n)
	}},
	{"authorize-50-rules", func(c *client, n int) error { return c.authorize(c.spare[n], rulesOfGroup, n) }},
	{"describe-one", func(c *client, n int) error {
		return c.call("DescribeSecurityGroups", url.Values{"GroupId.1": {c.ids()[n*7919%groups]}}, nil)
	}},
	{"describe-by-filter", func(c *client, n int) error {
		return c.call("DescribeSecurityGroups", url.Values{"Filter.1.Name": {"group-name"}, "Filter.1.Value.1": {fmt.Sprintf("bench-%d", n*7919%groups)}}, nil)
	}},
	{"describe-all", func(c *client, n int) error { return c.call("DescribeSecurityGroups", url.Values{}, nil) }},
}

var runs atomic.Int64

// unique is a name that no other call has.
func unique(kind string, n int) string { return fmt.Sprintf("%s-%d-%d", kind, runs.Add(1), n) }

// A client signs and sends, over as many connections as are in use at once.
type client struct {
	*endpoint
	b     *testing.B
	spare []string // empty groups, one for each authorize
}

var transport = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func (c *client) call(action string, form url.Values, out any) error {
	form.Set("Action", action)
	form.Set("Version", "2016-11-15")
	body := form.Encode()
	req, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(body))
	err = sigv4.New().SignRequest(&sigv4.SignRequestInput{Request: req, PayloadHash: hash[:], Service: "ec2", Region: "us-east-1", Time: time.Now(), Credentials: c.key})
	if err != nil {
		return err
	}
	res, err := transport.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s: %s: %s", action, res.Status, text)
	}
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	return xml.NewDecoder(res.Body).Decode(out)
}

func (c *client) authorize(group string, rules, from int) error {
	form := url.Values{"GroupId": {group}}
	for n := range rules {
		p := fmt.Sprintf("IpPermissions.%d.", n+1)
		form.Set(p+"IpProtocol", "tcp")
		form.Set(p+"FromPort", strconv.Itoa((from+n)%65536))
		form.Set(p+"ToPort", strconv.Itoa((from+n)%65536))
		form.Set(p+"IpRanges.1.CidrIp", fmt.Sprintf("10.%d.%d.0/24", n%256, (from+n)/256%256))
	}
	return c.call("AuthorizeSecurityGroupIngress", form, nil)
}

func (c *client) create(name string) (string, error) {
	var made struct {
		ID string `xml:"groupId"`
	}
	err := c.call("CreateSecurityGroup", url.Values{"GroupName": {name}, "GroupDescription": {"bench"}}, &made)
	return made.ID, err
}

var filled sync.Map // the ids of the groups, by endpoint

func (c *client) ids() []string {
	ids, _ := filled.Load(c.url)
	return ids.([]string)
}

// fill makes the groups that are described.
func (c *client) fill() {
	ids := make([]string, groups)
	c.each(8, groups, func(n int) error {
		id, err := c.create(fmt.Sprintf("bench-%d", n))
		if err == nil {
			ids[n], err = id, c.authorize(id, rulesOfGroup, n)
		}
		return err
	})
	filled.Store(c.url, ids)
}

// each calls f for every n over so many connections at once.
func (c *client) each(connections, calls int, f func(n int) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < calls; n = int(next.Add(1)) - 1 {
				if err := f(n); err != nil {
					c.b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func (c *client) measure(op operation, connections int) {
	if strings.HasPrefix(op.name, "authorize") {
		c.spare = make([]string, c.b.N)
		c.each(8, c.b.N, func(n int) (err error) {
			c.spare[n], err = c.create(unique("spare", n))
			return err
		})
	}
	took := make([]time.Duration, c.b.N)
	c.b.ResetTimer()
	c.each(connections, c.b.N, func(n int) error {
		start := time.Now()
		err := op.call(c, n)
		took[n] = time.Since(start)
		return err
	})
	c.b.StopTimer()
	slices.Sort(took)
	c.b.ReportMetric(float64(c.b.N)/c.b.Elapsed().Seconds(), "calls/s")
	c.b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	c.b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
