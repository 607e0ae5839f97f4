package datapath

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"crenel/policy"
)

// Layout is of the maps: it counts up when their keys, values or meaning change. Connections are carried over to a new one by
// the names of their fields: see conversion. Where one comes to mean something else, give it another name.
const Layout = 6

// ErrLayout is of a folder that a later version of Crenel made: an earlier one takes nothing over from it.
var ErrLayout = errors.New("its maps have the layout of a later version of Crenel: go on with that version, or stop its instances with `crenel down` of that version")

// Options say where a Datapath is and how large.
type Options struct {
	Dir string // on a bpffs; made if it is missing
	// The sizes of the maps, for a folder that is new: one that is adopted keeps its own, and where there is one of an older
	// layout they are that one's at least.
	Conns     int // connections; 0: 262144, which take 46 MB
	Members   int // of groups; 0: 65536
	HeapCells int // for what is compiled, of 8 bytes; 0: 4 Mi
}

// A Datapath is the maps and programs of one folder, in force. Its methods may be called from any
// goroutine; ifindexes are of the network namespace of the calling thread.
type Datapath struct {
	dir  string // of the layout
	maps kernelMaps
	prog kernelPrograms
	conn *ebpf.MapSpec // of conns, for its types

	pinning sync.Mutex // held while links and their pins are made, moved or removed
	older   []string   // folders of older layouts, the oldest first, until TakeOver

	spec  *ebpf.CollectionSpec // of the maps as they are
	spare kernelPrograms       // prog once more, when Lead needs it: see there

	mu     sync.Mutex // what follows
	memory [][]byte   // to unmap
	heap   *heap
	slots  []kernelInterface // shared with the programs
	config *kernelConfig     // shared with the programs
	charge []uint64          // shared with the programs: allowances, by slot

	links   linkTable           // ifindex → slot
	places  mirror[kernelPlace] // → slot
	members mirror[kernelPlace] // → extent

	resting  map[uint32]time.Time // slots that nothing points to, since when
	adopting map[uint32]uint32    // links that connections are taken up at, by ifindex: until which second
}

// Open makes the maps, or adopts those that are pinned: what is in force stays so. Links that are
// attached to programs of another build get this one's, with no packet between them unjudged. Where those maps are of an older
// layout new ones are made beside them, and the links keep their programs until TakeOver.
func Open(o Options) (*Datapath, error) {
	spec, err := loadKernel()
	if err != nil {
		return nil, err
	}
	return open(o, spec, Layout)
}

func open(o Options, spec *ebpf.CollectionSpec, layout int) (_ *Datapath, err error) {
	d := &Datapath{dir: folder(o.Dir, layout), conn: spec.Maps[kernelMapConns], resting: map[uint32]time.Time{}, adopting: map[uint32]uint32{}}
	defer func() {
		if err != nil {
			d.Close()
			err = fmt.Errorf("datapath %s: %w", o.Dir, err)
		}
	}()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	if !onBPFFS(o.Dir) {
		return nil, errors.New("not on a bpffs")
	}
	if d.older, err = olderFolders(o.Dir, layout); err != nil {
		return nil, err
	}
	if _, err := os.Stat(d.dir); errors.Is(err, os.ErrNotExist) {
		if err := d.create(spec, o); err != nil {
			return nil, err
		}
	}
	if err := d.adopt(spec); err != nil {
		return nil, err
	}
	d.spec = spec
	if err := d.loadPrograms(&d.prog); err != nil {
		return nil, err
	}
	if err := d.replacePrograms(); err != nil {
		return nil, err
	}
	if !d.Older() { // an earlier process may have been killed just there
		return d, d.taken()
	}
	return d, nil
}

// Capacity is the most that a View may cost. While it takes the place of another one, the heap holds
// both, and what both allow.
func (d *Datapath) Capacity() policy.Cost {
	return policy.Cost{Interfaces: int(d.maps.Interfaces.MaxEntries()) - 1, Addresses: int(d.maps.Places.MaxEntries()), Members: int(d.maps.Members.MaxEntries()),
		Cells: int(d.maps.Heap.MaxEntries()) / 3}
}

// create makes the maps and pins them in the folder, which is there with all of them or not at all.
func (d *Datapath) create(spec *ebpf.CollectionSpec, o Options) error {
	for name, entries := range map[string]int{
		kernelMapConns:   or(o.Conns, 262144),
		kernelMapMembers: or(o.Members, 65536),
		kernelMapHeap:    roundUp(or(o.HeapCells, 4<<20)),
	} {
		before, err := d.olderSize(name)
		if err != nil {
			return err
		}
		spec.Maps[name].MaxEntries = max(uint32(entries), before)
	}
	at := d.dir + making
	if err := os.RemoveAll(at); err != nil { // of one that was killed here
		return err
	}
	if err := os.Mkdir(at, 0o700); err != nil {
		return err
	}
	for name, s := range spec.Maps {
		m, err := ebpf.NewMap(s)
		if err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
		err = m.Pin(filepath.Join(at, name))
		if name == kernelMapConfig && d.Older() {
			err = errors.Join(err, m.Put(uint32(0), kernelConfig{Takeover: kernelTakeoverASK_BEFORE}))
		}
		m.Close()
		if err != nil {
			return err
		}
	}
	return os.Rename(at, d.dir)
}

// olderSize is how many entries the maps of the name have in older layouts, at most.
func (d *Datapath) olderSize(name string) (entries uint32, err error) {
	for _, dir := range d.older {
		m, err := ebpf.LoadPinnedMap(filepath.Join(dir, name), nil)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("map %s of %s: %w", name, dir, err)
		}
		entries = max(entries, m.MaxEntries())
		m.Close()
	}
	return entries, nil
}

func or(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// adopt opens the pinned maps, maps their memory and reads what they hold.
func (d *Datapath) adopt(spec *ebpf.CollectionSpec) error {
	for name, to := range d.mapsByName() {
		m, err := ebpf.LoadPinnedMap(filepath.Join(d.dir, name), nil)
		if err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
		*to = m
		s := spec.Maps[name]
		if m.Type() != s.Type || m.KeySize() != s.KeySize || m.ValueSize() != s.ValueSize || m.Flags() != s.Flags {
			return fmt.Errorf("map %s is not as layout %s has it", name, filepath.Base(d.dir))
		}
		s.MaxEntries = m.MaxEntries()
	}
	if err := d.mapMemory(); err != nil {
		return err
	}
	return d.read()
}

func (d *Datapath) mapMemory() error {
	cells, err := shared[uint64](d, d.maps.Heap)
	if err != nil {
		return err
	}
	d.heap = &heap{cells: cells}
	if d.slots, err = shared[kernelInterface](d, d.maps.Interfaces); err != nil {
		return err
	}
	places, err := shared[uint64](d, d.maps.Links)
	if err != nil {
		return err
	}
	d.links = newLinkTable(places, d.slots)
	config, err := shared[kernelConfig](d, d.maps.Config)
	if err != nil {
		return err
	}
	d.config = &config[0]
	if d.charge, err = shared[uint64](d, d.maps.Allowances); err != nil {
		return err
	}
	hz, err := ticks()
	if err != nil {
		return err
	}
	store(&d.config.Hz, hz)
	return nil
}

// shared is the memory of an array whose values are T, whose size is a multiple of 8. What programs
// read at the same time is written by atomic stores.
func shared[T any](d *Datapath, m *ebpf.Map) ([]T, error) {
	size := int(m.MaxEntries()) * int(m.ValueSize())
	page := os.Getpagesize()
	b, err := unix.Mmap(m.FD(), 0, (size+page-1)/page*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the memory of %s: %w", m, err)
	}
	d.memory = append(d.memory, b)
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), m.MaxEntries()), nil
}

// read learns what the maps hold.
func (d *Datapath) read() error {
	var err error
	if d.places, err = newMirror[kernelPlace](d.maps.Places); err != nil {
		return err
	}
	if d.members, err = newMirror[kernelPlace](d.maps.Members); err != nil {
		return err
	}
	used := make([]uint32, 0, len(d.members.held))
	for at := range d.usedExtents() {
		used = append(used, at)
	}
	d.heap, err = newHeap(d.heap.cells, used)
	return err
}

// loadPrograms loads the programs, which use the maps.
func (d *Datapath) loadPrograms(to *kernelPrograms) error {
	pinned := map[string]*ebpf.Map{}
	for name, m := range d.mapsByName() {
		pinned[name] = *m
	}
	return d.spec.LoadAndAssign(to, &ebpf.CollectionOptions{MapReplacements: pinned})
}

// mapsByName are all maps, each of which is pinned.
func (d *Datapath) mapsByName() map[string]**ebpf.Map {
	return map[string]**ebpf.Map{
		kernelMapAllowances: &d.maps.Allowances, kernelMapBefore: &d.maps.Before, kernelMapConfig: &d.maps.Config, kernelMapConns: &d.maps.Conns,
		kernelMapCounters: &d.maps.Counters, kernelMapFragments: &d.maps.Fragments, kernelMapHeap: &d.maps.Heap,
		kernelMapInterfaces: &d.maps.Interfaces, kernelMapLinks: &d.maps.Links, kernelMapMembers: &d.maps.Members,
		kernelMapPlaces: &d.maps.Places,
	}
}

// Close ends this process's part. What is attached and pinned stays in force.
func (d *Datapath) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, b := range d.memory {
		errs = append(errs, unix.Munmap(b))
	}
	d.memory, d.slots, d.config, d.charge, d.heap, d.links = nil, nil, nil, nil, nil, linkTable{}
	errs = append(errs, d.prog.Close(), d.spare.Close(), d.maps.Close())
	return errors.Join(errs...)
}

// Remove detaches and unpins all that was made under dir, and dir. It is no error that there is none.
func Remove(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if !onBPFFS(dir) {
		return fmt.Errorf("%s is not on a bpffs", dir)
	}
	for _, links := range []string{"v*/link-*", "v*/" + internetPin, "v*/" + nextPin + "*"} {
		pins, err := filepath.Glob(filepath.Join(dir, links))
		if err != nil {
			return err
		}
		for _, pin := range pins {
			if err := detach(pin); err != nil {
				return fmt.Errorf("detach %s: %w", pin, err)
			}
		}
	}
	return os.RemoveAll(dir)
}
