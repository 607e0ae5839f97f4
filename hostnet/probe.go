package hostnet

import (
	"fmt"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Probe says what this machine lacks for links and network namespaces, one sentence each. It tries, in
// a network namespace of its own that is gone when it returns.
func Probe() []error {
	missing := make(chan []error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() { // the main thread cannot end: hold it, and use another
			got := Probe()
			runtime.UnlockOSThread()
			missing <- got
			return
		}
		missing <- probe() // the thread ends with this goroutine, and the namespace with the thread
	}()
	return <-missing
}

func probe() []error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return []error{fmt.Errorf("network namespaces cannot be made (run as root, on a kernel with CONFIG_NET_NS): %w", err)}
	}
	a := netlink.NewLinkAttrs()
	a.Name = "probe"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: a, PeerName: "probe-out"}); err != nil {
		return []error{fmt.Errorf("links of type veth cannot be made (CONFIG_VETH): %w", err)}
	}
	return nil
}
