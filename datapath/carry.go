package datapath

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"crenel/flow"
)

// carry copies the connections of the older layouts' tables that are alive, and charges the interfaces for them. What is here
// already becomes what both tables know of it. t is left as what the tables say now, not the sum over calls.
func (d *Datapath) carry(t *Takeover) error {
	*t = Takeover{}
	stale, err := d.staleness()
	if err != nil {
		return err
	}
	for _, dir := range d.older {
		n, left, err := d.carryFrom(dir, stale)
		if err != nil {
			return fmt.Errorf("carry connections over: %w", err)
		}
		t.Carried += n
		t.Left = errors.Join(t.Left, left)
	}
	_, err = d.Sweep() // which counts
	return err
}

// carryFrom copies the connections of one table; left says why some, or all, could not be.
func (d *Datapath) carryFrom(dir string, stale func(kernelConnectionKey, kernelConnection) bool) (n int, left, err error) {
	m, err := ebpf.LoadPinnedMap(filepath.Join(dir, kernelMapConns), nil)
	if err != nil {
		return 0, err, nil
	}
	defer m.Close()
	c, err := d.newConversion(m)
	if err != nil {
		return 0, fmt.Errorf("the layout of %s: %w", dir, err), nil
	}
	full := 0
	err = c.each(m, func(k kernelConnectionKey, v kernelConnection) error {
		if stale(k, v) {
			return nil
		}
		switch err := d.merge(k, v); {
		case errors.Is(err, unix.E2BIG):
			full++
		case err != nil:
			return err
		default:
			n++
		}
		return nil
	})
	if full > 0 {
		left = fmt.Errorf("there was no room for %d connections", full)
	}
	return n, left, err
}

// merge writes the connection of an older table. A program may hold the element at the time: what it makes of the state in
// that microsecond can be lost, as in conns.h where two directions are at it.
func (d *Datapath) merge(k kernelConnectionKey, was kernelConnection) error {
	for {
		var is kernelConnection
		err := d.maps.Conns.Lookup(&k, &is)
		if err == nil {
			both := together(k, was, is)
			if both == is {
				return nil
			}
			err = again(func() error { return d.maps.Conns.Update(&k, &both, ebpf.UpdateExist) })
		} else if errors.Is(err, ebpf.ErrKeyNotExist) {
			err = again(func() error { return d.maps.Conns.Update(&k, &was, ebpf.UpdateNoExist) })
		}
		if errors.Is(err, ebpf.ErrKeyExist) || errors.Is(err, ebpf.ErrKeyNotExist) {
			continue // it came, or went, in between
		}
		return err
	}
}

const stateMask = 0xff // STATE_MASK in conns.h

// together is what both tables know of a connection: each may have seen a part of what passed.
func together(k kernelConnectionKey, was, is kernelConnection) kernelConnection {
	began := int32(was.Opened - is.Opened)
	if began < 0 && k.Protocol == flow.TCP {
		return is // a SYN opened it anew, which the old programs did not see
	}
	if began == 0 {
		was.State = (was.State|is.State)&^stateMask | max(was.State&stateMask, is.State&stateMask)
	}
	is.State, is.Opened = was.State, was.Opened
	if began > 0 || is.Other == 0 {
		is.Other = was.Other
	}
	if int32(was.Seen-is.Seen) > 0 {
		is.Seen = was.Seen
	}
	return is
}

// A conversion makes connections of an older layout ones of this: fields of the same name and size are copied, those that are
// new are 0. Should a field of the same name and size come to mean something else, what is done about it goes to each.
type conversion struct {
	keySize, valueSize int
	key, value         []part
}

// A part is where bytes are, in both layouts.
type part struct{ from, to, size uint32 }

// newConversion compares the two layouts by their types. It fails where the older one does not say what identifies a
// connection, or whether it is alive.
func (d *Datapath) newConversion(m *ebpf.Map) (*conversion, error) {
	info, err := m.Info()
	if err != nil {
		return nil, err
	}
	id, ok := info.BTFID()
	if !ok || id == 0 {
		return nil, errors.New("its table has no types")
	}
	types, err := btf.NewHandleFromID(id)
	if err != nil {
		return nil, err
	}
	defer types.Close()
	spec, err := types.Spec(nil)
	if err != nil {
		return nil, err
	}
	c := &conversion{keySize: int(m.KeySize()), valueSize: int(m.ValueSize())}
	if c.key, err = parts(spec, "connection_key", c.keySize, d.conn.Key, func(name string) bool { return name != "pad" }); err != nil {
		return nil, err
	}
	c.value, err = parts(spec, "connection", c.valueSize, d.conn.Value, func(name string) bool { return name == "state" || name == "seen" })
	return c, err
}

// parts are what the older struct of the name has for the type.
func parts(older *btf.Spec, name string, size int, to btf.Type, needed func(string) bool) (out []part, err error) {
	var s *btf.Struct
	if err := older.TypeByName(name, &s); err != nil {
		return nil, fmt.Errorf("struct %s: %w", name, err)
	}
	if int(s.Size) != size {
		return nil, fmt.Errorf("struct %s has %d bytes, and the table's elements %d", name, s.Size, size)
	}
	had, has := map[string]field{}, map[string]field{}
	if err := errors.Join(fields(s, "", 0, had), fields(to, "", 0, has)); err != nil {
		return nil, fmt.Errorf("struct %s: %w", name, err)
	}
	for path, is := range has {
		was, ok := had[path]
		switch {
		case path == "peer": // a slot of the older interfaces
		case ok && was.size == is.size:
			out = append(out, part{was.at, is.at, is.size})
		case needed(path):
			return nil, fmt.Errorf("struct %s has no %s as it is here", name, path)
		}
	}
	return out, nil
}

// A field is where a member of a struct is.
type field struct{ at, size uint32 }

// fields are the members of the struct, those of structs in it by path.
func fields(t btf.Type, path string, at uint32, into map[string]field) error {
	s, ok := btf.UnderlyingType(t).(*btf.Struct)
	if !ok {
		size, err := btf.Sizeof(t)
		into[path] = field{at, uint32(size)}
		return err
	}
	for _, m := range s.Members {
		if m.BitfieldSize != 0 {
			return fmt.Errorf("%s is a bit field", m.Name)
		}
		name := m.Name
		if path != "" {
			name = path + "." + name
		}
		if err := fields(m.Type, name, at+m.Offset.Bytes(), into); err != nil {
			return err
		}
	}
	return nil
}

// each calls do with every connection of the older table. Those that come and go meanwhile may be left out.
func (c *conversion) each(m *ebpf.Map, do func(kernelConnectionKey, kernelConnection) error) error {
	keys, values := elements(c.keySize), elements(c.valueSize)
	var cursor ebpf.MapBatchCursor
	for {
		n, err := m.BatchLookup(&cursor, keys.Interface(), values.Interface(), nil)
		for i := range n {
			var k kernelConnectionKey
			var v kernelConnection
			move(unsafe.Slice((*byte)(unsafe.Pointer(&k)), unsafe.Sizeof(k)), keys.Index(i).Bytes(), c.key)
			move(unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v)), values.Index(i).Bytes(), c.value)
			if err := do(k, v); err != nil {
				return err
			}
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil // that was the last batch
		}
		if err != nil {
			return err
		}
	}
}

// elements is a slice of arrays of so many bytes.
func elements(size int) reflect.Value {
	const batch = 4096
	return reflect.MakeSlice(reflect.SliceOf(reflect.ArrayOf(size, reflect.TypeFor[byte]())), batch, batch)
}

func move(to, from []byte, parts []part) {
	for _, s := range parts {
		copy(to[s.to:s.to+s.size], from[s.from:s.from+s.size])
	}
}
