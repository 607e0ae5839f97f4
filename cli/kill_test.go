package cli

import (
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"crenel/ec2"
)

// Writers create, change and delete groups through servers that are killed meanwhile. Afterwards all that was
// acknowledged is there, and nothing that was refused.

func TestKillingAServerLosesNothing(t *testing.T) {
	s := serve(t, t.TempDir())
	driveAndKill(t, []*served{s}, []victim{{"the server", func() { s.kill() }, s.start}})
}

func TestKillingOneOfTwoServersOrAMemberOfEtcdLosesNothing(t *testing.T) {
	c := newCluster(t)
	servers := pair(t, c)
	var victims []victim
	for n, s := range servers {
		victims = append(victims, victim{fmt.Sprint("server ", n), func() { s.kill() }, s.start})
	}
	for n := range c.members {
		victims = append(victims, victim{fmt.Sprint("member ", n), func() { c.members[n].kill() }, func() { c.restart(n) }})
	}
	driveAndKill(t, servers, victims)
}

// A victim is a process that may be killed and started again.
type victim struct {
	name        string
	kill, start func()
}

const (
	driveWriters = 6
	driveSteps   = 25 // of each writer in a round
	driveKept    = 8  // groups that a writer has at a time
)

func driveAndKill(t *testing.T, servers []*served, victims []victim) {
	rng := seeded(t)
	end := time.Now()
	if soaking {
		end = end.Add(3 * time.Minute)
	}
	var writers []*writer
	for n := range driveWriters {
		writers = append(writers, &writer{t: t, name: fmt.Sprint("w", n), rng: rand.New(rand.NewPCG(rng.Uint64(), 0)), servers: servers, at: n, fates: map[string]fate{}})
	}
	rounds := 0
	for ; !t.Failed() && (rounds < 6 || time.Now().Before(end)); rounds++ {
		v, after, pause := victims[rng.IntN(len(victims))], rng.Int64N(driveWriters*driveSteps), time.Duration(rng.IntN(300))*time.Millisecond
		var all sync.WaitGroup
		var done atomic.Int64
		for _, w := range writers {
			all.Go(func() {
				for range driveSteps {
					w.step()
					done.Add(1)
				}
			})
		}
		eventually(t, "the moment to kill", func() bool { return done.Load() >= after })
		v.kill()
		time.Sleep(pause) // how long it stays away is random too
		v.start()
		all.Wait()
		for _, s := range servers {
			wrong := ""
			for limit := time.Now().Add(patience); ; { // another server's writes arrive a moment later
				if wrong = differences(s, writers); wrong == "" || time.Now().After(limit) {
					break
				}
			}
			if wrong != "" {
				t.Errorf("round %d, in which %s was killed: %s", rounds, v.name, wrong)
			}
		}
	}
	answers := map[string]int{}
	for _, w := range writers {
		for what, n := range w.answers() {
			answers[what] += n
		}
	}
	t.Logf("%d rounds: %v", rounds, answers)
	if answers["there"] == 0 || answers["gone"] == 0 || answers["refused"] == 0 {
		t.Error("nothing was tried")
	}
}

// A fate is what a writer was told of something that it made: "group" or "group:port".
type fate int

const (
	there   fate = iota + 1 // it was acknowledged
	gone                    // its removal was acknowledged
	refused                 // it was never made
	unknown                 // an answer was lost
)

// A writer does one thing after another to groups of its own, and keeps book.
type writer struct {
	t       *testing.T
	name    string
	rng     *rand.Rand
	servers []*served
	at      int // the server that it speaks to
	made    int
	kept    []*kept
	fates   map[string]fate
}

// A kept is a group that is there.
type kept struct {
	name, id string
	next     int // the next port
	open     int // a port whose rule is there; 0: none
}

func (w *writer) step() {
	if len(w.kept) == 0 || len(w.kept) < driveKept && w.rng.IntN(3) == 0 {
		w.create()
		return
	}
	n := w.rng.IntN(len(w.kept))
	g := w.kept[n]
	switch {
	case len(w.kept) == driveKept || w.rng.IntN(6) == 0:
		w.kept = slices.Delete(w.kept, n, n+1)
		w.fates[g.name] = w.told("DeleteSecurityGroup", url.Values{"GroupId": {g.id}}, gone, "", new(ec2.DeleteSecurityGroupOutput))
	case g.open != 0 && w.rng.IntN(3) == 0: // one rule of the two is there already: neither is made
		g.next++
		w.told("AuthorizeSecurityGroupIngress", permissions(g.id, g.next, g.open), refused, "InvalidPermission.Duplicate", nil)
		w.fates[g.port()] = refused
	case g.next < 50: // the quota is 60
		g.next++
		f := w.told("AuthorizeSecurityGroupIngress", permissions(g.id, g.next), there, "", new(ec2.AuthorizeSecurityGroupIngressOutput))
		if w.fates[g.port()] = f; f == there {
			g.open = g.next
		}
	}
}

func (g *kept) port() string { return g.name + ":" + strconv.Itoa(g.next) }

func (w *writer) create() {
	w.made++
	g := &kept{name: fmt.Sprint(w.name, "-", w.made)}
	var out ec2.CreateSecurityGroupOutput
	f := w.told("CreateSecurityGroup", url.Values{"GroupName": {g.name}, "GroupDescription": {"x"}}, there, "", &out)
	if w.fates[g.name] = f; f == there {
		g.id = *out.GroupId
		w.kept = append(w.kept, g)
	}
}

// told calls the operation until somebody hears it, and returns done where the answer is as expected: success, or
// the error code. An answer that got lost, or is that of a server in trouble, may mean either.
func (w *writer) told(action string, form url.Values, done fate, code string, out any) fate {
	for {
		a, err := w.servers[w.at%len(w.servers)].call(action, form)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			time.Sleep(5 * time.Millisecond) // it is being started
			w.at++
			continue
		case err != nil || a.status == http.StatusServiceUnavailable:
			w.at++
			return unknown
		case a.code != code || code == "" && a.status != http.StatusOK:
			w.t.Errorf("%s %v: %d %s", action, form, a.status, a.body)
		case out != nil:
			if err := xml.Unmarshal(a.body, out); err != nil {
				w.t.Errorf("%s: %v in %s", action, err, a.body)
			}
		}
		if w.rng.IntN(4) == 0 {
			w.at++ // the other server must know what this one acknowledged
		}
		return done
	}
}

// answers counts what the writer was told.
func (w *writer) answers() map[string]int {
	n := map[string]int{}
	for _, f := range w.fates {
		n[[]string{there: "there", gone: "gone", refused: "refused", unknown: "unknown"}[f]]++
	}
	return n
}

// differences says what the server shows otherwise than the writers were told. What nobody knows may be either.
func differences(s *served, writers []*writer) string {
	all := s.groups()
	seen := map[string]bool{}
	for group, ports := range all {
		seen[group] = true
		for _, port := range ports {
			seen[group+":"+strconv.Itoa(int(port))] = true
		}
	}
	known := map[string]bool{"default": true}
	for _, w := range writers {
		for what, f := range w.fates {
			known[what] = true
			group, port, _ := strings.Cut(what, ":")
			switch {
			case f == there && !seen[what] && (port == "" || seen[group]):
				return what + " was acknowledged and is not there"
			case (f == gone || f == refused) && seen[what]:
				return what + " was refused, or removed, and is there"
			}
		}
	}
	for what := range seen {
		if !known[what] {
			return what + " was never asked for"
		}
	}
	return ""
}
