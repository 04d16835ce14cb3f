/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inproc.h - connections within the process, by inproc.c, for the scenarios.
 */
#ifndef INPROC_H
#define INPROC_H

#include <openssl/ssl.h>

#define CHECK(x) ((x) ? (void)0 : fail(#x, __LINE__))

void fail(const char *what, int line);

SSL_CTX *new_server(void);
SSL_CTX *with_certificate(SSL_CTX *ctx);
SSL_CTX *new_client(void);

/* The last connection's session, or NULL. */
extern SSL_SESSION *newest;

/* One connection, told in a line. */
void connect_to(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *offer);
/* One without a session to offer; the caller's is a session that it got. */
SSL_SESSION *first_of(SSL_CTX *server, SSL_CTX *client);

/* Scenarios of inproc_mac.c. */
void mac(void);
void mac_of_another_provider(void);
void mac_of_a_later_provider(void);
void mac_of_a_contexts_provider(void);
void own_key_callback(void);
void changed_amidst(void);

#endif
