/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.c - what a command costs its client, from connect to the end of the answer: ours
 * against HAProxy's, with the same rings.  usage: commands OURS PERSIST THEIRS RING
 *   OURS, PERSIST, THEIRS  control sockets (PERSIST: ours with key files that follow)
 *   RING                   the ring that is set
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/bench.h"

#define ROUNDS 200
#define BATCH 10
#define KEY_LEN 80

struct side {
	struct sockaddr_un where;
	const char *ring;
};

static void talk(const struct side *side, const char *line, const char *want)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char piece[65536];
	size_t len = 0;
	ssize_t n;

	BENCH_CHECK(fd != -1);
	BENCH_CHECK(connect(fd, (const struct sockaddr *)&side->where, sizeof(side->where)) == 0);
	BENCH_CHECK(send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line));
	while ((n = recv(fd, piece + len, len < 1000 ? sizeof(piece) - len : sizeof(piece) - 1000, 0)) > 0)
		len = len < 1000 ? len + (size_t)n : len;
	BENCH_CHECK(n == 0 && strncmp(piece, want, strlen(want)) == 0);
	close(fd);
}

static double set(void *arg)
{
	static uint8_t key[KEY_LEN];
	const struct side *side = arg;
	char line[BATCH][512], text[128];
	double start;

	for (unsigned i = 0; i < BATCH; i++) {
		BENCH_CHECK(RAND_bytes(key, sizeof(key)) == 1);
		EVP_EncodeBlock((unsigned char *)text, key, sizeof(key));
		snprintf(line[i], sizeof(line[i]), "set ssl tls-key %s %s\n", side->ring, text);
	}
	start = bench_now();
	for (unsigned i = 0; i < BATCH; i++)
		talk(side, line[i], "TLS ticket key updated!\n\n");
	return (bench_now() - start) / BATCH / 1000;
}

static double show(void *arg)
{
	double start = bench_now();

	for (unsigned i = 0; i < BATCH; i++)
		talk(arg, "show tls-keys *\n", "# id secret\n");
	return (bench_now() - start) / BATCH / 1000;
}

static void init(struct side *side, const char *path, const char *ring)
{
	side->where.sun_family = AF_UNIX;
	snprintf(side->where.sun_path, sizeof(side->where.sun_path), "%s", path);
	side->ring = ring;
}

int main(int argc, char **argv)
{
	static struct side ours, persist, theirs;
	struct bench_result r;

	BENCH_CHECK(argc == 5);
	init(&ours, argv[1], argv[4]);
	init(&persist, argv[2], argv[4]);
	init(&theirs, argv[3], argv[4]);
	r = bench_rounds(ROUNDS, set, &ours, set, &theirs);
	bench_row("`set ssl tls-key` / HAProxy's", "us", &r, BENCH_AT_MOST, 1.00);
	r = bench_rounds(ROUNDS, set, &persist, set, &theirs);
	bench_row("(the same, the key file follows)", "us", &r, BENCH_NO_BOUND, 0);
	r = bench_rounds(ROUNDS, show, &ours, show, &theirs);
	bench_row("`show tls-keys *` of 100 rings / HAProxy's", "us", &r, BENCH_AT_MOST, 1.00);
	return 0;
}
