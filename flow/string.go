package flow

import (
	"fmt"
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
	switch p.Protocol {
	case TCP:
		return fmt.Sprintf("tcp %s:%d > %s:%d %s", p.Src, p.SrcPort, p.Dst, p.DstPort, flags(p.TCPFlags))
	case UDP:
		return fmt.Sprintf("udp %s:%d > %s:%d", p.Src, p.SrcPort, p.Dst, p.DstPort)
	case ICMP:
		s := fmt.Sprintf("icmp %d/%d %s > %s", p.ICMPType, p.ICMPCode, p.Src, p.Dst)
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
