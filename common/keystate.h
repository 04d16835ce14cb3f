/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystate.h - whose keys an open key file holds: a state of the ring, or somebody else's.
 */
#ifndef TK_KEYSTATE_H
#define TK_KEYSTATE_H

#include <stdbool.h>

#include "core/ring.h"
#include "tkprov/err.h"

/* Is what the open file holds an earlier state of this ring, one that may be overwritten?  It is
 * if its last key is one of the ring's and those before it are the same in both, as far as
 * the ring has them.  Anything else somebody else has written. */
bool tk_keystore_is_state(int fd, const struct tk_ring *ring);

/* What has somebody else left in the open file of this ring?  Never 0; the reason
 * for not saving is in *e, without a ": ":
 *   TK_E_INUSE  keys that `reload ssl tls-key` takes in
 *   TK_E_WEAK   keys that it does not
 *   TK_E_PARSE  no keys, or too few of the ring's: no key file any more.  `heal`: what would write it anew
 *   TK_E_SYS, TK_E_NOMEM  it cannot be read */
int tk_keystore_foreign(int fd, const struct tk_ring *ring, const char *heal, struct tk_error *e);

#endif
