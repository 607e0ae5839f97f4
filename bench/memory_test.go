package bench

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkMemory measures what a member of a group takes, and what a flow takes in the kernel's own connection tracking. Crenel's
// maps are allocated whole: datapath's benchmarks say what an entry takes.
func BenchmarkMemory(b *testing.B) {
	const members, flowsOf = 100_000, 10
	for _, f := range firewalls {
		if f.tools == nil || f.most > 0 || usable(b, f) != nil {
			continue
		}
		l := newLane(b, f, world(60, members))
		before := kernelMemory(b)
		if err := f.enforce(b, l); err != nil {
			b.Fatal(err)
		}
		bytes := kernelMemory(b) - before
		if strings.Contains(f.name, "ipset") {
			bytes = setMemory(b, l) // most of it is in larger pieces, and ipset knows
		}
		fmt.Printf("| a member of %d, %s | %d bytes |\n", members, f.name, bytes/members)

		before = kernelMemory(b)
		for range flowsOf {
			l.round++
			if _, err := flows(l); err != nil {
				b.Fatal(err)
			}
		}
		fmt.Printf("| a flow, %s | %d bytes |\n", f.name, (kernelMemory(b)-before)/flowsOf/newFlows)
	}
	b.ReportMetric(0, "ns/op")
}

// kernelMemory is what the kernel has allocated of what connection tracking and sets are made of, in pieces up to a page or two. Others
// on the machine add to it.
func kernelMemory(b *testing.B) (bytes int) {
	b.Helper()
	text, err := os.ReadFile("/proc/slabinfo")
	if err != nil {
		b.Skip("the kernel does not say what its memory is used for: ", err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "nf_conntrack ") || strings.HasPrefix(line, "kmalloc-") {
			objects, _ := strconv.Atoi(f[1])
			size, _ := strconv.Atoi(f[3])
			bytes += objects * size
		}
	}
	return bytes
}

// setMemory is what ipset says that the group takes.
func setMemory(b *testing.B, l *lane) (bytes int) {
	b.Helper()
	err := l.host.do(func() error {
		out, err := exec.Command("ipset", "list", "-terse", "g1").CombinedOutput()
		if m := regexp.MustCompile(`Size in memory: (\d+)`).FindSubmatch(out); m != nil {
			bytes, err = strconv.Atoi(string(m[1]))
		}
		return err
	})
	if err != nil || bytes == 0 {
		b.Fatalf("ipset says no size: %v", err)
	}
	return bytes
}
