/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * route: where a packet goes.
 *
 * A subnet's routes, in cells of the heap: 0 as in ruleset.h, 1… an interval of addresses each: u32
 * enum target, u32 where it begins. The longest prefix is worked out when they are compiled.
 */
#pragma once

#include "ruleset.h"
#include "source.h"

#define ROUTE_STEPS 12

/* Where the route leads: to the receiver, or if there is none to the host. */
struct hop {
	struct interface *receiver;
	const struct interface *by; /* where it leads nowhere: whom to blame. 0: the internet's side */
	bool public;		    /* by public addresses, through the internet gateway */
	__be32 src, dst;	    /* as the packet came; it may go on with others */
	__be32 quoted_src, quoted_dst;
};

static __always_inline enum target target(const struct interface *e, __be32 addr)
{
	__u32 routes = READ_ONCE(e->routes);
	if (!routes)
		return NOWHERE;
	return search(routes + 1, low(cell(routes)) - 1, ntohl(addr), ROUTE_STEPS);
}

/*
 * In through the internet gateway, to the interface that has the public destination: from here on it
 * is private. The interface's subnet must have a way back.
 */
static __always_inline enum reason enter(struct packet *p, struct hop *h)
{
	__u32 *slot = bpf_map_lookup_elem(&publics, &p->dst);
	struct interface *receiver = slot ? interface_at(*slot) : 0;
	if (!receiver)
		return NO_DESTINATION;
	if (target(receiver, p->src) != INTERNET) {
		h->by = receiver;
		return NO_ROUTE;
	}
	if (p->quote.at && p->quote.src == p->dst)
		p->quote.src = receiver->addr;
	p->dst = receiver->addr;
	h->receiver = receiver;
	h->public = true;
	return ALLOWED;
}

/* Out through the internet gateway: from here on the source is public. There are the host and the pool, and nothing beyond. */
static __always_inline enum reason leave(const struct config *c, const struct interface *sender, struct packet *p, struct hop *h)
{
	__be32 public = READ_ONCE(sender->public);
	if (!public)
		return NO_PUBLIC_ADDRESS;
	if (p->quote.at && p->quote.dst == sender->addr)
		p->quote.dst = public;
	p->src = public;
	h->public = true;
	if (p->dst == c->host)
		return ALLOWED;
	if (!in_pool(c, p->dst))
		return NOT_FORWARDED;
	return enter(p, h);
}

/*
 * The interface of the VPC that has the address. A connection remembers where that was: so the packets
 * after its first do without the search, if what is there now is still the one.
 */
static __always_inline struct interface *local(__u32 vpc, __be32 addr, struct connection *known)
{
	if (known) {
		struct interface *e = interface_at(READ_ONCE(known->peer));
		if (e && (READ_ONCE(e->flags) & PRESENT) && e->vpc == vpc && e->addr == addr)
			return e;
	}
	struct private_address a = {.vpc = vpc, .addr = addr};
	__u32 *slot = bpf_map_lookup_elem(&locals, &a);
	if (!slot)
		return 0;
	if (known)
		WRITE_ONCE(known->peer, *slot);
	return interface_at(*slot);
}

/* From the sender; known is the connection that the packet belongs to there, or 0. */
static __always_inline enum reason route(const struct config *c, const struct interface *sender, struct packet *p,
					 struct connection *known, struct hop *h)
{
	h->by = sender;
	switch (target(sender, p->dst)) {
	case LOCAL:
		h->receiver = local(sender->vpc, p->dst, known);
		return h->receiver && h->receiver != sender ? ALLOWED : NO_DESTINATION;
	case INTERNET:
		return leave(c, sender, p, h);
	default:
		return NO_ROUTE;
	}
}
