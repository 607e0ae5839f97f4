package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"crenel/datapath"
	"crenel/hostapi"
	"crenel/policy"
)

const (
	sweepEvery = 15 * time.Second // expired connections
	lookEvery  = time.Second      // consoles, what could not be applied, and whether all is as it was made
	countEvery = 5 * time.Second  // what packets became
)

// An attachment tells the loop of the link of an instance's interface. The loop answers when it knows of a link
// that is about to be made, when the View is in force at one that has the filter, or when the link is gone.
type attachment struct {
	eni, instance string
	stage         stage
	index         int // of a link that is made
	done          chan<- error
}

type stage int

const (
	expected stage = iota
	made
	unneeded
)

// A settlement is what became of an order.
type settlement struct {
	order  hostapi.Instance
	report hostapi.InstanceReport
}

// loop is the only goroutine that changes what is in force.
func (a *Agent) loop(ctx context.Context, desired <-chan hostapi.Desired) error {
	var working sync.WaitGroup
	defer working.Wait()
	sweep, look, count := time.NewTicker(sweepEvery), time.NewTicker(lookEvery), time.NewTicker(countEvery)
	defer sweep.Stop()
	defer look.Stop()
	defer count.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.connected:
			clear(a.console)
			clear(a.counted)
			a.push(a.consoles(), a.counters())
		case d := <-desired:
			a.desired = d
			a.cutChanged()
			a.dropDetached()
			a.apply()
			_ = a.settleGateways(ctx) // which look says, and tries again
			a.assign(ctx, &working)
			a.push(nil, nil)
		case at := <-a.attached:
			at.done <- a.rewire(at)
		case r := <-a.settled:
			if w := a.workers[r.order.ID]; w != nil && same(r.order, w.ordered) { // else it is about what was ordered before
				a.status[r.order.ID] = r.report
				a.push(a.consoles(), nil)
			}
		case <-sweep.C:
			if _, err := a.kernel.Sweep(); err != nil {
				a.Log.Error("sweep connections", "error", err)
			}
			a.deafen()
		case <-count.C:
			if c := a.counters(); c != nil {
				a.push(nil, c)
			}
		case <-look.C:
			a.dropLeaving()
			if a.trouble != "" {
				a.apply()
			}
			was := a.wrong
			a.look(ctx)
			if c := a.consoles(); c != nil || a.trouble != "" || a.wrong != was {
				a.push(c, nil)
			}
		}
	}
}

// apply puts the desired View in force. A change that both gives and takes passes through what the
// old and the new View both allow, so that no moment allows what both refuse.
func (a *Agent) apply() error {
	next := a.desired.View
	if next == nil {
		next = a.view // nothing was heard yet: what is in force stays
	}
	if next == nil {
		return nil
	}
	start, fresh := time.Now(), a.view != next
	if err := a.install(next); err != nil {
		if a.trouble != err.Error() {
			a.Log.Error("view not applied", "revision", next.Revision, "error", err)
		}
		a.trouble = err.Error()
		return err
	}
	a.trouble = ""
	if fresh {
		a.Log.Debug("view applied", "revision", next.Revision, "took", time.Since(start))
	}
	return nil
}

// install changes what the kernel holds. What is written down is at every moment a View that allows no
// more than the kernel does: from there the next agent, should this one be killed here, goes on safely.
// Without one it begins with nothing.
func (a *Agent) install(next *policy.View) error {
	floor := &policy.View{}
	if a.view != nil {
		if a.view != next && !a.kernel.Older() && sameRules(a.view, next) && maps.Equal(a.linksOf(next), a.linked) {
			a.view = next // most changes of State are about something else
			return nil
		}
		floor = policy.Meet(a.view, next)
	}
	if a.view != next {
		floor.Revision = 0 // it is no State's
		if err := a.keep(floor); err != nil {
			return err
		}
		a.view = floor // even if what follows fails: the next change starts from here
	}
	for _, v := range []*policy.View{floor, next} {
		image, err := datapath.Lower(v)
		if err != nil {
			return err
		}
		links := a.linksOf(v)
		if err := a.kernel.Apply(image, links); err != nil {
			return err
		}
		a.linked = links
	}
	if err := a.takeOver(); err != nil {
		return err
	}
	if a.view != next {
		a.view = next
		return a.keep(next)
	}
	return nil
}

// takeOver ends an upgrade: from here on what was applied is in force, in the place of an older layout's maps.
func (a *Agent) takeOver() error {
	if !a.kernel.Older() {
		return nil
	}
	took, err := a.kernel.TakeOver()
	if err != nil {
		return err
	}
	a.Log.Info("taken over from the version before", "connections", took.Carried)
	if took.Left != nil {
		a.Log.Warn("connections were not carried over: they are judged as new ones are", "error", took.Left)
	}
	return nil
}

// sameRules tells whether two Views differ in nothing but their revision.
func sameRules(a, b *policy.View) bool {
	c := *a
	c.Revision = b.Revision
	return reflect.DeepEqual(&c, b)
}

func (a *Agent) keep(v *policy.View) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := writeFile(a.paths.view(), b); err != nil {
		return fmt.Errorf("keep the view: %w", err)
	}
	return nil
}

func (a *Agent) linksOf(v *policy.View) map[uint32]int {
	links := map[uint32]int{}
	for _, i := range v.Interfaces {
		if w, ok := a.wired[i.ID]; ok && w.index != 0 && !w.leaving {
			links[i.Num] = w.index
		}
	}
	return links
}

// cutChanged cuts off the starts that are not ordered any more, before anything is done about what is ordered now.
func (a *Agent) cutChanged() {
	still := map[string]bool{}
	for _, o := range a.desired.Instances {
		w := a.workers[o.ID]
		still[o.ID] = w != nil && same(o, w.ordered)
	}
	for id, w := range a.workers {
		if !still[id] {
			w.cut()
		}
	}
}

// assign gives every instance's worker its newest order, and lets go of those that the controller forgot.
func (a *Agent) assign(ctx context.Context, working *sync.WaitGroup) {
	known := map[string]bool{}
	for _, o := range a.desired.Instances {
		known[o.ID] = true
		w := a.workers[o.ID]
		if w == nil {
			w = newWorker(a, o.ID)
			a.workers[o.ID] = w
			working.Go(func() { w.run(ctx) })
		}
		if !same(o, w.ordered) {
			delete(a.status, o.ID) // of what was ordered before
			w.order(ctx, o)
		}
	}
	for id, w := range a.workers {
		if !known[id] {
			w.forget()
			delete(a.workers, id)
			delete(a.status, id)
			delete(a.console, id)
		}
	}
}

// push hands the conversation what to say next: everything but the consoles and the counters is said anew each time, so
// a report that was lost with its stream is never missed.
func (a *Agent) push(consoles []hostapi.Console, counters []policy.Counter) {
	r := hostapi.Report{Host: "local", Public: a.pool, Capacity: a.kernel.Capacity(), Trouble: a.troubles()}
	if a.view != nil {
		r.Applied = a.view.Revision
	}
	for _, s := range a.status {
		r.Instances = append(r.Instances, s)
	}
	slices.SortFunc(r.Instances, func(x, y hostapi.InstanceReport) int { return strings.Compare(x.ID, y.ID) })
	select {
	case unsaid := <-a.reports:
		for _, c := range unsaid.Consoles { // of each instance the newest
			if !slices.ContainsFunc(consoles, func(n hostapi.Console) bool { return n.Instance == c.Instance }) {
				consoles = append(consoles, c)
			}
		}
		counters = hostapi.Counters{}.Add(unsaid.Counters).Add(counters).Sorted()
	default:
	}
	r.Consoles, r.Counters = consoles, counters
	a.reports <- r
}

// troubles are why what should be in force is not, everywhere.
func (a *Agent) troubles() string {
	if a.trouble == "" || a.wrong == "" {
		return sentence(a.trouble + a.wrong)
	}
	return sentence(a.trouble) + "; " + sentence(a.wrong)
}

// sentence is what may be said in a report or a log: not too long, whatever names root in an instance gave to
// files, and valid UTF-8. What it was about is at the beginning, and the cause at the end.
func sentence(s string) string {
	const most = 400
	if len(s) > most {
		s = s[:most/2] + " … " + s[len(s)-most/2:]
	}
	return strings.ToValidUTF8(s, "?")
}

// counters are those that are not as they were last reported; of an interface that is gone, or begins anew, they are 0.
func (a *Agent) counters() (out []policy.Counter) {
	all, err := a.kernel.Counters()
	if err != nil {
		a.Log.Warn("counters", "error", err)
		return nil
	}
	now := hostapi.Counters{}.Add(all)
	for key, c := range now {
		if a.counted[key] != c {
			out = append(out, c)
		}
	}
	for key := range a.counted {
		if _, ok := now[key]; !ok {
			out = append(out, policy.Counter{Interface: key.Interface, Reason: key.Reason})
		}
	}
	a.counted = now
	return out
}

// consoles are those that were written to since they were last reported.
func (a *Agent) consoles() (out []hostapi.Console) {
	for id := range a.status {
		at := a.home.ConsoleTime(id)
		if !at.After(a.console[id]) {
			continue
		}
		tail, err := a.home.ConsoleOutput(id)
		if err != nil {
			a.Log.Warn("console", "instance", id, "error", err)
			continue
		}
		a.console[id] = at
		out = append(out, hostapi.Console{Instance: id, Tail: tail, At: at})
	}
	return out
}
