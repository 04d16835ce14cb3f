/* SPDX-License-Identifier: Apache-2.0 */
/*
 * algorithms.c - owns what was fetched.
 *
 * A further set is fetched from a library context of its own, in which a provider made here
 * shows what the first set's provider has and nothing else: the same functions with the
 * same provider context behind other objects.
 */
#include "provider/algorithms.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SETS 4
#define AES128 "AES-128-CBC"
#define AES256 "AES-256-CBC"
#define SHA256 "SHA2-256"

struct set {
	struct tk_algorithms has;
	OSSL_LIB_CTX *libctx;
	OSSL_PROVIDER *provider; /* its own; the first has none */
};

static struct set first;
static _Atomic(struct set *) sets[SETS]; /* [0] is &first; the others as threads come */
static atomic_uint threads;
static _Thread_local const struct tk_algorithms *mine;

/* Constant after init.  No provider: nothing but the first set. */
static const OSSL_PROVIDER *provider;
static OSSL_ALGORITHM ciphers[3], digests[2];

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	if (operation == OSSL_OP_CIPHER)
		return ciphers;
	return operation == OSSL_OP_DIGEST ? digests : NULL;
}

static int same_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
			 const OSSL_DISPATCH **out, void **provctx)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL },
	};

	(void)handle, (void)in;
	*out = functions;
	*provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
	return 1;
}

/* names has colons between. */
static bool is_among(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (;; names++) {
		if (strncasecmp(names, name, len) == 0 && (names[len] == ':' || names[len] == '\0'))
			return true;
		names = strchr(names, ':');
		if (names == NULL)
			return false;
	}
}

static bool copy_entry(const OSSL_ALGORITHM *from, const char *name, OSSL_ALGORITHM *to)
{
	for (; from != NULL && from->algorithm_names != NULL; from++)
		if (is_among(from->algorithm_names, name)) {
			*to = *from;
			return true;
		}
	return false;
}

/* Whether further sets can be made: not where a provider forbids to keep its tables. */
static bool copy_tables(const OSSL_PROVIDER *from)
{
	int no_cache = 0;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(from, OSSL_OP_CIPHER, &no_cache);

	if (no_cache || !copy_entry(a, AES128, &ciphers[0]) || !copy_entry(a, AES256, &ciphers[1]))
		return false;
	a = OSSL_PROVIDER_query_operation(from, OSSL_OP_DIGEST, &no_cache);
	return !no_cache && copy_entry(a, SHA256, &digests[0]);
}

static bool fetch(struct set *set)
{
	set->has.aes128 = EVP_CIPHER_fetch(set->libctx, AES128, NULL);
	set->has.aes256 = EVP_CIPHER_fetch(set->libctx, AES256, NULL);
	set->has.sha256 = EVP_MD_fetch(set->libctx, SHA256, NULL);
	return set->has.aes128 != NULL && set->has.aes256 != NULL && set->has.sha256 != NULL;
}

static void free_set(struct set *set)
{
	EVP_CIPHER_free(set->has.aes128);
	EVP_CIPHER_free(set->has.aes256);
	EVP_MD_free(set->has.sha256);
	if (set->provider != NULL)
		OSSL_PROVIDER_unload(set->provider);
	OSSL_LIB_CTX_free(set->libctx);
	free(set);
}

static struct set *new_set(void)
{
	static const char name[] = "tkprov-set";
	struct set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return &first;
	set->libctx = OSSL_LIB_CTX_new();
	if (set->libctx != NULL && OSSL_PROVIDER_add_builtin(set->libctx, name, same_provider) == 1)
		set->provider = OSSL_PROVIDER_load(set->libctx, name);
	if (set->provider != NULL && fetch(set))
		return set;
	free_set(set);
	return &first;
}

static const struct set *take(unsigned nth)
{
	struct set *there = atomic_load_explicit(&sets[nth], memory_order_acquire), *made;

	if (there != NULL || provider == NULL)
		return there != NULL ? there : &first;
	made = new_set();
	/* another thread may have been faster; the release pairs with the acquire above */
	if (atomic_compare_exchange_strong_explicit(&sets[nth], &there, made, memory_order_acq_rel,
						    memory_order_acquire))
		return made;
	if (made != &first)
		free_set(made);
	return there;
}

const struct tk_algorithms *tk_algorithms(void)
{
	if (mine == NULL)
		mine = &take(atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % SETS)->has;
	return mine;
}

int tk_algorithms_init(struct tk_error *e)
{
	const OSSL_PROVIDER *from;

	first.libctx = OSSL_LIB_CTX_get0_global_default();
	if (!fetch(&first))
		return tk_err_set(e, TK_E_CRYPTO,
				  "AES-CBC and SHA-256 are not available: openssl.cnf must "
				  "activate the default provider beside tkprov");
	atomic_store_explicit(&sets[0], &first, memory_order_relaxed);
	from = EVP_MD_get0_provider(first.has.sha256);
	if (from == EVP_CIPHER_get0_provider(first.has.aes128) &&
	    from == EVP_CIPHER_get0_provider(first.has.aes256) && copy_tables(from))
		provider = from;
	return 0;
}
