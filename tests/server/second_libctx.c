/* SPDX-License-Identifier: Apache-2.0 */
/*
 * second_libctx.c - loads the configuration into a second library context, makes a server
 * context in a thread that has that one as its default, then one in the main thread; a
 * handshake and a resumption over memory must leave the program's own ex_data alone.
 *
 * usage: second_libctx CERT KEY OPENSSL-CNF
 */
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>

static char **args;
static char mark[8];
static int own[8];
static SSL_SESSION *kept;

static SSL_CTX *server(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || SSL_CTX_use_certificate_file(ctx, args[1], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, args[2], SSL_FILETYPE_PEM) != 1)
		return NULL;
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"x", 1);
	return ctx;
}

static void *other_thread(void *arg)
{
	OSSL_LIB_CTX *second = OSSL_LIB_CTX_new();
	SSL_CTX *ctx;

	(void)arg;
	if (OSSL_LIB_CTX_load_config(second, args[3]) != 1)
		return NULL;
	OSSL_LIB_CTX_set0_default(second);
	ctx = server();
	SSL_CTX_free(ctx);
	OSSL_LIB_CTX_set0_default(NULL);
	return ctx;
}

static int keep(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = s;
	return 1;
}

/* -1: failed; else whether it was resumed. */
static int shake(SSL_CTX *sctx, SSL_CTX *cctx)
{
	SSL *s = SSL_new(sctx), *c = SSL_new(cctx);
	BIO *a, *b;
	char buf[4];
	int done = 0, rc;

	BIO_new_bio_pair(&a, 0, &b, 0);
	SSL_set_bio(s, a, a);
	SSL_set_bio(c, b, b);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	for (int i = 0; i < 8; i++)
		SSL_set_ex_data(s, own[i], &mark[i]);
	if (kept != NULL)
		SSL_set_session(c, kept);
	for (int i = 0; i < 50 && !done; i++) {
		int x = SSL_do_handshake(c), y = SSL_do_handshake(s);

		done = x == 1 && y == 1;
	}
	SSL_write(s, "x", 1);
	SSL_read(c, buf, sizeof(buf));
	rc = done ? SSL_session_reused(s) : -1;
	for (int i = 0; i < 8; i++)
		if (SSL_get_ex_data(s, own[i]) != &mark[i])
			rc = -1;
	SSL_shutdown(c), SSL_shutdown(s);
	SSL_free(c), SSL_free(s);
	return rc;
}

int main(int argc, char **argv)
{
	SSL_CTX *sctx, *cctx;
	pthread_t t;
	void *made;

	if (argc != 4)
		return 2;
	args = argv;
	for (int i = 0; i < 8; i++)
		own[i] = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	pthread_create(&t, NULL, other_thread, NULL);
	pthread_join(t, &made);
	sctx = server();
	cctx = SSL_CTX_new(TLS_client_method());
	if (made == NULL || sctx == NULL)
		return 3;
	SSL_CTX_set_session_cache_mode(cctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(cctx, keep);
	if (shake(sctx, cctx) != 0 || kept == NULL || shake(sctx, cctx) != 1)
		return 4;
	puts("resumed");
	return 0;
}
