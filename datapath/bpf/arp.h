/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ARP is answered in the place of the one who was asked for: the subnet's gateway, or a neighbour.
 * Nothing that an interface says of itself or of others by ARP is passed on.
 */
#pragma once

#include "deliver.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2

/* A whole frame. RFC 826. */
struct arp_frame {
	struct ethhdr eth;
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sender_mac[MAC_LEN];
	__be32 sender;
	__u8 target_mac[MAC_LEN];
	__be32 target;
} __attribute__((packed, aligned(2)));

/* The MAC of the address in the interface's subnet, if somebody else has it there. */
static __always_inline bool neighbour(const struct interface *e, __be32 addr, __u8 *mac)
{
	const __u8 gateway[MAC_LEN] = GATEWAY_MAC;
	if (!e->gateway)
		return false;
	if (addr == e->gateway) {
		__builtin_memcpy(mac, gateway, MAC_LEN);
		return true;
	}
	struct private_address a = {.vpc = e->vpc, .addr = addr};
	__u32 *slot = bpf_map_lookup_elem(&locals, &a);
	struct interface *n = slot ? interface_at(*slot) : 0;
	if (!n || n == e || n->subnet != e->subnet)
		return false;
	__builtin_memcpy(mac, n->mac, MAC_LEN);
	return true;
}

static __always_inline int answer(struct __sk_buff *skb, const struct interface *e)
{
	struct arp_frame *f = (void *)(long)skb->data;
	if ((void *)(f + 1) > (void *)(long)skb->data_end)
		return drop(skb, e, MALFORMED);
	if (f->hardware != htons(1) || f->protocol != htons(ETH_P_IP) || f->hardware_len != MAC_LEN || f->protocol_len != 4)
		return drop(skb, e, MALFORMED);
	/* 0.0.0.0 asks whether an address is taken. RFC 5227 */
	if (!same_mac(f->eth.h_source, e->mac) || !same_mac(f->sender_mac, e->mac) || (f->sender != e->addr && f->sender))
		return drop(skb, e, SPOOFED);

	__u8 mac[MAC_LEN] __attribute__((aligned(4)));
	if (f->op != htons(ARP_REQUEST) || !neighbour(e, f->target, mac))
		return drop(skb, e, NO_DESTINATION);

	__be32 asked = f->target;
	f->op = htons(ARP_REPLY);
	f->target = f->sender;
	f->sender = asked;
	__builtin_memcpy(f->target_mac, e->mac, MAC_LEN);
	__builtin_memcpy(f->sender_mac, mac, MAC_LEN);
	__builtin_memcpy(f->eth.h_dest, e->mac, MAC_LEN);
	__builtin_memcpy(f->eth.h_source, mac, MAC_LEN);
	conclude(skb, e, e, ANSWERED);
	return hand_over(skb, e->ifindex);
}
