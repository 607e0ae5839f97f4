package admin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"crenel/auth"
	"crenel/vpc"
)

// An ExportInput asks for everything that the server holds.
type ExportInput struct {
	Secrets bool // of access keys too
}

// An ExportOutput is everything, at one revision.
type ExportOutput struct {
	Revision int64
	Objects  []Object
}

// An Object is one that a State holds, in the form in which it is stored.
type Object struct {
	Kind  string          `json:"kind"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func export(_ Server, e *vpc.Edit, in *ExportInput) (*ExportOutput, error) {
	out := &ExportOutput{Revision: e.Revision}
	for c := range e.Objects() {
		o := Object{c.Kind, c.Key, c.Value}
		if without := withoutSecret(e.State, c); without != nil && !in.Secrets {
			var err error
			if o.Value, err = json.Marshal(without); err != nil {
				return nil, err
			}
		}
		out.Objects = append(out.Objects, o)
	}
	return out, nil
}

// withoutSecret is the object without what it keeps secret; nil: it keeps nothing so.
func withoutSecret(s *vpc.State, c vpc.Change) any {
	switch c.Kind {
	case "access-key":
		k := *s.AccessKeys.Get(c.Key)
		k.Secret = ""
		return k
	case "cell":
		cell := s.Cell()
		cell.Seed = ""
		return cell
	}
	return nil
}

// An ImportInput asks a server to hold what another one exported.
type ImportInput struct{ Objects []Object }

// An ImportOutput says what was done.
type ImportOutput struct {
	Objects   int      // that are there now
	Keys      []string // access keys that were left out: the export had no secret for them
	Operators []string // access keys that were left out: they are root keys of the server's own account, and could administer it
}

// batch is how much of an import is written at once: what an external etcd takes with its default settings.
const (
	batchObjects = 100
	batchBytes   = 512 << 10
)

// DecodeImport reads an import.
func DecodeImport(body []byte) (*ImportInput, error) {
	in := new(ImportInput)
	return in, decode(body, in)
}

// Plan is what to write for an import, in parts, so that the server then holds what the export held, beside
// its own key. The server must hold nothing that the export does not hold: so a part that was written before
// something went wrong does no harm when the import is tried again. What refers to something that is not
// there, and what no operation would have made so, is refused, and nothing is written.
func Plan(v Server, s *vpc.State, in *ImportInput) (parts [][]vpc.Change, out *ImportOutput, err error) {
	exported, err := read(in)
	if err != nil {
		return nil, nil, err
	}
	p := plan{v: v, now: map[string][]byte{}, out: &ImportOutput{Keys: []string{}, Operators: []string{}}}
	for c := range s.Objects() {
		p.now[c.Kind+"/"+c.Key] = c.Value
	}
	for c := range exported.Objects() {
		if err := p.take(c, exported); err != nil {
			return nil, nil, err
		}
	}
	for c := range s.Objects() {
		if _, left := p.now[c.Kind+"/"+c.Key]; left && !p.own(c) {
			return nil, nil, vpc.Errorf("NotEmpty", "the server holds the %s %s, which the export does not hold: import into a server that is new", c.Kind, c.Key)
		}
	}
	cell, err := join(s.Cell(), exported)
	if err != nil {
		return nil, nil, err
	}
	e := s.Edit(vpc.Scope{}, time.Time{}, nil)
	e.Cells.Put(&cell)
	if err := e.Put(p.changes); err != nil {
		return nil, nil, err
	}
	if wrong := e.Unsound(); wrong != "" {
		return nil, nil, invalid("%s", wrong)
	}
	p.out.Objects = len(in.Objects) - len(p.out.Keys) - len(p.out.Operators)
	changes := e.Changes()
	slices.SortStableFunc(changes, func(a, b vpc.Change) int { return cmp.Compare(turn(a), turn(b)) })
	return split(changes), p.out, nil
}

// turn is when an object is written: first the cell, with the numbers that are used from then on, and access keys last,
// so that nobody meets half of what was exported.
func turn(c vpc.Change) int {
	switch c.Kind {
	case "cell":
		return 0
	case "access-key":
		return 2
	}
	return 1
}

// read is the State that was exported.
func read(in *ImportInput) (*vpc.State, error) {
	e := vpc.New().Edit(vpc.Scope{}, time.Time{}, nil)
	changes, seen := make([]vpc.Change, len(in.Objects)), map[string]bool{}
	for i, o := range in.Objects {
		name := o.Kind + "/" + o.Key
		if seen[name] {
			return nil, invalid("the export has the %s %s twice", o.Kind, o.Key)
		}
		seen[name] = true
		changes[i] = vpc.Change{Kind: o.Kind, Key: o.Key, Value: o.Value}
	}
	if err := e.Put(changes); err != nil {
		return nil, invalid("the export is not one that this version understands: %s", err)
	}
	return e.State, nil
}

// A plan is made object by object.
type plan struct {
	v       Server
	now     map[string][]byte // what the server holds and the export was not seen to hold
	changes []vpc.Change
	out     *ImportOutput
}

// own tells whether the object is there in every new server.
func (p *plan) own(c vpc.Change) bool {
	return c.Kind == "cell" || c.Kind == "account" && c.Key == p.v.Root.Account || c.Kind == "access-key" && c.Key == p.v.Root.ID
}

// take plans what becomes of an object of the export.
func (p *plan) take(c vpc.Change, exported *vpc.State) error {
	name := c.Kind + "/" + c.Key
	old, there := p.now[name]
	delete(p.now, name)
	if c.Kind == "access-key" && !p.own(c) {
		k := *exported.AccessKeys.Get(c.Key)
		if err := auth.Check(k); err != nil {
			return invalid("the access key %s: %s", c.Key, err)
		}
		if k.Secret == "" {
			if !there {
				p.out.Keys = append(p.out.Keys, k.ID)
			}
			return nil
		}
		if !there && k.Account == p.v.Root.Account && auth.Limitless(k) {
			p.out.Operators = append(p.out.Operators, k.ID)
			return nil
		}
	}
	switch {
	case p.own(c) && (there || c.Kind == "cell"): // the server knows it better
	case !there:
		p.changes = append(p.changes, c)
	case !bytes.Equal(old, c.Value):
		return vpc.Errorf("NotEmpty", "the server holds another %s %s than the export: import into a server that is new", c.Kind, c.Key)
	}
	return nil
}

// join joins the server's cell and the export's: numbers stay unused that one of them gave out. The pool of
// public addresses and what the host can enforce are the server's own, where a host has told them.
func join(own vpc.Cell, from *vpc.State) (vpc.Cell, error) {
	exported := from.Cell()
	if own.Public.IsValid() && !from.MayHavePool(own.Public) {
		return own, invalid("the export has public addresses of %s or ranges of %s, and this server has %s and %s: import it into one that has the same blocks",
			exported.Public, exported.IPv6Pool(), own.Public, own.IPv6Pool())
	}
	if !own.Public.IsValid() {
		own.Public = exported.Public
	}
	if own.Host == (vpc.Capacity{}) {
		own.Host = exported.Host
	}
	own.Seed = cmp.Or(exported.Seed, own.Seed) // what was seen in a Region where nobody wrote stays there
	own.NextNum = max(own.NextNum, exported.NextNum)
	return own, nil
}

// split makes parts of the changes that one transaction takes.
func split(changes []vpc.Change) (parts [][]vpc.Change) {
	from, bytes := 0, 0
	for i, c := range changes {
		if i > from && (i-from == batchObjects || bytes+len(c.Value) > batchBytes) {
			parts = append(parts, changes[from:i])
			from, bytes = i, 0
		}
		bytes += len(c.Value)
	}
	if from < len(changes) {
		parts = append(parts, changes[from:])
	}
	return parts
}
