package api

import (
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// modifyManagedPrefixList changes a list's entries, which makes a new version, or its size, and its name.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedPrefixList.html
func modifyManagedPrefixList(e *vpc.Edit, in *ec2.ModifyManagedPrefixListInput) (*ec2.ModifyManagedPrefixListOutput, error) {
	if err := refuse(given{"IpamPrefixListResolverSyncEnabled", value(in.IpamPrefixListResolverSyncEnabled)}); err != nil {
		return nil, err
	}
	old, err := ownPrefixList(e.State, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	entries := len(in.AddEntries)+len(in.RemoveEntries) > 0
	switch {
	case entries && in.MaxEntries != nil:
		return nil, vpc.Errorf("InvalidParameterCombination", "You cannot modify the entries and the maximum entries for the prefix list in the same request.")
	case !entries && in.MaxEntries == nil && in.PrefixListName == nil:
		return nil, vpc.Errorf("InvalidRequest", "The request received was invalid.")
	case entries && in.CurrentVersion == nil:
		return nil, missing("CurrentVersion")
	}
	if err := checkVersion(old, in.CurrentVersion); err != nil {
		return nil, err
	}
	l := *old
	l.State, l.StateText = "modify-complete", ""
	if in.PrefixListName != nil {
		if l.Name, err = prefixListName(*in.PrefixListName); err != nil {
			return nil, err
		}
	}
	if entries {
		next, err := changedEntries(old, in.AddEntries, in.RemoveEntries)
		if err != nil {
			return nil, err
		}
		l.Versions = nextVersion(e.State, old, next)
	}
	if in.MaxEntries != nil {
		if l.MaxEntries, err = maxEntries(e.State, *in.MaxEntries); err != nil {
			return nil, err
		}
		if n := len(l.Current().Entries); l.MaxEntries < n {
			return nil, vpc.Errorf("InvalidParameterValue", "Value ( %d ) for parameter maxEntries is invalid. The prefix list has %d entries.", l.MaxEntries, n)
		}
	}
	e.PrefixLists.Put(&l)
	if text := lackingCapacity(e.State, l.ID); text != "" && l.MaxEntries > old.MaxEntries {
		l = *old
		l.State, l.StateText = "modify-failed", text
		e.PrefixLists.Put(&l)
	}
	return &ec2.ModifyManagedPrefixListOutput{PrefixList: inProgress(&l, "modify")}, nil
}

// checkVersion refuses a change that was made up before another one.
func checkVersion(l *vpc.PrefixList, version *int64) error {
	if version != nil && *version != int64(l.Current().Number) {
		return vpc.Errorf("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")
	}
	return nil
}

// lackingCapacity says which referrers of the list have no room for its size, as AWS says it; "": none.
func lackingCapacity(s *vpc.State, id string) string {
	for _, kind := range []struct {
		noun string
		ids  func() []string
	}{
		{"VPC Security Group", func() (ids []string) {
			for g := range s.SecurityGroups.By("prefix-list", id) {
				if checkQuotas(s, g) != nil {
					ids = append(ids, g.ID)
				}
			}
			return ids
		}},
		{"VPC Route Table", func() (ids []string) {
			for t := range s.RouteTables.By("prefix-list", id) {
				if checkRouteQuota(s, t) != nil {
					ids = append(ids, t.ID)
				}
			}
			return ids
		}},
	} {
		if ids := kind.ids(); len(ids) > 0 {
			return "The following " + kind.noun + " resources do not have sufficient capacity [" + strings.Join(ids, ", ") + "]."
		}
	}
	return ""
}

// restoreManagedPrefixListVersion makes a new version of the entries of an old one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreManagedPrefixListVersion.html
func restoreManagedPrefixListVersion(e *vpc.Edit, in *ec2.RestoreManagedPrefixListVersionInput) (*ec2.RestoreManagedPrefixListVersionOutput, error) {
	old, err := ownPrefixList(e.State, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(old, in.CurrentVersion); err != nil {
		return nil, err
	}
	before, err := versionOf(old, *in.PreviousVersion)
	if err != nil {
		return nil, err
	}
	if len(before.Entries) > old.MaxEntries {
		return nil, tooManyEntries()
	}
	l := *old
	l.Versions, l.State, l.StateText = nextVersion(e.State, old, before.Entries), "restore-complete", ""
	e.PrefixLists.Put(&l)
	return &ec2.RestoreManagedPrefixListVersionOutput{PrefixList: inProgress(&l, "restore")}, nil
}

// versionOf is the list's version with the number.
func versionOf(l *vpc.PrefixList, number int64) (vpc.PrefixListVersion, error) {
	i := slices.IndexFunc(l.Versions, func(v vpc.PrefixListVersion) bool { return int64(v.Number) == number })
	if i < 0 {
		return vpc.PrefixListVersion{}, vpc.Errorf("InvalidParameterValue", "The version %d of the prefix list %s does not exist", number, l.ID)
	}
	return l.Versions[i], nil
}

// maxHistory bounds the old versions of a list by what their entries take, about as many bytes, since all
// of them are one object of the store.
const maxHistory = 1 << 19

// nextVersion is the list's history with one version more. The oldest go where there are too many.
func nextVersion(s *vpc.State, l *vpc.PrefixList, entries []vpc.PrefixEntry) []vpc.PrefixListVersion {
	next := vpc.PrefixListVersion{Number: l.Current().Number + 1, Entries: entries}
	kept, size := len(l.Versions), 0
	for kept > 0 && len(l.Versions)-kept < s.Limit(vpc.VersionsPerPrefixList)-1 {
		for _, e := range l.Versions[kept-1].Entries {
			size += 80 + len(e.Description)
		}
		if size > maxHistory {
			break
		}
		kept--
	}
	return append(slices.Clone(l.Versions[kept:]), next)
}

// deleteManagedPrefixList deletes a list that no rule and no route names. Otherwise its state tells, as
// AWS's does, that it could not be deleted.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteManagedPrefixList.html
func deleteManagedPrefixList(e *vpc.Edit, in *ec2.DeleteManagedPrefixListInput) (*ec2.DeleteManagedPrefixListOutput, error) {
	old, err := ownPrefixList(e.State, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	if users := prefixListUsers(e.State, old.ID); len(users) > 0 {
		l := *old
		l.State, l.StateText = "delete-failed", "The prefix list is referenced by the following resources ["+strings.Join(resourceIDs(users), ", ")+"]."
		e.PrefixLists.Put(&l)
	} else {
		e.PrefixLists.Delete(old.ID)
	}
	return &ec2.DeleteManagedPrefixListOutput{PrefixList: inProgress(old, "delete")}, nil
}
