package flow

import (
	"fmt"
	"net/netip"
	"strings"
)

// String is the packet on one line: "tcp 10.0.1.10:40000 > 10.0.2.10:5432 SYN", "icmp 8/0 10.0.1.10 > 10.0.2.10 id 7".
func (p Packet) String() string {
	s := p.whole()
	if p.Fragment != (Fragment{}) {
		s += fmt.Sprintf(" piece at %d of %d", p.Fragment.Offset, p.Fragment.ID)
	}
	return s
}

func (p Packet) whole() string {
	switch {
	case p.Protocol == TCP:
		return fmt.Sprintf("tcp %s > %s %s", netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort), flags(p.TCPFlags))
	case p.Protocol == UDP:
		return fmt.Sprintf("udp %s > %s", netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort))
	case p.IsICMP():
		s := fmt.Sprintf("%s %d/%d %s > %s", map[bool]string{true: "icmp", false: "icmpv6"}[p.Src.Is4()], p.ICMPType, p.ICMPCode, p.Src, p.Dst)
		if p.Echo() {
			s += fmt.Sprintf(" id %d", p.SrcPort+p.DstPort)
		}
		if p.Quote.IsValid() {
			s += fmt.Sprintf(" (about %s)", p.Quote.Packet())
		}
		return s
	}
	return fmt.Sprintf("protocol %d %s > %s", p.Protocol, p.Src, p.Dst)
}

func flags(f uint8) string {
	var set []string
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if f&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	if set == nil {
		return "no-flags"
	}
	return strings.Join(set, "|")
}
