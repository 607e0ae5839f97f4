/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* source: whether a packet's source may be true. */
#pragma once

#include "parse.h"

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	/* Both are on even addresses in their structs. */
	const __u16 *x = (const __u16 *)a, *y = (const __u16 *)b;
	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline bool in_pool(const struct config *c, __be32 addr)
{
	return (addr & c->pool_mask) == c->pool;
}

/*
 * An interface sends from its own MAC and address; without the source/destination check from any
 * address, but still from no other MAC.
 */
static __always_inline bool source(const struct interface *e, const struct packet *p)
{
	return same_mac(p->src_mac, e->mac) && (p->src == e->addr || (READ_ONCE(e->flags) & ANY_SOURCE));
}

/* The internet does not send from the pool, where only the host's own address is outside the VPCs. */
static __always_inline bool source_of_internet(const struct config *c, const struct packet *p)
{
	return p->src == c->host || !in_pool(c, p->src);
}
