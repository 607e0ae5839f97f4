package server

import (
	"iter"

	"crenel/policy"
	"crenel/vpc"
)

// fits refuses a change after which the host would have to enforce more than it can, or an account would take from what is
// kept for others, unless it is no more than before: there is a way back. It is asked before the change is committed, so
// nothing is ever applied in part.
func fits(before *vpc.State, e *vpc.Edit, action string) error {
	capacity := policy.Cost(e.Cell().Host)
	if capacity == (policy.Cost{}) || !concernsHosts(e) {
		return nil
	}
	demand := policy.DemandOf(e.State)
	if demand.Over(policy.Demand{}, capacity) == "" && demand.Unfair(policy.Demand{}, capacity) == "" {
		return nil
	}
	was := policy.DemandOf(before)
	why := demand.Over(was, capacity)
	if why != "" {
		why = "the host would have to enforce " + why
	} else if action != importName { // whose accounts came by what they have elsewhere
		why = demand.Unfair(was, capacity)
	}
	switch {
	case why == "":
		return nil
	case action == "RunInstances" || action == "StartInstances":
		return vpc.Errorf("InsufficientInstanceCapacity", "There is not enough capacity to fulfill your request: %s.", why)
	}
	return vpc.Errorf("ResourceLimitExceeded", "You have exceeded a resource limit of the host: %s.", why)
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
