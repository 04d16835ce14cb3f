/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exindex.h - an ex_data index in the process's default library context, whatever the
 * calling thread's own default is: tables and numbers of indices belong to a library
 * context, and one from another's would be somebody else's number.
 *
 * Threads: any.
 */
#ifndef TK_EXINDEX_H
#define TK_EXINDEX_H

#include <openssl/crypto.h>

/* class: CRYPTO_EX_INDEX_SSL_CTX, CRYPTO_EX_INDEX_SSL.  The functions may be NULL.
 * Returns the index, or -1. */
int tk_exindex_new(int class, CRYPTO_EX_new *new_func, CRYPTO_EX_free *free_func);

#endif
