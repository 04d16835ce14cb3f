/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - the wall.  gen writes into a new session what its tickets are bound to, dec
 * judges what comes back; the rule itself is core/tag.h.
 *
 * Threads: any server thread.  A session is written to only on its own full handshake:
 * one that was resumed may be an object that other threads share.
 */
#ifndef TK_SCOPE_H
#define TK_SCOPE_H

#include "provider/contexts.h"

/* Sets the callbacks on a context.  foreign: its program may have ticket callbacks of its own;
 * there the key callback is left to gen, which runs only if they are not set: until then
 * OpenSSL's own key works. */
void tk_scope_install(struct tk_context *c, bool foreign);

/* Sets a key callback that neither seals nor opens, in place of the server's own, too. */
void tk_scope_refuse(struct tk_context *c);

#endif
