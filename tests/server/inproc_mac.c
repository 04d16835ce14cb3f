/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inproc_mac.c - scenarios about the kind of key callback: what libssl fetches for a ticket, callbacks
 * that the program sets by itself, and a context whose callback changes while another
 * connection is in the midst of a ticket.
 */
#define _GNU_SOURCE /* dladdr */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "inproc.h"

#include <dlfcn.h>
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned fetched;
static void (*amidst)(void); /* once, when libssl fetches */

/* libssl's calls of this function come here: the program stands first in the search. */
EVP_MAC *EVP_MAC_fetch(OSSL_LIB_CTX *libctx, const char *name, const char *props)
{
	EVP_MAC *(*real)(OSSL_LIB_CTX *, const char *, const char *);
	void (*now)(void) = amidst;
	Dl_info caller;

	real = (EVP_MAC *(*)(OSSL_LIB_CTX *, const char *, const char *))dlsym(RTLD_NEXT, "EVP_MAC_fetch");
	if (dladdr(__builtin_return_address(0), &caller) != 0 && strstr(caller.dli_fname, "libssl")) {
		fetched++;
		amidst = NULL;
		if (now)
			now();
	}
	return real(libctx, name, props);
}

static void tell_fetched(void)
{
	printf("%s\n", fetched != 0 ? "fetched" : "nothing fetched");
	fetched = 0;
}

/* A full handshake and two resumptions. */
static void three_on(SSL_CTX *server)
{
	SSL_CTX *client = new_client();
	SSL_SESSION *offer = first_of(server, client);

	tell_fetched();
	for (unsigned i = 0; i < 2; i++) {
		connect_to(server, client, offer);
		if (newest && SSL_SESSION_up_ref(newest)) /* TLS 1.3: each is offered once */
			offer = newest;
	}
	tell_fetched();
}

void mac(void)
{
	three_on(new_server());
}

/* A provider that has HMAC, too, and is preferred. */
static OSSL_ALGORITHM macs[2];

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	return operation == OSSL_OP_MAC ? macs : NULL;
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
		void **provctx)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL },
	};
	OSSL_PROVIDER *known = OSSL_PROVIDER_load(NULL, "default");
	const OSSL_ALGORITHM *a;
	int no_cache;

	(void)handle, (void)in;
	a = OSSL_PROVIDER_query_operation(known, OSSL_OP_MAC, &no_cache);
	while (strncmp(a->algorithm_names, "HMAC", 4) != 0)
		a++;
	macs[0] = *a;
	macs[0].property_definition = "provider=other";
	*provctx = OSSL_PROVIDER_get0_provider_ctx(known);
	*out = functions;
	return 1;
}

/* Of the process: known before its first context, or after it. */
void mac_of_another_provider(void)
{
	CHECK(OSSL_PROVIDER_add_builtin(NULL, "other", init) == 1 && OSSL_PROVIDER_load(NULL, "other"));
	CHECK(EVP_set_default_properties(NULL, "?provider=other") == 1);
	three_on(new_server());
}

void mac_of_a_later_provider(void)
{
	SSL_CTX *server = new_server();

	CHECK(OSSL_PROVIDER_add_builtin(NULL, "other", init) == 1 && OSSL_PROVIDER_load(NULL, "other"));
	CHECK(EVP_set_default_properties(NULL, "?provider=other") == 1);
	three_on(server);
}

/* Of one context. */
void mac_of_a_contexts_provider(void)
{
	CHECK(OSSL_PROVIDER_add_builtin(NULL, "other", init) == 1 && OSSL_PROVIDER_load(NULL, "other"));
	three_on(with_certificate(SSL_CTX_new_ex(NULL, "?provider=other", TLS_server_method())));
}

static int their_key(SSL *s, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cctx, HMAC_CTX *hctx,
		     int enc)
{
	(void)s, (void)name, (void)iv, (void)cctx, (void)hctx, (void)enc;
	printf("the program's own key\n");
	return 0;
}

/* As nginx sets it, with key files or a shared session cache: after SSL_CTX_new.  A ticket of
 * another context is the first thing that this one sees. */
void own_key_callback(void)
{
	SSL_CTX *server = new_server(), *other = new_server(), *client = new_client();

	CHECK(SSL_CTX_set_tlsext_ticket_key_cb(server, their_key) == 1);
	connect_to(server, client, first_of(other, client));
	for (unsigned i = 0; i < 3; i++)
		connect_to(server, client, NULL);
	CHECK(SSL_CTX_set_tlsext_ticket_key_cb(server, their_key) == 1);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(SSL_SESSION_up_ref(newest));
		connect_to(server, client, newest);
	}
}

static SSL_CTX *changing;

static void other_connections(void)
{
	SSL_CTX *client = new_client();

	for (unsigned i = 0; i < 2; i++)
		connect_to(changing, client, NULL);
}

/* In the midst of a connection's ticket the tickets of others change the callback's kind, as threads do
 * that share a context. */
void changed_amidst(void)
{
	SSL_CTX *client = new_client();
	SSL_SESSION *offer = first_of(new_server(), client);

	changing = new_server();
	amidst = other_connections;
	connect_to(changing, client, offer);
	CHECK(SSL_SESSION_up_ref(newest));
	connect_to(changing, client, newest);
}
