/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_vault.c - the shared key memory: what is published is read, what was dropped is
 * gone, a reader never sees half of a change, and a writer killed in the middle has
 * changed nothing.
 */
#include "provider/vault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define PUBLISHED 60000
#define KILLS 60

/* All bytes of a key are the same, so that a torn copy shows. */
static void make_key(struct tk_key *k, unsigned n)
{
	memset(k, 0, sizeof(*k));
	memset(k->bytes, (int)(n % 251 + 1), TK_KEY_LEN_MAX);
	k->len = TK_KEY_LEN_MAX;
}

/* The keys of generation n are n, n + 1, ...: neighbours belong together. */
static void make_ring(struct tk_ring *r, unsigned slots, unsigned n)
{
	r->slots = slots;
	r->key_len = TK_KEY_LEN_MAX;
	for (unsigned i = 0; i < slots; i++) {
		make_key(&r->key[i], n + i);
		r->cell[i] = (uint8_t)((n + i) % TK_CELLS(slots));
	}
}

static bool whole(const struct tk_key *k)
{
	for (size_t i = 1; i < TK_KEY_LEN_MAX; i++)
		if (k->bytes[i] != k->bytes[0])
			return false;
	return k->len == TK_KEY_LEN_MAX && k->bytes[0] != 0;
}

static struct tk_vault *new_vault(unsigned rings, unsigned slots)
{
	struct tk_vault *v;
	struct tk_ring r;
	struct tk_error e;

	if (tk_vault_create(&v, TK_VAULT_MEMFD, rings, slots, &e) != 0) {
		printf("%s\n", e.text);
		exit(1);
	}
	make_ring(&r, slots, 0);
	for (unsigned i = 0; i + 1 < rings; i++) /* the last one stays empty */
		tk_vault_init(v, i, &r);
	return v;
}

static void published_is_read(void)
{
	for (unsigned slots = 1; slots <= TK_SLOTS_MAX; slots++) {
		struct tk_vault *v = new_vault(3, slots);
		struct tk_ring r, back;
		struct tk_key k, want;
		struct tk_vault_place at;
		uint8_t cell;

		make_ring(&r, slots, 7);
		CHECK(tk_vault_publish_locked(v, 1, &r) == 0, "%u slots", slots);
		CHECK(tk_vault_read(v, 1, &back) == 0 && back.slots == slots, "%u slots", slots);
		make_key(&want, 7 + tk_ring_encrypt_slot(slots));
		CHECK(tk_vault_get_encrypt(v, 1, &k, &at) == 0 && tk_key_equal(&k, &want), "%u", slots);
		CHECK(at.cell == r.cell[tk_ring_encrypt_slot(slots)], "%u", slots);
		CHECK(tk_vault_newest(v, 1, &cell) == 0 && cell == r.cell[slots - 1], "%u", slots);
		for (unsigned i = 0; i < slots; i++)
			CHECK(tk_vault_find(v, 1, tk_key_name(&r.key[i]), &k, &at) == 0 &&
			      at.slot == i && at.slots == slots && at.cell == r.cell[i] &&
			      back.cell[i] == r.cell[i] && tk_key_equal(&k, &r.key[i]),
			      "%u of %u", i, slots);
		make_key(&want, 7 + slots);
		CHECK(tk_vault_find(v, 1, want.bytes, &k, &at) == TK_E_NOENT, "%u", slots);
		make_key(&want, 0);
		CHECK(tk_vault_find(v, 0, want.bytes, &k, &at) == 0, "ring 0 untouched");
		tk_vault_free(&v);
		CU_ASSERT_PTR_NULL(v);
	}
}

static void refusals(void)
{
	struct tk_vault *v = new_vault(2, 3);
	struct tk_vault_place at;
	struct tk_ring r;
	struct tk_key k;

	make_ring(&r, 4, 0);
	CU_ASSERT_EQUAL(tk_vault_publish_locked(v, 0, &r), TK_E_SIZE);
	make_ring(&r, 3, 0);
	r.key_len = TK_KEY_128_LEN;
	CU_ASSERT_EQUAL(tk_vault_publish_locked(v, 0, &r), TK_E_SIZE);
	CU_ASSERT_EQUAL(tk_vault_get_encrypt(v, 1, &k, &at), TK_E_NOENT);
	CU_ASSERT_EQUAL(tk_vault_get_encrypt(v, 2, &k, &at), TK_E_NOENT);
	CU_ASSERT_EQUAL(tk_vault_get_encrypt(v, UINT32_MAX, &k, &at), TK_E_NOENT);
	tk_vault_free(&v);
}

/* The slots that a ring has, and not those that the vault has room for: they have a name of zeros. */
static void a_smaller_ring(void)
{
	static const uint8_t zeros[TK_NAME_LEN];
	struct tk_vault *v = new_vault(2, 8);
	struct tk_vault_place at;
	struct tk_ring r;
	struct tk_key k;

	make_ring(&r, 3, 5);
	tk_vault_init(v, 1, &r);
	CU_ASSERT_EQUAL(tk_vault_find(v, 1, zeros, &k, &at), TK_E_NOENT);
	CU_ASSERT_EQUAL(tk_vault_find(v, 1, tk_key_name(&r.key[2]), &k, &at), 0);
	CU_ASSERT_TRUE(at.slot == 2 && at.slots == 3);
	tk_vault_free(&v);
}

/* The vault's pages, found the way a debugger would. */
static uint8_t *pages(size_t *size)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned long from, to;
	uint8_t *found = NULL;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "tkprov-vault") != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2) {
			found = (uint8_t *)from;
			*size = to - from;
		}
	if (f != NULL)
		fclose(f);
	return found;
}

static bool stands_somewhere(const struct tk_key *k)
{
	size_t size = 0;
	const uint8_t *p = pages(&size);

	const uint8_t *secret = k->bytes + TK_NAME_LEN;

	for (size_t i = 0; p != NULL && i + TK_KEY_LEN_MAX - TK_NAME_LEN <= size; i++)
		if (memcmp(p + i, secret, TK_KEY_LEN_MAX - TK_NAME_LEN) == 0)
			return true;
	return p == NULL;
}

/* RFC 9325 section 3.4: a key that has left the ring is nowhere in the memory. */
static void dropped_is_gone(void)
{
	struct tk_vault *v = new_vault(2, 3);
	struct tk_key oldest, newest;
	struct tk_ring r;

	make_key(&oldest, 0);
	make_key(&newest, 3);
	CU_ASSERT_TRUE(stands_somewhere(&oldest));
	make_ring(&r, 3, 1);
	CU_ASSERT_EQUAL(tk_vault_publish_locked(v, 0, &r), 0);
	CU_ASSERT_FALSE(stands_somewhere(&oldest));
	CU_ASSERT_TRUE(stands_somewhere(&newest));
	tk_vault_free(&v);
}

struct race {
	struct tk_vault *v;
	atomic_bool over;
	atomic_uint reads, torn;
};

static void *read_without_pause(void *arg)
{
	struct race *race = arg;
	struct tk_vault_place at;
	struct tk_ring r;
	struct tk_key k;

	while (!race->over) {
		if (tk_vault_get_encrypt(race->v, 0, &k, &at) == 0) {
			race->reads++;
			race->torn += !whole(&k);
		}
		if (tk_vault_read(race->v, 0, &r) == 0) {
			race->reads++;
			for (unsigned i = 0; i < r.slots; i++)
				race->torn += !whole(&r.key[i]) ||
					      r.key[i].bytes[0] !=
						      (r.key[0].bytes[0] - 1u + i) % 251 + 1;
		}
	}
	return NULL;
}

static void readers_never_see_half(void)
{
	struct race race = { .v = new_vault(2, 32) };
	pthread_t t[2];
	struct tk_ring r;

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, read_without_pause, &race);
	for (unsigned n = 1; n <= PUBLISHED; n++) {
		make_ring(&r, 32, n);
		tk_vault_publish_locked(race.v, 0, &r);
	}
	while (race.reads < 1000)
		;
	race.over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK(race.torn == 0, "%u of %u copies torn", race.torn, race.reads);
	tk_vault_free(&race.v);
}

/* A writer is killed while it writes without pause; the survivors read whole rings and
 * the next writer goes on. */
static void killed_writer_harms_nobody(void)
{
	struct tk_vault *v = new_vault(2, 32);
	struct tk_ring r;
	uint64_t seed = 1;

	for (unsigned n = 0; n < KILLS; n++) {
		pid_t pid = fork();

		if (pid == 0)
			for (unsigned i = 0;; i++) {
				make_ring(&r, 32, i);
				tk_vault_publish_locked(v, 0, &r);
			}
		usleep((useconds_t)(unit_random(&seed) % 2000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		CHECK(tk_vault_read(v, 0, &r) == 0, "kill %u", n);
		for (unsigned i = 0; i < r.slots; i++)
			CHECK(whole(&r.key[i]) &&
			      r.key[i].bytes[0] == (r.key[0].bytes[0] - 1u + i) % 251 + 1,
			      "kill %u, slot %u", n, i);
	}
	tk_vault_free(&v);
}

static const struct unit_test tests[] = {
	{ "published is read", published_is_read },
	{ "refusals", refusals },
	{ "a smaller ring", a_smaller_ring },
	{ "dropped is gone", dropped_is_gone },
	{ "readers never see half", readers_never_see_half },
	{ "killed writer harms nobody", killed_writer_harms_nobody },
};
UNIT_MAIN("vault", tests)
