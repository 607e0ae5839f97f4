package api

import (
	"slices"
	"strings"
	"unicode/utf8"

	"crenel/ec2"
	"crenel/vpc"
)

// prefixListOperations keep managed prefix lists. AWS changes them in its own time; here every change is
// complete at once, or failed.
var prefixListOperations = []Operation{
	write(createManagedPrefixList),
	write(modifyManagedPrefixList),
	write(restoreManagedPrefixListVersion),
	write(deleteManagedPrefixList),
	read(describeManagedPrefixLists),
	read(getManagedPrefixListEntries),
	read(getManagedPrefixListAssociations),
	read(describePrefixLists),
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateManagedPrefixList.html
func createManagedPrefixList(e *vpc.Edit, in *ec2.CreateManagedPrefixListInput) (*ec2.CreateManagedPrefixListOutput, error) {
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	l, err := madeBefore(e.State, e.PrefixLists, token, func(l *vpc.PrefixList) vpc.Token { return l.Token })
	if err != nil {
		return nil, err
	}
	if l == nil {
		if l, err = newPrefixList(e, in); err != nil {
			return nil, err
		}
		l.Token = token
		e.PrefixLists.Put(l)
	}
	return &ec2.CreateManagedPrefixListOutput{PrefixList: inProgress(l, "create")}, nil
}

// newPrefixList makes what the request asks for. The caller Puts it.
func newPrefixList(e *vpc.Edit, in *ec2.CreateManagedPrefixListInput) (*vpc.PrefixList, error) {
	tags, err := createTagsFor(in.TagSpecifications, "prefix-list")
	if err != nil {
		return nil, err
	}
	l := &vpc.PrefixList{Scope: e.Scope, State: "create-complete", Tags: tags["prefix-list"]}
	if l.Name, err = prefixListName(*in.PrefixListName); err != nil {
		return nil, err
	}
	switch *in.AddressFamily {
	case "IPv4", "IPv6":
		l.IPv6 = *in.AddressFamily == "IPv6"
	default:
		return nil, invalid("AddressFamily", *in.AddressFamily, "Valid values are: IPv4, IPv6.")
	}
	if l.MaxEntries, err = maxEntries(e.State, *in.MaxEntries); err != nil {
		return nil, err
	}
	first, err := readEntries(l, in.Entries)
	if err != nil {
		return nil, err
	}
	if len(first) > l.MaxEntries {
		return nil, tooManyEntries()
	}
	own := 0
	for other := range e.PrefixLists.By("scope", e.Key()) {
		if other.Scope == e.Scope {
			own++
		}
	}
	if own >= e.Limit(vpc.PrefixListsPerRegion) {
		return nil, vpc.Errorf("PrefixListLimitExceeded", "The maximum number of prefix lists has been reached.")
	}
	l.ID, l.Versions = e.NewID("pl"), []vpc.PrefixListVersion{{Number: 1, Entries: first}}
	return l, nil
}

func prefixListName(name string) (string, error) {
	switch {
	case name == "" || utf8.RuneCountInString(name) > 255:
		return "", invalid("PrefixListName", name, "The name must have 1 to 255 characters.")
	case strings.HasPrefix(name, "com.amazonaws"):
		return "", invalid("PrefixListName", name, "The name cannot start with com.amazonaws.")
	}
	return name, nil
}

func maxEntries(s *vpc.State, n int32) (int, error) {
	if most := s.Limit(vpc.EntriesPerPrefixList); n < 1 || int(n) > most {
		return 0, vpc.Errorf("InvalidParameterValue", "Value ( %d ) for parameter maxEntries is invalid. Must specify a max size between 1 and %d", n, most)
	}
	return int(n), nil
}

func tooManyEntries() error {
	return vpc.Errorf("PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries for the prefix list.")
}

// ownedByAWS says no to changing what is AWS's.
func ownedByAWS(id string) error {
	return vpc.Errorf("OperationNotPermitted", "The prefix list '%s' is managed by AWS and cannot be changed.", id)
}

// ownPrefixList finds a list that the account may change.
func ownPrefixList(s *vpc.State, id string) (*vpc.PrefixList, error) {
	l, err := prefixListIDs.find(s, id)
	if err == nil && l.Scope != s.Scope {
		return nil, ownedByAWS(id)
	}
	return l, err
}

// prefixListsAsked finds the lists with the ids or, where none is given, all that the account sees.
func prefixListsAsked(s *vpc.State, ids []string) ([]*vpc.PrefixList, error) {
	found, err := prefixListIDs.all(s, ids)
	if len(ids) == 0 {
		found = slices.AppendSeq(found, s.PrefixLists.By("scope", vpc.AWS(s.Region).Key()))
	}
	return found, err
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeManagedPrefixLists.html
func describeManagedPrefixLists(s *vpc.State, in *ec2.DescribeManagedPrefixListsInput) (*ec2.DescribeManagedPrefixListsOutput, error) {
	found, err := prefixListsAsked(s, in.PrefixListIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.ManagedPrefixList
	for _, l := range found {
		items = append(items, showPrefixList(l))
	}
	lists, next, err := managedPrefixListListing.page(s, in, len(in.PrefixListIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeManagedPrefixListsOutput{PrefixLists: lists, NextToken: next}, nil
}

// showPrefixList is the list as DescribeManagedPrefixLists shows it. AWS's own have neither size nor version.
func showPrefixList(l *vpc.PrefixList) ec2.ManagedPrefixList {
	shown := ec2.ManagedPrefixList{PrefixListId: new(l.ID), PrefixListName: new(l.Name), OwnerId: new(l.Account), AddressFamily: new("IPv4"),
		State: l.State, StateMessage: optional(l.StateText), Tags: tagSet(l.Tags)}
	if l.IPv6 {
		shown.AddressFamily = new("IPv6")
	}
	owner := l.Scope
	if l.Scope == vpc.AWS(l.Region) {
		owner.Account = "aws"
	} else {
		shown.MaxEntries, shown.Version = new(int32(l.MaxEntries)), new(int64(l.Current().Number))
	}
	shown.PrefixListArn = new(arn(owner, "prefix-list", l.ID))
	return shown
}

// inProgress is how AWS answers a change: what comes of it shows later.
func inProgress(l *vpc.PrefixList, change string) *ec2.ManagedPrefixList {
	shown := showPrefixList(l)
	shown.State, shown.StateMessage = change+"-in-progress", nil
	return &shown
}

var managedPrefixListListing = listing[ec2.ManagedPrefixList]{
	filters[ec2.ManagedPrefixList]{
		"owner-id":         func(l *ec2.ManagedPrefixList) []string { return of(l.OwnerId) },
		"prefix-list-id":   func(l *ec2.ManagedPrefixList) []string { return of(l.PrefixListId) },
		"prefix-list-name": func(l *ec2.ManagedPrefixList) []string { return of(l.PrefixListName) },
	}.tagged(func(l *ec2.ManagedPrefixList) []ec2.Tag { return l.Tags }),
	paging{1, 100, "PrefixListIds", false},
	func(l *ec2.ManagedPrefixList) string { return *l.PrefixListId },
}

// describePrefixLists lists AWS's own lists, of its services.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePrefixLists.html
func describePrefixLists(s *vpc.State, in *ec2.DescribePrefixListsInput) (*ec2.DescribePrefixListsOutput, error) {
	found, err := prefixListsAsked(s, in.PrefixListIds)
	if err != nil {
		return nil, err
	}
	var items []ec2.PrefixList
	for _, l := range found {
		switch {
		case l.Scope == vpc.AWS(s.Region):
			items = append(items, ec2.PrefixList{PrefixListId: new(l.ID), PrefixListName: new(l.Name), Cidrs: cidrsOf(l.Current())})
		case len(in.PrefixListIds) > 0:
			return nil, prefixListIDs.missing(l.ID)
		}
	}
	lists, next, err := servicePrefixListListing.page(s, in, len(in.PrefixListIds) > 0, items)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribePrefixListsOutput{PrefixLists: lists, NextToken: next}, nil
}

func cidrsOf(v vpc.PrefixListVersion) (all []string) {
	for _, e := range v.Entries {
		all = append(all, e.CIDR.String())
	}
	return all
}

var servicePrefixListListing = listing[ec2.PrefixList]{
	filters[ec2.PrefixList]{
		"prefix-list-id":   func(l *ec2.PrefixList) []string { return of(l.PrefixListId) },
		"prefix-list-name": func(l *ec2.PrefixList) []string { return of(l.PrefixListName) },
	},
	paging{5, 1000, "PrefixListIds", false},
	func(l *ec2.PrefixList) string { return *l.PrefixListId },
}
