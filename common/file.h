/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - a small file read whole, without ever waiting for it.
 */
#ifndef TK_FILE_H
#define TK_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tkprov/err.h"

#define TK_FILE_MAX (1024 * 1024) /* bytes; no file that tkprov reads is larger */

/* What fstat(2) says of a file.  It does not tell whether somebody has written it since: the
 * kernel's clock stands still for some milliseconds. */
struct tk_file_id {
	uint64_t dev, ino, size;
	int64_t mtime_s, mtime_ns; /* since the epoch */
};

struct tk_file {
	char *text;    /* NUL-terminated, with room for one byte more; may hold NULs */
	size_t len;    /* without the NUL */
	struct tk_file_id id;
};

/* fstat(2).  0 or TK_E_SYS (errno). */
int tk_file_id(int fd, struct tk_file_id *out);

/* Reads a regular file of at most TK_FILE_MAX bytes; anything else (a FIFO would stall
 * the server) is an error.  On success *out is the caller's, for tk_file_fini.
 * The message is the bare reason; the caller knows what the file was for.
 * Returns 0, TK_E_NOENT, TK_E_RANGE (too large), TK_E_NOMEM or TK_E_SYS. */
int tk_file_read(struct tk_file *out, const char *path, struct tk_error *e);

/* The same of a file that is open, from its beginning; the offset stays. */
int tk_file_read_fd(struct tk_file *out, int fd, struct tk_error *e);

/* Wipes and frees what was read; safe on a zeroed struct. */
void tk_file_fini(struct tk_file *f);

#endif
