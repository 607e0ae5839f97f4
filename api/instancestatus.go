package api

import (
	"encoding/base64"

	"crenel/ec2"
	"crenel/vpc"
)

// describeInstanceStatus tells of the running instances, or of all, whether they can be reached.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
func describeInstanceStatus(s *vpc.State, in *ec2.DescribeInstanceStatusInput) (*ec2.DescribeInstanceStatusOutput, error) {
	if n := len(in.InstanceIds); n > 100 {
		return nil, vpc.Errorf("InvalidRequest", "%d exceeds the maximum number of instance IDs that can be specificied (100). Please specify fewer than 100 instance IDs.", n)
	}
	found, err := instanceIDs.all(s, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var all []ec2.InstanceStatus
	for _, i := range found {
		if i.State == vpc.Running || value(in.IncludeAllInstances) {
			all = append(all, describeStatus(i))
		}
	}
	page, next, err := statusListing.page(s, in, len(in.InstanceIds) > 0, all)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeInstanceStatusOutput{InstanceStatuses: page, NextToken: next}, nil
}

func describeStatus(i *vpc.Instance) ec2.InstanceStatus {
	out := ec2.InstanceStatus{InstanceId: new(i.ID), InstanceState: stateOf(i.State), AvailabilityZone: new(i.Zone),
		InstanceStatus: reachability(i), SystemStatus: reachability(i), Operator: unmanaged(), Events: []ec2.InstanceStatusEvent{}}
	if zone, ok := vpc.ZoneByName(i.Region, i.Zone); ok {
		out.AvailabilityZoneId = new(zone.ID)
	}
	if t, ok := instanceTypes[i.Type]; ok && !t.xen { // AWS looks at the volumes of Nitro's instances only
		s := reachability(i)
		out.AttachedEbsStatus = &ec2.EbsStatusSummary{Status: s.Status}
		for _, d := range s.Details {
			out.AttachedEbsStatus.Details = append(out.AttachedEbsStatus.Details, ec2.EbsStatusDetails{Name: d.Name, Status: d.Status})
		}
	}
	return out
}

// reachability is initializing from a reboot until the host says that the instance runs again.
func reachability(i *vpc.Instance) *ec2.InstanceStatusSummary {
	switch {
	case i.State != vpc.Running:
		return &ec2.InstanceStatusSummary{Status: "not-applicable"}
	case i.Booted < i.Boots:
		return &ec2.InstanceStatusSummary{Status: "initializing", Details: []ec2.InstanceStatusDetails{{Name: "reachability", Status: "initializing"}}}
	}
	return &ec2.InstanceStatusSummary{Status: "ok", Details: []ec2.InstanceStatusDetails{{Name: "reachability", Status: "passed"}}}
}

var statusListing = listing[ec2.InstanceStatus]{
	paging: paging{low: 5, high: 1000, ids: "instancesSet", old: true},
	key:    func(i *ec2.InstanceStatus) string { return *i.InstanceId },
	filters: filters[ec2.InstanceStatus]{
		"attached-ebs-status.status": func(i *ec2.InstanceStatus) []string {
			if i.AttachedEbsStatus == nil {
				return nil
			}
			return of(i.AttachedEbsStatus.Status)
		},
		"availability-zone":            func(i *ec2.InstanceStatus) []string { return of(i.AvailabilityZone) },
		"availability-zone-id":         func(i *ec2.InstanceStatus) []string { return of(i.AvailabilityZoneId) },
		"instance-state-code":          func(i *ec2.InstanceStatus) []string { return of(i.InstanceState.Code) },
		"instance-state-name":          func(i *ec2.InstanceStatus) []string { return of(i.InstanceState.Name) },
		"instance-status.status":       func(i *ec2.InstanceStatus) []string { return of(i.InstanceStatus.Status) },
		"instance-status.reachability": func(i *ec2.InstanceStatus) []string { return reached(i.InstanceStatus) },
		"operator.managed":             func(i *ec2.InstanceStatus) []string { return of(i.Operator.Managed) },
		"system-status.status":         func(i *ec2.InstanceStatus) []string { return of(i.SystemStatus.Status) },
		"system-status.reachability":   func(i *ec2.InstanceStatus) []string { return reached(i.SystemStatus) },
	}.never("event.code", "event.description", "event.instance-event-id", "event.not-after", "event.not-before",
		"event.not-before-deadline", "operator.principal"),
}

func reached(s *ec2.InstanceStatusSummary) []string {
	return each(s.Details, func(d *ec2.InstanceStatusDetails) string { return d.Status })
}

// getConsoleOutput returns the end of what the instance wrote, as its host last said.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
func getConsoleOutput(h Hosts, s *vpc.State, in *ec2.GetConsoleOutputInput) (*ec2.GetConsoleOutputOutput, error) {
	i, err := instanceIDs.find(s, value(in.InstanceId))
	if err != nil {
		return nil, err
	}
	output, at := h.Console(i.ID)
	if at.IsZero() {
		at = i.LaunchTime
	}
	return &ec2.GetConsoleOutputOutput{InstanceId: new(i.ID), Output: new(base64.StdEncoding.EncodeToString(output)), Timestamp: &at}, nil
}

// describeInstanceCreditSpecifications tells how burstable instances pay for bursts. Without ids AWS
// lists the unlimited ones.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceCreditSpecifications.html
func describeInstanceCreditSpecifications(s *vpc.State, in *ec2.DescribeInstanceCreditSpecificationsInput) (*ec2.DescribeInstanceCreditSpecificationsOutput, error) {
	found, err := instanceIDs.all(s, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var all []ec2.InstanceCreditSpecification
	for _, i := range found {
		wanted := len(in.InstanceIds) > 0 && i.CPUCredits != "" || i.CPUCredits == "unlimited"
		if wanted && i.State != vpc.Terminated {
			all = append(all, ec2.InstanceCreditSpecification{InstanceId: new(i.ID), CpuCredits: new(i.CPUCredits)})
		}
	}
	page, next, err := creditListing.page(s, in, len(in.InstanceIds) > 0, all)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeInstanceCreditSpecificationsOutput{InstanceCreditSpecifications: page, NextToken: next}, nil
}

var creditListing = listing[ec2.InstanceCreditSpecification]{
	paging:  paging{low: 5, high: 1000},
	key:     func(c *ec2.InstanceCreditSpecification) string { return *c.InstanceId },
	filters: filters[ec2.InstanceCreditSpecification]{"instance-id": func(c *ec2.InstanceCreditSpecification) []string { return of(c.InstanceId) }},
}
