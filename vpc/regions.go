package vpc

import "strings"

// regions are AWS's Regions with the short name that their zone ids begin with, and how many
// Availability Zones a new account sees there.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var regions = map[string]struct {
	short string
	zones int
}{
	"af-south-1": {"afs1", 3}, "ap-east-1": {"ape1", 3}, "ap-northeast-1": {"apne1", 3}, "ap-northeast-2": {"apne2", 4},
	"ap-northeast-3": {"apne3", 3}, "ap-south-1": {"aps1", 3}, "ap-south-2": {"aps2", 3}, "ap-southeast-1": {"apse1", 3},
	"ap-southeast-2": {"apse2", 3}, "ap-southeast-3": {"apse3", 3}, "ap-southeast-4": {"apse4", 3}, "ca-central-1": {"cac1", 3},
	"ca-west-1": {"caw1", 3}, "eu-central-1": {"euc1", 3}, "eu-central-2": {"euc2", 3}, "eu-north-1": {"eun1", 3},
	"eu-south-1": {"eus1", 3}, "eu-south-2": {"eus2", 3}, "eu-west-1": {"euw1", 3}, "eu-west-2": {"euw2", 3},
	"eu-west-3": {"euw3", 3}, "il-central-1": {"ilc1", 3}, "me-central-1": {"mec1", 3}, "me-south-1": {"mes1", 3},
	"sa-east-1": {"sae1", 3}, "us-east-1": {"use1", 6}, "us-east-2": {"use2", 3}, "us-west-1": {"usw1", 2}, "us-west-2": {"usw2", 4},
}

// A Zone is an Availability Zone: "us-east-1a" and "use1-az1".
type Zone struct{ Name, ID string }

// IsRegion tells whether AWS has a Region of that name.
func IsRegion(name string) bool { _, ok := regions[name]; return ok }

// RegionNames lists every Region, in no order.
func RegionNames() (names []string) {
	for name := range regions {
		names = append(names, name)
	}
	return names
}

// Zones lists the Availability Zones of the Region, in order.
func Zones(region string) (zones []Zone) {
	r := regions[region]
	for i := range r.zones {
		zones = append(zones, Zone{region + string(rune('a'+i)), r.short + "-az" + string(rune('1'+i))})
	}
	return zones
}

// ZoneByName finds a zone of the Region by its name or its id.
func ZoneByName(region, name string) (Zone, bool) {
	for _, z := range Zones(region) {
		if z.Name == name || z.ID == name {
			return z, true
		}
	}
	return Zone{}, false
}

// GroupNameKey is how the index "name" of SecurityGroups files a name: unique in a VPC, whatever its case.
func GroupNameKey(vpc, name string) string { return vpc + "/" + strings.ToLower(name) }
