package api

import (
	"testing"

	"crenel/ec2"
)

// What runs already is no question of capacity, and what was launched before is not launched again.
func TestWithoutHostsOnlyNewStartsAreRefused(t *testing.T) {
	w := newWorld(t)
	const launch = "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=1&ClientToken=once"
	first := do[ec2.RunInstancesOutput](w, "RunInstances", launch)
	id := *first.Instances[0].InstanceId
	w.report(id, HostRunning, 1, "")
	w.state.Site.NoHosts = true
	if got := w.ask("StartInstances", id); got != "running 16 → running 16" {
		t.Errorf("a running one: %s", got)
	}
	if again := do[ec2.RunInstancesOutput](w, "RunInstances", launch); *again.Instances[0].InstanceId != id {
		t.Errorf("the same request launched %s", *again.Instances[0].InstanceId)
	}
	w.ask("StopInstances", id)
	w.report(id, HostStopped, 1, "")
	const refused = "InsufficientInstanceCapacity: We currently do not have sufficient m1.small capacity in the Availability Zone you requested (us-east-1a). This server has no host that runs instances."
	w.refuse("StartInstances", "InstanceId.1="+id, refused)
	w.refuse("RunInstances", "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=5", refused)
	w.refuse("StartInstances", "DryRun=true&InstanceId.1="+id, "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
	if got := w.ask("TerminateInstances", id); got != "stopped 80 → shutting-down 32" {
		t.Errorf("terminated: %s", got)
	}
}

func TestTheRegionsThatAServerServes(t *testing.T) {
	w := newWorld(t)
	w.state.Site.Regions = []string{"us-east-1", "eu-south-1"}
	for _, c := range []struct{ form, want string }{
		{"", "eu-south-1 opted-in, us-east-1 opt-in-not-required"},
		{"RegionName.1=us-east-1&RegionName.2=us-west-2", "us-east-1 opt-in-not-required, us-west-2 not-opted-in"},
		{"AllRegions=true&Filter.1.Name=region-name&Filter.1.Value.1=eu-south-*", "eu-south-1 opted-in, eu-south-2 not-opted-in"},
		{"Filter.1.Name=opt-in-status&Filter.1.Value.1=not-opted-in", ""},
	} {
		got := ""
		for _, r := range do[ec2.DescribeRegionsOutput](w, "DescribeRegions", c.form).Regions {
			if got != "" {
				got += ", "
			}
			got += *r.RegionName + " " + *r.OptInStatus
		}
		if got != c.want {
			t.Errorf("%s: got %s; want %s", c.form, got, c.want)
		}
	}
}
