package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// An image is one that DescribeImages lists. Every image, listed or not, runs as a namespace
// instance: its name only serves to find it and to describe what was launched.
type image struct {
	name, description string
	owner             string
	arch              string // x86_64 or arm64
	root              string // the root device's name
	volume            string // the root volume's type
	boot              string // bootMode; "": not set
	imds              string // imdsSupport; "": not set
	created           string
}

// Who publishes images.
const (
	amazon    = "137112412989"
	canonical = "099720109477"
	debian    = "136693071363"
)

// images are listed in every Region, under the names by which people look for them.
var images = slices.Concat(
	amazonLinux("al2023-ami-2023.11.20260427.1-kernel-6.1", "Amazon Linux 2023 AMI 2023.11.20260427.1 %s HVM kernel-6.1", "2026-04-28T02:11:09.000Z"),
	amazonLinux("al2023-ami-2023.11.20260427.1-kernel-6.12", "Amazon Linux 2023 AMI 2023.11.20260427.1 %s HVM kernel-6.12", "2026-04-28T02:10:41.000Z"),
	amazonLinux("al2023-ami-minimal-2023.11.20260427.1-kernel-6.1", "Amazon Linux 2023 AMI 2023.11.20260427.1 %s Minimal HVM kernel-6.1", "2026-04-28T02:09:30.000Z"),
	amazonLinux2("amzn2-ami-hvm-2.0.20260427.1-%s-gp2", "Amazon Linux 2 AMI 2.0.20260427.1 %s HVM gp2", "2026-04-28T01:33:12.000Z"),
	amazonLinux2("amzn2-ami-kernel-5.10-hvm-2.0.20260427.1-%s-gp2", "Amazon Linux 2 LTS Arm64 Kernel 5.10 AMI 2.0.20260427.1 %s HVM gp2", "2026-04-28T01:31:48.000Z"),
	ubuntu("ubuntu/images/hvm-ssd/ubuntu-focal-20.04-%s-server-20250603", "20.04 LTS, %s focal", "2025-06-03T04:25:16.000Z"),
	ubuntu("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-%s-server-20260421", "22.04 LTS, %s jammy", "2026-04-21T05:12:40.000Z"),
	ubuntu("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-%s-server-20260423", "24.04 LTS, %s noble", "2026-04-23T04:47:05.000Z"),
	debianLinux("debian-12-%s-20260413-2447", "Debian 12 (20260413-2447)", "2026-04-13T00:23:51.000Z"),
	debianLinux("debian-13-%s-20260413-2447", "Debian 13 (20260413-2447)", "2026-04-13T00:25:34.000Z"),
)

func amazonLinux(name, description, created string) (out []image) {
	for _, arch := range []string{"x86_64", "arm64"} {
		out = append(out, image{name: name + "-" + arch, description: fmt.Sprintf(description, arch), owner: amazon, arch: arch,
			root: "/dev/xvda", volume: "gp3", boot: bootMode(arch, "uefi-preferred"), imds: "v2.0", created: created})
	}
	return out
}

func amazonLinux2(name, description, created string) (out []image) {
	for _, arch := range []string{"x86_64", "arm64"} {
		out = append(out, image{name: fmt.Sprintf(name, arch), description: fmt.Sprintf(description, arch), owner: amazon, arch: arch,
			root: "/dev/xvda", volume: "gp2", boot: bootMode(arch, ""), created: created})
	}
	return out
}

func ubuntu(name, release, created string) (out []image) {
	volume := "gp2"
	if strings.Contains(name, "gp3") {
		volume = "gp3"
	}
	for arch, theirs := range debianArch() {
		out = append(out, image{name: fmt.Sprintf(name, theirs), description: "Canonical, Ubuntu, " + fmt.Sprintf(release, theirs), owner: canonical,
			arch: arch, root: "/dev/sda1", volume: volume, boot: bootMode(arch, "uefi-preferred"), created: created})
	}
	return out
}

func debianLinux(name, description, created string) (out []image) {
	for arch, theirs := range debianArch() {
		out = append(out, image{name: fmt.Sprintf(name, theirs), description: description, owner: debian, arch: arch,
			root: "/dev/xvda", volume: "gp3", boot: bootMode(arch, "uefi-preferred"), created: created})
	}
	return out
}

// debianArch yields AWS's names of the architectures with Debian's.
func debianArch() func(func(aws, theirs string) bool) {
	return func(yield func(string, string) bool) {
		_ = yield("x86_64", "amd64") && yield("arm64", "arm64")
	}
}

// bootMode is what an image says of itself; an arm64 machine boots by UEFI alone.
func bootMode(arch, x86 string) string {
	if arch == "arm64" {
		return "uefi"
	}
	return x86
}

// stableID makes an id that is the same at every reading.
func stableID(prefix, region, name string) string {
	sum := sha256.Sum256([]byte(prefix + "/" + region + "/" + name))
	return prefix + "-0" + hex.EncodeToString(sum[:])[:16]
}

// id is the image's in the Region.
func (m image) id(region string) string { return stableID("ami", region, m.name) }

// imageIDs are the images by Region, "/" and id.
var imageIDs = func() map[string]image {
	byID := map[string]image{}
	for _, region := range vpc.RegionNames() {
		for _, m := range images {
			byID[region+"/"+m.id(region)] = m
		}
	}
	return byID
}()

// imageByID finds a listed image of the Region.
func imageByID(region, id string) (image, bool) {
	m, ok := imageIDs[region+"/"+id]
	return m, ok
}

var imageID = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)

// ImageName is what DescribeImages calls the image in the Region; "": it lists no such image.
func ImageName(region, id string) string {
	m, _ := imageByID(region, id)
	return m.name
}

// checkImageID refuses an image id that is none by its form. Any other may be launched.
func checkImageID(id string) error {
	if !imageID.MatchString(id) {
		return vpc.Errorf("InvalidAMIID.Malformed", "Invalid id: %q (expecting \"ami-...\")", id)
	}
	return nil
}

// describeImages lists the images that can be found by name.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
func describeImages(s *vpc.State, in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	if err := imagesExist(s.Region, in.ImageIds); err != nil {
		return nil, err
	}
	var all []ec2.Image
	for _, m := range images {
		wanted := len(in.ImageIds) == 0 || slices.Contains(in.ImageIds, m.id(s.Region))
		if wanted && m.ownedBy(in.Owners) && m.executableBy(in.ExecutableUsers) {
			all = append(all, m.describe(s.Region))
		}
	}
	page, next, err := imageListing.page(s, in, len(in.ImageIds) > 0, all)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeImagesOutput{Images: page, NextToken: next}, nil
}

func imagesExist(region string, ids []string) error {
	var unknown []string
	for _, id := range ids {
		if err := checkImageID(id); err != nil {
			return err
		}
		if _, ok := imageByID(region, id); !ok {
			unknown = append(unknown, id)
		}
	}
	switch len(unknown) {
	case 0:
		return nil
	case 1:
		return vpc.Errorf("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", unknown[0])
	}
	return vpc.Errorf("InvalidAMIID.NotFound", "The image ids '[%s]' do not exist", strings.Join(unknown, ", "))
}

// ownedBy matches Owner.N: account ids and aliases. All publishers here have the alias amazon.
func (m image) ownedBy(owners []string) bool {
	return len(owners) == 0 || slices.Contains(owners, m.owner) || slices.Contains(owners, "amazon")
}

// executableBy matches ExecutableBy.N: everybody may launch every image, nobody was given one explicitly.
func (m image) executableBy(users []string) bool {
	return len(users) == 0 || slices.Contains(users, "all")
}

func (m image) describe(region string) ec2.Image {
	out := ec2.Image{
		ImageId: new(m.id(region)), Name: new(m.name), Description: new(m.description), ImageLocation: new("amazon/" + m.name),
		OwnerId: new(m.owner), ImageOwnerAlias: new("amazon"), Public: new(true), State: "available", ImageType: "machine",
		Architecture: m.arch, BootMode: m.boot, ImdsSupport: m.imds, CreationDate: new(m.created), EnaSupport: new(true),
		Hypervisor: "xen", VirtualizationType: "hvm", SriovNetSupport: new("simple"), RootDeviceType: "ebs", RootDeviceName: new(m.root),
		PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"), DeprecationTime: new(m.deprecated()), DeregistrationProtection: new("disabled"),
		BlockDeviceMappings: []ec2.BlockDeviceMapping{{DeviceName: new(m.root), Ebs: &ec2.EbsBlockDevice{
			DeleteOnTermination: new(true), Encrypted: new(false), SnapshotId: new(stableID("snap", region, m.name)),
			VolumeSize: new(int32(8)), VolumeType: m.volume}}},
	}
	if m.volume == "gp3" {
		out.BlockDeviceMappings[0].Ebs.Iops, out.BlockDeviceMappings[0].Ebs.Throughput = new(int32(3000)), new(int32(125))
	}
	if m.owner == canonical {
		out.BlockDeviceMappings = append(out.BlockDeviceMappings,
			ec2.BlockDeviceMapping{DeviceName: new("/dev/sdb"), VirtualName: new("ephemeral0")},
			ec2.BlockDeviceMapping{DeviceName: new("/dev/sdc"), VirtualName: new("ephemeral1")})
	}
	return out
}

// deprecated is when AWS ceases to list the image to those who do not ask for such: two years after it was made.
func (m image) deprecated() string {
	created, err := time.Parse(time.RFC3339, m.created)
	if err != nil {
		panic("api: image " + m.name + ": " + err.Error())
	}
	return created.AddDate(2, 0, 0).Truncate(time.Minute).Format("2006-01-02T15:04:05.000Z")
}

var imageListing = listing[ec2.Image]{
	filters: imageFilters,
	paging:  paging{low: 5, high: 1000, ids: "imagesSet", old: true},
	key:     func(m *ec2.Image) string { return imageOrder[*m.Name] },
}

// imageOrder is the place of each name in images: who takes the first gets the one that most want.
var imageOrder = func() map[string]string {
	order := map[string]string{}
	for i, m := range images {
		order[m.name] = fmt.Sprintf("%04d", i+1)
	}
	return order
}()

var imageFilters = filters[ec2.Image]{
	"architecture":        func(m *ec2.Image) []string { return of(m.Architecture) },
	"boot-mode":           func(m *ec2.Image) []string { return of(m.BootMode) },
	"creation-date":       func(m *ec2.Image) []string { return of(m.CreationDate) },
	"description":         func(m *ec2.Image) []string { return of(m.Description) },
	"ena-support":         func(m *ec2.Image) []string { return of(m.EnaSupport) },
	"hypervisor":          func(m *ec2.Image) []string { return of(m.Hypervisor) },
	"image-id":            func(m *ec2.Image) []string { return of(m.ImageId) },
	"image-type":          func(m *ec2.Image) []string { return of(m.ImageType) },
	"is-public":           func(m *ec2.Image) []string { return of(m.Public) },
	"manifest-location":   func(m *ec2.Image) []string { return of(m.ImageLocation) },
	"name":                func(m *ec2.Image) []string { return of(m.Name) },
	"owner-alias":         func(m *ec2.Image) []string { return of(m.ImageOwnerAlias) },
	"owner-id":            func(m *ec2.Image) []string { return of(m.OwnerId) },
	"root-device-name":    func(m *ec2.Image) []string { return of(m.RootDeviceName) },
	"root-device-type":    func(m *ec2.Image) []string { return of(m.RootDeviceType) },
	"sriov-net-support":   func(m *ec2.Image) []string { return of(m.SriovNetSupport) },
	"state":               func(m *ec2.Image) []string { return of(m.State) },
	"virtualization-type": func(m *ec2.Image) []string { return of(m.VirtualizationType) },
	"block-device-mapping.delete-on-termination": volumeOf(func(v *ec2.EbsBlockDevice) []string { return of(v.DeleteOnTermination) }),
	"block-device-mapping.encrypted":             volumeOf(func(v *ec2.EbsBlockDevice) []string { return of(v.Encrypted) }),
	"block-device-mapping.snapshot-id":           volumeOf(func(v *ec2.EbsBlockDevice) []string { return of(v.SnapshotId) }),
	"block-device-mapping.volume-size":           volumeOf(func(v *ec2.EbsBlockDevice) []string { return of(v.VolumeSize) }),
	"block-device-mapping.volume-type":           volumeOf(func(v *ec2.EbsBlockDevice) []string { return of(v.VolumeType) }),
	"block-device-mapping.device-name": func(m *ec2.Image) []string {
		return each(m.BlockDeviceMappings, func(d *ec2.BlockDeviceMapping) *string { return d.DeviceName })
	},
}.never("free-tier-eligible", "image-allowed", "kernel-id", "platform", "product-code", "product-code.type", "ramdisk-id",
	"source-image-id", "source-image-region", "source-instance-id", "state-reason-code", "state-reason-message",
).tagged(func(m *ec2.Image) []ec2.Tag { return m.Tags })

// volumeOf looks at the volumes of an image.
func volumeOf(held func(*ec2.EbsBlockDevice) []string) func(*ec2.Image) []string {
	return func(m *ec2.Image) (out []string) {
		for _, d := range m.BlockDeviceMappings {
			if d.Ebs != nil {
				out = append(out, held(d.Ebs)...)
			}
		}
		return out
	}
}
