package bench

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"crenel/datapath"
	"crenel/policy"
)

// A firewall is one of those that are compared. Its functions work on the lane's host.
type firewall struct {
	name    string
	tools   []string // that must be installed
	most    int      // members of a group; 0: any number
	enforce func(b *testing.B, l *lane) error
	join    func(l *lane, m policy.Member, joins bool) error // or leaves the client's group
	allow   func(l *lane, r policy.Rule, allows bool) error  // one more rule of the server's group, or no more
}

const (
	legacy = "iptables-legacy-restore"
	nft    = "iptables-nft-restore"
)

var firewalls = []*firewall{
	{name: "Crenel", enforce: enforceCrenel, join: joinCrenel, allow: allowCrenel},
	{name: "no firewall", enforce: func(*testing.B, *lane) error { return nil }},
	linear("iptables", legacy),
	linear("iptables-nft", nft),
	{name: "iptables + ipset", tools: []string{legacy, "ipset"},
		enforce: func(_ *testing.B, l *lane) error {
			if err := l.host.command(neutronSets(l.view), "ipset", "restore"); err != nil {
				return err
			}
			return l.host.command(neutronRules(l.view), legacy)
		},
		join: func(l *lane, m policy.Member, joins bool) error {
			return l.host.command("", "ipset", either(joins, "add", "del"), "g1", m.Addr.String())
		},
		allow: func(l *lane, r policy.Rule, allows bool) error {
			return l.host.command("*filter\n"+either(allows, "-I", "-D")+" i-server "+neutronMatch(r)+" -j RETURN\nCOMMIT\n", legacy, "--noflush")
		}},
	{name: "nftables", tools: []string{"nft"},
		enforce: func(_ *testing.B, l *lane) error { return l.host.command(nftablesRules(l.view), "nft", "-f", "-") },
		join: func(l *lane, m policy.Member, joins bool) error {
			return l.host.command("", "nft", either(joins, "add", "delete"), "element", "ip", "firewall", "g1", "{", m.Addr.String(), "}")
		},
		allow: func(l *lane, r policy.Rule, allows bool) error {
			return l.host.command("", "nft", either(allows, "add", "delete"), "element", "ip", "firewall", "blocks", "{", nftablesBlock(r), "}")
		}},
}

// linear is one rule for each rule, and for each member of a group that a rule names.
func linear(name, restore string) *firewall {
	change := func(l *lane, there bool, lines ...string) error {
		text := "*filter\n"
		for _, line := range lines {
			text += either(there, "-I", "-D") + " in-server " + line + " -j ACCEPT\n"
		}
		return l.host.command(text+"COMMIT\n", restore, "--noflush")
	}
	return &firewall{name: name, tools: []string{restore}, most: 1000,
		enforce: func(_ *testing.B, l *lane) error { return l.host.command(iptablesRules(l.view), restore) },
		join: func(l *lane, m policy.Member, joins bool) error {
			var lines []string
			for _, r := range l.view.Groups[1].Ingress {
				if r.Group != 0 {
					lines = append(lines, fmt.Sprintf("-s %s %s", m.Addr, iptablesWhat(r.What)))
				}
			}
			return change(l, joins, lines...)
		},
		allow: func(l *lane, r policy.Rule, allows bool) error {
			return change(l, allows, fmt.Sprintf("-s %s %s", r.CIDR, iptablesWhat(r.What)))
		}}
}

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// A size is that of a comparison: the rules of the server's group, and the members of the group that its last ones name.
type size struct{ rules, members int }

func (s size) String() string { return fmt.Sprintf("rules=%d/members=%d", s.rules, s.members) }

// lanesOf makes a lane for each firewall that can be had here, with the same groups in force, and shows of each that they
// are. It says which are left out, and why.
func lanesOf(b *testing.B, s size) (lanes []*lane) {
	if missing := datapath.Probe(); len(missing) > 0 {
		b.Skip(errors.Join(missing...))
	}
	for _, f := range firewalls {
		if f.most > 0 && s.members > f.most {
			fmt.Printf("%s: left out: a rule for each of %d members\n", f.name, s.members)
			continue
		}
		if err := usable(b, f); err != nil {
			fmt.Printf("%s: left out: %v\n", f.name, err)
			continue
		}
		l := newLane(b, f, world(s.rules, s.members))
		if err := f.enforce(b, l); err != nil {
			b.Fatalf("%s: %v", f.name, err)
		}
		l.mustEnforce(b)
		lanes = append(lanes, l)
	}
	return lanes
}

// usable tells what of the firewall is missing here: tools, or what its smallest rules need of the kernel.
func usable(b *testing.B, f *firewall) error {
	for _, tool := range f.tools {
		if _, err := exec.LookPath(tool); err != nil {
			return err
		}
	}
	if f.tools == nil {
		return nil // Crenel, whose kernel was probed, or none
	}
	return f.enforce(b, newLane(b, f, world(3, 2)))
}

// mustEnforce fails unless the open port answers and the one before it does so only where there is no firewall: there is a
// server at both.
func (l *lane) mustEnforce(b *testing.B) {
	b.Helper()
	for _, c := range []struct {
		port    int
		within  time.Duration
		answers bool
	}{
		{openPort, 5 * time.Second, true}, // a link that is new may take its time
		{refusedPort, 500 * time.Millisecond, l.firewall.name == "no firewall"},
	} {
		s, err := l.listen(c.port)
		if err != nil {
			b.Fatal(err)
		}
		conn, err := l.dial(c.port, c.within)
		if err == nil {
			conn.Close()
		}
		s.Close()
		if c.answers != (err == nil) {
			b.Fatalf("%s: port %d answers: %v, want %v (%v)", l.firewall.name, c.port, err == nil, c.answers, err)
		}
	}
}

const rounds = 15

// BenchmarkFirewalls sends the same traffic through each firewall in turn, and so on in rounds. It prints Crenel's median, and of
// each of the others the median of how many times better Crenel was in a round: that the machine is now faster and now slower
// is in the figures, and not in the ratios.
func BenchmarkFirewalls(b *testing.B) {
	for _, s := range []size{{2, 10}, {60, 10}, {1000, 10}, {10_000, 10}, {60, 1000}, {60, 100_000}} {
		b.Run(s.String(), func(b *testing.B) {
			lanes := lanesOf(b, s)
			results := make([][][]float64, len(kinds)) // by kind, lane and round
			for n := range results {
				results[n] = make([][]float64, len(lanes))
			}
			for round := range rounds {
				for n, k := range kinds {
					for at := range lanes {
						l := lanes[(at+round)%len(lanes)] // each comes after the others in turn
						l.round++
						r, err := k.run(l)
						if err != nil {
							b.Fatalf("%s: %s: %v", l.firewall.name, k.name, err)
						}
						results[n][(at+round)%len(lanes)] = append(results[n][(at+round)%len(lanes)], r)
					}
				}
			}
			table(s.String(), lanes, results)
			b.ReportMetric(0, "ns/op") // the table says it
		})
	}
}

// table prints the results for docs/benchmarks.md.
func table(title string, lanes []*lane, results [][][]float64) {
	fmt.Printf("\n| %s |", title)
	for _, l := range lanes {
		fmt.Printf(" %s |", l.firewall.name)
	}
	fmt.Println("\n|---" + strings.Repeat("|---", len(lanes)) + "|")
	for n, k := range kinds {
		fmt.Printf("| %s |", k.name)
		for at, rs := range results[n] {
			if at == 0 {
				fmt.Printf(" %s |", figure(median(rs)))
			} else {
				fmt.Printf(" %.2f |", median(ratios(results[n][0], rs, k.less)))
			}
		}
		fmt.Println()
	}
	fmt.Println()
}

// ratios are how many times better ours is, round by round.
func ratios(ours, theirs []float64, less bool) (all []float64) {
	for n := range ours {
		if r := ours[n] / theirs[n]; less {
			all = append(all, 1/r)
		} else {
			all = append(all, r)
		}
	}
	return all
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// figure has three digits that matter.
func figure(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%.2f million", x/1e6)
	case x >= 10_000:
		return fmt.Sprintf("%.0f,000", x/1000)
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
