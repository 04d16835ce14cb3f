/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - a load client: resumed handshakes with two servers in turn, and nothing but
 * handshakes (no request).  Servers listen on Unix sockets: the kernel's share is small
 * there, so a difference shows sooner.  Besides the rate, which the client has its part in,
 * it reads how much processor time each server's worker had.  Prints a line for each round:
 * the rates of ours and theirs, then the same for a second of the worker's processor time.
 * usage: load DIR 2|3 ROUNDS COUNT
 *   DIR/ours.tls, DIR/theirs.tls the sockets, DIR/ours.worker, DIR/theirs.worker the pids
 */
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/bench.h"

#define CLIENTS 4 /* enough that the server never waits for one */

struct side {
	SSL_CTX *ctx;
	struct sockaddr_un where;
	long worker;
	SSL_SESSION *session;
	atomic_int left;
};

static _Thread_local SSL_SESSION **wanted; /* where a new session goes, if anywhere */

static int keep_wanted(SSL *ssl, SSL_SESSION *sess)
{
	(void)ssl;
	if (wanted == NULL)
		return 0;
	SSL_SESSION_free(*wanted);
	*wanted = sess;
	return 1;
}

static int connect_to(const struct sockaddr_un *where)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	BENCH_CHECK(fd != -1);
	BENCH_CHECK(connect(fd, (const struct sockaddr *)where, sizeof(*where)) == 0);
	return fd;
}

/* A copy for each connection: one that ends in an alert spoils the session it came with. */
static void resume_with(SSL *ssl, const SSL_SESSION *session)
{
	SSL_SESSION *copy = SSL_SESSION_dup(session);

	BENCH_CHECK(copy != NULL && SSL_set_session(ssl, copy) == 1);
	SSL_SESSION_free(copy);
}

/* Says goodbye and reads until the server is gone: the ticket comes on the way. */
static void one(struct side *side, bool resume)
{
	SSL *ssl = SSL_new(side->ctx);
	int fd = connect_to(&side->where);
	char rest[256];

	BENCH_CHECK(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
	SSL_set_tlsext_host_name(ssl, "www.example.test");
	if (resume)
		resume_with(ssl, side->session);
	BENCH_CHECK(SSL_connect(ssl) == 1);
	BENCH_CHECK(SSL_session_reused(ssl) == resume);
	SSL_shutdown(ssl);
	shutdown(fd, SHUT_WR);
	while (SSL_read(ssl, rest, sizeof(rest)) > 0)
		;
	SSL_free(ssl);
	close(fd);
	ERR_clear_error();
}

static void *client(void *arg)
{
	struct side *side = arg;

	while (atomic_fetch_sub(&side->left, 1) > 0)
		one(side, true);
	return NULL;
}

/* Up to TLS 1.2 a session can be had without the callback. */
static void begin(struct side *side)
{
	SSL_SESSION_free(side->session);
	side->session = NULL;
	wanted = &side->session;
	one(side, false);
	wanted = NULL;
	BENCH_CHECK(side->session != NULL);
}

/* Nanoseconds on a processor, all threads of the process. */
static double processor_time(long pid)
{
	double sum = 0, ns;
	struct dirent *d;
	char path[512];
	FILE *f;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/task", pid);
	dir = opendir(path);
	BENCH_CHECK(dir != NULL);
	while ((d = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat", pid, d->d_name);
		f = *d->d_name != '.' ? fopen(path, "r") : NULL;
		if (f == NULL)
			continue;
		if (fscanf(f, "%lf", &ns) == 1)
			sum += ns;
		fclose(f);
	}
	closedir(dir);
	return sum;
}

struct rates {
	double wall, cpu; /* handshakes a second, and a second of the worker's processor time */
};

static struct rates batch(struct side *side, int count)
{
	pthread_t id[CLIENTS];
	double wall, cpu;

	begin(side);
	side->left = count;
	cpu = processor_time(side->worker);
	wall = bench_now();
	for (unsigned i = 0; i < CLIENTS; i++)
		BENCH_CHECK(pthread_create(&id[i], NULL, client, side) == 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(id[i], NULL);
	wall = bench_now() - wall;
	cpu = processor_time(side->worker) - cpu;
	return (struct rates){ .wall = count / wall * 1e9, .cpu = count / cpu * 1e9 };
}

static void init(struct side *side, SSL_CTX *ctx, const char *dir, const char *name)
{
	char path[512];
	FILE *f;

	side->ctx = ctx;
	side->where.sun_family = AF_UNIX;
	snprintf(side->where.sun_path, sizeof(side->where.sun_path), "%s/%s.tls", dir, name);
	snprintf(path, sizeof(path), "%s/%s.worker", dir, name);
	f = fopen(path, "r");
	BENCH_CHECK(f != NULL && fscanf(f, "%ld", &side->worker) == 1);
	fclose(f);
}

static SSL_CTX *make_context(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_wanted);
	return ctx;
}

int main(int argc, char **argv)
{
	static struct side side[2];
	struct rates r[2];
	unsigned rounds;
	SSL_CTX *ctx;
	int count;

	BENCH_CHECK(argc == 5);
	signal(SIGPIPE, SIG_IGN);
	rounds = (unsigned)atoi(argv[3]);
	count = atoi(argv[4]);
	BENCH_CHECK(rounds > 0 && count > 0);
	ctx = make_context(*argv[2] == '2' ? TLS1_2_VERSION : TLS1_3_VERSION);
	init(&side[0], ctx, argv[1], "ours");
	init(&side[1], ctx, argv[1], "theirs");
	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < 2; k++) {
			unsigned which = (i + k) % 2;

			r[which] = batch(&side[which], count);
		}
		printf("%.1f %.1f %.1f %.1f\n", r[0].wall, r[1].wall, r[0].cpu, r[1].cpu);
	}
	return 0;
}
