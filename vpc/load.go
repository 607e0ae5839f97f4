package vpc

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
)

// A Loader makes the State of all that is stored. It ends with the State that With makes of the same changes,
// but on all CPUs, and files the objects once all are known: a server that starts has a million of them.
type Loader struct {
	state  *State
	byName map[string]table
}

// NewLoader returns a Loader that knows of nothing yet.
func NewLoader() *Loader {
	s := New()
	return &Loader{s, s.byName()}
}

// Add takes in objects: each but once, and best in the order of their keys.
func (l *Loader) Add(objects []Change) error {
	parts := runtime.GOMAXPROCS(0)
	errs := make([]error, parts)
	var working sync.WaitGroup
	for part := range parts {
		working.Go(func() {
			for i := part; i < len(objects) && errs[part] == nil; i += parts {
				errs[part] = l.parse(&objects[i])
			}
		})
	}
	working.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, o := range objects {
		l.byName[o.Kind].add(o)
	}
	return nil
}

func (l *Loader) parse(c *Change) error {
	t, err := tableOf(l.byName, c.Kind)
	if err != nil {
		return err
	}
	return t.parse(c)
}

// State is what was added, at the revision. The Loader has no further use.
func (l *Loader) State(revision int64) *State {
	l.state.Revision = revision
	for _, t := range l.byName {
		t.file()
	}
	return l.state
}

func tableOf(byName map[string]table, kind string) (table, error) {
	if t := byName[kind]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("unknown kind %q: the data was written by a newer version", kind)
}

// add takes in a new object, whose indexes file makes.
func (t *Table[T]) add(c Change) { t.rows.Load(c.Key, c.object.(*T)) }

// file makes every index of the rows. Sorted entries go into the tree many times faster than others.
func (t *Table[T]) file() {
	names := slices.Sorted(maps.Keys(t.schema.index))
	entries := make([][]string, len(names))
	var working sync.WaitGroup
	for n, name := range names {
		working.Go(func() {
			keysOf := t.schema.index[name]
			t.rows.Scan(func(key string, o *T) bool {
				for _, secondary := range keysOf(o) {
					entries[n] = append(entries[n], entry(name, secondary, key))
				}
				return true
			})
			slices.Sort(entries[n])
		})
	}
	working.Wait()
	for _, sorted := range entries {
		for _, e := range sorted {
			t.index.Load(e)
		}
	}
}
