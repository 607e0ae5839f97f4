/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses that change at the internet gateway, one for one, with their checksums. */
#pragma once

#include "parse.h"

#define SOURCE (ETH_HLEN + __builtin_offsetof(struct iphdr, saddr))
#define DESTINATION (ETH_HLEN + __builtin_offsetof(struct iphdr, daddr))
#define IP_CHECKSUM (ETH_HLEN + __builtin_offsetof(struct iphdr, check))

/*
 * The checksum of the transport header holds the addresses too. The helper knows of sums that the
 * device is still to finish (large sends), and leaves a UDP sum of 0, which is none, as it is.
 */
static __always_inline long transport_checksum(struct __sk_buff *skb, const struct packet *p, __be32 was, __be32 is)
{
	if (p->later)
		return 0;
	if (p->class == CLASS_TCP)
		return bpf_l4_csum_replace(skb, p->transport + __builtin_offsetof(struct tcphdr, check), was, is,
					   BPF_F_PSEUDO_HDR | sizeof(is));
	if (p->class == CLASS_UDP)
		return bpf_l4_csum_replace(skb, p->transport + __builtin_offsetof(struct udphdr, check), was, is,
					   BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | sizeof(is));
	return 0;
}

/* Writes the address `is` over the address `was` at the offset. Pointers into the packet end here. */
static __always_inline bool translate(struct __sk_buff *skb, const struct packet *p, __u32 offset, __be32 was, __be32 is)
{
	return was == is ||
	       (!transport_checksum(skb, p, was, is) && !bpf_l3_csum_replace(skb, IP_CHECKSUM, was, is, sizeof(is)) &&
		!bpf_skb_store_bytes(skb, offset, &is, sizeof(is), 0));
}

/*
 * The same of an address in what an ICMP error quotes. The quoted IP header's checksum makes up for it, so the
 * ICMP checksum over both stays right; the quoted transport's checksum stays as it was sent.
 */
static __always_inline bool translate_quoted(struct __sk_buff *skb, const struct packet *p, __u32 offset, __be32 was, __be32 is)
{
	__u32 at = p->quote.at;
	return was == is || (!bpf_l3_csum_replace(skb, at + __builtin_offsetof(struct iphdr, check), was, is, sizeof(is)) &&
			     !bpf_skb_store_bytes(skb, at + offset, &is, sizeof(is), 0));
}
