/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads.c - tickets a second that two threads open and seal against one, while a writer
 * changes the ring a thousand times a second.  The same for OpenSSL's built-in path, which
 * shows what libcrypto's own locks cost, for our shared memory alone, and for arithmetic,
 * which shows whether the machine has two cores to give.  usage: threads DIR
 */
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/server.h"
#include "core/ring.h"
#include "provider/counters.h"
#include "provider/instance.h"

#define ROUNDS 60
#define BATCH 20000
#define THREADS 2

struct worker {
	alignas(128) SSL *hello, *served;
	struct tk_context context;
	struct bench_ticket ticket;
	void (*once)(struct worker *w);
	volatile uint64_t sum;
	double wall, cpu; /* nanoseconds of the last batch */
};

struct group {
	struct worker *worker;
	unsigned threads;
	pthread_barrier_t barrier;
	double wall, cpu; /* of all batches */
};

/* What is pushed out comes in as the newest, so that all names stay in the ring. */
static void *rotate_for_ever(void *arg)
{
	const struct tk_instance *inst = arg;
	struct timespec ms = { .tv_nsec = 1000000 };
	struct tk_ring ring;
	struct tk_key oldest;

	for (;;) {
		BENCH_CHECK(tk_vault_read(inst->vault, 0, &ring) == 0);
		oldest = ring.key[0];
		BENCH_CHECK(tk_ring_push(&ring, &oldest) == 0);
		BENCH_CHECK(tk_vault_publish_locked(inst->vault, 0, &ring) == 0);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL);
	}
	return NULL;
}

/* A connection belongs to the thread that made it, in a server too: in memory of another
 * they would stand in each other's lines of the cache. */
struct making {
	struct worker *worker;
	SSL_CTX *ctx;
	pthread_mutex_t *one_by_one;
	pthread_barrier_t *together; /* or the second would get the memory of the first */
};

static void *make(void *arg)
{
	struct making *m = arg;

	pthread_barrier_wait(m->together);
	pthread_mutex_lock(m->one_by_one); /* the server context's callback is for both */
	m->worker->hello = bench_in_hello(m->ctx, "www.example.test");
	m->worker->served = bench_served(m->ctx, "www.example.test");
	m->worker->context.id = 1;
	pthread_mutex_unlock(m->one_by_one);
	pthread_barrier_wait(m->together);
	return NULL;
}

static void connect_all(struct worker *worker, SSL_CTX *ctx)
{
	struct making making[THREADS];
	pthread_mutex_t one_by_one = PTHREAD_MUTEX_INITIALIZER;
	pthread_barrier_t together;
	pthread_t id[THREADS];

	pthread_barrier_init(&together, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		making[i] = (struct making){ &worker[i], ctx, &one_by_one, &together };
		BENCH_CHECK(pthread_create(&id[i], NULL, make, &making[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	pthread_barrier_destroy(&together);
}

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void pair_of_ours(struct worker *w)
{
	bench_seal_ours(w->served, &w->context, &w->ticket);
	BENCH_CHECK(bench_open_ours(w->hello, &w->ticket) > 0);
}

static void pair_of_theirs(struct worker *w)
{
	bench_seal_theirs(&w->ticket);
	bench_open_theirs(&w->ticket);
}

/* What a seal and an open do in shared memory, ten times, and nothing of libcrypto. */
static void shared_only(struct worker *w)
{
	struct tk_instance *inst = tk_instance();
	struct tk_vault_place place;
	struct tk_key key, found;

	for (unsigned i = 0; i < 10; i++) {
		BENCH_CHECK(tk_vault_get_encrypt(inst->vault, 0, &key, &place) == 0);
		tk_count(inst->board, 0, place.cell, TK_COUNT_ISSUED);
		BENCH_CHECK(tk_vault_find(inst->vault, 0, tk_key_name(&key), &found, &place) == 0);
		tk_count(inst->board, 0, place.cell, TK_COUNT_PRESENTED);
	}
	w->sum += found.bytes[0];
}

/* Many sums at once, so that a core has all hands full: two threads of one core show. */
static void arithmetic(struct worker *w)
{
	uint64_t sum[8] = { w->sum, 1, 2, 3, 4, 5, 6, 7 };

	for (unsigned i = 0; i < 500; i++)
		for (unsigned k = 0; k < 8; k++)
			sum[k] = (sum[k] ^ i) + (sum[k] << 1 | k);
	for (unsigned k = 0; k < 8; k++)
		w->sum += sum[k];
}

static void work(struct worker *w)
{
	double wall = bench_now(), cpu = cpu_now();

	for (unsigned i = 0; i < BATCH; i++)
		w->once(w);
	w->wall = bench_now() - wall;
	w->cpu = cpu_now() - cpu;
}

struct task {
	struct group *group;
	unsigned number;
};

/* A core each, or a batch is over before the scheduler has moved the second one away. */
static void stay_on(unsigned nth)
{
	cpu_set_t all, one;
	unsigned cpu = 0;

	BENCH_CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
	if (CPU_COUNT(&all) < THREADS)
		return;
	for (unsigned left = nth; !CPU_ISSET(cpu, &all) || left-- > 0; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	BENCH_CHECK(pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0);
}

static void *thread(void *arg)
{
	struct task *t = arg;

	stay_on(t->number);
	pthread_barrier_wait(&t->group->barrier);
	work(&t->group->worker[t->number]);
	return NULL;
}

/* Pairs of one seal and one open a millisecond, all threads together. */
static double batch(void *arg)
{
	struct group *g = arg;
	struct task task[THREADS];
	pthread_t id[THREADS];
	double longest = 0;

	pthread_barrier_init(&g->barrier, NULL, g->threads);
	for (unsigned i = 0; i < g->threads; i++) {
		task[i] = (struct task){ .group = g, .number = i };
		BENCH_CHECK(pthread_create(&id[i], NULL, thread, &task[i]) == 0);
	}
	for (unsigned i = 0; i < g->threads; i++) {
		pthread_join(id[i], NULL);
		if (g->worker[i].wall > longest)
			longest = g->worker[i].wall;
		g->wall += g->worker[i].wall;
		g->cpu += g->worker[i].cpu;
	}
	pthread_barrier_destroy(&g->barrier);
	return g->threads * BATCH / longest * 1e6;
}

static void compare(struct worker *workers, void (*once)(struct worker *w), const char *what,
		    enum bench_bound kind)
{
	struct group two = { .worker = workers, .threads = 2 };
	struct group one = { .worker = workers, .threads = 1 };
	struct bench_result r;

	for (unsigned i = 0; i < THREADS; i++)
		workers[i].once = once;
	r = bench_rounds(ROUNDS, batch, &two, batch, &one);
	bench_row(what, "/ms", &r, kind, 1.80);
	fprintf(stderr, "%s: two threads had a core each %.1f %% of the time, one thread %.1f %%\n",
		what, two.cpu / two.wall * 100, one.cpu / one.wall * 100);
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS];
	pthread_t writer;

	BENCH_CHECK(argc == 2);
	connect_all(workers, bench_attach(argv[1], "one.conf"));
	BENCH_CHECK(pthread_create(&writer, NULL, rotate_for_ever, tk_instance()) == 0);
	compare(workers, pair_of_ours, "two threads / one, 1,000 changes of the ring a second",
		BENCH_AT_LEAST);
	compare(workers, pair_of_theirs, "(the same with OpenSSL's own path)", BENCH_NO_BOUND);
	compare(workers, shared_only, "(the same, only what is ours in shared memory)",
		BENCH_NO_BOUND);
	compare(workers, arithmetic, "(the same with arithmetic, nothing shared)", BENCH_NO_BOUND);
	return 0;
}
