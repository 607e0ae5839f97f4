package api

import (
	"net/netip"
	"slices"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// lifecycleOperations ask for another state. The host does it and says so: see Report.
var lifecycleOperations = []Operation{
	write(startInstances),
	write(stopInstances),
	write(rebootInstances),
	write(terminateInstances),
}

// startInstances makes stopped instances pending; those that run or will are left alone.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html
func startInstances(e *vpc.Edit, in *ec2.StartInstancesInput) (*ec2.StartInstancesOutput, error) {
	changes, err := changeAll(e, in.InstanceIds, func(i *vpc.Instance) error {
		switch i.State {
		case vpc.Pending, vpc.Running:
			return nil
		case vpc.Stopped:
			if err := capacity(e.State, i.Type, i.Zone); err != nil && !value(in.DryRun) {
				return err
			}
			i.State, i.LaunchTime = vpc.Pending, e.Now
			i.Boots++
			because(i, "", "pending", "pending")
			return assignPublic(e, i)
		}
		return wrongState("The instance '%s' is not in a state from which it can be started.", i)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.StartInstancesOutput{StartingInstances: changes}, nil
}

// stopInstances makes running instances stopping.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html
func stopInstances(e *vpc.Edit, in *ec2.StopInstancesInput) (*ec2.StopInstancesOutput, error) {
	if value(in.Hibernate) {
		return nil, unsupported("Hibernate")
	}
	changes, err := changeAll(e, in.InstanceIds, func(i *vpc.Instance) error {
		switch {
		case i.State == vpc.Stopping || i.State == vpc.Stopped:
			return nil
		case i.State == vpc.Pending && i.Booted == 0:
			return wrongState("Instance '%s' cannot be stopped as it has never reached the 'running' state.", i)
		case i.State != vpc.Running:
			return wrongState("The instance '%s' is not in a state from which it can be stopped.", i)
		case i.KeepRunning:
			return vpc.Errorf("OperationNotPermitted", "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
		}
		i.State = vpc.Stopping
		userInitiated(e, i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ec2.StopInstancesOutput{StoppingInstances: changes}, nil
}

// rebootInstances starts running instances anew; their state does not change. A request to reboot
// what is about to start or to end is ignored.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RebootInstances.html
func rebootInstances(e *vpc.Edit, in *ec2.RebootInstancesInput) (*ec2.RebootInstancesOutput, error) {
	_, err := changeAll(e, in.InstanceIds, func(i *vpc.Instance) error {
		switch i.State {
		case vpc.Running:
			i.Boots++
		case vpc.Stopping, vpc.Stopped:
			return wrongState("The instance '%s' is not in a state from which it can be rebooted.", i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ec2.RebootInstancesOutput{}, nil
}

// terminateInstances makes instances of every state shutting-down; it is idempotent.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
func terminateInstances(e *vpc.Edit, in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
	changes, err := changeAll(e, in.InstanceIds, func(i *vpc.Instance) error {
		switch {
		case i.State == vpc.ShuttingDown || i.State == vpc.Terminated:
			return nil
		case i.KeepAPI:
			return vpc.Errorf("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
		}
		i.State = vpc.ShuttingDown
		userInitiated(e, i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ec2.TerminateInstancesOutput{TerminatingInstances: changes}, nil
}

// changeAll applies change to a copy of each instance, and to none if one refuses.
func changeAll(e *vpc.Edit, ids []string, change func(*vpc.Instance) error) ([]ec2.InstanceStateChange, error) {
	found, err := instanceIDs.all(e.State, ids)
	if err != nil {
		return nil, err
	}
	var out []ec2.InstanceStateChange
	for _, old := range found {
		i := *old
		if err := change(&i); err != nil {
			return nil, err
		}
		if i.State != old.State || i.Boots != old.Boots {
			e.Instances.Put(&i)
		}
		out = append(out, ec2.InstanceStateChange{InstanceId: new(i.ID), CurrentState: stateOf(i.State), PreviousState: stateOf(old.State)})
	}
	return out, nil
}

func stateOf(s vpc.InstanceState) *ec2.InstanceState {
	return &ec2.InstanceState{Code: new(int32(s)), Name: s.String()}
}

// wrongState refuses what the instance's state does not allow.
func wrongState(format string, i *vpc.Instance) error {
	return vpc.Errorf("IncorrectInstanceState", format, i.ID)
}

// userInitiated notes that a request ends the instance.
func userInitiated(e *vpc.Edit, i *vpc.Instance) {
	because(i, "User initiated ("+e.Now.Format("2006-01-02 15:04:05")+" GMT)", "Client.UserInitiatedShutdown", "User initiated shutdown")
}

// because notes why the instance came into its state: the transition's reason, and a code with its sentence.
func because(i *vpc.Instance, transition, code, sentence string) {
	i.Reason, i.ReasonCode, i.ReasonText = transition, code, sentence
	if code != sentence && code != "" {
		i.ReasonText = code + ": " + sentence
	}
}

// assignPublic gives a public address to the interface of an instance that starts, if it takes one.
func assignPublic(e *vpc.Edit, i *vpc.Instance) (err error) {
	for _, old := range interfacesOf(e.State, i.ID) {
		if !takesPublicOf(e.State, old, i) || !e.Cell().Public.IsValid() {
			continue
		}
		face := *old
		if face.PublicIP, err = newPicker(e).public(); err != nil {
			return err
		}
		e.Interfaces.Put(&face)
	}
	return nil
}

// capacity refuses an instance where nothing could run it. A dry run does not ask, as on AWS.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
func capacity(s *vpc.State, typ, zone string) error {
	if !s.Site.NoHosts {
		return nil
	}
	return vpc.Errorf("InsufficientInstanceCapacity", "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). This server has no host that runs instances.", typ, zone)
}

// takesPublic tells whether the interface should have a public address and has none.
func takesPublic(s *vpc.State, i *vpc.Interface) bool {
	return i.Attachment != nil && i.Owner == "" && takesPublicOf(s, i, s.Instances.Get(i.Attachment.Instance))
}

// takesPublicOf tells it of an interface of the instance, which may be about to change: it is the only
// one, and has no Elastic IP.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html
func takesPublicOf(s *vpc.State, i *vpc.Interface, instance *vpc.Instance) bool {
	up := instance.State == vpc.Pending || instance.State == vpc.Running
	return up && i.AutoPublic && !i.PublicIP.IsValid() && i.Attachment.DeviceIndex == 0 &&
		s.ElasticIPs.First("interface", i.ID) == nil && s.Interfaces.CountBy("instance", instance.ID) == 1
}

func noPublicAddress() error {
	return vpc.Errorf("InsufficientAddressCapacity", "Not enough available addresses to satisfy your minimum request. Reduce the number of addresses you are requesting or wait for additional capacity to become available.")
}

// HostState is what a host says of an instance.
type HostState int

const (
	HostRunning HostState = iota + 1
	HostStopped           // it does not run: it was stopped, it ended by itself, or its root is removed
	HostFailed            // what was asked could not be done: where it shall run it does not, where it shall stop nothing is known
)

// A HostReport is what the host says of one instance.
type HostReport struct {
	Instance string
	State    HostState
	Boots    int    // the boot that ran or was tried; 0: the host has no trace of the instance
	Detail   string // of HostFailed: why, in words
}

// Report writes down what the host says, as far as it is news. An instance that is to be removed must
// be reported HostStopped when nothing of it is left, also if it had stopped before.
//
// A report may be late or repeated, so one of a boot before the last known one says nothing.
func Report(e *vpc.Edit, r HostReport) {
	old := e.Instances.Get(r.Instance)
	if old == nil {
		return
	}
	i := *old
	r.Boots = min(r.Boots, i.Boots) // a host never knows of more, unless our data are older than it
	up := i.State == vpc.Pending || i.State == vpc.Running
	down := i.State == vpc.Stopping || i.State == vpc.ShuttingDown
	switch late := r.Boots != 0 && r.Boots < i.Booted; {
	case r.State == HostRunning:
		hostRuns(&i, r)
	case up && r.Boots == i.Boots:
		ended(e, &i, r)
	case !down || late:
	case r.State == HostFailed:
		because(&i, i.Reason, "Server.InternalError", r.Detail) // it may still run: it keeps what it has
	case i.State == vpc.Stopping:
		stopped(e, &i)
	default:
		terminated(e, &i)
	}
	if i.State != old.State || i.Booted != old.Booted || i.ReasonText != old.ReasonText {
		e.Instances.Put(&i)
	}
	follow(e)
}

func hostRuns(i *vpc.Instance, r HostReport) {
	switch {
	case i.State == vpc.Pending && r.Boots == i.Boots:
		i.State = vpc.Running
		because(i, "", "", "")
		i.Booted = r.Boots
	case i.State == vpc.Running:
		i.Booted = max(i.Booted, r.Boots)
	}
}

// ended is what becomes of an instance that should run and does not: one that never ran is
// terminated, as on AWS, and of one that shut itself down its attribute decides.
func ended(e *vpc.Edit, i *vpc.Instance, r HostReport) {
	terminate := i.Booted == 0
	if r.State == HostFailed {
		because(i, "Server.InternalError", "Server.InternalError", r.Detail)
	} else {
		because(i, "", "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
		terminate = i.Shutdown == "terminate"
	}
	if terminate {
		i.State = vpc.ShuttingDown // until the host says that nothing is left
		return
	}
	stopped(e, i)
}

// stopped releases what a stopped instance does not keep: its public addresses that AWS assigned.
func stopped(e *vpc.Edit, i *vpc.Instance) {
	i.State = vpc.Stopped
	for _, old := range slices.Collect(e.Interfaces.By("instance", i.ID)) {
		if old.PublicIP.IsValid() {
			face := *old
			face.PublicIP = netip.Addr{}
			e.Interfaces.Put(&face)
		}
	}
}

// terminated takes the instance's interfaces away. The instance itself stays to be seen for a while: see Forget.
func terminated(e *vpc.Edit, i *vpc.Instance) {
	i.State, i.Ended = vpc.Terminated, e.Now
	releaseStorage(e, i.ID)
	for _, old := range interfacesOf(e.State, i.ID) {
		if old.Attachment.DeleteOnTermination {
			removeInterface(e, old.ID)
			continue
		}
		face := *old
		face.Attachment, face.PublicIP = nil, netip.Addr{}
		e.Interfaces.Put(&face)
	}
}

// Forget removes the instances and NAT gateways that ended longer ago; AWS shows them for about an hour.
// It also sees to what AWS does at a time of its own: see forgetPeerings.
func Forget(e *vpc.Edit, longer time.Duration) {
	for _, i := range slices.Collect(e.Instances.All()) {
		if i.State == vpc.Terminated && e.Now.Sub(i.Ended) > longer {
			e.Instances.Delete(i.ID)
		}
	}
	for _, g := range slices.Collect(e.NATGateways.All()) {
		if !g.Deleted.IsZero() && e.Now.Sub(g.Deleted) > longer {
			e.NATGateways.Delete(g.ID)
		}
	}
	forgetPeerings(e)
}
