/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - one question to a control socket.  The one owner of sockets in tkctl.
 */
#ifndef TK_CLIENT_H
#define TK_CLIENT_H

#include <stddef.h>

#include "core/reply.h"
#include "tkprov/err.h"

#define TK_CLIENT_SILENCE_S 10             /* longest wait for the next byte */
#define TK_CLIENT_ANSWER_MAX (64 * 1048576) /* bytes; more is not an answer */

/* Can there be a socket of that name at all?  0, TK_E_PARSE (empty) or TK_E_RANGE (too
 * long). */
int tk_client_path(const char *path, struct tk_error *e);

/* Connects to the Unix socket `path`, sends request[0..len) and appends what comes back,
 * up to the end, to *answer (which may then hold secrets).  The message is without the
 * path.
 * Returns 0, TK_E_NOENT (nobody listens), TK_E_DENIED, TK_E_RANGE (the answer is too long),
 * what tk_client_path returns, TK_E_BUSY (silence), TK_E_NOMEM or TK_E_SYS. */
int tk_client_ask(const char *path, const char *request, size_t len, struct tk_reply *answer,
		  struct tk_error *e);

#endif
