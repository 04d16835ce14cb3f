/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - an ordered list of keys: slot 0 is the oldest, n - 1 the newest, and
 * n - 2 encrypts (0 where there is only one).  All decrypt.
 *
 * A value type; keys lie in slot order, so that a slot is an index and nothing
 * has to be computed.  Which slot encrypts is said by tk_ring_encrypt_slot alone:
 * HAProxy had this arithmetic twice, wrong in both places.
 *
 * Locks: none.  Threads: pure functions.
 */
#ifndef TK_RING_H
#define TK_RING_H

#include "core/key.h"

enum tk_slot_role { TK_ROLE_DECRYPT, TK_ROLE_ENCRYPT, TK_ROLE_NEXT };

/* A ring's counters lie in cells.  Each key has one for as long as it is in the ring,
 * whatever its slot; twice as many as slots, so that the cell of a key that was dropped
 * rests before another key gets it. */
#define TK_CELLS(slots) (2 * (slots))

struct tk_ring {
	unsigned slots;  /* 1 to TK_SLOTS_MAX; all are filled */
	size_t key_len;  /* 48 or 80, one size for life */
	struct tk_key key[TK_SLOTS_MAX];
	uint8_t cell[TK_SLOTS_MAX]; /* each key's, below TK_CELLS(slots), all different */
};

/* The slot that encrypts in a ring of n slots (n at least 1). */
unsigned tk_ring_encrypt_slot(unsigned n);

/* What a slot is for: with n = 1 the only slot encrypts and none is next. */
enum tk_slot_role tk_ring_role(unsigned n, unsigned slot);

/* Should a TLS 1.2 ticket under this slot be made anew?  True for those older
 * than the slot that encrypts; a ticket under "next" comes from a node that is
 * ahead and is never re-made under an older key. */
bool tk_ring_wants_renewal(unsigned n, unsigned slot);

/* Puts k in as the newest, with a cell that is free; everything moves down one, the
 * oldest is dropped and wiped.  TK_E_SIZE if k is not of the ring's size; then nothing
 * changed. */
int tk_ring_push(struct tk_ring *r, const struct tk_key *k);

/* Makes r, which is to follow `before`, keep the cells of those keys that were there
 * already, and gives the others free ones.  Same number of slots in both. */
void tk_ring_keep_cells(struct tk_ring *r, const struct tk_ring *before);

/* Is the key of r's slot one that `before` has, in the same cell? */
bool tk_ring_kept(const struct tk_ring *r, unsigned slot, const struct tk_ring *before);

/* Tells one state of a ring from another: a sum of the keys' names, which are public, in their
 * order.  Never 0.  No proof against somebody who wants two states to be alike. */
uint64_t tk_ring_sum(const struct tk_ring *r);

void tk_ring_wipe(struct tk_ring *r);

#endif
