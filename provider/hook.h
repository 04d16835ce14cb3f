/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook.h - how the module gets into every SSL_CTX: an ex_data index of the process's
 * default library context, whose new function libcrypto calls in SSL_CTX_new.
 *
 * It works by implementation: documentation only promises that such a function may
 * allocate.  tests/server has a test of it for the OpenSSL at hand.
 */
#ifndef TK_HOOK_H
#define TK_HOOK_H

#include "tkprov/err.h"

/* Registers the index, once in a process however often it is called.
 * TK_E_CRYPTO: libcrypto refused.  Threads: any. */
int tk_hook_register(struct tk_error *e);

#endif
