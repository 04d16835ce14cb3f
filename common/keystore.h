/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore.h - key files on disk.  The text is core/keyfile's; this is the I/O.
 */
#ifndef TK_KEYSTORE_H
#define TK_KEYSTORE_H

#include <stdint.h>

#include "core/ring.h"
#include "tkprov/err.h"

/* Reads `file` into a ring of `slots` keys.  Only a regular file of at most 1 MiB
 * is read (a FIFO would stall the server); what was read is wiped before it returns.
 * *mtime (may be NULL): the file's, seconds since the epoch.
 * Messages: HAProxy's, see keyfile.h; for a file that cannot be read
 *   'FILE' : unable to load ssl tickets keys file (REASON)
 * Returns 0, TK_E_SYS, TK_E_NOMEM or what tk_keyfile_parse returns; *out is wiped
 * on failure. */
int tk_keystore_load(const char *file, unsigned slots, struct tk_ring *out, int64_t *mtime,
		     struct tk_error *e);

#endif
