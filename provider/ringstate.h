/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringstate.h - what the board knows of a ring besides its counters: where each key came
 * from, and what its file held when it was last ours.
 *
 * Written under a record lock (keys: origins; file: sums, unsaved), read by
 * anybody, lock-free.  A ring or cell out of range is ignored, or reads as zero.
 */
#ifndef TK_RINGSTATE_H
#define TK_RINGSTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/board.h"

enum tk_by { TK_BY_START, TK_BY_FILE, TK_BY_UID, TK_BY_TIMER };

/* Where a key came from, and when, in seconds since the epoch. */
struct tk_origin {
	int64_t added;
	enum tk_by by;
	uid_t uid; /* with TK_BY_UID */
};

void tk_ringstate_set_origin(struct tk_board *b, unsigned ring, unsigned cell,
			     const struct tk_origin *o);
void tk_ringstate_origin(const struct tk_board *b, unsigned ring, unsigned cell,
			 struct tk_origin *out);

/* True once for each value of `since`: for the warning that a key encrypts for too long. */
bool tk_ringstate_warn(struct tk_board *b, unsigned ring, int64_t since);

/* tk_ring_sum of what the file held when the ring was last read from it or saved to it.
 * 0: not known. */
void tk_ringstate_set_file(struct tk_board *b, unsigned ring, uint64_t sum);
uint64_t tk_ringstate_file(const struct tk_board *b, unsigned ring);

/* The same of what the file is to hold: noted before it is written, for the writer may be
 * killed before he can say that it was. */
void tk_ringstate_set_next(struct tk_board *b, unsigned ring, uint64_t sum);
uint64_t tk_ringstate_next(const struct tk_board *b, unsigned ring);

/* Could the ring not be saved when that was last tried? */
void tk_ringstate_set_unsaved(struct tk_board *b, unsigned ring, bool unsaved);
bool tk_ringstate_unsaved(const struct tk_board *b, unsigned ring);

#endif
