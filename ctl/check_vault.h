/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_vault.h - is there memory here that not even root reads by way of another process?
 */
#ifndef TK_CHECK_VAULT_H
#define TK_CHECK_VAULT_H

#include <stddef.h>

#include "tkprov/err.h"

/* Has a child process take `size` bytes of memfd_secret(2), as `vault = "secret"` would with
 * the limits of the caller, and give them back: a seccomp filter may kill who tries.
 * Returns 0 or TK_E_SYS; the message is the bare reason, and what would help. */
int tk_check_vault(size_t size, struct tk_error *e);

#endif
