package vpc

import (
	"crypto/rand"
	"slices"
	"testing"
)

func TestEveryAccountFindsAWSsPrefixListsOfTheRegion(t *testing.T) {
	other := Scope{"444455556666", here.Region}
	e := New().Edit(here, noon, rand.Reader)
	e.Visit(other)
	e.Visit(other) // once is enough
	e.Visit(Scope{here.Account, "eu-west-1"})
	if e.Scope != here {
		t.Errorf("the Edit is now %v's", e.Scope)
	}
	s := commit(t, New(), e)
	if n, want := s.PrefixLists.Len(), 2*len(serviceLists); n != want {
		t.Errorf("two Regions have %d lists, want %d", n, want)
	}
	l := s.PrefixLists.Get(ServiceListID(here.Region, "s3"))
	if l == nil || l.Name != "com.amazonaws."+here.Region+".s3" || !l.In(here) || !l.In(other) || l.In(Scope{here.Account, "eu-west-1"}) {
		t.Errorf("got %+v", l)
	}
	if got, want := slices.Collect(s.VPCs.By("scope", other.Key())), New().As(other).DefaultVPC().ID; len(got) != 1 || got[0].ID != want {
		t.Errorf("the visited account has %+v, want %s", got, want)
	}
}
