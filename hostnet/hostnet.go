// Package hostnet makes the links of one data directory on this machine, finds them again, and removes
// them: a pair of virtual Ethernet devices for each network interface of an instance, and one pair
// that stands for the internet.
//
//	links, err := hostnet.Open("5f3a9c01")                 // the tag of a data directory
//	index, err := links.AddInterface(eni, namespace)       // made, and down
//	…                                                      // attach the filter to index
//	err = links.Up(eni, namespace)                         // only now can a packet pass
//
// Whose a link is can be read off it: its alias is crenel:OWNER:ID and its device group is OWNER as a
// number. The group is set by the call that makes the link, so that one made just before a crash is
// known too. Nothing that bears another owner's mark, or none, is ever changed.
//
// Every function may be called again after it failed, or after the process died in the middle of it.
package hostnet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Links are the links of one owner in the network namespace in which they were opened. They may be
// used by several goroutines, each for another interface.
type Links struct {
	owner  string
	group  uint32
	handle *netlink.Handle
}

// A Link is the host's end of a network interface.
type Link struct {
	ID    string // eni-…; empty: AddInterface was interrupted before it could say whose the link is
	Name  string
	Index int
	Up    bool
}

// defaultMTU is what AWS gives an interface.
const defaultMTU = 9001

// Open opens the links of owner: 8 hexadecimal digits that no other data directory of this machine has.
func Open(owner string) (*Links, error) {
	group, err := strconv.ParseUint(owner, 16, 32)
	if err != nil || len(owner) != 8 {
		return nil, fmt.Errorf("the owner of links is 8 hexadecimal digits, not %q", owner)
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &Links{owner, uint32(group), handle}, nil
}

// Close ends the use of the links, which stay as they are.
func (l *Links) Close() error {
	l.handle.Close()
	return nil
}

// Interfaces lists the host's ends of all of the owner's network interfaces.
func (l *Links) Interfaces() ([]Link, error) {
	all, err := l.own()
	if err != nil {
		return nil, err
	}
	var links []Link
	for _, link := range all {
		a := link.Attrs()
		if id := l.id(a); strings.HasPrefix(id, "eni-") || id == "" && interfaceName.MatchString(a.Name) {
			links = append(links, Link{ID: id, Name: a.Name, Index: a.Index, Up: isUp(a)})
		}
	}
	return links, nil
}

// RemoveInterface removes the links of a network interface; that there are none is no error.
func (l *Links) RemoveInterface(id string) error {
	link, err := l.find(l.name(id))
	if err != nil || link == nil {
		return err
	}
	return l.remove(link)
}

// RemoveAll removes every link of the owner.
func (l *Links) RemoveAll() error {
	all, err := l.own()
	if err != nil {
		return err
	}
	var errs []error
	for _, link := range all {
		errs = append(errs, l.remove(link))
	}
	return errors.Join(errs...)
}

// Both ends of a pair bear marks in the host's namespace, so the other end may be gone already.
func (l *Links) remove(link netlink.Link) error {
	err := l.handle.LinkDel(link)
	if err == nil || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return fmt.Errorf("remove the link %s: %w", link.Attrs().Name, err)
}

func (l *Links) own() ([]netlink.Link, error) {
	all, err := dump(l.handle.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	var own []netlink.Link
	for _, link := range all {
		if l.owns(link) {
			own = append(own, link)
		}
	}
	return own, nil
}

// find is the link of that name, nil if there is none, and an error if it is not the owner's.
func (l *Links) find(name string) (netlink.Link, error) {
	link, err := l.handle.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up the link %s: %w", name, err)
	}
	if !l.owns(link) {
		return nil, fmt.Errorf("the link %s is in the way: it is not crenel's for this data directory (owner %s)", name, l.owner)
	}
	return link, nil
}

var (
	interfaceName = regexp.MustCompile(`^cr[0-9a-f]{10}$`)
	internetName  = regexp.MustCompile(`^crenel[0-9]{1,4}(-out)?$`)
)

func (l *Links) owns(link netlink.Link) bool {
	a := link.Attrs()
	if link.Type() != "veth" {
		return false
	}
	if a.Alias != "" {
		return strings.HasPrefix(a.Alias, l.alias(""))
	}
	ours := interfaceName.MatchString(a.Name) || internetName.MatchString(a.Name)
	return ours && a.Group == l.group && l.group != 0 // 0 is every link's group
}

// name has the owner in it because two data directories may hold interfaces of the same id.
func (l *Links) name(id string) string {
	sum := sha256.Sum256([]byte(l.owner + ":" + id))
	return "cr" + hex.EncodeToString(sum[:5])
}

func (l *Links) alias(id string) string { return "crenel:" + l.owner + ":" + id }

func (l *Links) id(a *netlink.LinkAttrs) string {
	return strings.TrimPrefix(a.Alias, l.alias(""))
}

func isUp(a *netlink.LinkAttrs) bool { return a.Flags&net.FlagUp != 0 }

// dump reads a list again if it changed while it was read, as it does when links come and go.
func dump[T any](read func() ([]T, error)) (list []T, err error) {
	for range 20 {
		if list, err = read(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}
