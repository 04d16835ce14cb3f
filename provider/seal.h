/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - libssl's ticket key callback: seals (encrypts) new tickets and opens
 * (decrypts) presented ones with the ring's keys.
 *
 * Never returns a negative value, which would end the handshake: whatever goes wrong
 * here costs a resumption, not a connection.
 *
 * Threads: any server thread; no locks, no allocation.
 */
#ifndef TK_SEAL_H
#define TK_SEAL_H

#include <openssl/ssl.h>

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb.  Seal: 1, or 0 for no ticket.  Open: 0 not
 * accepted (full handshake), 1 accepted, 2 accepted and to be renewed. */
int tk_seal_evp_callback(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
			 EVP_MAC_CTX *hctx, int enc);

/* For SSL_CTX_set_tlsext_ticket_key_cb: the same with an HMAC that nobody fetched. */
int tk_seal_hmac_callback(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
			  HMAC_CTX *hctx, int enc);

/* The EVP one, where there are no keys: no ticket is issued or accepted. */
int tk_seal_refuse(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
		   EVP_MAC_CTX *hctx, int enc);

#endif
