package vpc

import "time"

// A LaunchTemplate holds parameters of RunInstances under a name.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html
type LaunchTemplate struct {
	ID string
	Scope
	Name     string // unique in its scope
	Default  int    // the number of the default version
	Versions []LaunchTemplateVersion
	Token    Token
	Tags     Tags
}

func newLaunchTemplates() *Table[LaunchTemplate] {
	return newTable("launch-template", func(t *LaunchTemplate) string { return t.ID }, map[string]func(*LaunchTemplate) []string{
		"token": func(t *LaunchTemplate) []string { return tokenKeys(t.Scope, t.Token) },
		"name":  func(t *LaunchTemplate) []string { return keys{LaunchTemplateNameKey(t.Scope, t.Name)} },
	})
}

// A LaunchTemplateVersion never changes.
type LaunchTemplateVersion struct {
	Number      int
	Description string
	Data        string // the parameters, as JSON of the request's
	Created     time.Time
}

// Latest is the version with the highest number.
func (t *LaunchTemplate) Latest() LaunchTemplateVersion { return t.Versions[len(t.Versions)-1] }

// LaunchTemplateNameKey is how the index "name" of LaunchTemplates files a name.
func LaunchTemplateNameKey(s Scope, name string) string { return s.Key() + "/" + name }
