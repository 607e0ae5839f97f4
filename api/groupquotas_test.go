package api

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

const tooManyRules = "RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached."

// prefixList stores a prefix list with one entry.
func (w *world) prefixList(id string, max int, entry string) string {
	w.Helper()
	cidr := netip.MustParsePrefix(entry)
	w.edit(func(e *vpc.Edit) {
		e.PrefixLists.Put(&vpc.PrefixList{ID: id, Scope: w.scope, Name: id, MaxEntries: max, IPv6: cidr.Addr().Is6(), State: "create-complete",
			Versions: []vpc.PrefixListVersion{{Number: 1, Entries: []vpc.PrefixEntry{{CIDR: cidr}}}}})
	})
	return id
}

// authorize adds rules to the group and returns their ids.
func (w *world) authorize(direction, group, rules string) (ids []string) {
	w.Helper()
	form := "GroupId=" + group + "&" + permissions(rules)
	var made []ec2.SecurityGroupRule
	if direction == "Ingress" {
		made = do[ec2.AuthorizeSecurityGroupIngressOutput](w, "AuthorizeSecurityGroupIngress", form).SecurityGroupRules
	} else {
		made = do[ec2.AuthorizeSecurityGroupEgressOutput](w, "AuthorizeSecurityGroupEgress", form).SecurityGroupRules
	}
	return each(made, func(r *ec2.SecurityGroupRule) *string { return r.SecurityGroupRuleId })
}

// ports are rules for n ports from the first one, all with the peer.
func ports(first, n int, peer string) string {
	var rules []string
	for i := range n {
		rules = append(rules, fmt.Sprintf("tcp %d %d %s", first+i, first+i, peer))
	}
	return strings.Join(rules, ";")
}

func TestAGroupHas60RulesEachWay(t *testing.T) {
	w := newWorld(t)
	web := w.group("web", "")
	refuse := func(direction, rules string) {
		t.Helper()
		w.refuse("AuthorizeSecurityGroup"+direction, "GroupId="+web+"&"+permissions(rules), tooManyRules)
	}
	refuse("Ingress", ports(0, 61, "10.0.0.0/8"))
	w.authorize("Ingress", web, ports(0, 60, "10.0.0.0/8"))
	refuse("Ingress", ports(0, 1, "192.168.0.0/16"))
	w.authorize("Ingress", web, ports(0, 60, "::/0")) // IPv6 is counted apart
	refuse("Ingress", ports(0, 1, web))               // a group counts for both
	w.authorize("Egress", web, ports(0, 60, "::/0"))
	refuse("Egress", ports(0, 1, web)) // whichever is full
	w.authorize("Egress", web, ports(0, 59, "10.0.0.0/8"))
	refuse("Egress", ports(0, 1, "192.168.0.0/16")) // with the one that every group begins with
}

func TestAPrefixListWeighsWhatItMayHold(t *testing.T) {
	w := newWorld(t)
	v4, v6 := w.prefixList("pl-00000004", 40, "10.0.0.0/8"), w.prefixList("pl-00000006", 40, "2001:db8::/32")
	large := w.prefixList("pl-00000070", 70, "10.0.0.0/8")
	web, empty := w.group("web", ""), w.group("empty", "")
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+empty+"&"+permissions("tcp 80 80 "+large), tooManyRules)
	w.authorize("Ingress", web, "tcp 80 80 "+v4)
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 81 81 "+v4), tooManyRules)
	w.authorize("Ingress", web, "tcp 80 80 "+v6) // which takes no place of IPv4
	w.authorize("Ingress", web, ports(1000, 20, "10.0.0.0/8"))
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 81 81 10.0.0.0/8"), tooManyRules)
	w.authorize("Ingress", web, ports(1000, 19, "2001:db8::/32"))
	w.refuse("AuthorizeSecurityGroupIngress", "GroupId="+web+"&"+permissions("tcp 80 80 "+web), tooManyRules) // IPv4 is full, IPv6 is not
	w.authorize("Egress", web, "tcp 80 80 "+v4)                                                               // counted apart; 0.0.0.0/0 is there
	w.refuse("AuthorizeSecurityGroupEgress", "GroupId="+web+"&"+permissions(ports(1000, 20, "10.0.0.0/8")), tooManyRules)

	if got, want := w.shown(empty, false), ""; got != want {
		t.Errorf("the refused call left %s", got)
	}
	w.edit(func(e *vpc.Edit) {
		g := e.SecurityGroups.Get(web)
		if err := checkQuotas(e.As(testScope), g); err != nil {
			t.Error(err)
		}
		grown := *e.PrefixLists.Get(v6)
		grown.MaxEntries = 42
		e.PrefixLists.Put(&grown)
		if err := checkQuotas(e.As(testScope), g); err == nil || err.Error() != tooManyRules {
			t.Errorf("with a list that grew: %v", err)
		}
	})
}

func TestAnotherPrefixListMayWeighMore(t *testing.T) {
	w := newWorld(t)
	small, large := w.prefixList("pl-00000001", 1, "10.0.0.0/8"), w.prefixList("pl-00000061", 61, "10.0.0.0/8")
	web := w.group("web", "")
	form := "GroupId=" + web + "&SecurityGroupRule.1.SecurityGroupRuleId=" + w.authorize("Ingress", web, "-1 - - "+small)[0] +
		"&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=-1&SecurityGroupRule.1.SecurityGroupRule.PrefixListId="
	w.refuse("ModifySecurityGroupRules", form+large, tooManyRules)
	w.refuse("ModifySecurityGroupRules", form+"pl-00000002", "InvalidPrefixListID.NotFound: The prefix list ID 'pl-00000002' does not exist")
	w.refuse("ModifySecurityGroupRules", form+"10.0.0.0/8", `InvalidPrefixListId.Malformed: Invalid id: "10.0.0.0/8" (expecting "pl-...")`)
	do[ec2.ModifySecurityGroupRulesOutput](w, "ModifySecurityGroupRules", form+w.prefixList("pl-00000060", 60, "10.0.0.0/8"))
	if got := w.rules(web); !strings.Contains(got, "in -1 -1 -1 pl-00000060") {
		t.Errorf("the rules are\n%s", got)
	}
}

func TestWeightsOfAWSsOwnLists(t *testing.T) {
	for _, row := range []struct {
		owner, name string
		want        int
	}{
		{"111122223333", "com.example.s3", 30},
		{"AWS", "com.amazonaws.us-east-1.s3", 1},
		{"AWS", "com.amazonaws.us-east-1.dynamodb", 1},
		{"AWS", "com.amazonaws.global.cloudfront.origin-facing", 55},
		{"AWS", "com.amazonaws.us-east-1.ipv6.vpc-lattice", 10},
		{"AWS", "com.amazonaws.global.groundstation", 5},
		{"AWS", "com.amazonaws.us-east-1.ec2-instance-connect", 2},
	} {
		if got := weight(&vpc.PrefixList{Scope: vpc.Scope{Account: row.owner}, Name: row.name, MaxEntries: 30}); got != row.want {
			t.Errorf("%s weighs %d, want %d", row.name, got, row.want)
		}
	}
}
