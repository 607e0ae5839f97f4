package policytest

import (
	"fmt"
	"slices"

	"crenel/policy"
)

// change does to the world what one request does.
func (w *world) change() {
	if len(w.v.Interfaces) == 0 {
		w.addInterface()
		w.fill()
		return
	}
	i := &w.v.Interfaces[w.IntN(len(w.v.Interfaces))]
	switch w.IntN(15) {
	case 0: // groups of an interface
		i.Groups = w.some(i.VPC)
		w.need(i.Groups)
		w.fill()
	case 1: // its public address
		i.Public = w.public()
	case 2: // its check
		i.SourceDestCheck = !i.SourceDestCheck
	case 3: // it goes
		w.v.Interfaces = slices.DeleteFunc(w.v.Interfaces, func(j policy.Interface) bool { return j.Num == i.Num })
	case 4: // another comes
		if len(w.v.Interfaces) < 8 {
			w.addInterface()
			w.fill()
		}
	case 5: // routes
		s := &w.v.Subnets[w.IntN(len(w.v.Subnets))]
		s.Routes = w.newRoutes(*s)
	case 6, 7: // an entry of a network ACL, or another ACL
		a := &w.v.Subnets[w.IntN(len(w.v.Subnets))].ACL
		if w.IntN(4) == 0 {
			*a = w.acl()
			return
		}
		entries := []*[]policy.Entry{&a.Ingress, &a.Egress}[w.IntN(2)]
		number := 1 + w.IntN(20)
		at, known := slices.BinarySearchFunc(*entries, number, func(e policy.Entry, n int) int { return e.Number - n })
		if known {
			*entries = slices.Delete(slices.Clone(*entries), at, at+1)
		}
		if !known || w.IntN(2) == 0 {
			*entries = slices.Insert(slices.Clone(*entries), at, w.entry(number))
		}
	case 8: // how long its connections may be silent
		i.Timeouts = w.timeouts()
	case 9: // its addresses of IPv6
		n := slices.IndexFunc(w.v.Subnets, func(s policy.Subnet) bool { return s.ID == i.Subnet })
		i.IPv6 = w.ipv6(w.v.Subnets[n])
	case 10, 11: // another one gets its addresses
		j := *i
		j.Num = w.num()
		j.ID = fmt.Sprintf("eni-%d", j.Num)
		w.v.Interfaces = append(slices.DeleteFunc(w.v.Interfaces, func(k policy.Interface) bool { return k.Num == i.Num }), j)
	default: // rules
		g := &w.v.Groups[w.IntN(len(w.v.Groups))]
		rules := []*[]policy.Rule{&g.Ingress, &g.Egress}[w.IntN(2)]
		if len(*rules) > 0 && w.IntN(2) == 0 {
			n := w.IntN(len(*rules))
			*rules = slices.Delete(*rules, n, n+1)
		}
		if len(*rules) < 60 && w.IntN(3) > 0 {
			*rules = append(*rules, w.rule(g.Num))
		}
	}
}

// fill gives rules to the groups that a change brought into the View.
func (w *world) fill() {
	for n := range w.v.Groups {
		if g := &w.v.Groups[n]; g.Ingress == nil && g.Egress == nil {
			g.Ingress, g.Egress = w.newRules(g.Num)
		}
	}
}

// prune drops the groups that no interface carries any more.
func (w *world) prune() {
	w.v.Groups = slices.DeleteFunc(w.v.Groups, func(g policy.Group) bool {
		return !slices.ContainsFunc(w.v.Interfaces, func(i policy.Interface) bool { return slices.Contains(i.Groups, g.Num) })
	})
}

// copyView is a View that shares nothing with v that change writes to.
func copyView(v *policy.View) *policy.View {
	c := *v
	c.Interfaces, c.Subnets, c.Members, c.Groups = slices.Clone(v.Interfaces), slices.Clone(v.Subnets), slices.Clone(v.Members), slices.Clone(v.Groups)
	for i := range c.Groups {
		c.Groups[i].Ingress, c.Groups[i].Egress = slices.Clone(c.Groups[i].Ingress), slices.Clone(c.Groups[i].Egress)
	}
	return &c
}
