/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Network ACLs: ordered entries that allow or deny, compiled. Who and what are cut into intervals as in ruleset.h, and
 * each rectangle of the two has one decision: that of the first entry that covers it.
 *
 * A decision is the number of the entry, with ACL_ALLOW where it allows; 0 is the end of the ACL, which denies.
 *
 * An ACL, in cells from its first one; the agent's half is acl.go:
 *
 *	0        u32 length of all, u32 what it is
 *	1…16     by IP version, direction and class: u32 where the grid begins from here, or 0, u32 the decision if there is but one
 *
 * A grid:
 *
 *	0        u32 intervals of what, u32 intervals of who
 *	1        u32 where those of who begin from here
 *	2…       intervals of what: u16 where each begins, four to a cell
 *	…        intervals of who: u32 row from here, u32 where it begins; of IPv6 as in interval6
 *	…        rows: u16 decision for each interval of what, four to a cell
 */
#pragma once

#include "route.h"

#define ACL_HEAD 2
#define ACL_ALLOW 0x8000

/* The decision of the ACL. Its own function: the verifier looks at it once. */
static __noinline __u32 decision(__u32 acl, __u32 table, __u32 what, const struct address *remote)
{
	__u64 head = cell(acl + 1 + table);
	if (!acl || !low(head))
		return acl ? high(head) : 0;

	__u32 grid = acl + low(head);
	__u64 counts = cell(grid);
	__u32 n = atom(grid + ACL_HEAD, low(counts), what);
	__u32 row = grid + interval_with(grid + low(cell(grid + 1)), high(counts), remote, table >= 2 * CLASSES);
	return (__u16)(cell(row + n / 4) >> n % 4 * 16);
}

/* Whether the ACL of the interface's subnet lets the packet pass; *entry becomes the number that denied it. */
static __always_inline bool acl_allows(const struct interface *e, enum direction d, const struct packet *p,
				       const struct address *remote, __u32 *entry)
{
	__u32 found = decision(READ_ONCE(e->acl), table_number(p->wide, d, p->class), p->what, remote);
	if (found & ACL_ALLOW)
		return true;
	*entry = found ? found : LAST_ENTRY;
	return false;
}

/*
 * boundary: the ACLs of the subnets that the packet leaves and enters, whether or not it belongs to a connection. They
 * see private addresses on their own side. sender is 0 where it came from the internet.
 */
static __always_inline enum reason boundary(const struct interface *sender, const struct packet *p, struct hop *h, __u32 *entry)
{
	const struct interface *to = h->receiver;
	if (sender && to && !h->public && neighbours(sender, to))
		return ALLOWED;
	struct address sent_to = p->dst;
	if (!p->wide)
		sent_to.w[3] = h->dst;
	if (sender && !acl_allows(sender, OUT, p, &sent_to, entry)) {
		h->by = sender;
		return ACL_EGRESS;
	}
	if (to && !acl_allows(to, IN, p, &p->src, entry)) {
		h->by = to;
		return ACL_INGRESS;
	}
	return ALLOWED;
}
