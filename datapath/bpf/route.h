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

/* Where the route leads: to the receiver, or if there is none to the host. */
struct hop {
	struct interface *receiver;
	const struct interface *by; /* where it leads nowhere: whom to blame. 0: the internet's side */
	bool public;		    /* by public addresses, through the internet gateway */
	__be32 src, dst;	    /* as the packet came; it may go on with others */
};

static __always_inline enum target target(const struct interface *e, __be32 addr)
{
	__u32 routes = READ_ONCE(e->routes);
	if (!routes)
		return NOWHERE;
	return interval(routes + 1, low(cell(routes)) - 1, ntohl(addr));
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
	p->src = public;
	h->public = true;
	if (p->dst == c->host)
		return ALLOWED;
	if (!in_pool(c, p->dst))
		return NOT_FORWARDED;
	return enter(p, h);
}

/* From the sender. */
static __always_inline enum reason route(const struct config *c, const struct interface *sender, struct packet *p, struct hop *h)
{
	h->by = sender;
	switch (target(sender, p->dst)) {
	case LOCAL: {
		struct private_address a = {.vpc = sender->vpc, .addr = p->dst};
		__u32 *slot = bpf_map_lookup_elem(&locals, &a);
		struct interface *receiver = slot ? interface_at(*slot) : 0;
		if (!receiver || receiver == sender)
			return NO_DESTINATION;
		h->receiver = receiver;
		return ALLOWED;
	}
	case INTERNET:
		return leave(c, sender, p, h);
	default:
		return NO_ROUTE;
	}
}
