package api

import (
	"strings"

	"crenel/vpc"
)

// checkQuotas refuses a group that has more rules than it may, in either direction. A prefix list that
// grows is checked with it, for every group that names the list.
func checkQuotas(s *vpc.State, g *vpc.SecurityGroup) error {
	for _, egress := range []bool{false, true} {
		if err := checkQuota(s, g.Rules, egress); err != nil {
			return err
		}
	}
	return nil
}

// checkQuota refuses more rules in one direction than a group may have. IPv4 and IPv6 are counted
// apart: a group counts for both, a prefix list for its own.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
func checkQuota(s *vpc.State, rules []vpc.Rule, egress bool) error {
	total := load{}
	for _, r := range rules {
		if r.Egress == egress {
			l := loadOf(s, r.Peer)
			total.v4, total.v6 = total.v4+l.v4, total.v6+l.v6
		}
	}
	if max(total.v4, total.v6) > s.Limit(vpc.RulesPerGroup) {
		return vpc.Errorf("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	return nil
}

// A load is as how many rules a rule counts.
type load struct{ v4, v6 int }

func loadOf(s *vpc.State, p vpc.Peer) load {
	list := s.PrefixLists.Get(p.PrefixList)
	switch {
	case list != nil && list.IPv6:
		return load{v6: weight(list)}
	case list != nil:
		return load{v4: weight(list)}
	case p.CIDR.IsValid() && p.CIDR.Addr().Is4():
		return load{v4: 1}
	case p.CIDR.IsValid():
		return load{v6: 1}
	}
	return load{1, 1}
}

// weight is as how many rules or routes a prefix list counts: as many as it may have entries, however
// many it has. AWS says of its own lists what they weigh.
// https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
func weight(l *vpc.PrefixList) int {
	if l.Account != "AWS" {
		return l.MaxEntries
	}
	for service, weight := range weights {
		if strings.HasSuffix(l.Name, "."+service) {
			return weight
		}
	}
	return 1
}

// weights are those of AWS's own lists that weigh more than 1, by the end of their names.
var weights = map[string]int{"cloudfront.origin-facing": 55, "route53-healthchecks": 25, "vpc-lattice": 10, "s3express": 6,
	"groundstation": 5, "ec2-instance-connect": 2}
