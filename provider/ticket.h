/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticket.h - the cryptography of a ticket: RFC 5077 section 4 with AES-CBC and
 * HMAC-SHA-256.  With algorithms the one owner of EVP.  Knows keys, not rings, names or
 * connections.  All of it runs in the server's threads, never in a control thread.
 *
 * Fork/threads: any thread after tk_algorithms_init; the IV pool is each thread's own and a forked
 * child never uses its parent's.
 */
#ifndef TK_TICKET_H
#define TK_TICKET_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/key.h"
#include "core/tag.h"
#include "tkprov/err.h"

#define TK_IV_LEN 16

/* What libssl hands to a key callback: one of the two, by the kind of callback.  Neither, if
 * there was one of the other kind a moment ago: then TK_E_CRYPTO below. */
struct tk_mac {
	EVP_MAC_CTX *evp;
	HMAC_CTX *hmac; /* as before OpenSSL 3 */
};

/* Would tk_mac.hmac do as well as what libssl fetched?  It is an HMAC of libcrypto's own: not where
 * another provider than the default one was to compute it (FIPS), nor where libcrypto was
 * built without. */
bool tk_ticket_takes_hmac(EVP_MAC_CTX *evp);

/* Readies cctx and mac to encrypt under key; writes its name and a fresh IV. */
int tk_ticket_seal(const struct tk_key *key, uint8_t name[static TK_NAME_LEN],
		   uint8_t iv[static TK_IV_LEN], EVP_CIPHER_CTX *cctx,
		   const struct tk_mac *mac);

/* The same to verify and decrypt; iv is only read. */
int tk_ticket_open(const struct tk_key *key, const uint8_t *iv, EVP_CIPHER_CTX *cctx,
		   const struct tk_mac *mac);

/* The first TK_SITE_LEN bytes of SHA-256 over data. */
int tk_ticket_site(const void *data, size_t len, uint8_t out[static TK_SITE_LEN]);
/* The same over a certificate's encoding. */
int tk_ticket_site_cert(const X509 *cert, uint8_t out[static TK_SITE_LEN]);

#endif
