/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - which ring and which key; the cryptography is ticket.c's, the judgement of
 * what was opened scope.c's.
 */
#include "provider/seal.h"

#include <openssl/err.h>
#include <stdbool.h>
#include <string.h>

#include "provider/clock.h"
#include "provider/conn.h"
#include "provider/contexts.h"
#include "provider/counters.h"
#include "provider/imports.h"
#include "provider/instance.h"
#include "provider/log.h"
#include "provider/ringstate.h"
#include "provider/ticket.h"
#include "provider/timer.h"

/* A TLS 1.2 renewal may have lost its name: it stays in the ring its ticket came from. */
static int ring_to_seal(const struct tk_instance *inst, SSL *s)
{
	unsigned cell;
	int ring = tk_conn_old_resumed(s) ? tk_conn_ticket(s, &cell) : TK_NO_RING;
	const char *name;

	if (ring != TK_NO_RING)
		return ring;
	name = tk_conn_name(s);
	return tk_instance_ring(inst, name, name != NULL ? strlen(name) : 0);
}

/* max_key_age_action = "stop-issuing". */
static bool is_too_old(const struct tk_instance *inst, unsigned ring, unsigned newest)
{
	struct tk_origin o;

	if (!inst->conf->stop_issuing)
		return false;
	tk_ringstate_origin(inst->board, ring, newest, &o);
	return tk_now() - o.added > inst->conf->max_key_age;
}

static void count_sealed(const struct tk_instance *inst, SSL *s, unsigned ring, unsigned cell)
{
	unsigned old_cell;
	int old_ring;

	tk_count(inst->board, ring, cell, TK_COUNT_ISSUED);
	if (SSL_session_reused(s) != 1)
		return;
	old_ring = tk_conn_ticket(s, &old_cell);
	if (old_ring != TK_NO_RING && tk_conn_mark(s, TK_CONN_RENEWED))
		tk_count(inst->board, (unsigned)old_ring, old_cell, TK_COUNT_RENEWED);
}

/* No gen before the seal: the program has callbacks of its own, and nobody writes or looks at
 * tags.  Its context goes back to OpenSSL's own key; should gen run there after all, it takes
 * over again. */
static void leave_alone(const struct tk_instance *inst, SSL *s)
{
	SSL_CTX *ctx = SSL_get_SSL_CTX(s);
	struct tk_context *c = tk_context_of(ctx);

	if (c == NULL || atomic_exchange_explicit(&c->left_alone, true, memory_order_relaxed))
		return;
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, NULL);
	tk_log(LOG_NOTICE, "a context of %s has ticket callbacks of its own and keeps OpenSSL's "
			   "ticket key", inst->program);
}

/* Until gen was seen on a context, somebody who could set callbacks there may have: also a
 * library that was loaded after the context was made. */
static bool may_be_foreign(const struct tk_instance *inst, SSL *s, unsigned ring)
{
	const struct tk_context *c = tk_context_of(SSL_get_SSL_CTX(s));

	return c != NULL && !atomic_load_explicit(&c->gen_ran, memory_order_relaxed) &&
	       inst->conf->rings[ring].scope != TK_SCOPE_SHARED && tk_imports(TK_CALLBACK_SETTER);
}

static int seal(struct tk_instance *inst, SSL *s, unsigned char *name, unsigned char *iv,
		EVP_CIPHER_CTX *cctx, EVP_MAC_CTX *hctx)
{
	bool gen_ran = tk_conn_gen_ran(s);
	int ring = ring_to_seal(inst, s);
	struct tk_vault_place place;
	struct tk_key key;
	int rc;

	if (ring == TK_NO_RING)
		return 0;
	/* Without gen there is no tag: callbacks of the program's own stand in its place. */
	if (!gen_ran && inst->conf->rings[ring].scope != TK_SCOPE_SHARED) {
		leave_alone(inst, s);
		return 0;
	}
	if (!atomic_load_explicit(&inst->keeps_time, memory_order_relaxed))
		tk_timer_ring(inst, (unsigned)ring);
	rc = tk_vault_get_encrypt(inst->vault, (unsigned)ring, &key, &place);
	if (rc == 0 && is_too_old(inst, (unsigned)ring, place.newest))
		rc = TK_E_RANGE;
	if (rc == 0)
		rc = tk_ticket_seal(&key, name, iv, cctx, hctx);
	tk_key_wipe(&key);
	if (rc == 0)
		count_sealed(inst, s, (unsigned)ring, place.cell);
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
	struct tk_vault_place place = { 0 };
	struct tk_key key = { .len = 0 };
	const char *sni;
	size_t sni_len;
	int ring, rc;

	tk_conn_hello_name(s, &sni, &sni_len);
	ring = tk_instance_ring(inst, sni, sni_len);
	if (ring == TK_NO_RING || may_be_foreign(inst, s, (unsigned)ring))
		return 0;
	rc = tk_vault_find(inst->vault, (unsigned)ring, name, &key, &place);
	if (rc == TK_E_NOENT)
		tk_count_unknown(inst->board, (unsigned)ring, name);
	if (rc == 0) {
		tk_count_soon(inst->board, (unsigned)ring, place.cell);
		rc = tk_ticket_open(&key, iv, cctx, hctx);
	}
	tk_key_wipe(&key);
	if (rc != 0)
		return 0;
	if (tk_conn_opened(s, ring, place.cell))
		tk_count(inst->board, (unsigned)ring, place.cell, TK_COUNT_PRESENTED);
	return wants_renewal(s, place.slots, place.slot) ? 2 : 1;
}

int tk_seal_callback(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
		     EVP_MAC_CTX *hctx, int enc)
{
	struct tk_instance *inst = tk_instance();
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
