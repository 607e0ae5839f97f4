package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"crenel/hostapi"
	"crenel/hostnet"
	"crenel/instance"
)

const (
	stopGrace = 10 * time.Second // before an instance that was told to end is killed
	stopRetry = 5 * time.Second
)

// A worker brings one instance to where the controller wants it, one order after another.
type worker struct {
	agent   *Agent
	id      string
	ordered hostapi.Instance      // the loop's: the newest order
	orders  chan hostapi.Instance // at most one waits: the newest
}

// order replaces the order that waits. Only the loop calls it.
func (w *worker) order(o hostapi.Instance) {
	select {
	case <-w.orders:
	default:
	}
	w.orders <- o
}

func (w *worker) run(ctx context.Context) {
	var current hostapi.Instance
	var died chan struct{} // closed when what runs has ended
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case current = <-w.orders:
		case <-retry:
		case <-died: // nobody asked for that: the record says that it runs
			w.agent.Log.Warn("instance died; starting it again", "instance", w.id)
		}
		report := w.settle(ctx, current)
		died, retry = nil, nil
		if report.State == hostapi.Failed && !current.Run { // what must go is tried until it is gone
			retry = time.After(stopRetry)
		}
		if report.State == hostapi.Running {
			died = make(chan struct{})
			go w.watch(ctx, died)
		}
		select {
		case w.agent.settled <- settlement{current, report}:
		case <-ctx.Done():
			return
		}
	}
}

// watch closes died when the instance that runs now has ended, by order or by itself.
func (w *worker) watch(ctx context.Context, died chan<- struct{}) {
	if w.agent.home.Wait(ctx, w.id) == nil {
		close(died)
	}
}

// same tells whether carrying out o again would do nothing new.
func same(o, current hostapi.Instance) bool {
	return o.ID == current.ID && o.Run == current.Run && o.Remove == current.Remove && o.Boots == current.Boots
}

func (w *worker) settle(ctx context.Context, o hostapi.Instance) hostapi.InstanceReport {
	report := hostapi.InstanceReport{ID: w.id, State: hostapi.Stopped, Boots: o.Boots}
	err := error(nil)
	if o.Run {
		if err = w.start(ctx, o); err == nil {
			report.State = hostapi.Running
		}
	} else {
		err = w.stop(ctx, o)
	}
	if err != nil && ctx.Err() == nil {
		w.agent.Log.Error("instance", "instance", w.id, "run", o.Run, "error", err)
		report.State, report.Detail = hostapi.Failed, err.Error()
		if o.Run {
			_ = w.stop(ctx, o) // the half that was made
		}
	}
	return report
}

// start takes every step anew, whatever an earlier agent did of them: each is harmless when it is done.
// The instance's link is attached and its rules are in force before the link is up.
func (w *worker) start(ctx context.Context, o hostapi.Instance) error {
	a := w.agent
	if len(o.Interfaces) == 0 {
		return fmt.Errorf("%s has no interface", w.id)
	}
	if running, err := w.boot(); err != nil {
		return err
	} else if running != 0 && running != o.Boots {
		if err := a.home.Stop(ctx, w.id, stopGrace); err != nil { // a reboot
			return err
		}
	}
	err := a.home.Create(ctx, instance.Spec{ID: w.id, Boots: int32(o.Boots), Hostname: o.Hostname + "." + o.Domain,
		Addr: o.Interfaces[0].Addr.Addr(), Resolver: o.DNS, Banner: banner(o), UserData: o.UserData})
	if err != nil {
		return err
	}
	ns, err := a.home.NetNS(w.id)
	if err != nil {
		return err
	}
	defer ns.Close()
	for _, i := range o.Interfaces {
		if err := w.connect(ctx, i, ns); err != nil {
			return fmt.Errorf("connect %s: %w", i.ID, err)
		}
	}
	return a.home.Run(ctx, w.id)
}

func (w *worker) connect(ctx context.Context, i hostapi.Interface, ns *os.File) error {
	a := w.agent
	link := hostnet.Interface{ID: i.ID, Device: i.DeviceIndex, MAC: net.HardwareAddr(i.MAC[:]), Addr: i.Addr, Gateway: i.Gateway}
	index, err := a.links.AddInterface(link, ns)
	if err != nil {
		return err
	}
	if err := a.kernel.Attach(i.ID, index); err != nil {
		return err
	}
	if err := w.tell(ctx, i.ID, index); err != nil {
		return err
	}
	return a.links.Up(link, ns)
}

// tell has the loop put the View in force at a link, or forget it.
func (w *worker) tell(ctx context.Context, eni string, index int) error {
	done := make(chan error, 1)
	select {
	case w.agent.attached <- attachment{eni, index, done}:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the instance, then removes its links: they carry nothing any more.
func (w *worker) stop(ctx context.Context, o hostapi.Instance) error {
	a := w.agent
	if err := a.home.Stop(ctx, w.id, stopGrace); err != nil {
		return err
	}
	for _, i := range o.Interfaces {
		if err := a.links.RemoveInterface(i.ID); err != nil {
			return err
		}
		if err := a.kernel.Detach(i.ID); err != nil {
			return err
		}
		if err := w.tell(ctx, i.ID, 0); err != nil && ctx.Err() != nil {
			return err
		}
	}
	if o.Remove {
		return a.home.Remove(w.id)
	}
	return nil
}

// boot is which boot of the instance is running; 0: none.
func (w *worker) boot() (int, error) {
	here, err := w.agent.home.List()
	for _, s := range here {
		if s.ID == w.id && s.Alive {
			return int(s.Boots), nil
		}
	}
	return 0, err
}

// banner is how the console begins.
func banner(o hostapi.Instance) string {
	return fmt.Sprintf("crenel: instance %s, boot %d, image %s\n%s login:\n", o.ID, o.Boots, o.Image, o.Hostname)
}
