package api

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// storageOperations describe what hangs on instances and is only stored: their volumes and IAM
// instance profiles.
var storageOperations = []Operation{
	read(describeVolumes),
	write(associateIamInstanceProfile),
	read(describeIamInstanceProfileAssociations),
}

// A volumeType is what the volumes of one type can be.
// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
type volumeType struct {
	least, most int  // GiB
	iops        bool // takes IOPS
	needsIOPS   bool
	mostIOPS    int
	throughput  bool // takes Throughput
}

var volumeTypes = map[string]volumeType{
	"gp2":      {least: 1, most: 16384},
	"gp3":      {least: 1, most: 65536, iops: true, mostIOPS: 80000, throughput: true},
	"io1":      {least: 4, most: 16384, iops: true, needsIOPS: true, mostIOPS: 64000},
	"io2":      {least: 4, most: 65536, iops: true, needsIOPS: true, mostIOPS: 256000},
	"st1":      {least: 125, most: 16384},
	"sc1":      {least: 125, most: 16384},
	"standard": {least: 1, most: 1024},
}

// rootDevice is the image's first device; an image that is in no list is one of Amazon Linux.
func rootDevice(region, imageID string) vpc.Volume {
	m, listed := imageByID(region, imageID)
	if !listed {
		return vpc.Volume{Device: "/dev/xvda", Size: 8, Type: "gp2", Snapshot: stableID("snap", region, imageID), DeleteOnTermination: true}
	}
	d := m.describe(region).BlockDeviceMappings[0]
	return vpc.Volume{Device: *d.DeviceName, Size: int(*d.Ebs.VolumeSize), Type: d.Ebs.VolumeType, Snapshot: *d.Ebs.SnapshotId,
		DeleteOnTermination: *d.Ebs.DeleteOnTermination}
}

// blockDevices are the volumes that an instance of the image gets: the image's, with what the request
// says of it, and those that the request adds. The root comes first.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
func blockDevices(region, imageID string, mappings []ec2.BlockDeviceMapping) ([]vpc.Volume, error) {
	volumes := []vpc.Volume{rootDevice(region, imageID)}
	seen := map[string]bool{}
	for i, d := range mappings {
		name := value(d.DeviceName)
		at := "BlockDeviceMapping." + strconv.Itoa(i+1)
		switch {
		case name == "":
			return nil, missing(at + ".DeviceName")
		case seen[name]:
			return nil, vpc.Errorf("InvalidBlockDeviceMapping", "The device '%s' is used in more than one block-device mapping", name)
		case d.Ebs != nil && d.VirtualName != nil:
			return nil, notTogether(at+".Ebs", at+".VirtualName")
		}
		seen[name] = true
		root := name == volumes[0].Device
		switch {
		case root && d.NoDevice != nil:
			return nil, vpc.Errorf("InvalidBlockDeviceMapping", "The root device '%s' cannot be suppressed.", name)
		case d.Ebs == nil: // an instance store, or nothing: there is none to see
		case root:
			if err := changeDevice(&volumes[0], d.Ebs); err != nil {
				return nil, err
			}
		default:
			v := vpc.Volume{Device: name, DeleteOnTermination: true}
			if err := changeDevice(&v, d.Ebs); err != nil {
				return nil, err
			}
			volumes = append(volumes, v)
		}
	}
	return volumes, nil
}

// changeDevice makes the volume what a mapping asks for.
func changeDevice(v *vpc.Volume, in *ec2.EbsBlockDevice) error {
	if snapshot := value(in.SnapshotId); snapshot != "" && snapshot != v.Snapshot {
		return vpc.Errorf("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", snapshot)
	}
	least := v.Size
	if in.VolumeSize != nil {
		v.Size = int(*in.VolumeSize)
	}
	v.Type = cmp.Or(in.VolumeType, v.Type, "gp2")
	v.Encrypted = value(in.Encrypted) || value(in.KmsKeyId) != ""
	v.KMSKey, v.IOPS, v.Throughput = value(in.KmsKeyId), int(value(in.Iops)), int(value(in.Throughput))
	if in.DeleteOnTermination != nil {
		v.DeleteOnTermination = *in.DeleteOnTermination
	}
	t, ok := volumeTypes[v.Type]
	switch {
	case !ok:
		return vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for VolumeType.", v.Type)
	case value(in.KmsKeyId) != "" && in.Encrypted != nil && !*in.Encrypted:
		return vpc.Errorf("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
	case v.Size == 0:
		return missing("size or snapshotId")
	case v.Size < least:
		return vpc.Errorf("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", v.Size, v.Snapshot, least)
	case v.Size < t.least || v.Size > t.most:
		return invalid("VolumeSize", strconv.Itoa(v.Size), "The size of a volume of type "+v.Type+" must be between "+strconv.Itoa(t.least)+" and "+strconv.Itoa(t.most)+" GiB.")
	case in.Iops != nil && !t.iops:
		return vpc.Errorf("InvalidParameterCombination", "The parameter iops is not supported for %s volumes.", v.Type)
	case in.Iops == nil && t.needsIOPS:
		return vpc.Errorf("MissingParameter", "The parameter iops must be specified for %s volumes.", v.Type)
	case in.Iops != nil && (v.IOPS < 100 || v.IOPS > t.mostIOPS):
		return invalid("Iops", strconv.Itoa(v.IOPS), "The IOPS of a volume of type "+v.Type+" must be between 100 and "+strconv.Itoa(t.mostIOPS)+".")
	case in.Throughput != nil && !t.throughput:
		return vpc.Errorf("InvalidParameterCombination", "The parameter throughput is not supported for %s volumes.", v.Type)
	case in.Throughput != nil && (v.Throughput < 125 || v.Throughput > 2000):
		return invalid("Throughput", strconv.Itoa(v.Throughput), "The throughput must be between 125 and 2000 MiB/s.")
	}
	return nil
}

// attachVolumes makes the volumes of an instance that is launched.
func attachVolumes(e *vpc.Edit, i *vpc.Instance, volumes []vpc.Volume, tags vpc.Tags) {
	for _, v := range volumes {
		v.ID, v.Scope, v.Zone, v.Instance, v.Created, v.Tags = e.NewID("vol"), i.Scope, i.Zone, i.ID, e.Now, tags
		switch v.Type {
		case "gp2":
			v.IOPS = min(max(3*v.Size, 100), 16000)
		case "gp3":
			v.IOPS, v.Throughput = cmp.Or(v.IOPS, 3000), cmp.Or(v.Throughput, 125)
		}
		e.Volumes.Put(&v)
	}
}

// changeDevices changes which of the instance's volumes are deleted with it.
func changeDevices(e *vpc.Edit, i *vpc.Instance, mappings []ec2.InstanceBlockDeviceMappingSpecification) error {
	for n, d := range mappings {
		at := "BlockDeviceMapping." + strconv.Itoa(n+1)
		name, err := need(at+".DeviceName", d.DeviceName)
		if err != nil {
			return err
		}
		volumes := volumesOf(e.State, i)
		found := slices.IndexFunc(volumes, func(v *vpc.Volume) bool { return v.Device == name })
		switch {
		case found < 0 || d.Ebs != nil && value(d.Ebs.VolumeId) != "" && *d.Ebs.VolumeId != volumes[found].ID:
			return vpc.Errorf("InvalidInstanceAttributeValue", "No device is currently mapped at %s", name)
		case d.Ebs == nil || d.Ebs.DeleteOnTermination == nil:
			return missing(at + ".Ebs.DeleteOnTermination")
		}
		v := *volumes[found]
		v.DeleteOnTermination = *d.Ebs.DeleteOnTermination
		e.Volumes.Put(&v)
	}
	return nil
}

// releaseStorage takes from an instance that is terminated its profile and its volumes.
func releaseStorage(e *vpc.Edit, instance string) {
	for _, old := range slices.Collect(e.Volumes.By("instance", instance)) {
		if old.DeleteOnTermination {
			e.Volumes.Delete(old.ID)
			continue
		}
		v := *old
		v.Instance, v.Device, v.DeleteOnTermination = "", "", false
		e.Volumes.Put(&v)
	}
	for _, a := range slices.Collect(e.InstanceProfileAssociations.By("instance", instance)) {
		e.InstanceProfileAssociations.Delete(a.ID)
	}
}

// volumesOf are the instance's volumes, the root first.
func volumesOf(s *vpc.State, i *vpc.Instance) []*vpc.Volume {
	volumes := slices.Collect(s.Volumes.By("instance", i.ID))
	root := rootDevice(i.Region, i.Image).Device
	slices.SortFunc(volumes, func(a, b *vpc.Volume) int {
		switch {
		case a.Device == root:
			return -1
		case b.Device == root:
			return 1
		}
		return strings.Compare(a.Device, b.Device)
	})
	return volumes
}

// describeDevices shows an instance's volumes as DescribeInstances does.
func describeDevices(s *vpc.State, i *vpc.Instance) (devices []ec2.InstanceBlockDeviceMapping) {
	devices = []ec2.InstanceBlockDeviceMapping{}
	for _, v := range volumesOf(s, i) {
		devices = append(devices, ec2.InstanceBlockDeviceMapping{DeviceName: new(v.Device), Ebs: &ec2.EbsInstanceBlockDevice{
			VolumeId: new(v.ID), AttachTime: new(v.Created), DeleteOnTermination: new(v.DeleteOnTermination), Status: deviceStatus(i)}})
	}
	return devices
}

// deviceStatus is attaching until the instance first runs.
func deviceStatus(i *vpc.Instance) string {
	if i.State == vpc.Pending && i.Boots == 1 {
		return "attaching"
	}
	return "attached"
}

func deviceOf(held func(*ec2.EbsInstanceBlockDevice) []string) func(*reservedInstance) []string {
	return func(r *reservedInstance) (out []string) {
		for _, d := range r.BlockDeviceMappings {
			out = append(out, held(d.Ebs)...)
		}
		return out
	}
}

// describeVolumes lists volumes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html
func describeVolumes(s *vpc.State, in *ec2.DescribeVolumesInput) (*ec2.DescribeVolumesOutput, error) {
	for _, id := range in.VolumeIds {
		if err := volumeIDs.check(id); err != nil {
			return nil, err
		}
	}
	for _, id := range in.VolumeIds {
		if volumeIDs.get(s, id) == nil {
			return nil, vpc.Errorf("InvalidVolume.NotFound", "The volume '%s' does not exist.", id)
		}
	}
	found, err := volumeIDs.all(s, in.VolumeIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.Volume
	for _, v := range found {
		items = append(items, showVolume(s, v))
	}
	page, next, err := volumeListing.page(s, in, len(in.VolumeIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeVolumesOutput{Volumes: page, NextToken: next}, nil
}

func showVolume(s *vpc.State, v *vpc.Volume) ec2.Volume {
	shown := ec2.Volume{VolumeId: new(v.ID), AvailabilityZone: new(v.Zone), CreateTime: new(v.Created), Encrypted: new(v.Encrypted),
		Operator: unmanaged(), MultiAttachEnabled: new(false), Size: new(int32(v.Size)), SnapshotId: new(v.Snapshot), State: "available",
		VolumeType: v.Type, Attachments: []ec2.VolumeAttachment{}, Tags: tagSet(v.Tags)}
	if zone, ok := vpc.ZoneByName(v.Region, v.Zone); ok {
		shown.AvailabilityZoneId = new(zone.ID)
	}
	if v.Encrypted {
		shown.KmsKeyId = new(cmp.Or(v.KMSKey, defaultKey(v.Scope)))
	}
	if v.IOPS != 0 {
		shown.Iops = new(int32(v.IOPS))
	}
	if v.Throughput != 0 {
		shown.Throughput = new(int32(v.Throughput))
	}
	if i := s.Instances.Get(v.Instance); i != nil {
		shown.State = "in-use"
		shown.Attachments = append(shown.Attachments, ec2.VolumeAttachment{VolumeId: new(v.ID), InstanceId: new(i.ID), Device: new(v.Device),
			AttachTime: new(v.Created), DeleteOnTermination: new(v.DeleteOnTermination), State: deviceStatus(i)})
	}
	return shown
}

// defaultKey is the key that AWS encrypts volumes with where none is named: its own, one for each account and Region.
func defaultKey(s vpc.Scope) string {
	sum := sha256.Sum256([]byte("aws/ebs/" + s.Key()))
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%x-%x-%x-%x-%x", s.Region, s.Account, sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

var volumeListing = listing[ec2.Volume]{
	paging: paging{low: 5, high: 1000, ids: "volumeSet", old: true},
	key:    func(v *ec2.Volume) string { return *v.VolumeId },
	filters: filters[ec2.Volume]{
		"attachment.attach-time":           volumeAttached(func(a *ec2.VolumeAttachment) []string { return moment(a.AttachTime) }),
		"attachment.delete-on-termination": volumeAttached(func(a *ec2.VolumeAttachment) []string { return of(a.DeleteOnTermination) }),
		"attachment.device":                volumeAttached(func(a *ec2.VolumeAttachment) []string { return of(a.Device) }),
		"attachment.instance-id":           volumeAttached(func(a *ec2.VolumeAttachment) []string { return of(a.InstanceId) }),
		"attachment.status":                volumeAttached(func(a *ec2.VolumeAttachment) []string { return of(a.State) }),
		"availability-zone":                func(v *ec2.Volume) []string { return of(v.AvailabilityZone) },
		"availability-zone-id":             func(v *ec2.Volume) []string { return of(v.AvailabilityZoneId) },
		"create-time":                      func(v *ec2.Volume) []string { return moment(v.CreateTime) },
		"encrypted":                        func(v *ec2.Volume) []string { return of(v.Encrypted) },
		"multi-attach-enabled":             func(v *ec2.Volume) []string { return of(v.MultiAttachEnabled) },
		"operator.managed":                 func(v *ec2.Volume) []string { return of(v.Operator.Managed) },
		"size":                             func(v *ec2.Volume) []string { return of(v.Size) },
		"snapshot-id":                      func(v *ec2.Volume) []string { return of(v.SnapshotId) },
		"status":                           func(v *ec2.Volume) []string { return of(v.State) },
		"volume-id":                        func(v *ec2.Volume) []string { return of(v.VolumeId) },
		"volume-type":                      func(v *ec2.Volume) []string { return of(v.VolumeType) },
	}.never("fast-restored", "operator.principal").tagged(func(v *ec2.Volume) []ec2.Tag { return v.Tags }),
}

func volumeAttached(held func(*ec2.VolumeAttachment) []string) func(*ec2.Volume) []string {
	return func(v *ec2.Volume) (out []string) {
		for i := range v.Attachments {
			out = append(out, held(&v.Attachments[i])...)
		}
		return out
	}
}
