/* SPDX-License-Identifier: Apache-2.0 */
/*
 * b64.h - base64 (RFC 4648 section 4, padded, one line) without branches or
 * table look-ups that depend on the data: what is encoded here are keys.
 *
 * Locks: none.  Threads: pure functions.
 */
#ifndef TK_B64_H
#define TK_B64_H

#include <stddef.h>
#include <stdint.h>

/* Characters for len bytes, without a NUL. */
#define TK_B64_ENC_LEN(len) ((((len) + 2) / 3) * 4)
/* Upper bound of the bytes in len characters. */
#define TK_B64_DEC_MAX(len) (((len) / 4) * 3)

/* Writes TK_B64_ENC_LEN(len) characters and a NUL; out holds one byte more. */
void tk_b64_encode(const uint8_t *in, size_t len, char *out);

/* Decodes exactly len characters.  HAProxy's rules: len is a multiple of 4, the
 * standard alphabet only, padding required and only at the end; bits under the
 * padding are not looked at.  Empty text is 0 bytes.
 * Returns the number of bytes, TK_E_PARSE if it is not base64 or TK_E_RANGE if
 * it would be more than cap bytes.  On failure what was written is wiped. */
int tk_b64_decode(const char *in, size_t len, uint8_t *out, size_t cap);

#endif
