package agent

import (
	"context"
	"fmt"
	"maps"
	"os"

	"crenel/hostnet"
)

// A wire is the link of an interface, with the filter attached.
type wire struct {
	index    int    // 0: it is about to be made
	instance string // that it leads to; "": this agent did not make it
	leaving  bool   // nothing is in force at it, and it is to be removed
}

// connect makes the interface's link into the namespace and attaches the filter to it. Links and filters
// come and go together, whoever is at it, and only for an order that holds.
func (a *Agent) connect(ctx context.Context, i hostnet.Interface, ns *os.File) (index int, err error) {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if index, err = a.links.AddInterface(i, ns); err != nil {
		return 0, err
	}
	return index, a.kernel.Attach(i.ID, index)
}

// up lets packets pass. While the order holds the link is the one that it had made: the loop cuts orders off before
// it drops links.
func (a *Agent) up(ctx context.Context, i hostnet.Interface, ns *os.File) error {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.links.Up(i, ns)
}

// rewire puts the View in force at a new link, or removes one, unless another instance has the interface by now.
// It hears of a link before it is made, so that none is left behind by an order that is cut off.
func (a *Agent) rewire(at attachment) error {
	holder := a.holders()[at.eni]
	if at.stage == unneeded {
		if holder != "" && holder != at.instance {
			return nil
		}
		err := a.drop(at.eni)
		_ = a.apply() // which says its trouble itself
		return err
	}
	if holder != at.instance {
		return fmt.Errorf("%s has the interface no longer", at.instance)
	}
	if at.stage == expected {
		if w := a.wired[at.eni]; w.instance != at.instance || w.leaving { // else it may be in force
			a.wired[at.eni] = wire{instance: at.instance}
		}
		return nil
	}
	a.wired[at.eni] = wire{index: at.index, instance: at.instance}
	return a.apply()
}

// dropDetached removes the links of interfaces that their instances no longer have, before anything else
// may be attached to them, and before the new View is in force at any of them.
func (a *Agent) dropDetached() {
	holders := a.holders()
	for eni, w := range maps.Clone(a.wired) {
		if w.instance == "" && a.leadsTo(eni, holders[eni]) {
			w.instance = holders[eni]
			a.wired[eni] = w
		}
		if w.leaving || w.instance == "" || w.instance != holders[eni] {
			if err := a.drop(eni); err != nil {
				a.Log.Error("link not removed", "interface", eni, "error", err)
			}
		}
	}
}

// dropLeaving tries once more to remove what could not be removed.
func (a *Agent) dropLeaving() {
	for eni, w := range maps.Clone(a.wired) {
		if w.leaving {
			_ = a.drop(eni) // its trouble was said when it was first tried
		}
	}
}

// leadsTo tells whether the interface's link leads to the instance, which another agent made it for.
func (a *Agent) leadsTo(eni, id string) bool {
	if id == "" {
		return false
	}
	ns, err := a.namespace(id)
	if err != nil {
		return false // it does not run
	}
	defer ns.Close()
	leads, err := a.links.LeadsTo(eni, ns)
	if err != nil {
		a.Log.Error("link not found out about", "interface", eni, "error", err)
	}
	return leads
}

// drop removes the interface's link, and then its filter. If it cannot, nothing is in force at the link from the
// next apply on, and dropLeaving tries again.
func (a *Agent) drop(eni string) error {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	if w, ok := a.wired[eni]; ok {
		w.leaving = true
		a.wired[eni] = w
	}
	if err := a.links.RemoveInterface(eni); err != nil {
		return err
	}
	if err := a.kernel.Detach(eni); err != nil {
		return err
	}
	delete(a.wired, eni)
	return nil
}

// holders are the instances that should have the interfaces, by the ids of these.
func (a *Agent) holders() map[string]string {
	holders := map[string]string{}
	for _, o := range a.desired.Instances {
		for _, i := range o.Interfaces {
			holders[i.ID] = o.ID
		}
	}
	for _, g := range a.desired.NATGateways {
		holders[g.Interface.ID] = g.ID
	}
	return holders
}
