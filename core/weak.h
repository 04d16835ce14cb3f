/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weak.h - keys that nobody should use: what a broken generator, an empty file or a text
 * pasted as key looks like (Hebrok et al. 2023; CVE-2020-13777).
 *
 * A name is public and may be any text; but one that is constant or counts comes from the
 * same hands.  Pure.
 */
#ifndef TK_WEAK_H
#define TK_WEAK_H

#include "core/ring.h"

/* Why the key is weak, as the end of a sentence; NULL: it is not. */
const char *tk_weak_key(const struct tk_key *k);

/* The same, and whether another key of the ring has its name.  The same key again is no
 * fault. */
const char *tk_weak_in_ring(const struct tk_ring *r, const struct tk_key *k);

#endif
