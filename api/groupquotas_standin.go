package api

import "crenel/vpc"

// checkQuotas stands in for the one that weighs every rule of a group.
func checkQuotas(s *vpc.State, g *vpc.SecurityGroup) error {
	for _, egress := range []bool{false, true} {
		n := 0
		for _, r := range g.Rules {
			if l := s.PrefixLists.Get(r.Peer.PrefixList); r.Egress == egress && l != nil {
				n += weight(l)
			} else if r.Egress == egress {
				n++
			}
		}
		if n > s.Limit(vpc.RulesPerGroup) {
			return vpc.Errorf("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
		}
	}
	return nil
}

// weight stands in for the one that knows what AWS's own lists weigh.
func weight(l *vpc.PrefixList) int { return l.MaxEntries }
