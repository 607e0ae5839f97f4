package vpc

// AWS's default quotas. https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const (
	MaxVPCs               = 5    // a Region
	MaxSubnets            = 200  // a VPC
	MaxGroups             = 2500 // a Region
	MaxRules              = 60   // a security group, in each direction, IPv4 and IPv6 apart
	MaxGroupsPerInterface = 5
	MaxInterfaces         = 5000 // a Region
	MaxTags               = 50   // a resource
)

// LastACLEntry is the number of the entry that denies what no other one decided.
const LastACLEntry = 32767
