/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h - what can be done to the keys of a ring.  Each operation takes the writer's
 * locks in their order, holds them for the change only, and leaves the ring as it was if
 * it fails.
 *
 * Threads: control threads.  Never libcrypto.
 */
#ifndef TK_OPS_H
#define TK_OPS_H

#include "provider/instance.h"

/* Puts a key in as the newest.  The key that already is the newest is no change and no
 * error, so that a retry is safe.  TK_E_SIZE: not of the ring's size.  TK_E_BUSY: the
 * record lock was not to be had in time.  TK_E_SYS, TK_E_LAYOUT. */
int tk_ops_set(struct tk_instance *inst, unsigned ring, const struct tk_key *key);

/* Puts a new random key in as the newest.  *slots is the ring's number of slots, newest
 * and encrypts are the names of the newest key and of the one that encrypts now. */
int tk_ops_rotate(struct tk_instance *inst, unsigned ring, unsigned *slots,
		  uint8_t newest[static TK_NAME_LEN], uint8_t encrypts[static TK_NAME_LEN]);

/* For a person: why an operation failed. */
const char *tk_ops_reason(int rc);

#endif
