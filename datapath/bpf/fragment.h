/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Pieces of packets: a later one has no ports, and is what the first one was. policy/fragment.go in C. */
#pragma once

#include "parse.h"

/* Where a packet of the sender is remembered; 0 is the internet's side. */
static __always_inline struct fragment *fragment_at(const struct interface *sender, const struct packet *p)
{
	__u32 at = (sender ? sender->slot : 0) * FRAGMENT_SLOTS + ntohs(p->id) % FRAGMENT_SLOTS;
	return bpf_map_lookup_elem(&fragments, &at);
}

/* Remembers the first piece of a packet from src to dst, which passed. */
static __always_inline void remember(const struct interface *sender, const struct packet *p, __be32 src, __be32 dst, __u32 now)
{
	struct fragment *f = fragment_at(sender, p);
	if (f)
		*f = (struct fragment){
			.sender = sender ? sender->num : 0,
			.src = src,
			.dst = dst,
			.id = p->id,
			.src_port = p->src_port,
			.dst_port = p->dst_port,
			.what = p->what,
			.protocol = p->protocol,
			.class = p->class,
			.icmp_type = p->icmp_type,
			.tracked = p->tracked,
			.begins = p->begins && p->class != CLASS_TCP,
			.seen = now,
		};
}

/* Gives a later piece what the first one said; false: that did not pass, or is forgotten. */
static __always_inline bool recall(const struct interface *sender, struct packet *p, __u32 now)
{
	const struct fragment *f = fragment_at(sender, p);
	if (!f || f->sender != (sender ? sender->num : 0) || f->src != p->src || f->dst != p->dst || f->id != p->id ||
	    f->protocol != p->protocol || now - f->seen + 1 > FRAGMENT_TIMEOUT + 1) /* another CPU may be a second ahead */
		return false;
	p->src_port = f->src_port;
	p->dst_port = f->dst_port;
	p->what = f->what;
	p->class = f->class;
	p->icmp_type = f->icmp_type;
	p->tracked = f->tracked;
	p->begins = f->begins;
	return true;
}
