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
	const char *name;
	unsigned cell;
	int ring;

	if (SSL_session_reused(s) == 1 && tk_conn_is_old(s)) {
		ring = tk_conn_ticket(s, &cell);
		if (ring != TK_NO_RING)
			return ring;
	}
	name = tk_conn_name(s);
	return tk_instance_ring(inst, name, name != NULL ? strlen(name) : 0);
}

/* max_key_age_action = "stop-issuing". */
static bool is_too_old(const struct tk_instance *inst, unsigned ring)
{
	struct tk_origin o;
	uint8_t newest;

	if (!inst->conf->stop_issuing || tk_vault_newest(inst->vault, ring, &newest) != 0)
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
	if (old_ring == TK_NO_RING || !tk_conn_mark(s, TK_CONN_RENEWED))
		return;
	tk_count(inst->board, (unsigned)old_ring, old_cell, TK_COUNT_RENEWED);
	if (tk_conn_mark(s, TK_CONN_RESUMED)) /* gen has counted it, unless there is none of ours */
		tk_count(inst->board, (unsigned)old_ring, old_cell, TK_COUNT_RESUMED);
}

/* No gen before the seal: the program has callbacks of its own, and nobody writes or looks at
 * tags.  Its context goes back to OpenSSL's own key; should gen run there after all, it takes
 * over again.  Where that was done already the handshake began with another context, and
 * nobody says with which. */
static void leave_alone(const struct tk_instance *inst, const SSL *s)
{
	if (!tk_contexts_leave_unproven(SSL_get_SSL_CTX(s)) && !tk_contexts_leave_unproven(NULL))
		return;
	tk_contexts_tell(inst->board);
	tk_log(LOG_NOTICE, "a context of %s has ticket callbacks of its own and keeps OpenSSL's "
			   "ticket key", inst->program);
}

/* takeover = false: it was thought to have keys of its own. */
static void take_back(const struct tk_instance *inst, const struct tk_announced *what)
{
	if (what->left_alone && tk_contexts_leave(what->context, false))
		tk_contexts_tell(inst->board);
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
		EVP_CIPHER_CTX *cctx, const struct tk_mac *mac)
{
	struct tk_announced what;
	bool gen_ran = tk_conn_gen_take(s, &what);
	int ring = ring_to_seal(inst, s);
	struct tk_vault_place place;
	struct tk_key key;
	int rc;

	take_back(inst, &what);
	if (ring == TK_NO_RING)
		return 0;
	if (inst->conf->rings[ring].scope != TK_SCOPE_SHARED && !what.tagged) {
		if (!gen_ran)
			leave_alone(inst, s);
		return 0; /* dec would refuse it */
	}
	if (!atomic_load_explicit(&inst->keeps_time, memory_order_relaxed))
		tk_timer_ring(inst, (unsigned)ring);
	rc = tk_vault_get_encrypt(inst->vault, (unsigned)ring, &key, &place);
	if (rc == 0 && is_too_old(inst, (unsigned)ring))
		rc = TK_E_RANGE;
	if (rc == 0)
		rc = tk_ticket_seal(&key, name, iv, cctx, mac);
	tk_key_wipe(&key);
	if (rc == 0 && gen_ran && inst->conf->takeover && mac->evp != NULL &&
	    tk_ticket_takes_hmac(mac->evp))
		tk_contexts_take_hmac(what.context);
	if (rc == 0)
		count_sealed(inst, s, (unsigned)ring, place.cell);
	return rc == 0;
}

/* TLS 1.3 always renews, or the client gets no fresh ticket (RFC 8446 appendix C.4). */
static bool wants_renewal(const SSL *s, unsigned slots, unsigned slot)
{
	return !tk_conn_is_old(s) || tk_ring_wants_renewal(slots, slot);
}

static int open_ticket(const struct tk_instance *inst, SSL *s, const unsigned char *name,
		       const unsigned char *iv, EVP_CIPHER_CTX *cctx, const struct tk_mac *mac)
{
	struct tk_vault_place place = { 0 };
	struct tk_key key = { .len = 0 };
	struct tk_count_mem *count = NULL;
	const char *sni;
	size_t sni_len;
	int ring, rc;
	bool again;

	tk_conn_hello_name(s, &sni, &sni_len);
	ring = tk_instance_ring(inst, sni, sni_len);
	if (ring == TK_NO_RING || may_be_foreign(inst, s, (unsigned)ring))
		return 0;
	rc = tk_vault_find(inst->vault, (unsigned)ring, name, &key, &place);
	if (rc == TK_E_NOENT)
		tk_count_unknown(inst->board, (unsigned)ring, name);
	if (rc == 0) {
		count = tk_count_soon(inst->board, (unsigned)ring, place.cell);
		rc = tk_ticket_open(&key, iv, cctx, mac);
	}
	tk_key_wipe(&key);
	if (rc != 0 || tk_conn_opened(s, ring, place.cell, &again) != 0)
		return 0;
	if (!again)
		tk_count_now(count, TK_COUNT_PRESENTED);
	return wants_renewal(s, place.slots, place.slot) ? 2 : 1;
}

static int seal_or_open(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
			const struct tk_mac *mac, int enc)
{
	struct tk_instance *inst = tk_instance();
	bool marked;
	int rc;

	if (inst == NULL)
		return 0;
	marked = ERR_set_mark() == 1; /* not where there is nothing to mark */
	rc = enc ? seal(inst, s, name, iv, cctx, mac) : open_ticket(inst, s, name, iv, cctx, mac);
	if (marked || rc == 0) /* what works leaves no errors behind */
		ERR_pop_to_mark();
	return rc;
}

int tk_seal_evp_callback(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
			 EVP_MAC_CTX *hctx, int enc)
{
	return seal_or_open(s, name, iv, cctx, &(struct tk_mac){ .evp = hctx }, enc);
}

int tk_seal_hmac_callback(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
			  HMAC_CTX *hctx, int enc)
{
	return seal_or_open(s, name, iv, cctx, &(struct tk_mac){ .hmac = hctx }, enc);
}

int tk_seal_refuse(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx,
		   EVP_MAC_CTX *hctx, int enc)
{
	(void)s, (void)name, (void)iv, (void)cctx, (void)hctx, (void)enc;
	return 0;
}
