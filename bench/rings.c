/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rings.c - opening with many rings, random ring and slot, against one ring.  Each side is
 * a process of its own, for an instance is one a process.  Both walk through a table of
 * the same size and write a server name over the one in their ClientHello.
 * usage: rings DIR, with DIR/many.conf: ring i for the name printed by HOST
 */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/server.h"
#include "core/ring.h"
#include "provider/instance.h"

#define PAIRS 7 /* where a process's pages happen to lie makes a difference */
#define ROUNDS 10
#define BATCH 10000 /* or it is the caches' refilling after the other side that counts */
#define PICKS 65536
#define HOST "h%05u.example.test"

struct pick {
	char host[19]; /* HOST without a NUL */
	uint8_t name[TK_NAME_LEN];
};

struct side {
	const char *dir, *conf;
	SSL *hello;
	char *sni;
	struct bench_ticket ticket;
	unsigned next;
	struct pick pick[PICKS];
};

static uint64_t random64(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void choose(struct side *side)
{
	const struct tk_instance *inst = tk_instance();
	uint64_t seed = 88172645463325252u;
	struct tk_ring ring;
	char host[32];

	for (unsigned i = 0; i < PICKS; i++) {
		unsigned id = (unsigned)(random64(&seed) % inst->conf->ring_count);

		snprintf(host, sizeof(host), HOST, id);
		memcpy(side->pick[i].host, host, sizeof(side->pick[i].host));
		BENCH_CHECK(tk_instance_ring(inst, host, strlen(host)) == (int)id);
		BENCH_CHECK(tk_vault_read(inst->vault, id, &ring) == 0);
		memcpy(side->pick[i].name, tk_key_name(&ring.key[random64(&seed) % ring.slots]),
		       TK_NAME_LEN);
	}
}

static void *make(void *arg)
{
	struct side *side = arg;
	struct tk_context context = { .id = 1 };
	double start = bench_now();
	SSL_CTX *ctx = bench_attach(side->dir, side->conf);

	fprintf(stderr, "%s: attached in %.0f ms\n", side->conf, (bench_now() - start) / 1e6);
	side->hello = bench_in_hello(ctx, "h00000.example.test");
	side->sni = bench_hello_name(side->hello);
	bench_seal_ours(bench_served(ctx, "h00000.example.test"), &context, &side->ticket);
	choose(side);
	return side;
}

static double open_many(void *arg)
{
	struct side *side = arg;
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++) {
		const struct pick *p = &side->pick[side->next++ % PICKS];

		memcpy(side->sni, p->host, sizeof(p->host));
		memcpy(side->ticket.bytes, p->name, sizeof(p->name));
		BENCH_CHECK(bench_open_ours(side->hello, &side->ticket) > 0);
	}
	return (bench_now() - start) / BATCH;
}

int main(int argc, char **argv)
{
	static struct side many = { .conf = "many.conf" }, one = { .conf = "one.conf" };
	static double a[PAIRS * ROUNDS], b[PAIRS * ROUNDS];
	struct bench_result r;

	BENCH_CHECK(argc == 2);
	many.dir = one.dir = argv[1];
	for (unsigned i = 0; i < PAIRS; i++) {
		struct bench_child *x = bench_child_start(make, &many, open_many);
		struct bench_child *y = bench_child_start(make, &one, open_many);

		bench_measure(ROUNDS, bench_child_batch, x, bench_child_batch, y, a + i * ROUNDS,
			      b + i * ROUNDS);
		bench_children_stop();
	}
	r = bench_judge(a, b, PAIRS * ROUNDS);
	bench_row("open with 10,000 rings / with one", "ns", &r, BENCH_AT_MOST, 1.20);
	return 0;
}
