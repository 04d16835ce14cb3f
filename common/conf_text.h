/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_text.h - what libconfig would do in silence, found in the text beforehand.
 */
#ifndef TK_CONF_TEXT_H
#define TK_CONF_TEXT_H

#include <stddef.h>

#include "tkprov/err.h"

/* Refuses text[0..len), NUL-terminated, if it has
 *   a NUL byte           libconfig would stop there and call it the end
 *   an @include          it would open the file itself, and exit() if it cannot be read
 *   an unclosed comment  it would drop the rest of the file; a string likewise, for
 *                        the line where it begins
 *   an integer that does not fit in 31 bits and has no L
 *                        libconfig 1.5 would drop the upper bits: 4294967299 is 3
 * *line is the line.  Returns 0, TK_E_PARSE or TK_E_RANGE. */
int tk_conf_text_check(const char *text, size_t len, unsigned *line, struct tk_error *e);

#endif
