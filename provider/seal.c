/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - which ring and which key; the cryptography is ticket.c's, the judgement of
 * what was opened scope.c's.
 */
#include "provider/seal.h"

#include <openssl/err.h>
#include <stdbool.h>
#include <string.h>

#include "provider/conn.h"
#include "provider/instance.h"
#include "provider/ticket.h"

/* A TLS 1.2 renewal may have lost its name: it stays in the ring its ticket came from. */
static int ring_to_seal(const struct tk_instance *inst, SSL *s)
{
	int ring = tk_conn_old_resumed(s) ? tk_conn_ring(s) : TK_NO_RING;
	const char *name;

	if (ring != TK_NO_RING)
		return ring;
	name = tk_conn_name(s);
	return tk_instance_ring(inst, name, name != NULL ? strlen(name) : 0);
}

static int seal(const struct tk_instance *inst, SSL *s, unsigned char *name, unsigned char *iv,
		EVP_CIPHER_CTX *cctx, EVP_MAC_CTX *hctx)
{
	bool gen_ran = tk_conn_gen_ran(s);
	int ring = ring_to_seal(inst, s);
	struct tk_key key;
	int rc;

	if (ring == TK_NO_RING)
		return 0;
	/* Without gen there is no tag: callbacks of the program's own stand in its place. */
	if (!gen_ran && inst->conf->rings[ring].scope != TK_SCOPE_SHARED)
		return 0;
	rc = tk_vault_get_encrypt(inst->vault, (unsigned)ring, &key);
	if (rc == 0)
		rc = tk_ticket_seal(&key, name, iv, cctx, hctx);
	tk_key_wipe(&key);
	return rc == 0;
}

/* TLS 1.3 always renews, or the client gets no fresh ticket (RFC 8446 appendix C.4). */
static bool wants_renewal(SSL *s, unsigned slots, unsigned slot)
{
	if (!SSL_is_dtls(s) && SSL_version(s) >= TLS1_3_VERSION)
		return true;
	return tk_ring_wants_renewal(slots, slot);
}

static int open_ticket(const struct tk_instance *inst, SSL *s, const unsigned char *name,
		       const unsigned char *iv, EVP_CIPHER_CTX *cctx, EVP_MAC_CTX *hctx)
{
	unsigned slot = 0, slots = 0;
	struct tk_key key = { .len = 0 };
	const char *sni;
	size_t sni_len;
	int ring, rc;

	tk_conn_hello_name(s, &sni, &sni_len);
	ring = tk_instance_ring(inst, sni, sni_len);
	if (ring == TK_NO_RING)
		return 0;
	rc = tk_vault_find(inst->vault, (unsigned)ring, name, &key, &slot, &slots);
	if (rc == 0)
		rc = tk_ticket_open(&key, iv, cctx, hctx);
	tk_key_wipe(&key);
	if (rc != 0)
		return 0;
	tk_conn_opened(s, ring);
	return wants_renewal(s, slots, slot) ? 2 : 1;
}

int tk_seal_callback(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
		     EVP_MAC_CTX *hctx, int enc)
{
	const struct tk_instance *inst = tk_instance();
	int rc;

	if (inst == NULL)
		return 0;
	ERR_set_mark();
	rc = enc ? seal(inst, s, name, iv, cctx, hctx) : open_ticket(inst, s, name, iv, cctx, hctx);
	ERR_pop_to_mark();
	return rc;
}

int tk_seal_refuse(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
		   EVP_MAC_CTX *hctx, int enc)
{
	(void)s, (void)name, (void)iv, (void)cctx, (void)hctx, (void)enc;
	return 0;
}
