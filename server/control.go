package server

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"crenel/api"
	"crenel/flow"
	"crenel/hostapi"
	"crenel/policy"
	"crenel/vpc"
)

const (
	forgetEvery = time.Minute
	remembered  = time.Hour // how long a terminated instance is shown
	retryAfter  = time.Second
)

// follow tells the hosts what every new snapshot asks of them. It skips those that were overtaken.
func (s *Server) follow(ctx context.Context) error {
	for revision := int64(-1); ; {
		state, err := s.Store.Wait(ctx, revision)
		if err != nil {
			return err
		}
		revision = state.Revision
		d, err := tell(state)
		if err != nil {
			s.Log.Error("hosts cannot be told of the newest State; they keep what they have", "revision", revision, "error", err)
			s.untold.Store(new(err.Error()))
			continue
		}
		s.untold.Store(nil)
		s.hosts.Set(d)
	}
}

// tell is desired. No operation makes a State from which nothing can be made for hosts; where there is one all the same,
// what they have stays, and the controller lives to say so.
func tell(s *vpc.State) (d hostapi.Desired, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("revision %d is damaged: %v", s.Revision, p)
		}
	}()
	return desired(s), nil
}

// desired is what the State asks of the one host. Terminated instances are in it until they are
// forgotten: the host may have died while it removed one.
func desired(s *vpc.State) hostapi.Desired {
	d := hostapi.Desired{View: policy.For(s, "")}
	for i := range s.Instances.All() {
		d.Instances = append(d.Instances, instance(s, i))
	}
	for g := range s.NATGateways.All() {
		if face := s.Interfaces.Get(g.Interface); face != nil && g.State == "available" {
			if n, ok := nic(s, face, 0); ok {
				d.NATGateways = append(d.NATGateways, hostapi.NATGateway{ID: g.ID, Interface: n})
			}
		}
	}
	return d
}

func instance(s *vpc.State, i *vpc.Instance) hostapi.Instance {
	out := hostapi.Instance{ID: i.ID, Image: i.Image, ImageName: api.ImageName(i.Region, i.Image), Hostname: i.ID, Boots: i.Boots,
		Run:    i.State == vpc.Pending || i.State == vpc.Running,
		Remove: i.State == vpc.ShuttingDown || i.State == vpc.Terminated}
	out.UserData, _ = base64.StdEncoding.DecodeString(i.UserData) // RunInstances took nothing else
	if v := s.VPCs.Get(i.VPC); v != nil && v.DNSSupport {
		out.DNS = vpc.At(v.CIDR, 2)
	}
	for face := range s.Interfaces.By("instance", i.ID) {
		n, ok := nic(s, face, face.Attachment.DeviceIndex)
		if !ok {
			continue
		}
		out.Interfaces = append(out.Interfaces, n)
		if face.Attachment.DeviceIndex == 0 {
			out.Hostname, out.Domain, _ = strings.Cut(api.HostName(i, face.PrivateIP), ".")
		}
	}
	slices.SortFunc(out.Interfaces, func(a, b hostapi.Interface) int { return a.DeviceIndex - b.DeviceIndex })
	return out
}

// nic is the interface as what has it sees it; false: the View does not have it either.
func nic(s *vpc.State, face *vpc.Interface, device int) (n hostapi.Interface, ok bool) {
	subnet := s.Subnets.Get(face.Subnet)
	mac, err := flow.ParseMAC(face.MAC)
	if subnet == nil || err != nil {
		return n, false
	}
	n = hostapi.Interface{ID: face.ID, Num: face.Num, DeviceIndex: device, MAC: mac,
		Addr: netip.PrefixFrom(face.PrivateIP, subnet.CIDR.Bits()), Gateway: vpc.At(subnet.CIDR, 1), IPv6: face.IPv6}
	if len(n.IPv6) > 0 {
		n.IPv6Gateway = policy.GatewayIPv6
	}
	return n, true
}

// news is what hosts said and the State does not know yet: of each instance the newest.
type news struct {
	public    netip.Prefix
	capacity  policy.Cost
	instances map[string]hostapi.InstanceReport
}

func (n news) empty() bool {
	return !n.public.IsValid() && n.capacity == (policy.Cost{}) && len(n.instances) == 0
}

// and is the news with what is newer.
func (n news) and(newer news) news {
	sum := news{public: newer.public, capacity: newer.capacity, instances: map[string]hostapi.InstanceReport{}}
	if !sum.public.IsValid() {
		sum.public = n.public
	}
	if sum.capacity == (policy.Cost{}) {
		sum.capacity = n.capacity
	}
	maps.Copy(sum.instances, n.instances)
	maps.Copy(sum.instances, newer.instances)
	return sum
}

// An inbox takes news from hosts, who never wait for the store.
type inbox struct {
	mu   sync.Mutex
	news news
	more chan struct{} // of one place: filled after every put
}

func (b *inbox) put(r hostapi.Report) {
	n := news{public: r.Public, capacity: r.Capacity, instances: map[string]hostapi.InstanceReport{}}
	for _, i := range r.Instances {
		n.instances[i.ID] = i
	}
	b.mu.Lock()
	b.news = b.news.and(n)
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
}

func (b *inbox) take() news {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.news
	b.news = news{}
	return n
}

// settle writes down what hosts report.
func (s *Server) settle(ctx context.Context) error {
	var left news // what could not be written yet
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again:
		case <-s.inbox.more:
		}
		if left = left.and(s.inbox.take()); left.empty() {
			continue
		}
		if err := s.record(ctx, left); err == nil {
			left = news{}
		} else if ctx.Err() == nil {
			s.Log.Error("report not stored; trying again", "error", err)
			again = time.After(retryAfter)
		}
	}
}

// forget removes instances that ended long ago, now and then. Where several servers do, one finds them.
func (s *Server) forget(ctx context.Context) error {
	for pause(ctx, forgetEvery) {
		err := s.update(ctx, func(e *vpc.Edit) error {
			api.Forget(e, remembered)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			s.Log.Error("terminated instances not forgotten", "error", err)
		}
	}
	return nil
}

// record commits the news. What is none is not written.
func (s *Server) record(ctx context.Context, n news) error {
	var refused netip.Prefix
	err := s.update(ctx, func(e *vpc.Edit) error {
		refused = netip.Prefix{}
		if n.public.IsValid() && !claim(e, n.public) {
			refused = n.public
		}
		if cell := e.Cell(); n.capacity != (policy.Cost{}) && cell.Host != vpc.Capacity(n.capacity) {
			cell.Host = vpc.Capacity(n.capacity)
			e.Cells.Put(&cell)
		}
		for _, id := range slices.Sorted(maps.Keys(n.instances)) {
			i := n.instances[id]
			api.Report(e, api.HostReport{Instance: i.ID, State: hostStates[i.State], Boots: i.Boots, Detail: i.Detail})
		}
		return nil
	})
	if refused.IsValid() {
		s.Log.Error("the host claims another pool of public addresses, and addresses of the old one are in use",
			"claimed", refused, "pool", s.Store.Snapshot().Cell().Public)
	}
	return err
}

var hostStates = map[hostapi.InstanceState]api.HostState{
	hostapi.Running: api.HostRunning, hostapi.Stopped: api.HostStopped, hostapi.Failed: api.HostFailed,
}

// claim makes the pool the cell's, unless addresses of another one are in use.
func claim(e *vpc.Edit, pool netip.Prefix) bool {
	cell := e.Cell()
	if cell.Public == pool {
		return true
	}
	if e.PublicInUse() {
		return false
	}
	cell.Public = pool
	e.Cells.Put(&cell)
	return true
}
