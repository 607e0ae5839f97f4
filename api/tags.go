package api

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"crenel/ec2"
	"crenel/vpc"
)

// AWS's limits on tags.
const (
	maxTagKey   = 128
	maxTagValue = 256
	maxTagged   = 1000 // resources of one request
)

// createTagsFor returns the tags that a create call gives to what it creates, by resource type: only
// those types may be named.
func createTagsFor(specs []ec2.TagSpecification, types ...string) (map[string]vpc.Tags, error) {
	byType := map[string]vpc.Tags{}
	for _, spec := range specs {
		if spec.ResourceType == "" {
			return nil, vpc.Errorf("InvalidTagSpecification.Malformed", "Tag specification resource type must have a value")
		}
		if !slices.Contains(types, spec.ResourceType) {
			return nil, vpc.Errorf("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		tags, err := checkTags(spec.Tags)
		if err != nil {
			return nil, err
		}
		for key := range tags {
			if _, ok := byType[spec.ResourceType][key]; ok {
				return nil, duplicateTag(key)
			}
		}
		if byType[spec.ResourceType], err = merge(byType[spec.ResourceType], tags); err != nil {
			return nil, err
		}
	}
	return byType, nil
}

// checkTags reads the tags of a request.
func checkTags(list []ec2.Tag) (vpc.Tags, error) {
	tags := vpc.Tags{}
	for _, t := range list {
		key, val := value(t.Key), value(t.Value)
		switch {
		case key == "":
			return nil, vpc.Errorf("InvalidParameterValue", "Tag key cannot be null or empty.")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, vpc.Errorf("InvalidParameterValue", "Value ( %s ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use", key)
		case utf8.RuneCountInString(key) > maxTagKey:
			return nil, vpc.Errorf("InvalidParameterValue", "Tag key exceeds the maximum length of %d characters", maxTagKey)
		case utf8.RuneCountInString(val) > maxTagValue:
			return nil, vpc.Errorf("InvalidParameterValue", "Tag value exceeds the maximum length of %d characters", maxTagValue)
		}
		if _, ok := tags[key]; ok {
			return nil, duplicateTag(key)
		}
		tags[key] = val
	}
	return tags, nil
}

func duplicateTag(key string) error {
	return vpc.Errorf("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
}

// merge returns old with the tags of more, which win.
func merge(old, more vpc.Tags) (vpc.Tags, error) {
	all := vpc.Tags{}
	maps.Copy(all, old)
	maps.Copy(all, more)
	if len(all)-len(systemTags(all)) > vpc.MaxTags {
		return nil, vpc.Errorf("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return all, nil
}

// systemTags are those of the tags that AWS sets itself: nobody else changes them, and they do not count.
func systemTags(tags vpc.Tags) vpc.Tags {
	var system vpc.Tags
	for key, v := range tags {
		if strings.HasPrefix(key, "aws:") {
			system = withSystemTags(system, vpc.Tags{key: v})
		}
	}
	return system
}

// withSystemTags returns tags with those that AWS sets.
func withSystemTags(tags, system vpc.Tags) vpc.Tags {
	if len(system) == 0 {
		return tags
	}
	all := maps.Clone(system)
	maps.Copy(all, tags)
	return all
}

// tagSet is how a response shows tags: by key.
func tagSet(tags vpc.Tags) []ec2.Tag {
	set := make([]ec2.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		set = append(set, ec2.Tag{Key: new(key), Value: new(tags[key])})
	}
	return set
}
