package api

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// launchTemplateOperations keep parameters of RunInstances under names; see withTemplate.
var launchTemplateOperations = []Operation{
	write(createLaunchTemplate),
	write(deleteLaunchTemplate),
	read(describeLaunchTemplates),
	read(describeLaunchTemplateVersions),
}

// createLaunchTemplate keeps a template with its first version. What could not be launched is kept too,
// with a warning.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
func createLaunchTemplate(e *vpc.Edit, in *ec2.CreateLaunchTemplateInput) (*ec2.CreateLaunchTemplateOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	if earlier, err := madeBefore(e.State, e.LaunchTemplates, token, func(t *vpc.LaunchTemplate) vpc.Token { return t.Token }); earlier != nil || err != nil {
		return &ec2.CreateLaunchTemplateOutput{LaunchTemplate: showLaunchTemplate(earlier)}, err
	}
	if err := refuse(given{"Operator", in.Operator != nil}); err != nil {
		return nil, err
	}
	if !isTemplateName(*in.LaunchTemplateName) {
		return nil, vpc.Errorf("InvalidLaunchTemplateName.MalformedException", "%s", badTemplateName)
	}
	if len(value(in.VersionDescription)) > 255 {
		return nil, invalid("VersionDescription", *in.VersionDescription, "It must be up to 255 characters.")
	}
	if err := checkTemplate(in.LaunchTemplateData); err != nil {
		return nil, err
	}
	tags, err := createTagsFor(in.TagSpecifications, "launch-template")
	switch {
	case err != nil:
		return nil, err
	case templateByName(e.State, *in.LaunchTemplateName) != nil:
		return nil, vpc.Errorf("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
	case e.LaunchTemplates.CountBy("scope", e.Key()) >= e.Limit(vpc.LaunchTemplatesPerRegion):
		return nil, vpc.Errorf("LaunchTemplateLimitExceeded", "The maximum number of launch templates has been reached.")
	}
	t := &vpc.LaunchTemplate{ID: e.NewID("lt"), Scope: e.Scope, Name: *in.LaunchTemplateName, Default: 1, Token: token, Tags: tags["launch-template"],
		Versions: []vpc.LaunchTemplateVersion{{Number: 1, Description: value(in.VersionDescription), Data: keepAs(in.LaunchTemplateData), Created: e.Now}}}
	e.LaunchTemplates.Put(t)
	return &ec2.CreateLaunchTemplateOutput{LaunchTemplate: showLaunchTemplate(t), Warning: templateWarning(in.LaunchTemplateData)}, nil
}

const badTemplateName = "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _."

func isTemplateName(name string) bool {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-()./_"
	return len(name) >= 3 && len(name) <= 128 && strings.Trim(name, alphabet) == ""
}

// maxTemplateData is how many bytes of parameters a version has at most: user data and the most tags fit into it.
const maxTemplateData = 96 << 10

// checkTemplate refuses what can never be launched, whatever there will be then, and what is too much to keep.
func checkTemplate(data *ec2.RequestLaunchTemplateData) error {
	if _, err := keepWithin(maxTemplateData, "launch template data", data); err != nil {
		return err
	}
	if name := data.InstanceType; name != "" {
		if _, ok := instanceTypes[name]; !ok {
			return vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for InstanceType.", name)
		}
	}
	if image := value(data.ImageId); image != "" && !strings.HasPrefix(image, "resolve:ssm:") {
		if err := checkImageID(image); err != nil {
			return err
		}
	}
	if _, err := checkUserData(value(data.UserData)); err != nil {
		return err
	}
	if _, err := shutdownBehavior(data.InstanceInitiatedShutdownBehavior); err != nil {
		return err
	}
	for _, spec := range data.TagSpecifications {
		if _, err := createTagsFor([]ec2.TagSpecification{{ResourceType: spec.ResourceType, Tags: spec.Tags}}, launchTagTypes...); err != nil {
			return err
		}
	}
	return nil
}

// templateWarning says what of the parameters cannot be launched together, as far as AWS says it at once.
func templateWarning(data *ec2.RequestLaunchTemplateData) *ec2.ValidationWarning {
	if len(data.NetworkInterfaces) == 0 || len(data.SecurityGroupIds)+len(data.SecurityGroups) == 0 {
		return nil
	}
	return &ec2.ValidationWarning{Errors: []ec2.ValidationError{{Code: new("InvalidParameterCombination"),
		Message: new("Network interfaces and an instance-level security groups may not be specified on the same request")}}}
}

func templateByName(s *vpc.State, name string) *vpc.LaunchTemplate {
	return s.LaunchTemplates.First("name", vpc.LaunchTemplateNameKey(s.Scope, name))
}

// findTemplate finds the template that a request names by its id or by its name.
func findTemplate(s *vpc.State, id, name *string) (*vpc.LaunchTemplate, error) {
	switch {
	case value(id) != "" && value(name) != "":
		return nil, notTogether("LaunchTemplateId", "LaunchTemplateName")
	case value(id) != "":
		if err := launchTemplateIDs.check(*id); err != nil {
			return nil, err
		}
		if t := launchTemplateIDs.get(s, *id); t != nil {
			return t, nil
		}
		return nil, vpc.Errorf(launchTemplateIDs.notFound, "The specified launch template, with template ID %s, does not exist.", *id)
	case value(name) != "":
		if !isTemplateName(*name) {
			return nil, vpc.Errorf("InvalidLaunchTemplateName.Malformed", "%s", badTemplateName)
		}
		if t := templateByName(s, *name); t != nil {
			return t, nil
		}
		return nil, vpc.Errorf("InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name %s, does not exist.", *name)
	}
	return nil, missing("launch template ID or launch template name")
}

// findVersion finds a version by its number, or by $Default or $Latest; none given is the default one.
func findVersion(t *vpc.LaunchTemplate, asked string) (v vpc.LaunchTemplateVersion, err error) {
	number, _ := strconv.Atoi(asked)
	switch asked {
	case "", "$Default":
		number = t.Default
	case "$Latest":
		number = t.Latest().Number
	}
	i := slices.IndexFunc(t.Versions, func(v vpc.LaunchTemplateVersion) bool { return v.Number == number })
	switch {
	case i >= 0:
		return t.Versions[i], nil
	case number <= 0:
		return v, invalid("LaunchTemplateVersion", asked, "A launch template version must be a number, $Latest or $Default.")
	}
	return v, vpc.Errorf("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version %s for the launch template with ID %s.", asked, t.ID)
}

// deleteLaunchTemplate deletes a template with all its versions.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplate.html
func deleteLaunchTemplate(e *vpc.Edit, in *ec2.DeleteLaunchTemplateInput) (*ec2.DeleteLaunchTemplateOutput, error) {
	t, err := findTemplate(e.State, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	e.LaunchTemplates.Delete(t.ID)
	return &ec2.DeleteLaunchTemplateOutput{LaunchTemplate: showLaunchTemplate(t)}, nil
}

// describeLaunchTemplates lists templates.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html
func describeLaunchTemplates(s *vpc.State, in *ec2.DescribeLaunchTemplatesInput) (*ec2.DescribeLaunchTemplatesOutput, error) {
	found := map[string]*vpc.LaunchTemplate{}
	for _, id := range in.LaunchTemplateIds {
		t, err := findTemplate(s, &id, nil)
		if vpc.Code(err) == launchTemplateIDs.notFound && len(in.LaunchTemplateIds) > 1 {
			err = vpc.Errorf(launchTemplateIDs.notFound, "At least one of the launch templates specified in the request does not exist.")
		}
		if err != nil {
			return nil, err
		}
		found[t.ID] = t
	}
	for _, name := range in.LaunchTemplateNames {
		t := templateByName(s, name)
		if t == nil {
			return nil, vpc.Errorf("InvalidLaunchTemplateName.NotFoundException", "At least one of the launch templates specified in the request does not exist.")
		}
		found[t.ID] = t
	}
	named := len(in.LaunchTemplateIds)+len(in.LaunchTemplateNames) > 0
	var items []ec2.LaunchTemplate
	for t := range s.LaunchTemplates.By("scope", s.Key()) {
		if !named || found[t.ID] != nil {
			items = append(items, *showLaunchTemplate(t))
		}
	}
	templates, next, err := launchTemplateListing.page(s, in, named, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeLaunchTemplatesOutput{LaunchTemplates: templates, NextToken: next}, nil
}

func showLaunchTemplate(t *vpc.LaunchTemplate) *ec2.LaunchTemplate {
	if t == nil {
		return nil
	}
	return &ec2.LaunchTemplate{LaunchTemplateId: new(t.ID), LaunchTemplateName: new(t.Name), CreateTime: new(t.Versions[0].Created),
		CreatedBy: new(rootARN(t.Scope)), DefaultVersionNumber: new(int64(t.Default)), LatestVersionNumber: new(int64(t.Latest().Number)), Operator: unmanaged(), Tags: tagSet(t.Tags)}
}

// rootARN stands for whoever asked: operations do not know which user of the account it was.
func rootARN(s vpc.Scope) string { return "arn:aws:iam::" + s.Account + ":root" }

var launchTemplateListing = listing[ec2.LaunchTemplate]{
	filters: filters[ec2.LaunchTemplate]{
		"create-time":          func(t *ec2.LaunchTemplate) []string { return moment(t.CreateTime) },
		"launch-template-name": func(t *ec2.LaunchTemplate) []string { return of(t.LaunchTemplateName) },
	}.tagged(func(t *ec2.LaunchTemplate) []ec2.Tag { return t.Tags }),
	paging: paging{low: 1, high: 200},
	key:    func(t *ec2.LaunchTemplate) string { return *t.LaunchTemplateId },
}

// describeLaunchTemplateVersions lists versions of one template or, where none is named, the latest
// and default ones of all. The newest comes first.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html
func describeLaunchTemplateVersions(s *vpc.State, in *ec2.DescribeLaunchTemplateVersionsInput) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	var items []ec2.LaunchTemplateVersion
	var err error
	switch {
	case len(in.Versions) > 0 && in.MinVersion != nil:
		err = notTogether("LaunchTemplateVersion", "MinVersion")
	case len(in.Versions) > 0 && in.MaxVersion != nil:
		err = notTogether("LaunchTemplateVersion", "MaxVersion")
	case value(in.LaunchTemplateId) == "" && value(in.LaunchTemplateName) == "":
		items, err = aliasedVersions(s, in.Versions)
	default:
		var t *vpc.LaunchTemplate
		if t, err = findTemplate(s, in.LaunchTemplateId, in.LaunchTemplateName); err == nil {
			items, err = versionsAsked(t, in)
		}
	}
	if err != nil {
		return nil, err
	}
	versions, next, err := templateVersionListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: versions, NextToken: next}, nil
}

// aliasedVersions are the versions of all templates that $Latest and $Default mean.
func aliasedVersions(s *vpc.State, aliases []string) (items []ec2.LaunchTemplateVersion, err error) {
	if len(aliases) == 0 {
		return nil, missing("launch template ID or launch template name")
	}
	for _, alias := range aliases {
		if alias != "$Latest" && alias != "$Default" {
			return nil, invalid("LaunchTemplateVersion", alias, "Only $Latest and $Default can be specified without a launch template.")
		}
	}
	for t := range s.LaunchTemplates.By("scope", s.Key()) {
		shown, err := showVersions(t, aliases)
		if err != nil {
			return nil, err
		}
		items = append(items, shown...)
	}
	return items, nil
}

// versionsAsked are those of the template that the request names, or that lie between two numbers.
func versionsAsked(t *vpc.LaunchTemplate, in *ec2.DescribeLaunchTemplateVersionsInput) ([]ec2.LaunchTemplateVersion, error) {
	if len(in.Versions) > 0 {
		return showVersions(t, in.Versions)
	}
	least, err := versionBound("MinVersion", in.MinVersion, 1)
	if err != nil {
		return nil, err
	}
	most, err := versionBound("MaxVersion", in.MaxVersion, t.Latest().Number)
	if err != nil {
		return nil, err
	}
	var items []ec2.LaunchTemplateVersion
	for _, v := range t.Versions {
		if v.Number >= least && v.Number <= most {
			items = append(items, showVersion(t, v))
		}
	}
	return items, nil
}

func versionBound(parameter string, asked *string, otherwise int) (int, error) {
	if asked == nil {
		return otherwise, nil
	}
	n, err := strconv.Atoi(*asked)
	if err != nil || n < 1 {
		return 0, invalid(parameter, *asked, "It must be the number of a version.")
	}
	return n, nil
}

// showVersions shows the named versions, each once.
func showVersions(t *vpc.LaunchTemplate, asked []string) (items []ec2.LaunchTemplateVersion, err error) {
	seen := map[int]bool{}
	for _, name := range asked {
		v, err := findVersion(t, name)
		if err != nil {
			return nil, err
		}
		if !seen[v.Number] {
			items, seen[v.Number] = append(items, showVersion(t, v)), true
		}
	}
	return items, nil
}

func showVersion(t *vpc.LaunchTemplate, v vpc.LaunchTemplateVersion) ec2.LaunchTemplateVersion {
	return ec2.LaunchTemplateVersion{LaunchTemplateId: new(t.ID), LaunchTemplateName: new(t.Name), VersionNumber: new(int64(v.Number)),
		VersionDescription: optional(v.Description), CreateTime: new(v.Created), CreatedBy: new(rootARN(t.Scope)),
		DefaultVersion: new(v.Number == t.Default), Operator: unmanaged(), LaunchTemplateData: readBack[ec2.ResponseLaunchTemplateData](v.Data)}
}

var templateVersionListing = listing[ec2.LaunchTemplateVersion]{
	filters: filters[ec2.LaunchTemplateVersion]{
		"create-time":          func(v *ec2.LaunchTemplateVersion) []string { return moment(v.CreateTime) },
		"ebs-optimized":        func(v *ec2.LaunchTemplateVersion) []string { return of(v.LaunchTemplateData.EbsOptimized) },
		"http-endpoint":        metadataOf(func(o *ec2.LaunchTemplateInstanceMetadataOptions) string { return o.HttpEndpoint }),
		"http-tokens":          metadataOf(func(o *ec2.LaunchTemplateInstanceMetadataOptions) string { return o.HttpTokens }),
		"image-id":             func(v *ec2.LaunchTemplateVersion) []string { return of(v.LaunchTemplateData.ImageId) },
		"instance-type":        func(v *ec2.LaunchTemplateVersion) []string { return of(v.LaunchTemplateData.InstanceType) },
		"is-default-version":   func(v *ec2.LaunchTemplateVersion) []string { return of(v.DefaultVersion) },
		"kernel-id":            func(v *ec2.LaunchTemplateVersion) []string { return of(v.LaunchTemplateData.KernelId) },
		"ram-disk-id":          func(v *ec2.LaunchTemplateVersion) []string { return of(v.LaunchTemplateData.RamDiskId) },
		"iam-instance-profile": func(v *ec2.LaunchTemplateVersion) []string { return templateProfile(v.LaunchTemplateData) },
		"host-resource-group-arn": func(v *ec2.LaunchTemplateVersion) []string {
			if p := v.LaunchTemplateData.Placement; p != nil {
				return of(p.HostResourceGroupArn)
			}
			return nil
		},
		"license-configuration-arn": func(v *ec2.LaunchTemplateVersion) []string {
			return each(v.LaunchTemplateData.LicenseSpecifications, func(l *ec2.LaunchTemplateLicenseConfiguration) *string { return l.LicenseConfigurationArn })
		},
		"network-card-index": func(v *ec2.LaunchTemplateVersion) []string {
			return each(v.LaunchTemplateData.NetworkInterfaces, func(n *ec2.LaunchTemplateInstanceNetworkInterfaceSpecification) *int32 { return n.NetworkCardIndex })
		},
	}.never("http-protocol-ipv4"),
	paging: paging{low: 1, high: 200},
	key: func(v *ec2.LaunchTemplateVersion) string {
		return fmt.Sprintf("%s/%010d", *v.LaunchTemplateId, 9_999_999_999-*v.VersionNumber)
	},
}

func metadataOf(member func(*ec2.LaunchTemplateInstanceMetadataOptions) string) func(*ec2.LaunchTemplateVersion) []string {
	return func(v *ec2.LaunchTemplateVersion) []string {
		if v.LaunchTemplateData.MetadataOptions == nil {
			return nil
		}
		return of(member(v.LaunchTemplateData.MetadataOptions))
	}
}

func templateProfile(data *ec2.ResponseLaunchTemplateData) []string {
	if data.IamInstanceProfile == nil {
		return nil
	}
	return of(cmp.Or(data.IamInstanceProfile.Arn, data.IamInstanceProfile.Name))
}
