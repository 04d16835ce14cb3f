/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contexts.h - what the module knows of each SSL_CTX of the process: its id, and
 * whether it asks for client certificates.
 *
 * Fork/threads: any thread.  One private mutex guards the list; the fork handler takes
 * it, so that a child never inherits it half-changed.  Nothing else is locked under it.
 */
#ifndef TK_CONTEXTS_H
#define TK_CONTEXTS_H

#include <openssl/types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "provider/board.h"

struct tk_context {
	SSL_CTX *ctx;
	uint64_t id;             /* 64 random bits: a ticket can be bound to it */
	bool generic;            /* made by TLS_method(): server or client */
	atomic_bool left_alone;  /* it keeps its own ticket keys; changed under the list's mutex */
	atomic_bool gen_ran;     /* ours, so the callbacks are not the program's */
	atomic_bool takes_hmac;  /* libssl need not fetch one for it: tk_ticket_takes_hmac */
	struct tk_context *prev, *next; /* guarded by the list's mutex */
};

/* Makes one for ctx and enters it.  NULL: no memory, no randomness. */
struct tk_context *tk_context_new(SSL_CTX *ctx, bool generic);

/* Removes it; NULL is fine. */
void tk_context_free(struct tk_context *c);

/* What stands in a context's ex_data, and back: NULL where it is not of this module (in another
 * library context the index is somebody else's). */
void *tk_context_to_data(struct tk_context *c);
struct tk_context *tk_context_from_data(void *data);

/* The entry of a context, or NULL.  idx: the ex_data index, once it is known. */
void tk_contexts_index(int idx);
struct tk_context *tk_context_of(const SSL_CTX *ctx);

/* Does a server context of this process ask for client certificates?  A server method's,
 * or a generic method's that has a certificate.  Looked through again after a context
 * was made, and once a second: programs set this after SSL_CTX_new. */
bool tk_contexts_verify(void);

/* The context of that id is left alone from now on, or no longer.  True if that is new. */
bool tk_contexts_leave(uint64_t id, bool alone);

/* ctx, or all contexts if it is NULL, as far as gen was not seen there: left alone, without our key
 * callback, so that OpenSSL's own key works until gen is seen.  True if that is new. */
bool tk_contexts_leave_unproven(const SSL_CTX *ctx);

/* The context of that id takes an HMAC that is not fetched. */
void tk_contexts_take_hmac(uint64_t id);

/* Enters how many there are, and how many of them were left alone, on the board. */
void tk_contexts_tell(struct tk_board *b);

/* Around a fork. */
void tk_contexts_lock(void);
void tk_contexts_unlock(void);
void tk_contexts_forked(void);

#endif
