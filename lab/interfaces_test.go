package lab

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crenel/ec2"
)

// A mover is two instances, s and c, and an interface that goes from one to the other, which a third can reach on port
// 80 wherever it is.
type mover struct {
	*pair
	on           *Wire
	eni, address string
}

func newMover(t *testing.T, u *up) *mover {
	t.Helper()
	w := u.wire()
	userData := base64.StdEncoding.EncodeToString([]byte(serving(w.Probe, []int{80}, nil)))
	m := &mover{pair: &pair{t: t, play: newPlay(&Scenario{Name: t.Name()}, w, userData)}, on: w}
	m.do(`vpc main 10.9.0.0/16
		subnet a main 10.9.1.0/24
		subnet b main 10.9.2.0/24
		group client main
		group mobile main
		instance c a in client
		instance s a in client
		instance far b in client
		allow client ingress tcp 80 from client
		allow mobile ingress tcp 80 from client
		open old c s tcp 80`)
	var made ec2.CreateNetworkInterfaceOutput
	m.call("CreateNetworkInterface", url.Values{"SubnetId": {m.subnets["b"]}, "SecurityGroupId.1": {m.groups["mobile"]}}, &made)
	m.eni, m.address = *made.NetworkInterface.NetworkInterfaceId, *made.NetworkInterface.PrivateIpAddress
	return m
}

func (m *mover) call(action string, form url.Values, out any) {
	m.t.Helper()
	if err := m.on.call(action, form, out); err != nil {
		m.t.Fatalf("%s: %v", action, err)
	}
}

func (m *mover) attach(to string) error {
	return m.on.call("AttachNetworkInterface", url.Values{"NetworkInterfaceId": {m.eni}, "InstanceId": {m.instances[to]}, "DeviceIndex": {"1"}},
		&ec2.AttachNetworkInterfaceOutput{})
}

func (m *mover) detach() error {
	m.t.Helper()
	var out ec2.DescribeNetworkInterfacesOutput
	m.call("DescribeNetworkInterfaces", url.Values{"NetworkInterfaceId.1": {m.eni}}, &out)
	return m.on.call("DetachNetworkInterface", url.Values{"AttachmentId": {*out.NetworkInterfaces[0].Attachment.AttachmentId}},
		&ec2.DetachNetworkInterfaceOutput{})
}

// has waits until the instance has the address, or has it no more.
func (m *mover) has(name string, want bool) {
	m.t.Helper()
	var out []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		out, _ = m.on.inside(m.instances[name], "ip", "-o", "-4", "address").Output()
		if strings.Contains(string(out), " "+m.address+"/") == want {
			return
		}
	}
	m.t.Fatalf("%s has the address %s: want %t\n%s", name, m.address, want, out)
}

// An interface goes from one running instance to another: what it may do goes with it, and nothing of it stays.
func TestAnInterfaceMovesBetweenRunningInstances(t *testing.T) {
	m := newMover(t, start(t, t.TempDir()))
	m.do("drop far " + m.address + " tcp 80")
	for _, name := range []string{"s", "c", "s"} {
		if err := m.attach(name); err != nil {
			t.Fatal(err)
		}
		m.has(name, true)
		m.do("pass far " + m.address + " tcp 80\ntalk old")
		if err := m.detach(); err != nil {
			t.Fatal(err)
		}
		m.has(name, false)
		m.do("drop far " + m.address + " tcp 80\ntalk old")
	}
	m.call("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {m.eni}}, &ec2.DeleteNetworkInterfaceOutput{})
}

// The agent hears of neither the detach nor the attach before it is killed: the next one takes the link that it
// finds from the instance that has the interface no more.
func TestAnInterfaceMovesWhileNoAgentListens(t *testing.T) {
	u := start(t, t.TempDir())
	m := newMover(t, u)
	unheard := func(changes ...func() error) {
		t.Helper()
		agent := u.child("agent")
		if err := unix.Kill(agent, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		for _, change := range changes {
			if err := change(); !errors.Is(err, errNotEnforced) {
				t.Errorf("with no agent that listens: %v", err)
			}
		}
		if err := unix.Kill(agent, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.attach("s"); err != nil {
		t.Fatal(err)
	}
	m.has("s", true)
	m.do("pass far " + m.address + " tcp 80")
	unheard(m.detach, func() error { return m.attach("c") })
	m.has("c", true)
	m.has("s", false)
	m.do("pass far " + m.address + " tcp 80\ntalk old")
	unheard(m.detach)
	m.has("c", false)
	m.do("drop far " + m.address + " tcp 80\ntalk old")
}
