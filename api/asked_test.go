package api

import (
	"encoding/json"
	commandline "flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"crenel/vpc"
)

// checkAsked sees that a call asks the caller's policy about every object that it changed, deleted or newly
// ties to another one, and about every one that it unties: a policy that denies something about an object is
// got around by a call that does not ask about it. Every successful call of every test here comes by.
func (w *world) checkAsked(o Operation, in any, form string, e *vpc.Edit) {
	w.Helper()
	succeeded.Store(o.Name, true)
	before := w.state.As(w.scope)
	stored := map[string]string{}
	for c := range before.Objects() {
		stored[c.Kind+" "+c.Key] = string(c.Value)
	}
	asked, places := map[string]bool{}, map[string]bool{}
	for _, q := range o.Asks(before, in) {
		kind, id, _ := strings.Cut(q.Resource[strings.LastIndexByte(q.Resource, ':')+1:], "/")
		asked[id] = true
		if g := before.SecurityGroups.First("rule", id); g != nil { // a rule's tags are in its group
			asked[g.ID] = true
		}
		for _, v := range q.Keys["ec2:Vpc"] {
			places[kind+"/"+id+" "+v[strings.LastIndexByte(v, '/')+1:]] = true
		}
	}
	for _, c := range e.Changes() {
		was, is := stored[c.Kind+" "+c.Key], string(c.Value)
		if was == is || goesAlong(o.Name, c.Kind) {
			continue
		}
		kind, id := resourceOf(c.Kind, c.Key, was)
		if was != "" && kind != "" && !asked[id] && w.isSeen(id) {
			w.Errorf("%s %s changes the %s %s and asks about %v", o.Name, form, c.Kind, c.Key, slices.Sorted(maps.Keys(asked)))
		}
		if is == "" && kind != "" {
			continue // what a deleted object was tied to is left as it was
		}
		before, after := references(c.Kind, was), references(c.Kind, is)
		for field, ids := range after {
			for _, id := range ids {
				made := was == "" && field == "VPC" && places[kind+"/* "+id] // what is made in a VPC is asked about with that
				if w.state.As(w.scope).Find(id) != nil && !slices.Contains(before[field], id) && !asked[id] && !made && !goesAlong(o.Name, c.Kind+"."+field) {
					w.Errorf("%s %s ties the %s %s by its %s to %s and asks about %v", o.Name, form, c.Kind, c.Key, field, id, slices.Sorted(maps.Keys(asked)))
				}
			}
		}
		for field, ids := range before {
			for _, id := range ids {
				if w.state.Find(id) != nil && !slices.Contains(after[field], id) && !asked[id] && !goesAlong(o.Name, "-"+c.Kind+"."+field) {
					w.Errorf("%s %s unties the %s %s from its %s %s and asks about %v", o.Name, form, c.Kind, c.Key, field, id, slices.Sorted(maps.Keys(asked)))
				}
			}
		}
	}
}

// along is what goes along with what a call is about, by its action ("": any): kinds of objects that it changes,
// fields that tie an object to another one, and, after a -, that untie it. AWS does not ask about these either.
var along = map[string][]string{
	"": {
		"security-group.Rules", "-security-group.Rules", "route-table.Routes", "-route-table.Routes", // peers and targets are only referred to
		"vpc.DHCPOptions", "-vpc.DHCPOptions", // of a new VPC; the set that gives way is not changed
		"-network-interface.Groups", // the groups that give way are not changed
		"peering.Accepter",          // the other side is only referred to
	},
	"CreateSubnet":        {"subnet.ACL"}, // the VPC's default one
	"CreateDefaultSubnet": {"subnet.ACL"},
	"CreateDefaultVpc":    {"subnet.ACL"},
	// What is deleted takes along what is a part of it, and what is written down about it.
	"DeleteVpc":              {"security-group", "route-table", "network-acl", "peering", "flow-log"},
	"DeleteSubnet":           {"subnet-cidr-reservation", "flow-log", "route-table"},
	"DeleteNetworkInterface": {"network-interface-permission", "elastic-ip", "flow-log"},
	"DeleteNatGateway":       {"network-interface", "elastic-ip", "flow-log"},
	"DeleteVpcEndpoints":     {"network-interface", "route-table", "flow-log"},
	"DetachInternetGateway":  {"route-table"},
	// The interfaces of gateways and endpoints are AWS's.
	"CreateNatGateway":  {"network-interface.VPC"},
	"ModifyVpcEndpoint": {"network-interface", "network-interface.VPC", "network-interface.Groups"},
	// Default rules are for the families of addresses that the VPC has; a request for peering may become impossible.
	"AssociateVpcCidrBlock":    {"security-group", "network-acl", "peering"},
	"DisassociateVpcCidrBlock": {"security-group", "network-acl"},
	"StartInstances":           {"network-interface"}, // its public address
}

// isSeen tells whether the caller sees the object: only then there is anything to ask.
func (w *world) isSeen(id string) bool {
	o, ok := w.state.As(w.scope).Find(id).(interface{ In(vpc.Scope) bool })
	return !ok || o.In(w.scope)
}

func goesAlong(action, what string) bool {
	return slices.Contains(along[""], what) || slices.Contains(along[action], what)
}

// resourceOf is how policies name the object, if they do: by its kind, and its id or name.
func resourceOf(kind, key, value string) (resource, id string) {
	if kind == "key-pair" {
		var k vpc.KeyPair
		_ = json.Unmarshal([]byte(value), &k)
		return kind, k.Name
	}
	return resourceTypes[vpc.IDPrefix(key)], key
}

// references are the ids in a stored object, by the field that holds them, without what people write as they
// like.
func references(kind, value string) map[string][]string {
	var fields map[string]any
	_ = json.Unmarshal([]byte(value), &fields)
	found := map[string][]string{}
	for name, v := range fields {
		if slices.Contains([]string{"ID", "Name", "Description", "Tags", "AccepterTags", "Token", "UserData", "Data"}, name) {
			continue
		}
		each := func(v any) {}
		each = func(v any) {
			switch v := v.(type) {
			case string:
				if vpc.IDPrefix(v) != "" {
					found[name] = append(found[name], v)
				}
			case []any:
				for _, item := range v {
					each(item)
				}
			case map[string]any:
				for _, item := range v {
					each(item)
				}
			}
		}
		each(v)
	}
	return found
}

// succeeded are the operations that did what they were asked for in some test.
var succeeded sync.Map

// TestMain runs all tests, and then sees that checkAsked saw every operation that changes something.
func TestMain(m *testing.M) {
	code := m.Run()
	if run := commandline.Lookup("test.run").Value.String(); run == "" && code == 0 {
		for name, o := range operations {
			if _, ok := succeeded.Load(name); o.Write && !ok {
				fmt.Println("no test has seen what", name, "changes and asks about")
				code = 1
			}
		}
	}
	os.Exit(code)
}
