/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retries.c - how often a reader of the vault has to begin again while the ring is changed,
 * a thousand times a second and then without pause.  It has a vault.c of its own, in which
 * each look at the version is counted; the readers do nothing but read, so that the figures
 * are the worst there are.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "bench/bench.h"

/* view_held, which ends each try, is what loads a 64-bit word relaxed. */
static _Thread_local uint64_t tries;
static inline void look(size_t size, memory_order order)
{
	tries += size == 8 && order == memory_order_relaxed;
}
#undef atomic_load_explicit
#define atomic_load_explicit(from, order)                                                          \
	(look(sizeof(*(from)), order), __atomic_load_n(from, order))
#include "provider/vault.c"
#undef atomic_load_explicit

#define READERS 2
#define SECONDS 2

struct reader {
	struct tk_vault *v;
	uint8_t name[TK_NAME_LEN];
	atomic_bool *over;
	uint64_t reads, retries, most, busy;
};

static void count(struct reader *r, int rc)
{
	BENCH_CHECK(tries > 0); /* or vault.c no longer is what the macro above expects */
	r->reads++;
	r->retries += tries - 1;
	if (tries - 1 > r->most)
		r->most = tries - 1;
	r->busy += rc == TK_E_BUSY;
	tries = 0;
}

static void *read_without_pause(void *arg)
{
	struct reader *r = arg;
	struct tk_vault_place place;
	struct tk_key key;

	while (!*r->over) {
		count(r, tk_vault_get_encrypt(r->v, 0, &key, &place));
		count(r, tk_vault_find(r->v, 0, r->name, &key, &place));
	}
	return NULL;
}

/* What is pushed out comes in as the newest. */
static uint64_t change(struct tk_vault *v, struct tk_ring *ring, bool pause)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	double end = bench_now() + SECONDS * 1e9;
	uint64_t changes = 0;

	for (; bench_now() < end; changes++) {
		struct tk_key oldest = ring->key[0];

		BENCH_CHECK(tk_ring_push(ring, &oldest) == 0);
		BENCH_CHECK(tk_vault_publish_locked(v, 0, ring) == 0);
		if (pause)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL);
	}
	return changes;
}

static void measure(struct tk_vault *v, struct tk_ring *ring, bool pause, const char *what)
{
	struct reader reader[READERS];
	uint64_t reads = 0, retries = 0, most = 0, busy = 0, changes;
	atomic_bool over = false;
	pthread_t id[READERS];
	char text[128];

	for (unsigned i = 0; i < READERS; i++) {
		reader[i] = (struct reader){ .v = v, .over = &over };
		memcpy(reader[i].name, tk_key_name(&ring->key[2]), TK_NAME_LEN);
		BENCH_CHECK(pthread_create(&id[i], NULL, read_without_pause, &reader[i]) == 0);
	}
	changes = change(v, ring, pause);
	over = true;
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(id[i], NULL);
		reads += reader[i].reads;
		retries += reader[i].retries;
		busy += reader[i].busy;
		if (reader[i].most > most)
			most = reader[i].most;
	}
	fprintf(stderr, "%s: %.0f changes a second, %.1f million reads, %.3f retries a million, %.0f "
		"gave up\n", what, (double)changes / SECONDS, (double)reads / 1e6,
		(double)retries * 1e6 / (double)reads, (double)busy);
	snprintf(text, sizeof(text), "most retries of one read, %s", what);
	bench_row_below(text, (double)most, READ_TRIES);
	snprintf(text, sizeof(text), "reads given up, a million, %s", what);
	bench_row_below(text, (double)busy * 1e6 / (double)reads, 1);
}

int main(void)
{
	struct tk_ring ring = { .slots = 3, .key_len = TK_KEY_LEN_MAX };
	struct tk_vault *v;
	struct tk_error e;

	for (unsigned i = 0; i < ring.slots; i++) {
		memset(ring.key[i].bytes, (int)i + 1, TK_KEY_LEN_MAX);
		ring.key[i].len = ring.key_len;
	}
	BENCH_CHECK(tk_vault_create(&v, TK_VAULT_MEMFD, 1, 3, &e) == 0);
	tk_vault_init(v, 0, &ring);
	measure(v, &ring, true, "1,000 changes a second");
	measure(v, &ring, false, "changes without pause");
	return 0;
}
