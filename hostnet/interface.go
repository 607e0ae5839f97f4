package hostnet

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// An Interface is an elastic network interface as an instance of this machine has it.
type Interface struct {
	ID          string // eni-…
	Device      int    // 0 is eth0, 1 is eth1
	MAC         net.HardwareAddr
	Addr        netip.Prefix // its private address, with its subnet's length
	Gateway     netip.Addr   // of the default route; not valid: none. The lowest Device's route is taken
	IPv6        []netip.Addr // of networks of 64 bits
	IPv6Gateway netip.Addr   // as Gateway
	MTU         int          // 0: 9001, as on AWS
}

// AddInterface makes a network interface: one end in the host's namespace, whose index it returns, and
// one in the instance's. Both are down; attach the filter, then call Up. If the interface is there
// already and leads to this namespace it stays as it is; if it leads elsewhere it is made anew.
func (l *Links) AddInterface(i Interface, namespace *os.File) (index int, err error) {
	link, err := l.find(l.name(i.ID))
	if err != nil {
		return 0, err
	}
	if link != nil {
		leads, err := l.leadsTo(link, namespace)
		if err != nil {
			return 0, err
		}
		if leads {
			if err := l.mark(link, i.ID); err != nil {
				return 0, err
			}
			return link.Attrs().Index, l.deafen(link)
		}
		if err := l.remove(link); err != nil {
			return 0, err
		}
	}
	if link, err = l.make(i, namespace); err != nil {
		return 0, fmt.Errorf("make the interface %s: %w", i.ID, err)
	}
	return link.Attrs().Index, nil
}

func (l *Links) make(i Interface, namespace *os.File) (netlink.Link, error) {
	a := netlink.NewLinkAttrs()
	a.Name, a.Group, a.MTU = l.name(i.ID), l.group, i.mtu()
	pair := &netlink.Veth{
		LinkAttrs:        a,
		PeerName:         "eth" + strconv.Itoa(i.Device),
		PeerHardwareAddr: i.MAC,
		PeerNamespace:    netlink.NsFd(namespace.Fd()),
		PeerTxQLen:       -1,
	}
	if err := l.handle.LinkAdd(pair); err != nil {
		return nil, err
	}
	if err := l.mark(pair, i.ID); err != nil {
		return nil, err
	}
	return pair, l.deafen(pair)
}

// mark says whose the link is, and keeps the kernel from talking IPv6 over it on its own account.
func (l *Links) mark(link netlink.Link, id string) error {
	if err := l.handle.LinkSetAlias(link, l.alias(id)); err != nil {
		return fmt.Errorf("set the alias: %w", err)
	}
	if err := l.handle.LinkSetIP6AddrGenMode(link, nl6AddrGenNone); err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
		return fmt.Errorf("turn off IPv6 addresses: %w", err)
	}
	return nil
}

const nl6AddrGenNone = 1 // IN6_ADDR_GEN_MODE_NONE

// Up lets packets pass; the filter must be attached by now. It sets up the instance's side first: the
// loopback device, the interface, its address and default route. Once the host's end is up all of it
// was done, and what root in the instance has made of it since is left alone.
func (l *Links) Up(i Interface, namespace *os.File) error {
	link, err := l.find(l.name(i.ID))
	if err != nil {
		return err
	}
	if link == nil {
		return fmt.Errorf("the interface %s has no link: %w", i.ID, fs.ErrNotExist)
	}
	if isUp(link.Attrs()) {
		return nil
	}
	inside, err := netlink.NewHandleAt(netns.NsHandle(namespace.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("enter the network namespace of %s: %w", i.ID, err)
	}
	defer inside.Close()
	if err := i.configure(inside, link.Attrs().ParentIndex); err != nil {
		return fmt.Errorf("configure the interface %s: %w", i.ID, err)
	}
	if err := l.handle.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up the interface %s: %w", i.ID, err)
	}
	return nil
}

// configure goes by the index: root in the instance may have given the device another name.
func (i Interface) configure(inside *netlink.Handle, index int) error {
	lo, err := inside.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo: %w", err)
	}
	if err := inside.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	peer, err := inside.LinkByIndex(index)
	if err != nil {
		return fmt.Errorf("find the instance's end: %w", err)
	}
	if err := inside.AddrReplace(peer, &netlink.Addr{IPNet: ipNet(i.Addr)}); err != nil {
		return fmt.Errorf("set the address %s: %w", i.Addr, err)
	}
	if err := inside.LinkSetUp(peer); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	for _, a := range i.IPv6 {
		// Nobody else can have the address: it need not be asked for.
		addr := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(a, 64)), Flags: unix.IFA_F_NODAD}
		if err := inside.AddrReplace(peer, addr); err != nil {
			if noIPv6(err) {
				return i.defaultRoute(inside, index, i.Gateway)
			}
			return fmt.Errorf("set the address %s: %w", a, err)
		}
	}
	if err := i.defaultRoute(inside, index, i.Gateway); err != nil {
		return err
	}
	return i.defaultRoute(inside, index, i.IPv6Gateway)
}

// noIPv6 tells that the machine does without IPv6.
func noIPv6(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EACCES)
}

func (i Interface) defaultRoute(inside *netlink.Handle, index int, gateway netip.Addr) error {
	if !gateway.IsValid() {
		return nil
	}
	route := &netlink.Route{LinkIndex: index, Gw: gateway.AsSlice(), Priority: 100 * i.Device, Protocol: unix.RTPROT_DHCP}
	if gateway.Is6() {
		route.Priority = 1024 + 100*i.Device // 0 is the kernel's choice, 1024
	}
	if err := inside.RouteReplace(route); err != nil {
		return fmt.Errorf("set the default route via %s: %w", gateway, err)
	}
	return nil
}

// LeadsTo tells whether the interface has a link that leads to the namespace.
func (l *Links) LeadsTo(id string, namespace *os.File) (bool, error) {
	link, err := l.find(l.name(id))
	if err != nil || link == nil {
		return false, err
	}
	return l.leadsTo(link, namespace)
}

// leadsTo says whether the other end of a pair is in the namespace. Only what the host's kernel says
// of its own end counts: what is inside is the instance's to change.
func (l *Links) leadsTo(link netlink.Link, namespace *os.File) (bool, error) {
	id, err := l.handle.GetNetNsIdByFd(int(namespace.Fd()))
	if err != nil {
		return false, fmt.Errorf("identify the network namespace: %w", err)
	}
	return id >= 0 && link.Attrs().NetNsID == id, nil
}

func (i Interface) mtu() int {
	if i.MTU == 0 {
		return defaultMTU
	}
	return i.MTU
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
