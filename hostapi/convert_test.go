package hostapi

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"crenel/flow"
	"crenel/hostapi/hostpb"
	"crenel/policy"
	"crenel/policy/policytest"
)

// alike compares what was said with what was understood.
func alike[T any](t *testing.T, said, understood T) {
	t.Helper()
	if d := cmp.Diff(said, understood, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("said (-), understood (+):\n%s", d)
	}
}

// over sends the message as bytes.
func over[M proto.Message](t *testing.T, from, to M) M {
	t.Helper()
	b, err := proto.Marshal(from)
	if err == nil {
		err = proto.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestWhatIsSaidIsUnderstood(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	view := policytest.RandomView(r)
	for range 100 {
		d := Desired{View: view}
		for n := range r.IntN(5) {
			d.Instances = append(d.Instances, instance(r, n))
		}
		got, err := decodeDesired(over(t, d.encode(), new(hostpb.Desired)))
		if err != nil {
			t.Fatal(err)
		}
		alike(t, d, got)
		if view = policytest.Reroll(r, view); r.IntN(10) == 0 {
			view = policytest.RandomView(r)
		}
	}
}

func instance(r *rand.Rand, n int) Instance {
	i := Instance{ID: fmt.Sprintf("i-%017x", n), Image: "ami-0123", Hostname: "ip-10-0-0-4", Domain: "ec2.internal", Boots: r.IntN(9), Run: r.IntN(2) == 0}
	i.Remove = !i.Run && r.IntN(2) == 0
	i.UserData = make([]byte, r.IntN(50))
	for k := range i.UserData {
		i.UserData[k] = byte(r.Uint32())
	}
	if r.IntN(2) == 0 {
		i.DNS = netip.AddrFrom4([4]byte{10, 0, 0, 2})
	}
	for k := range r.IntN(3) {
		i.Interfaces = append(i.Interfaces, Interface{ID: fmt.Sprintf("eni-%d", k), Num: 1 + r.Uint32N(1e6), DeviceIndex: k,
			MAC: flow.MAC{10, byte(k)}, Addr: netip.MustParsePrefix("10.0.0.4/20"), Gateway: netip.MustParseAddr("10.0.0.1"),
			IPv6: []netip.Addr{netip.MustParseAddr("3fff::4")}[:r.IntN(2)], IPv6Gateway: []netip.Addr{{}, policy.GatewayIPv6}[r.IntN(2)]})
	}
	return i
}

func TestAReportIsUnderstood(t *testing.T) {
	for _, r := range []Report{
		{Host: "local", Public: netip.MustParsePrefix("198.18.7.0/24"), Applied: 1 << 40},
		{Applied: 2, Trouble: "the heap is full"},
		{Host: "local", Capacity: policy.Cost{Interfaces: 1, Addresses: 4, Members: 2, Cells: 3}},
		{Instances: []InstanceReport{{ID: "i-0", State: Running, Boots: 3}, {ID: "i-1", State: Stopped}, {ID: "i-2", State: Failed, Detail: "kaputt"}}},
		{Counters: []policy.Counter{{Interface: 7, Reason: policy.Reasons - 1, Packets: 1 << 40, Bytes: 1 << 50}, {}}},
		{Consoles: []Console{{"i-0", []byte{0, 255}, time.UnixMilli(1).UTC()}}},
	} {
		got, err := decodeReport(over(t, r.encode(), new(hostpb.Report)))
		if err != nil {
			t.Fatal(err)
		}
		alike(t, r, got)
	}
}

// What is understood at all is understood alike the second time.
func FuzzDesired(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		view := policytest.RandomView(r)
		for g := range view.Groups { // few rules: a small seed changes fast
			view.Groups[g].Ingress = view.Groups[g].Ingress[:min(2, len(view.Groups[g].Ingress))]
			view.Groups[g].Egress = view.Groups[g].Egress[:min(1, len(view.Groups[g].Egress))]
		}
		b, err := proto.Marshal(Desired{View: view, Instances: []Instance{instance(r, 1), instance(r, 2)}}.encode())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p hostpb.Desired
		if proto.Unmarshal(b, &p) != nil {
			return
		}
		d, err := decodeDesired(&p)
		if err != nil {
			return
		}
		said := d.encode()
		again, err := decodeDesired(over(t, said, new(hostpb.Desired)))
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(said, again.encode()) {
			alike(t, d, again)
		}
	})
}

func FuzzReport(f *testing.F) {
	b, err := proto.Marshal(Report{Host: "local", Public: netip.MustParsePrefix("198.18.7.0/24"), Applied: 7,
		Instances: []InstanceReport{{ID: "i-0", State: Failed, Boots: 3, Detail: "x"}}, Consoles: []Console{{"i-0", []byte("y"), time.UnixMilli(1)}}}.encode())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var p hostpb.Report
		if proto.Unmarshal(b, &p) != nil {
			return
		}
		r, err := decodeReport(&p)
		if err != nil {
			return
		}
		again, err := decodeReport(over(t, r.encode(), new(hostpb.Report)))
		if err != nil {
			t.Fatal(err)
		}
		alike(t, r, again)
	})
}
