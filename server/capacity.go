package server

import (
	"iter"

	"crenel/policy"
	"crenel/vpc"
)

// fits refuses a change after which the host would have to enforce more than it can, unless it is less than
// before: there is a way back. It is asked before the change is committed, so nothing is ever applied in part.
func fits(before *vpc.State, e *vpc.Edit, action string) error {
	capacity := policy.Cost(e.Cell().Host)
	if capacity == (policy.Cost{}) || !concernsHosts(e) {
		return nil
	}
	cost := policy.CostOf(policy.For(e.State, ""))
	over := cost.Over(capacity)
	switch {
	case over == "":
		return nil
	case cost.Over(policy.CostOf(policy.For(before, ""))) == "":
		return nil
	case action == "RunInstances" || action == "StartInstances":
		return vpc.Errorf("InsufficientInstanceCapacity", "There is not enough capacity to fulfill your request: the host would have to enforce %s.", over)
	}
	return vpc.Errorf("ResourceLimitExceeded", "You have exceeded a resource limit of the host: it would have to enforce %s.", over)
}

// concernsHosts tells whether the change could be one of what a host enforces.
func concernsHosts(e *vpc.Edit) bool {
	for id := range e.SecurityGroups.Changed() {
		if e.Interfaces.First("group", id) != nil {
			return true
		}
	}
	return some(e.Interfaces.Changed()) || some(e.Instances.Changed()) || some(e.NetworkACLs.Changed()) || some(e.RouteTables.Changed()) || some(e.Subnets.Changed()) ||
		some(e.VPCs.Changed()) || some(e.PrefixLists.Changed()) || some(e.ElasticIPs.Changed()) || some(e.Peerings.Changed()) || some(e.GroupAssociations.Changed())
}

func some(keys iter.Seq[string]) bool {
	for range keys {
		return true
	}
	return false
}
