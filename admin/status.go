package admin

import (
	"maps"
	"slices"

	"crenel/api"
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
}

// A Host is what enforces the State.
type Host struct {
	None      bool // there is none and will be none: the server enforces nothing
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
	out := &StatusOutput{Revision: e.Revision, Host: Host{v.Hostless, v.Connected, v.Applied, v.Trouble}, Unenforced: v.Unenforced, StoredOnly: api.StoredOnly}
	counts := e.Counts()
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		if counts[kind] > 0 {
			out.Objects = append(out.Objects, Count{kind, counts[kind]})
		}
	}
	return out, nil
}
