package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"crenel/agent"
	"crenel/datapath"
)

func (u *up) pins() string { return "/sys/fs/bpf/crenel-" + agent.Owner(u.dir) }

// upgrade ends up, and has the next one find the maps as those of an older layout.
func (u *up) upgrade() {
	u.t.Helper()
	children := []int{u.child("controller"), u.child("agent")}
	if err := u.end(unix.SIGKILL); err == nil {
		u.t.Fatal("killed, and no error")
	}
	for _, pid := range children {
		gone(u.t, pid)
	}
	name := func(layout int) string { return filepath.Join(u.pins(), fmt.Sprintf("v%d", layout)) }
	if err := os.Rename(name(datapath.Layout), name(datapath.Layout-1)); err != nil {
		u.t.Fatal(err)
	}
	u.up()
}

// upgraded tells whether nothing is left of an older layout.
func (u *up) upgraded() bool {
	u.t.Helper()
	left, err := filepath.Glob(u.pins() + "/*")
	if err != nil {
		u.t.Fatal(err)
	}
	return slices.Equal(left, []string{filepath.Join(u.pins(), fmt.Sprintf("v%d", datapath.Layout))})
}

// Where no link is to be taken over the maps are: nothing else would make the agent apply what it has in force already.
func TestAHostWithoutInstancesIsUpgraded(t *testing.T) {
	u := start(t, t.TempDir())
	u.upgrade()
	eventually(t, "the older layout is gone", u.upgraded)
	newPair(t, u)
}

// upgraded has another layout taken over, and what is acknowledged afterwards enforced by the new one.
func (m *leakMeter) upgraded() {
	m.t.Helper()
	for _, groups := range []string{"client,in", "client,out"} {
		m.up.upgrade()
		m.on(m.up)
		if err := m.setGroups("c", groups); err != nil {
			m.t.Error(err)
		}
		if !m.up.upgraded() {
			m.t.Error("a change is in force, and the older layout is there")
		}
		m.begin()
		m.flows(m.phase)
	}
}
