package policy

//go:generate go run ../datapath/bpf/gen

// A Reason says why a packet passed or was dropped. The kernel program counts and reports the same numbers.
type Reason uint8

const (
	// What passes.
	Allowed     Reason = iota // a rule of the groups allows it, at every gate that it crossed
	Established               // it belongs to a connection: at the last gate that it crossed no rule was asked
	Related                   // it is an ICMP error about a connection: at the last gate that it crossed no rule was asked
	Answered                  // ARP or neighbour discovery, answered in the other's place

	// What is dropped.
	Malformed       // it cannot be parsed
	Unsupported     // neither IP nor ARP, or with extension headers that are not passed by
	Fragment        // a later piece of a packet whose first one did not pass, or is not remembered
	Spoofed         // its source is not the interface's own MAC or IP address
	NoInterface     // the link has no interface yet, or no longer
	NoEgressRule    // no group of the sender allows it out
	NoIngressRule   // no group of the receiver allows it in
	ACLEgress       // the network ACL of the sender's subnet denies it out
	ACLIngress      // the network ACL of the receiver's subnet denies it in
	NoRoute         // the subnet's route table leads nowhere
	NoPublicAddress // the route leads to the internet, and the interface has no public address
	NoDestination   // nobody has the destination address, or the one that a neighbour is asked for; said to a whole link
	NotForwarded    // beyond the host: the lab's internet ends there
	NotJudged       // it reached an interface's link from elsewhere than a gate
	Allowance       // the connection cannot be tracked: the interface has as many as it may have
	TableFull       // the connection cannot be tracked: the table is full
	Internal        // a lookup that cannot fail failed
	NoForwarding    // a route leads to an interface with the source/destination check, which is not what the packet is addressed to

	Reasons // how many there are
)

var reasonNames = [Reasons]string{"allowed", "established", "related", "answered", "malformed", "unsupported", "fragment", "spoofed",
	"no-interface", "no-egress-rule", "no-ingress-rule", "acl-egress", "acl-ingress", "no-route", "no-public-address", "no-destination", "not-forwarded",
	"not-judged", "allowance", "table-full", "internal", "no-forwarding"}

func (r Reason) String() string {
	if r < Reasons {
		return reasonNames[r]
	}
	return "unknown"
}

// A Counter is how many packets had a verdict for the reason at the interface that decided.
type Counter struct {
	Interface      uint32 // Num; 0: a link of no interface, or the internet's side
	Reason         Reason
	Packets, Bytes uint64 // with their Ethernet headers; of a large send, its segments and their one header
}

// Drops tells whether the reason is one for which packets are dropped.
func (r Reason) Drops() bool { return r >= Malformed }
