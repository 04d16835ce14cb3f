/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contexts.c - owns the list of hooked SSL_CTXs.  An entry lives as long as its
 * SSL_CTX: libcrypto's free function takes it out before anything in the context is
 * torn down, so whoever holds the mutex may look at every context in the list.
 */
#include "provider/contexts.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/random.h"
#include "provider/clock.h"


#define LOOK_AGAIN_MS 1000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct tk_context *list; /* guarded by mutex */
static unsigned count;          /* guarded by mutex */

/* The last look: what it found, and until when it is good (0: no longer). */
static atomic_bool verify_found;
static _Atomic int64_t verify_until;

static atomic_int index_of_ours = -1;

void tk_contexts_index(int idx)
{
	atomic_store_explicit(&index_of_ours, idx, memory_order_relaxed);
}

struct tk_context *tk_context_of(const SSL_CTX *ctx)
{
	int idx = atomic_load_explicit(&index_of_ours, memory_order_relaxed);

	return idx == -1 ? NULL : SSL_CTX_get_ex_data(ctx, idx);
}

struct tk_context *tk_context_new(SSL_CTX *ctx, bool generic)
{
	struct tk_context *c = calloc(1, sizeof(*c));

	if (c == NULL || tk_random(&c->id, sizeof(c->id)) != 0) {
		free(c);
		return NULL;
	}
	c->ctx = ctx;
	c->generic = generic;
	pthread_mutex_lock(&mutex);
	c->next = list;
	if (list != NULL)
		list->prev = c;
	list = c;
	count++;
	atomic_store_explicit(&verify_until, 0, memory_order_relaxed);
	pthread_mutex_unlock(&mutex);
	return c;
}

void tk_context_free(struct tk_context *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&mutex);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		list = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	count--;
	pthread_mutex_unlock(&mutex);
	free(c);
}

/* Of a generic method: a certificate may be chosen for each connection only, but who names
 * the CAs of its clients is a server all the same. */
static bool is_servers(const struct tk_context *c)
{
	return !c->generic || SSL_CTX_get0_certificate(c->ctx) != NULL ||
	       sk_X509_NAME_num(SSL_CTX_get_client_CA_list(c->ctx)) > 0;
}

static bool verifies(const struct tk_context *c)
{
	return (SSL_CTX_get_verify_mode(c->ctx) & SSL_VERIFY_PEER) != 0 && is_servers(c);
}

bool tk_contexts_verify(void)
{
	int64_t now = tk_monotonic_ms();
	bool found = false;

	if (atomic_load_explicit(&verify_until, memory_order_relaxed) > now)
		return atomic_load_explicit(&verify_found, memory_order_relaxed);
	pthread_mutex_lock(&mutex);
	for (const struct tk_context *c = list; c != NULL && !found; c = c->next)
		found = verifies(c);
	atomic_store_explicit(&verify_found, found, memory_order_relaxed);
	atomic_store_explicit(&verify_until, now + LOOK_AGAIN_MS, memory_order_relaxed);
	pthread_mutex_unlock(&mutex);
	return found;
}

void tk_contexts_count(unsigned *hooked, unsigned *left_alone)
{
	*left_alone = 0;
	pthread_mutex_lock(&mutex);
	*hooked = count;
	for (const struct tk_context *c = list; c != NULL; c = c->next)
		*left_alone += atomic_load_explicit(&c->left_alone, memory_order_relaxed);
	pthread_mutex_unlock(&mutex);
}

void tk_contexts_lock(void)
{
	pthread_mutex_lock(&mutex);
}

void tk_contexts_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

void tk_contexts_forked(void)
{
	pthread_mutex_init(&mutex, NULL);
}
