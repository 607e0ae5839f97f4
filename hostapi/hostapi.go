// Package hostapi is the one conversation of the controller and a host: what should be, down; what is, up.
//
// The host holds one stream to the controller, and comes back when it breaks:
//
//	client := hostapi.NewClient(socket)
//	err := client.Sync(ctx, reports, func(d hostapi.Desired) error { … })
//
// The controller says what it wants, as often as it likes, and waits for what it needs to know:
//
//	hosts := &hostapi.Hosts{OnReport: …}
//	http.Serve(listener, hosts.Handler())
//	hosts.Set(hostapi.Desired{View: view})
//	err := hosts.WaitApplied(ctx, view.Revision)
//
// The newest word wins: what is overtaken before it was sent is never sent. Everything that arrives is
// checked here, once: a host runs as root, and file names come of these ids.
package hostapi

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --plugin=protoc-gen-connect-go=$(go tool -n protoc-gen-connect-go) --go_out=hostpb --go_opt=paths=source_relative --connect-go_out=hostpb --connect-go_opt=paths=source_relative,package_suffix host.proto"

import (
	"net/netip"
	"time"

	"crenel/flow"
	"crenel/policy"
)

// Desired is all that a host should do; it replaces what was said before.
type Desired struct {
	View      *policy.View
	Instances []Instance // by ID; what is not named here stays as it is
	// NATGateways are all that the host should have, by ID.
	NATGateways []NATGateway
}

// A NATGateway is one that the host should have.
type NATGateway struct {
	ID        string
	Interface Interface
}

// An Instance is one that the host should run, keep stopped, or remove with its root.
type Instance struct {
	ID               string
	Image            string
	ImageName        string // what DescribeImages calls it; "": it lists no such image
	Hostname, Domain string // the name is Hostname.Domain
	UserData         []byte
	Boots            int // what runs with fewer boots is started anew
	Run              bool
	Remove           bool       // never with Run
	DNS              netip.Addr // zero: none
	Interfaces       []Interface
}

// An Interface is an interface as its instance sees it.
type Interface struct {
	ID          string
	Num         uint32 // of the policy.Interface
	DeviceIndex int
	MAC         flow.MAC
	Addr        netip.Prefix // the address, with its subnet's length
	Gateway     netip.Addr
	IPv6        []netip.Addr // of the subnet's /64
	IPv6Gateway netip.Addr   // zero: the interface has no IPv6
}

// A Report is what a host says. The first of a stream has Host, Public and every instance; a later one
// has the instances that changed and the consoles that grew.
type Report struct {
	Host      string
	Public    netip.Prefix // the pool of public addresses that the host claims; zero: none
	Applied   int64        // the newest revision that the data plane enforces; 0: unknown. In every report
	Trouble   string       // why a newer one could not be applied; "": nothing is wrong. In every report
	Capacity  policy.Cost  // what the host can enforce; zero: it does not say
	Instances []InstanceReport
	Consoles  []Console
	Counters  []policy.Counter // that count more than was said; in the first report all of them
}

// An InstanceReport is what became of an instance.
type InstanceReport struct {
	ID     string
	State  InstanceState
	Boots  int    // which start of it this is about
	Detail string // in words, where it Failed
}

// InstanceState is the state of an instance on its host.
type InstanceState int

const (
	Running InstanceState = iota + 1
	Stopped               // its processes ended, or it was removed
	Failed                // it could not be started
)

// A Console is the end of what an instance wrote so far.
type Console struct {
	Instance string
	Tail     []byte // at most MaxTail bytes
	At       time.Time
}

const (
	// MaxTail is how much of a console is kept: as much as EC2 keeps.
	MaxTail = 64 << 10

	maxUserData = 64 << 10
	maxMessage  = 64 << 20 // a View of some hundred thousand members
)
