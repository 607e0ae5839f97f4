package api

// awsPrefixList is the id of the prefix list that AWS keeps for a service in a Region: "s3", "dynamodb".
func awsPrefixList(region, service string) (id string) { return stableID("pl", region, service) }
