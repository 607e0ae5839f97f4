package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// catalogOperations tell what there is to choose from: the same for every account.
var catalogOperations = []Operation{
	read(describeRegions),
	read(describeAvailabilityZones),
	read(describeImages),
	read(describeInstanceTypes),
	read(describeInstanceTypeOfferings),
}

// optIn are the Regions that AWS opens only to accounts which ask; here every account has, if the server serves them.
var optIn = []string{"af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ca-west-1", "eu-central-2",
	"eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1"}

// describeRegions lists the Regions that the server serves. Others are to it what those are to an account on AWS that
// never asked for them: shown when they are named, or when all are wanted.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
func describeRegions(s *vpc.State, in *ec2.DescribeRegionsInput) (*ec2.DescribeRegionsOutput, error) {
	if err := knownNames("Invalid region", in.RegionNames, vpc.IsRegion); err != nil {
		return nil, err
	}
	m, err := regionFilters.matcher(in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeRegionsOutput{Regions: []ec2.Region{}}
	for _, name := range slices.Sorted(slices.Values(vpc.RegionNames())) {
		r := ec2.Region{RegionName: new(name), Endpoint: new("ec2." + name + ".amazonaws.com"), OptInStatus: new("opt-in-not-required")}
		served := s.Site.Serves(name)
		switch {
		case !served:
			r.OptInStatus = new("not-opted-in")
		case slices.Contains(optIn, name):
			r.OptInStatus = new("opted-in")
		}
		wanted := slices.Contains(in.RegionNames, name) || len(in.RegionNames) == 0 && (served || value(in.AllRegions))
		if wanted && m.meets(&r) {
			out.Regions = append(out.Regions, r)
		}
	}
	return out, nil
}

var regionFilters = filters[ec2.Region]{
	"endpoint":      func(r *ec2.Region) []string { return of(r.Endpoint) },
	"opt-in-status": func(r *ec2.Region) []string { return of(r.OptInStatus) },
	"region-name":   func(r *ec2.Region) []string { return of(r.RegionName) },
}

// describeAvailabilityZones lists the zones of the request's Region.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html
func describeAvailabilityZones(s *vpc.State, in *ec2.DescribeAvailabilityZonesInput) (*ec2.DescribeAvailabilityZonesOutput, error) {
	zones := vpc.Zones(s.Region)
	isName := func(name string) bool {
		return slices.ContainsFunc(zones, func(z vpc.Zone) bool { return z.Name == name })
	}
	isID := func(id string) bool { return slices.ContainsFunc(zones, func(z vpc.Zone) bool { return z.ID == id }) }
	if err := knownNames("Invalid availability zone", in.ZoneNames, isName); err != nil {
		return nil, err
	}
	if err := knownNames("Invalid availability zone-id", in.ZoneIds, isID); err != nil {
		return nil, err
	}
	m, err := zoneFilters.matcher(in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeAvailabilityZonesOutput{AvailabilityZones: []ec2.AvailabilityZone{}}
	for _, z := range zones {
		described := describeZone(s.Region, z)
		asked := len(in.ZoneNames)+len(in.ZoneIds) == 0 || slices.Contains(in.ZoneNames, z.Name) || slices.Contains(in.ZoneIds, z.ID)
		if asked && m.meets(&described) {
			out.AvailabilityZones = append(out.AvailabilityZones, described)
		}
	}
	return out, nil
}

func describeZone(region string, z vpc.Zone) ec2.AvailabilityZone {
	status := "opt-in-not-required"
	if slices.Contains(optIn, region) {
		status = "opted-in"
	}
	return ec2.AvailabilityZone{ZoneName: new(z.Name), ZoneId: new(z.ID), RegionName: new(region), State: "available", OptInStatus: status,
		GroupName: new(region + "-zg-1"), GroupLongName: new(region + " 1"), NetworkBorderGroup: new(region), ZoneType: new("availability-zone"),
		Messages: []ec2.AvailabilityZoneMessage{}}
}

var zoneFilters = filters[ec2.AvailabilityZone]{
	"group-long-name": func(z *ec2.AvailabilityZone) []string { return of(z.GroupLongName) },
	"group-name":      func(z *ec2.AvailabilityZone) []string { return of(z.GroupName) },
	"opt-in-status":   func(z *ec2.AvailabilityZone) []string { return of(z.OptInStatus) },
	"region-name":     func(z *ec2.AvailabilityZone) []string { return of(z.RegionName) },
	"state":           func(z *ec2.AvailabilityZone) []string { return of(z.State) },
	"zone-id":         func(z *ec2.AvailabilityZone) []string { return of(z.ZoneId) },
	"zone-name":       func(z *ec2.AvailabilityZone) []string { return of(z.ZoneName) },
	"zone-type":       func(z *ec2.AvailabilityZone) []string { return of(z.ZoneType) },
}.never("message", "parent-zone-id", "parent-zone-name")

// knownNames refuses names that are not known, all at once as AWS does.
func knownNames(complaint string, names []string, known func(string) bool) error {
	var unknown []string
	for _, name := range names {
		if !known(name) {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return vpc.Errorf("InvalidParameterValue", "%s: [%s]", complaint, strings.Join(unknown, ", "))
	}
	return nil
}

// never adds filters that AWS has and that nothing here can meet.
func (f filters[T]) never(names ...string) filters[T] {
	for _, name := range names {
		f[name] = func(*T) []string { return nil }
	}
	return f
}
