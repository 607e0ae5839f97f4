package api

import (
	"maps"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

var tagOperations = []Operation{write(createTags), write(deleteTags), read(describeTags)}

// A taggable is one noun with tags: its resource type, and how to get at the tags of its objects.
type taggable struct {
	resource, prefix string
	each             func(s *vpc.State, yield func(id string, tags vpc.Tags))
	change           func(e *vpc.Edit, id string, change func(vpc.Tags) (vpc.Tags, error)) error
}

var taggables = []taggable{
	tagsOf("vpc", vpcIDs, func(o *vpc.VPC) *vpc.Tags { return &o.Tags }, func(o *vpc.VPC) string { return o.ID }),
	tagsOf("subnet", subnetIDs, func(o *vpc.Subnet) *vpc.Tags { return &o.Tags }, func(o *vpc.Subnet) string { return o.ID }),
	tagsOf("subnet-cidr-reservation", cidrReservationIDs, func(o *vpc.CIDRReservation) *vpc.Tags { return &o.Tags }, func(o *vpc.CIDRReservation) string { return o.ID }),
	tagsOf("dhcp-options", dhcpOptionsIDs, func(o *vpc.DHCPOptions) *vpc.Tags { return &o.Tags }, func(o *vpc.DHCPOptions) string { return o.ID }),
	tagsOf("security-group", groupIDs, func(o *vpc.SecurityGroup) *vpc.Tags { return &o.Tags }, func(o *vpc.SecurityGroup) string { return o.ID }),
	tagsOf("network-acl", aclIDs, func(o *vpc.NetworkACL) *vpc.Tags { return &o.Tags }, func(o *vpc.NetworkACL) string { return o.ID }),
	tagsOf("route-table", routeTableIDs, func(o *vpc.RouteTable) *vpc.Tags { return &o.Tags }, func(o *vpc.RouteTable) string { return o.ID }),
	tagsOf("internet-gateway", internetGatewayIDs, func(o *vpc.InternetGateway) *vpc.Tags { return &o.Tags }, func(o *vpc.InternetGateway) string { return o.ID }),
	tagsOf("egress-only-internet-gateway", egressOnlyIDs, func(o *vpc.EgressOnlyGateway) *vpc.Tags { return &o.Tags }, func(o *vpc.EgressOnlyGateway) string { return o.ID }),
	tagsOf("natgateway", natGatewayIDs, func(o *vpc.NATGateway) *vpc.Tags { return &o.Tags }, func(o *vpc.NATGateway) string { return o.ID }),
	tagsOf("prefix-list", prefixListIDs, func(o *vpc.PrefixList) *vpc.Tags { return &o.Tags }, func(o *vpc.PrefixList) string { return o.ID }),
	tagsOf("elastic-ip", elasticIPIDs, func(o *vpc.ElasticIP) *vpc.Tags { return &o.Tags }, func(o *vpc.ElasticIP) string { return o.ID }),
	tagsOf("network-interface", interfaceIDs, func(o *vpc.Interface) *vpc.Tags { return &o.Tags }, func(o *vpc.Interface) string { return o.ID }),
	tagsOf("instance", instanceIDs, func(o *vpc.Instance) *vpc.Tags { return &o.Tags }, func(o *vpc.Instance) string { return o.ID }),
	tagsOf("key-pair", keyPairIDs, func(o *vpc.KeyPair) *vpc.Tags { return &o.Tags }, func(o *vpc.KeyPair) string { return o.ID }),
	tagsOf("launch-template", launchTemplateIDs, func(o *vpc.LaunchTemplate) *vpc.Tags { return &o.Tags }, func(o *vpc.LaunchTemplate) string { return o.ID }),
	tagsOf("volume", volumeIDs, func(o *vpc.Volume) *vpc.Tags { return &o.Tags }, func(o *vpc.Volume) string { return o.ID }),
	tagsOf("vpc-endpoint", endpointIDs, func(o *vpc.VPCEndpoint) *vpc.Tags { return &o.Tags }, func(o *vpc.VPCEndpoint) string { return o.ID }),
	tagsOf("vpc-flow-log", flowLogIDs, func(o *vpc.FlowLog) *vpc.Tags { return &o.Tags }, func(o *vpc.FlowLog) string { return o.ID }),
	tagsOf("network-insights-path", insightsPathIDs, func(o *vpc.NetworkInsightsPath) *vpc.Tags { return &o.Tags }, func(o *vpc.NetworkInsightsPath) string { return o.ID }),
	tagsOf("network-insights-analysis", insightsAnalysisIDs, func(o *vpc.NetworkInsightsAnalysis) *vpc.Tags { return &o.Tags }, func(o *vpc.NetworkInsightsAnalysis) string { return o.ID }),
	tagsOf("network-insights-access-scope", accessScopeIDs, func(o *vpc.NetworkInsightsAccessScope) *vpc.Tags { return &o.Tags }, func(o *vpc.NetworkInsightsAccessScope) string { return o.ID }),
	tagsOf("network-insights-access-scope-analysis", accessScopeAnalysisIDs, func(o *vpc.NetworkInsightsAccessScopeAnalysis) *vpc.Tags { return &o.Tags }, func(o *vpc.NetworkInsightsAccessScopeAnalysis) string { return o.ID }),
	taggedBySide("vpc-peering-connection", peeringIDs, (*vpc.Peering).TagsOf, func(o *vpc.Peering) string { return o.ID }),
	{"security-group-rule", "sgr", eachRuleTags, changeRuleTags},
}

// tagsOf makes a noun whose objects stand in a table of their own taggable.
func tagsOf[T any](resource string, k ids[T], tags func(*T) *vpc.Tags, id func(*T) string) taggable {
	return taggedBySide(resource, k, func(o *T, _ vpc.Scope) *vpc.Tags { return tags(o) }, id)
}

// taggedBySide is tagsOf for a noun of which everybody who sees it has tags of their own.
func taggedBySide[T any](resource string, k ids[T], tags func(*T, vpc.Scope) *vpc.Tags, id func(*T) string) taggable {
	return taggable{resource, k.prefix,
		func(s *vpc.State, yield func(string, vpc.Tags)) {
			for o := range k.table(s).By("scope", s.Key()) {
				yield(id(o), *tags(o, s.Scope))
			}
		},
		func(e *vpc.Edit, id string, change func(vpc.Tags) (vpc.Tags, error)) error {
			old, err := k.find(e.State, id)
			if err != nil {
				return err
			}
			if any(old).(interface{ Key() string }).Key() == vpc.AWS(e.Region).Key() {
				return ownedByAWS(id)
			}
			o := *old
			if *tags(&o, e.Scope), err = change(*tags(old, e.Scope)); err != nil {
				return err
			}
			k.table(e.State).Put(&o)
			return nil
		}}
}

func eachRuleTags(s *vpc.State, yield func(string, vpc.Tags)) {
	for g := range s.SecurityGroups.By("scope", s.Key()) {
		for _, r := range g.Rules {
			yield(r.ID, r.Tags)
		}
	}
}

func changeRuleTags(e *vpc.Edit, id string, change func(vpc.Tags) (vpc.Tags, error)) error {
	if err := checkRuleID(id); err != nil {
		return err
	}
	old := groupOfRule(e.State, id)
	if old == nil {
		return noRule(id)
	}
	g := *old
	g.Rules = slices.Clone(old.Rules)
	r := &g.Rules[slices.IndexFunc(g.Rules, func(r vpc.Rule) bool { return r.ID == id })]
	var err error
	if r.Tags, err = change(r.Tags); err != nil {
		return err
	}
	e.SecurityGroups.Put(&g)
	return nil
}

// changeTags changes the tags of every resource with one of the ids.
func changeTags(e *vpc.Edit, resources []string, change func(vpc.Tags) (vpc.Tags, error)) error {
	if len(resources) > maxTagged {
		return vpc.Errorf("InvalidParameterValue", "The maximum number of resources in a request is %d.", maxTagged)
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(resources))) {
		prefix, _, _ := strings.Cut(id, "-")
		i := slices.IndexFunc(taggables, func(t taggable) bool { return t.prefix == prefix })
		if i < 0 {
			return vpc.Errorf("InvalidID", "The ID '%s' is not valid", id)
		}
		if err := taggables[i].change(e, id, change); err != nil {
			return err
		}
	}
	return nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
func createTags(e *vpc.Edit, in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	more, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	err = changeTags(e, in.Resources, func(old vpc.Tags) (vpc.Tags, error) { return merge(old, more) })
	if err != nil {
		return nil, err
	}
	return &ec2.CreateTagsOutput{}, nil
}

// deleteTags deletes the tags with the keys, where a value is given only those that have it; without
// keys, all tags.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html
func deleteTags(e *vpc.Edit, in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
	if _, err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	err := changeTags(e, in.Resources, func(old vpc.Tags) (vpc.Tags, error) {
		if len(in.Tags) == 0 {
			return systemTags(old), nil
		}
		left := maps.Clone(old)
		for _, t := range in.Tags {
			if had, ok := left[*t.Key]; ok && (t.Value == nil || *t.Value == had) {
				delete(left, *t.Key)
			}
		}
		return left, nil
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteTagsOutput{}, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html
func describeTags(s *vpc.State, in *ec2.DescribeTagsInput) (*ec2.DescribeTagsOutput, error) {
	var items []ec2.TagDescription
	for _, t := range taggables {
		t.each(s, func(id string, tags vpc.Tags) {
			for key, value := range tags {
				items = append(items, ec2.TagDescription{ResourceId: new(id), ResourceType: t.resource, Key: new(key), Value: new(value)})
			}
		})
	}
	tags, next, err := tagListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeTagsOutput{Tags: tags, NextToken: next}, nil
}

var tagListing = listing[ec2.TagDescription]{
	filters[ec2.TagDescription]{
		"key":           func(t *ec2.TagDescription) []string { return of(t.Key) },
		"resource-id":   func(t *ec2.TagDescription) []string { return of(t.ResourceId) },
		"resource-type": func(t *ec2.TagDescription) []string { return of(t.ResourceType) },
		"value":         func(t *ec2.TagDescription) []string { return of(t.Value) },
		byTag:           func(t *ec2.TagDescription) []string { return tagPairs([]ec2.Tag{{Key: t.Key, Value: t.Value}}) },
	},
	paging{5, 1000, "", true},
	func(t *ec2.TagDescription) string { return *t.ResourceId + "\x00" + *t.Key },
}
