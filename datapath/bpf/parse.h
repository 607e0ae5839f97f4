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

/* Which of a ruleset's tables judges the packet: they differ in what the 16 bits of `what` mean. */
enum class {
	CLASS_TCP,   /* destination port */
	CLASS_UDP,   /* destination port */
	CLASS_ICMP,  /* type << 8 | code */
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

/* The first 8 bytes of ICMP; the kernel's header for it needs a C library. RFC 792. */
struct icmp {
	__u8 type, code;
	__sum16 checksum;
	__be16 id; /* of an echo */
	__be16 sequence;
};

/* What an ICMP error says of the packet that it is about. flow.Quote in C. */
struct quote {
	__be32 src, dst;
	__be16 src_port, dst_port;
	__u8 protocol;
	__u8 icmp_type;
	__u16 at; /* where it begins in the frame; 0: nothing is quoted */
};

struct packet {
	__u8 src_mac[MAC_LEN];
	__be16 ethertype;
	__be32 src, dst;
	__be16 src_port, dst_port; /* ICMP echo: the identifier is the asking end's port, the other is 0 */
	__u16 what;		   /* see enum class */
	__u8 class;
	__u8 protocol;
	__u8 tcp_flags;	 /* of TCP */
	__u8 icmp_type;	 /* of ICMP */
	__u8 transport; /* where the transport header begins in the frame */
	bool tracked;	 /* it can belong to a connection */
	bool begins;	 /* it can be the first of one */
	bool first, later; /* piece of a packet; a later one has no transport header */
	__be16 id;	   /* of a packet in pieces */
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
	p->icmp_type = h->type;
	p->what = (__u16)h->type << 8 | h->code;
	p->class = CLASS_ICMP;
	if (h->type == ECHO_REQUEST) {
		p->src_port = h->id;
		p->tracked = p->begins = true;
	} else if (h->type == ECHO_REPLY) {
		p->dst_port = h->id;
		p->tracked = true;
	} else if (h->type == UNREACHABLE || h->type == TIME_EXCEEDED || h->type == PARAMETER_PROBLEM) {
		p->quote.at = p->transport + sizeof(*h);
	}
	return ALLOWED;
}

/*
 * Reads what an ICMP error quotes, which ends with the packet: at least 8 bytes more than the IP header. Of fragments the
 * first alone has ports. What it cannot be read from quotes nothing.
 */
static __always_inline void parse_quote(struct __sk_buff *skb, struct packet *p, __u32 end)
{
	struct quote *q = &p->quote;
	struct iphdr ip;
	struct icmp t; /* the longest beginning that is read, of any protocol */
	__u32 at = q->at;

	q->at = 0;
	if (at + sizeof(ip) > end || bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
		return;
	__u32 transport = at + ip.ihl * 4;
	if (ip.version != 4 || ip.ihl < 5 || (ip.frag_off & htons(0x1fff)) || transport + sizeof(t) > end ||
	    bpf_skb_load_bytes(skb, transport, &t, sizeof(t)))
		return;
	q->at = at;
	q->src = ip.saddr;
	q->dst = ip.daddr;
	q->protocol = ip.protocol;
	if (ip.protocol == PROTOCOL_TCP || ip.protocol == PROTOCOL_UDP) {
		q->src_port = ((__be16 *)&t)[0];
		q->dst_port = ((__be16 *)&t)[1];
	} else if (ip.protocol == PROTOCOL_ICMP) {
		q->icmp_type = t.type;
		if (t.type == ECHO_REQUEST)
			q->src_port = t.id;
		else if (t.type == ECHO_REPLY)
			q->dst_port = t.id;
	}
}

/*
 * Reads the frame into p, which is all zero before. ALLOWED says that p is a whole IPv4 packet; of what
 * is UNSUPPORTED only the MAC and the ethertype are there. What follows the packet is Ethernet's padding.
 */
static __always_inline enum reason parse(struct __sk_buff *skb, struct packet *p)
{
	linearise(skb);
	const void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct ethhdr *eth = data;
	if ((void *)(eth + 1) > end)
		return MALFORMED;
	if (skb->vlan_present) /* its tag is no longer in the frame */
		return UNSUPPORTED;
	__builtin_memcpy(p->src_mac, eth->h_source, MAC_LEN);
	p->ethertype = eth->h_proto;
	if (eth->h_proto != htons(ETH_P_IP))
		return UNSUPPORTED;

	const struct iphdr *ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end || ip->version != 4)
		return MALFORMED;
	__u32 header = ip->ihl * 4, total = ntohs(ip->tot_len);
	if (header < sizeof(*ip) || total < header || ETH_HLEN + total > skb->len)
		return MALFORMED;
	p->protocol = ip->protocol;
	p->src = ip->saddr;
	p->dst = ip->daddr;
	p->transport = ETH_HLEN + header;

	__u32 fragment = ntohs(ip->frag_off), offset = (fragment & 0x1fff) * 8;
	p->id = ip->id;
	p->later = offset;
	p->first = !offset && (fragment & 0x2000);
	if (p->later) /* what would lie over the first one's header is no honest piece. RFC 3128 */
		return p->protocol == PROTOCOL_TCP && offset < sizeof(struct tcphdr) ? MALFORMED : ALLOWED;

	const void *transport = (void *)ip + header;
	switch (ip->protocol) {
	case PROTOCOL_TCP:
		return parse_tcp(p, transport, end, total - header);
	case PROTOCOL_UDP:
		return parse_udp(p, transport, end, total - header);
	case PROTOCOL_ICMP: {
		enum reason why = parse_icmp(p, transport, end, total - header);
		if (p->quote.at)
			parse_quote(skb, p, ETH_HLEN + total);
		return why;
	}
	}
	p->what = ip->protocol;
	p->class = CLASS_OTHER;
	p->tracked = p->begins = true;
	return ALLOWED;
}
