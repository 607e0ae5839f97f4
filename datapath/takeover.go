package datapath

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// A Takeover is what became of the connections of an older layout.
type Takeover struct {
	Carried int   // entries of the table: a connection of two interfaces of this host has two
	Left    error // why others, or all, could not be carried over; nil: none was left
}

// Older tells whether Open found maps of an older layout, whose programs go on enforcing them until TakeOver. Until then
// what is applied here is enforced nowhere, and links that are new drop everything.
func (d *Datapath) Older() bool {
	d.pinning.Lock()
	defer d.pinning.Unlock()
	return len(d.older) > 0
}

// TakeOver has every link judged by this build's programs and by what was applied last, in the place of the programs and maps
// of an older layout, which it removes. Connections go on. It takes a second; without an older layout it does nothing. If it
// fails, or the process ends on the way, it may be called again, by this process or the next to Open the folder.
//
// Every packet is judged by the old programs or by the new ones, as a whole, and what both let by passes at every moment:
//
//  1. The connections are carried over. Old programs still judge everything; what they learn from here on is carried below.
//  2. The links get the new programs one by one. These ask the old ones (ASK_BEFORE), so it is all the same which a link has.
//  3. One store lets the new programs judge, and ask the old ones about what they would drop (ASK_BOTH): that may belong to a
//     connection that is not carried over yet, or be a piece of a packet whose first the old ones saw.
//  4. The connections are carried over once more, and again when no packet can be on its way in the old programs.
//  5. The old folders are gone, by one rename each; from then on nothing is carried. One store ends the asking (TAKEN_OVER).
//
// So in the second between 3 and 5 both what was in force and what was applied last lets packets by.
func (d *Datapath) TakeOver() (Takeover, error) {
	var t Takeover
	for _, step := range d.takeOver(&t) {
		if err := step(); err != nil {
			return t, fmt.Errorf("datapath: take over to %s: %w", d.dir, err)
		}
	}
	return t, nil
}

// takeOver are the steps. Each may be done again, and after each the process may end.
func (d *Datapath) takeOver(t *Takeover) []func() error {
	if !d.Older() {
		return nil
	}
	carry := func() error { return d.carry(t) }
	return []func() error{
		carry,
		d.rememberPrograms,
		d.moveLinks,
		func() error { d.stage(kernelTakeoverASK_BOTH); return nil },
		carry,
		func() error { time.Sleep(grace); return nil },
		carry,
		d.retire,
		d.taken,
	}
}

func (d *Datapath) stage(s kernelTakeover) { store((*uint32)(&d.config.Takeover), uint32(s)) }

// olderFolders are those of layouts before this one, the oldest first. One of a later layout is refused.
func olderFolders(dir string, layout int) (older []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var layouts []int
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "v")
		n, err := strconv.Atoi(number)
		switch {
		case !ok || err != nil || n == layout:
		case n > layout:
			return nil, fmt.Errorf("%w (its is %d, this version's %d)", ErrLayout, n, layout)
		default:
			layouts = append(layouts, n)
		}
	}
	slices.Sort(layouts)
	for _, n := range layouts {
		older = append(older, folder(dir, n))
	}
	return older, nil
}

func folder(dir string, layout int) string { return filepath.Join(dir, fmt.Sprintf("v%d", layout)) }

// The ends of the names of folders that are not whole yet, or to be removed.
const (
	making  = "-new"
	retired = "-old"
)

// beforeOf is which of the programs before these one of a link is, by its pin. The other way of an interface's link has none:
// every layout's program there drops everything.
func beforeOf(pin string) (kernelProgramBefore, bool) {
	switch {
	case pin == internetPin:
		return kernelProgramBeforeBEFORE_FROM_INTERNET, true
	case strings.HasSuffix(pin, "-in"):
		return kernelProgramBeforeBEFORE_FROM_INTERFACE, true
	}
	return 0, false
}

// rememberPrograms has the programs of the older layout where these can ask them, before any link has these. If an upgrade to
// that layout was not ended its programs ask those before them in turn, so it is all the same which of the two are asked.
func (d *Datapath) rememberPrograms() error {
	known := map[kernelProgramBefore]bool{}
	for which := range kernelProgramBeforeBEFORES {
		var id uint32
		err := d.maps.Before.Lookup(which, &id)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
		known[which] = err == nil
	}
	for _, dir := range d.older {
		pins, err := linkPins(dir)
		if err != nil {
			return err
		}
		for _, pin := range pins {
			which, ok := beforeOf(pin)
			if !ok || known[which] {
				continue
			}
			if known[which], err = d.remember(which, filepath.Join(dir, pin)); err != nil {
				return fmt.Errorf("the program of %s: %w", pin, err)
			}
		}
	}
	return nil
}

// remember has the link's program where these can ask it, if its device is there.
func (d *Datapath) remember(which kernelProgramBefore, pin string) (done bool, err error) {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return false, err
	}
	defer l.Close()
	at, err := l.Info()
	if err != nil || at.TCX() == nil || at.TCX().Ifindex == 0 {
		return false, err
	}
	p, err := ebpf.NewProgramFromID(at.Program)
	if err != nil {
		return false, err
	}
	defer p.Close()
	return true, d.maps.Before.Put(which, p)
}

// moveLinks gives the links of the older layout the programs of this one, and moves their pins.
func (d *Datapath) moveLinks() error {
	d.pinning.Lock()
	defer d.pinning.Unlock()
	for _, dir := range d.older {
		pins, err := linkPins(dir)
		if err != nil {
			return err
		}
		for _, pin := range pins {
			if err := updateLink(filepath.Join(dir, pin), d.programOf(pin)); err != nil {
				return fmt.Errorf("give %s a program: %w", pin, err)
			}
			if err := os.Rename(filepath.Join(dir, pin), filepath.Join(d.dir, pin)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Datapath) programOf(pin string) *ebpf.Program {
	switch which, ok := beforeOf(pin); {
	case !ok:
		return d.prog.ToInterface
	case which == kernelProgramBeforeBEFORE_FROM_INTERNET:
		return d.prog.FromInternet
	}
	return d.prog.FromInterface
}

// updateLink gives the link the program, unless its device is gone.
func updateLink(pin string, with *ebpf.Program) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil || info.TCX() == nil || info.TCX().Ifindex == 0 {
		return err
	}
	return l.Update(with)
}

// retire takes the older folders out of the way: what is still in them is not carried over any more.
func (d *Datapath) retire() error {
	d.pinning.Lock()
	defer d.pinning.Unlock()
	for len(d.older) > 0 {
		if err := os.Rename(d.older[0], d.older[0]+retired); err != nil {
			return err
		}
		d.older = d.older[1:]
	}
	return nil
}

// taken ends what an upgrade needed, once there are no older folders.
func (d *Datapath) taken() error {
	d.stage(kernelTakeoverTAKEN_OVER)
	for which := range kernelProgramBeforeBEFORES {
		if err := d.maps.Before.Delete(which); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
	}
	for _, end := range []string{retired, making} {
		left, err := filepath.Glob(filepath.Join(filepath.Dir(d.dir), "v*"+end))
		if err != nil {
			return err
		}
		for _, dir := range left {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}
