package api

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// A paging is what one Describe operation lets MaxResults be. AWS's operations refuse the rest in two
// different ways of speaking.
type paging struct {
	low, high int32
	ids       string // the list of ids that must not come together with MaxResults, as AWS calls it; "": it may
	old       bool   // "maxResults … greater than 5", not "MaxResults … greater than or equal to 5"
}

func (p paging) check(max *int32, withIDs bool) error {
	name, least, most := "MaxResults", "greater than or equal to", "smaller than or equal to"
	if p.old {
		name, least, most = "maxResults", "greater than", "smaller than"
	}
	switch {
	case max == nil:
		return nil
	case *max < p.low:
		return vpc.Errorf("InvalidParameterValue", "Value ( %d ) for parameter %s is invalid. Expecting a value %s %d.", *max, name, least, p.low)
	case *max > p.high:
		return vpc.Errorf("InvalidParameterValue", "Value ( %d ) for parameter %s is invalid. Expecting a value %s %d.", *max, name, most, p.high)
	case withIDs && p.ids != "":
		return notTogether(p.ids, name)
	}
	return nil
}

// A listing is how one Describe operation chooses what it shows.
type listing[T any] struct {
	filters filters[T]
	paging  paging
	key     func(*T) string // the order of the items; no two have the same
}

// describe answers a Describe call that has the input in: of the objects with the wanted ids, or of all where
// none is wanted, as show shows them, the page that is asked for. What it returns beside an error is of no use.
func describe[T, V any](s *vpc.State, in any, k ids[T], wanted []string, l listing[V], show func(*T) V) ([]V, *string, error) {
	found, err := k.all(s, wanted)
	if err != nil {
		return nil, nil, err
	}
	items := make([]V, 0, len(found))
	for _, o := range found {
		items = append(items, show(o))
	}
	return l.page(s, in, len(wanted) > 0, items)
}

// page answers a Describe call that has the input in: of the items those that meet its Filters, in the
// order of their keys, after its NextToken, at most its MaxResults; and the token for the rest.
// withIDs says that the items were asked for by their ids.
func (l listing[T]) page(s *vpc.State, in any, withIDs bool, items []T) ([]T, *string, error) {
	max, _ := field(in, "MaxResults").(*int32)
	if err := l.paging.check(max, withIDs); err != nil {
		return nil, nil, err
	}
	token, _ := field(in, "NextToken").(*string)
	after, err := readPage(s, in, value(token))
	if err != nil {
		return nil, nil, err
	}
	asked, ok := field(in, "Filters").([]ec2.Filter)
	if !ok { // as DescribeFlowLogs and DescribeNatGateways call it
		asked, _ = field(in, "Filter").([]ec2.Filter)
	}
	m, err := l.filters.matcher(asked)
	if err != nil {
		return nil, nil, err
	}
	found := make([]T, 0, len(items)) // not nil: AWS shows the list even where it is empty
	for i := range items {
		if m.meets(&items[i]) && l.key(&items[i]) > after {
			found = append(found, items[i])
		}
	}
	if err := m.err(); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(found, func(a, b T) int { return strings.Compare(l.key(&a), l.key(&b)) })
	if max == nil || len(found) <= int(*max) {
		return found, nil, nil
	}
	found = found[:*max]
	return found, new(pageToken(s, in, l.key(&found[*max-1]))), nil
}

// A token is the key after which the next page begins, bound to the question that was asked.
func pageToken(s *vpc.State, in any, key string) string {
	return base64.RawURLEncoding.EncodeToString(append(question(s, in), key...))
}

func readPage(s *vpc.State, in any, token string) (after string, err error) {
	if token == "" {
		return "", nil
	}
	asked := question(s, in)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) <= len(asked) || !slices.Equal(raw[:len(asked)], asked) {
		return "", vpc.Errorf("InvalidParameterValue", "Value ( %s ) for parameter NextToken is invalid. The token is invalid.", token)
	}
	return string(raw[len(asked):]), nil
}

// question is a digest of who asks for what, whatever the page.
func question(s *vpc.State, in any) []byte {
	sum := sha256.Sum256(append([]byte(s.Key()+"\x00"), digest(in, "MaxResults", "NextToken", "DryRun")...))
	return sum[:12]
}
