package agent

import (
	"net/netip"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"crenel/hostapi"
	"crenel/hostnet"
	"crenel/policy"
)

// An agent that starts while there is no controller leaves the NAT gateways that it finds.
func TestGatewaysStayUntilTheControllerSaysOtherwise(t *testing.T) {
	newHost(t)
	a := &Agent{paths: newPaths(t.TempDir()), wired: map[string]wire{}}
	path := filepath.Join(a.paths.gateways(), "nat-1")
	ns, err := hostnet.Namespace(path, netip.MustParseAddr("10.0.0.9"))
	if err != nil {
		t.Fatal(err)
	}
	ns.Close()
	t.Cleanup(func() { _ = hostnet.RemoveNamespace(path) })
	there := func() bool {
		var at unix.Statfs_t
		return unix.Statfs(path, &at) == nil && at.Type == unix.NSFS_MAGIC
	}
	if err := a.settleGateways(t.Context()); err != nil || !there() {
		t.Errorf("before anything was heard: it is there: %v, %v", there(), err)
	}
	a.desired = hostapi.Desired{View: &policy.View{}}
	if err := a.settleGateways(t.Context()); err != nil || there() {
		t.Errorf("once it is not wanted: it is there: %v, %v", there(), err)
	}
}
