package vpc

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Scope is who asks, and where: every object belongs to one account and one Region.
type Scope struct{ Account, Region string }

// Key is the Scope as the index "scope" files it.
func (s Scope) Key() string { return s.Account + "/" + s.Region }

// In tells whether what belongs to the scope is seen by the other one: only by itself. Nouns that more
// than one scope sees say so with an In of their own.
func (s Scope) In(other Scope) bool { return s == other }

// Tags are an object's tags, by key.
type Tags map[string]string

// A Cell is what a whole State has once.
type Cell struct {
	NextNum uint32       // the next number that NewNum hands out; but those of VPCs, numbers are never used twice
	Public  netip.Prefix // the pool of public addresses; its first address is the host's; zero: there is none
	Host    Capacity     // zero: no host ever said
	Seed    string       // a secret: the ids that are synthesised follow from it, so that nobody can compute them
}

func newCells() *Table[Cell] {
	return newTable("cell", func(*Cell) string { return "cell" }, nil)
}

// Capacity is what a host can enforce: interfaces of running instances, private addresses of groups
// that rules refer to, and memory for compiled rules and routes.
type Capacity struct{ Interfaces, Addresses, Members, Cells int }

// An Account is a customer: it owns everything that its keys create.
type Account struct{ ID string }

func newAccounts() *Table[Account] {
	return newTable("account", func(a *Account) string { return a.ID }, nil)
}

// IsAccount tells whether it has the form of an account id: 12 digits.
func IsAccount(id string) bool { return len(id) == 12 && strings.Trim(id, "0123456789") == "" }

// An AccessKey signs requests for its account.
type AccessKey struct {
	ID, Secret, Account string
	User                string // whose it is; "": the account's root user's, who may do everything
	Policy              string // what the User may do: an IAM policy document
	Disabled            bool
	Created             time.Time
}

func newAccessKeys() *Table[AccessKey] {
	return newTable("access-key", func(k *AccessKey) string { return k.ID }, nil)
}

// ARN is whose the key is.
func (k AccessKey) ARN() string {
	if k.User == "" {
		return "arn:aws:iam::" + k.Account + ":root"
	}
	return "arn:aws:iam::" + k.Account + ":user/" + k.User
}

// A Region is recorded when something is first written in it for an account.
// Until then its default VPC is synthesised, with the same ids at every reading.
type Region struct {
	Scope
	Created time.Time
}

func newRegions() *Table[Region] {
	return newTable("region", func(r *Region) string { return r.Scope.Key() }, nil)
}

// A VPC is an address space of its own. https://docs.aws.amazon.com/vpc/latest/userguide/configure-your-vpc.html
type VPC struct {
	ID string
	Scope
	Num           uint32 // the VPC on the wire: below 2^24
	CIDR          netip.Prefix
	AssociationID string  // of the primary CIDR
	Secondary     []Block // further IPv4 ranges
	IPv6          []Block
	Default       bool
	Tenancy       string
	DHCPOptions   string // the id of the set, or NoDHCPOptions
	DNSSupport    bool
	DNSHostnames  bool
	AddressUsage  bool // enableNetworkAddressUsageMetrics
	Tags          Tags
}

func newVPCs() *Table[VPC] {
	return newTable("vpc", func(v *VPC) string { return v.ID }, map[string]func(*VPC) []string{
		"dhcp-options": func(v *VPC) []string { return keys{v.DHCPOptions} },
		"num":          func(v *VPC) []string { return keys{numKey(v.Num)} },
		"association": func(v *VPC) []string { // with its ranges
			return append(associations(slices.Concat(v.Secondary, v.IPv6)), v.AssociationID)
		},
	})
}

// A Block is a range that was associated with a VPC or a subnet after its first one.
type Block struct {
	AssociationID string
	CIDR          netip.Prefix
}

// CIDRs are all the ranges of the VPC, the primary one first.
func (v *VPC) CIDRs() []netip.Prefix {
	all := []netip.Prefix{v.CIDR}
	for _, b := range slices.Concat(v.Secondary, v.IPv6) {
		all = append(all, b.CIDR)
	}
	return all
}

// A Subnet is a range of a VPC in one Availability Zone.
type Subnet struct {
	ID string
	Scope
	VPC         string
	CIDR        netip.Prefix
	IPv6        []Block // at most one
	Zone        string  // "us-east-1a"
	DefaultZone bool    // defaultForAz
	MapPublicIP bool    // mapPublicIpOnLaunch
	AssignIPv6  bool    // assignIpv6AddressOnCreation
	DNS64       bool    // enableDns64
	Names       Names
	ACL         string
	ACLAssoc    string // the association of the subnet with its network ACL: "aclassoc-…"
	Tags        Tags
}

func newSubnets() *Table[Subnet] {
	return newTable("subnet", func(s *Subnet) string { return s.ID }, map[string]func(*Subnet) []string{
		"vpc":             func(s *Subnet) []string { return keys{s.VPC} },
		"acl":             func(s *Subnet) []string { return keys{s.ACL} },
		"acl-association": func(s *Subnet) []string { return keys{s.ACLAssoc} },
		"association":     func(s *Subnet) []string { return associations(s.IPv6) }, // with its IPv6 ranges
	})
}

// CIDRs are all the ranges of the subnet, the IPv4 one first.
func (n *Subnet) CIDRs() []netip.Prefix {
	all := []netip.Prefix{n.CIDR}
	for _, b := range n.IPv6 {
		all = append(all, b.CIDR)
	}
	return all
}

// Names are the private names of an instance; a subnet says them of those that are launched in it.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
type Names struct {
	ByID    bool // hostnameType resource-name: by the instance's id; else ip-name
	A, AAAA bool // enableResourceNameDnsARecord, …AAAARecord
}

// A SecurityGroup is a set of rules that allow. Name and description never change.
type SecurityGroup struct {
	ID string
	Scope
	VPC         string
	Num         uint32 // the group on the wire
	Name        string
	Description string
	Rules       []Rule // in the order in which they were made
	Tags        Tags
}

func newSecurityGroups() *Table[SecurityGroup] {
	return newTable("security-group", func(g *SecurityGroup) string { return g.ID }, map[string]func(*SecurityGroup) []string{
		"vpc":  func(g *SecurityGroup) []string { return keys{g.VPC} },
		"name": func(g *SecurityGroup) []string { return keys{GroupNameKey(g.VPC, g.Name)} },
		"refers": func(g *SecurityGroup) (ids []string) { // to the groups that its rules name
			for _, r := range g.Rules {
				if r.Peer.Group != "" {
					ids = append(ids, r.Peer.Group)
				}
			}
			return ids
		},
		"prefix-list": func(g *SecurityGroup) (ids []string) { // that its rules name
			for _, r := range g.Rules {
				if r.Peer.PrefixList != "" {
					ids = append(ids, r.Peer.PrefixList)
				}
			}
			return ids
		},
		"rule": func(g *SecurityGroup) (ids []string) {
			for _, r := range g.Rules {
				ids = append(ids, r.ID)
			}
			return ids
		},
	})
}

// A Rule allows who × what in one direction.
type Rule struct {
	ID          string
	Egress      bool
	What        What
	Peer        Peer
	Description string
	Tags        Tags
}

// What says which traffic: a protocol and its ports, or ICMP types and codes.
type What struct {
	Protocol int // IANA's number, or AnyProtocol
	// From and To are ports, inclusive, for TCP and UDP; type and code for ICMP and ICMPv6, where
	// -1 means all; -1 and -1 for every other protocol.
	From, To int
}

// AnyProtocol is every protocol.
const AnyProtocol = -1

// A Peer is the other end: the source of an inbound rule, the destination of an outbound one.
// Exactly one of CIDR, Group and PrefixList is set.
type Peer struct {
	CIDR       netip.Prefix // masked
	Group      string       // a security group: the private addresses of its members
	PrefixList string
	// Of Group, and kept when it is gone: its account; its VPC, where that is not the rule's own; and
	// the connection that made the two VPCs peers when the rule was made.
	Account, VPC, Peering string
}

// InstanceState is an instance's state with AWS's code.
type InstanceState int

const (
	Pending      InstanceState = 0
	Running      InstanceState = 16
	ShuttingDown InstanceState = 32
	Terminated   InstanceState = 48
	Stopping     InstanceState = 64
	Stopped      InstanceState = 80
)

func (s InstanceState) String() string {
	return map[InstanceState]string{Pending: "pending", Running: "running", ShuttingDown: "shutting-down",
		Terminated: "terminated", Stopping: "stopping", Stopped: "stopped"}[s]
}

// An Instance is a workload: on this machine, a set of namespaces.
type Instance struct {
	ID string
	Scope
	Reservation  string
	Image        string
	Type         string
	KeyName      string
	Subnet, VPC  string // of the primary interface; kept when the instance is terminated
	Zone         string // the subnet's
	State        InstanceState
	Reason       string // stateTransitionReason
	ReasonCode   string // stateReason.code
	ReasonText   string // stateReason.message
	LaunchTime   time.Time
	Ended        time.Time // when it became terminated
	LaunchIndex  int
	Token        Token
	UserData     string // base64, as given
	Boots        int    // how often it was started or rebooted; the host starts it anew when this grows
	Booted       int    // the last boot of which the host said that it runs
	KeepAPI      bool   // disableApiTermination
	KeepRunning  bool   // disableApiStop
	Shutdown     string // instanceInitiatedShutdownBehavior
	Monitoring   bool
	EBSOptimized bool
	CPUCredits   string // standard or unlimited; "" where the type has none
	AutoRecovery string // maintenanceOptions; "": default
	Bandwidth    string // bandwidthWeighting; "": default
	Capacity     string // capacityReservationPreference; "": open
	Names        Names
	Metadata     MetadataOptions
	Tags         Tags
}

func newInstances() *Table[Instance] {
	return newTable("instance", func(i *Instance) string { return i.ID }, map[string]func(*Instance) []string{
		"reservation": func(i *Instance) []string { return keys{i.Reservation} },
		"token":       func(i *Instance) []string { return tokenKeys(i.Scope, i.Token) },
		"unsettled": func(i *Instance) []string { // those that are on their way to another state
			if i.State == Pending || i.State == Stopping || i.State == ShuttingDown {
				return keys{"yes"}
			}
			return nil
		},
	})
}

// MetadataOptions are how an instance wants its metadata service; stored and described.
type MetadataOptions struct {
	Tokens   string // required or optional
	HopLimit int
	Endpoint string // enabled or disabled
	IPv6     string // enabled or disabled
	Tags     string // enabled or disabled
}

// A KeyPair is stored and described; nothing uses it.
type KeyPair struct {
	ID string
	Scope
	Name, Type, Fingerprint, PublicKey string
	Created                            time.Time
	Tags                               Tags
}

func newKeyPairs() *Table[KeyPair] {
	return newTable("key-pair", func(k *KeyPair) string { return k.ID }, map[string]func(*KeyPair) []string{
		"name": func(k *KeyPair) []string { return keys{k.Scope.Key() + "/" + k.Name} },
	})
}
