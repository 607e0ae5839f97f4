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

static __always_inline bool in_pool(const struct config *c, const struct address *a, bool wide)
{
	if (!wide)
		return (a->w[3] & c->pool_mask) == c->pool;
	struct address m = *a;
	for (int i = 0; i < 4; i++)
		m.w[i] &= c->pool6_mask.w[i];
	return same_address(&m, &c->pool6);
}

/* Whether it is the host's own. */
static __always_inline bool is_host(const struct config *c, const struct address *a, bool wide)
{
	return wide ? same_address(a, &c->host6) : a->w[3] == c->host;
}

/* Whether the address is the interface's own in its VPC. */
static __always_inline bool has_address(const struct interface *e, const struct address *a, bool wide)
{
	return wide ? interface_with(e->vpc, a) == e : a->w[3] == e->addr;
}

/*
 * An interface sends from its own MAC and address; without the source/destination check from any
 * address, but still from no other MAC.
 */
static __always_inline bool source(const struct interface *e, const struct packet *p)
{
	return same_mac(p->src_mac, e->mac) &&
	       ((READ_ONCE(e->flags) & ANY_SOURCE) || has_address(e, &p->src, p->wide));
}

/*
 * Num of the interface, which passed source, if it sends from an address of its own; 0: it forwards for others. Its own
 * function: the verifier looks at it once.
 */
__noinline __u32 author(const struct interface *e, const struct packet *p)
{
	if (!e || !p)
		return 0;
	return !(READ_ONCE(e->flags) & ANY_SOURCE) || has_address(e, &p->src, p->wide) ? e->num : 0;
}

/* The internet does not send from the pool, where only the host's own address is outside the VPCs. */
static __always_inline bool source_of_internet(const struct config *c, const struct packet *p)
{
	return is_host(c, &p->src, p->wide) || !in_pool(c, &p->src, p->wide);
}
