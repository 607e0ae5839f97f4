package api

import (
	"reflect"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/iam"
	"crenel/vpc"
)

// Asks are what a policy must allow for the operation to go on: one request for every resource that it
// touches or creates, and one for ec2:CreateTags where it tags what it creates.
//
// AWS says of every action which resources it is about. Here this follows from the input: what its
// parameters name, and what the operation makes. Describe calls are about no resource, as on AWS.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
func (o Operation) Asks(s *vpc.State, in any) []iam.Request {
	a := asking{s: s, action: o.Name, in: in}
	if run, ok := in.(*ec2.RunInstancesInput); ok && run.LaunchTemplate != nil {
		whole, err := withTemplate(s, run) // what the template says is asked for, too
		if err != nil {
			return a.about(nil) // the operation says what is wrong
		}
		a.in = whole
	}
	if strings.HasPrefix(o.Name, "Describe") {
		return a.about(nil)
	}
	a.find(reflect.ValueOf(a.in).Elem())
	a.findImplied()
	return a.about(a.created())
}

// An asking finds out what one call touches.
type asking struct {
	s       *vpc.State
	action  string
	in      any
	touched []resource
	seen    map[[3]string]bool // kind, id and VPC of what is touched
	where   []string           // the VPCs in which the call makes something, where its parameters do not say so
}

// A resource is what a call is about.
type resource struct {
	kind, id string // "vpc", "vpc-…", or "*" for what is to be made
	account  string
	vpc      string
	tags     vpc.Tags
	new      bool
}

// resourceTypes are the resource types of ARNs by the prefix of ids.
var resourceTypes = map[string]string{"vpc": "vpc", "subnet": "subnet", "sg": "security-group", "acl": "network-acl", "rtb": "route-table", "igw": "internet-gateway",
	"eigw": "egress-only-internet-gateway", "nat": "natgateway", "pcx": "vpc-peering-connection", "pl": "prefix-list", "eni": "network-interface",
	"eipalloc": "elastic-ip", "i": "instance", "ami": "image", "vol": "volume", "snap": "snapshot", "lt": "launch-template", "vpce": "vpc-endpoint",
	"dopt": "dhcp-options", "fl": "vpc-flow-log", "nip": "network-insights-path", "nia": "network-insights-analysis", "nis": "network-insights-access-scope",
	"nisa": "network-insights-access-scope-analysis", "scr": "subnet-cidr-reservation"}

// notTouched are parameters that name what a call only refers to: the peers of rules, the targets of
// routes, the other end of a peering connection.
var notTouched = map[string]bool{"IpPermissions": true, "SecurityGroupRule": true, "SecurityGroupRuleDescriptions": true, "SourceSecurityGroupName": true,
	"PeerVpcId": true, "Filters": true, "TagSpecifications": true, "Tags": true}

// find adds what the parameters in v name.
func (a *asking) find(v reflect.Value) {
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		if notTouched[name] || a.isRoute() && name != "RouteTableId" {
			continue
		}
		if f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		switch {
		case f.Kind() == reflect.String:
			a.add(name, f.String())
		case f.Kind() == reflect.Struct && f.Type().PkgPath() == v.Type().PkgPath():
			a.find(f)
		case f.Kind() != reflect.Slice:
		case f.Type().Elem().Kind() == reflect.String:
			for i := range f.Len() {
				a.add(name, f.Index(i).String())
			}
		case f.Type().Elem().Kind() == reflect.Struct:
			for i := range f.Len() {
				a.find(f.Index(i))
			}
		}
	}
}

func (a *asking) isRoute() bool {
	return slices.Contains([]string{"CreateRoute", "ReplaceRoute", "DeleteRoute"}, a.action)
}

// add adds what the value of a parameter names.
func (a *asking) add(parameter, value string) {
	switch parameter {
	case "KeyName":
		if value != "" {
			a.addKeyPair(value)
		}
	case "LaunchTemplateName":
		if t, err := findTemplate(a.s, nil, &value); err == nil && a.action != "CreateLaunchTemplate" {
			a.addObject(t.ID)
		}
	case "PublicIp":
		if e := a.s.ElasticIPs.First("public", value); e != nil && e.In(a.s.Scope) {
			a.addObject(e.ID)
		}
	case "GroupName", "GroupNames", "SecurityGroups":
		a.addGroup(value)
	case "GroupId", "GroupIds", "Groups", "SecurityGroupIds": // clients put names into some of them
		if !a.addObject(value) {
			a.addGroup(value)
		}
	case "Resources", "Source", "Destination": // clients put ARNs into some of them
		a.addObject(value[strings.LastIndexByte(value, '/')+1:])
	default:
		if strings.HasSuffix(parameter, "Id") || strings.HasSuffix(parameter, "Ids") {
			a.addObject(value)
		}
	}
}

// addGroup adds the group of the default VPC that has the name.
func (a *asking) addGroup(name string) {
	if v := a.s.DefaultVPC(); v != nil && a.action != "CreateSecurityGroup" {
		if g := a.s.SecurityGroups.First("name", vpc.GroupNameKey(v.ID, name)); g != nil {
			a.addObject(g.ID)
		}
	}
}

// addKeyPair adds a key pair: its ARN has its name.
func (a *asking) addKeyPair(name string) {
	r := resource{kind: "key-pair", id: name, account: a.s.Account}
	if k := a.s.KeyPairs.First("name", a.s.Key()+"/"+name); k != nil {
		r.tags = k.Tags
	}
	r.new = strings.HasPrefix(a.action, "Create") || strings.HasPrefix(a.action, "Import")
	a.put(r)
}

// madeBy are the resource types that operations make, where their names do not tell.
var madeBy = map[string][]string{
	"RunInstances":                            {"instance", "network-interface", "volume"},
	"AllocateAddress":                         {"elastic-ip"},
	"CreateDefaultVpc":                        {"vpc"},
	"CreateDefaultSubnet":                     {"subnet"},
	"CreateNatGateway":                        {"natgateway"},
	"CreateManagedPrefixList":                 {"prefix-list"},
	"CreateFlowLogs":                          {"vpc-flow-log"},
	"CreateDhcpOptions":                       {"dhcp-options"},
	"CreateKeyPair":                           nil, // named
	"StartNetworkInsightsAnalysis":            {"network-insights-analysis"},
	"StartNetworkInsightsAccessScopeAnalysis": {"network-insights-access-scope-analysis"},
}

// created are the resource types that the call makes, and those that it tags.
func (a *asking) created() []string {
	types, known := madeBy[a.action]
	types = slices.Clone(types)
	if name, ok := strings.CutPrefix(a.action, "Create"); ok && !known {
		for _, kind := range resourceTypes {
			if strings.ReplaceAll(kind, "-", "") == strings.ToLower(name) {
				types = append(types, kind)
			}
		}
	}
	for _, t := range a.tagSpecifications() {
		if !slices.Contains(types, t.ResourceType) && t.ResourceType != "" && t.ResourceType != "key-pair" {
			types = append(types, t.ResourceType)
		}
	}
	return types
}

func (a *asking) tagSpecifications() []ec2.TagSpecification {
	specs, _ := field(a.in, "TagSpecifications").([]ec2.TagSpecification)
	return specs
}

// about are the questions about what is touched and what is created.
func (a *asking) about(created []string) (asks []iam.Request) {
	var all []resource
	for _, kind := range created {
		where := a.places()
		if kind != "network-interface" {
			where = where[:1] // only interfaces are made in more than one VPC
		}
		for _, v := range where {
			all = append(all, resource{kind: kind, id: "*", account: a.s.Account, vpc: v, new: true})
		}
	}
	all = append(all, a.touched...)
	for _, r := range all {
		tags := a.tagsOf(r)
		asks = append(asks, a.ask("ec2:"+a.action, r, tags))
		if r.new && len(tags) > 0 {
			q := a.ask("ec2:CreateTags", r, tags)
			q.Keys.Add("ec2:CreateAction", a.action)
			asks = append(asks, q)
		}
	}
	if len(asks) == 0 {
		asks = append(asks, iam.Request{Action: "ec2:" + a.action, Resource: "*", Keys: a.keys()})
	}
	return asks
}

// places are the VPCs in which a call makes something, the main one first; "" where it makes nothing in a VPC.
func (a *asking) places() []string {
	if len(a.where) > 0 {
		return a.where
	}
	for _, parameter := range []string{"VpcId", "SubnetId"} { // a group may be of another VPC
		id, _ := field(a.in, parameter).(*string)
		for _, r := range a.touched {
			if r.id == value(id) {
				return []string{r.place()}
			}
		}
	}
	for _, r := range a.touched {
		if r.place() != "" {
			return []string{r.place()}
		}
	}
	return []string{""}
}

// place is the VPC that the resource is, or is in.
func (r resource) place() string {
	if r.kind == "vpc" {
		return r.id
	}
	return r.vpc
}

// tagsOf are the tags that the call gives to the resource, or takes from it.
func (a *asking) tagsOf(r resource) []ec2.Tag {
	if a.action == "CreateTags" || a.action == "DeleteTags" {
		tags, _ := field(a.in, "Tags").([]ec2.Tag)
		return tags
	}
	var tags []ec2.Tag
	for _, t := range a.tagSpecifications() {
		if r.new && t.ResourceType == r.kind {
			tags = append(tags, t.Tags...)
		}
	}
	return tags
}

func (a *asking) ask(action string, r resource, tags []ec2.Tag) iam.Request {
	scope := a.s.Scope
	scope.Account = r.account
	keys := a.keys()
	for _, t := range tags {
		keys.Add("aws:RequestTag/"+value(t.Key), value(t.Value))
		keys.Add("aws:TagKeys", value(t.Key))
	}
	for key, v := range r.tags {
		keys.Add("aws:ResourceTag/"+key, v)
		keys.Add("ec2:ResourceTag/"+key, v)
	}
	if r.vpc != "" && r.kind != "vpc" {
		keys.Add("ec2:Vpc", arn(scope, "vpc", r.vpc))
	}
	return iam.Request{Action: action, Resource: arn(scope, r.kind, r.id), Keys: keys}
}

// keys are what every call has.
func (a *asking) keys() iam.Keys {
	k := iam.Keys{}
	k.Add("ec2:Region", a.s.Region)
	k.Add("aws:RequestedRegion", a.s.Region)
	return k
}
