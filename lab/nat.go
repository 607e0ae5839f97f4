package lab

import (
	"slices"

	"crenel/flow"
	"crenel/policy"
)

// A translation is a connection through a NAT gateway: what it is to the gateway's clients and, by its port, to everybody else.
type translation struct {
	gateway  uint32 // the Num of its interface
	port     uint16 // or the identifier of an echo
	protocol uint8
	client   flow.Packet // the first one of it
}

// forward is the kernel in the namespaces of NAT gateways, in memory: what one of them gets it sends on, translated.
func (m *Memory) forward(v *policy.View, got policy.Verdict) policy.Verdict {
	n := slices.IndexFunc(v.Interfaces, func(i policy.Interface) bool { return i.Num == got.To && i.Open })
	if !got.Allow || n < 0 {
		return got
	}
	gateway, p := v.Interfaces[n], got.Packet
	is := func(known func(translation) bool) int {
		return slices.IndexFunc(m.translated, func(t translation) bool {
			return t.gateway == gateway.Num && t.protocol == p.Protocol && known(t)
		})
	}
	if p.Dst == gateway.Addr {
		at := is(func(t translation) bool { return t.port == p.DstPort && t.client.Dst == p.Src })
		if at < 0 {
			return policy.Verdict{Reason: policy.NoDestination, Interface: gateway.Num} // said to the gateway itself
		}
		p.Dst, p.DstPort = m.translated[at].client.Src, m.translated[at].client.SrcPort
		return m.send(gateway.Num, p)
	}
	at := is(func(t translation) bool {
		return t.client.Src == p.Src && t.client.Dst == p.Dst && t.client.SrcPort == p.SrcPort && t.client.DstPort == p.DstPort
	})
	if at < 0 {
		m.port++
		at = len(m.translated)
		m.translated = append(m.translated, translation{gateway.Num, m.port, p.Protocol, p})
	}
	p.Src, p.SrcPort = gateway.Addr, m.translated[at].port
	return m.send(gateway.Num, p)
}
