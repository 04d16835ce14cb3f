/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - from the words on the command line to the line that is sent.
 */
#ifndef TK_REQUEST_H
#define TK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "tkprov/err.h"
#include "tkprov/limits.h"

struct tk_request {
	char line[TK_LINE_MAX + 1]; /* with its LF, and a NUL; may hold a secret */
	size_t len;                 /* without the NUL */
	bool silent;                /* the last command gets no answer */
};

/* Makes the line for words[0..n): each is one word of the command, but a single one with
 * a space or tab in it is a whole command line.  No words: the short status.  A `-` where
 * the command has a secret is replaced by one line from standard input; a secret in
 * words is overwritten there.  Answers will come with their severity as a number, after
 * one empty line.
 * Returns 0, TK_E_PARSE, TK_E_RANGE (too long, too many words), or TK_E_SYS (standard
 * input); *out is wiped then. */
int tk_request_make(struct tk_request *out, int n, char **words, struct tk_error *e);

void tk_request_wipe(struct tk_request *r);

#endif
