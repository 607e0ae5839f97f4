package datapath

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// A hook is a place where a program is attached, and the name of its pin.
type hook struct {
	pin    string
	of     func(*kernelPrograms) *ebpf.Program
	attach ebpf.AttachType
}

const internetPin = "internet"

var internetHook = hook{internetPin, func(p *kernelPrograms) *ebpf.Program { return p.FromInternet }, ebpf.AttachTCXIngress}

func hooks(eni string) []hook {
	return []hook{
		{"link-" + eni + "-in", func(p *kernelPrograms) *ebpf.Program { return p.FromInterface }, ebpf.AttachTCXIngress},
		{"link-" + eni + "-out", func(p *kernelPrograms) *ebpf.Program { return p.ToInterface }, ebpf.AttachTCXEgress},
	}
}

// Attach puts the programs at the host's side of the interface's link; from then on it drops
// everything until an Image has the interface. That side is still down, so no packet was before.
// It may be attached already, by this process or one before.
func (d *Datapath) Attach(eni string, ifindex int) error {
	if eni == "" || strings.ContainsAny(eni, "/.") {
		return fmt.Errorf("attach: %q is no interface id", eni)
	}
	d.pinning.Lock()
	defer d.pinning.Unlock()
	for _, h := range hooks(eni) {
		if err := d.attach(h, ifindex); err != nil {
			return fmt.Errorf("attach %s: %w", eni, err)
		}
	}
	return nil
}

// AttachInternet puts the program behind the host's end: out is the peer of host, which is the end
// with the host's address.
func (d *Datapath) AttachInternet(out, host int) error {
	end, err := net.InterfaceByIndex(host)
	if err != nil {
		return fmt.Errorf("attach the internet: %w", err)
	}
	if len(end.HardwareAddr) != 6 {
		return fmt.Errorf("attach the internet: %s has no MAC", end.Name)
	}
	d.mu.Lock()
	copy(d.config.HostMac[:], end.HardwareAddr)
	atomic.StoreUint32(&d.config.HostIfindex, uint32(host))
	d.mu.Unlock()
	d.pinning.Lock()
	defer d.pinning.Unlock()
	if err := d.attach(internetHook, out); err != nil {
		return fmt.Errorf("attach the internet: %w", err)
	}
	return nil
}

// attach makes the link and pins it, unless the pinned one is there and right; that of an older layout is TakeOver's.
func (d *Datapath) attach(h hook, ifindex int) error {
	pin := d.pin(h.pin)
	at, err := attachedTo(pin)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	case at == ifindex:
		return nil
	default: // of a device that is gone
		if err := detach(pin); err != nil {
			return err
		}
	}
	// First of all programs there: none before it may let a packet by. See Lead.
	l, err := link.AttachTCX(link.TCXOptions{Interface: ifindex, Program: h.of(&d.prog), Attach: h.attach, Anchor: link.Head()})
	if err != nil {
		return err
	}
	defer l.Close()
	return l.Pin(filepath.Join(d.dir, h.pin))
}

// pin is where the link of the name is pinned: there is one at most, in an older layout's folder until TakeOver moves it.
func (d *Datapath) pin(name string) string {
	for _, dir := range d.older {
		if at := filepath.Join(dir, name); exists(at) {
			return at
		}
	}
	return filepath.Join(d.dir, name)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// attachedTo is the ifindex of the pinned link's device, 0 if that is gone.
func attachedTo(pin string) (int, error) {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		return 0, err
	}
	tcx := info.TCX()
	if tcx == nil {
		return 0, fmt.Errorf("%s is no tcx link", pin)
	}
	return int(tcx.Ifindex), nil
}

// Detach takes the programs from the interface's link, whose device should be gone by then: what is
// attached nowhere, the kernel forwards as it likes. It may be detached already.
func (d *Datapath) Detach(eni string) error {
	d.pinning.Lock()
	defer d.pinning.Unlock()
	for _, h := range hooks(eni) {
		for _, pin := range []string{d.pin(h.pin), filepath.Join(d.dir, nextPin+h.pin)} {
			if err := detach(pin); err != nil {
				return fmt.Errorf("detach %s: %w", eni, err)
			}
		}
	}
	return nil
}

// detach detaches the pinned link, if there is one, and unpins it. Unpinning alone would, but later.
func detach(pin string) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Detach(); err != nil {
		return err
	}
	return os.Remove(pin)
}

// Attached are the ids of the interfaces whose links are attached or were, sorted.
func (d *Datapath) Attached() ([]string, error) {
	d.pinning.Lock()
	defer d.pinning.Unlock()
	var enis []string
	for _, dir := range append([]string{d.dir}, d.older...) {
		pins, err := linkPins(dir)
		if err != nil {
			return nil, err
		}
		for _, p := range pins {
			if eni, ok := strings.CutPrefix(p, "link-"); ok {
				enis = append(enis, strings.TrimSuffix(strings.TrimSuffix(eni, "-in"), "-out"))
			}
		}
	}
	slices.Sort(enis)
	return slices.Compact(enis), nil
}

// Links are the ifindexes of the links that something is in force at.
func (d *Datapath) Links() (all []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ifindex := range d.links.held {
		all = append(all, int(ifindex))
	}
	return all
}

// attachedHooks are those where a program is attached or was.
func (d *Datapath) attachedHooks() ([]hook, error) {
	enis, err := d.Attached()
	if err != nil {
		return nil, err
	}
	all := []hook{internetHook}
	for _, eni := range enis {
		all = append(all, hooks(eni)...)
	}
	return all, nil
}

// linkPins are the names of the links that are pinned in the folder.
func linkPins(dir string) (pins []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "link-") || e.Name() == internetPin {
			pins = append(pins, e.Name())
		}
	}
	return pins, err
}

// replacePrograms gives the links that are pinned in this layout's folder this build's programs where they have others.
func (d *Datapath) replacePrograms() error {
	pins, err := linkPins(d.dir)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		if err := replaceProgram(filepath.Join(d.dir, pin), d.programOf(pin)); err != nil {
			return fmt.Errorf("replace the program of %s: %w", pin, err)
		}
	}
	return nil
}

func replaceProgram(pin string, with *ebpf.Program) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		return err
	}
	if info.TCX() == nil || info.TCX().Ifindex == 0 {
		return nil // Attach makes a new one
	}
	was, err := ebpf.NewProgramFromID(info.Program)
	if err != nil {
		return err
	}
	defer was.Close()
	same, err := sameProgram(was, with)
	if err != nil || same {
		return err
	}
	return l.Update(with)
}

// sameProgram compares by tag, which is the kernel's sum of the instructions.
func sameProgram(a, b *ebpf.Program) (bool, error) {
	x, err := a.Info()
	if err != nil {
		return false, err
	}
	y, err := b.Info()
	return err == nil && x.Tag == y.Tag, err
}
