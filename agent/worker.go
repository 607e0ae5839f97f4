package agent

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"time"

	"crenel/hostapi"
	"crenel/instance"
)

const (
	stopGrace  = 10 * time.Second // before an instance that was told to end is killed
	retryAfter = 5 * time.Second
)

// A worker brings one instance to where the controller wants it, one order after another.
type worker struct {
	agent   *Agent
	id      string
	ordered hostapi.Instance   // the loop's: the newest order
	cut     context.CancelFunc // the loop's: ends the start that was ordered
	orders  chan order         // at most one waits: the newest
}

func newWorker(a *Agent, id string) *worker {
	return &worker{agent: a, id: id, cut: func() {}, orders: make(chan order, 1)}
}

// An order is what the controller wants of an instance, until it wants something else.
type order struct {
	hostapi.Instance
	ctx context.Context // ends with the next order; heeded by starts, for a stop may take its time
}

// order replaces the order that waits, and cuts off the start that is under way. Only the loop calls it.
func (w *worker) order(ctx context.Context, o hostapi.Instance) {
	w.cut()
	ctx, w.cut = context.WithCancel(ctx)
	select {
	case <-w.orders:
	default:
	}
	w.ordered = o
	w.orders <- order{o, ctx}
}

// forget ends the worker: the controller does not know the instance any more. Only the loop calls it.
func (w *worker) forget() {
	w.cut()
	close(w.orders)
}

func (w *worker) run(ctx context.Context) {
	var current order
	var ended <-chan error // receives when what runs has ended
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-ended:
			// It shut itself down, or was killed: what is to become of it is the controller's to say.
			w.agent.Log.Info("instance ended by itself", "instance", w.id, "error", err)
			ended = nil
			w.say(ctx, current.Instance, hostapi.InstanceReport{ID: w.id, State: hostapi.Stopped, Boots: current.Boots})
			continue
		case order, open := <-w.orders:
			if !open {
				return
			}
			current = order
		case <-retry:
		}
		report, again := w.settle(ctx, current)
		ended, retry = nil, nil
		if report.State == hostapi.Running {
			ended = w.watch(ctx)
		} else if current.Run && current.ctx.Err() != nil {
			continue // cut off, which says nothing about what runs
		}
		if again {
			retry = time.After(retryAfter)
		}
		w.say(ctx, current.Instance, report)
	}
}

// watch waits for the end of what runs now, by order or by itself.
func (w *worker) watch(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- w.agent.home.Wait(ctx, w.id) }()
	return ended
}

func (w *worker) say(ctx context.Context, order hostapi.Instance, report hostapi.InstanceReport) {
	select {
	case w.agent.settled <- settlement{order, report}:
	case <-ctx.Done():
	}
}

// same tells whether carrying out o again would do nothing new.
func same(o, current hostapi.Instance) bool {
	return o.ID == current.ID && o.Run == current.Run && o.Remove == current.Remove && o.Boots == current.Boots &&
		reflect.DeepEqual(o.Interfaces, current.Interfaces)
}

// settle carries the order out; again tells that it is to be tried once more: what must go is tried
// until it is gone, and what runs already is never ended because something about it failed.
func (w *worker) settle(ctx context.Context, o order) (report hostapi.InstanceReport, again bool) {
	report = hostapi.InstanceReport{ID: w.id, State: hostapi.Stopped, Boots: o.Boots}
	if !o.Run {
		if err := w.stop(ctx, o.Instance); err != nil && ctx.Err() == nil {
			report.State, report.Detail = hostapi.Failed, sentence(err.Error())
			w.agent.Log.Error("instance not stopped", "instance", w.id, "error", report.Detail)
			return report, true
		}
		return report, false
	}
	running, err := w.boot()
	if err == nil {
		err = w.start(ctx, o, running)
	}
	switch {
	case err == nil:
		report.State = hostapi.Running
	case o.ctx.Err() != nil:
	case running == o.Boots:
		w.agent.Log.Error("instance runs, and not all of it is in order", "instance", w.id, "error", sentence(err.Error()))
		report.State = hostapi.Running
		again = true
	default:
		report.State, report.Detail = hostapi.Failed, sentence(err.Error())
		w.agent.Log.Error("instance not started", "instance", w.id, "error", report.Detail)
		_ = w.stop(ctx, o.Instance) // the half that was made
	}
	return report, again
}

// start takes every step anew, whatever an earlier agent did of them: each is harmless when it is done.
// The instance's link is attached and its rules are in force before the link is up. running is the
// boot that runs now.
func (w *worker) start(ctx context.Context, o order, running int) error {
	a := w.agent
	if len(o.Interfaces) == 0 {
		return fmt.Errorf("%s has no interface", w.id)
	}
	if running != 0 && running != o.Boots {
		if err := a.home.Stop(ctx, w.id, stopGrace); err != nil { // a reboot
			return err
		}
	}
	ctx = o.ctx
	err := a.home.Create(ctx, instance.Spec{ID: w.id, Boots: int32(o.Boots), Hostname: o.Hostname + "." + o.Domain,
		Addr: o.Interfaces[0].Addr.Addr(), Resolver: o.DNS, Banner: banner(o.Instance), UserData: o.UserData})
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
	link := linkOf(i)
	if err := w.tell(ctx, i.ID, expected, 0); err != nil {
		return err
	}
	index, err := a.connect(ctx, link, ns)
	if err != nil {
		return err
	}
	if err := w.tell(ctx, i.ID, made, index); err != nil {
		return err
	}
	return a.up(ctx, link, ns)
}

// tell has the loop know of a link, put the View in force at it, or remove it.
func (w *worker) tell(ctx context.Context, eni string, stage stage, index int) error {
	done := make(chan error, 1)
	select {
	case w.agent.attached <- attachment{eni, w.id, stage, index, done}:
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
		if err := w.tell(ctx, i.ID, unneeded, 0); err != nil {
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
	name := o.ImageName
	if name == "" {
		name = "no image that describe-images lists"
	}
	return fmt.Sprintf("crenel: %s, boot %d\ncrenel: %s is %s; it runs as a namespace instance, on this machine's own system\n%s login:\n",
		o.ID, o.Boots, o.Image, name, o.Hostname)
}
