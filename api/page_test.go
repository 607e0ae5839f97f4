package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// pages reads all groups page by page and returns their names, those of a page joined by commas.
func (w *world) pages(form string, between func(page int)) (pages []string) {
	w.Helper()
	token := ""
	for {
		out := do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", form+token)
		var names []string
		for _, g := range out.SecurityGroups {
			names = append(names, *g.GroupName)
		}
		pages = append(pages, strings.Join(names, ","))
		if out.NextToken == nil {
			return pages
		}
		token = "&NextToken=" + *out.NextToken
		if between != nil {
			between(len(pages))
		}
	}
}

func TestPagesHoldEverythingOnce(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("g%02d", i))
		w.group(want[i], "")
	}
	for _, size := range []int{5, 6, 12, 1000} {
		got := w.pages(fmt.Sprintf("Filter.1.Name=group-name&Filter.1.Value.1=g*&MaxResults=%d", size), nil)
		if want := (12 + size - 1) / size; len(got) != want {
			t.Errorf("pages of %d: %d, want %d", size, len(got), want)
		}
		all := strings.Split(strings.Join(got, ","), ",")
		slices.Sort(all)
		if !slices.Equal(all, want) {
			t.Errorf("pages of %d hold %v", size, all)
		}
	}
}

// Pages begin after a key, not at a place: what comes and goes meanwhile moves nothing else.
func TestPagesWhileGroupsComeAndGo(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for i := range 11 {
		ids = append(ids, w.group(fmt.Sprintf("g%02d", i), ""))
	}
	slices.Sort(ids)
	got := w.pages("Filter.1.Name=group-name&Filter.1.Value.1=g*&MaxResults=5", func(page int) {
		if page == 1 { // what ended the first page, and one that is yet to come
			do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+ids[4])
			do[ec2.DeleteSecurityGroupOutput](w, "DeleteSecurityGroup", "GroupId="+ids[7])
		}
	})
	if len(got) != 2 || len(strings.Split(got[1], ",")) != 5 {
		t.Errorf("the pages are %q", got)
	}
}

func TestPagesAreBoundToTheirQuestion(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.group(fmt.Sprintf("g%d", i), "")
	}
	token := *do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "MaxResults=5").NextToken
	refusal := "InvalidParameterValue: Value ( " + token + " ) for parameter NextToken is invalid. The token is invalid."
	w.refuse("DescribeSecurityGroups", "MaxResults=5&Filter.1.Name=group-name&Filter.1.Value.1=g1&NextToken="+token, refusal)
	w.refuse("DescribeVpcs", "MaxResults=5&NextToken="+token, refusal)
	w.as(vpc.Scope{Account: "999999999999", Region: "us-east-1"}).refuse("DescribeSecurityGroups", "MaxResults=5&NextToken="+token, refusal)
	w.refuse("DescribeSecurityGroups", "NextToken=garbage", "InvalidParameterValue: Value ( garbage ) for parameter NextToken is invalid. The token is invalid.")
	if got := len(do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "MaxResults=6&NextToken="+token).SecurityGroups); got != 3 {
		t.Errorf("pages may change their size: got %d, want 3", got)
	}
	if got := len(do[ec2.DescribeSecurityGroupsOutput](w, "DescribeSecurityGroups", "NextToken=").SecurityGroups); got != 8 {
		t.Errorf("an empty token is none: got %d, want 8", got)
	}
}

func TestMaxResultsHasBounds(t *testing.T) {
	w := newWorld(t)
	home := w.defaultVPC()
	for _, c := range []struct{ action, form, want string }{
		{"DescribeSecurityGroups", "MaxResults=1", "InvalidParameterValue: Value ( 1 ) for parameter maxResults is invalid. Expecting a value greater than 5."},
		{"DescribeSecurityGroups", "MaxResults=1001", "InvalidParameterValue: Value ( 1001 ) for parameter maxResults is invalid. Expecting a value smaller than 1000."},
		{"DescribeVpcs", "MaxResults=4", "InvalidParameterValue: Value ( 4 ) for parameter MaxResults is invalid. Expecting a value greater than or equal to 5."},
		{"DescribeSubnets", "MaxResults=2000", "InvalidParameterValue: Value ( 2000 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 1000."},
		{"DescribeRouteTables", "MaxResults=1000", "InvalidParameterValue: Value ( 1000 ) for parameter MaxResults is invalid. Expecting a value smaller than or equal to 100."},
		{"DescribeVpcs", "MaxResults=5&VpcId.1=" + home, "InvalidParameterCombination: The parameter VpcIds cannot be used with the parameter MaxResults"},
		{"DescribeSecurityGroups", "MaxResults=5&GroupName.1=default", "InvalidParameterCombination: The parameter securityGroupIdSet cannot be used with the parameter maxResults"},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	if _, err := w.try("DescribeVpcs", "MaxResults=many"); vpc.Code(err) != "InvalidParameterValue" || !strings.Contains(err.Error(), "MaxResults") {
		t.Errorf("what is no number: %v", err)
	}
}
