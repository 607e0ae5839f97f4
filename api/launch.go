package api

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"

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
	subnet   *vpc.Subnet
	groups   []string
	address  netip.Addr // asked for; zero: any
	public   bool       // give a public address
	insist   bool       // and fail where there is none
	template vpc.Interface
	keep     bool // the interface outlives the instance
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
	l := &launch{in: in}
	for _, check := range []func(*vpc.State) error{l.supported, l.counts, l.what, l.where, l.who, l.atWhichAddress, l.rest} {
		if err := check(e.State); err != nil {
			return nil, err
		}
	}
	if err := capacity(e.State, l.typ.String(), l.subnet.Zone); err != nil && !value(in.DryRun) {
		return nil, err
	}
	l.instance.Token = token
	l.instance.Reservation = e.NewID("r")
	var made []*vpc.Instance
	for index := range l.count {
		i, err := l.one(e, index)
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

// where finds the subnet: the one that is named, or a default subnet of the default VPC.
func (l *launch) where(s *vpc.State) error {
	var zone string
	if p := l.in.Placement; p != nil {
		for _, name := range []string{value(p.AvailabilityZone), value(p.AvailabilityZoneId)} {
			if name == "" {
				continue
			}
			z, ok := vpc.ZoneByName(s.Region, name)
			if !ok {
				return vpc.Errorf("InvalidParameterValue", "Invalid availability zone: [%s]", name)
			}
			zone = z.Name
		}
	}
	id := value(l.in.SubnetId)
	if f := l.face(); f.SubnetId != nil {
		id = *f.SubnetId
	}
	if id == "" {
		return l.defaultSubnet(s, zone)
	}
	var err error
	if l.subnet, err = subnetIDs.find(s, id); err != nil {
		return err
	}
	if zone != "" && zone != l.subnet.Zone {
		return vpc.Errorf("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnet '%s' is in the availability zone %s", zone, id, l.subnet.Zone)
	}
	return nil
}

func (l *launch) defaultSubnet(s *vpc.State, zone string) error {
	v := s.DefaultVPC()
	if v == nil && len(l.in.SecurityGroups) > 0 {
		return vpc.Errorf("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
	}
	if v == nil {
		return vpc.Errorf("VPCIdNotSpecified", "No default VPC for this user")
	}
	for subnet := range s.Subnets.By("vpc", v.ID) {
		if subnet.DefaultZone && (zone == "" || subnet.Zone == zone) && (l.subnet == nil || subnet.Zone < l.subnet.Zone) {
			l.subnet = subnet
		}
	}
	switch {
	case l.subnet != nil:
		return nil
	case zone != "":
		return vpc.Errorf("InvalidInput", "No default subnet for availability zone: '%s'.", zone)
	}
	return vpc.Errorf("MissingInput", "No subnets found for the default VPC '%s'. Please specify a subnet.", v.ID)
}

// who finds the groups: those that are named, or the VPC's default group.
func (l *launch) who(s *vpc.State) error {
	in, face := l.in, l.face()
	if len(in.SecurityGroups) > 0 && value(in.SubnetId) != "" {
		return vpc.Errorf("InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet")
	}
	var ids []string
	for _, id := range slices.Concat(in.SecurityGroupIds, face.Groups) {
		g, err := l.group(s, id)
		if err != nil {
			return err
		}
		ids = append(ids, g.ID)
	}
	for _, name := range in.SecurityGroups {
		g := s.SecurityGroups.First("name", vpc.GroupNameKey(l.subnet.VPC, name))
		if g == nil {
			return vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, l.subnet.VPC)
		}
		ids = append(ids, g.ID)
	}
	if len(ids) == 0 {
		ids = []string{s.DefaultGroup(l.subnet.VPC).ID}
	}
	var err error
	l.groups, err = groupsOnce(s, ids)
	return err
}

// group finds a group by its id; AWS takes a name here too.
func (l *launch) group(s *vpc.State, id string) (*vpc.SecurityGroup, error) {
	unknown := vpc.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'", id, l.subnet.VPC)
	if !strings.HasPrefix(id, "sg-") {
		if g := s.SecurityGroups.First("name", vpc.GroupNameKey(l.subnet.VPC, id)); g != nil {
			return g, nil
		}
		return nil, unknown
	}
	if err := groupIDs.check(id); err != nil {
		return nil, err
	}
	g := groupIDs.get(s, id)
	switch {
	case g == nil:
		return nil, unknown
	case g.VPC != l.subnet.VPC:
		return nil, vpc.Errorf("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, l.subnet.ID)
	}
	return g, nil
}

// atWhichAddress looks at the private address that is asked for, whether there are enough free ones,
// and at whether the instances get a public one.
func (l *launch) atWhichAddress(s *vpc.State) error {
	face := l.face()
	l.public, l.insist = l.subnet.MapPublicIP, value(face.AssociatePublicIpAddress)
	if face.AssociatePublicIpAddress != nil {
		l.public = *face.AssociatePublicIpAddress
	}
	asked, err := l.askedAddress()
	if err != nil {
		return err
	}
	if asked != "" {
		if l.count > 1 {
			return vpc.Errorf("InvalidParameterCombination", "A private IP address may not be specified when launching more than one instance")
		}
		l.address, err = freePrivate(s, l.subnet, asked)
		return err
	}
	free := min(s.FreeAddresses(l.subnet), s.Limit(vpc.InterfacesPerRegion)-countInterfaces(s))
	if l.count = min(l.count, free); l.count < int(*l.in.MinCount) {
		if s.FreeAddresses(l.subnet) < int(*l.in.MinCount) {
			return vpc.Errorf("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
		}
		return vpc.Errorf("NetworkInterfaceLimitExceeded", "You have reached the limit of %d network interfaces.", s.Limit(vpc.InterfacesPerRegion))
	}
	return nil
}

func countInterfaces(s *vpc.State) (n int) {
	for range s.Interfaces.By("scope", s.Key()) {
		n++
	}
	return n
}

// askedAddress is the primary private address that the request asks for, in one of the three places where it may.
func (l *launch) askedAddress() (string, error) {
	face := l.face()
	asked := value(l.in.PrivateIpAddress)
	if face.PrivateIpAddress != nil {
		asked = *face.PrivateIpAddress
	}
	if len(face.PrivateIpAddresses) == 1 {
		if asked != "" {
			return "", vpc.Errorf("InvalidParameterCombination", "Only one primary private IP address can be specified.")
		}
		return need("NetworkInterface.1.PrivateIpAddresses.1.PrivateIpAddress", face.PrivateIpAddresses[0].PrivateIpAddress)
	}
	return asked, nil
}

// freePrivate reads an address and refuses it unless an interface of the subnet may take it.
func freePrivate(s *vpc.State, subnet *vpc.Subnet, asked string) (netip.Addr, error) {
	a, err := netip.ParseAddr(asked)
	switch {
	case err != nil || !a.Is4():
		return a, vpc.Errorf("InvalidParameterValue", "invalid value for parameter address: %s", asked)
	case !subnet.CIDR.Contains(a):
		return a, vpc.Errorf("InvalidParameterValue", "Address %s does not fall within the subnet's address range", a)
	case vpc.ReservedIn(subnet.CIDR, a):
		return a, vpc.Errorf("InvalidParameterValue", "Address %s is in subnet's reserved address range", a)
	case s.Interfaces.First("address", vpc.AddressKey(subnet.VPC, a.String())) != nil:
		return a, vpc.Errorf("InvalidIPAddress.InUse", "Address %s is in use.", a)
	}
	return a, nil
}

// rest reads what is only kept and shown, and makes the patterns of the instance and its interface.
func (l *launch) rest(s *vpc.State) (err error) {
	in, face := l.in, l.face()
	if l.tags, err = createTagsFor(in.TagSpecifications, "instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"); err != nil {
		return err
	}
	l.instance = vpc.Instance{Scope: s.Scope, Image: l.image, Type: l.typ.String(), KeyName: value(in.KeyName), Subnet: l.subnet.ID, VPC: l.subnet.VPC,
		Zone: l.subnet.Zone, State: vpc.Pending, KeepAPI: value(in.DisableApiTermination),
		KeepRunning: value(in.DisableApiStop), EBSOptimized: value(in.EbsOptimized), Boots: 1,
		Monitoring: in.Monitoring != nil && value(in.Monitoring.Enabled), Tags: l.tags["instance"]}
	because(&l.instance, "", "pending", "pending")
	if l.instance.UserData, err = checkUserData(value(in.UserData)); err != nil {
		return err
	}
	if l.instance.Shutdown, err = shutdownBehavior(in.InstanceInitiatedShutdownBehavior); err != nil {
		return err
	}
	if l.instance.CPUCredits, err = l.credits(); err != nil {
		return err
	}
	if l.instance.Metadata, err = l.metadata(s); err != nil {
		return err
	}
	l.template = vpc.Interface{Scope: s.Scope, VPC: l.subnet.VPC, Subnet: l.subnet.ID, Groups: l.groups, SourceDestCheck: true,
		AutoPublic: l.public, Tags: l.tags["network-interface"]}
	l.keep = face.DeleteOnTermination != nil && !*face.DeleteOnTermination
	l.template.Description, err = interfaceDescription(face.Description)
	return err
}

// checkUserData refuses user data that is not base64 of at most 16 KB.
func checkUserData(encoded string) (string, error) {
	text := strings.Join(strings.Fields(encoded), "")
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", vpc.Errorf("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data")
	}
	if len(decoded) > maxUserData {
		return "", vpc.Errorf("InvalidUserData.Malformed", "User data is limited to %d bytes.", maxUserData)
	}
	return text, nil
}

func shutdownBehavior(asked string) (string, error) {
	switch asked {
	case "":
		return "stop", nil
	case "stop", "terminate":
		return asked, nil
	}
	return "", vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for InstanceInitiatedShutdownBehavior.", asked)
}

func (l *launch) credits() (string, error) {
	if l.in.CreditSpecification == nil || !l.typ.burstable {
		return l.typ.credits(), nil
	}
	switch asked := value(l.in.CreditSpecification.CpuCredits); asked {
	case "standard", "unlimited":
		return asked, nil
	default:
		return "", invalid("CpuCredits", asked, "Valid values are: standard, unlimited.")
	}
}

// metadata decides the options of the metadata service: the request's, else the image's, else AWS's.
func (l *launch) metadata(s *vpc.State) (vpc.MetadataOptions, error) {
	o := vpc.MetadataOptions{Tokens: "optional", HopLimit: 1, Endpoint: "enabled", IPv6: "disabled", Tags: "disabled"}
	if m, ok := imageByID(s.Region, l.image); ok && m.imds == "v2.0" {
		o.Tokens, o.HopLimit = "required", 2
	}
	if in := l.in.MetadataOptions; in != nil {
		return changeMetadata(o, in.HttpTokens, in.HttpPutResponseHopLimit, in.HttpEndpoint, in.HttpProtocolIpv6, in.InstanceMetadataTags)
	}
	return o, nil
}

// one launches one instance with its interface.
func (l *launch) one(e *vpc.Edit, index int) (*vpc.Instance, error) {
	i := l.instance
	i.ID, i.LaunchTime, i.LaunchIndex = e.NewID("i"), e.Now, index
	face := l.template
	face.ID, face.Num, face.MAC = e.NewID("eni"), e.NewNum(), newMAC(e)
	if face.PrivateIP = l.address; !face.PrivateIP.IsValid() {
		var ok bool
		if face.PrivateIP, ok = e.FreeAddress(l.subnet); !ok {
			return nil, vpc.Errorf("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
		}
	}
	if l.public && (l.insist || e.Cell().Public.IsValid()) {
		var ok bool
		if face.PublicIP, ok = e.FreePublic(); !ok {
			return nil, noPublicAddress()
		}
	}
	face.Attachment = &vpc.Attachment{ID: e.NewID("eni-attach"), Instance: i.ID, Time: e.Now, DeleteOnTermination: !l.keep}
	e.Interfaces.Put(&face)
	e.Instances.Put(&i)
	return &i, nil
}

// newMAC makes a locally administered address, as AWS's are.
func newMAC(e *vpc.Edit) string {
	digits := strings.TrimPrefix(e.NewID("mac"), "mac-")
	parts := []string{"0a"}
	for at := 0; at < 10; at += 2 {
		parts = append(parts, digits[at:at+2])
	}
	return strings.Join(parts, ":")
}
