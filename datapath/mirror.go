package datapath

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// A mirror is a hash map in the kernel, and what it holds: nobody else writes it.
type mirror[K comparable] struct {
	m    *ebpf.Map
	held map[K]uint32
}

func newMirror[K comparable](m *ebpf.Map) (mirror[K], error) {
	held := map[K]uint32{}
	var k K
	var v uint32
	all := m.Iterate()
	for all.Next(&k, &v) {
		held[k] = v
	}
	if err := all.Err(); err != nil {
		return mirror[K]{}, fmt.Errorf("read %s: %w", m, err)
	}
	return mirror[K]{m, held}, nil
}

// set writes the element unless it is so already.
func (m mirror[K]) set(k K, v uint32) error {
	if is, ok := m.held[k]; ok && is == v {
		return nil
	}
	if err := again(func() error { return m.m.Update(&k, &v, ebpf.UpdateAny) }); err != nil {
		return fmt.Errorf("update %s: %w", m.m, err)
	}
	m.held[k] = v
	return nil
}

func (m mirror[K]) remove(k K) error {
	err := again(func() error { return m.m.Delete(&k) })
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("delete from %s: %w", m.m, err)
	}
	delete(m.held, k)
	return nil
}

// again tries a few times where the kernel says that it could not now: memory that is refilled behind
// its back, or a bucket that another CPU is at.
func again(do func() error) error {
	for try := 1; ; try++ {
		err := do()
		passing := errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EAGAIN)
		if !passing || try == 10 {
			return err
		}
		time.Sleep(time.Duration(try) * time.Millisecond)
	}
}
