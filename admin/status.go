package admin

import (
	"maps"
	"slices"

	"crenel/api"
	"crenel/policy"
	"crenel/vpc"
)

// A StatusInput asks how the server is.
type StatusInput struct{}

// A StatusOutput says it.
type StatusOutput struct {
	Revision   int64 // of the State
	Host       Host
	Unenforced int64        // writes that no host confirmed in time
	Objects    []Count      // that are stored, by kind; kinds without any are left out
	StoredOnly []api.Stored // what is stored and described, and nothing acts on yet
	Packets    []Packets    // what became of packets on the host
}

// Packets are those that had a verdict at an interface. See policy.Counter.
type Packets struct {
	Interface      string // "eni-…"; "": a link of no interface, or the internet's side
	Reason         string // of policy.Reason
	Dropped        bool
	Packets, Bytes uint64
}

// A Host is what enforces the State.
type Host struct {
	None      bool   // there is none and will be none: the server enforces nothing
	Name      string `json:",omitempty"` // "": none ever connected
	Connected bool
	Applied   int64  // the revision that it enforces
	Trouble   string `json:",omitempty"`
}

// A Count is how many objects there are of a kind.
type Count struct {
	Kind  string
	Count int
}

func status(v Server, e *vpc.Edit, _ *StatusInput) (*StatusOutput, error) {
	out := &StatusOutput{Revision: e.Revision, Host: Host{v.Hostless, v.Host, v.Connected, v.Applied, v.Trouble}, Unenforced: v.Unenforced, StoredOnly: api.StoredOnly}
	counts := e.Counts()
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		if counts[kind] > 0 {
			out.Objects = append(out.Objects, Count{kind, counts[kind]})
		}
	}
	out.Packets = packets(v.Counters, e.State)
	return out, nil
}

// packets are the counters, with the interfaces by their ids.
func packets(counters []policy.Counter, s *vpc.State) (out []Packets) {
	ids := map[uint32]string{}
	for _, c := range counters {
		ids[c.Interface] = ""
	}
	for i := range s.Interfaces.All() {
		if _, counted := ids[i.Num]; counted {
			ids[i.Num] = i.ID
		}
	}
	for _, c := range counters {
		out = append(out, Packets{ids[c.Interface], c.Reason.String(), c.Reason.Drops(), c.Packets, c.Bytes})
	}
	return out
}
