/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - a small file read whole, without ever waiting for it.
 */
#ifndef TK_FILE_H
#define TK_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "tkprov/err.h"

#define TK_FILE_MAX (1024 * 1024) /* bytes; no file that tkprov reads is larger */

struct tk_file {
	char *text;    /* NUL-terminated, with room for one byte more; may hold NULs */
	size_t len;    /* without the NUL */
	int64_t mtime; /* seconds since the epoch */
};

/* Reads a regular file of at most TK_FILE_MAX bytes; anything else (a FIFO would stall
 * the server) is an error.  On success *out is the caller's, for tk_file_fini.
 * The message is the bare reason; the caller knows what the file was for.
 * Returns 0, TK_E_NOENT, TK_E_RANGE (too large), TK_E_NOMEM or TK_E_SYS. */
int tk_file_read(struct tk_file *out, const char *path, struct tk_error *e);

/* Wipes and frees what was read; safe on a zeroed struct. */
void tk_file_fini(struct tk_file *f);

#endif
