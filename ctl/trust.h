/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.h - what can be believed without the server's word: a worker that was taken over has
 * the listening socket too, and may be who answers.
 */
#ifndef TK_TRUST_H
#define TK_TRUST_H

#include <stdbool.h>

/* Where the tkprov.conf are that tkctl believes, as messages name them. */
#define TK_TRUST_CONFS SYSCONFDIR "/tkprov/*.conf"

/* True if nobody but root and the caller can change what `path` names: it is absolute, each
 * folder on it is one and no symbolic link, belongs to root or the caller, and takes nothing
 * from others (one with the sticky bit may, if what comes next in it is root's or the
 * caller's).  The last part is no symbolic link, and need not be there. */
bool tk_trust_path(const char *path);

/* True if a TK_TRUST_CONFS that only root and the caller can write names `socket`, and
 * `file` for a ring that is saved; and if tk_trust_path(file). */
bool tk_trust_file(const char *socket, const char *file);

#endif
