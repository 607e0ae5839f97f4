/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * route: where a packet goes.
 *
 * A subnet's routes, in cells of the heap: 0 as in ruleset.h; 1 how many intervals of addresses there are, u32 of IPv4,
 * u32 of IPv6; then those, as ruleset.h has them, whose values are numbers of the ways that follow: u32 enum target
 * and whether it tracks, u32 what of it; see way. The longest prefix is worked out when they are compiled.
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
	bool forwarded;		    /* the receiver does not have the address that the packet goes to */
	__u8 tracked;		    /* whether the receiver's route back to the internet tracks */
	__be32 src, dst;	    /* of IPv4: as the packet came; it may go on with others */
	__be32 quoted_src, quoted_dst;
};

/*
 * Where the interface's subnet leads the address: the low byte is enum target, the next one 1 where what begins is tracked
 * whatever the rules say; the high half of PEERING the VPC, of NETWORK_INTERFACE the address in this one, or 0. Its own function: the verifier looks at it once.
 */
__noinline __u64 way(const struct interface *e, const struct address *a, __u32 wide)
{
	__u32 routes = e ? READ_ONCE(e->routes) : 0;
	if (!routes || !a)
		return NOWHERE;
	__u64 intervals = cell(routes + 1);
	__u32 first = routes + 2, ways = first + low(intervals) + 3 * high(intervals);
	if (wide)
		return cell(ways + interval6(first + low(intervals), high(intervals), first_half(a), second_half(a)));
	return cell(ways + search(first, low(intervals), ntohl(a->w[3]), ROUTE_STEPS));
}

static __always_inline enum target target(__u64 way)
{
	return (__u8)way;
}

static __always_inline __u8 tracks(__u64 way)
{
	return low(way) >> 8;
}

/* The VPC in which interfaces have the addresses that the way leads to; 0: it leads to none by address. */
static __always_inline __u32 vpc_of(__u64 way, const struct interface *sender)
{
	if (target(way) == LOCAL)
		return sender->vpc;
	return target(way) == PEERING ? high(way) : 0;
}

/* Whether they are of one subnet. */
static __always_inline bool neighbours(const struct interface *a, const struct interface *b)
{
	return a->subnet == b->subnet && a->vpc == b->vpc;
}

/*
 * In through the internet gateway, to the interface that has the public destination: from here on it
 * is private, if of IPv4. The interface's subnet must have a way back.
 */
static __always_inline enum reason enter(struct packet *p, struct hop *h)
{
	struct interface *receiver = interface_with(0, &p->dst);
	if (!receiver)
		return NO_DESTINATION;
	__u32 back = low(way(receiver, &p->src, p->wide));
	if (target(back) != INTERNET) {
		h->by = receiver;
		return NO_ROUTE;
	}
	if (!p->wide) {
		if (p->quote.at && same_address(&p->quote.src, &p->dst))
			p->quote.src.w[3] = receiver->addr;
		p->dst.w[3] = receiver->addr;
	}
	h->receiver = receiver;
	h->public = true;
	h->tracked = tracks(back);
	return ALLOWED;
}

/* Out through the internet gateway: from here on the source is public. There are the host and the pool, and nothing beyond. */
static __always_inline enum reason leave(const struct config *c, const struct interface *sender, struct packet *p, struct hop *h)
{
	if (p->wide) {
		if (!has_address(sender, &p->src, true))
			return NO_PUBLIC_ADDRESS;
	} else {
		__be32 public = READ_ONCE(sender->public);
		if (!public || p->src.w[3] != sender->addr)
			return NO_PUBLIC_ADDRESS;
		if (p->quote.at && p->quote.dst.w[3] == sender->addr)
			p->quote.dst.w[3] = public;
		p->src.w[3] = public;
	}
	h->public = true;
	if (is_host(c, &p->dst, p->wide))
		return ALLOWED;
	if (!in_pool(c, &p->dst, p->wide))
		return NOT_FORWARDED;
	return enter(p, h);
}

/*
 * The interface of the VPC that has the address. A connection remembers where that was: so the packets
 * after its first do without the search, if what is there now is still the one.
 */
static __always_inline struct interface *local(__u32 vpc, const struct packet *p, struct connection *known)
{
	if (known && !p->wide) { /* of IPv6 an interface does not say here which are its own */
		struct interface *e = interface_at(READ_ONCE(known->peer));
		if (e && (READ_ONCE(e->flags) & PRESENT) && e->vpc == vpc && e->addr == p->dst.w[3])
			return e;
	}
	struct interface *e = interface_with(vpc, &p->dst);
	if (e && known && !p->wide)
		WRITE_ONCE(known->peer, e->slot);
	return e;
}

/* To the interface that has the address in the sender's VPC, whether or not the packet goes to that one. */
static __always_inline enum reason pass_to(const struct interface *sender, const struct packet *p, __be32 addr, struct hop *h)
{
	struct address a = mapped(addr);
	struct interface *receiver = interface_with(sender->vpc, &a);
	if (!receiver || receiver == sender)
		return NO_DESTINATION;
	h->forwarded = !has_address(receiver, &p->dst, p->wide);
	h->receiver = receiver;
	if (!h->forwarded || (READ_ONCE(receiver->flags) & ANY_SOURCE))
		return ALLOWED;
	h->by = receiver;
	return NO_FORWARDING;
}

/* From the sender, by the way; known is the connection that the packet belongs to there, or 0. */
static __always_inline enum reason follow(const struct config *c, const struct interface *sender, __u64 way, struct packet *p,
					  struct connection *known, struct hop *h)
{
	h->by = sender;
	switch (target(way)) {
	case LOCAL:
	case PEERING:
		h->receiver = local(vpc_of(way, sender), p, known);
		return h->receiver && h->receiver != sender ? ALLOWED : NO_DESTINATION;
	case NETWORK_INTERFACE:
		return pass_to(sender, p, high(way), h);
	case INTERNET:
		return leave(c, sender, p, h);
	default:
		return NO_ROUTE;
	}
}
