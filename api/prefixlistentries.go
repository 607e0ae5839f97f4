package api

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"crenel/ec2"
	"crenel/vpc"
)

// maxEntriesAtOnce is how many entries one request adds or removes at most.
const maxEntriesAtOnce = 100

func checkEntryCount(n int) error {
	if n > maxEntriesAtOnce {
		return vpc.Errorf("InvalidParameterValue", "The number of entries per request cannot exceeds limit (%d).", maxEntriesAtOnce)
	}
	return nil
}

// readEntries reads the entries that a request adds to the list: ranges of its family, each once.
func readEntries(l *vpc.PrefixList, in []ec2.AddPrefixListEntry) (all []vpc.PrefixEntry, err error) {
	if err := checkEntryCount(len(in)); err != nil {
		return nil, err
	}
	seen := map[netip.Prefix]bool{}
	for _, given := range in {
		e := vpc.PrefixEntry{Description: value(given.Description)}
		cidr, err := need("Cidr", given.Cidr)
		if err != nil {
			return nil, err
		}
		if e.CIDR, err = readCIDR("Cidr", cidr, l.IPv6); err != nil {
			return nil, err
		}
		if utf8.RuneCountInString(e.Description) > 255 {
			return nil, invalid("Description", e.Description, "Descriptions must be less than or equal to 255 characters.")
		}
		if seen[e.CIDR] {
			return nil, vpc.Errorf("InvalidParameterValue", "Request cannot contain duplicate Cidr %s", e.CIDR)
		}
		seen[e.CIDR] = true
		all = append(all, e)
	}
	return all, nil
}

// changedEntries are the list's entries without the removed ones and with the added ones. To change an
// entry's description takes two requests.
func changedEntries(l *vpc.PrefixList, add []ec2.AddPrefixListEntry, remove []ec2.RemovePrefixListEntry) ([]vpc.PrefixEntry, error) {
	if err := checkEntryCount(len(remove)); err != nil {
		return nil, err
	}
	added, err := readEntries(l, add)
	if err != nil {
		return nil, err
	}
	next := slices.Clone(l.Current().Entries)
	for _, given := range remove {
		asked, err := need("Cidr", given.Cidr)
		if err != nil {
			return nil, err
		}
		cidr, err := readCIDR("Cidr", asked, l.IPv6)
		if err != nil {
			return nil, err
		}
		has := func(e vpc.PrefixEntry) bool { return e.CIDR == cidr }
		if slices.ContainsFunc(added, has) {
			return nil, vpc.Errorf("InvalidParameterValue", "Request cannot contain Cidr %s in both AddPrefixListEntries and RemovePrefixListEntries", cidr)
		}
		i := slices.IndexFunc(next, has)
		if i < 0 {
			return nil, vpc.Errorf("InvalidPrefixListModification", "The entry %s to be removed from the prefix list does not exist.", cidr)
		}
		next = slices.Delete(next, i, i+1)
	}
	for _, e := range added {
		if slices.ContainsFunc(next, func(o vpc.PrefixEntry) bool { return o.CIDR == e.CIDR }) {
			return nil, vpc.Errorf("InvalidPrefixListModification", "The entry %s to be added to the prefix list already exists.", e.CIDR)
		}
		next = append(next, e)
	}
	if len(next) > l.MaxEntries {
		return nil, tooManyEntries()
	}
	return next, nil
}

// getManagedPrefixListEntries shows the entries of a version, the current one where none is named.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html
func getManagedPrefixListEntries(s *vpc.State, in *ec2.GetManagedPrefixListEntriesInput) (*ec2.GetManagedPrefixListEntriesOutput, error) {
	l, err := prefixListIDs.find(s, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	version := l.Current()
	if in.TargetVersion != nil {
		if version, err = versionOf(l, *in.TargetVersion); err != nil {
			return nil, err
		}
	}
	var items []ec2.PrefixListEntry
	for _, e := range version.Entries {
		items = append(items, ec2.PrefixListEntry{Cidr: new(e.CIDR.String()), Description: optional(e.Description)})
	}
	entries, next, err := entryListing.page(s, in, false, items)
	if err != nil {
		return nil, err
	}
	return &ec2.GetManagedPrefixListEntriesOutput{Entries: entries, NextToken: next}, nil
}

var entryListing = listing[ec2.PrefixListEntry]{
	paging: paging{1, 100, "", false},
	key:    func(e *ec2.PrefixListEntry) string { return *e.Cidr },
}

// getManagedPrefixListAssociations shows what names the list.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListAssociations.html
func getManagedPrefixListAssociations(s *vpc.State, in *ec2.GetManagedPrefixListAssociationsInput) (*ec2.GetManagedPrefixListAssociationsOutput, error) {
	l, err := ownPrefixList(s, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	associations, next, err := prefixListUserListing.page(s, in, false, prefixListUsers(s, l.ID))
	if err != nil {
		return nil, err
	}
	return &ec2.GetManagedPrefixListAssociationsOutput{PrefixListAssociations: associations, NextToken: next}, nil
}

var prefixListUserListing = listing[ec2.PrefixListAssociation]{
	paging: paging{5, 255, "", false},
	key:    func(a *ec2.PrefixListAssociation) string { return *a.ResourceId },
}

// prefixListUsers are the groups and route tables that name the list, each once.
func prefixListUsers(s *vpc.State, id string) (users []ec2.PrefixListAssociation) {
	owners := map[string]string{}
	for g := range s.SecurityGroups.By("prefix-list", id) {
		owners[g.ID] = g.Account
	}
	for t := range s.RouteTables.By("prefix-list", id) {
		owners[t.ID] = t.Account
	}
	for resource, owner := range owners {
		users = append(users, ec2.PrefixListAssociation{ResourceId: new(resource), ResourceOwner: new(owner)})
	}
	slices.SortFunc(users, func(a, b ec2.PrefixListAssociation) int { return strings.Compare(*a.ResourceId, *b.ResourceId) })
	return users
}

func resourceIDs(users []ec2.PrefixListAssociation) []string {
	return each(users, func(a *ec2.PrefixListAssociation) *string { return a.ResourceId })
}
