/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections: what a gate remembers, so that what rules allowed once goes on in both directions,
 * whatever becomes of the rules. policy.Tracker in C.
 */
#pragma once

#include "parse.h"

/* As seen from an interface. */
enum direction {
	OUT,
	IN,
};

/* connection.state: enum connection_state in the low byte, and */
#define STATE_MASK 0xff
#define CONNECTION_IN (1 << 8)	     /* the packet that opened it went in */
#define CONNECTION_FIN_OUT (1 << 9)  /* TCP: FIN was seen out */
#define CONNECTION_FIN_IN (1 << 10)  /* and in */
#define CONNECTION_ANSWERED (1 << 11) /* UDP: a reply was seen */
#define CONNECTION_AGAIN (1 << 12)   /* and a request after it */
#define CONNECTION_WAS_OPEN (1 << 13) /* TCP: it was established once */
#define CONNECTION_FINS (CONNECTION_FIN_OUT | CONNECTION_FIN_IN)

/*
 * Seconds from whenever. The tick counter is read in line; the helpers for clocks are calls, and cost
 * more than all else here but the search for the connection.
 */
static __always_inline __u32 seconds(const struct config *c)
{
	__u32 clock = READ_ONCE(c->clock);
	return clock ? clock : bpf_jiffies64() / c->hz;
}

/* A packet at an interface's gate. */
struct crossing {
	const struct interface *at;
	const struct packet *packet;
	const struct config *config;
	__u32 now;
	__u32 sender; /* IN: Num of the interface that sent it from an address of its own; 0: none did */
	struct connection_key key;
	__u32 vpc;	/* that the interface at the other end is in; 0: there is none, or another one forwards the packet */
	__u8 direction; /* enum direction */
	__u8 tracked;	/* whether its route, or IN through a gateway the route back, tracks whatever the rules say */
	bool known;	/* the table has its key, if of a connection that is over, or another one */
};

/* Signed: another CPU may have seen a later second than this one read. */
static __always_inline bool expired(const struct interface *e, __u32 state, __u32 seen, __u32 now)
{
	return (__s32)(now - seen) > (__s32)READ_ONCE(e->timeout[state & 0xf]);
}

static __always_inline void connection_key(struct connection_key *k, const struct interface *e, enum direction d,
					   const struct packet *p)
{
	k->interface = e->num;
	k->local = *(d == OUT ? &p->src : &p->dst);
	k->remote = *(d == OUT ? &p->dst : &p->src);
	k->local_port = d == OUT ? p->src_port : p->dst_port;
	k->remote_port = d == OUT ? p->dst_port : p->src_port;
	k->protocol = p->protocol;
	k->asked = 0;
	if (p->class == CLASS_ICMP)
		k->asked = p->icmp_type == (p->wide ? ECHO_REQUEST_V6 : ECHO_REQUEST) ? d : !d;
	k->pad = 0;
}

/*
 * Whether the packet is an ICMP error about one that a live connection sent or got: that went the other way. It does not
 * count as traffic of the connection.
 */
static __noinline bool related(const struct crossing *x)
{
	const struct packet *p = x->packet;
	const struct quote *q = &p->quote;
	enum direction d = x->direction;
	if (!q->at || !same_address(&q->src, &p->dst)) /* an error goes to who sent what it is about, and to nobody else */
		return false;
	struct connection_key k = {
		.interface = x->at->num,
		.local = d == IN ? q->src : q->dst,
		.remote = d == IN ? q->dst : q->src,
		.local_port = d == IN ? q->src_port : q->dst_port,
		.remote_port = d == IN ? q->dst_port : q->src_port,
		.protocol = q->protocol,
	};
	if (q->protocol == (p->wide ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP)) {
		__u8 request = p->wide ? ECHO_REQUEST_V6 : ECHO_REQUEST, reply = p->wide ? ECHO_REPLY_V6 : ECHO_REPLY;
		if (q->icmp_type != request && q->icmp_type != reply)
			return false;
		k.asked = q->icmp_type == request ? !d : d;
	}
	struct connection *c = bpf_map_lookup_elem(&conns, &k);
	return c && !expired(x->at, READ_ONCE(c->state), READ_ONCE(c->seen), x->now);
}

/*
 * What the packet makes of a TCP connection: the first effect that applies. Sequence numbers are not
 * looked at, so a RST may be forged: what goes on afterwards shows it, and revives the connection.
 */
static __always_inline __u32 pass_tcp(__u32 was, enum direction d, __u8 flags)
{
	__u32 state = was & STATE_MASK, rest = was & ~STATE_MASK;
	bool reply = d != !!(was & CONNECTION_IN);

	if (flags & RST)
		return rest | STATE_TCP_RESET;
	if (state == STATE_TCP_RESET && !(flags & SYN))
		return rest | (was & CONNECTION_WAS_OPEN ? STATE_TCP_ESTABLISHED : STATE_TCP_OPENING);
	if (flags & FIN) {
		rest |= d == OUT ? CONNECTION_FIN_OUT : CONNECTION_FIN_IN;
		return rest | ((rest & CONNECTION_FINS) == CONNECTION_FINS ? STATE_TCP_CLOSING : state);
	}
	if (state == STATE_TCP_OPENING && reply && (flags & ACK))
		return rest | CONNECTION_WAS_OPEN | STATE_TCP_ESTABLISHED;
	return was;
}

/* Request, reply, request, reply make a stream. */
static __always_inline __u32 pass_udp(__u32 was, enum direction d)
{
	bool reply = d != !!(was & CONNECTION_IN);

	if (reply && (was & CONNECTION_AGAIN))
		return (was & ~STATE_MASK) | STATE_UDP_STREAM;
	if (reply)
		return was | CONNECTION_ANSWERED;
	if (was & CONNECTION_ANSWERED)
		return was | CONNECTION_AGAIN;
	return was;
}

/* What the packet makes of the connection's state. Its own function: the verifier looks at it once. */
__noinline __u32 pass(__u32 was, __u32 direction, __u32 class, __u32 tcp_flags)
{
	if (class == CLASS_TCP)
		return pass_tcp(was, direction, tcp_flags);
	if (class == CLASS_UDP)
		return pass_udp(was, direction);
	return was;
}

/* Whether the packet leaves the state as it is: nearly all of an open connection do. */
static __always_inline bool idle(__u32 state, const struct packet *p)
{
	if (p->class == CLASS_TCP)
		return state == STATE_TCP_ESTABLISHED && !(p->tcp_flags & (RST | FIN));
	return state == STATE_UDP_STREAM || p->class > CLASS_UDP;
}

/* Takes the state on from *was; false: it is another by now, and *was is that. */
static __always_inline bool advance(struct connection *c, __u32 *was, enum direction d, const struct packet *p)
{
	__u32 becomes = pass(*was, d, p->class, p->tcp_flags);
	if (becomes == *was)
		return true;
	__u32 found = __sync_val_compare_and_swap(&c->state, *was, becomes);
	bool done = found == *was;
	*was = found;
	return done;
}

/*
 * Whether the packet belongs to the connection, and notes that it passed.
 *
 * Two CPUs may be here at once, one for each direction, and the agent's sweeper at any time.
 *  - `seen` is a plain store: both store about now.
 *  - The state changes by compare and exchange, so that no FIN or RST is overwritten by the other direction's.
 *  - `other` is a plain store too, once in a connection's life.
 *  - An element that the sweeper deletes may at once become another connection's, while a CPU still
 *    holds it here. The sweeper only deletes what expired a minute ago, and expired ones are not
 *    written to here: what begins anew replaces the element as a whole, see open.
 */
static __always_inline bool continues(struct connection *c, const struct crossing *x)
{
	const struct packet *p = x->packet;
	__u32 was = READ_ONCE(c->state), seen = READ_ONCE(c->seen), other = READ_ONCE(c->other);

	/* A SYN is for the rules to judge, even on the ports of a connection that is not over. */
	if (p->class == CLASS_TCP && p->begins)
		return false;
	if (expired(x->at, was, seen, x->now))
		return false;
	/* A connection is with one interface: another one that has the address by now is a stranger. */
	if (x->sender && other != x->sender) {
		if (other)
			return false;
		WRITE_ONCE(c->other, x->sender);
	}
	/*
	 * The second try is for what the other direction changed meanwhile. Should it change it once more in
	 * that time, this packet's change is lost, and the connection merely lives longer.
	 */
	if (!idle(was & STATE_MASK, p) && !advance(c, &was, x->direction, p))
		advance(c, &was, x->direction, p);
	if (seen != x->now) /* once a second: not to take the cache line from the other direction */
		WRITE_ONCE(c->seen, x->now);
	return true;
}

/* Notes who got the packet of a connection that its sender knows: that interface may answer. */
static __always_inline void reached(struct connection *c, const struct interface *receiver)
{
	if (c && receiver && READ_ONCE(c->other) != receiver->num)
		WRITE_ONCE(c->other, receiver->num);
}

/*
 * Whether the packet, of TCP, is of a connection under way at an interface that takes it for begun: what passed there before
 * was judged by nobody.
 */
static __always_inline bool adopted(const struct crossing *x)
{
	const struct packet *p = x->packet;
	__u32 until = READ_ONCE(x->at->adopt);
	return until && p->class == CLASS_TCP && (p->tcp_flags & (ACK | RST | FIN)) == ACK && (__s32)(until - x->now) > 0;
}

static __always_inline __u32 first_state(const struct packet *p)
{
	switch (p->class) {
	case CLASS_TCP:
		return STATE_TCP_OPENING;
	case CLASS_UDP:
		return STATE_UDP;
	case CLASS_ICMP:
		return STATE_ICMP_ECHO;
	}
	return STATE_OTHER;
}

/* Takes one charge off the interface. */
static __always_inline void discharge(__u32 guaranteed, __u64 *used, __u64 *shared)
{
	if (__sync_fetch_and_add(used, -1) > guaranteed)
		__sync_fetch_and_add(shared, -1);
}

/*
 * Charges the interface for one more connection and makes it; or why there is no room: neither its share nor what all share
 * has any, or the table is full of those of interfaces that are gone.
 */
static __always_inline enum reason add(const struct crossing *x, const struct connection *new)
{
	/* The share is read once: it changes with the interfaces. */
	__u32 slot = x->at->slot, all = 0, guaranteed = READ_ONCE(x->config->guaranteed);
	__u64 *used = bpf_map_lookup_elem(&allowances, &slot), *shared = bpf_map_lookup_elem(&allowances, &all);
	if (!used || !shared)
		return INTERNAL;
	if (__sync_fetch_and_add(used, 1) >= guaranteed &&
	    __sync_fetch_and_add(shared, 1) >= READ_ONCE(x->config->shared)) {
		discharge(guaranteed, used, shared);
		return ALLOWANCE;
	}
	if (bpf_map_update_elem(&conns, &x->key, new, BPF_ANY)) {
		discharge(guaranteed, used, shared);
		return TABLE_FULL;
	}
	return ALLOWED;
}

/*
 * Remembers the connection that the packet begins, or that it is under way, or why there is no room. An expired or closed one with the same key is
 * replaced, and charged already. Should another CPU come first, one charge too many stands until the next sweep.
 */
static __noinline enum reason open(const struct crossing *x)
{
	struct connection c = {
		.state = first_state(x->packet) | (x->direction == IN ? CONNECTION_IN : 0),
		.seen = x->now,
		.opened = x->now,
		.other = x->sender,
	};
	if (!x->packet->begins)
		c.state = STATE_TCP_ESTABLISHED | CONNECTION_WAS_OPEN | (c.state & CONNECTION_IN);
	if (!x->known)
		return add(x, &c);
	return bpf_map_update_elem(&conns, &x->key, &c, BPF_ANY) ? TABLE_FULL : ALLOWED;
}
