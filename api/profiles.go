package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// profileARN reads which IAM instance profile a request means: by its ARN or its name; "": none. There
// is no IAM here that could say whether it exists.
func profileARN(s vpc.Scope, in *ec2.IamInstanceProfileSpecification) (string, error) {
	switch {
	case in == nil || value(in.Arn) == "" && value(in.Name) == "":
		return "", nil
	case value(in.Arn) != "" && value(in.Name) != "":
		return "", vpc.Errorf("InvalidParameterCombination", "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'")
	case value(in.Name) != "":
		if !isProfileName(*in.Name) {
			return "", invalid("iamInstanceProfile.name", *in.Name, "Invalid IAM Instance Profile name")
		}
		return "arn:aws:iam::" + s.Account + ":instance-profile/" + *in.Name, nil
	}
	rest, ok := strings.CutPrefix(*in.Arn, "arn:aws:iam::"+s.Account+":instance-profile/")
	if !ok || rest == "" || !isProfileName(profileName(rest)) {
		return "", invalid("iamInstanceProfile.arn", *in.Arn, "Invalid IAM Instance Profile ARN")
	}
	return *in.Arn, nil
}

// isProfileName tells whether IAM takes the name.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html
func isProfileName(name string) bool {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"
	return name != "" && len(name) <= 128 && strings.Trim(name, alphabet) == ""
}

// profileName is the last part of an instance profile's ARN.
func profileName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// associateProfile ties a profile to an instance. The profile's id follows from its ARN.
func associateProfile(e *vpc.Edit, instance, arn string) *vpc.InstanceProfileAssociation {
	a := &vpc.InstanceProfileAssociation{ID: e.NewID("iip-assoc"), Scope: e.Scope, Instance: instance, ARN: arn,
		Profile: "AIPA" + strings.ToUpper(stableID("aipa", "", arn)[5:22]), Created: e.Now}
	e.InstanceProfileAssociations.Put(a)
	return a
}

// associateIamInstanceProfile ties a profile to an instance that has none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateIamInstanceProfile.html
func associateIamInstanceProfile(e *vpc.Edit, in *ec2.AssociateIamInstanceProfileInput) (*ec2.AssociateIamInstanceProfileOutput, error) {
	i, err := instanceIDs.find(e.State, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	arn, err := profileARN(e.Scope, in.IamInstanceProfile)
	switch {
	case err != nil:
		return nil, err
	case arn == "":
		return nil, missing("IamInstanceProfile")
	case i.State == vpc.ShuttingDown || i.State == vpc.Terminated:
		return nil, wrongState("The instance '%s' is not in the 'running' or 'stopped' state.", i)
	case e.InstanceProfileAssociations.First("instance", i.ID) != nil:
		return nil, vpc.Errorf("IncorrectState", "There is an existing association for instance %s", i.ID)
	}
	shown := showProfileAssociation(associateProfile(e, i.ID, arn))
	shown.State = "associating"
	return &ec2.AssociateIamInstanceProfileOutput{IamInstanceProfileAssociation: &shown}, nil
}

// describeIamInstanceProfileAssociations lists which instance has which profile.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeIamInstanceProfileAssociations.html
func describeIamInstanceProfileAssociations(s *vpc.State, in *ec2.DescribeIamInstanceProfileAssociationsInput) (*ec2.DescribeIamInstanceProfileAssociationsOutput, error) {
	var items []ec2.IamInstanceProfileAssociation
	for a := range s.InstanceProfileAssociations.By("scope", s.Key()) {
		if len(in.AssociationIds) == 0 || slices.Contains(in.AssociationIds, a.ID) {
			items = append(items, showProfileAssociation(a))
		}
	}
	for _, id := range in.AssociationIds {
		if a := s.InstanceProfileAssociations.Get(id); a == nil || a.Scope != s.Scope {
			return nil, vpc.Errorf("InvalidAssociationID.NotFound", "An invalid association-id of '%s' was given", id)
		}
	}
	page, next, err := profileListing.page(s, in, len(in.AssociationIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeIamInstanceProfileAssociationsOutput{IamInstanceProfileAssociations: page, NextToken: next}, nil
}

func showProfileAssociation(a *vpc.InstanceProfileAssociation) ec2.IamInstanceProfileAssociation {
	return ec2.IamInstanceProfileAssociation{AssociationId: new(a.ID), InstanceId: new(a.Instance), State: "associated", Timestamp: new(a.Created),
		IamInstanceProfile: &ec2.IamInstanceProfile{Arn: new(a.ARN), Id: new(a.Profile)}}
}

// describeProfile shows the instance's profile as DescribeInstances does.
func describeProfile(s *vpc.State, i *vpc.Instance) *ec2.IamInstanceProfile {
	if a := s.InstanceProfileAssociations.First("instance", i.ID); a != nil {
		return showProfileAssociation(a).IamInstanceProfile
	}
	return nil
}

func profileOf(held func(*ec2.IamInstanceProfile) []string) func(*reservedInstance) []string {
	return func(r *reservedInstance) []string {
		if r.IamInstanceProfile == nil {
			return nil
		}
		return held(r.IamInstanceProfile)
	}
}

var profileListing = listing[ec2.IamInstanceProfileAssociation]{
	filters: filters[ec2.IamInstanceProfileAssociation]{
		"instance-id": func(a *ec2.IamInstanceProfileAssociation) []string { return of(a.InstanceId) },
		"state":       func(a *ec2.IamInstanceProfileAssociation) []string { return of(a.State) },
	},
	paging: paging{low: 5, high: 1000, ids: "AssociationIds"},
	key:    func(a *ec2.IamInstanceProfileAssociation) string { return *a.AssociationId },
}
