/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_algorithms.c - threads and their sets of algorithms.  What is fetched stays for the life of
 * a process, so each case has one of its own.
 */
#include <dlfcn.h>
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <sys/wait.h>

#include "provider/algorithms.h"
#include "unit.h"

#define THREADS 16
#define ROUNDS 200

struct thread {
	pthread_t id;
	pthread_barrier_t *together;
	const struct tk_algorithms *set;
	bool good;
};

/* SHA-256 and AES-CBC of nothing much: FIPS 180-4's "abc", SP 800-38A's first blocks. */
static bool works(const struct tk_algorithms *a)
{
	static const uint8_t digest[32] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	static const uint8_t plain[16] = { 0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
					   0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a };
	static const uint8_t iv[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const uint8_t key128[16] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
					    0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };
	static const uint8_t key256[32] = { 0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe,
					    0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81,
					    0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7,
					    0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4 };
	static const uint8_t want128[4] = { 0x76, 0x49, 0xab, 0xac }, want256[4] = { 0xf5, 0x8c, 0x4c, 0x04 };
	uint8_t md[EVP_MAX_MD_SIZE], out[32];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;
	bool good;

	good = ctx != NULL && EVP_Digest("abc", 3, md, NULL, a->sha256, NULL) == 1 &&
	       memcmp(md, digest, sizeof(digest)) == 0 &&
	       EVP_EncryptInit_ex2(ctx, a->aes128, key128, iv, NULL) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &n, plain, sizeof(plain)) == 1 &&
	       memcmp(out, want128, sizeof(want128)) == 0 &&
	       EVP_EncryptInit_ex2(ctx, a->aes256, key256, iv, NULL) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &n, plain, sizeof(plain)) == 1 &&
	       memcmp(out, want256, sizeof(want256)) == 0;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static void *use(void *arg)
{
	struct thread *t = arg;

	pthread_barrier_wait(t->together);
	t->set = tk_algorithms();
	t->good = true;
	for (unsigned i = 0; i < ROUNDS; i++)
		t->good = t->good && tk_algorithms() == t->set && works(t->set);
	return NULL;
}

/* How many sets as many threads at once come to; 0: something does not work. */
static int sets_of_threads(void)
{
	static struct thread t[THREADS];
	pthread_barrier_t together;
	int sets = 0;
	struct tk_error e;

	if (tk_algorithms_init(&e) != 0 || pthread_barrier_init(&together, NULL, THREADS) != 0)
		return 0;
	for (unsigned i = 0; i < THREADS; i++) {
		t[i].together = &together;
		if (pthread_create(&t[i].id, NULL, use, &t[i]) != 0)
			return 0;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		bool seen = false;

		pthread_join(t[i].id, NULL);
		if (!t[i].good)
			return 0;
		for (unsigned k = 0; k < i; k++)
			if (t[k].set->sha256 == t[i].set->sha256 || t[k].set->aes256 == t[i].set->aes256)
				seen = true;
		sets += !seen;
	}
	return sets;
}

static int in_child(int (*of)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		exit(of());
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* As many threads as stand for one: a set that two of them make at once is made once. */
static void sets_between_threads(void)
{
	for (unsigned i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(in_child(sets_of_threads), 4);
}

/* A provider for SHA-256 only, as a module for digests has it, or for AES as well. */
static OSSL_ALGORITHM digests[2], ciphers[3];
static const char *aes; /* the properties of its AES; NULL: it has none */
static OSSL_PROVIDER *known;
static int forbidden; /* to keep the tables of that operation; 0: of none */

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = operation == forbidden;
	if (operation == OSSL_OP_CIPHER && aes != NULL)
		return ciphers;
	return operation == OSSL_OP_DIGEST ? digests : NULL;
}

static void copy(const OSSL_PROVIDER *from, int operation, const char *name,
		 const char *properties, OSSL_ALGORITHM *to)
{
	int no_cache;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(from, operation, &no_cache);

	while (strncmp(a->algorithm_names, name, strlen(name)) != 0)
		a++;
	*to = *a;
	to->property_definition = properties;
}

static int other_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		      const OSSL_DISPATCH **out, void **provctx)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL },
	};
	(void)handle, (void)in;
	known = OSSL_PROVIDER_load(NULL, "default");
	copy(known, OSSL_OP_DIGEST, "SHA2-256:", "provider=other", &digests[0]);
	copy(known, OSSL_OP_CIPHER, "AES-128-CBC:", aes, &ciphers[0]);
	copy(known, OSSL_OP_CIPHER, "AES-256-CBC:", aes, &ciphers[1]);
	*provctx = OSSL_PROVIDER_get0_provider_ctx(known);
	*out = functions;
	return 1;
}

static int with_another_provider(void)
{
	OSSL_PROVIDER *other;
	int sets;

	if (OSSL_PROVIDER_add_builtin(NULL, "other", other_init) != 1)
		return 0;
	other = OSSL_PROVIDER_load(NULL, "other");
	if (other == NULL || EVP_set_default_properties(NULL, "?provider=other") != 1)
		return 0;
	sets = sets_of_threads();
	OSSL_PROVIDER_unload(other);
	OSSL_PROVIDER_unload(known);
	return sets;
}

static void another_provider(void)
{
	static const struct {
		const char *aes;
		int forbidden;
		int sets;
	} rows[] = {
		{ "provider=other", 0, 4 },
		{ "provider=other", OSSL_OP_CIPHER, 1 },
		{ "provider=other", OSSL_OP_DIGEST, 1 },
		{ "provider=elsewhere", 0, 1 }, /* not the AES that is fetched */
		{ NULL, 0, 1 },
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		aes = rows[i].aes;
		forbidden = rows[i].forbidden;
		CHECK(in_child(with_another_provider) == rows[i].sets, "row %u", i);
	}
}

/* The calls of algorithms.c come here: the program stands first in the search. */
static bool refuse;

OSSL_PROVIDER *OSSL_PROVIDER_load(OSSL_LIB_CTX *libctx, const char *name)
{
	OSSL_PROVIDER *(*real)(OSSL_LIB_CTX *, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "OSSL_PROVIDER_load");
	return refuse ? NULL : real(libctx, name);
}

static void no_further_set_can_be_made(void)
{
	refuse = true;
	CU_ASSERT_EQUAL(in_child(sets_of_threads), 1);
	refuse = false;
}

static int without_default(void)
{
	OSSL_PROVIDER *null = OSSL_PROVIDER_load(NULL, "null");
	struct tk_error e;

	if (null == NULL || tk_algorithms_init(&e) != TK_E_CRYPTO)
		return 0;
	OSSL_PROVIDER_unload(null);
	return strstr(e.text, "must activate the default provider") != NULL;
}

static void none_at_all(void)
{
	CU_ASSERT_EQUAL(in_child(without_default), 1);
}

static const struct unit_test tests[] = {
	{ "sets between threads", sets_between_threads },
	{ "another provider", another_provider },
	{ "no further set can be made", no_further_set_can_be_made },
	{ "none at all", none_at_all },
};
UNIT_MAIN("algorithms", tests)
