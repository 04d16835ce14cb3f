/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters.h - how often each key was used, and for what.  On the board, in stripes: a
 * processor counts in a line of its own where memory allows.
 *
 * A counter belongs to the key (its cell), not to the slot.  Counting is one relaxed
 * addition, any thread, lock-free; reading beside it shows a moment's numbers.
 */
#ifndef TK_COUNTERS_H
#define TK_COUNTERS_H

#include <stdint.h>

#include "provider/board.h"

enum tk_counter {
	TK_COUNT_ISSUED,    /* tickets sealed */
	TK_COUNT_PRESENTED, /* tickets of that name, before their MAC was looked at */
	TK_COUNT_RESUMED,
	TK_COUNT_RENEWED,   /* of those resumed: got a new ticket */
	TK_COUNT_FORGED,    /* the MAC was wrong */
	TK_COUNT_EXPIRED,   /* libssl refuses them by their time */
	TK_COUNT_ASTRAY,    /* the wall refused them */
	TK_COUNTERS,
};

struct tk_counts {
	uint64_t n[TK_COUNTERS];
	int64_t last_used; /* issued or resumed, seconds since the epoch; 0: never */
};

void tk_count(struct tk_board *b, unsigned ring, unsigned cell, enum tk_counter what);

/* A count is to come: what it needs is fetched meanwhile.  The same for tk_count_now, soon and in
 * this thread; it may be NULL. */
struct tk_count_mem *tk_count_soon(const struct tk_board *b, unsigned ring, unsigned cell);
void tk_count_now(struct tk_count_mem *m, enum tk_counter what);

/* A ticket of a name that no key of the ring has. */
void tk_count_unknown(struct tk_board *b, unsigned ring, const uint8_t name[static TK_NAME_LEN]);

void tk_counters_read(const struct tk_board *b, unsigned ring, unsigned cell,
		      struct tk_counts *out);

/* How many unknown names, and the last one (zeroes: none). */
uint64_t tk_counters_unknown(const struct tk_board *b, unsigned ring,
			     uint8_t name[static TK_NAME_LEN]);

/* For a new key in that cell. */
void tk_counters_reset(struct tk_board *b, unsigned ring, unsigned cell);

/* All of them, unknown names too. */
void tk_counters_clear(struct tk_board *b);

#endif
