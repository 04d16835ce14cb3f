/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_text.h - what libconfig would do in silence, found in the text beforehand; and the
 * settings of a text that it refuses.
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
 * *f is where, or the end.  Returns 0 or TK_E_PARSE. */
int tk_conf_text_check(const char *text, size_t len, struct tk_conf_fault *f, struct tk_error *e);

/* The line of the first integer that does not fit in 31 bits and has no L: libconfig 1.5 would
 * drop the upper bits, 4294967299 is 3.  0: there is none. */
unsigned tk_conf_text_large_number(const char *text);

/* The length of the first outermost setting in text[0..len), with what stands before it.  It
 * ends, outside brackets, strings and comments, behind a semicolon, with the line of its value,
 * or where the next `name =` begins: in a text with mistakes each costs its own setting.
 * 0: none is left, or a bracket is closed that nobody has opened. */
size_t tk_conf_text_setting(const char *text, size_t len);

/* The length of the name, or of its rest, that stands here; 0: none. */
size_t tk_conf_text_name(const char *text);

#endif
