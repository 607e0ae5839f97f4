package vpc

import (
	"encoding/hex"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
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
		Cells:                              newCells(),
		Accounts:                           newAccounts(),
		AccessKeys:                         newAccessKeys(),
		Quotas:                             newQuotas(),
		Regions:                            newRegions(),
		VPCs:                               newVPCs(),
		DHCPOptions:                        newDHCPOptions(),
		Subnets:                            newSubnets(),
		CIDRReservations:                   newCIDRReservations(),
		SecurityGroups:                     newSecurityGroups(),
		GroupAssociations:                  newGroupAssociations(),
		PrefixLists:                        newPrefixLists(),
		NetworkACLs:                        newNetworkACLs(),
		RouteTables:                        newRouteTables(),
		InternetGateways:                   newInternetGateways(),
		EgressOnlyGateways:                 newEgressOnlyGateways(),
		NATGateways:                        newNATGateways(),
		Peerings:                           newPeerings(),
		Interfaces:                         newInterfaces(),
		Permissions:                        newPermissions(),
		ElasticIPs:                         newElasticIPs(),
		Instances:                          newInstances(),
		KeyPairs:                           newKeyPairs(),
		LaunchTemplates:                    newLaunchTemplates(),
		Volumes:                            newVolumes(),
		InstanceProfileAssociations:        newInstanceProfileAssociations(),
		VPCEndpoints:                       newVPCEndpoints(),
		FlowLogs:                           newFlowLogs(),
		NetworkInsightsPaths:               newNetworkInsightsPaths(),
		NetworkInsightsAnalyses:            newNetworkInsightsAnalyses(),
		NetworkInsightsAccessScopes:        newNetworkInsightsAccessScopes(),
		NetworkInsightsAccessScopeAnalyses: newNetworkInsightsAccessScopeAnalyses(),
	}
}

// TokenKey is how the index "token" files a ClientToken.
func TokenKey(scope Scope, t Token) string { return scope.Key() + "/" + t.Value }

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
	if s.Regions.Get(scope.Key()) != nil {
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

// Sow gives the cell its secret, if it has none yet. What was synthesised before has other ids from then on.
func (e *Edit) Sow() {
	if c := e.Cell(); c.Seed == "" {
		c.Seed = e.random(32)
		e.Cells.Put(&c)
	}
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
		t, err := tableOf(byName, ch.Kind)
		if err == nil {
			err = t.load(ch)
		}
		if err != nil {
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
	if scope != (Scope{}) && s.Regions.Get(scope.Key()) == nil {
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
	return prefix + "-" + e.random(9)[:17]
}

// random is n random bytes in hexadecimal.
func (e *Edit) random(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(e.ids, b); err != nil {
		panic("vpc: no random bytes: " + err.Error()) // crypto/rand never fails
	}
	return hex.EncodeToString(b)
}

// NewNum hands out a number that this cell never used before. Where a cell has used all of them, which takes
// years, nothing that needs one can be made.
func (e *Edit) NewNum() uint32 {
	c := e.Cell()
	n := c.NextNum
	if n == math.MaxUint32 {
		panic("vpc: the cell has used all of its numbers")
	}
	c.NextNum++
	e.Cells.Put(&c)
	return n
}

// maxVPCNum is the highest number of a VPC: packets have 24 bits for it.
const maxVPCNum = 1<<24 - 1

// newVPCNum hands out a number for a VPC. Once the cell's numbers have outgrown packets it begins again at 1, with
// those that no VPC has: each was last used some 16 million numbers ago, and no host knows of that any more.
func (e *Edit) newVPCNum() uint32 {
	for {
		if n := e.NewNum() & maxVPCNum; n != 0 && e.VPCs.First("num", numKey(n)) == nil {
			return n
		}
	}
}

func numKey(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
