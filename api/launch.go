package api

import (
	"slices"

	"crenel/ec2"
	"crenel/vpc"
)

const (
	maxInstances = 1000  // of an account in a Region, terminated ones not counted
	maxUserData  = 16384 // bytes
)

// A launch is a RunInstances request with everything that it leaves open decided.
type launch struct {
	in       *ec2.RunInstancesInput
	count    int // how many to launch
	image    string
	typ      instanceType
	ports    []port // the primary one first
	volumes  []vpc.Volume
	profile  string // the ARN of the IAM instance profile; "": none
	instance vpc.Instance
	tags     map[string]vpc.Tags // by resource type
}

// runInstances launches instances: they are pending until the host says that they run.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func runInstances(e *vpc.Edit, in *ec2.RunInstancesInput) (*ec2.RunInstancesOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	if earlier, err := launchedBefore(e.State, token); earlier != nil || err != nil {
		return reservationOf(e.State, earlier), err
	}
	if in, err = withTemplate(e.State, in); err != nil {
		return nil, err
	}
	l := &launch{in: in}
	for _, check := range []func(*vpc.State) error{l.supported, l.counts, l.what, l.interfaces, l.where, l.who, l.atWhichAddress, l.rest} {
		if err := check(e.State); err != nil {
			return nil, err
		}
	}
	if err := capacity(e.State, l.typ.String(), l.ports[0].subnet.Zone); err != nil && !value(in.DryRun) {
		return nil, err
	}
	l.instance.Token = token
	l.instance.Reservation = e.NewID("r")
	p := newPicker(e)
	var made []*vpc.Instance
	for index := range l.count {
		i, err := l.one(p, index)
		if err != nil {
			return nil, err
		}
		made = append(made, i)
	}
	return reservationOf(e.State, made), nil
}

func reservationOf(s *vpc.State, made []*vpc.Instance) *ec2.RunInstancesOutput {
	if len(made) == 0 {
		return nil
	}
	out := &ec2.RunInstancesOutput{ReservationId: new(made[0].Reservation), OwnerId: new(made[0].Account), Groups: []ec2.GroupIdentifier{}}
	for _, i := range made {
		out.Instances = append(out.Instances, describeInstance(s, i))
	}
	return out
}

// launchedBefore finds what an earlier request with the same ClientToken launched.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
func launchedBefore(s *vpc.State, t vpc.Token) (made []*vpc.Instance, err error) {
	if t.Value == "" {
		return nil, nil
	}
	gone := true
	for i := range s.Instances.By("token", vpc.TokenKey(s.Scope, t)) {
		if i.Token.Digest != t.Digest {
			return nil, otherRequest()
		}
		made, gone = append(made, i), gone && i.State == vpc.Terminated
	}
	if len(made) > 0 && gone {
		return nil, vpc.Errorf("IdempotentInstanceTerminated", "The client token you have provided is associated with a terminated instance. Please use a different client token.")
	}
	slices.SortFunc(made, func(a, b *vpc.Instance) int { return a.LaunchIndex - b.LaunchIndex })
	return made, nil
}

// counts looks at how many instances are wanted.
func (l *launch) counts(s *vpc.State) error {
	least, most := int(value(l.in.MinCount)), int(value(l.in.MaxCount))
	switch {
	case most < 1:
		return vpc.Errorf("InvalidParameterValue", "Maximum instance count must be greater than zero")
	case least < 1:
		return vpc.Errorf("InvalidParameterValue", "Minimum instance count must be greater than zero")
	case least > most:
		return vpc.Errorf("InvalidParameterValue", "Maximum instance count must not be smaller than minimum instance count")
	}
	running := 0
	for i := range s.Instances.By("scope", s.Key()) {
		if i.State != vpc.Terminated {
			running++
		}
	}
	if running+least > maxInstances {
		return vpc.Errorf("InstanceLimitExceeded", "You have requested more instances (%d) than your current instance limit of %d allows for the specified instance type.", running+least, maxInstances)
	}
	l.count = min(most, maxInstances-running)
	return nil
}

// what looks at the image and the instance type.
func (l *launch) what(s *vpc.State) error {
	var err error
	if l.image, err = need("ImageId", l.in.ImageId); err != nil {
		return err
	}
	if err := checkImageID(l.image); err != nil {
		return err
	}
	name := l.in.InstanceType
	m, listed := imageByID(s.Region, l.image)
	switch {
	case name == "" && m.arch == "arm64":
		name = defaultArmType
	case name == "":
		name = defaultInstanceType
	}
	var ok bool
	if l.typ, ok = instanceTypes[name]; !ok {
		return vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for InstanceType.", name)
	}
	if listed && m.arch != l.typ.arch {
		return wrongArchitecture(l.typ.arch, m.arch)
	}
	if key := value(l.in.KeyName); key != "" && keyPairByName(s, key) == nil {
		return noKeyPair(key)
	}
	return nil
}

func wrongArchitecture(ofType, ofImage string) error {
	return vpc.Errorf("InvalidParameterValue", "The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.", ofType, ofImage)
}

// one launches one instance with its interfaces.
func (l *launch) one(p picker, index int) (*vpc.Instance, error) {
	i := l.instance
	i.ID, i.LaunchTime, i.LaunchIndex = p.NewID("i"), p.Now, index
	for _, named := range []bool{true, false} { // those that may have any address take what the others leave
		for _, o := range l.ports {
			if o.asked.names() != named {
				continue
			}
			face, err := o.one(p, l.typ)
			if err != nil {
				return nil, err
			}
			face.Attachment = &vpc.Attachment{ID: p.NewID("eni-attach"), Instance: i.ID, DeviceIndex: o.index, Time: p.Now, DeleteOnTermination: !o.keep}
			p.Interfaces.Put(face)
		}
	}
	p.Instances.Put(&i)
	attachVolumes(p.Edit, &i, l.volumes, l.tags["volume"])
	if l.profile != "" {
		associateProfile(p.Edit, i.ID, l.profile)
	}
	return &i, nil
}
