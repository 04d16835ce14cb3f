/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - what the module knows of one connection: the name its client asked for, and
 * one word that is carried from callback to callback in the SSL's ex_data.
 *
 * Threads: a connection is one thread's at a time; no locks.
 */
#ifndef TK_CONN_H
#define TK_CONN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tkprov/err.h"

/* Registers the ex_data index.  Once, on attach. */
int tk_conn_init(struct tk_error *e);

/* The server name as it stands in the ClientHello that is being read; NULL and 0 if there
 * is none.  Only while a ticket is opened: SSL_get_servername is NULL then. */
void tk_conn_hello_name(SSL *s, const char **name, size_t *len);

/* The server name once the ClientHello was read, NULL if there is none: for gen and seal. */
const char *tk_conn_name(SSL *s);

/* TLS 1.2 or older, or DTLS: one ticket, which goes out before our Finished. */
bool tk_conn_is_old(const SSL *s);

/* Our open found the ticket's key in this cell of this ring, and dec is to judge it.  *again:
 * the same ticket a second time in one handshake, after a HelloRetryRequest.
 * TK_E_NOMEM: it could not be noted, so dec would not know. */
int tk_conn_opened(SSL *s, int ring, unsigned cell, bool *again);

/* The ring of the ticket that our open accepted a moment ago, once; TK_NO_RING if it was
 * not ours. */
int tk_conn_judge(SSL *s);

/* The key of the ticket that began this connection: its ring, or TK_NO_RING, and cell. */
int tk_conn_ticket(SSL *s, unsigned *cell);

/* True the first time that this is said of the connection's ticket. */
enum tk_conn_mark { TK_CONN_RESUMED, TK_CONN_RENEWED, TK_CONN_REFUSED };
bool tk_conn_mark(SSL *s, enum tk_conn_mark mark);

/* What gen leaves for seal, which runs next in the same thread.  A context is known by its id:
 * where the note is old it may be gone. */
struct tk_announced {
	uint64_t context;
	bool tagged;     /* dec will know what the ticket is bound to */
	bool left_alone; /* the context had its own keys so far */
	bool watched;    /* our seal is expected, or the context has its own keys */
};
void tk_conn_gen(const SSL *s, const struct tk_announced *what);

/* For seal: has gen just run for this ticket?  Once. */
bool tk_conn_gen_take(const SSL *s, struct tk_announced *what);

/* Did the last ticket that gen announced in this thread, and watched, go by without our seal? */
bool tk_conn_gen_unsealed(struct tk_announced *what);

#endif
