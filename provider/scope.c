/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.c - gen and dec, libssl's session ticket callbacks.  Both get the session
 * context's entry as argument: the SSL_CTX that the connection began with, whatever
 * server name callbacks have made of it since.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the key callback of before OpenSSL 3 */
#include "provider/scope.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "core/tag.h"
#include "provider/clock.h"
#include "provider/conn.h"
#include "provider/counters.h"
#include "provider/instance.h"
#include "provider/log.h"
#include "provider/seal.h"
#include "provider/ticket.h"

/* The site: the exact bytes of the server name; without one the certificate of the
 * session context, for the connection's own changes during the handshake; without
 * either the context. */
static int site_of(const struct tk_context *c, const char *name, size_t len,
		   uint8_t out[static TK_SITE_LEN])
{
	const X509 *cert;

	if (name != NULL)
		return tk_ticket_site(name, len, out);
	cert = SSL_CTX_get0_certificate(c->ctx);
	if (cert != NULL)
		return tk_ticket_site_cert(cert, out);
	return tk_ticket_site(&c->id, sizeof(c->id), out);
}

static bool asks_for_cert(const SSL *s)
{
	return (SSL_get_verify_mode(s) & SSL_VERIFY_PEER) != 0;
}

static void see_certs(const struct tk_instance *inst)
{
	if (!tk_board_see_certs(inst->board, inst->program))
		return;
	tk_log(LOG_INFO, "client certificates are in play: tickets stay in their contexts");
	for (unsigned i = 0; i < inst->conf->ring_count; i++)
		if (inst->conf->rings[i].scope == TK_SCOPE_SHARED)
			tk_log(LOG_WARNING,
			       "ring %u (%s) has scope \"shared\" and client certificates are in "
			       "play: a session made without one may be resumed where one is required",
			       i, inst->conf->rings[i].name);
}

/* Are client certificates in play, as far as anything but the tag can tell? */
static bool certs_in_play(const struct tk_instance *inst, SSL *s, SSL_SESSION *sess)
{
	if (tk_board_certs_seen(inst->board))
		return true;
	if (!asks_for_cert(s) && !tk_contexts_verify())
		return SSL_SESSION_get0_peer(sess) != NULL;
	see_certs(inst);
	return true;
}

static bool has_tag(SSL_SESSION *sess, struct tk_tag *tag)
{
	void *data = NULL;
	size_t len = 0;

	return SSL_SESSION_get0_ticket_appdata(sess, &data, &len) == 1 && data != NULL &&
	       tk_tag_get(tag, data, len) == 0;
}

/* Only the first handshake's own session may be written to.  Up to TLS 1.2 the ticket
 * goes out before our Finished, so having sent one means a renegotiation.  In TLS 1.3
 * a second ticket, or one after post-handshake authentication, is for a copy of the
 * first's session, tag and all. */
static bool may_tag(SSL *s)
{
	return SSL_session_reused(s) != 1 && !(tk_conn_is_old(s) && SSL_get_finished(s, NULL, 0) > 0);
}

static bool write_tag(SSL *s, SSL_SESSION *sess, const struct tk_context *c, const char *name)
{
	uint8_t data[TK_TAG_LEN];
	struct tk_tag tag;

	if (site_of(c, name, name != NULL ? strlen(name) : 0, tag.site) != 0)
		return false;
	tag.context = c->id;
	tag.verifies = asks_for_cert(s);
	tag.born = tk_now();
	tk_tag_put(&tag, data);
	return SSL_SESSION_set1_ticket_appdata(sess, data, sizeof(data)) == 1;
}

/* Will dec know what the ticket is bound to?  A context with keys of its own keeps them, and
 * what they seal is none of dec's business. */
static bool tag_session(const struct tk_instance *inst, SSL *s, const struct tk_context *c,
			bool left_alone)
{
	SSL_SESSION *sess = SSL_get_session(s);
	const char *name = tk_conn_name(s);
	int ring = tk_instance_ring(inst, name, name != NULL ? strlen(name) : 0);
	struct tk_tag there;

	if (sess == NULL || left_alone)
		return false;
	if (has_tag(sess, &there))
		return true;
	return ring != TK_NO_RING && inst->conf->rings[ring].scope != TK_SCOPE_SHARED &&
	       may_tag(s) && write_tag(s, sess, c, name);
}

/* TLS 1.3 tickets that are numbers of libssl's own cache: no key seals them. */
static bool is_stateful(const SSL *s)
{
	return !tk_conn_is_old(s) &&
	       ((SSL_get_options(s) & SSL_OP_NO_TICKET) != 0 ||
		(SSL_get_max_early_data(s) > 0 && (SSL_get_options(s) & SSL_OP_NO_ANTI_REPLAY) == 0));
}

/* takeover = false: there is no getter for the key callback, but a ticket that gen
 * announced and our seal never saw was sealed by somebody else's. */
static void note_left_alone(const struct tk_instance *inst)
{
	struct tk_announced last;

	if (!tk_conn_gen_unsealed(&last) || !tk_contexts_leave(last.context, true))
		return;
	tk_contexts_tell(inst->board);
	tk_log(LOG_NOTICE, "a context of %s has its own ticket keys and keeps them (takeover = false)",
	       inst->program);
}

#ifdef SSL_CTX_set_tlsext_ticket_key_cb
static bool set_hmac_callback(SSL_CTX *ctx)
{
	return SSL_CTX_set_tlsext_ticket_key_cb(ctx, tk_seal_hmac_callback) == 1;
}
#else
static bool set_hmac_callback(SSL_CTX *ctx)
{
	(void)ctx;
	return false;
}
#endif

/* The callback of before OpenSSL 3 spares each ticket two fetches by name, and threads the locks in
 * there.  libssl takes the EVP one first, so that is ours as well until a ticket has shown that
 * the context does without, and the other one has stood there for that long. */
static void set_key_callback(struct tk_context *c)
{
	bool stands = set_hmac_callback(c->ctx);

	/* pairs with the release in tk_contexts_take_hmac */
	if (stands && atomic_load_explicit(&c->takes_hmac, memory_order_acquire))
		SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx, NULL);
	else
		SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx, tk_seal_evp_callback);
}

/* Servers that set a key callback of their own after SSL_CTX_new are taken over here,
 * just before libssl looks which one it is. */
static void assert_key_callback(const struct tk_instance *inst, struct tk_context *c)
{
	if (!inst->conf->takeover) {
		note_left_alone(inst);
		return;
	}
	set_key_callback(c);
	/* threads share the context: it is only written to when there is something to write */
	if (atomic_load_explicit(&c->left_alone, memory_order_relaxed) &&
	    tk_contexts_leave(c->id, false))
		tk_contexts_tell(inst->board);
}

/* For seal. */
static void announce(const struct tk_instance *inst, SSL *s, struct tk_context *c)
{
	bool left_alone = atomic_load_explicit(&c->left_alone, memory_order_relaxed);
	struct tk_announced what = {
		.context = c->id,
		.left_alone = left_alone,
		.tagged = tag_session(inst, s, c, left_alone),
		.watched = !inst->conf->takeover && !left_alone && !is_stateful(s),
	};

	tk_conn_gen(s, &what);
}

/* Once a connection: gen runs for each ticket, and again after the handshake. */
static void count_resumed(const struct tk_instance *inst, SSL *s)
{
	unsigned cell;
	int ring = tk_conn_ticket(s, &cell);

	if (ring != TK_NO_RING && tk_conn_mark(s, TK_CONN_RESUMED))
		tk_count(inst->board, (unsigned)ring, cell, TK_COUNT_RESUMED);
}

static int gen(SSL *s, void *arg)
{
	const struct tk_instance *inst = tk_instance();
	struct tk_context *c = arg;

	if (inst == NULL)
		return 1;
	ERR_set_mark();
	if (!atomic_load_explicit(&c->gen_ran, memory_order_relaxed))
		atomic_store_explicit(&c->gen_ran, true, memory_order_relaxed);
	assert_key_callback(inst, c);
	if (asks_for_cert(s))
		see_certs(inst);
	announce(inst, s, c);
	if (SSL_session_reused(s) == 1)
		count_resumed(inst, s);
	ERR_pop_to_mark();
	return 1;
}

/* ring: whose key opened it; TK_NO_RING: none of ours did. */
static enum tk_verdict judge(const struct tk_instance *inst, SSL *s, SSL_SESSION *sess,
			     const struct tk_context *c, int ring)
{
	struct tk_scene scene = {
		.context = c->id,
		.now = tk_now(),
		.max_age = inst->conf->max_session_age,
	};
	struct tk_tag tag;
	const char *name;
	size_t len;

	if (ring != TK_NO_RING)
		scene.scope = inst->conf->rings[ring].scope;
	if (scene.scope == TK_SCOPE_SHARED)
		return TK_VERDICT_GOOD;
	tk_conn_hello_name(s, &name, &len);
	if (site_of(c, name, len, scene.site) != 0)
		return TK_VERDICT_SITE;
	scene.certs_in_play = certs_in_play(inst, s, sess);
	return tk_tag_judge(has_tag(sess, &tag) ? &tag : NULL, &scene);
}

/* libssl's own answer: what it would do without a callback. */
static SSL_TICKET_RETURN usual_answer(SSL_TICKET_STATUS status)
{
	switch (status) {
	case SSL_TICKET_SUCCESS:
		return SSL_TICKET_RETURN_USE;
	case SSL_TICKET_SUCCESS_RENEW:
		return SSL_TICKET_RETURN_USE_RENEW;
	default:
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	}
}

static bool is_good(SSL_TICKET_STATUS status)
{
	return status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
}

/* As libssl will judge: by the time that the session itself carries.  It may last for ever. */
static bool is_expired(const SSL_SESSION *sess)
{
	return tk_now() - (int64_t)SSL_SESSION_get_time(sess) > SSL_SESSION_get_timeout(sess);
}

static void count_refused(const struct tk_instance *inst, SSL *s, enum tk_counter why)
{
	unsigned cell;
	int ring = tk_conn_ticket(s, &cell);

	if (ring != TK_NO_RING && tk_conn_mark(s, TK_CONN_REFUSED))
		tk_count(inst->board, (unsigned)ring, cell, why);
}

/* A ticket that our open accepted. */
static SSL_TICKET_RETURN answer_ours(const struct tk_instance *inst, SSL *s, SSL_SESSION *sess,
				     const struct tk_context *c, int ring, SSL_TICKET_STATUS status)
{
	SSL_TICKET_RETURN answer = usual_answer(status);

	if (status == SSL_TICKET_NO_DECRYPT)
		count_refused(inst, s, TK_COUNT_FORGED);
	if (!is_good(status))
		return answer;
	if (judge(inst, s, sess, c, ring) != TK_VERDICT_GOOD) {
		count_refused(inst, s, is_expired(sess) ? TK_COUNT_EXPIRED : TK_COUNT_ASTRAY);
		answer = SSL_TICKET_RETURN_IGNORE_RENEW;
	} else if (is_expired(sess))
		count_refused(inst, s, TK_COUNT_EXPIRED);
	else if (answer == SSL_TICKET_RETURN_USE || SSL_get_num_tickets(s) == 0)
		count_resumed(inst, s); /* gen will not run */
	return answer;
}

/* One that another callback opened: the server's own, which may have a ring's keys.  By the tag it
 * is known for one that we sealed. */
static SSL_TICKET_RETURN answer_others(const struct tk_instance *inst, SSL *s, SSL_SESSION *sess,
				       const struct tk_context *c, SSL_TICKET_STATUS status)
{
	struct tk_tag tag;

	if (is_good(status) && has_tag(sess, &tag) &&
	    judge(inst, s, sess, c, TK_NO_RING) != TK_VERDICT_GOOD)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return usual_answer(status);
}

static SSL_TICKET_RETURN dec(SSL *s, SSL_SESSION *sess, const unsigned char *name, size_t name_len,
			     SSL_TICKET_STATUS status, void *arg)
{
	const struct tk_instance *inst = tk_instance();
	SSL_TICKET_RETURN answer;
	int ring;

	(void)name, (void)name_len;
	if (inst == NULL)
		return usual_answer(status);
	ERR_set_mark();
	ring = tk_conn_judge(s);
	answer = ring != TK_NO_RING ? answer_ours(inst, s, sess, arg, ring, status) :
				      answer_others(inst, s, sess, arg, status);
	ERR_pop_to_mark();
	return answer;
}

void tk_scope_install(struct tk_context *c, bool foreign)
{
	SSL_CTX_set_session_ticket_cb(c->ctx, gen, dec, c);
	if (foreign)
		(void)tk_contexts_leave(c->id, true);
	else
		SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx, tk_seal_evp_callback);
	tk_contexts_tell(tk_instance()->board);
}

static int gen_refuse(SSL *s, void *arg)
{
	const struct tk_context *c = arg;

	(void)s;
	SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx, tk_seal_refuse);
	return 1;
}

void tk_scope_refuse(struct tk_context *c)
{
	SSL_CTX_set_session_ticket_cb(c->ctx, gen_refuse, NULL, c);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx, tk_seal_refuse);
}
