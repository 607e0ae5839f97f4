// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The programs at the links of a host's interfaces: a packet's way as policy.Tracker.Judge has it,
 * with the same steps, verdicts and reasons.
 *
 * Both ends of a packet that stays on the host are judged where it comes in. No packet goes on to the
 * kernel's own network stack but those that are delivered.
 */
#include "acl.h"
#include "before.h"
#include "deliver.h"
#include "fragment.h"
#include "gate.h"
#include "neighbours.h"
#include "parse.h"
#include "route.h"
#include "source.h"

/* What the interface sends. */
static __always_inline int judge_sent(struct __sk_buff *skb)
{
	struct interface *sender = interface_of(skb->ifindex); /* hook */
	struct config *c = configuration();
	if (!sender || !c)
		return drop(skb, 0, NO_INTERFACE);

	struct packet p = {};
	enum reason why = parse(skb, &p);
	if (why == UNSUPPORTED && p.ethertype == htons(ETH_P_ARP))
		return answer_arp(skb, sender);
	if (why == UNSUPPORTED && p.of_link)
		return answer_nd(skb, sender);
	if (why)
		return drop(skb, sender, why);
	if (!source(sender, &p))
		return drop(skb, sender, SPOOFED);

	__u32 now = seconds(c);
	if (p.later && !recall(sender, &p, now))
		return drop(skb, sender, FRAGMENT);
	struct crossing x = {.at = sender, .packet = &p, .direction = OUT, .config = c, .now = now};
	__u64 to = way(sender, &p.dst, p.wide);
	x.vpc = vpc_of(to, sender);
	x.tracked = tracks(to);
	struct connection *leaving = 0, *entering = 0;
	why = gate(&x, &leaving);
	if (why > RELATED)
		return drop(skb, sender, why);
	x.sender = author(sender, &p);

	struct hop h = {.src = p.src.w[3], .dst = p.dst.w[3], .quoted_src = p.quote.src.w[3], .quoted_dst = p.quote.dst.w[3]};
	enum reason routed = follow(c, sender, to, &p, leaving, &h);
	if (routed)
		return drop(skb, h.by, routed);
	__u32 entry = 0;
	routed = boundary(sender, &p, &h, &entry);
	if (routed)
		return deny(skb, h.by, routed, entry);

	if (h.receiver) {
		x.at = h.receiver;
		x.direction = IN;
		x.vpc = x.sender && !h.public ? sender->vpc : 0;
		x.tracked = h.tracked;
		why = gate(&x, &entering);
		if (why > RELATED)
			return drop(skb, h.receiver, why);
		if (!h.forwarded)
			reached(leaving, h.receiver);
	}
	if (p.first)
		remember(sender, &p, h.src, h.dst, now);
	return deliver(skb, c, sender, &p, &h, why);
}

/* Ingress of the host's side of an interface's link. */
SEC("tcx/ingress")
int from_interface(struct __sk_buff *skb)
{
	if (stage() == ASK_BEFORE) {
		ask(skb, BEFORE_FROM_INTERFACE);
		return drop(skb, 0, NO_INTERFACE);
	}
	int verdict = judge_sent(skb);
	if (verdict == TC_ACT_SHOT && stage())
		ask(skb, BEFORE_FROM_INTERFACE);
	return verdict;
}

/* What the host, which is the internet here, sends. */
static __always_inline int judge_entering(struct __sk_buff *skb)
{
	struct config *c = configuration();
	if (!c)
		return drop(skb, 0, INTERNAL);

	struct packet p = {};
	enum reason why = parse(skb, &p);
	if (why)
		return drop(skb, 0, why);
	if (!source_of_internet(c, &p))
		return drop(skb, 0, SPOOFED);

	__u32 now = seconds(c);
	if (p.later && !recall(0, &p, now))
		return drop(skb, 0, FRAGMENT);
	struct hop h = {.src = p.src.w[3], .dst = p.dst.w[3], .quoted_src = p.quote.src.w[3], .quoted_dst = p.quote.dst.w[3]};
	why = enter(&p, &h);
	if (why)
		return drop(skb, h.by, why);
	__u32 entry = 0;
	why = boundary(0, &p, &h, &entry);
	if (why)
		return deny(skb, h.by, why, entry);

	struct crossing x = {.at = h.receiver, .packet = &p, .direction = IN, .tracked = h.tracked, .config = c, .now = now};
	struct connection *known = 0;
	why = gate(&x, &known);
	if (why > RELATED)
		return drop(skb, h.receiver, why);
	if (p.first)
		remember(0, &p, h.src, h.dst, now);
	return deliver(skb, c, 0, &p, &h, why);
}

/* Ingress of the link behind the host's end. */
SEC("tcx/ingress")
int from_internet(struct __sk_buff *skb)
{
	if (stage() == ASK_BEFORE) {
		ask(skb, BEFORE_FROM_INTERNET);
		return drop(skb, 0, NO_INTERFACE);
	}
	int verdict = judge_entering(skb);
	if (verdict == TC_ACT_SHOT && stage())
		ask(skb, BEFORE_FROM_INTERNET);
	return verdict;
}

/* Egress of the host's side of an interface's link: nothing gets to the interface but what was delivered past it. */
SEC("tcx/egress")
int to_interface(struct __sk_buff *skb)
{
	return drop(skb, interface_of(skb->ifindex), NOT_JUDGED);
}

/* Attached nowhere: the agent runs it to read the clock that the others read. */
SEC("tcx/ingress")
int clock(struct __sk_buff *skb)
{
	struct config *c = configuration();
	return c ? seconds(c) : 0;
}

char licence[] SEC("license") = "Dual BSD/GPL";
