package flow

// Build makes the frame that Parse reads as p, with right checksums, for tests. A first fragment's checksum is that of what it has. The
// packet is no longer than 65535 bytes; one that quotes has 8 bytes of payload more than the quoted header at least. IP options are
// no-operations, extension headers one of padding; payload counts up.
func Build(p Packet) []byte {
	if p.Src.Is4() {
		return buildIPv4(p)
	}
	return buildIPv6(p)
}

func buildIPv4(p Packet) []byte {
	frame := ethernet(p.DstMAC, p.SrcMAC, etherIPv4)
	ip := make([]byte, ipv4Header+p.Options)
	ip[0] = 4<<4 | byte(len(ip)/4)
	if f := p.Fragment; f == (Fragment{}) {
		ip[6] = 0x40 // do not fragment
	} else {
		big.PutUint16(ip[4:], uint16(f.ID))
		big.PutUint16(ip[6:], uint16(f.Offset/8))
		if f.More {
			ip[6] |= 0x20
		}
	}
	ip[8] = 64 // time to live
	ip[9] = p.Protocol
	copy(ip[12:], p.Src.AsSlice())
	copy(ip[16:], p.Dst.AsSlice())
	for i := ipv4Header; i < len(ip); i++ {
		ip[i] = 1
	}
	segment := transport(p)
	big.PutUint16(ip[2:], uint16(len(ip)+len(segment)))
	big.PutUint16(ip[10:], ^sum(0, ip))
	return append(append(frame, ip...), segment...)
}

func buildIPv6(p Packet) []byte {
	frame := ethernet(p.DstMAC, p.SrcMAC, etherIPv6)
	ip := make([]byte, ipv6Header)
	ip[0], ip[7] = 6<<4, 64 // hop limit
	copy(ip[8:], p.Src.AsSlice())
	copy(ip[24:], p.Dst.AsSlice())
	next := 6 // where it says what follows
	for left := p.Options; left > 0; {
		n := min(left, 256*8)
		ip[next], next = [...]byte{hopByHop, destinationOptions}[min(1, len(ip)-ipv6Header)], len(ip)
		ip = append(ip, padding(n)...)
		left -= n
	}
	if f := p.Fragment; f != (Fragment{}) {
		ip[next], next = fragmented, len(ip)
		ip = append(ip, make([]byte, fragmentHeader)...)
		offset := uint16(f.Offset)
		if f.More {
			offset |= 1
		}
		big.PutUint16(ip[next+2:], offset)
		big.PutUint32(ip[next+4:], f.ID)
	}
	ip[next] = p.Protocol
	segment := transport(p)
	big.PutUint16(ip[4:], uint16(len(ip)-ipv6Header+len(segment)))
	return append(append(frame, ip...), segment...)
}

// padding is an extension header of n bytes with nothing but padding in it. RFC 8200 §4.2.
func padding(n int) []byte {
	b := make([]byte, n)
	b[1] = byte(n/8 - 1)
	for at := 2; at < n; {
		skip := min(n-at, 257)
		if skip > 1 {
			b[at], b[at+1] = 1, byte(skip-2)
		}
		at += skip
	}
	return b
}

// transport is everything that follows the IP header.
func transport(p Packet) []byte {
	var header []byte
	at := 0 // where the checksum stands
	start := uint32(0)
	switch {
	case p.Fragment.Later():
	case p.Protocol == TCP:
		header, at, start = make([]byte, tcpHeader), 16, pseudo(p, tcpHeader)
		big.PutUint16(header, p.SrcPort)
		big.PutUint16(header[2:], p.DstPort)
		header[12], header[13] = tcpHeader/4<<4, p.TCPFlags
		big.PutUint16(header[14:], 0xffff) // window
	case p.Protocol == UDP:
		header, at, start = make([]byte, udpHeader), 6, pseudo(p, udpHeader)
		big.PutUint16(header, p.SrcPort)
		big.PutUint16(header[2:], p.DstPort)
		big.PutUint16(header[4:], uint16(udpHeader+p.Payload))
	case p.IsICMP():
		header, at = make([]byte, icmpHeader), 2
		if p.Src.Is6() {
			start = pseudo(p, icmpHeader)
		}
		header[0], header[1] = p.ICMPType, p.ICMPCode
		big.PutUint16(header[4:], p.SrcPort+p.DstPort) // at most one is not 0
	}
	out := header
	quote := quoted(p.Quote)
	out = append(out, quote...)
	for i := range p.Payload - len(quote) {
		out = append(out, byte(i))
	}
	if at == 0 {
		return out
	}
	big.PutUint16(out[at:], checksum(p.Protocol, start, out))
	return out
}

// quoted are an IP header and the 8 bytes after it.
func quoted(q Quote) []byte {
	var b []byte
	switch {
	case !q.IsValid():
		return nil
	case q.Src.Is4():
		b = make([]byte, ipv4Header, ipv4Header+quoteLeast)
		b[0], b[8], b[9] = 4<<4|ipv4Header/4, 1, q.Protocol
		big.PutUint16(b[2:], ipv4Header+quoteLeast)
		copy(b[12:], q.Src.AsSlice())
		copy(b[16:], q.Dst.AsSlice())
		big.PutUint16(b[10:], ^sum(0, b))
	default:
		b = make([]byte, ipv6Header, ipv6Header+quoteLeast)
		b[0], b[6], b[7] = 6<<4, q.Protocol, 1
		big.PutUint16(b[4:], quoteLeast)
		copy(b[8:], q.Src.AsSlice())
		copy(b[24:], q.Dst.AsSlice())
	}
	t := make([]byte, quoteLeast)
	switch {
	case q.Protocol == TCP, q.Protocol == UDP:
		big.PutUint16(t, q.SrcPort)
		big.PutUint16(t[2:], q.DstPort)
	case q.Packet().IsICMP():
		t[0] = q.ICMPType
		big.PutUint16(t[4:], q.SrcPort+q.DstPort)
	}
	return append(b, t...)
}

func ethernet(dst, src MAC, kind uint16) []byte {
	frame := make([]byte, ethernetHeader)
	copy(frame, dst[:])
	copy(frame[6:], src[:])
	big.PutUint16(frame[12:], kind)
	return frame
}
