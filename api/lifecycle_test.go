package api

import (
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// state is the instance's state as waiters see it.
func (w *world) stateOf(id string) string {
	w.Helper()
	return w.instance(id).State.Name
}

// ask calls a lifecycle operation for the instance and returns "previous → current".
func (w *world) ask(action, id string) string {
	w.Helper()
	out, err := w.try(action, "InstanceId.1="+id)
	if err != nil {
		w.Fatalf("%s: %v", action, err)
	}
	var changes []ec2.InstanceStateChange
	switch out := out.(type) {
	case *ec2.StartInstancesOutput:
		changes = out.StartingInstances
	case *ec2.StopInstancesOutput:
		changes = out.StoppingInstances
	case *ec2.TerminateInstancesOutput:
		changes = out.TerminatingInstances
	case *ec2.RebootInstancesOutput:
		return "rebooted"
	}
	return fmt.Sprintf("%s %d → %s %d", changes[0].PreviousState.Name, *changes[0].PreviousState.Code, changes[0].CurrentState.Name, *changes[0].CurrentState.Code)
}

func TestAnInstanceGoesThroughItsStatesAsTheHostConfirmsThem(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	id := *w.launch("").InstanceId
	for _, step := range []struct {
		say   string // what is asked or reported
		boots int
		want  string // the operation's answer
		state string
	}{
		{"report running", 1, "", "running"},
		{"report running", 1, "", "running"},
		{"StartInstances", 0, "running 16 → running 16", "running"},
		{"StopInstances", 0, "running 16 → stopping 64", "stopping"},
		{"StopInstances", 0, "stopping 64 → stopping 64", "stopping"},
		{"report running", 1, "", "stopping"},
		{"report stopped", 1, "", "stopped"},
		{"StopInstances", 0, "stopped 80 → stopped 80", "stopped"},
		{"StartInstances", 0, "stopped 80 → pending 0", "pending"},
		{"report stopped", 1, "", "pending"}, // a late word of the first boot
		{"report running", 1, "", "pending"},
		{"StartInstances", 0, "pending 0 → pending 0", "pending"},
		{"report running", 2, "", "running"},
		{"RebootInstances", 0, "rebooted", "running"},
		{"report stopped", 2, "", "running"}, // it is being rebooted
		{"report running", 3, "", "running"},
		{"TerminateInstances", 0, "running 16 → shutting-down 32", "shutting-down"},
		{"report running", 3, "", "shutting-down"},
		{"TerminateInstances", 0, "shutting-down 32 → shutting-down 32", "shutting-down"},
		{"report stopped", 3, "", "terminated"},
		{"TerminateInstances", 0, "terminated 48 → terminated 48", "terminated"},
		{"RebootInstances", 0, "rebooted", "terminated"}, // AWS ignores it
		{"report running", 3, "", "terminated"},
	} {
		switch step.say {
		case "report running":
			w.report(id, HostRunning, step.boots, "")
		case "report stopped":
			w.report(id, HostStopped, step.boots, "")
		default:
			if got := w.ask(step.say, id); got != step.want {
				t.Fatalf("%s: got %s, want %s", step.say, got, step.want)
			}
		}
		if got := w.stateOf(id); got != step.state {
			t.Fatalf("after %s %d: %s, want %s", step.say, step.boots, got, step.state)
		}
	}
}

func TestAStoppedInstanceKeepsItsPrivateAddressAndNotItsPublicOne(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/29")
	i := w.run("")
	w.ask("StopInstances", *i.InstanceId)
	if got := value(w.instance(*i.InstanceId).PublicIpAddress); got != "198.18.0.2" {
		t.Errorf("while it stops it has %q", got)
	}
	w.report(*i.InstanceId, HostStopped, 1, "")
	stopped := w.instance(*i.InstanceId)
	if got, want := text(*stopped.PrivateIpAddress, stopped.PublicIpAddress == nil, *stopped.PublicDnsName, len(stopped.NetworkInterfaces)), text("172.31.0.4", true, "", 1); got != want {
		t.Errorf("stopped: got\n%s\nwant\n%s", got, want)
	}
	if r := stopped.StateReason; *r.Code != "Client.UserInitiatedShutdown" || *r.Message != "Client.UserInitiatedShutdown: User initiated shutdown" ||
		*stopped.StateTransitionReason != "User initiated (2026-11-23 12:00:00 GMT)" {
		t.Errorf("the reason is %s %s %s", *r.Code, *r.Message, *stopped.StateTransitionReason)
	}
	other := w.run("")
	if *other.PublicIpAddress != "198.18.0.2" {
		t.Errorf("the next instance has %s", *other.PublicIpAddress)
	}
	w.ask("StartInstances", *i.InstanceId)
	again := w.instance(*i.InstanceId)
	if got, want := text(*again.PrivateIpAddress, *again.PublicIpAddress, *again.NetworkInterfaces[0].MacAddress), text("172.31.0.4", "198.18.0.3", *i.NetworkInterfaces[0].MacAddress); got != want {
		t.Errorf("started: got\n%s\nwant\n%s", got, want)
	}
	for range 3 {
		w.launch("")
	}
	w.report(*i.InstanceId, HostRunning, 2, "")
	w.ask("StopInstances", *i.InstanceId)
	w.report(*i.InstanceId, HostStopped, 2, "")
	w.launch("")
	w.refuse("StartInstances", "InstanceId.1="+*i.InstanceId, "InsufficientAddressCapacity: Not enough available addresses to satisfy your minimum request. Reduce the number of addresses you are requesting or wait for additional capacity to become available.")
}

func TestATerminatedInstanceIsSeenForAnHourWithoutItsNetwork(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	i := w.run("TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a")
	kept := w.run("NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.DeleteOnTermination=false")
	for _, id := range []string{*i.InstanceId, *kept.InstanceId} {
		w.ask("TerminateInstances", id)
		w.report(id, HostStopped, 1, "")
	}
	gone := w.instance(*i.InstanceId)
	got := text(gone.State.Name, gone.VpcId == nil, gone.SubnetId == nil, gone.PrivateIpAddress == nil, gone.PublicIpAddress == nil, *gone.PrivateDnsName,
		len(gone.SecurityGroups), len(gone.NetworkInterfaces), *gone.Tags[0].Value, *gone.Placement.AvailabilityZone)
	if want := text("terminated", true, true, true, true, "", 0, 0, "a", "us-east-1a"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	left := do[ec2.DescribeNetworkInterfacesOutput](w, "DescribeNetworkInterfaces", "").NetworkInterfaces
	if len(left) != 1 || *left[0].NetworkInterfaceId != *kept.NetworkInterfaces[0].NetworkInterfaceId || left[0].Status != "available" || left[0].Attachment != nil || left[0].Association != nil {
		t.Errorf("left are %+v", left)
	}
	forget := func(after time.Duration) {
		e := w.state.Edit(vpc.Scope{}, testNow.Add(after), nil)
		Forget(e, time.Hour)
		var err error
		if w.state, err = w.state.With(w.state.Revision+1, e.Changes()); err != nil {
			t.Fatal(err)
		}
	}
	forget(59 * time.Minute)
	if w.stateOf(*i.InstanceId) != "terminated" {
		t.Error("it is forgotten too early")
	}
	forget(61 * time.Minute)
	w.refuse("DescribeInstances", "InstanceId.1="+*i.InstanceId, "InvalidInstanceID.NotFound: The instance ID '"+*i.InstanceId+"' does not exist")
}

func TestWhatTheHostReportsDecides(t *testing.T) {
	for _, c := range []struct {
		name, form    string
		runs          bool // it ran before
		restarted     bool // it was stopped and started again
		state         HostState
		boots         int
		want, code    string
		reason, after string // after another HostStopped
	}{
		{"the first start fails", "", false, false, HostFailed, 1, "shutting-down", "Server.InternalError", "Server.InternalError: no memory", "terminated"},
		{"a later start fails", "", true, true, HostFailed, 2, "stopped", "Server.InternalError", "Server.InternalError: no memory", "stopped"},
		{"it shuts itself down", "", true, false, HostStopped, 1, "stopped", "Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown", "stopped"},
		{"it shuts itself down and shall end then", "InstanceInitiatedShutdownBehavior=terminate", true, false, HostStopped, 1, "shutting-down", "Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown", "terminated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			id := *w.launch(c.form).InstanceId
			if c.runs {
				w.report(id, HostRunning, 1, "")
			}
			if c.restarted {
				w.ask("StopInstances", id)
				w.report(id, HostStopped, 1, "")
				w.ask("StartInstances", id)
			}
			w.report(id, c.state, c.boots, "no memory")
			i := w.instance(id)
			if got, want := text(i.State.Name, *i.StateReason.Code, *i.StateReason.Message), text(c.want, c.code, c.reason); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			w.report(id, HostStopped, c.boots, "")
			if got := w.stateOf(id); got != c.after {
				t.Errorf("then %s, want %s", got, c.after)
			}
		})
	}
}

func TestWhatTheHostCouldNotStopIsNotStopped(t *testing.T) {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	for _, c := range []struct{ action, state, end string }{{"StopInstances", "stopping", "stopped"}, {"TerminateInstances", "shutting-down", "terminated"}} {
		id := *w.run("").InstanceId
		w.ask(c.action, id)
		w.report(id, HostFailed, 1, "the cgroup is busy")
		i := w.instance(id)
		if got, want := text(i.State.Name, *i.StateReason.Message, i.PublicIpAddress != nil), text(c.state, "Server.InternalError: the cgroup is busy", true); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		w.report(id, HostStopped, 1, "")
		if got := w.stateOf(id); got != c.end {
			t.Errorf("then it is %s, want %s", got, c.end)
		}
	}
}

func TestAReportThatIsNoNewsChangesNothing(t *testing.T) {
	w := newWorld(t)
	id := *w.run("").InstanceId
	for _, r := range []HostReport{{id, HostRunning, 1, ""}, {id, HostStopped, 0, ""}, {"i-0123456789abcdef0", HostRunning, 1, ""}} {
		e := w.state.Edit(vpc.Scope{}, testNow, nil)
		Report(e, r)
		if n := len(e.Changes()); n != 0 {
			t.Errorf("%+v makes %d changes", r, n)
		}
	}
}

func TestAnInstanceThatNoHostKnowsEndsAtItsWord(t *testing.T) {
	w := newWorld(t)
	i := w.run("")
	w.ask("StopInstances", *i.InstanceId)
	w.report(*i.InstanceId, HostStopped, 1, "")
	if got := w.ask("TerminateInstances", *i.InstanceId); got != "stopped 80 → shutting-down 32" {
		t.Errorf("got %s", got)
	}
	w.report(*i.InstanceId, HostStopped, 0, "")
	if got := w.stateOf(*i.InstanceId); got != "terminated" {
		t.Errorf("it is %s", got)
	}
}

func TestTheLifecycleOperationsRefuse(t *testing.T) {
	w := newWorld(t)
	pending := *w.launch("").InstanceId
	running := *w.run("").InstanceId
	stopping := *w.run("").InstanceId
	w.ask("StopInstances", stopping)
	stopped := *w.run("").InstanceId
	w.ask("StopInstances", stopped)
	w.report(stopped, HostStopped, 1, "")
	ending := *w.run("").InstanceId
	w.ask("TerminateInstances", ending)
	protected := *w.run("DisableApiTermination=true&DisableApiStop=true").InstanceId
	const unknown, another = "i-0123456789abcdef0", "i-0123456789abcdef1"
	before := w.state
	for _, c := range []struct{ action, form, want string }{
		{"StartInstances", "InstanceId.1=" + stopping, "IncorrectInstanceState: The instance '" + stopping + "' is not in a state from which it can be started."},
		{"StartInstances", "InstanceId.1=" + ending, "IncorrectInstanceState: The instance '" + ending + "' is not in a state from which it can be started."},
		{"StopInstances", "InstanceId.1=" + pending, "IncorrectInstanceState: Instance '" + pending + "' cannot be stopped as it has never reached the 'running' state."},
		{"StopInstances", "InstanceId.1=" + ending, "IncorrectInstanceState: The instance '" + ending + "' is not in a state from which it can be stopped."},
		{"StopInstances", "InstanceId.1=" + protected, "OperationNotPermitted: The instance '" + protected + "' may not be stopped. Modify its 'disableApiStop' instance attribute and try again."},
		{"StopInstances", "Hibernate=true&InstanceId.1=" + running, "UnsupportedOperation: The parameter Hibernate is not supported."},
		{"RebootInstances", "InstanceId.1=" + stopped, "IncorrectInstanceState: The instance '" + stopped + "' is not in a state from which it can be rebooted."},
		{"TerminateInstances", "InstanceId.1=" + protected, "OperationNotPermitted: The instance '" + protected + "' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."},
		{"TerminateInstances", "InstanceId.1=" + running + "&InstanceId.2=" + unknown, "InvalidInstanceID.NotFound: The instance ID '" + unknown + "' does not exist"},
		{"StopInstances", "InstanceId.1=" + unknown + "&InstanceId.2=" + another, "InvalidInstanceID.NotFound: The instance IDs '" + unknown + ", " + another + "' do not exist"},
		{"StopInstances", "InstanceId.1=" + running + "&InstanceId.2=i-xyz", `InvalidInstanceID.Malformed: Invalid id: "i-xyz"`},
		{"StopInstances", "InstanceId.1=vpc-1", `InvalidInstanceID.Malformed: Invalid id: "vpc-1" (expecting "i-...")`},
		{"StopInstances", "InstanceId.1=" + running + "&InstanceId.2=" + pending, "IncorrectInstanceState: Instance '" + pending + "' cannot be stopped as it has never reached the 'running' state."},
		{"StopInstances", "DryRun=true&InstanceId.1=" + running, "DryRunOperation: Request would have succeeded, but DryRun flag is set."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	if w.state != before {
		t.Error("a refused call changed something")
	}
	elsewhere := w.as(vpc.Scope{Account: "444455556666", Region: "us-east-1"})
	elsewhere.refuse("StopInstances", "InstanceId.1="+running, "InvalidInstanceID.NotFound: The instance ID '"+running+"' does not exist")
}

// Whatever is asked and reported in whatever order, addresses are never given twice, and nobody who
// does not run keeps a public one.
func TestRandomLifecyclesKeepTheirPromises(t *testing.T) {
	for round := range 20 {
		seed := uint64(time.Now().UnixNano()) + uint64(round)
		random := mathrand.New(mathrand.NewPCG(seed, 0))
		w := newWorld(t)
		w.pool("198.18.0.0/28")
		var known []string
		for range 60 {
			id := ""
			if len(known) > 0 {
				id = known[random.IntN(len(known))]
			}
			switch action := random.IntN(9); {
			case action < 2 || id == "":
				out, err := w.try("RunInstances", fmt.Sprintf("ImageId=%s&MinCount=1&MaxCount=%d&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.DeleteOnTermination=%t",
					testImage, 1+random.IntN(3), random.IntN(2) == 0))
				if err == nil {
					for _, i := range out.(*ec2.RunInstancesOutput).Instances {
						known = append(known, *i.InstanceId)
					}
				}
			case action < 6:
				_, _ = w.try([]string{"StartInstances", "StopInstances", "RebootInstances", "TerminateInstances"}[random.IntN(4)], "InstanceId.1="+id)
			default:
				w.report(id, HostState(1+random.IntN(3)), random.IntN(4), "a reason")
			}
			if complaint := promisesBroken(w.state); complaint != "" {
				t.Fatalf("seed %d: %s", seed, complaint)
			}
		}
	}
}

func promisesBroken(s *vpc.State) string {
	taken := map[string]string{}
	for face := range s.Interfaces.All() {
		for _, a := range []string{face.VPC + "/" + face.PrivateIP.String(), "public " + face.PublicIP.String()} {
			if a == "public invalid IP" {
				continue
			}
			if other := taken[a]; other != "" {
				return a + " is of " + other + " and " + face.ID
			}
			taken[a] = face.ID
		}
		if face.Attachment == nil {
			if face.PublicIP.IsValid() {
				return face.ID + " is detached and public"
			}
			continue
		}
		i := s.Instances.Get(face.Attachment.Instance)
		switch {
		case i == nil || i.State == vpc.Terminated:
			return face.ID + " is attached to nothing"
		case i.State == vpc.Stopped && face.PublicIP.IsValid():
			return i.ID + " is stopped and public"
		}
	}
	for i := range s.Instances.All() {
		if i.Booted > i.Boots {
			return fmt.Sprintf("%s booted %d of %d times", i.ID, i.Booted, i.Boots)
		}
		if (i.State == vpc.Terminated) == i.Ended.IsZero() {
			return i.ID + " is terminated without an end, or the other way round"
		}
	}
	return ""
}
