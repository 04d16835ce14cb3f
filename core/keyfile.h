/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyfile.h - the text of a key file, HAProxy's tls-ticket-keys format:
 * base64 lines of 48 or 80 bytes, one size per file, at least N of them, the
 * last N count, the newest is last.  A CR before LF and a missing last LF are
 * fine; blank lines, comments and stray spaces are errors.  All lines are
 * checked, also those that do not count.
 *
 * Pure: text in, ring out.  Reading the file is common/keystore's.
 */
#ifndef TK_KEYFILE_H
#define TK_KEYFILE_H

#include "core/ring.h"
#include "tkprov/err.h"

/* Parses text[0..len) as the file `file` (only for messages) into a ring of
 * `slots` keys (1 to TK_SLOTS_MAX).  Messages, source: HAProxy 2.6.12:
 *   'FILE' : unable to decode base64 key on line N      not base64, or > 80 bytes
 *   'FILE' : wrong sized key on line N                  other size, mixed, empty line
 *   'FILE' : please supply at least N keys in the tls-tickets-file
 * and ours:
 *   'FILE' : weak key on line N: REASON
 * Returns 0, TK_E_PARSE, TK_E_SIZE, TK_E_WEAK or TK_E_RANGE (too few keys); *out is wiped
 * on failure. */
int tk_keyfile_parse(const char *text, size_t len, unsigned slots, const char *file,
		     struct tk_ring *out, struct tk_error *e);

/* Characters of the whole file for a ring, LFs included, without a NUL. */
size_t tk_keyfile_len(const struct tk_ring *r);

/* Writes tk_keyfile_len characters and a NUL: the keys, oldest first. */
void tk_keyfile_format(const struct tk_ring *r, char *out);

#endif
