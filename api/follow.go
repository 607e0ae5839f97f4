package api

import (
	"iter"
	"slices"

	"crenel/vpc"
)

// follow takes away what goes with the things that the Edit deleted: the flow logs of a VPC, a subnet
// or an interface.
func follow(e *vpc.Edit) {
	for _, deleted := range []iter.Seq[string]{e.VPCs.Deleted(), e.Subnets.Deleted(), e.Interfaces.Deleted()} {
		for id := range deleted {
			for _, l := range slices.Collect(e.FlowLogs.By("resource", id)) {
				e.FlowLogs.Delete(l.ID)
			}
		}
	}
}
