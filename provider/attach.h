/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.h - the moment at which a process becomes one with keys: its first server
 * context.  Configuration, key files, vault, board, socket, control thread.
 *
 * Fork/threads: any thread; the first caller does it, others wait.  Never again after
 * it was done or has failed; a child forked in the middle starts over.
 */
#ifndef TK_ATTACH_H
#define TK_ATTACH_H

#include <stdbool.h>

#include "provider/instance.h"

/* Remembers the `config` parameter (NULL: none was given) for tk_attach; it is copied.
 * The first one counts.  0 or TK_E_NOMEM. */
int tk_attach_config(const char *path);

/* Attaches if that has not been done.  The instance, or NULL if it failed: then no
 * tickets are issued, and the log says why. */
struct tk_instance *tk_attach(void);

/* Has it failed? */
bool tk_attach_failed(void);

#endif
