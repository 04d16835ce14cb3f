/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h - what can be done to the keys of a ring.  Each operation takes the writer's
 * locks in their order, holds them for the change only, and leaves the ring as it was if
 * it fails.
 *
 * A key that stays keeps its counters and its origin; a new one gets the origin given.
 *
 * Threads: control threads (tk_ops_rotate_due: any).  Never libcrypto.
 */
#ifndef TK_OPS_H
#define TK_OPS_H

#include "provider/events.h"
#include "provider/instance.h"
#include "provider/ringstate.h"

/* How a ring is afterwards. */
struct tk_changed {
	bool changed; /* false: it was so before */
	unsigned slots;
	uint8_t newest[TK_NAME_LEN], encrypts[TK_NAME_LEN];
};

/* Puts a key in as the newest.  The key that already is the newest is no change and no
 * error, so that a retry is safe.  TK_E_SIZE: not of the ring's size.  TK_E_WEAK: *weak says
 * why.  TK_E_BUSY: the record lock was not to be had in time.  TK_E_SYS, TK_E_LAYOUT. */
int tk_ops_set(struct tk_instance *inst, unsigned ring, const struct tk_key *key,
	       const struct tk_origin *o, struct tk_changed *out, const char **weak);

/* Puts a new random key in as the newest. */
int tk_ops_rotate(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		  struct tk_changed *out);

/* The same where rotate_every says that it is time.  Several may try: TK_E_NOENT for those
 * who come second.  `at_once`: TK_E_BUSY rather than wait for another process. */
int tk_ops_rotate_due(struct tk_instance *inst, unsigned ring, bool at_once,
		      struct tk_changed *out);

/* Every slot gets a new random key. */
int tk_ops_flush(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		 struct tk_changed *out);

/* Makes *keys the ring.  TK_E_SIZE: another number of slots, or size of keys. */
int tk_ops_replace(struct tk_instance *inst, unsigned ring, const struct tk_ring *keys,
		   const struct tk_origin *o, struct tk_changed *out);

/* The ring has a file, and another instance has that: what is to be done by itself is for that
 * one to do. */
bool tk_ops_theirs(const struct tk_instance *inst, unsigned ring);

/* Since when the ring's key encrypts: when the newest one came.  0: not known. */
int64_t tk_ops_since(const struct tk_instance *inst, unsigned ring);

/* When the ring is to be rotated, seconds since the epoch; 0: not by itself. */
int64_t tk_ops_due(const struct tk_instance *inst, unsigned ring);

/* Writes an event of what the instance did by itself; c is NULL where it failed. */
void tk_ops_record(const struct tk_instance *inst, unsigned ring, unsigned command,
		   const struct tk_changed *c, enum tk_event_result result);

/* For a person: why an operation failed. */
const char *tk_ops_reason(int rc);

#endif
