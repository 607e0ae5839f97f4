package lab

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"crenel/flow"
)

// A single is one packet, and who gets it if it arrives: for what an exchange cannot show, as the packet of a server
// that nobody asked, a protocol that nobody speaks, or port 0.
type single struct {
	from, at string // ids of instances
	flow.Packet
	expect bool // it should arrive: worth waiting for
}

// is tells whether the packet, which arrived, is this one: in all but its addresses, which may be translated.
func (s single) is(p flow.Packet) bool {
	q := s.Packet
	q.Src, q.Dst, q.SrcMAC, q.DstMAC = p.Src, p.Dst, p.SrcMAC, p.DstMAC
	return p == q
}

// echoIdentifier is that of every echo request and reply: so that an unasked reply is told from the reply to another's request.
const echoIdentifier = 7

// single sends a packet: FROM [as ADDRESS] TO [at INSTANCE] PACKET [REASON].
func (p *play) single(step Step) error {
	names, rest := step.Args[:2], step.Args[2:]
	s := single{expect: step.Verb == "send"}
	forged := ""
	if names[1] == "as" && len(rest) > 2 {
		forged, names, rest = rest[0], []string{names[0], rest[1]}, rest[2:]
	}
	var err error
	if s.from, err = known(p.instances, "instance", names[0]); err != nil {
		return err
	}
	at := strings.TrimSuffix(names[1], ".public")
	if rest[0] == "at" && len(rest) > 2 {
		at, rest = rest[1], rest[2:]
	}
	if s.at, err = known(p.instances, "instance", at); err != nil {
		return err
	}
	if s.Packet, rest, err = parsePacket(rest); err != nil {
		return err
	}
	if s.SrcPort == 0 && (s.Protocol == flow.TCP || s.Protocol == flow.UDP) {
		p.port++
		s.SrcPort = p.port
	}
	if s.Dst, err = p.address(names[1]); err != nil {
		return err
	}
	if forged != "" {
		s.Src, err = netip.ParseAddr(forged)
	} else {
		s.Src, err = p.address(names[0])
	}
	if err != nil {
		return err
	}
	arrived, reason, err := p.on.arrives(s)
	if err != nil {
		return err
	}
	return judged(arrived, s.expect, reason, rest)
}

// judged compares what happened with what the scenario says; rest is what follows in the statement.
func judged(passed, expect bool, reason string, rest []string) error {
	switch {
	case passed != expect && reason != "":
		return fmt.Errorf("it is the other way round (%s)", reason)
	case passed != expect:
		return fmt.Errorf("it is the other way round")
	case len(rest) == 1 && reason != "" && reason != rest[0]:
		return fmt.Errorf("the reason is %s", reason)
	case len(rest) > 1:
		return fmt.Errorf("unknown words %q", rest[1:])
	}
	return nil
}

// parsePacket reads "tcp PORT", "udp PORT [from PORT]", "icmp TYPE/CODE" or a protocol's number, and returns the words after it.
func parsePacket(words []string) (p flow.Packet, rest []string, err error) {
	p.Payload = 28 // enough for what an ICMP error quotes
	kind, rest := words[0], words[1:]
	switch kind {
	case "tcp", "udp":
		if len(rest) == 0 {
			return p, nil, fmt.Errorf("%s needs a port", kind)
		}
		p.Protocol = flow.UDP
		if kind == "tcp" {
			p.Protocol, p.TCPFlags = flow.TCP, flow.SYN
		}
		if err := number(&p.DstPort, rest[0]); err != nil {
			return p, nil, err
		}
		if rest = rest[1:]; len(rest) > 1 && rest[0] == "from" {
			err = number(&p.SrcPort, rest[1])
			rest = rest[2:]
		}
		return p, rest, err
	case "icmp":
		if len(rest) == 0 {
			return p, nil, fmt.Errorf("icmp needs a type and a code")
		}
		p.Protocol = flow.ICMP
		kind, code, _ := strings.Cut(rest[0], "/")
		if err := number(&p.ICMPType, kind); err != nil {
			return p, nil, err
		}
		switch p.ICMPType {
		case flow.EchoRequest:
			p.SrcPort = echoIdentifier
		case flow.EchoReply:
			p.DstPort = echoIdentifier
		}
		return p, rest[1:], number(&p.ICMPCode, code)
	}
	return p, rest, number(&p.Protocol, kind)
}

// number reads a number that fits.
func number[N uint8 | uint16](n *N, text string) error {
	v, err := strconv.ParseUint(text, 10, 16)
	if err == nil && uint64(N(v)) != v {
		err = fmt.Errorf("%d is too large", v)
	}
	*n = N(v)
	return err
}
