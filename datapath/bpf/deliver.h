/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* deliver: every packet ends here, on its way or dropped, with its reason counted. */
#pragma once

#include "nat.h"
#include "route.h"

#define PACKET_HOST 0 /* linux/if_packet.h */

/*
 * Counts the packet, and leaves the verdict where a test that runs the program can read it: in cb,
 * which belongs to whoever handles the packet at the time.
 */
static __always_inline void conclude(struct __sk_buff *skb, const struct interface *at, const struct interface *to,
				     enum reason why)
{
	__u32 slot = at ? at->slot : 0;
	struct counters *c = bpf_map_lookup_elem(&counters, &slot);
	if (c) { /* this CPU's: nobody else counts here */
		struct counter *n = &c->by[why & (MAX_REASONS - 1)];
		n->packets += skb->gso_segs ? skb->gso_segs : 1;
		n->bytes += skb->len;
	}
	skb->cb[0] = why;
	skb->cb[1] = at ? at->num : 0;
	skb->cb[2] = to ? to->num : 0;
	skb->cb[3] = 0;
}

static __always_inline int drop(struct __sk_buff *skb, const struct interface *at, enum reason why)
{
	conclude(skb, at, 0, why);
	return TC_ACT_SHOT;
}

/* Drops by an entry of a network ACL. */
static __always_inline int deny(struct __sk_buff *skb, const struct interface *at, enum reason why, __u32 entry)
{
	conclude(skb, at, 0, why);
	skb->cb[3] = entry;
	return TC_ACT_SHOT;
}

/*
 * Into the instance's end of the link, past the program on the host's end: both gates were asked
 * here. The kernel took the packet for somebody else's if its MAC is not that of the link it came by.
 */
static __always_inline int hand_over(struct __sk_buff *skb, __u32 ifindex)
{
	skb->mark = 0; /* the sender's mark is not the receiver's */
	if (skb->pkt_type != PACKET_HOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(ifindex, 0);
}

static __always_inline bool address(struct __sk_buff *skb, const __u8 *to, const __u8 *from)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return false;
	__builtin_memcpy(eth->h_dest, to, MAC_LEN);
	__builtin_memcpy(eth->h_source, from, MAC_LEN);
	return true;
}

/* Gives the packet the addresses that it arrives with: from its neighbour, or from the gateway. */
static __always_inline bool readdress(struct __sk_buff *skb, const struct config *c, const struct interface *sender,
				      const struct packet *p, const struct hop *h)
{
	const __u8 gateway[MAC_LEN] = GATEWAY_MAC;
	const struct interface *to = h->receiver;
	bool neighbour = !h->public && sender && to && neighbours(sender, to);

	bool translated = h->public && !p->wide;
	if (translated && !(translate(skb, p, SOURCE, h->src, p->src.w[3]) && translate(skb, p, DESTINATION, h->dst, p->dst.w[3])))
		return false;
	if (translated && p->quote.at &&
	    !(translate_quoted(skb, p, __builtin_offsetof(struct iphdr, saddr), h->quoted_src, p->quote.src.w[3]) &&
	      translate_quoted(skb, p, __builtin_offsetof(struct iphdr, daddr), h->quoted_dst, p->quote.dst.w[3])))
		return false;
	return address(skb, to ? to->mac : c->host_mac, neighbour ? sender->mac : gateway);
}

/* Delivers the packet, which passed the last gate for the reason. sender is 0 where it came from the internet. */
static __always_inline int deliver(struct __sk_buff *skb, const struct config *c, const struct interface *sender,
				   const struct packet *p, const struct hop *h, enum reason why)
{
	const struct interface *to = h->receiver, *at = to ? to : sender;

	if (!readdress(skb, c, sender, p, h))
		return drop(skb, at, INTERNAL);
	conclude(skb, at, to, why);
	if (to)
		return hand_over(skb, to->ifindex);
	skb->mark = 0;
	return bpf_redirect(c->host_ifindex, BPF_F_INGRESS);
}
