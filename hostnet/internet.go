package hostnet

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An Internet is the pair of links that stands for the internet. The host has the first address of a
// block of public addresses on one of them, and its routing table leads the block there; what it
// sends arrives at the other.
type Internet struct {
	Block netip.Prefix     // the public addresses, 198.18.16.0/20; its first and last cannot be used
	Host  netip.Addr       // the host's own, 198.18.16.1
	Name  string           // the host's end: crenel0
	Index int              // what is redirected into the ingress of this link reaches the host,
	MAC   net.HardwareAddr // if it is addressed to this
	Out   int              // the other end, crenel0-out: what the host sends comes in here
	Up    bool
}

const (
	hostEnd, outEnd = "internet", "internet-out" // ids, in aliases
	blockBits       = 20
)

// publicRange is meant for benchmarks of networks (RFC 2544): nobody's addresses on the internet.
var publicRange = netip.MustParsePrefix("198.18.0.0/15")

// ClaimPublic makes the pair for a block of public addresses, both ends down; attach the filter, then
// call UpInternet. The zero Prefix means: the pair that is there, else the first block of 198.18.0.0/15
// that the host neither has nor routes. A block that is claimed already, by this owner on an earlier
// day, is checked: anything but our own pair on its addresses is an error that says what is in the way.
func (l *Links) ClaimPublic(block netip.Prefix) (Internet, error) {
	unlock, err := lock(lockFile, lockPatience)
	if err != nil {
		return Internet{}, err
	}
	defer unlock()
	if got, ok, err := l.Internet(); err != nil || ok && (!block.IsValid() || got.Block == block) {
		return got, err
	}
	if err := l.removeInternet(); err != nil { // half made, or of another block
		return Internet{}, err
	}
	routes, err := l.routes()
	if err != nil {
		return Internet{}, err
	}
	if block.IsValid() {
		if r := routes.over(block); r != "" {
			return Internet{}, fmt.Errorf("the public addresses %s of this data directory are in use on this machine: %s", block, r)
		}
	} else if block = routes.free(); !block.IsValid() {
		return Internet{}, fmt.Errorf("this machine routes all of %s: no block is free for public addresses", publicRange)
	}
	if err := l.makeInternet(block); err != nil {
		return Internet{}, fmt.Errorf("make the link for the public addresses %s: %w", block, err)
	}
	got, _, err := l.Internet()
	return got, err
}

// Internet returns the owner's pair as it is now, if it is there and whole.
func (l *Links) Internet() (Internet, bool, error) {
	all, err := l.own()
	if err != nil {
		return Internet{}, false, err
	}
	var n Internet
	for _, link := range all {
		a := link.Attrs()
		switch l.id(a) {
		case hostEnd:
			n.Name, n.Index, n.MAC, n.Up = a.Name, a.Index, a.HardwareAddr, isUp(a)
			if n.Host, n.Block, err = l.address(link); err != nil {
				return Internet{}, false, err
			}
		case outEnd:
			n.Out = a.Index
		}
	}
	if n.Index == 0 || n.Out == 0 || !n.Block.IsValid() {
		return Internet{}, false, nil
	}
	return n, true, nil
}

// UpInternet lets packets pass between the host and the public addresses, and those of IPv6: the host has the first one.
// A machine that does without IPv6 does without those.
func (l *Links) UpInternet(ipv6 netip.Prefix) error {
	n, ok, err := l.Internet()
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("no public addresses are claimed: %w", fs.ErrNotExist)
	}
	// Nothing is forwarded for instances, also where the host is a router (as Docker makes it).
	if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+n.Name+"/forwarding", []byte("0"), 0); err != nil {
		return fmt.Errorf("turn off forwarding: %w", err)
	}
	if err := l.deafen(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: n.Name + "-out", Index: n.Out}}); err != nil {
		return err
	}
	if err := l.giveIPv6(n, ipv6); err != nil {
		return fmt.Errorf("give %s its IPv6 address: %w", n.Name, err)
	}
	for _, index := range []int{n.Out, n.Index} {
		if err := l.handle.LinkSetUp(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Index: index}}); err != nil {
			return fmt.Errorf("bring up the link %s: %w", n.Name, err)
		}
	}
	return nil
}

// giveIPv6 gives the host's end its address in the block of IPv6, where the machine has IPv6. Nothing is forwarded from
// there either.
func (l *Links) giveIPv6(n Internet, block netip.Prefix) error {
	addr := netip.PrefixFrom(block.Masked().Addr().Next(), block.Bits())
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: n.Name, Index: n.Index}}
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+n.Name+"/forwarding", []byte("0"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("turn off forwarding: %w", err)
	}
	if err := l.handle.AddrReplace(link, &netlink.Addr{IPNet: ipNet(addr), Flags: unix.IFA_F_NODAD}); err != nil && !noIPv6(err) {
		return err
	}
	return nil
}

func (l *Links) removeInternet() error {
	all, err := l.own()
	if err != nil {
		return err
	}
	for _, link := range all {
		if a := link.Attrs(); strings.HasPrefix(l.id(a), hostEnd) || internetName.MatchString(a.Name) {
			if err := l.remove(link); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeInternet gives the host's end its address last: a pair without one is not whole.
func (l *Links) makeInternet(block netip.Prefix) error {
	pair, err := l.addNumbered()
	if err != nil {
		return err
	}
	out, err := l.handle.LinkByName(pair.PeerName)
	if err != nil {
		return err
	}
	if err := l.mark(out, outEnd); err != nil {
		return err
	}
	if err := l.mark(pair, hostEnd); err != nil {
		return err
	}
	if err := l.handle.LinkSetARPOff(pair); err != nil { // nobody is there to answer
		return fmt.Errorf("turn off ARP: %w", err)
	}
	addr := netip.PrefixFrom(block.Masked().Addr().Next(), block.Bits())
	if err := l.handle.AddrAdd(pair, &netlink.Addr{IPNet: ipNet(addr)}); err != nil {
		return fmt.Errorf("set the address %s: %w", addr, err)
	}
	return nil
}

// addNumbered makes the pair under the first free number: another data directory's may be there.
func (l *Links) addNumbered() (*netlink.Veth, error) {
	for n := range 1000 {
		a := netlink.NewLinkAttrs()
		a.Name, a.Group, a.MTU = "crenel"+strconv.Itoa(n), l.group, defaultMTU
		pair := &netlink.Veth{LinkAttrs: a, PeerName: a.Name + "-out", PeerTxQLen: -1}
		if err := l.handle.LinkAdd(pair); !errors.Is(err, unix.EEXIST) {
			return pair, err
		}
	}
	return nil, errors.New("links crenel0 to crenel999 exist")
}

func (l *Links) address(link netlink.Link) (host netip.Addr, block netip.Prefix, err error) {
	addrs, err := dump(func() ([]netlink.Addr, error) { return l.handle.AddrList(link, unix.AF_INET) })
	if err != nil {
		return host, block, fmt.Errorf("list the addresses of %s: %w", link.Attrs().Name, err)
	}
	for _, a := range addrs {
		if p := prefix(a.IPNet); p.Addr() == p.Masked().Addr().Next() {
			return p.Addr(), p.Masked(), nil
		}
	}
	return host, block, nil
}

// routes are the IPv4 prefixes that the host has or routes, with words for people.
type routes []struct {
	prefix netip.Prefix
	text   string
}

// A route shorter than this is a default route by another name, as VPN software sets them.
const shortestRoute = 8

func (l *Links) routes() (rs routes, err error) {
	add := func(p netip.Prefix, format string, args ...any) {
		if p.Bits() >= shortestRoute {
			rs = append(rs, struct {
				prefix netip.Prefix
				text   string
			}{p, fmt.Sprintf(format, args...)})
		}
	}
	links, err := dump(l.handle.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	names := map[int]string{}
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return l.handle.AddrList(nil, unix.AF_INET) })
	if err != nil {
		return nil, fmt.Errorf("list the addresses: %w", err)
	}
	for _, a := range addrs {
		add(prefix(a.IPNet), "address %s on %s", a.IPNet, names[a.LinkIndex])
	}
	all := &netlink.Route{Table: unix.RT_TABLE_UNSPEC}
	table, err := dump(func() ([]netlink.Route, error) {
		return l.handle.RouteListFiltered(unix.AF_INET, all, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list the routes: %w", err)
	}
	for _, r := range table {
		if r.Dst != nil {
			add(prefix(r.Dst), "route %s dev %s table %d", r.Dst, names[r.LinkIndex], r.Table)
		}
	}
	return rs, nil
}

// over names what overlaps a block; it is empty when nothing does.
func (rs routes) over(block netip.Prefix) string {
	for _, r := range rs {
		if r.prefix.Overlaps(block) {
			return r.text
		}
	}
	return ""
}

func (rs routes) free() netip.Prefix {
	for b := netip.PrefixFrom(publicRange.Addr(), blockBits); publicRange.Overlaps(b); b = after(b) {
		if rs.over(b) == "" {
			return b
		}
	}
	return netip.Prefix{}
}

func after(block netip.Prefix) netip.Prefix {
	a := block.Addr().As4()
	n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	n += 1 << (32 - block.Bits())
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), block.Bits())
}

func prefix(n *net.IPNet) netip.Prefix {
	addr, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits)
}
