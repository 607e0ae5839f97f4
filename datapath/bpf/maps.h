/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the agent and the programs share. Go's types are generated from these.
 *
 * Every map is allocated whole when it is made: an update never needs memory that is not there. What
 * changes here changes the layout: count up Layout in open.go.
 */
#pragma once

#include "bpf.h"
#include "policy_gen.h"

/*
 * heap holds everything that is compiled: extents of cells, each found by the number of its first
 * cell, and never changed once it can be found. Its layouts are in ruleset.h and route.h; number 0 is
 * no extent. An extent's first cell is for an agent that adopts the heap: u32 its length in cells,
 * u32 what it is. The agent writes it all through mapped memory.
 *
 * Sizes that are chosen when the maps are made are 1 here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} heap SEC(".maps");

#define MAC_LEN 6

/* An address of either IP version; of IPv4 as ::ffff:a.b.c.d, which no packet of IPv6 has. RFC 4291 §2.5.5.2. */
struct address {
	__be32 w[4];
};

enum interface_flag {
	ANY_SOURCE = 1, /* its packets may come from addresses that are not its own */
	PRESENT = 2,	/* a slot remembered from before may be used again */
	OPEN = 4,	/* everything passes its gate */
};

static __always_inline struct address mapped(__be32 addr)
{
	return (struct address){.w = {0, 0, htonl(0xffff), addr}};
}

static __always_inline bool is_mapped(const struct address *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

static __always_inline bool same_address(const struct address *a, const struct address *b)
{
	return !((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) | (a->w[3] ^ b->w[3]));
}

/* An interface, by slot. Slot 0 is nobody: what cannot be told to any other is counted there. */
struct interface {
	__u32 num; /* never used twice; 0: nobody */
	__u32 slot;
	__u32 vpc;
	__u32 ifindex; /* of the host's side of its link */
	__be32 addr;   /* of IPv4; those of IPv6 are in places alone */
	__be32 public; /* 0: none. May change, as may what follows up to flags; the others stay while the slot is in use */
	__u32 ruleset; /* in the heap. One store publishes the new one */
	__u32 routes;  /* in the heap: its subnet's */
	enum interface_flag flags;
	__be32 subnet; /* its first address; interfaces of one VPC are neighbours where it is equal */
	__be32 gateway; /* 0: none */
	__u8 mac[MAC_LEN];
	__u16 pad;
	__u32 acl; /* in the heap: its subnet's. 0 denies everything */
	__u32 adopt; /* seconds: until when its connections that are under way are taken for begun. 0: never */
	__u32 reserved;
	__u32 timeout[16]; /* seconds, by enum connection_state. May change */
};

#define SLOTS 4096

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct interface);
} interfaces SEC(".maps");

/*
 * links: the slot of the interface whose link has the ifindex, in one of LINK_TRIES places from the
 * one that its low bits name. It is the hash map that every packet needs, at the price of an array.
 */
#define LINKS 65536
#define LINK_TRIES 4

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LINKS);
	__type(key, __u32);
	__type(value, __u64); /* slot; an array's elements are 8 bytes apart */
} links SEC(".maps");

/* places: the slot of the interface on this host that has the address in the VPC, or, in VPC 0, on the internet. */
struct place {
	__u32 vpc;
	struct address addr;
};

#define PLACES (8 * SLOTS)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PLACES);
	__type(key, struct place);
	__type(value, __u32);
} places SEC(".maps");

/*
 * members: the groups, as an extent of the heap, that an address of a VPC carries anywhere. An interface
 * that joins a group is one write here, however many rules name the group.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct place);
	__type(value, __u32);
} members SEC(".maps");

#define MAX_GROUPS 16 /* that one member carries */

/*
 * conns: the connections, each as one interface sees it, with one key for both directions. Two local
 * interfaces that talk have an entry each: their rules are different rules.
 *
 * It is no LRU map: what goes is what expired, never what is used. Both IP versions share it, and what an interface may
 * have of it: docs/decisions/0008.
 */
struct connection_key {
	__u32 interface; /* Num: numbers are not used twice, slots are */
	struct address local, remote;
	__be16 local_port, remote_port;
	__u8 protocol;
	__u8 asked; /* ICMP echo: enum direction of the request, so that a request never is a reply */
	__u16 pad;
};

struct connection {
	__u32 state; /* enum connection_state and CONNECTION_… bits, see conns.h */
	__u32 seen;  /* seconds: the last packet's */
	__u32 opened; /* seconds: the first one's */
	__u32 peer;   /* the slot of the other end where that was found last; 0: not known, or not on this host */
	__u32 other;  /* Num of the interface that has the other end's address, and sent or got a packet; 0: none, or not known */
	/* Room for what the layout will need. 0 until then. */
	__u32 reserved[3];
	__u64 packets[2], bytes[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct connection_key);
	__type(value, struct connection);
} conns SEC(".maps");

/*
 * allowances: how many connections are charged to each interface, by slot; those beyond its guaranteed share also to slot 0,
 * which is what all share. The agent counts anew whenever it sweeps. Half of the table is guaranteed, in equal shares, and
 * half is shared: see shares in apply.go.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64); /* an array's elements are 8 bytes apart */
} allowances SEC(".maps");

/*
 * fragments: what the first piece of a packet says, for the later ones: FRAGMENT_SLOTS to a sender, by the low bits of the
 * packet's identification. A new packet takes the place of an old one of the same sender, of no other's. First stand the
 * OUTSIDERS, among whom the addresses of the internet's side are divided, then the interfaces by slot, which begin with 1.
 *
 * Nothing keeps two CPUs from one element, so what is read may be of two packets. Both had passed, and a piece is of use
 * to its receiver only with the first one that it belongs to.
 */
#define FRAGMENT_SLOTS 64
#define OUTSIDERS 256
#define FRAGMENT_TIMEOUT 30 /* seconds */

struct fragment {
	__u32 sender; /* Num; 0: the internet */
	struct address src, dst;
	__u32 id;
	__be16 src_port, dst_port; /* from here on as in struct packet */
	__u16 what;
	__u8 protocol;
	__u8 class;
	__u8 icmp_type;
	bool tracked, begins;
	__u8 pad[3];
	__u32 seen; /* seconds */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, (OUTSIDERS + SLOTS - 1) * FRAGMENT_SLOTS);
	__type(key, __u32);
	__type(value, struct fragment);
} fragments SEC(".maps");

/* counters: what became of packets, by the slot of the interface that decided. */
struct counter {
	__u64 packets, bytes;
};

#define MAX_REASONS 32 /* of which REASONS are in use */

struct counters {
	struct counter by[MAX_REASONS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

/* Who judges what comes by a link that has these programs, while they take over from others: see takeover.go. */
enum takeover {
	TAKEN_OVER, /* they alone */
	ASK_BEFORE, /* those before them alone, where there are such */
	ASK_BOTH,   /* they, and of what they drop those before them */
};

/* What there is once: the host's end, and the pool of public addresses. */
struct config {
	__u32 host_ifindex;
	__be32 host; /* its address. 0: none */
	__be32 pool, pool_mask; /* an address is in the pool iff address & mask == pool */
	struct address host6, pool6, pool6_mask; /* the same of IPv6 */
	__u8 host_mac[MAC_LEN];
	__u16 pad;
	__u32 hz;    /* ticks of the kernel's clock in a second */
	__u32 guaranteed, shared; /* connections: of each interface, and of all together beyond that */
	__u32 clock; /* seconds; 0: the kernel's clock. Tests set it */
	enum takeover takeover;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct config);
} config SEC(".maps");

/* What is looked up by a number alone. */

static __always_inline struct interface *interface_at(__u32 slot)
{
	return bpf_map_lookup_elem(&interfaces, &slot);
}

/* The interface whose link it is. */
static __always_inline struct interface *interface_of(__u32 ifindex)
{
	for (int try = 0; try < LINK_TRIES; try++) {
		__u32 place = (ifindex + try) % LINKS;
		__u64 *slot = bpf_map_lookup_elem(&links, &place);
		struct interface *e = slot ? interface_at(READ_ONCE(*slot)) : 0;
		if (e && e->ifindex == ifindex)
			return e;
	}
	return 0;
}

/* The interface that has the address in the VPC, or in VPC 0 on the internet. */
static __always_inline struct interface *interface_with(__u32 vpc, const struct address *addr)
{
	struct place p = {.vpc = vpc, .addr = *addr};
	__u32 *slot = bpf_map_lookup_elem(&places, &p);
	return slot ? interface_at(READ_ONCE(*slot)) : 0;
}

static __always_inline struct config *configuration(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&config, &zero);
}

/* A cell of the heap. Beyond its end there are zeros: of those no layout makes more than "no". */
static __always_inline __u64 cell(__u32 at)
{
	__u64 *c = bpf_map_lookup_elem(&heap, &at);
	return c ? READ_ONCE(*c) : 0;
}
