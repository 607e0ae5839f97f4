package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crenel/api"
	"crenel/store"
	"crenel/vpc"
)

// BenchmarkScale fills one account's Region with security groups and interfaces, through the store, and
// measures what a server with that much takes: CRENEL_SCALE is how many interfaces (default 100,000);
// there is a group for every ten. Another process fills it, so that this one starts as a server does.
func BenchmarkScale(b *testing.B) {
	interfaces := 100_000
	if n, err := strconv.Atoi(os.Getenv("CRENEL_SCALE")); err == nil {
		interfaces = n
	}
	if dir := os.Getenv("CRENEL_SCALE_FILL"); dir != "" {
		fill(b, dir, interfaces)
		return
	}
	dir := b.TempDir()
	start := time.Now()
	filling := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkScale$", "-test.benchtime=1x")
	filling.Env = append(os.Environ(), "CRENEL_SCALE_FILL="+dir)
	if out, err := filling.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	fmt.Printf("%d interfaces, %d groups: written in %v\n", interfaces, interfaces/10, time.Since(start).Round(time.Second))
	start = time.Now()
	s, err := store.Open(b.Context(), store.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fmt.Printf("open again %v, resident %d MB\n", time.Since(start).Round(10*time.Millisecond), resident()>>20)
	if n := s.Snapshot().Interfaces.Len(); n != interfaces {
		b.Fatalf("%d interfaces", n)
	}
	var eni *vpc.Interface // any one
	for eni = range s.Snapshot().Interfaces.All() {
		break
	}

	scope := vpc.Scope{Account: "123456789012", Region: "us-east-1"}
	for _, q := range []struct{ name, action, form string }{
		{"interface-by-id", "DescribeNetworkInterfaces", "NetworkInterfaceId.1=" + eni.ID},
		{"interfaces-by-group", "DescribeNetworkInterfaces", "Filter.1.Name=group-id&Filter.1.Value.1=" + eni.Groups[0]},
		{"interface-by-address", "DescribeNetworkInterfaces", "Filter.1.Name=addresses.private-ip-address&Filter.1.Value.1=" + eni.PrivateIP.String()},
		{"group-by-id", "DescribeSecurityGroups", "GroupId.1=" + eni.Groups[0]},
		{"group-by-name", "DescribeSecurityGroups", "Filter.1.Name=group-name&Filter.1.Value.1=g-7"},
		{"groups-of-vpc", "DescribeSecurityGroups", "Filter.1.Name=vpc-id&Filter.1.Value.1=" + eni.VPC + "&MaxResults=100"},
	} {
		b.Run(q.name, func(b *testing.B) {
			op, _ := api.Lookup(q.action)
			form, err := url.ParseQuery("Action=" + q.action + "&Version=2016-11-15&" + q.form)
			if err != nil {
				b.Fatal(err)
			}
			in, err := op.Decode(form)
			if err != nil {
				b.Fatal(err)
			}
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				start := time.Now()
				if _, err := op.Read(s.Snapshot().As(scope), in, nil); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
	b.Run("update", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Update(context.Background(), scope, func(e *vpc.Edit) error {
				i := *e.Interfaces.Get(eni.ID)
				i.Description = time.Now().String()
				e.Interfaces.Put(&i)
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// fill puts a thousand interfaces, in a subnet of their own, in every transaction.
func fill(b *testing.B, dir string, interfaces int) {
	s, err := store.Open(b.Context(), store.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const batch = 1000
	scope := vpc.Scope{Account: "123456789012", Region: "us-east-1"}
	for done := 0; done < interfaces; done += batch {
		_, err := s.Update(b.Context(), scope, func(e *vpc.Edit) error {
			v := e.DefaultVPC()
			subnet := e.NewSubnet(v.ID, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(done / batch >> 8), byte(done / batch), 0}), 20), "us-east-1a", false)
			var groups []string
			for n := range batch / 10 {
				g := e.NewSecurityGroup(v.ID, fmt.Sprintf("g-%d", done/10+n), "scale")
				for port := range 5 {
					g.Rules = append(g.Rules, vpc.Rule{ID: e.NewID("sgr"), What: vpc.What{Protocol: 6, From: port, To: port}, Peer: vpc.Peer{CIDR: vpc.Anywhere4}})
				}
				e.SecurityGroups.Put(g)
				groups = append(groups, g.ID)
			}
			for n := range batch {
				i := &vpc.Interface{ID: e.NewID("eni"), Scope: scope, VPC: v.ID, Subnet: subnet.ID, Num: e.NewNum(), MAC: "0a:00:00:00:00:01", SourceDestCheck: true,
					PrivateIP: vpc.At(subnet.CIDR, uint32(4+n)), Groups: []string{groups[n%len(groups)]}}
				i.PrivateIP = netip.AddrFrom4([4]byte{byte(20 + (done+n)>>24), byte((done + n) >> 16), byte((done + n) >> 8), byte(done + n)})
				e.Interfaces.Put(i)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// resident is the memory of this process, what is mapped of the database included, without what it holds for later use.
func resident() (bytes int64) {
	debug.FreeOSMemory()
	text, _ := os.ReadFile("/proc/self/statm")
	var size, pages int64
	fmt.Sscan(strings.TrimSpace(string(text)), &size, &pages)
	return pages * int64(os.Getpagesize())
}
