package vpc

import (
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"
)

// State is a snapshot of everything a cell holds. It is never changed.
type State struct {
	Scope    // of the request, see As; zero in a snapshot that nobody asked for yet
	Site     Site
	Revision int64

	Cells              *Table[Cell]
	Accounts           *Table[Account]
	AccessKeys         *Table[AccessKey]
	Quotas             *Table[Quota]
	Regions            *Table[Region]
	VPCs               *Table[VPC]
	DHCPOptions        *Table[DHCPOptions]
	Subnets            *Table[Subnet]
	CIDRReservations   *Table[CIDRReservation]
	SecurityGroups     *Table[SecurityGroup]
	GroupAssociations  *Table[GroupAssociation]
	PrefixLists        *Table[PrefixList]
	NetworkACLs        *Table[NetworkACL]
	RouteTables        *Table[RouteTable]
	InternetGateways   *Table[InternetGateway]
	EgressOnlyGateways *Table[EgressOnlyGateway]
	NATGateways        *Table[NATGateway]
	Peerings           *Table[Peering]
	Interfaces         *Table[Interface]
	Permissions        *Table[InterfacePermission]
	ElasticIPs         *Table[ElasticIP]
	Instances          *Table[Instance]
	KeyPairs           *Table[KeyPair]
	LaunchTemplates    *Table[LaunchTemplate]
	Volumes            *Table[Volume]
	VPCEndpoints       *Table[VPCEndpoint]
	FlowLogs           *Table[FlowLog]

	InstanceProfileAssociations        *Table[InstanceProfileAssociation]
	NetworkInsightsPaths               *Table[NetworkInsightsPath]
	NetworkInsightsAnalyses            *Table[NetworkInsightsAnalysis]
	NetworkInsightsAccessScopes        *Table[NetworkInsightsAccessScope]
	NetworkInsightsAccessScopeAnalyses *Table[NetworkInsightsAccessScopeAnalysis]
}

// A Site is what the server that carries a request out is set up for. It is of that server, not of the
// cell: servers of one cell may differ.
type Site struct {
	Regions []string // that it serves; none: every one that AWS has
	NoHosts bool     // nothing can run an instance
}

// Serves tells whether requests for the Region are answered.
func (s Site) Serves(region string) bool {
	return IsRegion(region) && (len(s.Regions) == 0 || slices.Contains(s.Regions, region))
}

type keys = []string

// New returns the State that holds nothing.
func New() *State {
	return &State{
		Cells:      newTable("cell", func(*Cell) string { return "cell" }, nil),
		Accounts:   newTable("account", func(a *Account) string { return a.ID }, nil),
		AccessKeys: newTable("access-key", func(k *AccessKey) string { return k.ID }, nil),
		Quotas:     newTable("quota", func(q *Quota) string { return q.Scope.key() + "/" + q.Name }, nil),
		Regions:    newTable("region", func(r *Region) string { return r.Scope.key() }, nil),
		VPCs: newTable("vpc", func(v *VPC) string { return v.ID }, map[string]func(*VPC) []string{
			"scope":        func(v *VPC) []string { return keys{v.Scope.key()} },
			"dhcp-options": func(v *VPC) []string { return keys{v.DHCPOptions} },
			"association": func(v *VPC) []string { // with its ranges
				return append(associations(slices.Concat(v.Secondary, v.IPv6)), v.AssociationID)
			},
		}),
		DHCPOptions: newTable("dhcp-options", func(o *DHCPOptions) string { return o.ID }, map[string]func(*DHCPOptions) []string{
			"scope": func(o *DHCPOptions) []string { return keys{o.Scope.key()} },
		}),
		Subnets: newTable("subnet", func(s *Subnet) string { return s.ID }, map[string]func(*Subnet) []string{
			"scope":           func(s *Subnet) []string { return keys{s.Scope.key()} },
			"vpc":             func(s *Subnet) []string { return keys{s.VPC} },
			"acl":             func(s *Subnet) []string { return keys{s.ACL} },
			"acl-association": func(s *Subnet) []string { return keys{s.ACLAssoc} },
			"association":     func(s *Subnet) []string { return associations(s.IPv6) }, // with its IPv6 ranges
		}),
		CIDRReservations: newTable("subnet-cidr-reservation", func(r *CIDRReservation) string { return r.ID }, map[string]func(*CIDRReservation) []string{
			"scope":  func(r *CIDRReservation) []string { return keys{r.Scope.key()} },
			"subnet": func(r *CIDRReservation) []string { return keys{r.Subnet} },
		}),
		SecurityGroups: newTable("security-group", func(g *SecurityGroup) string { return g.ID }, map[string]func(*SecurityGroup) []string{
			"scope": func(g *SecurityGroup) []string { return keys{g.Scope.key()} },
			"vpc":   func(g *SecurityGroup) []string { return keys{g.VPC} },
			"name":  func(g *SecurityGroup) []string { return keys{GroupNameKey(g.VPC, g.Name)} },
			"refers": func(g *SecurityGroup) (ids []string) { // to the groups that its rules name
				for _, r := range g.Rules {
					if r.Peer.Group != "" {
						ids = append(ids, r.Peer.Group)
					}
				}
				return ids
			},
			"prefix-list": func(g *SecurityGroup) (ids []string) { // that its rules name
				for _, r := range g.Rules {
					if r.Peer.PrefixList != "" {
						ids = append(ids, r.Peer.PrefixList)
					}
				}
				return ids
			},
			"rule": func(g *SecurityGroup) (ids []string) {
				for _, r := range g.Rules {
					ids = append(ids, r.ID)
				}
				return ids
			},
		}),
		GroupAssociations: newTable("group-association", func(a *GroupAssociation) string { return GroupAssociationKey(a.Group, a.VPC) }, map[string]func(*GroupAssociation) []string{
			"scope": func(a *GroupAssociation) []string { return keys{a.Scope.key()} },
			"group": func(a *GroupAssociation) []string { return keys{a.Group} },
			"vpc":   func(a *GroupAssociation) []string { return keys{a.VPC} },
		}),
		PrefixLists: newTable("prefix-list", func(l *PrefixList) string { return l.ID }, map[string]func(*PrefixList) []string{
			"scope": func(l *PrefixList) []string { return keys{l.Scope.key()} },
			"token": func(l *PrefixList) []string { return tokenKeys(l.Scope, l.Token) },
		}),
		NetworkACLs: newTable("network-acl", func(a *NetworkACL) string { return a.ID }, map[string]func(*NetworkACL) []string{
			"scope": func(a *NetworkACL) []string { return keys{a.Scope.key()} },
			"token": func(a *NetworkACL) []string { return tokenKeys(a.Scope, a.Token) },
			"vpc":   func(a *NetworkACL) []string { return keys{a.VPC} },
		}),
		RouteTables: newTable("route-table", func(t *RouteTable) string { return t.ID }, map[string]func(*RouteTable) []string{
			"scope": func(t *RouteTable) []string { return keys{t.Scope.key()} },
			"token": func(t *RouteTable) []string { return tokenKeys(t.Scope, t.Token) },
			"vpc":   func(t *RouteTable) []string { return keys{t.VPC} },
			"subnet": func(t *RouteTable) (ids []string) {
				for _, a := range t.Associations {
					if a.Subnet != "" {
						ids = append(ids, a.Subnet)
					}
				}
				return ids
			},
			"association": func(t *RouteTable) (ids []string) {
				for _, a := range t.Associations {
					ids = append(ids, a.ID)
				}
				return ids
			},
			"target": func(t *RouteTable) (ids []string) {
				for _, r := range t.Routes {
					ids = append(ids, r.Target)
				}
				return ids
			},
			"prefix-list": func(t *RouteTable) (ids []string) {
				for _, r := range t.Routes {
					if r.PrefixList != "" {
						ids = append(ids, r.PrefixList)
					}
				}
				return ids
			},
		}),
		InternetGateways: newTable("internet-gateway", func(g *InternetGateway) string { return g.ID }, map[string]func(*InternetGateway) []string{
			"scope": func(g *InternetGateway) []string { return keys{g.Scope.key()} },
			"vpc":   func(g *InternetGateway) []string { return keys{g.VPC} },
		}),
		EgressOnlyGateways: newTable("egress-only-internet-gateway", func(g *EgressOnlyGateway) string { return g.ID }, map[string]func(*EgressOnlyGateway) []string{
			"scope": func(g *EgressOnlyGateway) []string { return keys{g.Scope.key()} },
			"token": func(g *EgressOnlyGateway) []string { return tokenKeys(g.Scope, g.Token) },
			"vpc":   func(g *EgressOnlyGateway) []string { return keys{g.VPC} },
		}),
		NATGateways: newTable("nat-gateway", func(g *NATGateway) string { return g.ID }, map[string]func(*NATGateway) []string{
			"scope":  func(g *NATGateway) []string { return keys{g.Scope.key()} },
			"token":  func(g *NATGateway) []string { return tokenKeys(g.Scope, g.Token) },
			"vpc":    func(g *NATGateway) []string { return keys{g.VPC} },
			"subnet": func(g *NATGateway) []string { return keys{g.Subnet} },
		}),
		Peerings: newTable("peering", func(p *Peering) string { return p.ID }, map[string]func(*Peering) []string{
			"scope": func(p *Peering) []string { // of both sides
				return slices.Compact(keys{p.Requester.Scope.key(), p.Accepter.Scope.key()})
			},
			"vpc": func(p *Peering) []string { return slices.Compact(keys{p.Requester.VPC, p.Accepter.VPC}) },
		}),
		Interfaces: newTable("network-interface", func(i *Interface) string { return i.ID }, map[string]func(*Interface) []string{
			"scope":  func(i *Interface) []string { return keys{i.Scope.key()} },
			"token":  func(i *Interface) []string { return tokenKeys(i.Scope, i.Token) },
			"vpc":    func(i *Interface) []string { return keys{i.VPC} },
			"subnet": func(i *Interface) []string { return keys{i.Subnet} },
			"group":  func(i *Interface) []string { return i.Groups },
			"address": func(i *Interface) (all []string) {
				for _, a := range i.Addresses() {
					all = append(all, AddressKey(i.VPC, a.String()))
				}
				return all
			},
			"owner": func(i *Interface) []string {
				if i.Owner != "" {
					return keys{i.Owner}
				}
				return nil
			},
			"prefix": func(i *Interface) (all []string) {
				for _, p := range i.Prefixes {
					all = append(all, AddressKey(i.VPC, p.String()))
				}
				return all
			},
			"attachment": func(i *Interface) []string {
				if i.Attachment != nil {
					return keys{i.Attachment.ID}
				}
				return nil
			},
			"public": func(i *Interface) []string {
				if i.PublicIP.IsValid() {
					return keys{i.PublicIP.String()}
				}
				return nil
			},
			"instance": func(i *Interface) []string {
				if i.Attachment != nil {
					return keys{i.Attachment.Instance}
				}
				return nil
			},
		}),
		Permissions: newTable("network-interface-permission", func(p *InterfacePermission) string { return p.ID }, map[string]func(*InterfacePermission) []string{
			"scope":     func(p *InterfacePermission) []string { return keys{p.Scope.key()} },
			"interface": func(p *InterfacePermission) []string { return keys{p.Interface} },
		}),
		ElasticIPs: newTable("elastic-ip", func(a *ElasticIP) string { return a.ID }, map[string]func(*ElasticIP) []string{
			"scope":       func(a *ElasticIP) []string { return keys{a.Scope.key()} },
			"public":      func(a *ElasticIP) []string { return keys{a.Addr.String()} },
			"interface":   func(a *ElasticIP) []string { return keys{a.Interface} },
			"association": func(a *ElasticIP) []string { return keys{a.Association} },
		}),
		Instances: newTable("instance", func(i *Instance) string { return i.ID }, map[string]func(*Instance) []string{
			"scope":       func(i *Instance) []string { return keys{i.Scope.key()} },
			"reservation": func(i *Instance) []string { return keys{i.Reservation} },
			"token":       func(i *Instance) []string { return tokenKeys(i.Scope, i.Token) },
			"unsettled": func(i *Instance) []string { // those that are on their way to another state
				if i.State == Pending || i.State == Stopping || i.State == ShuttingDown {
					return keys{"yes"}
				}
				return nil
			},
		}),
		KeyPairs: newTable("key-pair", func(k *KeyPair) string { return k.ID }, map[string]func(*KeyPair) []string{
			"scope": func(k *KeyPair) []string { return keys{k.Scope.key()} },
			"name":  func(k *KeyPair) []string { return keys{k.Scope.key() + "/" + k.Name} },
		}),
		LaunchTemplates: newTable("launch-template", func(t *LaunchTemplate) string { return t.ID }, map[string]func(*LaunchTemplate) []string{
			"scope": func(t *LaunchTemplate) []string { return keys{t.Scope.key()} },
			"token": func(t *LaunchTemplate) []string { return tokenKeys(t.Scope, t.Token) },
			"name":  func(t *LaunchTemplate) []string { return keys{LaunchTemplateNameKey(t.Scope, t.Name)} },
		}),
		Volumes: newTable("volume", func(v *Volume) string { return v.ID }, map[string]func(*Volume) []string{
			"scope":    func(v *Volume) []string { return keys{v.Scope.key()} },
			"instance": func(v *Volume) []string { return keys{v.Instance} },
		}),
		InstanceProfileAssociations: newTable("instance-profile-association", func(a *InstanceProfileAssociation) string { return a.ID }, map[string]func(*InstanceProfileAssociation) []string{
			"scope":    func(a *InstanceProfileAssociation) []string { return keys{a.Scope.key()} },
			"instance": func(a *InstanceProfileAssociation) []string { return keys{a.Instance} },
		}),
		VPCEndpoints: newTable("vpc-endpoint", func(v *VPCEndpoint) string { return v.ID }, map[string]func(*VPCEndpoint) []string{
			"scope": func(v *VPCEndpoint) []string { return keys{v.Scope.key()} },
			"token": func(v *VPCEndpoint) []string { return tokenKeys(v.Scope, v.Token) },
			"vpc":   func(v *VPCEndpoint) []string { return keys{v.VPC} },
		}),
		FlowLogs: newTable("flow-log", func(l *FlowLog) string { return l.ID }, map[string]func(*FlowLog) []string{
			"scope":    func(l *FlowLog) []string { return keys{l.Scope.key()} },
			"token":    func(l *FlowLog) []string { return tokenKeys(l.Scope, l.Token) },
			"resource": func(l *FlowLog) []string { return keys{l.Resource} },
		}),
		NetworkInsightsPaths: newTable("network-insights-path", func(p *NetworkInsightsPath) string { return p.ID }, map[string]func(*NetworkInsightsPath) []string{
			"scope": func(p *NetworkInsightsPath) []string { return keys{p.Scope.key()} },
			"token": func(p *NetworkInsightsPath) []string { return tokenKeys(p.Scope, p.Token) },
		}),
		NetworkInsightsAnalyses: newTable("network-insights-analysis", func(a *NetworkInsightsAnalysis) string { return a.ID }, map[string]func(*NetworkInsightsAnalysis) []string{
			"scope": func(a *NetworkInsightsAnalysis) []string { return keys{a.Scope.key()} },
			"token": func(a *NetworkInsightsAnalysis) []string { return tokenKeys(a.Scope, a.Token) },
			"path":  func(a *NetworkInsightsAnalysis) []string { return keys{a.Path} },
		}),
		NetworkInsightsAccessScopes: newTable("network-insights-access-scope", func(a *NetworkInsightsAccessScope) string { return a.ID }, map[string]func(*NetworkInsightsAccessScope) []string{
			"scope": func(a *NetworkInsightsAccessScope) []string { return keys{a.Scope.key()} },
			"token": func(a *NetworkInsightsAccessScope) []string { return tokenKeys(a.Scope, a.Token) },
		}),
		NetworkInsightsAccessScopeAnalyses: newTable("network-insights-access-scope-analysis", func(a *NetworkInsightsAccessScopeAnalysis) string { return a.ID }, map[string]func(*NetworkInsightsAccessScopeAnalysis) []string{
			"scope":        func(a *NetworkInsightsAccessScopeAnalysis) []string { return keys{a.Scope.key()} },
			"token":        func(a *NetworkInsightsAccessScopeAnalysis) []string { return tokenKeys(a.Scope, a.Token) },
			"access-scope": func(a *NetworkInsightsAccessScopeAnalysis) []string { return keys{a.AccessScope} },
		}),
	}
}

// Key is a Scope as the index "scope" files it.
func (s Scope) Key() string { return s.key() }

// TokenKey is how the index "token" files a ClientToken.
func TokenKey(scope Scope, t Token) string { return scope.key() + "/" + t.Value }

func tokenKeys(scope Scope, t Token) []string {
	if t.Value == "" {
		return nil
	}
	return keys{TokenKey(scope, t)}
}

func associations(blocks []Block) (ids []string) {
	for _, b := range blocks {
		ids = append(ids, b.AssociationID)
	}
	return ids
}

// AddressKey is how the indexes "address" and "prefix" of Interfaces file those of a VPC.
func AddressKey(vpc, addr string) string { return vpc + "/" + addr }

// tables are all of the State's, in the order of its fields.
func (s *State) tables() []table {
	v := reflect.ValueOf(s).Elem()
	all := make([]table, len(tableFields))
	for n, field := range tableFields {
		all[n] = v.Field(field).Interface().(table)
	}
	return all
}

// tableFields are the fields of State that are tables.
var tableFields = func() (fields []int) {
	t := reflect.TypeFor[State]()
	for i := range t.NumField() {
		if t.Field(i).Type.Implements(reflect.TypeFor[table]()) {
			fields = append(fields, i)
		}
	}
	return fields
}()

// copy returns a State with copied tables, which may be changed where edit is true.
func (s *State) copy(edit bool) *State {
	c := *s
	v := reflect.ValueOf(&c).Elem()
	for _, field := range tableFields {
		v.Field(field).Set(reflect.ValueOf(v.Field(field).Interface().(table).copied(edit)))
	}
	return &c
}

// As is the State as the scope's account sees it in the scope's Region. Where nothing was ever
// written there, it holds the default VPC that the first write will store.
func (s *State) As(scope Scope) *State {
	if s.Regions.Get(scope.key()) != nil {
		c := *s
		c.Scope = scope
		return &c
	}
	e := s.edit(scope, time.Unix(0, 0).UTC(), nil)
	e.synthesise()
	return e.State.copy(false)
}

// Cell is the cell's own record.
func (s *State) Cell() Cell {
	if c := s.Cells.Get("cell"); c != nil {
		return *c
	}
	return Cell{NextNum: 1}
}

// A Change is an object that was put (Value is its JSON) or deleted (Value is nil).
type Change struct {
	Kind, Key string
	Value     []byte
	object    any // what Value was made of, where an Edit made the Change: With then need not parse it
}

// With is the State after the changes, which some Edit made, at the revision.
func (s *State) With(revision int64, changes []Change) (*State, error) {
	c := s.copy(false)
	c.Revision = revision
	byName := c.byName()
	for _, ch := range changes {
		t := byName[ch.Kind]
		if t == nil {
			return nil, fmt.Errorf("unknown kind %q: the data was written by a newer version", ch.Kind)
		}
		if err := t.load(ch); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// An Edit is a State being changed by one request.
type Edit struct {
	*State
	Now time.Time
	ids io.Reader
}

// Edit starts a change of the State by the scope. Ids are made of what ids yields.
func (s *State) Edit(scope Scope, now time.Time, ids io.Reader) *Edit {
	e := s.edit(scope, now, ids)
	if scope != (Scope{}) && s.Regions.Get(scope.key()) == nil {
		e.synthesise()
		for _, t := range e.tables() {
			t.imply()
		}
	}
	return e
}

func (s *State) edit(scope Scope, now time.Time, ids io.Reader) *Edit {
	c := s.copy(true)
	c.Scope = scope
	return &Edit{State: c, Now: now.UTC(), ids: ids}
}

// Changes are all that the Edit put and deleted, by kind and sorted by key; none where the request
// changed nothing, even if its Region had to be synthesised.
func (e *Edit) Changes() (out []Change) {
	if !slices.ContainsFunc(e.tables(), table.dirty) {
		return nil
	}
	for _, t := range e.tables() {
		out = append(out, t.changes()...)
	}
	return out
}

// NewID makes an id: the prefix, "-" and 17 hexadecimal digits, as AWS's are.
func (e *Edit) NewID(prefix string) string {
	var b [9]byte
	if _, err := io.ReadFull(e.ids, b[:]); err != nil {
		panic("vpc: no random bytes: " + err.Error()) // crypto/rand never fails
	}
	return prefix + "-" + hex.EncodeToString(b[:])[:17]
}

// NewNum hands out a number that this cell never used before.
func (e *Edit) NewNum() uint32 {
	c := e.Cell()
	n := c.NextNum
	c.NextNum++
	e.Cells.Put(&c)
	return n
}
