package vpc

import "time"

// A Volume is a disk as clients expect an instance to have one. On this machine an instance's disk is
// an overlay over the host's, of no size of its own: volumes are stored and described.
// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes.html
type Volume struct {
	ID string
	Scope
	Zone                string
	Size                int    // GiB
	Type                string // gp2, gp3, io1, …
	IOPS                int    // 0: the type has none to tell
	Throughput          int    // MiB/s; 0: the type has none to tell
	Encrypted           bool
	KMSKey              string
	Snapshot            string // what it was made of
	Instance            string // "" where it is attached to none
	Device              string
	DeleteOnTermination bool
	Created             time.Time
	Tags                Tags
}

func newVolumes() *Table[Volume] {
	return newTable("volume", func(v *Volume) string { return v.ID }, map[string]func(*Volume) []string{
		"instance": func(v *Volume) []string { return keys{v.Instance} },
	})
}

// An InstanceProfileAssociation ties an IAM instance profile to an instance.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
type InstanceProfileAssociation struct {
	ID string
	Scope
	Instance string
	ARN      string
	Profile  string // its id: "AIPA…"
	Created  time.Time
}

func newInstanceProfileAssociations() *Table[InstanceProfileAssociation] {
	return newTable("instance-profile-association", func(a *InstanceProfileAssociation) string { return a.ID }, map[string]func(*InstanceProfileAssociation) []string{
		"instance": func(a *InstanceProfileAssociation) []string { return keys{a.Instance} },
	})
}
