package agent

import (
	"maps"
	"os"

	"crenel/hostnet"
)

// A wire is the link of an interface, with the filter attached.
type wire struct {
	index    int
	instance string // that it leads to; "": this agent did not make it
}

// connect makes the interface's link into the namespace and attaches the filter to it. Links and filters
// come and go together, whoever is at it.
func (a *Agent) connect(i hostnet.Interface, ns *os.File) (index int, err error) {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	if index, err = a.links.AddInterface(i, ns); err != nil {
		return 0, err
	}
	return index, a.kernel.Attach(i.ID, index)
}

// rewire puts the View in force at a new link, or removes one, unless another instance has the interface by now.
func (a *Agent) rewire(at attachment) error {
	if at.ifindex != 0 {
		a.wired[at.eni] = wire{at.ifindex, at.instance}
		return a.apply()
	}
	if holder := a.holders()[at.eni]; holder != "" && holder != at.instance {
		return nil
	}
	return a.drop(at.eni)
}

// dropDetached removes the links of interfaces that their instances no longer have, before anything else
// may be attached to them. What another agent made is the next holder's to make anew.
func (a *Agent) dropDetached() {
	holders := a.holders()
	for eni, w := range maps.Clone(a.wired) {
		if holder := holders[eni]; holder == "" || w.instance != "" && w.instance != holder {
			if err := a.drop(eni); err != nil {
				a.Log.Error("link not removed", "interface", eni, "error", err)
			}
		}
	}
}

// drop removes the interface's link, and then its filter: who carries out an older order meanwhile finds no
// link to bring up.
func (a *Agent) drop(eni string) error {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	if err := a.links.RemoveInterface(eni); err != nil {
		return err
	}
	if err := a.kernel.Detach(eni); err != nil {
		return err
	}
	delete(a.wired, eni)
	_ = a.apply() // which says its trouble itself; the link is gone either way
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
	return holders
}
