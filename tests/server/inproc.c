/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inproc.c - server and client in one process, for what no server at hand does: connections that
 * begin again, contexts that come and go, a library context of a thread's own, memory that
 * cannot be had, ticket callbacks that nobody could foresee.
 *
 * usage: inproc CERT KEY SCENARIO 1.2|1.3
 * Prints a line for each connection, `served|refused new|reused ticket|none`, then `ready`, and
 * waits until its input ends, so that the module can be asked what it saw.
 */
#include "inproc.h"

#include <dlfcn.h>
#include <limits.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER (1 << 17)
#define TURNS 60

static const char *cert, *key;
static int version;
SSL_SESSION *newest;

void fail(const char *what, int line)
{
	printf("line %d: %s\n", line, what);
	ERR_print_errors_fp(stdout);
	exit(1);
}

SSL_CTX *with_certificate(SSL_CTX *ctx)
{
	CHECK(ctx && SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) == 1 &&
	      SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1);
	CHECK(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"x", 1));
	return ctx;
}

SSL_CTX *new_server(void)
{
	return with_certificate(SSL_CTX_new(TLS_server_method()));
}

static SSL_CTX *new_locked(void)
{
	SSL_CTX *ctx = new_server();

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return ctx;
}

static int take_session(SSL *s, SSL_SESSION *sess)
{
	(void)s;
	SSL_SESSION_free(newest);
	newest = sess;
	return 1;
}

SSL_CTX *new_client(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	CHECK(ctx && SSL_CTX_set_min_proto_version(ctx, version) &&
	      SSL_CTX_set_max_proto_version(ctx, version));
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, take_session);
	return ctx;
}

/* A step of one side; false: it has failed. */
static bool step(SSL *s)
{
	char buf[256];
	int rc = SSL_is_init_finished(s) ? SSL_read(s, buf, sizeof(buf)) : SSL_do_handshake(s);

	return rc > 0 || SSL_get_error(s, rc) == SSL_ERROR_WANT_READ;
}

static bool pump(SSL *c, SSL *s)
{
	for (unsigned i = 0; i < TURNS; i++)
		if (!step(c) || !step(s))
			return false;
	return SSL_is_init_finished(c) && SSL_is_init_finished(s);
}

static void join(SSL *c, SSL *s)
{
	BIO *a, *b;

	CHECK(BIO_new_bio_pair(&a, BUFFER, &b, BUFFER));
	SSL_set_bio(c, a, a);
	SSL_set_bio(s, b, b);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	CHECK(SSL_set_tlsext_host_name(c, "test.local"));
}

static void tell(const SSL *s, bool served)
{
	bool ticket = newest && SSL_SESSION_has_ticket(newest);

	printf("%s %s %s\n", served ? "served" : "refused", SSL_session_reused(s) ? "reused" : "new",
	       ticket ? "ticket" : "none");
	ERR_clear_error();
}

/* One connection on a server's SSL; leaves its session in `newest`. */
static void connect_on(SSL *s, SSL_CTX *client, SSL_SESSION *offer)
{
	SSL *c = SSL_new(client);
	bool served;

	CHECK(c && (!offer || SSL_set_session(c, offer)));
	join(c, s);
	SSL_SESSION_free(newest);
	newest = NULL;
	served = pump(c, s);
	tell(s, served);
	SSL_shutdown(c);
	SSL_shutdown(s);
	SSL_free(c);
}

void connect_to(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *offer)
{
	SSL *s = SSL_new(server);

	CHECK(s);
	connect_on(s, client, offer);
	SSL_free(s);
}

SSL_SESSION *first_of(SSL_CTX *server, SSL_CTX *client)
{
	connect_to(server, client, NULL);
	CHECK(newest && SSL_SESSION_up_ref(newest));
	return newest;
}

/* ---- scenarios ---- */

/* Sessions that never expire, by a sum that does not fit. */
static void for_ever(void)
{
	SSL_CTX *server = new_server(), *locked = new_locked(), *client = new_client();

	SSL_CTX_set_timeout(server, LONG_MAX);
	connect_to(locked, client, first_of(server, client));
}

static void without_new_tickets(void)
{
	SSL_CTX *server = new_server(), *client = new_client();
	SSL_SESSION *first = first_of(server, client);

	SSL_CTX_set_num_tickets(server, 0);
	connect_to(server, client, first);
}

static void renegotiated(void)
{
	SSL_CTX *server = new_server(), *client = new_client();
	SSL *c = SSL_new(client), *s = SSL_new(server);

	SSL_set_options(s, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	join(c, s);
	tell(s, pump(c, s));
	CHECK(SSL_renegotiate(c) == 1 && SSL_do_handshake(c) != 0);
	SSL_SESSION_free(newest);
	newest = NULL;
	tell(s, pump(c, s));
	SSL_free(c);
	SSL_free(s);
}

/* A connection's SSL that is used again. */
static void cleared(void)
{
	SSL_CTX *server = new_server(), *client = new_client();
	SSL_SESSION *offer = first_of(server, client);
	SSL *s = SSL_new(server);

	for (unsigned i = 0; i < 3; i++) {
		connect_on(s, client, offer);
		if (newest && SSL_SESSION_up_ref(newest)) /* TLS 1.3: each is offered once */
			offer = newest;
		SSL_set_bio(s, NULL, NULL);
		CHECK(SSL_clear(s) == 1);
	}
	SSL_free(s);
}

static void retried(void)
{
	SSL_CTX *server = new_server(), *client = new_client();

	CHECK(SSL_CTX_set1_groups_list(client, "X25519:P-256") && SSL_CTX_set1_groups_list(server, "P-256"));
	connect_to(server, client, first_of(server, client));
}

static void come_and_gone(void)
{
	SSL_CTX *ctx[50];

	for (unsigned i = 0; i < 50; i++)
		ctx[i] = new_server();
	for (unsigned i = 0; i < 45; i++)
		SSL_CTX_free(ctx[i]);
	connect_to(ctx[49], new_client(), NULL);
}

/* Tickets that are numbers of libssl's cache. */
static void stateful(void)
{
	SSL_CTX *server = new_server(), *client = new_client();

	SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
	for (unsigned i = 0; i < 3; i++)
		connect_to(server, client, NULL);
}

static int their_gen(SSL *s, void *arg)
{
	(void)s, (void)arg;
	return 1;
}

static SSL_TICKET_RETURN their_dec(SSL *s, SSL_SESSION *sess, const unsigned char *name, size_t len,
				   SSL_TICKET_STATUS status, void *arg)
{
	(void)s, (void)sess, (void)name, (void)len, (void)arg;
	if (status == SSL_TICKET_SUCCESS)
		return SSL_TICKET_RETURN_USE;
	return status == SSL_TICKET_SUCCESS_RENEW ? SSL_TICKET_RETURN_USE_RENEW :
						    SSL_TICKET_RETURN_IGNORE_RENEW;
}

static int to_other(SSL *s, int *alert, void *other)
{
	(void)alert;
	SSL_set_SSL_CTX(s, other);
	return SSL_TLSEXT_ERR_OK;
}

/* Callbacks of the program's own, found where nobody sees it, on a context that connections leave
 * for another one. */
static void found_callbacks(void)
{
	SSL_CTX *server = new_server(), *other = new_server(), *client = new_client();
	int (*set)(SSL_CTX *, SSL_CTX_generate_session_ticket_fn, SSL_CTX_decrypt_session_ticket_fn, void *);

	set = (int (*)(SSL_CTX *, SSL_CTX_generate_session_ticket_fn, SSL_CTX_decrypt_session_ticket_fn,
		       void *))dlsym(RTLD_DEFAULT, "SSL_CTX_set_session_ticket_cb");
	CHECK(set && set(server, their_gen, their_dec, NULL) == 1);
	SSL_CTX_set_tlsext_servername_callback(server, to_other);
	SSL_CTX_set_tlsext_servername_arg(server, other);
	for (unsigned i = 0; i < 3; i++)
		connect_to(server, client, NULL);
	connect_to(server, client, first_of(server, client));
}

/* The module's calls of this function come here: the program stands first in the search. */
static bool no_memory;

int SSL_set_ex_data(SSL *s, int idx, void *data)
{
	int (*real)(SSL *, int, void *) = (int (*)(SSL *, int, void *))dlsym(RTLD_NEXT, "SSL_set_ex_data");

	return no_memory ? 0 : real(s, idx, data);
}

static void out_of_memory(void)
{
	SSL_CTX *server = new_server(), *locked = new_locked(), *client = new_client();
	SSL_SESSION *first = first_of(server, client);

	no_memory = true;
	connect_to(locked, client, first);
}

static void check_data(void *parent, void *data, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	if (data)
		printf("somebody else's data in ours\n");
}

/* In a library context of the thread's own, indices are other people's. */
static void *elsewhere(void *server)
{
	OSSL_LIB_CTX *mine = OSSL_LIB_CTX_new();
	SSL_CTX *client;

	CHECK(mine && OSSL_LIB_CTX_set0_default(mine));
	for (unsigned i = 0; i < 8; i++)
		CHECK(CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, NULL, check_data) >= 0);
	client = new_client();
	connect_to(server, client, first_of(server, client));
	return NULL;
}

static void own_library_context(void)
{
	SSL_CTX *server = new_server();
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, elsewhere, server) == 0);
	pthread_join(thread, NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "for ever", for_ever },
	{ "without new tickets", without_new_tickets },
	{ "renegotiated", renegotiated },
	{ "cleared", cleared },
	{ "retried", retried },
	{ "come and gone", come_and_gone },
	{ "stateful", stateful },
	{ "found callbacks", found_callbacks },
	{ "out of memory", out_of_memory },
	{ "own library context", own_library_context },
	{ "mac", mac },
	{ "mac of another provider", mac_of_another_provider },
	{ "mac of a later provider", mac_of_a_later_provider },
	{ "mac of a context's provider", mac_of_a_contexts_provider },
	{ "own key callback", own_key_callback },
	{ "changed amidst", changed_amidst },
};

int main(int argc, char **argv)
{
	CHECK(argc == 5);
	cert = argv[1];
	key = argv[2];
	version = strcmp(argv[4], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(scenarios[i].name, argv[3]) == 0)
			scenarios[i].run();
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
