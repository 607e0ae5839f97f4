package vpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A checker checks the objects of a State that did not come about by operations, one after another. What it lets pass,
// operations and hosts can take for what it says it is.
type checker struct {
	*State
	nums map[string]string       // whose a number is, by kind and number
	ipv6 map[netip.Prefix]string // whose a range is
}

// object says what is wrong with the object, "" where nothing is. References are Unsound's to check: those that it finds
// lead somewhere.
func (c checker) object(kind, key string, o any) string {
	if slices.Contains(idKinds, kind) && kinds[IDPrefix(key)] != kind {
		return "has an id of another form"
	}
	if wrong := form(reflect.ValueOf(o).Elem(), ""); wrong != "" {
		return wrong
	}
	switch o := o.(type) {
	case *Cell:
		return unless(o.NextNum > 0 && o.NextNum <= maxNextNum, "has the next number %d", o.NextNum)
	case *Account:
		return unless(IsAccount(o.ID), "has an id of another form")
	case *AccessKey:
		return unless(o.ID != "" && len(o.ID) <= 128 && consistsOf(o.ID, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), "has an id of another form")
	case *Quota:
		l, ok := FindLimit(o.Name)
		return unless(ok && l.Name == o.Name && o.Value >= 0 && o.Value <= maxQuota, "is none that there is, or is set to %d", o.Value)
	case *VPC:
		return c.vpc(o)
	case *Subnet:
		return c.subnet(o)
	case *SecurityGroup:
		return c.group(o)
	case *Interface:
		return c.face(o)
	case *ElasticIP:
		if !c.Cell().Public.Contains(o.Addr) {
			return fmt.Sprintf("has the address %v, which is not of the pool %v", o.Addr, c.Cell().Public)
		}
		return unless(o.Addr.Is4() && c.ElasticIPs.First("public", o.Addr.String()) == o && c.Interfaces.First("public", o.Addr.String()) == nil,
			"has the address %v, which is none or another's too", o.Addr)
	case *Instance:
		return instance(o)
	case *RouteTable:
		for _, r := range o.Routes {
			if r.Destination.IsValid() == (r.PrefixList != "") {
				return "has a route that needs one destination"
			}
		}
		return unless(o.VPC != "", "is of no VPC")
	case *NetworkACL:
		return unless(o.VPC != "", "is of no VPC")
	case *PrefixList:
		return unless(len(o.Versions) > 0, "has no version")
	case *LaunchTemplate:
		return unless(slices.ContainsFunc(o.Versions, func(v LaunchTemplateVersion) bool { return v.Number == o.Default }), "has not the version %d, its default", o.Default)
	}
	return ""
}

// maxNextNum leaves a cell as many numbers as it can ever have used.
const maxNextNum = 1 << 31

// idKinds are the kinds whose keys are ids.
var idKinds = func() (all []string) {
	for _, kind := range kinds {
		all = append(all, kind)
	}
	return all
}()

// unless is what is wrong, unless the condition holds.
func unless(ok bool, format string, args ...any) string {
	if ok {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

func consistsOf(s, characters string) bool { return strings.Trim(s, characters) == "" }

// num says what is wrong with a number that hosts know an object of the kind by.
func (c checker) num(kind, id string, n uint32) string {
	key := kind + "/" + numKey(n)
	other, taken := c.nums[key]
	c.nums[key] = id
	if taken {
		return fmt.Sprintf("has the number %d, and so has %s", n, other)
	}
	return unless(n != 0, "has the number 0")
}

func (c checker) vpc(v *VPC) string {
	switch {
	case v.Num > maxVPCNum:
		return fmt.Sprintf("has the number %d", v.Num)
	case !v.CIDR.Addr().Is4():
		return "has no IPv4 range"
	case c.DefaultGroup(v.ID) == nil:
		return "has no default security group"
	case c.DefaultACL(v.ID) == nil:
		return "has no default network ACL"
	case c.MainRouteTable(v.ID) == nil:
		return "has no main route table"
	}
	for _, b := range v.IPv6 {
		if other, taken := c.ipv6[b.CIDR]; taken {
			return fmt.Sprintf("has the range %v, and so has %s", b.CIDR, other)
		}
		c.ipv6[b.CIDR] = v.ID
		if pool := c.Cell().IPv6Pool(); !pool.Contains(b.CIDR.Addr()) {
			return fmt.Sprintf("has the range %v, which is not of the pool %v", b.CIDR, pool)
		}
	}
	return c.num("vpc", v.ID, v.Num)
}

func (c checker) subnet(n *Subnet) string {
	v := c.VPCs.Get(n.VPC)
	if v == nil || n.ACL == "" {
		return "is of no VPC or has no network ACL"
	}
	_, known := ZoneByName(n.Region, n.Zone)
	return unless(n.CIDR.Addr().Is4() && n.CIDR.Bits() <= 28 && known && slices.ContainsFunc(v.CIDRs(), func(p netip.Prefix) bool {
		return p.Addr().Is4() && p.Bits() <= n.CIDR.Bits() && p.Contains(n.CIDR.Addr())
	}), "has the range %v in %q, which no subnet of its VPC can have", n.CIDR, n.Zone)
}

func (c checker) group(g *SecurityGroup) string {
	if g.VPC == "" {
		return "is of no VPC"
	}
	for _, r := range g.Rules {
		if wrong := rule(r); wrong != "" {
			return wrong
		}
	}
	return c.num("security-group", g.ID, g.Num)
}

func rule(r Rule) string {
	peers := 0
	for _, given := range []bool{r.Peer.CIDR.IsValid(), r.Peer.Group != "", r.Peer.PrefixList != ""} {
		if given {
			peers++
		}
	}
	w := r.What
	return unless(peers == 1 && w.Protocol >= AnyProtocol && w.Protocol <= 255 && min(w.From, w.To) >= -1 && max(w.From, w.To) <= 65535,
		"has the rule %s, which is for %+v, and for %d peers", r.ID, w, peers)
}

func (c checker) face(i *Interface) string {
	n := c.Subnets.Get(i.Subnet)
	if n == nil || n.VPC != i.VPC {
		return "is in no subnet of its VPC"
	}
	for k, a := range i.Addresses() {
		if slices.Contains(i.Addresses()[:k], a) {
			return fmt.Sprintf("has the address %v twice", a)
		}
		if !slices.ContainsFunc(n.CIDRs(), func(p netip.Prefix) bool { return p.Contains(a) }) {
			return fmt.Sprintf("has the address %v, which is not of its subnet", a)
		}
		if other := c.Interfaces.First("address", AddressKey(i.VPC, a.String())); other != i {
			return fmt.Sprintf("has the address %v, and so has %s", a, other.ID)
		}
	}
	switch {
	case !i.PrivateIP.Is4():
		return "has no private IPv4 address"
	case i.PublicIP.IsValid() && (!i.PublicIP.Is4() || c.Interfaces.First("public", i.PublicIP.String()) != i):
		return fmt.Sprintf("has the public address %v, which is none or another's too", i.PublicIP)
	case i.PublicIP.IsValid() && !c.Cell().Public.Contains(i.PublicIP):
		return fmt.Sprintf("has the public address %v, which is not of the pool %v", i.PublicIP, c.Cell().Public)
	case i.Attachment != nil && (i.Attachment.DeviceIndex < 0 || i.Attachment.DeviceIndex > MaxDeviceIndex):
		return fmt.Sprintf("is attached at index %d", i.Attachment.DeviceIndex)
	}
	return c.num("network-interface", i.ID, i.Num)
}

func instance(i *Instance) string {
	data, err := base64.StdEncoding.DecodeString(i.UserData)
	switch {
	case i.State.String() == "":
		return fmt.Sprintf("is in state %d", i.State)
	case min(i.Boots, i.Booted) < 0 || max(i.Boots, i.Booted) > math.MaxInt32:
		return fmt.Sprintf("booted %d and %d times", i.Boots, i.Booted)
	case err != nil || len(data) > maxUserData:
		return fmt.Sprintf("has user data that is no base64 of at most %d bytes", maxUserData)
	}
	return ""
}

// maxUserData is how much AWS lets an instance have.
const maxUserData = 16 << 10

// ownIDs are fields that hold an id of what is inside of an object, and refFields those that refer to one of a kind.
var (
	ownIDs    = []string{"AssociationID", "ACLAssoc", "Association"}
	refFields = map[string]string{"VPC": "vpc", "Subnet": "subnet", "ACL": "network-acl", "Group": "security-group", "Groups": "security-group",
		"Interface": "network-interface", "Instance": "instance", "PrefixList": "prefix-list", "Peering": "peering", "Allocation": "elastic-ip"}
)

// form says what has not the form that its type or its field's name promises, in v, which is the field.
func form(v reflect.Value, field string) string {
	switch x := v.Interface().(type) {
	case netip.Prefix:
		return unless(x.IsValid() && x == x.Masked(), "has %v in %s, which is no range", x, field)
	case netip.Addr:
		return ""
	case time.Time:
		return unless(x.IsZero() || x.Year() >= 1970 && x.Year() < 2200, "has the time %s in %s", x.Format(time.RFC3339), field)
	case Tags:
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		id, kind := v.String(), refFields[field]
		return unless(id == "" || kind == "" && !slices.Contains(ownIDs, field) || IDPrefix(id) != "" && (kind == "" || kinds[IDPrefix(id)] == kind),
			"has %.80q in %s", id, field)
	case reflect.Pointer:
		if !v.IsNil() {
			return form(v.Elem(), field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if wrong := form(v.Index(i), field); wrong != "" {
				return wrong
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !(v.Field(i).IsZero() && mayLack(v.Type(), f.Name)) {
				if wrong := form(v.Field(i), f.Name); wrong != "" {
					return wrong
				}
			}
		}
		return unless(nestedID(v), "has %.80q as an id", v.FieldByName("ID"))
	}
	return ""
}

// mayLack tells whether a range may be missing there.
func mayLack(t reflect.Type, field string) bool {
	switch t {
	case reflect.TypeFor[Cell](), reflect.TypeFor[Peer](), reflect.TypeFor[Route]():
		return field == "Public" || field == "CIDR" || field == "Destination"
	}
	return false
}

// nestedID tells whether the struct has no id, or one of the form of ids. Those of accounts and keys are of other forms.
func nestedID(v reflect.Value) bool {
	switch v.Type() {
	case reflect.TypeFor[Account](), reflect.TypeFor[AccessKey]():
		return true
	}
	id := v.FieldByName("ID")
	return !id.IsValid() || IDPrefix(id.String()) != ""
}
