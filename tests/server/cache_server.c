/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_server.c - a TLS server with OpenSSL's internal session cache on, and 12 threads
 * that are its clients as well: over memory, with session ids and tickets mixed, all
 * offering the same few sessions.  To be built with AddressSanitizer.
 *
 * usage: cache_server CERT KEY tickets|early|remove|one
 *   one: all resume one session of the cache by its id and ask for a ticket, so that each
 *   handshake issues a ticket for an object that all threads share
 */
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define THREADS 12
#define ROUNDS 400
#define MANY_ROUNDS 800
#define KEPT 4

static SSL_CTX *server_ctx, *client_ctx[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static SSL_SESSION *kept[2][KEPT];
static SSL_SESSION *the_one;
static atomic_int resumed, failed;

static int new_session(SSL *ssl, SSL_SESSION *sess)
{
	int v = SSL_version(ssl) == TLS1_3_VERSION;
	static atomic_uint turn;
	unsigned at = atomic_fetch_add(&turn, 1) % KEPT;
	SSL_SESSION *old;

	if (the_one != NULL)
		return 0;
	pthread_mutex_lock(&mutex);
	old = kept[v][at];
	kept[v][at] = sess;
	pthread_mutex_unlock(&mutex);
	SSL_SESSION_free(old);
	return 1;
}

static void removed(SSL_CTX *ctx, SSL_SESSION *sess)
{
	(void)ctx, (void)sess;
}

static void offer(SSL *client, int v, unsigned at)
{
	pthread_mutex_lock(&mutex);
	if (kept[v][at] != NULL)
		SSL_set_session(client, kept[v][at]);
	pthread_mutex_unlock(&mutex);
}

/* A client that got a ticket for a session it resumed by its id gives that up: each
 * offers a copy. */
static void offer_copy(SSL *client)
{
	SSL_SESSION *copy = SSL_SESSION_dup(the_one);

	SSL_set_session(client, copy);
	SSL_SESSION_free(copy);
}

static void shake(int v, unsigned round)
{
	SSL *s = SSL_new(server_ctx), *c = SSL_new(client_ctx[v]);
	BIO *a, *b;
	char buf[16];
	int done = 0;

	BIO_new_bio_pair(&a, 0, &b, 0);
	SSL_set_bio(s, a, a);
	SSL_set_bio(c, b, b);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	SSL_set_tlsext_host_name(c, "test.local");
	if (v == 0 && round % 3 == 0 && the_one == NULL)
		SSL_set_options(c, SSL_OP_NO_TICKET); /* session ids: the cache itself */
	if (the_one != NULL)
		offer_copy(c);
	else
		offer(c, v, round % KEPT);
	for (int i = 0; i < 50 && !done; i++) {
		int x = SSL_do_handshake(c), y = SSL_do_handshake(s);

		done = x == 1 && y == 1;
	}
	if (done) {
		SSL_write(s, "x", 1);
		SSL_read(c, buf, sizeof(buf));
		resumed += SSL_session_reused(s);
		SSL_shutdown(c), SSL_shutdown(s);
	} else {
		failed++;
	}
	SSL_free(c);
	SSL_free(s);
}

static void *work(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;

	for (unsigned i = 0; i < (the_one != NULL ? MANY_ROUNDS : ROUNDS); i++)
		shake(the_one != NULL ? 0 : (i + seed) % 2, i + seed);
	return NULL;
}

static SSL_CTX *client(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, new_session);
	return ctx;
}

int main(int argc, char **argv)
{
	pthread_t t[THREADS];

	if (argc != 4)
		return 2;
	server_ctx = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate_file(server_ctx, argv[1], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(server_ctx, argv[2], SSL_FILETYPE_PEM) != 1)
		return 2;
	SSL_CTX_set_session_cache_mode(server_ctx, SSL_SESS_CACHE_SERVER);
	SSL_CTX_set_session_id_context(server_ctx, (const unsigned char *)"c", 1);
	if (strcmp(argv[3], "early") == 0) {
		SSL_CTX_set_max_early_data(server_ctx, 1024);
		SSL_CTX_set_options(server_ctx, SSL_OP_NO_ANTI_REPLAY);
	} else if (strcmp(argv[3], "remove") == 0) {
		SSL_CTX_sess_set_remove_cb(server_ctx, removed);
	}
	client_ctx[0] = client(TLS1_2_VERSION);
	client_ctx[1] = client(TLS1_3_VERSION);
	if (strcmp(argv[3], "one") == 0) {
		shake(0, 0);
		the_one = kept[0][0];
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("resumed %d failed %d\n", resumed, failed);
	return failed != 0 || (argv[3][0] == 'o' && the_one == NULL);
}
