/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ARP and neighbour discovery are answered in the place of the one who was asked for: the subnet's gateway, or a neighbour.
 * Nothing that an interface says of itself or of others is passed on. policy/neighbours.go in C.
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

/* The gateway's address of IPv6, on every link: policy.GatewayIPv6. */
#define GATEWAY_IPV6                                                         \
	{                                                                    \
		.w = { htonl(0xfe800000), 0, htonl(0xff), htonl(0xfe000001) } \
	}

/* The MAC of the address in the interface's subnet, if somebody else has it there. */
static __always_inline bool neighbour(const struct interface *e, const struct address *a, __u8 *mac)
{
	const __u8 gateway[MAC_LEN] = GATEWAY_MAC;
	const struct address link_gateway = GATEWAY_IPV6;
	if (!e->gateway)
		return false;
	if (same_address(a, &link_gateway) || (is_mapped(a) && a->w[3] == e->gateway)) {
		__builtin_memcpy(mac, gateway, MAC_LEN);
		return true;
	}
	struct interface *n = interface_with(e->vpc, a);
	if (!n || n == e || n->subnet != e->subnet)
		return false;
	__builtin_memcpy(mac, n->mac, MAC_LEN);
	return true;
}

static __noinline int answer_arp(struct __sk_buff *skb, const struct interface *e)
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
	struct address target = mapped(f->target);
	if (f->op != htons(ARP_REQUEST) || !neighbour(e, &target, mac))
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

#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_ROUTER 0x80000000
#define ND_SOLICITED 0x40000000
#define ND_OVERRIDE 0x20000000
#define ND_SOURCE 1 /* options: whose MAC follows */
#define ND_TARGET 2
#define ND_LEAST (sizeof(struct nd_frame) - 2 - MAC_LEN)

/* A whole frame. RFC 4861 §4.3, §4.4. */
struct nd_frame {
	struct ethhdr eth;
	struct ipv6 ip;
	__u8 type, code;
	__be16 checksum;
	__be32 flags;
	struct address target;
	__u8 option, option_len; /* one option of 8 bytes: may be missing */
	__u8 mac[MAC_LEN];
} __attribute__((packed, aligned(2)));

/* The ones' complement sum of what is added up here in words of two or four bytes, in the packet's order. RFC 1071 */
static __always_inline __sum16 checksum(__u64 sum)
{
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u64 add_address(__u64 sum, const struct address *a)
{
	return sum + a->w[0] + a->w[1] + a->w[2] + a->w[3];
}

/* Whether the interface may ask from the address: from its own, or before it has one. */
static __always_inline bool asks_from(const struct interface *e, const struct address *a)
{
	bool unspecified = !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
	return unspecified || (a->w[0] & htonl(0xffc00000)) == htonl(0xfe800000) || has_address(e, a, true);
}

/* Turns the question, whose frame has room for it, into the answer that the target has the MAC. */
static __always_inline bool advertise(struct __sk_buff *skb, const struct interface *e, const struct address *from,
				      const struct address *target, const __u8 *mac)
{
	const struct address gateway = GATEWAY_IPV6, all_nodes = {.w = {htonl(0xff020000), 0, 0, htonl(1)}};
	bool unspecified = !(from->w[0] | from->w[1] | from->w[2] | from->w[3]); /* is the address taken? RFC 4862 §5.4 */
	struct address to = unspecified ? all_nodes : *from;
	__be32 flags = htonl(ND_OVERRIDE | (unspecified ? 0 : ND_SOLICITED) | (same_address(target, &gateway) ? ND_ROUTER : 0));
	const __u16 *m = (const __u16 *)mac;
	const __u16 length = sizeof(struct nd_frame) - sizeof(struct ethhdr) - sizeof(struct ipv6);

	struct nd_frame *f = (void *)(long)skb->data;
	if ((void *)(f + 1) > (void *)(long)skb->data_end)
		return false;
	__builtin_memcpy(f->eth.h_dest, e->mac, MAC_LEN);
	__builtin_memcpy(f->eth.h_source, mac, MAC_LEN);
	f->ip.length = htons(length);
	f->ip.hops = 255;
	f->ip.src = *target;
	f->ip.dst = to;
	f->type = ND_ADVERTISEMENT;
	f->code = 0;
	f->flags = flags;
	f->target = *target;
	f->option = ND_TARGET;
	f->option_len = 1;
	__builtin_memcpy(f->mac, mac, MAC_LEN);
	__u64 sum = add_address(add_address(add_address(0, target), &to), target); /* the source, the destination, the target */
	sum += htons(length) + htons(PROTOCOL_ICMPV6) + htons(ND_ADVERTISEMENT << 8) + (__u64)flags;
	sum += htons(ND_TARGET << 8 | 1) + m[0] + m[1] + m[2];
	f->checksum = checksum(sum);
	return true;
}

static __noinline int answer_nd(struct __sk_buff *skb, const struct interface *e)
{
	struct nd_frame *f = (void *)(long)skb->data;
	const void *end = (void *)(long)skb->data_end;
	if ((void *)&f->flags > end)
		return drop(skb, e, MALFORMED);
	bool own_mac = same_mac(f->eth.h_source, e->mac);
	if (f->ip.next != PROTOCOL_ICMPV6 || (f->type != ND_SOLICITATION && f->type != ND_ADVERTISEMENT))
		return drop(skb, e, own_mac ? NO_DESTINATION : SPOOFED); /* it reaches nobody */
	if ((void *)f + ND_LEAST > end || ntohs(f->ip.length) < ND_LEAST - sizeof(f->eth) - sizeof(f->ip) || f->ip.hops != 255 || f->code)
		return drop(skb, e, MALFORMED);

	__u8 kind = f->type - ND_SOLICITATION + ND_SOURCE;
	bool named = ntohs(f->ip.length) >= sizeof(*f) - sizeof(f->eth) - sizeof(f->ip) && (void *)(f + 1) <= end &&
		     f->option == kind && f->option_len == 1;
	if (named && (void *)(f + 1) <= end && !same_mac(f->mac, e->mac)) {
		const __u16 *m = (const __u16 *)f->mac;
		own_mac = own_mac && !(m[0] | m[1] | m[2]); /* it names none */
	}
	struct address from = f->ip.src, target = f->target;
	if (!own_mac || !asks_from(e, &from))
		return drop(skb, e, SPOOFED);

	__u8 mac[MAC_LEN] __attribute__((aligned(4)));
	if (kind != ND_SOURCE || is_mapped(&target) || !neighbour(e, &target, mac))
		return drop(skb, e, NO_DESTINATION);
	if (bpf_skb_change_tail(skb, sizeof(*f), 0) || !advertise(skb, e, &from, &target, mac))
		return drop(skb, e, INTERNAL);
	conclude(skb, e, e, ANSWERED);
	return hand_over(skb, e->ifindex);
}
