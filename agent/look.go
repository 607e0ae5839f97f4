package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// look finds out whether what the agent made is as it was, and makes it so again: root on the host can take links away and put
// programs before ours or detach ours, and root in an instance can delete its end of a link. What it cannot mend it says.
func (a *Agent) look(ctx context.Context) {
	var wrong []string
	for _, err := range []error{a.lookForInternet(), a.lookForLinks(), a.settleGateways(ctx), a.lead()} {
		if err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	said := strings.Join(wrong, "; ")
	if said != "" && said != a.wrong {
		a.Log.Error("not as it should be", "error", sentence(said))
	}
	a.wrong = said
}

// lead has our programs be at every link, whoever detached them or removed their pins, and the first ones there.
func (a *Agent) lead() error {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	var errs []error
	for eni, w := range a.wired {
		if w.index != 0 && !w.leaving {
			errs = append(errs, a.kernel.Attach(eni, w.index))
		}
	}
	moved, err := a.kernel.Lead()
	if len(moved) > 0 {
		a.Log.Warn("another program came before ours, which is first again", "at", moved)
	}
	return errors.Join(append(errs, err)...)
}

func (a *Agent) lookForInternet() error {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	if n, there, err := a.links.Internet(); err != nil {
		return err
	} else if there {
		return a.kernel.AttachInternet(n.Out, n.Index)
	}
	if err := a.openInternet(); err != nil {
		return fmt.Errorf("the link of the public addresses is gone: %w", err)
	}
	a.Log.Warn("the link of the public addresses was gone, and is there again")
	return nil
}

// lookForLinks has nothing in force at a link that is gone, for its number may come to be another one's, and has the
// instance's worker make it anew. That it is gone is said when the worker had a while for it.
func (a *Agent) lookForLinks() error {
	links, err := a.links.Interfaces()
	if err != nil {
		return err
	}
	of := map[int]string{}
	for _, l := range links {
		of[l.Index] = l.ID
	}
	var gone []error
	lost := false
	for _, eni := range slices.Sorted(maps.Keys(a.wired)) {
		w := a.wired[eni]
		switch {
		case w.index != 0 && !w.leaving && of[w.index] != eni:
			a.wired[eni] = wire{instance: w.instance, lost: true}
			lost = true
		case w.lost && a.runs(w.instance):
			gone = append(gone, fmt.Errorf("the link of %s is gone", eni))
		}
		if w := a.workers[w.instance]; w != nil && a.wired[eni].lost {
			w.reconnect()
		}
	}
	if lost {
		_ = a.apply() // which says its trouble itself
	}
	return errors.Join(gone...)
}

// deafen keeps the host from hearing its instances but through the filter.
func (a *Agent) deafen() {
	for eni := range a.wired {
		if err := a.links.Deafen(eni); err != nil {
			a.Log.Error("host not deafened", "interface", eni, "error", err)
		}
	}
}

// runs tells whether the instance has a network that a link could lead to.
func (a *Agent) runs(id string) bool {
	ns, err := a.home.NetNS(id)
	if err != nil {
		return false
	}
	ns.Close()
	return true
}
