/* SPDX-License-Identifier: Apache-2.0 */
/*
 * algorithms.h - AES-CBC and SHA-256, fetched once and not ticket by ticket.
 *
 * libcrypto counts the users of a fetched algorithm in the algorithm: some ten writes a
 * ticket, for which cores that seal at the same time wait in turn.  So there are a few sets of
 * the same implementations, and threads get one after the other.  The first, which is all
 * that a process of one thread has, comes from the process's default library context.
 *
 * Fork/threads: any server thread after init; a set lives as long as the process, and a
 * forked child goes on with it.  Each further set takes 40 kB and half a millisecond of the
 * first ticket that a thread with it handles.
 */
#ifndef TK_ALGORITHMS_H
#define TK_ALGORITHMS_H

#include <openssl/types.h>

#include "tkprov/err.h"

struct tk_algorithms {
	EVP_CIPHER *aes128, *aes256; /* CBC */
	EVP_MD *sha256;
};

/* TK_E_CRYPTO: there is no provider that has them, which usually means that openssl.cnf
 * activates tkprov and not default. */
int tk_algorithms_init(struct tk_error *e);

/* The calling thread's set, always the same. */
const struct tk_algorithms *tk_algorithms(void);

#endif
