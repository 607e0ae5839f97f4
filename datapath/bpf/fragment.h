/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Pieces of packets: a later one has no ports, and is what the first one was. policy/fragment.go in C. */
#pragma once

#include "parse.h"

/* Which of the internet's senders has the address: the highest bits of a product, which all of its bits have a part in. */
static __always_inline __u32 outsider(const struct address *a)
{
	return ntohl(a->w[0] ^ a->w[1] ^ a->w[2] ^ a->w[3]) * 0x9e3779b1 / ((1ULL << 32) / OUTSIDERS);
}

/* Where a packet of the sender is remembered; 0 is the internet's side. p->src is what was sent from. */
static __always_inline struct fragment *fragment_at(const struct interface *sender, const struct packet *p)
{
	__u32 who = sender ? OUTSIDERS - 1 + sender->slot : outsider(&p->src);
	__u32 at = who * FRAGMENT_SLOTS + p->id % FRAGMENT_SLOTS;
	return bpf_map_lookup_elem(&fragments, &at);
}

/* Remembers the first piece of a packet, which passed; of IPv4 it was sent from src to dst, whatever it has become. */
static __always_inline void remember(const struct interface *sender, const struct packet *p, __be32 src, __be32 dst, __u32 now)
{
	struct fragment *f = fragment_at(sender, p);
	if (!f)
		return;
	f->sender = sender ? sender->num : 0;
	f->src = p->src;
	f->dst = p->dst;
	if (!p->wide) {
		f->src.w[3] = src;
		f->dst.w[3] = dst;
	}
	f->id = p->id;
	f->src_port = p->src_port;
	f->dst_port = p->dst_port;
	f->what = p->what;
	f->protocol = p->protocol;
	f->class = p->class;
	f->icmp_type = p->icmp_type;
	f->tracked = p->tracked;
	f->begins = p->begins && p->class != CLASS_TCP;
	f->seen = now;
}

/* Gives a later piece what the first one said; false: that did not pass, or is forgotten. */
static __always_inline bool recall(const struct interface *sender, struct packet *p, __u32 now)
{
	const struct fragment *f = fragment_at(sender, p);
	if (!f || f->sender != (sender ? sender->num : 0) || !same_address(&f->src, &p->src) || !same_address(&f->dst, &p->dst) ||
	    f->id != p->id || (!p->wide && f->protocol != p->protocol) || now - f->seen + 1 > FRAGMENT_TIMEOUT + 1) /* another CPU may be a second ahead */
		return false;
	p->protocol = f->protocol; /* a later piece of IPv6 says what its first header is */
	p->src_port = f->src_port;
	p->dst_port = f->dst_port;
	p->what = f->what;
	p->class = f->class;
	p->icmp_type = f->icmp_type;
	p->tracked = f->tracked;
	p->begins = f->begins;
	return true;
}
