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

/* Attaches if that has not been done.  The instance, or NULL where there is none: then
 * tk_attach_verdict says what is to be done with a context. */
struct tk_instance *tk_attach(void);

enum tk_attach_verdict {
	TK_ATTACH_FINE,    /* not tried yet, or done */
	TK_ATTACH_NOT_US,  /* the program is not one that the module is for */
	TK_ATTACH_REFUSE,  /* failed: no tickets are to be issued */
	TK_ATTACH_BUILTIN, /* failed: OpenSSL's own keys are to work */
};
enum tk_attach_verdict tk_attach_verdict(void);

#endif
