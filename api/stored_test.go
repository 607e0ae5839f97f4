package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"crenel/ec2"
	"crenel/vpc"
)

// Random calls on what is stored and described keep it sound together with what it hangs on, are
// refused only in AWS's words, and change nothing when they are refused (try sees to that).
func TestRandomCallsKeepWhatIsStoredSound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		w.testVPC("10.0.0.0/16", "10.0.1.0/24")
		for range rapid.IntRange(1, 30).Draw(r, "calls") {
			action, form := drawStored(r, w)
			if rapid.IntRange(0, 9).Draw(r, "noise") == 0 {
				form += "&" + rapid.SampledFrom([]string{"DryRun=true", "ClientToken=t", "X=1", "VpcId=x", "TagSpecification.1.ResourceType=x"}).Draw(r, "what")
			}
			if _, err := w.try(action, form); err != nil {
				if _, ok := err.(*vpc.Error); !ok || vpc.Code(err) == "" {
					r.Fatalf("%s %s: %T %v", action, form, err, err)
				}
				continue
			}
			if wrong := unsoundStored(w.state); wrong != "" {
				r.Fatalf("after %s %s: %s", action, form, wrong)
			}
		}
	})
}

// drawStored makes a call that often succeeds; or it lets an instance that shall end do so.
func drawStored(r *rapid.T, w *world) (action, form string) {
	s := w.state.As(w.scope)
	one := func(list ...string) string { return rapid.SampledFrom(list).Draw(r, "one") }
	ids := map[string][]string{} // by prefix, with one that is nowhere
	for _, t := range taggables {
		ids[t.prefix] = []string{t.prefix + "-01234567"}
		t.each(s, func(id string, _ vpc.Tags) { ids[t.prefix] = append(ids[t.prefix], id) })
	}
	id := func(prefix string) string { return one(ids[prefix]...) }
	token := "ClientToken=" + one("a", "b", "c", "d")
	switch rapid.IntRange(0, 19).Draw(r, "action") {
	case 0, 1:
		kind, prefix := "VPC", "vpc"
		switch one("", "subnet", "eni") {
		case "subnet":
			kind, prefix = "Subnet", "subnet"
		case "eni":
			kind, prefix = "NetworkInterface", "eni"
		}
		return "CreateFlowLogs", "ResourceType=" + kind + "&ResourceId.1=" + id(prefix) + "&ResourceId.2=" + id(prefix) + one(toGroup, toS3) + "&TrafficType=" + one("ALL", "REJECT")
	case 2:
		return "DeleteFlowLogs", "FlowLogId.1=" + id("fl") + "&FlowLogId.2=" + id("fl")
	case 3:
		return "CreateNetworkInsightsPath", token + "&Protocol=tcp&Source=" + id(one("i", "eni", "igw", "vpce")) + "&Destination=" + id(one("i", "eni", "vpce"))
	case 4:
		return "StartNetworkInsightsAnalysis", token + "&NetworkInsightsPathId=" + id("nip")
	case 5:
		if one("path", "analysis") == "path" {
			return "DeleteNetworkInsightsPath", "NetworkInsightsPathId=" + id("nip")
		}
		return "DeleteNetworkInsightsAnalysis", "NetworkInsightsAnalysisId=" + id("nia")
	case 6:
		if one("scope", "analysis") == "scope" {
			return "CreateNetworkInsightsAccessScope", token + "&MatchPath.1.Source.PacketHeaderStatement.Protocol.1=tcp"
		}
		return "StartNetworkInsightsAccessScopeAnalysis", token + "&NetworkInsightsAccessScopeId=" + id("nis")
	case 7:
		if one("scope", "analysis") == "scope" {
			return "DeleteNetworkInsightsAccessScope", "NetworkInsightsAccessScopeId=" + id("nis")
		}
		return "DeleteNetworkInsightsAccessScopeAnalysis", "NetworkInsightsAccessScopeAnalysisId=" + id("nisa")
	case 8, 9:
		return "CreateVpcEndpoint", token + "&VpcId=" + id("vpc") + one(s3Service, ec2Service+"&PrivateDnsEnabled=false&SubnetId.1="+id("subnet"), s3Service+"&RouteTableId.1="+id("rtb"))
	case 10, 11:
		return "ModifyVpcEndpoint", "VpcEndpointId=" + id("vpce") + "&" + one("Add", "Remove") + one("SubnetId.1="+id("subnet"), "SecurityGroupId.1="+id("sg"), "RouteTableId.1="+id("rtb"))
	case 12:
		return "DeleteVpcEndpoints", "VpcEndpointId.1=" + id("vpce")
	case 13:
		return "CreateLaunchTemplate", "LaunchTemplateName=" + one("web", "app") + "&LaunchTemplateData.InstanceType=t3.micro&LaunchTemplateData.ImageId=" + testImage
	case 14:
		return "DeleteLaunchTemplate", "LaunchTemplateName=" + one("web", "app")
	case 15, 16:
		return "RunInstances", "MinCount=1&MaxCount=1&" + one("ImageId="+testImage, "LaunchTemplate.LaunchTemplateName=web") + one("", "&IamInstanceProfile.Name=p") +
			one("", "&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.DeleteOnTermination=false", "&BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=9")
	case 17:
		i := id("i")
		if machine := s.Instances.Get(i); machine != nil && machine.State == vpc.ShuttingDown {
			w.report(i, HostStopped, 0, "")
		}
		return "TerminateInstances", "InstanceId.1=" + i
	case 18:
		return "AssociateIamInstanceProfile", "InstanceId=" + id("i") + "&IamInstanceProfile.Name=" + one("p", "q")
	}
	switch one("vpc", "subnet", "group") {
	case "vpc":
		return "DeleteVpc", "VpcId=" + id("vpc")
	case "subnet":
		return "DeleteSubnet", "SubnetId=" + id("subnet")
	}
	return one("CreateSecurityGroup", "DeleteSecurityGroup"), one("GroupName=g&GroupDescription=d&VpcId="+id("vpc"), "GroupId="+id("sg"))
}

// unsoundStored says what is wrong with what is stored, or "".
func unsoundStored(s *vpc.State) string {
	for l := range s.FlowLogs.All() {
		if s.VPCs.Get(l.Resource) == nil && s.Subnets.Get(l.Resource) == nil && s.Interfaces.Get(l.Resource) == nil {
			return l.ID + " is of " + l.Resource + ", which is gone"
		}
		if n := count(s.FlowLogs.By("resource", l.Resource)); n > vpc.FlowLogsPerResource.Default {
			return fmt.Sprintf("%s has %d flow logs", l.Resource, n)
		}
	}
	for a := range s.NetworkInsightsAnalyses.All() {
		if s.NetworkInsightsPaths.Get(a.Path) == nil {
			return a.ID + " has no path"
		}
	}
	for a := range s.NetworkInsightsAccessScopeAnalyses.All() {
		if s.NetworkInsightsAccessScopes.Get(a.AccessScope) == nil {
			return a.ID + " has no access scope"
		}
	}
	names := map[string]bool{}
	for t := range s.LaunchTemplates.All() {
		key := vpc.LaunchTemplateNameKey(t.Scope, t.Name)
		if names[key] {
			return "two launch templates are named " + t.Name
		}
		names[key] = true
	}
	if wrong := unsoundEndpoints(s); wrong != "" {
		return wrong
	}
	return unsoundStorage(s)
}

func unsoundEndpoints(s *vpc.State) string {
	for p := range s.VPCEndpoints.All() {
		zones := map[string]bool{}
		if s.VPCs.Get(p.VPC) == nil {
			return p.ID + " is in no VPC"
		}
		for i := range s.Interfaces.By("owner", p.ID) {
			subnet := s.Subnets.Get(i.Subnet)
			if p.Type != "Interface" || subnet == nil || subnet.VPC != p.VPC || zones[subnet.Zone] {
				return p.ID + " has a wrong interface in " + i.Subnet
			}
			zones[subnet.Zone] = true
			if len(i.Groups) == 0 || slices.ContainsFunc(i.Groups, func(id string) bool { return s.SecurityGroups.Get(id) == nil }) {
				return i.ID + " is in groups that are gone"
			}
		}
	}
	for i := range s.Interfaces.All() {
		if strings.HasPrefix(i.Owner, "vpce-") && s.VPCEndpoints.Get(i.Owner) == nil {
			return i.ID + " is of an endpoint that is gone"
		}
	}
	for t := range s.RouteTables.All() {
		lists := map[string]bool{}
		for _, r := range t.Routes {
			if p := s.VPCEndpoints.Get(r.Target); strings.HasPrefix(r.Target, "vpce-") && (p == nil || p.Type != "Gateway" || p.VPC != t.VPC || lists[r.PrefixList]) {
				return t.ID + " has a wrong route to " + r.Target
			}
			lists[r.PrefixList] = true
		}
	}
	return ""
}

func unsoundStorage(s *vpc.State) string {
	live := func(id string) bool { i := s.Instances.Get(id); return i != nil && i.State != vpc.Terminated }
	for v := range s.Volumes.All() {
		if v.Instance != "" && !live(v.Instance) {
			return v.ID + " is attached to an instance that is gone"
		}
	}
	for a := range s.InstanceProfileAssociations.All() {
		if !live(a.Instance) || count(s.InstanceProfileAssociations.By("instance", a.Instance)) > 1 {
			return a.ID + " is not the one of a live instance"
		}
	}
	for i := range s.Instances.All() {
		if live(i.ID) && (len(describeDevices(s, i)) == 0 || volumesOf(s, i)[0].Device != rootDevice(i.Region, i.Image).Device) {
			return i.ID + " has no root volume"
		}
	}
	return ""
}

func TestQuotasOfWhatIsStored(t *testing.T) {
	w := newWorld(t)
	id, v := *w.run("").InstanceId, w.defaultVPC()
	path := w.path("Source=" + id + "&Destination=" + id)
	scope := "&MatchPath.1.Source.PacketHeaderStatement.Protocol.1=tcp"
	do[ec2.CreateNetworkInsightsAccessScopeOutput](w, "CreateNetworkInsightsAccessScope", "ClientToken=a"+scope)
	nis := w.state.NetworkInsightsAccessScopes.First("scope", testScope.Key()).ID
	table := w.state.As(testScope).MainRouteTable(v).ID
	for _, c := range []struct {
		limit              vpc.Limit
		action, form, want string
	}{
		{vpc.InsightsPaths, "CreateNetworkInsightsPath", "ClientToken=b&Protocol=tcp&Source=" + id + "&Destination=" + id, "NetworkInsightsPath.LimitExceeded: The maximum number of network insights paths has been reached."},
		{vpc.InsightsAnalyses, "StartNetworkInsightsAnalysis", "ClientToken=b&NetworkInsightsPathId=" + path, "NetworkInsightsAnalysis.LimitExceeded: The maximum number of network insights analyses has been reached."},
		{vpc.AccessScopes, "CreateNetworkInsightsAccessScope", "ClientToken=b" + scope, "NetworkInsightsAccessScope.LimitExceeded: The maximum number of network insights access scopes has been reached."},
		{vpc.AccessScopeAnalyses, "StartNetworkInsightsAccessScopeAnalysis", "ClientToken=b&NetworkInsightsAccessScopeId=" + nis, "NetworkInsightsAccessScopeAnalysis.LimitExceeded: The maximum number of network insights access scope analyses has been reached."},
		{vpc.LaunchTemplatesPerRegion, "CreateLaunchTemplate", "LaunchTemplateName=web&LaunchTemplateData.InstanceType=t3.micro", "LaunchTemplateLimitExceeded: The maximum number of launch templates has been reached."},
		{vpc.RoutesPerTable, "CreateVpcEndpoint", "VpcId=" + v + s3Service + "&RouteTableId.1=" + table, "RouteLimitExceeded: The maximum number of routes has been reached."},
		{vpc.InterfacesPerRegion, "CreateVpcEndpoint", "VpcId=" + v + ec2Service + "&SubnetId.1=" + w.defaultSubnet("us-east-1b"), "NetworkInterfaceLimitExceeded: You have reached the limit of 0 network interfaces."},
	} {
		w.edit(func(e *vpc.Edit) { e.Quotas.Put(&vpc.Quota{Scope: testScope, Name: c.limit.Name}) })
		w.refuse(c.action, c.form, c.want)
	}
}
