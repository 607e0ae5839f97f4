package vpc

import (
	"net/netip"
	"slices"
	"time"
)

// An Interface is an elastic network interface.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
type Interface struct {
	ID string
	Scope
	VPC, Subnet     string
	Num             uint32 // the interface on the wire
	Description     string
	MAC             string     // "0a:…", lower case
	PrivateIP       netip.Addr // the primary one
	Secondary       []netip.Addr
	IPv6            []netip.Addr
	PrimaryIPv6     bool           // the first of IPv6 stays for good
	Prefixes        []netip.Prefix // delegated: /28 and /80
	PublicIP        netip.Addr     // of PrivateIP, auto-assigned; zero: none. Elastic IPs are ElasticIPs
	AutoPublic      bool           // every start of the instance assigns a public address
	Groups          []string       // in the order in which they were given
	SourceDestCheck bool
	Tracking        TrackingTimeouts
	Type            string      // AWS's interfaceType; "": interface
	Owner           string      // the requester where AWS made it: a NAT gateway, an endpoint; its id
	Attachment      *Attachment // nil: not attached
	Token           Token
	Tags            Tags
}

func newInterfaces() *Table[Interface] {
	return newTable("network-interface", func(i *Interface) string { return i.ID }, map[string]func(*Interface) []string{
		"token":  func(i *Interface) []string { return tokenKeys(i.Scope, i.Token) },
		"vpc":    func(i *Interface) []string { return keys{i.VPC} },
		"subnet": func(i *Interface) []string { return keys{i.Subnet} },
		"group":  func(i *Interface) []string { return i.Groups },
		"address": func(i *Interface) (all []string) {
			for _, a := range i.Addresses() {
				all = append(all, AddressKey(i.VPC, a.String()))
			}
			return all
		},
		"owner": func(i *Interface) []string {
			if i.Owner != "" {
				return keys{i.Owner}
			}
			return nil
		},
		"prefix": func(i *Interface) (all []string) {
			for _, p := range i.Prefixes {
				all = append(all, AddressKey(i.VPC, p.String()))
			}
			return all
		},
		"attachment": func(i *Interface) []string {
			if i.Attachment != nil {
				return keys{i.Attachment.ID}
			}
			return nil
		},
		"public": func(i *Interface) []string {
			if i.PublicIP.IsValid() {
				return keys{i.PublicIP.String()}
			}
			return nil
		},
		"instance": func(i *Interface) []string {
			if i.Attachment != nil {
				return keys{i.Attachment.Instance}
			}
			return nil
		},
	})
}

// Addresses are the interface's own, IPv4 and IPv6, the primary one first.
func (i *Interface) Addresses() []netip.Addr {
	return slices.Concat([]netip.Addr{i.PrivateIP}, i.Secondary, i.IPv6)
}

// TrackingTimeouts are idle timeouts in seconds; 0 is AWS's default.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
type TrackingTimeouts struct{ TCPEstablished, UDPStream, UDP int }

// MaxDeviceIndex is the highest place that an interface can have in an instance.
const MaxDeviceIndex = 15

// An Attachment ties an interface to an instance.
type Attachment struct {
	ID                  string
	Instance            string
	DeviceIndex         int
	Time                time.Time
	DeleteOnTermination bool
}

// An InterfacePermission lets another account attach the interface to its instances, or associate its
// Elastic IPs with it. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterfacePermission.html
type InterfacePermission struct {
	ID string
	Scope
	Interface  string
	Grantee    string // the account that may
	Permission string // INSTANCE-ATTACH or EIP-ASSOCIATE
}

func newPermissions() *Table[InterfacePermission] {
	return newTable("network-interface-permission", func(p *InterfacePermission) string { return p.ID }, map[string]func(*InterfacePermission) []string{
		"interface": func(p *InterfacePermission) []string { return keys{p.Interface} },
	})
}

// An ElasticIP is a public address that an account keeps until it releases it.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html
type ElasticIP struct {
	ID string
	Scope
	Addr        netip.Addr
	Association string     // "" where it is associated with nothing
	Interface   string     // what it is associated with
	Private     netip.Addr // and which of its addresses
	Tags        Tags
}

func newElasticIPs() *Table[ElasticIP] {
	return newTable("elastic-ip", func(a *ElasticIP) string { return a.ID }, map[string]func(*ElasticIP) []string{
		"public":      func(a *ElasticIP) []string { return keys{a.Addr.String()} },
		"interface":   func(a *ElasticIP) []string { return keys{a.Interface} },
		"association": func(a *ElasticIP) []string { return keys{a.Association} },
	})
}

// ElasticIPOf is the Elastic IP that stands for the interface's private address, or nil.
func (s *State) ElasticIPOf(i *Interface, private netip.Addr) *ElasticIP {
	for a := range s.ElasticIPs.By("interface", i.ID) {
		if a.Private == private {
			return a
		}
	}
	return nil
}

// PublicOf is the public address that stands for the interface's private one; zero: none does.
func (s *State) PublicOf(i *Interface, private netip.Addr) netip.Addr {
	if a := s.ElasticIPOf(i, private); a != nil {
		return a.Addr
	}
	if private == i.PrivateIP {
		return i.PublicIP
	}
	return netip.Addr{}
}
