/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - splits command lines the way HAProxy's Runtime API does.
 *
 * Words are separated by spaces and tabs, a backslash takes the next character
 * as it is (`\ `, `\;`, `\\`), quotes are ordinary characters, `;` ends a
 * command, as LF does.  A last word `<<` announces a payload.
 *
 * Pure; works in place on the caller's line.
 */
#ifndef TK_WORDS_H
#define TK_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "tkprov/limits.h"

struct tk_words {
	unsigned n;               /* 0: an empty command */
	char *w[TK_WORDS_MAX];    /* point into the line, NUL-terminated */
	bool payload;             /* it ended in the word `<<` (which is not in w) */
};

/* Cuts the next command off *rest and splits it.  *rest is NUL-terminated, has
 * no LF or CR any more, and is moved behind the command's `;`, or to NULL after
 * the last one.  Returns 0, or TK_E_RANGE if it has more than TK_WORDS_MAX words
 * (*rest has moved on all the same). */
int tk_words_next(char **rest, struct tk_words *out);

/* How long the command is that text[0..len) begins with: up to the first `;` or LF that is not
 * escaped; len if there is none. */
size_t tk_words_cut(const char *text, size_t len);

/* Does command[0..len), without what ended it, end in `<<`: have lines up to an empty one to
 * follow before it is run? */
bool tk_words_payload(const char *command, size_t len);

/* Appends one word, escaped so that tk_words_next gives it back and nothing waits for a
 * payload after it, to the string
 * in buf; a space goes in front unless buf is empty.  Returns 0, or TK_E_RANGE if it
 * does not fit, has a LF, CR or is empty (there is no way to write those). */
int tk_words_quote(char *buf, size_t cap, const char *word);

#endif
