package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkChanges measures how long it takes until one more member, or one more rule, is in force. Crenel's is the whole of
// what the agent does but for the file that it keeps; the others' has the start of a process, which is shown.
func BenchmarkChanges(b *testing.B) {
	for _, c := range []struct {
		what string
		size
		change func(l *lane, n int, there bool) error
	}{
		{"a member joins 10", size{60, 10}, join},
		{"a member joins 1,000", size{60, 1000}, join},
		{"a member joins 100,000", size{60, 100_000}, join},
		{"a rule more than 60", size{60, 10}, allow},
		{"a rule more than 1,000", size{1000, 10}, allow},
	} {
		b.Run(strings.ReplaceAll(c.what, " ", "-"), func(b *testing.B) {
			lanes := lanesOf(b, c.size)
			took := make([][]float64, len(lanes)) // ms, by lane
			for round := range rounds {
				for n, l := range lanes {
					if l.firewall.join == nil {
						continue
					}
					start := time.Now()
					if err := c.change(l, round, true); err != nil {
						b.Fatalf("%s: %v", l.firewall.name, err)
					}
					took[n] = append(took[n], float64(time.Since(start).Microseconds())/1000)
					if err := c.change(l, round, false); err != nil {
						b.Fatalf("%s: %v", l.firewall.name, err)
					}
				}
			}
			for n, l := range lanes {
				if took[n] != nil {
					fmt.Printf("| %s | %s | %s ms |\n", c.what, l.firewall.name, figure(median(took[n])))
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	p := newPlace(b)
	var took []float64
	for range rounds {
		start := time.Now()
		if err := p.command("", "true"); err != nil {
			b.Fatal(err)
		}
		took = append(took, float64(time.Since(start).Microseconds())/1000)
	}
	fmt.Printf("| the start of a process | | %s ms |\n", figure(median(took)))
}

func join(l *lane, n int, there bool) error {
	return l.firewall.join(l, member(200_000+n), there)
}

func allow(l *lane, n int, there bool) error {
	return l.firewall.allow(l, blockRule(12_000+n), there)
}
