package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crenel/ec2"
	"crenel/vpc"
)

// soaking makes a random test long.
var soaking = os.Getenv("CRENEL_SOAK") != ""

// Rules come and go while processes are killed at random. What was acknowledged is there afterwards,
// what was refused is not, one connection lives through it all, and packets pass exactly where the
// rules say so.
func TestAcknowledgedChangesSurviveKills(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CRENEL_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("CRENEL_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	rounds := 4
	if soaking {
		rounds = 60
	}
	rules := map[int]bool{80: true} // the ports that client may reach
	for round := range rounds {
		victim := []string{"controller", "agent", "up"}[r.IntN(3)]
		p.churn(r, rules, victim, u)
		p.on(u)
		p.do("talk old")
		if got, want := p.ports(), sorted(rules); !slices.Equal(got, want) {
			t.Fatalf("round %d, after the %s was killed: the rules are for ports %v, want %v", round, victim, got, want)
		}
		for _, port := range []int{80, 81} {
			verb := "drop"
			if rules[port] {
				verb = "pass"
			}
			p.do(fmt.Sprintf("%s c s tcp %d", verb, port))
		}
	}
}

// churn changes rules while the victim is killed. A change whose answer was lost may be there or not:
// it is asked for again until an answer comes.
func (p *pair) churn(r *rand.Rand, rules map[int]bool, victim string, u *up) {
	p.t.Helper()
	at := r.IntN(12)
	for n := range 12 {
		if n == at {
			p.kill(victim, u)
		}
		port := 80 + r.IntN(4)
		p.set(port, !rules[port])
		rules[port] = !rules[port]
	}
}

func (p *pair) kill(victim string, u *up) {
	p.t.Helper()
	if victim == "up" {
		if err := u.end(unix.SIGKILL); err == nil {
			p.t.Fatal("killed, and no error")
		}
		u.up()
		p.on(u)
		return
	}
	// It may just be on its way back from the last time.
	eventually(p.t, "a "+victim, func() bool { return u.hasChild(victim) })
	if err := unix.Kill(u.child(victim), unix.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
}

// set makes or removes the rule for the port.
func (p *pair) set(port int, there bool) {
	p.t.Helper()
	form := url.Values{"GroupId": {p.groups["server"]}, "IpPermissions.1.IpProtocol": {"tcp"},
		"IpPermissions.1.FromPort": {strconv.Itoa(port)}, "IpPermissions.1.ToPort": {strconv.Itoa(port)},
		"IpPermissions.1.Groups.1.GroupId": {p.groups["client"]}}
	eventually(p.t, "an answer", func() bool {
		var err error
		if there {
			err = p.play.on.call("AuthorizeSecurityGroupIngress", form, &ec2.AuthorizeSecurityGroupIngressOutput{})
		} else {
			err = p.play.on.call("RevokeSecurityGroupIngress", form, &ec2.RevokeSecurityGroupIngressOutput{})
		}
		// An earlier try, whose answer was lost, did it.
		done := vpc.Code(err) == "InvalidPermission.Duplicate" && there || vpc.Code(err) == "InvalidPermission.NotFound" && !there
		if e := (*vpc.Error)(nil); errors.As(err, &e) && !done && e.Code != "ServiceUnavailable" {
			p.t.Fatal(err)
		}
		return err == nil || done
	})
}

// ports are those that the server's group lets the client's group in on.
func (p *pair) ports() (ports []int) {
	p.t.Helper()
	var out ec2.DescribeSecurityGroupsOutput
	if err := p.play.on.call("DescribeSecurityGroups", url.Values{"GroupId.1": {p.groups["server"]}}, &out); err != nil {
		p.t.Fatal(err)
	}
	for _, perm := range out.SecurityGroups[0].IpPermissions {
		ports = append(ports, int(*perm.FromPort))
	}
	slices.Sort(ports)
	return ports
}

func sorted(rules map[int]bool) (ports []int) {
	for port, there := range rules {
		if there {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return ports
}
