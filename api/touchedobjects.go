package api

import (
	"reflect"

	"crenel/vpc"
)

// addObject adds what the id stands for, and tells whether it is an id. The id of an association, an
// attachment or a permission stands for what it ties together. What the caller does not see is to policies
// what nobody has: their answers tell nothing about it.
func (a *asking) addObject(id string) bool {
	prefix := vpc.IDPrefix(id)
	switch prefix {
	case "":
		return false
	case "key":
		if k := keyPairIDs.get(a.s, id); k != nil {
			a.addKeyPair(k.Name)
		}
	case "sgr":
		if g := groupOfRule(a.s, id); g != nil && (a.action == "CreateTags" || a.action == "DeleteTags") {
			for _, r := range g.Rules {
				if r.ID == id {
					a.put(resource{kind: "security-group-rule", id: id, account: g.Account, tags: r.Tags})
				}
			}
		}
	case "eipassoc":
		a.addAddressAssociation(a.s.ElasticIPs.First("association", id))
	case "rtbassoc":
		if t, assoc, err := findAssociation(a.s, id); err == nil {
			a.addObject(t.ID)
			a.addObject(assoc.Subnet)
			a.addObject(assoc.Gateway)
		}
	case "eni-attach":
		if i := a.s.Interfaces.First("attachment", id); i != nil && (i.In(a.s.Scope) || instanceIDs.get(a.s, i.Attachment.Instance) != nil) {
			a.addObject(i.ID)
			a.addObject(i.Attachment.Instance)
		}
	case "eni-perm":
		if p := permissionIDs.get(a.s, id); p != nil {
			a.addObject(p.Interface)
		}
	case "iip-assoc":
		if assoc := a.s.InstanceProfileAssociations.Get(id); assoc != nil && assoc.In(a.s.Scope) {
			a.addObject(assoc.Instance)
		}
	case "aclassoc":
		if n := a.s.Subnets.First("acl-association", id); n != nil && n.In(a.s.Scope) {
			a.addObject(n.ID)
			a.addObject(n.ACL)
		}
	case "vpc-cidr-assoc":
		if v := a.s.VPCs.First("association", id); v != nil && v.In(a.s.Scope) {
			a.addObject(v.ID)
		}
	case "subnet-cidr-assoc":
		if n := a.s.Subnets.First("association", id); n != nil && n.In(a.s.Scope) {
			a.addObject(n.ID)
		}
	case "pcx":
		a.addPeering(id)
	default:
		if kind := resourceTypes[prefix]; kind != "" {
			a.put(a.known(kind, id))
		}
	}
	return true
}

// addAddressAssociation adds the Elastic IP and the interface that it stands for, as far as they are the
// caller's.
func (a *asking) addAddressAssociation(e *vpc.ElasticIP) {
	if e == nil {
		return
	}
	i := interfaceIDs.get(a.s, e.Interface)
	if e.In(a.s.Scope) {
		a.addObject(e.ID)
		a.addObject(e.Interface)
	} else if i != nil {
		a.addObject(i.ID)
	}
}

// addPeering adds the connection as each side sees it that is the caller's: with its own account, tags and VPC.
func (a *asking) addPeering(id string) {
	p := peeringIDs.get(a.s, id)
	if p == nil {
		a.put(a.known("vpc-peering-connection", id))
		return
	}
	for _, side := range []vpc.PeeringSide{p.Requester, p.Accepter} {
		if side.Scope == a.s.Scope {
			a.put(resource{kind: "vpc-peering-connection", id: id, account: side.Account, vpc: side.VPC, tags: *p.TagsOf(side.Scope)})
		}
	}
}

// known is the resource with the id as far as the caller knows it. An interface that another account lets
// it use is that account's.
func (a *asking) known(kind, id string) resource {
	r := resource{kind: kind, id: id, account: a.s.Account}
	if kind == "image" {
		r.account = "" // Amazon's
	}
	o := a.s.Find(id)
	if seen, ok := o.(interface{ In(vpc.Scope) bool }); !ok || !seen.In(a.s.Scope) {
		for p := range a.s.Permissions.By("interface", id) {
			if p.Grantee == a.s.Account && p.Region == a.s.Region {
				r.account = p.Account
			}
		}
		return r
	}
	v := reflect.ValueOf(o).Elem()
	if f := v.FieldByName("Account"); f.IsValid() {
		r.account = f.String()
	}
	if f := v.FieldByName("VPC"); f.IsValid() {
		r.vpc = f.String()
	}
	if f := v.FieldByName("Tags"); f.IsValid() {
		r.tags, _ = f.Interface().(vpc.Tags)
	}
	return r
}

func (a *asking) put(r resource) {
	if a.seen == nil {
		a.seen = map[[3]string]bool{}
	}
	if key := [3]string{r.kind, r.id, r.vpc}; !a.seen[key] {
		a.seen[key] = true
		a.touched = append(a.touched, r)
	}
}
