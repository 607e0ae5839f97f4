package vpc

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRulesAsText(t *testing.T) {
	cidr := func(s string) Peer { return Peer{CIDR: netip.MustParsePrefix(s)} }
	for _, c := range []struct {
		text string
		want Rule
	}{
		{"ingress tcp 22 from 10.0.0.0/8", Rule{What: What{6, 22, 22}, Peer: cidr("10.0.0.0/8")}},
		{"ingress tcp 80-443 from sg-0123456789abcdef0", Rule{What: What{6, 80, 443}, Peer: Peer{Group: "sg-0123456789abcdef0"}}},
		{"ingress tcp from 0.0.0.0/0", Rule{What: What{6, 0, 65535}, Peer: cidr("0.0.0.0/0")}},
		{"egress udp 53 to 2001:db8::/32", Rule{Egress: true, What: What{17, 53, 53}, Peer: cidr("2001:db8::/32")}},
		{"egress any to 0.0.0.0/0", Rule{Egress: true, What: What{-1, -1, -1}, Peer: cidr("0.0.0.0/0")}},
		{"ingress icmp 8/-1 from sg-12345678", Rule{What: What{1, 8, -1}, Peer: Peer{Group: "sg-12345678"}}},
		{"ingress icmp 3/4 from 10.0.0.0/8", Rule{What: What{1, 3, 4}, Peer: cidr("10.0.0.0/8")}},
		{"ingress icmp from 10.0.0.0/8", Rule{What: What{1, -1, -1}, Peer: cidr("10.0.0.0/8")}},
		{"ingress icmpv6 128/0 from ::/0", Rule{What: What{58, 128, 0}, Peer: cidr("::/0")}},
		{"egress 50 to pl-0123456789abcdef0", Rule{Egress: true, What: What{50, -1, -1}, Peer: Peer{PrefixList: "pl-0123456789abcdef0"}}},
	} {
		got, err := ParseRule(c.text)
		if err != nil || got.String() != c.text || !sameRule(got, c.want) {
			t.Errorf("%q is read as %+v (%v), %v; want %+v", c.text, got, got, err, c.want)
		}
		if got := c.want.String(); got != c.text {
			t.Errorf("%+v is written %q, want %q", c.want, got, c.text)
		}
	}
}

func TestRulesInOtherWords(t *testing.T) {
	for text, want := range map[string]string{
		"  ingress   tcp\t22 from 10.1.2.3/8 ": "ingress tcp 22 from 10.0.0.0/8",
		"ingress 6 22-22 from 10.0.0.0/8":      "ingress tcp 22 from 10.0.0.0/8",
		"ingress tcp 0-65535 from 10.0.0.0/8":  "ingress tcp from 10.0.0.0/8",
		"ingress icmp 8 from 10.0.0.0/8":       "ingress icmp 8/-1 from 10.0.0.0/8",
		"ingress icmp -1/-1 from 10.0.0.0/8":   "ingress icmp from 10.0.0.0/8",
		"egress any to 2001:DB8:0:0::1/32":     "egress any to 2001:db8::/32",
	} {
		if got, err := ParseRule(text); err != nil || got.String() != want {
			t.Errorf("%q is read as %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestRulesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "want a direction",
		"ingress tcp 22 10.0.0.0/8":          `want "from" before the peer, not "22"`,
		"ingress tcp 22 from":                `want "from" before the peer, not "22"`,
		"inbound tcp 22 from 10.0.0.0/8":     `"inbound" is neither ingress nor egress`,
		"ingress tcp 22 to 10.0.0.0/8":       `want "from" before the peer, not "to"`,
		"egress tcp 22 from 10.0.0.0/8":      `want "to" before the peer, not "from"`,
		"ingress tcp 22 443 from 10.0.0.0/8": "want a direction",
		"ingress TCP 22 from 10.0.0.0/8":     `"TCP" is no protocol`,
		"ingress 256 from 10.0.0.0/8":        `"256" is no protocol`,
		"ingress -1 from 10.0.0.0/8":         `"-1" is no protocol`,
		"ingress any 22 from 10.0.0.0/8":     "any has no ports",
		"ingress 50 22 from 10.0.0.0/8":      "50 has no ports",
		"ingress tcp 65536 from 10.0.0.0/8":  `"65536" is no number from 0 to 65535`,
		"ingress tcp 022 from 10.0.0.0/8":    `"022" is no number from 0 to 65535`,
		"ingress tcp 22- from 10.0.0.0/8":    `"" is no number from 0 to 65535`,
		"ingress tcp 443-80 from 10.0.0.0/8": `"443-80" is the wrong way round`,
		"ingress icmp 256/0 from 10.0.0.0/8": `"256" is no number from -1 to 255`,
		"ingress icmp -1/0 from 10.0.0.0/8":  `"-1/0" is one code of every type`,
		"ingress tcp 22 from 10.0.0.1":       `"10.0.0.1" is neither a range`,
		"ingress tcp 22 from web":            `"web" is neither a range`,
		"ingress tcp 22 from sg-":            `"sg-" is neither a range`,
		"ingress tcp 22 from sg-XYZ":         `"sg-XYZ" is neither a range`,
	} {
		if got, err := ParseRule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is read as %v, %v; want an error with %s", text, got, err, want)
		}
	}
}

// What is written is read back as the same rule.
func TestRulesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		if got, err := ParseRule(r.String()); err != nil || !sameRule(got, r) {
			t.Fatalf("%+v is written %q and read as %+v, %v", r, r, got, err)
		}
	})
}

func drawRule(t *rapid.T) Rule {
	r := Rule{Egress: rapid.Bool().Draw(t, "egress"), What: What{rapid.IntRange(-1, 255).Draw(t, "protocol"), -1, -1}}
	if rapid.Bool().Draw(t, "named") {
		r.What.Protocol = rapid.SampledFrom([]int{1, 6, 17, 58}).Draw(t, "name")
	}
	switch r.What.Protocol {
	case 6, 17:
		r.What.From = rapid.IntRange(0, 65535).Draw(t, "from")
		r.What.To = rapid.IntRange(r.What.From, 65535).Draw(t, "to")
	case 1, 58:
		if r.What.From = rapid.IntRange(-1, 255).Draw(t, "type"); r.What.From >= 0 {
			r.What.To = rapid.IntRange(-1, 255).Draw(t, "code")
		}
	}
	digits := rapid.StringMatching("[0-9a-f]{8}([0-9a-f]{9})?")
	switch rapid.IntRange(0, 3).Draw(t, "peer") {
	case 0:
		r.Peer.Group = "sg-" + digits.Draw(t, "group")
	case 1:
		r.Peer.PrefixList = "pl-" + digits.Draw(t, "list")
	case 2:
		a := rapid.Make[[4]byte]().Draw(t, "IPv4")
		r.Peer.CIDR = netip.PrefixFrom(netip.AddrFrom4(a), rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
	case 3:
		a := rapid.Make[[16]byte]().Draw(t, "IPv6")
		r.Peer.CIDR = netip.PrefixFrom(netip.AddrFrom16(a), rapid.IntRange(0, 128).Draw(t, "bits")).Masked()
	}
	return r
}

func sameRule(a, b Rule) bool { return a.Egress == b.Egress && a.What == b.What && a.Peer == b.Peer }

// Whatever can be read is written in a form that is read as the same.
func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{"ingress tcp 22 from 10.0.0.0/8", "egress any to 0.0.0.0/0", "ingress icmp 8/-1 from sg-0123456789abcdef0",
		"ingress tcp 80-443 from ::ffff:1.2.3.4/96", "egress 50 to pl-12345678", "ingress udp from 2001:db8::1/64"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		again, err := ParseRule(r.String())
		if err != nil || !sameRule(again, r) {
			t.Fatalf("%q is read as %+v, written %q and read as %+v, %v", text, r, r, again, err)
		}
	})
}
