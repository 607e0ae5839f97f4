package policy_test

import (
	"testing"

	"crenel/flow"
	"crenel/policy"
)

func TestARPIsAnsweredInTheOthersPlace(t *testing.T) {
	v := world("")
	for _, c := range []struct {
		name   string
		asker  end
		target string
		want   flow.MAC
	}{
		{"the gateway", web1, "10.0.1.1", policy.GatewayMAC},
		{"the gateway of another subnet's interface", db1, "10.0.2.1", policy.GatewayMAC},
		{"a neighbour", web1, "10.0.1.11", web2.mac()},
		{"a neighbour that no rule lets it reach", web2, "10.0.1.20", router.mac()},
		{"the gateway, by one without the source check", router, "10.0.1.1", policy.GatewayMAC},
	} {
		got := arp(v, c.asker, ask(c.asker, c.target))
		want := policy.Verdict{Allow: true, Reason: policy.Answered, Interface: c.asker.num, To: c.asker.num, Answer: flow.ARPPacket{
			SrcMAC: c.want, DstMAC: c.asker.mac(), Op: flow.ARPReply,
			SenderMAC: c.want, Sender: addr(c.target), TargetMAC: c.asker.mac(), Target: c.asker.addr}}
		if got != want {
			t.Errorf("%s\n got %+v\nwant %+v", c.name, got, want)
		}
	}
}

func TestAProbeIsAnswered(t *testing.T) {
	probe := ask(web1, "10.0.1.11")
	probe.Sender = addr("0.0.0.0")
	got := arp(world(""), web1, probe)
	if got.Reason != policy.Answered || got.Answer.Target != addr("0.0.0.0") || got.Answer.SenderMAC != web2.mac() {
		t.Errorf("got %s", got)
	}
}

func TestARPThatGetsNoAnswer(t *testing.T) {
	v := world("")
	with := func(change func(*flow.ARPPacket)) flow.ARPPacket {
		a := ask(web1, "10.0.1.11")
		change(&a)
		return a
	}
	for _, c := range []struct {
		name string
		want string
		arp  flow.ARPPacket
	}{
		{"its own address", "no-destination at web1", ask(web1, "10.0.1.10")},
		{"an address that nobody has", "no-destination at web1", ask(web1, "10.0.1.99")},
		{"an address of another subnet", "no-destination at web1", ask(web1, "10.0.2.10")},
		{"the gateway of another subnet", "no-destination at web1", ask(web1, "10.0.2.1")},
		{"a public address", "no-destination at web1", ask(web1, "198.18.0.11")},
		{"a reply", "no-destination at web1", with(func(a *flow.ARPPacket) { a.Op = flow.ARPReply })},
		{"RARP", "no-destination at web1", with(func(a *flow.ARPPacket) { a.Op = 3 })},
		{"its own address, told to everybody", "no-destination at web1", with(func(a *flow.ARPPacket) { a.Target = web1.addr })},
		{"another's MAC in the frame", "spoofed at web1", with(func(a *flow.ARPPacket) { a.SrcMAC = web2.mac() })},
		{"another's MAC in the packet", "spoofed at web1", with(func(a *flow.ARPPacket) { a.SenderMAC = web2.mac() })},
		{"another's address", "spoofed at web1", with(func(a *flow.ARPPacket) { a.Sender = web2.addr })},
		{"another's address in a reply", "spoofed at web1", with(func(a *flow.ARPPacket) { a.Op, a.Sender = flow.ARPReply, web2.addr })},
	} {
		if got := outcome(arp(v, web1, c.arp)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	spoofed := ask(router, "10.0.1.1")
	spoofed.Sender = web1.addr
	if got := outcome(arp(v, router, spoofed)); got != "spoofed at router" {
		t.Errorf("another's address without the source check: got %s", got)
	}
	short := flow.BuildARP(ask(web1, "10.0.1.1"))[:41]
	if got := outcome(new(policy.Tracker).JudgeFrame(v, 0, web1.num, short)); got != "malformed at web1" {
		t.Errorf("27 bytes: got %s", got)
	}
}

func TestVPCsDoNotHearEachOthersARP(t *testing.T) {
	if got := outcome(arp(world(""), twinweb, ask(twinweb, "10.0.1.11"))); got != "no-destination at twinweb" {
		t.Errorf("an address that only the other VPC has: got %s", got)
	}
}

func ask(e end, target string) flow.ARPPacket {
	return flow.ARPPacket{SrcMAC: e.mac(), DstMAC: flow.MAC{255, 255, 255, 255, 255, 255}, Op: flow.ARPRequest,
		SenderMAC: e.mac(), Sender: e.addr, Target: addr(target)}
}

func arp(v *policy.View, e end, a flow.ARPPacket) policy.Verdict {
	return new(policy.Tracker).JudgeFrame(v, 0, e.num, flow.BuildARP(a))
}
