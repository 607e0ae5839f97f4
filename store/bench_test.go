package store

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crenel/vpc"
)

var benchScope = vpc.Scope{Account: "123456789012", Region: "us-east-1"}

func BenchmarkOpenEmpty(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.Context(), Config{Dir: b.TempDir(), Log: logOf(b)})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

// A write as an operation makes it: a group with 50 rules is changed.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b)
			groups := make([]string, writers)
			for w := range writers {
				if _, err := s.Update(b.Context(), benchScope, func(e *vpc.Edit) error {
					g := e.NewSecurityGroup(e.DefaultVPC().ID, "g"+strconv.Itoa(w), "bench")
					for i := range 50 {
						g.Rules = append(g.Rules, vpc.Rule{ID: e.NewID("sgr"), What: vpc.What{Protocol: 6, From: i, To: i}, Peer: vpc.Peer{CIDR: vpc.Anywhere4}})
					}
					groups[w] = g.ID
					e.SecurityGroups.Put(g)
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			before := commits(b, s)
			var left atomic.Int64
			left.Store(int64(b.N))
			took := make([][]time.Duration, writers)
			var all sync.WaitGroup
			b.ResetTimer()
			for w := range writers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						start := time.Now()
						if _, err := s.Update(b.Context(), benchScope, func(e *vpc.Edit) error {
							g := *e.SecurityGroups.Get(groups[w])
							g.Tags = vpc.Tags{"n": strconv.FormatInt(left.Load(), 10)}
							e.SecurityGroups.Put(&g)
							return nil
						}); err != nil {
							b.Error(err)
							return
						}
						took[w] = append(took[w], time.Since(start))
					}
				})
			}
			all.Wait()
			b.StopTimer()
			sorted := slices.Sorted(slices.Values(slices.Concat(took...)))
			b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(b.N)/float64(commits(b, s)-before), "updates/commit")
		})
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := open(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if s.Snapshot() == nil {
				b.Error("nil")
			}
		}
	})
}

// The State of a scope: where its Region is stored, and where it is synthesised at every reading.
func BenchmarkAs(b *testing.B) {
	s := open(b)
	if _, err := s.Update(b.Context(), benchScope, func(e *vpc.Edit) error { e.NewNum(); return nil }); err != nil {
		b.Fatal(err)
	}
	for name, scope := range map[string]vpc.Scope{"stored": benchScope, "synthesised": {Account: "1", Region: "us-east-1"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if s.Snapshot().As(scope).DefaultVPC() == nil {
					b.Fatal("no default VPC")
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	const n = 100_000
	s := open(b)
	for at := 0; at < n; at += 10_000 {
		if _, err := s.Update(b.Context(), vpc.Scope{}, func(e *vpc.Edit) error {
			for i := range 10_000 {
				e.Interfaces.Put(&vpc.Interface{ID: "eni-" + strconv.Itoa(at+i), Scope: benchScope, VPC: "vpc-1", Subnet: "subnet-1", Groups: []string{"sg-1"}})
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, _, err := s.load(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/object")
}
