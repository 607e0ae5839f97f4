package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// list is the prefix list as DescribeManagedPrefixLists shows it.
func (w *world) list(id string) ec2.ManagedPrefixList {
	w.Helper()
	return do[ec2.DescribeManagedPrefixListsOutput](w, "DescribeManagedPrefixLists", "PrefixListId.1="+id).PrefixLists[0]
}

// entries are those of a version of the list; 0: the current one.
func (w *world) entries(id string, version int) string {
	w.Helper()
	form := "PrefixListId=" + id
	if version > 0 {
		form += fmt.Sprintf("&TargetVersion=%d", version)
	}
	var all []string
	for _, e := range do[ec2.GetManagedPrefixListEntriesOutput](w, "GetManagedPrefixListEntries", form).Entries {
		all = append(all, strings.TrimSuffix(*e.Cidr+"="+value(e.Description), "="))
	}
	return strings.Join(all, " ")
}

// listState is what a list says of itself, in a line.
func listState(l ec2.ManagedPrefixList) string {
	return fmt.Sprint(*l.PrefixListName, " ", *l.AddressFamily, " ", l.State, " ", *l.Version, "/", *l.MaxEntries)
}

func TestAPrefixListLives(t *testing.T) {
	w := newWorld(t)
	form := "ClientToken=t&PrefixListName=office&AddressFamily=IPv4&MaxEntries=3&Entry.1.Cidr=10.1.2.3/8&Entry.1.Description=all&Entry.2.Cidr=192.0.2.0/24" +
		"&TagSpecification.1.ResourceType=prefix-list&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"
	out := do[ec2.CreateManagedPrefixListOutput](w, "CreateManagedPrefixList", form).PrefixList
	id := *out.PrefixListId
	if again := do[ec2.CreateManagedPrefixListOutput](w, "CreateManagedPrefixList", form).PrefixList; *again.PrefixListId != id {
		t.Errorf("answered %s, then %s", id, *again.PrefixListId)
	}
	if got := listState(*out); got != "office IPv4 create-in-progress 1/3" || *out.PrefixListArn != "arn:aws:ec2:us-east-1:111122223333:prefix-list/"+id || *out.OwnerId != testScope.Account {
		t.Errorf("answered %s %+v", got, out)
	}
	if l := w.list(id); listState(l) != "office IPv4 create-complete 1/3" || *l.Tags[0].Value != "x" || l.StateMessage != nil {
		t.Errorf("shows %+v", l)
	}
	modify := func(form string) ec2.ManagedPrefixList {
		t.Helper()
		return *do[ec2.ModifyManagedPrefixListOutput](w, "ModifyManagedPrefixList", "PrefixListId="+id+"&"+form).PrefixList
	}
	for _, c := range []struct{ sentence, form, state, entries string }{
		{"entries and the name", "CurrentVersion=1&PrefixListName=lab&RemoveEntry.1.Cidr=10.0.0.0/8&AddEntry.1.Cidr=198.51.100.0/24", "lab IPv4 modify-complete 2/3", "192.0.2.0/24 198.51.100.0/24"},
		{"the size only", "MaxEntries=2", "lab IPv4 modify-complete 2/2", "192.0.2.0/24 198.51.100.0/24"},
		{"the name only", "PrefixListName=office", "office IPv4 modify-complete 2/2", "192.0.2.0/24 198.51.100.0/24"},
		{"no entry at all", "CurrentVersion=2&RemoveEntry.1.Cidr=192.0.2.0/24&RemoveEntry.2.Cidr=198.51.100.9/24", "office IPv4 modify-complete 3/2", ""},
	} {
		answer := modify(c.form)
		if got, entries := listState(w.list(id)), w.entries(id, 0); answer.State != "modify-in-progress" || got != c.state || entries != c.entries {
			t.Errorf("%s: answered %+v, shows %s with %s", c.sentence, answer, got, entries)
		}
	}
	if got := w.entries(id, 1); got != "10.0.0.0/8=all 192.0.2.0/24" {
		t.Errorf("the first version has %s", got)
	}
	restored := do[ec2.RestoreManagedPrefixListVersionOutput](w, "RestoreManagedPrefixListVersion", "PrefixListId="+id+"&PreviousVersion=1&CurrentVersion=3").PrefixList
	if got := listState(w.list(id)); restored.State != "restore-in-progress" || got != "office IPv4 restore-complete 4/2" || w.entries(id, 0) != "10.0.0.0/8=all 192.0.2.0/24" {
		t.Errorf("restored: answered %+v, shows %s with %s", restored, got, w.entries(id, 0))
	}
	if out := do[ec2.DeleteManagedPrefixListOutput](w, "DeleteManagedPrefixList", "PrefixListId="+id).PrefixList; out.State != "delete-in-progress" {
		t.Errorf("answered %+v", out)
	}
	w.refuse("GetManagedPrefixListEntries", "PrefixListId="+id, "InvalidPrefixListID.NotFound: The prefix list ID '"+id+"' does not exist")
}

func TestAPrefixListThatIsReferredTo(t *testing.T) {
	w := newWorld(t)
	id := w.newPrefixList("IPv4", "192.0.2.0/24", "198.51.100.0/24")
	group, table := w.group("web", ""), w.routeTable(w.defaultVPC())
	w.allow(group, id)
	do[ec2.CreateRouteOutput](w, "CreateRoute", "RouteTableId="+table+"&DestinationPrefixListId="+id+"&GatewayId="+w.state.InternetGateways.First("vpc", w.defaultVPC()).ID)
	users := func() string {
		var got []string
		for _, a := range do[ec2.GetManagedPrefixListAssociationsOutput](w, "GetManagedPrefixListAssociations", "PrefixListId="+id).PrefixListAssociations {
			got = append(got, *a.ResourceId+"="+*a.ResourceOwner)
		}
		return strings.Join(got, " ")
	}
	if got, want := users(), table+"=111122223333 "+group+"=111122223333"; got != want {
		t.Errorf("associations: %s, want %s", got, want)
	}
	do[ec2.DeleteManagedPrefixListOutput](w, "DeleteManagedPrefixList", "PrefixListId="+id)
	if l := w.list(id); l.State != "delete-failed" || *l.StateMessage != "The prefix list is referenced by the following resources ["+table+", "+group+"]." {
		t.Errorf("deleted: %+v", l)
	}
	if got := w.entries(id, 0); got != "192.0.2.0/24 198.51.100.0/24" {
		t.Errorf("it has %s", got)
	}
	do[ec2.ModifyManagedPrefixListOutput](w, "ModifyManagedPrefixList", "PrefixListId="+id+"&MaxEntries=60")
	if got := listState(w.list(id)); got != "list IPv4 modify-complete 1/60" {
		t.Errorf("as large as a group can be: %s", got)
	}
	do[ec2.ModifyManagedPrefixListOutput](w, "ModifyManagedPrefixList", "PrefixListId="+id+"&MaxEntries=61&PrefixListName=large")
	if l := w.list(id); listState(l) != "list IPv4 modify-failed 1/60" || *l.StateMessage != "The following VPC Security Group resources do not have sufficient capacity ["+group+"]." {
		t.Errorf("larger than a group can be: %+v", l)
	}
	w.limit(vpc.RulesPerGroup, 1)
	do[ec2.ModifyManagedPrefixListOutput](w, "ModifyManagedPrefixList", "PrefixListId="+id+"&CurrentVersion=1&RemoveEntry.1.Cidr=192.0.2.0/24") // what does not grow needs no room
	if got := listState(w.list(id)); got != "list IPv4 modify-complete 2/60" {
		t.Errorf("with an entry less: %s", got)
	}
	do[ec2.DeleteRouteOutput](w, "DeleteRoute", "RouteTableId="+table+"&DestinationPrefixListId="+id)
	do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+group)
	if got := users(); got != "" {
		t.Errorf("associations: %s", got)
	}
	do[ec2.DeleteManagedPrefixListOutput](w, "DeleteManagedPrefixList", "PrefixListId="+id)
	w.refuse("DescribeManagedPrefixLists", "PrefixListId.1="+id, "InvalidPrefixListID.NotFound: The prefix list ID '"+id+"' does not exist")
}

// manyEntries are n entries of a request, under the name.
func manyEntries(name string, n int) string {
	form := ""
	for i := range n {
		form += fmt.Sprintf("&%s.%d.Cidr=10.0.%d.0/24", name, i+1, i)
	}
	return form
}

func TestPrefixListsRefuse(t *testing.T) {
	w := newWorld(t)
	id, id6 := w.newPrefixList("IPv4", "192.0.2.0/24", "198.51.100.0/24"), w.newPrefixList("IPv6", "2001:db8::/32")
	service := vpc.ServiceListID("us-east-1", "s3")
	isAWSs := "OperationNotPermitted: The prefix list '" + service + "' is managed by AWS and cannot be changed."
	create := "AddressFamily=IPv4&MaxEntries=2&PrefixListName="
	change := "PrefixListId=" + id + "&CurrentVersion=1&"
	cidr := func(c string) string {
		return "InvalidParameterValue: Value (" + c + ") for parameter Cidr is invalid. This is not a valid CIDR block."
	}
	for _, c := range []struct{ action, form, want string }{
		{"CreateManagedPrefixList", "AddressFamily=IPv4&MaxEntries=2", "MissingParameter: The request must contain the parameter PrefixListName"},
		{"CreateManagedPrefixList", create, "MissingParameter: The request must contain the parameter PrefixListName"},
		{"CreateManagedPrefixList", create + "com.amazonaws.mine", "InvalidParameterValue: Value (com.amazonaws.mine) for parameter PrefixListName is invalid. The name cannot start with com.amazonaws."},
		{"CreateManagedPrefixList", create + strings.Repeat("n", 256), "InvalidParameterValue: Value (" + strings.Repeat("n", 256) + ") for parameter PrefixListName is invalid. The name must have 1 to 255 characters."},
		{"CreateManagedPrefixList", "AddressFamily=IPv5&MaxEntries=2&PrefixListName=n", "InvalidParameterValue: Value (IPv5) for parameter AddressFamily is invalid. Valid values are: IPv4, IPv6."},
		{"CreateManagedPrefixList", "AddressFamily=IPv4&MaxEntries=0&PrefixListName=n", "InvalidParameterValue: Value ( 0 ) for parameter maxEntries is invalid. Must specify a max size between 1 and 1000"},
		{"CreateManagedPrefixList", "AddressFamily=IPv4&MaxEntries=1001&PrefixListName=n", "InvalidParameterValue: Value ( 1001 ) for parameter maxEntries is invalid. Must specify a max size between 1 and 1000"},
		{"CreateManagedPrefixList", create + "n&Entry.1.Cidr=::/0", cidr("::/0")},
		{"CreateManagedPrefixList", create + "n&Entry.1.Cidr=lan", cidr("lan")},
		{"CreateManagedPrefixList", create + "n&Entry.1.Description=d", "MissingParameter: The request must contain the parameter Cidr"},
		{"CreateManagedPrefixList", create + "n&Entry.1.Cidr=10.0.0.0/8&Entry.2.Cidr=10.1.0.0/8", "InvalidParameterValue: Request cannot contain duplicate Cidr 10.0.0.0/8"},
		{"CreateManagedPrefixList", create + "n&Entry.1.Cidr=10.0.0.0/8&Entry.1.Description=" + strings.Repeat("d", 256), "InvalidParameterValue: Value (" + strings.Repeat("d", 256) + ") for parameter Description is invalid. Descriptions must be less than or equal to 255 characters."},
		{"CreateManagedPrefixList", create + "n" + manyEntries("Entry", 3), "PrefixListMaxEntriesExceeded: You've reached the maximum number of entries for the prefix list."},
		{"CreateManagedPrefixList", create + "n" + manyEntries("Entry", 101), "InvalidParameterValue: The number of entries per request cannot exceeds limit (100)."},
		{"CreateManagedPrefixList", create + "n&TagSpecification.1.ResourceType=list", "InvalidParameterValue: 'list' is not a valid taggable resource type for this operation."},
		{"ModifyManagedPrefixList", "PrefixListId=" + id, "InvalidRequest: The request received was invalid."},
		{"ModifyManagedPrefixList", "PrefixListId=" + id + "&AddEntry.1.Cidr=10.0.0.0/8", "MissingParameter: The request must contain the parameter CurrentVersion"},
		{"ModifyManagedPrefixList", "PrefixListId=" + id + "&CurrentVersion=2&AddEntry.1.Cidr=10.0.0.0/8", "PrefixListVersionMismatch: The prefix list has the incorrect version number."},
		{"ModifyManagedPrefixList", "PrefixListId=" + id + "&CurrentVersion=0&PrefixListName=n", "PrefixListVersionMismatch: The prefix list has the incorrect version number."},
		{"ModifyManagedPrefixList", change + "MaxEntries=5&AddEntry.1.Cidr=10.0.0.0/8", "InvalidParameterCombination: You cannot modify the entries and the maximum entries for the prefix list in the same request."},
		{"ModifyManagedPrefixList", change + "AddEntry.1.Cidr=10.0.0.0/8", "PrefixListMaxEntriesExceeded: You've reached the maximum number of entries for the prefix list."},
		{"ModifyManagedPrefixList", change + "AddEntry.1.Cidr=192.0.2.1/24", "InvalidPrefixListModification: The entry 192.0.2.0/24 to be added to the prefix list already exists."},
		{"ModifyManagedPrefixList", change + "RemoveEntry.1.Cidr=10.0.0.0/8", "InvalidPrefixListModification: The entry 10.0.0.0/8 to be removed from the prefix list does not exist."},
		{"ModifyManagedPrefixList", change + "RemoveEntry.1.Cidr=192.0.2.0/24&RemoveEntry.2.Cidr=192.0.2.0/24", "InvalidPrefixListModification: The entry 192.0.2.0/24 to be removed from the prefix list does not exist."},
		{"ModifyManagedPrefixList", change + "RemoveEntry.1.Cidr=192.0.2.0/24&AddEntry.1.Cidr=192.0.2.0/24&AddEntry.1.Description=d", "InvalidParameterValue: Request cannot contain Cidr 192.0.2.0/24 in both AddPrefixListEntries and RemovePrefixListEntries"},
		{"ModifyManagedPrefixList", change + "RemoveEntry.1.Cidr=::/0", cidr("::/0")},
		{"ModifyManagedPrefixList", change + "AddEntry.1.Description=d", "MissingParameter: The request must contain the parameter Cidr"},
		{"ModifyManagedPrefixList", change + "RemoveEntry.1.Cidr=", "MissingParameter: The request must contain the parameter Cidr"},
		{"ModifyManagedPrefixList", change + "x=1" + manyEntries("RemoveEntry", 101), "UnknownParameter: The parameter x is not recognized"},
		{"ModifyManagedPrefixList", strings.TrimSuffix(change, "&") + manyEntries("RemoveEntry", 101), "InvalidParameterValue: The number of entries per request cannot exceeds limit (100)."},
		{"ModifyManagedPrefixList", change + "MaxEntries=1", "InvalidParameterValue: Value ( 1 ) for parameter maxEntries is invalid. The prefix list has 2 entries."},
		{"ModifyManagedPrefixList", change + "PrefixListName=com.amazonaws.x", "InvalidParameterValue: Value (com.amazonaws.x) for parameter PrefixListName is invalid. The name cannot start with com.amazonaws."},
		{"ModifyManagedPrefixList", change + "IpamPrefixListResolverSyncEnabled=true", "UnsupportedOperation: The parameter IpamPrefixListResolverSyncEnabled is not supported."},
		{"ModifyManagedPrefixList", "PrefixListId=pl-00000000&MaxEntries=5", "InvalidPrefixListID.NotFound: The prefix list ID 'pl-00000000' does not exist"},
		{"ModifyManagedPrefixList", "PrefixListId=" + id6 + "&CurrentVersion=1&AddEntry.1.Cidr=10.0.0.0/8", cidr("10.0.0.0/8")},
		{"ModifyManagedPrefixList", "PrefixListId=" + id6 + "&CurrentVersion=1&AddEntry.1.Cidr=::ffff:10.0.0.0/104", cidr("::ffff:10.0.0.0/104")},
		{"ModifyManagedPrefixList", "PrefixListId=" + service + "&MaxEntries=5", isAWSs},
		{"RestoreManagedPrefixListVersion", "PrefixListId=" + id + "&CurrentVersion=1&PreviousVersion=7", "InvalidParameterValue: The version 7 of the prefix list " + id + " does not exist"},
		{"RestoreManagedPrefixListVersion", "PrefixListId=" + id + "&CurrentVersion=3&PreviousVersion=1", "PrefixListVersionMismatch: The prefix list has the incorrect version number."},
		{"RestoreManagedPrefixListVersion", "PrefixListId=" + service + "&CurrentVersion=1&PreviousVersion=1", isAWSs},
		{"DeleteManagedPrefixList", "PrefixListId=" + service, isAWSs},
		{"DeleteManagedPrefixList", "PrefixListId=x", `InvalidPrefixListId.Malformed: Invalid id: "x" (expecting "pl-...")`},
		{"GetManagedPrefixListEntries", "PrefixListId=" + id + "&TargetVersion=2", "InvalidParameterValue: The version 2 of the prefix list " + id + " does not exist"},
		{"GetManagedPrefixListEntries", "PrefixListId=" + id + "&MaxResults=101", "InvalidParameterValue: Value ( 101 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 100."},
		{"GetManagedPrefixListAssociations", "PrefixListId=" + service, isAWSs},
		{"GetManagedPrefixListAssociations", "PrefixListId=" + id + "&MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 5."},
		{"DescribePrefixLists", "PrefixListId.1=" + id, "InvalidPrefixListID.NotFound: The prefix list ID '" + id + "' does not exist"},
		{"CreateTags", "ResourceId.1=" + service + "&Tag.1.Key=a", isAWSs},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	w.as(stranger).refuse("GetManagedPrefixListEntries", "PrefixListId="+id, "InvalidPrefixListID.NotFound: The prefix list ID '"+id+"' does not exist")
	do[ec2.ModifyManagedPrefixListOutput](w, "ModifyManagedPrefixList", change+"RemoveEntry.1.Cidr=192.0.2.0/24")
	do[ec2.ModifyManagedPrefixListOutput](w, "ModifyManagedPrefixList", "PrefixListId="+id+"&MaxEntries=1")
	w.refuse("RestoreManagedPrefixListVersion", "PrefixListId="+id+"&CurrentVersion=2&PreviousVersion=1", "PrefixListMaxEntriesExceeded: You've reached the maximum number of entries for the prefix list.")
	w.limit(vpc.PrefixListsPerRegion, 2)
	w.refuse("CreateManagedPrefixList", create+"n", "PrefixListLimitExceeded: The maximum number of prefix lists has been reached.")
}

func TestAWSsOwnPrefixLists(t *testing.T) {
	w := newWorld(t)
	own := w.newPrefixList("IPv4", "192.0.2.0/24")
	s3 := vpc.ServiceListID("us-east-1", "s3")
	l := w.list(s3)
	if got := text(*l.PrefixListName, *l.OwnerId, *l.AddressFamily, l.State, *l.PrefixListArn, l.Version == nil, l.MaxEntries == nil, l.Tags != nil); got !=
		text("com.amazonaws.us-east-1.s3", "AWS", "IPv4", "create-complete", "arn:aws:ec2:us-east-1:aws:prefix-list/"+s3, true, true, true) {
		t.Errorf("shows\n%s", got)
	}
	if got := w.entries(s3, 0); got != "203.0.113.0/28" {
		t.Errorf("it has %s", got)
	}
	for _, c := range []struct{ filter, value, want string }{
		{"owner-id", "AWS", "8"},
		{"owner-id", testScope.Account, own},
		{"prefix-list-name", "com.amazonaws.us-east-1.s3", s3},
		{"prefix-list-name", "com.amazonaws.global.cloudfront.*", vpc.ServiceListID("us-east-1", "global.cloudfront.origin-facing")},
		{"prefix-list-id", own, own},
	} {
		var got []string
		for _, l := range do[ec2.DescribeManagedPrefixListsOutput](w, "DescribeManagedPrefixLists", "Filter.1.Name="+c.filter+"&Filter.1.Value.1="+c.value).PrefixLists {
			got = append(got, *l.PrefixListId)
		}
		if strings.Join(got, " ") != c.want && fmt.Sprint(len(got)) != c.want {
			t.Errorf("%s=%s finds %v, want %s", c.filter, c.value, got, c.want)
		}
	}
	services := do[ec2.DescribePrefixListsOutput](w, "DescribePrefixLists", "Filter.1.Name=prefix-list-name&Filter.1.Value.1=*.dynamodb").PrefixLists
	if len(services) != 1 || *services[0].PrefixListId != vpc.ServiceListID("us-east-1", "dynamodb") || !slices.Equal(services[0].Cidrs, []string{"203.0.113.16/28"}) {
		t.Errorf("services: %+v", services)
	}
	// Everybody in the Region has the same ones; elsewhere there are others.
	there := w.as(stranger)
	if got := *there.list(s3).OwnerId; got != "AWS" {
		t.Errorf("another account sees one of %s", got)
	}
	w.as(overseas).refuse("DescribeManagedPrefixLists", "PrefixListId.1="+s3, "InvalidPrefixListID.NotFound: The prefix list ID '"+s3+"' does not exist")
}

// allow adds a rule that names the list to the group.
func (w *world) allow(group, list string) {
	w.edit(func(e *vpc.Edit) {
		g := *e.SecurityGroups.Get(group)
		g.Rules = append(slices.Clone(g.Rules), vpc.Rule{ID: e.NewID("sgr"), What: vpc.What{Protocol: vpc.AnyProtocol, From: -1, To: -1}, Peer: vpc.Peer{PrefixList: list}})
		e.SecurityGroups.Put(&g)
	})
}

func TestAPrefixListRemembersSoManyVersions(t *testing.T) {
	w := newWorld(t)
	w.limit(vpc.VersionsPerPrefixList, 3)
	id := w.newPrefixList("IPv4", "192.0.2.0/24", "198.51.100.0/24")
	for version := 1; version < 6; version++ {
		verb := []string{"RemoveEntry", "AddEntry"}[(version+1)%2]
		do[ec2.ModifyManagedPrefixListOutput](w, "ModifyManagedPrefixList", fmt.Sprintf("PrefixListId=%s&CurrentVersion=%d&%s.1.Cidr=192.0.2.0/24", id, version, verb))
	}
	w.refuse("GetManagedPrefixListEntries", "PrefixListId="+id+"&TargetVersion=3", "InvalidParameterValue: The version 3 of the prefix list "+id+" does not exist")
	if got := text(w.entries(id, 4), w.entries(id, 5), w.entries(id, 6)); got != text("198.51.100.0/24", "192.0.2.0/24 198.51.100.0/24", "198.51.100.0/24") {
		t.Errorf("its versions are\n%s", got)
	}
	// What they take is bounded, too.
	big := vpc.PrefixList{Versions: []vpc.PrefixListVersion{{Number: 1}, {Number: 2}}}
	for i := range big.Versions {
		big.Versions[i].Entries = []vpc.PrefixEntry{{Description: strings.Repeat("d", maxHistory*2/3)}}
	}
	if kept := nextVersion(w.state.As(testScope), &big, nil); len(kept) != 2 || kept[0].Number != 2 || kept[1].Number != 3 {
		t.Errorf("of what is large, the versions %+v are kept", len(kept))
	}
}

func TestPrefixListEntriesArePaged(t *testing.T) {
	w := newWorld(t)
	id := w.newPrefixList("IPv6", "2001:db8:2::/48", "2001:DB8:1:0::/48", "2001:db8:3::/48")
	var got []string
	token := ""
	for range 3 {
		out := do[ec2.GetManagedPrefixListEntriesOutput](w, "GetManagedPrefixListEntries", "PrefixListId="+id+"&MaxResults=1&NextToken="+token)
		got, token = append(got, *out.Entries[0].Cidr), value(out.NextToken)
	}
	if strings.Join(got, " ") != "2001:db8:1::/48 2001:db8:2::/48 2001:db8:3::/48" || token != "" {
		t.Errorf("got %v and the token %q", got, token)
	}
}
