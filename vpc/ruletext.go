package vpc

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The one text form of a rule, in logs, on the command line and in scenarios. It says what the rule
// allows and leaves out its id, description and tags:
//
//	ingress tcp 22 from 10.0.0.0/8
//	ingress tcp 80-443 from sg-0123456789abcdef0
//	ingress icmp 8/-1 from 0.0.0.0/0      type 8, every code
//	egress udp to 2001:db8::/32           every port
//	egress 50 to pl-0123456789abcdef0
//	egress any to 0.0.0.0/0

// protocols are the names of those that have ports, or types and codes.
var protocols = map[int]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}

// String is the rule's text form.
func (r Rule) String() string {
	if r.Egress {
		return "egress " + r.What.String() + " to " + r.Peer.String()
	}
	return "ingress " + r.What.String() + " from " + r.Peer.String()
}

func (w What) String() string {
	name, ok := protocols[w.Protocol]
	switch {
	case w.Protocol == AnyProtocol:
		return "any"
	case !ok:
		return strconv.Itoa(w.Protocol)
	case w == wholeOf(w.Protocol):
		return name
	case w.icmp():
		return fmt.Sprintf("%s %d/%d", name, w.From, w.To)
	case w.From == w.To:
		return fmt.Sprintf("%s %d", name, w.From)
	}
	return fmt.Sprintf("%s %d-%d", name, w.From, w.To)
}

func (w What) icmp() bool { return w.Protocol == 1 || w.Protocol == 58 }

func (p Peer) String() string {
	if p.CIDR.IsValid() {
		return p.CIDR.String()
	}
	return p.Group + p.PrefixList
}

// wholeOf is all traffic of a protocol.
func wholeOf(protocol int) What {
	if protocol == 6 || protocol == 17 {
		return What{protocol, 0, 65535}
	}
	return What{protocol, -1, -1}
}

// ParseRule reads a rule's text form. What String writes, it reads; it also takes more than one blank,
// protocols by number, and ranges with host bits, which it clears.
func ParseRule(s string) (Rule, error) {
	r, err := parseRule(strings.Fields(s))
	if err != nil {
		return Rule{}, fmt.Errorf("rule %q: %w", s, err)
	}
	return r, nil
}

func parseRule(words []string) (r Rule, err error) {
	if len(words) < 4 || len(words) > 5 {
		return r, errors.New("want a direction, a protocol, perhaps ports, from or to, and a peer")
	}
	preposition := ""
	switch words[0] {
	case "ingress":
		preposition = "from"
	case "egress":
		r.Egress, preposition = true, "to"
	default:
		return r, fmt.Errorf("%q is neither ingress nor egress", words[0])
	}
	what, peer := words[1:len(words)-2], words[len(words)-1]
	if words[len(words)-2] != preposition {
		return r, fmt.Errorf("want %q before the peer, not %q", preposition, words[len(words)-2])
	}
	if r.What, err = parseWhat(what); err != nil {
		return r, err
	}
	r.Peer, err = parsePeer(peer)
	return r, err
}

// parseWhat reads a protocol, and its ports or its type and code if they are given.
func parseWhat(words []string) (What, error) {
	protocol, err := parseProtocol(words[0])
	w := wholeOf(protocol)
	switch {
	case err != nil:
		return w, err
	case len(words) == 1:
		return w, nil
	case protocols[protocol] == "":
		return w, fmt.Errorf("%s has no ports", words[0])
	case w.icmp():
		return parsePair(w, words[1], "/", -1, 255)
	}
	return parsePair(w, words[1], "-", 0, 65535)
}

func parseProtocol(word string) (int, error) {
	if word == "any" {
		return AnyProtocol, nil
	}
	for number, name := range protocols {
		if word == name {
			return number, nil
		}
	}
	number, err := parseNumber(word, 0, 255)
	if err != nil {
		return 0, fmt.Errorf("%q is no protocol", word)
	}
	return number, nil
}

// parsePair reads "FROM-TO" or "TYPE/CODE". A single port stands for both, a single type for all its codes.
func parsePair(w What, text, separator string, low, high int) (What, error) {
	first, second, two := strings.Cut(text, separator)
	var err error
	if w.From, err = parseNumber(first, low, high); err != nil {
		return w, err
	}
	switch {
	case two:
		w.To, err = parseNumber(second, low, high)
	case separator == "-":
		w.To = w.From
	default:
		w.To = -1
	}
	switch {
	case err != nil:
		return w, err
	case separator == "-" && w.From > w.To:
		return w, fmt.Errorf("%q is the wrong way round", text)
	case separator == "/" && w.From == -1 && w.To != -1:
		return w, fmt.Errorf("%q is one code of every type", text)
	}
	return w, nil
}

// parseNumber takes a number only as String would write it.
func parseNumber(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("%q is no number from %d to %d", s, low, high)
	}
	return n, nil
}

func parsePeer(s string) (Peer, error) {
	switch {
	case isID(s, "sg-"):
		return Peer{Group: s}, nil
	case isID(s, "pl-"):
		return Peer{PrefixList: s}, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return Peer{}, fmt.Errorf("%q is neither a range, as 10.0.0.0/8 is, nor the id of a group or a prefix list", s)
	}
	return Peer{CIDR: p.Masked()}, nil
}

func isID(s, prefix string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	return ok && digits != "" && strings.Trim(digits, "0123456789abcdef") == ""
}
