package vpc

import "strings"

// AWS's ceilings: what it raises a quota to for nobody, or only in part.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
var ceilings = map[string]int{
	GroupsPerInterface.Name: 16,
	IPv4BlocksPerVPC.Name:   50,
	IPv6BlocksPerVPC.Name:   50,
	EntriesPerACL.Name:      40,
	RoutesPerTable.Name:     1000,
	PeeringsPerVPC.Name:     125,
}

const (
	maxQuota = 1_000_000
	// maxRules is how many rules may bear on one interface: rules per group times groups per interface.
	maxRules = 1000
)

// FindLimit finds a Limit by its code or its name, whose case does not matter.
func FindLimit(name string) (Limit, bool) {
	for _, l := range Limits {
		if strings.EqualFold(name, l.Name) || l.Code != "" && strings.EqualFold(name, l.Code) {
			return l, true
		}
	}
	return Limit{}, false
}

// SetQuota sets what the scope may have. Only beyond bounds does it exceed what AWS would grant.
func (e *Edit) SetQuota(scope Scope, l Limit, value int, beyond bool) error {
	if value < 0 || value > maxQuota {
		return Errorf("InvalidParameterValue", "%q may be from 0 to %d, not %d", l.Name, maxQuota, value)
	}
	if most, ok := ceilings[l.Name]; ok && value > most && !beyond {
		return Errorf("InvalidParameterValue", "AWS raises %q to %d at most, not to %d", l.Name, most, value)
	}
	e.Quotas.Put(&Quota{Scope: scope, Name: l.Name, Value: value})
	s := *e.State
	s.Scope = scope
	rules, groups := s.Limit(RulesPerGroup), s.Limit(GroupsPerInterface)
	if bears := l == RulesPerGroup || l == GroupsPerInterface; bears && rules*groups > maxRules && !beyond {
		return Errorf("InvalidParameterValue", "%q times %q may be %d at most on AWS, and %d × %d are %d", RulesPerGroup.Name, GroupsPerInterface.Name,
			maxRules, rules, groups, rules*groups)
	}
	return nil
}

// ResetQuota sets the quota back to AWS's default.
func (e *Edit) ResetQuota(scope Scope, l Limit) { e.Quotas.Delete(scope.Key() + "/" + l.Name) }
