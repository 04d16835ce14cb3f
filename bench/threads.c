/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads.c - tickets a second that two threads open and seal against one, while a writer
 * changes the ring a thousand times a second.  The same for OpenSSL's built-in path, which
 * shows what of it is libcrypto's own.  usage: threads DIR
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/server.h"
#include "core/ring.h"
#include "provider/instance.h"

#define ROUNDS 60
#define BATCH 20000
#define THREADS 2

struct worker {
	SSL *hello, *served;
	struct tk_context context;
	struct bench_ticket ticket;
	bool theirs;
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

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void work(struct worker *w)
{
	double wall = bench_now(), cpu = cpu_now();

	for (unsigned i = 0; i < BATCH; i++) {
		if (w->theirs) {
			bench_seal_theirs(&w->ticket);
			bench_open_theirs(&w->ticket);
		} else {
			bench_seal_ours(w->served, &w->context, &w->ticket);
			BENCH_CHECK(bench_open_ours(w->hello, &w->ticket) > 0);
		}
	}
	w->wall = bench_now() - wall;
	w->cpu = cpu_now() - cpu;
}

struct task {
	struct group *group;
	unsigned number;
};

static void *thread(void *arg)
{
	struct task *t = arg;

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

static void compare(struct worker *workers, const char *what, enum bench_bound kind)
{
	struct group two = { .worker = workers, .threads = 2 };
	struct group one = { .worker = workers, .threads = 1 };
	struct bench_result r = bench_rounds(ROUNDS, batch, &two, batch, &one);

	bench_row(what, "/ms", &r, kind, 1.80);
	fprintf(stderr, "%s: two threads had a core each %.1f %% of the time, one thread %.1f %%\n",
		what, two.cpu / two.wall * 100, one.cpu / one.wall * 100);
}

int main(int argc, char **argv)
{
	static struct worker ours[THREADS], theirs[THREADS];
	pthread_t writer;
	SSL_CTX *ctx;

	BENCH_CHECK(argc == 2);
	ctx = bench_attach(argv[1], "one.conf");
	for (unsigned i = 0; i < THREADS; i++) {
		ours[i].hello = bench_in_hello(ctx, "www.example.test");
		ours[i].served = bench_served(ctx, "www.example.test");
		ours[i].context.id = 1;
		theirs[i].theirs = true;
	}
	BENCH_CHECK(pthread_create(&writer, NULL, rotate_for_ever, tk_instance()) == 0);
	compare(ours, "two threads / one, 1,000 changes of the ring a second", BENCH_AT_LEAST);
	compare(theirs, "(the same with OpenSSL's own path)", BENCH_NO_BOUND);
	return 0;
}
