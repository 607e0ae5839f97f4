package flow

import "net/netip"

// Build makes the frame that Parse reads as p, with right checksums, for tests. A first fragment's checksum is that of what it has. Its addresses are
// IPv4, and the packet is no longer than 65535 bytes; one that quotes has 28 bytes of payload at least. IP options are no-operations, payload counts up.
func Build(p Packet) []byte {
	frame := ethernet(p.DstMAC, p.SrcMAC, etherIPv4)
	ip := make([]byte, ipv4Header+p.Options)
	ip[0] = 4<<4 | byte(len(ip)/4)
	if f := p.Fragment; f == (Fragment{}) {
		ip[6] = 0x40 // do not fragment
	} else {
		big.PutUint16(ip[4:], f.ID)
		big.PutUint16(ip[6:], uint16(f.Offset/8))
		if f.More {
			ip[6] |= 0x20
		}
	}
	ip[8] = 64 // time to live
	ip[9] = p.Protocol
	putAddr(ip[12:], p.Src)
	putAddr(ip[16:], p.Dst)
	for i := ipv4Header; i < len(ip); i++ {
		ip[i] = 1
	}
	segment := transport(p)
	big.PutUint16(ip[2:], uint16(len(ip)+len(segment)))
	big.PutUint16(ip[10:], ^sum(0, ip))
	return append(append(frame, ip...), segment...)
}

// transport is everything that follows the IP header.
func transport(p Packet) []byte {
	var header []byte
	checksum := 0 // where it stands
	start := uint32(0)
	protocol := int(p.Protocol)
	if p.Fragment.Later() {
		protocol = -1
	}
	switch protocol {
	case TCP:
		header, checksum, start = make([]byte, tcpHeader), 16, pseudo(p, tcpHeader)
		big.PutUint16(header, p.SrcPort)
		big.PutUint16(header[2:], p.DstPort)
		header[12], header[13] = tcpHeader/4<<4, p.TCPFlags
		big.PutUint16(header[14:], 0xffff) // window
	case UDP:
		header, checksum, start = make([]byte, udpHeader), 6, pseudo(p, udpHeader)
		big.PutUint16(header, p.SrcPort)
		big.PutUint16(header[2:], p.DstPort)
		big.PutUint16(header[4:], uint16(udpHeader+p.Payload))
	case ICMP:
		header, checksum = make([]byte, icmpHeader), 2
		header[0], header[1] = p.ICMPType, p.ICMPCode
		big.PutUint16(header[4:], p.SrcPort+p.DstPort) // at most one is not 0
	}
	out := header
	quote := quoted(p.Quote)
	out = append(out, quote...)
	for i := range p.Payload - len(quote) {
		out = append(out, byte(i))
	}
	if checksum == 0 {
		return out
	}
	c := ^sum(start, out)
	if c == 0 && p.Protocol == UDP {
		c = 0xffff // 0 would say that there is none
	}
	big.PutUint16(out[checksum:], c)
	return out
}

// quoted are an IP header and the 8 bytes after it.
func quoted(q Quote) []byte {
	if !q.IsValid() {
		return nil
	}
	b := make([]byte, ipv4Header+quoteLeast)
	b[0], b[8], b[9] = 4<<4|ipv4Header/4, 1, q.Protocol
	big.PutUint16(b[2:], uint16(len(b)))
	putAddr(b[12:], q.Src)
	putAddr(b[16:], q.Dst)
	big.PutUint16(b[10:], ^sum(0, b[:ipv4Header]))
	switch t := b[ipv4Header:]; q.Protocol {
	case TCP, UDP:
		big.PutUint16(t, q.SrcPort)
		big.PutUint16(t[2:], q.DstPort)
	case ICMP:
		t[0] = q.ICMPType
		big.PutUint16(t[4:], q.SrcPort+q.DstPort)
	}
	return b
}

func ethernet(dst, src MAC, kind uint16) []byte {
	frame := make([]byte, ethernetHeader)
	copy(frame, dst[:])
	copy(frame[6:], src[:])
	big.PutUint16(frame[12:], kind)
	return frame
}

func putAddr(b []byte, a netip.Addr) {
	four := a.As4()
	copy(b, four[:])
}
