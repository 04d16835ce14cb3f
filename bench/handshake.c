/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshake.c - a server and a client in one process, for callgrind: resumed handshakes
 * over memory, of which only what the server does in bench_measured counts
 * (--toggle-collect).  The module comes as in any server, through OPENSSL_CONF, or not.
 * usage: handshake DIR 2|3 COUNT
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

#define WARM 20 /* handshakes that do not count: first fetches, a thread's first IVs */

static SSL_SESSION *newest;

static int keep_newest(SSL *ssl, SSL_SESSION *sess)
{
	(void)ssl;
	SSL_SESSION_free(newest);
	newest = sess;
	return 1;
}

int bench_measured(SSL *s);
__attribute__((noinline)) int bench_measured(SSL *s)
{
	int rc = SSL_do_handshake(s);

	__asm__ volatile("" ::: "memory"); /* no tail call: callgrind shall see the way back */
	return rc;
}

static SSL_CTX *server(const char *dir, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char path[4096];

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	snprintf(path, sizeof(path), "%s/server.pem", dir);
	BENCH_CHECK(SSL_CTX_use_certificate_file(ctx, path, SSL_FILETYPE_PEM) == 1);
	snprintf(path, sizeof(path), "%s/server.key", dir);
	BENCH_CHECK(SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1);
	return ctx;
}

static SSL_CTX *client(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_newest);
	return ctx;
}

static void connect_once(SSL_CTX *server_ctx, SSL_CTX *client_ctx, bool counted)
{
	SSL *s = SSL_new(server_ctx), *c = SSL_new(client_ctx);
	bool offered = newest != NULL;
	BIO *here, *there;
	int done = 0;
	char byte;

	BENCH_CHECK(s != NULL && c != NULL && BIO_new_bio_pair(&here, 65536, &there, 65536) == 1);
	SSL_set_bio(s, here, here);
	SSL_set_bio(c, there, there);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	BENCH_CHECK(SSL_set_tlsext_host_name(c, "www.example.test") == 1);
	if (offered)
		BENCH_CHECK(SSL_set_session(c, newest) == 1);
	for (unsigned i = 0; i < 10 && (!done || !SSL_is_init_finished(c)); i++) {
		(void)SSL_do_handshake(c);
		if (!done)
			done = (counted ? bench_measured(s) : SSL_do_handshake(s)) == 1;
	}
	BENCH_CHECK(done && SSL_session_reused(s) == offered);
	(void)SSL_read(c, &byte, 1); /* TLS 1.3: the ticket */
	SSL_shutdown(s);
	SSL_shutdown(c);
	SSL_free(s);
	SSL_free(c);
	ERR_clear_error();
}

int main(int argc, char **argv)
{
	SSL_CTX *s, *c;
	int count;

	BENCH_CHECK(argc == 4);
	s = server(argv[1], *argv[2] == '2' ? TLS1_2_VERSION : TLS1_3_VERSION);
	c = client();
	count = atoi(argv[3]);
	for (int i = 0; i < WARM; i++)
		connect_once(s, c, false);
	for (int i = 0; i < count; i++)
		connect_once(s, c, true);
	return 0;
}
