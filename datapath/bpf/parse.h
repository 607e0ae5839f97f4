/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* parse: a frame becomes a struct packet, or a reason to drop it. flow.Parse in C. */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "maps.h"

#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ICMPV6 58

/* Extension headers that are passed by, and how many of them. */
#define HOP_BY_HOP 0
#define ROUTING 43
#define FRAGMENTED 44
#define DESTINATION_OPTIONS 60
#define MAX_EXTENSIONS 8

/* Which of a ruleset's tables judges the packet: they differ in what the 16 bits of `what` mean. */
enum class {
	CLASS_TCP,   /* destination port */
	CLASS_UDP,   /* destination port */
	CLASS_ICMP,  /* type << 8 | code; of the ICMP of the packet's IP version */
	CLASS_OTHER, /* protocol number */
	CLASSES,
};

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define ECHO_REPLY 0
#define ECHO_REQUEST 8
#define UNREACHABLE 3
#define TIME_EXCEEDED 11
#define PARAMETER_PROBLEM 12

/* Of IPv6. Errors are what is before PARAMETER_PROBLEM_V6, and that. */
#define UNREACHABLE_V6 1
#define PARAMETER_PROBLEM_V6 4
#define ECHO_REQUEST_V6 128
#define ECHO_REPLY_V6 129
#define OF_LINK_FIRST 130 /* listeners of multicast, neighbour discovery */
#define OF_LINK_LAST 137
#define LISTENER_REPORT_V2 143

/* RFC 8200 §3; the kernel's header for it needs a C library. */
struct ipv6 {
	__u8 version, rest[3]; /* the version is the upper half */
	__be16 length;
	__u8 next, hops;
	struct address src, dst;
};

/* The first 8 bytes of ICMP; the kernel's header for it needs a C library. RFC 792. */
struct icmp {
	__u8 type, code;
	__sum16 checksum;
	__be16 id; /* of an echo */
	__be16 sequence;
};

/* What an ICMP error says of the packet that it is about. flow.Quote in C. */
struct quote {
	struct address src, dst;
	__be16 src_port, dst_port;
	__u8 protocol;
	__u8 icmp_type;
	__u16 at; /* where it begins in the frame; 0: nothing is quoted */
};

struct packet {
	__u8 src_mac[MAC_LEN];
	__be16 ethertype;
	struct address src, dst;
	__be16 src_port, dst_port; /* ICMP echo: the identifier is the asking end's port, the other is 0 */
	__u16 what;		   /* see enum class */
	__u8 class;
	__u8 protocol;
	__u8 tcp_flags;	 /* of TCP */
	__u8 icmp_type;	 /* of ICMP */
	__u16 transport; /* where the transport header begins in the frame */
	bool wide;	 /* it is of IPv6 */
	bool of_link;	 /* IPv6 says it on one link alone; of what is UNSUPPORTED */
	bool tracked;	 /* it can belong to a connection */
	bool begins;	 /* it can be the first of one */
	bool first, later; /* piece of a packet; a later one has no transport header */
	__u32 id;	   /* of a packet in pieces */
	struct quote quote;
};

/* Ethernet, the longest IPv4 header, and the longest transport header that is read. */
#define HEADERS (ETH_HLEN + 60 + sizeof(struct tcphdr))

/*
 * Brings the headers, as far as the frame has them, to where data and data_end lead: of a packet in
 * pieces (large sends, forwarded ones) that need not be so.
 */
static __always_inline void linearise(struct __sk_buff *skb)
{
	__u32 want = skb->len < HEADERS ? skb->len : HEADERS;
	if (skb->data_end - skb->data < want)
		bpf_skb_pull_data(skb, want);
}

static __always_inline enum reason parse_tcp(struct packet *p, const struct tcphdr *h, const void *end, __u32 length)
{
	if (length < sizeof(*h) || (void *)(h + 1) > end || h->doff * 4 < sizeof(*h) || h->doff * 4 > length)
		return MALFORMED;
	p->src_port = h->source;
	p->dst_port = h->dest;
	p->what = ntohs(h->dest);
	p->class = CLASS_TCP;
	p->tcp_flags = ((const __u8 *)h)[13];
	p->begins = (p->tcp_flags & (SYN | ACK | RST | FIN)) == SYN;
	p->tracked = true;
	return ALLOWED;
}

static __always_inline enum reason parse_udp(struct packet *p, const struct udphdr *h, const void *end, __u32 length)
{
	if (length < sizeof(*h) || (void *)(h + 1) > end)
		return MALFORMED;
	p->src_port = h->source;
	p->dst_port = h->dest;
	p->what = ntohs(h->dest);
	p->class = CLASS_UDP;
	p->tracked = p->begins = true;
	return ALLOWED;
}

static __always_inline enum reason parse_icmp(struct packet *p, const struct icmp *h, const void *end, __u32 length)
{
	if (length < sizeof(*h) || (void *)(h + 1) > end)
		return MALFORMED;
	__u8 type = h->type;
	p->icmp_type = type;
	p->what = (__u16)type << 8 | h->code;
	p->class = CLASS_ICMP;
	if (p->wide && ((type >= OF_LINK_FIRST && type <= OF_LINK_LAST) || type == LISTENER_REPORT_V2)) {
		p->of_link = true;
		return UNSUPPORTED;
	}
	if (type == (p->wide ? ECHO_REQUEST_V6 : ECHO_REQUEST)) {
		p->src_port = h->id;
		p->tracked = p->begins = true;
	} else if (type == (p->wide ? ECHO_REPLY_V6 : ECHO_REPLY)) {
		p->dst_port = h->id;
		p->tracked = true;
	} else if (p->wide ? type >= UNREACHABLE_V6 && type <= PARAMETER_PROBLEM_V6
			   : type == UNREACHABLE || type == TIME_EXCEEDED || type == PARAMETER_PROBLEM) {
		p->quote.at = p->transport + sizeof(*h);
	}
	return ALLOWED;
}

static __always_inline bool extension(__u8 next)
{
	return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENTED || next == DESTINATION_OPTIONS;
}

/* A later piece: what would lie over the first one's header is no honest one. RFC 3128 */
static __always_inline enum reason later_piece(__u8 protocol, __u32 offset)
{
	return protocol == PROTOCOL_TCP && offset < sizeof(struct tcphdr) ? MALFORMED : ALLOWED;
}

/* The beginning of an extension header; offset and id are a fragment header's. RFC 8200 §4. */
struct extension {
	__u8 next, length;
	__be16 offset;
	__be32 id;
};

enum piece {
	WHOLE,
	FIRST,
	LATER,
};

/* What extensions returns in one number, so that it can be its own function, which the verifier looks at once. */
static __always_inline __u64 passed(enum reason why, enum piece piece, __u8 protocol, __u16 at, __u32 id)
{
	return why | piece << 6 | (__u32)protocol << 8 | (__u32)at << 16 | (__u64)id << 32;
}

/*
 * Passes by the extension headers between `at` and `end`, the first of which is `next`. What is left is the protocol, where
 * it begins, and of a packet in pieces its identification.
 */
__noinline __u64 extensions(struct __sk_buff *skb, __u32 next, __u32 at, __u32 end)
{
	enum piece piece = WHOLE;
	__u32 id = 0;

	for (int i = 0; i <= MAX_EXTENSIONS; i++) {
		struct extension h;
		if (!extension(next))
			return passed(ALLOWED, piece, next, at, id);
		if (at + sizeof(h) > end || bpf_skb_load_bytes(skb, at, &h, sizeof(h)))
			return passed(MALFORMED, WHOLE, 0, 0, 0);
		if (next == FRAGMENTED) {
			__u32 f = ntohs(h.offset);
			if (piece)
				return passed(MALFORMED, WHOLE, 0, 0, 0);
			at += sizeof(h);
			id = ntohl(h.id);
			if (f & 0xfff8)
				return passed(later_piece(h.next, f & 0xfff8), LATER, h.next, at, id);
			if (f & 1) /* else it is whole, whatever the header says. RFC 6946 */
				piece = FIRST;
		} else {
			if (next == HOP_BY_HOP && i > 0)
				return passed(MALFORMED, WHOLE, 0, 0, 0);
			if (next == ROUTING && (ntohs(h.offset) & 0xff)) /* it is on its way elsewhere */
				return passed(UNSUPPORTED, WHOLE, 0, 0, 0);
			at += (h.length + 1) * 8;
		}
		next = h.next;
		if (at > end)
			return passed(MALFORMED, WHOLE, 0, 0, 0);
	}
	return passed(UNSUPPORTED, WHOLE, 0, 0, 0);
}

/* The IP header of what is quoted. The transport header's place, or 0: it is none that tells of a connection. */
static __always_inline __u32 parse_quoted_ip(struct __sk_buff *skb, struct quote *q, __u32 at, __u32 end, bool wide)
{
	if (wide) {
		struct ipv6 ip;
		if (at + sizeof(ip) > end || bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
			return 0;
		if (ip.version >> 4 != 6 || is_mapped(&ip.src) || is_mapped(&ip.dst))
			return 0;
		__u64 x = extensions(skb, ip.next, at + sizeof(ip), end);
		if ((x & 0x3f) || (x >> 6 & 3) == LATER)
			return 0;
		q->src = ip.src;
		q->dst = ip.dst;
		q->protocol = x >> 8;
		return (__u16)(x >> 16);
	}
	struct iphdr ip;
	if (at + sizeof(ip) > end || bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
		return 0;
	if (ip.version != 4 || ip.ihl < 5 || (ip.frag_off & htons(0x1fff)))
		return 0;
	q->src = mapped(ip.saddr);
	q->dst = mapped(ip.daddr);
	q->protocol = ip.protocol;
	return at + ip.ihl * 4;
}

/*
 * Reads what an ICMP error quotes, which ends with the packet: at least 8 bytes more than the IP header and its extension
 * headers. Of fragments the first alone has ports. What it cannot be read from quotes nothing.
 */
static __noinline int parse_quote(struct __sk_buff *skb, struct packet *p, __u32 end)
{
	struct quote *q = &p->quote;
	struct icmp t; /* the longest beginning that is read, of any protocol */
	__u32 at = q->at;

	q->at = 0;
	__u32 transport = parse_quoted_ip(skb, q, at, end, p->wide);
	if (!transport || transport + sizeof(t) > end || bpf_skb_load_bytes(skb, transport, &t, sizeof(t)))
		return 0;
	q->at = at;
	if (q->protocol == PROTOCOL_TCP || q->protocol == PROTOCOL_UDP) {
		q->src_port = ((__be16 *)&t)[0];
		q->dst_port = ((__be16 *)&t)[1];
	} else if (q->protocol == (p->wide ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP)) {
		q->icmp_type = t.type;
		if (t.type == (p->wide ? ECHO_REQUEST_V6 : ECHO_REQUEST))
			q->src_port = t.id;
		else if (t.type == (p->wide ? ECHO_REPLY_V6 : ECHO_REPLY))
			q->dst_port = t.id;
	}
	return 0;
}

/* The transport header, whose beginning is at h, of a segment of that length. */
static __always_inline enum reason parse_transport(struct packet *p, const void *h, const void *end, __u32 length)
{
	if (p->protocol == PROTOCOL_TCP)
		return parse_tcp(p, h, end, length);
	if (p->protocol == PROTOCOL_UDP)
		return parse_udp(p, h, end, length);
	if (p->protocol == (p->wide ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP))
		return parse_icmp(p, h, end, length);
	p->what = p->protocol;
	p->class = CLASS_OTHER;
	p->tracked = p->begins = true;
	return ALLOWED;
}

static __always_inline enum reason parse_ipv4(struct __sk_buff *skb, struct packet *p)
{
	const void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct iphdr *ip = data + ETH_HLEN;
	if ((void *)(ip + 1) > end || ip->version != 4)
		return MALFORMED;
	__u32 header = ip->ihl * 4, total = ntohs(ip->tot_len);
	if (header < sizeof(*ip) || total < header || ETH_HLEN + total > skb->len)
		return MALFORMED;
	p->protocol = ip->protocol;
	p->src = mapped(ip->saddr);
	p->dst = mapped(ip->daddr);
	p->transport = ETH_HLEN + header;

	__u32 fragment = ntohs(ip->frag_off), offset = (fragment & 0x1fff) * 8;
	p->id = ntohs(ip->id);
	p->first = !offset && (fragment & 0x2000);
	p->later = offset;
	if (offset)
		return later_piece(p->protocol, offset);
	enum reason why = parse_transport(p, (void *)ip + header, end, total - header);
	if (p->quote.at)
		parse_quote(skb, p, ETH_HLEN + total);
	return why;
}

static __always_inline enum reason parse_ipv6(struct __sk_buff *skb, struct packet *p)
{
	const void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	const struct ipv6 *ip = data + ETH_HLEN;
	if ((void *)(ip + 1) > data_end || ip->version >> 4 != 6)
		return MALFORMED;
	__u32 end = ETH_HLEN + sizeof(*ip) + ntohs(ip->length);
	if (end > skb->len)
		return MALFORMED;
	p->wide = true;
	p->src = ip->src;
	p->dst = ip->dst;
	if (is_mapped(&p->src) || is_mapped(&p->dst))
		return MALFORMED;
	__u64 x = extensions(skb, ip->next, ETH_HLEN + sizeof(*ip), end);
	enum reason why = x & 0x3f;
	p->protocol = x >> 8;
	p->transport = x >> 16;
	p->id = x >> 32;
	p->first = (x >> 6 & 3) == FIRST;
	p->later = (x >> 6 & 3) == LATER;
	if (why || p->later)
		return why;

	struct tcphdr t = {}; /* the longest of them */
	__u32 length = end - p->transport, some = length < sizeof(t) ? length : sizeof(t);
	if (some && some <= sizeof(t) && bpf_skb_load_bytes(skb, p->transport, &t, some))
		return MALFORMED;
	why = parse_transport(p, &t, &t + 1, length);
	if (p->quote.at)
		parse_quote(skb, p, end);
	return why;
}

/*
 * Reads the frame into p, which is all zero before. ALLOWED says that p is a whole IP packet; of what is UNSUPPORTED only
 * the MAC, the ethertype and of_link are there. What follows the packet is Ethernet's padding. Its own function: the
 * verifier looks at it once.
 */
__noinline int parse(struct __sk_buff *skb, struct packet *p)
{
	if (!p)
		return INTERNAL;
	linearise(skb);
	const void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct ethhdr *eth = data;
	if ((void *)(eth + 1) > end)
		return MALFORMED;
	if (skb->vlan_present) /* its tag is no longer in the frame */
		return UNSUPPORTED;
	__builtin_memcpy(p->src_mac, eth->h_source, MAC_LEN);
	p->ethertype = eth->h_proto;
	if (eth->h_proto == htons(ETH_P_IP))
		return parse_ipv4(skb, p);
	if (eth->h_proto == htons(ETH_P_IPV6))
		return parse_ipv6(skb, p);
	return UNSUPPORTED;
}
