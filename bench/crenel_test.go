package bench

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"crenel/datapath"
	"crenel/policy"
)

// enforceCrenel puts the lane's View in force as the agent does, with room for what the traffic leaves behind.
func enforceCrenel(b *testing.B, l *lane) error {
	at := b.TempDir()
	if err := unix.Mount("bpf", at, "bpf", 0, "mode=0700"); err != nil {
		return err
	}
	b.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			b.Error(err)
		}
	})
	dir := filepath.Join(at, "crenel")
	d, err := datapath.Open(datapath.Options{Dir: dir, Conns: 1 << 20, Members: 1 << 17, HeapCells: 16 << 20})
	if err != nil {
		return err
	}
	b.Cleanup(func() {
		if err := errors.Join(d.Close(), datapath.Remove(dir)); err != nil {
			b.Error(err)
		}
	})
	l.datapath, l.links = d, map[uint32]int{}
	err = l.host.do(func() error {
		for n, name := range []string{"client", "server"} {
			i, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			l.links[uint32(n)+1] = i.Index
			if err := d.Attach(fmt.Sprintf("eni-%d", n+1), i.Index); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return l.install(l.view)
}

func (l *lane) install(v *policy.View) error {
	image, err := datapath.Lower(v)
	if err != nil {
		return err
	}
	return l.datapath.Apply(image, l.links)
}

// change goes by way of what both Views allow, as every change of the agent's does.
func (l *lane) change(next *policy.View) error {
	if err := l.install(policy.Meet(l.view, next)); err != nil {
		return err
	}
	l.view = next
	return l.install(next)
}

func joinCrenel(l *lane, m policy.Member, joins bool) error {
	next := *l.view
	if joins {
		next.Members = append(slices.Clip(next.Members), m)
	} else {
		next.Members = next.Members[:len(next.Members)-1] // what joined last
	}
	return l.change(&next)
}

func allowCrenel(l *lane, r policy.Rule, allows bool) error {
	next := *l.view
	next.Groups = slices.Clone(next.Groups)
	in := &next.Groups[1].Ingress
	if allows {
		*in = append(slices.Clip(*in), r)
	} else {
		*in = (*in)[:len(*in)-1]
	}
	return l.change(&next)
}
