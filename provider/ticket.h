/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticket.h - the cryptography of a ticket: RFC 5077 section 4 with AES-CBC and
 * HMAC-SHA-256.  The one owner of EVP.  Knows keys, not rings, names or connections.
 *
 * Algorithms are fetched once, from the process's default library context.  All of it
 * runs in the server's threads, never in a control thread.
 *
 * Fork/threads: any thread after init; the IV pool is each thread's own and a forked
 * child never uses its parent's.
 */
#ifndef TK_TICKET_H
#define TK_TICKET_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "core/key.h"
#include "core/tag.h"
#include "tkprov/err.h"

#define TK_IV_LEN 16

/* Fetches the ciphers and the digest.  TK_E_CRYPTO: there is no provider that has them,
 * which usually means that openssl.cnf activates tkprov and not default. */
int tk_ticket_init(struct tk_error *e);

/* Readies cctx and hctx to encrypt under key; writes its name and a fresh IV.
 * hctx may be NULL (libssl had another kind of callback a moment ago): TK_E_CRYPTO. */
int tk_ticket_seal(const struct tk_key *key, uint8_t name[static TK_NAME_LEN],
		   uint8_t iv[static TK_IV_LEN], EVP_CIPHER_CTX *cctx, EVP_MAC_CTX *hctx);

/* The same to verify and decrypt; iv is only read. */
int tk_ticket_open(const struct tk_key *key, const uint8_t *iv, EVP_CIPHER_CTX *cctx,
		   EVP_MAC_CTX *hctx);

/* The first TK_SITE_LEN bytes of SHA-256 over data. */
int tk_ticket_site(const void *data, size_t len, uint8_t out[static TK_SITE_LEN]);
/* The same over a certificate's encoding. */
int tk_ticket_site_cert(const X509 *cert, uint8_t out[static TK_SITE_LEN]);

#endif
