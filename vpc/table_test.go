package vpc

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A thing has one colour and any number of tags, perhaps one twice.
type thing struct {
	ID, Colour string
	Tags       []string
}

func newThings() *Table[thing] {
	return newTable("thing", func(o *thing) string { return o.ID }, map[string]func(*thing) []string{
		"colour": func(o *thing) []string { return keys{o.Colour} },
		"tag":    func(o *thing) []string { return o.Tags },
	}).copy(true)
}

// A modelled table is compared with a map after every step. Copies are made of any of them, at any time.
type modelled struct {
	table *Table[thing]
	model map[string]thing
}

func TestATableIsAMapWithIndexes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []modelled{{newThings(), map[string]thing{}}}
		id := rapid.StringMatching(`[a-c]{0,2}`)
		pick := func(t *rapid.T) modelled { return all[rapid.IntRange(0, len(all)-1).Draw(t, "table")] }
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				m := pick(t)
				o := thing{id.Draw(t, "id"), rapid.SampledFrom([]string{"", "red", "reddish"}).Draw(t, "colour"),
					rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "xy"}), 0, 3).Draw(t, "tags")}
				m.table.Put(&o)
				m.model[o.ID] = o
			},
			"delete": func(t *rapid.T) {
				m, id := pick(t), id.Draw(t, "id")
				m.table.Delete(id)
				delete(m.model, id)
			},
			"copy": func(t *rapid.T) {
				m := pick(t)
				all = append(all, modelled{m.table.copy(true), maps.Clone(m.model)})
			},
			"": func(t *rapid.T) {
				for _, m := range all {
					m.check(t)
				}
			},
		})
	})
}

func (m modelled) check(t *rapid.T) {
	ids := slices.Sorted(maps.Keys(m.model))
	m.same(t, "All", slices.Collect(m.table.All()), ids)
	if m.table.Len() != len(ids) {
		t.Fatalf("Len is %d, want %d", m.table.Len(), len(ids))
	}
	for _, id := range ids {
		if got := m.table.Get(id); got == nil || fmt.Sprint(*got) != fmt.Sprint(m.model[id]) {
			t.Fatalf("Get(%q) is %v, want %v", id, got, m.model[id])
		}
	}
	entries := 0
	for index, keysOf := range m.table.schema.index {
		for _, secondary := range []string{"", "red", "reddish", "x", "y", "xy", "none"} {
			var want []string
			for _, id := range ids {
				if o := m.model[id]; slices.Contains(keysOf(&o), secondary) {
					want = append(want, id)
				}
			}
			m.same(t, index+"="+secondary, slices.Collect(m.table.By(index, secondary)), want)
			if first := m.table.First(index, secondary); (first == nil) != (want == nil) || first != nil && first.ID != want[0] {
				t.Fatalf("First(%s, %s) is %v, want %v", index, secondary, first, want)
			}
			if got := m.table.CountBy(index, secondary); got != len(want) {
				t.Fatalf("CountBy(%s, %s) is %d, want %d", index, secondary, got, len(want))
			}
			entries += len(want)
		}
	}
	if got := m.table.index.Len(); got != entries {
		t.Fatalf("%d entries in the indexes, want %d", got, entries)
	}
}

func (m modelled) same(t *rapid.T, what string, got []*thing, want []string) {
	var ids []string
	for _, o := range got {
		ids = append(ids, o.ID)
	}
	if !slices.Equal(ids, want) {
		t.Fatalf("%s yields %q, want %q", what, ids, want)
	}
}

func TestATableOutsideAnEditDoesNotChange(t *testing.T) {
	for name, change := range map[string]func(*Table[thing]){
		"Put":    func(s *Table[thing]) { s.Put(&thing{ID: "1"}) },
		"Delete": func(s *Table[thing]) { s.Delete("1") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was let through", name)
				}
			}()
			change(newThings().copy(false))
		}()
	}
}

func TestIterationMayStopAtAnyObject(t *testing.T) {
	things := newThings()
	for _, id := range []string{"1", "2", "3"} {
		things.Put(&thing{ID: id, Colour: "red"})
	}
	for n := 1; n <= 3; n++ {
		seen := 0
		for range things.All() {
			if seen++; seen == n {
				break
			}
		}
		for range things.By("colour", "red") {
			if seen++; seen == 2*n {
				break
			}
		}
		if seen != 2*n {
			t.Errorf("saw %d objects, want %d", seen, 2*n)
		}
	}
}
