package api

import (
	"reflect"
	"slices"
	"strconv"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// launchTagTypes are what RunInstances and a launch template tag.
var launchTagTypes = []string{"instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"}

// withTemplate is the request with what it leaves open taken from the launch template that it names:
// its own parameters win. LaunchTemplate then has the template's id and the version's number.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/launch-instances-from-launch-template.html
func withTemplate(s *vpc.State, in *ec2.RunInstancesInput) (*ec2.RunInstancesInput, error) {
	if in.LaunchTemplate == nil {
		return in, nil
	}
	t, err := findTemplate(s, in.LaunchTemplate.LaunchTemplateId, in.LaunchTemplate.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	v, err := findVersion(t, value(in.LaunchTemplate.Version))
	if err != nil {
		return nil, err
	}
	data := readBack[ec2.RequestLaunchTemplateData](v.Data)
	if err := refuse(
		given{"LaunchTemplateData.InstanceRequirements", data.InstanceRequirements != nil},
		given{"LaunchTemplateData.Operator", data.Operator != nil},
	); err != nil {
		return nil, err
	}
	whole := readBack[ec2.RunInstancesInput](v.Data)
	whole.ElasticGpuSpecification = data.ElasticGpuSpecifications // the one member that RunInstances calls otherwise
	if len(in.SecurityGroupIds)+len(in.SecurityGroups) > 0 {
		whole.SecurityGroupIds, whole.SecurityGroups = nil, nil // ids and names are one list
	}
	whole.BlockDeviceMappings = overlayList(whole.BlockDeviceMappings, in.BlockDeviceMappings, func(d *ec2.BlockDeviceMapping) string { return value(d.DeviceName) })
	whole.NetworkInterfaces = overlayList(whole.NetworkInterfaces, in.NetworkInterfaces, func(n *ec2.InstanceNetworkInterfaceSpecification) string {
		return strconv.Itoa(int(value(n.DeviceIndex)))
	})
	whole.TagSpecifications = overlayTags(whole.TagSpecifications, in.TagSpecifications)
	rest := *in
	rest.BlockDeviceMappings, rest.NetworkInterfaces, rest.TagSpecifications = nil, nil, nil
	overlay(reflect.ValueOf(whole).Elem(), reflect.ValueOf(rest))
	whole.LaunchTemplate = &ec2.LaunchTemplateSpecification{LaunchTemplateId: new(t.ID), Version: new(strconv.Itoa(v.Number))}
	return whole, nil
}

// overlay sets in under all that over says, and looks into structures.
func overlay(under, over reflect.Value) {
	for i := range over.NumField() {
		from, to := over.Field(i), under.Field(i)
		switch {
		case from.IsZero() || from.Kind() == reflect.Slice && from.Len() == 0:
		case from.Kind() == reflect.Pointer && from.Elem().Kind() == reflect.Struct && from.Type() != reflect.TypeFor[*time.Time]() && !to.IsNil():
			both := reflect.New(to.Type().Elem())
			both.Elem().Set(to.Elem())
			overlay(both.Elem(), from.Elem())
			to.Set(both)
		default:
			to.Set(from)
		}
	}
}

// overlayList lays over the items of under those of over with the same key, and adds the others.
func overlayList[T any](under, over []T, key func(*T) string) []T {
	all := slices.Clone(under)
	for _, o := range over {
		i := slices.IndexFunc(all, func(u T) bool { return key(&u) == key(&o) })
		if i < 0 {
			all = append(all, o)
			continue
		}
		overlay(reflect.ValueOf(&all[i]).Elem(), reflect.ValueOf(o))
	}
	return all
}

// overlayTags lays tags over tags: of each type of resource, by key.
func overlayTags(under, over []ec2.TagSpecification) []ec2.TagSpecification {
	all := slices.Clone(under)
	for _, o := range over {
		i := slices.IndexFunc(all, func(u ec2.TagSpecification) bool { return u.ResourceType == o.ResourceType })
		if i < 0 {
			all = append(all, o)
			continue
		}
		all[i].Tags = slices.DeleteFunc(slices.Clone(all[i].Tags), func(t ec2.Tag) bool {
			return slices.ContainsFunc(o.Tags, func(n ec2.Tag) bool { return value(n.Key) == value(t.Key) })
		})
		all[i].Tags = append(all[i].Tags, o.Tags...)
	}
	return all
}

// templateTags are what AWS notes on an instance of the template that it was launched from.
func templateTags(t *ec2.LaunchTemplateSpecification) vpc.Tags {
	if t == nil {
		return nil
	}
	return vpc.Tags{"aws:ec2launchtemplate:id": *t.LaunchTemplateId, "aws:ec2launchtemplate:version": *t.Version}
}
