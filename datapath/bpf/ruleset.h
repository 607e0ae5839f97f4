/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rulesets: what the groups of an interface allow, compiled. A rule is who × what, and rules only
 * allow: so all of them together are, for each IP version, direction and class of packets, one table of
 *
 *  - what: the ports (types and codes, protocols) cut into intervals at every rule's bounds,
 *  - who: the addresses cut likewise,
 *  - and a row of bits for each interval of who, a bit for each interval of what: set where a rule allows.
 *
 * The members of a group are asked for by its number instead of their addresses: numbers are cut into
 * intervals too, which lead to rows.
 * Every search ends after as many steps as the number of intervals has bits.
 *
 * A ruleset, in cells from its first one; the agent's half is compile.go:
 *
 *	0        u32 length of all, u32 what it is
 *	1…16     where the table begins from here, by IP version, direction and class; 0: nothing is allowed
 *
 * A table:
 *
 *	0        u32 intervals of what, u32 cells of a row
 *	1        u32 intervals of who, u32 where they begin from here
 *	2        u32 intervals of groups, u32 where they begin from here
 *	3…       the row of everybody (CIDR 0.0.0.0/0, or ::/0)
 *	…        the row of what is untracked: of policy.untracked, as far as the packet's own direction says
 *	…        intervals of what: u16 where each begins, four to a cell
 *	…        intervals of who: u32 row from here, u32 where it begins; of IPv6 as in interval6
 *	…        intervals of groups: u32 row from here, or 0, u32 the number where it begins
 *	…        rows
 *
 * Fields are named from the low end of the cell.
 */
#pragma once

#include "conns.h"

#define TABLE_HEAD 3
#define INTERVAL_STEPS 24
#define ATOM_STEPS 16

static __always_inline __u32 low(__u64 c)
{
	return c;
}

static __always_inline __u32 high(__u64 c)
{
	return c >> 32;
}

/*
 * The value of the interval that the key is in. Intervals are cells, u32 value and u32 beginning, n of
 * them and sorted; the first begins at 0. n is at most 1 << steps.
 */
static __always_inline __u32 search(__u32 at, __u32 n, __u32 key, int steps)
{
	for (int step = 0; step < steps && n > 1; step++) {
		__u32 half = n / 2;
		if (high(cell(at + half)) <= key)
			at += half;
		n -= half;
	}
	return low(cell(at));
}

/* The same, and its own function: the verifier looks at it once. */
__noinline __u32 interval(__u32 at, __u32 n, __u32 key)
{
	return search(at, n, key, INTERVAL_STEPS);
}

/*
 * The same of IPv6 addresses. An interval is three cells: u32 value; and the address where it begins, as two numbers.
 */
__noinline __u32 interval6(__u32 at, __u32 n, __u64 first, __u64 second)
{
	for (int step = 0; step < INTERVAL_STEPS && n > 1; step++) {
		__u32 half = n / 2, middle = at + 3 * half;
		__u64 begins = cell(middle + 1);
		if (begins < first || (begins == first && cell(middle + 2) <= second))
			at = middle;
		n -= half;
	}
	return low(cell(at));
}

/* The halves of the address as numbers to compare. */
static __always_inline __u64 first_half(const struct address *a)
{
	return (__u64)ntohl(a->w[0]) << 32 | ntohl(a->w[1]);
}

static __always_inline __u64 second_half(const struct address *a)
{
	return (__u64)ntohl(a->w[2]) << 32 | ntohl(a->w[3]);
}

/* The value of the interval that the address is in. */
static __always_inline __u32 interval_with(__u32 at, __u32 n, const struct address *a, bool wide)
{
	return wide ? interval6(at, n, first_half(a), second_half(a)) : interval(at, n, ntohl(a->w[3]));
}

/* The number of the interval of what that the key is in. */
__noinline __u32 atom(__u32 at, __u32 n, __u32 key)
{
	__u32 first = 0;
	for (int step = 0; step < ATOM_STEPS && n > 1; step++) {
		__u32 half = n / 2, middle = first + half;
		if ((__u16)(cell(at + middle / 4) >> middle % 4 * 16) <= key)
			first = middle;
		n -= half;
	}
	return first;
}

static __always_inline bool bit(__u32 row, __u32 n)
{
	return cell(row + n / 64) >> n % 64 & 1;
}

/* Whether the table allows what n to a group that the address carries in the VPC. */
static __noinline int member_allowed(__u32 table, __u32 vpc, const struct address *addr, __u32 n)
{
	struct place a = {.vpc = vpc, .addr = *addr};
	__u64 head = cell(table + 2);
	if (!low(head))
		return false;
	__u32 *groups = bpf_map_lookup_elem(&members, &a);
	if (!groups)
		return false;
	__u32 at = READ_ONCE(*groups), count = low(cell(at)) - 1;
	for (__u32 i = 0; i < MAX_GROUPS && i < count; i++) {
		__u32 row = interval(table + high(head), low(head), low(cell(at + 1 + i)));
		if (row && bit(table + row, n))
			return true;
	}
	return false;
}

/* The number of the table of the IP version, direction and class. */
static __always_inline __u32 table_number(bool wide, enum direction d, __u32 class)
{
	return (wide * 2 + d) * CLASSES + class;
}

/* The table with the number, or 0: nothing is allowed. */
static __always_inline __u32 table_of(__u32 ruleset, __u32 number)
{
	__u32 offset = ruleset ? low(cell(ruleset + 1 + number)) : 0;
	return offset ? ruleset + offset : 0;
}

/* The number of the interval of what that it is in. */
static __always_inline __u32 what_of(__u32 table, __u16 what)
{
	__u64 head = cell(table);
	return atom(table + TABLE_HEAD + 2 * high(head), low(head), what);
}

/* Whether a rule allows the packet from, or to, everywhere, and one of the other direction everything back. */
static __noinline int unrestricted(__u32 ruleset, __u32 number, __u16 what)
{
	__u32 table = table_of(ruleset, number);
	return table && bit(table + TABLE_HEAD + high(cell(table)), what_of(table, what));
}

/* Whether no state is kept of the packet's flow. The answer to such a flow of UDP is of it, too. */
static __always_inline bool untracked(__u32 ruleset, enum direction d, const struct packet *p)
{
	if (p->class > CLASS_UDP)
		return false;
	return unrestricted(ruleset, table_number(p->wide, d, p->class), p->what) ||
	       (p->class == CLASS_UDP && unrestricted(ruleset, table_number(p->wide, !d, CLASS_UDP), ntohs(p->src_port)));
}

/*
 * Whether a rule of the groups allows the packet. Rules that name a group mean interfaces of the VPC that send or get the packet
 * themselves; 0: the other end is none.
 */
static __always_inline bool rules_allow(__u32 ruleset, enum direction d, const struct packet *p, __u32 vpc)
{
	__u32 table = table_of(ruleset, table_number(p->wide, d, p->class));
	if (!table)
		return false;
	__u64 who = cell(table + 1);
	__u32 n = what_of(table, p->what);
	if (bit(table + TABLE_HEAD, n))
		return true;

	const struct address *remote = d == OUT ? &p->dst : &p->src;
	if (low(who) && bit(table + interval_with(table + high(who), low(who), remote, p->wide), n))
		return true;

	return vpc && member_allowed(table, vpc, remote, n);
}
