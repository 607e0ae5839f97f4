package datapath

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// nextPin begins the pin of a link that is about to take the place of another one.
const nextPin = "next-"

// Lead puts our programs first again wherever others were put before them, which let packets by that ours never saw. It
// returns the pins of those that it moved. The kernel tells nobody of an attachment, so somebody must call this now and then.
//
// Links of an older layout are left alone until TakeOver has them.
//
// At no moment is ours absent: a second one is attached before the first one goes. Two of ours are as good as one, for what
// it is asked about it drops or redirects, and then the kernel asks nobody else.
func (d *Datapath) Lead() (moved []string, err error) {
	hooks, err := d.attachedHooks()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, h := range hooks {
		ok, err := d.lead(h)
		if ok {
			moved = append(moved, h.pin)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("another program comes before %s: %w", h.pin, err))
		}
	}
	return moved, errors.Join(errs...)
}

func (d *Datapath) lead(h hook) (moved bool, err error) {
	d.pinning.Lock()
	defer d.pinning.Unlock()
	pin := filepath.Join(d.dir, h.pin)
	old, err := link.LoadPinnedLink(pin, nil)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer old.Close()
	info, err := old.Info()
	if err != nil || info.TCX() == nil || info.TCX().Ifindex == 0 {
		return false, err // its device is gone, and with it whatever was attached there
	}
	ifindex := int(info.TCX().Ifindex)
	there, err := programsThere(h, ifindex)
	if errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	if err != nil || len(there) > 0 && there[0].ID == info.Program {
		return false, err
	}
	next := filepath.Join(d.dir, nextPin+h.pin)
	if len(there) == 0 || !d.leads(next, h, there[0].ID) {
		if err := d.attachNext(next, h, ifindex, there); err != nil {
			return false, err
		}
	} // else one was killed here
	if err := os.Rename(next, pin); err != nil {
		return false, err
	}
	return true, old.Detach()
}

// programsThere are all at the hook, in their order. It looks again where others came between counting and listing them.
func programsThere(h hook, ifindex int) ([]link.AttachedProgram, error) {
	for try := 1; ; try++ {
		r, err := link.QueryPrograms(link.QueryOptions{Target: ifindex, Attach: h.attach})
		if err == nil {
			return r.Programs, nil
		}
		if !errors.Is(err, unix.ENOSPC) || try == 10 {
			return nil, err
		}
	}
}

// leads tells whether the pinned link has our program, which is the first one.
func (d *Datapath) leads(pin string, h hook, first ebpf.ProgramID) bool {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return false
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil || info.Program != first {
		return false
	}
	is, err := ebpf.NewProgramFromID(first)
	if err != nil {
		return false
	}
	defer is.Close()
	same, err := sameProgram(is, h.of(&d.prog))
	return err == nil && same
}

// attachNext attaches our program once more, before all that are there.
func (d *Datapath) attachNext(next string, h hook, ifindex int, there []link.AttachedProgram) error {
	prog, err := d.another(h, there)
	if errors.Is(err, errTwice) { // next is one of them, and comes after others: it is of no use
		if err := detach(next); err != nil {
			return err
		}
		if there, err = programsThere(h, ifindex); err != nil {
			return err
		}
		prog, err = d.another(h, there)
	}
	if err != nil {
		return err
	}
	l, err := link.AttachTCX(link.TCXOptions{Interface: ifindex, Program: prog, Attach: h.attach, Anchor: link.Head()})
	if err != nil {
		return err
	}
	defer l.Close()
	if err := detach(next); err != nil { // of another build, or of another device
		return err
	}
	return l.Pin(next)
}

var errTwice = errors.New("ours is there twice")

// another is the hook's program as one of those that are not there: the kernel takes none twice.
func (d *Datapath) another(h hook, there []link.AttachedProgram) (*ebpf.Program, error) {
	attached := map[ebpf.ProgramID]bool{}
	for _, p := range there {
		attached[p.ID] = true
	}
	if d.spare == (kernelPrograms{}) {
		var spare kernelPrograms
		if err := d.loadPrograms(&spare); err != nil {
			return nil, err
		}
		d.spare = spare
	}
	for _, p := range []*ebpf.Program{h.of(&d.prog), h.of(&d.spare)} {
		info, err := p.Info()
		if err != nil {
			return nil, err
		}
		if id, _ := info.ID(); !attached[id] {
			return p, nil
		}
	}
	return nil, errTwice
}
