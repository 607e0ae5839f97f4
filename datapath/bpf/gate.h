/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* gate: an interface's groups, for a packet out of it or into it. */
#pragma once

#include "conns.h"
#include "ruleset.h"

/* Judges what belongs to no connection by the rules. It is a function of its own: packets of connections do without. */
static __noinline enum reason judge(const struct crossing *c)
{
	const struct packet *p = c->packet;
	if (READ_ONCE(c->at->flags) & OPEN)
		return ALLOWED;
	if (related(c))
		return RELATED;
	__u32 ruleset = READ_ONCE(c->at->ruleset); /* once: the packet sees one version */
	if (c->direction == IN && c->tracked) /* only what belongs to a connection may come that way */
		return NO_ROUTE;
	if (!rules_allow(ruleset, c->direction, p, c->vpc))
		return c->direction == OUT ? NO_EGRESS_RULE : NO_INGRESS_RULE;
	if (!(p->begins || adopted(c)) || (!c->tracked && untracked(ruleset, c->direction, p)))
		return ALLOWED;
	return open(c);
}

/*
 * Connections are asked first: they outlive the rules that let them in. *known becomes the one that
 * the packet belongs to, or stays.
 */
static __always_inline enum reason gate(struct crossing *c, struct connection **known)
{
	const struct packet *p = c->packet;
	connection_key(&c->key, c->at, c->direction, p);
	c->known = false;
	if (p->tracked) {
		struct connection *k = bpf_map_lookup_elem(&conns, &c->key);
		if (k && continues(k, c)) {
			*known = k;
			return ESTABLISHED;
		}
		c->known = k;
	}
	return judge(c);
}
