/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rand.h - random bytes from the kernel, and clocks.  For what control threads need:
 * they never call libcrypto, which may be torn down by exit() under them.
 */
#ifndef TK_RAND_H
#define TK_RAND_H

#include <stddef.h>
#include <stdint.h>

#include "core/key.h"

/* getrandom(2).  0 or TK_E_SYS. */
int tk_random(void *out, size_t len);

/* A new key of 48 or 80 bytes.  0 or TK_E_SYS. */
int tk_random_key(struct tk_key *out, size_t len);

int64_t tk_now(void);        /* seconds since the epoch */
int64_t tk_monotonic_ms(void);

#endif
