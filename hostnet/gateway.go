package hostnet

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Namespace is the network namespace at the path, which is made if there is none, and then translates what it forwards: a NAT
// gateway without a process. It stays until RemoveNamespace, or until the machine stops.
//
// What comes in by eth0 for others goes out there again from the address and a port of 1024–65535; connections that are silent
// for 350 s are forgotten; only TCP, UDP and ICMP pass; and nothing is said to the gateway itself.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
func Namespace(path string, address netip.Addr) (*os.File, error) {
	if f, err := openNamespace(path); !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	// Everything is in order before the namespace can be found.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the function
		made <- makeNamespace(path, address)
	}()
	if err := <-made; err != nil {
		return nil, fmt.Errorf("make the network namespace %s: %w", path, err)
	}
	return openNamespace(path)
}

// openNamespace opens what is mounted there. A file alone is what a machine that stopped left behind.
func openNamespace(path string) (*os.File, error) {
	var at unix.Statfs_t
	if err := unix.Statfs(path, &at); err != nil {
		return nil, err
	}
	if at.Type != unix.NSFS_MAGIC {
		return nil, os.ErrNotExist
	}
	return os.Open(path)
}

// makeNamespace takes this thread into a new network namespace, and mounts that at the path.
func makeNamespace(path string, address netip.Addr) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"ipv4/ip_forward": "1",
		// The next hop of everything is eth0 again: nobody is to be told of a better way.
		"ipv4/conf/all/send_redirects": "0", "ipv4/conf/default/send_redirects": "0",
		"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0",
	} {
		if err := setSysctl(name, value); err != nil {
			return err
		}
	}
	if err := translate(address); err != nil {
		return fmt.Errorf("set up translation: %w", err)
	}
	const idle = "350"
	for name, value := range map[string]string{
		"netfilter/nf_conntrack_tcp_timeout_established": idle, "netfilter/nf_conntrack_udp_timeout": idle,
		"netfilter/nf_conntrack_udp_timeout_stream": idle, "netfilter/nf_conntrack_icmp_timeout": idle,
		"netfilter/nf_conntrack_tcp_loose": "0", // what it does not know is not begun in the middle
	} {
		if err := setSysctl(name, value); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
}

// setSysctl sets it in the thread's network namespace.
func setSysctl(name, value string) error {
	return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0)
}

// translate puts the rules into the thread's network namespace.
func translate(address netip.Addr) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	drop := nftables.ChainPolicyDrop
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "crenel"})
	c.AddChain(&nftables.Chain{Name: "input", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookInput,
		Priority: nftables.ChainPriorityFilter, Policy: &drop})
	forward := c.AddChain(&nftables.Chain{Name: "forward", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward,
		Priority: nftables.ChainPriorityFilter, Policy: &drop})
	// What belongs to no connection would go on as it came, with its own address.
	c.AddRule(&nftables.Rule{Table: table, Chain: forward, Exprs: []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitINVALID),
			Xor: binaryutil.NativeEndian.PutUint32(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(0)},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP} {
		c.AddRule(&nftables.Rule{Table: table, Chain: forward, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
			&expr.Verdict{Kind: expr.VerdictAccept},
		}})
	}
	postrouting := c.AddChain(&nftables.Chain{Name: "postrouting", Table: table, Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPostrouting,
		Priority: nftables.ChainPriorityNATSource})
	c.AddRule(&nftables.Rule{Table: table, Chain: postrouting, Exprs: []expr.Any{
		&expr.Immediate{Register: 1, Data: address.AsSlice()},
		&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(1024)},
		&expr.Immediate{Register: 3, Data: binaryutil.BigEndian.PutUint16(65535)},
		&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2, RegProtoMax: 3, Specified: true},
	}})
	return c.Flush()
}

// RemoveNamespace lets go of the namespace at the path; with it go its ends of links. That there is none is no error.
func RemoveNamespace(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
