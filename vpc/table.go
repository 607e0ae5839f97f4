package vpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/tidwall/btree"
)

// A Table holds the objects of one kind by their key and by the secondary keys of its indexes.
// Copying it is O(1): the copy and the original share their nodes until one of them is changed.
// Iteration is in key order.
type Table[T any] struct {
	kind    string
	schema  *schema[T]
	rows    *btree.Map[string, *T]
	index   *btree.Set[string] // "name\x00secondary\x00primary"
	changed map[string]bool    // keys that were put or deleted; nil where the table may not be changed
	implied map[string]bool    // keys that are stored only if something else is: what was synthesised
	copying *sync.Mutex        // copying a tree writes to it, and a snapshot is copied by many at once
}

// A schema says what the keys of an object are.
type schema[T any] struct {
	key   func(*T) string
	index map[string]func(*T) []string
}

// newTable makes an empty table. Objects that have a Scope are filed by it, in the index "scope", unless
// index says otherwise.
func newTable[T any](kind string, key func(*T) string, index map[string]func(*T) []string) *Table[T] {
	if _, ok := any(new(T)).(interface{ Key() string }); ok && index["scope"] == nil {
		index = maps.Clone(index)
		if index == nil {
			index = map[string]func(*T) []string{}
		}
		index["scope"] = func(o *T) []string { return keys{any(o).(interface{ Key() string }).Key()} }
	}
	return &Table[T]{kind: kind, schema: &schema[T]{key, index}, rows: new(btree.Map[string, *T]), index: new(btree.Set[string]),
		copying: new(sync.Mutex)}
}

// Get returns the object with the key, or nil.
func (t *Table[T]) Get(key string) *T {
	o, _ := t.rows.Get(key)
	return o
}

// Len is the number of objects.
func (t *Table[T]) Len() int { return t.rows.Len() }

// All yields every object in key order.
func (t *Table[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		t.rows.Scan(func(_ string, o *T) bool { return yield(o) })
	}
}

// By yields, in key order, the objects that the named index files under the secondary key.
func (t *Table[T]) By(index, secondary string) iter.Seq[*T] {
	prefix := t.prefix(index, secondary)
	return func(yield func(*T) bool) {
		t.index.Ascend(prefix, func(entry string) bool {
			key, ok := strings.CutPrefix(entry, prefix)
			return ok && yield(t.Get(key))
		})
	}
}

// CountBy is how many objects By yields, without a look at each.
func (t *Table[T]) CountBy(index, secondary string) int {
	first := t.prefix(index, secondary)
	after := strings.TrimSuffix(first, "\x00") + "\x01"
	rank := func(pivot string) int { // how many entries are before it
		return sort.Search(t.index.Len(), func(i int) bool {
			e, _ := t.index.GetAt(i)
			return e >= pivot
		})
	}
	return rank(after) - rank(first)
}

// prefix is what the entries of the index begin with that have the secondary key.
func (t *Table[T]) prefix(index, secondary string) string {
	if t.schema.index[index] == nil {
		panic("vpc: table " + t.kind + " has no index " + index)
	}
	return entry(index, secondary, "")
}

// First returns the first object of By, or nil.
func (t *Table[T]) First(index, secondary string) *T {
	for o := range t.By(index, secondary) {
		return o
	}
	return nil
}

// Put adds the object or replaces the one with its key. The table must belong to an Edit.
func (t *Table[T]) Put(o *T) {
	t.mark(t.schema.key(o))
	t.set(o)
}

// Delete removes the object with the key, if there is one. The table must belong to an Edit.
func (t *Table[T]) Delete(key string) {
	t.mark(key)
	t.drop(key)
}

// Changed yields the keys of what the Edit put or deleted, in no order.
func (t *Table[T]) Changed() iter.Seq[string] { return maps.Keys(t.changed) }

// Deleted yields, in no order, the keys that the Edit took out of the table.
func (t *Table[T]) Deleted() iter.Seq[string] {
	return func(yield func(string) bool) {
		for key := range t.changed {
			if t.Get(key) == nil && !yield(key) {
				return
			}
		}
	}
}

func (t *Table[T]) mark(key string) {
	if t.changed == nil {
		panic("vpc: table " + t.kind + " is changed outside an Edit")
	}
	t.changed[key] = true
}

func (t *Table[T]) set(o *T) {
	key := t.schema.key(o)
	old, _ := t.rows.Set(key, o)
	for name, keysOf := range t.schema.index {
		var before []string
		if old != nil {
			before = keysOf(old)
		}
		now := keysOf(o)
		if slices.Equal(before, now) { // as for most changes; a group has an entry for every rule
			continue
		}
		for _, secondary := range before {
			t.index.Delete(entry(name, secondary, key))
		}
		for _, secondary := range now {
			t.index.Insert(entry(name, secondary, key))
		}
	}
}

func (t *Table[T]) drop(key string) {
	old, ok := t.rows.Delete(key)
	if !ok {
		return
	}
	for name, keysOf := range t.schema.index {
		for _, secondary := range keysOf(old) {
			t.index.Delete(entry(name, secondary, key))
		}
	}
}

// entry is the row of the index that leads from the secondary key to the object.
func entry(index, secondary, key string) string { return index + "\x00" + secondary + "\x00" + key }

// A table is what State does with all its tables alike.
type table interface {
	name() string
	Len() int
	find(key string) any
	each(yield func(Change) bool) bool
	changes() []Change
	dirty() bool
	imply()
	parse(c *Change) error
	load(c Change) error
	add(c Change)
	file()
	put(c Change) error
	copied(edit bool) table
}

func (t *Table[T]) name() string { return t.kind }

// find returns the object with the key, or nil.
func (t *Table[T]) find(key string) any {
	if o := t.Get(key); o != nil {
		return o
	}
	return nil
}

// each yields every object as the change that puts it, and tells whether yield wanted them all.
func (t *Table[T]) each(yield func(Change) bool) bool {
	for o := range t.All() {
		if !yield(t.change(t.schema.key(o))) {
			return false
		}
	}
	return true
}
func (t *Table[T]) dirty() bool { return len(t.changed) > 0 }

// imply makes what was put so far follow from the snapshot, not from the request.
func (t *Table[T]) imply() { t.implied, t.changed = t.changed, map[string]bool{} }

func (t *Table[T]) copied(edit bool) table { return t.copy(edit) }

func (t *Table[T]) copy(edit bool) *Table[T] {
	t.copying.Lock()
	defer t.copying.Unlock()
	c := *t
	c.rows, c.index, c.changed, c.implied, c.copying = t.rows.Copy(), t.index.Copy(), nil, nil, new(sync.Mutex)
	if edit {
		c.changed = map[string]bool{}
	}
	return &c
}

func (t *Table[T]) changes() (out []Change) {
	for _, key := range slices.Sorted(maps.Keys(t.keys())) {
		out = append(out, t.change(key))
	}
	return out
}

// change is what makes the table hold what it holds under the key.
func (t *Table[T]) change(key string) Change {
	c := Change{Kind: t.kind, Key: key}
	if o := t.Get(key); o != nil {
		value, err := json.Marshal(o)
		if err != nil {
			panic(fmt.Sprintf("vpc: %s %s: %v", t.kind, key, err)) // our own structs always marshal
		}
		c.Value, c.object = value, o
	}
	return c
}

func (t *Table[T]) keys() map[string]bool {
	keys := maps.Clone(t.changed)
	maps.Copy(keys, t.implied)
	return keys
}

func (t *Table[T]) load(c Change) error {
	if c.Value == nil {
		t.drop(c.Key)
		return nil
	}
	if err := t.parse(&c); err != nil {
		return err
	}
	t.set(c.object.(*T))
	return nil
}

// parse makes the object of what the Change's Value says, unless it has it already.
func (t *Table[T]) parse(c *Change) error {
	if _, ok := c.object.(*T); ok {
		return nil
	}
	o := new(T)
	if err := jsonv2.Unmarshal(c.Value, o); err != nil { // takes half as long: a server reads all there is when it starts
		return fmt.Errorf("%s %s: %w", t.kind, c.Key, err)
	}
	return t.made(c, o)
}

// made is what the Change's Value says, if it says so under its own key.
func (t *Table[T]) made(c *Change, o *T) error {
	if got := t.schema.key(o); got != c.Key {
		return fmt.Errorf("%s %s: holds the object %s", t.kind, c.Key, got)
	}
	c.object = o
	return nil
}

// put loads what somebody else wrote, in an Edit. What this version does not know is refused.
func (t *Table[T]) put(c Change) error {
	t.mark(c.Key)
	if _, ok := c.object.(*T); !ok && c.Value != nil {
		o, d := new(T), json.NewDecoder(bytes.NewReader(c.Value))
		d.DisallowUnknownFields()
		if err := d.Decode(o); err != nil {
			return fmt.Errorf("%s %s: %w", t.kind, c.Key, err)
		}
		if err := t.made(&c, o); err != nil {
			return err
		}
	}
	return t.load(c)
}
