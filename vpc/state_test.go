package vpc

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	here  = Scope{"123456789012", "us-east-1"}
	noon  = time.Date(2026, 6, 1, 12, 0, 0, 123456789, time.UTC)
	every = []Scope{here, {"123456789012", "eu-west-1"}, {"210987654321", "us-east-1"}, {"123456789012", "mars-1"}}
)

// dump is all that the tables hold, indexes too, but for objects that skip finds.
func (s *State) dump(skip ...string) (lines []string) {
	for _, t := range s.tables() {
	next:
		for _, line := range t.(interface{ dump() []string }).dump() {
			for _, word := range skip {
				if strings.Contains(line, word) {
					continue next
				}
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (t *Table[T]) dump() (lines []string) {
	t.rows.Scan(func(key string, o *T) bool {
		value, err := json.Marshal(o)
		lines = append(lines, fmt.Sprintf("%s %s = %s %v", t.kind, key, value, err))
		return true
	})
	t.index.Scan(func(entry string) bool {
		lines = append(lines, fmt.Sprintf("%s index %q", t.kind, entry))
		return true
	})
	return lines
}

// commit is what a store does with an Edit: its changes come back as JSON.
func commit(t interface{ Fatal(...any) }, s *State, e *Edit) *State {
	var parsed []Change
	for _, c := range e.Changes() {
		parsed = append(parsed, Change{Kind: c.Kind, Key: c.Key, Value: c.Value})
	}
	after, err := s.With(s.Revision+1, parsed)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

// randomly is an endless source of ids that follows from rapid's seed.
func randomly(t *rapid.T) io.Reader {
	return &digests{seed: rapid.StringN(4, 4, 4).Draw(t, "ids")}
}

func TestWithTheChangesIsTheEdit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New()
		ids := randomly(t)
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			before := s.dump()
			e := s.Edit(rapid.SampledFrom(every).Draw(t, "scope"), noon, ids)
			for range rapid.IntRange(0, 6).Draw(t, "steps") {
				step(t, e)
			}
			changes := e.Changes()
			direct, err := s.With(s.Revision+1, changes)
			if err != nil {
				t.Fatal(err)
			}
			after := commit(t, s, e)
			if diff := cmp.Diff(before, s.dump()); diff != "" {
				t.Fatalf("the snapshot changed:\n%s", diff)
			}
			want := e.State
			if changes == nil {
				want = s
			}
			for _, got := range []*State{direct, after} {
				if diff := cmp.Diff(want.dump(), got.dump()); diff != "" {
					t.Fatalf("edited (-), committed (+):\n%s", diff)
				}
			}
			s = after
		}
		if diff := cmp.Diff(s.dump(), loaded(t, s).dump()); diff != "" {
			t.Fatalf("written (-), loaded (+):\n%s", diff)
		}
	})
}

// loaded is what a Loader makes of all that the State holds, in the order of a store's keys mostly.
func loaded(t *rapid.T, s *State) *State {
	var all []Change
	for _, table := range s.tables() {
		table.each(func(c Change) bool {
			all = append(all, Change{Kind: c.Kind, Key: c.Key, Value: c.Value})
			return true
		})
	}
	if rapid.Bool().Draw(t, "shuffled") {
		all = rapid.Permutation(all).Draw(t, "order")
	}
	l := NewLoader()
	for len(all) > 0 {
		page := all[:rapid.IntRange(1, len(all)).Draw(t, "page")]
		if err := l.Add(page); err != nil {
			t.Fatal(err)
		}
		all = all[len(page):]
	}
	return l.State(s.Revision)
}

// step does one thing that requests do.
func step(t *rapid.T, e *Edit) {
	switch rapid.SampledFrom([]string{"vpc", "group", "rule", "interface", "delete", "instance", "tag"}).Draw(t, "step") {
	case "vpc":
		e.NewVPC(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 255).Draw(t, "octet"))}), 16), "default", false)
	case "group":
		for v := range e.VPCs.By("scope", e.Scope.Key()) {
			e.SecurityGroups.Put(e.NewSecurityGroup(v.ID, rapid.SampledFrom([]string{"web", "db"}).Draw(t, "name"), "d"))
			return
		}
	case "rule":
		for g := range e.SecurityGroups.By("scope", e.Scope.Key()) {
			c := *g
			c.Rules = append(c.Rules[:len(c.Rules):len(c.Rules)], Rule{ID: e.NewID("sgr"), What: What{6, 22, 22}, Peer: Peer{Group: g.ID}})
			e.SecurityGroups.Put(&c)
			return
		}
	case "interface":
		for n := range e.Subnets.By("scope", e.Scope.Key()) {
			if a, ok := e.FreeAddress(n); ok {
				e.Interfaces.Put(&Interface{ID: e.NewID("eni"), Scope: e.Scope, VPC: n.VPC, Subnet: n.ID, Num: e.NewNum(), PrivateIP: a,
					Attachment: &Attachment{Instance: "i-1", Time: e.Now}})
			}
			return
		}
	case "delete":
		for i := range e.Interfaces.All() {
			e.Interfaces.Delete(i.ID)
			return
		}
		e.Interfaces.Delete("eni-none")
	case "instance":
		e.Instances.Put(&Instance{ID: e.NewID("i"), Scope: e.Scope, State: Running, LaunchTime: e.Now, Tags: Tags{"a": "<&> \u2028"}})
	case "tag":
		for v := range e.VPCs.By("scope", e.Scope.Key()) {
			c := *v
			c.Tags = Tags{"n": rapid.StringN(0, 3, 9).Draw(t, "value")}
			e.VPCs.Put(&c)
			return
		}
	}
}

func TestWithRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, row := range []struct {
		change Change
		want   string
	}{
		{Change{Kind: "load-balancer", Key: "1", Value: []byte("{}")}, `unknown kind "load-balancer"`},
		{Change{Kind: "load-balancer", Key: "1"}, `unknown kind "load-balancer"`},
		{Change{Kind: "vpc", Key: "vpc-1", Value: []byte("{")}, "vpc vpc-1: "},
		{Change{Kind: "vpc", Key: "vpc-1", Value: []byte(`{"ID":"vpc-2"}`)}, "holds the object vpc-2"},
		{Change{Kind: "vpc", Key: "vpc-1", Value: []byte(`{"ID":"vpc-1","CIDR":"10.0.0.0"}`)}, "vpc vpc-1: "},
	} {
		s := New()
		if _, err := s.With(1, []Change{row.change}); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v: got %v, want %q", row.change, err, row.want)
		}
		if err := NewLoader().Add([]Change{row.change}); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("loading %v: got %v, want %q", row.change, err, row.want)
		}
		if got := s.dump(); got != nil {
			t.Errorf("%v: the State changed: %q", row.change, got)
		}
	}
}

func TestManyReadOneSnapshot(t *testing.T) {
	s := New()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			scope := every[i%3]
			want := s.As(scope).DefaultVPC().ID
			for range 50 {
				if got := s.As(scope).DefaultVPC().ID; got != want {
					t.Errorf("%v: %s, then %s", scope, want, got)
				}
				e := s.Edit(scope, noon, rand.Reader)
				e.NewVPC(Anywhere4, "default", false)
				if after := commit(t, s, e); after.VPCs.Len() != 2 {
					t.Errorf("%d VPCs", after.VPCs.Len())
				}
			}
		})
	}
	all.Wait()
	if got := s.dump(); got != nil {
		t.Errorf("the snapshot changed: %q", got)
	}
}

func TestIDs(t *testing.T) {
	e := New().Edit(Scope{}, noon, bytes.NewReader(append(bytes.Repeat([]byte{0xab}, 9), bytes.Repeat([]byte{0xff}, 9)...)))
	for _, want := range []string{"vpc-abababababababab" + "a", "vpc-" + strings.Repeat("f", 17)} {
		if got := e.NewID("vpc"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNumbersAreNeverUsedTwice(t *testing.T) {
	s, seen := New(), map[uint32]bool{}
	for range 10 {
		e := s.Edit(Scope{}, noon, rand.Reader)
		for range 3 {
			n := e.NewNum()
			if n == 0 || n == math.MaxUint32 || seen[n] {
				t.Errorf("number %d", n)
			}
			seen[n] = true
		}
		s = commit(t, s, e)
	}
}
