/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticket.c - one seal and one open through our key callback against OpenSSL's built-in
 * path.  usage: ticket DIR
 */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/server.h"

#define ROUNDS 200
#define BATCH 1000

struct side {
	SSL *hello, *served;
	struct tk_context context;
	struct bench_ticket ticket;
};

static double seal_ours(void *arg)
{
	struct side *side = arg;
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++)
		bench_seal_ours(side->served, &side->context, &side->ticket);
	return (bench_now() - start) / BATCH;
}

static double seal_theirs(void *arg)
{
	struct side *side = arg;
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++)
		bench_seal_theirs(&side->ticket);
	return (bench_now() - start) / BATCH;
}

static double seal_evp(void *arg)
{
	struct side *side = arg;
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++)
		bench_seal_evp(side->served, &side->context, &side->ticket);
	return (bench_now() - start) / BATCH;
}

static double open_ours(void *arg)
{
	struct side *side = arg;
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++)
		BENCH_CHECK(bench_open_ours(side->hello, &side->ticket) > 0);
	return (bench_now() - start) / BATCH;
}

static double open_theirs(void *arg)
{
	struct side *side = arg;
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++)
		BENCH_CHECK(bench_open_theirs(&side->ticket) > 0);
	return (bench_now() - start) / BATCH;
}

static double open_evp(void *arg)
{
	struct side *side = arg;
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++)
		BENCH_CHECK(bench_open_evp(side->hello, &side->ticket) > 0);
	return (bench_now() - start) / BATCH;
}

int main(int argc, char **argv)
{
	static struct side ours = { .context.id = 1 }, theirs;
	struct bench_result r;
	SSL_CTX *ctx;

	BENCH_CHECK(argc == 2);
	ctx = bench_attach(argv[1], "one.conf");
	ours.hello = bench_in_hello(ctx, "www.example.test");
	ours.served = bench_served(ctx, "www.example.test");
	r = bench_rounds(ROUNDS, seal_ours, &ours, seal_theirs, &theirs);
	bench_row("seal one ticket, IV and all / OpenSSL's own", "ns", &r, BENCH_AT_MOST, 0.60);
	r = bench_rounds(ROUNDS, seal_evp, &ours, seal_theirs, &theirs);
	bench_row("(the same as an EVP callback)", "ns", &r, BENCH_NO_BOUND, 0);
	r = bench_rounds(ROUNDS, open_ours, &ours, open_theirs, &theirs);
	bench_row("open one ticket / OpenSSL's own", "ns", &r, BENCH_AT_MOST, 1.00);
	r = bench_rounds(ROUNDS, open_evp, &ours, open_theirs, &theirs);
	bench_row("(the same as an EVP callback)", "ns", &r, BENCH_NO_BOUND, 0);
	return 0;
}
