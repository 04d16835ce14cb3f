/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_text.h - what libconfig would do in silence, found in the text beforehand.
 */
#ifndef TK_CONF_TEXT_H
#define TK_CONF_TEXT_H

#include <stddef.h>

#include "tkprov/err.h"

/* A place in the text. */
struct tk_conf_fault {
	size_t at; /* what stands before it is as good as it looks */
	unsigned line;
};

/* Refuses text[0..len), NUL-terminated, if it has
 *   a NUL byte           libconfig would stop there and call it the end
 *   an @include          it would open the file itself, and exit() if it cannot be read
 *   an unclosed comment  it would drop the rest of the file; a string likewise, for
 *                        the line where it begins
 *   an integer that does not fit in 31 bits and has no L
 *                        libconfig 1.5 would drop the upper bits: 4294967299 is 3
 * *f is where.  Returns 0, TK_E_PARSE or TK_E_RANGE. */
int tk_conf_text_check(const char *text, size_t len, struct tk_conf_fault *f, struct tk_error *e);

/* The last place before text[len] where an outermost option may have ended: behind a semicolon
 * or a line that has something, outside brackets, strings and comments.  0: there is none. */
size_t tk_conf_text_whole(const char *text, size_t len);

/* Where the line ends, LF included. */
size_t tk_conf_text_line_end(const char *text, size_t len, unsigned line);

#endif
