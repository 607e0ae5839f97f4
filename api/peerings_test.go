package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

var (
	overseas = vpc.Scope{Account: testScope.Account, Region: "eu-west-1"}
)

// peer asks for a connection of two VPCs of the account.
func (w *world) peer(a, b string) string {
	w.Helper()
	return *do[ec2.CreateVpcPeeringConnectionOutput](w, "CreateVpcPeeringConnection", "VpcId="+a+"&PeerVpcId="+b).VpcPeeringConnection.VpcPeeringConnectionId
}

// seePeering is the connection as DescribeVpcPeeringConnections shows it.
func (w *world) seePeering(id string) ec2.VpcPeeringConnection {
	w.Helper()
	return do[ec2.DescribeVpcPeeringConnectionsOutput](w, "DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1="+id).VpcPeeringConnections[0]
}

// peeringText is what a connection shows, in a line.
func peeringText(p ec2.VpcPeeringConnection) string {
	side := func(i *ec2.VpcPeeringConnectionVpcInfo) string {
		return strings.Join(strings.Fields(*i.OwnerId+" "+*i.Region+" "+value(i.CidrBlock)), " ")
	}
	return fmt.Sprint(p.Status.Code, "/", *p.Status.Message, ": ", side(p.RequesterVpcInfo), " -> ", side(p.AccepterVpcInfo))
}

// later is the world at another time, for one call.
func (w *world) later(after time.Duration, action, form string) error {
	w.Helper()
	o, _ := Lookup(action)
	in, err := o.Decode(parseForm(form))
	if err != nil {
		w.Fatal(err)
	}
	e := w.state.Edit(w.scope, testNow.Add(after), w.ids)
	if _, err = o.Apply(e, in); err == nil {
		w.state, err = w.state.With(w.state.Revision+1, e.Changes())
	}
	return err
}

// forget is what the controller does every minute.
func (w *world) forget(after time.Duration) {
	w.Helper()
	e := w.state.Edit(vpc.Scope{}, testNow.Add(after), nil)
	Forget(e, time.Hour)
	var err error
	if w.state, err = w.state.With(w.state.Revision+1, e.Changes()); err != nil {
		w.Fatal(err)
	}
}

func TestAPeeringConnectionLives(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpc("10.1.0.0/16"), w.vpc("10.2.0.0/16")
	out := do[ec2.CreateVpcPeeringConnectionOutput](w, "CreateVpcPeeringConnection", "VpcId="+a+"&PeerVpcId="+b+
		"&TagSpecification.1.ResourceType=vpc-peering-connection&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x").VpcPeeringConnection
	id := *out.VpcPeeringConnectionId
	if got, want := peeringText(*out), "initiating-request/Initiating Request to 111122223333: 111122223333 us-east-1 10.1.0.0/16 -> 111122223333 us-east-1"; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
	if !out.ExpirationTime.Equal(testNow.Add(7*24*time.Hour)) || *out.Tags[0].Value != "x" {
		t.Errorf("answered %+v", out)
	}
	if got, want := peeringText(w.seePeering(id)), "pending-acceptance/Pending Acceptance by 111122223333: 111122223333 us-east-1 10.1.0.0/16 -> 111122223333 us-east-1"; got != want {
		t.Errorf("asked for: %s, want %s", got, want)
	}
	accepted := do[ec2.AcceptVpcPeeringConnectionOutput](w, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId="+id).VpcPeeringConnection
	const both = "111122223333 us-east-1 10.1.0.0/16 -> 111122223333 us-east-1 10.2.0.0/16"
	if got := peeringText(*accepted); got != "provisioning/Provisioning: "+both {
		t.Errorf("accepted: answered %s", got)
	}
	p := w.seePeering(id)
	if got := peeringText(p); got != "active/Active: "+both || p.ExpirationTime != nil || *p.AccepterVpcInfo.CidrBlockSet[0].CidrBlock != "10.2.0.0/16" ||
		*p.AccepterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc {
		t.Errorf("accepted: %s %+v", got, p)
	}
	options := do[ec2.ModifyVpcPeeringConnectionOptionsOutput](w, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId="+id+
		"&AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc=true&AccepterPeeringConnectionOptions.AllowEgressFromLocalClassicLinkToRemoteVpc=false")
	p = w.seePeering(id)
	if !*options.AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc || options.RequesterPeeringConnectionOptions != nil ||
		!*p.AccepterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc || *p.RequesterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc {
		t.Errorf("answered %+v, shows %+v", options, p)
	}
	if out := do[ec2.DeleteVpcPeeringConnectionOutput](w, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId="+id); !*out.Return {
		t.Errorf("answered %+v", out)
	}
	if got, want := peeringText(w.seePeering(id)), "deleted/Deleted by 111122223333: 111122223333 us-east-1 10.1.0.0/16 -> 111122223333 us-east-1"; got != want {
		t.Errorf("deleted: %s, want %s", got, want)
	}
	w.peer(b, a) // another one, the other way round
	w.forget(47 * time.Hour)
	w.seePeering(id)
	w.forget(49 * time.Hour)
	w.refuse("DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1="+id, "InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID '"+id+"' does not exist")
}

func TestBothSidesSeeAPeeringConnection(t *testing.T) {
	for _, other := range []vpc.Scope{stranger, overseas} {
		w := newWorld(t)
		them := w.as(other)
		mine, theirs := w.vpc("10.1.0.0/16"), them.defaultVPC() // nobody wrote anything there yet
		w.forget(0)
		them.state = w.state
		id := *do[ec2.CreateVpcPeeringConnectionOutput](w, "CreateVpcPeeringConnection", "VpcId="+mine+"&PeerVpcId="+theirs+
			"&PeerOwnerId="+other.Account+"&PeerRegion="+other.Region).VpcPeeringConnection.VpcPeeringConnectionId
		them.state = w.state
		if got := them.seePeering(id).Status.Code; got != "pending-acceptance" {
			t.Errorf("%v sees %s", other, got)
		}
		in := "VpcPeeringConnectionId=" + id
		not := func(do, done string) string {
			if other.Account == testScope.Account {
				return "OperationNotPermitted: Incorrect region (us-east-1) specified for this request. VPC peering connection " + id + " must be " + done + " in region eu-west-1"
			}
			return "OperationNotPermitted: User (111122223333) cannot " + do + " peering " + id
		}
		w.refuse("AcceptVpcPeeringConnection", in, not("accept", "accepted"))
		w.refuse("RejectVpcPeeringConnection", in, not("reject", "accepted or rejected"))
		if other.Account != testScope.Account {
			them.refuse("DeleteVpcPeeringConnection", in, "OperationNotPermitted: User (999999999999) cannot delete peering "+id)
		}
		w.as(vpc.Scope{Account: "777788889999", Region: "us-east-1"}).refuse("AcceptVpcPeeringConnection", in,
			"InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID '"+id+"' does not exist")

		// Each side has tags of its own.
		them.tag(id, "theirs")
		w.state = them.state
		w.tag(id, "mine")
		them.state = w.state
		do[ec2.AcceptVpcPeeringConnectionOutput](them, "AcceptVpcPeeringConnection", in)
		w.state = them.state
		for _, side := range []struct {
			*world
			want string
		}{{w, "mine"}, {them, "theirs"}} {
			p := side.seePeering(id)
			tags := do[ec2.DescribeTagsOutput](side.world, "DescribeTags", "Filter.1.Name=resource-type&Filter.1.Value.1=vpc-peering-connection").Tags
			if p.Status.Code != "active" || len(p.Tags) != 1 || *p.Tags[0].Value != side.want || len(tags) != 1 || *tags[0].Value != side.want {
				t.Errorf("%v sees %+v %+v, want the tag %s", side.scope, p, tags, side.want)
			}
		}
		options := in + "&AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc=true"
		if other.Account == testScope.Account {
			w.refuse("ModifyVpcPeeringConnectionOptions", options, "OperationNotPermitted: The accepter side peering options cannot be modified in region us-east-1. They must be modified in region eu-west-1")
		} else {
			w.refuse("ModifyVpcPeeringConnectionOptions", options, "OperationNotPermitted: User 111122223333 does not have permission to modify the accepter side peering options")
			them.refuse("ModifyVpcPeeringConnectionOptions", in+"&RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc=true",
				"OperationNotPermitted: User 999999999999 does not have permission to modify the requester side peering options")
		}
		do[ec2.ModifyVpcPeeringConnectionOptionsOutput](them, "ModifyVpcPeeringConnectionOptions", options)
		do[ec2.DeleteVpcPeeringConnectionOutput](them, "DeleteVpcPeeringConnection", in)
		w.state = them.state
		if got, want := *w.seePeering(id).Status.Message, "Deleted by "+other.Account; got != want {
			t.Errorf("deleted: %s, want %s", got, want)
		}
	}
}

// tag gives the resource the tag side=VALUE.
func (w *world) tag(id, value string) {
	w.Helper()
	do[ec2.CreateTagsOutput](w, "CreateTags", "ResourceId.1="+id+"&Tag.1.Key=side&Tag.1.Value="+value)
}

func TestAPeeringConnectionThatFails(t *testing.T) {
	w := newWorld(t)
	a, same, b := w.vpc("10.1.0.0/16"), w.vpc("10.1.128.0/17"), w.vpc("10.2.0.0/16")
	for _, c := range []struct{ sentence, form string }{
		{"addresses in common", "VpcId=" + a + "&PeerVpcId=" + same},
		{"a VPC that another account does not have", "VpcId=" + a + "&PeerOwnerId=999999999999&PeerVpcId=vpc-00000000"},
		{"an own VPC said to be another account's", "VpcId=" + a + "&PeerOwnerId=999999999999&PeerVpcId=" + b},
		{"a VPC that another Region does not have", "VpcId=" + a + "&PeerRegion=eu-west-1&PeerVpcId=" + b},
	} {
		out := do[ec2.CreateVpcPeeringConnectionOutput](w, "CreateVpcPeeringConnection", c.form).VpcPeeringConnection
		p := w.seePeering(*out.VpcPeeringConnectionId)
		if out.Status.Code != "initiating-request" || p.Status.Code != "failed" ||
			*p.Status.Message != "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range" || p.ExpirationTime != nil {
			t.Errorf("%s: answered %+v, shows %+v", c.sentence, out.Status, p.Status)
		}
	}
	// What was right when it was asked for may be wrong when it is accepted.
	id := w.peer(a, b)
	w.edit(func(e *vpc.Edit) {
		v := *e.VPCs.Get(b)
		v.Secondary = []vpc.Block{{CIDR: mustPrefix("10.1.5.0/24")}}
		e.VPCs.Put(&v)
	})
	out := do[ec2.AcceptVpcPeeringConnectionOutput](w, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId="+id)
	if out.VpcPeeringConnection.Status.Code != "failed" || w.seePeering(id).Status.Code != "failed" {
		t.Errorf("accepted: %+v", out.VpcPeeringConnection.Status)
	}
	w.refuse("DeleteVpcPeeringConnection", "VpcPeeringConnectionId="+id, "InvalidStateTransition: Invalid state transition for "+id+", attempted to transition from failed to deleting")
	w.forget(121 * time.Minute)
	if n := w.state.Peerings.Len(); n != 0 {
		t.Errorf("%d are left after two hours", n)
	}
}

// A connection that fails leaves nothing with the other side, which does not see it, and counts as outstanding.
func TestAPeeringConnectionThatFailsBurdensNobodyElse(t *testing.T) {
	w := newWorld(t)
	a := w.vpc("172.31.0.0/20") // overlaps every default VPC
	for _, other := range []vpc.Scope{{Account: "400000000001", Region: "us-east-1"}, testFriend} {
		peer := w.state.As(other).DefaultVPC().ID
		do[ec2.CreateVpcPeeringConnectionOutput](w, "CreateVpcPeeringConnection", "VpcId="+a+"&PeerOwnerId="+other.Account+"&PeerVpcId="+peer)
		if w.state.Regions.Get(other.Key()) != nil {
			t.Errorf("%v is stored now", other)
		}
		w.in(other, func() {
			if list := do[ec2.DescribeVpcPeeringConnectionsOutput](w, "DescribeVpcPeeringConnections", "").VpcPeeringConnections; len(list) > 0 {
				t.Errorf("%v sees %+v", other, list)
			}
		})
	}
	nobody := vpc.Scope{Account: "400000000001", Region: "us-east-1"}
	disjoint := w.vpc("10.9.0.0/16")
	form := "VpcId=" + disjoint + "&PeerOwnerId=" + nobody.Account + "&PeerVpcId=" + w.state.As(nobody).DefaultVPC().ID
	id := *do[ec2.CreateVpcPeeringConnectionOutput](w, "CreateVpcPeeringConnection", form).VpcPeeringConnection.VpcPeeringConnectionId
	if got := w.seePeering(id).Status.Code; got != "failed" || w.state.Regions.Get(nobody.Key()) != nil {
		t.Errorf("with an account that does not exist, it is %s", got)
	}
	w.limit(vpc.OutstandingPeerings, 3)
	w.refuse("CreateVpcPeeringConnection", form, "OutstandingVpcPeeringConnectionLimitExceeded: The maximum number of outstanding VPC peering connection requests has been reached.")
	if err := w.later(121*time.Minute, "CreateVpcPeeringConnection", form); err != nil {
		t.Errorf("after two hours: %v", err)
	}
}

func TestAPeeringRequestExpires(t *testing.T) {
	const week = 7 * 24 * time.Hour
	w := newWorld(t)
	a, b := w.vpc("10.1.0.0/16"), w.vpc("10.2.0.0/16")
	id := w.peer(a, b)
	in := "VpcPeeringConnectionId=" + id
	want := "InvalidStateTransition: Invalid state transition for " + id + ", attempted to transition from expired to provisioning"
	if err := w.later(week, "AcceptVpcPeeringConnection", in); err == nil || err.Error() != want {
		t.Errorf("accepted after a week: %v, want %s", err, want)
	}
	w.forget(week - time.Second)
	if got := w.seePeering(id).Status.Code; got != "pending-acceptance" {
		t.Errorf("just before, it is %s", got)
	}
	w.forget(week)
	if p := w.seePeering(id); p.Status.Code != "expired" || *p.Status.Message != "Expired" || !p.ExpirationTime.Equal(testNow.Add(week)) {
		t.Errorf("then it is %+v", p)
	}
	if err := w.later(week, "CreateVpcPeeringConnection", "VpcId="+a+"&PeerVpcId="+b); err != nil {
		t.Errorf("asked for again: %v", err)
	}
	w.forget(week + 49*time.Hour)
	w.refuse("DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1="+id, "InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID '"+id+"' does not exist")
}

func TestPeeringRefuses(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.vpc("10.1.0.0/16"), w.vpc("10.2.0.0/16"), w.vpc("10.3.0.0/16")
	active, pending, rejected := w.peer(a, b), w.peer(a, c), ""
	do[ec2.AcceptVpcPeeringConnectionOutput](w, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId="+active)
	rejected = w.peer(b, c)
	do[ec2.RejectVpcPeeringConnectionOutput](w, "RejectVpcPeeringConnection", "VpcPeeringConnectionId="+rejected)
	if p := w.seePeering(rejected); p.Status.Code != "rejected" || *p.Status.Message != "Rejected by 111122223333" {
		t.Errorf("rejected: %+v", p.Status)
	}
	exists := "VpcPeeringConnectionAlreadyExists: A VPC peering connection between the VPCs %s and %s already exists: %s"
	transition := "InvalidStateTransition: Invalid state transition for %s, attempted to transition from %s to %s"
	for _, c := range []struct{ action, form, want string }{
		{"CreateVpcPeeringConnection", "VpcId=" + a, "MissingParameter: The request must contain the parameter peerVpcId"},
		{"CreateVpcPeeringConnection", "PeerVpcId=" + a, "MissingParameter: The request must contain the parameter VpcId"},
		{"CreateVpcPeeringConnection", "VpcId=" + a + "&PeerVpcId=" + a, "InvalidParameterValue: Value (" + a + ") for parameter peerVpcId is invalid. A VPC cannot be peered with itself."},
		{"CreateVpcPeeringConnection", "VpcId=" + a + "&PeerVpcId=" + b, fmt.Sprintf(exists, a, b, active)},
		{"CreateVpcPeeringConnection", "VpcId=" + c + "&PeerVpcId=" + a, fmt.Sprintf(exists, c, a, pending)},
		{"CreateVpcPeeringConnection", "VpcId=" + a + "&PeerVpcId=vpc-00000000", "InvalidVpcID.NotFound: The vpc ID 'vpc-00000000' does not exist"},
		{"CreateVpcPeeringConnection", "VpcId=" + a + "&PeerVpcId=x", `InvalidVpcID.Malformed: Invalid id: "x" (expecting "vpc-...")`},
		{"CreateVpcPeeringConnection", "VpcId=" + a + "&PeerVpcId=" + b + "&PeerOwnerId=me", "InvalidParameterValue: Value (me) for parameter peerOwnerId is invalid. It must be the 12 digits of an account ID."},
		{"CreateVpcPeeringConnection", "VpcId=" + a + "&PeerVpcId=" + b + "&PeerRegion=mars", "InvalidParameterValue: Value (mars) for parameter peerRegion is invalid. There is no such Region."},
		{"CreateVpcPeeringConnection", "VpcId=" + a + "&PeerVpcId=" + b + "&TagSpecification.1.ResourceType=vpc", "InvalidParameterValue: 'vpc' is not a valid taggable resource type for this operation."},
		{"AcceptVpcPeeringConnection", "VpcPeeringConnectionId=" + active, fmt.Sprintf(transition, active, "active", "provisioning")},
		{"RejectVpcPeeringConnection", "VpcPeeringConnectionId=" + active, fmt.Sprintf(transition, active, "active", "rejected")},
		{"DeleteVpcPeeringConnection", "VpcPeeringConnectionId=" + rejected, fmt.Sprintf(transition, rejected, "rejected", "deleting")},
		{"DeleteVpcPeeringConnection", "VpcPeeringConnectionId=pcx-00000000", "InvalidVpcPeeringConnectionID.NotFound: The vpcPeeringConnection ID 'pcx-00000000' does not exist"},
		{"DeleteVpcPeeringConnection", "VpcPeeringConnectionId=x", `InvalidVpcPeeringConnectionId.Malformed: Invalid id: "x" (expecting "pcx-...")`},
		{"ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId=" + pending + "&RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc=true", "OperationNotPermitted: Peering " + pending + " is not active. Peering options can be added only to active peerings."},
		{"ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId=" + active, "MissingParameter: The request must contain the parameter AccepterPeeringConnectionOptions or RequesterPeeringConnectionOptions"},
		{"ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId=" + active + "&RequesterPeeringConnectionOptions.AllowEgressFromLocalVpcToRemoteClassicLink=true", "UnsupportedOperation: The parameter AllowEgressFromLocalVpcToRemoteClassicLink is not supported."},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	w.limit(vpc.PeeringsPerVPC, 1)
	full := "ActiveVpcPeeringConnectionPerVpcLimitExceeded: The maximum number of active VPC peering connections has been reached for VPC " + a + "."
	w.refuse("AcceptVpcPeeringConnection", "VpcPeeringConnectionId="+pending, full)
	w.refuse("CreateVpcPeeringConnection", "VpcId="+a+"&PeerVpcId="+w.defaultVPC(), full)
	w.limit(vpc.OutstandingPeerings, 1)
	w.refuse("CreateVpcPeeringConnection", "VpcId="+c+"&PeerVpcId="+b, "OutstandingVpcPeeringConnectionLimitExceeded: The maximum number of outstanding VPC peering connection requests has been reached.")
	w.refuse("CreateVpcPeeringConnection", "VpcId="+c+"&PeerVpcId="+b+"&DryRun=true", "OutstandingVpcPeeringConnectionLimitExceeded: The maximum number of outstanding VPC peering connection requests has been reached.")
	do[ec2.DeleteVpcOutput](w, "DeleteVpc", "VpcId="+b)
	if p := w.seePeering(active); p.Status.Code != "deleted" || *p.RequesterVpcInfo.CidrBlock != "10.1.0.0/16" {
		t.Errorf("of a VPC that is deleted: %+v", p)
	}
}

func TestDescribePeeringConnections(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.vpc("10.1.0.0/16"), w.vpc("10.2.0.0/16"), w.vpc("10.3.0.0/16")
	one, two := w.peer(a, b), w.peer(b, c)
	do[ec2.AcceptVpcPeeringConnectionOutput](w, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId="+one)
	w.tag(two, "x")
	for _, row := range []struct{ name, value, want string }{
		{"accepter-vpc-info.cidr-block", "10.2.0.0/16", one},
		{"accepter-vpc-info.owner-id", testScope.Account, one + " " + two},
		{"accepter-vpc-info.vpc-id", c, two},
		{"requester-vpc-info.cidr-block", "10.2.0.0/16", two},
		{"requester-vpc-info.owner-id", "1*", one + " " + two},
		{"requester-vpc-info.vpc-id", a, one},
		{"expiration-time", "2026-11-30T*", two},
		{"status-code", "active", one},
		{"status-message", "Pending*", two},
		{"vpc-peering-connection-id", one, one},
		{"tag:side", "x", two},
		{"tag-key", "none", ""},
	} {
		var got []string
		for _, p := range do[ec2.DescribeVpcPeeringConnectionsOutput](w, "DescribeVpcPeeringConnections", "Filter.1.Name="+row.name+"&Filter.1.Value.1="+row.value).VpcPeeringConnections {
			got = append(got, *p.VpcPeeringConnectionId)
		}
		if !sameWords(strings.Join(got, " "), row.want) {
			t.Errorf("%s=%s finds %v, want %s", row.name, row.value, got, row.want)
		}
	}
}
