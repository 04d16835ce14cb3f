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

struct tk_context {
	SSL_CTX *ctx;
	uint64_t id;             /* 64 random bits: a ticket can be bound to it */
	bool generic;            /* made by TLS_method(): server or client */
	bool foreign;            /* the program may have ticket callbacks of its own */
	atomic_bool left_alone;  /* it keeps its own ticket keys */
	atomic_bool gen_ran;     /* ours, so the callbacks are not the program's */
	struct tk_context *prev, *next; /* guarded by the list's mutex */
};

/* Makes one for ctx and enters it.  NULL: no memory, no randomness. */
struct tk_context *tk_context_new(SSL_CTX *ctx, bool generic);

/* Removes it; NULL is fine. */
void tk_context_free(struct tk_context *c);

/* Does a server context of this process ask for client certificates?  A server method's,
 * or a generic method's that has a certificate.  Looked through again after a context
 * was made, and once a second: programs set this after SSL_CTX_new. */
bool tk_contexts_verify(void);

/* The entry of a context, or NULL.  idx: the ex_data index, once it is known. */
void tk_contexts_index(int idx);
struct tk_context *tk_context_of(const SSL_CTX *ctx);

/* How many there are, and how many of them were left alone. */
void tk_contexts_count(unsigned *hooked, unsigned *left_alone);

/* Around a fork. */
void tk_contexts_lock(void);
void tk_contexts_unlock(void);
void tk_contexts_forked(void);

#endif
