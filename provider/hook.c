/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook.c - owns the index and the functions that libcrypto calls when an SSL_CTX is
 * made and freed.  In new_func the context has its method and little else; what may be
 * called there is in the design's notes on OpenSSL (the key and ticket callback setters
 * are; the ticket key setter and the number of tickets are not).
 */
#include "provider/hook.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>

#include "provider/attach.h"
#include "provider/contexts.h"
#include "provider/exindex.h"
#include "provider/imports.h"
#include "provider/instance.h"
#include "provider/log.h"
#include "provider/scope.h"

typedef const SSL_METHOD *method_fn(void);

enum side { SIDE_SERVER, SIDE_CLIENT, SIDE_EITHER };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int ctx_index = -1; /* guarded by mutex until it is set, constant afterwards */

/* By name, because each OpenSSL has other ones: old versions compiled out, QUIC from 3.2. */
static const char *const client_methods[] = {
	"TLS_client_method",     "DTLS_client_method",    "OSSL_QUIC_client_method",
	"TLSv1_2_client_method", "TLSv1_1_client_method", "TLSv1_client_method",
	"SSLv3_client_method",   "DTLSv1_2_client_method", "DTLSv1_client_method",
	"OSSL_QUIC_client_thread_method",
};
static const char *const either_methods[] = {
	"TLS_method",     "DTLS_method",  "TLSv1_2_method",  "TLSv1_1_method",
	"TLSv1_method",   "SSLv3_method", "DTLSv1_2_method", "DTLSv1_method",
};

static bool is_one_of(const SSL_METHOD *m, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		method_fn *fn = (method_fn *)dlsym(RTLD_DEFAULT, names[i]);

		if (fn != NULL && fn() == m)
			return true;
	}
	return false;
}

static enum side side_of(const SSL_CTX *ctx)
{
	const SSL_METHOD *m = SSL_CTX_get_ssl_method(ctx);

	if (m == TLS_server_method())
		return SIDE_SERVER;
	if (m == TLS_client_method())
		return SIDE_CLIENT;
	if (m == TLS_method())
		return SIDE_EITHER;
	if (is_one_of(m, client_methods, sizeof(client_methods) / sizeof(*client_methods)))
		return SIDE_CLIENT;
	if (is_one_of(m, either_methods, sizeof(either_methods) / sizeof(*either_methods)))
		return SIDE_EITHER;
	return SIDE_SERVER;
}

static bool all_shared(const struct tk_instance *inst)
{
	for (unsigned i = 0; i < inst->conf->ring_count; i++)
		if (inst->conf->rings[i].scope != TK_SCOPE_SHARED)
			return false;
	return true;
}

/* A program that imports the setter may put ticket callbacks of its own in place of
 * gen and dec; only a ring that needs no tag does without those. */
static bool is_foreign(const struct tk_instance *inst)
{
	static atomic_bool said;

	if (all_shared(inst) || !tk_imports(TK_CALLBACK_SETTER))
		return false;
	if (!atomic_exchange(&said, true))
		tk_log(LOG_NOTICE,
		       "%s can set ticket callbacks of its own: its contexts keep OpenSSL's "
		       "ticket key until ours are seen to run",
		       inst->program);
	return true;
}

static void hook_context(SSL_CTX *ctx, CRYPTO_EX_DATA *ad, enum side side)
{
	const struct tk_instance *inst = tk_attach();
	enum tk_attach_verdict verdict = tk_attach_verdict();
	struct tk_context *c;

	if (verdict == TK_ATTACH_NOT_US || verdict == TK_ATTACH_BUILTIN)
		return;
	c = tk_context_new(ctx, side == SIDE_EITHER);
	if (c == NULL || CRYPTO_set_ex_data(ad, ctx_index, tk_context_to_data(c)) != 1) {
		tk_context_free(c);
		tk_log(LOG_ERR, "out of memory: a context keeps OpenSSL's own ticket key");
		return;
	}
	if (inst == NULL) {
		tk_scope_refuse(c);
		return;
	}
	tk_scope_install(c, is_foreign(inst));
}

static void new_func(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	enum side side;

	(void)ptr, (void)idx, (void)argl, (void)argp;
	if (parent == NULL)
		return;
	ERR_set_mark();
	side = side_of(parent);
	if (side != SIDE_CLIENT)
		hook_context(parent, ad, side);
	ERR_pop_to_mark();
}

/* Runs also for contexts that new_func never saw: then ptr is NULL. */
static void free_func(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct tk_context *c = tk_context_from_data(ptr);

	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	tk_context_free(c);
	if (c != NULL && tk_instance() != NULL)
		tk_contexts_tell(tk_instance()->board);
}

int tk_hook_register(struct tk_error *e)
{
	int rc = 0;

	pthread_mutex_lock(&mutex);
	if (ctx_index == -1)
		ctx_index = tk_exindex_new(CRYPTO_EX_INDEX_SSL_CTX, new_func, free_func);
	if (ctx_index == -1)
		rc = tk_err_set(e, TK_E_CRYPTO, "libcrypto gave no ex_data index");
	else
		tk_contexts_index(ctx_index);
	pthread_mutex_unlock(&mutex);
	return rc;
}
