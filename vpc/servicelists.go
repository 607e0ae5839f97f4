package vpc

import "net/netip"

// AWS is the owner of what AWS itself has in the Region.
func AWS(region string) Scope { return Scope{"AWS", region} }

// serviceLists are the names of the prefix lists that AWS has in every Region, without "com.amazonaws.REGION."
// or, where the service is the same in all of them, "com.amazonaws.".
// https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
var serviceLists = []string{"s3", "dynamodb", "s3express", "vpc-lattice", "ec2-instance-connect", "route53-healthchecks",
	"global.cloudfront.origin-facing", "global.groundstation"}

// ServiceListName is the name of the prefix list of the service in the Region.
func ServiceListName(region, service string) string {
	if len(service) > 7 && service[:7] == "global." {
		return "com.amazonaws." + service
	}
	return "com.amazonaws." + region + "." + service
}

// ServiceListID is the id of that list; it follows from the name.
func ServiceListID(region, service string) string {
	e := Edit{ids: &digests{seed: "pl/" + region + "/" + ServiceListName(region, service)}}
	return e.NewID("pl")
}

// putServiceLists adds AWS's prefix lists of the Region. The services are not here, so their ranges are
// of a block that nobody has (RFC 5737): what allows them allows nothing else.
func (e *Edit) putServiceLists() {
	for n, service := range serviceLists {
		e.PrefixLists.Put(&PrefixList{ID: ServiceListID(e.Region, service), Scope: AWS(e.Region), Name: ServiceListName(e.Region, service),
			MaxEntries: 1, State: "create-complete", Versions: []PrefixListVersion{{Number: 1, Entries: []PrefixEntry{
				{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(n * 16)}), 28)}}}}})
	}
}
