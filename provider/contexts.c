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
static unsigned count, alone_count; /* guarded by mutex */

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

	return idx == -1 ? NULL : tk_context_from_data(SSL_CTX_get_ex_data(ctx, idx));
}

/* Pointers of others are even. */
void *tk_context_to_data(struct tk_context *c)
{
	return (char *)c + 1;
}

struct tk_context *tk_context_from_data(void *data)
{
	return ((uintptr_t)data & 1) != 0 ? (void *)((char *)data - 1) : NULL;
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
	alone_count -= atomic_load_explicit(&c->left_alone, memory_order_relaxed);
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

static bool leave_locked(struct tk_context *c, bool alone)
{
	if (atomic_exchange_explicit(&c->left_alone, alone, memory_order_relaxed) == alone)
		return false;
	alone_count += alone ? 1U : -1U;
	return true;
}

static struct tk_context *find_locked(uint64_t id)
{
	struct tk_context *c = list;

	while (c != NULL && c->id != id)
		c = c->next;
	return c;
}

bool tk_contexts_leave(uint64_t id, bool alone)
{
	struct tk_context *c;
	bool new;

	pthread_mutex_lock(&mutex);
	c = find_locked(id);
	new = c != NULL && leave_locked(c, alone);
	pthread_mutex_unlock(&mutex);
	return new;
}

void tk_contexts_take_hmac(uint64_t id)
{
	struct tk_context *c;

	pthread_mutex_lock(&mutex);
	c = find_locked(id);
	if (c != NULL) /* pairs with the acquire in scope.c's set_key_callback */
		atomic_store_explicit(&c->takes_hmac, true, memory_order_release);
	pthread_mutex_unlock(&mutex);
}

bool tk_contexts_leave_unproven(const SSL_CTX *ctx)
{
	bool any = false;

	pthread_mutex_lock(&mutex);
	for (struct tk_context *c = list; c != NULL; c = c->next) {
		if ((ctx != NULL && c->ctx != ctx) ||
		    atomic_load_explicit(&c->gen_ran, memory_order_relaxed) || !leave_locked(c, true))
			continue;
		SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx, NULL);
		any = true;
	}
	pthread_mutex_unlock(&mutex);
	return any;
}

void tk_contexts_tell(struct tk_board *b)
{
	pthread_mutex_lock(&mutex);
	tk_board_contexts(b, count, alone_count);
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
