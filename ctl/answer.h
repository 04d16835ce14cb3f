/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what came back: is it whole, did it succeed, what is there to read?
 */
#ifndef TK_ANSWER_H
#define TK_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctl/status.h"

/* text[0..len) is what a server sends for `set severity-output number;COMMAND...`: one
 * empty line, then for each command its text, if any, and an empty line.
 * True if all of it is there; `silent`: the last command gets no answer. */
bool tk_answer_whole(const char *text, size_t len, bool silent);

/* Prints a whole answer: tables and good news to out, failures to err with `who: ` in
 * front, both without their severity; an empty line between the answers of several
 * commands.  A terminal gets `?` for control characters: who answers may have been taken
 * over, and a terminal does what it is told.  Returns the highest status among them. */
enum tk_status tk_answer_print(const char *text, size_t len, const char *who, FILE *out, FILE *err);

#endif
