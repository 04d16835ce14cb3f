/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the module in this process, linked in and attached, and what libssl does
 * around the ticket key callback, on both sides alike: ours calls the module's, theirs does
 * what libssl does where nobody set a callback.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "provider/contexts.h"

#define BENCH_SESSION_LEN 200 /* what a session without certificates is in DER */
#define BENCH_TICKET_MAX 512

struct bench_ticket {
	uint8_t bytes[BENCH_TICKET_MAX]; /* key name, IV, session encrypted, MAC */
	size_t len;
};

/* Attaches the module with dir/conf and makes a server context with dir/server.pem. */
SSL_CTX *bench_attach(const char *dir, const char *conf);

/* A connection in the midst of its ClientHello, where libssl opens tickets. */
SSL *bench_in_hello(SSL_CTX *ctx, const char *sni);
/* The server name in it, to be written over by one of the same length. */
char *bench_hello_name(SSL *s);
/* A connection whose handshake is over, where libssl seals tickets. */
SSL *bench_served(SSL_CTX *ctx, const char *sni);

/* A whole handshake between two objects of this process; Both are the caller's to
 * free.  Offers session if it is not NULL. */
SSL *bench_handshake(SSL_CTX *server_ctx, SSL_CTX *client_ctx, const char *sni,
		     SSL_SESSION *session, SSL **client);

/* One whole ticket operation on a session of BENCH_SESSION_LEN bytes. */
void bench_seal_ours(SSL *s, const struct tk_context *c, struct bench_ticket *t);
void bench_seal_theirs(struct bench_ticket *t);
/* Returns what the callback said; false of the MAC is no error here. */
int bench_open_ours(SSL *s, const struct bench_ticket *t);
int bench_open_theirs(const struct bench_ticket *t);
/* Ours as an EVP callback: before a context's first ticket, and with takeover = false. */
void bench_seal_evp(SSL *s, const struct tk_context *c, struct bench_ticket *t);
int bench_open_evp(SSL *s, const struct bench_ticket *t);

#endif
