package lab

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"crenel/ec2"
)

// Everything that may happen to instances, interfaces, rules and processes happens while senders send at full rate. No
// packet passes that neither the world before nor the one after allows, and what both allow loses none.
func TestNothingLeaksWhileThingsChange(t *testing.T) {
	u := start(t, t.TempDir())
	m := newLeakMeter(t, u)
	m.stream("udp", "9000", "fresh") // judged by the rules, each record both ways
	m.stream("udp", "9001", "fresh") // tracked: now and then the rules are asked
	m.stream("udp", "9003", "kept")  // tracked, and its rule is gone from here on
	m.do("revoke kept ingress udp 9003 from good")
	m.stream("tcp", "9002", "kept")

	m.during("another instance is launched and terminated", m.others)
	m.during("the receiver is launched, stopped, started, rebooted and terminated", m.receiver)
	m.during("interfaces change their groups", func() {
		for range rounds(10) {
			m.regroup()
		}
	})
	m.during("a member joins the source group and leaves", func() {
		for range rounds(5) {
			m.opening(joined, func() { m.do("groups c client,out,friend") }, func() { m.do("groups c client,out") })
		}
	})
	m.during("a rule comes and goes", func() {
		for range rounds(5) {
			m.opening(toggled, func() { m.do("allow server ingress udp 9200 from client") }, func() { m.do("revoke server ingress udp 9200 from client") })
		}
	})
	m.during("a thousand rules come and go while others change", m.churn)
	m.during("network ACLs are replaced", m.replaceACLs)
	for _, victim := range []string{"agent", "controller"} {
		m.during("the "+victim+" is killed", func() {
			for range rounds(3) {
				m.killed(victim)
			}
		})
	}
	m.during("up is killed, and the next one adopts", m.upKilled)
	m.lostNothing()
	m.during("a version whose maps have another layout takes over", m.upgraded)
	m.couldHaveArrived()
}

// rounds are more when there is time.
func rounds(n int) int {
	if soaking {
		return 5 * n
	}
	return n
}

// others come and go: one that is a friend of s, and one that is not and has the same address; and one of the other VPC
// that has the address of s.
func (m *leakMeter) others() {
	w := m.play.on.(*Wire)
	flooding := func(name string) {
		m.userData = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "#!/bin/sh\ntail -f /dev/null | %s flood %s 172.31.200.10:%s 172.31.200.10:%s &\nexec %[1]s serve tcp 80\n",
			w.Probe, name, always, joined))
	}
	usual := m.userData
	defer func() { m.userData = usual }()
	m.do("instance y equal at 172.31.200.10 in stranger")
	y := m.life("y")
	flooding("t") // from its first moment
	m.do("subnet c main 172.31.201.0/24\ninstance t c at 172.31.201.5 in client,friend")
	eventually(m.t, "a friend is let in", func() bool { return m.counted(joined, "t", 0) > 0 })
	m.do("terminate t")
	flooding("u")
	m.do("instance u c at 172.31.201.5 in client")
	eventually(m.t, "the one that comes after it sends", func() bool { return m.counted(always, "u", 0) >= enough })
	y.heardNothing("the instance of the other VPC")
	m.do("terminate u\nterminate y")
	y.heardNothing("the instance of the other VPC")
}

// receiver takes one that no flood may reach through its whole life, and then the next one, which has its addresses.
func (m *leakMeter) receiver() {
	for _, next := range []bool{true, false} {
		m.do("instance r b at 172.31.200.20 in shut")
		m.publish("r")
		lives := []life{m.life("r")}
		m.do("pass internet r.public tcp 80")
		before := m.pid("r")
		m.do("reboot r")
		eventually(m.t, "r has booted", func() bool { return m.pid("r") != before && m.up.wire().listening(m.instances["r"]) })
		lives = append(lives, m.life("r"))
		m.do("pass internet r.public tcp 80\nstop r\nstart r")
		lives = append(lives, m.life("r"))
		m.do("pass internet r.public tcp 80")
		if next {
			m.do("terminate r")
		}
		for _, l := range lives {
			l.heardNothing("the receiver")
		}
	}
}

// regroup gives three interfaces one group for another, and back. Of those of c, one lets out what only the members of the
// other may send; those of s have the port of one and the peer of the other in no rule together; those of k allow the
// same.
func (m *leakMeter) regroup() {
	m.t.Helper()
	for _, change := range [][2]string{
		{"c", "client,in"}, {"k", "same,churn,churn2"}, {"s", "server,other,churn,churn2"},
		{"c", "client,out"}, {"k", "kept,churn,churn2"}, {"s", "server,some,churn,churn2"},
	} {
		m.again(func() error { return m.setGroups(change[0], change[1]) })
	}
}

// churn authorizes a thousand rules around the port that nobody may reach, and revokes them.
func (m *leakMeter) churn() {
	done := make(chan error)
	for _, group := range []string{"churn", "churn2"} {
		go func() { done <- m.churnGroup(m.groups[group]) }()
	}
	for left := 2; left > 0; {
		m.regroup()
		select {
		case err := <-done:
			left--
			if err != nil {
				m.t.Error(err)
			}
		default:
		}
	}
}

// churnGroup makes fifty rules of the group, ten in each call, and removes them, ten times.
func (m *leakMeter) churnGroup(group string) error {
	for range 10 {
		for _, direction := range []string{"AuthorizeSecurityGroup", "RevokeSecurityGroup"} {
			for ten := range 5 {
				form := url.Values{"GroupId": {group}}
				for n := range 10 {
					first, last := 9101, 9101+10*ten+n
					if n%2 == 0 {
						first, last = 9099-10*ten-n, 9099
					}
					rule := fmt.Sprintf("IpPermissions.%d.", n+1)
					form.Set(rule+"IpProtocol", "udp")
					form.Set(rule+"FromPort", strconv.Itoa(first))
					form.Set(rule+"ToPort", strconv.Itoa(last))
					form.Set(rule+"IpRanges.1.CidrIp", "0.0.0.0/0")
				}
				var out any = &ec2.AuthorizeSecurityGroupIngressOutput{}
				if direction == "RevokeSecurityGroup" {
					out = &ec2.RevokeSecurityGroupIngressOutput{}
				}
				if err := m.play.on.call(direction+"Ingress", form, out); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// replaceACLs gives the receivers' subnet one network ACL for another, and changes an entry. None lets 9400 in: one denies
// it, the other has no entry for it.
func (m *leakMeter) replaceACLs() {
	var made ec2.CreateNetworkAclOutput
	m.call("CreateNetworkAcl", url.Values{"VpcId": {m.vpcs["main"]}}, &made)
	m.acls["two"] = *made.NetworkAcl.NetworkAclId
	m.do(`entry two 100 allow ingress udp 9000-9399 from 0.0.0.0/0
		entry two 110 allow ingress udp 9401-65535 from 0.0.0.0/0
		entry two 120 allow ingress tcp 0-65535 from 0.0.0.0/0
		entry two 100 allow egress udp 0-65535 to 0.0.0.0/0
		entry two 110 allow egress tcp 0-65535 to 0.0.0.0/0`)
	for range 10 {
		for _, acl := range []string{"two", "one"} {
			if err := m.setACL(m.subnets["b"], m.acls[acl]); err != nil {
				m.t.Fatal(err)
			}
		}
		for _, last := range []string{"9450", "9400"} {
			m.call("ReplaceNetworkAclEntry", url.Values{"NetworkAclId": {m.acls["one"]}, "RuleNumber": {"100"}, "RuleAction": {"deny"}, "Egress": {"false"},
				"Protocol": {"17"}, "PortRange.From": {"9400"}, "PortRange.To": {last}, "CidrBlock": {"0.0.0.0/0"}}, &ec2.ReplaceNetworkAclEntryOutput{})
		}
	}
}

// killed kills the process in the midst of a change, and has changes made until they are in force again.
func (m *leakMeter) killed(victim string) {
	eventually(m.t, "a "+victim, func() bool { return m.up.hasChild(victim) })
	pid, done := m.up.child(victim), make(chan error, 1)
	go func() { done <- unix.Kill(pid, unix.SIGKILL) }()
	m.regroup()
	if err := <-done; err != nil {
		m.t.Error(err)
	}
	gone(m.t, pid)
	eventually(m.t, "a new "+victim, func() bool { return m.up.hasChild(victim) && m.up.child(victim) != pid })
	m.regroup()
}

// upKilled kills up, in the midst of a change too, and lets packets go on with no process there before it starts the next.
func (m *leakMeter) upKilled() {
	for _, groups := range []string{"client,in", "client,out"} {
		children, done := []int{m.up.child("controller"), m.up.child("agent")}, make(chan error, 1)
		go func() { done <- m.setGroups("c", groups) }()
		if err := m.up.end(unix.SIGKILL); err == nil {
			m.t.Fatal("killed, and no error")
		}
		<-done // in force or not
		for _, pid := range children {
			gone(m.t, pid)
		}
		m.begin()
		m.flows(m.phase)
		m.up.up()
		m.on(m.up)
		m.regroup()
	}
}

// lostNothing looks at what the kernel counted at both ends of the streams. The counters are those of a moment after all
// that came back had passed.
func (m *leakMeter) lostNothing() {
	m.t.Helper()
	datagrams := 0
	for _, s := range m.streams {
		if m.echoes(s); s.protocol == "udp" {
			datagrams += s.echoed
		}
	}
	for _, name := range []string{"g", "k"} {
		var counted map[string]uint64
		eventually(m.t, "the host says what "+name+" let in", func() bool {
			counted = m.counters(name)
			return counted["allowed"]+counted["established"] >= uint64(datagrams)
		})
		m.t.Logf("%d records of UDP came back; %s counted %v", datagrams, name, counted)
		for reason, n := range counted {
			// The instance's own kernel seeks routers of IPv6, and says what multicast it listens to.
			if reason != "allowed" && reason != "established" && reason != "answered" && reason != "no-destination" {
				m.t.Errorf("%d packets were dropped at %s: %s", n, name, reason)
			}
		}
	}
}

// counters are what became of packets at the instance's interface, by reason, as far as the host has said.
func (m *leakMeter) counters(name string) map[string]uint64 {
	m.t.Helper()
	i, err := m.describe(name)
	if err != nil {
		m.t.Fatal(err)
	}
	var status struct {
		Packets []struct {
			Interface, Reason string
			Packets           uint64
		}
	}
	raw, err := exec.Command(filepath.Join(m.up.bin, "crenel"), "status", "--data-dir", m.up.dir, "--json").Output()
	if err == nil {
		err = json.Unmarshal(raw, &status)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	counted := map[string]uint64{}
	for _, c := range status.Packets {
		if c.Interface == *i.NetworkInterfaces[0].NetworkInterfaceId {
			counted[c.Reason] = c.Packets
		}
	}
	return counted
}

// couldHaveArrived opens each port that was closed, and wants to see what is sent there: no flood was in vain.
func (m *leakMeter) couldHaveArrived() {
	m.t.Helper()
	begin := func() {
		m.begin()
		for _, port := range []string{never, crossed, barred, mixed} {
			m.let[port][m.phase] = true
		}
	}
	begin()
	m.do(`allow server ingress udp 9100 from 0.0.0.0/0
		groups c client,out,in
		no-entry one 100 ingress
		allow server ingress udp 9600 from client
		allow shut ingress udp 9000 from 198.18.0.0/15
		allow stranger ingress udp 9000 from stranger
		instance y equal at 172.31.200.10 in stranger`)
	for _, kind := range [][2]string{{never, "c"}, {never, "host"}, {crossed, "c"}, {barred, "c"}, {mixed, "c"}} {
		eventually(m.t, kind[0]+" is reached by "+kind[1], func() bool { return m.counted(kind[0], kind[1], m.phase) > 0 })
	}
	r, y := m.life("r"), m.life("y")
	eventually(m.t, "the instance of the other VPC is reached by x", func() bool { return y.datagrams() > 0 })
	eventually(m.t, "the receiver is reached by the host", func() bool { return r.datagrams() > 0 })
	m.do("revoke shut ingress udp 9000 from 198.18.0.0/15")
	begin()
	m.flows(m.phase)
	reached := r.datagrams()
	m.do("allow shut ingress udp 9000 from client")
	eventually(m.t, "the receiver is reached by c", func() bool { return r.datagrams() > reached })
}
