/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.h - random bytes from the kernel, and keys made of them.  Not libcrypto's: control
 * threads never call that, for exit() may tear it down under them.
 */
#ifndef TK_RANDOM_H
#define TK_RANDOM_H

#include <stddef.h>

#include "core/key.h"

/* getrandom(2).  0 or TK_E_SYS. */
int tk_random(void *out, size_t len);

/* A new key of 48 or 80 bytes, one that nobody would call weak.  0 or TK_E_SYS. */
int tk_random_key(struct tk_key *out, size_t len);

#endif
