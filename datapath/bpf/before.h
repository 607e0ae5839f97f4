/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* before: the programs of an older layout, while these take over from them: see takeover.go. */
#pragma once

#include "maps.h"

enum program_before {
	BEFORE_FROM_INTERFACE,
	BEFORE_FROM_INTERNET,
	BEFORES,
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BEFORES);
	__type(key, enum program_before);
	__type(value, __u32);
} before SEC(".maps");

/* Returns only where there is no such program: else what that says of the packet is the verdict. */
static __always_inline void ask(struct __sk_buff *skb, enum program_before which)
{
	bpf_tail_call(skb, &before, which);
}

/* Read anew wherever it is asked for: nothing of it lives through the judging, which has no stack to spare. */
static __always_inline enum takeover stage(void)
{
	struct config *c = configuration();
	return c ? READ_ONCE(c->takeover) : TAKEN_OVER;
}
