package api

import (
	"slices"

	"crenel/vpc"
)

// endPeerings deletes the connections of a VPC that is deleted.
func endPeerings(e *vpc.Edit, vpcID string) {
	for _, old := range slices.Collect(e.Peerings.By("vpc", vpcID)) {
		if old.Status == "pending-acceptance" || old.Status == "active" {
			p := *old
			p.Status, p.Message, p.Ended = "deleted", "Deleted by "+e.Account, e.Now
			e.Peerings.Put(&p)
		}
	}
}
