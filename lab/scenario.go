// Package lab plays scenarios: short texts that say what a network is, what changes, and which packets
// pass. The same text is played in memory, by the operations and the evaluator, and on the wire, by the
// real server, agent and kernel.
//
//	# a group as source admits its members only
//	vpc main 10.0.0.0/16
//	subnet a main 10.0.1.0/24
//	group web main
//	group db main
//	instance web1 a in web
//	instance db1 a in db
//	drop web1 db1 tcp 5432 no-ingress-rule
//	allow db ingress tcp 5432 from web
//	pass web1 db1 tcp 5432
//
// The statements:
//
//	vpc NAME CIDR [ipv6] | vpc NAME default    a VPC, or the default one; ipv6: its subnets and interfaces have IPv6, too
//	internet VPC                               a new internet gateway, to which all of its routes lead
//	subnet NAME VPC CIDR | subnet NAME VPC default
//	group NAME[,NAME…] VPC                     new groups
//	group NAME VPC default                     the VPC's default one
//	instance NAME SUBNET [at ADDRESS] [in GROUP[,GROUP…]]
//	allow GROUP RULE, revoke GROUP RULE        RULE: ingress tcp 22 from 10.0.0.0/8; the peer may be a group's name, or a list's
//	list NAME MAX CIDR[,CIDR…]                 a new prefix list, for MAX entries at most
//	relist NAME CIDR[,CIDR…]                   its entries from now on
//	peer NAME VPC VPC                          a peering connection of the two, accepted
//	unpeer NAME
//	table NAME SUBNET                          a new route table is the subnet's
//	nat NAME SUBNET                            a public NAT gateway with an Elastic IP of its own; unnat NAME deletes it
//	egress-only NAME VPC                       an egress-only internet gateway
//	route TABLE CIDR TARGET                    TARGET: one of these, a peering connection, an instance, or a VPC for its internet gateway
//	unroute TABLE CIDR
//	acl NAME SUBNET                            a new network ACL, which denies everything, takes the place of the subnet's
//	entry ACL NUMBER allow|deny RULE           an entry of it; RULE names a range, not a group
//	no-entry ACL NUMBER ingress|egress
//	groups INSTANCE GROUP[,GROUP…]             replaces the groups of the instance's interface
//	elastic INSTANCE                           a new Elastic IP is its public address
//	check INSTANCE on|off                      its source/destination check
//	timeout INSTANCE tcp|udp|stream SECONDS    how long its connections may be silent
//	quota NUMBER NAME                          as Service Quotas names it; until the scenario ends
//	refused CODE STATEMENT                     the API answers the statement with the error
//	stop, start, reboot, terminate INSTANCE
//	pass FROM TO WHAT                          WHAT: tcp PORT, udp PORT or icmp (an echo); a whole exchange, with its reply
//	drop FROM TO WHAT [REASON]                 no answer of any kind; REASON is checked where it can be seen
//	drop FROM as ADDRESS TO WHAT [REASON]      the same with a forged source
//	send FROM [as ADDRESS] TO PACKET           one packet, and it arrives; PACKET: tcp PORT (a SYN), udp PORT [from PORT],
//	                                           icmp TYPE/CODE or a protocol's NUMBER; every echo has the same identifier
//	lose FROM [as ADDRESS] TO PACKET [REASON]  it does not arrive
//	send FROM … TO at INSTANCE PACKET, lose …  it is addressed to TO, and arrives at the instance, or does not
//	wait SECONDS                               on the wire scenarios that wait do so together: each keeps to its own VPCs
//	large FROM TO udp PORT                     a datagram in several pieces, and its echo
//	told FROM TO udp PORT                      nobody listens there, and an ICMP error says so; PORT in no other statement
//	open NAME FROM TO tcp PORT                 a connection that stays
//	talk NAME                                  bytes pass over it in both directions
//	cut NAME                                   they do not, any more
//
// FROM and TO are instances; "internet" is the host, outside every VPC; NAME.public is an instance's
// public address, NAME.ipv6 the one of IPv6, which FROM then answers with its own, and an address is itself.
package lab

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Scenario is a parsed text.
type Scenario struct {
	Name, About string // About is the first line's comment
	Steps       []Step
}

// A Step is one statement.
type Step struct {
	Line int
	Verb string
	Args []string
}

func (s Step) String() string {
	return fmt.Sprintf("line %d: %s %s", s.Line, s.Verb, strings.Join(s.Args, " "))
}

// verbs say how many arguments each takes, at least and at most.
var verbs = map[string][2]int{
	"vpc": {2, 3}, "internet": {1, 1}, "subnet": {3, 3}, "group": {2, 3}, "instance": {2, 6}, "allow": {4, 9}, "revoke": {4, 9}, "groups": {2, 2},
	"list": {3, 3}, "relist": {2, 2}, "check": {2, 2}, "elastic": {1, 1}, "timeout": {3, 3}, "quota": {2, 9}, "refused": {2, 11},
	"send": {3, 10}, "lose": {3, 11}, "wait": {1, 1},
	"peer": {3, 3}, "unpeer": {1, 1}, "table": {2, 2}, "route": {3, 3}, "nat": {2, 2}, "unnat": {1, 1}, "egress-only": {2, 2}, "unroute": {2, 2},
	"acl": {2, 2}, "entry": {6, 9}, "no-entry": {3, 3},
	"stop": {1, 1}, "start": {1, 1}, "reboot": {1, 1}, "terminate": {1, 1},
	"pass": {3, 4}, "drop": {3, 7}, "told": {4, 4}, "large": {4, 4}, "open": {5, 5}, "talk": {1, 1}, "cut": {1, 1},
}

// Parse reads a scenario.
func Parse(name string, text io.Reader) (*Scenario, error) {
	s := &Scenario{Name: name}
	lines := bufio.NewScanner(text)
	for n := 1; lines.Scan(); n++ {
		line, comment, _ := strings.Cut(lines.Text(), "#")
		if n == 1 {
			s.About = strings.TrimSpace(comment)
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		step := Step{Line: n, Verb: words[0], Args: words[1:]}
		if err := step.check(); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, step, err)
		}
		s.Steps = append(s.Steps, step)
	}
	if s.About == "" {
		return nil, fmt.Errorf("%s: the first line must say what it shows, in a comment", name)
	}
	if s.Waits() && s.shares() {
		return nil, fmt.Errorf("%s: it waits beside others, and uses what is theirs too", name)
	}
	return s, lines.Err()
}

func (s Step) check() error {
	limits, ok := verbs[s.Verb]
	switch {
	case !ok:
		return fmt.Errorf("unknown statement")
	case len(s.Args) < limits[0] || len(s.Args) > limits[1]:
		return fmt.Errorf("%d arguments", len(s.Args))
	case s.Verb == "refused":
		return s.inner().check()
	}
	return nil
}

// inner is the statement that is to be refused.
func (s Step) inner() Step { return Step{s.Line, s.Args[1], s.Args[2:]} }

// Waits tells whether the scenario takes its time.
func (s *Scenario) Waits() bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Verb == "wait" })
}

// shares tells whether the scenario uses what is not its own: the default VPC, or quotas.
func (s *Scenario) shares() bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool {
		return step.Verb == "vpc" && step.Args[1] == "default" || step.Verb == "quota"
	})
}

// A Probe is an exchange that is tried.
type Probe struct {
	From, As, To string // names; As: a forged source address, or ""
	Protocol     string // tcp, udp or icmp
	Port         int
}

// probe reads FROM [as ADDRESS] TO WHAT, and what follows.
func probe(args []string) (p Probe, rest []string, err error) {
	p.From, args = args[0], args[1:]
	if args[0] == "as" && len(args) > 2 {
		p.As, args = args[1], args[2:]
	}
	if len(args) < 2 {
		return p, nil, fmt.Errorf("no destination or protocol")
	}
	p.To, p.Protocol, rest = args[0], args[1], args[2:]
	switch p.Protocol {
	case "icmp":
		return p, rest, nil
	case "tcp", "udp":
		if len(rest) == 0 {
			return p, nil, fmt.Errorf("%s needs a port", p.Protocol)
		}
		p.Port, err = strconv.Atoi(rest[0])
		return p, rest[1:], err
	}
	return p, nil, fmt.Errorf("unknown protocol %q", p.Protocol)
}

// Ports are the ports that somebody must listen on for the scenario's probes to be answered.
func (s *Scenario) Ports() (tcp, udp []int) {
	seen := map[string]bool{}
	for _, step := range s.Steps {
		args := step.Args
		switch step.Verb {
		case "open":
			args = args[1:]
		case "pass", "drop", "large":
		default:
			continue
		}
		p, _, err := probe(args)
		if key := p.Protocol + strconv.Itoa(p.Port); err == nil && !seen[key] {
			seen[key] = true
			switch p.Protocol {
			case "tcp":
				tcp = append(tcp, p.Port)
			case "udp":
				udp = append(udp, p.Port)
			}
		}
	}
	return tcp, udp
}
