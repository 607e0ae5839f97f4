package hostnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/vishvananda/netlink"
)

// deafness is what keeps the host's own network stack from what comes by a link. All that an instance sends is dropped or
// handed on by the filter; this is for what gets past it, where somebody else's program comes before it and passes packets on.
var deafness = []struct{ file, value string }{
	// The link has no address and no route, so nobody's address is behind it: what comes from any is neither taken nor
	// forwarded, whatever other links have here, for of two values the kernel takes the stricter.
	{"ipv4/conf/%s/rp_filter", "1"},
	{"ipv4/conf/%s/forwarding", "0"},
	{"ipv6/conf/%s/disable_ipv6", "1"},
}

// Deafen has the host hear nothing that comes by the interface's link but through the filter. Settings for all links of the host, as
// programs like Docker make them, may undo a part of it, so it is to be called again now and then. What it cannot keep out is a
// datagram of IPv4 from 0.0.0.0 to a broadcast or multicast address. That there is no such link is no error.
func (l *Links) Deafen(id string) error {
	link, err := l.find(l.name(id))
	if err != nil || link == nil {
		return err
	}
	return l.deafen(link)
}

func (l *Links) deafen(link netlink.Link) error {
	name := link.Attrs().Name
	if err := l.handle.LinkSetARPOff(link); err != nil {
		return fmt.Errorf("turn off ARP at %s: %w", name, err)
	}
	for _, d := range deafness {
		file := "/proc/sys/net/" + fmt.Sprintf(d.file, name)
		is, err := os.ReadFile(file)
		if err == nil && string(is) != d.value+"\n" {
			err = os.WriteFile(file, []byte(d.value), 0)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a machine without IPv6
			return fmt.Errorf("keep the host from what comes by %s: %w", name, err)
		}
	}
	return nil
}
