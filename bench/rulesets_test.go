package bench

import (
	"fmt"
	"net/netip"
	"strings"

	"crenel/flow"
	"crenel/policy"
	"crenel/policy/policytest"
)

const (
	clients = 1 // the group that the client carries, and that the server's last rules let in
	servers = 2

	openPort    = 7000 // the first of those that the last rules open
	openPorts   = 100
	refusedPort = openPort - 1
)

// world is a client and a server, and what their groups say: the client may send anything; the server lets in
// so many rules' worth, each a block of addresses and a few ports, and the last two, one for TCP and one for UDP, the client's
// group, which has so many members. The client is the last of them. Whoever looks at rules one by one finds it at the end.
func world(rules, members int) *policy.View {
	anything := policy.What{Protocol: -1, From: -1, To: -1}
	v := &policy.View{
		Revision: 1,
		Groups: []policy.Group{
			{Num: clients, ID: "sg-clients", Egress: []policy.Rule{{What: anything, CIDR: netip.MustParsePrefix("0.0.0.0/0")}}},
			{Num: servers, ID: "sg-servers"},
		},
	}
	in := &v.Groups[1].Ingress
	for n := range rules - 2 {
		*in = append(*in, blockRule(n))
	}
	for _, protocol := range []int{flow.TCP, flow.UDP} {
		*in = append(*in, policy.Rule{What: policy.What{Protocol: protocol, From: openPort, To: openPort + openPorts - 1}, Group: clients})
	}
	for n := range members - 1 {
		v.Members = append(v.Members, member(n))
	}
	v.Members = append(v.Members, policy.Member{VPC: 1, Addr: clientAddr, Groups: []uint32{clients}})
	for n, end := range []struct {
		addr  netip.Addr
		group uint32
	}{{clientAddr, clients}, {serverAddr, servers}} {
		subnet := fmt.Sprintf("subnet-%d", n+1)
		v.Subnets = append(v.Subnets, policy.Subnet{ID: subnet, VPC: 1, CIDR: netip.PrefixFrom(end.addr, 24).Masked(), ACL: policytest.AllowAll,
			Routes: []policy.Route{{Destination: netip.MustParsePrefix("10.0.0.0/8"), Target: policy.Local}}})
		v.Interfaces = append(v.Interfaces, policy.Interface{Num: uint32(n) + 1, ID: fmt.Sprintf("eni-%d", n+1), VPC: 1, Subnet: subnet,
			MAC: flow.MAC{10, 0, 0, 0, 0, byte(n + 1)}, Addr: end.addr, Groups: []uint32{end.group}, SourceDestCheck: true})
	}
	return v
}

// blockRule is the n-th rule for a block of addresses.
func blockRule(n int) policy.Rule {
	return policy.Rule{
		What: policy.What{Protocol: []int{flow.TCP, flow.UDP}[n%2], From: 1000 + n%50*10, To: 1000 + n%50*10 + n%3},
		CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, byte(64 + n>>8), byte(n), 0}), 24),
	}
}

// member is the n-th member of the client's group besides the client.
func member(n int) policy.Member {
	return policy.Member{VPC: 1, Addr: netip.AddrFrom4([4]byte{10, byte(1 + n>>16), byte(n >> 8), byte(n)}), Groups: []uint32{clients}}
}

var protocols = map[int]string{flow.TCP: "tcp", flow.UDP: "udp"}

// iptablesRules has a rule for each rule, and of those that name a group one for each member, after one for what is established.
func iptablesRules(v *policy.View) string {
	var s strings.Builder
	s.WriteString("*filter\n:FORWARD DROP\n:out-client -\n:in-server -\n" +
		"-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" +
		"-A FORWARD -i client -j out-client\n-A FORWARD -o server -j in-server\n" +
		"-A out-client -d 0.0.0.0/0 -j RETURN\n-A out-client -j DROP\n")
	for _, r := range v.Groups[1].Ingress {
		for _, source := range sources(v, r) {
			fmt.Fprintf(&s, "-A in-server -s %s %s -j ACCEPT\n", source, iptablesWhat(r.What))
		}
	}
	return s.String() + "COMMIT\n"
}

// sources are whom the rule lets in, one by one.
func sources(v *policy.View, r policy.Rule) (all []string) {
	if r.Group == 0 {
		return []string{r.CIDR.String()}
	}
	for _, m := range v.Members {
		all = append(all, m.Addr.String())
	}
	return all
}

func iptablesWhat(w policy.What) string {
	p := protocols[w.Protocol]
	return fmt.Sprintf("-p %s -m %s --dport %d:%d", p, p, w.From, w.To)
}

// neutronRules has the chains that OpenStack Neutron's iptables driver makes, with the link's name where it has the bridge's
// port: a rule for each rule, and a group is a set.
func neutronRules(v *policy.View) string {
	var s strings.Builder
	s.WriteString("*filter\n:FORWARD ACCEPT\n:sg-chain -\n:sg-fallback -\n")
	for _, end := range []string{"client", "server"} {
		fmt.Fprintf(&s, ":i-%[1]s -\n:o-%[1]s -\n-A FORWARD -o %[1]s -j sg-chain\n-A FORWARD -i %[1]s -j sg-chain\n", end)
		fmt.Fprintf(&s, "-A sg-chain -o %[1]s -j i-%[1]s\n-A sg-chain -i %[1]s -j o-%[1]s\n", end)
	}
	s.WriteString("-A sg-chain -j ACCEPT\n-A sg-fallback -j DROP\n")
	for n, end := range []string{"client", "server"} {
		for way, rules := range map[string][]policy.Rule{"i": v.Groups[n].Ingress, "o": v.Groups[n].Egress} {
			chain := way + "-" + end
			fmt.Fprintf(&s, "-A %s -m state --state RELATED,ESTABLISHED -j RETURN\n", chain)
			for _, r := range rules {
				fmt.Fprintf(&s, "-A %s %s -j RETURN\n", chain, neutronMatch(r))
			}
			fmt.Fprintf(&s, "-A %[1]s -m state --state INVALID -j DROP\n-A %[1]s -j sg-fallback\n", chain)
		}
	}
	return s.String() + "COMMIT\n"
}

func neutronMatch(r policy.Rule) string {
	switch {
	case r.Group != 0:
		return fmt.Sprintf("%s -m set --match-set g%d src", iptablesWhat(r.What), r.Group)
	case r.What.Protocol < 0:
		return ""
	}
	return fmt.Sprintf("-s %s %s", r.CIDR, iptablesWhat(r.What))
}

// neutronSets is the group as ipset(8) reads it.
func neutronSets(v *policy.View) string {
	var s strings.Builder
	fmt.Fprintf(&s, "create g%d hash:ip family inet maxelem 262144\n", clients)
	for _, m := range v.Members {
		fmt.Fprintf(&s, "add g%d %s\n", clients, m.Addr)
	}
	return s.String()
}

// nftablesRules has one set with the blocks and their ports, one with the group, one with the ports that the group may use, and
// three rules whatever their sizes.
func nftablesRules(v *policy.View) string {
	var blocks, ports, members []string
	for _, r := range v.Groups[1].Ingress {
		if r.Group == 0 {
			blocks = append(blocks, nftablesBlock(r))
		} else {
			ports = append(ports, fmt.Sprintf("%s . %d-%d", protocols[r.What.Protocol], r.What.From, r.What.To))
		}
	}
	for _, m := range v.Members {
		members = append(members, m.Addr.String())
	}
	return fmt.Sprintf(`table ip firewall {
	set blocks { type ipv4_addr . inet_proto . inet_service; flags interval; %s }
	set g1 { type ipv4_addr; %s }
	set g1-ports { type inet_proto . inet_service; flags interval; %s }
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname vmap { "client" : jump out-client }
		oifname vmap { "server" : jump in-server }
	}
	chain out-client {
		return
	}
	chain in-server {
		ip saddr . meta l4proto . th dport @blocks accept
		ip saddr @g1 meta l4proto . th dport @g1-ports accept
	}
}
`, elements(blocks), elements(members), elements(ports))
}

func nftablesBlock(r policy.Rule) string {
	return fmt.Sprintf("%s . %s . %d-%d", r.CIDR, protocols[r.What.Protocol], r.What.From, r.What.To)
}

func elements(of []string) string {
	if len(of) == 0 {
		return ""
	}
	return "elements = { " + strings.Join(of, ", ") + " };"
}
